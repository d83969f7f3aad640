"""The meaning of a rule's text: where each state is kept, what each spike may set, and which units fit."""

import pytest

from spikelet.errors import EquationError, ModelError, UnitError
from spikelet.lang.rule import RuleDefinition, check_units, define
from spikelet.units import ONE, VOLTAGE

TEXT = "dx/dt = -x/tau : 1 (pre); dy/dt = -y/tau : 1 (post); tau = 20 ms; a = 0.1"


def read(text: str = TEXT, on_pre: str = "x += 1", on_post: str = "w += a*x", initial: str = "") -> RuleDefinition:
    return define("R", text, on_pre, on_post, initial)


def test_what_a_text_declares():
    found = read(
        TEXT + "; de/dt = -e/tau : 1; dm/dt = -m/tau : mM (network); n[k+1] = n : int (pre)\ns = x*y_0 + m/M_0 : 1\n"
        "y_0 = 3; M_0 = 1 mM",
        "x += 1; n += 1; e -= y; w = clip(w - a*y, 0, 1)",
        "y += 1; e += s; w += e*u_post/mV",
        "x = 1/y_0; n = 2",
    )
    assert found.states == ("x", "y", "e", "m", "n")
    assert dict(found.places) == {"x": "pre", "y": "post", "e": "synapse", "m": "network", "n": "pre"}
    assert found.kept["s"] == {"pre", "network"} and found.kept["w"] == {"synapse"}
    assert [part.name for part in found.on_pre] == ["x", "n", "e", "w"]
    assert [part.name for part in found.on_post] == ["y", "e", "w"]
    assert [part.name for part in found.initial] == ["x", "n"]
    assert found.partners == ("u_post",)


def test_a_weight_may_have_a_line():
    found = read("dw/dt = (1 - w)/tau : 1; tau = 1 ms", "", "")
    assert found.states == ("w",) and found.places["w"] == "synapse"
    mapped = read("de/dt = -e/ms : 1; w[k+1] = clip(w + e[k+1], 0, 1) : 1", "e += 1", "")
    assert mapped.states == ("e", "w") and mapped.places["w"] == "synapse"


def test_own_names_may_end_as_those_of_neurons_do():
    found = read("dx_pre/dt = -x_pre/ms : 1 (pre)", "x_pre += 1; w -= x_pre", "")
    assert found.partners == () and found.states == ("x_pre",)


MISTAKES = [  # text, on_pre, on_post, message, what the caret is under
    (TEXT, "xx += 1", "w += a", "'xx' is not a state; did you mean 'x'?", "xx"),
    (TEXT, "x += 1", "w += b*x", "'b' is not defined; give it a line, such as b = 1 mV", "b"),
    (TEXT, "w += x_pot", "", "'x_pot' is not defined", "x_pot"),
    (TEXT.replace("-x/tau", "-x/tua"), "x += 1", "w += x", "'tua' is not defined; did you mean 'tau'?", "tua"),
    (TEXT.replace("(pre)", "(per)"), "", "w += x", "'(per)' is not a flag of a state; did you mean '(pre)'?", "(per)"),
    (TEXT.replace("(pre)", "(pre) (post)"), "", "w += x", "'x' has two places; it is kept in one of (pre), (po", "x"),
    (TEXT + "; I : pA (input)", "w += x", "", "a rule has no inputs; it reads 'w' and the states of the two", "I"),
    (TEXT + "; w = 1", "w += x", "", "'w' is the weight of each synapse: a rule sets it in on_pre= and on_post=", "w"),
    ("dw/dt = -w/ms : 1 (pre)", "", "", "'w' is the weight of each synapse: a rule sets it in on_pre=", "w"),
    ("w[k+1] = w + 1 : int", "", "", "'w' is the weight of each synapse: a rule sets it in on_pre=", "w"),
    (TEXT, "a += 1", "w += x", "'a' is a parameter, not a state", "a"),
    (TEXT, "w += spike", "", "a rule has no 'spike'; on_pre= runs at each spike that arrives, on_post= at", "spike"),
    (TEXT, "y += 1", "w += x", "'y' is kept for each receiving neuron, whose spikes set it in on_post=", "y"),
    (TEXT, "w += y", "x = 0", "'x' is kept for each sending neuron, whose spikes set it in on_pre=", "x"),
    (TEXT, "w += y", "v_post = 0", "'v_post' belongs to the receiving neuron, which a rule does not change", "v_post"),
    (TEXT, "v_pre += 1", "w += x", "'v_pre' belongs to the sending neuron, which a rule does not change", "v_pre"),
    (TEXT + "; dm/dt = -m/tau : 1 (network)", "m += 1; w += m", "", "'m' is kept once for the network: no spike", "m"),
    (TEXT, "x += y; w += x", "", "'x' is kept for each sending neuron, so it cannot read 'y', which differs for", "y"),
    (TEXT, "w += y", "y += w", "'y' is kept for each receiving neuron, so it cannot read 'w', which differs", "w"),
    (
        TEXT.replace("-y/tau", "(v_pre/mV - y)/tau"), "w += y", "",
        "'y' is kept for each receiving neuron, so it cannot read 'v_pre', which differs for each sending neuron",
        "v_pre",
    ),
    (TEXT + "; n[k+1] = n : int (pre)", "n += 0.5; w += n", "", "'n' is an integer, but this may not be", "n += 0.5"),
    (TEXT, "w += xi", "", "white noise 'xi' may only stand in a flow", "xi"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "on_pre", "on_post", "message", "under"), MISTAKES)
def test_mistakes_are_shown_where_they_are(text: str, on_pre: str, on_post: str, message: str, under: str):
    with pytest.raises(EquationError) as caught:
        read(text, on_pre, on_post)
    assert message in str(caught.value)
    line, carets = str(caught.value).splitlines()[-2:]
    assert line[carets.index("^") : carets.rindex("^") + 1] == under


@pytest.mark.parametrize(
    ("text", "on_pre", "message"),
    [
        (TEXT, "w += tau", "cannot add a plain number and ms"),
        (TEXT, "w = tau", "'w' must be a plain number, but this is in ms"),
        (TEXT.replace("-x/tau", "-x"), "w += x", "dx/dt must be in 1/ms"),
        (TEXT, "x = 1 mV; w += x", "'x' must be a plain number, but this is in mV"),
        ("dw/dt = -w/ms : nS", "", "in a rule the weight is a plain number: write 'dw/dt = ... : 1'"),
    ],
)
def test_units_are_checked(text: str, on_pre: str, message: str):
    with pytest.raises(UnitError) as caught:
        read(text, on_pre, "")
    assert message in str(caught.value)


def test_units_of_the_neurons_are_open_until_they_are_known():
    found = read(TEXT, "w += v_post/mV", "")
    check_units(found, {"v_post": VOLTAGE})
    with pytest.raises(UnitError, match="cannot add a plain number and 1/mV"):
        check_units(found, {"v_post": ONE})


def test_initial_values_are_those_of_states_and_not_of_the_weight():
    with pytest.raises(EquationError, match="'x' is kept for each sending neuron, so it cannot read 'y'"):
        read(initial="y = 1; x = y")
    with pytest.raises(EquationError, match="'w' is the weight, which a projection gives"):
        read("dw/dt = -w/ms : 1", initial="w = 1")


@pytest.mark.parametrize(("text", "on_pre"), [("", ""), (TEXT, "x += 1")])
def test_a_rule_that_never_changes_the_weight_is_refused(text: str, on_pre: str):
    with pytest.raises(ModelError, match="R: the weight never changes; expected a statement such as on_post="):
        read(text, on_pre, "")
