"""Morris & Lecar 1981, Biophys. J. 35:193, and the two onsets of firing of Rinzel & Ermentrout 1989."""

import functools

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from tests.papers.equations import morris_lecar
from tests.zoo.offsets import crossing_times

from spikelet.neurons.resonators import MorrisLecar, MorrisLecarHopf, MorrisLecarSNIC
from spikelet.simulate import run
from spikelet.units import uA

run = functools.partial(run, dtype="float64", backend="numpy_reference", record="v")

# model: duration [ms], then current [uA/cm2] -> rate of the last interval [Hz], or the potential of rest [mV]
RATES = {
    MorrisLecar: (1500, {300: 36.247, 400: 35.597}),
    MorrisLecarHopf: (2000, {90: 9.735, 100: 11.725, 150: 15.114, 200: 15.239}),
    MorrisLecarSNIC: (4000, {40.0: 1.06, 41: 5.106, 45: 10.071, 50: 13.240, 90: 22.696}),
}
RESTS = {
    MorrisLecar: {100: -16.342, 200: -6.938, 475: 10.89},
    MorrisLecarHopf: {88: None, 220: None},
    MorrisLecarSNIC: {39.9: None},
}
MODELS = pytest.mark.parametrize("model", RATES, ids=lambda model: model.name)


@functools.cache
def simulated(model, dt):
    t, rates = RATES[model]
    currents = [*rates, *RESTS[model]]
    return currents, run(model, I=np.array(currents) * uA, t=t, dt=dt, method="rk4")


def check(model, dt, tolerance):
    currents, out = simulated(model, dt)
    for i, current in enumerate(currents):
        crossings = crossing_times(out["v"][:, i], out.t, 0.0)
        late = out["v"][out.t > out.t[-1] - 200, i]
        if current in RESTS[model]:
            assert np.ptp(late) < 0.05, f"{current}: it does not rest"
            expected = RESTS[model][current]
            assert expected is None or late[-1] == pytest.approx(expected, abs=5e-3), current
        else:
            rate = RATES[model][1][current]
            assert 1000 / np.diff(crossings)[-1] == pytest.approx(rate, rel=tolerance, abs=5e-4), current


@MODELS
def test_rates_and_rests(model):
    check(model, 0.2, 2e-3)


@pytest.mark.slow
@MODELS
def test_rates_and_rests_at_the_step_of_the_table(model):
    check(model, 0.02, 1e-4)


def test_class_1_starts_where_two_rests_meet():
    """The saddle-node: the largest current that a steady potential can carry."""

    def steady(v):
        n = (1 + np.tanh((v - 12) / 17.4)) / 2
        return -20 * morris_lecar(0, (v, n), 0.0, 4.0, (-60, 120, -84), (-1.2, 18, 12, 17.4))[0]

    onset = -minimize_scalar(lambda v: -steady(v), bounds=(-50, -20), method="bounded").fun
    assert onset == pytest.approx(39.96, abs=0.01)
    currents, out = simulated(MorrisLecarSNIC, 0.2)
    counts = dict(zip(currents, out.counts(), strict=True))
    assert counts[39.9] == 0 and counts[40.0] > 0


def test_class_2_starts_at_a_rate_above_zero():
    assert min(RATES[MorrisLecarHopf][1].values()) > 9 > min(RATES[MorrisLecarSNIC][1].values())
