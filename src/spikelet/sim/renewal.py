"""Renewal trains: the intervals of each element are independent, of one law that may be anything.

| law of the intervals | from |
|---|---|
| a dead time, then as those of Poisson | `dead_time` |
| gamma, of any shape, with or without a dead time | `gamma` |
| lognormal, with or without a dead time | `lognormal` |
| as a hazard says, the rate of spikes since the last one | `hazard` |
| as intervals that have been measured | `intervals` |
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from spikelet import random
from spikelet.errors import InputError, ShapeError
from spikelet.sim.emitter import Emitter
from spikelet.sim.given import column, frozen, number
from spikelet.sim.source_laws import MOST
from spikelet.sim.source_rows import NEVER

_FINE = 2.0**-8  # of a natural logarithm of probability, from one entry of a table to the next
_RAREST = 40.0  # natural logarithm of the probability that is left out: 4e-18
_NEAR_ZERO = np.geomspace(1e-11, 2.0**-4, 400)  # the first entries, where a law may begin steeply
_FIRST = 1  # draw of what the first interval is; 0 is the kernel's
_PIECES = 16  # of a stretch of a hazard, at least


@dataclass(frozen=True, eq=False)
class Renewal:
    """Trains whose intervals are independent, of one law; they begin as if they had always been going on.

    Attributes:
        times: (G,) [ms], not negative, ascending; two that are equal hold a probability of their own.
        cdf: (G,) probability of an interval up to each, from 0 to 1; in between it is in proportion.
    """

    times: Any
    cdf: Any

    def __post_init__(self) -> None:
        times, cdf = column("Renewal", "times", self.times), column("Renewal", "cdf", self.cdf)
        if times.shape != cdf.shape or len(times) < 2:
            raise ShapeError(f"Renewal: {len(times)} times and {len(cdf)} values of cdf; expected as many, at least 2")
        if times[0] < 0 or (np.diff(times) < 0).any():
            raise InputError("Renewal: times must be intervals, not negative and ascending")
        if cdf[0] != 0 or cdf[-1] != 1 or (np.diff(cdf) < 0).any():
            raise InputError(f"Renewal: cdf must ascend from 0 to 1, got {cdf[0]:g} to {cdf[-1]:g}")
        object.__setattr__(self, "times", frozen(times))
        object.__setattr__(self, "cdf", frozen(cdf))
        if self.mean <= 0:
            raise InputError("Renewal: all intervals are 0")

    @property
    def mean(self) -> float:
        """Mean interval [ms]."""
        return float((np.diff(self.cdf) * (self.times[1:] + self.times[:-1])).sum() / 2)

    def prepare(self, n: int, dt: float, seed: int, stream: int) -> Emitter:
        """Return the emitter of ``n`` trains for steps of ``dt`` [ms].

        Raises:
            InputError: the rate is too high for the step.
        """
        if dt / self.mean > MOST:
            raise InputError(f"Renewal: dt/mean is {dt / self.mean:g} spikes a step; at most {MOST:g} can be drawn")
        levels = len(self.cdf).bit_length()
        limits, times = np.full(2**levels, NEVER), np.full(2**levels, self.times[-1] / dt)
        limits[: len(self.cdf)] = np.floor(self.cdf * float(NEVER))
        times[: len(self.times)] = self.times / dt
        state = {"next": self._first(n, seed, stream) / dt, "number": np.zeros(n, np.int64)}
        fixed = {"seed": random.signed(random.whole(seed)), "stream": stream, "levels": levels}
        return Emitter("renewal", n, fixed, {"limits": limits, "times": times, **state}, state)

    def _first(self, n: int, seed: int, stream: int) -> np.ndarray:
        """Return the times of the first spikes (n,) [ms]: anywhere in intervals, of which one meets the longer ones."""
        u = [random.uniform(seed, number, np.arange(n), stream, _FIRST) for number in range(3)]
        low, high = self.times[:-1], self.times[1:]
        met = np.cumsum(np.diff(self.cdf) * (low + high))
        i = np.minimum(np.searchsorted(met, u[0] * met[-1], side="right"), len(met) - 1)
        interval = np.sqrt(low[i] ** 2 + u[1] * (high[i] ** 2 - low[i] ** 2))
        return u[2] * interval


def dead_time(rate: float, refractory: float) -> Renewal:
    """Return trains of Poisson that are silent for a time after each spike.

    Args:
        rate: Of spikes [kHz], as they are counted with the dead time.
        refractory: Dead time [ms].
    """
    return gamma(rate, 1.0, refractory)


def gamma(rate: float, shape: float, refractory: float = 0.0) -> Renewal:
    """Return trains with intervals of a dead time and a gamma law.

    Args:
        rate: Of spikes [kHz].
        shape: Of the law, above 0; without a dead time the coefficient of variation is ``shape**-0.5``.
        refractory: Dead time [ms].

    Raises:
        InputError: intervals of this mean have no room for the dead time.
    """
    shape = number("gamma", "shape", shape, 0.0)
    if shape == 0:
        raise InputError("gamma: shape must be positive")
    rest = _rest("gamma", rate, refractory)
    return _quantiles(lambda cdf, survival: np.where(
        cdf < 0.5, special.gammaincinv(shape, cdf), special.gammainccinv(shape, survival)
    ) * (rest / shape), refractory)  # fmt: skip


def lognormal(rate: float, cv: float, refractory: float = 0.0) -> Renewal:
    """Return trains with intervals of a dead time and a lognormal law.

    Args:
        rate: Of spikes [kHz].
        cv: Coefficient of variation of the law, above 0; that of the intervals is less where there is a dead time.
        refractory: Dead time [ms].

    Raises:
        InputError: intervals of this mean have no room for the dead time.
    """
    cv = number("lognormal", "cv", cv, 0.0)
    if cv == 0:
        raise InputError("lognormal: cv must be positive")
    rest, spread = _rest("lognormal", rate, refractory), math.log1p(cv * cv)
    middle, sigma = math.log(rest) - spread / 2, math.sqrt(spread)
    return _quantiles(lambda cdf, survival: np.exp(
        middle + sigma * np.where(cdf < 0.5, special.ndtri(cdf), -special.ndtri(survival))
    ), refractory)  # fmt: skip


def hazard(times: Any, rates: Any) -> Renewal:
    """Return trains whose rate of spikes depends on the time since the last one.

    Args:
        times: (S,) time since the last spike [ms], ascending from 0.
        rates: (S,) the rate there [kHz], in between in proportion; the last one goes on, and is above 0.

    Raises:
        InputError: a rate is negative, or there might be no further spike.
    """
    times, rates = column("hazard", "times", times), column("hazard", "rates", rates)
    if times.shape != rates.shape or not len(times):
        raise ShapeError(f"hazard: {len(times)} times, but {len(rates)} rates")
    if times[0] != 0 or (np.diff(times) <= 0).any():
        raise InputError("hazard: times must ascend from 0")
    if (rates < 0).any() or rates[-1] == 0:
        raise InputError(f"hazard: rates must not be negative, and the last one above 0, got {rates.min():g}")
    sums = np.concatenate([[0.0], np.cumsum(np.diff(times) * (rates[1:] + rates[:-1]) / 2)])
    after = max(_RAREST - sums[-1], _FINE)
    times, rates = np.append(times, times[-1] + after / rates[-1]), np.append(rates, rates[-1])
    pieces = [max(_PIECES, math.ceil(grown / _FINE)) for grown in np.diff(np.append(sums, sums[-1] + after))]
    fine = np.concatenate([*(np.linspace(a, b, m, endpoint=False) for a, b, m in zip(
        times[:-1], times[1:], pieces, strict=True
    )), times[-1:]])  # fmt: skip
    at = np.interp(fine, times, rates)
    sums = np.concatenate([[0.0], np.cumsum(np.diff(fine) * (at[1:] + at[:-1]) / 2)])
    return _closed(fine, -np.expm1(-sums))


def intervals(measured: Any) -> Renewal:
    """Return trains whose intervals are drawn from measured ones.

    Args:
        measured: (E,) intervals [ms], of which each is as likely as any other.
    """
    found = np.sort(column("intervals", "measured", measured))
    if not len(found):
        raise InputError("intervals: there are none")
    sums = np.arange(len(found) + 1) / len(found)
    return Renewal(np.repeat(found, 2), np.stack([sums[:-1], sums[1:]], axis=1).ravel())


def _rest(what: str, rate: Any, refractory: Any) -> float:
    """Return the mean interval less the dead time [ms]."""
    rate, refractory = number(what, "rate", rate, 0.0), number(what, "refractory", refractory, 0.0)
    if rate == 0 or 1 / rate <= refractory:
        raise InputError(
            f"{what}: a rate of {rate:g} kHz leaves no room for a dead time of {refractory:g} ms after each spike"
        )
    return 1 / rate - refractory


def _quantiles(inverse: Callable[[np.ndarray, np.ndarray], np.ndarray], refractory: float) -> Renewal:
    """Return trains with intervals of a dead time and a law whose quantiles are known.

    Args:
        inverse: The quantiles of probabilities, which are given as such and as 1 less them.
        refractory: Dead time [ms].
    """
    rare = np.concatenate([_NEAR_ZERO, np.arange(_NEAR_ZERO[-1] + _FINE, _RAREST, _FINE)])
    cdf, survival = -np.expm1(-rare), np.exp(-rare)
    times = np.concatenate([[0.0], inverse(cdf, survival)])
    return _closed(refractory + times, np.concatenate([[0.0], cdf]))


def _closed(times: np.ndarray, cdf: np.ndarray) -> Renewal:
    """Return trains of a law, what is left out of which is given to the longest interval."""
    return Renewal(times, np.append(cdf[:-1], 1.0))
