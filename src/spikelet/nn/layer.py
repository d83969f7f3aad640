"""What all layers with a state share: how they are called, and how a state goes in and comes out."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from spikelet.errors import InputError, ShapeError, SpikeletError, StateError, did_you_mean
from spikelet.nn.checks import is_true

Sequences = Tensor | dict[str, Tensor]
State = dict[str, Any]
Nested = TypeVar("Nested")


class Layer(nn.Module, ABC):
    """A torch module with an explicit state: ``y, state = layer(x, state=None)``, time first.

    ``state=None`` means the initial values, so that a call always starts fresh; the state that comes out continues the
    sequence in a later call. No layer keeps a state between calls.

    Attributes:
        holds: whether ``forward`` takes ``steps=T`` with an ``x`` of one step, which is held for T steps.
    """

    holds: ClassVar[bool] = False

    @property
    @abstractmethod
    def time_step(self) -> float | None:
        """The dt of this layer [ms]; None where nothing in it depends on dt."""

    @property
    def spikes(self) -> bool:
        """Whether most of the output is 0, as spikes are; a product with it may then be made of sums."""
        return False

    @property
    def bits(self) -> bool:
        """Whether the output is 0 or 1, and little memory is asked for: a bit of each then serves what follows."""
        return False

    @abstractmethod
    def forward(
        self,
        x: Sequences,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        seed: int = 0,
        samples: Tensor | None = None,
    ) -> tuple[Sequences, State]:
        """Run a sequence ``x`` (T, B, *N) and return the output and the state after it."""


def detach(state: Nested) -> Nested:
    """Cut a state from the graph of the steps before: truncated backpropagation through time.

    Args:
        state: what a layer returned: a tensor, or a dict of tensors at any depth.

    Returns:
        The same values and names; gradients stop here.

    Example:
        >>> import torch
        >>> detach({"v": torch.ones(2, requires_grad=True)})["v"].requires_grad
        False
    """
    if isinstance(state, dict):
        return {name: detach(value) for name, value in state.items()}  # type: ignore[return-value]  # same kind out as in
    if isinstance(state, Tensor):
        return state.detach()  # type: ignore[return-value]  # same kind out as in
    return state


def require_names(
    layer: str, state: object, expected: set[str], what: str = "state", optional: Collection[str] = ()
) -> None:
    """Raise ``StateError`` unless ``state`` is a dict with the ``expected`` names, and no others than ``optional``."""
    if not isinstance(state, dict):
        raise StateError(f"{layer}: state is a {type(state).__name__}, expected the dict that this layer returned")
    known = expected.union(optional)
    for name in state:
        if name not in known:
            hint = did_you_mean(str(name), known)
            raise StateError(f"{layer}: {what} {name!r} is not known, expected {sorted(known)}{hint}")
    for name in sorted(expected):
        if name not in state:
            raise StateError(f"{layer}: {what} {name!r} is missing, given {sorted(state)}, expected {sorted(expected)}")


class Like(NamedTuple):
    """What a tensor of a state has to be."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device


def require_like(layer: str, name: str, given: object, expected: Like | Tensor) -> None:
    """Raise ``StateError`` unless the state ``given`` has the shape, dtype and device of ``expected``."""
    if not isinstance(given, Tensor):
        raise StateError(f"{layer}: state {name!r} is a {type(given).__name__}, expected a tensor")
    if tuple(given.shape) != tuple(expected.shape):
        given_batch, batch = tuple(given.shape[:1]), tuple(expected.shape[:1])
        hint = " (another batch size: start fresh with state=None)" if given_batch != batch else ""
        raise StateError(
            f"{layer}: state {name!r} has shape {tuple(given.shape)}, expected {tuple(expected.shape)}{hint}"
        )
    if given.dtype != expected.dtype:
        raise StateError(f"{layer}: state {name!r} is {given.dtype}, expected {expected.dtype}")
    if given.device != expected.device:
        raise StateError(f"{layer}: state {name!r} is on {given.device}, expected {expected.device}")


def as_lengths(layer: str, lengths: Any, steps: int, batch: int, device: torch.device) -> Tensor | None:
    """Return ``lengths`` as an int64 tensor (B,) on ``device`` after checking shape and range, or None."""
    if lengths is None:
        return None
    lengths = torch.as_tensor(lengths, device=device)
    if lengths.dtype.is_floating_point or lengths.dtype.is_complex or lengths.dtype == torch.bool:
        raise InputError(f"{layer}: lengths are {lengths.dtype}, expected integers (steps)")
    if lengths.shape != (batch,):
        raise ShapeError(f"{layer}: lengths have shape {tuple(lengths.shape)}, expected ({batch},): one per sequence")
    if not torch.compiler.is_compiling() and is_true(((lengths < 0) | (lengths > steps)).any()):
        raise InputError(f"{layer}: lengths are {lengths.tolist()}, expected 0 to {steps} (the steps of x)")
    return lengths.long()


def stream_seed(seed: int, position: int) -> int:
    """Give the layer at ``position`` its own random numbers: equal neurons of two layers must not share their noise."""
    return (seed * 0x9E3779B97F4A7C15 + position + 1) % 2**63


@contextmanager
def located(name: str, module: nn.Module) -> Iterator[None]:
    """Say in which of several layers an error arose."""
    try:
        yield
    except SpikeletError as error:
        raise type(error)(f"layer {name!r}: {error}") from error
    except (RuntimeError, ValueError) as error:  # torch's own: keep its type, add the place
        error.add_note(f"in layer {name!r}: {type(module).__name__}")
        raise
