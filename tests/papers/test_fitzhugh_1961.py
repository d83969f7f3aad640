"""FitzHugh 1961, Impulses and physiological states in theoretical models of nerve membrane, Biophys. J. 1:445."""

import functools

import numpy as np
import pytest
from scipy.optimize import brentq
from tests.zoo.offsets import crossing_times

from spikelet.neurons.resonators import FitzHughNagumo
from spikelet.simulate import run

run = functools.partial(run, dtype="float64", backend="numpy_reference")
CURRENTS = (0.0, 0.32, 0.33, 0.5, 0.8, 0.95, 1.0, 1.25, 1.4, 1.42, 1.45)


@pytest.fixture(scope="module")
def out():
    return run(FitzHughNagumo, I=np.array(CURRENTS), t=600, dt=0.05, record=("v", "w"))


def periods(out, current):
    crossings = crossing_times(out["v"][:, CURRENTS.index(current)], out.t, 0.0)
    return np.diff(crossings[crossings > 200])


def test_rest(out):
    v = brentq(lambda v: v - v**3 / 3 - (v + 0.7) / 0.8, -2, 0)
    assert (out["v"][-1, 0], out["w"][-1, 0]) == pytest.approx((v, (v + 0.7) / 0.8), abs=1e-6)
    assert (v, (v + 0.7) / 0.8) == pytest.approx((-1.19941, -0.62426), abs=1e-5)


@pytest.mark.parametrize(("current", "fires"), [(0.32, False), (0.33, True), (1.42, True), (1.45, False)])
def test_onset_and_offset(out, current, fires):
    assert (len(periods(out, current)) > 3) == fires


@pytest.mark.parametrize(("current", "period"), [(0.5, 39.474), (0.8, 36.518), (1.0, 36.699), (1.4, 45.611)])
def test_period(out, current, period):
    assert periods(out, current) == pytest.approx(period, rel=1e-4)


@pytest.mark.parametrize("current", [0.33, 0.5, 0.8])
def test_period_is_symmetric_about_0_875(out, current):
    mirror = round(1.75 - current, 2)
    assert periods(out, current).mean() == pytest.approx(periods(out, mirror).mean(), rel=1e-4)


def test_amplitude(out):
    v = out["v"][out.t > 200, CURRENTS.index(0.5)]
    assert (v.min(), v.max()) == pytest.approx((-1.9704, 1.8521), abs=1e-3)


def test_each_cycle_is_one_spike(out):
    crossings = [len(crossing_times(out["v"][:, i], out.t, 0.0)) for i in range(len(CURRENTS))]
    assert out.counts().tolist() == crossings
