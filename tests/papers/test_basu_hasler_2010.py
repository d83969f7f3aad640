"""Basu & Hasler 2010, Nullcline-based design of a silicon neuron: one bias selects how firing starts."""

import functools

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from tests.papers.equations import basu_hasler
from tests.zoo.offsets import times_of

from spikelet.neurons.resonators import BasuHasler
from spikelet.simulate import run

run = functools.partial(run, dtype="float64", backend="numpy_reference")
FOLD = 0.93818
# (I - fold) -> spikes in 1000 units of time, for tau_n = 12; Euler, dt = 0.02
ONSET = {-0.01: 0.0, 0.003: 0.952, 0.01: 1.663, 0.03: 2.712, 0.1: 4.528, 0.3: 7.164}
# tau_n = 30, from v = n = 20
HOMOCLINIC = {-0.03: 3.180, 0.003: 3.374}


@functools.cache
def simulated(dt, method):
    rows = [(12.0, above) for above in ONSET] + [(30.0, above) for above in HOMOCLINIC] + [(10.0, 0.003), (10.0, 0.1)]
    tau_n, above = np.array(rows).T
    return run(BasuHasler(tau_n=tau_n), I=FOLD + above, t=2500, dt=dt, method=method, record="v")


def check(dt, method):
    out = simulated(dt, method)
    expected = [*ONSET.values(), *HOMOCLINIC.values()]
    for i, rate in enumerate(expected):
        times = times_of(out, i)
        assert len(times) == 0 if rate == 0 else 1000 / np.diff(times)[-1] == pytest.approx(rate, rel=0.01)


def test_rates():
    check(0.25, "rk4")


@pytest.mark.slow
def test_rates_at_the_step_of_the_table():
    check(0.02, "euler")


def test_the_rate_rises_as_a_square_root():
    near, far = ONSET[0.003], ONSET[0.03]
    assert np.log(far / near) / np.log(10) == pytest.approx(0.5, abs=0.06)


def test_a_fast_gate_latches_up():
    out = simulated(0.25, "rk4")
    assert out.counts()[-2:].tolist() == [1, 1]
    assert np.all(out["v"][-1, -2:] > 180)
    assert np.ptp(out["v"][-1000:, -2:], axis=0).max() < 0.05


def steady(v):
    """Current that holds v = n."""
    return -basu_hasler(0, (v, v), 0.0)[0]


def test_the_nullclines_cross_three_times_below_the_fold():
    fold = minimize_scalar(lambda v: -steady(v), bounds=(80, 130), method="bounded")
    assert -fold.fun == pytest.approx(FOLD, abs=1e-5)
    crossings = [brentq(lambda v: steady(v) - 0.5, *ends) for ends in ((50, 100), (110, 150), (160, 250))]
    assert crossings == pytest.approx([78.33, 131.87, 184.13], abs=0.07)  # the table was read from a grid
    out = run(BasuHasler(v_0=np.array(crossings)), I=0.5, t=1, dt=0.1, record=("v", "n"))
    assert np.abs(out["v"][-1] - crossings).max() < 1e-9  # all three are fixed points of the model, too
    assert np.abs(out["n"][-1] - crossings).max() < 1e-9


def test_below_the_fold_a_slow_gate_leaves_rest_and_firing_side_by_side():
    rest = brentq(lambda v: steady(v) - (FOLD - 0.03), 50, 112)
    out = run(BasuHasler(tau_n=30, v_0=np.array([rest, 20.0])), I=FOLD - 0.03, t=1000, dt=0.25, method="rk4")
    assert out.counts()[0] == 0 and out.counts()[1] >= 3
