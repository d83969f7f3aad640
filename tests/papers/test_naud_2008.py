"""Naud, Marcille, Clopath & Gerstner 2008, Firing patterns in the adaptive exponential integrate-and-fire model.

The spike times of forward Euler are in tests/zoo/test_golden.py; here the accurate solution and what it shows.
"""

import functools

import numpy as np
import pytest
from tests.papers.izhikevich_patterns import together
from tests.zoo.offsets import GOLDEN, times_of

from spikelet.neurons.adaptive import ADEX_CURRENTS, ADEX_PATTERNS
from spikelet.simulate import run

# first spikes at dt = 0.001 ms
FIRST = {
    "tonic": [14.228, 23.163, 32.259],
    "adaptation": [14.909, 26.183, 40.565, 60.181],
    "initial burst": [5.469, 8.894, 16.219, 70.971],
    "regular bursting": [16.164, 19.088, 24.217, 155.978],
    "delayed accelerating": [33.580, 54.179, 73.263],
    "delayed regular bursting": [57.186, 60.406, 64.720, 72.132],
    "transient": [30.295],
    "irregular": [15.650, 19.101, 23.574],
}
COUNTS = {row["name"]: len(row["times_dt0p001"]) for row in GOLDEN["adex_patterns"]}


@functools.cache
def patterns():
    model = together(list(ADEX_PATTERNS.values()))
    current = np.array(list(ADEX_CURRENTS.values()))
    return run(model, I=current, t=600, dt=0.04, method="rk4", dtype="float64", backend="numpy_reference")


def spikes(name):
    times = times_of(patterns(), list(ADEX_PATTERNS).index(name))
    return times, np.diff(times)


@pytest.mark.parametrize("name", FIRST)
def test_an_accurate_integrator_converges_to_the_fine_step(name):
    times, _ = spikes(name)
    assert times[: len(FIRST[name])] == pytest.approx(FIRST[name], rel=0.01)
    assert len(times) == pytest.approx(COUNTS[name], abs=max(1, 0.03 * COUNTS[name]))


def test_what_the_patterns_show():
    interval = {name: spikes(name)[1] for name in FIRST}
    assert np.ptp(interval["tonic"][5:]) < 0.2
    assert interval["adaptation"][-1] > 2 * interval["adaptation"][0]
    assert interval["initial burst"][:2].max() < 10 < 40 < interval["initial burst"][2:].min()
    bursts = interval["regular bursting"]
    assert (bursts > 50).sum() >= 3 and (bursts < 10).sum() >= 5
    assert interval["delayed accelerating"][-1] < interval["delayed accelerating"][0]
    assert spikes("delayed regular bursting")[0][0] > 50
    assert len(spikes("transient")[0]) == 1
    irregular = interval["irregular"][10:]
    assert irregular.std() / irregular.mean() > 0.3
