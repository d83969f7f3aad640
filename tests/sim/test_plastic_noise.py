"""Noise in single synapses: its law, and that it depends on nothing but seed, projection, synapse and step."""

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet import neurons, random, rules
from spikelet.ir.nodes import topological
from spikelet.ir.rule_program import flow
from spikelet.rule import Rule
from spikelet.sim.connect import fixed_indegree
from spikelet.sim.network import Network
from spikelet.sim.plastic_flow import drawn_where
from spikelet.sim.sources import SpikeTrain

OU = Rule("OU", "dw/dt = (mu - w)/tau + sigma*xi*(2/tau)**0.5 : 1; tau = 5 ms; mu = 2; sigma = 0.5")
WALK = Rule("Walk", "dw/dt = sigma*xi : 1; e[k+1] = uniform() : 1; sigma = 0.1/ms**0.5")


def network(rule: Rule, seed: int = 3, dtype: str = "float64") -> Network:
    net = Network(seed, dtype=dtype)
    train, cell = net.add(SpikeTrain([1.0], [0]), 40), net.add(neurons.LIF, 200, "cell")
    for name in ("P", "Q"):
        net.connect(train, cell, fixed_indegree(20), to="v", weight=0.0, delay=1.0, rule=rule, name=name)
    return net


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_synapse_has_noise_of_the_law_that_is_written(dtype: str):
    net = network(OU, dtype=dtype)
    net.run(10.0, dt=0.5)
    first = net.projections["P"].weights()
    net.run(5.0)
    second, other = net.projections["P"].weights(), net.projections["Q"].weights()
    n, decay = 4000, np.exp(-5.0 / 5.0)
    start = 1 - np.exp(-2 * 15.0 / 5.0)  # of the variance, what has come since the beginning
    assert second.mean() == pytest.approx(2 * (1 - np.exp(-3.0)), abs=4 * 0.5 / np.sqrt(n))
    assert second.var() == pytest.approx(0.25 * start, rel=4 * np.sqrt(2 / n))
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(decay, abs=4 / np.sqrt(n))
    assert abs(np.corrcoef(second, other)[0, 1]) < 4 / np.sqrt(n)


def test_steps_are_independent_and_cuts_do_not_matter():
    whole, pieces, other = network(WALK), network(WALK), network(WALK, seed=4)
    whole.run(30.0, dt=0.1)
    for t in (0.1, 7.3, 22.6):
        pieces.run(t, dt=0.1)
    other.run(30.0, dt=0.1)
    w = whole.projections["P"].weights()
    np.testing.assert_array_equal(w, pieces.projections["P"].weights())
    assert not np.array_equal(w, other.projections["P"].weights())
    assert w.var() == pytest.approx(0.01 * 30.0, rel=4 * np.sqrt(2 / w.size))
    single = network(WALK, dtype="float32")
    single.run(30.0, dt=0.1)
    np.testing.assert_allclose(single.projections["P"].weights(), w, atol=1e-5)
    for net in (whole, single):
        drawn = net.built.parts.learning["P"].synapses["e"]
        assert 0 < drawn.min() < 0.01 and 0.99 < drawn.max() < 1 and drawn.mean() == pytest.approx(0.5, abs=0.02)


OPENED = Rule(
    "Opened",
    """
    dx/dt = -x/(4 ms) : 1 (pre)
    dy/dt = -y/(9 ms) : 1 (post)
    de/dt = -e/(5 ms) : 1
    u[k+1] = u + uniform()*where(e > 0.4, x, 0) : 1
    w[k+1] = w + 0.1*max(e + y - 0.6, 0)*normal() : 1
    """,
    on_pre="x += 1; e += 1",
    on_post="y += 1",
)


def factors(rule: Rule) -> dict[str, bool]:
    """Return law -> whether it is drawn where a factor is not 0, alone."""
    found = flow(rule)
    assert found is not None
    roots = tuple(found.updates.values())
    return {n.value[0]: drawn_where(n, roots) is not None for n in topological(roots) if n.kind == "noise"}


def test_what_is_multiplied_by_nothing_is_not_drawn():
    assert factors(OPENED) == {"uniform": True, "normal": True}
    assert factors(rules.GraupnerBrunel) == {"normal": True}
    assert factors(OU) == {"normal": False}  # it is always multiplied by the same number
    assert factors(WALK) == {"normal": False, "uniform": False}
    for line in (
        "w[k+1] = w + e*exp(normal())",  # not the draw itself
        "a[k+1] = normal(); w[k+1] = w + e*a[k+1] + a[k+1]",  # used twice
        "a[k+1] = normal(); w[k+1] = w + e*a[k+1] + max(e, 1)*a[k+1]",
    ):
        text = "; ".join(f"{part} : 1" for part in line.split("; "))
        assert factors(Rule("R", f"de/dt = -e/(5 ms) : 1; {text}", on_pre="e += 1")) == {"normal": False}, line


@pytest.mark.parametrize(("dtype", "near"), [("float64", 1e-12), ("float32", 1e-4)])
def test_the_draws_that_are_made_are_those_of_their_synapses(dtype, near: float):
    n, steps, dt = (5, 150), 40, 0.5  # more synapses of a sender than are drawn for at once
    given = np.random.default_rng(1)
    pre, post = ((given.random((steps, m)) < 0.08).astype(int) for m in n)
    pre[:, 2] = 0  # none of its synapses opens by the sender
    sources, targets = np.nonzero(np.arange(n[0] * n[1]).reshape(n) % 7 > 0)
    bench = Bench(OPENED, edges(sources, targets, 0.5, 1, n, dtype), pre, post, dt=dt)
    found = bench.run()
    lines = flow(OPENED)
    assert lines is not None
    nodes = topological(lines.updates.values())
    streams = {node.value[0]: node.value[1] for node in nodes if node.kind == "noise"}
    x, y, e = np.zeros(n[0]), np.zeros(n[1]), np.zeros(len(sources))
    w, u, number, opened = np.full(len(sources), 0.5), np.zeros(len(sources)), np.arange(len(sources)), 0
    for k in range(steps):
        factor = np.maximum(e + y[targets] - 0.6, 0)
        u += random.uniform(0, k, number, streams["uniform"]) * np.where(e > 0.4, x[sources], 0)
        w += 0.1 * factor * random.normal(0, k, number, streams["normal"])
        opened += (factor > 0).sum()
        x, y, e = x * np.exp(-dt / 4), y * np.exp(-dt / 9), e * np.exp(-dt / 5)
        if k:
            x, e = x + pre[k - 1], e + pre[k - 1][sources]
        y = y + post[k]
    np.testing.assert_allclose(found, w, atol=near)
    np.testing.assert_allclose(bench.plastic.synapses["u"], u, atol=near)
    assert 0.1 < opened / w.size / steps < 0.9 and np.ptp(w) > 0.5
