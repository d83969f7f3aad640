"""How spikes follow a rhythm: phases, vector strength, phase locking to a signal."""

from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.errors import InputError, ShapeError


def vector_strength(spikes: Any, *, period: float) -> float:
    """Return the vector strength abs(mean(exp(2 pi i t/period))) of spikes (Goldberg & Brown 1969).

    Args:
        spikes: (S,) times [ms], or an object with ``times``.
        period: of the rhythm [ms].

    Returns:
        1 where all come at one phase, near 0 where they ignore it; NaN without spikes.

    Example:
        >>> round(vector_strength([5.0, 15.0, 25.0], period=10.0), 12)
        1.0
    """
    times = c.train(spikes, "spikes")
    return mean_phase(2 * np.pi * times / c.positive("period", period))[1]


def mean_phase(phases: Any) -> tuple[float, float]:
    """Return the direction [rad] and the length of the mean of unit vectors with these phases.

    Args:
        phases: (S,) [rad].

    Returns:
        Direction in (-pi, pi] and length in 0 ... 1, NaN of no phases.
    """
    phases = np.asarray(phases, float)
    if not phases.size:
        return float("nan"), float("nan")
    mean = np.exp(1j * phases).mean()
    return float(np.angle(mean)), float(min(1.0, abs(mean)))


def phases_at_spikes(spikes: Any, signal: Any, *, dt: float, start: float = 0.0) -> np.ndarray:
    """Return the phase of a signal at each spike, that of its analytic signal (Hilbert transform).

    Args:
        spikes: (S,) times [ms], or an object with ``times``.
        signal: (T,) values, filtered to the band of interest; its mean is taken off.
        dt: between values [ms].
        start: time of the first value [ms].

    Returns:
        (S,) [rad] in (-pi, pi], in the order of time; of the spikes within the signal. Between values the angle is
        interpolated the short way round.

    Raises:
        ShapeError: the signal is not (T,) with at least two values.
    """
    from scipy.signal import hilbert

    signal, dt = np.asarray(signal, float), c.positive("dt", dt)
    if signal.ndim != 1 or len(signal) < 2:
        raise ShapeError(f"phases_at_spikes: expected a signal (T,) of two values or more, got shape {signal.shape}")
    times = c.train(spikes, "spikes")
    place = (times - start) / dt
    place = place[(place >= 0) & (place <= len(signal) - 1)]
    angle = np.unwrap(np.angle(np.asarray(hilbert(signal - signal.mean()))))
    found = np.interp(place, np.arange(len(signal)), angle)
    return np.angle(np.exp(1j * found))


def phase_locking(spikes: Any, signal: Any, *, dt: float, start: float = 0.0) -> tuple[float, float]:
    """Return at which phase of a signal spikes come [rad], and how strongly they keep to it, 0 ... 1.

    Args:
        spikes: (S,) times [ms], or an object with ``times``.
        signal: (T,) values, filtered to the band of interest.
        dt: between values [ms].
        start: time of the first value [ms].

    Raises:
        InputError: no spike lies within the signal.
    """
    phases = phases_at_spikes(spikes, signal, dt=dt, start=start)
    if not phases.size:
        raise InputError("phase_locking: no spike lies within the signal")
    return mean_phase(phases)
