"""The counter-based generator: known answers, distribution, independence of order and chunking."""

import subprocess
import sys

import numpy as np
import pytest

from spikelet import random
from spikelet.errors import InputError

ONES = 0xFFFFFFFF
# The known-answer tests that are published with the Random123 library.
KNOWN = {
    "zeros": ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    "ones": ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    "pi": (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
}


@pytest.mark.parametrize("counter, key, words", KNOWN.values(), ids=KNOWN)
def test_known_answers(counter, key, words):
    """Python integers, arrays and tensors all give the published words."""
    torch = pytest.importorskip("torch")
    assert random.philox(counter, key) == words
    arrays = random.philox(tuple(np.array([c], dtype=np.int64) for c in counter), key)
    assert tuple(int(word[0]) for word in arrays) == words
    tensors = random.philox(tuple(torch.tensor([c]) for c in counter), key)
    assert tuple(int(word[0]) for word in tensors) == words


@pytest.mark.parametrize("counter, key, words", KNOWN.values(), ids=KNOWN)
def test_the_place_of_each_coordinate_in_the_counter(counter, key, words):
    """Seed, step, element, stream and draw stand where the module's docstring says."""
    element = counter[2] << 32 | counter[1]
    element = element - 2**64 if element >= 2**63 else element  # the same 64 bits as a signed integer
    got = random.bits(key[1] << 32 | key[0], counter[0], element, counter[3] >> 16, counter[3] & 0xFFFF)
    assert tuple(int(word) for word in got) == words
    assert all(word.dtype == np.uint32 for word in got)


def test_broadcast_of_step_and_element():
    """A (T, 1) step and an (N,) element give (T, N), each entry that of its own coordinates."""
    step, element = np.arange(5)[:, None], np.array([3, 2**40, 7])
    block = random.uniform(9, step, element, stream=4)
    assert block.shape == (5, 3)
    single = [[float(random.uniform(9, int(k), int(e), stream=4)) for e in element] for k in step[:, 0]]
    assert block.tolist() == single


def test_chunks_and_order_do_not_matter():
    """Two halves of a run, or elements drawn in another order, give the numbers of one run."""
    step, element = np.arange(40)[:, None], np.arange(100)
    whole = random.normal(1, step, element)
    halves = np.concatenate([random.normal(1, step[:13], element), random.normal(1, step[13:], element)])
    order = random.permutation(0, 100)
    assert (whole == halves).all()
    assert (whole[:, order] == random.normal(1, step, order)).all()


@pytest.mark.parametrize("stream, draw", [(0, 0), (7, 0), (999, 3), (65535, 65535)])
def test_torch_gives_the_same_bits(stream, draw):
    """Words and uniforms are equal bit for bit; normals up to rounding."""
    torch = pytest.importorskip("torch")
    step = np.array([0, 1, 2**31, 2**32 - 1])[:, None]
    element = np.array([0, 1, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1])
    for seed in (0, 5, 2**63, -1):
        args = (seed, torch.from_numpy(step), torch.from_numpy(element), stream, draw)
        for ours, theirs in zip(random.bits(seed, step, element, stream, draw), random.bits_torch(*args), strict=True):
            assert (ours.astype(np.int64) == theirs.numpy()).all()
        assert (random.uniform(seed, step, element, stream, draw) == random.uniform_torch(*args).numpy()).all()
        np.testing.assert_allclose(
            random.normal(seed, step, element, stream, draw), random.normal_torch(*args).numpy(), rtol=1e-12, atol=1e-14
        )


def test_torch_takes_a_plain_step():
    """An integer step belongs to all elements."""
    torch = pytest.importorskip("torch")
    element = torch.arange(6).reshape(2, 3)
    got = random.uniform_torch(3, 11, element)
    assert got.shape == (2, 3) and got.dtype == torch.float64
    assert (got.numpy() == random.uniform(3, 11, np.arange(6).reshape(2, 3))).all()


def chi_square(numbers: np.ndarray, bins: int) -> float:
    """Return how many standard deviations the chi-square statistic of equal bins lies off its mean."""
    counts = np.histogram(numbers, bins=bins, range=(0, 1))[0]
    expected = numbers.size / bins
    return (((counts - expected) ** 2 / expected).sum() - (bins - 1)) / np.sqrt(2 * (bins - 1))


@pytest.mark.parametrize("axis", ["step", "element", "stream", "draw", "seed"])
def test_uniform_along_every_coordinate(axis):
    """Counting up any coordinate alone gives uniform numbers: mean, variance, chi-square, serial correlation."""
    count = np.arange(2**16 if axis in ("step", "element") else 2**12)
    at = {"seed": 12, "step": 5, "element": 77, "stream": 2, "draw": 1}
    if axis in ("step", "element"):
        numbers = random.uniform(**(at | {axis: count}))
    else:
        numbers = np.array([float(random.uniform(**(at | {axis: int(i)}))) for i in count])
    n = numbers.size
    assert 0 < numbers.min() and numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 4 * np.sqrt(1 / 12 / n)
    assert abs(numbers.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / n)
    assert abs(chi_square(numbers, 64)) < 4
    for lag in (1, 2, 32):
        assert abs(np.corrcoef(numbers[lag:], numbers[:-lag])[0, 1]) < 4 / np.sqrt(n)


def test_streams_draws_seeds_and_words_are_independent():
    """Neighbouring streams, draws, seeds, steps and the four words of a block do not correlate."""
    element = np.arange(20_000)
    rows = [random.uniform(s, k, element, stream, draw) for s, k, stream, draw in
            [(0, 0, 0, 0), (1, 0, 0, 0), (2**32, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]]  # fmt: skip
    rows += [word.astype(float) for word in random.bits(0, 0, element)[1:]]
    off = np.corrcoef(rows) - np.eye(len(rows))
    assert np.abs(off).max() < 4.5 / np.sqrt(element.size)


def test_normal_has_the_moments_of_the_normal_distribution():
    """Mean 0, variance 1, skewness 0, kurtosis 3, and 4.55 % beyond two standard deviations."""
    z = random.normal(4, np.arange(20)[:, None], np.arange(10_000)).ravel()
    n = z.size
    assert abs(z.mean()) < 4 / np.sqrt(n)
    assert abs(z.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs((z**3).mean()) < 4 * np.sqrt(15 / n)
    assert abs((z**4).mean() - 3) < 4 * np.sqrt(96 / n)
    assert abs((np.abs(z) > 2).mean() - 0.0455) < 4 * np.sqrt(0.0455 / n)


def test_permutation():
    """All of 0 ... n-1, reproducible, another order for each epoch and seed, each place equally likely."""
    order = random.permutation(3, 1000, epoch=5)
    assert order.dtype == np.int64
    assert (np.sort(order) == np.arange(1000)).all()
    assert (order == random.permutation(3, 1000, epoch=5)).all()
    assert (order != random.permutation(3, 1000, epoch=6)).mean() > 0.99
    assert (order != random.permutation(4, 1000, epoch=5)).mean() > 0.99
    first = np.array([random.permutation(0, 5, epoch)[0] for epoch in range(2000)])
    assert np.abs(np.bincount(first, minlength=5) - 400).max() < 4 * np.sqrt(2000 * 0.2 * 0.8)
    assert random.permutation(0, 0).size == 0


def test_numbers_stay_the_same_for_ever():
    """Stored results depend on these numbers: they may never change."""
    assert random.uniform(42, 7, np.array([0, 1, 2**33]), stream=1000).tolist() == GOLDEN_UNIFORM
    assert random.permutation(42, 8, epoch=3).tolist() == GOLDEN_ORDER


GOLDEN_UNIFORM = [0.8767142799915746, 0.3789220097241923, 0.92096757364925]
GOLDEN_ORDER = [4, 3, 2, 7, 5, 0, 6, 1]


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: random.bits(1.5, 0, 0), "seed must be an integer, not 1.5"),
        (lambda: random.bits(2**64, 0, 0), "seed must fit into 64 bits"),
        (lambda: random.bits(0, 0, 0, stream=65536), "stream must be in [0, 65536), not 65536"),
        (lambda: random.bits(0, 0, 0, draw=-1), "draw must be in [0, 65536), not -1"),
        (lambda: random.permutation(0, -1), "n must not be negative, not -1"),
    ],
)
def test_errors(call, text):
    """Coordinates outside the counter are refused rather than wrapped onto other numbers."""
    with pytest.raises(InputError) as error:
        call()
    assert text in str(error.value)


def test_imports_numpy_only():
    """The module serves code that must not load torch or numba."""
    code = "import sys, spikelet.random; print([m for m in ('torch', 'numba', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
