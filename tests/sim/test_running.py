"""Call-backs and conditions: what is set in between is what would be set between two runs, to the bit."""

import io
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spikelet import neurons, rules
from spikelet.backends import llvm_jit
from spikelet.errors import InputError, NumericsError
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim import session
from spikelet.sim.connect import all_to_all, fixed_indegree, one_to_one
from spikelet.sim.currents import noise
from spikelet.sim.distributions import uniform
from spikelet.sim.network import Network
from spikelet.sim.record import every
from spikelet.sim.result import join
from spikelet.sim.sources import Gamma, Poisson
from spikelet.sim.stop import stop_after_spikes
from spikelet.synapses import AlphaCurrent

CELL = neurons.LIF(tau_mem=20.0, v_th=20.0, v_reset=10.0, t_ref=2.0)
REWARDED = Rule(
    "Rewarded",
    "dr/dt = -r/(50 ms) : 1 (network); de/dt = -e/(20 ms) : 1; dw/dt = r*e/(1 second) : 1",
    on_pre="e += 1",
)
RECORD = {"E": ("spikes", "v"), "I": ("spikes", "v")}


def network(learning: bool = False) -> Network:
    """Return a network in which much can be set; a block has 5 steps, with a rule it has one."""
    net = Network(seed=6)
    E, I = net.add(CELL, 50, "E", initial={"v": uniform(0, 20)}), net.add(CELL, 15, "I")
    drive, slow = net.add(Poisson(14.0), 65, "drive"), net.add(Gamma(2.0, 3), 50, "slow")
    net.connect(drive, [E, I], one_to_one(), to="v", weight=0.14, delay=0.5)
    net.connect(slow, E, one_to_one(), to="v", weight=0.2, delay=0.5)
    net.connect(E, [E, I], fixed_indegree(6), to="v", weight=uniform(0.1, 0.5), delay=0.7, name="recurrent")
    net.connect(I, E, all_to_all(), synapse=AlphaCurrent, receptor="gaba", weight=-1.0, delay=0.9, name="inhibition")
    if learning:
        net.connect(E, I, all_to_all(), to="v", weight=0.02, delay=1.0, rule=rules.STDP, name="learning")
    net.drives_of_test = [net.drive(E, 1.0), net.drive(I, noise(2.0, tau=5.0))]
    return net


def change(net: Network) -> None:
    """Set one of everything, by the time."""
    k = round(net.t)
    E, I = net["E"], net["I"]
    E.set(v=E["v"] * 0.5 + k / 10)
    E[3:9].set(v=1.0)
    I.set(tau_mem=10.0 + k / 10, v_th=15.0)
    E.set(gaba_i=0.1 * k)
    syn = net.projections["recurrent"]
    syn.set(weights=syn.weights() * 1.01)
    net.projections["inhibition"].set(weights=-1.0 - k / 100)
    net["drive"].set(rate=14.0 + k / 10)
    net["slow"].set(rate=2.0 + k / 50)
    first, second = net.drives_of_test
    first.set(1.0 + k / 20)
    if k == 20:
        second.set(noise(3.0, tau=5.0))
    if "learning" in net.projections:
        learning = net.projections["learning"]
        learning[[3, 5]].set(weights=0.5)
        assert learning[[3, 5]]["weights"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("learning", [False, True])
def test_what_a_call_back_sets_is_what_is_set_between_runs(learning: bool):
    stopped, parts = network(learning), []
    for stop in range(10, 61, 10):
        parts.append(stopped.run(10.0, record=RECORD))
        change(stopped)
        assert stopped.t == pytest.approx(stop)
    whole = join(parts)
    found = network(learning).run(60.0, record=RECORD, call=change)
    assert len(whole["E"].spikes) > 100 and len(whole["I"].spikes) > 20
    assert found.spike_hash() == whole.spike_hash() != network(learning).run(60.0, record=RECORD).spike_hash()
    for name in "EI":
        np.testing.assert_array_equal(found[name]["v"], whole[name]["v"])


def test_looks_lie_at_multiples_wherever_a_run_begins():
    seen: list[float] = []

    def look(net: Network) -> None:
        seen.append(round(net.t, 6))

    net = network()
    plain = network().run(30.0).spike_hash()
    parts = [net.run(t, call=look, each=2.5) for t in (0.9, 6.6, 22.5)]
    assert seen == pytest.approx(np.arange(2.5, 30.1, 2.5))
    assert join(parts).spike_hash() == plain


def test_reading_changes_nothing_and_sees_the_present():
    net, seen = network(), []

    def look(net: Network) -> None:
        seen.append((net["E"]["v"], net["E"][4:6]["v"], net["E"][[9, 2]]["v"], net["E"]["tau_mem"][0]))

    found = net.run(30.0, record=RECORD, call=look, each=3.0)
    assert found.spike_hash() == network().run(30.0, record=RECORD).spike_hash()
    v = found["E"]["v"][29::30]
    for row, (whole, view, chosen, tau) in zip(v, seen, strict=True):
        np.testing.assert_array_equal(whole, row)
        np.testing.assert_array_equal(view, row[4:6])
        np.testing.assert_array_equal(chosen, row[[9, 2]])
        assert tau == 20.0


def test_a_reward_is_given_when_the_cell_has_fired():
    """A third factor set by a call-back, as a task would: equal to stopping."""

    def made() -> tuple[Network, Any]:
        net = Network(3, dtype="float64")
        source, cell = net.add(Poisson(0.4), 20, "source"), net.add(CELL, 1, "cell")
        return net, net.connect(source, cell, all_to_all(), to="v", weight=0.8, delay=0.5, rule=REWARDED)

    def reward(net: Network) -> None:
        net.variables["r"] = float(net["cell"]["v"][0] > 8.0)

    (net, syn), (stopped, other) = made(), made()
    net.run(100.0, call=reward, each=5.0)
    for _ in range(20):
        stopped.run(5.0)
        reward(stopped)
    np.testing.assert_array_equal(syn.weights(), other.weights())
    assert np.ptp(syn.weights()) > 0


# -- ends -------------------------------------------------------------------------------------------------------------


def test_a_condition_ends_the_run_at_a_look():
    whole = network().run(60.0)
    net = network()
    found = net.run(60.0, until=lambda net: net.t > 21, each=4.0)
    assert found.t_stop == net.t == pytest.approx(24.0) and not found.interrupted
    assert found.spike_hash() == whole.between(0.0, 24.0).spike_hash()


@pytest.mark.parametrize("record", [None, "I", {"E": "rate"}])
def test_a_number_of_spikes_ends_the_run(record: Any):
    spikes = network().run(60.0)["E"].spikes
    for place, mine in ((lambda net: net["E"], spikes), (lambda net: net["E"][:20], spikes.of(range(20)))):
        count = len(mine) // 2
        net = network()
        net.run(60.0, record=record, until=stop_after_spikes(place(net), count), each=0.5)
        expected = np.ceil(mine.times[count - 1] / 0.5 - 1e-9) * 0.5
        assert net.t == pytest.approx(expected) and 5 < net.t < 55


class Stumble(Exception):
    """What a call-back raises."""


def test_an_error_in_a_call_back_ends_the_run_and_keeps_what_was_recorded():
    net, whole = network(), network().run(40.0, record=RECORD)

    def stumble(net: Network) -> None:
        if net.t > 15:
            raise Stumble("over my own feet")

    with pytest.raises(Stumble, match="over my own feet") as told:
        net.run(40.0, record=RECORD, call=stumble)
    found = told.value.result
    assert found.interrupted and found.t_stop == net.t == pytest.approx(20.0)
    assert "'result'" in told.value.__notes__[0]
    rest = net.run(20.0, record=RECORD)
    assert join([found, rest]).spike_hash() == whole.spike_hash()


def test_not_a_number_keeps_what_was_recorded():
    model = Neuron("Own", "dv/dt = (v - v**3)/(1 ms) : 1; I : 1 (input)", method="euler", initial="v = 9")
    net = Network()
    cells = net.add(model, 4, "cells")
    with pytest.raises(NumericsError, match="cells: 'v' became NaN") as told:
        net.run(50.0, dt=5.0, record={cells: "v"})
    assert told.value.result["cells"]["v"].shape == (10, 4)


def test_a_network_does_not_run_within_a_run():
    with pytest.raises(InputError, match="the network is running: a call-back cannot run it"):
        network().run(20.0, call=lambda net: net.run(1.0))


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"call": 3}, "run: call must be a function of the network, got 3"),
        ({"until": "v > 3"}, "run: until must be a function of the network, got 'v > 3'"),
        ({"each": 0.0}, "run: each must be a positive number of ms, got 0.0"),
        ({"each": 0.01}, "run: each = 0.01 ms is shorter than one step"),
        (
            {"until": stop_after_spikes(Network().add(CELL, 3, "E"), 5)},
            "stop_after_spikes: E belongs to another",
        ),
    ],
)
def test_mistakes_are_told_before_the_run(how: dict[str, Any], text: str):
    net = network()
    with pytest.raises(InputError, match=text):
        net.run(1.0, **how)
    assert net.t == 0.0


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda: stop_after_spikes("E", 3), "expected a population or a part of one, got 'E'"),
        (lambda: stop_after_spikes(network()["E"], 0), "the count must be a positive integer, got 0"),
    ],
)
def test_mistakes_of_a_count(wrong: Callable[[], Any], text: str):
    with pytest.raises(InputError, match=text):
        wrong()


# -- what is compiled -------------------------------------------------------------------------------------------------


def test_nothing_is_compiled_between_runs_nor_in_call_backs():
    warm = network(learning=True)
    warm.run(10.0, record=RECORD)
    before = dict(llvm_jit.COMPILED)
    net = network(learning=True)
    net.run(60.0, record=RECORD, call=change, each=5.0)
    for _ in range(3):
        change(net)
        net.run(5.0, record=RECORD)
    assert dict(llvm_jit.COMPILED) == before


# -- the bar ----------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A place to write that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_bar_is_shown_where_it_is_asked_for_and_none_otherwise(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("tqdm")
    shown = {}
    for progress in (None, True, False):
        for where in (io.StringIO, Terminal):
            place = where()
            monkeypatch.setattr(sys, "stderr", place)
            network().run(30.0, progress=progress)
            shown[progress, where] = place.getvalue()
    assert [bool(text) for text in shown.values()] == [False, False, True, True, False, False]
    assert "30/30 ms" in shown[True, Terminal] and "left]" in shown[True, Terminal]


def test_a_run_in_another_thread_is_the_same():
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(network().run(20.0, call=change)))
    thread.start()
    thread.join()
    assert found[0].spike_hash() == network().run(20.0, call=change).spike_hash()


# -- threads ----------------------------------------------------------------------------------------------------------


def test_several_threads_stop_for_a_call_back_and_go_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session, "_SHARED", 0)
    monkeypatch.setattr(session, "_LONG", 0)

    def made() -> Network:
        net = Network(8)
        E, noise = net.add(CELL, 300, "E"), net.add(Poisson(14.0), 300, "noise")
        net.connect(noise, E, one_to_one(), to="v", weight=0.14, delay=0.5)
        net.connect(E, E, fixed_indegree(20), to="v", weight=uniform(0.0, 0.3), delay=0.7, name="recurrent")
        return net

    def touch(net: Network) -> None:
        syn = net.projections["recurrent"]
        if round(net.t) % 20 == 0:
            syn.set(weights=syn.weights() * 0.9)
            net["E"][::3].set(v=2.0)

    def record(net: Network) -> dict[Any, Any]:
        return {"E": ["spikes", every(0.5, "v")], net.projections["recurrent"][::7]: every(7.0, "weights")}

    found = [(net := made()).run(60.0, record=record(net), call=touch, threads=n) for n in (1, 2, 3)]
    assert len(found[0]["E"].spikes) > 100
    (name,) = set(found[0].names) - {"E"}
    for other in found[1:]:
        assert other.spike_hash() == found[0].spike_hash()
        np.testing.assert_array_equal(other["E"]["v"], found[0]["E"]["v"])
        np.testing.assert_array_equal(other[name]["weights"], found[0][name]["weights"])
    assert (found[0][name]["weights"][0] != found[0][name]["weights"][-1]).any()


def test_a_step_may_be_longer_than_the_time_between_looks():
    net, seen = Network(), []
    net.add(neurons.LIF(v_th=1e9), 2)
    net.run(100.0, dt=20.0, call=lambda net: seen.append(net.t))
    assert seen == [20.0, 40.0, 60.0, 80.0, 100.0]
