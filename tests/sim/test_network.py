"""Networks whole: against closed forms and a slow simulation in NumPy; the same spikes however the run is cut."""

import os
import signal
import threading

import numpy as np
import pytest

from spikelet import neurons, simulate
from spikelet.backends import llvm_jit
from spikelet.backends.numpy_reference import Interpreter
from spikelet.errors import InputError
from spikelet.ir.lower import lower
from spikelet.sim.connect import all_to_all, fixed_indegree, from_arrays, from_matrix, one_to_one
from spikelet.sim.currents import noise, sinusoid
from spikelet.sim.distributions import normal, uniform
from spikelet.sim.network import Network
from spikelet.sim.result import join
from spikelet.sim.sources import Poisson, SpikeTrain
from spikelet.synapses import AlphaCurrent, ExponentialCurrent, TsodyksMarkram

DT = 0.1
QUIET = neurons.LIF(tau_mem=20.0, v_th=1e9)  # never fires
ACTIVE = neurons.LIF(tau_mem=20.0, v_th=20.0, v_reset=10.0, t_ref=2.0)


def lone_jump(delay: float, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """Return times and membrane of a neuron that gets one spike of weight 3 sent at 1 ms."""
    net = Network(dtype=dtype)
    train, cell = net.add(SpikeTrain([1.0], [0]), 1, "train"), net.add(QUIET, 1, "cell")
    net.connect(train, cell, one_to_one(), to="v", weight=3.0, delay=delay)
    result = net.run(10.0, dt=DT, record={cell: "v"})
    return result[cell].t, result[cell]["v"][:, 0]


@pytest.mark.parametrize("delay", [0.1, 0.7, 1.5])
def test_a_jump_arrives_after_its_delay_and_decays(delay):
    t, v = lone_jump(delay)
    arrival = 1.0 + delay
    expected = np.where(t > arrival - 1e-9, 3.0 * np.exp(-(t - arrival) / 20.0), 0.0)
    np.testing.assert_allclose(v, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("tau_syn", [5.0, 20.0])
def test_a_postsynaptic_potential_has_its_shape(tau_syn):
    net = Network(dtype="float64")
    train, cell = net.add(SpikeTrain([1.0], [0]), 1), net.add(neurons.LIF(tau_mem=20.0, v_th=1e9, R=2.0), 1, "cell")
    net.connect(train, cell, one_to_one(), synapse=ExponentialCurrent(tau_syn=tau_syn), weight=3.0, delay=0.5)
    result = net.run(60.0, dt=DT, record={cell: "v"})
    s = result[cell].t - 1.5
    if tau_syn == 20.0:
        shape = s / 20.0 * np.exp(-s / 20.0)
    else:
        shape = tau_syn / (tau_syn - 20.0) * (np.exp(-s / tau_syn) - np.exp(-s / 20.0))
    np.testing.assert_allclose(result[cell]["v"][:, 0], np.where(s > -1e-9, 6.0 * shape, 0.0), rtol=1e-9, atol=1e-12)


# -- against a slow simulation ----------------------------------------------------------------------------------------


def slow(model, jumps, matrix, delays, drive, steps):
    """Run a network with jumps of ``v`` as dense arithmetic; returns the spikes (steps, n) and the last v."""
    step, n = lower(model, jumps), len(matrix)
    interpreter = Interpreter(step, model.parameters, dt=DT, dtype=np.float64)
    state = interpreter.initial((n,))
    fired = np.zeros((steps, n))
    for k in range(steps):
        arriving = drive[k].copy()
        for d in np.unique(delays):
            if k >= d:
                arriving += fired[k - d] @ np.where(delays == d, matrix, 0.0)
        spikes, state = interpreter({"v": arriving}, state, np.arange(n), k)
        fired[k] = spikes
    return fired, state["v"]


def random_network(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    present = random.random((n, n)) < 0.2
    matrix = np.where(present, random.normal(0.5, 1.5, (n, n)), 0.0)
    return matrix, random.integers(3, 25, (n, n)), present


def test_a_random_network_fires_as_a_slow_simulation_does():
    n, steps = 40, 900
    matrix, delays, present = random_network(1, n)
    sources, targets = np.nonzero(present)
    times = np.random.default_rng(2).poisson(0.12, (steps, n))
    k, ids = np.nonzero(times)
    k, ids = np.repeat(k, times[k, ids]), np.repeat(ids, times[k, ids])
    net = Network(dtype="float64")
    drive, cells = net.add(SpikeTrain((k + 1) * DT, ids), n, "drive"), net.add(ACTIVE, n, "cells")
    net.connect(drive, cells, one_to_one(), to="v", weight=1.7, delay=DT)
    net.connect(cells, cells, from_arrays(sources, targets), to="v", weight=matrix[present], delay=delays[present] * DT)
    result = net.run(steps * DT, dt=DT, record={cells: ("spikes", "v")})
    held = np.zeros((steps, n))
    held[1:] = 1.7 * times[:-1]
    fired, v = slow(ACTIVE, ("v",), matrix, delays, held, steps)
    assert fired.sum() > 300
    steps_of, ids_of = np.nonzero(fired)
    np.testing.assert_array_equal(result[cells].spikes.steps, steps_of)
    np.testing.assert_array_equal(result[cells].spikes.ids, ids_of)
    np.testing.assert_allclose(result[cells]["v"][-1], v, rtol=1e-9, atol=1e-9)


# -- the same, however it is cut --------------------------------------------------------------------------------------


def brunel(seed: int = 3, *, dtype: str = "float32", drive: float = 20.0) -> Network:
    """Return a small network of Brunel's kind."""
    net = Network(seed, dtype=dtype)
    E, I = net.add(ACTIVE, 400, "E", initial={"v": uniform(0, 20)}), net.add(ACTIVE, 100, "I")
    noise = net.add(Poisson(drive), 500, "noise")
    net.connect(noise, [E, I], one_to_one(), to="v", weight=0.1, delay=1.5)
    net.connect(E, [E, I], fixed_indegree(40), to="v", weight=normal(0.2, 0.02), delay=uniform(0.8, 2.0))
    net.connect(I, [E, I], fixed_indegree(10), synapse=AlphaCurrent, weight=-4.0, delay=1.0)
    return net


def test_pieces_of_a_run_are_one_run():
    whole = brunel().run(60.0)
    net = brunel()
    pieces = [net.run(t) for t in (0.1, 7.0, 12.9, 0.3, 39.7)]
    assert len(whole["E"].spikes) > 200
    assert join(pieces).spike_hash() == whole.spike_hash()
    assert net.t == pytest.approx(60.0)


def test_recording_changes_nothing():
    plain, watched = brunel(), brunel()
    hashes = plain.run(30.0).spike_hash()
    everything = watched.run(30.0, record={"E": ("spikes", "v"), "I": ("spikes", "v"), "noise": "spikes"}, every=7)
    assert everything["E"].t == pytest.approx(np.arange(0.7, 30.0, 0.7))
    assert everything["E"]["v"].shape == (42, 400)
    spikes = {name: everything[name].spikes for name in ("E", "I")}
    again = brunel().run(30.0)
    for name, found in spikes.items():
        np.testing.assert_array_equal(found.ids, again[name].spikes.ids)
        np.testing.assert_array_equal(found.times, again[name].spikes.times)
    assert again.spike_hash() == hashes
    assert everything["noise"].rate() == pytest.approx(20.0, rel=0.01)


def test_traces_of_pieces_fit_together():
    net, whole = brunel(), brunel().run(20.0, record={"I": "v"}, every=3)
    parts = [net.run(t, record={"I": "v"}, every=3) for t in (4.1, 15.9)]
    found = join(parts)
    np.testing.assert_array_equal(found["I"]["v"], whole["I"]["v"])
    np.testing.assert_allclose(found["I"].t, whole["I"].t)


def test_a_listed_source_sends_what_an_added_one_does():
    """A Poisson source onto its own neurons needs no list of spikes; with a weight each it does."""
    counts = []
    for weight in (0.25, np.full(50, 0.25)):
        net = Network(seed=5, dtype="float64")
        noise, cells = net.add(Poisson(3.0), 50, "noise"), net.add(QUIET, 50, "cells")
        pattern = one_to_one() if np.ndim(weight) == 0 else from_arrays(np.arange(50), np.arange(50))
        net.connect(noise, cells, pattern, to="v", weight=weight, delay=0.4)
        counts.append(net.run(20.0, dt=DT, record={cells: "v"})[cells]["v"])
    np.testing.assert_allclose(counts[0], counts[1], rtol=1e-13)
    assert (counts[0][:4] == 0).all() and (counts[0][-1] > 0).all()


# -- who is connected -------------------------------------------------------------------------------------------------


def test_a_list_of_targets_is_numbered_through_in_its_order():
    net = Network(dtype="float64")
    A, B, C = (net.add(QUIET, n, name) for n, name in ((3, "A"), (2, "B"), (2, "C")))
    train = net.add(SpikeTrain([0.1], [0]), 1, "train")
    weights = np.arange(1.0, 8.0)[None]
    net.connect(train, [C, A[1:], B], from_matrix(weights[:, :6]), to="v")  # not neighbours in the network
    net.connect(train, [A, B, C], from_matrix(10 * weights), to="v")  # neighbours
    result = net.run(0.3, dt=DT, record={p: "v" for p in (A, B, C)})
    found = {p.name: np.round(result[p]["v"][1], 6).tolist() for p in (A, B, C)}
    assert found == {"A": [10.0, 23.0, 34.0], "B": [45.0, 56.0], "C": [61.0, 72.0]}


def test_a_neuron_in_a_list_of_targets_can_be_kept_from_itself():
    net = Network()
    E, I = net.add(ACTIVE, 6, "E"), net.add(ACTIVE, 4, "I")
    every = net.connect(I, [E, I], all_to_all(autapses=False), to="v")
    net.build(DT)
    pairs = set(zip(every.sources().tolist(), every.targets().tolist(), strict=True))
    assert len(pairs) == len(every) == 36
    assert not any((i, 6 + i) in pairs for i in range(4))


def test_a_slice_sends_alone():
    net = Network(dtype="float64")
    train = net.add(SpikeTrain([0.1, 0.1, 0.1], [0, 1, 2]), 3, "train")
    cells = net.add(QUIET, 2, "cells")
    net.connect(train[1:], cells, from_matrix([[1.0, 2.0], [4.0, 8.0]]), to="v")
    result = net.run(0.2, dt=DT, record={cells: "v"})
    assert result[cells]["v"][1].tolist() == [5.0, 10.0]


def test_weights_are_read_and_set_by_source_and_target():
    net = Network(seed=2, dtype="float64")
    cells = net.add(QUIET, 5, "cells")
    train = net.add(SpikeTrain([0.1], [2]), 4, "train")
    syn = net.connect(train, cells, all_to_all(), to="v", weight=uniform(0, 1), delay=uniform(0.1, 0.5))
    net.build(DT)
    assert syn.sources().tolist() == np.repeat(np.arange(4), 5).tolist()
    assert syn.targets().tolist() == np.tile(np.arange(5), 4).tolist()
    assert syn.delays().min() >= 0.1 - 1e-9 and len(set(syn.delays())) > 2
    syn.set(weights=np.arange(20.0))
    assert syn.weights().tolist() == np.arange(20.0).tolist()
    result = net.run(1.0, dt=DT, record={cells: "v"})
    arrived = syn.delays()[10:15] + 0.1
    v = result[cells]["v"][-1] * np.exp((1.0 - arrived) / 20.0)
    np.testing.assert_allclose(v, np.arange(10.0, 15.0), rtol=1e-9)
    syn.set(weights=2.5)
    assert syn.weights().tolist() == [2.5] * 20


# -- what is compiled, and Ctrl-C -------------------------------------------------------------------------------------


def test_sizes_parameters_weights_and_seeds_compile_nothing():
    brunel().run(2.0)
    before = llvm_jit.COMPILED["compiled"], llvm_jit.COMPILED["loaded"]
    net = Network(seed=9)
    model = neurons.LIF(tau_mem=11.0, v_th=15.0, v_reset=5.0, t_ref=1.0)
    E, I = net.add(model, 311, "E"), net.add(model, 17, "I")
    noise = net.add(Poisson(14.0), 328, "noise")
    net.connect(noise, [E, I], one_to_one(), to="v", weight=0.3, delay=0.7)
    net.connect(E, [E, I], fixed_indegree(21), to="v", weight=normal(0.1, 0.02), delay=uniform(0.4, 3.0))
    net.connect(I, [E, I], fixed_indegree(3), synapse=AlphaCurrent(tau_syn=3.0), weight=-3.0, delay=2.0)
    net.run(3.0)
    assert (llvm_jit.COMPILED["compiled"], llvm_jit.COMPILED["loaded"]) == before


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no signals of this kind")
def test_ctrl_c_returns_what_has_been_simulated():
    net = brunel()
    net.build(DT)
    handler = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    result = net.run(1e6)
    timer.join()
    assert result.interrupted and 0 < result.t_stop < 1e6
    assert signal.getsignal(signal.SIGINT) is handler
    whole = brunel().run(round(result.t_stop + 5.0, 3))
    assert join([result, net.run(5.0)]).spike_hash() == whole.spike_hash()


def test_a_receptor_may_begin_with_a_value():
    net = Network(seed=1, dtype="float64")
    cells = net.add(QUIET, 4, "cells", initial={"ampa_i": uniform(1, 2), "v": 3.0})
    net.connect(cells, cells, all_to_all(), synapse=ExponentialCurrent(tau_syn=5.0), receptor="ampa")
    result = net.run(2.0, dt=DT, record={"cells": ("v", "ampa_i")})
    i = result["cells"]["ampa_i"]
    first = i[0] * np.exp(DT / 5.0)
    assert (first > 1).all() and (first < 2).all() and len(set(first)) == 4
    np.testing.assert_allclose(i, first * np.exp(-result["cells"].t / 5.0)[:, None], rtol=1e-12)
    assert result["cells"]["v"][0] == pytest.approx(3.0, rel=0.02)


# -- short-term plasticity --------------------------------------------------------------------------------------------


def released(times: np.ndarray, synapse) -> np.ndarray:
    """Return what each spike of a train releases, by the paper's iteration."""
    p = synapse.parameters
    u, x, found = 0.0, 1.0, []
    for gap in np.diff(times, prepend=times[0]):
        u *= np.exp(-gap / p["tau_fac"])
        x = 1 + (x - 1) * np.exp(-gap / p["tau_rec"])
        u += p["U"] * (1 - u)
        found.append(u * x)
        x -= u * x
    return np.array(found)


def test_what_a_plastic_terminal_releases_travels_with_the_spike():
    """Two delays and two sources, one of them silent at first; the current is recorded in the receptor's state."""
    times = np.array([1.0, 4.0, 5.5, 9.0, 30.0])
    net = Network(dtype="float64")
    train = net.add(SpikeTrain(np.append(times, [20.0, 22.0]), np.append(np.ones(5, int), [2, 2])), 4, "train")
    cells = net.add(QUIET, 2, "cells")
    matrix = from_arrays([0, 1, 0, 1], [0, 0, 1, 1])
    net.connect(
        train[1:3], cells, matrix, synapse=TsodyksMarkram, receptor="syn", weight=np.array([2.0, 5.0, 3.0, 7.0]),
        delay=np.array([0.5, 0.5, 2.5, 2.5]),
    )  # fmt: skip
    result = net.run(40.0, dt=DT, record={cells: "syn_i"})
    t, tau = result[cells].t[:, None], TsodyksMarkram.parameters["tau_syn"]
    for cell, (weights, delay) in enumerate((((2.0, 5.0), 0.5), ((3.0, 7.0), 2.5))):
        expected = 0.0
        for sent, weight in zip((times, np.array([20.0, 22.0])), weights, strict=True):
            s = t - sent - delay
            shape = np.where(s > -1e-9, np.exp(-np.maximum(s, 0) / tau), 0.0)
            expected = expected + shape @ (weight * released(sent, TsodyksMarkram))
        np.testing.assert_allclose(result[cells]["syn_i"][:, cell], expected, rtol=1e-9, atol=1e-12)


def test_spikes_of_neurons_are_released_as_those_of_sources_are():
    def current(through_neuron: bool) -> np.ndarray:
        net = Network(dtype="float64")
        train = net.add(SpikeTrain([1.0, 3.0, 4.0], [1, 1, 1]), 3, "train")
        relay, cell = net.add(neurons.LIF(v_th=0.5), 3, "relay"), net.add(QUIET, 1, "cell")
        net.connect(train, relay, one_to_one(), to="v", delay=DT)
        sender = relay if through_neuron else train
        delay = 0.7 if through_neuron else 0.7 + DT
        net.connect(sender, cell, all_to_all(), synapse=TsodyksMarkram, receptor="syn", weight=4.0, delay=delay)
        return net.run(9.0, dt=DT, record={cell: "syn_i"})[cell]["syn_i"]

    np.testing.assert_allclose(current(True), current(False), rtol=1e-12)
    assert current(True).max() > 0.1


# -- currents ---------------------------------------------------------------------------------------------------------


def test_a_constant_current_is_integrated_exactly_whatever_the_step():
    for dt in (0.1, 0.5, 2.0):
        net = Network(dtype="float64")
        cells = net.add(neurons.LIF(tau_mem=20.0, v_th=1e9, R=2.0), 3, "cells")
        net.drive(cells, np.array([1.0, 0.0, 3.0]))
        net.drive(cells[2], 0.5)
        result = net.run(10.0, dt=dt, record={cells: "v"})
        rise = -np.expm1(-result[cells].t / 20.0)[:, None]
        np.testing.assert_allclose(result[cells]["v"], 2.0 * rise * [1.0, 0.0, 3.5], rtol=1e-12)


def test_currents_that_change_are_those_of_run_and_do_not_see_pieces():
    current = sinusoid(3.0, frequency=0.05, offset=1.0)
    model = neurons.LIF(tau_mem=10.0, v_th=0.9, t_ref=1.0)

    def made() -> Network:
        net = Network(seed=3, dtype="float64")
        one, two = net.add(model, 2, "one"), net.add(model, 3, "two")
        net.drive([one, two], current)
        net.drive(two, noise(0.5, tau=4.0))
        net.drive(two, noise(0.2))
        return net

    whole = made().run(150.0, dt=0.1, record={"one": ("spikes", "v"), "two": ("spikes", "v")})
    rows = current.rows(0, 1500, 2, 0.1)
    alone = simulate.run(model, np.broadcast_to(rows, (1500, 2)), t=150.0, dt=0.1, record="v", dtype="float64")
    assert len(alone.spikes.times) > 10
    np.testing.assert_allclose(whole["one"]["v"], alone["v"], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(whole["one"].spikes.times, alone.spikes.times)
    net = made()
    pieces = join([net.run(t, dt=0.1, record={"two": ("spikes", "v")}) for t in (3.3, 0.1, 140.0, 6.6)])
    np.testing.assert_array_equal(pieces["two"]["v"], whole["two"]["v"])
    assert np.ptp(whole["two"]["v"][-1]) > 0  # each neuron has its own noise


# -- no delay ---------------------------------------------------------------------------------------------------------


def test_a_stack_without_delays_runs_whole_steps_in_order():
    """B is made before A, which sends to it at once; a slow simulation steps A first."""
    random = np.random.default_rng(6)
    W, U = random.normal(40.0, 30.0, (8, 6)), random.normal(0.0, 20.0, (6, 8))
    given = random.normal(1.2, 0.6, (300, 8))
    A, B = neurons.LIF(tau_mem=5.0, v_th=0.8), neurons.LIF(tau_mem=7.0, v_th=0.5, t_ref=0.3)
    net = Network(dtype="float64")
    b, a = net.add(B, 6, "b"), net.add(A, 8, "a")
    net.connect(a, b, from_matrix(W), delay=0)
    net.connect(b, a, from_matrix(U), delay=0.2)
    net.drive(a, given)
    result = net.run(30.0, dt=DT)
    first, second = (Interpreter(lower(m), m.parameters, dt=DT, dtype=np.float64) for m in (A, B))
    states, found = [first.initial((8,)), second.initial((6,))], [np.zeros((300, 8)), np.zeros((300, 6))]
    for k in range(300):
        back = found[1][k - 2] @ U if k >= 2 else 0.0
        found[0][k], states[0] = first({"I": given[k] + back}, states[0], np.arange(8), k)
        found[1][k], states[1] = second({"I": found[0][k] @ W}, states[1], np.arange(6), k)
    for name, fired in zip("ab", found, strict=True):
        k, ids = np.nonzero(fired)
        assert len(k) > 15
        np.testing.assert_array_equal(result[name].spikes.steps, k)
        np.testing.assert_array_equal(result[name].spikes.ids, ids)


def test_a_circle_without_delays_is_an_error():
    net = Network()
    a, b = net.add(ACTIVE, 2, "a"), net.add(ACTIVE, 2, "b")
    net.connect(a, b, one_to_one(), delay=0)
    net.connect(b, a, one_to_one(), delay=0)
    with pytest.raises(InputError, match="spikes cannot go in a circle: (a to b to a|b to a to b)"):
        net.build(DT)
