"""Recipes of competition from docs/simulator.md: inhibition among neurons, through interneurons, over a lattice."""

import numpy as np
import pytest

from spikelet.model import Neuron
from spikelet.neurons import IF
from spikelet.nn import lattice_inhibition
from spikelet.sim.connect import all_to_all, distance, expression, one_to_one
from spikelet.sim.network import Network

DT = 1.0
RELAY = Neuron("Relay", "v[k+1] = 0 : 1", threshold="v > 0.5")


def competing(currents: np.ndarray, strength: float) -> np.ndarray:
    """Return the number of spikes of neurons that inhibit each other, (n,)."""
    net = Network()
    cells = net.add(IF, len(currents), "cells")
    net.drive(cells, currents)
    net.connect(cells, cells, all_to_all(autapses=False), to="v", weight=-strength, delay=DT)
    out = net.run(40.0, dt=DT)
    return np.bincount(out[cells].spikes.ids, minlength=len(currents))


def test_of_two_neurons_the_one_with_more_input_wins_and_the_other_never_fires() -> None:
    """v gains 0.4 and 0.3 a step, so that they reach 1 in 3 and in 4 steps; the first takes 5 from the other."""
    assert competing(np.array([0.4, 0.3]), 0.0).tolist() == [13, 10]
    assert competing(np.array([0.4, 0.3]), 5.0).tolist() == [13, 0]
    assert competing(np.array([0.3, 0.4]), 5.0).tolist() == [0, 13]


def test_of_many_the_first_to_fire_silences_the_rest() -> None:
    currents = np.random.default_rng(3).permutation([*np.linspace(0.01, 0.3, 30), 0.35])
    counts = competing(currents, 5.0)
    assert counts.argmax() == currents.argmax() and counts.max() == 13
    assert np.count_nonzero(counts) == 1
    assert np.count_nonzero(competing(currents, 0.0)) > 20


def test_those_of_one_step_all_fire_for_inhibition_comes_a_step_later() -> None:
    counts = competing(np.array([0.4, 0.4, 0.3]), 50.0)
    assert counts.tolist() == [1, 1, 0]


def test_through_interneurons_everybody_else_is_inhibited_two_steps_later() -> None:
    net, n = Network(), 4
    cells, between = net.add(IF, n, "cells"), net.add(RELAY, n, "between")
    net.drive(cells, np.array([0.4, 0.3, 0.3, 0.1]))
    net.connect(cells, between, one_to_one(), to="v", weight=1.0, delay=DT)
    back = net.connect(between, cells, expression("i != j"), to="v", weight=-5.0, delay=DT)
    out = net.run(9.0, dt=DT, record={cells: ["spikes", "v"], between: "spikes"})
    assert not np.any(back.sources() == back.targets()) and len(back.weights()) == n * (n - 1)
    for spikes, late in ((out[cells].spikes, 0.0), (out[between].spikes, 1.0)):  # then all have been inhibited
        assert (spikes.times - late).tolist() == [3.0, 4.0, 4.0] and spikes.ids.tolist() == [0, 1, 2]
    v = out[cells]["v"]
    assert v[4, 3] == pytest.approx(5 * 0.1 - 5.0)  # fired in step 2, relayed in 3, inhibited in 4
    assert v[3, 3] == pytest.approx(4 * 0.1)


def test_a_lattice_has_the_weights_of_the_layer() -> None:
    side, strength, most = 6, 2.0, 4.0
    place = np.stack(np.divmod(np.arange(side * side), side), 1).astype(float)
    net = Network(dtype="float64")
    cells = net.add(IF, side * side, "cells")
    lattice = distance("d > 0", place)
    syn = net.connect(cells, cells, lattice, to="v", weight=f"-min({most}, {strength}*sqrt(d))", delay=DT)
    net.build(DT)
    weight = np.zeros((side * side,) * 2)
    weight[syn.targets(), syn.sources()] = syn.weights()
    np.testing.assert_allclose(weight, lattice_inhibition(side * side, strength, most).weight.numpy(), rtol=1e-6)


def test_inhibition_is_raised_in_the_course_of_a_run() -> None:
    """Two levels: weak inhibition for the first quarter, then strong; from then on the weaker one is silent."""
    net = Network()
    cells = net.add(IF, 2, "cells")
    net.drive(cells, np.array([0.4, 0.3]))
    syn = net.connect(cells, cells, all_to_all(autapses=False), to="v", weight=-0.05, delay=DT)

    def level(net: Network) -> None:
        syn.set(weights=-0.05 if net.t < 10 else -5.0)

    out = net.run(40.0, dt=DT, call=level, each=10.0)
    times = out[cells].spikes.times[out[cells].spikes.ids == 1]
    assert times.tolist() == [4.0, 8.0, 12.0]  # the last in the step in which strong inhibition is on its way
