"""LIF neurons with synaptic currents and conductances against closed forms."""

import numpy as np
import pytest
from tests.zoo.event_driven import spike_times
from tests.zoo.offsets import assert_times, times_of
from tests.zoo.stimuli import EXACT, lif_flight, pulse

from spikelet.neurons import AlphaLIF, CoBaLIF, CuBaLIF
from spikelet.simulate import run


def test_cuba_lif_psp_and_low_passed_input():
    s = 0.1 * np.arange(400)
    out = run(CuBaLIF(v_th=9.0), {"i_syn": pulse(1.0, 400)}, t=40, dt=0.1, record=("v", "i_syn"), **EXACT)
    np.testing.assert_allclose(out["i_syn"][:, 0], np.exp(-s / 5), rtol=1e-12)
    np.testing.assert_allclose(out["v"][:, 0], np.exp(-s / 10) - np.exp(-s / 5), atol=1e-12)
    step = run(CuBaLIF(v_th=9.0), 0.8, t=40, dt=0.1, record=("v", "i_syn"), **EXACT)
    np.testing.assert_allclose(step["i_syn"][:, 0], 0.8 * (1 - np.exp(-step.t / 5)), rtol=1e-12)
    expected = 0.8 * (1 - 2 * np.exp(-step.t / 10) + np.exp(-step.t / 5))  # NIR: two low-passes in a row
    np.testing.assert_allclose(step["v"][:, 0], expected, atol=1e-12)


@pytest.mark.parametrize(("model", "gain"), [(CuBaLIF, 1.0), (AlphaLIF, np.e)])
def test_synaptic_lif_fires_at_the_lif_rate_once_the_current_has_settled(model, gain):
    out = run(model(t_ref=4.0), 1.5 / gain, t=300, dt=0.1, **EXACT)
    late = times_of(out)[times_of(out) > 150]
    np.testing.assert_allclose(np.diff(late), 4 + 0.1 * np.ceil(lif_flight(1.5) / 0.1), rtol=1e-9)


def test_alpha_lif_current_and_psp():
    """The alpha function: i = w (e t/tau) exp(-t/tau), peak w at t = tau."""
    s = 0.1 * np.arange(600)
    out = run(AlphaLIF(v_th=9.0), {"x": pulse(0.7, 600)}, t=60, dt=0.1, record=("v", "i_syn"), **EXACT)
    np.testing.assert_allclose(out["i_syn"][:, 0], 0.7 * np.e * s / 5 * np.exp(-s / 5), atol=1e-12)
    assert s[np.argmax(out["i_syn"][:, 0])] == pytest.approx(5.0)
    assert out["i_syn"].max() == pytest.approx(0.7)
    a = 1 / 5 - 1 / 10
    psp = 0.7 * np.e / 50 * np.exp(-s / 10) * (1 - np.exp(-a * s) * (1 + a * s)) / a**2
    np.testing.assert_allclose(out["v"][:, 0], psp, atol=1e-12)


def test_coba_lif_at_constant_conductance_is_a_faster_lif():
    model = CoBaLIF(tau_e=1e12, tau_i=1e12)
    g_e, g_i = np.array([1.0, 3.0, 6.0]), np.array([0.0, 5.0, 10.0])
    jumps = {"g_e": pulse(g_e, 2000, 3), "g_i": pulse(g_i, 2000, 3), "I": np.full(3, 50.0)}
    out = run(model, jumps, t=200, dt=0.1, record="v", **EXACT)
    g = 10 + g_e + g_i
    rest, tau = (10 * -60 + g_i * -80 + 50) / g, 200 / g
    first = rest[0] + (-60 + 50 / 10 * (1 - np.exp(-0.1 / 20)) - rest[0]) * np.exp(-0.1 * np.arange(50) / tau[0])
    np.testing.assert_allclose(out["v"][:50, 0], first, rtol=1e-12)
    for i in (1, 2):
        assert (times_of(out, i).size > 3) == (rest[i] > -50)
        if rest[i] > -50:
            flight = tau[i] * np.log((rest[i] + 60) / (rest[i] + 50))
            np.testing.assert_allclose(np.diff(times_of(out, i)), 5 + 0.1 * np.ceil(flight / 0.1), rtol=1e-9)


def test_coba_lif_converges_to_the_event_driven_solution():
    def flow(y):
        v, g_e, g_i = y
        return np.array([(10 * (-60 - v) - g_e * v + g_i * (-80 - v)) / 200, -g_e / 5, -g_i / 10])

    truth = spike_times(flow, lambda y: y[0] + 50, lambda y: np.array([-60, y[1], y[2]]), [-60, 30, 20], t=40, t_ref=5)
    jumps = {"g_e": pulse(30.0, 4000), "g_i": pulse(20.0, 4000)}
    found = times_of(run(CoBaLIF, jumps, t=40, dt=0.01, **EXACT)) - 0.01  # jumps arrive at the end of a step
    assert_times(found, truth, drift=0.03)
