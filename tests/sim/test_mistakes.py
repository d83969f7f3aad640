"""What users of the simulator do wrong: each ends at once, with a message that names the object."""

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spikelet import Neuron, neurons
from spikelet.errors import InputError, MagnitudeWarning, ModelError, SpikeletError
from spikelet.sim import estimate
from spikelet.sim.connect import all_to_all, fixed_indegree, fixed_probability, one_to_one
from spikelet.sim.distributions import uniform
from spikelet.sim.network import Network
from spikelet.sim.sources import Poisson
from spikelet.synapses import AlphaCurrent, ExponentialConductance, ExponentialCurrent

LIF = neurons.LIF(tau_mem=20.0, v_th=20.0)


@pytest.fixture
def net() -> Network:
    made = Network()
    made.add(LIF, 10, "E")
    made.add(LIF, 5, "I")
    made.add(Poisson(1.0), 10, "drive")
    return made


DESCRIBED = {
    "unknown population": (lambda n: n["e"], "no population 'e' in the network; did you mean 'E'"),
    "unknown input": (lambda n: n.connect(n["E"], n["I"], all_to_all(), to="vv"), "E to I: to='vv' is neither.*'v'"),
    "negative size": (lambda n: n.add(LIF, -3, "J"), "the size of J must be a positive integer, got -3"),
    "name taken": (lambda n: n.add(LIF, 3, "E"), "there is a population 'E' already"),
    "missing parameter": (
        lambda n: n.add(Neuron("Own", "dv/dt = -v/tau : 1; tau : ms", threshold="v > 1"), 3, "J"),
        r"J: Own needs a value for 'tau': Own\(tau=...\)",
    ),
    "array of another length": (
        lambda n: n.add(LIF(tau_mem=np.arange(1.0, 5.0)), 3, "J"),
        r"J: parameter 'tau_mem' has shape \(4,\); expected one or 3 values",
    ),
    "initial value of no state": (
        lambda n: n.add(LIF, 3, "J", initial={"u": 1.0}),
        "J: initial value of 'u', which is no state of LIF",
    ),
    "no pattern": (lambda n: n.connect(n["E"], n["I"], 0.1), "E to I: expected a pattern such as .*, got 0.1"),
    "no synapse": (
        lambda n: n.connect(n["E"], n["I"], all_to_all(), synapse=LIF),
        "E to I: expected a Synapse, got LIF",
    ),
    "receptor without synapse": (
        lambda n: n.connect(n["E"], n["I"], all_to_all(), receptor="ampa"),
        "receptor='ampa' names states of a synapse, but none is given",
    ),
    "to a source": (lambda n: n.connect(n["E"], n["drive"], all_to_all()), "drive is a source, which receives nothing"),
    "from a silent model": (
        lambda n: n.connect(n.add(neurons.LI, 2, "R"), n["E"], all_to_all()),
        "R to E: R sends no spikes: its model has no threshold",
    ),
    "another network": (
        lambda n: n.connect(Network().add(LIF, 2, "X"), n["E"], all_to_all()),
        "connect: X belongs to another network",
    ),
    "empty slice": (lambda n: n["E"][4:4], r"E\[4:4\] is empty; it has 10 neurons"),
    "no such neuron": (lambda n: n["E"][10], "E: no neuron 10; it has 10"),
    "no current": (lambda n: n.drive(n["E"], "strong"), "drive: expected a number or a current"),
    "weight by a name that the pattern lacks": (
        lambda n: n.connect(n["E"], n["I"], all_to_all(), weight="exp(-d)"),
        "E to I: weight, .*'d' is not defined",
    ),
    "unknown storage": (
        lambda n: n.connect(n["E"], n["I"], all_to_all(), storage="denes"),
        "E to I: storage='denes' is none of .*; did you mean 'dense'",
    ),
    "initial values without names": (
        lambda n: n.add(LIF, 3, "J", initial=5.0),
        r"J: initial= names states, such as \{'v': -60\}, got 5.0",
    ),
    "array for synapses that are not listed": (
        lambda n: (n.connect(n["E"], n["I"], all_to_all(), weight=np.ones((10, 5))), n.build(0.1)),
        "E to I: weight: this pattern lists no synapses, .* take from_arrays or from_matrix",
    ),
    "unknown projection": (
        lambda n: (n.connect(n["E"], n["I"], all_to_all()), n.projections["E to i"]),
        "no projection 'E to i' in the network; did you mean 'E to I'",
    ),
    "attribute in place of set": (lambda n: setattr(n["E"], "v", 3.0), r"E has no attribute 'v'; .*\.set\(v=...\)"),
    "attribute of a part": (lambda n: setattr(n["E"][:3], "v", 3.0), "has no attribute 'v'"),
    "outside of a part": (lambda n: n["E"][2:4][2], r"E\[2:4\]: there is no number 2; they are 0 to 1"),
    "weights before the synapses": (
        lambda n: n.connect(n["E"], n["I"], all_to_all()).weights(),
        "has not been built",
    ),
}


@pytest.mark.parametrize("mistake", DESCRIBED, ids=str)
def test_mistakes_of_a_description(net: Network, mistake: str):
    wrong, text = DESCRIBED[mistake]
    with pytest.raises(SpikeletError, match=text):
        wrong(net)


BUILT = {
    "delay below the step": ({"delay": 0.04}, "E to I: delay 0.04 ms is below the step of 0.1 ms"),
    "negative delay": ({"delay": -1.0}, "E to I: delay -1 ms is negative"),
    "weight that is no number": ({"weight": np.nan}, "E to I: weight must be finite, not nan"),
    "degree above the size": (
        {"pattern": fixed_indegree(11, multapses=False)},
        "E to I: .*11.*10",
    ),
    "sizes that differ": ({"pattern": one_to_one()}, r"E to I: one_to_one\(\) needs as many sources as targets"),
}


@pytest.mark.parametrize("mistake", BUILT, ids=str)
def test_mistakes_found_when_synapses_are_made(net: Network, mistake: str):
    options, text = BUILT[mistake]
    net.connect(net["E"], net["I"], **{"pattern": all_to_all(), **options})
    with pytest.raises(InputError, match=text):
        net.build(0.1)


def test_a_receptor_is_one_synapse(net: Network):
    net.connect(net["E"], net["I"], all_to_all(), synapse=ExponentialCurrent, receptor="r")
    net.connect(net["I"], net["I"], all_to_all(), synapse=AlphaCurrent, receptor="r", name="second")
    with pytest.raises(InputError, match="second: receptor 'r' of I is another synapse already"):
        net.build(0.1)


def test_an_initial_value_of_no_receptor(net: Network):
    net.add(LIF, 3, "J", initial={"ampa_gg": 1.0})
    with pytest.raises(InputError, match="J: initial value of 'ampa_gg', which is no state of it"):
        net.build(0.1)


def test_a_synapse_that_reads_what_the_neuron_does_not_have():
    net = Network()
    cells = net.add(Neuron("Own", "du/dt = -u/(1 ms) + I : 1; I : 1/ms (input)", threshold="u > 1"), 2)
    net.connect(cells, cells, all_to_all(), synapse=ExponentialConductance)
    with pytest.raises(ModelError, match="'v_post' stands for 'v' of Own, which it does not have"):
        net.build(0.1)


RUNS = {
    "no time": ({"t": -1.0}, "run: t must be a positive number of ms, got -1.0"),
    "less than a step": ({"t": 0.01}, "run: t = 0.01 ms is shorter than one step of 0.1 ms"),
    "another step": ({"t": 1.0, "dt": 0.2}, "has been built with dt = 0.1 ms; it cannot run with 0.2"),
    "unknown variable": ({"t": 1.0, "record": {"E": "vv"}}, "E: cannot record 'vv'; did you mean 'v'"),
    "unknown population": ({"t": 1.0, "record": "e"}, "no population 'e' in the network; did you mean 'E'"),
    "no steps": ({"t": 1.0, "every": 0}, "every must be a positive number of steps, got 0"),
}


@pytest.mark.parametrize("mistake", RUNS, ids=str)
def test_mistakes_of_a_run(net: Network, mistake: str):
    net.build(0.1)
    options, text = RUNS[mistake]
    with pytest.raises(InputError, match=text):
        net.run(**options)


def test_what_has_been_built_is_not_described_further(net: Network):
    net.build(0.1)
    for change in (
        lambda: net.add(LIF, 1),
        lambda: net.connect(net["E"], net["I"], all_to_all()),
        lambda: net.drive(net["E"], 1.0),
    ):
        with pytest.raises(InputError, match="has been built; describe all of it before the first run"):
            change()


def test_synapses_that_cannot_fit_are_refused_before_they_are_made():
    net = Network()
    many = net.add(LIF, 3_000_000, "many")
    net.connect(many, many, fixed_probability(0.9), weight=uniform(0, 1))
    assert "about 8,100,000,000,000 synapses (64,800.0 GB)" in net.summary()
    with pytest.raises(InputError, match="need about 64,800.0 GB, but .* are free; many to many alone needs"):
        net.build(0.1)


def test_the_estimate_is_what_is_needed(net: Network):
    syn = net.connect(net["E"], [net["E"], net["I"]], fixed_indegree(4), weight=uniform(0, 1))
    assert estimate.synapses(syn) == 60
    size = estimate.memory(syn, 4)
    net.build(0.1)
    assert len(syn) == 60 and abs(net.engine.edges(syn).nbytes - size) < 100
    assert "60 synapses" in net.summary()


def test_implausible_magnitudes_are_warned_of(net: Network):
    with pytest.warns(MagnitudeWarning, match="E to I: a delay of 1500 ms"):
        net.connect(net["E"], net["I"], all_to_all(), delay=1500.0)
    with pytest.warns(MagnitudeWarning, match=r"noise: a rate of 8000 kHz; for 8000 Hz write rate=8000\*Hz"):
        net.add(Poisson(8000.0), 3, "noise")


def test_a_rate_over_time_is_accepted_as_a_tuple():
    net = Network(seed=3)
    drive = net.add(Poisson(([0.0, 50.0], [0.0, 2.0])), 40, "drive")
    net.add(LIF, 1)
    times = net.run(100.0, record=drive)[drive].spikes.times
    assert times.min() > 50.0 and abs(float(len(times)) - 4000) < 5 * math.sqrt(4000)


def test_weights_that_are_no_numbers(net: Network):
    syn = net.connect(net["E"], net["I"], all_to_all())
    none = net.connect(net["E"], net["I"], fixed_indegree(0), name="none")
    net.build(0.1)
    for change in (lambda: syn.set(weights="strong"), lambda: syn[:3].set(weights="strong")):
        with pytest.raises(InputError, match="E to I: a weight is a number, or one for each synapse, got 'strong'"):
            change()
    none.set(weights=lambda w: w.clip(0, 1))
    assert len(none.weights()) == 0


def test_parts_of_parts_of_populations(net: Network):
    part = net["E"][2:8]
    assert [repr(part[3]), repr(part[1:3]), repr(part[[0, 2]]), repr(part[-1])] == [
        "E[5:6]",
        "E[3:5]",
        "E[2,4]",
        "E[7:8]",
    ]
    assert list(map(repr, part[:2])) == ["E[2:3]", "E[3:4]"] and len(list(net["E"])) == 10
    assert [p.name for p in net] == ["E", "I", "drive"] and "E" in net and net["E"] in net and "F" not in net


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_network_is_saved_not_copied(net: Network, copied: Callable[[Network], object]):
    net.build(0.1)
    with pytest.raises(InputError, match=r"network is not copied.*save\(path\), and load\(path\)"):
        copied(net)
    assert repr(net) == "Network(seed=0, 3 populations, 0 projections, t = 0 ms)"


def test_currents_are_given_as_lists_too():
    net = Network(dtype="float64")
    cells = net.add(neurons.LI(tau_mem=10.0), 3, "cells")
    net.drive(cells, [1.0, 2.0, 3.0])
    whole: dict[str, Any] = {"threads": np.int64(1), "every": np.int64(2)}
    net.run(1.0, **whole)
    v = cells["v"]
    assert np.allclose(v / v[0], [1.0, 2.0, 3.0]) and v[0] > 0


def test_nan_is_told_with_its_population():
    model = Neuron("Own", "dv/dt = (v - v**3)/(1 ms) : 1; I : 1 (input)", method="euler", initial="v = 9")
    net = Network()
    net.add(model, 4, "cells")
    with pytest.raises(SpikeletError, match="cells: 'v' became NaN in 4 of 4 neurons"):
        net.run(50.0, dt=5.0, record={"cells": "v"})
