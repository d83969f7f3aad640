"""Delays that are set between runs: each spike arrives once, after the delay that it was sent with."""

from pathlib import Path

import numpy as np
import pytest

from spikelet import neurons, rules
from spikelet.errors import InputError
from spikelet.sim import session
from spikelet.sim.connect import (
    all_to_all,
    convolution,
    fixed_indegree,
    fixed_probability,
    from_arrays,
    low_rank,
    one_to_one,
)
from spikelet.sim.distributions import normal, uniform
from spikelet.sim.network import Network
from spikelet.sim.result import join
from spikelet.sim.sources import Poisson, SpikeTrain
from spikelet.synapses import TsodyksMarkram

QUIET = neurons.LIF(tau_mem=20.0, v_th=1e9)
RELAY = neurons.LIF(tau_mem=20.0, v_th=0.5, t_ref=0.1)
ACTIVE = neurons.LIF(tau_mem=20.0, v_th=20.0, v_reset=10.0, t_ref=2.0)
CHANGES = (6.0, 9.5, 9.5, 21.0)  # twice while spikes are on their way, and twice at once


def described(form: str, dtype: str = "float64") -> tuple[Network, list]:
    """Return relays that fire at random, and what they send to: all of it is to change its delays."""
    random = np.random.default_rng(2)
    net = Network(seed=3, dtype=dtype)
    times = np.sort(random.uniform(0.2, 34.0, 300))
    train = net.add(SpikeTrain(times, random.integers(0, 12, 300)), 12, "train")
    relay, B, C = net.add(RELAY, 12, "relay"), net.add(QUIET, 9, "B"), net.add(QUIET, 12, "C")
    net.connect(train, relay, one_to_one(), to="v")
    given = {"to": "v", "weight": normal(1, 0.2), "delay": uniform(0.3, 2.0)}
    if form == "bundle":
        made = [net.connect(relay, p, fixed_indegree(4, multapses=False), **given) for p in (B, C)]
        net.connect(relay, C, fixed_indegree(3), to="v", weight=-0.25, delay=0.5)
    elif form == "pieces":
        made = [net.connect(relay, [C, B[2:]], fixed_indegree(4, multapses=False), **given)]
    elif form == "source":
        made = [net.connect(train, C, one_to_one(), to="v", delay=1.0)]
    elif form == "learning nearby":
        made = [net.connect(relay, C, fixed_indegree(4, multapses=False), **given)]
        net.connect(relay, relay, fixed_indegree(3), to="v", weight=0.5, delay=0.5, rule=rules.STDP)
    else:
        pattern = {
            "dense": all_to_all(),
            "one-to-one": one_to_one(),
            "convolution": convolution(random.normal(size=(3, 3, 2)), (3, 4), padding=(1,), stride=1),
            "low-rank": low_rank(random.normal(size=(12, 2)), random.normal(size=(2, 12))),
            "procedural": fixed_probability(0.5),
        }[form]
        n = 15 if form == "convolution" else 12
        targets = net.add(QUIET, n, "D")
        made = [net.connect(relay, targets, pattern, to="v", delay=1.3, storage=form)]
    return net, made


FORMS = ("bundle", "pieces", "source", "dense", "one-to-one", "convolution", "low-rank", "procedural")


def delays_of(syn, number: int) -> np.ndarray | float:
    """Return the delays that change number so and so sets."""
    if syn.edges.kind == "sparse" and syn.name.startswith("relay") and len(np.unique(syn.delays())) > 1:
        random = np.random.default_rng(number)
        return np.round(random.uniform(0.1, (5.0, 0.6, 12.0, 1.0)[number], len(syn)), 1) + 0.1
    return (4.2, 0.3, 7.7, 0.1)[number]


@pytest.mark.parametrize("form", FORMS)
def test_each_spike_arrives_after_the_delay_that_it_was_sent_with(form):
    net, made = described(form)
    net.build(0.1)
    recorded = {p.name: ("spikes", "v") if p.spiking else "v" for p in net.populations.values() if p.name != "train"}
    recorded["train"] = "spikes"
    history = [[(0.0, syn.delays())] for syn in made]
    parts = []
    for number, time in enumerate(CHANGES):
        if time > net.t:
            parts.append(net.run(time - net.t, record=recorded))
        for syn, known in zip(made, history, strict=True):
            syn.set(delays=delays_of(syn, number))
            expected = np.broadcast_to(delays_of(syn, number), (len(syn),))
            known.append((net.t, syn.delays()))
            if form not in ("bundle", "pieces"):
                np.testing.assert_allclose(syn.delays(), expected)
    result = join([*parts, net.run(40.0 - net.t, record=recorded)])
    names = {view.population.name for syn in net.projections.values() for view in syn.post} - {"relay"}
    expected = {name: np.zeros_like(result[name]["v"]) for name in names}
    t = result["B"].t
    for syn in net.projections.values():
        if syn.name != "train to relay":
            known = history[made.index(syn)] if syn in made else [(0.0, syn.delays())]
            arrive(syn, known, result, expected, t)
    for name, values in expected.items():
        np.testing.assert_allclose(result[name]["v"], values, rtol=1e-9, atol=1e-9)
    assert max(np.abs(values).max() for values in expected.values()) > 1


def arrive(syn, known, result, expected, t) -> None:
    """Add what arrives over the synapses of a projection, spike by spike."""
    targets = [(view.population.name, view.start + i) for view in syn.post for i in range(len(view))]
    spikes = result[syn.pre.population.name].spikes
    since = np.array([time for time, _ in known])
    number = np.searchsorted(since, spikes.times - 0.05, side="right") - 1  # sent in the step before the time
    for e, (source, target, weight) in enumerate(zip(syn.sources(), syn.targets(), syn.weights(), strict=True)):
        name, neuron = targets[target]
        for time, change in zip(spikes.times[spikes.ids == source], number[spikes.ids == source], strict=True):
            arrival = time + known[change][1][e]
            expected[name][:, neuron] += weight * np.where(t > arrival - 1e-9, np.exp(-(t - arrival) / 20.0), 0.0)


def brunel(released: bool = True) -> tuple[Network, list]:
    """Return an active network with short-term plasticity and noise."""
    net = Network(4)
    E, I = net.add(ACTIVE, 80, "E", initial={"v": uniform(0, 20)}), net.add(ACTIVE, 20, "I")
    noise = net.add(Poisson(20.0), 100, "noise")
    made = [net.connect(noise, [E, I], one_to_one(), to="v", weight=0.11, delay=1.5)]
    made.append(net.connect(E, [E, I], fixed_indegree(10), to="v", weight=normal(0.5, 0.1), delay=uniform(0.8, 2.0)))
    releases = {"synapse": TsodyksMarkram} if released else {"to": "v"}  # sending halves run in one thread
    made.append(net.connect(I, [E, I], all_to_all(), **releases, weight=-4.0 if released else -0.5, delay=1.0))
    net.drive(E, 0.1)
    return net, made


def changed(tmp_path: Path | None, cuts: tuple[float, ...], threads: tuple[int, ...] = (1,)):
    """Run with changes of delays, in so many threads in turn; save and load at each cut where there is a path."""
    net, made = brunel(released=len(threads) == 1)
    names = [syn.name for syn in made]
    results = []
    ends = sorted({*cuts, 10.0, 11.0, 14.0, 30.0})
    for number, end in enumerate(ends):
        if end - net.t > 1e-9:
            record = {"E": ("spikes", "v"), "I": ("spikes", "v")}
            results.append(net.run(end - net.t, record=record, threads=threads[number % len(threads)]))
        syns = [net.projections[name] for name in names]
        if end == 10.0:
            syns[1].set(delays=lambda d: 3 * d)
            syns[0].set(delays=3.0)
        if end == 11.0:
            syns[2].set(delays=0.4)
        if end == 14.0:
            syns[1].set(delays=0.7)
            syns[1].set(weights=lambda w: 1.1 * w)
        if tmp_path is not None and end in cuts:
            net.save(tmp_path / "net")
            net = Network.load(tmp_path / "net")
    return join(results)


def test_neither_cuts_nor_files_change_anything(tmp_path: Path):
    whole = changed(None, ())
    assert len(whole["E"].spikes) > 40
    for path, cuts in ((None, (3.0, 10.1, 12.7)), (tmp_path, (10.0, 10.5, 11.0, 12.2, 14.0, 20.0))):
        found = changed(path, cuts)
        assert found.spike_hash() == whole.spike_hash()
        np.testing.assert_array_equal(found["E"]["v"], whole["E"]["v"])


def test_weights_of_several_synapses_of_a_pair_are_those_of_spikes_on_their_way_too():
    """Two synapses of one pair, whose order by delay turns round while a spike travels."""
    net = Network(dtype="float64")
    train, cell = net.add(SpikeTrain([0.1, 3.0], [0, 0]), 1, "train"), net.add(QUIET, 1, "cell")
    syn = net.connect(train, cell, from_arrays([0, 0], [0, 0]), to="v", weight=[1.0, 10.0], delay=[1.0, 2.0])
    net.run(0.5)
    syn.set(delays=[2.5, 1.5])  # of the first, and of the second
    assert syn.weights().tolist() == [10.0, 1.0] and syn.delays().tolist() == [1.5, 2.5]
    syn.set(weights=[20.0, 3.0])
    v = net.run(7.0, record={"cell": "v"})["cell"]["v"][:, 0]
    jumps = np.diff(v, prepend=0.0) + np.concatenate([[0.0], v[:-1]]) * -np.expm1(-0.1 / 20.0)
    at = np.flatnonzero(jumps > 1e-9)
    assert np.round(0.6 + at * 0.1, 1).tolist() == [1.1, 2.1, 4.5, 5.5]
    np.testing.assert_allclose(jumps[at], [3.0, 20.0, 20.0, 3.0], rtol=1e-9)


def test_threads_change_nothing(monkeypatch):
    monkeypatch.setattr(session, "_SHARED", 0)
    monkeypatch.setattr(session, "_LONG", 0)
    whole = changed(None, (), (1, 1))
    assert len(whole["E"].spikes) > 40
    for threads in ((2, 2), (1, 2), (3, 2, 1)):
        found = changed(None, (10.3, 12.5, 16.0), threads)
        assert found.spike_hash() == whole.spike_hash()
        np.testing.assert_array_equal(found["E"]["v"], whole["E"]["v"])


def test_the_same_delays_again_change_nothing():
    nets = [brunel(), brunel()]
    results = []
    for number, (net, made) in enumerate(nets):
        first = net.run(10.0, record={"E": "v"})
        if number:
            made[0].set(delays=1.5)
            made[1].set(delays=lambda d: d)
        results.append(join([first, net.run(20.0, record={"E": "v"})]))
    np.testing.assert_array_equal(results[0]["E"]["v"], results[1]["E"]["v"])


def test_synapses_that_learn_go_on_where_they_stood():
    results = []
    for change in (False, True):
        net, made = described("learning nearby")
        syn = net.projections["relay to relay"]
        first = net.run(12.0, record={"relay": "v"})
        if change:
            made[0].set(delays=3.0)
        results.append((join([first, net.run(15.0, record={"relay": "v"})])["relay"]["v"], syn.weights()))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert np.ptp(results[0][1]) > 0
    with pytest.raises(InputError, match="relay to relay: the delays of synapses that learn cannot be changed"):
        syn.set(delays=1.0)


@pytest.mark.parametrize(
    ("form", "delays", "text"),
    [
        ("bundle", 0.05, "relay to B: delay 0.05 ms is below the step of 0.1 ms"),
        ("bundle", -1.0, "relay to B: delay -1 ms is negative"),
        ("bundle", [1.0, 2.0], r"relay to B: \(2,\) delays for 36 synapses"),
        ("bundle", np.inf, "relay to B: a delay is not finite"),
        ("dense", np.linspace(0.1, 2.0, 144), "relay to D: dense storage holds one delay, not 1, 2, 3, 4, ... steps"),
        ("procedural", np.inf, "a delay is not finite"),
    ],
)
def test_wrong_delays(form, delays, text):
    net, made = described(form)
    net.build(0.1)
    with pytest.raises(InputError, match=text):
        made[0].set(delays=delays)


def test_a_circle_without_delays_is_refused_and_leaves_everything_as_it_was():
    def made() -> tuple[Network, list]:
        net = Network()
        a, b = net.add(ACTIVE, 3, "a"), net.add(ACTIVE, 3, "b")
        net.drive(a, 30.0)
        syns = [net.connect(a, b, all_to_all(), delay=0), net.connect(b, a, all_to_all(), delay=0.5)]
        return net, syns

    (net, syns), (plain, _) = made(), made()
    first = [one.run(20.0, record={"a": ("spikes", "v")}) for one in (net, plain)]
    with pytest.raises(InputError, match="spikes cannot go in a circle"):
        syns[1].set(delays=0)
    assert set(syns[1].delays()) == {0.5}
    rest = [one.run(20.0, record={"a": ("spikes", "v")}) for one in (net, plain)]
    np.testing.assert_array_equal(*(join([x, y])["a"]["v"] for x, y in zip(first, rest, strict=True)))
    syns[0].set(delays=0.3)
    syns[1].set(delays=0)
    net.run(5.0)
    assert net.engine.step == 450
