"""`run` and `show`: shapes of inputs and results, times of spikes, continuation, and what is refused."""

import math
import sys
from typing import Any

import numpy as np
import pytest
import torch

from spikelet import neurons, units
from spikelet.errors import BackendError, InputError, NumericsError, ShapeError, SpikeletError, StateError
from spikelet.model import Neuron
from spikelet.simulate import BACKENDS, TARGETS, Result, run, show

LIF = Neuron(
    "LIF",
    "dv/dt = (I - v)/tau : 1 (unless refractory); I : 1 (input); tau = 10 ms; v_th = 1; t_ref = 2 ms",
    threshold="v > v_th",
    reset="v = 0",
    refractory="t_ref",
)
COUNTER = Neuron("Counter", "v[k+1] = v + x : 1; x : 1 (input)", threshold="v > 2", reset="v = 0")
LEAKY = Neuron("Leaky", "dv/dt = -v/tau : 1; dw/dt = (I - w)/tau : 1; I : 1 (input); J : 1 (input); tau = 5 ms")
CLOCK = Neuron("Clock", "v[k+1] = t/ms : 1; w[k+1] = 0*w : 1", threshold="t > 0.15 ms", reset="w = t/ms")
NOISY = Neuron(
    "Noisy",
    "dv/dt = (I - v)/tau + s*xi : 1; I : 1 (input); tau = 10 ms; s = 0.3 /ms**0.5",
    threshold="v > 1",
    reset="v = 0",
)
HIDDEN = Neuron(
    "Hidden",
    "dv/dt = (I - v)/(5 ms) : 1; I : 1 (input)",
    threshold="v > 1",
    reset="v = 0.9",
    refractory="v > 0.5",
    on_recovery="v -= 0.1",
)
each_backend = pytest.mark.parametrize("backend", BACKENDS)


# --- the example of the documentation, and closed forms ---------------------------------------------------------------


def test_the_example_of_the_documentation():
    model = Neuron("LIF", "dv/dt = (I - v)/(10 ms) : 1; I : 1 (input)", threshold="v > 1", reset="v = 0")
    assert run(model, I=[0.5, 1.5], t=100).counts().tolist() == [0, 9]


@each_backend
def test_the_design_s_first_model(backend: str):
    model = Neuron(
        "AdEx",
        """
        dv/dt = (v_rest - v + delta*exp((v - v_th)/delta) + r*(I - w)) / tau_mem : mV
        dw/dt = (a*(v - v_rest) - w) / tau_w                                     : pA
        I : pA (input)
        tau_mem = 20 ms;  tau_w = 100 ms;  r = 0.5 GOhm;  a = 2 nS;  b = 60 pA
        v_rest = -70 mV;  v_th = -50 mV;  delta = 2 mV;  v_cut = 0 mV;  v_reset = -58 mV
        """,
        threshold="v > v_cut",
        reset="v = v_reset; w += b",
        initial="v = v_rest",
    )
    out = run(model, I=100, t=250 * units.ms, dt=0.4 * units.ms, record="v", backend=backend)
    assert out["v"].shape == (625, 1)
    assert out["v"][0, 0] == pytest.approx(-70 + 0.4 * 0.5 * 100 / 20, abs=0.05)
    intervals = np.diff(out.spikes.times)
    assert len(intervals) > 1 and intervals[-1] > 1.5 * intervals[0]  # it adapts


@each_backend
def test_a_leak_against_its_closed_form(backend: str):
    out = run(LIF(v_th=math.inf), I=[0.3, 0.7], t=50, dt=0.5, record="v", dtype="float64", backend=backend)
    exact = np.array([0.3, 0.7]) * (1 - np.exp(-out.t[:, None] / 10))
    np.testing.assert_allclose(out["v"], exact, rtol=1e-12)


@each_backend
def test_an_f_i_curve_is_one_call(backend: str):
    """Theory: the interval is t_ref + tau log(I/(I - v_th)), rounded up to the grid."""
    current = np.linspace(0.5, 3, 26)
    out = run(LIF, I=current, t=200, dt=0.1, dtype="float64", backend=backend)
    driven = current > 1.001
    exact = 2 + 10 * np.log(current[driven] / (current[driven] - 1))
    steps = np.ceil(exact / 0.1 - 1e-9)  # from spike to spike; the first comes earlier by t_ref
    np.testing.assert_array_equal(out.counts()[driven], (2000 + 20) // steps)
    assert (out.counts()[~driven] == 0).all()
    np.testing.assert_allclose(out.rate(), out.counts() / 200)
    assert (out.rate() / units.Hz)[-1] == pytest.approx(5 * out.counts()[-1])


# --- shapes of I ------------------------------------------------------------------------------------------------------

T, N = 30, 3
ROWS = np.arange(T * N, dtype=float).reshape(T, N) % 7 / 7
SHAPES: dict[str, tuple[Any, int]] = {
    "a number": (0.7, 1),
    "an integer": (1, 1),
    "a scalar array": (np.array(0.7), 1),
    "(1,)": ([0.7], 1),
    "(N,)": ([0.1, 0.2, 0.3], N),
    "(T, 1)": (ROWS[:, :1], 1),
    "(T, N)": (ROWS, N),
    "(1, N)": (ROWS[:1], N),
    "float32": (ROWS.astype(np.float32), N),
    "booleans": (ROWS > 0.5, N),
    "integers": ((ROWS > 0.5).astype(np.int8), N),
    "a tensor": (torch.from_numpy(ROWS), N),
    "a transposed view": (np.asfortranarray(ROWS), N),
    "nested lists": (ROWS.tolist(), N),
}


@each_backend
@pytest.mark.parametrize("name", SHAPES)
def test_inputs_of_every_shape(name: str, backend: str):
    given, n = SHAPES[name]
    out = run(COUNTER(), given, t=T, dt=1, record="v", dtype="float64", backend=backend)
    rows = np.broadcast_to(np.asarray(given, dtype=float), (T, n))
    v, expected, counts = np.zeros(n), np.zeros((T, n)), np.zeros(n, int)
    for k in range(T):
        v = v + rows[k]
        counts += v > 2
        v = np.where(v > 2, 0.0, v)
        expected[k] = v
    np.testing.assert_allclose(out["v"], expected, rtol=1e-14)
    np.testing.assert_array_equal(out.counts(), counts)
    assert out.n == n


@each_backend
def test_a_dict_of_inputs_and_jumps(backend: str):
    given = {"I": [0.2, 0.4], "v": np.ones((20, 1))}  # J is not given: 0
    out = run(LEAKY, given, t=20, dt=1, record=("v", "w"), dtype="float64", backend=backend)
    k = np.arange(1, 21)[:, None]
    decay = math.exp(-1 / 5)
    np.testing.assert_allclose(out["w"], np.array([0.2, 0.4]) * (1 - decay**k), rtol=1e-12)
    np.testing.assert_allclose(out["v"], np.broadcast_to((1 - decay**k) / (1 - decay), (20, 2)), rtol=1e-12)


@each_backend
def test_a_jump_into_a_held_state_is_ignored_while_it_is_held(backend: str):
    out = run(LIF, {"v": 2.0}, t=1, dt=0.1, record="v", backend=backend)
    assert out.counts().tolist() == [1]  # at the first step; then two refractory milliseconds
    assert (out["v"] == 0).all()


@each_backend
def test_parameters_broadcast_with_inputs(backend: str):
    tau = np.array([5.0, 10.0, 20.0])
    out = run(LIF(tau=tau, v_th=math.inf), 0.5, t=30, record="v", dtype="float64", backend=backend)
    np.testing.assert_allclose(out["v"], 0.5 * (1 - np.exp(-out.t[:, None] / tau)), rtol=1e-10)
    several = run(LIF(tau=tau, v_th=[0.2, 0.4, 0.6]), np.ones((300, 1)), t=30, dtype="float64", backend=backend)
    alone = [
        run(LIF(tau=a, v_th=b), 1.0, t=30, dtype="float64", backend=backend)
        for a, b in zip(tau, [0.2, 0.4, 0.6], strict=True)
    ]
    assert several.counts().tolist() == [one.counts()[0] for one in alone]
    assert run(LIF(tau=[7.0]), [1.0, 2.0], t=1, backend=backend).n == 2  # an array of one value is for all


@pytest.mark.parametrize(
    ("more", "n"),
    [
        ({}, 1),
        ({"n": 4}, 4),
        ({"I": [1, 2]}, 2),
        ({"I": [1.0], "n": 4}, 4),
        ({"I": np.ones((10, 1)), "n": 4}, 4),
        ({"n": np.int64(2)}, 2),
    ],
)
def test_the_number_of_neurons(more: dict[str, Any], n: int):
    out = run(LIF, t=1, record="v", **more)
    assert out.n == n
    assert out["v"].shape == (10, n)
    assert out.counts().shape == out.rate().shape == (n,)
    assert out.state["v"].shape == (n,)


@pytest.mark.parametrize(
    ("error", "given", "more"),
    [
        (ShapeError, np.ones((10, 2)), {"n": 3}),
        (ShapeError, np.ones((9, 1)), {}),
        (ShapeError, np.ones((2, 10)).T[:5], {}),
        (ShapeError, np.ones((10, 1, 1)), {}),
        (InputError, [], {}),
        (InputError, np.ones((0, 1)), {}),
        (InputError, [[1, 2], [3]], {}),
        (InputError, "5", {}),
        (InputError, None, {}),
        (InputError, 1j, {}),
        (InputError, torch.ones(3, requires_grad=True), {}),
        (InputError, {"I": 1, "V": 2}, {}),
        (InputError, {5: 1}, {}),
        (NumericsError, math.nan, {}),
        (NumericsError, [0.0, math.nan], {}),
        (InputError, 1, {"n": 0}),
        (InputError, 1, {"n": 2.0}),
        (InputError, 1, {"n": "2"}),
        (InputError, 1, {"record": 5}),
        (InputError, 1, {"record": ["v", 5]}),
        (InputError, 1, {"record": {"v"}}),
        (InputError, 1, {"t": math.inf}),
        (InputError, 1, {"t": math.nan}),
        (InputError, 1, {"t": [1, 2]}),
        (InputError, 1, {"dt": 0}),
        (InputError, 1, {"dt": None}),
        (InputError, 1, {"t": 0.04}),
        (InputError, 1, {"dtype": np.float32}),
        (InputError, 1, {"dtype": None}),
        (InputError, 1, {"method": "Euler"}),
        (SpikeletError, 1, {"backend": None}),
        (SpikeletError, 1, {"backend": ["numpy_reference"]}),
        (StateError, 1, {"state": {}}),
        (StateError, 1, {"state": 5}),
        (StateError, 1, {"state": {"v": np.zeros(1)}}),
        (StateError, 1, {"state": {"v": "0", "refractory": np.zeros(1, np.int64)}}),
        (StateError, 1, {"state": {"v": [0.0], "refractory": np.zeros(1, np.int64)}}),
        (StateError, 1, {"state": {"v": np.zeros(1, np.float32), "refractory": np.zeros(1)}}),
    ],
)
def test_wrong_arguments_are_errors_of_ours(error: type[SpikeletError], given: Any, more: dict[str, Any]):
    with pytest.raises(error):
        run(LIF, given, **{"t": 1, **more})


def test_an_integer_model_takes_and_keeps_integers():
    model = Neuron("Chip", "u[k+1] = (u*3)//4 + J : int; J : int (input)", threshold="u > 50", reset="u -= 50")
    out = run(model, np.full((20, 2), 20), t=20, dt=1, record="u")
    assert out["u"].dtype == out.state["u"].dtype == np.int64
    u = 0
    for k in range(20):
        u = u * 3 // 4 + 20
        u -= 50 * (u > 50)
        assert out["u"][k].tolist() == [u, u]
    with pytest.raises(InputError, match="Chip: input 'J' takes integers, got 0.5"):
        run(model, [0.0, 0.5], t=20, dt=1)


# --- time -------------------------------------------------------------------------------------------------------------


@each_backend
def test_a_spike_of_step_k_has_the_time_of_its_end(backend: str):
    x = np.zeros((10, 2))
    x[0, 1], x[3, 0], x[9, 1] = 3.0, 3.0, 3.0
    out = run(COUNTER, x, t=2.5, dt=0.25, backend=backend)
    assert out.spikes.times.tolist() == [0.25, 1.0, 2.5]
    assert out.spikes.ids.tolist() == [1, 0, 1]
    assert len(out.spikes) == 3
    assert out.t.tolist() == [0.25 * k for k in range(1, 11)]
    assert set(out.spikes.times) <= set(out.t)


@each_backend
def test_recordings_are_made_after_the_reset(backend: str):
    out = run(COUNTER, 1.5, t=4, dt=1, record="v", backend=backend)
    assert out["v"][:, 0].tolist() == [1.5, 0.0, 1.5, 0.0]


@each_backend
def test_time_is_that_of_the_start_in_the_equations_and_of_the_end_in_events(backend: str):
    out = run(CLOCK, t=0.3, dt=0.1, record=("v", "w"), dtype="float64", backend=backend)
    np.testing.assert_allclose(out["v"][:, 0], [0.0, 0.1, 0.2], atol=1e-15)
    np.testing.assert_allclose(out["w"][:, 0], [0.0, 0.2, 0.3], atol=1e-15)
    np.testing.assert_allclose(out.spikes.times, [0.2, 0.3])


@pytest.mark.parametrize(
    ("t", "dt", "steps"),
    [
        (1, 0.1, 10),
        (0.3, 0.1, 3),
        (1, 0.3, 3),
        (0.06, 0.1, 1),
        (1, 3, None),
        (np.float32(2), 1, 2),
        (1e3 * units.us, 1, 1),
    ],
)
def test_the_number_of_steps_is_rounded(t: float, dt: float, steps: int | None):
    if steps is None:
        with pytest.raises(InputError, match="run: t = 1 ms is shorter than one step of dt = 3 ms"):
            run(LIF, t=t, dt=dt)
    else:
        assert len(run(LIF, t=t, dt=dt).t) == steps


@each_backend
def test_ids_ascend_within_a_step_and_without_spikes_columns_are_empty(backend: str):
    out = run(COUNTER, np.full((3, 50), 5.0), t=3, dt=1, backend=backend)
    assert out.spikes.ids.tolist() == list(range(50)) * 3
    none = run(COUNTER, 0, t=3, dt=1, n=4, backend=backend)
    assert none.spikes.times.shape == none.spikes.ids.shape == (0,)
    assert none.spikes.times.dtype == np.float64 and none.spikes.ids.dtype == np.int64
    assert none.counts().tolist() == none.rate().tolist() == [0, 0, 0, 0]


@each_backend
def test_a_model_without_threshold_never_spikes(backend: str):
    out = run(LEAKY, t=2, backend=backend)
    assert len(out.spikes) == 0 and out.counts().tolist() == [0]


@each_backend
def test_the_rate_counts_this_stretch_only(backend: str):
    first = run(NOISY, 3.0, t=100, dt=0.5, backend=backend)
    second = run(NOISY, 3.0, t=0.5, dt=0.5, state=first.state, backend=backend)  # one step, late
    assert second.rate() == pytest.approx(second.counts() / 0.5)
    assert first.rate() == pytest.approx(first.counts() / 100)


# --- types ------------------------------------------------------------------------------------------------------------


@each_backend
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_states_and_recordings_have_the_type_that_was_asked_for(dtype: str, backend: str):
    for model in (LIF, NOISY, HIDDEN, neurons.AdEx):
        out = run(model, 0.5, t=2, record=model.states, dtype=dtype, backend=backend, n=2)
        for name in model.states:
            assert out[name].dtype == out.state[name].dtype == np.dtype(dtype)
        run(model, 0.5, t=2, dtype=dtype, backend=backend, state=out.state)
    assert out.t.dtype == out.spikes.times.dtype == np.float64


@each_backend
def test_single_precision_is_computed_in_single_precision(backend: str):
    small = Neuron("Sum", "v[k+1] = v + x : 1; x : 1 (input)", initial="v = 1")
    out = {
        dtype: run(small, 1e-9, t=100, dt=1, dtype=dtype, backend=backend).state["v"][0]
        for dtype in ("float32", "float64")
    }
    assert out["float32"] == 1.0  # 1e-9 is lost
    assert out["float64"] == pytest.approx(1 + 1e-7, rel=1e-12)


def test_the_back_ends_agree():
    for model in (LIF, NOISY, HIDDEN, CLOCK, LEAKY, neurons.AdEx):
        given = {name: np.linspace(0, 3, 8) for name in model.inputs}
        one, *others = (
            run(model, given, t=30, n=8, record=model.states, dtype="float64", backend=name, seed=3)
            for name in BACKENDS
        )
        for two in others:
            np.testing.assert_array_equal(one.spikes.times, two.spikes.times)
            np.testing.assert_array_equal(one.spikes.ids, two.spikes.ids)
            for name in model.states:
                np.testing.assert_allclose(one[name], two[name], rtol=1e-9, atol=1e-12)


# --- to continue is the same as never to have stopped -----------------------------------------------------------------


@each_backend
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", [LIF, NOISY, HIDDEN, CLOCK, COUNTER, LEAKY], ids=lambda model: model.name)
@pytest.mark.parametrize("cut", [1, 57])
def test_a_run_in_two_parts_is_one_run(model: Neuron, cut: int, dtype: str, backend: str):
    rows = {name: 1.5 + np.sin(np.arange(80)[:, None] / 9 + np.arange(4)) for name in model.inputs}
    common: dict[str, Any] = {"dt": 0.1, "record": model.states, "dtype": dtype, "backend": backend, "seed": 5, "n": 4}
    whole = run(model, rows, t=8, **common)
    first = run(model, {name: row[:cut] for name, row in rows.items()}, t=cut * 0.1, **common)
    second = run(
        model, {name: row[cut:] for name, row in rows.items()}, t=(80 - cut) * 0.1, state=first.state, **common
    )
    for name in model.states:
        np.testing.assert_array_equal(np.concatenate([first[name], second[name]]), whole[name])
    for name, value in whole.state.items():
        np.testing.assert_array_equal(second.state[name], value)
    np.testing.assert_array_equal(first.counts() + second.counts(), whole.counts())
    np.testing.assert_array_equal(np.concatenate([first.spikes.ids, second.spikes.ids]), whole.spikes.ids)
    np.testing.assert_array_equal(np.concatenate([first.t, second.t]), whole.t)
    np.testing.assert_array_equal(np.concatenate([first.spikes.times, second.spikes.times]), whole.spikes.times)


def test_to_continue_does_not_change_what_one_continues_from():
    first = run(LIF, 2.0, t=5, n=2)
    before = {name: value.copy() for name, value in first.state.items()}
    one = run(LIF, 2.0, t=5, state=first.state, record="v")
    two = run(LIF, 2.0, t=5, state=first.state, record="v")
    np.testing.assert_array_equal(one["v"], two["v"])
    for name, value in before.items():
        np.testing.assert_array_equal(first.state[name], value)
    assert one.n == 2  # from the state


def test_a_state_moves_between_the_back_ends():
    for model in (LIF, NOISY, HIDDEN):
        state = run(model, 1.5, t=5, n=3, dtype="float64").state
        one, *others = (run(model, 1.5, t=5, state=state, dtype="float64", backend=name) for name in BACKENDS)
        for two in others:
            for name, value in one.state.items():
                np.testing.assert_allclose(value, two.state[name], rtol=1e-12)
                assert value.dtype == two.state[name].dtype and value.shape == two.state[name].shape


# --- random numbers ---------------------------------------------------------------------------------------------------


@each_backend
def test_draws_depend_on_the_seed_and_the_neuron_only(backend: str):
    def v(seed: int, n: int) -> np.ndarray:
        return run(NOISY, 0.0, t=2, n=n, record="v", seed=seed, backend=backend)["v"]

    np.testing.assert_array_equal(v(1, 5), v(1, 5))
    np.testing.assert_array_equal(v(1, 5)[:, :3], v(1, 3))  # not on how many others there are
    assert (v(1, 5) != v(2, 5)).any(axis=0).all()
    assert len(np.unique(v(1, 5)[-1])) == 5


# --- NaN --------------------------------------------------------------------------------------------------------------


@each_backend
@pytest.mark.filterwarnings("error")
def test_a_state_that_becomes_nan_is_an_error_that_names_it(backend: str):
    model = Neuron("Root", "dw/dt = -w/(1 ms) : 1; v[k+1] = sqrt(p - t/ms) : 1; p = 100")
    assert run(model, t=5, n=3, backend=backend).n == 3
    with pytest.raises(
        NumericsError,
        match=r"Root: 'v' became NaN in 2 of 3 neurons \(first: 1\); a smaller dt or another method may help",
    ):
        run(model(p=[100, 1, 2]), t=5, backend=backend)


@each_backend
@pytest.mark.filterwarnings("error")
def test_large_values_are_no_warnings(backend: str):
    model = Neuron("Big", "v[k+1] = v*p*q : 1; p = 1e30; q = 1e30", initial="v = 1")
    assert run(model, t=3, dt=1, backend=backend).state["v"][0] == math.inf
    assert run(model(p=1e300), t=1, dt=1, backend=backend).state["v"][0] == math.inf  # beyond single precision itself


# --- results ----------------------------------------------------------------------------------------------------------


def test_what_was_not_recorded_cannot_be_read():
    out = run(LEAKY, t=1, record=["v"])
    assert isinstance(out, Result) and list(out.recorded) == ["v"]
    with pytest.raises(InputError, match=r"'w' was not recorded; ask for it with record=\('v', 'w'\)"):
        out["w"]
    with pytest.raises(InputError, match=r"'V' was not recorded; did you mean 'v'\?"):
        out["V"]


@each_backend
def test_states_that_the_step_adds_can_be_recorded(backend: str):
    out = run(LIF, 200.0, t=1, dt=0.1, record=("v", "refractory"), backend=backend)
    assert out["refractory"][:, 0].tolist() == [20, 19, 18, 17, 16, 15, 14, 13, 12, 11]


@each_backend
@pytest.mark.parametrize("method", [None, "exact", "exponential_euler", "euler", "heun", "rk4"])
def test_an_integrator_can_be_named(method: str | None, backend: str):
    out = run(LIF(v_th=math.inf), 1.0, t=10, dt=0.1, method=method, record="v", dtype="float64", backend=backend)
    error = abs(out["v"][-1, 0] - (1 - math.exp(-1)))
    order = {"euler": 1, "heun": 2, "rk4": 4}.get(method or "exact")
    assert error < (1e-13 if order is None else 0.01**order)
    assert order is None or error > 1e-3 * 0.01**order
    if method:
        np.testing.assert_array_equal(
            run(LIF(v_th=math.inf, method=method), 1.0, t=10, dt=0.1, record="v", dtype="float64", backend=backend)[
                "v"
            ],
            out["v"],
        )


# --- show -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "model", [LIF, NOISY, HIDDEN, CLOCK, LEAKY, COUNTER, neurons.HodgkinHuxley], ids=lambda model: model.name
)
def test_every_target_shows_every_state(target: str, model: Neuron):
    text = show(model, target)
    for state in model.states:
        assert state in text
    if target in ("numpy", "torch"):
        compile(text, "shown", "exec")
        assert "def coefficients(p)" in text and "def step(s, x, c, time, draw)" in text
    if target != "latex":
        assert model.name in text


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (LIF, "integrator: exact (chosen by rule: linear with constant coefficients)"),
        (NOISY, "integrator: exact (chosen by rule: linear with constant coefficients, additive noise)"),
        (COUNTER, "integrator: map (chosen by rule: no flow)"),
        (LIF(method="euler"), "integrator: euler (named by the model: linear with constant coefficients)"),
        (neurons.HodgkinHuxley, "integrator: exponential_euler (chosen by rule: every state is linear in itself)"),
        (neurons.QIF, "integrator: rk4 (chosen by rule: a state is not linear in itself)"),
    ],
)
def test_show_tells_the_integrator_and_why(model: Neuron, line: str):
    assert show(model).splitlines()[-1] == line
    assert repr(model) in show(model)


def test_show_tells_the_text_and_the_events():
    text = show(LIF(doc="A leaky neuron.", name="Mine"))
    for part in (
        "Mine(tau=10, v_th=1, t_ref=2)",
        "A leaky neuron.",
        "dv/dt = (I - v)/tau",
        "threshold: v > v_th",
        "reset: v = 0",
        "refractory: t_ref",
    ):
        assert part in text
    with pytest.raises(InputError, match="show: there is no target 'latx'; did you mean 'latex'?"):
        show(LIF, "latx")


@pytest.mark.parametrize("backend", list(BACKENDS))
def test_an_infinite_refractory_duration_allows_one_spike(backend: str):
    model = Neuron(
        "Once", "dv/dt = (I - v)/(10 ms) : 1; I : 1 (input); t_ref = 1 ms", threshold="v > 1", refractory="t_ref"
    )
    counts = run(model(t_ref=[2.0, math.inf]), 3.0, t=100, backend=backend).counts()
    assert counts[0] > 10 and counts[1] == 1


def test_a_back_end_that_is_not_installed_tells_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BackendError, match=r"'torch_eager' needs torch, .* pip install 'spikelet\[torch\]'"):
        run(LIF, 2.0, t=1, backend="torch_eager")
