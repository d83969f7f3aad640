"""SpikingJelly's ``FlexSN``: a neuron from one's own step in torch, which becomes a Triton kernel on a GPU.

The states start at 0, so AdEx is written as its distance from rest. Every step here is that of our model of the same
name: the same integrator, surrogate and reset, with the coefficients computed once.
"""

import math
from typing import Any

import torch
from spikingjelly.activation_based import functional, neuron, surrogate
from torch import Tensor, nn

_ALIF = (math.exp(-1 / 20), math.exp(-1 / 200))  # what the membrane and the threshold keep in a step of 1 ms
_DT = 0.1  # ms, of AdEx
_CUT, _THRESHOLD = 20 + 70.6, -50.4 + 70.6  # mV above rest


def _spike(x: Tensor) -> Tensor:
    return surrogate.atan.apply(x, 2.0)


def alif(x: Tensor, v: Tensor, a: Tensor) -> tuple[Tensor, ...]:
    """A leaky membrane, and a threshold that each spike raises by 0.2."""
    v = _ALIF[0] * v + (1 - _ALIF[0]) * x
    a = _ALIF[1] * a
    s = _spike(v - 1 - a)
    fired = s.detach()
    return s, v - fired, a + 0.2 * fired


def adex(x: Tensor, v: Tensor, w: Tensor) -> tuple[Tensor, ...]:
    """AdEx by Euler; v in mV above rest, w and x in pA."""
    upstroke = 30 * 2 * torch.exp((v - _THRESHOLD) / 2)
    after = v + _DT * (-30 * v + upstroke - w + x) / 281
    w = w + _DT * (4 * v - w) / 144
    s = _spike(after - _CUT)
    fired = s.detach()
    return s, after * (1 - fired), w + 80.5 * fired


class Flexible(nn.Module):
    """A ``FlexSN`` whose state starts at rest in every call."""

    def __init__(self, core: Any, states: int):
        super().__init__()
        self.neuron = neuron.FlexSN(core, num_states=states)

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        functional.reset_net(self.neuron)
        return self.neuron(x)
