"""Synapses that differ in what a spike releases: against the stated random numbers, the laws, and shared states."""

from typing import Any

import numpy as np
import pytest

import spikelet as sl
from spikelet import random, synapses
from spikelet.errors import EquationError, InputError, ModelError
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.network import Network
from spikelet.synapse import Synapse

CELL = Neuron("Cell", "v[k+1] = 0 : pA; I : pA (input)")
LINES = "i[k+1] = 0 : pA (post); out = i : pA"  # what came in a step is all that is there
CHANCE = Synapse("Chance", f"{LINES}; p = 0.3", on_pre="i += w*heaviside(p - uniform())")
MARKRAM = synapses.TsodyksMarkram(tau_syn=0.001, U=0.2, tau_rec=60.0, tau_fac=90.0)
OWN = Synapse(
    "Own", MARKRAM.text.replace("(pre)", "(synapse)"), on_pre=MARKRAM.on_pre, initial=MARKRAM.initial,
    values=MARKRAM.values,
)  # fmt: skip


def came(synapse: Synapse, times: Any, ids: Any = 0, **more: Any) -> np.ndarray:
    """Return (T, n) what arrives at n neurons in each step from sources that spike at given times."""
    n, sources, t, dt = more.pop("n", 1), more.pop("sources", 1), more.pop("t"), more.pop("dt", 0.1)
    pieces, more = more.pop("pieces", 1), {"weight": 1.0, "delay": dt, "pattern": sl.all_to_all(), **more}
    net = Network(seed=more.pop("seed", 3), dtype=more.pop("dtype", "float64"))
    source, cells = net.add(sl.SpikeTrain(times, ids), sources, "source"), net.add(CELL, n, "cells")
    net.connect(source, cells, more.pop("pattern"), synapse=synapse, receptor="r", **more)
    runs = [net.run(t / pieces, dt=dt, record={cells: "r_i"})[cells]["r_i"] for _ in range(pieces)]
    return np.concatenate(runs)


def test_each_synapse_draws_the_stated_random_number():
    """That of (seed, step of arrival, synapse, stream of the projection)."""
    steps = np.arange(50)
    found = came(CHANCE, np.repeat((steps + 1) * 0.1, 2), np.tile([0, 1], 50), sources=2, n=20, t=5.1)
    u = random.uniform(3, (steps + 1)[:, None], np.arange(40)[None], 0x1000)  # synapses by source, then target
    expected = (u < 0.3).reshape(50, 2, 20).sum(axis=1)
    np.testing.assert_array_equal(found[1:], expected)


def test_a_normal_amplitude_is_the_stated_one():
    noisy = Synapse("Noisy", f"{LINES}; cv = 0.3", on_pre="i += w*(1 + cv*normal())*heaviside(0.8 - uniform())")
    found = came(noisy, [0.1, 0.2], n=500, t=0.3)[1:]
    for step, row in enumerate(found, start=1):
        passes = random.uniform(3, step, np.arange(500), 0x1000, 1) < 0.8
        assert row == pytest.approx((1 + 0.3 * random.normal(3, step, np.arange(500), 0x1000)) * passes, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("n", "p"), [(1, 0.3), (5, 0.7), (20, 0.02), (1000, 0.5), (300, 0.999), (0, 0.5), (4, 0), (4, 1)]
)
def test_binomial_counts_have_their_law(n: int, p: float, dtype: str):
    from scipy import stats

    counting = Synapse("Counting", f"{LINES}; n = 1; p = 0.5", on_pre="i += w*binomial(n, p)")(n=n, p=p)
    counts = came(counting, 0.1 * np.arange(1, 101), n=300, t=10.1, dtype=dtype)[1:].ravel()
    law, size = stats.binom(n, p), counts.size
    assert (counts == np.rint(counts)).all()
    if n == 0 or p in (0, 1):
        assert (counts == n * p).all()
        return
    assert abs(counts.mean() - law.mean()) <= 4.5 * law.std() / size**0.5
    assert abs(counts.var() - law.var()) <= 6 * law.var() * (2 / size + law.stats("k") / size) ** 0.5
    values, seen = np.unique(counts, return_counts=True)
    expected = stats.binom.pmf(values, n, p) * size
    usual = expected > 20
    chi2 = ((seen[usual] - expected[usual]) ** 2 / expected[usual]).sum()
    assert chi2 < stats.chi2.ppf(1 - 1e-5, usual.sum())


def test_synapses_and_spikes_are_independent():
    passed = came(CHANCE, 0.1 * np.arange(1, 2001), n=30, t=200.1)[1:]
    c = np.corrcoef(passed, rowvar=False)
    assert np.abs(c[~np.eye(30, dtype=bool)]).max() < 5 / 2000**0.5
    assert abs(np.corrcoef(passed[1:].ravel(), passed[:-1].ravel())[0, 1]) < 5 / 60_000**0.5


@pytest.mark.parametrize("synapse", [CHANCE, OWN, synapses.QuantalTsodyksMarkram(tau_syn=0.001)], ids=lambda s: s.name)
@pytest.mark.parametrize("delay", [0.1, sl.uniform(0.5, 3.0)], ids=["short", "spread"])
def test_no_cutting_of_a_run_can_be_seen(synapse: Synapse, delay: Any):
    rng = np.random.default_rng(4)
    times, ids = rng.uniform(0.1, 60, 400), rng.integers(0, 10, 400)
    more = {"sources": 10, "n": 50, "t": 60, "delay": delay, "pattern": sl.fixed_probability(0.5), "dtype": "float32"}
    whole, cut = (came(synapse, times, ids, weight=sl.uniform(0, 2), pieces=p, **more) for p in (1, 30))
    np.testing.assert_array_equal(whole, cut)
    assert np.unique(whole).size > 10


def test_a_saved_network_goes_on_bit_for_bit(tmp_path: Any):
    def network() -> Network:
        net = Network(seed=5)
        source, cells = net.add(sl.Poisson(0.2), 20, "source"), net.add(CELL, 30, "cells")
        quantal = synapses.QuantalTsodyksMarkram
        net.connect(source, cells, sl.fixed_probability(0.5), synapse=quantal, receptor="r", delay=sl.uniform(0.1, 2))
        return net

    whole = network().run(40, dt=0.1, record={"cells": "r_i"})["cells"]["r_i"]
    net = network()
    net.run(20, dt=0.1)
    net.save(tmp_path / "net")
    after = Network.load(tmp_path / "net").run(20, record={"cells": "r_i"})["cells"]["r_i"]
    np.testing.assert_array_equal(whole[200:], after)


def test_targets_may_lie_apart(tmp_path: Any):
    """Pieces of a projection count their synapses on, and go on bit for bit after a restart."""

    def network() -> Network:
        net = Network(seed=5)
        source = net.add(sl.Poisson(0.2), 20, "source")
        a, _, b = (net.add(CELL, 30, name) for name in "abc")
        quantal = synapses.QuantalTsodyksMarkram
        pattern, delay = sl.fixed_indegree(9), sl.uniform(0.1, 1)
        net.connect(source, [b, a], pattern, synapse=quantal, receptor="r", weight=sl.uniform(1, 2), delay=delay)
        return net

    record = {"a": "r_i", "c": "r_i"}
    whole = network().run(40, dt=0.1, record=record)
    net = network()
    net.run(20, dt=0.1)
    net.save(tmp_path / "net")
    after = Network.load(tmp_path / "net").run(20, record=record)
    for name in "ac":
        np.testing.assert_array_equal(whole[name]["r_i"][200:], after[name]["r_i"])
    bases = [one.base for one in net.build(0.1).parts.releases["source to c+a"]]
    assert bases == [0, 270] and whole["a"]["r_i"].any()


def test_states_of_synapses_go_as_those_of_their_sender():
    """What each synapse keeps for itself is the same for all of a sender, where nothing is drawn."""
    rng = np.random.default_rng(6)
    times, ids = rng.uniform(0.1, 900, 120), rng.integers(0, 4, 120)
    more = {"sources": 4, "n": 3, "t": 900, "weight": sl.uniform(1, 3)}
    shared, own = (came(synapse, times, ids, **more) for synapse in (MARKRAM, OWN))
    assert own == pytest.approx(shared, rel=1e-11, abs=1e-13) and own.max() > 0.1


def test_an_interval_of_a_million_steps_is_made_up_for_at_once():
    dt = 0.001
    steps = 2**20 + 2**10 + 7  # one round of the tables, and parts of both
    gap = steps * dt
    slow = OWN(tau_rec=500.0, tau_fac=700.0)
    first, second = came(slow, [dt, dt + gap], t=2 * dt + gap, dt=dt)[[1, 1 + steps], 0]
    u, x = 0.2 * np.exp(-gap / 700), 1 - 0.2 * np.exp(-gap / 500)
    assert first == pytest.approx(0.2) and second == pytest.approx((u + 0.2 * (1 - u)) * x, rel=1e-12)


def test_what_is_not_linear_is_made_up_for_step_by_step():
    text = f"dx/dt = -x*x/tau : 1; n[k+1] = n + 1 : int; tau = 5 ms; {LINES}"
    synapse = Synapse("Square", text, on_pre="i += w*x*n; x = 1", initial="x = 2")
    found = came(synapse, [0.5, 1.7], t=2.0)
    model = Neuron("M", "dx/dt = -x*x/tau : 1; tau = 5 ms", initial="x = 2")
    first = sl.run(model, t=0.6, dt=0.1, record="x", dtype="float64")["x"][-1, 0]
    second = sl.run(model, t=1.2, dt=0.1, record="x", dtype="float64", state={"x": np.ones(1)})["x"][-1, 0]
    assert found[[5, 17], 0] == pytest.approx([first * 6, second * 18], rel=1e-12)  # n counts the steps


def test_vesicles_are_released_as_the_mean_says():
    """Sites are independent: each releases with the probability u x of the mean model (Fuhrmann et al. 2002)."""
    parameters: dict[str, Any] = {"U": 0.3, "tau_rec": 200.0, "tau_fac": 150.0, "tau_syn": 0.001}
    times, n, sites = 10.0 + 20.0 * np.arange(8), 20_000, 4
    quantal = synapses.QuantalTsodyksMarkram(sites=sites, **parameters)
    found = came(quantal, times, n=n, t=160, dt=1.0)
    mean = came(synapses.TsodyksMarkram(**parameters), times, t=160, dt=1.0)[:, 0]
    arrived = np.flatnonzero(mean)
    assert len(arrived) == 8 and not found[np.setdiff1d(np.arange(160), arrived)].any()
    for step in arrived:
        p, count = mean[step], found[step] * sites
        assert abs(count.mean() - sites * p) < 4.5 * (sites * p * (1 - p) / n) ** 0.5
        assert count.var() == pytest.approx(sites * p * (1 - p), rel=0.06)


def test_several_spikes_at_once_are_drawn_one_by_one():
    found = came(CHANCE, [0.1] * 5 + [0.2], n=4000, t=0.3)
    assert found[1].mean() == pytest.approx(1.5, abs=0.07) and found[1].var() == pytest.approx(5 * 0.21, rel=0.1)
    assert found[2].mean() == pytest.approx(0.3, abs=0.03)


def test_a_spike_may_reach_states_of_the_neuron_and_weights_be_set():
    net = Network(seed=1, dtype="float64")
    source = net.add(sl.SpikeTrain([0.1, 0.3], 0), 1, "source")
    cell = net.add(Neuron("Sum", "dv/dt = 0/ms : mV; u[k+1] = u : 1"), 200, "cell")
    syn = net.connect(
        source, cell, sl.all_to_all(), to="v", weight=1.0,
        synapse=Synapse("Both", "p = 0.5", on_pre="v_post += w*heaviside(p - uniform()); u_post += w/(1 mV)"),
    )  # fmt: skip
    net.run(0.2, dt=0.1)
    syn.set(weights=np.full(200, 3.0))
    out = net.run(0.3, record={cell: ("v", "u")})[cell]
    assert set(out["v"][-1]) == {0.0, 1.0, 3.0, 4.0} and set(out["u"][-1]) == {4.0}


def test_without_a_delay_it_arrives_in_the_step():
    net = Network()
    fires = Neuron("Fires", "dv/dt = 1/ms : 1", threshold="v > 0.25", reset="v = 0")
    source, cell = net.add(fires, 1, "source"), net.add(CELL, 2, "cell")
    net.connect(source, cell, sl.all_to_all(), synapse=CHANCE(p=1.0), receptor="r", delay=0)
    out = net.run(1, dt=0.1, record={source: "spikes", cell: "r_i"})
    steps = np.rint(out[source].spikes.times / 0.1).astype(int) - 1
    assert np.flatnonzero(out[cell]["r_i"][:, 0]).tolist() == steps.tolist() == [2, 5, 8]


MISTAKES: dict[str, tuple[Any, str]] = {
    "a rule": (
        {"rule": Rule("Fade", "", on_pre="w *= 0.9")},
        "a rule on Chance, which releases by chance or has states of single synapses",
    ),
    "an array": ({"synapse": CHANCE(p=[0.1, 0.2])}, "'p' of Chance must be one number, got an array"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_told(case: str):
    given, message = MISTAKES[case]
    net = Network()
    source, cell = net.add(sl.Poisson(0.1), 2, "source"), net.add(CELL, 2, "cell")
    with pytest.raises((InputError, ModelError), match=message):
        net.connect(source, cell, sl.all_to_all(), **{"synapse": CHANCE, **given})
        net.build(0.1)


def test_neurons_and_rules_do_not_count_successes():
    with pytest.raises(EquationError, match=r"binomial\(\) counts what spikes release: it stands in on_pre= of a"):
        Rule("R", "", on_pre="w += binomial(3, 0.5)")
    with pytest.raises(
        EquationError, match=r"binomial\(\) counts what spikes release: it stands in on_pre= of a synapse"
    ):
        Neuron("M", "v[k+1] = binomial(3, 0.5) : 1")


def test_too_many_trials_are_told():
    many = Synapse("Many", LINES, on_pre="i += w*binomial(1001, 0.5)")
    with pytest.raises(sl.errors.NumericsError, match="'r_i' became NaN"):
        came(many, [0.1], t=0.2)
