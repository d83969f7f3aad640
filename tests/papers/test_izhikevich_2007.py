"""Izhikevich 2007: cell and rule against the published script's update, and when dopamine comes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet.experiments import izhikevich_2007 as experiment, reproduce
from spikelet.simulate import run

KEPT = Path(__file__).parents[2] / "docs" / "reproduced"


def test_the_cell_is_that_of_the_script():
    drive, v, u, spikes = 11.0, -65.0, -13.0, []
    for k in range(300):
        if v >= 30:
            v, u = -65.0, u + 8
            spikes.append(k)
        for _ in range(2):
            v += 0.5 * (0.04 * v * v + 5 * v + 140 - u + drive)
        u += 0.02 * (0.2 * v - u)
    out = run(experiment.CELL(noise=0), I=drive, t=300.0, dt=1.0, dtype="float64")
    assert len(spikes) > 3 and out.spikes.times.tolist() == spikes


def script(pre: np.ndarray, post: np.ndarray, rewards: set[int], w: float) -> float:
    """Return the weight as the published script has it: the trace acts every 10 ms, and decays by hundredths."""
    trace_pre, trace_post, sd, dopamine = 0.0, 0.0, 0.0, 0.0
    for k in range(len(pre)):  # of the column of this step; what fires now is seen from the next one on
        if post[k]:
            sd += trace_pre
        now_post = 0.1 if post[k] else trace_post
        if pre[k]:
            sd -= 1.5 * now_post
        trace_pre = 0.1 if pre[k] else trace_pre
        trace_post = 0.95 * now_post
        trace_pre = trace_pre if pre[k] else 0.95 * trace_pre
        dopamine *= 0.995
        if k % 10 == 0:
            w, sd = max(0.0, min(4.0, w + (0.002 + dopamine) * sd)), 0.99 * sd
        dopamine += 0.5 * (k in rewards)
    return w


@pytest.mark.parametrize("seed", range(3))
def test_the_rule_is_the_script_s_in_steps_of_a_millisecond(seed: int):
    draws, steps = np.random.default_rng(seed), 20_000
    pre, post = draws.random((2, steps)) < 0.01
    post[1:] |= pre[:-1] & (draws.random(steps - 1) < 0.4)  # a synapse that has an effect
    rewards = sorted(draws.integers(1000, steps, 12).tolist())
    bench = Bench(experiment.LEARNING, edges([0], [0], 1.0, 1, (1, 1)), pre[:, None] * 1, post[:, None] * 1, dt=1.0)
    dopamine = bench.plastic.traces["network"].state["dopamine"]
    for at in rewards:
        bench.run(at - bench.step)
        dopamine += 0.5
    found, expected = bench.run()[0], script(pre, post, set(rewards), 1.0)
    assert abs(expected - 1) > 0.05
    assert found - 1 == pytest.approx(expected - 1, rel=0.08)


def test_the_chosen_synapse_starts_at_nothing():
    x = experiment.experiment(seed=2, cells=200)
    assert x.weight == 0 and (x.others() == 1).all() and len(x.others()) == 160 * 100 - 1
    first, second = x.pair.ids
    assert first < 160 and second < 160 and first != second
    assert (x.learning.sources()[x.chosen], x.learning.targets()[x.chosen]) == (first, second)


def test_dopamine_comes_one_to_three_seconds_after_the_second_spike():
    x = experiment.experiment(seed=2, cells=200)
    first, second = x.pair.ids
    # too late, before it, in one step; then twice in time, and a partner of the first spike of the next stretch
    x._notice(SimpleNamespace(times=[10, 30, 50, 60, 70, 70], ids=[first, second, second, first, first, second]))
    assert x.due == []
    x._notice(SimpleNamespace(times=[100, 105, 119, 120], ids=[first, second, second, second]))
    assert len(x.due) == 2 and 1105 <= x.due[0] <= 3105 and 1119 <= x.due[1] <= 3119
    x.due = [37.0]
    x.go(36.0)
    assert x.rewards == [] and x.net.variables["dopamine"] == 0
    x.go(237.0)
    assert x.rewards == [37.0] and x.net.variables["dopamine"] == pytest.approx(0.5 * np.exp(-1), rel=1e-5)


def test_reward_makes_a_marked_synapse_grow():
    """What a step of dopamine does to every synapse is its mark times dopamine, whatever else it has been through."""
    x = experiment.experiment(seed=1, cells=200)
    x.go(2000.0)
    engine = x.net.build(dt=1.0)
    marks = engine.parts.learning["learning"].synapses["c"].copy()
    before = np.asarray(engine.edges(x.learning).weights).copy()
    x.net.variables["dopamine"] = 5.0
    x.net.run(1.0)
    grown = np.asarray(engine.edges(x.learning).weights) - before
    free = (before > 0.5) & (before < 3.5)
    np.testing.assert_allclose(grown[free], 0.1 * 5.002 * marks[free], atol=2e-5)


def test_a_quick_run():
    outcome = reproduce.reproduce("izhikevich_2007", quick=True, seed=0)
    assert outcome.details["synapses"] == 80_000 and 0.5 < outcome.details["rate at the end [Hz]"] < 20
    assert 0 <= outcome.series["weight"].max() < 1 and abs(outcome.series["others"].mean() - 1) < 0.1
    assert len(experiment.draw(outcome).axes) == 2


def test_the_full_run_finds_the_synapse():
    found = reproduce.record("izhikevich_2007", KEPT)
    assert found is not None and found["details"]["synapses"] == 80_000 and found["details"]["rewards"] > 20
    reached, *_ = found["figures"]
    assert reached["holds"] and 60 < reached["ours"] < 3600
