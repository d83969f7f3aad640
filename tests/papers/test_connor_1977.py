"""Connor, Walter & McKown 1977, Neural repetitive firing: the A-current lets firing start at any rate."""

import functools

import numpy as np
import pytest
from tests.papers.equations import connor, intervals, onset, steady_current
from tests.zoo.offsets import times_of

from spikelet.neurons.hodgkin_huxley import ConnorStevens
from spikelet.simulate import run
from spikelet.units import mS, uA

run = functools.partial(run, dtype="float64", backend="numpy_reference")
REST = [-67.976, 0.0101, 0.9659, 0.1559, 0.5404, 0.2887]


def test_rest_is_68_mv_below():
    assert steady_current(connor, -67.9747, 5) == pytest.approx(0, abs=1e-4)
    assert run(ConnorStevens, t=30, dt=0.05, record="v")["v"][-1, 0] == pytest.approx(-67.975, abs=0.005)


@pytest.fixture(scope="module")
def steps():
    """Without and with the A-current; without it, the leak reverses where it keeps the rest at -68 mV."""
    current = np.array([8.0, 8.6, 2.0, 4.0, 8.0])
    g_a = np.array([47.7, 47.7, 0, 0, 0]) * mS
    e_l = np.array([-17.0, -17.0, -67.865, -67.865, -67.865])
    return run(ConnorStevens(g_A=g_a, E_L=e_l), I=current * uA, t=220, dt=0.05)


def test_firing_starts_where_two_rests_meet(steps):
    v, current = onset(connor, 5, (-67, -45))
    assert (v, current) == pytest.approx((-57.107, 8.1113), abs=1e-3)
    assert steps.counts()[0] == 0 and steps.counts()[1] >= 1  # 8.0 and 8.6 uA/cm2


def test_rates():
    currents = np.array([12.0, 20.0])
    out = run(ConnorStevens, I=currents * uA, t=70, dt=0.05, method="rk4")
    for i, current in enumerate(currents):
        expected = intervals(connor, REST, current, 70)[-1]
        assert np.diff(times_of(out, i))[-1] == pytest.approx(expected, rel=0.01)


def test_without_the_a_current_firing_starts_at_a_high_rate(steps):
    slow = np.diff(times_of(steps, 1))
    none, single, fast = (times_of(steps, i) for i in (2, 3, 4))
    assert slow.min() > 60  # [ms], with it
    assert len(none) == 0 and len(single) <= 1
    assert np.diff(fast).max() < 15
