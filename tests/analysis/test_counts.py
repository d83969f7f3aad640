"""Statistics of spike counts against dense tables of counts and trains whose answers are known."""

import math

import numpy as np
import pytest

from spikelet import analysis
from spikelet.errors import InputError, ShapeError


def dense(seed: int = 3, n: int = 30, bins: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return counts (bins, n) of neurons with a common drive, and columns of spikes that have them in bins of 2 ms."""
    rng = np.random.default_rng(seed)
    common = rng.random((bins, 1)) < 0.3
    counts = rng.poisson(0.2 + 0.5 * common, (bins, n))
    k, i = np.nonzero(counts)
    return counts, np.repeat(2.0 * k + 1.3, counts[k, i]), np.repeat(i, counts[k, i])


def test_synchrony_is_one_in_unison_and_that_of_chance_without() -> None:
    volley = np.repeat(np.array([3.0, 11.0, 12.0, 27.0]), 5)
    ids = np.tile(np.arange(5), 4)
    assert analysis.synchrony(volley, ids, 5, start=0, stop=30, width=1) == pytest.approx(1.0)
    rng = np.random.default_rng(2)
    n, steps = 400, 4000
    k, i = np.nonzero(rng.random((steps, n)) < 0.02)
    chi = analysis.synchrony(k + 1.0, i, n, start=0, stop=steps, width=1)
    assert chi == pytest.approx(1 / math.sqrt(n), rel=0.05)
    assert math.isnan(analysis.synchrony(np.zeros(0), np.zeros(0, int), 5, start=0, stop=30, width=1))


def test_synchrony_and_correlation_are_those_of_dense_counts() -> None:
    counts, times, ids = dense()
    n = counts.shape[1]
    chi = np.sqrt(counts.mean(1).var() / counts.var(0).mean())
    assert analysis.synchrony(times, ids, n, start=0, stop=400, width=2) == pytest.approx(chi)
    table = np.corrcoef(counts.T)
    assert analysis.correlation_matrix(times, ids, n=n, start=0, stop=400, width=2) == pytest.approx(table)
    covariance = analysis.correlation_matrix(times, ids, n=n, start=0, stop=400, width=2, covariance=True)
    assert covariance == pytest.approx(np.cov(counts.T))
    mean = table[np.triu_indices(n, 1)].mean()
    assert analysis.correlation(times, ids, start=0, stop=400, width=2) == pytest.approx(mean)
    first = table[:4, :4][np.triu_indices(4, 1)].mean()
    assert analysis.correlation(times, ids, start=0, stop=400, width=2, neurons=4) == pytest.approx(first)


def test_correlation_needs_two_neurons_that_vary() -> None:
    assert math.isnan(analysis.correlation(np.array([1.0]), np.array([3]), start=0, stop=10, width=1))
    both = analysis.correlation_matrix([1.0, 2.0], [0, 1], n=3, start=0, stop=3, width=1)
    assert both[0, 1] == pytest.approx(-0.5) and np.isnan(both[2]).all()
    with pytest.raises(InputError, match="no bin of 20 ms fits between 0 and 10 ms"):
        analysis.correlation(np.array([1.0]), np.array([3]), start=0, stop=10, width=20)


def test_fano_factor_of_trials_and_of_windows() -> None:
    counts, times, ids = dense()
    expected = counts.sum(0).var() / counts.sum(0).mean()
    assert analysis.fano_factor(times, ids, n=30, stop=400) == pytest.approx(expected)
    table = counts[:200].reshape(20, 10, 30).sum(1)
    windows = analysis.fano_factor(times, ids, n=30, start=0, stop=400, width=20)
    assert windows == pytest.approx(table.var(0) / table.mean(0))
    assert math.isnan(analysis.fano_factor([], n=3, stop=10))


def test_a_single_count_has_no_fano_factor() -> None:
    assert math.isnan(analysis.fano_factor([1.0, 2.0], stop=10))
    assert np.isnan(analysis.fano_factor([1.0, 2.0], start=0, stop=10, width=10)).all()


def test_fano_factor_of_poisson_is_one_and_of_renewal_spikes_their_squared_variation() -> None:
    rng = np.random.default_rng(4)
    poisson = np.cumsum(rng.exponential(1.0, 200_000))
    assert analysis.fano_factor(poisson, stop=190_000, width=100)[0] == pytest.approx(1.0, abs=0.1)
    gamma = np.cumsum(rng.gamma(4.0, 0.25, 200_000))
    assert analysis.fano_factor(gamma, stop=190_000, width=100)[0] == pytest.approx(0.25, abs=0.03)


def test_synchrony_of_membranes() -> None:
    t = np.arange(1000)
    same = np.sin(t / 20)[:, None] * np.ones(8)
    assert analysis.membrane_synchrony(same) == pytest.approx(1.0)
    noise = np.random.default_rng(6).normal(size=(20_000, 100))
    assert analysis.membrane_synchrony(noise) == pytest.approx(0.1, rel=0.05)
    assert math.isnan(analysis.membrane_synchrony(np.ones((5, 2))))
    with pytest.raises(ShapeError, match=r"expected \(T, N\) values, got shape \(3,\)"):
        analysis.membrane_synchrony(np.zeros(3))


def test_coherence_of_pairs_is_that_of_a_loop() -> None:
    counts, times, ids = dense(n=6, bins=40)
    kappa = analysis.pairwise_coherence(times, ids, n=7, start=0, stop=80, width=2)
    there = counts > 0
    for i in range(6):
        for j in range(6):
            both = sum(x and y for x, y in zip(there[:, i], there[:, j], strict=True))
            assert kappa[i, j] == pytest.approx(both / math.sqrt(there[:, i].sum() * there[:, j].sum()))
    assert np.isnan(kappa[6]).all()
