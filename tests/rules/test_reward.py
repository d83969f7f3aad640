"""Rules with a third factor against numbers that were computed elsewhere, closed forms and plain loops."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet import rules
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all, from_arrays
from spikelet.sim.distributions import uniform
from spikelet.sim.network import Network
from spikelet.sim.sources import Poisson, SpikeTrain

FLORIAN = json.loads((Path(__file__).parents[1] / "golden" / "golden.json").read_text())["florian"]
PRE, POST = (10, 85, 115, 135), (15, 75, 110, 140)  # [ms], of the golden numbers
RATES = {"stdp": (rules.STDP, {"a_plus": 0.2, "a_minus": 0.2}), "mstdp": (rules.MSTDP, {"gamma": 0.2})}
RATES["mstdpet"] = (rules.MSTDPET, {"gamma": 0.2})


def pair(rule: Rule, pre, post, steps: int, w: float = 0.0) -> Bench:
    """Return one synapse in steps of 1 ms; times are those of arrival and of the receiver's spikes."""
    raster = np.zeros((2, steps, 1), int)
    raster[0, np.array(pre, int) - 2], raster[1, np.array(post, int) - 1] = 1, 1  # a step ends with its spikes
    return Bench(rule, edges([0], [0], w, 1, (1, 1)), *raster, dt=1.0)


def third(bench: Bench, name: str, value: float) -> None:
    bench.plastic.traces["network"].state[name][...] = value


@pytest.mark.parametrize("name", RATES)
def test_every_millisecond_of_the_reference(name: str):
    entry, rate = RATES[name]
    low = {"w_min": -10} if "w_min" in entry.parameters else {}
    bench, found = pair(entry(w_max=10, **rate, **low), PRE, POST, len(FLORIAN), 0.2), []
    for row in FLORIAN:
        if name != "stdp":
            third(bench, "reward", 1.0 if row["t"] <= 100 else -1.0)
        found.append(bench.run(1)[0])
    np.testing.assert_allclose(found, [row[name] for row in FLORIAN], rtol=1e-12)


def test_what_a_pair_has_marked_dies_away_and_dopamine_reads_it():
    """An impulse of dopamine changes the weight by the mark that is left, for marks of both signs."""
    for post, mark in ((25, np.exp(-5 / 20)), (15, -1.5 * np.exp(-5 / 20))):
        for wait in (50, 700, 2000):
            rule = rules.RewardSTDP(tau_d=1e-3, eta=1, w_min=-10, w_max=10)  # dopamine lasts for one step
            bench = pair(rule, [20], [post], max(20, post) + wait + 1)
            bench.run(max(20, post) + wait)
            third(bench, "dopamine", 1.0)
            after = bench.run(1)[0]  # the weight of the next step has the mark with which it begins
            assert after == pytest.approx(mark * np.exp(-wait / 1000), rel=1e-12)
            assert bench.plastic.synapses["c"][0] == pytest.approx(mark * np.exp(-(wait + 1) / 1000), rel=1e-12)


def test_late_reward_adds_up_to_the_integral_of_both_traces():
    """A pair, then 0.5 of dopamine after a second: the integral of c(t)*d(t) is closed."""
    rule = rules.RewardSTDP
    bench = pair(rule, [20], [30], 4000)
    bench.run(1030)
    third(bench, "dopamine", 0.5)
    left, tau = np.exp(-10 / 20) * np.exp(-1.0), 1 / (1 / 1000 + 1 / 200)
    expected = 0.5 * left * 1e-3 / (1 - np.exp(-1 / tau))  # the sum of steps, of which tau is the integral
    assert bench.run()[0] == pytest.approx(expected, rel=1e-6)
    assert expected == pytest.approx(0.5 * left * tau * 1e-3, rel=0.01)


def drift(rule: Rule, reward: np.ndarray, name: str, seed: int = 3) -> np.ndarray:
    """Return the changes of 400 independent synapses between Poisson trains under a reward in time."""
    random, n = np.random.default_rng(seed), 400
    raster = (random.random((2, len(reward), n)) < 0.03).astype(int)
    bench = Bench(rule, edges(np.arange(n), np.arange(n), 0.0, 1, (n, n)), *raster, dt=1.0)
    for k in np.flatnonzero(np.diff(reward, prepend=0.0)):
        bench.run(int(k) - bench.step)
        third(bench, name, float(reward[k]))
    return bench.run()


REWARDED = {
    "MSTDP": (rules.MSTDP(w_min=-1e9, w_max=1e9), "reward"),
    "MSTDPET": (rules.MSTDPET(w_min=-1e9, w_max=1e9), "reward"),
    "RewardSTDP": (rules.RewardSTDP(w_min=-1e9, w_max=1e9, a_minus=1, tau_c=50), "dopamine"),
}


@pytest.mark.parametrize("name", REWARDED)
def test_reward_that_knows_nothing_of_the_spikes_teaches_nothing(name: str):
    """Signs in a random order: the mean change of 400 synapses is 0 within four standard errors."""
    rule, third_factor = REWARDED[name]
    reward = np.repeat(np.random.default_rng(1).permutation(np.repeat([1.0, -1.0], 50)), 20)
    found = drift(rule, reward, third_factor)
    assert found.std() > 0.01 and abs(found.mean()) < 4 * found.std() / 20


@pytest.mark.parametrize("name", REWARDED)
def test_the_sign_of_what_is_learnt_is_that_of_the_reward(name: str):
    rule, third_factor = REWARDED[name]
    reward = np.repeat(np.random.default_rng(2).permutation([1.0, -1.0, 0.5, 2.0] * 5), 50)
    found = drift(rule, reward, third_factor)
    np.testing.assert_allclose(drift(rule, -reward, third_factor), -found, rtol=1e-9)
    assert found.std() > 0.01


@pytest.mark.parametrize("name", [*REWARDED, "DopamineSTDP", "ActorCriticTD"])
def test_weights_stay_within_bounds_in_every_step(name: str):
    """Steps that are far too large, so that only the bounds hold the weight."""
    large = {k: 50.0 for k in ("gamma", "eta", "a", "a_plus", "a_minus") if k in rules.entries()[name].parameters}
    rule = rules.entries()[name](w_min=-0.5, w_max=1.5, **large)
    net, random = Network(dtype="float64"), np.random.default_rng(4)
    train = net.add(SpikeTrain(*poisson(random, 5, 120.0)), 5)
    cell = net.add(RECEIVER, 4, "cell")
    net.connect(train, cell, all_to_all(), to="v", weight=1.0, rule=rule, name="P")
    seen = []

    def swing(net: Network) -> None:
        level = random.uniform(-1, 1)
        net["cell"].set(dopamine=level)
        for factor in net.variables:
            net.variables[factor] = level
        seen.append(net.projections["P"].weights())

    net.run(120.0, dt=1.0, call=swing, each=2.0)
    assert np.min(seen) == -0.5 and np.max(seen) == 1.5


# -- dopamine of spikes -----------------------------------------------------------------------------------------------

RECEIVER = Neuron(
    "Receiver", "dv/dt = -v/(10 ms) : 1; ddopamine/dt = -dopamine/tau_n : 1; tau_n = 200 ms",
    threshold="v > 1.2", reset="v = 0",
)  # fmt: skip


def poisson(random: np.random.Generator, n: int, until: float, rate: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Return times [ms] and ids, in steps of 1 ms."""
    at, ids = np.nonzero(random.random((int(until) - 1, n)) < rate)
    return at + 1.0, ids


def test_dopamine_may_come_from_the_spikes_of_a_population():
    """A projection of dopamine neurons delivers to the state that the rule reads; against a loop over steps."""
    random = np.random.default_rng(5)
    trains = [poisson(random, n, 600.0, rate) for n, rate in ((3, 0.05), (2, 0.03))]
    net = Network(dtype="float64")
    pre, vta = net.add(SpikeTrain(*trains[0]), 3), net.add(SpikeTrain(*trains[1]), 2)
    cell = net.add(RECEIVER, 2, "cell")
    net.connect(vta, cell, all_to_all(), to="dopamine", weight=1 / 200, delay=1.0)
    rule = rules.DopamineSTDP(b=0.05, w_max=2)
    syn = net.connect(pre, cell, all_to_all(), to="v", weight=0.7, delay=2.0, rule=rule)
    result = net.run(600.0, dt=1.0, record={cell: "spikes"})
    post = np.zeros((600, 2), bool)
    post[np.rint(result[cell].spikes.times).astype(int) - 1, result[cell].spikes.ids] = True
    sent = np.zeros((2, 603, 3), int)
    for row, (times, ids), delay in ((0, trains[0], 2), (1, trains[1], 1)):
        sent[row, times.astype(int) - 1 + delay, ids] = 1
    x, y, c, w, d = np.zeros((3, 1)), np.zeros(2), np.zeros((3, 2)), np.full((3, 2), 0.7), 0.0
    for k in range(600):
        w = np.clip(w + c * (d - 0.05), 0, 2)
        x, y, c, d = x * np.exp(-1 / 20), y * np.exp(-1 / 20), c * np.exp(-1 / 1000), d * np.exp(-1 / 200)
        arrives = sent[0, k, :, None]
        c -= 1.5 * y * arrives
        x = x + arrives
        d += sent[1, k].sum() / 200
        c += x * post[k]
        y = y + post[k]
    np.testing.assert_allclose(syn.weights(), w.ravel(), rtol=1e-10)
    assert post.sum() > 10 and np.ptp(w) > 0.05


def test_values_of_states_follow_a_temporal_difference():
    """Two states of 100 ms in turn, then the reward: their weights change as eps*(D - b) says, a loop over steps."""
    net = Network(dtype="float64")
    times = np.concatenate([np.arange(1, 100, 5), np.arange(101, 200, 5)]).astype(float)
    state = net.add(SpikeTrain(times, (times > 100).astype(int)), 2)
    critic = net.add(RECEIVER, 1, "critic")
    rule = rules.ActorCriticTD(tau_eps=50, a=0.3, b=0.02)
    syn = net.connect(state, critic, from_arrays([0, 1], [0, 0]), to="v", weight=1.0, delay=1.0, rule=rule)
    net.run(200.0, dt=1.0)
    net["critic"].set(dopamine=0.2)  # more reward than was expected
    net.run(100.0)
    w, eps, d = np.ones(2), np.zeros(2), 0.0
    for k in range(300):
        d = 0.2 if k == 200 else d
        w = np.clip(w + 0.3 * eps * (d - 0.02), 0, 100)
        d *= np.exp(-1 / 200)
        eps = eps * np.exp(-1 / 50) + np.bincount((times[times == k] > 100).astype(int), minlength=2)
    np.testing.assert_allclose(syn.weights(), w, rtol=1e-10)
    assert w[1] > 1.5 and w[1] - w[0] > 0.5  # the state next to the reward has earned more


# -- a pattern of rates -----------------------------------------------------------------------------------------------

OUTPUT = Neuron(
    "Output",
    "dv/dt = -v/(20 ms) : mV; drate/dt = -rate/tau_rate : Hz; tau_rate = 2 second",
    threshold="v > 16 mV", reset="v = 0 mV; rate += 1/tau_rate",
)  # fmt: skip


def distance_from_rates(seconds: float, informed: bool, n: int = 100, m: int = 20) -> np.ndarray:
    """Return the distance [Hz] from a target every 5 ms; a step nearer is rewarded, one away is punished.

    All synapses have one reward, which says nothing of who should change; ``informed=False`` draws its sign.
    """
    random, net, found = np.random.default_rng(6), Network(seed=1), []
    target = random.uniform(0.02, 0.1, m)
    source, cells = net.add(Poisson(random.uniform(0, 0.05, n)), n), net.add(OUTPUT, m, "cells")
    rule = rules.MSTDPET(gamma=0.02, w_min=-2, w_max=8)
    net.connect(source, cells, all_to_all(), to="v", weight=uniform(-0.5, 1.2), delay=1.0, rule=rule)

    def judge(net: Network) -> None:
        found.append(np.sqrt(np.mean((net["cells"]["rate"] - target) ** 2)))
        nearer = found[-1] < found[-2] if len(found) > 1 and informed else random.random() < 0.5
        net.variables["reward"] = 1.0 if nearer else -1.0

    net.run(1000 * seconds, dt=1.0, call=judge, each=5.0)
    return 1000 * np.array(found)


def test_a_pattern_of_rates_is_learnt_from_a_reward_for_coming_nearer():
    """Florian 2007, section 4: MSTDPET, with a reward of 1 where the distance has shrunk and -1 where it has not."""
    found, blind = (distance_from_rates(20.0, informed)[-1000:].mean() for informed in (True, False))
    assert found < 15 and blind > 30, (found, blind)
