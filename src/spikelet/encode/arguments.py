"""Checks of what encoders and decoders are given."""

from typing import Any

import numpy as np

from spikelet.encode.tensors import detached, dtype, is_tensor, like, module, on_host, plain
from spikelet.errors import InputError, ShapeError, did_you_mean
from spikelet.written import as_whole


def checked(
    x: Any, name: str, low: float | None = None, high: float | None = None, hint: str = "", time: bool = False
) -> Any:
    """Return ``x`` as an array or tensor, or say what is wrong with it.

    Args:
        x: (B, *N), with ``time`` (T, B, *N); float32 or float64, finite.
        name: of the function that was called.
        low: smallest value allowed.
        high: largest value allowed.
        hint: what to do about a value out of bounds.
        time: whether the first axis is time.

    Raises:
        InputError: another type, NaN, infinity, or out of bounds.
        ShapeError: too few axes.
    """
    data = real(x, name)
    axes = ("T", "B", "*N") if time else ("B", "*N")
    if data.ndim < len(axes) - 1:
        raise ShapeError(f"{name}: x must be ({', '.join(axes)}), not {tuple(data.shape)}")
    _check_values(plain(detached(data)), name, low, high, hint)
    return data


def real(x: Any, name: str, what: str = "x") -> Any:
    """Return ``x`` as an array or tensor of real numbers, or say that it is none."""
    data = x if is_tensor(x) else np.asarray(x)
    if dtype(data) not in ("float32", "float64"):
        hint = "; divide 8-bit images by 255" if dtype(data) == "uint8" else ""
        raise InputError(f"{name}: {what} must be float32 or float64, not {dtype(data)}{hint}")
    return data


def check_finite(data: Any, name: str, what: str = "x") -> None:
    """Raise InputError where a number is NaN or infinite, and say where."""
    finite = module(data).isfinite(data)
    if not bool(finite.all()):
        place = tuple(int(i) for i in np.argwhere(~on_host(finite))[0])
        raise InputError(f"{name}: {what} is {float(data[place])}" + (f" at {place}" if place else ""))


def _check_values(data: Any, name: str, low: float | None, high: float | None, hint: str) -> None:
    check_finite(data, name)
    if 0 in data.shape:
        return
    hint = f" ({hint})" if hint else ""
    if low is not None and (least := float(data.min())) < low:
        raise InputError(f"{name}: x reaches {least:.6g}, below {low}{hint}")
    if high is not None and (most := float(data.max())) > high:
        raise InputError(f"{name}: x reaches {most:.6g}, above {high}{hint}")


def whole_steps(steps: Any) -> int:
    """Return a number of steps."""
    return integer("steps", steps, 1)


def first(first_step: Any) -> int:
    """Return the number of a first step."""
    return integer("first_step", first_step, 0)


def integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return an integer within bounds, or say that it is none."""
    number = as_whole(value)
    if number is None or number < least or (most is not None and number > most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{name} must be an integer {bounds}, not {value!r}")
    return number


def positive(name: str, value: Any, unit: str) -> float:
    """Return a number above 0, or say that it is none."""
    number = _number(value)
    if not 0 < number < np.inf:
        raise InputError(f"{name} must be a number above 0 [{unit}], not {value!r}")
    return number


def within(name: str, value: Any, low: float, high: float) -> float:
    """Return a number in [low, high], or say that it is none."""
    number = _number(value)
    if not low <= number <= high or abs(number) == np.inf:
        raise InputError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
    return number


def choice(function: str, name: str, value: Any, known: tuple[str, ...]) -> str:
    """Return one of the words that are known, or name the nearest one."""
    if value not in known:
        words = " or ".join([", ".join(repr(word) for word in known[:-1]), repr(known[-1])])
        raise InputError(f"{function}: {name} must be {words}, not {value!r}{did_you_mean(str(value), known)}")
    return value


def weights(name: str, what: str, value: Any) -> np.ndarray:
    """Return a filter, (taps,) finite numbers of float64, or say that it is none."""
    taps = np.asarray(on_host(value), dtype=np.float64)
    if taps.ndim != 1 or not len(taps):
        raise ShapeError(f"{name}: {what} must be (taps,), not {taps.shape}")
    check_finite(taps, name, what)
    return taps


def levels(name: str, what: str, value: Any, data: Any, shape: tuple[int, ...]) -> Any:
    """Return a number, or one for each channel, as float64 of the kind and device of ``data``."""
    numbers = np.asarray(on_host(value), dtype=np.float64)
    if numbers.shape not in ((), shape):
        raise ShapeError(f"{name}: {what} must be a number or {shape}, not {numbers.shape}")
    check_finite(numbers, name, what)
    return like(numbers, data)


def elements(data: Any, samples: Any) -> Any:
    """Return the number sample * neurons + neuron of each element, (B*N,) int64."""
    batch, neurons = data.shape[0], int(np.prod(data.shape[1:]))
    index = np.arange(batch) if samples is None else on_host(samples)
    if index.dtype.kind not in "iu":
        raise InputError(f"samples must be integers, not {index.dtype}")
    if index.shape != (batch,):
        raise ShapeError(f"samples must be ({batch},), one for each row of the batch, not {index.shape}")
    if batch and index.min() < 0:
        raise InputError(f"samples must not be negative, not {index.min()}")
    return (like(index.astype(np.int64), data)[:, None] * neurons + like(np.arange(neurons), data)).reshape(-1)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan
