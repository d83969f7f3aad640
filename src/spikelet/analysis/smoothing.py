"""Smoothed rates: spikes convolved with a kernel, and the widths of bins and kernels that show a rate best."""

from collections.abc import Callable
from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.analysis.rates import lags_between
from spikelet.errors import InputError, ShapeError, did_you_mean

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


def optimal_kernel_width(times: Any, widths: Any) -> tuple[float, np.ndarray]:
    """Return the standard deviation of a Gaussian kernel that shows a rate best (Shimazaki & Shinomoto 2010).

    It minimises C(w) = sum_ij k(t_i - t_j; sqrt(2) w) - 2 sum_i!=j k(t_i - t_j; w), k being a Gaussian of unit area.

    Args:
        times: (S,) spikes of all trials [ms].
        widths: (m,) to choose from [ms].

    Returns:
        The best width [ms], and the cost of each, (m,) [1/ms].

    Raises:
        ShapeError: no widths are given.
    """
    times, widths = c.train(times, "times"), np.atleast_1d(np.asarray(widths, float))
    if not widths.size:
        raise ShapeError("optimal_kernel_width: no widths to choose from")
    cost = np.zeros(len(widths))
    for place, width in enumerate(widths):
        c.positive("widths", width)
        for lags in lags_between(times, times, -8 * width, 8 * width):
            near = -((lags / (2 * width)) ** 2)
            wide, narrow = np.exp(near).sum() / np.sqrt(2), np.exp(2 * near).sum()
            cost[place] += (wide - 2 * narrow) / (width * np.sqrt(2 * np.pi))
        cost[place] += 2 * len(times) / (width * np.sqrt(2 * np.pi))  # a spike makes no pair with itself
    return float(widths[cost.argmin()]), cost
