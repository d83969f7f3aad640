"""White noise: the exact process where the system is linear, Euler-Maruyama elsewhere, and streams that do not mix.

Samples are the same in every run of the tests; tolerances are a few standard errors.
"""

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov
from tests.ir.hand_written import CASES, DIFFUSION, N

from spikelet.backends.numpy_reference import evaluate
from spikelet.ir.lower import lower
from spikelet.ir.propagators import propagators
from spikelet.model import Neuron
from spikelet.simulate import BACKENDS, run

SAMPLES = 40_000
OU = Neuron("OU", "dv/dt = (m - v)/tau + s*xi/sqrt(tau) : 1; m = 0.3; tau = 10 ms; s = 0.8; v_0 = 2", initial="v = v_0")
COUPLED = Neuron(
    "Coupled",
    """
    dv/dt = (u - v)/tau_v + s_v*xi/sqrt(tau_v) : 1
    du/dt = -(u + c*v)/tau_u + s_u*xi/sqrt(tau_u) : 1
    tau_v = 8 ms;  tau_u = 3 ms;  c = 0.5;  s_v = 0.4;  s_u = 0.9
    """,
)
DRIFT = np.array([[-1 / 8, 1 / 8], [-0.5 / 3, -1 / 3]])
SPREAD = np.array([0.4**2 / 8, 0.9**2 / 3])


def correlation(a, b):
    return np.corrcoef(a, b)[0, 1]


@pytest.mark.parametrize("dt", [0.5, 5.0])
def test_one_state_has_the_mean_variance_and_memory_of_the_process(dt):
    """Also with steps of half the time constant, for which Euler-Maruyama is far off."""
    out = run(OU, t=15, dt=dt, n=SAMPLES, record="v", dtype="float64")
    decay = np.exp(-out.t / 10)
    variance = 0.8**2 / 2 * (1 - decay**2)
    error = np.sqrt(variance / SAMPLES)
    assert (np.abs(out["v"].mean(1) - (0.3 + 1.7 * decay)) < 4 * error).all()
    np.testing.assert_allclose(out["v"].var(1), variance, rtol=4 * np.sqrt(2 / SAMPLES))
    last, before = out["v"][-1], out["v"][-2]
    expected = np.exp(-dt / 10) * np.sqrt(variance[-2] / variance[-1])
    assert correlation(last, before) == pytest.approx(expected, abs=4 / np.sqrt(SAMPLES))


def test_a_step_may_be_of_any_length():
    """The law at 12 ms does not depend on the steps that lead there."""
    ends = [run(OU, t=12, dt=dt, n=SAMPLES, dtype="float64", seed=k).state["v"] for k, dt in enumerate((12.0, 1.0))]
    for quantile in (0.1, 0.5, 0.9):
        assert np.quantile(ends[0], quantile) == pytest.approx(np.quantile(ends[1], quantile), abs=0.015)


def test_a_rate_of_zero_is_brownian_motion():
    walk = Neuron("Walk", "dv/dt = c*v/(1 ms) + xi/sqrt(1 ms) : 1; c = 0")
    assert lower(walk).method == "exact"
    out = run(walk, t=6, dt=2, n=SAMPLES, record="v", dtype="float64")
    np.testing.assert_allclose(out["v"].var(1), out.t, rtol=4 * np.sqrt(2 / SAMPLES))


def test_two_noises_on_one_state_add_in_variance():
    text = "dv/dt = -v/(10 ms) + 0.6*xi/sqrt(1 ms) + 0.8*xi/sqrt(1 ms) : 1"
    v = run(Neuron("Sum", text), t=40, dt=40, n=SAMPLES, dtype="float64").state["v"]
    assert v.var() == pytest.approx(5 * (1 - np.exp(-8)), rel=4 * np.sqrt(2 / SAMPLES))


@pytest.mark.parametrize("dt", [0.01, 1.0, 20.0, 400.0])
def test_the_factor_of_a_step_keeps_the_stationary_covariance(dt):
    """S = P S P^T + L L^T for the S that solves A S + S A^T + D = 0 (Lyapunov)."""
    stationary = solve_continuous_lyapunov(DRIFT, -np.diag(SPREAD))
    found = propagators(DRIFT, SPREAD, np.array(dt))
    moved = found["P"] @ stationary @ found["P"].T + found["L"] @ found["L"].T
    np.testing.assert_allclose(moved, stationary, rtol=1e-11)
    assert found["L"][0, 1] == 0
    np.testing.assert_allclose(found["P"], expm(DRIFT * dt), rtol=1e-12, atol=1e-15)


def test_the_coefficients_of_a_model_are_those_matrices():
    step = lower(COUPLED)
    values = {name: np.asarray(value) for name, value in COUPLED.parameters.items()} | {"dt": np.asarray(2.0)}
    expected = propagators(DRIFT, SPREAD, np.array(2.0))
    nodes = {name: n for name, n in step.coefficients.items() if n.kind == "propagator"}
    assert {n.value[0] for n in nodes.values()} == {"P", "L"}
    for name, value in evaluate(nodes, values).items():
        part, i, j, _ = nodes[name].value
        assert value == pytest.approx(expected[part][i, j], rel=1e-12)


@pytest.mark.parametrize("dt", [1.0, 10.0])
def test_two_coupled_states_have_the_stationary_covariance(dt):
    state = run(COUPLED, t=80, dt=dt, n=SAMPLES // 2, dtype="float64").state
    found = np.cov(state["v"], state["u"])
    expected = solve_continuous_lyapunov(DRIFT, -np.diag(SPREAD))
    np.testing.assert_allclose(found, expected, atol=5 * expected.max() / np.sqrt(SAMPLES // 2))
    assert abs(expected[0, 1]) > 0.02  # the correlation is not a detail


@pytest.mark.parametrize("backend", BACKENDS)
def test_noise_of_amplitude_zero_is_no_noise(backend):
    quiet = COUPLED(s_v=0, s_u=0)
    state = run(quiet, {"u": np.eye(1, 10).T}, t=10, dt=1, dtype="float64", backend=backend).state
    expected = expm(DRIFT * 9) @ [0, 1]
    np.testing.assert_allclose([state["v"][0], state["u"][0]], expected, rtol=1e-12)


def test_noise_that_reaches_a_state_through_another():
    """Only u has a source; v is smooth, so that the covariance of a short step is nearly singular."""
    out = run(COUPLED(s_v=0), t=90, dt=0.5, n=2000, record=("v", "u"), dtype="float64")
    expected = solve_continuous_lyapunov(DRIFT, -np.diag([0, SPREAD[1]]))
    found = np.cov(out["v"][-1], out["u"][-1])
    np.testing.assert_allclose(found, expected, atol=6 * expected.max() / np.sqrt(2000))
    rough = np.diff(out["u"], axis=0).std() / np.diff(out["v"], axis=0).std()
    assert rough > 5


def test_multiplicative_noise_is_that_of_ito_and_euler_maruyama():
    """Geometric Brownian motion: the scheme has E v = (1 + m dt)^n and E v^2 = ((1 + m dt)^2 + s^2 dt)^n."""
    text = "dv/dt = m*v/(1 ms) + s*v*xi/sqrt(1 ms) : 1; m = -0.1; s = 0.3"
    model = Neuron("Geometric", text, initial="v = 1")
    assert lower(model).method == "euler"
    for dt in (1.0, 0.25):
        steps = int(4 / dt)
        v = run(model, t=4, dt=dt, n=SAMPLES, dtype="float64").state["v"]
        mean, square = (1 - 0.1 * dt) ** steps, ((1 - 0.1 * dt) ** 2 + 0.09 * dt) ** steps
        assert v.mean() == pytest.approx(mean, abs=4 * np.sqrt((square - mean**2) / SAMPLES))
        assert (v**2).mean() == pytest.approx(square, abs=4 * np.sqrt((v**2).var() / SAMPLES))
        assert mean == pytest.approx(np.exp(-0.4), abs=0.025 * dt)  # weak order 1; Stratonovich: exp(-0.4 + 0.18)


def test_euler_maruyama_of_a_linear_system_is_that_of_the_scheme():
    v = run(OU(v_0=0.3), t=60, dt=4, n=SAMPLES, dtype="float64", method="euler").state["v"]
    keep = 1 - 4 / 10
    expected = 0.64 * 4 / 10 * (1 - keep**30) / (1 - keep**2)  # variance of v' = keep v + s sqrt(dt/tau) z
    assert v.var() == pytest.approx(expected, rel=4 * np.sqrt(2 / SAMPLES))
    assert expected > 1.2 * 0.32  # far from the exact 0.32


# --- streams ----------------------------------------------------------------------------------------------------------

STREAMS = Neuron(
    "Streams",
    """
    da/dt = -a/(1 ms) + xi/sqrt(1 ms) : 1
    db/dt = -b/(1 ms) + xi/sqrt(1 ms) : 1
    c[k+1] = uniform() : 1
    d[k+1] = uniform() : 1
    e[k+1] = normal() : 1
    f[k+1] = normal() : 1
    """,
)


@pytest.mark.parametrize("method", ["exact", "euler"])
def test_streams_neurons_steps_and_seeds_are_independent(method):
    names = STREAMS.states
    out = run(STREAMS, t=60, dt=30, n=10_000, record=names, dtype="float64", method=method)
    other = run(STREAMS, t=30, dt=30, n=10_000, record=names, dtype="float64", method=method, seed=1)
    now = [out[name][0] for name in names]
    rows = [*now, *(out[name][1] for name in names[2:]), *(other[name][0] for name in names)]
    rows += [np.roll(row, 1) for row in now]
    matrix = np.corrcoef(rows) - np.eye(len(rows))
    assert np.abs(matrix).max() < 5 / np.sqrt(10_000)


def test_draws_have_their_laws():
    out = run(STREAMS, t=1, dt=1, n=SAMPLES, record=("c", "e"), dtype="float64")
    uniform, normal = out["c"][0], out["e"][0]
    assert 0 < uniform.min() < 1e-3
    assert 1 - 1e-3 < uniform.max() < 1
    assert uniform.mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / SAMPLES))
    assert uniform.var() == pytest.approx(1 / 12, rel=0.02)
    assert (normal.mean(), normal.var()) == (pytest.approx(0, abs=0.02), pytest.approx(1, rel=0.03))
    assert np.mean(normal**4) == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["diffusion", "geometric", "dice"])
def test_numbers_do_not_depend_on_how_a_run_is_cut(name, backend):
    case = CASES[name]
    inputs = case.inputs(60, N)
    options = {"dt": case.dt, "record": case.model.states, "dtype": "float64", "backend": backend, "seed": 9}
    whole = run(case.model, inputs, t=60 * case.dt, **options)
    state, pieces = None, []
    for start, stop in ((0, 1), (1, 24), (24, 60)):
        part = {key: value[start:stop] for key, value in inputs.items()}
        pieces.append(run(case.model, part, t=(stop - start) * case.dt, state=state, **options))
        state = pieces[-1].state
    for key in case.model.states:
        np.testing.assert_array_equal(np.concatenate([piece[key] for piece in pieces]), whole[key])
        np.testing.assert_array_equal(state[key], whole.state[key])
    np.testing.assert_array_equal(np.concatenate([piece.spikes.times for piece in pieces]), whole.spikes.times)


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_do_not_depend_on_the_other_neurons(backend):
    few, many = (run(DIFFUSION, 0.9, t=20, dt=1, n=n, record="v", dtype="float64", backend=backend) for n in (3, 50))
    np.testing.assert_array_equal(many["v"][:, :3], few["v"])


def test_another_seed_gives_other_numbers():
    first, second, again = (run(OU, t=2, dt=1, n=5, dtype="float64", seed=seed).state["v"] for seed in (1, 2, 1))
    assert (first != second).all()
    np.testing.assert_array_equal(first, again)
