"""Integrators: which is chosen, which are refused, and the measured order of each."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from tests.ir.hand_written import CONDUCTANCE, DIFFUSION, GEOMETRIC

from spikelet.errors import ModelError
from spikelet.ir.lower import lower
from spikelet.model import METHODS, Neuron
from spikelet.simulate import run, show

TAU = "I : 1 (input); tau = 5 ms; c = 0.3"


def made(flows, **options):
    return Neuron("M", f"{flows}\n{TAU}", **options)


@pytest.mark.parametrize(
    ("flows", "method", "reason"),
    [
        ("dv/dt = (I - v)/tau : 1", "exact", "linear with constant coefficients"),
        ("dv/dt = I/tau : 1", "exact", "linear with constant coefficients"),
        ("dv/dt = (w - v)/tau : 1; dw/dt = (v*c - w*exp(-c))/tau : 1", "exact", "linear with constant coefficients"),
        ("dv/dt = (sin(I)*I - v)/tau : 1", "exact", "linear with constant coefficients"),
        ("dv/dt = (cos(t/tau) - v)/tau : 1", "exact", "linear with constant coefficients"),
        ("dv/dt = (m**2 - v)/tau : 1; m[k+1] = 0.5*m + I : 1", "exact", "linear with constant coefficients"),
        ("dv/dt = (where(c > 0, v, 2*v) - v*3)/tau : 1", "exact", "linear with constant coefficients"),
        ("dv/dt = -v*I/tau : 1", "exponential_euler", "every state is linear in itself"),
        ("dv/dt = -v*t/tau**2 : 1", "exponential_euler", "every state is linear in itself"),
        (
            "dv/dt = (1 - v)*w/tau : 1; dw/dt = (v**2 - w)/tau : 1",
            "exponential_euler",
            "every state is linear in itself",
        ),
        ("dv/dt = where(I > 0, v, -v)/tau : 1", "exponential_euler", "every state is linear in itself"),
        ("dv/dt = (v**2 + I)/tau : 1", "rk4", "a state is not linear in itself"),
        ("dv/dt = (v*w*v + I)/tau : 1; dw/dt = -w/tau : 1", "rk4", "a state is not linear in itself"),
        ("dv/dt = (1/v + I)/tau : 1", "rk4", "a state is not linear in itself"),
        ("dv/dt = where(v > 0, 1, -1)/tau : 1", "rk4", "a state is not linear in itself"),
        ("dv/dt = (max(v, 0) + I)/tau : 1", "rk4", "a state is not linear in itself"),
        ("dv/dt = -v/tau + c*xi/sqrt(tau) : 1", "exact", "linear with constant coefficients, additive noise"),
        ("dv/dt = -v/tau + I*xi/sqrt(tau) : 1", "euler", "noise in a system that is not linear"),
        ("dv/dt = -v/tau + v*xi/sqrt(tau) : 1", "euler", "noise in a system that is not linear"),
        ("dv/dt = -v**3/tau + c*xi/sqrt(tau) : 1", "euler", "noise in a system that is not linear"),
        ("v[k+1] = c*v + I : 1", "map", "no flow"),
    ],
)
def test_the_rule(flows, method, reason):
    step = lower(made(flows))
    assert step.method == method
    assert step.reason.startswith(reason)
    assert f"integrator: {method} (chosen by rule: {reason}" in show(made(flows))


LINEAR = made("dv/dt = (I - v)/tau : 1")
QUADRATIC = made("dv/dt = (v**2 + I)/tau : 1")


@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        (LINEAR, set(METHODS)),
        (CONDUCTANCE, set(METHODS) - {"exact"}),
        (QUADRATIC, {"euler", "heun", "rk4"}),
        (DIFFUSION, {"exact", "euler"}),
        (GEOMETRIC, {"euler"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_methods_that_a_model_allows(model, allowed):
    for method in METHODS:
        if method in allowed:
            assert lower(model, method=method).method == method
        else:
            with pytest.raises(ModelError, match=f"'{method}'"):
                lower(model, method=method)


@pytest.mark.parametrize(
    ("model", "method", "message"),
    [
        (QUADRATIC, "exact", r"M: method 'exact' cannot integrate this model \(a state is not linear in itself\)"),
        (QUADRATIC, "exponential_euler", r"\(a state is not linear in itself\); choose one of rk4, euler, heun$"),
        (GEOMETRIC, "rk4", "'rk4' cannot integrate this model .noise in a .*; choose one of euler$"),
        (DIFFUSION, "heun", "'heun' cannot integrate .*linear .*, additive noise.; choose one of exact, euler$"),
        (CONDUCTANCE, "exact", "choose one of exponential_euler, euler, heun, rk4$"),
        (LINEAR, "exat", "M: method 'exat' is none of exact, .*; did you mean 'exact'"),
    ],
)
def test_a_refused_method_tells_why_and_which_can(model, method, message):
    with pytest.raises(ModelError, match=message):
        lower(model, method=method)


def test_noise_must_enter_linearly():
    with pytest.raises(ModelError, match="dv/dt must be linear in the white noise 'xi'"):
        lower(made("dv/dt = -v/tau + xi**2 : 1"))


# --- order of convergence ---------------------------------------------------------------------------------------------

OSCILLATOR = made(
    "dv/dt = (v - v**3/3 - w + 0.5)/tau : 1; dw/dt = (v + 0.7 - 0.8*w)/(3*tau) : 1", initial="v = 1; w = c"
)
CHANNELS = made("dv/dt = (g*(2 - v) - v)/tau : 1; dg/dt = ((1 - g)*v**2 - g)/(2*tau) : 1", initial="v = 0.2; g = c")
END = 16.0  # ms


def oscillator(_t, y):
    return [(y[0] - y[0] ** 3 / 3 - y[1] + 0.5) / 5, (y[0] + 0.7 - 0.8 * y[1]) / 15]


def channels(_t, y):
    return [(y[1] * (2 - y[0]) - y[0]) / 5, ((1 - y[1]) * y[0] ** 2 - y[1]) / 10]


def errors(model, right_sides, start, method, steps):
    reference = solve_ivp(right_sides, (0, END), start, method="DOP853", rtol=1e-13, atol=1e-14).y[:, -1]
    found = []
    for count in steps:
        state = run(model, t=END, dt=END / count, dtype="float64", method=method).state
        found.append(max(abs(state[name][0] - value) for name, value in zip(model.states, reference, strict=True)))
    return np.array(found)


@pytest.mark.parametrize(
    ("model", "right_sides", "start", "method", "order", "steps"),
    [
        (OSCILLATOR, oscillator, (1, 0.3), "euler", 1, (200, 400, 800)),
        (OSCILLATOR, oscillator, (1, 0.3), "heun", 2, (50, 100, 200)),
        (OSCILLATOR, oscillator, (1, 0.3), "rk4", 4, (16, 32, 64)),
        (CHANNELS, channels, (0.2, 0.3), "euler", 1, (200, 400, 800)),
        (CHANNELS, channels, (0.2, 0.3), "exponential_euler", 1, (200, 400, 800)),
        (CHANNELS, channels, (0.2, 0.3), "heun", 2, (50, 100, 200)),
        (CHANNELS, channels, (0.2, 0.3), "rk4", 4, (16, 32, 64)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_order_of_convergence(model, right_sides, start, method, order, steps):
    found = errors(model, right_sides, start, method, steps)
    slope = np.polyfit(np.log(steps), np.log(found), 1)[0]
    assert -slope == pytest.approx(order, abs=0.2)
    assert found[-1] < 0.01


@pytest.mark.parametrize("dt", [0.1, 5.0, 50.0, 400.0])
def test_exponential_euler_is_exact_where_coefficients_are_constant(dt):
    """Relaxation, growth, and a rate of zero, at which (1 - exp(-a dt))/a would be 0/0."""
    flows = "dv/dt = (I - v)/tau : 1; dw/dt = (I + w)/(40*tau) : 1; dx/dt = (I + (c - 0.3)*x)/tau : 1"
    out = run(
        made(flows, initial="v = 0.25; w = 0.25; x = 0.25"),
        1.5,
        t=dt,
        dt=dt,
        dtype="float64",
        method="exponential_euler",
    )
    assert out.state["v"][0] == pytest.approx(1.5 - 1.25 * np.exp(-dt / 5), rel=1e-14)
    assert out.state["w"][0] == pytest.approx(1.75 * np.exp(dt / 200) - 1.5, rel=1e-13)
    assert out.state["x"][0] == pytest.approx(0.25 + 1.5 * dt / 5, rel=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_holds_held_states(method):
    """In refractory steps v stays where the reset put it, and w relaxes to it."""
    flows = "dv/dt = (I - v)/tau : 1 (unless refractory); dw/dt = (v - w)/tau : 1"
    model = made(flows, threshold="v > 1", reset="v = 0.5", refractory="20 ms")
    out = run(model, 20.0, t=20.4, dt=0.05, record=("v", "w"), dtype="float64", method=method)
    first = int(np.argmax(out["v"][:, 0] == 0.5))
    assert len(out.spikes) == 1
    np.testing.assert_array_equal(out["v"][first : first + 401, 0], 0.5)
    after = out.t[first : first + 401] - out.t[first]
    expected = 0.5 + (out["w"][first, 0] - 0.5) * np.exp(-after / 5)
    tolerance = {"euler": 2e-3, "heun": 1e-5}.get(method, 1e-9)
    np.testing.assert_allclose(out["w"][first : first + 401, 0], expected, atol=tolerance)


@pytest.mark.parametrize("method", ["euler", "heun", "rk4", "exponential_euler", "exact"])
def test_time_is_that_of_the_start_of_the_step(method):
    out = run(
        made("dv/dt = t/(1 ms**2) : 1; dw/dt = -w*c/tau : 1"), t=4, dt=1, record="v", dtype="float64", method=method
    )
    np.testing.assert_allclose(out["v"][:, 0], [0, 1, 3, 6], atol=1e-12)
