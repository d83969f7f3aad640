"""What is asked of weights and delays, checked: numbers, arrays, and the tables by which delays are drawn."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet.errors import InputError
from spikelet.sim.connect_laws import GUIDE_BITS
from spikelet.sim.distributions import Distribution

_MOST_DELAYS = 2**16
_LONGEST = 2**24  # steps: any delay of an experiment, and a table of so many is still small
_TAIL = 2.0**-33  # of a law on each side: less than half of a word's resolution
_SLACK = 1e-9  # of a step: how far rounding may bring a delay below one


@dataclass(frozen=True)
class Delays:
    """How delays come about.

    Attributes:
        steps: (K,) int64, the delays that may occur, ascending.
        which: For each synapse of the pattern the number of its delay, uint16; None where they are drawn or alike.
        tables: Guide and limits by which they are drawn, see `connect_laws`.
    """

    steps: np.ndarray
    which: np.ndarray | None = None
    tables: tuple[np.ndarray, np.ndarray] | None = None


Weights = float | np.ndarray | Distribution


# -- what is asked for ------------------------------------------------------------------------------------------------


def weights(weight: Any, own: np.ndarray | None, count: int | None) -> Weights:
    """Return checked weights.

    Args:
        weight: number, array with a weight for each synapse of the pattern, distribution, or None.
        own: weights that the pattern itself holds; ``weight`` multiplies them. None where it holds none.
        count: how many synapses the pattern lists; None where it does not list them.

    Raises:
        InputError: it is none of these, not finite, or of the wrong length.
    """
    if own is not None:
        if np.ndim(weight) or isinstance(weight, Distribution | str):
            raise InputError(
                "weight: the pattern holds the weights already; give a number that multiplies them, or none"
            )
        return own * (1.0 if weight is None else _one("weight", weight))
    if weight is None:
        raise InputError("weight is missing; expected a number, a distribution such as normal(1, 0.1), or an array")
    if isinstance(weight, Distribution):
        return weight if weight.sd > 0 else weight.mean
    return _each("weight", weight, count) if np.ndim(weight) else _one("weight", weight)


def delays(delay: Any, dt: float, count: int | None) -> Delays:
    """Return checked delays in steps of ``dt`` [ms]; None is one step, and 0 the same step.

    Raises:
        InputError: a delay is below one step or not finite, or there are more than 65,536 of them.
    """
    if delay is None:
        return Delays(np.ones(1, np.int64))
    if isinstance(delay, Distribution):
        return _drawn_delays(delay, dt)
    values = _each("delay", delay, count) if np.ndim(delay) else np.array([_one("delay", delay)])
    if np.ndim(delay) == 0 and values[0] == 0:
        return Delays(np.zeros(1, np.int64))
    wrong = np.flatnonzero(values < dt * (1 - _SLACK))
    if wrong.size:
        name = f"delay[{wrong[0]}] =" if np.ndim(delay) else "delay"
        what = "is negative" if values[wrong[0]] < 0 else f"is below the step of {dt:g} ms"
        raise InputError(f"{name} {values[wrong[0]]:g} ms {what}")
    if not values.size:
        return Delays(np.ones(1, np.int64))
    rounded = np.rint(values / dt)
    if rounded.max() >= _LONGEST:
        raise InputError(f"delay {values.max():g} ms is {rounded.max():.0f} steps of {dt:g} ms; at most {_LONGEST - 1}")
    rounded = rounded.astype(np.int64)
    steps = np.flatnonzero(np.bincount(rounded))
    if len(steps) > _MOST_DELAYS:
        raise InputError(f"delay: {len(steps)} different delays; at most {_MOST_DELAYS} are possible")
    number = np.zeros(steps[-1] + 1, np.uint16)
    number[steps] = np.arange(len(steps))
    return Delays(steps, number[rounded] if len(steps) > 1 else None)


def steps_of(name: str, values: np.ndarray, dt: float) -> np.ndarray:
    """Return delays [ms], of any shape, in steps of ``dt``, int64.

    Raises:
        InputError: one is below one step, unless all are 0.
    """
    try:
        found = delays(values.reshape(-1) if values.ndim else float(values), dt, values.size)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    steps = found.steps[0] if found.which is None else found.steps[found.which].reshape(values.shape)
    return np.broadcast_to(np.asarray(steps, np.int64), values.shape)


def _drawn_delays(law: Distribution, dt: float) -> Delays:
    """Return the delays of a distribution, each with the probability of what is rounded to it."""
    low, high = law.extent(_TAIL)
    if low < dt * (1 - _SLACK):
        raise InputError(f"delay {law} reaches below the step of {dt:g} ms; give it low={dt:g} or more")
    first, last = int(np.rint(low / dt)), int(np.rint(high / dt))
    if last - first >= _MOST_DELAYS:
        raise InputError(f"delay {law} spans {last - first + 1} steps of {dt:g} ms; bound it with high=")
    steps = np.arange(first, last + 1)
    limits = np.append(np.rint(law.cdf((steps[:-1] + 0.5) * dt) * 2.0**32).astype(np.int64), 2**32)
    likely = np.diff(limits, prepend=0) > 0
    steps, limits = steps[likely], limits[likely]
    if len(steps) == 1:
        return Delays(steps)
    begin = np.arange(1 << GUIDE_BITS) << (32 - GUIDE_BITS)
    guide = np.searchsorted(limits, begin, side="right").astype(np.uint16)
    return Delays(steps, tables=(guide, limits))


def _one(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a number, an array or a distribution, not {value!r}"[:200]) from None
    if not np.isfinite(number):
        raise InputError(f"{name} must be finite, not {number}")
    return number


def _each(name: str, values: Any, count: int | None) -> np.ndarray:
    """Return an array with a number for each synapse of a pattern, float64."""
    array = np.ascontiguousarray(values, np.float64)
    if count is None:
        raise InputError(
            f"{name}: this pattern lists no synapses, so it takes no array; give a number, a distribution or a text "
            "over i and j, take from_arrays or from_matrix, or set an array when the network is built, with set(...)"
        )
    if array.shape != (count,):
        raise InputError(f"{name} has the shape {array.shape}; expected ({count},), one for each synapse")
    if not np.isfinite(array).all():
        raise InputError(f"{name}[{np.flatnonzero(~np.isfinite(array))[0]}] is not finite")
    return array
