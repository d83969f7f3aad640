"""Statistics of recorded spikes: rates over time, irregularity, synchrony and correlation.

Spikes are columns: times [ms] and ids, the index of the neuron in its population, in any order. A bin holds the spikes
with ``a < time <= b``, since a spike of step k has the time (k + 1) dt.
"""

import numpy as np

from spikelet.errors import InputError, ShapeError

_NEAR = 1e-6  # bins: what is nearer to the border of a bin lies on it


def cv_isi(times: np.ndarray, ids: np.ndarray, *, least: int = 3) -> float:
    """Return the coefficient of variation of the intervals between spikes, as a mean over neurons.

    It is 0 for regular spikes and 1 for those of a Poisson process.

    Args:
        times: (S,) [ms].
        ids: (S,).
        least: neurons with fewer intervals do not count.

    Returns:
        NaN where no neuron counts.

    Example:
        >>> cv_isi(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 0, 0]))
        0.0
    """
    times, ids = _columns(times, ids)
    order = np.lexsort((times, ids))
    of = ids[order]
    same = of[1:] == of[:-1]
    interval, of = np.diff(times[order])[same], of[1:][same]
    number = np.bincount(of)
    mean = np.bincount(of, interval) / np.maximum(number, 1)
    variance = np.bincount(of, (interval - mean[of]) ** 2) / np.maximum(number, 1)
    counted = number >= least
    return float(np.mean(np.sqrt(variance[counted]) / mean[counted])) if counted.any() else float("nan")


def population_rate(times: np.ndarray, n: int, *, start: float, stop: float, width: float) -> np.ndarray:
    """Return the mean firing rate of a population over time.

    Args:
        times: (S,) spikes of all its neurons [ms].
        n: number of its neurons.
        start: begin of the first bin [ms].
        stop: what is after it does not count [ms].
        width: of a bin [ms].

    Returns:
        (bins,) [1/ms], of the bins that fit whole.
    """
    bins = _bins(start, stop, width)
    index = _bin_of(np.asarray(times, float), start, width)
    inside = (index >= 0) & (index < bins)
    return np.bincount(index[inside], minlength=bins) / (n * width)


def synchrony(times: np.ndarray, ids: np.ndarray, n: int, *, start: float, stop: float, width: float) -> float:
    """Return Golomb's measure of synchrony, chi, of the spike counts in bins.

    chi**2 is the variance over time of the neurons' mean count, over the mean of their variances: 1 where all do the
    same, 1/n where they are independent. (It is usual to take it of membranes; counts need no recording of these.)

    Args:
        times: (S,) [ms].
        ids: (S,).
        n: number of neurons.
        start: begin of the first bin [ms].
        stop: what is after it does not count [ms].
        width: of a bin [ms].

    Returns:
        NaN where no count varies.
    """
    times, ids = _columns(times, ids)
    bins = _bins(start, stop, width)
    index = _bin_of(times, start, width)
    inside = (index >= 0) & (index < bins)
    index, ids = index[inside], ids[inside]
    pairs, counts = np.unique(index * n + ids, return_counts=True)
    square = np.bincount(pairs % n, counts.astype(float) ** 2, minlength=n) / bins
    variances = square - (np.bincount(ids, minlength=n) / bins) ** 2
    if not variances.any():
        return float("nan")
    mean = np.bincount(index, minlength=bins) / n
    return float(np.sqrt(mean.var() / variances.mean()))


def correlation(
    times: np.ndarray, ids: np.ndarray, *, start: float, stop: float, width: float, neurons: int = 200
) -> float:
    """Return the mean correlation coefficient of the spike counts of two neurons.

    Args:
        times: (S,) [ms].
        ids: (S,).
        start: begin of the first bin [ms].
        stop: what is after it does not count [ms].
        width: of a bin [ms].
        neurons: how many take part, the first of those that spike.

    Returns:
        NaN where fewer than two neurons have counts that vary.
    """
    times, ids = _columns(times, ids)
    bins = _bins(start, stop, width)
    index = _bin_of(times, start, width)
    inside = (index >= 0) & (index < bins)
    index, ids = index[inside], ids[inside]
    chosen = np.unique(ids)[:neurons]
    held = np.isin(ids, chosen)
    place = np.searchsorted(chosen, ids[held])
    counts = np.bincount(place * bins + index[held], minlength=len(chosen) * bins).reshape(len(chosen), bins)
    counts = counts[counts.var(1) > 0]
    if len(counts) < 2:
        return float("nan")
    pairs = len(counts) * (len(counts) - 1)
    return float((np.sum(np.corrcoef(counts)) - len(counts)) / pairs)


def _columns(times: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    times, ids = np.asarray(times, float), np.asarray(ids, np.int64)
    if times.shape != ids.shape or times.ndim != 1:
        raise ShapeError(f"times have shape {times.shape}, ids {ids.shape}; expected two columns of one length")
    return times, ids


def _bins(start: float, stop: float, width: float) -> int:
    """Return the number of whole bins."""
    bins = int((stop - start) / width + _NEAR) if width > 0 else 0
    if bins < 1:
        raise InputError(f"no bin of {width:g} ms fits between {start:g} and {stop:g} ms")
    return bins


def _bin_of(times: np.ndarray, start: float, width: float) -> np.ndarray:
    return np.ceil((times - start) / width - _NEAR).astype(np.int64) - 1
