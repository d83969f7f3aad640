"""Learning synapses against a slow simulation: each synapse by itself, each trace a sum over all earlier spikes."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from tests.rules.read_states import neuron_read_by
from tests.sim.plastic_bench import Bench, edges

from spikelet import rules
from spikelet.backends import llvm_jit
from spikelet.errors import InputError, ModelError, ParameterError, UnitError
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.plastic_check import check
from spikelet.sim.plastic_index import split, transpose
from spikelet.sim.plastic_network import Variables

DT = 0.7
Pairs = Callable[[float, dict[str, float], list[float], list[float]], float]  # w, parameters, times since pre and post


def total(ages: list[float], tau: float) -> float:
    return math.fsum(math.exp(-age / tau) for age in ages)


def last(ages: list[float], tau: float) -> float:
    return math.exp(-ages[-1] / tau) if ages else 0.0


def bounded(w: float, high: float) -> float:
    return min(max(w, 0.0), high)


# What a spike does to w, from the ages of all spikes so far: that of the sender with its own, see `slow`.
ON_PRE: dict[str, Pairs] = {
    "STDP": lambda w, p, pre, post: bounded(w - p["a_minus"] * total(post, p["tau_minus"]), p["w_max"]),
    "NearestSTDP": lambda w, p, pre, post: bounded(w - p["a_minus"] * last(post, p["tau_minus"]), p["w_max"]),
    "MultiplicativeSTDP": lambda w, p, pre, post: max(
        w * (1 - p["eta"] * p["alpha"] * total(post, p["tau_minus"])), 0.0
    ),
    "VanRossumSTDP": lambda w, p, pre, post: max(w * (1 - p["a_minus"] * total(post, p["tau_minus"])), 0.0),
    "PowerLawSTDP": lambda w, p, pre, post: max(w * (1 - p["eta"] * p["alpha"] * total(post, p["tau_minus"])), 0.0),
    "TripletSTDP": lambda w, p, pre, post: bounded(
        w - total(post, p["tau_minus"]) * (p["a2_minus"] + p["a3_minus"] * total(pre[:-1], p["tau_x"])), p["w_max"]
    ),
    "InhibitorySTDP": lambda w, p, pre, post: bounded(
        w + p["eta"] * (total(post, p["tau"]) - 2 * p["rho_0"] * p["tau"]), p["w_max"]
    ),
}
ON_POST: dict[str, Pairs] = {
    "STDP": lambda w, p, pre, post: bounded(w + p["a_plus"] * total(pre, p["tau_plus"]), p["w_max"]),
    "NearestSTDP": lambda w, p, pre, post: bounded(w + p["a_plus"] * last(pre, p["tau_plus"]), p["w_max"]),
    "MultiplicativeSTDP": lambda w, p, pre, post: min(
        w + p["eta"] * (p["w_max"] - w) * total(pre, p["tau_plus"]), p["w_max"]
    ),
    "VanRossumSTDP": lambda w, p, pre, post: min(w + p["a_plus"] * total(pre, p["tau_plus"]), p["w_max"]),
    "PowerLawSTDP": lambda w, p, pre, post: min(
        w + p["eta"] * p["w_0"] ** (1 - p["mu"]) * w ** p["mu"] * total(pre, p["tau_plus"]), p["w_max"]
    ),
    "TripletSTDP": lambda w, p, pre, post: bounded(
        w + total(pre, p["tau_plus"]) * (p["a2_plus"] + p["a3_plus"] * total(post[:-1], p["tau_y"])), p["w_max"]
    ),
    "InhibitorySTDP": lambda w, p, pre, post: bounded(w + p["eta"] * total(pre, p["tau"]), p["w_max"]),
}
STRONG = {  # so strong that bounds are met many times
    "STDP": rules.STDP(a_plus=0.1, a_minus=0.07, tau_plus=16.8, tau_minus=33.7),
    "NearestSTDP": rules.NearestSTDP(a_plus=0.3, a_minus=0.2, tau_plus=16.8, tau_minus=33.7),
    "MultiplicativeSTDP": rules.MultiplicativeSTDP(eta=0.3, alpha=1.3, tau_plus=5.0),
    "VanRossumSTDP": rules.VanRossumSTDP(a_plus=0.08, a_minus=0.05, w_max=1.5),
    "PowerLawSTDP": rules.PowerLawSTDP(eta=0.05, alpha=1.0, w_max=1.8),
    "TripletSTDP": rules.TripletSTDP(a2_plus=0.02, a3_plus=0.003, a2_minus=0.02, a3_minus=0.001),
    "InhibitorySTDP": rules.InhibitorySTDP(eta=0.2, w_max=1.0, rho_0=0.17),
}


def slow(rule: Rule, synapses, weights, pre: np.ndarray, post: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Go through the spikes of each synapse in order; returns the weights and what was delivered (steps, targets)."""
    delivered, end = np.zeros(post.shape), []
    on_pre, on_post, p = ON_PRE[rule.name], ON_POST[rule.name], dict(rule.parameters)
    for (source, target, delay), w in zip(synapses, weights, strict=True):
        events = [(k + delay, 0) for k in np.repeat(np.arange(len(pre)), pre[:, source]) if k + delay < len(pre)]
        events += [(k, 1) for k in np.flatnonzero(post[:, target])]
        seen: tuple[list[int], list[int]] = ([], [])
        for k, side in sorted(events):  # of a pair in one step the sender's comes first
            if side == 0:
                delivered[k, target] += w
            seen[side].append(k)
            ages = [[(k - other) * DT for other in steps] for steps in seen]
            w = (on_post if side else on_pre)(w, p, *ages)
        end.append(w)
    return np.array(end), delivered


def problem(seed: int, steps: int = 300, n=(7, 6), most: int = 1):
    """Return synapses (source, target, delay), weights and spikes of both sides; ``most`` spikes of a source a step."""
    random = np.random.default_rng(seed)
    sources, targets = np.nonzero(random.random(n) < 0.8)
    delays = random.integers(1, 6, len(sources))
    pre = random.binomial(most, 0.15 / most, (steps, n[0]))
    post = (random.random((steps, n[1])) < 0.12).astype(int)
    synapses = list(zip(sources.tolist(), targets.tolist(), delays.tolist(), strict=True))
    return synapses, random.random(len(sources)), pre, post


def bench(rule: Rule, synapses, weights, pre, post, *, dtype=np.float64, **more) -> Bench:
    sources, targets, delays = zip(*synapses, strict=True)
    made = edges(sources, targets, weights, delays, (pre.shape[1], post.shape[1]), dtype)
    return Bench(rule, made, pre, post, dt=DT, **more)


@pytest.mark.parametrize("name", STRONG)
def test_weights_are_those_of_every_pair_in_order(name: str):
    rule, given = STRONG[name], problem(3)
    found = bench(rule, *given)
    weights, delivered = slow(rule, *given)
    events = sum(given[2][:, s].sum() + given[3][:, t].sum() for s, t, _ in given[0])
    assert events > 2000 and (given[2][:-1] * given[2][1:]).any()
    np.testing.assert_allclose(found.run(), weights, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.delivered, delivered, rtol=0, atol=1e-12)
    assert np.ptp(weights) > 0.1 and len(np.unique(delivered.round(9))) > 500


def test_bounds_are_met_between_spikes_and_not_at_the_end_alone():
    """Without the bounds on the way the additive rule ends elsewhere, so the test above sees them."""
    given = problem(3)
    free, _ = slow(STRONG["STDP"](w_max=1e9), *given)
    bound, _ = slow(STRONG["STDP"], *given)
    assert (np.abs(np.clip(free, 0, 1) - bound) > 0.01).mean() > 0.2


@pytest.mark.parametrize("name", ["STDP", "TripletSTDP"])
def test_several_spikes_of_a_source_in_a_step_are_that_many_events(name: str):
    rule, given = STRONG[name], problem(4, most=3)
    assert given[2].max() > 1
    found = bench(rule, *given, multiple=True)
    weights, delivered = slow(rule, *given)
    np.testing.assert_allclose(found.run(), weights, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.delivered, delivered, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pieces_of_a_run_are_one_run(dtype):
    given = problem(5)
    whole, pieces = (bench(STRONG["TripletSTDP"], *given, dtype=dtype) for _ in range(2))
    whole.run()
    for steps in (1, 6, 93, 2, 198):
        pieces.run(steps)
    np.testing.assert_array_equal(whole.weights, pieces.weights)
    np.testing.assert_array_equal(whole.delivered, pieces.delivered)
    for place, group in whole.plastic.traces.items():
        for name, state in group.state.items():
            np.testing.assert_array_equal(pieces.plastic.traces[place].state[name], state)


def test_single_precision_is_near():
    given = problem(6)
    weights, _ = slow(STRONG["MultiplicativeSTDP"], *given)
    np.testing.assert_allclose(bench(STRONG["MultiplicativeSTDP"], *given, dtype=np.float32).run(), weights, atol=1e-5)


def test_several_populations_that_receive_are_numbered_through():
    given = problem(7)
    plain, cut = bench(STRONG["STDP"], *given), bench(STRONG["STDP"], *given, cuts=(1, 4))
    np.testing.assert_array_equal(plain.run(), cut.run())
    np.testing.assert_array_equal(plain.delivered, cut.delivered)


def test_every_channel_gets_what_one_alone_gets():
    """Where weights go to two inputs, a row of their own is added to both, beside what is there already."""
    given = problem(7)
    one_row, two_rows = bench(STRONG["STDP"], *given), bench(STRONG["STDP"], *given, cuts=(2,), channels=2)
    one_row.run()
    two_rows.run()
    np.testing.assert_allclose(two_rows.delivered, 2 * one_row.delivered, rtol=1e-15)
    np.testing.assert_array_equal(two_rows.weights, one_row.weights)


def test_the_index_by_target_finds_each_synapse_once():
    given = problem(8)
    made = bench(STRONG["STDP"], *given).edges
    index = transpose(made, split(made, 0.0))
    segment = np.repeat(np.arange(len(made.pointer) - 1), np.diff(made.pointer))
    count = len(made)
    assert sorted(index.position[:count].tolist()) == list(range(count)) and not index.position[count:].any()
    np.testing.assert_array_equal(index.segment, segment[index.position[:count]])
    for target, (begin, end) in enumerate(zip(index.start, index.start[1:], strict=False)):
        assert (made.targets[index.position[begin:end]] == target).all()
        assert (np.diff(index.position[begin:end].astype(int)) > 0).all()


@pytest.mark.parametrize("n", [(70_000, 3), (3, 70_000)])
def test_more_than_65536_sources_or_targets(n):
    sources, targets = np.array([0, n[0] - 1]), np.array([n[1] - 1, 0])
    pre, post = np.zeros((6, n[0]), int), np.zeros((6, n[1]), int)
    pre[0, n[0] - 1] = pre[0, 0] = post[3, 0] = post[4, n[1] - 1] = 1
    found = Bench(STRONG["STDP"], edges(sources, targets, 0.25, 1, n), pre, post, dt=1.0)
    expected = 0.25 + 0.1 * np.exp(-np.array([3.0, 2.0]) / 16.8)
    np.testing.assert_allclose(found.run(), expected, rtol=1e-12)


def test_a_projection_without_synapses_does_nothing():
    found = Bench(rules.STDP, edges([], [], [], 1, (2, 2)), np.ones((3, 2), int), np.ones((3, 2), int), dt=1.0)
    assert len(found.run()) == 0 and not found.delivered.any()


# -- what the text says is what is done -------------------------------------------------------------------------------


def one(rule: Rule, pre: list[int], post: list[int], w: float = 0.5, steps: int = 20) -> tuple[float, np.ndarray]:
    """Return the weight of one synapse, with a delay of one step, and what it delivered in each step."""
    raster = np.zeros((2, steps, 1), int)
    raster[0, pre], raster[1, post] = 1, 1
    found = Bench(rule, edges([0], [0], w, 1, (1, 1)), *raster, dt=1.0)
    return float(found.run()[0]), found.delivered[:, 0]


def test_a_synapse_transmits_before_it_learns_and_statements_run_in_their_order():
    text = "dx/dt = -x/ms : 1 (pre); n[k+1] = n : int (pre); a = 2"
    rule = Rule("R", text, on_pre="w += x; x = 2*a; n += 1; w = 10*w + x + n; n *= 2", initial="n = 3")
    w, delivered = one(rule, [2, 5], [], w=1.0)
    first = 10 * 1.0 + 4 + 4
    second = 10 * (first + 4 * math.exp(-3)) + 4 + 9
    assert w == pytest.approx(second, rel=1e-14)
    assert delivered[3] == 1.0 and delivered[6] == pytest.approx(first, rel=1e-14) and delivered.sum() == 1 + first


def test_time_is_that_of_the_end_of_the_step():
    rule = Rule("Clock", "rate = 1/ms; s = t*rate : 1", on_pre="w = s + dt*rate", on_post="w += 100*s")
    assert one(rule, [4], [9])[0] == pytest.approx(6 + 1 + 1000)


def test_a_sub_expression_reads_what_earlier_statements_wrote():
    rule = Rule("Sub", "x[k+1] = x : 1 (post); s = x + w : 1", on_post="x += 1; w = s; w = 2*s")
    assert one(rule, [], [3], w=0.5)[0] == 2 * (1 + 1.5)


@pytest.mark.parametrize("event", ["on_pre", "on_post"])
def test_a_rule_may_use_one_event_alone(event: str):
    w, delivered = one(Rule("Half", "", **{event: "w *= 2"}), [0, 3], [5, 6, 7])
    assert w == {"on_pre": 2.0, "on_post": 4.0}[event]
    assert delivered.sum() == {"on_pre": 1.5, "on_post": 1.0}[event]


def test_values_of_parameters_compile_nothing():
    given = problem(9, steps=20)
    bench(rules.STDP, *given).run()
    before = llvm_jit.COMPILED["compiled"], llvm_jit.COMPILED["loaded"]
    bench(rules.STDP(a_plus=1.0, w_max=3.0, tau_plus=2.0), *problem(10, steps=30, n=(3, 9))).run()
    assert (llvm_jit.COMPILED["compiled"], llvm_jit.COMPILED["loaded"]) == before


# -- states of synapses and of the network ----------------------------------------------------------------------------

REWARD = Rule(
    "Reward",
    """
    dx/dt = -x/tau : 1 (pre)
    dy/dt = -y/tau : 1 (post)
    de/dt = -e/tau_e : 1                     # what would be learned, waits for the reward
    dr/dt = -r/tau_r : 1 (network)
    dw/dt = eta*r*e : 1
    tau = 20 ms;  tau_e = 50 ms;  tau_r = 80 ms;  eta = 0.01/ms;  w_max = 1
    """,
    on_pre="x += 1; e -= y; w = clip(w, 0, w_max)",
    on_post="y += 1; e += x + 0.01*r",
    initial="e = 0.25",
)


def rewarded(given, r: float) -> tuple[np.ndarray, np.ndarray]:
    """Step each synapse in plain Python: flows by old values, then arrivals, then spikes of the receiver."""
    synapses, weights, pre, post = given
    end, left = [], []
    for (source, target, delay), w in zip(synapses, weights, strict=True):
        x = y = 0.0
        e, reward = 0.25, r
        for k in range(len(pre)):
            w += DT * 0.01 * reward * e
            x, y, e = x * math.exp(-DT / 20), y * math.exp(-DT / 20), e * math.exp(-DT / 50)
            reward *= math.exp(-DT / 80)
            if k >= delay and pre[k - delay, source]:
                x, e, w = x + 1, e - y, min(max(w, 0.0), 1.0)
            if post[k, target]:
                y += 1
                e += x + 0.01 * reward
        end.append(w)
        left.append(e)
    return np.array(end), np.array(left)


@pytest.mark.parametrize("cuts", [(300,), (1, 6, 93, 200)])
def test_a_third_factor_turns_what_synapses_remember_into_weights(cuts):
    given = problem(11)
    found = bench(REWARD, *given)
    variables = Variables({"P": found.plastic})
    assert dict(variables) == {"r": 0.0}
    variables["r"] = 2.0
    for steps in cuts:
        found.run(steps)
    weights, left = rewarded(given, 2.0)
    np.testing.assert_allclose(found.weights, weights, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.plastic.synapses["e"][found.edges.order()], left, rtol=0, atol=1e-12)
    assert variables["r"] == pytest.approx(2.0 * math.exp(-300 * DT / 80), rel=1e-12)
    assert np.ptp(weights) > 0.1


def test_a_weight_with_a_line_follows_the_traces_that_the_step_begins_with():
    rule = Rule("Follow", "dy/dt = -y/(5 ms) : 1 (post); dw/dt = (y - w)/(3 ms) : 1", on_post="y += 1")
    w, y, found = 0.5, 0.0, []
    for k in range(20):
        w, y = y + (w - y) * math.exp(-1 / 3), y * math.exp(-1 / 5)
        y += k in (4, 9)
        found.append(w)
    weight, delivered = one(rule, [6, 12], [4, 9])
    assert weight == pytest.approx(w, rel=1e-13)
    assert delivered[[7, 13]] == pytest.approx([found[7], found[13]], rel=1e-13)  # present weights, as integrated


def test_counts_of_a_synapse_are_whole_numbers():
    rule = Rule("Count", "n[k+1] = n : int; w_0 = 2", on_pre="n += 3; w = w_0*n", on_post="n -= 1", initial="n = 4")
    assert one(rule, [1, 5], [3, 8])[0] == 2 * (4 + 3 - 1 + 3)


def test_a_network_variable_is_found_by_name_and_set_in_all_rules():
    given = problem(11, steps=5)
    first, second, plain = bench(REWARD, *given), bench(REWARD(eta=0.0), *given), bench(rules.STDP, *given)
    variables = Variables({"a": first.plastic, "b": plain.plastic, "c": second.plastic})
    variables["r"] = 3
    assert [one.plastic.traces["network"].state["r"].item() for one in (first, second)] == [3.0, 3.0]
    assert list(variables) == ["r"] and repr(variables) == "{'r': 3.0}"
    with pytest.raises(InputError, match=r"no rule of the network has a \(network\) state 'R'; did you mean 'r'\?"):
        variables["R"] = 1.0
    with pytest.raises(InputError, match="must be a finite number, got nan"):
        variables["r"] = math.nan


# -- what cannot be run -----------------------------------------------------------------------------------------------

CELL = Neuron(
    "Cell", "dv/dt = -v/(9 ms) : mV; u = 2*v : mV; n[k+1] = n : int", threshold="v > 1 mV", reset="v = 0; n += 1"
)
SENDER = Neuron("Sender", "dv/dt = -v/(9 ms) : mV", threshold="v > 1 mV", reset="v = 0")
SILENT = Neuron("Silent", "dv/dt = -v/(9 ms) : mV")
TRACE = "dx/dt = -x/tau : 1 (pre); tau = 9 ms"


@pytest.mark.parametrize(
    ("rule", "kind", "message"),
    [
        (rules, InputError, "P: expected a Rule such as rules.STDP, got <module"),
        (Rule("R", TRACE + "; a : 1", on_pre="w += a"), ParameterError, "P: R needs a value for 'a': R(a=...)"),
        (
            rules.STDP(a_plus=[1, 2]), ParameterError,
            "P: parameter 'a_plus' of STDP has shape (2,); expected one number, or one for each of the 5 neurons that "
            "receive",
        ),
        (
            rules.STDP(tau_plus=[1, 2]), ParameterError,
            "'tau_plus' of STDP has shape (2,); expected one number, or one for each of the 3 neurons that send",
        ),
        (
            rules.InhibitorySTDP(tau=[1, 2, 3]), ParameterError,
            "InhibitorySTDP: parameter 'tau' must be one number, not an array: states of (post) and (pre) need it",
        ),
        (
            Rule("R", "dx/dt = -x*m/ms : 1 (pre); dm/dt = -m/ms : 1 (network)", on_pre="w += x"), ModelError,
            "yet: 'x' flows by 'm', which only events may read",
        ),
        (Rule("R", "dw/dt = -w*s : 1; s = y_post/(1 mV*ms) : 1/ms"), ModelError, "'y_post' stands for the state 'y'"),
        (Rule("R", "", on_pre="w += normal()"), ModelError, "yet: events with random numbers"),
        (Rule("R", "s = uniform() : 1", on_pre="w += s"), ModelError, "yet: events with random numbers"),
        (Rule("R", "dx/dt = xi/ms**0.5 : 1 (pre)", on_pre="w += x"), ModelError, "yet: random numbers in a (pre) s"),
        (Rule("R", "", on_post="w += y_pre/mV"), ModelError, "'y_pre' stands for the state 'y' of Sender, which it"),
        (Rule("R", "", on_post="w += n_post"), ModelError, "yet: 'n' of Cell is an integer"),
        (Rule("R", "", on_pre="w += y_post"), ModelError, "'y_post' stands for the state 'y' of Cell, which it"),
        (Rule("R", "", on_pre="w += u_post/mV"), ModelError, "the state 'u' of Cell, which is a sub-expression"),
        (Rule("R", "", on_pre="w += v_post"), UnitError, "cannot add a plain number and mV"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_by_name(rule, kind, message: str):
    with pytest.raises(kind) as caught:
        check("P", rule, SENDER, [CELL], (3, 5))
    assert message in str(caught.value)


def test_a_neuron_without_spikes_is_refused_where_they_count():
    check("P", Rule("R", "", on_pre="w += 1"), SENDER, [SILENT], (3, 5))
    with pytest.raises(InputError, match="P: Silent has no threshold, so on_post= of STDP would never run"):
        check("P", rules.STDP, SENDER, [CELL, SILENT], (3, 5))


@pytest.mark.parametrize("name", rules.entries())
def test_every_entry_can_be_run(name: str):
    rule = rules.entries()[name]
    check("P", rule, neuron_read_by(rule, "pre"), [neuron_read_by(rule, "post")], (3, 5))
