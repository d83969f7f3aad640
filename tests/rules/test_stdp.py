"""Rules by pairs of spikes against closed forms, loops over pairs, and numbers that were computed elsewhere."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet import rules
from spikelet.rule import Rule
from spikelet.rules import stdp, triplet

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
    "GuetigSTDP": (
        rules.GuetigSTDP(eta=0.01, mu=0.4, w_max=2, alpha=1.5),
        pairs(0.01 * 2 * 0.85**0.4, 0.01 * 2 * 1.5 * 0.15**0.4),
    ),
    "PreCentredSTDP": (rules.PreCentredSTDP(tau_plus=16.8, tau_minus=33.7), pairs(0.005, 0.00525, 16.8, 33.7)),
    "ReducedSymmetricSTDP": (rules.ReducedSymmetricSTDP(a_plus=0.1), pairs(0.1, 0.00525)),
    "VanRossumSTDP": (rules.VanRossumSTDP(a_minus=0.01), pairs(0.005, 0.01 * 0.3)),
    "PowerLawSTDP": (rules.PowerLawSTDP(w_0=2), pairs(0.1 * 2**0.6 * 0.3**0.4, 0.1 * 0.11 * 0.3)),
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


# -- which pairs count ------------------------------------------------------------------------------------------------

Spike = tuple[float, str]
BETWEEN = {  # no spikes of these sides may lie between two that make a pair, the sender's first or the receiver's
    "STDP": ("", ""),
    "NearestSTDP": ("pre", "post"),
    "PreCentredSTDP": ("post", "post"),
    "ReducedSymmetricSTDP": ("pre post", "pre post"),
}


def all_pairs(scheme: str, spikes: list[Spike], p: dict[str, float]) -> float:
    """Return the change of a weight without bounds: a sum over pairs (Morrison et al. 2008, Fig. 7)."""
    spikes = sorted(spikes, key=lambda spike: (spike[0], spike[1] == "post"))  # of a pair at one time the sender leads
    change = 0.0
    for i, (first, side) in enumerate(spikes):
        for j, (second, other) in enumerate(spikes[i + 1 :], i + 1):
            causal = side == "pre"
            between = {own for _, own in spikes[i + 1 : j]}
            if side != other and not between & set(BETWEEN[scheme][0 if causal else 1].split()):
                size, tau = ("a_plus", "tau_plus") if causal else ("a_minus", "tau_minus")
                change += (1 if causal else -1) * p[size] * math.exp(-(second - first) / p[tau])
    return change


@pytest.mark.parametrize("scheme", BETWEEN)
@pytest.mark.parametrize("seed", range(4))
def test_the_pairs_that_count_are_those_of_the_scheme(scheme: str, seed: int):
    random = np.random.default_rng(seed)
    pre, post = (sorted(random.choice(np.arange(1, 300), n, replace=False).tolist()) for n in (40, 30))
    rule = rules.entries()[scheme](w_max=100, tau_plus=16.8, tau_minus=33.7, a_plus=0.03, a_minus=0.02)
    expected = all_pairs(scheme, [(t, "pre") for t in pre] + [(t, "post") for t in post], dict(rule.parameters))
    assert set(pre) & set(post) and abs(expected) > 1e-3
    assert trained(rule, pre, post, 1.0) == pytest.approx(expected, abs=1e-12)


def test_schemes_differ():
    spikes = [(t, "pre") for t in (10, 12, 30, 31)] + [(t, "post") for t in (15, 16, 33)]
    changes = {scheme: all_pairs(scheme, spikes, dict(rules.STDP.parameters)) for scheme in BETWEEN}
    assert len({round(change, 9) for change in changes.values()}) == 4


def test_a_fit_to_the_window_returns_its_time_constants():
    change = window(rules.STDP(tau_plus=16.8, tau_minus=33.7), 0.5)
    for side, tau in ((SHIFTS >= 0, 16.8), (SHIFTS < 0, 33.7)):
        slope = np.polyfit(np.abs(SHIFTS[side]), np.log(np.abs(change[side])), 1)[0]
        assert -1 / slope == pytest.approx(tau, rel=1e-9)


# -- how the weight counts --------------------------------------------------------------------------------------------


def test_guetigs_rule_is_additive_for_mu_0_and_multiplicative_for_mu_1():
    random = np.random.default_rng(3)
    pre, post = (np.sort(random.choice(np.arange(1, 900), 90, replace=False)).tolist() for _ in range(2))
    more = {"w_max": 2.0, "tau_plus": 10.0}
    additive = rules.STDP(a_plus=0.02 * 2, a_minus=0.02 * 1.05 * 2, **more)
    for mu, other in ((0, additive), (1, rules.MultiplicativeSTDP(eta=0.02, alpha=1.05, **more))):
        found, expected = (
            trained(rule, pre, post, 1.0, w=0.9) for rule in (rules.GuetigSTDP(eta=0.02, mu=mu, **more), other)
        )
        assert found == pytest.approx(expected, rel=1e-9) and abs(found) > 0.01


def test_weights_of_soft_bounds_settle_where_both_sides_balance():
    """Between independent trains of one rate: (1 - w)^mu = alpha*w^mu, Guetig et al. 2003, Eq. 8."""
    random, steps, n = np.random.default_rng(4), 20_000, (60, 30)
    pre, post = ((random.random((steps, size)) < 0.03).astype(int) for size in n)
    sources, targets = np.divmod(np.arange(n[0] * n[1]), n[1])
    rule = rules.GuetigSTDP(mu=0.5, eta=0.02, alpha=1.5)
    found = Bench(rule, edges(sources, targets, 0.5, 1, n), pre, post, dt=1.0).run()
    ratio = 1.5 ** (1 / 0.5)
    assert found.mean() == pytest.approx(1 / (1 + ratio), abs=0.03) and found.std() < 0.2


def test_diehl_and_cooks_rule_multiplies_the_last_spikes():
    random = np.random.default_rng(5)
    pre, post = (np.sort(random.choice(np.arange(1, 400), 60, replace=False)).tolist() for _ in range(2))
    rule = rules.DiehlCookSTDP(a_pre=0.01, a_post=0.05, w_max=10)
    w = 3.0
    for t in sorted({*pre, *post}):
        if t in pre and (earlier := [s for s in post if s < t]):
            w -= 0.01 * math.exp(-(t - earlier[-1]) / 20)
        if t in post and (earlier := [s for s in post if s < t]) and (sent := [s for s in pre if s <= t]):
            w += 0.05 * math.exp(-(t - sent[-1]) / 20) * math.exp(-(t - earlier[-1]) / 40)
    assert 3 + trained(rule, pre, post, 1.0, w=3.0) == pytest.approx(w, rel=1e-12) and abs(w - 3) > 0.1


def test_kheradpishehs_rule_asks_only_who_has_fired_in_the_image():
    """Two images of 30 ms: senders 0 to 3 fire at 5, 20, 25 and never; the receiver at 20, then at 50."""
    pre, post = np.zeros((70, 4), int), np.zeros((70, 1), int)
    pre[[4, 19, 24], [0, 1, 2]] = 1  # they arrive a step later
    post[[20, 50], 0] = 1
    made = edges(np.arange(4), np.zeros(4, int), [0.2, 0.5, 0.7, 0.9], 1, (4, 1))
    found = Bench(rules.KheradpishehSTDP, made, pre, post, dt=1.0).run()
    w = np.array([0.2, 0.5, 0.7, 0.9])
    for before in ([1, 1, 0, 0], [0, 1, 1, 0]):  # the second looks 30 ms back
        w = w + np.where(before, 0.004, -0.003) * w * (1 - w)
    np.testing.assert_allclose(found, w, rtol=1e-12)


def test_kheradpishehs_weights_stay_between_0_and_1():
    random = np.random.default_rng(6)
    pre, post = ((random.random((5000, 9)) < 0.02).astype(int) for _ in range(2))
    made = edges(np.arange(9), np.arange(9), np.linspace(0.1, 0.9, 9), 1, (9, 9))
    found = Bench(rules.KheradpishehSTDP(a_plus=0.15, a_minus=0.1125), made, pre, post, dt=1.0)
    found.run()
    assert 0 < found.delivered[found.delivered > 0].min() < 0.1 and 0.9 < found.delivered.max() < 1


# -- inhibition -------------------------------------------------------------------------------------------------------


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


_TIMING = {
    name: rule for name, rule in rules.entries().items() if rule in (*vars(stdp).values(), *vars(triplet).values())
}
BOUNDED = [name for name, rule in _TIMING.items() if "w_max" in rule.parameters]


def test_soft_bounds_keep_weights_inside_and_hard_ones_cut():
    random = np.random.default_rng(2)
    raster = (random.random((2, 3000, 1)) < 0.2).astype(int)
    for name in BOUNDED:
        entry = rules.entries()[name]
        strong = {k: 0.3 for k in ("eta", "a_plus", "a_minus", "a2_plus", "a2_minus") if k in entry.parameters}
        found = Bench(entry(w_max=2.0, **strong), edges([0], [0], 1.0, 1, (1, 1)), *raster, dt=1.0)
        found.run()
        assert 0 <= found.delivered.min() and found.delivered.max() <= 2.0, name
