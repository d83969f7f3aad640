"""Vogels et al. 2011: inhibition that learns, in the simulator."""

import functools

import numpy as np
import pytest

from spikelet import progress
from spikelet.experiments import vogels_2011 as vogels, vogels_2011_network as assemblies
from spikelet.units import Hz, ms

silent = functools.partial(progress.bar, show=False)


def test_what_balances_the_rule_is_a_sum_over_pairs():
    random = np.random.default_rng(3)
    times, fired = np.sort(random.uniform(0, 500, 80)), random.uniform(0, 500, 9)
    pairs = sum(np.exp(-abs(a - b) / 20) for a in times for b in fired if abs(a - b) < 200)
    assert assemblies.balance(times, fired) == pytest.approx(pairs / 80 / 40, rel=1e-9)
    long = np.sort(random.uniform(0, 1e5, 20_000)), random.uniform(0, 1e5, 500)
    assert assemblies.balance(*long) == pytest.approx(5 * Hz, rel=0.05)  # independent: the rate itself


def test_channels_have_the_rates_and_the_memory_that_they_should():
    rates = vogels.signals(100, 1).rates / Hz
    assert rates.shape == (100_000, 8) and rates.min() == 5
    assert rates.mean() == pytest.approx(5 + 20 / np.sqrt(2 * np.pi), rel=0.03)  # half of a normal law
    assert np.asarray(np.corrcoef(rates.T)).ravel()[1:8].max() < 0.1
    signs = np.sign(rates - 5.000001)  # of noise whose correlation is rho, that of the signs is 2 arcsin(rho)/pi
    later = [float((signs[lag:] * signs[:-lag]).mean()) for lag in (20, 50, 100)]
    np.testing.assert_allclose(later, 2 / np.pi * np.arcsin(np.exp(-np.array([0.4, 1.0, 2.0]))), atol=0.03)
    current = vogels.Signals(rates)
    np.testing.assert_array_equal(current.rows(7, 3, 16, 0.5)[:, ::2], rates[[3, 4, 4]])


def test_inhibition_mirrors_excitation_and_brings_the_rate_to_its_target():
    found = vogels.learned(24, 2, silent)
    assert found["course"][0, 0] > 10 and abs(found["course"][0, 1]) < 0.95 < found["course"][-1, 1]
    assert found["sums"].mean() == pytest.approx(5, abs=0.7)  # the rate and what correlations add to it
    assert found["rates"].mean() < found["sums"].mean() - 0.3  # slow rates that both kinds of input share


def test_the_network_learns_what_the_balance_says_and_recalls_an_assembly_that_it_hides():
    """A tenth of the network, before it has settled: its weights drift as pairs of spikes say."""
    seen, recall = assemblies.remembered(0.1, 14, 11, 1, silent)
    assert seen["drift"] == pytest.approx(seen["sum"] - 5, rel=0.1) and abs(seen["drift"]) > 0.2
    assert seen["new"] > 2 * seen["hidden"] and seen["recalled"] > 3 * seen["not recalled"]
    assert recall["raster"][0].min() < 0 < 200 * ms < recall["raster"][0].max()
