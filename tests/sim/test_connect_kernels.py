"""The compiled kernels against numpy code over the words of `spikelet.random`."""

import numpy as np
import pytest
from scipy import stats

from spikelet import random
from spikelet.sim import connect_calls
from spikelet.sim.connect_calls import DELAYS, PARTNERS, WEIGHTS, Draws, Picker, draw_delays, draw_values, starts
from spikelet.sim.connect_finish import delays
from spikelet.sim.distributions import lognormal, normal, uniform

DRAWS = Draws(-(2**40) + 5, 321)


def words(count: int, row: int, draw: int) -> np.ndarray:
    """Return the words of a row as the docstring of `connect_text` says."""
    i = np.arange(count)
    block = np.stack(random.bits(DRAWS.seed, i // 32 * 8 + i % 8, row, DRAWS.stream, draw))
    return block[i % 32 // 8, i].astype(np.int64)


def picked(picker: Picker, counts: list[int], lo: int = 0, hi: int | None = None) -> list[list[int]]:
    """Return the lists of rows lo to hi - 1."""
    hi = len(counts) if hi is None else hi
    start = starts(np.array(counts))
    out = np.full(start[hi] - start[lo] + 1, 99, np.uint32)
    picker(start, lo, hi, out)
    assert out[-1] == 99  # nothing is written beyond the end
    return [part.tolist() for part in np.split(out[:-1], start[lo + 1 : hi] - start[lo])]


@pytest.mark.parametrize("n", [1, 7, 64, 1000, 2**32])
def test_partners_with_replacement_are_words_brought_to_their_range(n):
    counts = [0, 1, 31, 32, 33, 0, 100]
    lists = picked(Picker(n, None, False, DRAWS), counts)
    assert lists == [(words(k, r, PARTNERS).astype(object) * n >> 32).tolist() for r, k in enumerate(counts)]


@pytest.mark.parametrize("shift", [0, 3, -2])
def test_the_row_itself_is_passed_over(shift):
    counts = [40] * 8
    for r, row in enumerate(picked(Picker(6, shift, False, DRAWS), counts)):
        own = r + shift
        free = [j for j in range(6) if j != own]
        assert row == [free[int(w) * len(free) >> 32] for w in words(40, r, PARTNERS)]


def floyd(n: int, k: int, row: int) -> set[int]:
    """Return a set drawn by Floyd's way, in plain Python."""
    few = 2 * k <= n
    m = k if few else n - k
    chosen: set[int] = set()
    for i, w in enumerate(words(m, row, PARTNERS).tolist()):
        top = n - m + i
        drawn = w * (top + 1) >> 32
        chosen.add(top if drawn in chosen else drawn)
    return chosen if few else set(range(n)) - chosen


@pytest.mark.parametrize("n", [1, 5, 63, 64, 65, 200, 30_000])
def test_different_partners_are_those_of_floyd(n):
    counts = [k for k in (0, 1, 3, 30, n // 2, n // 2 + 1, n - 1, n) if k <= n]
    for r, row in enumerate(picked(Picker(n, None, True, DRAWS), counts)):
        assert set(row) == floyd(n, counts[r], r) and len(row) == counts[r]
        if counts[r] * 256 >= n:
            assert row == sorted(row)


def test_every_set_is_as_likely():
    lists = picked(Picker(6, None, True, DRAWS), [3] * 20_000)
    _, found = np.unique(np.sort(lists, axis=1), axis=0, return_counts=True)
    assert len(found) == 20
    assert stats.chisquare(found).pvalue > 1e-3


@pytest.mark.parametrize("distinct", [False, True])
def test_a_part_of_the_rows_is_that_part(distinct):
    picker, counts = Picker(500, 2, distinct, DRAWS), [3, 70, 0, 499, 12, 250]
    assert picked(picker, counts, 2, 5) == picked(picker, counts)[2:5]


def values(law, counts: list[int]) -> list[np.ndarray]:
    start = starts(np.array(counts))
    out = np.full(start[-1] + 1, 99.0)
    draw_values(law, start, (0, len(counts)), DRAWS, out)
    assert out[-1] == 99
    return np.split(out[:-1], start[1:-1])


def rounds(law, count: int, row: int) -> np.ndarray:
    """Draw the numbers of a row in numpy, round by round."""
    result, missing, draw = np.empty(count), np.arange(count), WEIGHTS
    a, b, c = law.parameters
    while missing.size:
        half = (missing.size + 1) // 2
        u0, u1 = ((words(2 * half, row, draw) + 0.5) * 2.0**-32).reshape(2, half)
        if law.law == "uniform":
            z = np.concatenate([u0, u1])
        else:
            z = (np.sqrt(-2 * np.log(u0)) * np.stack([np.cos(2 * np.pi * u1), np.sin(2 * np.pi * u1)])).ravel()
        x = a + b * z[: missing.size]
        result[missing] = x = c * np.exp(x) if law.law == "lognormal" else x
        missing, draw = missing[(x < law.low) | (x > law.high)], draw + 1
    return result


LAWS = [uniform(-2, 7), normal(3, 2), normal(0, 1, low=0), normal(1, 2, -0.5, 0.5), lognormal(2, 1), lognormal(-3, 1)]


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_weights_are_those_of_numpy(law):
    counts = [0, 1, 2, 5, 64, 333]
    for r, drawn in enumerate(values(law, counts)):
        np.testing.assert_allclose(drawn, rounds(law, counts[r], r), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_weights_follow_their_law(law):
    drawn = np.concatenate(values(law, [301] * 200))
    assert stats.kstest(drawn, law.cdf).pvalue > 1e-3
    assert law.low <= drawn.min() and drawn.max() <= law.high
    neighbours = np.corrcoef(drawn[:-1], drawn[1:])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(len(drawn))


@pytest.mark.parametrize("law", [normal(1.5, 0.75, low=0.1), uniform(0.1, 6.4), lognormal(2, 1, low=0.5)], ids=repr)
def test_delays_have_the_probabilities_of_their_steps(law):
    rule = delays(law, 0.1, None)
    start = starts(np.full(100, 1000))
    which = np.empty(start[-1], np.uint16)
    assert rule.tables is not None
    draw_delays(rule.tables, start, (0, 100), DRAWS, which)
    _, limits = rule.tables
    expected = np.searchsorted(limits, np.concatenate([words(1000, r, DELAYS) for r in range(100)]), side="right")
    assert np.array_equal(which, expected)
    p = law.cdf((rule.steps + 0.5) * 0.1) - law.cdf((rule.steps - 0.5) * 0.1)
    assert p.sum() == pytest.approx(1, abs=1e-8)
    likely = p * len(which) > 10
    counts = np.bincount(which, minlength=len(p))
    counts, p = np.append(counts[likely], counts[~likely].sum()), np.append(p[likely], p[~likely].sum() + 1e-12)
    assert stats.chisquare(counts, p / p.sum() * counts.sum()).pvalue > 1e-3


def test_grouping_is_stable():
    keys = np.random.default_rng(0).integers(0, 50, 3000).astype(np.uint32)
    start, order = connect_calls.grouped(keys, 60)
    assert np.array_equal(order, np.argsort(keys, kind="stable"))
    assert np.array_equal(np.diff(start), np.bincount(keys, minlength=60))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_shares_cover_all_rows_once(size):
    counts = np.array([0, 0, 5, 1, 300, 0, 2, 2, 2, 0])
    borders = connect_calls.shares(starts(counts), size)
    assert borders[0] == 0 and borders[-1] == 10 and (np.diff(borders) > 0).all()
    sums = np.add.reduceat(counts, borders[:-1])
    assert all(total <= size + counts[lo:hi].max() for total, lo, hi in zip(sums, borders, borders[1:], strict=False))
    assert connect_calls.shares(np.zeros(1, np.int64)).tolist() == [0]


def test_balls_without_taking_places_fall_evenly():
    own = np.zeros(40, np.int64)
    own[:20] = 1
    counts = connect_calls.thrown(60_000, 3, own, False, DRAWS)
    assert counts.sum() == 60_000
    expected = np.where(own == 1, 2, 3) * 60_000 / 100
    assert stats.chisquare(counts, expected).pvalue > 1e-3


def test_balls_that_take_their_places_are_hypergeometric():
    """Of 2 rows with 4 places each, 3 are taken: the number in row 0 has the urn's probabilities."""
    found = []
    for seed in range(4000):
        counts = connect_calls.thrown(3, 4, np.zeros(2, np.int64), True, Draws(seed, 1))
        assert counts.sum() == 3
        found.append(counts[0])
    expected = stats.hypergeom(8, 4, 3).pmf(range(4)) * 4000
    assert stats.chisquare(np.bincount(found, minlength=4), expected).pvalue > 1e-3
