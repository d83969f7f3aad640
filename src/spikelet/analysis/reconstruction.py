"""How well a signal was reconstructed from spikes."""

from typing import Any

import numpy as np

from spikelet.errors import ShapeError


def rmse(signal: Any, reconstruction: Any) -> float:
    """Return the root of the mean squared error, in the unit of the signal.

    Args:
        signal: values of any shape.
        reconstruction: of the same shape.

    Example:
        >>> rmse([1.0, 2.0], [1.0, 4.0]) == 2**0.5
        True
    """
    signal, error = _error(signal, reconstruction)
    return float(np.sqrt(np.mean(error**2)))


def snr(signal: Any, reconstruction: Any) -> float:
    """Return the ratio of signal to noise, 10 log10(sum signal**2/sum (signal - reconstruction)**2) [dB].

    Args:
        signal: values of any shape.
        reconstruction: of the same shape.

    Returns:
        Infinity where both are equal, minus infinity where the signal is 0 and its reconstruction is not.

    Example:
        >>> round(snr([3.0, 4.0], [3.0, 4.5]), 6)
        20.0
    """
    signal, error = _error(signal, reconstruction)
    noise = float(np.sum(error**2))
    if not noise:
        return float("inf")
    power = float(np.sum(signal**2))
    return float(10 * np.log10(power / noise)) if power else float("-inf")


def _error(signal: Any, reconstruction: Any) -> tuple[np.ndarray, np.ndarray]:
    signal, other = np.asarray(signal, float), np.asarray(reconstruction, float)
    if signal.shape != other.shape:
        raise ShapeError(f"the signal has shape {signal.shape}, the reconstruction {other.shape}")
    if not signal.size:
        raise ShapeError(f"the signal has no values: its shape is {signal.shape}")
    return signal, signal - other
