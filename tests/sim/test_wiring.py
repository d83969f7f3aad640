"""Projections that are put together, or cut into pieces, can still be read and set as they were described."""

import numpy as np
import pytest

from spikelet import neurons, rules
from spikelet.sim.bundle import SPAN, Member, groups, taken
from spikelet.sim.connect import build, fixed_indegree, fixed_probability, from_arrays
from spikelet.sim.connect_drawn import Drawn, merged
from spikelet.sim.distributions import normal, uniform
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain

QUIET = neurons.LIF(tau_mem=20.0, v_th=1e9)
RELAY = neurons.LIF(tau_mem=20.0, v_th=0.5, t_ref=0.1)


def edges(seed: int, targets: int, weight, delay, sources: int = 30):
    return build(
        fixed_probability(0.3), sources, targets, same=False, weight=weight, delay=delay, dt=0.1, seed=seed, stream=1,
        dtype=np.float64,
    )  # fmt: skip


def listed(found, first: int) -> list[tuple]:
    """Return (source, delay, target, weight) of each synapse."""
    weights = np.broadcast_to(np.asarray(found.weights, float), found.targets.shape)
    targets = found.targets.astype(int) + first
    return list(zip(found.sources().tolist(), found.delay_steps().tolist(), targets.tolist(), weights, strict=True))


def test_a_bundle_holds_all_synapses_segment_by_segment_in_their_order():
    parts = [
        (edges(1, 20, normal(0, 1), uniform(0.1, 1.0)), 40),
        (edges(2, 35, -0.5, 0.7), 5),
        (edges(3, 10, uniform(0, 1), normal(0.8, 0.3, low=0.1)), 60),
    ]
    whole, first = merged([(Drawn.of(part), begin) for part, begin in parts], np.float64)
    assert (first, whole.n_target, whole.targets.dtype) == (5, 65, np.uint16)
    assert (np.diff(whole.delays) > 0).all()
    expected = [one for part, begin in parts for one in listed(part, begin)]
    expected.sort(key=lambda one: one[:2])  # stable: by source and delay, then in the order of the parts
    assert listed(whole, first) == expected
    for part, begin in parts:
        own, chosen = taken(whole, begin - first, begin - first + part.n_target)
        assert listed(own, begin) == listed(part, begin)
        assert chosen.sum() == len(part)


def test_a_bundle_of_nothing_is_empty():
    none = edges(1, 20, 1.0, 1.0, sources=0)
    whole, first = merged([(Drawn.of(none), 3), (Drawn.of(none), 30)], np.float32)
    assert (len(whole), first, whole.n_target) == (0, 3, 47)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (
            [(0, 30_000), (30_000, SPAN), (SPAN, SPAN + 9), (1, 5)],
            ["01", "2", "3"],
        ),  # two bytes tell SPAN targets apart
        ([(0, 10), (20, 30), (5, 8), (8, 20)], ["01", "23"]),  # what has targets in common stays apart
    ],
)
def test_where_bundles_end(places, expected):
    members = [Member(str(i), *place) for i, place in enumerate(places)]
    assert ["".join(m.name for m in group) for group in groups(members)] == expected


def described(pieces: bool) -> tuple[Network, list]:
    """Return a network in which one population sends to three others, by three projections or (two) in pieces."""
    net = Network(seed=3, dtype="float64")
    train = net.add(SpikeTrain(np.arange(1.0, 13.0), np.arange(12)), 12, "train")
    relay, B, C = net.add(RELAY, 12, "relay"), net.add(QUIET, 9, "B"), net.add(QUIET, 7, "C")
    net.connect(train, relay, from_arrays(np.arange(12), np.arange(12)), to="v")
    options = {"to": "v", "weight": normal(1, 0.2), "delay": uniform(0.3, 0.9)}
    if pieces:
        made = [
            net.connect(relay, [C, B[2:]], fixed_indegree(4), **options),
            net.connect(relay, B, fixed_indegree(2), to="v"),
        ]
    else:
        made = [net.connect(relay, p, fixed_indegree(4), **options) for p in (B, C)]
        made.append(net.connect(relay, B[3:], fixed_indegree(3), to="v", weight=-0.25, delay=0.5))
    return net, made


@pytest.mark.parametrize("pieces", [False, True])
def test_what_arrives_is_what_the_projections_say(pieces: bool):
    net, made = described(pieces)
    net.build(0.1)
    assert len(net.engine.parts.wiring.cables) == (4 if pieces else 3)
    for number, syn in enumerate(made):
        syn.set(weights=np.arange(len(syn)) + 100.0 * number)
        np.testing.assert_array_equal(syn.weights(), np.arange(len(syn)) + 100.0 * number)
    result = net.run(30.0, record={"relay": "spikes", "B": "v", "C": "v"})
    assert len(result["relay"].spikes) == 12
    expected = {"B": np.zeros((300, 9)), "C": np.zeros((300, 7))}
    t = result["B"].t
    for syn in made:
        names = [(view.population.name, view.start + i) for view in syn.post for i in range(len(view))]
        columns = zip(syn.sources(), syn.targets(), syn.delays(), syn.weights(), strict=True)
        for source, target, delay, weight in columns:
            sent = result["relay"].spikes.times[result["relay"].spikes.ids == source]
            for arrival in sent + delay:
                name, neuron = names[target]
                expected[name][:, neuron] += weight * np.where(t > arrival - 1e-9, np.exp(-(t - arrival) / 20.0), 0.0)
    for name, values in expected.items():
        np.testing.assert_allclose(result[name]["v"], values, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("pieces", [False, True])
def test_synapses_are_counted_without_a_list_of_them(pieces: bool):
    net, made = described(pieces)
    learning = net.connect(net["relay"][:5], net["C"][2:], fixed_probability(0.6), to="v", rule=rules.STDP)
    net.build(0.1)
    reached = np.zeros(12, int)
    for syn in (*made, learning):
        assert len(syn) == len(syn.edges.targets) == len(syn.sources()) > 0
        np.add.at(reached, syn.sources(), 1)
    np.testing.assert_array_equal(net.engine.reached(net["relay"]), reached)
