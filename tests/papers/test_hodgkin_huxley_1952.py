"""Hodgkin & Huxley 1952, A quantitative description of membrane current ..., J. Physiol. 117:500.

The golden table of the current steps is in tests/zoo/test_golden.py.
"""

import functools

import numpy as np
import pytest
from tests.papers.equations import hodgkin_huxley
from tests.zoo.offsets import crossing_times, times_of

from spikelet.neurons.hodgkin_huxley import HodgkinHuxley
from spikelet.simulate import run
from spikelet.units import uA

run = functools.partial(run, HodgkinHuxley, dtype="float64", backend="numpy_reference")


def test_rest():
    out = run(t=150, dt=0.05, record=("v", "m", "h", "n"))
    found = [float(out[name][-1, 0]) for name in "vmhn"]
    assert found == pytest.approx([-64.9964, 0.052955, 0.595994, 0.317732], abs=1e-4)
    assert np.abs(hodgkin_huxley(0, found, 0.0)).max() < 1e-5


def test_figure_12_a_depolarisation_of_7_mv_fires_and_one_of_6_mv_does_not():
    shock = np.zeros((750, 4))
    shock[0] = [6, 7, 15, 90]
    out = run(I={"v": shock}, t=15, dt=0.02, record="v")
    assert out.counts().tolist() == [0, 1, 1, 1]
    large = np.argmax(out["v"][:, 1:], axis=0) * 0.02
    assert large[0] > large[1] > large[2]  # a weaker shock waits longer for its spike
    assert out["v"][:, 0].max() < -58


CURRENTS = (2, 2.5, 5, 6.0, 7, 10, 20, 50, 100)


@pytest.fixture(scope="module")
def steps():
    return run(I=np.array(CURRENTS) * uA, t=150, dt=0.05, method="rk4", record="v")


@pytest.mark.parametrize(("current", "count"), [(2, 0), (2.5, 1), (5, 1), (6.0, 2), (100, 1)])
def test_weak_and_very_strong_currents_do_not_repeat(steps, current, count):
    assert steps.counts()[CURRENTS.index(current)] == count


@pytest.mark.parametrize(("current", "rate"), [(7, 58.33), (10, 68.32), (20, 86.47), (50, 117.04)])
def test_rates_begin_high(steps, current, rate):
    i = CURRENTS.index(current)
    crossings = crossing_times(steps["v"][:, i], steps.t, 0.0)
    assert 1000 / np.diff(crossings)[-1] == pytest.approx(rate, rel=0.002)
    assert len(crossings) == len(times_of(steps, i))


def test_the_spike_reaches_from_75_below_to_40_above(steps):
    v = steps["v"][:, CURRENTS.index(10)]
    assert (v.min(), v.max()) == pytest.approx((-75.08, 40.27), abs=0.2)  # the top lies between samples
    assert crossing_times(v, steps.t, 0.0)[0] == pytest.approx(1.901, abs=0.01)


def test_rest_and_firing_side_by_side():
    """At 8 uA/cm2 a slow ramp leaves it at rest, while firing that began at 10 goes on, or stops, as the phase says."""
    t = np.arange(6000) * 0.05
    drops = np.array([103.0, 104.5, 106.0, 107.5])
    current = np.column_stack([8 * np.minimum(t / 250, 1), np.where(t[:, None] < drops, 10.0, 8.0)])
    out = run(I=current * uA, t=300, dt=0.05)
    late = np.array([(times_of(out, i) > 200).sum() for i in range(5)])
    assert out.counts()[0] == 0
    assert late.max() >= 5


def test_warmth_makes_spikes_brief():
    """Ten degrees are a factor of 3 in all rates of gating, so spikes shrink in time and height."""
    shock = np.zeros((400, 3))
    shock[0] = 20
    model = HodgkinHuxley(celsius=np.array([6.3, 16.3, 26.3]))
    run_ = functools.partial(run.func, model, **run.keywords)
    v = run_(I={"v": shock}, t=8, dt=0.02, record="v")["v"]
    width = (v > -40).sum(axis=0) * 0.02
    assert width[0] > 1.8 * width[1] > 2.5 * width[2]
    assert v.max(axis=0)[0] > v.max(axis=0)[1] > v.max(axis=0)[2]
