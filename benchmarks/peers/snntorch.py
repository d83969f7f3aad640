"""snnTorch: neurons for one step, in a loop of the user's own, as in its tutorials.

``Leaky`` tests the membrane of the step before to reset it; set to zero, that gives the spikes of a neuron that resets
at once. `ArticleNet` is the network of the introductory article and of its tutorial 5, written as there: the first
layer sees the same image at every step.
"""

import snntorch as snn
import torch
from snntorch import surrogate
from torch import Tensor, nn

from benchmarks.peers.torch_loop import BETA


class Steps(nn.Module):
    """A loop over the steps of a ``Leaky``; returns its spikes, or its membrane."""

    def __init__(self, membrane: bool = False):
        super().__init__()
        mechanism = "none" if membrane else "zero"
        self.neuron = snn.Leaky(beta=BETA, spike_grad=surrogate.atan(alpha=2.0), reset_mechanism=mechanism)
        self.membrane = membrane

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        v = self.neuron.reset_mem()
        recorded = []
        for current in x.unbind(0):
            spikes, v = self.neuron(current, v)
            recorded.append(v if self.membrane else spikes)
        return torch.stack(recorded)


class RecurrentSteps(nn.Module):
    """A loop over the steps of an ``RLeaky``.

    Reset by subtraction, its default: set to zero it would multiply by the recurrent weights twice in every step.
    """

    def __init__(self, size: int):
        super().__init__()
        self.neuron = snn.RLeaky(beta=BETA, linear_features=size, spike_grad=surrogate.atan(alpha=2.0))

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        s, v = self.neuron.reset_mem()
        spikes = []
        for current in x.unbind(0):
            s, v = self.neuron(current, s, v)
            spikes.append(s)
        return torch.stack(spikes)


class ArticleNet(nn.Module):
    """784-1000-10 over 25 steps of the same image (B, 784); returns the membrane of the output (T, B, 10)."""

    def __init__(self, inputs: int, hidden: int, classes: int, steps: int):
        super().__init__()
        self.steps = steps
        self.fc1 = nn.Linear(inputs, hidden)
        self.lif1 = snn.Leaky(beta=BETA)
        self.fc2 = nn.Linear(hidden, classes)
        self.lif2 = snn.Leaky(beta=BETA)

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        spk2_rec, mem2_rec = [], []
        for _ in range(self.steps):
            cur1 = self.fc1(x)
            spk1, mem1 = self.lif1(cur1, mem1)
            cur2 = self.fc2(spk1)
            spk2, mem2 = self.lif2(cur2, mem2)
            spk2_rec.append(spk2)
            mem2_rec.append(mem2)
        torch.stack(spk2_rec)  # the article stacks its spikes too
        return torch.stack(mem2_rec)


def lif(shape: tuple[int, ...]) -> nn.Module:
    return Steps()


def readout(size: int) -> nn.Module:
    return Steps(membrane=True)


def recurrent(size: int) -> nn.Module:
    return RecurrentSteps(size)
