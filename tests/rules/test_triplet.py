"""Triplet rules against the reference numbers of all fits, and their mean between Poisson trains."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.rules.test_stdp import SHIFTS, pairs, trained, window
from tests.sim.plastic_bench import Bench, edges

from spikelet import rules

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "golden.json").read_text())
FITS = {  # Pfister & Gerstner 2006, visual cortex: set, whether the last spikes alone count
    ("full", False): rules.TripletSTDP,
    ("minimal", False): rules.MinimalTripletSTDP,
    ("full", True): rules.NearestTripletSTDP,
    ("minimal", True): rules.MinimalNearestTripletSTDP,
}


@pytest.mark.parametrize("case", GOLDEN["triplet"], ids=lambda c: f"{c['set']}-{c['nearest']}-{c['dt']:g}")
def test_triplets_depend_on_the_frequency_of_pairs_as_in_the_reference(case: dict):
    rule = FITS[case["set"], case["nearest"]](w_max=100)
    for rate, expected in zip(case["rho"], case["dw"], strict=True):
        starts = 20.0 + np.arange(60) * 1000.0 / rate
        found = trained(rule, starts.tolist(), (starts + case["dt"]).tolist(), 5.0)
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-12), rate


TRIPLETS = {  # 60 triplets at 1 Hz, minimal set of hippocampal cultures: first to second, second to third [ms]
    ("pre post pre", 5, 5): 0.0551,
    ("pre post pre", 10, 10): 0.0193,
    ("pre post pre", 15, 5): -0.0508,
    ("pre post pre", 5, 15): 0.1016,
    ("post pre post", 5, 5): 0.3327,
    ("post pre post", 10, 10): 0.1798,
    ("post pre post", 15, 5): 0.3178,
    ("post pre post", 5, 15): 0.0684,
}


@pytest.mark.parametrize("case", TRIPLETS, ids=str)
def test_triplets_of_the_hippocampus_change_the_weight_as_in_the_reference(case):
    order, first, second = case
    times = np.array([0.0, first, first + second])
    starts = 50.0 + 1000.0 * np.arange(60)
    trains = {
        side: np.sort(np.concatenate([starts + t for t, own in zip(times, order.split(), strict=True) if own == side]))
        for side in ("pre", "post")
    }
    found = trained(
        rules.MinimalHippocampalTripletSTDP(w_max=100), trains["pre"].tolist(), trains["post"].tolist(), 5.0
    )
    assert found == pytest.approx(TRIPLETS[case], abs=6e-5)


CULTURES = {  # Table 4: A2+, A3+, A2-, A3-, tau_x, tau_y, whether the last spikes alone count
    "HippocampalTripletSTDP": (6.1e-3, 6.7e-3, 1.6e-3, 1.4e-3, 946, 27, False),
    "MinimalHippocampalTripletSTDP": (5.3e-3, 8e-3, 3.5e-3, 0, 101, 40, False),
    "NearestHippocampalTripletSTDP": (4.6e-3, 9.1e-3, 3e-3, 7.5e-9, 575, 47, True),
    "MinimalNearestHippocampalTripletSTDP": (4.6e-3, 9.1e-3, 3e-3, 0, 101, 48, True),
}


def summed(pre: list[int], post: list[int], name: str) -> float:
    """Return the change of a weight, Eq. 3 and 4 as sums over earlier spikes, or over the last one alone."""
    a2p, a3p, a2m, a3m, tau_x, tau_y, nearest = CULTURES[name]

    def trace(spikes: list[int], tau: float, now: float) -> float:
        earlier = [t for t in spikes if t < now][-1 if nearest else 0 :]
        return sum(np.exp((t - now) / tau) for t in earlier)

    down = sum(trace(post, 33.7, t) * (a2m + a3m * trace(pre, tau_x, t)) for t in pre)
    return sum(trace(pre, 16.8, t) * (a2p + a3p * trace(post, tau_y, t)) for t in post) - down


@pytest.mark.parametrize("name", CULTURES)
def test_every_fit_to_cultures_is_a_sum_over_pairs_and_triplets(name: str):
    times = np.random.default_rng(3).permutation(np.arange(1, 400))[:60]  # of both sides, no two at once
    pre, post = sorted(times[:30].tolist()), sorted(times[30:].tolist())
    expected = summed(pre, post, name)
    assert trained(rules.entries()[name](w_max=100), pre, post, 1.0) == pytest.approx(expected, abs=1e-11)
    assert abs(expected) > 0.05


def test_a_single_pair_is_a_pair_rule():
    found = window(rules.HippocampalTripletSTDP, 0.5)
    np.testing.assert_allclose(found, pairs(6.1e-3, 1.6e-3, 16.8, 33.7), rtol=1e-12)
    minimal = window(rules.MinimalTripletSTDP, 0.5)
    assert not minimal[SHIFTS >= 0].any() and (minimal[SHIFTS < 0] < 0).all()


def test_between_poisson_trains_the_minimal_rule_is_a_bcm_rule():
    """Its mean is x*y*(A3p*tau_plus*tau_y*y - A2m*tau_minus), Eq. 9: of either sign, as the receiver's rate is."""
    random, steps, n = np.random.default_rng(1), 20_000, (40, 120)
    rates = np.repeat([0.006, 0.012, 0.05], 40)  # of receivers, kHz
    pre = (random.random((steps, n[0])) < 0.03).astype(int)
    post = (random.random((steps, n[1])) < rates).astype(int)
    sources, targets = np.divmod(np.arange(n[0] * n[1]), n[1])
    rule = rules.MinimalTripletSTDP(w_max=1e3)
    change = Bench(rule, edges(sources, targets, 500.0, 1, n), pre, post, dt=1.0).run().reshape(n) - 500.0
    r1, o1, o2 = (1 / np.expm1(1 / tau) for tau in (16.8, 33.7, 114.0))  # sums over whole steps instead of tau
    found, y = (values.reshape(3, 40).mean(1) for values in (change.mean(0), post.mean(0)))
    expected = steps * pre.mean() * y * (6.5e-3 * (r1 + 1) * o2 * y - 7.1e-3 * o1)
    assert expected[0] < -0.3 and expected[1] < -0.3 and expected[2] > 3
    np.testing.assert_allclose(found, expected, rtol=0.1, atol=0.1)


def test_the_sliding_rule_depresses_by_the_receivers_mean_rate():
    """One synapse against a loop over steps, and at a constant mean rate the minimal rule."""
    random = np.random.default_rng(4)
    pre, post = np.flatnonzero(random.random(3000) < 0.03) + 1, np.flatnonzero(random.random(3000) < 0.02) + 1
    rule = rules.SlidingTripletSTDP(w_max=100, tau_rho=700, rho_0=0.015, p=1.5)
    r1 = o1 = o2 = change = 0.0
    rho = 0.015
    for k in range(3001):
        r1, o1, o2, rho = (x * np.exp(-1 / tau) for x, tau in ((r1, 16.8), (o1, 33.7), (o2, 114), (rho, 700)))
        if k in pre:
            change -= 7.1e-3 * (rho / 0.015) ** 1.5 * o1
            r1 += 1
        if k in post:
            change += 6.5e-3 * r1 * o2
            o1, o2, rho = o1 + 1, o2 + 1, rho + 1 / 700
    assert trained(rule, pre.tolist(), post.tolist(), 1.0) == pytest.approx(change, rel=1e-9) and abs(change) > 0.1
    still = rules.SlidingTripletSTDP(w_max=100, tau_rho=1e12)
    found = [trained(one, pre.tolist(), post.tolist(), 1.0) for one in (still, rules.MinimalTripletSTDP(w_max=100))]
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_between_poisson_trains_the_sliding_rule_keeps_the_receiver_from_running_away():
    """x*y*(A3p*tau_plus*tau_y*y - A2m*tau_minus*(y/rho_0)**2): potentiation below a rate, depression above it."""
    random, steps, begin, n = np.random.default_rng(2), 16_000, 4000, (40, 120)  # rho first finds its mean
    pre = (random.random((begin + steps, n[0])) < 0.03).astype(int)
    post = (random.random((begin + steps, n[1])) < np.repeat([0.02, 0.1], 60)).astype(int)
    sources, targets = np.divmod(np.arange(n[0] * n[1]), n[1])
    rule = rules.SlidingTripletSTDP(w_max=1e3, tau_rho=1000, rho_0=0.03)
    bench = Bench(rule, edges(sources, targets, 500.0, 1, n), pre, post, dt=1.0)
    change = -bench.run(begin).reshape(n) + bench.run().reshape(n)
    r1, o1, o2 = (1 / np.expm1(1 / tau) for tau in (16.8, 33.7, 114.0))
    y = post.mean(0).reshape(2, 60).mean(1)
    square = y**2 + 2.5 * y / 1000  # mean of rho**2 where o1 counts: its variance, and the spikes that both have seen
    expected = steps * pre.mean() * y * (6.5e-3 * (r1 + 1) * o2 * y - 7.1e-3 * o1 * square / 0.03**2)
    found = change.mean(0).reshape(2, 60).mean(1)
    assert expected[0] > 1 and expected[1] < -60
    np.testing.assert_allclose(found, expected, rtol=0.1)
