"""What every measure takes: spikes as columns, cut into trains, windows and bins.

Spikes come as one object with columns ``times`` [ms] and ``ids`` (what a run recorded), as the two columns themselves,
or as the times of a single train, and in any order. A bin holds the spikes with ``a < time <= b``, since a spike of
step k has the time (k + 1) dt.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet.errors import InputError, ShapeError

NEAR = 1e-6  # bins: what is nearer to the border of a bin lies on it


@dataclass(frozen=True)
class Trains:
    """Spikes sorted by neuron, then by time: the spikes of neuron i are ``times[first[i]:first[i + 1]]``.

    Attributes:
        times: (S,) [ms].
        ids: (S,) neuron of each spike, ascending.
        first: (n + 1,) where the spikes of each neuron begin.
    """

    times: np.ndarray
    ids: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        """Number of neurons."""
        return len(self.first) - 1

    def __getitem__(self, neuron: int) -> np.ndarray:
        """Return the spikes of a neuron [ms], ascending."""
        return self.times[self.first[neuron] : self.first[neuron + 1]]


@dataclass(frozen=True)
class Bins:
    """Bins of one width from ``start`` on, as many as fit before ``stop``.

    Attributes:
        start: Begin of the first bin [ms].
        width: Of a bin [ms].
        count: Number of bins.
    """

    start: float
    width: float
    count: int

    def index(self, times: np.ndarray) -> np.ndarray:
        """Return the bin of each time, below 0 or beyond the last for what lies outside."""
        return np.ceil((times - self.start) / self.width - NEAR).astype(np.int64) - 1

    def inside(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return which times lie in a bin, and the bins of those."""
        index = self.index(times)
        held = (index >= 0) & (index < self.count)
        return held, index[held]


def columns(spikes: Any, ids: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of spikes.

    Args:
        spikes: an object with ``times`` [ms] and ``ids``, or (S,) times.
        ids: (S,) neuron of each spike; all are of neuron 0 if neither tells.

    Raises:
        ShapeError: the columns are not of one length.
        InputError: a time is not finite, or an id is no whole number from 0 on.
    """
    if hasattr(spikes, "times") and hasattr(spikes, "ids"):
        if ids is not None:
            raise InputError("spikes hold their own ids; give either them or two columns")
        spikes, ids = spikes.times, spikes.ids
    times = numbers(spikes, "times")
    ids = np.zeros(len(times), np.int64) if ids is None else np.asarray(ids)
    if times.shape != ids.shape or times.ndim != 1:
        raise ShapeError(f"times have shape {times.shape}, ids {ids.shape}; expected two columns of one length")
    if ids.dtype.kind not in "iu" and ids.size:
        raise InputError(f"ids must be whole numbers, got {ids.dtype}")
    ids = ids.astype(np.int64, copy=False)
    if ids.size and ids.min() < 0:
        raise InputError(f"ids must be 0 or more, got {ids.min()}")
    return times, ids


def train(times: Any, what: str = "train") -> np.ndarray:
    """Return the times of one spike train, ascending [ms]."""
    times = numbers(getattr(times, "times", times), what)
    if times.ndim != 1:
        raise ShapeError(f"{what}: a train is (S,) times, not of shape {times.shape}")
    return times if np.all(times[1:] >= times[:-1]) else np.sort(times)


def trains(spikes: Any, ids: Any = None, n: int | None = None) -> Trains:
    """Return spikes sorted into trains.

    Args:
        spikes: see `columns`.
        ids: see `columns`.
        n: number of neurons; that of the spikes where they tell it, else up to the highest id.

    Raises:
        InputError: an id is not below ``n``.
    """
    times, ids = columns(spikes, ids)
    count = neurons(spikes, ids, n)
    if ids.size and not (np.all(ids[1:] >= ids[:-1]) and np.all((times[1:] >= times[:-1]) | (ids[1:] > ids[:-1]))):
        order = np.lexsort((times, ids))
        times, ids = times[order], ids[order]
    return Trains(np.ascontiguousarray(times), ids, np.searchsorted(ids, np.arange(count + 1)))


def neurons(spikes: Any, ids: np.ndarray, n: int | None) -> int:
    """Return the number of neurons: ``n``, or what the spikes tell, or up to the highest id."""
    highest = int(ids.max()) if ids.size else -1
    if n is None:
        n = getattr(spikes, "n", None) if hasattr(spikes, "ids") else None
        return highest + 1 if n is None else int(n)
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise InputError(f"n must be a positive number of neurons, got {n!r}")
    if highest >= n:
        raise InputError(f"there is a spike of neuron {highest}, but n = {n}")
    return int(n)


def window(spikes: Any, times: np.ndarray, start: float | None, stop: float | None) -> tuple[float, float]:
    """Return from when to when spikes count [ms]: as given, else as recorded, else from 0 to the last spike.

    Raises:
        InputError: nothing tells the end, or it is not after the start.
    """
    if start is None:
        start = float(getattr(spikes, "t_start", 0.0))
    if stop is None:
        last = float(times.max()) if times.size else None
        stop = getattr(spikes, "t_stop", last)
        if stop is None:
            raise InputError("there are no spikes that tell when the recording ends: give stop")
    if not np.isfinite([start, stop]).all() or stop <= start:
        raise InputError(f"stop = {stop:g} ms must be after start = {start:g} ms")
    return float(start), float(stop)


def bins(start: float, stop: float, width: float) -> Bins:
    """Return the whole bins between two times.

    Raises:
        InputError: none fits.
    """
    count = int((stop - start) / width + NEAR) if width > 0 else 0
    if count < 1:
        raise InputError(f"no bin of {width:g} ms fits between {start:g} and {stop:g} ms")
    return Bins(float(start), float(width), count)


def positive(name: str, value: Any) -> float:
    """Return a number above 0.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < np.inf:
        raise InputError(f"{name} must be a positive number, got {value!r}")
    return float(value)


def numbers(values: Any, what: str) -> np.ndarray:
    """Return finite numbers as an array of float64.

    Raises:
        InputError: they are none.
    """
    try:
        array = np.asarray(values, float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} must be numbers [ms], got {type(values).__name__}") from error
    if not np.isfinite(array).all():
        raise InputError(f"{what}: entry {int(np.flatnonzero(~np.isfinite(array))[0])} is not finite")
    return array
