"""The meaning of a synapse's text: where each state is kept, who may read what, and the unit of the weight."""

import pytest

from spikelet.errors import EquationError, ModelError, UnitError
from spikelet.lang.synapse import SynapseDefinition, check_units, define
from spikelet.units import CHARGE, CONDUCTANCE, CURRENT, ONE, VOLTAGE

EXP = "dg/dt = -g/tau : nS (post); out = g*(E - v_post) : pA; tau = 5 ms; E = 0 mV"


def read(text: str = EXP, on_pre: str = "g += w", initial: str = "") -> SynapseDefinition:
    return define("S", text, on_pre, initial)


def test_what_a_text_declares():
    found = read(
        "du/dt = -u/tau : 1 (pre); dg/dt = -g/tau : nS (post); c[k+1] = c : 1; dm/dt = -m/tau : mM (network)\n"
        "open = 1/(1 + m/M_0) : 1; out = g*open*(E - v_post) : pA; tau = 5 ms; E : mV; M_0 = 1 mM",
        "u += 1; c = u; g += w*u",
        "u = 1/2; g = 1 nS",
    )
    assert found.states == ("u", "g", "c", "m")
    assert dict(found.places) == {"u": "pre", "g": "post", "c": "synapse", "m": "network"}
    assert found.of_kind("parameter") == ("tau", "E", "M_0") and found.of_kind("sub") == ("open", "out")
    assert found.partners == ("v_post",)
    assert found.kept["open"] == {"network"} and found.kept["out"] == {"network", "post"}
    assert [(part.name, part.operator) for part in found.on_pre] == [("u", "+"), ("c", ""), ("g", "+")]
    assert [part.name for part in found.initial] == ["u", "g"]
    assert found.weight == CONDUCTANCE


@pytest.mark.parametrize(
    ("text", "on_pre", "unit"),
    [
        ("di/dt = -i/ms : pA (post); out = i : pA", "i += w", "pA"),
        ("di/dt = -i/ms : nA (post); out = i : nA", "i = i + 2*w", "pA"),
        ("di/dt = -i/ms : pA (post); out = i : pA; q = 3 ms", "i += w/q", "pA*ms"),
        ("di/dt = -i/ms : pA (post); out = i : pA; E = 3 mV", "i -= E*(w - w/2)", "nS"),
        ("di/dt = -i/ms : pA (post); out = i : pA; s = w*(2 mV) : pA", "i += s", "nS"),
        ("di/dt = -i/ms : pA (post); du/dt = -u/ms : 1 (pre); out = i : pA", "u += 1; i += w*u", "pA"),
        ("di/dt = -i/ms : pA (post); out = i : pA", "i = max(i, w)", "pA"),
    ],
)
def test_the_weight_has_the_unit_of_what_it_is_added_to(text: str, on_pre: str, unit: str):
    weight = read(text, on_pre).weight
    assert weight == {"pA": CURRENT, "nS": CONDUCTANCE, "pA*ms": CHARGE}[unit]


def test_units_of_the_neurons_are_open_until_they_are_known():
    gap = read("out = w*(v_pre - v_post) : pA", "")
    assert gap.weight is None and gap.partners == ("v_post", "v_pre")
    delta = read("", "v_post += w")
    assert delta.weight is None
    assert check_units(delta, {"v_post": VOLTAGE}) == VOLTAGE
    assert check_units(delta, {"v_post": ONE}) == ONE
    unknown = read("out = (1 mV/v_post)*(1 pA) + exp(v_post/(1 mV))/v_post*(1 mV*pA) : pA", "")
    assert check_units(unknown, {"v_post": VOLTAGE}) is None
    with pytest.raises(UnitError):
        check_units(unknown, {"v_post": ONE})


def test_a_neuron_in_other_units_is_refused_in_the_line_of_the_synapse():
    with pytest.raises(UnitError) as caught:
        check_units(read(), {"v_post": ONE})
    assert str(caught.value) == "\n".join([
        "S, line 1 (out): cannot subtract mV and a plain number",
        "    " + EXP,
        "    " + " " * EXP.index("E - v_post") + "^" * len("E - v_post"),
    ])  # fmt: skip


# text, on_pre, message, what the caret is under
MISTAKES = [
    (EXP.replace("g*(", "gg*("), "g += w", "'gg' is not defined; did you mean 'g'?", "gg"),
    (EXP.replace("v_post", "vpost"), "g += w", "'vpost' is not defined; did you mean 'v_post'?", "vpost"),
    (EXP.replace("(post)", "(pots)"), "g += w", "'(pots)' is not a flag of a state; did you mean '(post)'?", "(pots)"),
    (EXP.replace("(post)", "(unless refractory)"), "g += w", "is not a flag of a state", "(unless refractory)"),
    (EXP.replace("(post)", "(pre) (post)"), "g += w", "'g' has two places; it is kept in one of (pre), (post)", "g"),
    (EXP + "; a = g : nS (post)", "g += w", "'(post)' is not a flag of a sub-expression", "(post)"),
    (EXP + "; J : pA (input)", "g += w", "a synapse has no inputs; it reads 'w' and the states of its neurons", "J"),
    (EXP + "; w = 1 nS", "g += w", "'w' is the weight, which a projection gives; choose another name", "w"),
    ("dout/dt = -out/ms : pA (post)", "out += w", "'out' is what the neuron receives: write 'out = g*", "out"),
    (EXP + "; a = spike : 1", "g += w", "a synapse has no 'spike'; on_pre= runs at each spike that arrives", "spike"),
    (EXP, "g += w*spike", "a synapse has no 'spike'; on_pre= runs at each spike that arrives", "spike"),
    (EXP, "gg += w", "'gg' is not a state; did you mean 'g'?", "gg"),
    (EXP, "tau += 1 ms", "'tau' is a parameter, not a state", "tau"),
    (EXP, "out += w", "'out' is a sub-expression, not a state", "out"),
    (EXP, "w += 1 nS", "a synapse does not change its weight 'w'; a learning rule does", "w"),
    (EXP, "v_pre = 0 mV", "'v_pre' belongs to the sending neuron, which a synapse does not change", "v_pre"),
    (EXP, "g += xi", "white noise 'xi' may only stand in a flow", "xi"),
    (EXP, "g += ww", "'ww' is not defined; did you mean 'w'?", "ww"),
    (
        "du/dt = -u*g/(1 nS*ms) : 1 (pre); " + EXP, "g += w*u",
        "'u' is kept for each sending neuron, so it cannot read 'g', which differs for each receiving neuron", "g",
    ),
    (
        EXP.replace("-g/tau", "-g*w/(1 nS)/tau"), "g += w",
        "'g' is kept for each receiving neuron, so it cannot read 'w', which differs for each synapse", "w",
    ),
    (
        EXP.replace("-g/tau", "-g*a/tau") + "; a = v_pre/mV : 1", "g += w",
        "'g' is kept for each receiving neuron, so it cannot read 'a', which differs for each sending neuron", "a",
    ),
    (
        "dm/dt = -m*v_post/(1 mV*ms) : 1 (network); " + EXP, "g += w",
        "'m' is kept once for the network, so it cannot read 'v_post', which differs for each receiving neuron",
        "v_post",
    ),
    (
        "du/dt = -u/ms : 1 (pre); " + EXP, "u += w/(1 nS); g += w",
        "'u' is kept for each sending neuron, so it cannot read 'w', which differs for each synapse", "w",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "on_pre", "message", "under"), MISTAKES)
def test_mistakes_are_shown_where_they_are(text: str, on_pre: str, message: str, under: str):
    with pytest.raises(EquationError) as caught:
        read(text, on_pre)
    assert message in str(caught.value)
    line, carets = str(caught.value).splitlines()[-2:]
    marked = line[carets.index("^") : carets.rindex("^") + 1]
    assert marked == under


@pytest.mark.parametrize(
    ("text", "on_pre", "message"),
    [
        (EXP.replace(": pA", ": nS"), "g += w", r"'out' must be in nS, but this is in pA"),
        (EXP.replace("-g/tau", "-g"), "g += w", r"dg/dt must be in nS/ms"),
        (EXP, "g += w + 1 mV", r"cannot add"),
        (EXP, "g = 1 mV", r"'g' must be in nS, but this is in mV"),
        (EXP, "g += w; g += w/(1 ms)", r"cannot add"),
    ],
)
def test_units_are_checked(text: str, on_pre: str, message: str):
    with pytest.raises(UnitError, match=message):
        read(text, on_pre)


def test_initial_values_read_parameters_and_states_of_their_place():
    assert [part.name for part in read(initial="g = 2*g_0", text=EXP + "; g_0 = 1 nS").initial] == ["g"]
    for initial in ("g = w", "g = v_post*(1 nS/mV)", "g = t*(1 nS/ms)"):
        with pytest.raises(EquationError):
            read(initial=initial)
    with pytest.raises(EquationError, match="'g' is kept for each receiving neuron, so it cannot read 'u'"):
        read("du/dt = -u/ms : nS (pre); " + EXP, initial="u = 1 nS; g = u")


@pytest.mark.parametrize(("text", "on_pre"), [("", ""), ("dg/dt = -g/ms : 1 (post)", "g += w"), ("Out = w : pA", "")])
def test_a_synapse_that_reaches_no_neuron_is_refused(text: str, on_pre: str):
    with pytest.raises(EquationError, match="S: nothing reaches the neuron; expected a line such as 'out = g"):
        read(text, on_pre)


def test_own_names_may_end_as_those_of_neurons_do():
    found = read("dx_post/dt = -x_post/ms : pA (post); out = x_post : pA", "x_post += w")
    assert found.partners == () and found.states == ("x_post",)
    assert found.weight == CURRENT


def test_a_text_in_which_sub_expressions_double_is_refused_and_not_written_out():
    tower = "; ".join(f"a{i + 1} = a{i} + a{i} : 1" for i in range(40))
    with pytest.raises(ModelError, match="with its sub-expressions written out this has more than 10000 terms"):
        read(f"{EXP}; du/dt = -u/ms : 1 (pre); a0 = u : 1; {tower}", "g += w*a40")
