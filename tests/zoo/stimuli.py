"""What the tests of the zoo share: exact runs, rasters, pulses, and the flight time of a LIF neuron."""

from typing import Any

import numpy as np

EXACT = {"dtype": "float64", "backend": "numpy_reference"}


def raster(out: Any, steps: int, neurons: int = 1) -> np.ndarray:
    """Spikes of a run with dt = 1 ms as booleans (T, N)."""
    dense = np.zeros((steps, neurons), dtype=bool)
    dense[np.rint(out.spikes.times).astype(int) - 1, out.spikes.ids] = True
    return dense


def pulse(size: Any, steps: int, neurons: int = 1) -> np.ndarray:
    """Deliver `size` once, in the first step."""
    jumps = np.zeros((steps, neurons))
    jumps[0] = size
    return jumps


def lif_flight(current: Any, tau: float = 10.0, reset: float = 0.0, threshold: float = 1.0) -> Any:
    """Time from reset to threshold."""
    return tau * np.log((current - reset) / (current - threshold))
