"""Currents into neurons: values held over each step, known for any step without those before.

| current | value held over step k |
|---|---|
| `Current` | a number, (n,) or (T, n) |
| `steps` | the last of those whose time has come |
| `ramp`, `sinusoid` | the value at the start of the step |
| `noise` | normal, white or with a time constant |

Random numbers are functions of (seed, step, element, stream), so no cutting of a run into pieces can be seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.sim.given import course, frozen, numbers, require_size
from spikelet.sim.noise import NoiseRows
from spikelet.written import as_numbers


@dataclass(frozen=True, eq=False)
class Current:
    """A given current.

    Attributes:
        value: A number, (n,), or (T, n) with a row for each step from the first on; behind the last it is 0.
    """

    value: Any

    def __post_init__(self) -> None:
        value = as_numbers(self.value)
        if value is None or value.ndim > 2 or not np.isfinite(value).all():
            raise InputError(f"Current: value must be finite numbers, one, (n,) or (T, n), got {self.value!r}"[:200])
        object.__setattr__(self, "value", frozen(value))

    def rows(self, k0: int, T: int, n: int, dt: float, seed: int = 0, stream: int = 0) -> np.ndarray:
        """Return the values of steps k0 to k0 + T - 1: (T, n), (T, 1) or, constant in time, (1, n) or (1, 1)."""
        if self.value.ndim < 2:
            require_size("Current", "value", self.value.size, n)
            return self.value.reshape(1, -1)
        require_size("Current", "value", self.value.shape[1], n)
        given = self.value[k0 : k0 + T]
        return np.pad(given, ((0, T - len(given)), (0, 0)))


@dataclass(frozen=True, eq=False)
class Stepwise:
    """A current that changes in steps; made by `steps`.

    Attributes:
        times: (S,) [ms], ascending.
        values: (S, 1) or (S, n).
    """

    times: np.ndarray
    values: np.ndarray

    def rows(self, k0: int, T: int, n: int, dt: float, seed: int = 0, stream: int = 0) -> np.ndarray:
        """Return the values of steps k0 to k0 + T - 1, (T, n) or (T, 1)."""
        require_size("steps", "a value", self.values.shape[1], n)
        starts = np.rint(self.times / dt).astype(np.int64)
        last = np.searchsorted(starts, np.arange(k0, k0 + T), side="right")
        return np.concatenate([np.zeros_like(self.values[:1]), self.values])[last]


def steps(points: Sequence[tuple[float, Any]]) -> Stepwise:
    """Return a current that changes in steps.

    Args:
        points: ``[(t, value), ...]`` with ascending times [ms]; each value, a number or (n,), holds from the step
            nearest to its time on. Before the first one the current is 0.

    Raises:
        InputError: times or values are none of these.

    Example:
        >>> steps([(0.2, 5), (0.4, 0)]).rows(0, 5, n=1, dt=0.1).ravel().tolist()
        [0.0, 0.0, 5.0, 5.0, 0.0]
    """
    try:
        times, values = zip(*points, strict=True)
        values = np.broadcast_arrays(*map(np.atleast_1d, values))
    except (TypeError, ValueError):
        raise InputError(f"steps: expected [(t, value), ...], got {points!r}"[:200]) from None
    times, values = course("steps", times, values)
    return Stepwise(times, values)


@dataclass(frozen=True, eq=False)
class ramp:
    """A current that goes from one value to another, and is constant before and after.

    Attributes:
        start: Value until ``t_start``; here and below one number, or (n,).
        stop: Value from ``t_stop`` on.
        t_start: [ms].
        t_stop: [ms].
    """

    start: Any
    stop: Any
    t_start: Any
    t_stop: Any

    def __post_init__(self) -> None:
        _check(self)
        wrong = np.broadcast_to(np.less_equal(self.t_stop, self.t_start), _size(self))
        if wrong.any():
            begin, end = (float(np.broadcast_to(t, wrong.shape)[wrong][0]) for t in (self.t_start, self.t_stop))
            raise InputError(f"ramp: t_stop must be after t_start = {begin:g} ms, got {end:g}")

    def rows(self, k0: int, T: int, n: int, dt: float, seed: int = 0, stream: int = 0) -> np.ndarray:
        """Return the values of steps k0 to k0 + T - 1, (T, n) or (T, 1)."""
        _require(self, n)
        part = np.clip((_times(k0, T, dt) - self.t_start) / (self.t_stop - self.t_start), 0, 1)
        return self.start + (self.stop - self.start) * part


@dataclass(frozen=True, eq=False)
class sinusoid:
    """The current ``offset + amplitude*sin(2 pi frequency t + phase)``.

    Attributes:
        amplitude: In the unit of the input; here and below one number, or (n,).
        frequency: [kHz], so ``8 * Hz`` is 0.008.
        offset: In the unit of the input.
        phase: [radian].
    """

    amplitude: Any
    frequency: Any
    offset: Any = 0.0
    phase: Any = 0.0

    def __post_init__(self) -> None:
        _check(self)

    def rows(self, k0: int, T: int, n: int, dt: float, seed: int = 0, stream: int = 0) -> np.ndarray:
        """Return the values of steps k0 to k0 + T - 1, (T, n) or (T, 1)."""
        _require(self, n)
        angle = 2 * math.pi * self.frequency * _times(k0, T, dt) + self.phase
        return self.offset + self.amplitude * np.sin(angle)


@dataclass(frozen=True, eq=False)
class noise:
    """A normal current of mean 0, independent for each element.

    Attributes:
        sd: Standard deviation, in the unit of the input; one number, or (n,).
        tau: None: each step has a new value, so the power of the noise grows with dt. A time constant [ms], or
            (n,): the stationary Ornstein-Uhlenbeck process, exact at the grid points.
    """

    sd: Any
    tau: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "sd", numbers("noise", "sd", self.sd, 0.0))
        tau = None if self.tau is None else numbers("noise", "tau", self.tau, 0.0)
        object.__setattr__(self, "tau", tau)
        if tau is not None and np.any(np.equal(tau, 0)):
            raise InputError("noise: tau must be positive; without tau the noise is white")

    def rows(self, k0: int, T: int, n: int, dt: float, seed: int = 0, stream: int = 0) -> np.ndarray:
        """Return the values of steps k0 to k0 + T - 1, (T, n); with ``tau`` it takes the steps before as well."""
        return NoiseRows(self, n, dt, seed, stream).rows(k0, T)


def _times(k0: int, T: int, dt: float) -> np.ndarray:
    """Return the times at which steps start, (T, 1)."""
    return (np.arange(k0, k0 + T) * dt)[:, None]


def _check(given: Any) -> None:
    """Replace every field of a current by a checked number, or (n,) of them."""
    kind = type(given).__name__
    for name in given.__dataclass_fields__:
        object.__setattr__(given, name, numbers(kind, name, getattr(given, name)))
    _size(given)


def _size(given: Any) -> int:
    """Return for how many neurons there are numbers: 1 where all are alike."""
    sizes = {name: np.size(getattr(given, name)) for name in given.__dataclass_fields__}
    several = {size for size in sizes.values() if size > 1}
    if len(several) > 1:
        told = ", ".join(f"{size} of {name}" for name, size in sizes.items() if size > 1)
        raise ShapeError(f"{type(given).__name__}: the numbers do not fit: {told}")
    return max(sizes.values())


def _require(given: Any, n: int) -> None:
    """Raise ``ShapeError`` unless the numbers of a current are for n neurons."""
    for name in given.__dataclass_fields__:
        require_size(type(given).__name__, name, np.size(getattr(given, name)), n)
