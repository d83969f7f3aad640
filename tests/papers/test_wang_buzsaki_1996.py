"""Wang & Buzsaki 1996, Gamma oscillation by synaptic inhibition ..., J. Neurosci. 16:6402: the single cell."""

import functools

import numpy as np
import pytest
from tests.papers.equations import intervals, onset, steady_current, wang_buzsaki
from tests.zoo.offsets import times_of

from spikelet.neurons.hodgkin_huxley import WangBuzsaki
from spikelet.simulate import run
from spikelet.units import uA

run = functools.partial(run, dtype="float64", backend="numpy_reference")
REST = [-64.018, 0.7808, 0.0891]
CURRENTS = (0.15, 0.19, 1.0, 5.0, 20.0)


@pytest.fixture(scope="module")
def steps():
    return run(WangBuzsaki, I=np.array(CURRENTS) * uA, t=200, dt=0.04, method="rk4", record="v")


def test_rest():
    assert steady_current(wang_buzsaki, -64.01756, 2) == pytest.approx(0, abs=1e-4)
    assert run(WangBuzsaki, t=20, dt=0.05, record="v")["v"][-1, 0] == pytest.approx(-64.018, abs=0.005)


def test_firing_starts_where_two_rests_meet(steps):
    """The potential is the v_th = -59.9 mV of the exponential neuron fitted to it (Fourcaud-Trocme et al. 2003)."""
    v, current = onset(wang_buzsaki, 2, (-64, -50))
    assert v == pytest.approx(-59.9, abs=0.1)
    assert current == pytest.approx(0.1601, abs=1e-4)
    assert steps.counts()[0] == 0 and steps.counts()[1] >= 1


@pytest.mark.parametrize("current", CURRENTS[2:])
def test_rate(steps, current):
    expected = intervals(wang_buzsaki, REST, current, 110)[-1]
    times = times_of(steps, CURRENTS.index(current))
    late = times[times > 50]
    assert (late[-1] - late[0]) / (len(late) - 1) == pytest.approx(expected, rel=0.01)


def test_it_fires_at_up_to_400_hz_with_a_shallow_after_hyperpolarisation(steps):
    assert 0.39 < steps.rate()[-1] < 0.42  # [kHz]
    assert steps["v"].min() > -75  # above the reversal of GABA, the paper's first condition of synchrony
