"""Noise in single synapses: its law, and that it depends on nothing but seed, projection, synapse and step."""

import numpy as np
import pytest

from spikelet import neurons
from spikelet.rule import Rule
from spikelet.sim.connect import fixed_indegree
from spikelet.sim.network import Network
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
