"""Patterns: exact counts, uniformity, nobody connected who must not be, and the same for any number of threads."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse
from scipy import stats

from spikelet.backends import llvm_jit
from spikelet.errors import EquationError, InputError, ShapeError
from spikelet.sim import connect_rows
from spikelet.sim.connect import (
    all_to_all,
    build,
    distance,
    expression,
    fixed_indegree,
    fixed_outdegree,
    fixed_probability,
    fixed_total,
    from_arrays,
    from_matrix,
    one_to_one,
    pairwise_poisson,
    small_world,
)
from spikelet.sim.connect_rows import Pair
from spikelet.sim.distributions import lognormal, normal, uniform

DRAWN = [
    fixed_probability(0.1, autapses=False),
    fixed_indegree(12, autapses=False),
    fixed_indegree(12, autapses=False, multapses=False),
    fixed_outdegree(12, autapses=False),
    fixed_outdegree(12, autapses=False, multapses=False),
    fixed_total(600, autapses=False),
    fixed_total(600, autapses=False, multapses=False),
    fixed_total(1500, autapses=False, multapses=False),
    pairwise_poisson(0.3, autapses=False),
    expression("0.2", autapses=False),
]


def make(pattern, sources=50, targets=40, *, same=False, seed=1, stream=7, dt=0.1, **more):
    return build(pattern, sources, targets, same=same, dt=dt, seed=seed, stream=stream, **more)


def matrix(edges) -> np.ndarray:
    """Return the number of synapses of each pair, (sources, targets)."""
    found = np.zeros((edges.n_source, edges.n_target), int)
    np.add.at(found, (edges.sources(), edges.targets), 1)
    return found


def identical(a, b) -> bool:
    parts = ((a.delays, b.delays), (a.pointer, b.pointer), (a.targets, b.targets), (a.weights, b.weights))
    return all(np.array_equal(x, y) for x, y in parts)


# -- who --------------------------------------------------------------------------------------------------------------


def test_one_to_one_and_all_to_all():
    assert np.array_equal(matrix(make(one_to_one(), 5, 5)), np.eye(5))
    assert np.array_equal(matrix(make(all_to_all(), 5, 70)), np.ones((5, 70)))
    assert np.array_equal(matrix(make(all_to_all(autapses=False), 70, 70, same=True)), 1 - np.eye(70))
    assert np.array_equal(matrix(make(all_to_all(autapses=False), 3, 3)), np.ones((3, 3)))  # others are no selves


@pytest.mark.parametrize("multapses", [True, False])
def test_degrees_and_totals_are_exact(multapses):
    assert (matrix(make(fixed_indegree(11, multapses=multapses))).sum(0) == 11).all()
    assert (matrix(make(fixed_outdegree(11, multapses=multapses))).sum(1) == 11).all()
    for n in (0, 1, 700, 1999, 2000):
        assert matrix(make(fixed_total(n, multapses=multapses))).sum() == n


@pytest.mark.parametrize("pattern", DRAWN, ids=repr)
@pytest.mark.parametrize("shift", [0, 5, -3])
def test_no_neuron_is_its_own_target(pattern, shift):
    found = matrix(make(pattern, same=True, shift=shift))
    assert found.sum() > 0
    assert np.diagonal(found, shift).sum() == 0
    if not getattr(pattern, "multapses", "poisson" in repr(pattern)):
        assert found.max() == 1


@pytest.mark.parametrize("pattern", DRAWN, ids=repr)
def test_every_possible_pair_is_as_likely(pattern):
    total = sum(matrix(make(pattern, 50, 40, same=True, seed=seed)) for seed in range(60))
    possible = ~np.eye(50, 40, dtype=bool)
    found = total[possible]
    # in-degrees are fixed where a source or target misses its own, so compare within columns or rows of one length
    if "indegree" in repr(pattern) or "target" in repr(pattern):
        assert (total.sum(0) == 60 * 12).all()
    if pattern in (DRAWN[3], DRAWN[4]):
        expected = np.where(np.arange(50) < 40, 1 / 39, 1 / 40)[:, None] * np.ones((1, 40)) * 60 * 12
    elif pattern in (DRAWN[1], DRAWN[2]):
        expected = np.full((50, 40), 60 * 12 / 49)
    else:
        expected = np.full((50, 40), total.sum() / possible.sum())
    chi = ((found - expected[possible]) ** 2 / expected[possible]).sum()
    thin = 1.0 if getattr(pattern, "multapses", False) or "poisson" in repr(pattern) else 1 - found.mean() / 60
    assert stats.chi2(possible.sum() - 1).sf(chi / thin) > 1e-3
    assert stats.chi2(possible.sum() - 1).cdf(chi / thin) > 1e-3


def test_the_number_of_synapses_is_binomial_or_poisson():
    counts = np.concatenate([matrix(make(fixed_probability(0.3), 500, 10, seed=s)).sum(1) for s in range(20)])
    expected = stats.binom(10, 0.3).pmf(range(11)) * len(counts)
    assert (
        stats.chisquare(
            np.append(np.bincount(counts, minlength=11)[:8], (counts > 7).sum()),
            np.append(expected[:8], expected[8:].sum()),
        ).pvalue
        > 1e-3
    )
    counts = np.concatenate([matrix(make(pairwise_poisson(0.3), 500, 10, seed=s)).ravel() for s in range(5)])
    expected = stats.poisson(0.3).pmf(range(3)) * len(counts)
    got = np.append(np.bincount(counts)[:3], (counts > 2).sum())
    assert stats.chisquare(got, np.append(expected, len(counts) - expected.sum())).pvalue > 1e-3


def test_probabilities_0_and_1():
    assert len(make(fixed_probability(0))) == 0
    assert np.array_equal(matrix(make(fixed_probability(1))), np.ones((50, 40)))
    assert len(make(pairwise_poisson(0))) == 0


@pytest.mark.parametrize("pattern", DRAWN, ids=repr)
def test_seed_and_stream_choose_the_network(pattern):
    first = make(pattern, same=True)
    assert identical(first, make(pattern, same=True))
    assert not np.array_equal(matrix(first), matrix(make(pattern, same=True, seed=2)))
    assert not np.array_equal(matrix(first), matrix(make(pattern, same=True, stream=8)))
    assert identical(make(pattern, seed=-1), make(pattern, seed=2**64 - 1))


@pytest.mark.parametrize("pattern", [*DRAWN, all_to_all(), small_world(6, 0.3)], ids=repr)
@pytest.mark.parametrize("delay", [1.5, normal(1.5, 0.7, low=0.1)], ids=repr)
def test_any_number_of_threads_gives_the_same(pattern, delay, monkeypatch):
    monkeypatch.setattr(connect_rows, "_SERIAL", 0)
    monkeypatch.setattr("spikelet.sim.connect_calls.CHUNK", 64)
    monkeypatch.setattr(connect_rows.shares, "__defaults__", (64,))
    one, *others = (
        make(pattern, 60, 60, same=True, weight=normal(1, 0.1), delay=delay, threads=n) for n in (1, 2, 3, 7)
    )
    assert all(identical(one, other) for other in others)


def test_empty_populations():
    for pattern in (all_to_all(), fixed_probability(0.5), fixed_outdegree(0), fixed_total(0), pairwise_poisson(1)):
        assert len(make(pattern, 0, 5)) == len(make(pattern, 5, 0)) == 0
    assert len(make(fixed_indegree(3), 5, 0)) == len(make(one_to_one(), 0, 0)) == 0


def test_wide_numbers_of_targets():
    edges = make(fixed_total(5000), 3, 2**17)
    assert edges.targets.dtype == np.uint32 and edges.targets.max() > 2**16
    assert stats.kstest(edges.targets / 2**17, "uniform").pvalue > 1e-3
    edges = make(fixed_indegree(2), 2, 2**17, weight=uniform(0, 1), delay=uniform(1, 2))
    assert np.array_equal(np.sort(edges.targets), np.repeat(np.arange(2**17), 2))


def test_targets_ascend_where_it_costs_nothing():
    for pattern in (fixed_indegree(20), all_to_all(), fixed_probability(0.2)):
        edges = make(pattern, delay=uniform(0.1, 0.4))
        for lo, hi in zip(edges.pointer, edges.pointer[1:], strict=False):
            assert (np.diff(edges.targets[lo:hi].astype(int)) >= 0).all()


@pytest.mark.parametrize(
    "pattern, sources, targets, message",
    [
        (one_to_one(), 5, 7, r"one_to_one\(\) needs as many sources as targets, not 5 and 7"),
        (fixed_indegree(20, multapses=False), 10, 5,
         r"fixed_indegree\(20\): each target needs 20 different sources \(multapses=False\), but only 10"),
        (fixed_outdegree(6, multapses=False), 10, 5, "each source needs 6 different targets .* but only 5"),
        (fixed_indegree(1), 0, 5, "needs 1 sources, but only 0"),
        (fixed_total(51, multapses=False), 10, 5, r"fixed_total\(51\): only 50 pairs .* at most once"),
        (fixed_total(1), 0, 5, "only 0 pairs"),
        (small_world(4, 0.1), 5, 7, "connects a population with itself"),
    ],
)  # fmt: skip
def test_patterns_that_do_not_fit(pattern, sources, targets, message):
    with pytest.raises(InputError, match=message):
        make(pattern, sources, targets)


def test_a_degree_that_needs_the_neuron_itself():
    with pytest.raises(InputError, match=r"each target needs 10 different sources .* but only 9"):
        make(fixed_indegree(10, autapses=False, multapses=False), 10, 10, same=True)
    found = make(fixed_indegree(9, autapses=False, multapses=False), 10, 10, same=True)
    assert np.array_equal(matrix(found), 1 - np.eye(10))


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda: fixed_probability(1.1), r"p must be in \[0, 1\], not 1.1"),
        (lambda: fixed_probability(np.nan), "p must be finite"),
        (lambda: fixed_indegree(-1), "fixed_indegree: k must not be negative, not -1"),
        (lambda: fixed_outdegree(2.5), "fixed_outdegree: k must be a whole number, not 2.5"),
        (lambda: fixed_total("many"), "fixed_total: n must be a whole number"),
        (lambda: pairwise_poisson(-0.1), "mean must not be negative"),
        (lambda: small_world(3, 0.1), "k must be even"),
        (lambda: from_arrays([0, 1], [0]), "from_arrays: 2 sources, but 1 targets"),
        (lambda: from_arrays([0.5], [0]), "sources must be a row of whole numbers"),
        (lambda: from_arrays([0], [-1]), r"targets\[0\] is negative: -1"),
        (lambda: from_matrix([[np.nan]]), r"the entry \[0, 0\] is nan"),
        (lambda: from_matrix([1.0]), "expected \\(sources, targets\\)"),
        (lambda: from_matrix([[1j]]), "expected real numbers"),
    ],
)
def test_wrong_arguments_are_refused_at_once(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()


# -- given ------------------------------------------------------------------------------------------------------------


def test_arrays_with_weights_and_delays_of_their_own():
    rng = np.random.default_rng(0)
    sources, targets = rng.integers(0, 20, 500), rng.integers(0, 30, 500)
    weight, delay = rng.normal(size=500), rng.integers(1, 9, 500) * 0.1
    edges = make(from_arrays(sources, targets), 20, 30, weight=weight, delay=delay, dtype=np.float64)
    order = np.lexsort((np.rint(delay / 0.1), sources))  # stable: the order that was given, within source and delay
    assert np.array_equal(edges.sources(), sources[order])
    assert np.array_equal(edges.targets, targets[order])
    assert np.array_equal(edges.delay_steps(), np.rint(delay / 0.1)[order])
    assert np.array_equal(edges.weights, weight[order])
    alike = make(from_arrays(sources, targets), 20, 30, weight=weight, delay=2.0)
    order = np.argsort(sources, kind="stable")
    assert np.array_equal(alike.targets, targets[order]) and alike.delays.tolist() == [20]
    assert np.array_equal(alike.weights, weight[order].astype(np.float32))


@pytest.mark.parametrize("sparse", [False, True])
def test_a_matrix_holds_its_weights(sparse):
    rng = np.random.default_rng(1)
    dense = rng.normal(size=(12, 9)) * (rng.random((12, 9)) < 0.4)
    pattern = from_matrix(scipy.sparse.csc_array(dense) if sparse else dense)
    edges = make(pattern, 12, 9, weight=2, dtype=np.float64)
    found = np.zeros((12, 9))
    found[edges.sources(), edges.targets] = edges.weights
    assert np.array_equal(found, 2 * dense)
    with pytest.raises(InputError, match="the pattern holds the weights already"):
        make(pattern, 12, 9, weight=normal(1, 1))
    with pytest.raises(InputError, match=r"the matrix has the shape \(12, 9\), but there are 9 sources and 12 targets"):
        make(pattern, 9, 12)


def test_a_matrix_of_booleans_holds_none():
    mask = np.eye(3, 4, dtype=bool)
    edges = make(from_matrix(mask), 3, 4, weight=[1, 2, 3], delay=[0.3, 0.1, 0.2])
    assert edges.targets.tolist() == [0, 1, 2] and np.asarray(edges.weights).tolist() == [1, 2, 3]
    assert edges.delay_steps().tolist() == [3, 1, 2]


def test_numbers_beyond_the_populations():
    with pytest.raises(InputError, match=r"from_arrays: targets\[1\] is 30, but there are only 30 targets"):
        make(from_arrays([0, 1], [0, 30]), 20, 30)
    with pytest.raises(InputError, match=r"sources\[0\] is 20, but there are only 20 sources"):
        make(from_arrays([20], [0]), 20, 30)


# -- weights and delays -----------------------------------------------------------------------------------------------


def test_constants_take_no_memory():
    edges = make(fixed_indegree(10), weight=-0.5, delay=1.5)
    assert edges.weights == -0.5 and edges.delays.tolist() == [15]
    assert edges.nbytes == 8 + 51 * 8 + 400 * 2
    assert make(fixed_indegree(10), delay=None).delays.tolist() == [1]
    assert make(fixed_indegree(10), weight=normal(2, 0)).weights == 2.0


@pytest.mark.parametrize(
    "pattern", [fixed_indegree(400), fixed_total(20_000), from_arrays(*np.mgrid[:200, :100].reshape(2, -1))], ids=str
)
def test_weights_and_delays_are_independent_and_follow_their_laws(pattern):
    weight, delay = normal(2, 0.5, low=1.2), lognormal(1.5, 0.6, low=0.1, high=5)
    edges = make(
        pattern, 200, 50 if "fixed_indegree" in repr(pattern) else 100, weight=weight, delay=delay, dtype=np.float64
    )
    weights, steps = np.asarray(edges.weights), edges.delay_steps()
    assert len(weights) == 20_000
    assert stats.kstest(weights, weight.cdf).pvalue > 1e-3
    edges_of_steps = (np.arange(2, 30) + 0.5) * 0.1
    expected = np.diff(np.concatenate([[0], delay.cdf(edges_of_steps), [1]])) * 20_000
    found = np.histogram(steps, [0, *np.arange(2.5, 30), 1000])[0]
    assert stats.chisquare(found, expected).pvalue > 1e-3
    for other in (steps, edges.sources(), edges.targets):
        assert abs(np.corrcoef(weights, other)[0, 1]) < 4 / np.sqrt(20_000)
    assert abs(np.corrcoef(steps, edges.targets)[0, 1]) < 4 / np.sqrt(20_000)


def test_weights_do_not_depend_on_their_type_nor_on_delays():
    single, double = (make(fixed_total(900), weight=lognormal(-1, 2), dtype=t) for t in (np.float32, np.float64))
    assert np.asarray(single.weights).dtype == np.float32
    assert np.array_equal(single.weights, np.asarray(double.weights).astype(np.float32))
    several = make(fixed_total(900), weight=lognormal(-1, 2), delay=uniform(1, 3))
    assert np.array_equal(np.sort(several.weights), np.sort(single.weights))
    assert np.array_equal(matrix(several), matrix(single))


def test_only_delays_that_occur_are_kept():
    edges = make(from_arrays([0, 1, 1], [0, 1, 2]), delay=normal(2, 0.5, low=0.1, high=4))
    assert len(edges.delays) <= 3 and np.array_equal(np.unique(edges.delay_steps()), edges.delays)
    assert len(make(fixed_probability(0), delay=normal(2, 0.5, low=0.1)).delays) == 1


@pytest.mark.parametrize(
    "delay, message",
    [
        (0.05, "delay 0.05 ms is below the step of 0.1 ms"),
        (-1.5, "delay -1.5 ms is negative"),
        (np.nan, "delay must be finite, not nan"),
        ({}, "delay must be a number, an array or a distribution, not {}"),
        ([1, 0.05], r"delay\[1\] = 0.05 ms is below the step of 0.1 ms"),
        ([1, 0], r"delay\[1\] = 0 ms is below the step of 0.1 ms"),
        ([1, np.inf], r"delay\[1\] is not finite"),
        ([1, 1e7], r"delay 1e\+07 ms is 100000000 steps of 0.1 ms"),
        ([1, 2, 3], r"delay has the shape \(3,\); expected \(2,\), one for each synapse"),
        (normal(1.5, 0.75), r"delay normal\(1.5, 0.75\) reaches below the step of 0.1 ms; give it low=0.1 or more"),
        (uniform(0.05, 1), "reaches below the step"),
        (uniform(1, 1e5), "delay uniform.* spans .* steps of 0.1 ms; bound it with high="),
    ],
)
def test_wrong_delays(delay, message):
    with pytest.raises(InputError, match=message):
        make(from_arrays([0, 1], [0, 1]), delay=delay)


@pytest.mark.parametrize(
    "pattern, weight, message",
    [
        (from_arrays([0, 1], [0, 1]), [1], r"weight has the shape \(1,\); expected \(2,\), one for each synapse"),
        (from_arrays([0, 1], [0, 1]), [1, np.nan], r"weight\[1\] is not finite"),
        (all_to_all(), [1, 2], "weight: this pattern lists no synapses, so it takes no array"),
        (all_to_all(), np.inf, "weight must be finite"),
        (all_to_all(), None, "weight is missing"),
    ],
)
def test_wrong_weights(pattern, weight, message):
    with pytest.raises(InputError, match=message):
        make(pattern, weight=weight)


def test_delays_are_rounded_to_steps_and_one_step_survives_rounding():
    assert make(one_to_one(), 1, 1, delay=0.1 * 3, dt=0.1).delays.tolist() == [3]
    assert make(one_to_one(), 1, 1, delay=0.1 - 1e-16, dt=0.1).delays.tolist() == [1]
    assert make(one_to_one(), 1, 1, delay=1.26, dt=0.1).delays.tolist() == [13]


def test_errors_name_the_projection():
    with pytest.raises(InputError, match=r"^E to I: delay 0.05 ms is below"):
        make(one_to_one(), 5, 5, delay=0.05, name="E to I")
    with pytest.raises(InputError, match=r"^E to I: one_to_one\(\) needs"):
        make(one_to_one(), 5, 6, name="E to I")
    with pytest.raises(InputError, match="stream must be in"):
        make(one_to_one(), 5, 5, stream=2**16)
    with pytest.raises(InputError, match="seed must be an integer"):
        make(one_to_one(), 5, 5, seed=0.5)


# -- texts ------------------------------------------------------------------------------------------------------------


def test_an_expression_of_numbers():
    found = matrix(make(expression("abs(i - j) < 3 and i % 2 == 0 or j == n_post - 1")))
    i, j = np.mgrid[:50, :40]
    assert np.array_equal(found, (abs(i - j) < 3) & (i % 2 == 0) | (j == 39))
    assert np.array_equal(matrix(make(expression("i // 10 == j // 8"))), i // 10 == j // 8)
    assert matrix(make(expression("1 < 2"))).sum() == 2000


def test_an_expression_that_is_a_probability():
    total = sum(matrix(make(expression("(i + j)/(n_pre + n_post)"), seed=seed)) for seed in range(400))
    i, j = np.mgrid[:50, :40]
    p = (i + j) / 90
    z = (total - 400 * p)[p > 0] / np.sqrt(400 * p * (1 - p))[p > 0]
    assert total[0, 0] == 0 and abs(z.mean()) < 4 / np.sqrt(2000) and 0.9 < z.var() < 1.1


@pytest.mark.parametrize(
    "text, message",
    [
        ("abs(i - k) < 3", r"'k' is not defined"),
        ("n_pri > 2", "did you mean 'n_pre'"),
        ("uniform() < 0.1", "no random numbers here"),
        ("__import__('os')", "not allowed"),
        ("i.real > 2", "names have no"),
        ("i + 2 mV > 3", "cannot add"),
    ],
)
def test_expressions_that_cannot_be_read(text, message):
    with pytest.raises(EquationError, match=message):
        expression(text)


def test_a_probability_out_of_range():
    with pytest.raises(InputError, match=r"expression: the probability is 2.0 for source 2 and target 0"):
        make(expression("i"))


def positions(n, axes=2, seed=0):
    return np.random.default_rng(seed).random((n, axes))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("period", [None, 1.0])
def test_rings_and_discs(axes, period):
    a, b = positions(50, axes), positions(40, axes, seed=1)
    apart = b[None] - a[:, None]
    if period:
        apart = (apart + 0.5) % 1 - 0.5
    d = np.sqrt((apart**2).sum(-1))
    assert np.array_equal(matrix(make(distance("d < 0.3", a, b, period))), d < 0.3)
    assert np.array_equal(matrix(make(distance("0.1 < d and dx > 0", a, b, period))), (d > 0.1) & (apart[..., 0] > 0))


def test_a_gaussian_of_the_distance():
    x = positions(200)
    d = np.sqrt(((x[None] - x[:, None]) ** 2).sum(-1))
    found = matrix(make(distance("0.8*exp(-d**2/(2*0.2**2))", x, autapses=False), 200, 200, same=True))
    assert np.trace(found) == 0 and found.max() == 1
    bins = np.linspace(0, 0.6, 13)
    p = np.where(np.eye(200), 0, 0.8 * np.exp(-(d**2) / 0.08))
    for lo, hi in pairwise(bins):
        here = (d >= lo) & (d < hi)
        assert abs(found[here].sum() - p[here].sum()) < 4 * np.sqrt((p * (1 - p))[here].sum())


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("period", [None, 0.7])
@pytest.mark.parametrize("text", ["d < 0.2", "0.8*exp(-d/0.1)", "0.05 < d and dx < 0.1"])
def test_who_is_near_is_found_without_looking_at_all(axes, period, text):
    """With a period smaller than the room, places lie outside of the torus."""
    x, y = positions(300, axes), positions(200, axes, seed=1) - 0.5
    masked = f"where(d <= 0.2, {text}, 0)" if "exp" in text else f"d <= 0.2 and ({text})"
    for targets, same in ((y, False), (None, True)):
        sizes = 300, (200 if targets is not None else 300)
        fast = make(distance(text, x, targets, period, not same, within=0.2), *sizes, same=same)
        slow = make(distance(masked, x, targets, period, not same), *sizes, same=same)
        assert len(fast) > 30 and np.array_equal(matrix(fast), matrix(slow))
    assert len(make(distance("d >= 0", x, y, within=0), 300, 200)) == 0


def test_more_places_than_could_be_looked_at_pair_by_pair():
    x = positions(100_000)
    edges = make(distance("d < 0.003", x, period=1.0, within=0.003, autapses=False), 100_000, 100_000, same=True)
    assert len(edges) == pytest.approx(1e10 * np.pi * 0.003**2, rel=0.02)


@pytest.mark.parametrize("by_source", [False, True])
def test_partners_are_drawn_in_proportion_to_a_profile(by_source):
    """Of three sources two are drawn: the first by the profile, the second by what is left of it."""
    x, y = np.array([[0.0], [0.1], [0.25]]), np.zeros((20_000, 1))
    p = np.exp(-x[:, 0] / 0.1)
    p /= p.sum()
    both = [p[i] + sum(p[j] * p[i] / (1 - p[j]) for j in range(3) if j != i) for i in range(3)]
    degree = {"outdegree" if by_source else "indegree": 2}
    places = (y, x) if by_source else (x, y)
    found = matrix(make(distance("exp(-d/0.1)", *places, **degree), len(places[0]), len(places[1])))
    found = found.T if by_source else found
    assert found.max() == 1 and (found.sum(0) == 2).all()
    np.testing.assert_allclose(found.mean(1), both, atol=4 * np.sqrt(0.25 / 20_000))


def test_a_degree_by_distance_keeps_to_its_mask():
    x = positions(400)
    pattern = distance("where(dx > 0, 1, 0)", x, period=1.0, autapses=False, within=0.2, indegree=12)
    edges = make(pattern, 400, 400, same=True, delay="0.1 + d")
    apart = (x[edges.targets] - x[edges.sources()] + 0.5) % 1 - 0.5
    assert (
        (matrix(edges).sum(0) == 12).all() and matrix(edges).max() == 1 and pattern.expected(Pair(400, 400, 0)) == 4800
    )
    assert (np.hypot(*apart.T) <= 0.2).all() and (apart[:, 0] > 0).all()
    assert len(make(distance("1", x, indegree=0), 400, 400)) == 0
    with pytest.raises(InputError, match=r"distance: target \d+ has \d+ sources to draw indegree=200 from"):
        make(distance("d < 0.2", x, indegree=200), 400, 400)
    with pytest.raises(InputError, match="give indegree=3 or outdegree=4, not both"):
        distance("1", x, indegree=3, outdegree=4)
    with pytest.raises(InputError, match="outdegree must be a whole number"):
        distance("1", x, outdegree=0.5)
    with pytest.raises(InputError, match="expected a number that is not negative"):
        make(distance("-d", x, outdegree=2), 400, 400)


# -- texts for weights and delays -------------------------------------------------------------------------------------


@pytest.mark.parametrize("within", [None, 0.4])
def test_weights_and_delays_by_distance(within):
    x, y = positions(50, 3), positions(40, 3, seed=1)
    pattern = distance("d < 0.4", x, y, within=within)
    edges = make(pattern, weight="2*exp(-d/0.1) - dx", delay="0.5 + d/0.3", dtype=np.float64)
    apart = y[edges.targets] - x[edges.sources()]
    d = np.sqrt((apart**2).sum(1))
    assert len(edges) > 100 and len(edges.delays) > 5 and (d < 0.4).all()
    np.testing.assert_allclose(edges.weights, 2 * np.exp(-d / 0.1) - apart[:, 0], rtol=1e-12)
    assert np.array_equal(edges.delay_steps(), np.rint((0.5 + d / 0.3) / 0.1))


@pytest.mark.parametrize("pattern", [*DRAWN[:8], all_to_all(), from_arrays([3, 0, 3], [1, 2, 0])], ids=repr)
def test_weights_and_delays_by_number(pattern):
    text = "i - 2*j + n_pre/n_post"
    edges = make(pattern, weight=text, delay="0.1*(1 + (i + j) % 4)", dtype=np.float64)
    i, j = edges.sources(), edges.targets.astype(int)
    assert len(edges) >= 3
    np.testing.assert_allclose(edges.weights, i - 2 * j + 50 / 40)
    assert np.array_equal(edges.delay_steps(), 1 + (i + j) % 4)
    plain = make(pattern)
    assert np.array_equal(matrix(edges), matrix(plain))
    mixed = make(pattern, weight=text, delay=uniform(0.1, 0.5), dtype=np.float64)
    np.testing.assert_allclose(mixed.weights, mixed.sources() - 2 * mixed.targets.astype(int) + 50 / 40)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weight": "exp(-d)"}, "weight, .*'d' is not defined"),
        ({"weight": "1/(i - 3)"}, r"weight '1/\(i - 3\)' is inf for source 3 and target 0"),
        ({"weight": "uniform()"}, "a number is itself the weight of a synapse"),
        ({"weight": "2 mV"}, "expected a condition or a weight, but this has a unit"),
        ({"delay": "0.1*i"}, r"delay\[0\] = 0 ms is below the step of 0.1 ms"),
    ],
)
def test_texts_that_give_no_weight_or_delay(given, message):
    with pytest.raises((EquationError, InputError), match=message):
        make(all_to_all(), **given)


def test_wrong_positions():
    with pytest.raises(ShapeError, match=r"sources must be positions"):
        distance("d < 1", [1.0, 2.0])
    with pytest.raises(ShapeError, match="sources have 2 axes, but targets 1"):
        distance("d < 1", positions(3), positions(3, 1))
    with pytest.raises(EquationError, match="'dy' is not defined"):
        distance("dy < 1", positions(3, 1))
    with pytest.raises(InputError, match="period must be positive"):
        distance("d < 1", positions(3), period=0)
    with pytest.raises(InputError, match="positions of 3 sources, but there are 50"):
        make(distance("d < 1", positions(3)))


def test_a_small_world():
    i = np.arange(100)
    ring = np.isin((i[None] - i[:, None]) % 100, [1, 2, 3, 97, 98, 99])
    assert np.array_equal(matrix(make(small_world(6, 0), 100, 100, same=True)), ring)
    for p in (0.2, 1.0):
        found = sum(matrix(make(small_world(6, p), 100, 100, same=True, seed=s)) for s in range(50))
        one = matrix(make(small_world(6, p), 100, 100, same=True))
        assert (one.sum(1) == 6).all() and one.max() == 1 and np.trace(one) == 0
        moved = 50 * 600 - found[ring].sum()
        if p == 0.2:
            assert abs(moved - 6000) < 4 * np.sqrt(30_000 * 0.2 * 0.8) + 30_000 * 0.2 * 0.06  # some come back
        assert stats.chisquare(found[~ring & ~np.eye(100, dtype=bool)]).pvalue > 1e-3
    everyone = matrix(make(small_world(4, 1), 5, 5, same=True))
    assert np.array_equal(everyone, 1 - np.eye(5))


# -- cost -------------------------------------------------------------------------------------------------------------


def test_sizes_and_parameters_compile_nothing():
    for dtype in (np.float32, np.float64):
        for n in (10, 2**16 + 1):
            make(fixed_indegree(3), 10, n, weight=normal(1, 1), delay=uniform(1, 2), dtype=dtype)
    before = dict(llvm_jit.COMPILED)
    for pattern in (fixed_indegree(7), fixed_total(5), fixed_probability(0.2), pairwise_poisson(0.1), all_to_all()):
        for law in (uniform(2, 3), normal(3, 1), lognormal(2, 0.3, high=9), 1.0):
            make(pattern, 33, 44, weight=law, delay=normal(3, 0.5, low=0.2), seed=9, stream=3, dt=0.05)
            make(pattern, 5, 2**16 + 1, weight=law, delay=1, dtype=np.float64)
    assert dict(llvm_jit.COMPILED) == before


@pytest.mark.parametrize(
    "pattern", [fixed_indegree(1000), fixed_total(1_000_000), fixed_probability(0.2), pairwise_poisson(0.2)], ids=repr
)
def test_memory_is_that_of_the_result(pattern):
    import tracemalloc

    settings = {"weight": normal(1, 0.1), "delay": uniform(0.1, 1)}
    make(pattern, 5000, 1000, threads=1, **settings)
    tracemalloc.start()
    edges = make(pattern, 5000, 1000, threads=1, **settings)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.95e6 < len(edges) < 1.05e6
    assert edges.nbytes < 1.05e6 * 6 + 5000 * 10 * 8 + 1000
    assert most < 1.6 * edges.nbytes


@pytest.mark.parametrize(
    "pattern", [*DRAWN[:9], all_to_all(autapses=False), one_to_one(), small_world(4, 0.1)], ids=repr
)
def test_the_expected_number_of_synapses(pattern):
    edges = make(pattern, 60, 60, same=True)
    expected = pattern.expected(Pair(60, 60, 0))
    assert expected is not None and abs(len(edges) - expected) <= 5 * np.sqrt(expected)
    if not isinstance(pattern, type(DRAWN[0]) | type(DRAWN[8])):
        assert len(edges) == expected
    assert expression("i == j").expected(Pair(3, 3, 0)) is None
