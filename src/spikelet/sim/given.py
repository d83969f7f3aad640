"""Numbers that users give to sources and currents, checked; errors name the object, the argument and what was given."""

import math
from typing import Any

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.written import as_numbers, as_whole


def course(what: str, times: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return times (S,) and values (S, 1) or (S, n)."""
    times, found = column(what, "times", times), as_numbers(values)
    if found is None or found.ndim not in (1, 2) or not np.isfinite(found).all():
        raise InputError(f"{what}: the values must be finite numbers, (S,) or (S, n), got {values!r}"[:200])
    if len(found) != len(times):
        raise ShapeError(f"{what}: {len(times)} times, but {len(found)} values")
    if (np.diff(times) <= 0).any():
        i = int(np.argmax(np.diff(times) <= 0))
        raise InputError(f"{what}: times must ascend, but {times[i + 1]:g} ms comes after {times[i]:g} ms")
    return frozen(times), frozen(found.reshape(len(times), -1))


def column(what: str, name: str, given: Any) -> np.ndarray:
    """Return finite numbers as (E,) in double; there may be none."""
    values = np.zeros(0) if np.size(given) == 0 else as_numbers(given)
    if values is None or values.ndim != 1:
        raise InputError(f"{what}: {name} must be numbers of shape (E,), got {given!r}"[:200])
    if not np.isfinite(values).all():
        i = int(np.argmin(np.isfinite(values)))
        raise InputError(f"{what}: {name}[{i}] is {values[i]:g}")
    return values


def require_size(what: str, name: str, size: int, n: int) -> None:
    """Raise ``ShapeError`` unless there is one number, or one for each element."""
    if size not in (1, n):
        raise ShapeError(f"{what}: {name} has {size} values for a population of {n}")


def number(what: str, name: str, value: Any, least: float = -math.inf) -> float:
    """Return a finite number, at least ``least``."""
    number = as_numbers(value)
    if number is None or number.ndim or not np.isfinite(number) or isinstance(value, bool):
        raise InputError(f"{what}: {name} must be a finite number, got {value!r}"[:200])
    if number < least:
        raise InputError(f"{what}: {name} must not be below {least:g}, got {value:g}")
    return float(number)


def numbers(what: str, name: str, value: Any, least: float = -math.inf) -> Any:
    """Return a finite number, or a read-only array (n,) of such, each at least ``least``."""
    if np.ndim(value) == 0:
        return number(what, name, value, least)
    found = column(what, name, value)
    if (found < least).any():
        i = int(np.argmax(found < least))
        raise InputError(f"{what}: {name}[{i}] must not be below {least:g}, got {found[i]:g}")
    return frozen(found)


def whole(what: str, name: str, value: Any, least: int) -> int:
    """Return a whole number, at least ``least``."""
    number = as_whole(value)
    if number is None or not least <= number < 2**31:
        raise InputError(f"{what}: {name} must be an integer of at least {least}, got {value!r}"[:200])
    return number


def frozen(array: np.ndarray) -> np.ndarray:
    """Return a copy that cannot be changed."""
    array = np.array(array)
    array.setflags(write=False)
    return array
