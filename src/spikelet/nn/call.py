"""One call of a layer, between the check of its arguments and the back end."""

from dataclasses import dataclass

import torch
from torch import Tensor

from spikelet.nn.layer import State


@dataclass(slots=True)
class Call:
    """The arguments of one call of a layer, checked.

    Attributes:
        inputs: name -> (T, B, *N), or (1, B, *N) where the input is held for all T steps.
        state: name -> (B, *N) before the first step, or None: the initial values.
        steps: T.
        lengths: (B,) valid steps of each sequence, or None.
        element: (B, *N) counter of each neuron in the stream of random numbers, or None.
        seed: of the random numbers.
        outer: dtype of the outputs.
    """

    inputs: dict[str, Tensor]
    state: State | None
    steps: int
    lengths: Tensor | None
    element: Tensor | None
    seed: int
    outer: torch.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape (B, *N) of a state."""
        return tuple(next(iter(self.inputs.values())).shape[1:])

    @property
    def device(self) -> torch.device:
        """Where the inputs are."""
        return next(iter(self.inputs.values())).device

    @property
    def real(self) -> torch.dtype:
        """The dtype of real states, which are sums over many steps: never of low precision."""
        return state_dtype(self.outer)


def state_dtype(outer: torch.dtype) -> torch.dtype:
    """Return the dtype of real states for outputs of a dtype."""
    return torch.float64 if outer == torch.float64 else torch.float32
