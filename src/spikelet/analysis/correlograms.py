"""Correlograms: how many pairs of spikes lie how far apart."""

from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.analysis.rates import lags_between
from spikelet.errors import InputError


def cross_correlogram(
    a: Any, b: Any, *, window: float, width: float, duration: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of pairs of spikes over their lag, t_b - t_a.

    Args:
        a: (S,) spikes [ms], or an object with ``times``; of several neurons, too.
        b: (R,) spikes [ms].
        window: largest lag to either side [ms].
        width: of a bin [ms].
        duration: of the recording [ms]; with it, counts are corrected for the pairs that its borders cut off, by
            1/(1 - abs(lag)/duration).

    Returns:
        (K,) lags, the middles of the bins [ms], an odd number with 0 in the middle, and (K,) counts.

    Raises:
        InputError: no bin fits, or the window is not shorter than the duration.

    Example:
        >>> lags, counts = cross_correlogram([0.0, 10.0], [2.0, 12.0], window=3.0, width=1.0)
        >>> lags[counts > 0].tolist(), counts.max().tolist()
        ([2.0], 2.0)
    """
    a, b = c.train(a, "a"), c.train(b, "b")
    lags, counts = _empty(window, width)
    half, width = len(lags) // 2, float(width)
    reach = (half + 0.5) * width
    for found in lags_between(a, b, -reach, reach):
        counts += _in_bins(found, half, width)
    return lags, _corrected(lags, counts, window, duration)


def auto_correlogram(
    spikes: Any, ids: Any = None, *, window: float, width: float, duration: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of pairs of different spikes of one neuron over their lag, summed over neurons.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        window: largest lag to either side [ms].
        width: of a bin [ms].
        duration: see `cross_correlogram`.

    Returns:
        (K,) lags, the middles of the bins [ms], and (K,) counts, symmetric; a spike makes no pair with itself.
    """
    trains = c.trains(spikes, ids)
    lags, counts = _empty(window, width)
    half = len(lags) // 2
    reach = (half + 0.5) * width
    times, of, step = trains.times, trains.ids, 1
    place = np.arange(len(times))
    while place.size:  # the pairs of a spike and the next one, then the one after, until all are too far apart
        place = place[place + step < len(times)]
        lag = times[place + step] - times[place]
        near = (lag <= reach) & (of[place + step] == of[place])
        place, lag = place[near], lag[near]
        counts += _in_bins(lag, half, width) + _in_bins(-lag, half, width)
        step += 1
    return lags, _corrected(lags, counts, window, duration)


def _empty(window: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    window, width = c.positive("window", window), c.positive("width", width)
    half = int(window / width + c.NEAR)
    if half < 1:
        raise InputError(f"no bin of {width:g} ms fits into a window of {window:g} ms")
    return np.arange(-half, half + 1) * width, np.zeros(2 * half + 1)


def _in_bins(lags: np.ndarray, half: int, width: float) -> np.ndarray:
    """Count lags in bins around the multiples of the width; what lies between two belongs to the later one."""
    index = np.floor(lags / width + 0.5 + c.NEAR).astype(np.int64) + half
    return np.bincount(index[(index >= 0) & (index <= 2 * half)], minlength=2 * half + 1)


def _corrected(lags: np.ndarray, counts: np.ndarray, window: float, duration: float | None) -> np.ndarray:
    if duration is None:
        return counts
    if duration <= window:
        raise InputError(f"the window of {window:g} ms must be shorter than the duration of {duration:g} ms")
    return counts / (1 - np.abs(lags) / duration)
