"""The kernels of sources: exact laws, the stated numbers, and the same ones for any cut of steps and elements."""

import itertools
import re

import numpy as np
import pytest
from scipy import stats

from spikelet import random
from spikelet.backends import llvm_jit
from spikelet.sim import source_kernels as kernels, source_laws as laws_of
from spikelet.sim.emitter import Emitter
from spikelet.sim.renewal import gamma
from spikelet.sim.sources import Binomial, Gamma, Poisson, SpikeTrain

MEANS = [0.0, 1e-12, 0.01, 0.3, 0.8, 1.0, 2.0, 7.5, 20.0, 29.99, 200.0, 1000.0, 2.5e4]
LEAST = 1e-3  # p-values below fail; all seeds are fixed


def words_of(seed: int, step: int, n: int, stream: int) -> np.ndarray:
    """The word of each element, (n,), as the module says."""
    e = np.arange(n)
    blocks = random.bits(seed, step, e // 64 * 16 + e % 16, stream)
    return np.choose(e // 16 % 4, [block.astype(np.int64) for block in blocks])


def chi_square(counts: np.ndarray, law: stats.rv_discrete) -> float:
    """The p-value of counts under a law, bins of at least ten expected."""
    low, high = law.ppf(1e-12), law.ppf(1 - 1e-12)
    k = np.arange(max(low, 0), high + 1)
    inner = k[counts.size * law.pmf(k) >= 10]
    edges = np.concatenate([[-np.inf], inner[:-1] + 0.5, [np.inf]])
    expected = counts.size * np.diff(np.concatenate([[0], law.cdf(inner[:-1]), [1]]))
    return stats.chisquare(np.histogram(counts, edges)[0], expected).pvalue


def rest_of(given: Emitter, seed: int, step: int, stream: int) -> np.ndarray:
    """What each element of an emitter with one rate has, (n,), where its word is beyond the limits."""
    w0, w1, _, _ = random.bits(seed, step, np.arange(given.n), stream, draw=1)
    bits = ((w0.astype(np.uint64) << np.uint64(32)) | w1) >> np.uint64(2)
    begin, levels, base = given.arrays["rest.place"][0]
    rest = given.arrays["rest"][begin : begin + 2**levels].astype(np.uint64)
    return base + np.searchsorted(rest, bits, side="right")


def emitter(mean: float, n: int, seed: int = 3, stream: int = 5) -> Emitter:
    return Poisson(mean / 0.1).prepare(n, 0.1, seed, stream)


# -- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mean", MEANS)
def test_limits_and_rest_together_are_the_law(mean: float) -> None:
    laws = laws_of.poisson_laws(np.array([mean]))
    limits = laws.limits[0, : laws.size[0]].astype(float)
    begin, levels, base = laws.place[0]
    rest = laws.rest[begin : begin + 2**levels].astype(float)
    k = base + np.arange(2**levels)
    found = np.diff(rest, prepend=0) / 2.0**62 * (2.0**32 - limits[-1]) / 2.0**32
    found[laws.low[0] - base + np.arange(len(limits))] += np.diff(limits, prepend=0) / 2.0**32
    right = np.where(k >= 0, stats.poisson(mean).pmf(np.maximum(k, 0)), 0)
    np.testing.assert_allclose(found, right, rtol=0, atol=2e-13)
    tail = (right < 1e-10) & (right > 1e-14)  # below what 32 bits can tell
    np.testing.assert_allclose(found[tail], right[tail], rtol=1e-5)


def test_tables_do_not_depend_on_their_neighbours() -> None:
    together = laws_of.poisson_laws(np.array(MEANS))
    for i, mean in enumerate(MEANS):
        alone = laws_of.poisson_laws(np.array([mean]))
        size = alone.size[0]
        assert (together.low[i], together.size[i]) == (alone.low[0], size)
        np.testing.assert_array_equal(together.limits[i, :size], alone.limits[0])
        np.testing.assert_array_equal(together.limits[i, size:], alone.limits[0, -1])


def test_few_words_go_beyond_the_limits() -> None:
    laws = laws_of.poisson_laws(np.array(MEANS))
    beyond = 1 - laws.limits[np.arange(len(MEANS)), laws.size - 1] / 2.0**32
    assert (beyond > 0).all()  # a sure count, too, leaves one word
    assert (beyond < 3e-4).all()
    assert laws.size[MEANS.index(2.0)] <= 10  # comparisons at the rate of the benchmark


# -- the law of what is drawn -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mean", [0.01, 0.8, 2.0, 20.0, 200.0, 2.5e4])
@pytest.mark.parametrize("each", [False, True])
def test_counts_are_poisson(mean: float, each: bool) -> None:
    n, steps = 10_000, 40
    rate = np.full(n, mean / 0.1)
    rate[-1] *= 1 + 0.5 * each
    counts = Poisson(rate).prepare(n, 0.1, 11, 2).counts(7, steps, "float64")[:, :-1]
    assert chi_square(counts.ravel(), stats.poisson(mean)) > LEAST
    lag = np.corrcoef(counts[1:].ravel(), counts[:-1].ravel())[0, 1]
    neighbours = np.corrcoef(counts[:, 1:].ravel(), counts[:, :-1].ravel())[0, 1]
    assert max(abs(lag), abs(neighbours)) < 5 / np.sqrt(counts.size)


@pytest.mark.parametrize("mean", [0.01, 2.0, 20.0])
def test_counts_beyond_the_limits_follow_the_rest(mean: float) -> None:
    """With limits that every word reaches all counts come from the rest; its law is what the limits leave over."""
    given = emitter(mean, 50_000)
    laws = laws_of.poisson_laws(np.array([mean]))
    table = given.arrays["table"].copy()
    table[1:] = 0
    arrays = {**given.arrays, "table": table}
    counts = Emitter(given.kernel, given.n, given.fixed, arrays).counts(0, 4, "float64").astype(int)
    begin, levels, base = laws.place[0]
    p = np.diff(laws.rest[begin : begin + 2**levels].astype(float), prepend=0) / 2.0**62
    k = base + np.arange(2**levels)
    often = p * counts.size >= 10
    observed = [(counts == i).sum() for i in k[often]]
    other = counts.size - sum(observed)
    expected = counts.size * np.array([*p[often], 1 - p[often].sum()])
    keep = expected >= 5
    assert set(counts.ravel()) <= set(k[p > 0])
    observed_all = np.array([*observed, other])
    assert ((observed_all[keep] - expected[keep]) ** 2 / expected[keep]).sum() < stats.chi2(keep.sum()).ppf(1 - LEAST)


@pytest.mark.parametrize("mean", [0.01, 2.0, 29.0])
def test_counts_invert_the_law_at_the_stated_word(mean: float) -> None:
    n, seed, stream = 1000, -7, 1234
    laws = laws_of.poisson_laws(np.array([mean]))
    counts = emitter(mean, n, seed, stream).counts(2**33 + 5, 3, "float64")
    for row, step in zip(counts, range(2**33 + 5, 2**33 + 8), strict=True):
        word = words_of(seed, step, n, stream)
        limits = laws.limits[0].astype(np.int64)
        right = laws.low[0] + (word[:, None] >= limits).sum(1)
        sure = word < limits[-1]
        assert sure.mean() > 0.99
        np.testing.assert_array_equal(row[sure], right[sure])


def test_a_word_that_equals_a_limit_reaches_it() -> None:
    given = emitter(2.0, 500)
    word = words_of(3, 8, 500, 5)
    size = given.arrays["place"][0, 1]
    limits = np.sort(word)[:: 500 // size][:size]
    table = np.array([100, *limits], np.uint32)  # the lowest count: no count of the rest is as high
    counts = Emitter(given.kernel, 500, given.fixed, {**given.arrays, "table": table}).counts(8, 1)[0]
    right = np.where(word < limits[-1], 100 + (word[:, None] >= limits).sum(1), rest_of(given, 3, 8, 5))
    np.testing.assert_array_equal(counts, right)


def test_the_rest_takes_the_stated_bits() -> None:
    given = emitter(2.0, 300, seed=9, stream=4)
    table = given.arrays["table"].copy()
    table[1:] = 0
    counts = Emitter(given.kernel, 300, given.fixed, {**given.arrays, "table": table}).counts(6, 1, "float64")[0]
    np.testing.assert_array_equal(counts, rest_of(given, 9, 6, 4))


# -- the same numbers for any cut -------------------------------------------------------------------------------------


def emitters(n: int) -> dict[str, Emitter]:
    rng = np.random.default_rng(0)
    times, ids = rng.uniform(0, 5, 300), rng.integers(0, n, 300)
    course = ([0.0, 1.0, 2.2], [20.0, 0.0, 300.0])
    return {
        "poisson": Poisson(course).prepare(n, 0.1, 1, 2),
        "poisson_each": Poisson(np.linspace(0, 40, n)).prepare(n, 0.1, 1, 2),
        "gamma": Gamma(5.0, 3).prepare(n, 0.1, 1, 2),
        "gamma_each": Gamma(np.linspace(0, 9, n), 4).prepare(n, 0.1, 1, 2),
        "train": SpikeTrain(times, ids).prepare(n, 0.1),
        "renewal": gamma(3.0, 2.5, refractory=0.05).prepare(n, 0.1, 1, 2),
    }


CUTS = [(kind, n) for kind in kernels.WORDS for n in (1, 63, 64, 200) if n > 1 or not kind.endswith("each")]


@pytest.mark.parametrize(("kind", "n"), CUTS)
def test_any_cut_of_steps_and_elements_gives_the_same(kind: str, n: int) -> None:
    whole = emitters(n)[kind].counts(0, 50)
    again = emitters(n)[kind]
    assert again.kernel == kind
    run = kernels.function(kind, "float32")
    out = np.full((50, n + 3), np.nan, np.float32)
    borders = sorted({0, n // 7, n // 3, n // 2, n})
    for k in (0, 1, 8, 9, 33):
        steps = {0: 1, 1: 7, 8: 1, 9: 24, 33: 17}[k]
        words = again.words(out[k:].ctypes.data, n + 3, step=k, steps=steps)
        for first, last in itertools.pairwise(borders):
            run(words.ctypes.data, first, last, None)
    np.testing.assert_array_equal(out[:, :n], whole)
    assert np.isnan(out[:, n:]).all()
    assert whole.sum() > 0


@pytest.mark.parametrize("kind", kernels.WORDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adding_is_scale_times_the_count(kind: str, dtype: str) -> None:
    n, scale = 150, -0.3
    counts = emitters(n)[kind].counts(0, 20, dtype)
    before = np.random.default_rng(1).normal(size=(20, n)).astype(dtype)
    out = before.copy()
    given = emitters(n)[kind]
    words = given.words(out.ctypes.data, n, step=0, steps=20, scale=scale)
    kernels.function(kind, dtype)(words.ctypes.data, 0, n, None)
    np.testing.assert_array_equal(out, before + np.dtype(dtype).type(scale) * counts)


@pytest.mark.parametrize("kind", ["poisson", "train"])
def test_a_delay_shifts_rows_and_nothing_comes_before_step_0(kind: str) -> None:
    n = 100
    whole = emitters(n)[kind].counts(0, 20)
    for scale in (None, 1.0):
        out = np.zeros((20, n), np.float32)
        given = emitters(n)[kind]
        words = given.words(out.ctypes.data, n, step=0, steps=20, delay=4, scale=scale)
        if scale is None:
            out[:4] = 7  # rows are set, also those before the first spike
        kernels.function(kind, "float32")(words.ctypes.data, 0, n, None)
        np.testing.assert_array_equal(out[4:], whole[:16])
        assert not out[:4].any()


def test_a_ring_uses_rows_again() -> None:
    given = emitter(2.0, 70)
    out = np.zeros((6, 70), np.float32)
    words = given.words(out.ctypes.data, 70, step=4, steps=5, slots=6)
    kernels.function("poisson", "float32")(words.ctypes.data, 0, 70, None)
    right = given.counts(4, 5)
    np.testing.assert_array_equal(out[[4, 5, 0, 1, 2]], right)
    assert not out[3].any()


def test_seed_stream_step_and_element_matter() -> None:
    right = emitter(20.0, 64).counts(0, 1)
    for other in (emitter(20.0, 64, seed=4), emitter(20.0, 64, stream=6)):
        assert (other.counts(0, 1) != right).mean() > 0.5
    assert (emitter(20.0, 64).counts(1, 1) != right).mean() > 0.5
    high = emitter(20.0, 64, seed=3 + 2**40).counts(0, 1)
    assert (high != right).mean() > 0.5


def test_a_large_population_repeats_nothing() -> None:
    counts = emitter(2000.0, 4096).counts(0, 1)[0].reshape(64, 64)
    assert len(np.unique(counts, axis=0)) == 64
    assert len(np.unique(counts.T, axis=0)) == 64


# -- the binomial law -------------------------------------------------------------------------------------------------


BINOMIALS = [(1, 0.0), (1, 0.3), (7, 1.0), (7, 0.5), (100, 0.002), (1000, 0.999), (10**6, 1e-6), (10**9, 3e-7)]


@pytest.mark.parametrize(("n", "p"), BINOMIALS)
def test_binomial_probabilities_are_the_law(n: int, p: float) -> None:
    found, base = laws_of.binomial_probabilities(n, p)
    k = base[0] + np.arange(found.shape[1])
    np.testing.assert_allclose(found[0], stats.binom.pmf(k, n, p), rtol=1e-6, atol=1e-30)  # SciPy has lost digits
    assert abs(found.sum() - 1) < 1e-12
    low, high = stats.binom.cdf(k[0] - 1, n, p), stats.binom.sf(k[-1], n, p)
    assert low < 1e-17 and high < 1e-17


@pytest.mark.parametrize(("n", "p"), [(1, 0.3), (7, 0.5), (100, 0.002), (1000, 0.02), (10_000, 0.6)])
def test_binomial_counts_have_their_law(n: int, p: float) -> None:
    counts = Binomial(n, p / 0.1).prepare(1000, 0.1, 3, 5).counts(0, 300).ravel()
    assert chi_square(counts, stats.binom(n, p)) > LEAST


def test_binomial_rates_may_differ_and_change() -> None:
    rate = (np.array([0.0, 1.0]), np.array([[1.0, 3.0], [5.0, 0.0]]))
    counts = Binomial(50, rate).prepare(2, 0.1, 1, 2).counts(0, 4000)
    assert not counts[10:, 1].any() and counts[10:, 0].mean() == pytest.approx(25, abs=0.3)
    assert counts[10:, 0].var() == pytest.approx(12.5, rel=0.1)


# -- compiled once ----------------------------------------------------------------------------------------------------


def test_neither_sizes_nor_rates_nor_seeds_compile() -> None:
    emitter(2.0, 10).counts(0, 1)
    before = llvm_jit.COMPILED.copy()
    for n in (1, 77, 3000):
        for mean in (0.1, 50.0):
            emitter(mean, n, seed=n).counts(n, 3)
        Gamma(1.0, n).prepare(n, 0.1, 0, 0).counts(0, 2)
    assert llvm_jit.COMPILED == before


def test_the_words_stand_in_the_documentation() -> None:
    text = kernels.__doc__ or ""
    names = {name for words in kernels.WORDS.values() for name in words.names}
    assert names <= set(re.findall(r"[\w.]+", text))
    assert all(words.names[:2] == ("step", "T") for words in kernels.WORDS.values())


def test_the_chi_square_of_this_file_finds_a_wrong_law() -> None:
    """A normal approximation at a mean of 200, and a rate that is off by 0.5 percent, would not pass."""
    rng = np.random.default_rng(0)
    approximate = np.rint(rng.normal(200, np.sqrt(200), 400_000))
    assert chi_square(approximate, stats.poisson(200)) < 1e-6
    assert chi_square(rng.poisson(2.01, 400_000), stats.poisson(2.0)) < LEAST
