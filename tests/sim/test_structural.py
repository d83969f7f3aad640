"""Synapses that come and go by themselves: counts, laws, and that learning can start where no synapse exists."""

import numpy as np
import pytest

from spikelet import neurons, rules
from spikelet.errors import InputError
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import fixed_probability, from_arrays
from spikelet.sim.network import Network
from spikelet.sim.sources import Poisson, SpikeTrain
from spikelet.sim.structural import DeepRewiring, Rewiring
from spikelet.units import Hz

STILL = Rule("Still", "e[k+1] = e : 1", on_pre="e += 1; w = w")
PUSH = Rule("Push", "dw/dt = push*sign(w) : 1; push = -0.001/ms")


def network(rule: Rule, pattern, weight=0.5, n=(20, 10), **more) -> Network:
    net = Network(seed=1, dtype="float64")
    source, cell = net.add(Poisson(20 * Hz), n[0]), net.add(neurons.LIF, n[1], "cell")
    net.connect(source, cell, pattern, to="v", weight=weight, delay=1.0, rule=rule, name="P", **more)
    net.connect(source, cell, from_arrays([0], [0]), to="v", weight=0.1, delay=1.0, name="Q")
    net.build(1.0)
    return net


def pairs(net: Network) -> set[tuple[int, int]]:
    syn = net.projections["P"]
    found = list(zip(syn.sources().tolist(), syn.targets().tolist(), strict=True))
    assert len(set(found)) == len(found)
    return set(found)


def test_weak_synapses_go_and_as_many_come_elsewhere():
    net = network(STILL, fixed_probability(0.3))
    syn = net.projections["P"]
    syn.set(weights=np.linspace(0.0, 1.0, len(syn)))
    before, weak = pairs(net), int((syn.weights() < 0.25).sum())
    strong = dict(zip(zip(syn.sources(), syn.targets(), strict=True), syn.weights(), strict=True))
    rewiring = Rewiring(syn, prune_below=0.25, weight=0.3)
    net.run(5.0, call=rewiring, each=5.0)
    after = dict(zip(zip(syn.sources(), syn.targets(), strict=True), syn.weights(), strict=True))
    assert len(syn) == len(before) and rewiring.pruned == rewiring.grown == weak > 5
    assert {pair: w for pair, w in strong.items() if w >= 0.25}.items() <= after.items()
    new = [w for pair, w in after.items() if strong.get(pair, 0.0) < 0.25]
    np.testing.assert_array_equal(new, 0.3)
    assert pairs(net) <= {(i, j) for i in range(20) for j in range(10)}


def test_all_free_pairs_are_alike():
    """Of 200 pairs 20 are taken; in 100 draws of one seed each, every other is chosen as often: chi squared."""
    counts = np.zeros((20, 10))
    net = network(STILL, from_arrays(np.arange(20), np.arange(20) % 10))
    syn = net.projections["P"]
    for seed in range(100):
        Rewiring(syn, grow=27, weight=0.1, seed=seed)(net)
        new = syn.weights() == 0.1
        counts[syn.sources()[new], syn.targets()[new]] += 1
        syn.remove(where=new)
    free = np.ones((20, 10), bool)
    free[np.arange(20), np.arange(20) % 10] = False
    assert counts[~free].sum() == 0 and counts.sum() == 2700
    chi = ((counts[free] - 15) ** 2 / 15).sum()
    assert abs(chi - 179) < 4 * np.sqrt(2 * 179)


def test_growth_ends_where_every_pair_is_taken():
    net = network(STILL, from_arrays([], []), n=(6, 5))
    rewiring = Rewiring(net.projections["P"], grow=7, weight=0.1)
    net.run(10.0, call=rewiring, each=1.0)
    assert len(pairs(net)) == 30 == rewiring.grown


def test_a_neuron_is_not_connected_with_itself_unless_it_may_be():
    for itself in (False, True):
        net = Network(dtype="float64")
        cell = net.add(neurons.LIF, 6, "cell")
        syn = net.connect(cell[1:5], cell, from_arrays([], []), to="v", weight=0.0, delay=1.0, rule=STILL, name="P")
        net.run(1.0, dt=1.0, call=Rewiring(syn, grow=99, weight=0.1, itself=itself), each=1.0)
        own = {(i, j) for i, j in pairs(net) if i + 1 == j}
        assert len(own) == (4 if itself else 0) and len(pairs(net)) == (24 if itself else 20)


def test_pieces_and_files_do_not_change_what_grows(tmp_path):
    def started(net: Network) -> Rewiring:
        return Rewiring(net.projections["P"], prune_below=0.2, grow=2, weight=0.4, seed=3)

    whole, net = network(PUSH(push=-0.02), fixed_probability(0.3)), network(PUSH(push=-0.02), fixed_probability(0.3))
    whole.run(60.0, call=started(whole), each=4.0)
    net.run(25.0, call=started(net), each=4.0)
    net.save(tmp_path / "net")
    again = Network.load(tmp_path / "net")
    again.run(35.0, call=started(again), each=4.0)
    assert pairs(again) == pairs(whole)
    np.testing.assert_array_equal(again.projections["P"].weights(), whole.projections["P"].weights())


def test_connections_appear_where_there_are_none_and_stdp_selects():
    """Half of the inputs fire just before the receiver, half at random: synapses grow everywhere, the first stay."""
    random, steps, n = np.random.default_rng(3), 6_000, 40
    volleys = np.arange(30, steps - 10, 40)
    raster = np.zeros((steps, n), bool)
    raster[:-5] = random.random((steps - 5, n)) < 0.02
    raster[:, : n // 2] = False
    for i in range(n // 2):
        raster[volleys + random.integers(-3, 1, len(volleys)), i] = True
    net = Network(seed=2, dtype="float64")
    at, ids = np.nonzero(raster)
    inputs, teacher = net.add(SpikeTrain(at + 1.0, ids), n), net.add(SpikeTrain(volleys + 3.0, [0] * len(volleys)), 1)
    relay = Neuron("Relay", "dv/dt = -v/(1 ms) : 1; du/dt = -u/(5 ms) : 1", threshold="v > 0.5", reset="v = 0")
    cell = net.add(relay, 5)
    net.connect(teacher, cell, from_arrays([0] * 5, range(5)), to="v", weight=1.0, delay=1.0)
    rule = rules.STDP(a_plus=0.02, a_minus=0.04)
    syn = net.connect(inputs, cell, from_arrays([], []), to="u", weight=0.0, delay=1.0, rule=rule)
    net.build(1.0)
    assert len(syn) == 0
    rewiring = Rewiring(syn, prune_below=0.05, grow=10, weight=0.2, seed=1)
    net.run(float(steps), call=rewiring, each=150.0)
    strong, early = syn.weights() > 0.8, syn.sources() < n // 2
    assert early[strong].mean() > 0.98 and strong.sum() > 90  # of 100 pairs that predict the receiver
    assert rewiring.pruned > 50  # the others have been tried and left


@pytest.mark.parametrize("signs", [1, -1, "random", np.where(np.arange(20) % 3, 1, -1)])
def test_deep_rewiring_keeps_the_number_of_connections(signs):
    net = network(PUSH(push=-0.01), fixed_probability(0.25), weight=0.0)
    syn = net.projections["P"]
    deep = DeepRewiring(syn, eta=0.01, l1=0.5, temperature=0.2, sign=signs, seed=4)
    syn.set(weights=deep.signs(syn.sources(), syn.targets()) * np.linspace(0.01, 0.2, len(syn)))
    count, counts, start = len(syn), [], pairs(net)

    def call(net: Network) -> None:
        deep(net)
        counts.append(len(pairs(net)))
        sign = deep.signs(syn.sources(), syn.targets())
        assert (sign * syn.weights() >= 0).all()

    net.run(80.0, call=call, each=2.0)
    assert set(counts) == {count} and deep.rewired > count
    assert len(pairs(net) - start) > count // 4


def test_theta_of_deep_rewiring_decays_and_diffuses_as_written():
    """Far from 0 nothing is rewired: theta falls by eta*l1 a call, its variance grows by 2*eta*T."""
    net = network(STILL, fixed_probability(0.8), weight=50.0, n=(60, 50))
    syn = net.projections["P"]
    deep = DeepRewiring(syn, eta=0.02, l1=3.0, temperature=0.5, seed=1)
    net.run(40.0, call=deep, each=2.0)
    w, n = syn.weights(), len(syn)
    assert deep.rewired == 0
    assert w.mean() == pytest.approx(50 - 20 * 0.02 * 3.0, abs=4 * np.sqrt(0.4 / n))
    assert w.var() == pytest.approx(20 * 2 * 0.02 * 0.5, rel=4 * np.sqrt(2 / n))


def test_deep_rewiring_of_a_full_projection_wakes_the_same_pairs():
    net = network(PUSH(push=-0.05), fixed_probability(1.0), weight=0.1, n=(4, 3))
    deep = DeepRewiring(net.projections["P"], eta=0.1, l1=1.0)
    net.run(20.0, call=deep, each=1.0)
    assert len(pairs(net)) == 12 and deep.rewired > 12


WRONG = {
    "no projection": (lambda net: Rewiring("P"), "Rewiring needs a projection, such as net.connect returns, got 'P'"),
    "no rule": (lambda net: Rewiring(net.projections["Q"]), "Q: only synapses that learn can come and go"),
    "a negative bound": (
        lambda net: Rewiring(net.projections["P"], prune_below=-1),
        "P: prune_below must not be below 0, got -1",
    ),
    "half a synapse": (
        lambda net: Rewiring(net.projections["P"], grow=0.5),
        "P: grow must be an integer of at least 0, got 0.5",
    ),
    "a word": (lambda net: Rewiring(net.projections["P"], grow="prune"), "whole number, or 'pruned', got 'prune'"),
    "no weight": (lambda net: Rewiring(net.projections["P"], weight=np.nan), "P: weight must be a finite number, got"),
    "no delay": (lambda net: Rewiring(net.projections["P"], delay="a"), "P: delay must be a finite number, got 'a'"),
    "too weak": (
        lambda net: Rewiring(net.projections["P"], prune_below=0.2, weight=0.1),
        "P: new synapses of weight=0.1 are below prune_below=0.2, and would go at once",
    ),
    "a negative rate": (lambda net: DeepRewiring(net.projections["P"], eta=-1), "P: eta must not be below 0, got -1"),
    "no rate": (lambda net: DeepRewiring(net.projections["P"], eta=np.nan), "P: eta must be a finite number, got nan"),
    "a sign of 2": (lambda net: DeepRewiring(net.projections["P"], eta=1, sign=2), "P: a sign is 1 or -1, got 2"),
    "signs": (lambda net: DeepRewiring(net.projections["P"], eta=1, sign=[1, 1]), "one for each of 20 sources"),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_named(name: str):
    make, message = WRONG[name]
    net = network(STILL, fixed_probability(0.3))
    with pytest.raises(InputError) as caught:
        make(net)
    assert message in str(caught.value)
