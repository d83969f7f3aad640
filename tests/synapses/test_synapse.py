"""Synapses as data: frozen, specialised by calling, equal by content, printed, saved and read back."""

import copy
import dataclasses
import json
import math
import pickle
from typing import Any

import numpy as np
import pytest

from spikelet import neurons
from spikelet.errors import EquationError, ModelError, ParameterError
from spikelet.synapse import EVENTS, Synapse

TEXT = """
du/dt = -u/tau_f : 1 (pre)
dg/dt = -g/tau : nS (post)
out = g*(E - v_post) : pA
tau = 5 ms;  tau_f = 20 ms;  E : mV;  n = 2 int
"""


def gate(**more: Any) -> Synapse:
    return Synapse("Gate", TEXT, **{"on_pre": "u += 1; g += n*w*u", "initial": "u = 1/n", **more})


def test_what_a_synapse_tells_of_itself():
    synapse = gate()
    assert synapse.parameters == {"tau": 5.0, "tau_f": 20.0, "E": None, "n": 2}
    assert synapse.states == ("u", "g")
    assert dict(synapse.places) == {"u": "pre", "g": "post"}
    units = {name: synapse.unit(name) for name in ("u", "g", "out", "tau", "E", "n", "w")}
    assert units == {"u": "1", "g": "nS", "out": "pA", "tau": "ms", "E": "mV", "n": "int", "w": "nS"}
    assert [jump.state for jump in synapse.arrival.jumps] == ["g"]
    assert synapse.arrival is synapse.arrival
    with pytest.raises(ParameterError, match="Gate: 'G' is not one of its variables; did you mean 'g'?"):
        synapse.unit("G")
    with pytest.raises(ParameterError, match="Delta: the unit of 'w' depends on the neurons that it joins"):
        Synapse("Delta", "", on_pre="v_post += w").unit("w")


def test_a_call_returns_another_synapse():
    first = gate()
    second = first(tau=10, E=-70.0)
    third = second(name="Slow", doc="slow", tau=[10.0, 20.0])
    assert (first.parameters["tau"], second.parameters["tau"]) == (5.0, 10.0)
    assert (third.name, third.doc, third.on_pre, third.initial) == ("Slow", "slow", first.on_pre, first.initial)
    np.testing.assert_array_equal(third.parameters["tau"], [10.0, 20.0])
    assert (third.parameters["E"], first.parameters["E"]) == (-70.0, None)
    assert first() == first


@pytest.mark.parametrize("name", ["name", "text", "on_pre", "values", "definition", "tau"])
def test_nothing_can_be_set(name: str):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(gate(), name, 1)
    with pytest.raises(TypeError):
        gate().values["tau"] = 5.0  # type: ignore[index]  # the mistake


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tua": 1}, "Gate: 'tua' is not a parameter; did you mean 'tau'?"),
        ({"w": 1}, "Gate: 'w' is not a parameter"),
        ({"g": 1}, "Gate: 'g' is a state, not a parameter"),
        ({"out": 1}, "Gate: 'out' is a sub-expression, not a parameter"),
        ({"tau": 0}, "Gate: parameter 'tau' is a time constant and must be positive, got 0"),
        ({"tau": math.nan}, "Gate: parameter 'tau' is NaN"),
        ({"E": "0 mV"}, "Gate: parameter 'E' must be a number or an array of numbers, got '0 mV'"),
        ({"n": 1.5}, "Gate: parameter 'n' must be an integer"),
        ({"on_pre": "g += w"}, "Gate: 'on_pre' is not a parameter; another on_pre makes another Synapse"),
    ],
)
def test_wrong_values_are_refused(change: dict[str, Any], message: str):
    with pytest.raises(ParameterError) as caught:
        gate()(**change)
    assert message in str(caught.value)


@pytest.mark.parametrize("field", ["text", *EVENTS, "doc", "ref"])
def test_a_text_is_a_string(field: str):
    with pytest.raises(EquationError, match=f"Gate: {field} must be a string, got list"):
        gate(**{field: ["g += w"]}) if field != "text" else Synapse("Gate", ["g"])  # type: ignore[arg-type]


def test_synapses_are_equal_when_their_content_is():
    assert gate() == gate() and hash(gate()) == hash(gate())
    assert gate()(tau=5, E=1) == gate()(E=1.0)(tau=5.0)
    others = [gate()(tau=6), gate(on_pre="g += w"), gate(initial=""), gate()(name="X"), gate(ref="r")]
    assert all(gate() != other for other in [*others, neurons.LIF, "Gate"])


COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "json": lambda model: Synapse.from_json(model.to_json()),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_equal_and_reads_the_same(how: str):
    model = gate(doc="d\u00f6c\n'\"", ref="A & B (2020)")(tau=[1.5, math.inf], E=-math.inf, n=7)
    back = COPIES[how](model)
    assert type(back) is Synapse and back == model and repr(back) == repr(model) and str(back) == str(model)
    for name, value in model.parameters.items():
        np.testing.assert_array_equal(back.parameters[name], value)  # type: ignore[arg-type]
        assert type(back.parameters[name]) is type(value)


def saved(**changes: Any) -> str:
    data = {**json.loads(gate().to_json()), **changes}
    return json.dumps({name: value for name, value in data.items() if value is not ...})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is not the JSON of a Synapse"),
        ("[1]", "this is not the JSON of a Synapse: the field 'kind' is not 'Synapse'"),
        (neurons.LIF.to_json(), "this is not the JSON of a Synapse: the field 'kind' is not 'Synapse'"),
        (saved(schema=2), "this Synapse was saved in schema version 2"),
        (saved(text=...), "a saved Synapse needs the field 'text'"),
        (saved(threshold="v > 1"), "a saved Synapse has no field 'threshold'"),
        (saved(on_pre=5), "Gate: on_pre must be a string, got int"),
        (saved(on_pre="g += __import__('os')"), "Gate, on_pre"),
        (saved(values={"tau": -1}), "Gate: parameter 'tau' is a time constant and must be positive, got -1"),
        ("[" * 100_000, "this is not the JSON of a Synapse"),
    ],
)
def test_a_damaged_file_is_an_error(text: str, message: str):
    with pytest.raises(ModelError) as caught:
        Synapse.from_json(text)
    assert message in str(caught.value)


def test_a_saved_synapse_may_leave_out_what_it_does_not_need():
    text = saved(initial=..., doc=..., ref=..., values=...)
    assert Synapse.from_json(text) == gate(initial="")


def test_what_is_printed():
    synapse = gate(doc="A gate.", ref="Nobody 2020")(E=0.0)
    assert repr(synapse) == "Gate(tau=5, tau_f=20, E=0, n=2)"
    assert str(synapse).splitlines() == [
        "Gate(tau=5, tau_f=20, E=0, n=2)",
        "A gate.",
        "Source: Nobody 2020",
        "",
        *(line for line in TEXT.splitlines() if line),
        "on_pre: u += 1; g += n*w*u",
        "initial: u = 1/n",
    ]


def test_a_synapse_that_the_simulator_cannot_run_is_a_synapse_all_the_same():
    leak = Synapse("Leak", "out = w*(0 mV - v_post) : pA")
    assert Synapse.from_json(leak.to_json()) == leak
    with pytest.raises(ModelError, match="the simulator cannot run this yet: 'out' reads 'w'"):
        leak.arrival  # reading it is what fails
