"""Golden numbers, and the one place that says how their spike times count.

A spike that Spikelet finds in step k, which ends at t = (k+1)*dt, has that time. Golden tables were made by other
conventions; ``ours`` converts their times, and nothing else does.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "golden.json").read_text())

# Steps to add to a golden time. 1: the table says k*dt, the index of the step; 0: it says (k+1)*dt as we do.
OFFSETS = {
    "izhikevich2003": 1,
    "izhikevich2004": 1,
    "adex_patterns": 0,
    "adex_bg2005": 0,
    "liu_wang": 0,
    "loihi": 1,
    "hodgkin_huxley": 0,  # RK4 tables interpolate the crossing, see crossing_times
}


def ours(table: str, times: Any, dt: float) -> np.ndarray:
    """Return golden spike times as Spikelet counts them."""
    return np.asarray(times, dtype=float) + OFFSETS[table] * dt


def crossing_times(v: np.ndarray, t: np.ndarray, level: float) -> np.ndarray:
    """Return the times at which a trace (T,) crosses ``level`` upwards, interpolated linearly between samples."""
    before = np.flatnonzero((v[:-1] < level) & (v[1:] >= level))
    return t[before] + (level - v[before]) / (v[before + 1] - v[before]) * (t[before + 1] - t[before])


def assert_times(found: np.ndarray, expected: np.ndarray, drift: float) -> None:
    """Fail unless both hold as many times (one at the end may be missing), the n-th within n*drift.

    A model on a grid finds each spike late by up to a step, and starts the next interval there.
    """
    n = min(len(found), len(expected))
    assert n > 0 and abs(len(found) - len(expected)) <= 1, (len(found), len(expected))
    error = np.abs(found[:n] - expected[:n])
    assert (error <= drift * np.arange(1, n + 1)).all(), (found[:8], expected[:8], error.max())


def times_of(out: Any, neuron: int = 0) -> np.ndarray:
    """Return the spike times of one neuron of a result."""
    return out.spikes.times[out.spikes.ids == neuron]
