"""Calcium rules: Graupner & Brunel's closed form and its reference, and Shouval's against plain Python."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet import rules
from spikelet.rule import Rule

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "golden.json").read_text())["graupner_brunel"]
SETS = {
    "DP": rules.GraupnerBrunel,
    "DPD": rules.GraupnerBrunelDPD,
    "DPD'": rules.GraupnerBrunelDPDPrime,
    "P": rules.GraupnerBrunelP,
    "D": rules.GraupnerBrunelD,
    "D'": rules.GraupnerBrunelDPrime,
}


def above(p, shift: float, theta: float, period: float = 1000.0, dt: float = 1e-3) -> float:
    """Return the share of the time with calcium above a threshold, for pairs ``shift`` [ms] apart at the synapse."""
    later, first, second = (shift, p["c_pre"], p["c_post"]) if shift >= 0 else (-shift, p["c_post"], p["c_pre"])
    tau, size = p["tau_ca"], (first + second * math.exp(later / p["tau_ca"]))
    rest = size * math.exp(-period / tau) / (1 - math.exp(-period / tau))  # left by all pairs before
    time = 0.0
    for level, length in (
        (first + rest, later), ((first + rest) * math.exp(-later / tau) + second, period - later)
    ):  # fmt: skip
        time += min(max(tau * math.log(level / theta), 0.0), length) if level > theta else 0.0
    return time / period


def closed_form(p, shift: float, seconds: float = 60.0) -> tuple[float, float]:
    """Return the probabilities to go up, and to go down, after pairs at 1 Hz; ``shift`` at the synapse."""
    up, down = p["gamma_p"] * above(p, shift, p["theta_p"]), p["gamma_d"] * above(p, shift, p["theta_d"])
    if up + down == 0:
        return 0.0, 0.0
    alpha = above(p, shift, p["theta_p"]) + above(p, shift, p["theta_d"])
    mean, variance = up / (up + down), p["sigma"] ** 2 * alpha / (up + down)
    decay = math.exp(-seconds * 1000 * (up + down) / p["tau"])
    width = math.sqrt(variance * (1 - decay**2))
    below = [0.5 * (1 + math.erf((0.5 - mean + (mean - start) * decay) / width)) for start in (0.0, 1.0)]
    return 1 - below[0], below[1]


def strength(up: float, down: float, beta: float = 0.5, b: float = 5.0) -> float:
    """Return the strength after over that before, where a share ``1 - beta`` of the synapses is up at first."""
    after = (1 - up) * beta + down * (1 - beta) + b * (up * beta + (1 - down) * (1 - beta))
    return after / (beta + (1 - beta) * b)


@pytest.mark.parametrize("name", SETS)
def test_the_closed_form_of_each_set_is_that_of_the_reference(name: str):
    p = SETS[name].parameters
    for shift, expected in GOLDEN[name].items():
        found = strength(*closed_form(p, float(shift) - p["D"]))
        assert found == pytest.approx(expected, abs=1e-12), shift


def after_pairs(rule: Rule, shift: float, start: float, n: int, dt: float = 0.5) -> np.ndarray:
    """Return the weights of ``n`` synapses after 60 pairs at 1 Hz; ``shift`` counts from the arrival."""
    steps, at = round(60_000 / dt), round(200 / dt)
    pre, post = np.zeros((steps, 1), int), np.zeros((steps, 1), int)
    pre[np.arange(60) * round(1000 / dt) + at - 1, 0] = 1  # it arrives a step later
    post[np.arange(60) * round(1000 / dt) + at + round(shift / dt), 0] = 1
    found = Bench(rule, edges(np.zeros(n, int), np.zeros(n, int), start, 1, (1, 1)), pre, post, dt=dt)
    return found.run()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["DP", "P"])
@pytest.mark.parametrize("shift", [-10.0, 10.0])
def test_many_synapses_go_up_and_down_as_often_as_the_closed_form_says(name: str, shift: float):
    up = (after_pairs(SETS[name], shift, 0.0, 1000) > 0.5).mean()
    down = (after_pairs(SETS[name], shift, 1.0, 1000) < 0.5).mean()
    expected = closed_form(SETS[name].parameters, shift)
    assert strength(up, down) == pytest.approx(strength(*expected), abs=0.03)
    assert (up, down) == pytest.approx(expected, abs=0.06)


def test_without_noise_the_weight_goes_where_the_mean_of_the_equation_goes():
    """The shares of the time above the thresholds stand for the calcium, since the weight is slow."""
    for name, shift in (("DP", 12.0), ("DPD", -15.0), ("D'", 0.0)):
        p = SETS[name].parameters
        up, down = p["gamma_p"] * above(p, shift, p["theta_p"]), p["gamma_d"] * above(p, shift, p["theta_d"])
        w = 0.5
        for _ in range(60_000):
            w += (-w * (1 - w) * (0.5 - w) + up * (1 - w) - down * w) / p["tau"]
        found = after_pairs(SETS[name](sigma=0), shift, 0.5, 1, dt=0.25)[0]
        quantum = (
            60 * 0.25 * p["gamma_d"] * w / p["tau"]
        )  # a step of 0.25 ms more or less above the threshold in each pair
        assert found == pytest.approx(w, abs=quantum) and abs(w - 0.5) > quantum, name


def test_between_stimuli_the_weight_goes_to_the_nearer_of_0_and_1():
    silence = np.zeros((8000, 1), int)
    made = edges(np.zeros(2, int), np.zeros(2, int), [0.4, 0.6], 1, (1, 1))
    found = Bench(rules.GraupnerBrunel(tau=100.0), made, silence, silence, dt=1.0).run()
    np.testing.assert_allclose(found, [0, 1], atol=1e-3)


# -- Shouval, Bear & Cooper -------------------------------------------------------------------------------------------


def shouval(pre: np.ndarray, post: np.ndarray, dt: float, v_rest: float = -65.0) -> float:
    """Return the weight after spikes (steps,) in plain Python, from 0.25."""
    w, c, t_post = 0.25, 0.0, math.inf
    f = s = e = r = 0.0
    for sent, fired in zip(pre, post, strict=True):
        bap = 100 * (0.75 * math.exp(-t_post / 3) + 0.25 * math.exp(-t_post / 25))
        v = v_rest + bap + 1.435 * (e - r)
        influx = (f + s) / 500 * (130 - v) / (1 + math.exp(-0.062 * v) / 3.57)
        omega = 0.25 + 1 / (1 + math.exp(-80 * (c - 0.55))) - 0.25 / (1 + math.exp(-80 * (c - 0.35)))
        w += dt * (omega - w) / (1000 * (0.1 / (1e-5 + c**3) + 1))
        c += dt * (influx - c / 50)
        f, s, e, r = (
            x * math.exp(-dt / tau) for x, tau in ((f, 50), (s, 200), (e, 50), (r, 5))
        )  # fmt: skip
        t_post += dt
        if sent:
            f, s, e, r = f + 0.5 * (0.5 - f), s + 0.5 * (0.5 - s), e + 1, r + 1
        t_post = 0.0 if fired else t_post
    return w


def paired(shift: float, pairs: int, period: float, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Return spikes (steps,) of pairs; times of arrival."""
    pre, post = (np.zeros(round((pairs * period + 600) / dt), int) for _ in range(2))
    at = np.round((200 + np.arange(pairs) * period) / dt).astype(int)
    pre[at], post[at + round(shift / dt)] = 1, 1
    return pre, post


def learned(pre: np.ndarray, post: np.ndarray, dt: float, **values: float) -> float:
    raster = np.roll(pre, -1)[:, None], post[:, None]
    return Bench(rules.Shouval(**values), edges([0], [0], 0.25, 1, (1, 1)), *raster, dt=dt).run()[0]


@pytest.mark.parametrize("shift", [-15.0, 10.0])
def test_shouvals_rule_is_that_of_plain_python(shift: float):
    pre, post = paired(shift, 5, 500.0, 0.1)
    expected = shouval(pre, post, 0.1) - 0.25
    assert learned(pre, post, 0.1) - 0.25 == pytest.approx(expected, rel=0.02) and abs(expected) > 1e-3


def test_an_epsp_has_the_height_that_is_asked_for():
    t = np.linspace(0, 100, 100_001)
    assert (1.435 * (np.exp(-t / 50) - np.exp(-t / 5))).max() == pytest.approx(1, abs=1e-3)


def test_shouvals_window_has_depression_on_both_sides_of_potentiation():
    change = {shift: learned(*paired(shift, 100, 1000.0, 0.5), 0.5) - 0.25 for shift in (-20.0, 10.0, 80.0)}
    assert change[-20.0] < -0.01 and change[10.0] > 0.05 and change[80.0] < -0.01


def test_shouvals_rule_depresses_at_low_rates_and_potentiates_at_high_ones():
    changes = []
    for rate, spikes in ((2.0, 300), (20.0, 900)):
        pre, post = paired(0.0, spikes, 1000 / rate, 1.0)
        changes.append(learned(pre, 0 * post, 1.0, epsp=10.0) - 0.25)
    assert changes[0] < -0.1 and changes[1] > 0.3


def test_shouvals_rule_depresses_at_moderate_and_potentiates_at_strong_depolarisation():
    pre, post = paired(0.0, 100, 1000.0, 0.5)
    changes = [learned(pre, 0 * post, 0.5, v_rest=v) - 0.25 for v in (-65.0, -55.0, -40.0)]
    assert abs(changes[0]) < 0.02 and changes[1] < -0.02 and changes[2] > 0.2
