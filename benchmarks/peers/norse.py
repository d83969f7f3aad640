"""Norse: cells for one step, in a loop over the steps, as in its tutorials.

``LIFBoxCell`` is the neuron without a synaptic current. Its membrane takes 1 - beta of its input, so the input is
multiplied first; its surrogate is the fast sigmoid of alpha 100, since it has no arctan. The reset is hard, and passes
a gradient. The recurrent layer is a loop around the same cell: its own recurrent cells have a synaptic current.
"""

import torch
from norse.torch import LIBoxCell, LIBoxParameters, LIFBoxCell, LIFBoxParameters
from torch import Tensor, nn

from benchmarks.peers.torch_loop import BETA

DT = 0.001  # s
TAU_INVERSE = torch.as_tensor((1 - BETA) / DT)


class Steps(nn.Module):
    """A loop over the steps of a cell; with ``module``, spikes come back through it."""

    def __init__(self, cell: nn.Module, module: nn.Module | None = None):
        super().__init__()
        self.cell = cell
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        state, s = None, torch.zeros_like(x[0])
        outputs = []
        for current in x.unbind(0):
            drive = current if self.module is None else current + self.module(s)
            s, state = self.cell(drive / (1 - BETA), state)
            outputs.append(s)
        return torch.stack(outputs)


def lif(shape: tuple[int, ...]) -> nn.Module:
    return Steps(LIFBoxCell(LIFBoxParameters(tau_mem_inv=TAU_INVERSE), dt=DT))


def readout(size: int) -> nn.Module:
    return Steps(LIBoxCell(LIBoxParameters(tau_mem_inv=TAU_INVERSE), dt=DT))


def recurrent(size: int) -> nn.Module:
    return Steps(LIFBoxCell(LIFBoxParameters(tau_mem_inv=TAU_INVERSE), dt=DT), nn.Linear(size, size))
