"""Rules as data: frozen, specialised by calling, equal by content, printed, saved and read back."""

import copy
import dataclasses
import json
import math
import pickle
from typing import Any

import pytest

from spikelet import neurons, synapses
from spikelet.errors import EquationError, ModelError, ParameterError
from spikelet.rule import EVENTS, Rule

TEXT = """
dx/dt = -x/tau : 1 (pre)
de/dt = -e/tau_e : 1
s = 2*x : 1
tau = 20 ms;  tau_e : ms;  n = 2 int
"""


def rule(**more: Any) -> Rule:
    return Rule("Trace", TEXT, **{"on_pre": "x += n", "on_post": "w += s", "initial": "x = 1", **more})


def test_what_a_rule_tells_of_itself():
    found = rule()
    assert found.parameters == {"tau": 20.0, "tau_e": None, "n": 2}
    assert found.states == ("x", "e") and dict(found.places) == {"x": "pre", "e": "synapse"}
    assert {name: found.unit(name) for name in ("x", "s", "tau", "n", "w")} == {
        "x": "1", "s": "1", "tau": "ms", "n": "int", "w": "1",
    }  # fmt: skip
    with pytest.raises(ParameterError, match="Trace: 'tua' is not one of its variables; did you mean 'tau'?"):
        found.unit("tua")


def test_a_call_returns_another_rule():
    first = rule()
    second = first(tau=10)
    third = second(name="Slow", doc="slow", tau_e=5.0)
    assert (first.parameters["tau"], second.parameters["tau"]) == (20.0, 10.0)
    assert (third.name, third.doc, third.on_pre, third.on_post) == ("Slow", "slow", first.on_pre, first.on_post)
    assert (third.initial, third.parameters["tau"], third.parameters["tau_e"]) == ("x = 1", 10.0, 5.0)
    assert first() == first


@pytest.mark.parametrize("name", ["name", "text", "on_post", "values", "definition", "tau"])
def test_nothing_can_be_set(name: str):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(rule(), name, 1)
    with pytest.raises(TypeError):
        rule().values["tau"] = 5.0  # type: ignore[index]  # the mistake


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tua": 1}, "Trace: 'tua' is not a parameter; did you mean 'tau'?"),
        ({"w": 1}, "Trace: 'w' is not a parameter"),
        ({"x": 1}, "Trace: 'x' is a state, not a parameter"),
        ({"s": 1}, "Trace: 's' is a sub-expression, not a parameter"),
        ({"tau": 0}, "Trace: parameter 'tau' is a time constant and must be positive, got 0"),
        ({"tau": math.nan}, "Trace: parameter 'tau' is NaN"),
        ({"n": 1.5}, "Trace: parameter 'n' must be an integer"),
        ({"on_post": "w += x"}, "Trace: 'on_post' is not a parameter; another on_post makes another Rule"),
    ],
)
def test_wrong_values_are_refused(change: dict[str, Any], message: str):
    with pytest.raises(ParameterError) as caught:
        rule()(**change)
    assert message in str(caught.value)


@pytest.mark.parametrize("field", ["text", *EVENTS, "doc", "ref"])
def test_a_text_is_a_string(field: str):
    with pytest.raises(EquationError, match=f"Trace: {field} must be a string, got list"):
        rule(**{field: ["w += 1"]}) if field != "text" else Rule("Trace", ["x"])  # type: ignore[arg-type]


def test_rules_are_equal_when_their_content_is():
    assert rule() == rule() and hash(rule()) == hash(rule())
    assert rule()(tau=5, tau_e=1) == rule()(tau_e=1.0)(tau=5.0)
    others = [rule()(tau=6), rule(on_pre="x += 1"), rule(on_post="w += x"), rule(initial=""), rule(ref="r")]
    assert all(rule() != other for other in [*others, neurons.LIF, "Trace"])


COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "json": lambda model: Rule.from_json(model.to_json()),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_equal_and_reads_the_same(how: str):
    model = rule(doc="d\u00f6c\n'\"", ref="A & B (2020)")(tau=math.inf, tau_e=1.5, n=7)
    back = COPIES[how](model)
    assert type(back) is Rule and back == model and repr(back) == repr(model) and str(back) == str(model)
    assert dict(back.parameters) == dict(model.parameters)


def saved(**changes: Any) -> str:
    data = {**json.loads(rule().to_json()), **changes}
    return json.dumps({name: value for name, value in data.items() if value is not ...})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is not the JSON of a Rule"),
        ("[1]", "this is not the JSON of a Rule: the field 'kind' is not 'Rule'"),
        (synapses.NMDA.to_json(), "this is not the JSON of a Rule: the field 'kind' is not 'Rule'"),
        (saved(schema=2), "this Rule was saved in schema version 2"),
        (saved(text=...), "a saved Rule needs the field 'text'"),
        (saved(threshold="v > 1"), "a saved Rule has no field 'threshold'"),
        (saved(on_post=5), "Trace: on_post must be a string, got int"),
        (saved(on_post="w += __import__('os')"), "Trace, on_post"),
        (saved(values={"tau": -1}), "Trace: parameter 'tau' is a time constant and must be positive, got -1"),
        ("[" * 100_000, "this is not the JSON of a Rule"),
    ],
)
def test_a_damaged_file_is_an_error(text: str, message: str):
    with pytest.raises(ModelError) as caught:
        Rule.from_json(text)
    assert message in str(caught.value)


def test_a_saved_rule_may_leave_out_what_it_does_not_need():
    assert Rule.from_json(saved(initial=..., doc=..., ref=..., values=...)) == rule(initial="")


def test_what_is_printed():
    found = rule(doc="A trace.", ref="Nobody 2020")(tau_e=5.0)
    assert repr(found) == "Trace(tau=20, tau_e=5, n=2)"
    assert str(found).splitlines() == [
        "Trace(tau=20, tau_e=5, n=2)",
        "A trace.",
        "Source: Nobody 2020",
        "",
        *(line for line in TEXT.splitlines() if line),
        "on_pre: x += n",
        "on_post: w += s",
        "initial: x = 1",
    ]
