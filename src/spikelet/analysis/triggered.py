"""What comes before a spike: the spike-triggered average of a signal."""

from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.errors import InputError, ShapeError


def spike_triggered_average(
    spikes: Any, signal: Any, *, dt: float, before: float, after: float = 0.0, start: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean course of a signal around spikes.

    Args:
        spikes: (S,) times [ms], or an object with ``times``.
        signal: (T,) values; the value at index k is that of the time start + k dt.
        dt: between values [ms].
        before: how far back it looks [ms].
        after: and how far on [ms].
        start: time of the first value [ms].

    Returns:
        (K,) lags [ms] from -before to after, and (K,) means. Spikes count whose whole window lies in the signal; a
        spike between two values belongs to the nearer one.

    Raises:
        ShapeError: the signal is not (T,).
        InputError: no spike has its window in the signal, or a value is not finite.

    Example:
        >>> lags, mean = spike_triggered_average([2.0, 6.0], [0, 1, 0, 0, 0, 3, 0, 0], dt=1.0, before=2.0)
        >>> lags.tolist(), mean.tolist()
        ([-2.0, -1.0, 0.0], [0.0, 2.0, 0.0])
    """
    signal, dt = np.asarray(signal, float), c.positive("dt", dt)
    if signal.ndim != 1:
        raise ShapeError(f"spike_triggered_average: expected a signal (T,), got shape {signal.shape}")
    c.numbers(signal, "signal")  # a NaN anywhere would be in every mean
    steps = np.arange(-round(before / dt), round(after / dt) + 1)
    if not steps.size:
        raise InputError(f"the window from {-before:g} to {after:g} ms is empty")
    place = np.rint((c.train(spikes, "spikes") - start) / dt).astype(np.int64)
    place = place[(place + steps[0] >= 0) & (place + steps[-1] < len(signal))]
    if not place.size:
        raise InputError(f"no spike has its window of {-before:g} to {after:g} ms within the signal")
    weight = np.bincount(place, minlength=len(signal)).astype(float)
    mean = np.empty(len(steps))
    for k, step in enumerate(steps):  # a dot product for each lag: no copy of the signal for each spike
        low, high = max(0, -step), len(signal) - max(0, step)
        mean[k] = weight[low:high] @ signal[low + step : high + step]
    return steps * dt, mean / len(place)
