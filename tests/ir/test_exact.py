"""The exact integrator: its error is that of rounding, for any step, at equal time constants and at a rate of zero."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from tests.ir.hand_written import CUBA, HELD

from spikelet.ir.lower import lower
from spikelet.ir.propagators import propagators
from spikelet.model import Neuron
from spikelet.simulate import BACKENDS, run


def linear(n):
    """A model of n states, with all n*n rates and n gains as parameters."""
    rows = []
    for i in range(n):
        terms = " + ".join(f"a{i}{j}*x{j}" for j in range(n))
        rows.append(f"dx{i}/dt = {terms} + b{i}*I : 1; b{i} : kHz; start{i} : 1")
    parameters = "; ".join(f"a{i}{j} : kHz" for i in range(n) for j in range(n))
    initial = "; ".join(f"x{i} = start{i}" for i in range(n))
    return Neuron(f"Linear{n}", "\n".join([*rows, parameters, "I : 1 (input)"]), initial=initial)


def given(a, b, start):
    n = len(b)
    values = {f"a{i}{j}": a[i][j] for i in range(n) for j in range(n)}
    return values | {f"b{i}": b[i] for i in range(n)} | {f"start{i}": start[i] for i in range(n)}


def by_taylor(a, b, start, current, t, terms=80):
    """x(t) of dx/dt = A x + b I in exact rational arithmetic, by its Taylor series."""
    n = len(b)
    a = [[Fraction(float(value)) for value in row] for row in a]
    t = Fraction(float(t))
    drive = [Fraction(float(value)) * Fraction(float(current)) for value in b]
    total = term = [Fraction(float(value)) for value in start]
    for order in range(1, terms):
        term = [sum(a[i][j] * term[j] for j in range(n)) * t / order for i in range(n)]
        if order == 1:
            term = [value + d * t for value, d in zip(term, drive, strict=True)]
        term = [value.limit_denominator(10**60) for value in term]
        total = [x + y for x, y in zip(total, term, strict=True)]
    return np.array([float(value) for value in total])


def random_system(rng, n):
    a = rng.normal(size=(n, n)) * 0.15 - 0.2 * np.eye(n)
    return a, rng.normal(size=n), rng.normal(size=n)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(("dt", "steps"), [(0.01, 300), (0.5, 24), (12.0, 1)])
def test_any_linear_system_to_rounding(n, dt, steps):
    a, b, start = random_system(np.random.default_rng(n), n)
    model = linear(n)(**given(a, b, start))
    assert lower(model).method == "exact"
    out = run(model, 1.7, t=dt * steps, dt=dt, dtype="float64")
    found = np.array([out.state[name][0] for name in model.states])
    expected = by_taylor(a, b, start, 1.7, dt * steps)
    np.testing.assert_allclose(found, expected, rtol=2e-15 * (10 + steps), atol=1e-15 * steps)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_neuron_has_its_own_matrices(backend):
    rng = np.random.default_rng(5)
    systems = [random_system(rng, 3) for _ in range(6)]
    a, b, start = (np.stack(parts, axis=-1) for parts in zip(*systems, strict=True))
    model = linear(3)(**given(a, b, start))
    out = run(model, 0.6, t=10, dt=5, dtype="float64", backend=backend)
    for k, system in enumerate(systems):
        found = [out.state[name][k] for name in model.states]
        np.testing.assert_allclose(found, by_taylor(*system, 0.6, 10), rtol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("spread", [0.0, 1e-12, 1e-9, 1e-6])
def test_equal_time_constants(backend, spread):
    """Without input v = x0 (t/tau)^2/2 exp(-t/tau); nearly equal ones differ from that by as much as they differ."""
    tau, t = 10.0, np.arange(1, 101) * 0.5
    model = CUBA(tau_m=tau, tau_s=tau * (1 + spread), v_th=np.inf)
    jump = np.zeros((100, 1))
    jump[0] = 1.0  # at t = 0.5
    out = run(model, {"x": jump}, t=50, dt=0.5, record=("x", "i", "v"), dtype="float64", backend=backend)
    s = (t - 0.5) / tau
    tolerance = 1e-12 + 3 * spread
    np.testing.assert_allclose(out["x"][:, 0], np.exp(-s), atol=tolerance)
    np.testing.assert_allclose(out["i"][:, 0], s * np.exp(-s), atol=tolerance)
    np.testing.assert_allclose(out["v"][:, 0], s**2 / 2 * np.exp(-s), atol=tolerance)


def test_different_time_constants():
    """The difference of two exponentials."""
    two = Neuron("Two", "dv/dt = (i - v)/tau_m : 1; di/dt = -i/tau_s : 1; tau_m = 10 ms; tau_s = 3 ms", initial="i = 1")
    out = run(two, t=60, dt=2, record="v", dtype="float64")
    expected = 3 / (10 - 3) * (np.exp(-out.t / 10) - np.exp(-out.t / 3))
    np.testing.assert_allclose(out["v"][:, 0], expected, atol=1e-15)


def test_a_rate_of_zero():
    """Integrators: v = t I, w = t^2/2 I, and an uncoupled state beside them."""
    text = "dv/dt = I/(1 ms) : 1; dw/dt = (v + c*w)/(1 ms) : 1; du/dt = c*u/(1 ms) + I/(1 ms) : 1; I : 1 (input); c = 0"
    out = run(Neuron("Zero", text), 0.5, t=30, dt=3, record=("v", "w", "u"), dtype="float64")
    np.testing.assert_allclose(out["v"][:, 0], 0.5 * out.t, rtol=1e-14)
    np.testing.assert_allclose(out["w"][:, 0], 0.25 * out.t**2, rtol=1e-14)
    np.testing.assert_allclose(out["u"][:, 0], 0.5 * out.t, rtol=1e-14)


def test_inputs_jumps_and_nonlinear_drive_are_held_over_the_step():
    text = "dv/dt = (I*J + tanh(m) - v)/tau : 1; m[k+1] = m + 1 : 1; I : 1 (input); J : 1 (input); tau = 4 ms"
    rng = np.random.default_rng(0)
    given = {name: rng.normal(size=(20, 3)) for name in ("I", "J", "v")}
    out = run(Neuron("Drive", text), given, t=20, dt=1, record="v", dtype="float64")
    v, decay = np.zeros(3), np.exp(-1 / 4)
    for k in range(20):
        v = decay * v + (1 - decay) * (given["I"][k] * given["J"][k] + np.tanh(k)) + given["v"][k]
        np.testing.assert_allclose(out["v"][k], v, atol=1e-14)


def test_uncoupled_states_have_closed_forms_and_coupled_ones_share_a_matrix():
    """A state that depends on others has a propagator of just those; one that depends on none is exp(a dt)."""
    step = lower(CUBA)
    nodes = [n for definition in step.coefficients.values() for n in [definition, *definition.args]]
    sizes = {n.value[3] for n in nodes if n.kind == "propagator"}
    assert sizes == {2, 3}  # i reads x; v reads i and x
    assert any(n.kind == "call" and n.value == "exp" for n in nodes)  # x reads nothing


# --- held states: the second propagator -------------------------------------------------------------------------------


def brute_force(right_sides, state, current, *, dt, fire, held, steps, refractory, substeps=20):
    """Grid-based events, and tiny Runge-Kutta steps of the plain right sides between them."""
    rows, left = [], 0
    for k in range(steps):
        frozen = left > 0

        def slope(y, frozen=frozen, k=k):
            return {n: 0.0 if frozen and n in held else s for n, s in right_sides(y, current[k]).items()}

        for _ in range(substeps):
            state = runge_kutta(slope, state, dt / substeps)
        fired = not frozen and fire(state)
        if fired:
            state = {**state, "u": 0.5, "w": state["w"] + 0.1}
        left = refractory if fired else max(left - 1, 0)
        rows.append({**state, "spike": float(fired)})
    return rows


def runge_kutta(slope, y, h):
    def at(k, c):
        return slope({n: y[n] + c * h * k[n] for n in y})

    k1 = slope(y)
    k2 = at(k1, 0.5)
    k3 = at(k2, 0.5)
    k4 = at(k3, 1.0)
    return {n: y[n] + h / 6 * (k1[n] + 2 * k2[n] + 2 * k3[n] + k4[n]) for n in y}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("tau_v", [7.0, 11.0])
def test_held_states_against_tiny_steps(backend, tau_v):
    def right_sides(y, I):
        v, u, w = y["v"], y["u"], y["w"]
        return {"v": (u - v) / tau_v, "u": (I - u - 0.3 * v) / 11, "w": (v + u - w) / tau_v}

    current = np.repeat(np.random.default_rng(3).uniform(1, 9, 8), 10)
    start = dict.fromkeys(("v", "u", "w"), 0.0)
    options = {"dt": 0.5, "held": {"u"}, "steps": 80, "refractory": 6, "fire": lambda y: y["u"] > 1}
    rows = brute_force(right_sides, start, current, **options)
    model = HELD(tau_v=tau_v)
    out = run(model, current[:, None], t=40, dt=0.5, record=model.states, dtype="float64", backend=backend)
    for name in model.states:
        np.testing.assert_allclose(out[name][:, 0], [row[name] for row in rows], atol=1e-11)
    assert sum(row["spike"] for row in rows) == len(out.spikes) > 3


def test_the_matrices_of_a_stiff_system():
    """Rates from 1e-3 to 1e2 per ms, against an implicit solver of tight tolerance."""
    a = np.array([[-100.0, 1.0, 0.0], [0.5, -1.0, 0.3], [0.0, 0.1, -0.001]])
    matrices = propagators(a, None, np.array(0.5))
    for j, start in enumerate(np.eye(3)):
        solution = solve_ivp(lambda _t, y: a @ y, (0, 0.5), start, method="Radau", rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(matrices["P"][:, j], solution.y[:, -1], atol=1e-9)
    np.testing.assert_allclose(a @ matrices["Q"], matrices["P"] - np.eye(3), atol=1e-12)
