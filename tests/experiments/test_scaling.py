"""The scaling benchmark as described, and what its numbers mean."""

import numpy as np
import pytest

from spikelet.experiments import scaling
from spikelet.sim.connect import one_to_one
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain


def test_one_spike_makes_a_potential_of_the_published_size() -> None:
    net = Network(dtype="float64")
    cell, train = net.add(scaling._LIF, 1, "cell"), net.add(SpikeTrain([1.0], [0]), 1)
    net.connect(train, cell, one_to_one(), to="x", weight=0.14 * scaling.peak_current(), delay=1.5)
    v = net.run(20.0, dt=0.01, record={cell: "v"})[cell]["v"]
    assert v.max() == pytest.approx(0.14, rel=1e-5)
    assert 0.14 * scaling.peak_current() == pytest.approx(45.61, abs=0.005)  # as NEST's script finds by Lambert's W


def test_it_has_its_synapses_and_drive() -> None:
    net = scaling.hpc(0.02, 1)
    net.build(0.1)
    _, learning, excitation, inhibition = net.projections.values()
    assert net["drive"].model.rate == pytest.approx(1.685 * 20 * 250 / (10 * 45.6096 * np.e * 0.325827), rel=1e-4)
    for projection, degree, weight in (
        (learning, 9000, 45.6096),
        (excitation, 9000, 45.6096),
        (inhibition, 2250, -228.048),
    ):
        assert set(np.bincount(projection.targets())) == {degree}
        np.testing.assert_allclose(np.unique(projection.weights()), [weight], rtol=1e-5)
        np.testing.assert_allclose(np.unique(projection.delays()), [1.5])
    assert not (learning.sources() == learning.targets()).any()
    assert learning.dendritic_fraction == 1


def test_spikes_in_one_step_are_no_pair() -> None:
    """Five and seven steps between two spikes count as they do in PowerLawSTDP, none at all does not."""
    for shift, expected in ((0, 0.0), (5, 0.1 * np.exp(-0.5 / 15)), (-7, -0.1 * 0.0513 * np.exp(-0.7 / 30))):
        net = Network(dtype="float64")
        train, teacher = net.add(SpikeTrain([9.0], [0]), 1), net.add(SpikeTrain([10.4 + 0.1 * shift], [0]), 1)
        cell = net.add(scaling._LIF, 1, "cell")
        net.connect(teacher, cell, one_to_one(), to="v", weight=100.0, delay=0.1)
        rule = scaling._STDP(tau_plus=15.0, tau_minus=30.0, eta=0.1, alpha=0.0513, mu=0.4)
        syn = net.connect(train, cell, one_to_one(), to="x", weight=1.0, delay=1.5, rule=rule)
        net.run(20.0, dt=0.1)
        assert syn.weights()[0] - 1 == pytest.approx(expected, rel=1e-9)
