"""Checks of what decoders are given: spikes, and how many steps of each sequence count."""

from typing import Any

import numpy as np

from spikelet.encode.arguments import check_finite
from spikelet.encode.tensors import cast, detached, dtype, is_tensor, like, module, on_host, steps_of
from spikelet.errors import InputError, ShapeError


def spike_trains(spikes: Any, name: str, axes: tuple[str, ...] = ("T", "B", "*N"), what: str = "spikes") -> Any:
    """Return spikes as an array or tensor of real numbers, or say what is wrong with them.

    Args:
        spikes: of shape ``axes``: real numbers, or integers or booleans, which become float32.
        name: of the function that was called.
        axes: what each axis is; ``*N`` may be none or several.
        what: name of the argument.

    Raises:
        InputError: another type, NaN or infinity.
        ShapeError: another number of axes, or a read-out of no class.
    """
    data = spikes if is_tensor(spikes) else np.asarray(spikes)
    kind = dtype(data)
    if kind not in ("float32", "float64"):
        if kind != "bool" and not kind.startswith(("int", "uint")):
            raise InputError(f"{name}: {what} must be numbers or booleans, not {kind}")
        data = cast(data, "float32")
    least = len(axes) - ("*N" in axes)
    if data.ndim < least or ("*N" not in axes and data.ndim > least):
        raise ShapeError(f"{name}: {what} must be ({', '.join(axes)}), not {tuple(data.shape)}")
    if "C" in axes and not data.shape[-1]:
        raise ShapeError(f"{name}: {what} must be of one class or more, not {tuple(data.shape)}")
    check_finite(detached(data), name, what)
    return data


def valid(data: Any, lengths: Any, name: str) -> Any:
    """Return spikes (T, B, *N) with 0 after the end of each sequence; ``lengths`` is (B,), or None: all steps count."""
    if lengths is None:
        return data
    given = on_host(lengths)
    if given.dtype.kind not in "iu" or given.shape != (data.shape[1],):
        raise ShapeError(f"{name}: lengths must be ({data.shape[1]},) integers, not {given.dtype} {given.shape}")
    if given.size and not 1 <= given.min() <= given.max() <= len(data):
        raise InputError(f"{name}: lengths must be from 1 to {len(data)}, not {given.min()} to {given.max()}")
    ends = like(given.astype(np.int64), data).reshape(-1, *(1 for _ in data.shape[2:]))
    return module(data).where(steps_of(data) < ends, data, data * 0)


def first_steps(data: Any, name: str) -> Any:
    """Return the step of the first spike of each neuron, (B, *N) int64; T where there is none."""
    steps, fired = len(data), data > 0
    if not steps:
        raise ShapeError(f"{name}: spikes of no steps say nothing, their shape is {tuple(data.shape)}")
    when = cast(fired, "int64").argmax(0)
    return module(data).where(fired.any(0), when, steps)
