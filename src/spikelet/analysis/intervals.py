"""Intervals between spikes, and how irregular they are: CV, CV2, LV, LvR."""

from typing import Any

import numpy as np

from spikelet.analysis import columns as c


def isi(spikes: Any, ids: Any = None, *, n: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the intervals between successive spikes of each neuron.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.

    Returns:
        (I,) intervals [ms] and (I,) the neuron of each, by neuron and then by time.

    Example:
        >>> isi(np.array([1.0, 4.0, 2.0, 9.0]), np.array([0, 0, 3, 3]))[0].tolist()
        [3.0, 7.0]
    """
    sorted_ = c.trains(spikes, ids, n)
    same = sorted_.ids[1:] == sorted_.ids[:-1]
    return np.diff(sorted_.times)[same], sorted_.ids[1:][same]


def cv(spikes: Any, ids: Any = None, *, n: int | None = None, least: int = 2) -> np.ndarray:
    """Return the coefficient of variation of each neuron's intervals, standard deviation over mean.

    It is 0 for regular spikes, 1 for those of a Poisson process, 1/sqrt(k) for a gamma process of order k.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.
        least: neurons with fewer intervals get NaN.

    Returns:
        (n,).
    """
    intervals, of, count = _of_neurons(spikes, ids, n)
    number = np.bincount(of, minlength=count)
    mean = np.bincount(of, intervals, count) / np.maximum(number, 1)
    variance = np.bincount(of, (intervals - mean[of]) ** 2, count) / np.maximum(number, 1)
    return _where(number >= least, np.sqrt(variance), mean)


def cv_isi(times: Any, ids: Any = None, *, least: int = 3) -> float:
    """Return the coefficient of variation of the intervals between spikes, as a mean over neurons.

    It is 0 for regular spikes and 1 for those of a Poisson process.

    Args:
        times: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,).
        least: neurons with fewer intervals do not count.

    Returns:
        NaN where no neuron counts.

    Example:
        >>> cv_isi(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0, 0, 0, 0]))
        0.0
    """
    each = cv(times, ids, least=least)
    counted = ~np.isnan(each)
    return float(each[counted].mean()) if counted.any() else float("nan")


def cv2(spikes: Any, ids: Any = None, *, n: int | None = None) -> np.ndarray:
    """Return CV2 of each neuron, the mean of 2 abs(I_k+1 - I_k)/(I_k+1 + I_k) (Holt et al. 1996).

    Slow changes of the rate do not raise it; Poisson spikes have 1.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.

    Returns:
        (n,), NaN for less than two intervals.
    """
    a, b, of, count = _pairs(spikes, ids, n)
    return _mean(2 * np.abs(b - a) / (a + b), of, count)


def lv(spikes: Any, ids: Any = None, *, n: int | None = None) -> np.ndarray:
    """Return the local variation of each neuron, 3 times the mean of ((I_k - I_k+1)/(I_k + I_k+1))**2.

    Poisson spikes have 1, a gamma process of order k has 3/(2k + 1) (Shinomoto et al. 2003).

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.

    Returns:
        (n,), NaN for less than two intervals.
    """
    a, b, of, count = _pairs(spikes, ids, n)
    return _mean(3 * ((a - b) / (a + b)) ** 2, of, count)


def lvr(spikes: Any, ids: Any = None, *, n: int | None = None, refractoriness: float = 5.0) -> np.ndarray:
    """Return the local variation of each neuron, revised for refractoriness R (Shinomoto et al. 2009).

    It is 3 times the mean of (1 - 4 I_k I_k+1/(I_k + I_k+1)**2)(1 + 4 R/(I_k + I_k+1)).

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.
        refractoriness: R [ms].

    Returns:
        (n,), NaN for less than two intervals.
    """
    a, b, of, count = _pairs(spikes, ids, n)
    total = a + b
    return _mean(3 * (1 - 4 * a * b / total**2) * (1 + 4 * refractoriness / total), of, count)


def _of_neurons(spikes: Any, ids: Any, n: int | None) -> tuple[np.ndarray, np.ndarray, int]:
    sorted_ = c.trains(spikes, ids, n)
    same = sorted_.ids[1:] == sorted_.ids[:-1]
    return np.diff(sorted_.times)[same], sorted_.ids[1:][same], len(sorted_)


def _pairs(spikes: Any, ids: Any, n: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return successive intervals of one neuron, the neuron, and the number of neurons.

    Three spikes at one time make two intervals of 0, of which no ratio is defined; such a pair is left out.
    """
    intervals, of, count = _of_neurons(spikes, ids, n)
    same = (of[1:] == of[:-1]) & (intervals[1:] + intervals[:-1] > 0)
    return intervals[:-1][same], intervals[1:][same], of[1:][same], count


def _mean(values: np.ndarray, of: np.ndarray, count: int) -> np.ndarray:
    number = np.bincount(of, minlength=count)
    return _where(number > 0, np.bincount(of, values, count), number)


def _where(counted: np.ndarray, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return above/below where a neuron counts and NaN elsewhere."""
    return np.divide(above, below, out=np.full(len(counted), np.nan), where=counted & (below > 0))
