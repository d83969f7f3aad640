"""Correlograms: how many pairs of spikes lie how far apart."""

from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.analysis.lag_kernels import count_lags
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
    count_lags(a, b, counts, reach=len(lags) / 2 * width, width=width, near=c.NEAR)
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
    for neuron in range(len(trains)):
        times = trains[neuron]
        count_lags(times, times, counts, reach=len(lags) / 2 * width, width=width, near=c.NEAR)
    counts[len(lags) // 2] -= len(trains.times)  # of each spike with itself
    return lags, _corrected(lags, counts, window, duration)


def _empty(window: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    window, width = c.positive("window", window), c.positive("width", width)
    half = int(window / width + c.NEAR)
    if half < 1:
        raise InputError(f"no bin of {width:g} ms fits into a window of {window:g} ms")
    return np.arange(-half, half + 1) * width, np.zeros(2 * half + 1, np.int64)


def _corrected(lags: np.ndarray, counts: np.ndarray, window: float, duration: float | None) -> np.ndarray:
    if duration is None:
        return counts.astype(float)
    if duration <= window:
        raise InputError(f"the window of {window:g} ms must be shorter than the duration of {duration:g} ms")
    return counts / (1 - np.abs(lags) / duration)
