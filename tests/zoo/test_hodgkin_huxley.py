"""Ionic-current neurons against closed forms, and against the papers' equations, typed again, in scipy's solver."""

import functools

import numpy as np
import pytest
from numpy import exp
from scipy.integrate import solve_ivp
from tests.papers.equations import connor, hodgkin_huxley, slopes, traub_miles, wang_buzsaki
from tests.zoo.offsets import times_of

from spikelet.neurons.hodgkin_huxley import (
    ConnorStevens,
    HodgkinHuxley,
    HodgkinHuxleyPoint,
    TraubMiles,
    WangBuzsaki,
)
from spikelet.simulate import run
from spikelet.units import mS, uA, uF

run = functools.partial(run, dtype="float64", backend="numpy_reference")


# model, its equations, states in the order of the equations, current [uA/cm2], duration [ms]
CASES = [
    pytest.param(HodgkinHuxley, hodgkin_huxley, "vmhn", 10.0, 8.0, id="HodgkinHuxley"),
    pytest.param(
        HodgkinHuxley(celsius=18.5),
        functools.partial(hodgkin_huxley, warming=3**1.22),
        "vmhn",
        20.0,
        4.0,
        id="HodgkinHuxley-18.5",
    ),
    pytest.param(ConnorStevens, connor, "vmhnab", 20.0, 9.0, id="ConnorStevens"),
    pytest.param(TraubMiles, traub_miles, "vmhn", 5.0, 7.0, id="TraubMiles"),
    pytest.param(
        TraubMiles(v_T=-63), functools.partial(traub_miles, shift=-63.0), "vmhn", 5.0, 8.0, id="TraubMiles-COBAHH"
    ),
    pytest.param(WangBuzsaki, wang_buzsaki, "vhn", 5.0, 6.0, id="WangBuzsaki"),
]


@pytest.mark.parametrize(("model", "equations", "states", "current", "t"), CASES)
def test_the_trace_is_that_of_the_paper(model, equations, states, current, t):
    dt = 0.01
    start = run(model, t=dt, dt=dt, record=tuple(states))  # one step of rest, from which both start
    first = [float(start[name][0, 0]) for name in states]
    out = run(model, I=current * uA, t=t, dt=dt, method="rk4", record="v", state=start.state)
    elapsed = out.t - (out.t[0] - dt)
    spikes = times_of(out) - (out.t[0] - dt)
    solution = solve_ivp(
        lambda t, y: equations(t, y, current),
        (0, elapsed[-1]),
        first,
        method="LSODA",
        t_eval=elapsed,
        rtol=1e-10,
        atol=1e-11,
        events=_crossing,
    )
    assert len(solution.t_events[0]) >= 1  # the case has a spike to compare
    assert spikes == pytest.approx(np.ceil(solution.t_events[0] / dt) * dt, abs=1e-6)
    assert np.abs(out["v"][:, 0] - solution.y[0]).max() < 0.01  # [mV], where the spike rises by 4 mV a step


@pytest.mark.parametrize(("model", "equations", "states", "current", "t"), CASES)
def test_the_slopes_are_those_of_the_paper(model, equations, states, current, t):
    rng = np.random.default_rng(3)
    at = np.vstack([rng.uniform(-99, 59, 200), rng.uniform(0, 1, (len(states) - 1, 200))])
    expected = np.array(equations(0.0, at, current))
    assert slopes(model, states, at, current * uA) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def _crossing(t, y):
    return y[0]


_crossing.direction = 1


# --- closed forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("celsius", [6.3, 16.3, 26.3])
def test_gates_relax_under_voltage_clamp(celsius):
    """With v fixed each gate is an exponential; v = -40 and -55 mV are the removable singularities."""
    depolarised = np.array([-10.0, 0.0, 10.0, 25.0, 25.0 + 1e-9, 60.0])
    steps, dt = 200, 0.01
    jump = np.zeros((steps, len(depolarised)))
    jump[0] = depolarised  # clamps v from the second step on
    clamped = HodgkinHuxley(C=1e12 * uF, celsius=celsius)
    out = run(clamped, I={"v": jump}, t=steps * dt, dt=dt, record=("v", "m", "h", "n"))
    assert np.abs(out["v"] + 65 - depolarised).max() < 1e-6
    for gate, alpha, beta in zip("mhn", *_rates(depolarised), strict=True):
        rate = 3 ** ((celsius - 6.3) / 10) * (alpha + beta)
        rest = alpha / (alpha + beta)
        elapsed = (out.t[:, None] - out.t[0]) * rate
        expected = rest + (out[gate][0] - rest) * np.exp(-elapsed)
        assert np.abs(out[gate] - expected).max() < 1e-8, gate


def _rates(u):
    """Rates at a depolarisation u, with the limits put in by hand."""
    u = np.where(abs(u - 25) < 1e-6, np.nan, u)
    alpha_m = np.where(np.isnan(u), 1.0, 0.1 * (25 - u) / (exp((25 - u) / 10) - 1))
    u = np.where(np.isnan(u), 25.0, u)
    alpha_n = np.array([0.1 if x == 10 else 0.01 * (10 - x) / (exp((10 - x) / 10) - 1) for x in u])
    alphas = (alpha_m, 0.07 * exp(-u / 20), alpha_n)
    return alphas, (4 * exp(-u / 18), 1 / (exp((30 - u) / 10) + 1), 0.125 * exp(-u / 80))


@pytest.mark.parametrize("model", [HodgkinHuxley, HodgkinHuxleyPoint, ConnorStevens, TraubMiles, WangBuzsaki])
def test_without_input_it_rests(model):
    out = run(model, t=50, dt=0.05, record="v")
    assert len(out.spikes.times) == 0
    assert np.ptp(out["v"]) < 0.05


def test_the_point_neuron_is_a_patch_of_1e_4_cm2():
    point = run(HodgkinHuxleyPoint(E_L=-54.387), I=1000.0, t=20, dt=0.02, record="v")
    patch = run(HodgkinHuxley, I=10 * uA, t=20, dt=0.02, record="v")
    assert len(point.spikes.times) == len(patch.spikes.times) == 2
    assert np.abs(point["v"] - patch["v"]).max() < 1e-6


def test_its_leak_is_that_of_the_simulator():
    out = run(HodgkinHuxleyPoint, I=0.0, t=100, dt=0.05, record=("v", "m", "h", "n"))
    v, m, h, n = (float(out[name][-1, 0]) for name in "vmhn")
    residual = hodgkin_huxley(0, (v, m, h, n), 0.0, e_leak=65 - 54.402)
    assert np.abs(residual).max() < 1e-6


@pytest.mark.parametrize(("target", "current", "tau"), [("x_e", "i_e", 0.2), ("x_i", "i_i", 2.0)])
def test_its_synapses_are_alpha_functions_of_peak_w(target, current, tau):
    dt, w = tau / 100, 1.5
    steps = 300
    jump = np.zeros((steps, 1))
    jump[0] = w
    out = run(HodgkinHuxleyPoint, I={target: jump}, t=steps * dt, dt=dt, method="rk4", record=current)
    s = out.t - out.t[0]
    assert np.abs(out[current][:, 0] - w * np.e * s / tau * np.exp(-s / tau)).max() < 1e-5
    assert out[current].max() == pytest.approx(w, rel=1e-4)


def test_its_refractoriness_is_a_duration():
    fast = HodgkinHuxleyPoint(t_ref=np.array([0.0, 2.0, 30.0]))
    counts = run(fast, I=1000.0, t=50, dt=0.02).counts()
    assert counts[1] == 4
    assert counts[2] == 2  # 30 ms: every second or third spike is lost
    assert counts[0] > 10  # without any, each step above 0 mV counts


def test_conductances_are_densities():
    """Twice the membrane needs twice the current: C, all g and I scale together."""
    double = {name: 2 * HodgkinHuxley.parameters[name] for name in ("C", "g_Na", "g_K", "g_L")}
    one = run(HodgkinHuxley, I=10 * uA, t=10, dt=0.02, record="v")
    two = run(HodgkinHuxley(**double), I=20 * uA, t=10, dt=0.02, record="v")
    assert one["v"] == pytest.approx(two["v"], abs=1e-9)
    assert HodgkinHuxley.parameters["g_Na"] == 120 * mS
