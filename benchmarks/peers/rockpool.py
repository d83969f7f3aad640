"""Rockpool: ``LIFTorch`` and ``ExpSynTorch``, which take a whole sequence, batch first.

Their neuron has a synaptic current and resets by subtraction; its surrogate is piecewise linear. It indexes the
sequence inside, so that its backward pass is quadratic in the steps: fed step by step it would drop the gradient, so
here it runs as it is. It spikes at most once in a step; time constants, thresholds and biases do not learn, as in the
other contestants.
"""

import math

import torch
from rockpool.nn.modules import ExpSynTorch, LIFTorch
from rockpool.parameters import Constant
from torch import Tensor, nn

from benchmarks.peers.torch_loop import BETA

DT = 0.001  # s
TAU = -DT / math.log(BETA)


class Sequence(nn.Module):
    """A module of the library on (T, B, *N), its state at rest in every call."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        self.module.reset_state()
        output, _, _ = self.module(x.flatten(2).transpose(0, 1))
        return output.transpose(0, 1).reshape(x.shape)


def _lif(size: int, recurrence: bool = False) -> nn.Module:
    return LIFTorch(
        size,
        tau_mem=Constant(TAU),
        tau_syn=Constant(TAU / 2),
        bias=Constant(0.0),
        threshold=Constant(1.0),
        has_rec=recurrence,
        w_rec=nn.Linear(size, size).weight.detach() if recurrence else None,
        max_spikes_per_dt=torch.tensor(1.0),
        dt=DT,
    )


def lif(shape: tuple[int, ...]) -> nn.Module:
    return Sequence(_lif(torch.Size(shape).numel()))


def readout(size: int) -> nn.Module:
    return Sequence(ExpSynTorch(size, tau=Constant(TAU), dt=DT))


def recurrent(size: int) -> nn.Module:
    return Sequence(_lif(size, recurrence=True))
