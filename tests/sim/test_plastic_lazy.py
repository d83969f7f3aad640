"""The lazy way: which rules are done so, and that it leads to the weights of every pair in order."""

import numpy as np
import pytest
from tests.sim.test_plastic import STRONG, bench, problem, slow
from tests.sim.test_plastic_sides import recorded

from spikelet import neurons, rules
from spikelet.ir import simplify as s
from spikelet.ir.nodes import node
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all
from spikelet.sim.network import Network
from spikelet.sim.plastic import OUTSIDE
from spikelet.sim.plastic_lazy import Lazy
from spikelet.sim.plastic_signs import Signs
from spikelet.sim.sources import SpikeTrain

DEPENDS = "what on_post adds depends on w"
SUMS, OWN = "what on_post adds is no sum of products of traces", "synapses have states of their own"
WAYS = {
    "STDP": "", "NearestSTDP": "", "VanRossumSTDP": "", "TripletSTDP": "", "InhibitorySTDP": "",
    "DiehlCookSTDP": "", "MinimalTripletSTDP": "", "NearestTripletSTDP": "", "MultiplicativeSTDP": DEPENDS,
    "GuetigSTDP": SUMS, "PowerLawSTDP": SUMS, "KheradpishehSTDP": SUMS, "ReducedSymmetricSTDP": SUMS,
    "PreCentredSTDP": OWN, "GraupnerBrunel": OWN, "Shouval": OWN, "Oja": OWN,
}  # fmt: skip
LAZY = [name for name, reason in WAYS.items() if not reason and name in STRONG]
SHORT = {  # traces so short that epochs end, and weights are settled, many times
    "STDP": STRONG["STDP"](tau_plus=2.0, tau_minus=5.0),
    "NearestSTDP": STRONG["NearestSTDP"](tau_plus=1.3),
    "VanRossumSTDP": STRONG["VanRossumSTDP"](tau_plus=2.0),
    "TripletSTDP": STRONG["TripletSTDP"](tau_plus=1.0, a2_plus=0.05),
    "InhibitorySTDP": STRONG["InhibitorySTDP"](tau=3.0),
}
TRACES = """
    dx/dt = -x/tau : 1 (pre); dy/dt = -y/tau : 1 (post); dr/dt = -r/(90 ms) : 1 (network)
    tau = 4 ms; a = 0.1; b = -0.5; high = 1
    """


def seldom(seed: int):
    """Return a problem in which senders are silent for long."""
    synapses, weights, _, post = problem(seed, steps=900, n=(7, 3))
    pre = (np.random.default_rng(seed).random((900, 7)) < [0.3, 0.1, 0.03, 0.01, 0.005, 0.002, 0.0]).astype(int)
    return synapses, weights, pre, post


# -- which way --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WAYS)
def test_the_way_follows_from_the_text(name: str):
    found = bench(rules.entries()[name], *problem(3, steps=5)).plastic
    assert found.reason == WAYS[name]
    assert isinstance(found.way, Lazy) is (not WAYS[name])


@pytest.mark.parametrize(
    ("on_pre", "on_post", "reason"),
    [
        ("x += 1; w -= a*y*w", "w += a*x", ""),  # without bounds every sum will do
        ("x += 1", "w += x*(a - y)", ""),
        ("x += 1", "w = clip(w + x*(a - y), 0, high)", "w may meet a bound between two spikes of the sender and leave"),
        ("x += b", "w = clip(w - a*x, 0, high)", "w may meet a bound"),  # a negative trace makes it grow
        ("x += 1", "w = clip(w - a*x, 0, high)", ""),
        ("x += 1", "w = clip(w + b*x, 0, high)", ""),
        ("x += 1; w += a", "w = clip(w + a*x, 0, high)", "w may meet a bound"),  # on_pre leaves it beyond
        ("x += 1; w = min(w + a, high)", "w = min(w + a*x, high)", ""),
        ("x += 1; w = max(w - a*y, 0)", "w = min(w + a*x, high)", ""),
        ("x += 1; w = w - a*y*w", "w = min(w + a*x, high)", "w may meet a bound"),  # would have to stay above 0
        ("x += 1; w = max(w - a*y*w, 0)", "w = min(w + a*x, high)", ""),
        ("x += 1", "w = min(w + a*x, 1 + y)", "w has bounds that change"),
        ("x += 1", "w = 0.9*w + x", DEPENDS),
        ("x += 1", "w += a*x + 0.01", "on_post adds something that no trace of the sender multiplies"),
        ("x += 1", "w += a*x*x", ""),
        ("x += 1", "w += a/(1 + x)", "what on_post adds is no sum of products of traces"),
        ("x += 1; w -= a*y", "y += 1", "on_post does not change w"),
        ("x += 1", "w = clip(w + exp(r)*x, 0, high)", ""),
        ("x += 1", "w = clip(w + r*x, 0, high)", "w may meet a bound"),  # a third factor may be anything
        ("x += 1; w -= a*y*r", "w += r*x*y/(1 + t/tau)", ""),
    ],
)
def test_what_is_not_proved_is_done_pair_by_pair(on_pre: str, on_post: str, reason: str):
    given = problem(4, steps=250)
    post = on_post if on_post == "y += 1" else f"{on_post}; y += 1"
    rule = Rule("R", TRACES, on_pre=on_pre, on_post=post, initial="r = 0.4")
    found, other = bench(rule, *given), bench(rule, *given, general=True)
    assert found.plastic.reason.startswith(reason) and bool(found.plastic.reason) is bool(reason)
    np.testing.assert_allclose(found.run(), other.run(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.delivered, other.delivered, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dx/dt = -x/tau : 1 (pre); tau = 1000000000 ms", "x decay too slowly"),
        ("dx/dt = (1 - x)/tau : 1 (pre); tau = 9 ms", "x does not decay exponentially"),
        ("x[k+1] = x : 1 (pre)", "x does not decay exponentially"),
        ("dx/dt = -x/tau : 1 (pre); e[k+1] = e : 1; tau = 9 ms", "synapses have states of their own"),
    ],
)
def test_traces_that_do_not_decay_exponentially_are_followed_step_by_step(text: str, reason: str):
    assert bench(Rule("R", text, on_pre="x += 1", on_post="w += x"), *problem(4, steps=5)).plastic.reason == reason


def test_decays_of_single_senders_are_followed_step_by_step():
    rule = rules.STDP(tau_plus=np.linspace(5, 30, 7))
    assert bench(rule, *problem(4, steps=5)).plastic.reason == "x_pre decays in each sender in its own time"


def test_signs():
    signs = Signs({"k": -2.0, "both": np.array([1.0, -1.0])}, {"x"})
    x, y = node("state", value="x"), node("state", value="y")
    k, both = node("coefficient", value="k"), node("coefficient", value="both")
    one, none = s.const(1.0), s.const(0.0)
    known = {
        x: 1, y: None, k: -1, both: None, none: 0, s.mul(k, x): -1, s.mul(k, k): 1, s.sub(x, k): 1, s.sub(x, one): None,
        s.call("max", y, none): 1, s.call("min", y, k): -1, s.call("clip", x, k, one): 1, s.call("exp", y): 1,
        s.call("clip", y, none, one): 1, s.neg(x): -1, s.div(x, k): -1, s.power(y, s.const(2)): 1, s.add(x, both): None,
        s.select(s.compare(">", x, y), x, one): 1,
    }  # fmt: skip
    assert {n: signs.of(n) for n in known} == known


# -- the same weights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAZY)
@pytest.mark.parametrize("given", [problem(3, steps=700, n=(4, 4)), seldom(8)], ids=["often", "seldom"])
def test_weights_are_those_of_every_pair_over_many_epochs(name: str, given):
    rule = SHORT[name]
    found = bench(rule, *given)
    lengths = found.plastic.way.lengths
    assert len(given[2]) > 3 * max(lengths) * len(found.plastic.way.sums[0])  # so weights are settled
    weights, delivered = slow(rule, *given)
    np.testing.assert_allclose(found.run(), weights, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.delivered, delivered, rtol=0, atol=1e-12)
    assert np.ptp(weights) > 0.1


@pytest.mark.parametrize("fraction", [0.0, 0.6])
def test_rounding_in_single_precision_is_that_of_the_weights(fraction: float):
    rule, given = STRONG["STDP"](a_plus=0.02, a_minus=0.015), seldom(9)
    lazy, double = (bench(rule, *given, dtype=dtype, fraction=fraction) for dtype in (np.float32, np.float64))
    pairs = bench(rule, *given, dtype=np.float32, fraction=fraction, general=True)
    exact = double.run()
    errors = [np.abs(one.run() - exact).max() for one in (lazy, pairs)]
    assert errors[0] < 2e-6 and errors[0] < 4 * errors[1] + 1e-6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_read_weights_changes_nothing(dtype):
    given = seldom(10)
    quiet, read = (bench(SHORT["STDP"], *given, dtype=dtype) for _ in range(2))
    end = quiet.run()
    seen = []
    for steps in (1, 40, 259, 7, 593):
        read.run(steps)
        seen += [read.weights, read.weights]
        np.testing.assert_array_equal(seen[-1], seen[-2])
    np.testing.assert_array_equal(read.weights, end)
    np.testing.assert_array_equal(read.delivered, quiet.delivered)
    np.testing.assert_array_equal(read.plastic.weights, quiet.plastic.weights)
    assert not np.array_equal(seen[2], seen[4])


def test_weights_that_are_read_on_the_way_are_those_of_all_pairs_so_far():
    given = seldom(11)
    found = bench(SHORT["STDP"], *given)
    for stop in (1, 41, 300):
        found.run(stop - found.step)
        weights, _ = slow(SHORT["STDP"], given[0], given[1], given[2][:stop], given[3][:stop])
        np.testing.assert_allclose(found.weights, weights, rtol=0, atol=1e-12)


def test_what_is_added_may_depend_on_the_receivers_states():
    rule = Rule("R", "dx/dt = -x/(5 ms) : 1 (pre)", on_pre="x += 1", on_post="w += x*v_post/mV")
    weights, _, v_post, fired = recorded(rule)
    expected, x = np.zeros_like(weights), np.zeros(2)
    for k in range(80):
        x = x * np.exp(-0.1 / 5) + (fired[0, k - 7, :2] if k >= 7 else 0)
        expected += x[:, None] * np.where(fired[1, k], v_post[k], 0.0)
    np.testing.assert_allclose(weights, expected, rtol=1e-9)
    assert np.abs(weights).min() > 0.1


def test_weights_outside_of_the_bounds_are_done_pair_by_pair():
    """Until the receiver fires the weight stays where it is, which the lazy way could not tell."""
    synapses, _, pre, post = problem(12)
    weights = np.linspace(-1.0, 2.0, len(synapses))
    found = bench(STRONG["STDP"], synapses, weights, pre, post)
    assert found.plastic.reason == OUTSIDE
    expected, delivered = slow(STRONG["STDP"], synapses, weights, pre, post)
    np.testing.assert_allclose(found.run(), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.delivered, delivered, rtol=0, atol=1e-12)
    edge = bench(STRONG["STDP"](w_max=0.1), synapses, np.full(len(weights), 0.1), pre, post, dtype=np.float32)
    assert not edge.plastic.reason


def test_weights_can_be_set_and_the_summary_tells_the_way(tmp_path):
    net = Network(dtype="float64")
    train = net.add(SpikeTrain([1.0, 6.0, 7.0, 12.0, 12.4, 20.0], [0] * 6), 1)
    cell = net.add(neurons.LIF(tau_mem=10.0, v_th=0.4), 3, "cell")
    syn = net.connect(train, cell, all_to_all(), to="v", weight=0.5, rule=rules.STDP, name="P")
    assert "learning by STDP" in net.summary() and "lazily" not in net.summary()
    net.run(6.5, dt=0.1)
    assert net.summary().endswith("learning by STDP lazily")
    syn.set(weights=[0.7, 0.6, 0.2])
    np.testing.assert_allclose(syn.weights(), [0.7, 0.6, 0.2], rtol=1e-14)
    before = net.run(4.0, record="cell")["cell"].spikes
    assert len(before) >= 2 and syn.weights()[0] != 0.7
    syn.set(weights=[3.0, 0.6, 0.2])
    assert net.summary().endswith(f"learning by STDP pair by pair ({OUTSIDE})")
    net.save(tmp_path / "net")
    again = Network.load(tmp_path / "net")
    assert again.summary().endswith(f"learning by STDP pair by pair ({OUTSIDE})")
    assert again.run(15.0).spike_hash() == net.run(15.0).spike_hash()
    np.testing.assert_array_equal(again.projections["P"].weights(), syn.weights())
    assert syn.weights().max() <= 1.0


def test_other_delays_elsewhere_change_nothing_of_what_is_learned():
    """All but the synapses is made again then; what waits for its sender goes on waiting."""

    def made() -> Network:
        net = Network(dtype="float64")
        train = net.add(SpikeTrain([1.0, 6.0, 7.0, 12.0, 12.4, 20.0], [0] * 6), 1)
        cell = net.add(neurons.LIF(tau_mem=10.0, v_th=0.4), 3, "cell")
        net.connect(train, cell, all_to_all(), to="v", weight=0.999, rule=rules.STDP(a_plus=0.1), name="P")
        net.connect(train, cell, all_to_all(), to="v", weight=0.0, delay=2.0, name="Q")
        return net

    plain, changed = made(), made()
    plain.run(25.0, dt=0.1)
    changed.run(8.0, dt=0.1)
    changed.projections["Q"].set(delays=1.0)
    assert not changed.built.parts.learning["P"].reason
    changed.run(17.0)
    np.testing.assert_array_equal(changed.projections["P"].weights(), plain.projections["P"].weights())
