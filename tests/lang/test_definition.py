"""The meaning of a text: which names may stand where, in which order things are, and what fits together."""

from typing import Any

import pytest

from spikelet.errors import EquationError
from spikelet.ir.lower import lower
from spikelet.lang.definition import Definition, define
from spikelet.lang.parser import MAX_DEPTH
from spikelet.model import Neuron
from spikelet.simulate import run, show

EVENTS = ("threshold", "reset", "refractory", "on_recovery", "initial")


def read(text: str, **events: str) -> Definition:
    return define("M", text, {**dict.fromkeys(EVENTS, ""), **events})


def test_variables_keep_the_order_of_the_text_and_sub_expressions_follow_what_they_read():
    found = read(
        "dv/dt = c/ms : 1; c = b + a : 1; b = 2*a : 1; a = v : 1; w[k+1] = c : 1; p = 3; q : mV; I : pA (input)"
    )
    assert list(found.variables) == ["v", "a", "b", "c", "w", "p", "q", "I"]
    assert found.states == ("v", "w")
    assert found.of_kind("sub") == ("a", "b", "c")
    assert found.of_kind("parameter", "input") == ("p", "q", "I")


def test_what_a_variable_is():
    found = read(
        "v[k+1] = v : int (unless refractory); p = 3 int; q = 3; J : int (input)", threshold="v > 1", refractory="v > 0"
    )
    assert [(v.name, v.integer, v.held) for v in found.variables.values()] == [
        ("v", True, True), ("p", True, False), ("q", False, False), ("J", True, False),
    ]  # fmt: skip


def test_a_map_reads_new_values_of_earlier_maps_and_of_flows():
    text = "a[k+1] = 0*a + 5 : 1; b[k+1] = a[k+1] + v[k+1] : 1; dv/dt = 0*v/ms : 1"
    out = run(Neuron("M", text, initial="v = 2"), t=1, dt=1, record="b")
    assert out["b"][0, 0] == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("b[k+1] = a[k+1] : 1; a[k+1] = 1 + 0*a : 1", "read before its line"),
        ("a[k+1] = a[k+1] : 1", "read before its line"),
        ("a[k+1] = p[k+1] : 1; p = 1", "'p' is not a state"),
        ("a[k+1] = zz[k+1] : 1", "'zz' is not a state"),
        ("a[k+1] = m : 1; m = a[k+1] : 1", "may only be read in the line of a map"),
    ],
)
def test_other_new_values_are_refused(text: str, message: str):
    with pytest.raises(EquationError, match=message):
        read(text)


@pytest.mark.parametrize(
    ("text", "cycle"),
    [
        ("a = a + v : 1", "a -> a"),
        ("a = b + v : 1; b = a : 1", "a -> b -> a"),
        ("x = a : 1; a = b : 1; b = c : 1; c = a + v : 1", "a -> b -> c -> a"),  # x leads into the circle
    ],
)
def test_cycles_are_named(text: str, cycle: str):
    with pytest.raises(EquationError, match=f"depends on itself: {cycle}\n"):
        read(f"dv/dt = -v/ms : 1; {text}")


@pytest.mark.parametrize(
    "name", ["t", "dt", "spike", "xi", "k", "int", "and", "lambda", "None", "from", "exp", "pi", "normal", "_", "__v"]
)
@pytest.mark.parametrize(
    "line", ["{} = 1", "{} : 1", "{} = v : 1", "{}[k+1] = v : 1", "d{}/dt = v/ms : 1", "{} : 1 (input)"]
)
def test_names_that_cannot_be_defined(name: str, line: str):
    with pytest.raises(EquationError):
        read("v[k+1] = v : 1; " + line.format(name))


@pytest.mark.parametrize(
    "name", ["v_", "_v", "V", "d", "dv", "I", "E", "e", "x1", "mV", "tau_mem", "K", "s", "self", "match", "S2"]
)
def test_names_that_can(name: str):
    found = Neuron("M", f"d{name}/dt = -{name}/tau : 1; tau = 2 ms", threshold=f"{name} > 1", reset=f"{name} -= 1")
    assert run(found, t=1, record=name)[name].shape == (10, 1)


# name -> where it may be read
PLACES: dict[str, set[str]] = {
    "t/ms": {"flow", "map", "sub", "threshold", "reset", "on_recovery"},
    "dt/ms": {"flow", "map", "sub", "threshold", "reset", "on_recovery", "initial"},
    "spike": {"flow", "map", "sub"},
    "xi*(1 ms**0.5)": {"flow"},
    "I": {"flow", "map", "sub", "threshold", "reset", "on_recovery"},
    "p": {"flow", "map", "sub", "threshold", "reset", "on_recovery", "initial"},
    "m": {"flow", "map", "sub", "threshold", "reset", "on_recovery"},
    "c": {"flow", "map", "sub", "threshold", "reset", "on_recovery", "initial"},
    "normal()": {"flow", "map", "sub", "threshold", "reset", "on_recovery"},
    "uniform()": {"flow", "map", "sub", "threshold", "reset", "on_recovery"},
}


@pytest.mark.parametrize("place", ["flow", "map", "sub", "threshold", "reset", "on_recovery", "initial"])
@pytest.mark.parametrize("name", PLACES)
def test_which_name_may_stand_where(name: str, place: str):
    """Where it may, the model also runs; where it may not, the error comes with the text, not with the run."""
    lines = {"flow": "dv/dt = ({} - v)/ms : 1", "map": "u[k+1] = {} : 1", "sub": "y = {} : 1"}
    text = "I : 1 (input); p = 0.5; m = 2*I : 1; c = 2*p : 1; w[k+1] = w : 1; "
    text += lines[place].format(name) if place in lines else "dv/dt = (1.5 - v)/ms : 1"
    text += "; z[k+1] = y : 1" if place == "sub" else ""
    text += "" if place == "flow" else "; dx/dt = -x/ms : 1"
    events = {"threshold": "x > 1" if place == "threshold" else "w > 1", "refractory": "1 ms"}
    events |= {place: f"w = {name}"} if place in ("reset", "on_recovery", "initial") else {}
    events |= {"threshold": f"w > {name}"} if place == "threshold" else {}
    if place not in PLACES[name]:
        with pytest.raises(EquationError):
            Neuron("M", text, **events)
        return
    model = Neuron("M", text, **events)
    run(model, 0.3, t=2, n=2)
    assert lower(model).states


@pytest.mark.parametrize("first", ["v += normal()", "v += uniform()"])
def test_each_use_of_a_random_number_has_its_own_draws(first: str):
    """Also where the same statement stands twice."""
    model = Neuron(
        "M",
        "v[k+1] = 0*v : 1; w[k+1] = 0*w : 1",
        threshold="v > -1",
        reset=f"{first}\n{first.replace('v', 'w', 1)}\n{first}\n{first}",
    )
    out = run(model, t=1, dt=1, n=2000, record=("v", "w"), dtype="float64")
    assert abs(float(abs(out["v"][0] - 3 * out["w"][0]).min())) > 0
    variance = {"normal": 3.0, "uniform": 3 / 12}["normal" if "normal" in first else "uniform"]
    assert out["v"][0].var() == pytest.approx(variance, rel=0.1)  # three times the same draw would have 9, not 3


def test_a_duration_of_refractoriness():
    text = "dv/dt = -v/ms : 1; t_ref = 2 ms; n = 3"
    for refractory in ("t_ref", "2 ms", "n*t_ref + 1 ms", "0", "0 ms", "2*dt"):
        assert read(text, threshold="v > 1", refractory=refractory).refractory[0] == "duration"  # type: ignore[index]
    assert read(text, threshold="v > 1", refractory="v > 0").refractory[0] == "condition"  # type: ignore[index]
    for refractory in ("2", "v*t_ref", "-1 ms", "t_ref/t_ref", "t_ref - "):
        with pytest.raises(EquationError):
            read(text, threshold="v > 1", refractory=refractory)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("blank", ["", " ", "\n\t ", "# nothing"])
def test_an_event_that_is_blank_is_none(event: str, blank: str):
    if blank == "# nothing" and event in ("threshold", "refractory"):
        return  # a condition that is only a comment has been forgotten rather than left out
    model = Neuron("M", "dv/dt = -v/ms : 1", **{event: blank})
    assert not model.spiking
    run(model, t=1)


@pytest.mark.parametrize(
    "threshold",
    ["v > 1", "1 < v", "v >= 1 and t > 2 ms", "v > 1 or v < -1", "not v < 1", "1 < v and not w == 0", "0 < v < 5"],
)
def test_thresholds(threshold: str):
    model = Neuron("M", "dv/dt = (3 - v)/ms : 1; w[k+1] = 1 + 0*w : 1", threshold=threshold, reset="v = 0")
    assert run(model, t=20).counts()[0] > 0


@pytest.mark.parametrize(
    "threshold", ["v", "1", "v == 1", "v != 1", "where(v > 1, 1, 0)", "v > 1; v > 2", "v > 1,", "v + 1", "not v"]
)
def test_what_is_no_threshold(threshold: str):
    with pytest.raises(EquationError):
        read("dv/dt = -v/ms : 1", threshold=threshold)


# --- depth: what is accepted also runs, from deep inside somebody else's program -------------------------------------


def nested(depth: int) -> dict[str, str]:
    """Expressions over v of exactly this depth, one of each shape."""
    n = depth - 1
    return {
        "sum": "v" + " + v" * n,
        "product": "v" + "*v" * n,
        "power": "v**" * n + "v",
        "minus": "-" * n + "v",
        "call": "abs(" * n + "v" + ")" * n,
        "second": "max(v, " * n + "v" + ")" * n,
        "where": "where(v > 0, v, " * (n - 1) + "v" + ")" * (n - 1),
        "and": "where(" + " and ".join(["v > 0"] * (n - 1)) + ", v, v)",
        "chain": "where(" + " < ".join(["v"] * n) + ", v, v)",
    }


def deep(levels: int, function: Any) -> Any:
    """Call a function with this many frames below it."""
    return function() if levels == 0 else deep(levels - 1, function)


@pytest.mark.parametrize("shape", nested(9))
def test_the_deepest_expression_runs_and_prints(shape: str):
    model = Neuron("M", f"v[k+1] = {nested(MAX_DEPTH)[shape]} : 1", threshold="v > 1e9")

    def everything():
        run(model, t=2, dt=1, backend="torch_eager")
        run(model, t=2, dt=1)
        return [show(Neuron("M2", model.text), target) for target in ("model", "ir", "torch", "numpy", "latex")]

    assert all(deep(300, everything))


@pytest.mark.parametrize("shape", nested(9))
def test_one_level_more_is_an_error(shape: str):
    with pytest.raises(EquationError, match=f"nested more than {MAX_DEPTH} deep"):
        Neuron("M", f"v[k+1] = {nested(MAX_DEPTH + 1)[shape]} : 1")


@pytest.mark.parametrize("order", [1, -1])
def test_sub_expressions_that_build_on_each_other(order: int):
    def model(count: int) -> Neuron:
        lines = ["x0 = v : 1", *(f"x{i} = x{i - 1} + 1 : 1" for i in range(1, count))][::order]
        return Neuron("M", f"v[k+1] = 0*x{count - 1} : 1\n" + "\n".join(lines))

    fine = model(MAX_DEPTH // 2)
    assert deep(300, lambda: run(fine, t=1, dt=1)).n == 1
    for count in (MAX_DEPTH, 900):
        with pytest.raises(EquationError, match="builds on other sub-expressions"):
            model(count)
