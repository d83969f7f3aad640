"""Firing rates: of neurons, of populations over time, over trials, and smoothed."""

from collections.abc import Callable
from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.errors import InputError, ShapeError, did_you_mean

_BLOCK = 1 << 22  # pairs of spike and event that are looked at in one go


def mean_rates(
    spikes: Any, ids: Any = None, *, n: int | None = None, start: float | None = None, stop: float | None = None
) -> np.ndarray:
    """Return the mean rate of each neuron, nu = n_sp(T)/T.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.
        start: spikes count after it [ms].
        stop: and up to it [ms].

    Returns:
        (n,) [1/ms]; divide by ``units.Hz`` for Hz.

    Example:
        >>> mean_rates(np.array([1.0, 2.0, 7.0]), np.array([0, 0, 1]), stop=10.0).tolist()
        [0.2, 0.1]
    """
    times, of = c.columns(spikes, ids)
    count = c.neurons(spikes, of, n)
    start, stop = c.window(spikes, times, start, stop)
    return np.bincount(of[(times > start) & (times <= stop)], minlength=count) / (stop - start)


def population_rate(times: Any, n: int, *, start: float, stop: float, width: float) -> np.ndarray:
    """Return the mean firing rate of a population over time, A(t) = n_act(t; t + width)/(n width).

    Args:
        times: (S,) spikes of all its neurons [ms].
        n: number of its neurons.
        start: begin of the first bin [ms].
        stop: what is after it does not count [ms].
        width: of a bin [ms].

    Returns:
        (bins,) [1/ms], of the bins that fit whole.
    """
    bins = c.bins(start, stop, width)
    _, index = bins.inside(np.asarray(getattr(times, "times", times), float))
    return np.bincount(index, minlength=bins.count) / (n * width)


def binned_counts(
    spikes: Any, ids: Any = None, *, n: int | None = None, start: float, stop: float, width: float
) -> np.ndarray:
    """Return the spike counts of each neuron in each bin.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.
        start: begin of the first bin [ms].
        stop: what is after it does not count [ms].
        width: of a bin [ms].

    Returns:
        (bins, n) integers.
    """
    times, of = c.columns(spikes, ids)
    count, bins = c.neurons(spikes, of, n), c.bins(start, stop, width)
    held, index = bins.inside(times)
    flat = np.bincount(index * count + of[held], minlength=bins.count * count)
    return flat.reshape(bins.count, count)


def psth(
    spikes: Any,
    ids: Any = None,
    *,
    events: Any = None,
    trials: int | None = None,
    start: float,
    stop: float,
    width: float,
) -> np.ndarray:
    """Return the peri-stimulus time histogram, rho(t) = n_K(t; t + width)/(K width).

    Its integral is the mean number of spikes per trial, exactly.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times. The ids are the trials, or the neurons
            where ``events`` are given.
        ids: (S,).
        events: (K,) times of the stimuli [ms], to which spikes of all neurons are aligned; of none, each id is a trial.
        trials: number of trials K, where ids are trials.
        start: begin of the first bin, after the stimulus [ms]; may be negative.
        stop: what is after it does not count [ms].
        width: of a bin [ms].

    Returns:
        (bins,) [1/ms], summed over neurons where there are several.

    Raises:
        InputError: there is no event.
    """
    times, of = c.columns(spikes, ids)
    bins = c.bins(start, stop, width)
    if events is None:
        count = max(1, c.neurons(spikes, of, trials))
        return np.bincount(bins.inside(times)[1], minlength=bins.count) / (count * width)
    at = c.train(events, "events")
    if not at.size:
        raise InputError("psth: there are no events")
    total = np.zeros(bins.count, np.int64)
    for lags in lags_between(at, np.sort(times), start - width, stop + width):
        total += np.bincount(bins.inside(lags)[1], minlength=bins.count)
    return total / (len(at) * width)


def lags_between(a: np.ndarray, b: np.ndarray, low: float, high: float):
    """Yield all differences b - a within ``low`` and ``high``, block by block; both ascend."""
    first, last = np.searchsorted(b, a + low, "left"), np.searchsorted(b, a + high, "right")
    number = last - first
    ends = np.cumsum(number)
    begin = 0
    while begin < len(a):
        done = ends[begin - 1] if begin else 0
        stop = max(begin + 1, int(np.searchsorted(ends, done + _BLOCK, "right")))
        part = slice(begin, stop)
        of = np.repeat(np.arange(begin, stop), number[part])
        within = np.arange(len(of)) - np.repeat(ends[part] - number[part] - done, number[part])
        yield b[first[of] + within] - a[of]
        begin = stop


_KERNELS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "gaussian": lambda s, w: np.exp(-0.5 * (s / w) ** 2),
    "exponential": lambda s, w: np.where(s >= 0, np.exp(-np.maximum(s, 0) / w), 0.0),
    "alpha": lambda s, w: np.where(s >= 0, np.maximum(s, 0) * np.exp(-np.maximum(s, 0) / w), 0.0),
    "boxcar": lambda s, w: np.where(np.abs(s) <= w * (1 + c.NEAR) / 2, 1.0, 0.0),
}
_REACH = {"gaussian": 6.0, "exponential": 20.0, "alpha": 25.0, "boxcar": 0.5}  # widths after which nothing is left


def spike_density(
    spikes: Any,
    ids: Any = None,
    *,
    n: int | None = None,
    kernel: str = "gaussian",
    width: float = 10.0,
    start: float | None = None,
    stop: float | None = None,
    dt: float = 1.0,
) -> np.ndarray:
    """Return the smoothed rate: spikes convolved with a kernel of unit area.

    What of a kernel would lie outside the window is given back to it, so that the integral is the mean number of spikes
    exactly.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neurons, or trials.
        n: number of neurons or trials, over which the mean is taken.
        kernel: ``gaussian`` (standard deviation ``width``), ``exponential`` and ``alpha`` (time constant ``width``,
            both causal) or ``boxcar`` (its whole width).
        width: of the kernel [ms].
        start: begin [ms].
        stop: end [ms].
        dt: of the result [ms].

    Returns:
        (T,) rates [1/ms] at the middles of bins of dt.

    Raises:
        InputError: the kernel is not known.
    """
    if kernel not in _KERNELS:
        raise InputError(f"there is no kernel '{kernel}'{did_you_mean(kernel, _KERNELS)} ({', '.join(_KERNELS)})")
    width, dt = c.positive("width", width), c.positive("dt", dt)
    times, of = c.columns(spikes, ids)
    count = max(1, c.neurons(spikes, of, n))
    start, stop = c.window(spikes, times, start, stop)
    bins = c.bins(start, stop, dt)
    counts = np.bincount(bins.inside(times)[1], minlength=bins.count).astype(float)
    reach = min(bins.count - 1, int(np.ceil(_REACH[kernel] * width / dt)))
    middle = 0.0 if kernel in ("gaussian", "boxcar") else dt / 2  # a causal kernel begins with the spike's own bin
    weights = _KERNELS[kernel](np.arange(-reach, reach + 1) * dt + middle, width)
    inside = _share_inside(weights, reach, bins.count)
    return _convolved(counts / inside, weights, reach) / (count * dt)


def _share_inside(weights: np.ndarray, reach: int, count: int) -> np.ndarray:
    """Return the sum of the weights that a spike in each bin puts into the window."""
    total = np.concatenate([[0.0], np.cumsum(weights)])
    at = np.arange(count)
    return total[np.minimum(2 * reach + 1, reach + count - at)] - total[np.maximum(0, reach - at)]


def _convolved(values: np.ndarray, weights: np.ndarray, reach: int) -> np.ndarray:
    from scipy.signal import fftconvolve

    small = len(weights) < 64
    made = np.convolve(values, weights) if small else fftconvolve(values, weights)
    return np.maximum(made[reach : reach + len(values)], 0.0)


def optimal_bin_width(times: Any, widths: Any, *, start: float, stop: float) -> tuple[float, np.ndarray]:
    """Return the width of bins that shows a rate best (Shimazaki & Shinomoto 2007).

    It minimises C(D) = (2 mean - variance)/D**2 of the counts in bins of width D, with the biased variance.

    Args:
        times: (S,) spikes of all trials [ms].
        widths: (m,) to choose from [ms].
        start: begin of the first bin [ms].
        stop: what is after it does not count [ms].

    Returns:
        The best width [ms], and the cost of each, (m,).

    Raises:
        ShapeError: no widths are given.
    """
    times, widths = c.train(times, "times"), np.atleast_1d(np.asarray(widths, float))
    if not widths.size:
        raise ShapeError("optimal_bin_width: no widths to choose from")
    cost = np.empty(len(widths))
    for place, width in enumerate(widths):
        bins = c.bins(start, stop, float(width))
        counts = np.bincount(bins.inside(times)[1], minlength=bins.count)
        cost[place] = (2 * counts.mean() - counts.var()) / width**2
    return float(widths[cost.argmin()]), cost
