"""Every back end gives what the interpreter gives, for hand-written models of each kind."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.ir.hand_written import CASES, CUBA, LIF, N

from spikelet import random, surrogates
from spikelet.backends import torch_eager
from spikelet.backends.numpy_reference import Interpreter
from spikelet.errors import InputError
from spikelet.ir.lower import lower
from spikelet.model import Neuron
from spikelet.simulate import run

STEPS = 1000
MARGIN = "margin_of_the_threshold"


@pytest.mark.parametrize("name", CASES)
def test_float64_spikes_are_those_of_the_reference(name):
    case = CASES[name]
    steps = 300 if lower(case.model).noise else STEPS  # draws take long; the zoo's noisy entries run longer
    inputs = case.inputs(steps, N)
    options = {"t": steps * case.dt, "dt": case.dt, "record": case.model.states, "dtype": "float64"}
    reference, found = (run(case.model, inputs, backend=b, **options) for b in ("numpy_reference", "torch_eager"))
    np.testing.assert_array_equal(found.spikes.times, reference.spikes.times)
    np.testing.assert_array_equal(found.spikes.ids, reference.spikes.ids)
    for state in case.model.states:
        scale = np.abs(reference[state]).max()
        np.testing.assert_allclose(found[state], reference[state], rtol=1e-9, atol=1e-11 * scale)
    for state, value in reference.state.items():
        assert found.state[state].dtype == value.dtype, state
    if case.model.spiking:
        assert len(reference.spikes) > 50
        assert len(set(reference.spikes.ids)) > N // 2


def interpreted(step, model, inputs, steps, dt, dtype):
    """Return spikes, distances to the threshold and the sizes of the states, (T, N) each, of the interpreter."""
    (spike,) = (n for n in step.program() if n.kind == "spike")
    watched = replace(step, updates={**step.updates, MARGIN: spike.args[1]})
    interpreter = Interpreter(watched, model.parameters, dt=dt, dtype=dtype)
    state = interpreter.initial((N,))
    rows = []
    with np.errstate(all="ignore"):
        for k in range(steps):
            now = {name: value[k] for name, value in inputs.items()}
            fired, state = interpreter(now, state, np.arange(N), k)
            size = np.max([np.abs(state[name]) for name in model.states], axis=0)
            rows.append((fired, state[MARGIN], size))
    return (np.stack(column) for column in zip(*rows, strict=True))


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.model.spiking and not lower(case.model).noise])
def test_float32_spikes_differ_only_where_the_reference_is_at_the_threshold(name):
    case = CASES[name]
    steps = STEPS // 2
    inputs = case.inputs(steps, N)
    step = lower(case.model, tuple(inputs))
    fired, margin, size = interpreted(step, case.model, inputs, steps, case.dt, np.float32)
    out = run(case.model, inputs, t=steps * case.dt, dt=case.dt, backend="torch_eager")
    found = np.zeros((steps, N))
    found[np.rint(out.spikes.times / case.dt).astype(int) - 1, out.spikes.ids] = 1
    differing = np.flatnonzero((found != fired).any(0))
    for neuron in differing:
        first = int(np.argmax(found[:, neuron] != fired[:, neuron]))
        assert abs(margin[first, neuron]) <= 32 * np.finfo(np.float32).eps * (1 + size[first, neuron])
    assert len(differing) <= 1
    assert all(value.dtype == np.float32 for n, value in out.state.items() if step.types.get(n) == "real")


@pytest.mark.parametrize("name", ["LIF", "CuBa", "exponential", "maps", "late", "clock"])
def test_the_interpreter_computes_in_the_type_that_was_asked_for(name):
    case = CASES[name]
    for dtype in (np.float32, np.float64):
        inputs = case.inputs(5, N)  # of float64
        out = run(case.model, inputs, t=5 * case.dt, dt=case.dt, dtype=np.dtype(dtype).name)
        step = lower(case.model, tuple(inputs))
        assert all(value.dtype == dtype for n, value in out.state.items() if step.types.get(n) == "real")


@pytest.mark.parametrize("name", ["quadratic rk4", "clock", "late", "integers", "crossing"])
def test_one_long_run_is_many_short_ones(name):
    case = CASES[name]
    inputs = case.inputs(90, N)
    for backend in ("numpy_reference", "torch_eager"):
        options = {"dt": case.dt, "record": case.model.states, "backend": backend}
        whole = run(case.model, inputs, t=90 * case.dt, **options)
        state, pieces = None, []
        for start, stop in ((0, 7), (7, 8), (8, 90)):
            part = {key: value[start:stop] for key, value in inputs.items()}
            pieces.append(run(case.model, part, t=(stop - start) * case.dt, state=state, **options))
            state = pieces[-1].state
        for key in case.model.states:
            np.testing.assert_array_equal(np.concatenate([piece[key] for piece in pieces]), whole[key])


@pytest.mark.parametrize("law", ["uniform", "normal"])
def test_draws_are_the_same_numbers(law):
    model = Neuron("Draws", f"a[k+1] = {law}() : 1; b[k+1] = {law}() : 1")
    results = [run(model, t=30, dt=1, n=200, record=("a", "b"), dtype="float64", seed=5, backend=b)
               for b in ("numpy_reference", "torch_eager")]  # fmt: skip
    for name in ("a", "b"):
        if law == "uniform":
            np.testing.assert_array_equal(results[0][name], results[1][name])
        np.testing.assert_allclose(results[0][name], results[1][name], rtol=1e-12, atol=1e-14)
    expected = getattr(random, law)(5, np.arange(30)[:, None], np.arange(200), 0)
    np.testing.assert_array_equal(results[0]["a"], expected)


def test_a_uniform_draw_never_rounds_to_one(monkeypatch):
    """In single precision 1 - 2**-33 would; then uniform() < p could fail for p = 1."""
    step = lower(Neuron("U", "v[k+1] = uniform() : 1"))
    highest = np.full(4, 1 - 2.0**-33)
    assert highest.astype(np.float32)[0] == 1.0
    interpreter = Interpreter(step, {}, dt=1.0, dtype=np.float32)
    monkeypatch.setattr(random, "uniform", lambda *_: highest)
    monkeypatch.setattr(random, "uniform_torch", lambda *_: torch.as_tensor(highest))
    _, state = interpreter({}, interpreter.initial((4,)), np.arange(4), 0)
    assert (state["v"] < 1).all()
    element = torch.arange(4)[None]
    options = {"dt": 1.0, "dtype": torch.float32}
    stepper = torch_eager.Stepper(step, {}, surrogate=surrogates.arctan, element=element, **options)
    _, state = stepper({}, torch_eager.initial_state(step, {}, (1, 4), **options))
    assert (state["v"] < 1).all()


# --- the torch back end's own calls -----------------------------------------------------------------------------------


def made(model, shape, dtype=torch.float64, *, to=(), parameters=None, **options):
    step = lower(model, to)
    values = {**model.parameters, **(parameters or {})}
    common = {"dt": 1.0, "dtype": dtype}
    stepper = torch_eager.Stepper(step, values, surrogate=surrogates.arctan, **common, **options)
    return stepper, torch_eager.initial_state(step, values, shape, **common)


def test_parameters_may_be_arrays_or_tensors_of_any_type():
    taus = [np.linspace(5, 20, 4), torch.linspace(5, 20, 4), torch.linspace(5, 20, 4, dtype=torch.float64).tolist()]
    runs = []
    for tau in taus:
        stepper, state = made(LIF, (2, 4), parameters={"tau": tau})
        runs.append(torch_eager.scan(stepper, {"I": torch.full((9, 2, 4), 1.5)}, state, steps=9, record=("v",))[0]["v"])
    torch.testing.assert_close(runs[0], runs[2], rtol=0, atol=0)
    torch.testing.assert_close(runs[0], runs[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_states_and_spikes_have_the_type_that_was_asked_for(dtype):
    stepper, state = made(CUBA, (2, 3), dtype, to=("x",))
    out, final = torch_eager.scan(stepper, {"x": torch.ones(20, 2, 3)}, state, steps=20, record=("spikes", "v"))
    assert {value.dtype for value in (*out.values(), *final.values())} == {dtype}
    assert out["spikes"].shape == (20, 2, 3)
    assert out["spikes"].sum() > 0


def test_lengths_freeze_the_state_and_silence_the_record():
    drive = torch.rand(12, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 4
    drive.requires_grad_()
    lengths = torch.tensor([12, 4, 0])
    stepper, state = made(LIF, (3, 5))
    out, final = torch_eager.scan(stepper, {"I": drive}, state, steps=12, record=("spikes", "v"), lengths=lengths)
    for sample, length in enumerate(lengths.tolist()):
        alone, start = made(LIF, (1, 5))
        expected, last = torch_eager.scan(
            alone, {"I": drive[:length, sample : sample + 1]}, start, steps=length, record=("spikes", "v")
        ) if length else ({"spikes": drive[:0, :1], "v": drive[:0, :1]}, start)  # fmt: skip
        for name, value in expected.items():
            torch.testing.assert_close(out[name][:length, sample], value[:, 0], rtol=0, atol=0)
            assert not out[name][length:, sample].any()
        for name, value in last.items():
            torch.testing.assert_close(final[name][sample], value[0], rtol=0, atol=0)
    (gradient,) = torch.autograd.grad(out["v"].sum() + final["v"].sum(), drive)
    assert gradient[:4, 1].abs().sum() > 0
    assert not gradient[4:, 1].any()
    assert not gradient[:, 2].any()


def test_an_unknown_record_and_a_missing_element_are_errors():
    stepper, state = made(LIF, (1, 2))
    with pytest.raises(InputError, match="LIF: cannot record 'spike'; did you mean 'spikes'"):
        torch_eager.scan(stepper, {}, state, steps=1, record=("spike",))
    with pytest.raises(InputError, match="Diffusion draws random numbers: 'element'"):
        made(CASES["diffusion"].model, (1, 2))


def test_a_model_without_threshold_or_input_still_has_spikes_of_the_right_shape():
    stepper, state = made(Neuron("Decay", "v[k+1] = v/2 : 1", initial="v = 1"), (2, 3))
    out, final = torch_eager.scan(stepper, {}, state, steps=3)
    assert out["spikes"].shape == (3, 2, 3)
    assert not out["spikes"].any()
    assert (final["v"] == 0.125).all()


@pytest.mark.parametrize("backend", ["numpy_reference", "torch_eager"])
def test_constants_keep_their_digits(backend):
    """Numbers in initial values, coefficients and functions are read in double, whatever torch's default type is."""
    text = "v[k+1] = where(p > 0, 0.1, 0.7) + min(p, 0.3)*v + exp(0.2)*I : 1; w[k+1] = w : 1; I : 1 (input); p = 1"
    out = run(Neuron("Constants", text, initial="v = 0.1; w = 0.1"), 1.0, t=1, dt=1, dtype="float64", backend=backend)
    assert out.state["w"][0] == 0.1
    assert out.state["v"][0] == pytest.approx(0.1 + 0.3 * 0.1 + np.exp(0.2), rel=1e-15)
    assert run(Neuron("T", "v[k+1] = t/(1 ms) : 1"), t=0.7, dt=0.1, dtype="float64", backend=backend).state["v"][0] == (
        6 * 0.1
    )


@pytest.mark.parametrize("backend", ["numpy_reference", "torch_eager"])
@pytest.mark.parametrize(("threshold", "expected"), [("p > 0", 3), ("p < 0", 0), ("1 > 0", 3)])
def test_a_threshold_without_states_is_tested_too(backend, threshold, expected):
    out = run(Neuron("Fixed", "v[k+1] = v : 1; p = 1", threshold=threshold), t=3, dt=1, n=2, backend=backend)
    assert out.counts().tolist() == [expected, expected]


@pytest.mark.parametrize("attached", [False, True])
def test_integer_states_stay_integers(attached):
    case = CASES["integers"]
    for backend in ("numpy_reference", "torch_eager"):
        out = run(case.model(reset_gradient=attached), case.inputs(100, N), t=50, dt=0.5, backend=backend)
        assert all(out.state[name].dtype == np.int64 for name in case.model.states)
        assert len(out.spikes) > 10
