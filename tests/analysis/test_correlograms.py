"""Correlograms against a loop over all pairs of spikes."""

import numpy as np
import pytest

from spikelet import analysis
from spikelet.errors import InputError

RNG = np.random.default_rng(0)
A, B = RNG.uniform(0, 200, 60), RNG.uniform(0, 200, 80)


def naive(pairs, window: float, width: float) -> list[int]:
    half = int(window / width)
    counts = [0] * (2 * half + 1)
    for a, b in pairs:
        k = int(np.floor((b - a) / width + 0.5)) + half
        if 0 <= k <= 2 * half:
            counts[k] += 1
    return counts


def test_cross_correlogram_counts_pairs() -> None:
    lags, counts = analysis.cross_correlogram(A, B, window=20, width=2)
    assert lags.tolist() == list(range(-20, 21, 2))
    assert counts.tolist() == naive([(a, b) for a in A for b in B], 20, 2)
    back = analysis.cross_correlogram(B, A, window=20, width=2)[1]
    assert counts.tolist() == back[::-1].tolist()


def test_auto_correlogram_counts_pairs_of_each_neuron() -> None:
    times, ids = np.concatenate([A, B]), np.repeat([4, 1], [60, 80])
    lags, counts = analysis.auto_correlogram(times, ids, window=15, width=1.5)
    pairs = [(a, b) for train in (A, B) for i, a in enumerate(train) for j, b in enumerate(train) if i != j]
    assert counts.tolist() == naive(pairs, 15, 1.5)
    assert len(lags) == 21


def test_borders_are_corrected() -> None:
    """Of two Poisson trains, every lag is as frequent as any other once the borders are taken into account."""
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0, 1000, 4_000), rng.uniform(0, 1000, 4_000)
    lags, raw = analysis.cross_correlogram(a, b, window=500, width=50)
    corrected = analysis.cross_correlogram(a, b, window=500, width=50, duration=1000)[1]
    assert corrected == pytest.approx(raw / (1 - abs(lags) / 1000))
    assert corrected == pytest.approx(4_000**2 * 50 / 1000, rel=0.06)
    assert raw[0] < 0.6 * raw[10]


def test_windows_without_a_bin_are_refused() -> None:
    with pytest.raises(InputError, match="no bin of 5 ms fits into a window of 2 ms"):
        analysis.cross_correlogram(A, B, window=2, width=5)
    with pytest.raises(InputError, match="must be shorter than the duration of 10 ms"):
        analysis.cross_correlogram(A, B, window=20, width=5, duration=10)


def test_no_spikes_make_no_pairs() -> None:
    assert analysis.cross_correlogram([], B, window=5, width=1)[1].sum() == 0
    assert analysis.auto_correlogram([], window=5, width=1)[1].sum() == 0
