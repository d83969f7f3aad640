"""Firing rates: of neurons, of populations over time, over trials."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.errors import InputError

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
    _, index = bins.inside(c.numbers(getattr(times, "times", times), "times"))
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


def lags_between(a: np.ndarray, b: np.ndarray, low: float, high: float) -> Iterator[np.ndarray]:
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
