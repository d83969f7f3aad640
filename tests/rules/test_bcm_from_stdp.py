"""Izhikevich & Desai 2003: pairs with the nearest spikes of the receiver make a BCM rule, all pairs do not."""

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet import rules

A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS = 1.03, 0.51, 14.0, 34.0  # Froemke & Dan 2002
VALUES = {"a_plus": A_PLUS, "a_minus": A_MINUS, "tau_plus": TAU_PLUS, "tau_minus": TAU_MINUS, "w_max": 1e6}
THRESHOLD = (A_PLUS / TAU_MINUS - A_MINUS / TAU_PLUS) / (A_MINUS - A_PLUS)  # kHz


def bracket(y: float) -> float:
    """Return the change of a weight over the two rates, Eq. 2.2, with rates a second."""
    return A_PLUS / (1000 / TAU_PLUS + y) - A_MINUS / (1000 / TAU_MINUS + y)


def test_the_closed_form_has_the_values_of_the_reference():
    for y, expected in {5: -0.001344, 8: -0.000664, 11.8: 0.0, 20: 0.000944, 50: 0.002060}.items():
        assert bracket(y) == pytest.approx(expected, abs=1e-6)
    assert 1000 * THRESHOLD == pytest.approx(11.797, abs=1e-3)
    assert bracket(1000 * THRESHOLD) == pytest.approx(0, abs=1e-12)


def in_steps(y: float, dt: float) -> float:
    """Return y*bracket(y) for trains in steps: the next spike is 0, 1, ... steps away, the last one 1, 2, ..."""
    p, plus, minus = y * dt / 1000, np.exp(-dt / TAU_PLUS), np.exp(-dt / TAU_MINUS)
    return A_PLUS * p / (1 - (1 - p) * plus) - A_MINUS * p * minus / (1 - (1 - p) * minus)


def drift(entry: str, rates: list[float], seconds: float, x: float = 10.0, dt: float = 0.5) -> np.ndarray:
    """Return the change a second for each rate of the receiver, mean over 25 receivers with 20 inputs at ``x`` Hz."""
    random, each, n_pre = np.random.default_rng(2), 25, 20
    steps = round(seconds * 1000 / dt)
    n = n_pre, each * len(rates)
    own = np.repeat(rates, each) * dt / 1000
    pre = (random.random((steps, n_pre)) < x * dt / 1000).astype(int)
    post = (random.random((steps, n[1])) < own).astype(int)
    sources, targets = np.divmod(np.arange(n[0] * n[1]), n[1])
    rule = rules.entries()[entry](**VALUES)
    change = Bench(rule, edges(sources, targets, 5e5, 1, n), pre, post, dt=dt).run() - 5e5
    return change.reshape(n_pre, len(rates), each).mean((0, 2)) / seconds


def test_nearest_pairs_drift_as_the_closed_form_says():
    rates = [5.0, 11.8, 20.0, 40.0]
    for y, expected in zip(rates, [-0.067, 0.0, 0.19, 0.76], strict=True):  # without steps, as in the reference
        assert (
            10 * in_steps(y, 1e-4) == pytest.approx(10 * y * bracket(y), abs=1e-4) == pytest.approx(expected, abs=2e-3)
        )
    found = drift("PreCentredSTDP", rates, seconds=30.0)
    np.testing.assert_allclose(found, [10 * in_steps(y, 0.5) for y in rates], rtol=0.05, atol=0.03)
    assert found[0] < -0.02 and found[2] > 0.15 and found[3] > 0.7


def test_all_pairs_have_no_threshold():
    rates, dt = [5.0, 20.0, 40.0], 0.5
    plus, minus = 1 / (1 - np.exp(-dt / TAU_PLUS)), 1 / np.expm1(dt / TAU_MINUS)  # sums over steps instead of tau/dt
    found = drift("STDP", rates, seconds=20.0)
    expected = [10 * y / 1000 * (A_PLUS * plus - A_MINUS * minus) * dt for y in rates]
    np.testing.assert_allclose(found, expected, rtol=0.1, atol=0.03)
    assert found[2] < found[1] < 0
