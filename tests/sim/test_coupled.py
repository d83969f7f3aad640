"""Synapses that act all the time: against closed forms, naive NumPy, and themselves cut into pieces."""

from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

import spikelet as sl
from spikelet import neurons, rules, synapses
from spikelet.errors import InputError, ModelError, UnitError
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.network import Network
from spikelet.synapse import Synapse

C, TAU, REST = 250.0, 10.0, -70.0  # pF, ms, mV
CELL = Neuron(
    "Cell", "dv/dt = (E_L - v)/tau_m + I/C : mV; I : pA (input); C = 250 pF; tau_m = 10 ms; E_L = -70 mV",
    initial="v = E_L",
)  # fmt: skip
HELD = Neuron("Held", "dv/dt = slope : mV; slope = 0 mV/ms")
GAP, GRADED = synapses.GapJunction, synapses.GradedSynapse
EACH = Synapse(  # what has no parts, since the weight stands in it twice
    "Each", "out = (w + 0*w*w/(1 nS))*(v_pre - v_post) : pA"
)  # fmt: skip


def naive(v: np.ndarray, weights: np.ndarray, delays: np.ndarray, steps: int, dt: float) -> np.ndarray:
    """Gap junctions one by one: weights and delays [steps] are (source, target); each step has constant input."""
    past = [v]
    total = weights.sum(axis=0)
    rate = 1 / TAU + total / C
    for k in range(steps):
        seen = np.stack([past[max(k - d, 0)] for d in range(int(delays.max()) + 1)])  # (delay, source)
        come = (weights * seen[delays, np.arange(len(v))[:, None]]).sum(axis=0)
        limit = (REST / TAU + come / C) / rate
        past.append(limit + (past[-1] - limit) * np.exp(-rate * dt))
    return np.array(past[1:])


def simulated(
    v: np.ndarray, pairs: Any, *, synapse: Synapse = GAP, t: float, dt: float, pieces: int = 1, **more: Any
) -> np.ndarray:
    net = Network(seed=1, dtype=more.pop("dtype", "float64"))
    cells = net.add(CELL, len(v), "cells", initial={"v": v})
    net.connect(cells, cells, pairs, synapse=synapse, **more)
    return np.concatenate([net.run(t / pieces, dt=dt, record={cells: "v"})[cells]["v"] for _ in range(pieces)])


def test_two_coupled_membranes_approach_each_other_exponentially():
    """The mean decays with tau, the difference with 1/tau + 2 w/C; the error is of first order in dt."""
    errors = []
    for dt in (0.1, 0.05):
        v = simulated(np.array([-60.0, -72.0]), sl.from_arrays([0, 1], [1, 0]), t=20, dt=dt, weight=5.0)
        t = (np.arange(len(v)) + 1) * dt
        difference = 12 * np.exp(-(1 / TAU + 2 * 5.0 / C) * t)
        errors.append(np.abs(v[:, 0] - v[:, 1] - difference).max())
        assert np.abs(v.mean(axis=1) - (REST + 4 * np.exp(-t / TAU))).max() < 0.02 * dt
    assert errors[0] < 0.005 and errors[0] / errors[1] == pytest.approx(2, rel=0.01)


def test_a_chain_follows_the_matrix_exponential():
    n, dt = 6, 0.01
    start = REST + np.arange(n) ** 2.0
    pattern = sl.symmetric(sl.from_arrays(np.arange(n - 1), np.arange(1, n)))
    v = simulated(start, pattern, t=10, dt=dt, weight=20.0)
    links = np.eye(n, k=1) + np.eye(n, k=-1)
    laplace = (links - np.diag(links.sum(axis=0))) * 20.0 / C - np.eye(n) / TAU
    for steps in (1, 100, 1000):
        assert v[steps - 1] == pytest.approx(REST + expm(laplace * steps * dt) @ (start - REST), abs=0.01)


@pytest.mark.parametrize("synapse", [GAP, EACH], ids=["in parts", "each by itself"])
@pytest.mark.parametrize("delayed", [False, True])
def test_any_network_is_the_sum_over_its_synapses(synapse: Synapse, delayed: bool):
    rng = np.random.default_rng(2)
    n, dt, steps = 7, 0.1, 60
    weights = np.where(rng.random((n, n)) < 0.6, rng.uniform(0, 20, (n, n)), 0)
    delays = rng.integers(3, 9, (n, n)) if delayed else np.zeros((n, n), int)
    start = rng.uniform(-80, -50, n)
    sources, targets = np.nonzero(weights)
    more = {"weight": weights[sources, targets], "delay": delays[sources, targets] * dt if delayed else None}
    v = simulated(start, sl.from_arrays(sources, targets), synapse=synapse, t=steps * dt, dt=dt, **more)
    expected = naive(start, weights, delays, steps, dt)
    if synapse is GAP:
        assert v == pytest.approx(expected, abs=1e-11)
    else:  # the receiver's potential is read at the start of the step, too: another scheme of first order
        assert v == pytest.approx(expected, abs=0.4) and np.abs(v - expected).max() > 1e-3


def test_each_synapse_by_itself_is_the_sum_over_its_synapses():
    rng = np.random.default_rng(3)
    n, dt = 5, 0.1
    weights, v = rng.uniform(0, 20, (n, n)), rng.uniform(-80, -50, n)
    rectified = Synapse("Rectified", "out = w*max(v_pre - v_post, 0) + w*tanh(v_post/mV) : pA")
    found = simulated(v, sl.from_matrix(weights), synapse=rectified, t=5, dt=dt)
    for row in found:
        out = weights * (np.maximum(v[:, None] - v[None], 0) + np.tanh(v)[None])
        limit = REST + out.sum(axis=0) * TAU / C
        v = limit + (v - limit) * np.exp(-dt / TAU)
        assert row == pytest.approx(v, abs=1e-11)


@pytest.mark.parametrize("delay", [None, 0.0, 0.1, 1.5])
@pytest.mark.parametrize("synapse", [GAP, EACH, synapses.GatedSynapse], ids=lambda synapse: synapse.name)
def test_no_cutting_of_a_run_can_be_seen(synapse: Synapse, delay: float | None):
    v = np.linspace(-80, -30, 40)
    more = {"synapse": synapse, "t": 20, "dt": 0.1, "weight": sl.uniform(0, 2), "delay": delay, "dtype": "float32"}
    whole, cut = (simulated(v, sl.fixed_probability(0.3), pieces=pieces, **more) for pieces in (1, 25))
    np.testing.assert_array_equal(whole, cut)
    assert np.ptp(whole[-1]) > 1e-3


def test_a_saved_network_goes_on_bit_for_bit(tmp_path: Any):
    def network() -> Network:
        net = Network(seed=3)
        cells = net.add(CELL, 20, "cells", initial={"v": sl.uniform(-80, -30)})
        net.connect(cells, cells, sl.fixed_probability(0.4), synapse=GAP, weight=3.0, delay=0.7)
        net.connect(cells, cells, sl.all_to_all(), synapse=synapses.GatedSynapse, weight=0.5)
        return net

    whole = network().run(4, dt=0.1, record={"cells": "v"})["cells"]["v"]
    net = network()
    net.run(2, dt=0.1, record={"cells": "v"})
    net.save(tmp_path / "net")
    after = Network.load(tmp_path / "net").run(2, record={"cells": "v"})["cells"]["v"]
    np.testing.assert_array_equal(whole[20:], after)


def test_graded_transmission_of_a_held_potential_has_a_closed_form():
    """Then the conductance is constant: v goes to the weighted mean of rest and reversal, exactly at any dt."""
    net = Network(dtype="float64")
    held = net.add(HELD, 3, "held", initial={"v": np.array([-41.0, -38.0, -60.0])})
    cell = net.add(CELL, 2, "cell")
    net.connect(held, cell, sl.all_to_all(), synapse=GRADED, weight=10.0)
    v = net.run(30, dt=0.5, record={cell: "v"})[cell]["v"]
    g = (10.0 / (1 + np.exp(-(np.array([-41.0, -38.0, -60.0]) + 40) / 2))).sum()
    rate = 1 / TAU + g / C
    limit = (REST / TAU - 80.0 * g / C) / rate
    t = 0.5 * np.arange(1, len(v) + 1)
    assert v == pytest.approx((limit + (REST - limit) * np.exp(-rate * t))[:, None] * [1, 1], abs=1e-10)


def test_a_delay_shows_what_was_sent_so_much_earlier():
    """The sender's potential grows by 1 mV/ms from 0: a delay of 2 ms sends max(t - 2, 0), at the start of a step."""
    net = Network(dtype="float64")
    ramp = net.add(HELD(slope=1.0), 1, "ramp")
    adder = net.add(Neuron("Adder", "dv/dt = I : mV; I : mV/ms (input)"), 3, "adder")
    copy = Synapse("Copy", "out = w*v_pre/(1 ms) : mV/ms")
    for target, delay in enumerate((None, 0.5, 2.0)):
        net.connect(ramp, adder[target], sl.all_to_all(), synapse=copy, delay=delay, weight=2.0)
    v = net.run(5, dt=0.5, record={adder: "v"})[adder]["v"]
    starts = 0.5 * np.arange(10)
    for target, delay in enumerate((0.0, 0.5, 2.0)):
        assert v[:, target] == pytest.approx(np.cumsum(2.0 * np.maximum(starts - delay, 0) * 0.5), abs=1e-12)


def test_a_gate_of_the_sender_flows_with_its_potential():
    """A held potential opens the gate exponentially, and the conductance of the receiver is that gate times w."""
    net = Network(dtype="float64")
    held = net.add(HELD, 1, "held", initial={"v": -38.0})
    probe = net.add(Neuron("Probe", "seen[k+1] = I : pA; v[k+1] = 0 : mV; I : pA (input)"), 1, "probe")
    net.connect(held, probe, sl.all_to_all(), synapse=synapses.GatedSynapse(E_rev=1.0), weight=3.0)
    seen = net.run(50, dt=0.5, record={probe: "seen"})[probe]["seen"][:, 0]
    t = 0.5 * np.arange(100)  # a step reads the gate of its start
    assert seen == pytest.approx(3.0 / (1 + np.exp(-1)) * (1 - np.exp(-t / 10.0)), abs=1e-12)


def test_rates_are_coupled_by_their_matrix():
    rng = np.random.default_rng(5)
    weights, r = rng.normal(0, 0.5, (8, 8)), rng.normal(size=8)
    net = Network(dtype="float64")
    units = net.add(neurons.Tanh(bias=0.1), 8, "units", initial={"r": r})
    net.connect(units, units, sl.from_matrix(weights), synapse=synapses.RateCoupling)
    for row in net.run(20, dt=1.0, record={units: "r"})[units]["r"]:
        r = np.tanh(r @ weights + 0.1)
        assert row == pytest.approx(r, abs=1e-12)


def test_what_a_neuron_makes_of_its_states_is_sent():
    """A network of rates r = tanh(gain h), dh/dt = (-h + sum w r)/tau, against exponential Euler by hand."""
    rng = np.random.default_rng(6)
    weights, h = rng.normal(0, 1, (6, 6)), rng.normal(size=6)
    unit = Neuron(
        "Unit", "dh/dt = (I - h)/tau : 1; x = gain*h : 1; r = tanh(x) : 1; I : 1 (input); gain = 1; tau = 5 ms"
    )
    net = Network(dtype="float64")
    units = net.add(unit(gain=1.5), 6, "units", initial={"h": h})
    net.connect(units, units, sl.from_matrix(weights), synapse=synapses.RateCoupling)
    for row in net.run(10, dt=0.5, record={units: "h"})[units]["h"]:
        drive = np.tanh(1.5 * h) @ weights
        h = drive + (h - drive) * np.exp(-0.5 / 5)
        assert row == pytest.approx(h, abs=1e-12)


def test_projections_of_one_receptor_and_onto_several_populations_add():
    net = Network(dtype="float64")
    held = net.add(HELD, 2, "held", initial={"v": np.array([-30.0, -50.0])})
    a, rest, b = (net.add(CELL, n, name) for n, name in ((2, "a"), (1, "rest"), (3, "b")))
    net.connect(held, [b, a[1:]], sl.all_to_all(), synapse=GAP, receptor="gap", weight=1.0)
    net.connect(held[1:], b, sl.all_to_all(), synapse=GAP, receptor="gap", weight=2.0)
    out = net.run(500, dt=0.1, record={p: "v" for p in (a, rest, b)})
    for population, expected in ((a, [REST, _mean([-30, -50], [1, 1])]), (rest, [REST])):
        assert out[population]["v"][-1] == pytest.approx(expected, abs=1e-9)
    assert out[b]["v"][-1] == pytest.approx([_mean([-30, -50], [1, 3])] * 3, abs=1e-9)


def _mean(potentials: list[float], conductances: list[float]) -> float:
    """Where a membrane ends between its rest and others that are held."""
    g = np.array(conductances)
    return (REST * C / TAU + (g * potentials).sum()) / (C / TAU + g.sum())


def test_weights_are_read_and_set():
    net = Network(dtype="float64")
    held = net.add(HELD, 1, "held", initial={"v": -30.0})
    cell = net.add(CELL, 3, "cell")
    syn = net.connect(held, cell, sl.all_to_all(), synapse=GAP, weight=1.0)
    net.run(1, dt=0.1)
    assert syn.weights().tolist() == [1, 1, 1] and syn.delays().tolist() == [0, 0, 0]
    syn.set(weights=[0.0, 2.0, 5.0])
    v = net.run(300, record={cell: "v"})[cell]["v"][-1]
    assert v == pytest.approx([_mean([-30], [w]) for w in (0.0, 2.0, 5.0)], abs=1e-9)


@pytest.mark.parametrize("synapse", [GRADED, synapses.GatedSynapse], ids=lambda synapse: synapse.name)
def test_states_that_are_set_between_runs_are_sent(synapse: Synapse):
    """The gate of the sender is what it was; what flows at once is that of the new potential."""
    net = Network(dtype="float64")
    held = net.add(HELD, 2, "held", initial={"v": np.array([-60.0, -50.0])})
    cell = net.add(CELL, 1, "cell")
    net.connect(held, cell, sl.all_to_all(), synapse=synapse, weight=3.0)
    parts = net.build(0.1).parts
    net.run(1.0)
    parts.receivers["held"].group.state["v"][:] = [-39.0, -45.0]
    before = parts.receivers["cell"].group.state["v"].copy()
    after = net.run(0.1, record={cell: "v"})[cell]["v"][0]
    opened = 1 / (1 + np.exp(-(np.array([-39.0, -45.0]) + 40) / 2))
    if synapse is not GRADED:
        opened = (1 - np.exp(-1.0 / 10)) / (1 + np.exp(-(np.array([-60.0, -50.0]) + 40) / 2))
    g = 3.0 * opened.sum()
    rate = 1 / TAU + g / C
    limit = (REST / TAU - 80.0 * g / C) / rate
    assert after == pytest.approx(limit + (before - limit) * np.exp(-rate * 0.1), abs=1e-12)


def test_spikes_and_potentials_act_side_by_side():
    """Recording changes nothing, and a neuron that fires pulls its neighbour by its reset potential."""

    def run(record: Any) -> Any:
        net = Network(seed=1)
        lif = net.add(neurons.LIF(tau_mem=20.0, v_th=20.0, v_reset=10.0, t_ref=2.0), 50, "lif")
        net.drive(lif, sl.Current(np.linspace(10, 40, 50)))
        net.connect(lif, lif, sl.fixed_probability(0.1), synapse=synapses.ExponentialCurrent, weight=20.0, delay=1.0)
        net.connect(lif, lif, sl.symmetric(sl.fixed_probability(0.1)), synapse=GAP, weight=0.05)
        return net.run(100, dt=0.1, record=record)["lif"]

    plain, watched = run({"lif": "spikes"}), run({"lif": ("spikes", "v")})
    assert len(plain.spikes.times) > 100
    np.testing.assert_array_equal(plain.spikes.times, watched.spikes.times)
    np.testing.assert_array_equal(plain.spikes.ids, watched.spikes.ids)


MISTAKES: dict[str, tuple[Any, Any, Any, str]] = {
    "a source": (sl.Poisson(0.1), GAP, None, "drive is a source of spikes, but GapJunction reads states of its sender"),
    "a rule": (CELL, GAP, rules.STDP, "yet: a rule on GapJunction, whose weights are summed once"),
    "a rule of spikes": (
        neurons.Tanh, synapses.RateCoupling, Rule("R", "", on_pre="w += 1"),
        "drive to cell: Tanh has no threshold, so on_pre= of R would never run",
    ),
    "no such state": (neurons.Tanh, GAP, None, "'v_pre' stands for 'v' of Tanh, which it does not have"),
    "an input": (
        Neuron("M", "dh/dt = -h/ms : mV; v = h + I : mV; I : mV (input)"), GAP, None,
        "'v_pre' stands for 'v' of M, which reads 'I', which is no state",
    ),
    "an array of the neuron": (
        Neuron("M", "dh/dt = -h/ms : mV; v = a*h : mV; a = 2")(a=[1.0, 2.0]), GAP, None,
        "'a' of M is sent: it must be one number, got an array",
    ),
    "a parameter": (
        CELL, Synapse("S", "out = w*C_pre : pA"), None, "'C_pre' stands for 'C' of Cell, which is a parameter"
    ),
    "units": (CELL, Synapse("S", "out = g*v_pre*exp(v_post) : pA; g = 1 nS"), None, "takes a plain number"),
    "an array": (CELL, GRADED(theta=[1.0, 2.0]), None, "'theta' of GradedSynapse is sent: it must be one number"),
    "no spikes": (CELL, None, None, "drive sends no spikes: its model has no threshold"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_told(case: str):
    model, synapse, rule, message = MISTAKES[case]
    net = Network()
    drive, cell = net.add(model, 2, "drive"), net.add(CELL, 2, "cell")
    with pytest.raises((InputError, ModelError, UnitError), match=message):
        net.connect(drive, cell, sl.all_to_all(), synapse=synapse, rule=rule)
        net.build(0.1)


def test_what_is_computed_for_each_synapse_needs_one_population_that_receives():
    net = Network()
    a, _, b = (net.add(CELL, 2, name) for name in "abc")
    net.connect(a, [a, b], sl.all_to_all(), synapse=EACH)
    with pytest.raises(ModelError, match="several populations that receive; connect each by itself"):
        net.run(1)
