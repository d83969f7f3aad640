"""Spike counts: Fano factor, correlation and covariance, and the synchrony of populations."""

from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.analysis.rates import binned_counts
from spikelet.errors import ShapeError


def fano_factor(
    spikes: Any,
    ids: Any = None,
    *,
    n: int | None = None,
    start: float | None = None,
    stop: float | None = None,
    width: float | None = None,
) -> np.ndarray | float:
    """Return the Fano factor, variance over mean of spike counts.

    It is 1 for Poisson spikes, and CV**2 for those of a renewal process in long windows.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) trials where ``width`` is not given, else neurons.
        n: number of trials or neurons.
        start: spikes count after it [ms].
        stop: and up to it [ms].
        width: of the windows in which each neuron's spikes are counted [ms].

    Returns:
        Over trials, a number; over windows, one for each neuron, (n,). NaN where there are no spikes, and of a single
        trial or window, whose count has no spread.
    """
    times, of = c.columns(spikes, ids)
    start, stop = c.window(spikes, times, start, stop)
    if width is None:
        counts = np.bincount(of[(times > start) & (times <= stop)], minlength=c.neurons(spikes, of, n))
        return float(counts.var() / counts.mean()) if counts.any() and len(counts) > 1 else float("nan")
    table = binned_counts(spikes, ids, n=n, start=start, stop=stop, width=width)
    mean = table.mean(0)
    return np.divide(table.var(0), mean, out=np.full(len(mean), np.nan), where=(mean > 0) & (len(table) > 1))


def correlation_matrix(
    spikes: Any,
    ids: Any = None,
    *,
    n: int | None = None,
    start: float,
    stop: float,
    width: float,
    covariance: bool = False,
) -> np.ndarray:
    """Return Pearson's correlation of the spike counts of all pairs of neurons, or their covariance.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.
        start: begin of the first bin [ms].
        stop: what is after it does not count [ms].
        width: of a bin [ms].
        covariance: whether covariances are returned, of spikes**2, with bins - 1 below the sum.

    Returns:
        (n, n), NaN where a neuron's counts do not vary.
    """
    counts = binned_counts(spikes, ids, n=n, start=start, stop=stop, width=width).astype(float)
    deviation = counts - counts.mean(0)
    table = deviation.T @ deviation
    if covariance:
        return table / max(1, len(counts) - 1)
    scale = np.sqrt(np.diag(table))
    return np.divide(table, np.outer(scale, scale), out=np.full_like(table, np.nan), where=np.outer(scale, scale) > 0)


def correlation(times: Any, ids: Any = None, *, start: float, stop: float, width: float, neurons: int = 200) -> float:
    """Return the mean correlation coefficient of the spike counts of two neurons.

    Args:
        times: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,).
        start: begin of the first bin [ms].
        stop: what is after it does not count [ms].
        width: of a bin [ms].
        neurons: how many take part, the first of those that spike.

    Returns:
        NaN where fewer than two neurons have counts that vary.
    """
    times, of = c.columns(times, ids)
    held, _ = c.bins(start, stop, width).inside(times)
    chosen = np.unique(of[held])[:neurons]
    taken = held & np.isin(of, chosen)
    place = np.searchsorted(chosen, of[taken])
    if len(chosen) < 2:
        return float("nan")
    table = correlation_matrix(times[taken], place, n=len(chosen), start=start, stop=stop, width=width)
    pairs = table[np.triu_indices(len(table), 1)]
    varying = pairs[~np.isnan(pairs)]
    return float(varying.mean()) if len(varying) else float("nan")


def synchrony(times: Any, ids: Any = None, n: int | None = None, *, start: float, stop: float, width: float) -> float:
    """Return Golomb's measure of synchrony, chi, of the spike counts in bins.

    chi**2 is the variance over time of the neurons' mean count, over the mean of their variances: 1 where all do the
    same, 1/n where they are independent. (`membrane_synchrony` takes it of membranes; counts need no
    recording of these.)

    Args:
        times: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,).
        n: number of neurons.
        start: begin of the first bin [ms].
        stop: what is after it does not count [ms].
        width: of a bin [ms].

    Returns:
        NaN where no count varies.
    """
    spikes, (times, of) = times, c.columns(times, ids)
    n, bins = max(1, c.neurons(spikes, of, n)), c.bins(start, stop, width)
    held, index = bins.inside(times)
    of = of[held]
    pairs, counts = np.unique(index * n + of, return_counts=True)
    square = np.bincount(pairs % n, counts.astype(float) ** 2, minlength=n) / bins.count
    variances = square - (np.bincount(of, minlength=n) / bins.count) ** 2
    if not variances.any():
        return float("nan")
    mean = np.bincount(index, minlength=bins.count) / n
    return float(np.sqrt(mean.var() / variances.mean()))


def membrane_synchrony(v: Any) -> float:
    """Return Golomb's measure of synchrony of membranes: chi**2 = var_t(mean_i v_i)/mean_i var_t(v_i).

    Args:
        v: (T, N) membrane potentials, or any states.

    Returns:
        1 in full synchrony, about 1/sqrt(N) without; NaN where nothing varies (Golomb & Rinzel 1994).

    Raises:
        ShapeError: it is not (T, N).
    """
    v = np.asarray(v, float)
    if v.ndim != 2 or v.size == 0:
        raise ShapeError(f"membrane_synchrony: expected (T, N) values, got shape {v.shape}")
    each = v.var(0).mean()
    return float(np.sqrt(v.mean(1).var() / each)) if each > 0 else float("nan")


def pairwise_coherence(
    spikes: Any, ids: Any = None, *, n: int | None = None, start: float, stop: float, width: float
) -> np.ndarray:
    """Return the coherence of each pair, kappa_ij = sum X Y/sqrt(sum X sum Y), X and Y being 1 in bins with a spike.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.
        start: begin of the first bin [ms].
        stop: what is after it does not count [ms].
        width: of a bin [ms].

    Returns:
        (n, n), NaN for silent neurons (Wang & Buzsaki 1996); the mean over pairs is the network's coherence.
    """
    there = (binned_counts(spikes, ids, n=n, start=start, stop=stop, width=width) > 0).astype(float)
    active = there.sum(0)
    scale = np.sqrt(np.outer(active, active))
    return np.divide(there.T @ there, scale, out=np.full_like(scale, np.nan), where=scale > 0)
