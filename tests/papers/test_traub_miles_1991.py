"""Traub & Miles 1991, as reduced by Ermentrout & Kopell 1998: a pyramidal cell of the first class of excitability."""

import functools

import numpy as np
import pytest
from tests.papers.equations import intervals, onset, steady_current, traub_miles
from tests.zoo.offsets import times_of

from spikelet.neurons.hodgkin_huxley import TraubMiles
from spikelet.simulate import run
from spikelet.units import mS, uA

run = functools.partial(run, dtype="float64", backend="numpy_reference")
REST = [-66.591, 0.0160, 0.9955, 0.0403]
CURRENTS = (0.5, 1.5, 5.0)


@pytest.fixture(scope="module")
def steps():
    return run(TraubMiles, I=np.array(CURRENTS) * uA, t=80, dt=0.025, method="rk4", record="v")


def test_rest():
    assert steady_current(traub_miles, -66.59109, 3) == pytest.approx(0, abs=1e-4)
    assert run(TraubMiles, t=20, dt=0.05, record="v")["v"][-1, 0] == pytest.approx(-66.591, abs=0.005)


def test_firing_starts_where_two_rests_meet():
    v, current = onset(traub_miles, 3, (-66, -50))
    assert (v, current) == pytest.approx((-64.012, 0.11935), abs=1e-3)
    silent, firing = run(TraubMiles, I=np.array([0.11, 0.14]) * uA, t=200, dt=0.05).counts()
    assert silent == 0 and firing >= 1


@pytest.mark.parametrize("current", CURRENTS)
def test_rate(steps, current):
    expected = intervals(traub_miles, REST, current, 80)[-1]
    assert np.diff(times_of(steps, CURRENTS.index(current)))[-1] == pytest.approx(expected, rel=0.01)


def test_the_spike_falls_nearly_to_the_potassium_potential(steps):
    assert -100 < steps["v"][:, CURRENTS.index(1.5)].min() < -95
    assert 40 < steps["v"][:, CURRENTS.index(1.5)].max() < 50


def cobahh(t, y, current):
    """Brette et al. 2007, benchmark 3, in pF, nS and pA: 20000 um2 of membrane."""
    v, *gates = y
    m, h, n = gates
    ionic = 10 * (v + 60) + 20000 * m**3 * h * (v - 50) + 6000 * n**4 * (v + 90)
    return [(current - ionic) / 200, *traub_miles(t, y, 0.0, shift=-63.0)[1:]]


def test_the_cell_of_the_cobahh_network_is_a_specialisation():
    """It fires on its own: its leak reverses above the potential at which firing starts."""
    cell = TraubMiles(v_T=-63, g_L=0.05 * mS, g_K=30 * mS, E_L=-60, E_K=-90)
    out = run(cell, I=np.array([0.0, 20.0]) / 2e-4, t=200, dt=0.05, method="rk4")  # 0 and 20 pA
    for i, current in enumerate((0.0, 20.0)):
        expected = intervals(cobahh, REST, current, 200)[-1]
        assert np.diff(times_of(out, i))[-1] == pytest.approx(expected, rel=0.01)
    assert expected < 60
