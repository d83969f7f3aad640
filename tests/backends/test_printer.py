"""Printed source: valid, without a name that a model could capture, each shared part once."""

import ast
import re

import numpy as np
import pytest
import torch
from tests.ir.hand_written import CASES

from spikelet import surrogates
from spikelet.backends import printer, torch_eager
from spikelet.ir.lower import lower, surrogate_derivative
from spikelet.model import Neuron, Surrogate
from spikelet.simulate import BACKENDS, run, show

OURS = re.compile(r"[sxcp]_\w+|[nm]\d+")  # prefixed names of a model, and lines of a printer
ARGUMENTS = {"s", "x", "c", "p", "time", "draw"}
FUNCTIONS = {
    "torch": {*torch_eager._NAMES, "spike", "choose", "choose_attached", "as_real"},
    "numpy": {"np", "spike", "choose", "choose_attached", "as_real", "as_int", "propagators", "exprel", "sigmoid",
              "erf", "heaviside"},
}  # fmt: skip


def sources(model, target):
    step = lower(model, model.states)
    yield printer.step_source(step, target)
    yield printer.table_source("coefficients", step.coefficients, "Coefficients.", target)
    yield printer.table_source("initial", step.initial, "Initial state.", target)


@pytest.mark.parametrize("target", FUNCTIONS)
@pytest.mark.parametrize("name", CASES)
def test_every_name_is_prefixed_or_ours(name, target):
    for source in sources(CASES[name].model, target):
        tree = ast.parse(source)
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        strange = {n for n in names - ARGUMENTS - FUNCTIONS[target] if not OURS.fullmatch(n)}
        assert not strange
        stored = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        assert len(stored) == len(set(stored))  # each name is written once


@pytest.mark.parametrize("name", CASES)
def test_the_surrogate_is_printed_once(name):
    source = printer.step_source(lower(CASES[name].model), "torch")
    assert len(re.findall(r"(?<!\w)spike\(", source)) == CASES[name].model.spiking


def test_a_shared_part_is_a_line_and_a_line_is_not_too_long():
    text = (
        "v[k+1] = sin(v)*I + cos(sin(v)) + " + " + ".join(f"tanh({i}*v)" for i in range(2, 40)) + " : 1; I : 1 (input)"
    )
    source = printer.step_source(lower(Neuron("Long", text)), "torch")
    assert source.count("torch.sin(") == 1
    assert max(map(len, source.splitlines())) < 200


def test_show_prints_what_runs(monkeypatch):
    model = CASES["CuBa"].model(name="Shown")  # a name of its own, so that no cache holds its functions
    made, ran = torch_eager._made, []

    def recorded(source, name, **names):
        ran.append(source)
        return made(source, name, **names)

    monkeypatch.setattr(torch_eager, "_made", recorded)
    options = {"dt": 1.0, "surrogate": surrogates.arctan, "dtype": torch.float64}
    torch_eager.Stepper(lower(model), model.parameters, **options)
    assert "\n\n".join(part for part in ran if "def slope" not in part) == show(model, "torch")
    for part in sources(model, "numpy"):
        compile(part, "numpy", "exec")
    assert "np.exp(" in show(model, "numpy")


@pytest.mark.parametrize("name", [n for n, s in vars(surrogates).items() if isinstance(s, Surrogate)])
def test_a_surrogate_is_printed_without_foreign_names(name):
    source = printer.expression_source("slope", surrogate_derivative(getattr(surrogates, name)), name, "torch")
    names = {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}
    assert not {n for n in names - ARGUMENTS - set(torch_eager._NAMES) if not OURS.fullmatch(n)}


# --- names that a model could choose to do harm -----------------------------------------------------------------------

TEXT = """
    d{v}/dt = ({u} - {v}*min({tau}/(5 ms), 2))/{tau} : 1 (unless refractory)
    d{u}/dt = ({w} - {u})/{tau_s} : 1
    d{w}/dt = (exprel({p})*{I} - {w})/{tau_s} : 1
    {m}[k+1] = {p}*{m} + clip({v}, 0, {sub})*uniform() : 1
    {sub} = {q} + abs({u}) : 1
    {I} : 1 (input)
    {tau} = 6 ms;  {tau_s} = 4 ms;  {p} = 0.3;  {q} = 0.4;  {th} = 0.5;  {low} = -0.2;  {ref} = 2 ms
"""
EVENTS = {"threshold": "{v} > {th} + 0.1*{m}", "reset": "{v} = {low}; {m} += {q}", "refractory": "{ref}"}
ROLES = ("v", "u", "w", "m", "sub", "I", "tau", "tau_s", "p", "q", "th", "low", "ref")
PLAIN = dict(zip(ROLES, (f"plain_{role}" for role in ROLES), strict=True))
NASTY = """
    s x c p n0 n1 m0 k0 k1 time draw torch np spikes_ step_ noise choose choose_attached as_int as_bool number minimum
    propagators heaviside_ exprel_ s_v c_k0 p_dt x_I self print exec result coefficients initial surrogate_ spike_ float
    Tensor shape state inputs element seed dtype I e E_ N S l O _x x_ q w u v a b i j
""".split()


def named(names):
    texts = {key: value.format(**names) for key, value in EVENTS.items()}
    return Neuron("Named", TEXT.format(**names), **texts)


def gradients(model, names):
    """Gradients of a weighted sum of the states with respect to every parameter and the input, by role."""
    step = lower(model)
    values = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in model.parameters.items()}
    options = {"dt": 1.0, "dtype": torch.float64}
    stepper = torch_eager.Stepper(step, values, surrogate=surrogates.sigmoid, element=torch.arange(3)[None], **options)
    state = torch_eager.initial_state(step, values, (1, 3), **options)
    drive = torch.linspace(1, 5, 36, dtype=torch.float64).reshape(12, 1, 3).requires_grad_()
    record = [names[role] for role in ("v", "u", "w", "m")]
    out, _ = torch_eager.scan(stepper, {names["I"]: drive}, state, steps=12, record=record)
    loss = sum((k + 1) * out[name].square().sum() for k, name in enumerate(record))
    wanted = [values[names[role]] for role in ("tau", "tau_s", "p", "q", "th", "low")]
    return torch.autograd.grad(loss, [*wanted, drive])


@pytest.mark.parametrize("shift", range(0, len(NASTY), 5))
def test_no_name_of_a_model_can_clash(shift):
    """The same model under any names: the same numbers and the same gradients."""
    rotated = NASTY[shift:] + NASTY[:shift]
    names = dict(zip(ROLES, rotated, strict=False))
    models = named(PLAIN)(reset_gradient=True), named(names)(reset_gradient=True)
    drive = np.linspace(0, 6, 4)
    for backend in BACKENDS:
        plain, nasty = (
            run(model, drive, t=40, dt=1, record=[given[role] for role in ("v", "u", "w", "m")], backend=backend)
            for model, given in zip(models, (PLAIN, names), strict=True)
        )
        for role in ("v", "u", "w", "m"):
            np.testing.assert_array_equal(nasty[names[role]], plain[PLAIN[role]])
        assert nasty.spikes.times.tolist() == plain.spikes.times.tolist()
        assert len(plain.spikes) > 5
    for a, b in zip(gradients(models[0], PLAIN), gradients(models[1], names), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
        assert a.abs().sum() > 0


def test_a_model_s_name_does_not_reach_the_code():
    model = Neuron("return", "v[k+1] = v/2 + I : 1; I : 1 (input)")
    assert run(model, 1.0, t=1, dt=1, backend="torch_eager").state["v"][0] == 1.0
