"""Sinabs: layers that take a whole sequence, batch first, fed here with one step at a time.

They index the sequence, which makes the backward pass quadratic in the steps; a sequence of one step avoids that. The
surrogate is the arctan, given as one's own function; the time constant does not learn, as in the other contestants.
"""

import math

import torch
from sinabs.activation import MembraneReset, SingleSpike
from sinabs.layers import LIF, ExpLeak
from torch import Tensor, nn

from benchmarks.peers.torch_loop import BETA

TAU = -1 / math.log(BETA)


def arctan(v_mem: Tensor, spike_threshold: Tensor) -> Tensor:
    """The arctan surrogate of width 2."""
    return 1 / (1 + (math.pi * (v_mem - spike_threshold)) ** 2)


class Steps(nn.Module):
    """A loop over the steps of a layer; with ``module``, spikes come back through it."""

    def __init__(self, layer: nn.Module, module: nn.Module | None = None):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        if self.layer.is_state_initialised():
            self.layer.reset_states()
        s = torch.zeros_like(x[0])
        outputs = []
        for current in x.unbind(0):
            drive = current if self.module is None else current + self.module(s)
            s = self.layer(drive.unsqueeze(1)).squeeze(1)
            outputs.append(s)
        return torch.stack(outputs)


def _lif() -> nn.Module:
    return LIF(tau_mem=TAU, spike_fn=SingleSpike, reset_fn=MembraneReset(), surrogate_grad_fn=arctan, norm_input=False)


def lif(shape: tuple[int, ...]) -> nn.Module:
    return Steps(_lif())


def readout(size: int) -> nn.Module:
    return Steps(ExpLeak(tau_mem=TAU))


def recurrent(size: int) -> nn.Module:
    return Steps(_lif(), nn.Linear(size, size))
