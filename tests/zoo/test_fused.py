"""Every entry on the fused back end: gradients are those of torch, in both memory modes, and as exact as torch's."""

import functools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tests.zoo.test_every_entry import FAMILIES, SIZE, stimulus

from spikelet import Neuron, neurons, surrogates
from spikelet.backends import llvm_cpu, torch_eager
from spikelet.ir.lower import STEP, lower

FIRST, STEPS = 40, 60  # the stretch of the stimulus that is run: 60 steps
SEED, COPIES = 3, 24


@dataclass(frozen=True)
class Job:
    """A family's inputs, initial state, and random gradients of everything that comes out."""

    step: object
    values: dict[str, np.ndarray]
    inputs: dict[str, np.ndarray]
    dt: float
    outputs: tuple[str, ...]
    gradients: dict[str, np.ndarray]
    lanes: int


@functools.cache
def job(family: str, steps: int = STEPS, copies: int = 1) -> Job:
    """The stimulus of a family; every further copy has another stretch of it."""
    members = FAMILIES[family]
    inputs, dt = stimulus(family)
    starts = [FIRST + 13 * copy for copy in range(copies)]
    inputs = {n: np.concatenate([rows[k : k + steps] for k in starts], axis=1) for n, rows in inputs.items()}
    step = lower(members[0], tuple(inputs))
    names = members[0].parameters
    values = {n: np.repeat([np.asarray(m.parameters[n], float) for m in members], SIZE) for n in names}
    values = {n: np.tile(v, copies) for n, v in values.items()}
    outputs = (*(("spikes",) if members[0].spiking else ()), *members[0].states)
    lanes = SIZE * len(members) * copies
    rng = np.random.default_rng(7)
    gradients = {name: rng.normal(size=(steps, lanes)) for name in outputs}
    gradients |= {f"final {name}": rng.normal(size=lanes) for name in step.types}
    return Job(step, values, inputs, dt, outputs, gradients, lanes)


@functools.cache
def expected(family: str, dtype: str, steps: int = STEPS, copies: int = 1) -> dict[str, np.ndarray]:
    """What torch makes of it, every value and gradient by name."""
    given, real = job(family, steps, copies), getattr(torch, dtype)
    element = torch.arange(given.lanes)[None]
    common = {"dt": given.dt, "dtype": real}
    stepper = torch_eager.Stepper(
        given.step, given.values, surrogate=surrogates.arctan, seed=SEED, element=element, **common
    )
    coefficients = {n: c.detach().requires_grad_(c.dtype == real) for n, c in stepper.coefficients.items()}
    stepper.coefficients = coefficients
    inputs = {n: torch.as_tensor(v)[:, None].to(dtype=real) for n, v in given.inputs.items()}
    inputs = {n: v.long() if stepper.types[n] == "int" else v.requires_grad_() for n, v in inputs.items()}
    state = torch_eager.initial_state(given.step, given.values, (1, given.lanes), **common)
    state = {n: v.requires_grad_() if v.dtype == real else v for n, v in state.items()}
    out, final = torch_eager.scan(stepper, inputs, state, steps=steps, record=given.outputs)
    shown = out | {f"final {n}": v for n, v in final.items() if n != STEP}
    loss = torch.zeros((), dtype=real)
    for name, value in shown.items():
        if value.dtype == real:
            loss = loss + (torch.as_tensor(given.gradients[name]).to(real).reshape(value.shape) * value).sum()
    if loss.requires_grad:
        loss.backward()
    leaves = {f"input {n}": v for n, v in inputs.items()} | {f"state {n}": v for n, v in state.items()}
    leaves |= {f"coefficient {n}": v for n, v in coefficients.items()}
    found = {name: value.detach().numpy().squeeze() for name, value in shown.items()}
    for name, leaf in leaves.items():
        if leaf.dtype == real:
            gradient = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
            found[f"gradient of {name}"] = gradient.numpy().reshape(leaf.shape).squeeze()
    return found


@functools.cache
def fused(family: str, dtype: str, save: str = "fast", steps: int = STEPS, copies: int = 1) -> dict[str, np.ndarray]:
    """The same from the fused kernels."""
    given = job(family, steps, copies)
    stepper = torch_eager.Stepper(
        given.step, given.values, dt=given.dt, surrogate=surrogates.arctan, dtype=getattr(torch, dtype),
        element=torch.zeros(1),
    )  # fmt: skip
    coefficients = {n: c.numpy() for n, c in stepper.coefficients.items()}
    learn = tuple(n for n, c in coefficients.items() if c.dtype == dtype)
    inputs = {n: v.astype(np.int64 if stepper.types[n] == "int" else dtype) for n, v in given.inputs.items()}
    state = torch_eager.initial_state(
        given.step, given.values, (given.lanes,), dt=given.dt, dtype=getattr(torch, dtype)
    )
    state = {n: v.numpy() for n, v in state.items() if n != STEP}
    program = llvm_cpu.Program(given.step, surrogates.arctan, given.outputs, dtype, learn)
    options = {"steps": steps, "dt": given.dt, "seed": SEED, "element": np.arange(given.lanes), "save": save}
    there = llvm_cpu.forward(program, inputs, state, coefficients, **options)
    back = llvm_cpu.backward(
        program, inputs, state, coefficients, there.saved, **options,
        outputs={n: g.astype(dtype) for n, g in given.gradients.items() if n in given.outputs},
        final={n: given.gradients[f"final {n}"].astype(dtype) for n in state},
        wanted_inputs=[n for n, v in inputs.items() if v.dtype == dtype], wanted_coefficients=learn,
    )  # fmt: skip
    found = there.outputs | {f"final {n}": v for n, v in there.state.items()}
    for kind, part in (("input", back.inputs), ("state", back.state), ("coefficient", back.coefficients)):
        found |= {f"gradient of {kind} {n}": v.squeeze() for n, v in part.items()}
    return found


def size(values: np.ndarray) -> np.ndarray:
    """The largest magnitude of each lane, over time."""
    return np.abs(values).max(axis=0) if values.ndim == 2 else np.abs(values)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_are_those_of_torch_in_float64(family):
    wanted, found = expected(family, "float64"), fused(family, "float64")
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        scale = size(value) + 1e-12 * (1 + np.abs(value).max())
        if value.dtype == bool:
            np.testing.assert_array_equal(found[name], value)
            continue
        assert (np.abs(found[name] - value) <= 1e-8 * scale + 1e-12 * np.abs(value).max()).all(), name


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("steps", [STEPS, 137])
def test_the_memory_mode_changes_no_bit(family, steps):
    fast, low = fused(family, "float32", steps=steps), fused(family, "float32", "low", steps=steps)
    for name, value in fast.items():
        np.testing.assert_array_equal(low[name], value, err_msg=name)


@pytest.mark.parametrize("family", FAMILIES)
def test_float32_gradients_are_as_exact_as_torchs(family):
    """Over the lanes whose spikes are those of float64 in both; the largest error of all gradients."""
    exact = expected(family, "float64", copies=COPIES)
    ours, torchs = fused(family, "float32", copies=COPIES), expected(family, "float32", copies=COPIES)
    same = np.ones(job(family, copies=COPIES).lanes, bool)
    if "spikes" in exact:
        same = (ours["spikes"] == exact["spikes"]).all(0) & (torchs["spikes"] == exact["spikes"]).all(0)
    assert same.mean() > 0.9
    # a coefficient that is one number here depends on dt alone, which does not learn
    names = [name for name, value in exact.items() if name.startswith("gradient") and value.ndim]
    one, other = (max(error(found[name], exact[name], same) for name in names) for found in (ours, torchs))
    assert one <= 2 * other, (one, other)


def error(found: np.ndarray, exact: np.ndarray, lanes: np.ndarray) -> float:
    """Error of a lane relative to its largest gradient: the median over the chosen lanes.

    Not the largest: where gradients explode (an upstroke, a long step), that is decided by the luck of one lane.
    """
    scale = size(exact)[lanes]
    return float(np.median(size(found - exact)[lanes] / np.where(scale > 0, scale, np.inf)))


RENAMED = {
    "v": "lo", "a": "args", "I": "T", "tau_mem": "scratch", "tau_a": "kernel", "R": "strip", "beta": "period",
    "v_th": "ptr", "v_rest": "M",
}  # fmt: skip


def test_names_of_the_generated_text_are_free_for_users():
    plain = Neuron(
        "ALIF",
        "dv/dt = (v_rest - v + R*I)/tau_mem : 1; da/dt = -a/tau_a : 1; I : 1 (input)\n"
        "tau_mem = 20 ms; tau_a = 200 ms; R = 1; beta = 0.2; v_th = 1; v_rest = 0",
        threshold="v > v_th + a", reset="v -= v_th; a += beta",
    )  # fmt: skip
    import re

    def renamed(text: str) -> str:
        return re.sub(
            r"[A-Za-z_]\w*", lambda found: RENAMED.get(found[0], found[0]), text.replace("da/dt", "d args/dt")
        )

    text = renamed(plain.text.replace("dv/dt", "d lo/dt")).replace("d lo/dt", "dlo/dt").replace("d args/dt", "dargs/dt")
    other = Neuron("Other", text, threshold=renamed(plain.threshold), reset=renamed(plain.reset))
    results = []
    for model in (plain, other):
        step = lower(model)
        coefficients = torch_eager.Stepper(
            step, model.parameters, dt=1.0, surrogate=surrogates.arctan, dtype=torch.float32
        ).coefficients
        coefficients = {n: c.numpy() for n, c in coefficients.items()}
        program = llvm_cpu.Program(step, surrogates.arctan, ("spikes",), "float32", tuple(coefficients))
        x = {model.inputs[0]: np.random.default_rng(1).uniform(0, 4, (50, 300)).astype(np.float32)}
        state = {n: np.zeros(300, np.float32) for n in model.states}
        there = llvm_cpu.forward(program, x, state, coefficients, steps=50, dt=1.0, save="fast")
        back = llvm_cpu.backward(
            program, x, state, coefficients, there.saved, steps=50, dt=1.0, save="fast",
            outputs={"spikes": np.ones((50, 300), np.float32)}, final={}, wanted_inputs=list(x),
            wanted_coefficients=tuple(coefficients),
        )  # fmt: skip
        results.append([there.outputs["spikes"], *back.inputs.values(), *back.state.values()])
        results[-1] += [back.coefficients[n] for n in coefficients]
    assert results[0][0].any()
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_nothing_is_left_out():
    assert llvm_cpu.UNSUPPORTED == {}
    assert len(neurons.entries()) >= 60
