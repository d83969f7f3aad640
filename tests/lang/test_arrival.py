"""What the simulator does with ``on_pre``: factors, the order of statements, and what it cannot run."""

import pytest

from spikelet.errors import EquationError, ModelError
from spikelet.lang.arrival import Arrival, arrival
from spikelet.lang.synapse import define
from spikelet.lang.syntax import Expr

STATES = """
du/dt = -u/ms : 1 (pre); dx/dt = (1 - x)/ms : 1 (pre); ds/dt = -s/ms : 1; dm/dt = -m/ms : 1 (network)
di/dt = -i/ms : pA (post); dh/dt = -h/ms : pA (post)
out = i + h : pA; a = 2; release = u*x : 1; sent = w*release : pA
"""


def read(on_pre: str, text: str = STATES.replace("dm/dt = -m/ms : 1 (network)", "")) -> Arrival:
    return arrival(define("S", text, on_pre, ""))


def shown(expr: Expr | None) -> object:
    """An expression as nested tuples, or its text where it is one name or number."""
    if expr is None or not expr.args:
        return expr if expr is None else expr.value
    return (expr.op, *map(shown, expr.args))


@pytest.mark.parametrize(
    ("statement", "factor"),
    [
        ("i += w", None),
        ("i = i + w", None),
        ("i = w + i", None),
        ("i -= w", ("neg", 1)),
        ("i += -w", ("neg", 1)),
        ("i += 2*w", 2),
        ("i += w*u*x", ("*", "u", "x")),
        ("i += u*w*x", ("*", "u", "x")),
        ("i += u*x*w", ("*", "u", "x")),
        ("i += w*(u - x)", ("-", "u", "x")),
        ("i += w/a", ("/", 1, "a")),
        ("i += w*u/a", ("/", "u", "a")),
        ("i += w*u + w", ("+", "u", 1)),
        ("i += w - w*u", ("-", 1, "u")),
        ("i += w*release", ("*", "u", "x")),
        ("i += sent", ("*", "u", "x")),
        ("i += w*exp(-s)", ("call", ("neg", "s"))),
        ("i += w*dt/(1 ms)", ("/", "dt", 1.0)),
        ("i += w*t/(1 ms)", ("/", "t", 1.0)),
        ("i += w*uniform()", "uniform"),
    ],
)
def test_the_factor_of_the_weight(statement: str, factor: object):
    found = read(statement)
    assert [jump.state for jump in found.jumps] == ["i"] and found.assignments == ()
    assert shown(found.factors["i"]) == factor


def test_by_states_of_synapses_or_by_chance_synapses_differ():
    plain = STATES.replace("ds/dt = -s/ms : 1; dm/dt = -m/ms : 1 (network)", "")
    assert not read("i += w*u", plain).each and read("i += w*u").each
    assert read("i += w*normal()", plain).each and read("i += w*binomial(5, u)", plain).each
    with pytest.raises(ModelError, match="'t' is read where only"):
        read("i += w*t/ms", plain)


def test_statements_keep_their_order():
    found = read("u += 1; i += w*u*x; x -= u*x; h += w; s = 3")
    assert [(jump.state, jump.after) for jump in found.jumps] == [("i", 1), ("h", 2)]
    assert [part.name for part in found.assignments] == ["u", "x", "s"]
    assert [shown(part.expr) for part in found.assignments] == [("+", "u", 1), ("-", "x", ("*", "u", "x")), 3]


def test_sub_expressions_are_written_out_in_assignments():
    assert shown(read("x -= release; i += w").assignments[0].expr) == ("-", "x", ("*", "u", "x"))


def test_a_spike_may_reach_the_neuron_itself():
    found = read("u += a; v_post += w*u")
    assert [(jump.state, shown(jump.factor), jump.after) for jump in found.jumps] == [("v_post", "u", 1)]


@pytest.mark.parametrize(
    ("on_pre", "message", "under"),
    [
        ("i = w", "written 'i += w' or 'i += w*EXPR'", "w"),
        ("i += w + 1 pA", "written 'i += w' or 'i += w*EXPR'", "w + 1 pA"),
        ("i += 1 pA", "written 'i += w' or 'i += w*EXPR'", "1 pA"),
        ("i += max(w, 0)", "written 'i += w' or 'i += w*EXPR'", "max(w, 0)"),
        ("i += w*w/(1 pA)", "written 'i += w' or 'i += w*EXPR'", "w*w"),
        ("i *= w/(1 pA)", "written 'i += w' or 'i += w*EXPR'", "i *= w/(1 pA"),
        ("i += w*i/(1 pA)", "'i' is read where only parameters and (pre) or (synapse) states may be", "i"),
        ("i += w*v_post/mV", "'v_post' is read where only", "v_post"),
        ("i += w*v_pre/mV", "'v_pre' is read where only", "v_pre"),
        ("u += uniform(); i += w", "'uniform()' is read where only", "uniform()"),
        ("u += h/(1 nA); i += w", "EquationError", "h"),
        ("s = w/(1 pA); i += w", "'w' is read where only", "w"),
        ("s = h/(1 pA); i += w", "'h' is read where only", "h"),
        ("i += w; i += w*u", "'i' is raised twice; write one statement", "i"),
    ],
)
def test_what_cannot_be_run_is_said_to_be_so_and_shown(on_pre: str, message: str, under: str):
    with pytest.raises(ModelError) as caught:
        read(on_pre)
    if message == "EquationError":  # the language itself knows no such thing
        assert isinstance(caught.value, EquationError)
    else:
        assert "the simulator cannot run this yet: " in str(caught.value) and message in str(caught.value)
        assert not isinstance(caught.value, EquationError)
    line, carets = str(caught.value).splitlines()[-2:]
    assert line[carets.index("^") :].startswith(under)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("out = w*(v_pre - v_post) : pA", "'out' reads 'w', so it would have a value of its own for each synapse"),
        ("out = (v_pre - v_post)*(1 nS) : pA", "'out' reads 'v_pre', so it would have"),
        ("ds/dt = -s/ms : pA; out = s : pA", "'out' reads 's', so it would have"),
        ("ds/dt = -s/ms : pA; b = 2*s : pA; out = b : pA", "'out' reads 'b', so it would have"),
        ("dm/dt = -m/ms : pA (network); out = m : pA", "'m' is a (network) state"),
        ("dm/dt = -m/ms : 1 (network); di/dt = -i*m/ms : pA (post); out = i : pA", "'m' is a (network) state"),
        ("du/dt = -u*v_pre/(1 mV*ms) : 1 (pre); out = 0*v_post*(1 nS) : pA", "'v_pre' is read where only"),
        ("du/dt = -u/ms + xi*(1 ms**-0.5) : 1 (pre); out = 0*v_post*(1 nS) : pA", "'xi' is read where only"),
        ("du/dt = -u/ms*heaviside(t) : 1 (pre); out = 0*v_post*(1 nS) : pA", "'t' is read where only"),
        ("ds/dt = -s*v_post/(1 mV*ms) : 1; out = 0*v_post*(1 nS) : pA", "'v_post' is read where only"),
    ],
)
def test_texts_that_have_a_meaning_but_cannot_be_run(text: str, message: str):
    definition = define("S", text, "", "")
    with pytest.raises(ModelError) as caught:
        arrival(definition)
    assert "the simulator cannot run this yet: " in str(caught.value) and message in str(caught.value)


def test_a_spike_that_changes_the_network_cannot_be_run():
    text = "dm/dt = -m/ms : 1 (network); di/dt = -i/ms : pA (post); out = i : pA"
    with pytest.raises(ModelError, match="the simulator cannot run this yet"):
        arrival(define("S", text, "m += 1; i += w", ""))
