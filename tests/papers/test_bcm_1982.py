"""Bienenstock, Cooper & Munro 1982: selectivity by a sliding threshold, in the simulator."""

import functools

import numpy as np
import pytest

from spikelet import progress, rules
from spikelet.experiments import bcm_1982 as bcm
from spikelet.units import kHz

silent = functools.partial(progress.bar, show=False)


def test_the_network_is_the_rule_pattern_by_pattern():
    """Against a plain loop: a pattern is sent, heard one step later, and learned in the step after that."""
    x, order = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]), bcm.shuffled(2, 40, seed=5)
    net = bcm.network(bcm.Shown(x, order), 4, rules.BCMRate(eta=0.02 * kHz, tau_theta=30.0), 5, 0.4)
    net.build(dt=bcm.STEP)
    syn = net.projections["syn"]
    start = np.linspace(0.1, 0.9, 12).reshape(3, 4)
    syn.set(weights=start.ravel())
    net.run(80.0)
    w, theta, y, seen = start.copy(), np.zeros(4), np.zeros(4), np.zeros(3)
    for k in range(80):
        w_new = w + 0.02 * y * (y - theta) * seen[:, None]  # by what the step before has left
        theta = y**2 + (theta - y**2) * np.exp(-1 / 30.0)
        w, seen = w_new, x[order[k - 1]] if k else np.zeros(3)
        y = seen @ w
    np.testing.assert_allclose(syn.weights().reshape(3, 4), w, rtol=1e-12)
    assert np.ptp(w - start) > 0.05


@pytest.mark.parametrize("k", [2, 4, 5, 10])
def test_patterns_are_linearly_independent_and_equally_frequent(k: int):
    assert np.linalg.matrix_rank(bcm.patterns(k)) == k
    order = bcm.shuffled(k, 30, seed=1)
    assert (np.sort(order.reshape(30, k), 1) == np.arange(k)).all() and len({*map(tuple, order.reshape(30, k))}) > 1


@pytest.mark.parametrize("k", [2, 10])
def test_response_and_threshold_are_the_number_of_patterns(k: int):
    """At finite tau the threshold is a saw-tooth of height K^2/tau, lowest where the pattern comes."""
    found = bcm.selected(k, 20, 20_000, 100.0, 1, silent)
    ordered = np.sort(found["y"], 0)
    np.testing.assert_allclose(ordered[-1], k + k**2 / 200, rtol=0.01)
    np.testing.assert_allclose(found["theta"], k + k**2 / 100, rtol=0.01)
    assert np.abs(ordered[:-1]).max() < 0.02 * k
    assert len(set(found["y"].argmax(0))) > 1  # which one depends on the start


def test_a_unit_that_answers_all_patterns_is_not_selective():
    assert bcm.selective(np.array([[2.0, 1.0, 0.0, 2.0], [0.0, 1.0, 2.01, 0.1]])) == 0.5


def test_oscillations_grow_as_the_eigenvalue_says():
    products = np.array([0.7, 0.9, 1.1, 1.3])
    growth, y = bcm.oscillations(products, 400)
    np.testing.assert_allclose(growth, (products - 1) / 2, atol=0.02)
    late = np.abs(y[-3000:] - 1).max(0)
    assert late[0] < 2e-3 < 0.02 < late[-1]
