"""Threads share a run and change nothing in it: neither a spike, nor a recorded state, nor a weight."""

from itertools import pairwise

import numpy as np
import pytest

from spikelet import neurons
from spikelet.errors import InputError
from spikelet.rules import STDP
from spikelet.sim import session
from spikelet.sim.connect import build, fixed_indegree, fixed_probability, one_to_one
from spikelet.sim.currents import noise, sinusoid
from spikelet.sim.cut import cut
from spikelet.sim.distributions import normal, uniform
from spikelet.sim.network import Network
from spikelet.sim.share import Share
from spikelet.sim.sources import Gamma, Poisson
from spikelet.synapses import ExponentialCurrent, TsodyksMarkram

LIF = neurons.LIF(tau_mem=20.0, v_rest=0.0, v_reset=10.0, v_th=20.0, t_ref=2.0)


@pytest.fixture(autouse=True)
def small_networks_are_shared(monkeypatch):
    monkeypatch.setattr(session, "_SHARED", 0)
    monkeypatch.setattr(session, "_LONG", 0)


def network(delay=1.5, sizes=(700, 190)) -> Network:
    """Return two populations with all ways in which something arrives."""
    net = Network(seed=5)
    E, I = net.add(LIF, sizes[0], "E", initial={"v": uniform(0, 20)}), net.add(LIF, sizes[1], "I")
    direct, listed = net.add(Poisson(15.0), sum(sizes), "direct"), net.add(Gamma(0.5, order=3), 60, "listed")
    net.connect(direct, [E, I], one_to_one(), to="v", weight=0.1, delay=1.5)
    net.connect(listed, [I, E], fixed_probability(0.1), to="v", weight=0.3, delay=delay)
    net.connect(E, [E, I], fixed_indegree(60), to="v", weight=normal(0.2, 0.05), delay=delay)
    net.connect(I, [E, I], fixed_indegree(20), to="v", weight=-0.8, delay=delay)
    net.connect(E[100:300], I, fixed_probability(0.1), to="v", weight=0.1, delay=uniform(2.0, 4.0))
    net.drive(E[50:], noise(0.1), to="v")
    net.drive(I, sinusoid(0.2, 0.02), to="v")
    return net


@pytest.mark.parametrize("delay", [1.5, 0.1])
def test_spikes_and_states_are_those_of_one_thread(delay):
    runs = {}
    for threads in (1, 2, 3):
        net = network(delay)
        record = {"E": ("spikes", "v"), "I": "spikes", "listed": "spikes"}
        runs[threads] = net.run(40.0, record=record, every=7, threads=threads)
    assert len(runs[1]["E"].spikes) > 200
    for threads in (2, 3):
        assert runs[threads].spike_hash() == runs[1].spike_hash()
        assert np.array_equal(runs[threads]["E"]["v"], runs[1]["E"]["v"])


def test_the_number_may_change_from_run_to_run():
    one, many = network(), network()
    for threads in (2, 1, 3, 2):
        assert many.run(7.3, threads=threads).spike_hash() == one.run(7.3).spike_hash()


def test_weights_are_read_and_set_as_described_after_synapses_have_changed_places():
    one, many = network(), network()
    for net, threads in ((one, 1), (many, 2)):
        net.run(5.0, threads=threads)
    for name, projection in one.projections.items():
        assert np.array_equal(projection.weights(), many.projections[name].weights())
        assert np.array_equal(projection.targets(), many.projections[name].targets())
        new = np.linspace(-0.5, 0.5, len(projection))
        projection.set(weights=new)
        many.projections[name].set(weights=new)
        assert np.allclose(many.projections[name].weights(), new, atol=1e-6)
    assert many.run(20.0, threads=2).spike_hash() == one.run(20.0).spike_hash()


def test_a_checkpoint_of_two_threads_goes_on_with_one(tmp_path):
    one, many = network(), network()
    one.run(11.0)
    many.run(11.0, threads=2)
    many.save(tmp_path / "net.safetensors")
    loaded = Network.load(tmp_path / "net.safetensors")
    assert loaded.run(15.0).spike_hash() == one.run(15.0).spike_hash()


def test_spikes_without_delay_reach_neurons_of_other_threads():
    def layers() -> Network:
        net = Network(seed=2)
        drive = net.add(Poisson(2.0), 300, "drive")
        names = [net.add(LIF(t_ref=0.0), 300, name) for name in "ABC"]
        net.connect(drive, names[0], one_to_one(), to="v", weight=12.0)
        for pre, post in pairwise(names):
            net.connect(pre, post, fixed_indegree(30), to="v", weight=4.0, delay=0)
        return net

    one, two = (layers().run(20.0, threads=threads) for threads in (1, 2))
    assert len(one["C"].spikes) > 100
    assert two.spike_hash() == one.spike_hash()


@pytest.mark.parametrize("what", ["rule", "short-term"])
def test_what_has_no_shares_runs_in_one_thread(what):
    def made() -> Network:
        net = Network(seed=2)
        drive, A = net.add(Poisson(0.5), 100, "drive"), net.add(LIF, 150, "A")
        if what == "rule":
            net.connect(drive, A, fixed_indegree(20), to="v", weight=1.5, rule=STDP(w_max=3.0))
        else:
            net.connect(drive, A, fixed_indegree(20), to="I", synapse=TsodyksMarkram, weight=80.0)
        net.connect(A, A, fixed_indegree(5), to="I", synapse=ExponentialCurrent, weight=5.0)
        return net

    runs = [made().run(50.0, threads=threads) for threads in (1, 2)]
    assert len(runs[0]["A"].spikes) > 20
    assert runs[1].spike_hash() == runs[0].spike_hash()


def test_a_small_network_is_not_shared(monkeypatch):
    monkeypatch.undo()
    net = network()
    net.build(0.1)
    assert len(session.shares(net.built.parts, 6, 100_000)) == 1  # 890 neurons, 15 steps: waiting would take longer
    assert len(session.shares(net.built.parts, 4, 100_000)) == 4
    assert len(session.shares(net.built.parts, 4, 100)) == 1  # and here beginning


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_a_wrong_number_is_refused(threads):
    with pytest.raises(InputError, match="run: threads must be a positive integer"):
        network().run(1.0, threads=threads)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 1000])
def test_shares_are_all_neurons_once(n, count):
    borders = [Share(number, count).of(n) for number in range(count)]
    assert [i for lo, hi in borders for i in range(lo, hi)] == list(range(n))
    assert all(lo % 64 == 0 or lo == n for lo, _ in borders)


@pytest.mark.parametrize("weight", [0.5, normal(1, 0.2)])
def test_a_cut_keeps_the_order_of_each_thread(weight):
    edges = build(
        fixed_indegree(9), 40, 100, same=False, weight=weight, delay=uniform(0.1, 0.6), dt=0.1, seed=3, stream=1,
        dtype=np.float64,
    )  # fmt: skip
    owner = np.random.default_rng(0).integers(0, 3, 100).astype(np.uint8)
    before = [
        (edges.targets[a:b].copy(), np.broadcast_to(edges.weights, edges.targets.shape)[a:b].copy())
        for a, b in pairwise(edges.pointer)
    ]
    found = cut(edges, owner, 3)
    weights = np.broadcast_to(edges.weights, edges.targets.shape)
    for segment, (targets, values) in enumerate(before):
        for thread in range(3):
            place = slice(found[3 * segment + thread], found[3 * segment + thread + 1])
            assert np.array_equal(edges.targets[place], targets[owner[targets] == thread])
            assert np.array_equal(weights[place], values[owner[targets] == thread])


@pytest.mark.parametrize("threads", [1, 2])
def test_what_has_died_away_is_zero(threads):
    net = Network(seed=1)
    quiet = net.add(LIF(tau_mem=1.0, v_th=1e9), 300, "quiet", initial={"v": 1.0})
    last = net.run(200.0, record={quiet: "v"}, threads=threads)["quiet"]["v"][-1]
    assert (last == 0).all()  # exp(-200) of float32 would be a denormal, a hundred times as slow to compute
