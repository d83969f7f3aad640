"""Rules as users write them: wrong ones end in an error that shows the line and the place in it; a right one runs."""

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet import neurons
from spikelet.errors import ModelError, SpikeletError, UnitError
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all
from spikelet.sim.network import Network

TEXT = """
dx_pre/dt  = -x_pre/tau_plus   : 1 (pre)
dx_post/dt = -x_post/tau_minus : 1 (post)
tau_plus = 20 ms;  tau_minus = 20 ms
a_plus = 0.01;  a_minus = 0.0105;  w_max = 1
"""
PRE, POST = "x_pre += 1; w = clip(w - a_minus*x_post, 0, w_max)", "x_post += 1; w = clip(w + a_plus*x_pre, 0, w_max)"

WRONG = {  # what is wrong: text, on_pre, on_post, message, the line that is shown, what the caret is under
    "unknown variable": (
        TEXT, PRE, POST.replace("a_plus", "a_pls"), "Mine, on_post: 'a_pls' is not defined; did you mean 'a_plus'?",
        POST.replace("a_plus", "a_pls"), "a_pls",
    ),
    "unknown variable in a line": (
        TEXT.replace("x_post/tau_minus", "x_post/tau_min"), PRE, POST,
        "Mine, line 2 (dx_post/dt): 'tau_min' is not defined; did you mean 'tau_minus'?",
        "dx_post/dt = -x_post/tau_min : 1 (post)", "tau_min",
    ),
    "missing place": (
        TEXT.replace("1 (pre)", "1"), PRE, "x_post += x_pre; w += x_post",
        "Mine, on_post: 'x_post' is kept for each receiving neuron, so it cannot read 'x_pre', which differs for each "
        "synapse", "x_post += x_pre; w += x_post", "x_pre",
    ),
    "place without parentheses": (
        TEXT.replace("1 (pre)", "1 pre"), PRE, POST, "Mine, line 1 (dx_pre/dt): '1 pre' is not a unit",
        "dx_pre/dt  = -x_pre/tau_plus   : 1 pre", "1 pre",
    ),
    "unknown place": (
        TEXT.replace("(pre)", "(presynaptic)"), PRE, POST, "'(presynaptic)' is not a flag of a state",
        "dx_pre/dt  = -x_pre/tau_plus   : 1 (presynaptic)", "(presynaptic)",
    ),
    "a trace of the other side": (
        TEXT, "x_post = 0; w += x_post", POST,
        "Mine, on_pre: 'x_post' is kept for each receiving neuron, whose spikes set it in on_post=",
        "x_post = 0; w += x_post", "x_post",
    ),
    "a state of the neuron": (
        TEXT, PRE, "v_post = 0; w += x_pre", "'v_post' belongs to the receiving neuron, which a rule does not change",
        "v_post = 0; w += x_pre", "v_post",
    ),
    "a parameter": (
        TEXT, PRE, "a_plus += 1; w += x_pre", "Mine, on_post: 'a_plus' is a parameter, not a state",
        "a_plus += 1; w += x_pre", "a_plus",
    ),
    "a reward that spikes set": (
        TEXT + "dr/dt = -r/tau_plus : 1 (network)", PRE, "r += 1; w += r*x_pre",
        "'r' is kept once for the network: no spike sets it, the program does", "r += 1; w += r*x_pre", "r",
    ),
    "unit mismatch in an event": (
        TEXT, "x_pre += 1; w += tau_plus", POST, "Mine, on_pre: cannot add a plain number and ms",
        "x_pre += 1; w += tau_plus", "w += tau_plus",
    ),
    "unit mismatch in a line": (
        TEXT.replace("-x_pre/tau_plus", "-x_pre"), PRE, POST,
        "Mine, line 1 (dx_pre/dt): the right side is a plain number, but dx_pre/dt must be in 1/ms",
        "dx_pre/dt  = -x_pre   : 1 (pre)", "-x_pre",
    ),
    "a line without a unit": (
        TEXT.replace(" : 1 (pre)", ""), PRE, POST, "the unit is missing: write ': mV' (or ': 1')",
        "dx_pre/dt  = -x_pre/tau_plus", None,
    ),
    "a weight with a unit": (
        TEXT + "dw/dt = -w/tau_plus : nS", PRE, POST, "in a rule the weight is a plain number: write 'dw/dt = ... : 1'",
        "dw/dt = -w/tau_plus : nS", "w",
    ),
    "a function that is not there": (
        TEXT, PRE, "w = clamp(w + x_pre, 0, 1)",
        "'clamp' is not a function; did you mean 'clip'?", "w = clamp(w + x_pre, 0, 1)", None,
    ),
    "an argument too few": (
        TEXT, PRE, "w = clip(w + x_pre, 0)", "clip() takes 3 arguments, 2 given", "w = clip(w + x_pre, 0)", None,
    ),
    "the spike of a neuron": (
        TEXT, PRE, "w += spike*x_pre", "a rule has no 'spike'; on_pre= runs at each spike that arrives",
        "w += spike*x_pre", "spike",
    ),
    "python": (
        TEXT, PRE, "w = x_pre if x_pre > 1 else 0", "write where(condition, a, b) instead of 'a if condition else b'",
        "w = x_pre if x_pre > 1 else 0", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_shown_with_its_line(name: str):
    text, on_pre, on_post, message, line, under = WRONG[name]
    with pytest.raises(ModelError) as caught:
        Rule("Mine", text, on_pre=on_pre, on_post=on_post)
    first, shown, carets = str(caught.value).split("\n")
    assert message in first and shown.strip() == line and set(carets) == {" ", "^"}
    assert under is None or shown[carets.index("^") : carets.rindex("^") + 1] == under


CONNECTED = {  # what is wrong: on_post, message, error
    "another unit than that of the neuron": ("w += v_post", "cannot add a plain number and mV", UnitError),
    "a state that the neuron has not": ("w += u_post*x_pre", "'u_post' stands for the state 'u' of Cell", ModelError),
    "a parameter of the neuron": (
        "w += tau_post*x_pre/(1 ms)",
        "the state 'tau' of Cell, which is a param",
        ModelError,
    ),
    "a random event": ("w += uniform()*x_pre", "the simulator cannot run this yet: events with random", ModelError),
}


@pytest.mark.parametrize("name", CONNECTED)
def test_what_only_the_neurons_can_tell_is_shown_when_they_are_connected(name: str):
    on_post, message, kind = CONNECTED[name]
    cell, net = Neuron("Cell", "dv/dt = -v/tau : mV; tau = 9 ms", threshold="v > 1 mV", reset="v = 0 mV"), Network()
    one, rule = net.add(cell, 2), Rule("Mine", TEXT, on_pre=PRE, on_post=on_post)
    with pytest.raises(kind) as caught:
        net.connect(one, one, all_to_all(), to="v", weight=0.1, delay=1.0, rule=rule)
    first, shown, carets = str(caught.value).split("\n")
    assert message in first and shown.strip() == on_post and "^" in carets
    assert isinstance(caught.value, SpikeletError)


def test_a_rule_in_five_lines_runs():
    """A rule that is in no zoo: coincidences within 10 ms count by their square, the rest is forgotten."""
    rule = Rule("Mine", """
        dx/dt = -x/(10 ms) : 1 (pre)
        dw/dt = -w/tau_w   : 1
        tau_w = 1 second;  gain = 0.1
        """, on_pre="x = 1", on_post="w = min(w + gain*x**2, 1)")  # fmt: skip
    random = np.random.default_rng(1)
    pre, post = ((random.random((200, n)) < 0.1).astype(int) for n in (3, 2))
    found = Bench(rule, edges(*np.divmod(np.arange(6), 2), 0.2, 1, (3, 2)), pre, post, dt=1.0).run()
    x, w = np.zeros((3, 1)), np.full((3, 2), 0.2)
    for k in range(200):
        w = w * np.exp(-1 / 1000)
        x = np.where(pre[k - 1][:, None] > 0, 1.0, x * np.exp(-1 / 10)) if k else x
        w = np.where(post[k] > 0, np.minimum(w + 0.1 * x**2, 1), w)
    np.testing.assert_allclose(found, w.ravel(), rtol=1e-12)
    net = Network()
    cell = net.add(neurons.LIF, 5, initial={"v": np.linspace(0.5, 2, 5)})
    syn = net.connect(cell, cell, all_to_all(), to="v", weight=0.6, delay=1.0, rule=rule)
    net.run(20.0, dt=0.1)
    assert (syn.weights() > 0.9).all()
