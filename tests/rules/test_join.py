"""Two rules on one synapse: what both have counts once, and what cannot be joined is shown."""

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet import rules
from spikelet.errors import EquationError, ModelError
from spikelet.rule import Rule

TRACES = "dx_pre/dt = -x_pre/tau_plus : 1 (pre); tau_plus = 20 ms"
DECAY = Rule("Decay", "dw/dt = -w/tau_w : 1; tau_w = 50 ms")
BOUND = Rule("Bound", f"{TRACES}; c = 0.1", on_pre="x_pre += 1; w = w - c*x_pre")


def weights(rule: Rule, seed: int = 1, **more) -> np.ndarray:
    random = np.random.default_rng(seed)
    pre, post = ((random.random((400, n)) < 0.05).astype(int) for n in (6, 5))
    made = edges(*np.divmod(np.arange(30), 5), 0.5, 1, (6, 5))
    return Bench(rule, made, pre, post, dt=1.0, **more).run()


def test_both_rules_act_on_one_weight():
    joined = rules.STDP(a_plus=0.02, a_minus=0.021) + rules.SynapticScaling(tau_a=100, beta=5e-2, a_goal=0.02)
    assert joined.name == "STDP + SynapticScaling" and joined.states == ("x_pre", "x_post", "a", "w")
    assert joined.parameters["a_plus"] == 0.02 and joined.parameters["beta"] == 5e-2
    random = np.random.default_rng(1)
    pre, post = ((random.random((400, n)) < 0.05).astype(int) for n in (6, 5))
    x, y, a, w = np.zeros((6, 1)), np.zeros(5), np.zeros(5), np.full((6, 5), 0.5)
    for k in range(400):
        arrives = pre[k - 1][:, None] if k else np.zeros((6, 1))
        w = w * np.exp(5e-2 * (0.02 - a))
        x, y, a = x * np.exp(-1 / 20), y * np.exp(-1 / 20), a * np.exp(-1 / 100)
        x = x + arrives
        w = np.where(arrives > 0, np.clip(w - 0.021 * y, 0, 1), w)
        y, a = y + post[k], a + post[k] / 100
        w = np.where(post[k] > 0, np.clip(w + 0.02 * x, 0, 1), w)
    np.testing.assert_allclose(weights(joined), w.ravel(), rtol=1e-9)
    assert np.abs(weights(joined) - weights(rules.STDP(a_plus=0.02, a_minus=0.021))).max() > 0.05


def test_what_both_have_counts_once():
    joined = rules.STDP + BOUND
    assert joined.on_pre.count("x_pre += 1") == 1 and list(joined.definition.lines).count("x_pre") == 1
    alone = Rule(
        "Alone", rules.STDP.text + "\nc = 0.1",
        on_pre="x_pre += 1; w = clip(w - a_minus*x_post, 0, w_max); w -= c*x_pre", on_post=rules.STDP.on_post,
    )  # fmt: skip
    np.testing.assert_array_equal(weights(joined), weights(alone))


def test_flows_of_the_weight_are_added():
    twice = DECAY + Rule("Drift", "dw/dt = 0.3/tau_w : 1; tau_w = 50 ms")
    assert twice.definition.lines["w"].expr is not None
    np.testing.assert_allclose(weights(twice), 0.3 + 0.2 * np.exp(-400 / 50), rtol=1e-10)


def test_a_joined_rule_is_a_rule():
    joined = rules.TripletSTDP + rules.SynapticScaling
    assert Rule.from_json(joined.to_json()) == joined
    assert joined.doc == f"{rules.TripletSTDP.doc} {rules.SynapticScaling.doc}"
    assert (joined + DECAY).parameters["tau_w"] == 50 and joined(beta=0).parameters["beta"] == 0


CONFLICTS = [
    (
        rules.STDP, Rule("Fast", "dx_pre/dt = -2*x_pre/tau_plus : 1 (pre); tau_plus = 20 ms", on_pre="w += x_pre"),
        ["STDP + Fast: 'x_pre' cannot be joined", "STDP: dx_pre/dt = -x_pre/tau_plus : 1 (pre)",
         "Fast: dx_pre/dt = -2*x_pre/tau_plus : 1 (pre)"],
    ),
    (
        rules.STDP, Rule("Post", "dx_pre/dt = -x_pre/tau_plus : 1 (post); tau_plus = 20 ms", on_pre="w += x_pre"),
        ["STDP + Post: 'x_pre' cannot be joined", "Post: dx_pre/dt = -x_pre/tau_plus : 1 (post)"],
    ),
    (
        rules.STDP, rules.NearestSTDP,
        ["STDP + NearestSTDP: on_pre and 'x_pre' cannot be joined", "STDP: x_pre += 1", "NearestSTDP: x_pre = 1"],
    ),
    (
        rules.STDP, Rule("Early", TRACES, on_pre="w += x_pre; x_pre += 1"),
        ["STDP + Early: on_pre, which reads 'x_pre' before it is set, cannot be", "Early: w += x_pre"],
    ),
    (
        rules.STDP, rules.STDP(w_max=2),
        ["STDP + STDP: both have the parameter 'w_max', 1 here and 2 there; give both one value"],
    ),
    (
        rules.STDP, Rule("Unit", "w_max = 1 mV; m = 2/mV", on_pre="w = w_max*m"),
        ["STDP + Unit: 'w_max' cannot be joined", "STDP: w_max = 1", "Unit: w_max = 1 mV"],
    ),
    (
        Rule("Reads", "", on_pre="w += x_post"), rules.STDP,
        ["Reads + STDP: 'x_post' is a state of a neuron in Reads, but STDP has a line of its", "STDP: dx_post/dt"],
    ),
    (
        DECAY, rules.MSTDPET,
        ["Decay + MSTDPET: 'w' cannot be joined", "Decay: dw/dt = -w/tau_w : 1", "MSTDPET: w[k+1] = clip("],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "messages"), CONFLICTS, ids=lambda v: getattr(v, "name", ""))
def test_what_cannot_be_joined_is_shown_with_both_lines(first: Rule, second: Rule, messages: list[str]):
    with pytest.raises(ModelError) as caught:
        first + second
    for message in messages:
        assert message in str(caught.value)
    assert isinstance(caught.value, EquationError) or "parameter" in str(caught.value)


def test_only_rules_can_be_added():
    with pytest.raises(TypeError):
        rules.STDP + 1  # type: ignore[operator]  # the mistake
