"""What numpy and torch spell differently, so that an encoder is written once.

The lines of an encoder are additions, products, comparisons and sorting, which both round alike, on every device. What
they do not round alike (exp, log, sums in an order of their own) is computed by numpy on the host, as a table.
"""

import sys
from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any, TypeVar

import numpy as np

from spikelet import random

Signal = TypeVar("Signal")  # np.ndarray or torch.Tensor


def is_tensor(x: Any) -> bool:
    """Return whether ``x`` is a tensor of torch."""
    torch = sys.modules.get("torch")  # where torch was never imported there are no tensors
    return torch is not None and isinstance(x, torch.Tensor)


def module(x: Any) -> Any:
    """Return torch for a tensor, else numpy."""
    return sys.modules["torch"] if is_tensor(x) else np


def dtype(x: Any) -> str:
    """Return the name of the type of the numbers, such as ``"float32"``."""
    return str(x.dtype).removeprefix("torch.")


def cast(x: Any, dtype: str) -> Any:
    """Return the numbers in another type."""
    return x.to(getattr(module(x), dtype)) if is_tensor(x) else x.astype(dtype, copy=False)


def detached(x: Any) -> Any:
    """Return a tensor without its gradient; an array as it is."""
    return x.detach() if is_tensor(x) else x


def like(array: np.ndarray, x: Any) -> Any:
    """Bring a numpy array to the kind and device of ``x``."""
    return module(x).from_numpy(array).to(x.device) if is_tensor(x) else array


def on_host(x: Any) -> np.ndarray:
    """Return the numbers as a numpy array."""
    return np.asarray(x.detach().cpu()) if is_tensor(x) else np.asarray(x)


def empty(shape: tuple[int, ...], like: Any) -> Any:
    """Return memory of the kind, type and device of ``like``."""
    return like.new_empty(shape) if is_tensor(like) else np.empty(shape, like.dtype)


def zeros(shape: tuple[int, ...], like: Any) -> Any:
    """Return zeros of the kind, type and device of ``like``."""
    return like.new_zeros(shape) if is_tensor(like) else np.zeros(shape, like.dtype)


def on_cpu(x: Any) -> bool:
    """Return whether the numbers lie in the memory of the CPU."""
    return not is_tensor(x) or x.device.type == "cpu"


def plain(x: Any) -> Any:
    """Return a tensor of the CPU as an array on the same memory, and anything else as it is.

    The threads of torch spin for a while after each operation, in the way of those that draw.
    """
    return on_host(x) if on_cpu(x) else x


def total(terms: Iterable[Any]) -> Any:
    """Return a sum in the order of its terms: the same bits in any batch, memory layout and library."""
    return reduce(add, terms)


def total_of_rows(rows: Any) -> Any:
    """Return the `total` over the first axis, of at least one row."""
    return rows.cumsum(0)[-1] if on_cpu(rows) else total(rows)  # a GPU accumulates in an order of its own


def order(x: Any) -> Any:
    """Return the indices that sort the last axis, ascending; of equals the first comes first."""
    return x.argsort(stable=True) if is_tensor(x) else x.argsort(kind="stable")


def ranks(x: Any) -> Any:
    """Return the place of each number among those of the last axis, 0 for the smallest; equals in their order."""
    return order(order(x))


def bits(x: Any) -> Any:
    """Return the random words of the kind of ``x``."""
    return random.bits_torch if is_tensor(x) else random.bits


def steps_row(steps: int, x: Any) -> Any:
    """Return 0, 1, ... steps - 1 as int64 along an axis before those of ``x``."""
    return like(np.arange(steps), x).reshape(steps, *(1 for _ in x.shape))


def steps_of(x: Any) -> Any:
    """Return 0, 1, ... T - 1 as int64 along the first axis of ``x`` (T, ...)."""
    return like(np.arange(len(x)), x).reshape(-1, *(1 for _ in x.shape[1:]))


def flipped(x: Any) -> Any:
    """Return ``x`` with the last step first."""
    return x.flip(0) if is_tensor(x) else x[::-1]


def highest(x: Any, axis: int) -> Any:
    """Return the largest numbers along an axis."""
    return x.amax(axis) if is_tensor(x) else x.max(axis)


def in_step(when: Any, steps: int, x: Any) -> Any:
    """Return (T, *shape of when): 1 in the step that ``when`` names, in the type of ``x``; none where it is outside."""
    return cast(steps_row(steps, when) == when, dtype(x))
