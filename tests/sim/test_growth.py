"""Synapses that come and go between runs, against each synapse by itself in plain Python."""

import math

import numpy as np
import pytest

from spikelet import rules
from spikelet.backends import llvm_jit
from spikelet.errors import InputError, ShapeError
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import fixed_probability, from_arrays, one_to_one
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain

DT = 0.5
RELAY = Neuron(  # fires when v gets 1; u only takes what it gets
    "Relay", "dv/dt = -v/(0.1 ms) : 1; du/dt = -u/(5 ms) : 1", threshold="v > 0.5", reset="v = 0"
)
N_PRE, N_POST, STEPS = 4, 3, 240
RULES = {
    "STDP": rules.STDP(a_plus=0.08, a_minus=0.07, tau_plus=8.0, tau_minus=12.0),
    "MultiplicativeSTDP": rules.MultiplicativeSTDP(eta=0.2, tau_plus=8.0, tau_minus=12.0),
}
Synapse = tuple[int, int, int]  # source, target, delay in steps


def rasters() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    return random.random((STEPS, N_PRE)) < 0.2, random.random((STEPS, N_POST)) < 0.15


def network(rule: Rule, start: list[Synapse], weight: float = 0.5, fraction: float = 0.0) -> Network:
    """Return a network whose receivers fire when a teacher wants; ``P`` is the projection that learns."""
    net, trains = Network(dtype="float64"), []
    for raster in rasters():
        steps, ids = np.nonzero(raster)
        trains.append(net.add(SpikeTrain((steps + 1) * DT, ids), raster.shape[1]))
    cell = net.add(RELAY, N_POST, "cell")
    net.connect(trains[1], cell, one_to_one(), to="v", weight=1.0, delay=DT)
    sources, targets, delays = zip(*start, strict=True)
    net.connect(
        trains[0], cell, from_arrays(sources, targets), to="u", weight=weight, delay=np.array(delays) * DT, rule=rule,
        dendritic_fraction=fraction, name="P",
    )  # fmt: skip
    return net


def followed(rule: Rule, synapse: Synapse, begin: int, end: int, w: float) -> float:
    """Return the weight of a synapse that is there from step ``begin`` to ``end``; its neurons are always there."""
    pre, post = rasters()
    p = dict(rule.parameters)
    sent = [k + synapse[2] for k in np.flatnonzero(pre[:, synapse[0]])]
    fired = [k + 1 for k in np.flatnonzero(post[:, synapse[1]])]  # in the step after the teacher
    for k, side in sorted([(k, 0) for k in sent] + [(k, 1) for k in fired]):
        if begin <= k < end:
            other, tau = (fired, p["tau_minus"]) if side == 0 else (sent, p["tau_plus"])
            x = math.fsum(math.exp(-(k - o) * DT / tau) for o in other if o < k or (side and o == k))
            if rule.name == "STDP":
                w = min(max(w + (p["a_plus"] if side else -p["a_minus"]) * x, 0.0), 1.0)
            else:
                w = min(w + p["eta"] * (1 - w) * x, 1.0) if side else max(w - p["eta"] * w * x, 0.0)
    return w


def weights_of(net: Network) -> dict[Synapse, float]:
    syn = net.projections["P"]
    delays = np.rint(syn.delays() / DT).astype(int)
    return dict(zip(zip(syn.sources(), syn.targets(), delays, strict=True), syn.weights(), strict=True))


@pytest.mark.parametrize("name", RULES)
def test_each_synapse_learns_while_it_is_there(name: str):
    rule = RULES[name]
    start = [(0, 0, 2), (0, 1, 4), (1, 0, 4), (2, 2, 2), (3, 1, 2), (3, 2, 4)]
    net = network(rule, start)
    syn = net.projections["P"]
    expected = {synapse: (0, 0.5) for synapse in start}  # since when, and from which weight
    net.run(60 * DT, dt=DT)
    syn.add([3, 1, 0], [0, 2, 0], weights=[0.2, 0.3, 0.1], delays=np.array([2, 4, 4]) * DT)
    expected |= {(3, 0, 2): (60, 0.2), (1, 2, 4): (60, 0.3), (0, 0, 4): (60, 0.1)}
    net.run(50 * DT)
    compiled = llvm_jit.COMPILED["compiled"], llvm_jit.COMPILED["loaded"]
    assert syn.remove([0, 2], [0, 2]) == 3
    for gone in ((0, 0, 2), (0, 0, 4), (2, 2, 2)):
        del expected[gone]
    syn.add([2, 2], [2, 1], weights=0.7, delays=2 * DT)
    expected |= {(2, 2, 2): (110, 0.7), (2, 1, 2): (110, 0.7)}
    mask = (syn.sources() == 3) & (syn.targets() == 1)
    assert syn.remove(where=mask) == 1
    del expected[3, 1, 2]
    net.run((STEPS - 110) * DT)
    found = weights_of(net)
    assert found.keys() == expected.keys()
    for synapse, (begin, w) in expected.items():
        assert found[synapse] == pytest.approx(followed(rule, synapse, begin, STEPS, w), abs=1e-12), synapse
    assert (llvm_jit.COMPILED["compiled"], llvm_jit.COMPILED["loaded"]) == compiled
    assert ("lazily" in net.summary()) is (name == "STDP")


def test_what_was_sent_before_arrives_at_new_synapses_too():
    """A spike of 1 ms, over 5 ms, finds a synapse that was made at 3 ms; on the dendrite the weight is on its way."""
    for fraction, arrives in ((0.0, 6.0), (1.0, None)):
        made = from_arrays([1], [1])
        net = Network(dtype="float64")
        train, cell = net.add(SpikeTrain([1.0], [0]), 2), net.add(RELAY, 2, "cell")
        syn = net.connect(
            train, cell, made, to="u", weight=0.5, delay=5.0, rule=rules.STDP, dendritic_fraction=fraction
        )  # fmt: skip
        net.run(3.0, dt=DT)
        syn.add([0], [1], weights=0.25)
        result = net.run(5.0, record={cell: "u"})
        t, u = result[cell].t, result[cell]["u"]
        assert not u[:, 0].any()
        if arrives is None:
            assert not u.any()
        else:
            assert t[np.argmax(u[:, 1])] == pytest.approx(arrives) and u.max() == pytest.approx(0.25)


@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_states_are_kept_and_pieces_and_files_change_nothing(fraction: float, tmp_path):
    rule = Rule(
        "Tagged", "dx/dt = -x/(9 ms) : 1 (pre); de/dt = -e/(30 ms) : 1; r[k+1] = r : 1 (network)",
        on_pre="x += 1; e += 0.1*w", on_post="e += x; w += r*e", initial="e = 0.125",
    )  # fmt: skip

    def made() -> Network:
        net = network(rule, [(0, 0, 2), (0, 1, 4), (1, 0, 4), (3, 2, 4)], fraction=fraction)
        net.build(DT)
        net.variables["r"] = 0.01
        return net

    whole, pieces = made(), made()
    kept = whole.variables
    whole.run(40.0)
    for t in (0.5, 13.0, 26.5):
        pieces.run(t)
    for net in (whole, pieces):
        net.projections["P"].add([2, 2, 3], [1, 0, 1], weights=1.5, delays=[1.0, 2.0, 2.0])
        net.projections["P"].remove([1], [0])
    kept["r"] = 0.02  # the same variable as before
    pieces.variables["r"] = 0.02
    whole.run(60.0)
    pieces.run(17.0)
    pieces.save(tmp_path / "net")
    pieces = Network.load(tmp_path / "net")
    pieces.run(43.0)
    assert weights_of(pieces) == weights_of(whole)
    assert len(weights_of(whole)) == 6 and min(weights_of(whole).values()) > 0.5


def test_all_may_go_and_come_again():
    net = network(RULES["STDP"], [(0, 0, 2), (1, 2, 2)])
    syn = net.projections["P"]
    net.run(30.0, dt=DT)
    assert syn.remove(where=np.ones(2, bool)) == 2 and len(syn) == 0
    net.run(30.0)
    syn.add([1], [2], weights=0.5)
    net.run(60.0)
    assert syn.weights()[0] == pytest.approx(followed(RULES["STDP"], (1, 2, 2), 120, STEPS, 0.5), abs=1e-12)


def test_many_at_once_stand_where_they_belong():
    net = Network(seed=1)
    train, cell = net.add(SpikeTrain([1.0], [0]), 50), net.add(RELAY, 40, "cell")
    syn = net.connect(train, cell, fixed_probability(0.1), to="u", weight=0.5, delay=1.0, rule=rules.STDP)
    net.build(DT)
    before = set(zip(syn.sources(), syn.targets(), strict=True))
    free = [(i, j) for i in range(50) for j in range(40) if (i, j) not in before]
    chosen = np.random.default_rng(0).permutation(free)[:300]
    syn.add(chosen[:, 0], chosen[:, 1], weights=np.arange(300.0))
    found = {(i, j): w for i, j, w in zip(syn.sources(), syn.targets(), syn.weights(), strict=True)}
    assert found == dict.fromkeys(before, 0.5) | {(i, j): float(k) for k, (i, j) in enumerate(chosen.tolist())}
    syn.remove(*zip(*before, strict=True))
    assert sorted(syn.weights().tolist()) == list(range(300))


def test_mistakes_are_named():
    net = network(RULES["STDP"], [(0, 0, 2), (1, 2, 4)])
    syn, fixed = net.projections["P"], next(iter(net.projections.values()))
    with pytest.raises(InputError, match="the network has not been built"):
        syn.add([0], [1], weights=0.1)
    net.build(DT)
    wrong = [
        (
            lambda: fixed.remove([0], [0]),
            InputError,
            "only synapses that learn can be added or removed, and it has no",
        ),
        (
            lambda: syn.add([0], [3], weights=0.1, delays=1.0),
            InputError,
            r"P: targets\[0\] is 3; there are 3, num",
        ),
        (lambda: syn.add([-1], [0], weights=0.1, delays=1.0), InputError, r"P: sources\[0\] is -1; there are 4"),
        (lambda: syn.add([0, 1], [0], weights=0.1, delays=1.0), ShapeError, "P: 2 sources, but 1 targets"),
        (lambda: syn.add([0.5], [0], weights=0.1, delays=1.0), InputError, "P: sources must be whole numbers"),
        (
            lambda: syn.add([0], [0], weights=[0.1, 0.2], delays=1.0),
            ShapeError,
            r"P: weights of shape \(2,\) for 1",
        ),
        (lambda: syn.add([0], [0], weights=np.nan, delays=1.0), InputError, r"P: weights\[0\] is not finite"),
        (
            lambda: syn.add([0], [0], weights=0.1),
            InputError,
            "P: its synapses have 2 delays; say with delays= which",
        ),
        (lambda: syn.add([0], [0], weights=0.1, delays=1.5), InputError, "P: a new synapse .* of 1, 2 ms, not 1.5 ms"),
        (lambda: syn.remove([0, 1], [0, 1]), InputError, "P: there is no synapse from source 1 to target 1"),
        (lambda: syn.remove(where=[True]), InputError, "P: remove needs sources and targets, or where= with one bool"),
        (lambda: syn.remove(), InputError, "P: sources must be whole numbers"),
    ]
    for mistake, kind, message in wrong:
        with pytest.raises(kind, match=message):
            mistake()
    assert len(syn) == 2


def test_synapses_whose_weights_are_recorded_stay_as_many_as_they_are():
    net = network(RULES["STDP"], [(0, 0, 1), (1, 2, 1)])
    syn = net.projections["P"]
    with pytest.raises(InputError, match="P: its weights are recorded in this run, so their number cannot change"):
        net.run(20 * DT, dt=DT, record={syn: "weights"}, call=lambda _: syn.add([2], [1], weights=0.5), each=5 * DT)
    assert len(syn) == 2 and net.t == 5 * DT
    net.run(20 * DT, record="cell", call=lambda _: syn.add([2], [1], weights=0.5), each=5 * DT)
    assert len(syn) == 6
