"""Distributions of weights, delays and initial values: uniform, normal and lognormal, within bounds.

    weight=normal(0.5, 0.05), delay=normal(1.5, 0.75, low=0.1), initial={"v": uniform(-70, -50)}

Bounds truncate: what lies outside is drawn again, so nothing piles up at a bound.
"""

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from spikelet import random
from spikelet.errors import InputError

_LEAST = 1e-3  # a distribution that keeps fewer of its draws than this was not meant


@dataclass(frozen=True)
class Distribution:
    """A law of random numbers; made by `uniform`, `normal` or `lognormal`.

    Attributes:
        law: ``"uniform"``, ``"normal"`` or ``"lognormal"``.
        mean: Of the law before it is truncated.
        sd: Its standard deviation.
        low: Nothing is below this; ``-inf`` where there is no bound.
        high: Nothing is above this.
    """

    law: str
    mean: float
    sd: float
    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse bounds that leave (next to) nothing."""
        if not self.low <= self.high:
            raise InputError(f"{self}: low must not be above high")
        if not self.keeps > _LEAST:
            raise InputError(f"{self} keeps {self.keeps:.2g} of its draws; choose bounds nearer to the mean")

    def __repr__(self) -> str:
        if self.law == "uniform":
            return f"uniform({self.low:g}, {self.high:g})"
        bounds = [f"{n}={v:g}" for n, v in (("low", self.low), ("high", self.high)) if math.isfinite(v)]
        return f"{self.law}({', '.join([f'{self.mean:g}', f'{self.sd:g}', *bounds])})"

    @property
    def keeps(self) -> float:
        """The share of the law that lies within the bounds."""
        if self.sd == 0:
            return float(self.low <= self.mean <= self.high)
        return float(self._cdf(self.high) - self._cdf(self.low))

    @property
    def parameters(self) -> tuple[float, float, float]:
        """a, b and c, where a number of the law is a + b*u, a + b*z, or c*exp(a + b*z).

        Here u is uniform in (0, 1) and z normal.
        """
        if self.law == "uniform":
            return self.low, self.high - self.low, 1.0
        if self.law == "normal":
            return self.mean, self.sd, 1.0
        b = math.sqrt(math.log1p((self.sd / self.mean) ** 2))
        return math.log(abs(self.mean)) - b * b / 2, b, math.copysign(1.0, self.mean)

    def sample(self, n: int, seed: int, stream: int) -> np.ndarray:
        """Return random numbers.

        Args:
            n: how many.
            seed: integer of up to 64 bits.
            stream: which use of random numbers, see `spikelet.random`.

        Returns:
            (n,) float64; number i depends on seed, stream and i alone.
        """
        missing, draw = np.arange(operator.index(n)), 0
        values = np.empty(n)
        while missing.size:
            values[missing] = self._drawn(missing, seed, stream, draw)
            inside = (values[missing] >= self.low) & (values[missing] <= self.high)
            missing, draw = missing[~inside], draw + 1
        return values

    def _drawn(self, element: np.ndarray, seed: int, stream: int, draw: int) -> np.ndarray:
        a, b, c = self.parameters
        law = random.uniform if self.law == "uniform" else random.normal
        values = a + b * law(seed, 0, element, stream, draw)
        if self.law == "uniform":
            return np.clip(values, self.low, self.high)  # where rounding has passed a bound
        return c * np.exp(values) if self.law == "lognormal" else values

    def cdf(self, x: Any) -> np.ndarray:
        """Return the probability of a number of at most ``x``, of any shape."""
        if self.sd == 0:
            return (np.asarray(x) >= self.mean).astype(float)
        low, high = self._cdf(self.low), self._cdf(self.high)
        return np.clip((self._cdf(x) - low) / (high - low), 0.0, 1.0)

    def _cdf(self, x: Any) -> np.ndarray:
        """Return the same of the law without its bounds."""
        a, b, c = self.parameters
        x = np.asarray(x, float)
        if self.law == "uniform":
            return np.clip((x - a) / b, 0.0, 1.0)
        if self.law == "normal":
            return special.ndtr((x - a) / b)
        with np.errstate(divide="ignore"):
            below = special.ndtr((np.log(np.maximum(c * x, 0.0)) - a) / b)  # of the absolute value
        return below if c > 0 else 1.0 - below

    def extent(self, tail: float) -> tuple[float, float]:
        """Return between which numbers all of the untruncated law lies but ``tail`` on each side, within the bounds."""
        a, b, c = self.parameters
        if self.law == "uniform":
            return self.low, self.high
        reach = -float(special.ndtri(tail)) * b
        ends = [a - reach, a + reach]
        if self.law == "lognormal":
            ends = sorted(c * math.exp(min(end, 700.0)) for end in ends)
        return max(ends[0], self.low), min(ends[1], self.high)


def uniform(low: float, high: float) -> Distribution:
    """Return the uniform distribution between two numbers.

    Raises:
        InputError: a bound is not finite, or ``low`` is above ``high``.
    """
    low, high = real_number("uniform: low", low), real_number("uniform: high", high)
    return Distribution("uniform", (low + high) / 2, (high - low) / math.sqrt(12), low, high)


def normal(mean: float, sd: float, low: float | None = None, high: float | None = None) -> Distribution:
    """Return the normal distribution, where what lies outside the bounds is drawn again.

    Args:
        mean: before truncation.
        sd: standard deviation before truncation, not negative.
        low: bound below, or None.
        high: bound above, or None.

    Raises:
        InputError: a number is not finite, ``sd`` is negative, or next to nothing lies within the bounds.
    """
    return _bounded("normal", mean, sd, low, high)


def lognormal(mean: float, sd: float, low: float | None = None, high: float | None = None) -> Distribution:
    """Return the lognormal distribution whose own mean and standard deviation are given.

    With a negative mean it is the mirror image: all numbers are negative.

    Args:
        mean: not 0.
        sd: standard deviation, not negative. (The logarithm has variance log(1 + (sd/mean)**2).)
        low: bound below, or None.
        high: bound above, or None.

    Raises:
        InputError: as for `normal`, or ``mean`` is 0.
    """
    if mean == 0:
        raise InputError("lognormal: mean must not be 0")
    return _bounded("lognormal", mean, sd, low, high)


def _bounded(law: str, mean: float, sd: float, low: float | None, high: float | None) -> Distribution:
    mean, sd = real_number(f"{law}: mean", mean), real_number(f"{law}: sd", sd)
    if sd < 0:
        raise InputError(f"{law}: sd must not be negative, not {sd:g}")
    low = -math.inf if low is None else real_number(f"{law}: low", low)
    high = math.inf if high is None else real_number(f"{law}: high", high)
    return Distribution(law, mean, sd, low, high)


def real_number(name: str, value: Any) -> float:
    """Return a finite number as a float."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a number, not {value!r}"[:200]) from None
    if not math.isfinite(number):
        raise InputError(f"{name} must be finite, not {number}")
    return number
