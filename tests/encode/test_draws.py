"""The compiled draws against the same laws as array operations, and against statistics of point processes."""

import numpy as np
import pytest

from spikelet import encode, random
from spikelet.encode import draws, kernels
from spikelet.errors import InputError, ShapeError
from spikelet.units import Hz, ms

torch = pytest.importorskip("torch")

SHAPES = [(9, 0, 2333), (50, 3, 777), (1, 2, 5), (3, 4**9 - 1, 1)]  # steps, first step, elements


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("steps, first, count", SHAPES)
@pytest.mark.parametrize("seed", [0, -7, 2**63 + 5])
def test_the_kernel_draws_the_spikes_of_the_array_operations(
    dtype: str, steps: int, first: int, count: int, seed: int
) -> None:
    rng = np.random.default_rng(count)
    p = rng.random((1, count)).astype(dtype)
    element = rng.integers(0, 2**40, count)
    limit = np.ceil(p.astype(np.float64).ravel() * 2.0**32 - 0.5).astype(np.int64)
    expected = np.empty((steps, count), dtype)
    draws.compare_words(expected, limit, seed, element, first)
    found = np.empty((steps, count), dtype)
    draws.spikes_of(p.ravel(), found, seed, element, first)
    np.testing.assert_array_equal(found, expected)
    tensors = torch.empty((steps, count), dtype=getattr(torch, dtype))
    draws.compare_words(tensors, torch.from_numpy(limit), seed, torch.from_numpy(element), first)
    np.testing.assert_array_equal(tensors.numpy(), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("steps, first, count", SHAPES)
@pytest.mark.parametrize("most", [0.0, 0.1, 3.0, 450.0])
@pytest.mark.parametrize("moving", [False, True])
def test_the_kernel_draws_the_counts_of_the_array_operations(
    dtype: str, steps: int, first: int, count: int, most: float, moving: bool
) -> None:
    rng = np.random.default_rng(count)
    mean = most * rng.random((steps, count) if moving else count)
    element = rng.integers(0, 2**40, count)
    none = np.exp(-mean)
    found, expected = np.empty((steps, count), dtype), np.empty((steps, count), dtype)
    draws.counts_of(mean, found, 5, element, first)
    draws.invert_words(expected, mean, none, 5, element, first)
    np.testing.assert_array_equal(found, expected)
    tensors = torch.empty((steps, count), dtype=getattr(torch, dtype))
    draws.invert_words(tensors, torch.from_numpy(mean), torch.from_numpy(none), 5, torch.from_numpy(element), first)
    np.testing.assert_array_equal(tensors.numpy(), expected)


def test_counts_invert_the_distribution_function() -> None:
    """The count is that of scipy's quantile function at 53 bits of the two stated blocks of random words."""
    from scipy.stats import poisson

    rates = np.linspace(0.1, 40, 300)[None]
    found = encode.poisson(rates, 8, 1.0, seed=4)
    high, low = (  # of four steps in each block
        np.array(random.bits(4, np.arange(2)[:, None], np.arange(300), stream=1001, draw=draw)).swapaxes(0, 1)
        for draw in (0, 1)
    )
    uniform = (high.reshape(8, 300).astype(np.float64) * 2**21 + (low.reshape(8, 300) >> np.uint32(11)) + 0.5) / 2**53
    np.testing.assert_array_equal(found[:, 0], poisson.ppf(uniform, rates))


@pytest.mark.parametrize("step", range(4))
def test_the_lower_word_decides_where_the_upper_does_not(step: int) -> None:
    """The mean of each element puts a value of the distribution function amid the numbers with the word it draws."""
    element = np.arange(700)
    high = random.bits(5, np.zeros(700, int), element, stream=draws.POISSON)[step]
    low = random.bits(5, np.zeros(700, int), element, stream=draws.POISSON, draw=1)[step]
    mean = -np.log((high + 0.5) / 2**32)
    found = np.empty((4, 700))
    draws.counts_of(mean, found, 5, element, 0)
    above = low.astype(np.float64) + 0.5 > 2.0**31
    clear = np.abs(low.astype(np.float64) - 2.0**31) > 2.0**31 * 1e-3  # the logarithm is rounded
    assert 250 < above.sum() < 450 and clear.sum() > 690
    np.testing.assert_array_equal(found[step][clear] > 0, above[clear])


@pytest.mark.parametrize("name", ["bernoulli", "poisson"])
def test_the_text_of_a_kernel_is_one_for_all_sizes(name: str) -> None:
    texts = {kernels.text(name, dtype) for dtype in ("float32", "float64")}
    assert len(texts) == 2 and all(f"@{name}(" in text for text in texts)


def test_intervals_are_those_of_a_poisson_process() -> None:
    """Geometric in steps, exponential to a hundredth: CV, and Kolmogorov-Smirnov against the exponential law."""
    from scipy.stats import kstest

    spikes = encode.rate(np.full((1, 100), 100 * Hz), 12_000, 0.1 * ms)[:, 0]
    intervals = np.concatenate([np.diff(np.flatnonzero(train)) for train in spikes.T])
    assert len(intervals) > 10_000
    p = 0.01
    assert abs(intervals.std() / intervals.mean() - np.sqrt(1 - p)) < 0.02
    jittered = intervals - np.random.default_rng(0).random(len(intervals))  # where in the step, which is not told
    assert kstest(jittered * -np.log1p(-p), "expon").pvalue > 0.01
    counts = spikes.reshape(120, 100, 100).sum(1)  # windows of 10 ms
    assert abs(counts.var() / counts.mean() - (1 - p)) < 0.05


def test_a_changing_rate_is_followed() -> None:
    t = np.arange(200) * 0.5
    rates = (50 + 40 * np.sin(2 * np.pi * t / 100))[:, None, None] * Hz * np.ones((1, 1, 3000))
    spikes = encode.inhomogeneous_poisson(rates, 0.5 * ms, seed=1)
    mean = rates[:, 0, 0] * 0.5
    off = (spikes.mean((1, 2)) - mean) / np.sqrt(mean / 3000)
    assert np.abs(off).max() < 4.5 and 0.8 < off.std() < 1.2
    assert abs(spikes.sum() - mean.sum() * 3000) < 3 * np.sqrt(mean.sum() * 3000)


def test_a_rate_that_stays_gives_the_spikes_of_poisson() -> None:
    rates = np.random.default_rng(0).random((4, 5)) * 3
    moving = encode.inhomogeneous_poisson(np.broadcast_to(rates, (30, 4, 5)), 1.5, seed=2, samples=[9, 3, 4, 0])
    np.testing.assert_array_equal(moving, encode.poisson(rates, 30, 1.5, seed=2, samples=[9, 3, 4, 0]))


def test_many_numbers_that_change_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from spikelet.encode import rates

    x = np.random.default_rng(0).random((50, 2, 3))
    whole = encode.inhomogeneous_poisson(x, 1.0)
    monkeypatch.setattr(rates, "_CHUNK", 20)
    np.testing.assert_array_equal(encode.inhomogeneous_poisson(x, 1.0), whole)


def test_inhomogeneous_poisson_says_what_is_wrong() -> None:
    x = np.full((4, 2, 3), 0.5)
    with pytest.raises(InputError, match="inhomogeneous_poisson: rates.dt reaches 5000; at most 500 spikes a step"):
        encode.inhomogeneous_poisson(x * 1e4, 1.0)
    with pytest.raises(ShapeError, match=r"samples must be \(2,\)"):
        encode.inhomogeneous_poisson(x, 1.0, samples=[0, 1, 2])
    with pytest.raises(InputError, match="dt must be a number above 0"):
        encode.inhomogeneous_poisson(x, -1.0)


# -- periodic ---------------------------------------------------------------------------------------------------------


def test_periodic_spikes_come_at_equal_intervals() -> None:
    spikes = encode.periodic(np.array([[0.0, 0.04, 0.1, 0.37, 1.0]]), 1000, 1.0)[:, 0]
    assert spikes.sum(0).tolist() == [0, 40, 100, 370, 1000]
    for train, interval in zip(spikes.T[1:], (25, 10, 1 / 0.37, 1), strict=True):
        found = np.diff(np.flatnonzero(train))
        assert set(found.tolist()) <= {int(interval), int(np.ceil(interval))}
    assert spikes[:, 1].argmax() == 24


@pytest.mark.parametrize("period", [3, 7, 49, 1000])
def test_a_whole_period_has_no_jitter(period: int) -> None:
    """1/49 is no binary fraction; its multiples are rounded to the step that is meant."""
    spikes = encode.periodic(np.array([[1.0 / period]]), 200 * period, 1.0)
    assert (np.flatnonzero(spikes) == np.arange(period, 200 * period + 1, period) - 1).all()


def test_the_phase_of_periodic_spikes() -> None:
    assert encode.periodic(np.array([[0.25]]), 8, 1.0, phase=0.5)[:, 0, 0].tolist() == [0, 1, 0, 0, 0, 1, 0, 0]
    with pytest.raises(InputError, match="phase must be a number from 0 to 1, not 1"):
        encode.periodic(np.array([[0.25]]), 8, 1.0, phase=1)
    with pytest.raises(InputError, match="periodic: rates.dt reaches 2, above one spike a step"):
        encode.periodic(np.array([[2.0]]), 8, 1.0)
