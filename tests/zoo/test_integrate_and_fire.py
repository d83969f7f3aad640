"""Integrate-and-fire neurons against closed forms and the published numbers of their papers."""

import numpy as np
import pytest
from scipy.integrate import quad
from tests.zoo.offsets import times_of
from tests.zoo.stimuli import EXACT, lif_flight, pulse

from spikelet.neurons import EIF, IF, LI, LIF, QIF, IFSubtract, LIFPhysical, ThetaNeuron
from spikelet.simulate import run
from spikelet.units import mV


def test_if_interval_is_threshold_over_current():
    current = np.array([0.013, 0.11, 0.31])
    out = run(IF(t_ref=3.0), current, t=400, dt=0.1, **EXACT)
    for i, x in enumerate(current):
        np.testing.assert_allclose(np.diff(times_of(out, i)), 3.0 + 0.1 * np.ceil(1 / x / 0.1), rtol=1e-12)
        assert times_of(out, i)[0] == pytest.approx(0.1 * np.ceil(1 / x / 0.1))


def test_if_subtract_counts_like_a_relu():
    current = np.array([-0.5, 0.0, 0.123, 0.5, 0.77, 0.999])
    out = run(IFSubtract(v_0=0.5), current, t=1000, dt=1, **EXACT)
    np.testing.assert_array_equal(out.counts(), np.rint(1000 * np.maximum(current, 0)))


# Teaching set: tau 10 ms, threshold 1, t_ref 4 ms; rates in Hz
TEACHING = LIF(tau_mem=10, t_ref=4)
LIF_RATES = {1.05: 29.0316, 1.2: 45.6254, 1.5: 66.7284, 2.0: 91.4790, 3.0: 124.1519}


def test_lif_closed_form_is_the_published_f_i_curve():
    rates = [1000 / (4 + lif_flight(x)) for x in LIF_RATES]
    np.testing.assert_allclose(rates, list(LIF_RATES.values()), atol=5e-5)


def test_lif_intervals_are_the_closed_form_rounded_up_to_the_grid():
    current = np.array([0.5, 1.0, *LIF_RATES])
    out = run(TEACHING, current, t=500, dt=0.1, **EXACT)
    assert out.counts()[:2].tolist() == [0, 0]
    for i, x in enumerate(LIF_RATES, start=2):
        steps = np.ceil(lif_flight(x) / 0.1)
        assert times_of(out, i)[0] == pytest.approx(0.1 * steps)
        np.testing.assert_allclose(np.diff(times_of(out, i)), 4 + 0.1 * steps, rtol=1e-12)


@pytest.mark.slow
def test_lif_rates_are_the_published_ones_to_1e_4_on_a_fine_grid():
    out = run(TEACHING, np.array(list(LIF_RATES)), t=66, dt=0.001, **EXACT)
    for i, rate in enumerate(LIF_RATES.values()):
        assert 1000 / np.diff(times_of(out, i))[0] == pytest.approx(rate, rel=1e-4)


def test_lif_pulse_of_the_teaching_example():
    current = np.zeros((2000, 3))
    current[100:300] = [0.5, 1.2, 1.5]
    counts = run(TEACHING, current, t=200, dt=0.1, **EXACT).counts()
    assert counts[0] == 0 and counts[1] >= 1  # 20 ms hold one flight of 17.9 ms, or two starts of 11.0 ms
    current[100:1100] = [0.5, 1.2, 1.5]
    longer = run(TEACHING, current, t=200, dt=0.1, **EXACT).counts()
    assert longer[0] == 0 and 1 < longer[1] < longer[2]


def test_lif_membrane_is_exact_for_steps_of_current():
    current = np.repeat(np.random.default_rng(1).uniform(-1, 0.9, 20), 25)
    out = run(LIF(tau_mem=13.0, v_rest=0.05), current[:, None], t=50, dt=0.1, record="v", **EXACT)
    now, expected = 0.05, []
    for x in current[::25]:
        s = 0.1 * np.arange(1, 26)
        expected.extend(0.05 + x + (now - 0.05 - x) * np.exp(-s / 13.0))
        now = expected[-1]
    np.testing.assert_allclose(out["v"][:, 0], expected, rtol=0, atol=1e-12)


def test_lif_takes_any_unit_and_jumps():
    model = LIF(v_th=20 * mV, v_reset=10 * mV, t_ref=2)
    out = run(model, {"v": pulse([15.0, 25.0], 200, 2)}, t=20, dt=0.1, record="v", **EXACT)
    assert out.counts().tolist() == [0, 1]
    np.testing.assert_allclose(out["v"][:, 0], 15 * np.exp(-np.arange(200) * 0.1 / 20), rtol=1e-12)
    held = np.maximum(np.arange(200) - 20, 0) * 0.1  # 20 refractory steps at the reset value
    np.testing.assert_allclose(out["v"][:, 1], 10 * np.exp(-held / 20), rtol=1e-12)


def test_lif_ignores_what_arrives_in_refractoriness():
    jumps = pulse(2.0, 100)
    jumps[5] = 0.7  # refractory: lost
    jumps[25] = 0.5  # not refractory: kept
    out = run(LIF(t_ref=2.0), {"v": jumps}, t=10, dt=0.1, record="v", **EXACT)
    assert out["v"][24, 0] == 0 and out["v"][25, 0] == 0.5


def test_lif_physical_rheobase_and_f_i_curve():
    """Simulator set: R = tau/C = 0.04 GOhm, so 375 pA reach the threshold exactly."""
    current = np.array([374.9, 375.1, 376.0, 500.0, 1000.0])
    out = run(LIFPhysical, current, t=300, dt=0.1, **EXACT)
    assert out.counts()[0] == 0
    for i, x in enumerate(current[1:], start=1):
        flight = lif_flight(0.04 * x - 70, reset=-70, threshold=-55)
        np.testing.assert_allclose(np.diff(times_of(out, i)), 2 + 0.1 * np.ceil(flight / 0.1), rtol=1e-12)


@pytest.mark.parametrize("tau_syn", [2.0, 9.999999, 10.0])
def test_lif_physical_psp_is_the_exact_propagator(tau_syn):
    """Exact propagator of Rotter & Diesmann 1999, without a singularity at equal time constants."""
    model = LIFPhysical(tau_e=tau_syn, v_th=0.0)
    out = run(model, {"i_e": pulse(1000.0, 500), "i_i": 0}, t=50, dt=0.1, record="v", **EXACT)
    s = 0.1 * np.arange(500)
    if abs(tau_syn - 10) < 1e-3:
        expected = s / 250 * np.exp(-s / 10)
    else:
        expected = 10 * tau_syn / (tau_syn - 10) / 250 * (np.exp(-s / tau_syn) - np.exp(-s / 10))
    np.testing.assert_allclose(out["v"][:, 0], -70 + 1000 * expected, rtol=0, atol=1e-5)


def test_li_follows_a_step_of_current():
    out = run(LI(v_rest=0.3, R=2.0), 0.7, t=100, dt=0.5, record="v", **EXACT)
    np.testing.assert_allclose(out["v"][:, 0], 0.3 + 1.4 * (1 - np.exp(-out.t / 20)), rtol=1e-12)


# -- quadratic and exponential -----------------------------------------------------------------------------------------


def qif_period(current, low, high):
    w = np.sqrt(current)
    return (np.arctan(high / w) - np.arctan(low / w)) / w


def test_qif_normal_form_period_and_square_root_onset():
    current = np.array([0.04, 0.16, 0.64, 2.56])
    out = run(QIF(v_c=0, v_th=100, v_reset=-100, tau_mem=1), current, t=36, dt=0.01, **EXACT)
    periods = np.array([np.diff(times_of(out, i)).mean() for i in range(4)])
    np.testing.assert_allclose(periods, qif_period(current, -100, 100), atol=0.011)
    slope = np.polyfit(np.log(current), np.log(1 / (periods + 0.02)), 1)[0]  # 0.02: from 100 to infinity and back
    assert slope == pytest.approx(0.5, abs=0.003)
    np.testing.assert_allclose(1 / (periods + 0.02), np.sqrt(current) / np.pi, rtol=0.01)


def test_qif_rest_and_threshold():
    """x' = x**2 - 1 rests at -1 and fires from above +1."""
    start = pulse([0.95, 1.05], 2000, 2)
    out = run(QIF(v_c=0, tau_mem=1, v_reset=-1.0), {"v": start, "I": -1.0}, t=20, dt=0.01, record="v", **EXACT)
    assert out.counts().tolist() == [0, 1]
    np.testing.assert_allclose(out["v"][-1], [-1, -1], atol=1e-6)


def test_qif_with_its_defaults():
    """v' = v (v - 1) + I: completed square, x = v - 1/2, I - 1/4; period tau times that of the normal form."""
    out = run(QIF, np.array([0.2, 0.5, 2.0]), t=150, dt=0.05, **EXACT)
    assert out.counts()[0] == 0
    for i, x in ((1, 0.5), (2, 2.0)):
        expected = 10 * qif_period(x - 0.25, -10.5, 9.5)
        np.testing.assert_allclose(np.diff(times_of(out, i)), expected, atol=0.06)


def test_theta_neuron_rate_is_the_square_root_of_its_current():
    current = np.array([-0.5, 0.01, 0.25, 1.0])
    out = run(ThetaNeuron(tau_mem=1), current, t=100, dt=0.05, **EXACT)
    assert out.counts()[0] == 0
    for i in (1, 2, 3):
        times = times_of(out, i)
        assert (times[-1] - times[0]) / (len(times) - 1) == pytest.approx(np.pi / np.sqrt(current[i]), rel=2e-3)


EIF_RHEOBASE = -59.9 + 65 - 3.48  # mV: V_T - E_L - D_T, exact


def eif_slope(v, drive):
    """tau dv/dt [mV] of the EIF neuron under `drive` [mV]."""
    return -65 - v + 3.48 * np.exp((v + 59.9) / 3.48) + drive


def test_eif_rheobase_is_exact():
    current = EIF_RHEOBASE * np.array([0.98, 1.05]) / 0.1
    out = run(EIF, current, t=350, dt=0.1, record="v", **EXACT)
    assert out.counts()[0] == 0 and out.counts()[1] >= 1
    assert abs(eif_slope(out["v"][-1, 0], 0.98 * EIF_RHEOBASE)) < 2e-3  # it rests at the stable zero


def test_eif_f_i_curve_is_the_quadrature():
    current = np.array([3.0, 6.0, 12.0])  # mV
    out = run(EIF, current / 0.1, t=90, dt=0.02, **EXACT)
    for i, x in enumerate(current):
        flight = 10 * quad(lambda v, x=x: 1 / eif_slope(v, x), -68, -59.9 + 20 * 3.48, epsabs=1e-10, limit=200)[0]
        np.testing.assert_allclose(np.diff(times_of(out, i)), 1.7 + flight, atol=0.03)


def test_eif_becomes_lif_as_it_sharpens():
    model = EIF(delta=np.array([0.5, 0.1, 0.02, 0.005]), t_ref=2.0)
    out = run(model, 120.0, t=25, dt=0.01, **EXACT)
    lif = 2.0 + lif_flight(-65 + 12.0, reset=-68, threshold=-59.9)
    error = [abs(np.diff(times_of(out, i))[0] - lif) for i in range(4)]
    assert sorted(error, reverse=True) == error and error[0] > 1 and error[3] < 0.06
