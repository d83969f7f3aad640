"""Adapting neurons against golden tables, closed forms, and an independent event-driven integrator."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import brentq
from tests.zoo.event_driven import spike_times
from tests.zoo.offsets import assert_times, times_of
from tests.zoo.stimuli import EXACT

from spikelet.neurons import (
    ALIF,
    GLIF1,
    GLIF2,
    GLIF3,
    GLIF4,
    GLIF5,
    LSNN,
    MAT2,
    AdEx,
    DiehlCook,
    LiuWang,
    MihalasNiebur,
)
from spikelet.simulate import run

# -- ALIF and LSNN -----------------------------------------------------------------------------------------------------


def test_alif_settles_at_the_interval_of_its_fixed_point():
    """Just before a spike a = beta q/(1 - q), q = exp(-T/tau_a); v runs from a to v_th + a in T."""
    current = np.array([1.5, 2.0, 4.0])
    out = run(ALIF, current, t=1600, dt=0.25, **EXACT)
    for i, x in enumerate(current):

        def excess(period, x=x):
            a = 0.2 / np.expm1(period / 200)
            return x + (a - x) * np.exp(-period / 20) - 1 - a

        expected = brentq(excess, 1.0, 2000.0)
        times = times_of(out, i)
        late = times[times > 1200]
        assert (late[-1] - late[0]) / (len(late) - 1) == pytest.approx(expected, abs=0.13)
        assert times[0] == pytest.approx(20 * np.log(x / (x - 1)), abs=0.25)  # the first: LIF without adaptation
        assert np.diff(times)[0] < expected


def test_diehl_cook_settles_where_its_threshold_does():
    """Just before a spike theta = theta_plus q/(1 - q), q = exp(-T/tau_theta); v runs from reset to it in T - t_ref."""
    current = np.array([25.0, 40.0, 80.0])
    out = run(DiehlCook(theta_plus=0.5, tau_theta=500.0), current, t=8000, dt=0.25, **EXACT)
    for i, x in enumerate(current):

        def excess(period, x=x):
            theta = 0.5 / np.expm1(period / 500)
            return -65 + x - x * np.exp(-(period - 5) / 100) - (-52 + theta)

        expected = brentq(excess, 5.5, 3000.0)
        late = times_of(out, i)[-10:]
        assert (late[-1] - late[0]) / 9 == pytest.approx(expected, rel=0.01)


def test_lsnn_is_the_published_map():
    """The equations of the paper, written out in plain numbers, dt = 1 ms."""
    rng = np.random.default_rng(3)
    drive = rng.uniform(-0.02, 0.08, (600, 2))
    tau_a, beta = np.array([700.0, 60.0]), np.array([1.8, 0.5])
    alpha, rho = np.exp(-1 / 20), np.exp(-1 / tau_a)
    v, b, z, wait = np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2, dtype=int)
    memories, spikes = [], []
    for current in drive:
        threshold = 0.01 + beta * b
        v = alpha * v + (1 - alpha) * current - threshold * z
        b = rho * b + (1 - rho) * z
        z = ((v > 0.01 + beta * b) & (wait == 0)).astype(float)
        wait = np.where(z > 0, 5, np.maximum(wait - 1, 0))
        memories.append(v)
        spikes.append(z)
    out = run(LSNN(tau_a=tau_a, beta=beta), drive, t=600, dt=1, record="v", **EXACT)
    np.testing.assert_allclose(out["v"], memories, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(out.counts(), np.sum(spikes, axis=0))
    assert np.sum(spikes, axis=0).min() > 10


def test_lsnn_adaptation_is_the_mean_rate():
    """b is its own spike train through a low-pass of area 1 ms: its mean is the rate in kHz."""
    out = run(LSNN(tau_a=200.0), 0.1, t=6000, dt=1, record="b", **EXACT)
    times = times_of(out)
    rate = np.mean((times > 3000) & (times <= 6000)) * len(times) / 3000
    assert rate > 0.01
    assert out["b"][3000:].mean() == pytest.approx(rate, rel=0.02)


# -- AdEx (its tables: test_golden.py, papers/) ------------------------------------------------------------------------


def test_adex_below_threshold_is_a_linear_filter():
    """Far below v_th the exponential vanishes; what is left is the leak and w, two linear equations."""
    out = run(AdEx, 100.0, t=100, dt=0.1, record=("v", "w"), **EXACT)
    matrix = np.array([[-30 / 281, -1 / 281], [4 / 144, -1 / 144]])
    rest = -np.linalg.solve(matrix, [100 / 281, 0])
    expected = np.array([rest - expm(matrix * t) @ rest for t in out.t[99::100]])
    np.testing.assert_allclose(out["v"][99::100, 0] + 70.6, expected[:, 0], rtol=2e-3)
    np.testing.assert_allclose(out["w"][99::100, 0], expected[:, 1], rtol=2e-3)


# -- Liu-Wang ----------------------------------------------------------------------------------------------------------


LIU_WANG = LiuWang(method="euler", t_ref=2.005)  # the table clamps v for 401 steps of 0.005 ms


def test_liu_wang_first_intervals():
    """Computed once by Euler, dt = 0.005 ms; first rates in Hz."""
    out = run(LIU_WANG, np.array([400.0, 500.0, 800.0, 1500.0]), t=60, dt=0.005, **EXACT)
    assert out.counts()[0] == 0
    first = [1000 / np.diff(times_of(out, i))[0] for i in (1, 2, 3)]
    np.testing.assert_allclose(first, [41.20, 113.25, 215.75], atol=0.0051)


@pytest.mark.slow
def test_liu_wang_intervals_and_adaptation():
    current = np.array([400.0, 500.0, 800.0, 1500.0])
    out = run(LIU_WANG, current, t=700, dt=0.005, **EXACT)
    assert out.counts()[0] == 0  # rheobase 0.40 nA
    intervals = [np.diff(times_of(out, i)) for i in (1, 2, 3)]
    np.testing.assert_allclose(intervals[0][:5], [24.27, 27.40, 29.28, 30.18, 30.56], atol=0.0101)
    first = [1000 / isi[0] for isi in intervals]
    steady = [1000 / isi[-5:].mean() for isi in intervals]
    adaptation = [1 - f / f0 for f, f0 in zip(steady, first, strict=True)]
    np.testing.assert_allclose(first, [41.20, 113.25, 215.75], atol=0.0051)
    np.testing.assert_allclose(steady, [32.46, 87.76, 182.32], rtol=3e-4)  # half a step of the grid
    np.testing.assert_allclose(adaptation, [0.212, 0.225, 0.155], atol=5.1e-4)


def test_liu_wang_default_integrator_agrees():
    out = run(LiuWang, np.array([399.0, 500.0, 800.0, 1500.0]), t=250, dt=0.05, **EXACT)
    assert out.counts()[0] == 0
    np.testing.assert_allclose(np.diff(times_of(out, 1))[:5], [24.27, 27.40, 29.28, 30.18, 30.56], rtol=0.005)
    steady = [1000 / np.diff(times_of(out, i))[-1] for i in (2, 3)]
    np.testing.assert_allclose(steady, [87.76, 182.32], rtol=0.015)


# -- MAT2 --------------------------------------------------------------------------------------------------------------


def mat2_times(current, t, alpha, omega=20.0):
    """Spike times from the closed form of membrane and threshold, searched on a fine grid."""
    found: list[float] = []
    s = np.arange(0, t, 1e-3)
    v = 0.05 * current * (1 - np.exp(-s / 5))
    theta, at = np.full_like(s, omega), 0
    while True:
        above = np.flatnonzero(v[at:] > theta[at:])
        if not above.size:
            return np.array(found)
        at += int(above[0])
        found.append(s[at])
        theta[at:] += alpha[0] * np.exp(-(s[at:] - s[at]) / 10) + alpha[1] * np.exp(-(s[at:] - s[at]) / 200)
        at += 2001  # 2 ms


def test_mat2_fires_where_its_closed_form_does():
    alpha = [(30.0, 2.0), (7.5, 1.5), (-0.5, 0.4)]
    current = np.array([380.0, 450.0, 600.0, 900.0])
    each, drive = np.repeat(np.array(alpha), 4, axis=0), np.tile(current, 3)
    out = run(MAT2(alpha_1=each[:, 0], alpha_2=each[:, 1]), drive, t=100, dt=0.02, record="v", **EXACT)
    v = -65 + 0.05 * drive * (1 - np.exp(-out.t[:, None] / 5))
    np.testing.assert_allclose(out["v"], v, rtol=1e-12)  # never reset
    for i, x in enumerate(drive):
        if x < 400:  # rheobase: omega/R
            assert out.counts()[i] == 0
        else:
            assert_times(times_of(out, i)[:12], mat2_times(x, 100.0, each[i])[:12], drift=0.021)


# -- GLIF --------------------------------------------------------------------------------------------------------------

GLIF = (GLIF1, GLIF2, GLIF3, GLIF4, GLIF5)
C, G, REST, TH, T_REF = 58.72, 9.43, -78.85, -51.68, 3.75


def glif_truth(level, current, t):
    """Levels 1 to 5 of Teeter et al. 2018 in one function, y = (v, I_1, I_2, theta_s, theta_v)."""
    resets, currents, adapts = level in (2, 4, 5), level in (3, 4, 5), level == 5

    def flow(y):
        v, i1, i2, s, h = y
        dv = (current + (i1 + i2) * currents - G * (v - REST)) / C
        return np.array([dv, -0.003 * i1, -0.1 * i2, -0.009 * s, 0.005 * (v - REST) - 0.09 * h])

    def reset(y):
        v, i1, i2, s, h = y
        v = REST + 0.2 * (v - REST) + 18.51 if resets else REST
        i1 = i1 * np.exp(-0.003 * T_REF) - 9.18
        i2 = i2 * np.exp(-0.1 * T_REF) - 198.94
        return np.array([v, i1, i2, s * np.exp(-0.009 * T_REF) + 0.37, h])

    def excess(y):
        return y[0] - TH - y[3] * resets - y[4] * adapts

    return spike_times(flow, excess, reset, [REST, 0, 0, 0, 0], t=t, t_ref=T_REF)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_glif_levels_against_the_event_driven_solution(level):
    current = np.array([240.0, 350.0, 600.0])
    out = run(GLIF[level - 1], current, t=100, dt=0.05, **EXACT)
    assert out.counts()[0] == 0  # rheobase of the cell: 27.17 mV * 9.43 nS = 256 pA
    for i in (1, 2):
        expected = glif_truth(level, current[i], 100.0)
        assert len(expected) >= 2
        assert_times(times_of(out, i), expected, drift=0.051)


def test_glif1_is_lif():
    out = run(GLIF1, 400.0, t=200, dt=0.05, **EXACT)
    flight = C / G * np.log(400 / (400 - G * (TH - REST)))
    np.testing.assert_allclose(np.diff(times_of(out)), T_REF + 0.05 * np.ceil(flight / 0.05), rtol=1e-9)


# -- Mihalas-Niebur ----------------------------------------------------------------------------------------------------


def test_mihalas_niebur_tonic_and_class_1():
    """With a = 0 the threshold stays at -50 mV: a LIF neuron of 20 ms, rheobase 1 mV/ms."""
    current = np.array([1 - 1e-6, 1 + 1e-6, 1.5, 3.0])
    out = run(MihalasNiebur, current, t=300, dt=0.1, **EXACT)
    assert out.counts()[0] == 0
    for i in (1, 2, 3):
        flight = 20 * np.log(current[i] / (current[i] - 1))
        assert times_of(out, i)[0] == pytest.approx(flight, abs=0.11)
        np.testing.assert_allclose(np.diff(times_of(out, i)), flight, atol=0.11)


def test_mihalas_niebur_phasic_and_adapting():
    """a = 5/s: 1.5 V/s falls silent, 2 V/s gives a train that slows; currents of 10 and -0.6 make bursts."""
    model = MihalasNiebur(a=[0.005, 0.005, 0.0, 0.0], I_add_1=[0.0, 0.0, 10.0, 5.0], I_add_2=[0.0, 0.0, -0.6, -0.3])
    current = np.array([1.5, 2.0, 2.0, 2.0])
    out = run(model, current, t=250, dt=0.05, **EXACT)
    assert times_of(out, 0)[-1] < 200
    assert (np.diff(times_of(out, 1), 2) > -0.051).all() and out.counts()[1] > 3
    isi = np.diff(times_of(out, 2))
    assert isi.max() > 10 * isi.min()  # bursts
    for i in range(4):
        a, add = [0.005, 0.005, 0.0, 0.0][i], ([0, 0, 10, 5][i], [0, 0, -0.6, -0.3][i])

        def flow(y, a=a, x=current[i]):
            v, theta, i1, i2 = y
            return np.array([x + i1 + i2 - 0.05 * (v + 70), a * (v + 70) - 0.01 * (theta + 50), -0.2 * i1, -0.02 * i2])

        def reset(y, add=add):
            return np.array([-70, max(-60, y[1]), add[0], y[3] + add[1]])

        expected = spike_times(flow, lambda y: y[0] - y[1], reset, [-70, -50, 0, 0], t=250)
        assert_times(times_of(out, i)[:8], expected[:8], drift=0.06)
