"""Rules by rates: between rate neurons against closed forms and plain numpy, and between trains of spikes."""

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet import rules, synapses
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all
from spikelet.sim.currents import Current
from spikelet.sim.network import Network

HOLD = 20  # ms that an input stays
LINEAR = Neuron("Linear", "r[k+1] = I : 1; I : 1 (input)")


def learned(rule: Rule, patterns: np.ndarray, w: np.ndarray, hold: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Show patterns (T, n), each for ``hold`` ms, to a linear neuron; returns its weights and its rates (T,)."""
    net = Network(dtype="float64")
    inputs, cell = net.add(LINEAR, patterns.shape[1], "inputs"), net.add(LINEAR, 1, "cell")
    net.drive(inputs, Current(np.repeat(patterns, hold, 0)))
    syn = net.connect(inputs, cell, all_to_all(), synapse=synapses.RateCoupling, weight=1.0, delay=1.0, rule=rule)
    net.build(dt=1.0)
    syn.set(weights=w)
    result = net.run(float(len(patterns) * hold), record={cell: ["r"]})
    return syn.weights(), result[cell]["r"][hold - 1 :: hold, 0]


def correlated(steps: int, n: int = 5, seed: int = 0) -> np.ndarray:
    """Return inputs (steps, n) whose principal components lie far apart."""
    random = np.random.default_rng(seed)
    axes = np.linalg.qr(random.normal(size=(n, n)))[0]
    return random.normal(size=(steps, n)) * np.array([2.0, 1.2, 0.6, 0.3, 0.2]) @ axes.T


def oja(x: np.ndarray, w: np.ndarray, eta: float, beta: float) -> np.ndarray:
    """Return the weights after the same inputs by Euler's method, with the rate of the present input."""
    for row in x:
        y = w @ row
        w = w + eta * y * (row - beta * y * w)
    return w


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_ojas_weights_become_the_first_principal_component(beta: float):
    x, w = correlated(4000), np.full(5, 0.1)
    found, _ = learned(rules.OjaRate(eta=1e-4, beta=beta), x, w, hold=HOLD)
    first = np.linalg.eigh(x.T @ x)[1][:, -1]
    norm = np.sqrt((HOLD - 1) / HOLD / beta)  # in the first step of a pattern the receiver still shows the one before
    assert np.linalg.norm(found) == pytest.approx(norm, rel=0.01)
    assert abs(found @ first) == pytest.approx(norm, rel=0.01)
    np.testing.assert_allclose(found, norm * np.sqrt(beta) * oja(x, w, 1e-4 * HOLD, beta), atol=0.03 * norm)


def test_units_of_sangers_rule_become_the_components_one_after_the_other():
    """Each learns from what those before it leave; against the eigenvectors of the inputs' correlations."""
    x, rule, left, found = correlated(4000), rules.SangerRate(eta=1e-4, beta=(HOLD - 1) / HOLD), [], []  # of norm 1
    left = x
    for _ in range(2):
        w, _ = learned(rule, left, np.full(5, 0.1), hold=HOLD)
        left = left - np.outer(left @ w, w)
        found.append(w)
    axes = np.linalg.eigh(x.T @ x)[1][:, :-3:-1]
    np.testing.assert_allclose(np.abs(np.sum(axes.T * found, 1)), 1, atol=0.03)
    assert np.abs(np.triu(np.array(found) @ np.array(found).T, 1)).max() < 0.1


def patterns(k: int, shown: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return ``k`` linearly independent patterns, and a random order of them."""
    random = np.random.default_rng(seed)
    own = np.eye(k) + 0.15 * random.random((k, k))
    return own, own[random.integers(0, k, shown)]


@pytest.mark.parametrize(("name", "k", "response", "eta"), [
    ("BCMRate", 2, 2.0, 2e-4), ("BCMRate", 4, 4.0, 2e-4), ("LawCooperRate", 4, 4.0, 1e-3),
    ("BCMPowerRate", 2, 8**0.5, 1e-4),
])  # fmt: skip
def test_a_bcm_neuron_selects_one_pattern_with_the_response_of_the_closed_form(
    name: str, k: int, response: float, eta: float
):
    """At theta = E[y^2] = y^2/k and y = theta, y = k; at theta = (y/k)^3 for two patterns, y^2 = 8; others give 0."""
    own, shown = patterns(k, 15_000)
    rule = rules.entries()[name](eta=eta, tau_theta=2000.0)
    w, _ = learned(rule, shown, np.linspace(0.5, 0.6, k), hold=10)
    y = np.sort(own @ w)
    assert y[-1] == pytest.approx(response, rel=0.08)
    assert np.abs(y[:-1]).max() < 0.1 * response


def test_a_bcm_neuron_forgets_by_its_decay():
    silence = np.zeros((1000, 2))
    found, _ = learned(rules.BCMRate(decay=1e-3), silence, np.array([1.0, 2.0]))
    np.testing.assert_allclose(found, np.exp(-1) * np.array([1.0, 2.0]), rtol=1e-9)


def test_the_threshold_of_law_and_cooper_divides_the_change():
    shown = np.tile([[1.0]], (400, 1))
    start = np.array([3.0])
    fast, _ = learned(rules.LawCooperRate(eta=1e-6, tau_theta=20.0), shown, start)
    slow, _ = learned(rules.BCMRate(eta=1e-6, tau_theta=20.0), shown, start)
    assert (fast - start) / (slow - start) == pytest.approx(1 / 9, rel=0.2)  # theta is 9 most of the time


def test_hebb_grows_to_its_bound_and_covariance_follows_the_sign_of_the_covariance():
    random = np.random.default_rng(1)
    common = random.normal(size=6000)
    x = 5 + np.stack([common, -common, random.normal(size=6000)], 1)
    w = np.array([0.6, 0.2, 0.0])
    found, _ = learned(rules.HebbRate(eta=1e-4), x, w)
    assert found.tolist() == [1.0, 1.0, 1.0]
    found, _ = learned(rules.CovarianceRate(eta=1e-3, tau_mean=200.0), np.repeat(x, 5, 0), w)
    assert found[0] > 0.9 and found[1] < 0.1


# -- spikes -----------------------------------------------------------------------------------------------------------


def mean_after(mean: float, x: float) -> float:
    """Return the running mean, over 1 s, after 1 ms in which ``x`` decays with 50 ms."""
    part = x / (1 - 1000 / 50)
    return (mean - part) * np.exp(-1 / 1000) + part * np.exp(-1 / 50)


def by_traces(name: str, p, pre: np.ndarray, post: np.ndarray, w: float) -> float:
    """Return the weight after spikes (steps,) at 1 ms, by Euler's method on what each step begins with."""
    x = y = x_mean = y_mean = 0.0
    theta = 1.0 if name == "LawCooper" else 0.0
    for sent, fired in zip(pre, post, strict=True):
        if name == "Hebb":
            w = min(w + p["eta"] * x * y, p["w_max"])
        if name == "Covariance":
            w = min(max(w + p["eta"] * (x - x_mean) * (y - y_mean), 0.0), p["w_max"])
        if name == "Oja":
            w += p["eta"] * y * (x - p["beta"] * y * w)
        if name == "BCM":
            w += p["eta"] * y * (y - theta) * x
        if name == "BCMPower":
            w += p["eta"] * y * (y - y_mean**3) * x
        if name == "LawCooper":
            w += p["eta"] * y * (y - theta) * x / max(theta, 1e-6)
        theta += (y**2 - theta) / 1000
        x_mean, y_mean = mean_after(x_mean, x), mean_after(y_mean, y)
        x, y = x * np.exp(-1 / 50) + sent, y * np.exp(-1 / 50) + fired
    return w


@pytest.mark.parametrize("name", ["Hebb", "Covariance", "Oja", "BCM", "BCMPower", "LawCooper"])
def test_rules_of_spikes_follow_the_traces(name: str):
    random = np.random.default_rng(2)
    pre, post = (random.random((2, 4000)) < [[0.02], [0.03]]).astype(int)
    rule = rules.entries()[name](eta=1e-4)
    found = Bench(rule, edges([0], [0], 0.5, 1, (1, 1)), np.roll(pre, -1)[:, None], post[:, None], dt=1.0).run()[0]
    expected = by_traces(name, rule.parameters, pre, post, 0.5)
    assert found - 0.5 == pytest.approx(expected - 0.5, rel=0.03) and abs(expected - 0.5) > 0.01
