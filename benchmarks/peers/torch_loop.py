"""A loop over the steps in plain torch, as one writes it by hand: the same job as ours, to the last reset."""

import math
from typing import Any

import torch
from torch import Tensor, nn

BETA = 0.95


class ArcTan(torch.autograd.Function):
    """1 above 0; backward, the arctan surrogate of width 2."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Spike where x is above 0."""
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Multiply by the slope of the surrogate."""
        (x,) = ctx.saved_tensors
        return gradients[0] / (1 + (math.pi * x) ** 2)


class Lif(nn.Module):
    """Leaky integrate-and-fire, set to 0 by a spike; with ``module``, spikes come back through it."""

    def __init__(self, module: nn.Module | None = None):
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        v = torch.zeros_like(x[0])
        s = torch.zeros_like(v)
        spikes = []
        for current in x.unbind(0):
            v = BETA * v + current if self.module is None else BETA * v + current + self.module(s)
            s = ArcTan.apply(v - 1)
            v = torch.where(s.detach() > 0, 0.0, v)
            spikes.append(s)
        return torch.stack(spikes)


class Readout(nn.Module):
    """A leaky integrator."""

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        v = torch.zeros_like(x[0])
        membranes = []
        for current in x.unbind(0):
            v = BETA * v + current
            membranes.append(v)
        return torch.stack(membranes)


def lif(shape: tuple[int, ...]) -> nn.Module:
    return Lif()


def readout(size: int) -> nn.Module:
    return Readout()


def recurrent(size: int) -> nn.Module:
    return Lif(nn.Linear(size, size))
