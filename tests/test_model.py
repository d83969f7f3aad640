"""Models as data: frozen, specialised by calling, equal by content, printed, saved and read back."""

import ast
import copy
import dataclasses
import json
import math
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from spikelet import neurons, surrogates
from spikelet.errors import EquationError, ModelError, ParameterError
from spikelet.model import EVENTS, Neuron, Surrogate
from spikelet.simulate import run, show
from spikelet.written import SCHEMA

TEXT = """
dv/dt = (v_rest - v + R*I)/tau : mV (unless refractory)
n[k+1] = n + up : int
I : pA (input)
tau = 20 ms;  R : GOhm;  v_rest = -65 mV;  v_th = -50 mV;  t_ref = 2 ms;  up = 1 int
"""


def lif(**more: Any) -> Neuron:
    events = {"threshold": "v > v_th", "reset": "v = v_rest", "refractory": "t_ref", "initial": "v = v_rest"}
    return Neuron("LIF", TEXT, **{**events, **more})


# --- what it holds ----------------------------------------------------------------------------------------------------


def test_what_a_model_tells_of_itself():
    model = lif()
    assert model.parameters == {
        "tau": 20.0,
        "R": None,
        "v_rest": -65.0,
        "v_th": -50.0,
        "t_ref": 2.0,
        "up": 1,
        "surrogate_scale": 1,
    }
    assert (model.states, model.inputs, model.spiking) == (("v", "n"), ("I",), True)
    units = {name: model.unit(name) for name in ("v", "n", "I", "tau", "R", "up", "surrogate_scale")}
    assert units == {"v": "mV", "n": "int", "I": "pA", "tau": "ms", "R": "GOhm", "up": "int", "surrogate_scale": "1"}
    with pytest.raises(ParameterError, match="LIF: 'V' is not one of its variables; did you mean 'v'?"):
        model.unit("V")


def test_a_unit_is_the_coherent_one_of_the_values():
    model = Neuron("M", "dv/dt = -v/tau : V; tau = 1 s; g : uS/cm2; r = 5 Hz")
    assert (model.unit("v"), model.unit("tau"), model.unit("g"), model.unit("r")) == ("mV", "ms", "nS/cm2", "1/ms")
    assert (model.parameters["tau"], model.parameters["r"]) == (1000.0, 0.005)


def test_the_scale_of_the_surrogate_belongs_to_models_that_spike_and_can_be_declared():
    assert "surrogate_scale" not in Neuron("M", "dv/dt = -v/(1 ms) : 1").parameters
    own = Neuron("M", "dv/dt = -v/(1 ms) : mV; surrogate_scale = 5 mV", threshold="v > 1 mV")
    assert own.parameters["surrogate_scale"] == 5.0
    assert own.unit("surrogate_scale") == "mV"


# --- frozen -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["name", "text", "threshold", "values", "method", "definition", "tau", "anything"])
def test_nothing_can_be_set(name: str):
    for model in (lif(), surrogates.arctan):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(model, name, 1)


def test_values_and_arrays_are_read_only():
    given = np.array([10.0, 20.0])
    model = lif()(tau=given)
    with pytest.raises(TypeError):
        model.values["tau"] = 5.0  # type: ignore[index]  # the mistake
    tau = model.parameters["tau"]
    assert isinstance(tau, np.ndarray)
    with pytest.raises(ValueError, match="read-only"):
        tau[0] = 5.0
    given[0] = -1.0  # the caller's array is the caller's
    assert model.parameters["tau"][0] == 10.0  # type: ignore[index]
    with pytest.raises(TypeError, match="item assignment"):
        model.parameters["tau"] = 5.0  # type: ignore[index]
    assert model.parameters["tau"] is tau


# --- specialise -------------------------------------------------------------------------------------------------------


def test_a_call_returns_another_model():
    first = lif()
    second = first(tau=10, R=0.5)
    third = second(tau=5, name="Fast", method="euler", reset_gradient=True, doc="quick")
    assert (first.parameters["tau"], second.parameters["tau"], third.parameters["tau"]) == (20.0, 10.0, 5.0)
    assert third.parameters["R"] == 0.5
    assert (third.name, third.method, third.reset_gradient, third.doc) == ("Fast", "euler", True, "quick")
    assert (second.name, second.method, second.reset_gradient, second.doc) == ("LIF", None, False, "")
    assert third(method=None).method == "euler"  # None leaves as is
    assert first() == first


@pytest.mark.parametrize(
    "value",
    [
        5,
        5.0,
        np.float32(5),
        np.int64(5),
        np.array(5.0),
        Fraction(5),
        [5.0],
        (5, 6),
        np.array([[1, 2]]),
        range(1, 4),
        torch.tensor(5.0),
        torch.ones(2),
    ],
)
def test_values_may_be_numbers_of_any_kind(value: Any):
    found = lif()(tau=value).parameters["tau"]
    np.testing.assert_array_equal(found, np.asarray(value, dtype=np.float64))  # type: ignore[arg-type]
    assert isinstance(found, float) == (np.ndim(value) == 0)


@pytest.mark.parametrize(
    "value",
    [
        "5", "5 ms", b"5", True, [], {}, object(), 1j, np.array([1j]), ["1", "2"], [1, None], [[1, 2], [3]], 10**400,
        torch.ones(2, requires_grad=True), np.array(["2020-01-01"], "M8[D]"),
    ],
)  # fmt: skip
def test_values_that_are_no_numbers_are_refused(value: Any):
    with pytest.raises(
        ParameterError, match="LIF: parameter 'tau' must be a number or an array of numbers, got"
    ) as caught:
        lif()(tau=value)
    assert len(str(caught.value)) <= 200


@pytest.mark.parametrize("name", ["tau", "v_th", "t_ref", "R", "surrogate_scale", "up"])
@pytest.mark.parametrize("value", [math.nan, [1.0, math.nan], np.array([[math.nan]])])
def test_nan_is_refused(name: str, value: Any):
    with pytest.raises(ParameterError, match=f"parameter '{name}' is NaN"):
        lif()(**{name: value})


@pytest.mark.parametrize("name", ["tau", "v_th", "t_ref", "R"])
def test_infinity_is_a_number(name: str):
    assert lif()(**{name: math.inf}).parameters[name] == math.inf


@pytest.mark.parametrize(
    ("line", "change"),
    [
        ("tau = 1 ms", {"tau": 0}), ("tau_mem = 1 ms", {"tau_mem": -1.0}), ("tau2 = 1 ms", {"tau2": [1, -1]}),
        ("tau = -1 ms", {}), ("tau = 0 ms", {}),
        ("tau_m = 1 - 2", {}), ("t_ref = -1 ms", {}), ("t_ref = 1 ms", {"t_ref": -0.1}),
        ("t_ref_abs : ms", {"t_ref_abs": [0, -1]}), ("tau = 1 ms", {"tau": -math.inf}),
    ],
)  # fmt: skip
def test_times_have_the_right_sign_in_calls_and_in_the_text(line: str, change: dict[str, Any]):
    with pytest.raises(ParameterError, match=r"must be positive, got|must not be negative, got"):
        Neuron("M", f"dv/dt = -v/(1 ms) : 1; {line}")(**change)


def test_a_time_of_zero_is_a_refractory_period_but_no_time_constant():
    assert lif()(t_ref=0).parameters["t_ref"] == 0


@pytest.mark.parametrize("value", [0.5, [1, 1.5], math.inf, 2.0**53, -(2**60)])
def test_an_integer_parameter_takes_integers(value: Any):
    with pytest.raises(ParameterError, match=r"parameter 'up' must be an integer below 2\*\*53, got"):
        lif()(up=value)


def test_an_integer_parameter_stays_one():
    assert type(lif()(up=3.0).parameters["up"]) is int
    found = lif()(up=[1, 2]).parameters["up"]
    assert isinstance(found, np.ndarray) and found.dtype == np.int64


@pytest.mark.parametrize(("name", "noun"), [("v", "a state"), ("n", "a state"), ("I", "an input")])
def test_what_is_no_parameter_is_named(name: str, noun: str):
    with pytest.raises(ParameterError, match=f"LIF: '{name}' is {noun}, not a parameter"):
        lif()(**{name: 1})


@pytest.mark.parametrize("event", ["text", *EVENTS])
def test_a_text_is_no_parameter(event: str):
    with pytest.raises(ParameterError, match=f"'{event}' is not a parameter; another {event} makes another Neuron"):
        lif()(**{event: "v > 1"})


@pytest.mark.parametrize("field", ["text", *EVENTS, "doc", "ref"])
@pytest.mark.parametrize("value", [None, 5, ["v = 1"], b"v = 1", {}])
def test_a_text_is_a_string(field: str, value: Any):
    with pytest.raises(EquationError, match=rf"M: {field} must be a string, got {type(value).__name__}"):
        Neuron(**{"name": "M", "text": "dv/dt = -v/(1 ms) : 1", field: value})
    if field in ("text", "doc", "ref"):
        with pytest.raises(EquationError, match=rf"M: {field} must be a string"):
            Surrogate(**{"name": "M", "text": "ds/dx = 1", field: value})


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " M",
        "M ",
        "M\n",
        'M"',
        "M'",
        "M\\",
        "M\x00",
        "M#",
        "x" * 101,
        "M{x}",
        "caf\u00e9",
        None,
        5,
        "\n    import os",
        "M\u2028x",
        '"""',
    ],
)
def test_names_that_could_be_code_are_refused(name: Any):
    for kind, text in ((Neuron, "dv/dt = -v/(1 ms) : 1"), (Surrogate, "ds/dx = 1")):
        with pytest.raises(ModelError, match="a model's name is 1 to 100 letters, digits, blanks or any of"):
            kind(name, text)


@pytest.mark.parametrize(
    "name", ["LIF", "AdEx (tonic)", "Izhikevich 2003, RS", "a/b", "x-y+z", "v1.2:3", "R&F", "2", "x" * 100]
)
def test_generated_source_holds_nothing_but_the_functions(name: str):
    """A name stands in what is compiled for torch: nothing of it may become code."""
    model = Neuron(name, "dv/dt = -v/(1 ms) : 1", threshold="v > 1", doc='"""\nimport os', ref='"""\nimport os')
    for target in ("torch", "numpy"):
        tree = ast.parse(show(model, target))
        assert all(isinstance(part, ast.FunctionDef) for part in tree.body)
        assert not any(
            isinstance(part, ast.Import | ast.ImportFrom | ast.Attribute) and "os" in ast.dump(part)
            for part in ast.walk(tree)
        )
    assert run(model, t=1, backend="torch_eager").n == 1


@pytest.mark.parametrize("value", [None, "yes", 2, [True], "False"])
def test_reset_gradient_is_a_switch(value: Any):
    with pytest.raises(ModelError, match="M: reset_gradient must be True or False, got"):
        Neuron("M", "dv/dt = -v/(1 ms) : 1", reset_gradient=value)


def test_a_required_parameter_may_wait_until_the_run():
    model = lif()
    assert model.parameters["R"] is None
    with pytest.raises(ParameterError, match=r"LIF needs a value for 'R' \(unit GOhm\): LIF\(R=...\)"):
        run(model, t=1)
    assert run(model(R=0.1), t=1).n == 1


# --- equal by content -------------------------------------------------------------------------------------------------


def test_models_are_equal_when_their_content_is():
    assert lif() == lif() and hash(lif()) == hash(lif())
    assert lif()(tau=5, R=1) == lif()(R=1.0)(tau=5.0)
    assert lif()(tau=[1, 2]) == lif()(tau=np.array([1.0, 2.0]))
    assert len({lif(), lif(), lif()(tau=5), lif()(tau=5.0)}) == 2


@pytest.mark.parametrize(
    "other",
    [
        lif()(tau=5),
        lif()(name="X"),
        lif()(method="euler"),
        lif()(reset_gradient=True),
        lif()(doc="d"),
        lif(ref="r"),
        lif(reset="v = 0"),
        lif()(tau=[20.0]),
        "LIF",
        None,
    ],
)
def test_models_differ_when_their_content_does(other: Any):
    assert lif() != other


def test_surrogates_are_equal_when_their_content_is():
    assert surrogates.arctan(alpha=2) != surrogates.arctan(alpha=3) == surrogates.arctan(alpha=3.0)
    assert hash(surrogates.arctan(alpha=3)) == hash(surrogates.arctan(alpha=3.0))
    assert surrogates.arctan != lif()


# --- copies and files -------------------------------------------------------------------------------------------------

COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "json": lambda model: type(model).from_json(model.to_json()),
}
EXAMPLES = {
    "plain": lif(),
    "values": lif()(tau=[1.5, math.inf], R=-math.inf, v_th=np.ones((2, 2, 2)), up=7, t_ref=[[0.0], [math.inf]]),
    "options": lif(doc="d\u00f6c\n'\"", ref="A & B (2020)")(method="euler", reset_gradient=True),
    "surrogate": surrogates.multi_gaussian(h=0.2),
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("what", EXAMPLES)
def test_a_copy_is_equal_and_reads_the_same(what: str, how: str):
    model: Any = EXAMPLES[what]
    back = COPIES[how](model)
    assert type(back) is type(model) and back == model and hash(back) == hash(model) and repr(back) == repr(model)
    for name, value in model.parameters.items():
        np.testing.assert_array_equal(back.parameters[name], value)
        assert type(back.parameters[name]) is type(value)
        assert not isinstance(value, np.ndarray) or (
            back.parameters[name].dtype == value.dtype and not back.parameters[name].flags.writeable
        )


@pytest.mark.parametrize("name", neurons.entries())
def test_every_model_of_the_zoo_is_saved_and_read_back(name: str):
    model = neurons.entries()[name]
    assert Neuron.from_json(model.to_json()) == model


def test_json_is_one_line_with_a_schema_version_and_the_order_of_values_does_not_matter():
    text = lif()(R=1, tau=5).to_json()
    assert "\n" not in text
    assert json.loads(text)["schema"] == SCHEMA == 1
    assert text == lif()(tau=5, R=1).to_json()
    assert "NaN" not in lif()(tau=math.inf).to_json() and "Infinity" not in lif()(tau=math.inf).to_json()


def saved(**changes: Any) -> str:
    data = {**json.loads(lif().to_json()), **changes}
    return json.dumps({name: value for name, value in data.items() if value is not ...})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (saved(schema=2), "this Neuron was saved in schema version 2; this version of Spikelet reads 1"),
        (saved(schema="1"), "this Neuron was saved in schema version '1'; this"),
        (saved(schema=...), "this Neuron was saved in schema version None; this"),
        (saved(kind="Synapse"), "this is not the JSON of a Neuron: the field 'kind' is not 'Neuron'"),
        (saved(kind=...), "this is not the JSON of a Neuron: the field 'kind' is not 'Neuron'"),
        (saved(treshold="v > 1"), "a saved Neuron has no field 'treshold'; did you mean 'threshold'?"),
        (saved(definition={}), "a saved Neuron has no field 'definition'"),
        (saved(text=...), "a saved Neuron needs the field 'text'"),
        (saved(name=...), "a saved Neuron needs the field 'name'"),
        (saved(values=[1]), "the field 'values' of a saved Neuron must be a table"),
        (saved(values={"tau": "20 ms"}), "LIF: parameter 'tau' must be a number or an array of numbers, got '20 ms'"),
        (
            saved(values={"tau": {"nested": [1]}}),
            "LIF: parameter 'tau' must be a number or an array of numbers, got {'nested': [1]}",
        ),
        (saved(values={"tau": -1}), "LIF: parameter 'tau' is a time constant and must be positive, got -1"),
        (saved(values={"tua": 1}), "LIF: 'tua' is not a parameter; did you mean 'tau'?"),
        (saved(values={"tau": 10**400}), "LIF: parameter 'tau' must be a number or an array of numbers, got 1000"),
        (saved(values={"tau": math.nan}), "LIF: parameter 'tau' is NaN"),
        (saved(text=5), "LIF: text must be a string, got int"),
        (saved(name='"""'), "a model's name is 1 to 100 letters"),
        (saved(method="__import__"), "LIF: method '__import__' is none of exact"),
        (saved(method=["exact"]), "LIF: method '['exact']' is none of exact"),
        (saved(reset_gradient="no"), "LIF: reset_gradient must be True or False, got 'no'"),
        ("", "this is not the JSON of a Neuron"),
        ("{", "this is not the JSON of a Neuron"),
        ("[]", "this is not the JSON of a Neuron"),
        ("null", "this is not the JSON of a Neuron"),
        ("[" * 100_000, "this is not the JSON of a Neuron"),
        ("1" * 5000, "this is not the JSON of a Neuron"),
        (b"\xff\xfe{", "this is not the JSON of a Neuron"),
        (None, "this is not the JSON of a Neuron"),
        (lif(), "this is not the JSON of a Neuron"),
    ],
)
def test_what_is_no_saved_model_is_refused(text: Any, message: str):
    with pytest.raises(ModelError) as caught:
        Neuron.from_json(text)
    assert str(caught.value).startswith(message)


def test_what_is_no_saved_surrogate_is_refused():
    text = surrogates.arctan.to_json()
    for changed, message in (
        (text.replace('"schema": 1', '"schema": 3'), "this Surrogate was saved in schema version 3"),
        (text.replace('"doc"', '"threshold"'), "a saved Surrogate has no field 'threshold'"),
        (text.replace('"values": {}', '"values": []'), "the field 'values' of a saved Surrogate must be a table"),
        (lif().to_json(), "this is not the JSON of a Surrogate: the field 'kind' is not 'Surrogate'"),
    ):
        with pytest.raises(ModelError, match=message):
            Surrogate.from_json(changed)


# --- printed ----------------------------------------------------------------------------------------------------------


def test_repr_shows_the_name_and_the_values():
    assert repr(lif()) == "LIF(tau=20, R=?, v_rest=-65, v_th=-50, t_ref=2, up=1)"
    assert (
        repr(lif()(tau=[1, 2], R=math.inf, name="X")) == "X(tau=array(2,), R=inf, v_rest=-65, v_th=-50, t_ref=2, up=1)"
    )
    assert repr(surrogates.arctan) == "arctan(alpha=2)"
    assert repr(Neuron("M", "v[k+1] = v : 1")) == "M()"


# --- surrogates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f: a surrogate begins with 'ds/dx = ...', got ''"),
        ("1/(1 + x)", "f: a surrogate begins with 'ds/dx = ...', got '1/(1 + x)'"),
        ("dv/dx = 1", "f: a surrogate begins with 'ds/dx = ...', got 'dv/dx = 1'"),
        ("alpha = 2; ds/dx = alpha", "f: a surrogate begins with 'ds/dx = ...'"),
        ("ds/dx == 1", "f: a surrogate begins with 'ds/dx = ...'"),
        ("ds/dx = ", "f, line 1 (ds/dx): an expression is missing\n    ds/dx =\n           ^"),
        (
            "ds/dx = y",
            "f, line 1 (ds/dx): 'y' is not defined; give it a line, such as y = 1 mV\n    ds/dx = y\n            ^",
        ),
        ("ds/dx = t/ms", "f, line 1 (ds/dx): 't' may not stand here"),
        ("ds/dx = dt/ms", "f, line 1 (ds/dx): 'dt' may not stand here"),
        ("ds/dx = spike", "f, line 1 (ds/dx): 'spike', the output of the step before, may only stand in equations"),
        ("ds/dx = uniform()", "f, line 1 (ds/dx): a surrogate draws no random numbers"),
        ("ds/dx = x*(1 mV)", "f, line 1 (ds/dx): 'ds/dx' must be a plain number, but this is in mV"),
        ("ds/dx = x > 1", "f, line 1 (ds/dx): a condition stands where a number is expected"),
        (
            "ds/dx = x; y = x : 1",
            "f, line 1 (y): after 'ds/dx = ...' a surrogate has parameters only, such as 'alpha = 2'",
        ),
        (
            "ds/dx = x\n\ndy/dt = -y/(1 ms) : 1",
            "f, line 3 (dy/dt): after 'ds/dx = ...' a surrogate has parameters only",
        ),
        ("ds/dx = x; alpha : 1", "f, line 1: after 'ds/dx = ...' a surrogate has parameters only"),
        ("ds/dx = x; x = 2", "f, line 1 (x): after 'ds/dx = ...' a surrogate has parameters only"),
        ("ds/dx = x[k+1]", "f, line 1 (ds/dx): 'x[k+1]', a new value, may only be read in the line of a map"),
    ],
)
def test_what_is_no_surrogate(text: str, message: str):
    with pytest.raises(EquationError) as caught:
        Surrogate("f", text)
    assert str(caught.value).startswith(message)


def test_a_surrogate_may_have_lines_comments_and_parameters_with_units():
    found = Surrogate("f", "  ds/dx = alpha*x  # its slope\n alpha = 2*pi;  tau = 5 ms  # and more\n")
    assert found.parameters == {"alpha": 2 * math.pi, "tau": 5.0}
    assert found(alpha=1).parameters["alpha"] == 1.0
    with pytest.raises(ParameterError, match="f: parameter 'tau' is a time constant and must be positive, got -1"):
        found(tau=-1)
