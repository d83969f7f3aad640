"""Weights brought to a sum for each receiver."""

import numpy as np
import pytest

from spikelet import neurons, rules
from spikelet.errors import InputError
from spikelet.sim.connect import all_to_all, fixed_probability, from_arrays
from spikelet.sim.distributions import normal
from spikelet.sim.network import Network
from spikelet.sim.sources import Poisson
from spikelet.units import Hz


def network(dtype: str = "float64", **more) -> Network:
    net = Network(seed=2, dtype=dtype)
    source, cell = net.add(Poisson(50 * Hz), 30, "source"), net.add(neurons.LIF, 12, "cell")
    what = {"weight": normal(0.5, 0.3), "delay": 1.0, **more}
    net.connect(source, cell, what.pop("pattern", fixed_probability(0.4)), to="v", name="P", **what)
    net.build(0.5)
    return net


def sums(net: Network) -> np.ndarray:
    syn = net.projections["P"]
    return np.bincount(syn.targets(), np.abs(syn.weights()), 12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", [None, rules.STDP(w_max=50), rules.MultiplicativeSTDP(w_max=50)])
def test_each_receiver_gets_its_sum_and_ratios_stay(dtype: str, rule):
    net = network(dtype, rule=rule)
    syn, totals = net.projections["P"], np.linspace(1, 3, 12)
    if rule is not None:
        net.run(100.0)
    before, targets = syn.weights(), syn.targets()
    syn.normalise(totals)
    factors = totals / np.bincount(targets, np.abs(before), 12)
    np.testing.assert_allclose(syn.weights(), before * factors[targets], rtol=1e-6 if dtype == "float32" else 1e-14)
    np.testing.assert_allclose(sums(net), totals, rtol=1e-6)
    if rule is not None:
        net.run(100.0)
        syn.normalise(78.4)
        np.testing.assert_allclose(sums(net), 78.4, rtol=1e-6)
        net.run(50.0)
        assert np.ptp(sums(net)) > 0


def test_weights_that_are_all_equal_and_matrices_and_few_receivers():
    net = network(weight=0.1, pattern=all_to_all())
    net.projections["P"].normalise(3.0)
    np.testing.assert_allclose(net.projections["P"].weights(), 0.1, rtol=1e-14)
    few = network(weight=np.array([1.0, -3.0]), pattern=from_arrays([0, 1], [4, 4]))
    few.projections["P"].normalise(2.0)
    np.testing.assert_allclose(few.projections["P"].weights(), [0.5, -1.5])


@pytest.mark.parametrize("total", [0, -1.0, np.nan, np.inf, "1", [1.0, 2.0], None])
def test_a_wrong_total_is_refused(total):
    net = network()
    before = net.projections["P"].weights()
    with pytest.raises(InputError, match="P: total must be"):
        net.projections["P"].normalise(total)
    np.testing.assert_array_equal(net.projections["P"].weights(), before)


def test_weights_that_are_all_zero_cannot_be_normalised():
    net = network(weight=np.array([0.0, 0.0, 1.0]), pattern=from_arrays([0, 1, 2], [3, 3, 5]), rule=rules.STDP)
    with pytest.raises(InputError, match=r"P: the absolute weights into 1 of 12 receivers sum to 0 \(first: rec.* 3\)"):
        net.projections["P"].normalise(2.0)
    np.testing.assert_array_equal(net.projections["P"].weights(), [0.0, 0.0, 1.0])
