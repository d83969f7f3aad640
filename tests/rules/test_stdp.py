"""Rules by spike times against closed forms, and against numbers that were computed elsewhere."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet import rules
from spikelet.rule import Rule

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "golden.json").read_text())
SHIFTS = np.arange(-60, 61)  # time of the receiver's spike less that of the arrival [ms]


def window(rule: Rule, w: float) -> np.ndarray:
    """Return what one pair does to a weight, for each of ``SHIFTS``; every receiver has another one."""
    n, at = len(SHIFTS), 100
    pre, post = np.zeros((200, 1), int), np.zeros((200, n), int)
    pre[at - 1] = 1  # it arrives a step later
    post[at + SHIFTS, np.arange(n)] = 1
    found = Bench(rule, edges(np.zeros(n, int), np.arange(n), w, 1, (1, n)), pre, post, dt=1.0)
    return found.run() - w


def pairs(plus: float, minus: float, tau_plus: float = 20.0, tau_minus: float = 20.0) -> np.ndarray:
    """Return the closed form: a pair in one step counts as the sender's first."""
    return np.where(SHIFTS >= 0, plus * np.exp(-SHIFTS / tau_plus), -minus * np.exp(SHIFTS / tau_minus))


WINDOWS = {
    "STDP": (rules.STDP(tau_plus=16.8, tau_minus=33.7), pairs(0.005, 0.00525, 16.8, 33.7)),
    "NearestSTDP": (rules.NearestSTDP(tau_plus=16.8, tau_minus=33.7), pairs(0.005, 0.00525, 16.8, 33.7)),
    "MultiplicativeSTDP": (rules.MultiplicativeSTDP(alpha=1.5), pairs(0.01 * 0.7, 0.01 * 1.5 * 0.3)),
    "VanRossumSTDP": (rules.VanRossumSTDP(a_minus=0.01), pairs(0.005, 0.01 * 0.3)),
    "PowerLawSTDP": (rules.PowerLawSTDP(w_0=2), pairs(0.1 * 2**0.6 * 0.3**0.4, 0.1 * 0.11 * 0.3)),
    "TripletSTDP": (rules.TripletSTDP(a2_plus=4e-3), pairs(4e-3, 7e-3, 16.8, 33.7)),
    "InhibitorySTDP": (
        rules.InhibitorySTDP(eta=0.1), 0.1 * np.exp(-np.abs(SHIFTS) / 20.0) - 0.1 * 2 * 0.005 * 20.0
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WINDOWS)
def test_one_pair_does_what_the_closed_form_says(name: str):
    rule, expected = WINDOWS[name]
    np.testing.assert_allclose(window(rule, 0.3), expected, rtol=1e-12, atol=1e-15)


def trained(rule: Rule, pre: list[float], post: list[float], dt: float, w: float = 10.0) -> float:
    """Return the change of one weight; times [ms] are those of arrival and of the receiver's spikes."""
    steps = round(max(pre + post) / dt) + 2
    raster = np.zeros((2, steps, 1), int)
    for row, times, delay in ((0, pre, 1), (1, post, 0)):
        raster[row, np.round(np.array(times) / dt).astype(int) - delay, 0] = 1
    return float(Bench(rule, edges([0], [0], w, 1, (1, 1)), *raster, dt=dt).run()[0]) - w


@pytest.mark.parametrize(("name", "entry"), [("all_to_all", "STDP"), ("nearest", "NearestSTDP")])
def test_pairs_of_two_trains_add_up_to_the_reference(name: str, entry: str):
    pair = GOLDEN["pair_stdp"]
    known = {"tau_plus": pair["tau_plus"], "tau_minus": pair["tau_minus"], "a_plus": 1, "a_minus": 1, "w_max": 100}
    assert trained(rules.entries()[entry](**known), pair["pre"], pair["post"], 1.0) == pytest.approx(pair[name], 1e-12)


SETS = {  # Pfister & Gerstner 2006, visual cortex
    ("full", False): {},
    ("minimal", False): {"a2_plus": 0, "a3_plus": 6.5e-3, "a2_minus": 7.1e-3, "a3_minus": 0, "tau_y": 114},
    ("full", True): {
        "a2_plus": 8.8e-11, "a3_plus": 5.3e-2, "a2_minus": 6.6e-3, "a3_minus": 3.1e-3, "tau_x": 714, "tau_y": 40,
    },
    ("minimal", True): {"a2_plus": 0, "a3_plus": 5e-2, "a2_minus": 8e-3, "a3_minus": 0, "tau_y": 40},
}  # fmt: skip
NEAREST = Rule(
    "NearestTripletSTDP", rules.TripletSTDP.text,
    on_pre=rules.TripletSTDP.on_pre.replace("+= 1", "= 1"), on_post=rules.TripletSTDP.on_post.replace("+= 1", "= 1"),
)  # fmt: skip


@pytest.mark.parametrize("case", GOLDEN["triplet"], ids=lambda c: f"{c['set']}-{c['nearest']}-{c['dt']:g}")
def test_triplets_depend_on_the_frequency_of_pairs_as_in_the_reference(case: dict):
    rule = (NEAREST if case["nearest"] else rules.TripletSTDP)(w_max=100, **SETS[case["set"], case["nearest"]])
    for rate, expected in zip(case["rho"], case["dw"], strict=True):
        starts = 20.0 + np.arange(60) * 1000.0 / rate
        found = trained(rule, starts.tolist(), (starts + case["dt"]).tolist(), 5.0)
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-12), rate


def test_inhibition_drifts_to_the_target_rate():
    """Between independent trains the mean change a second is eta*rate_pre*(2*tau*rate_post - alpha): 0 at rho_0."""
    random, steps, n = np.random.default_rng(1), 20_000, (20, 30)
    rates = np.repeat([2.0, 5.0, 8.0], 10) / 1000.0  # of receivers, per ms; rho_0 is in the middle
    pre, post = (random.random((steps, n[0])) < 0.02).astype(int), (random.random((steps, n[1])) < rates).astype(int)
    sources, targets = np.divmod(np.arange(n[0] * n[1]), n[1])
    rule = rules.InhibitorySTDP(eta=1e-3)
    change = Bench(rule, edges(sources, targets, 50.0, 1, n), pre, post, dt=1.0).run().reshape(n) - 50.0
    found = change.mean(0).reshape(3, 10).mean(1)
    measured = post.mean(0).reshape(3, 10).mean(1), pre.mean()
    expected = 1e-3 * steps * measured[1] * (2 * 20.0 * measured[0] - 2 * 0.005 * 20.0)
    np.testing.assert_allclose(found, expected, atol=2.5e-3)
    assert found[0] < -0.03 and found[2] > 0.03 and math.isclose(found[1], expected[1], abs_tol=2.5e-3)


BOUNDED = [name for name, rule in rules.entries().items() if "STDP" in name and "w_max" in rule.parameters]


def test_soft_bounds_keep_weights_inside_and_hard_ones_cut():
    random = np.random.default_rng(2)
    raster = (random.random((2, 3000, 1)) < 0.2).astype(int)
    for name in BOUNDED:
        entry = rules.entries()[name]
        strong = {k: 0.3 for k in ("eta", "a_plus", "a_minus", "a2_plus", "a2_minus") if k in entry.parameters}
        found = Bench(entry(w_max=2.0, **strong), edges([0], [0], 1.0, 1, (1, 1)), *raster, dt=1.0)
        found.run()
        assert 0 <= found.delivered.min() and found.delivered.max() <= 2.0, name
