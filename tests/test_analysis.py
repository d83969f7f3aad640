"""Statistics of spikes against trains whose answers are known."""

import math

import numpy as np
import pytest

from spikelet import analysis
from spikelet.errors import InputError, ShapeError


def test_regular_spikes_have_no_variation_and_those_of_poisson_one() -> None:
    rng = np.random.default_rng(1)
    regular, ids = np.arange(1.0, 51.0), np.zeros(50, int)
    assert analysis.cv_isi(regular, ids) == 0.0
    poisson = np.cumsum(rng.exponential(5.0, 20_000))
    assert analysis.cv_isi(poisson, np.zeros(20_000, int)) == pytest.approx(1.0, abs=0.02)
    gamma = np.cumsum(rng.gamma(4.0, 1.0, 20_000))
    assert analysis.cv_isi(gamma, np.zeros(20_000, int)) == pytest.approx(0.5, abs=0.01)


def test_irregularity_is_a_mean_over_neurons_with_enough_intervals() -> None:
    one, other, short = [1.0, 3.0, 4.0, 6.0, 7.0], [2.0, 4.0, 6.0, 8.0], [1.0, 9.0, 10.0]
    times = np.array(one + other + short)
    ids = np.array([0] * 5 + [7] * 4 + [2] * 3)
    order = np.random.default_rng(0).permutation(len(times))
    expected = (np.std([2, 1, 2, 1]) / 1.5 + 0.0) / 2
    assert analysis.cv_isi(times[order], ids[order]) == pytest.approx(expected)
    assert analysis.cv_isi(times, ids, least=2) == pytest.approx((2 * expected + np.std([8, 1]) / 4.5) / 3)
    assert math.isnan(analysis.cv_isi(np.array([1.0]), np.array([0])))
    assert math.isnan(analysis.cv_isi(np.zeros(0), np.zeros(0, int)))


def test_a_spike_on_the_border_belongs_to_the_bin_before() -> None:
    times = np.arange(1, 11) * 0.1  # a spike in each step of 1 ms
    rate = analysis.population_rate(times, 2, start=0.0, stop=1.05, width=0.5)
    assert rate == pytest.approx([5 / (2 * 0.5)] * 2)
    later = analysis.population_rate(times + 100.0, 2, start=100.3, stop=100.9, width=0.3)
    assert later == pytest.approx([3 / (2 * 0.3)] * 2)


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
    rng = np.random.default_rng(3)
    n, bins = 30, 200
    common = rng.random((bins, 1)) < 0.3
    counts = rng.poisson(0.2 + 0.5 * common, (bins, n))
    k, i = np.nonzero(counts)
    times, ids = np.repeat(2.0 * k + 1.3, counts[k, i]), np.repeat(i, counts[k, i])
    chi = np.sqrt(counts.mean(1).var() / counts.var(0).mean())
    assert analysis.synchrony(times, ids, n, start=0, stop=400, width=2) == pytest.approx(chi)
    table = np.corrcoef(counts.T)
    mean = table[np.triu_indices(n, 1)].mean()
    assert analysis.correlation(times, ids, start=0, stop=400, width=2) == pytest.approx(mean)
    first = table[:4, :4][np.triu_indices(4, 1)].mean()
    assert analysis.correlation(times, ids, start=0, stop=400, width=2, neurons=4) == pytest.approx(first)


def test_correlation_needs_two_neurons_that_vary() -> None:
    assert math.isnan(analysis.correlation(np.array([1.0]), np.array([3]), start=0, stop=10, width=1))
    with pytest.raises(InputError, match="no bin of 20 ms fits between 0 and 10 ms"):
        analysis.correlation(np.array([1.0]), np.array([3]), start=0, stop=10, width=20)


def test_columns_are_of_one_length() -> None:
    with pytest.raises(ShapeError, match=r"times have shape \(2,\), ids \(3,\)"):
        analysis.cv_isi(np.zeros(2), np.zeros(3, int))
