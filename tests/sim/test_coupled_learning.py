"""Synapses that act all the time and learn, against plain Python."""

import numpy as np
import pytest

from spikelet import neurons, rules, synapses
from spikelet.errors import InputError, ModelError
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all, from_arrays
from spikelet.sim.currents import Current
from spikelet.sim.network import Network
from spikelet.synapse import Synapse

FOLLOWER = Neuron("Follower", "r[k+1] = I : 1; I : 1 (input)")
STEPS, N = 300, 3


def network(synapse: Synapse = synapses.RateCoupling, rule: Rule | None = None, delay: float = 2.0):
    """Return a network of three inputs, which show noise, and two that learn, and the noise (steps, 3)."""
    x = np.random.default_rng(0).normal(size=(STEPS, N))
    net = Network(dtype="float64")
    inputs, cells = net.add(FOLLOWER, N, "inputs"), net.add(FOLLOWER, 2, "cells")
    net.drive(inputs, Current(x))
    rule = rules.OjaRate(eta=0.05) if rule is None else rule
    weight = np.linspace(0.1, 0.6, 6)
    at = np.divmod(np.arange(6), 2)
    net.connect(inputs, cells, from_arrays(*at), synapse=synapse, weight=weight, delay=delay, rule=rule, name="P")
    return net, x


def oja(x: np.ndarray, delay: int, function=lambda x: x) -> np.ndarray:
    """Return the weights (3, 2): first they learn, by both rates as the step finds them, then they act."""
    w, y = np.linspace(0.1, 0.6, 6).reshape(3, 2), np.zeros(2)
    for k in range(STEPS):
        seen = x[k - 1 - delay] if k > delay else np.zeros(N)  # as the step began, and the delay before
        rate = 0.05 * y**2
        w = w * np.exp(-rate) + 0.05 * np.outer(seen, y) * -np.expm1(-rate) / np.where(rate > 0, rate, 1)
        y = function(w * seen[:, None]).sum(0)
    return w


@pytest.mark.parametrize("delay", [1, 4])
def test_weights_of_a_coupling_learn_and_act_in_every_step(delay: int):
    net, x = network(delay=float(delay))
    net.run(float(STEPS), dt=1.0)
    w = net.projections["P"].weights()
    np.testing.assert_allclose(w, oja(x, delay).ravel(), rtol=1e-9)
    assert np.abs(w - np.linspace(0.1, 0.6, 6)).max() > 0.1


def test_a_coupling_that_is_no_sum_of_products_learns_too():
    net, x = network(Synapse("S", "out = tanh(w*r_pre) : 1"))
    net.run(float(STEPS), dt=1.0)
    np.testing.assert_allclose(net.projections["P"].weights(), oja(x, 2, np.tanh).ravel(), rtol=1e-9)


def test_pieces_and_files_are_one_run(tmp_path):
    whole, pieces = network()[0], network()[0]
    whole.run(float(STEPS), dt=1.0)
    for t in (1.0, 120.0):
        pieces.run(t, dt=1.0)
    pieces.save(tmp_path / "net")
    again = Network.load(tmp_path / "net")
    for net in (pieces, again):
        net.run(STEPS - 121.0)
        np.testing.assert_array_equal(net.projections["P"].weights(), whole.projections["P"].weights())


def test_weights_that_are_set_and_synapses_that_come_and_go_act_at_once():
    still = Rule("Still", "", on_post="w += 1")  # of a receiver that never fires
    net = Network(dtype="float64")
    inputs = net.add(FOLLOWER, 2, "inputs")
    cell = net.add(Neuron("Cell", "r[k+1] = I : 1; I : 1 (input)", threshold="r > 1000", reset="r = 0"), 2, "cell")
    net.drive(inputs, np.array([1.0, 10.0]))
    syn = net.connect(inputs, cell, from_arrays([0, 1], [0, 1]), synapse=synapses.RateCoupling, weight=2.0, rule=still)
    net.run(5.0, dt=1.0)
    assert cell["r"].tolist() == [2.0, 20.0] and "its synapses act in every step" in net.summary()
    syn.set(weights=[3.0, 4.0])
    net.run(1.0)
    assert cell["r"].tolist() == [3.0, 40.0]
    syn.add([1], [0], weights=0.5)
    syn.remove([1], [1])
    net.run(1.0)
    assert cell["r"].tolist() == [8.0, 0.0]


def test_spikes_of_the_sender_deliver_nothing_but_are_seen_by_the_rule():
    """A sender that fires in every fourth step and shows a rate of 1: each spike adds 1 to the weight."""
    net = Network(dtype="float64")
    pre = net.add(Neuron("Pre", "r[k+1] = 1 : 1; n[k+1] = n + 1 : 1", threshold="n > 3.5", reset="n = 0"), 1, "pre")
    cell = net.add(FOLLOWER, 1, "cell")
    rule = Rule("R", "", on_pre="w += 1")
    syn = net.connect(pre, cell, all_to_all(), synapse=synapses.RateCoupling, weight=2.0, delay=1.0, rule=rule)
    seen = net.run(10.0, dt=1.0, record={cell: ["r"]})[cell]["r"][:, 0]
    assert syn.weights().tolist() == [4.0]  # fired in steps 3 and 7, which arrive one later
    assert seen.tolist() == [0, 0, 2, 2, 3, 3, 3, 3, 4, 4]  # a weight learns first, then it acts


def test_what_is_not_possible_is_told():
    net = Network()
    a, b, c = (net.add(FOLLOWER, 2, name) for name in "abc")
    gap = Synapse("Gap", "out = w*(r_pre - r_post) : 1")
    rule = rules.OjaRate
    with pytest.raises(
        ModelError, match="P: the simulator cannot run this yet: a rule on Gap, whose weights are summed"
    ):
        net.connect(a, b, all_to_all(), synapse=gap, rule=rule, name="P")
    with pytest.raises(InputError, match="P: dendritic_fraction=0.5 is for spikes, but RateCoupling acts all the time"):
        net.connect(a, b, all_to_all(), synapse=synapses.RateCoupling, rule=rule, dendritic_fraction=0.5, name="P")
    with pytest.raises(InputError, match="P: Follower has no threshold, so on_post= of Oja would never run"):
        net.connect(a, b, all_to_all(), synapse=synapses.RateCoupling, rule=rules.Oja, name="P")
    two = Network()
    a, b, c = (two.add(neurons.ReLU, 2, name) for name in "abc")
    two.connect(a, [c, b], all_to_all(), synapse=synapses.RateCoupling, rule=rule, name="P")
    with pytest.raises(ModelError, match="P: .* onto several populations; connect each of them by itself"):
        two.run(1.0, dt=1.0)
