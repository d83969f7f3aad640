"""Potjans & Diesmann 2014: rates, irregularity and correlation of the cortical microcircuit, at a tenth of its size."""

import functools

import numpy as np
import pytest

from spikelet import analysis
from spikelet.experiments import networks
from spikelet.sim.result import NetworkResult
from spikelet.units import Hz


@functools.cache
def tenth(drive: str) -> NetworkResult:
    net = networks.microcircuit(0.1, 1, drive=drive)
    net.run(200.0)
    return net.run(1500.0)


def rates(result: NetworkResult) -> np.ndarray:
    return np.array([result[name].rate() / Hz for name in networks.LAYERS])


def irregularity(result: NetworkResult) -> dict[str, float]:
    return {name: analysis.cv_isi(result[name].spikes.times, result[name].spikes.ids) for name in networks.LAYERS}


@pytest.mark.parametrize("drive", ["poisson", "current"])
def test_the_eight_rates_are_near_those_of_the_whole(drive: str) -> None:
    found = rates(tenth(drive))
    np.testing.assert_allclose(found, networks.RATES_HZ, rtol=0.35, atol=0.4)
    mean = np.average(found, weights=networks.SIZES)
    assert 2.6 < mean < 3.6


def test_spikes_are_irregular() -> None:
    for name, cv in irregularity(tenth("poisson")).items():
        assert 0.55 < cv < 0.9, name


def test_neurons_are_nearly_uncorrelated() -> None:
    result = tenth("poisson")
    span = {"start": result.t_start, "stop": result.t_stop, "width": 2.0}
    for name in networks.LAYERS:
        spikes = result[name].spikes
        assert abs(analysis.correlation(spikes.times, spikes.ids, **span)) < 0.015, name


@pytest.mark.slow
def test_the_whole_has_the_published_rates() -> None:
    net = networks.microcircuit(1.0, 1)
    net.run(200.0)
    found = rates(net.run(1000.0))
    np.testing.assert_allclose(found, networks.RATES_HZ, rtol=0.15, atol=0.15)
    assert 3.1 < np.average(found, weights=networks.SIZES) < 3.5
