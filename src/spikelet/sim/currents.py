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

from spikelet import random
from spikelet.errors import InputError
from spikelet.sim.given import check_numbers, course, frozen, number, require_size
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


@dataclass(frozen=True)
class ramp:
    """A current that goes from one value to another, and is constant before and after.

    Attributes:
        start: Value until ``t_start``.
        stop: Value from ``t_stop`` on.
        t_start: [ms].
        t_stop: [ms].
    """

    start: float
    stop: float
    t_start: float
    t_stop: float

    def __post_init__(self) -> None:
        check_numbers(self)
        if not self.t_start < self.t_stop:
            raise InputError(f"ramp: t_stop must be after t_start = {self.t_start:g} ms, got {self.t_stop:g}")

    def rows(self, k0: int, T: int, n: int, dt: float, seed: int = 0, stream: int = 0) -> np.ndarray:
        """Return the values of steps k0 to k0 + T - 1, (T, 1)."""
        part = np.clip((_times(k0, T, dt) - self.t_start) / (self.t_stop - self.t_start), 0, 1)
        return (self.start + (self.stop - self.start) * part)[:, None]


@dataclass(frozen=True)
class sinusoid:
    """The current ``offset + amplitude*sin(2 pi frequency t + phase)``.

    Attributes:
        amplitude: In the unit of the input.
        frequency: [kHz], so ``8 * Hz`` is 0.008.
        offset: In the unit of the input.
        phase: [radian].
    """

    amplitude: float
    frequency: float
    offset: float = 0.0
    phase: float = 0.0

    def __post_init__(self) -> None:
        check_numbers(self)

    def rows(self, k0: int, T: int, n: int, dt: float, seed: int = 0, stream: int = 0) -> np.ndarray:
        """Return the values of steps k0 to k0 + T - 1, (T, 1)."""
        angle = 2 * math.pi * self.frequency * _times(k0, T, dt) + self.phase
        return (self.offset + self.amplitude * np.sin(angle))[:, None]


@dataclass(frozen=True)
class noise:
    """A normal current of mean 0, independent for each element.

    Attributes:
        sd: Standard deviation, in the unit of the input.
        tau: None: each step has a new value, so the power of the noise grows with dt. A time constant [ms]: the
            stationary Ornstein-Uhlenbeck process, exact at the grid points.
    """

    sd: float
    tau: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "sd", number("noise", "sd", self.sd, 0.0))
        if self.tau is not None and number("noise", "tau", self.tau, 0.0) == 0:
            raise InputError("noise: tau must be positive; without tau the noise is white")

    def rows(self, k0: int, T: int, n: int, dt: float, seed: int = 0, stream: int = 0) -> np.ndarray:
        """Return the values of steps k0 to k0 + T - 1, (T, n); with ``tau`` it takes the steps before as well."""
        return NoiseRows(self, n, dt, seed, stream).rows(k0, T)


class NoiseRows:
    """The rows of a `noise`, of which each call continues the one before at no further cost.

    Attributes:
        step: Step that comes next.
        last: (n,) the values of the step before it; to save and to set again, together with ``step``.
    """

    def __init__(self, law: noise, n: int, dt: float, seed: int, stream: int):
        self.law, self.n, self.seed, self.stream = law, n, seed, stream
        self.keep = 0.0 if law.tau is None else math.exp(-dt / law.tau)
        self.new = law.sd * (1.0 if law.tau is None else math.sqrt(-math.expm1(-2 * dt / law.tau)))
        self.step, self.last = 0, np.zeros(n)

    def rows(self, k0: int, T: int) -> np.ndarray:
        """Return the values of steps k0 to k0 + T - 1, (T, n)."""
        if self.law.tau is None:
            return self.new * self._normal(k0, T)
        if k0 < self.step:
            self.step = 0
        while self.step < k0:
            self._advance(min(k0 - self.step, 1024))
        return self._advance(T)

    def _normal(self, k0: int, T: int) -> np.ndarray:
        return random.normal(self.seed, np.arange(k0, k0 + T)[:, None], np.arange(self.n)[None], self.stream)

    def _advance(self, T: int) -> np.ndarray:
        out = self._normal(self.step, T)
        for t in range(T):
            first = self.step + t == 0
            self.last = self.law.sd * out[t] if first else self.keep * self.last + self.new * out[t]
            out[t] = self.last
        self.step += T
        return out


def _times(k0: int, T: int, dt: float) -> np.ndarray:
    return np.arange(k0, k0 + T) * dt
