"""SpikingJelly: multi-step nodes (``step_mode="m"``), on the CPU its torch back end.

``decay_input=False`` with tau = 1/(1 - beta) is the same membrane as ours; the reset is hard and detached.
"""

import torch
from spikingjelly.activation_based import functional, neuron, surrogate
from torch import Tensor, nn

from benchmarks.peers.torch_loop import BETA

TAU = 1 / (1 - BETA)


class Fresh(nn.Module):
    """A module whose state starts at rest in every call."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        functional.reset_net(self.module)
        return self.module(x)


class Steps(nn.Module):
    """A loop over the steps of a node, for what the multi-step nodes do not do; with ``module``, spikes come back.

    The library's own recurrent container multiplies one more square block (its weight acts on the input, too) and, in
    multi-step mode, indexes the sequence; this loop is the faster one.
    """

    def __init__(self, node: nn.Module, module: nn.Module | None = None):
        super().__init__()
        self.node = node
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        functional.reset_net(self.node)
        s = torch.zeros_like(x[0])
        outputs = []
        for current in x.unbind(0):
            s = self.node(current if self.module is None else current + self.module(s))
            outputs.append(s)
        return torch.stack(outputs)


class Membrane(nn.Module):
    """The membrane of a node that never spikes, charged step by step, since called on a sequence it indexes it.

    The node takes a mean of its input, hence the factor.
    """

    def __init__(self):
        super().__init__()
        self.node = neuron.NonSpikingLIFNode(tau=TAU)

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        self.node.v = torch.zeros_like(x[0])
        membranes = []
        for current in x.unbind(0):
            self.node.neuronal_charge(TAU * current)
            membranes.append(self.node.v)
        return torch.stack(membranes)


def _node(mode: str) -> nn.Module:
    return neuron.LIFNode(
        tau=TAU,
        decay_input=False,
        v_reset=0.0,
        surrogate_function=surrogate.ATan(alpha=2.0),
        detach_reset=True,
        step_mode=mode,
    )


def lif(shape: tuple[int, ...]) -> nn.Module:
    return Fresh(_node("m"))


def readout(size: int) -> nn.Module:
    return Membrane()


def recurrent(size: int) -> nn.Module:
    return Steps(_node("s"), nn.Linear(size, size))
