"""Information against closed forms, and what the corrections do where there is none."""

import math

import numpy as np
import pytest

from spikelet import analysis
from spikelet.errors import InputError, ShapeError


def test_entropy_of_known_frequencies() -> None:
    assert analysis.entropy([3] * 10, bias="none") == 0.0
    assert analysis.entropy(np.arange(8), bias="none") == pytest.approx(3.0)
    assert analysis.entropy([0, 1, 1, 1], bias="none") == pytest.approx(2 - 0.75 * math.log2(3))
    assert analysis.entropy([0, 1, 1, 1], bias="miller") == pytest.approx(
        2 - 0.75 * math.log2(3) + 1 / (8 * math.log(2))
    )


def test_information_of_a_noisy_channel_is_that_of_its_formula() -> None:
    """A binary symmetric channel with error p carries 1 - H(p) bits."""
    s = np.tile([0, 1], 5000)
    flipped = np.arange(10_000) % 10 < 2  # a fifth of the answers, as many to either stimulus
    r = s ^ flipped
    h = -0.2 * math.log2(0.2) - 0.8 * math.log2(0.8)
    assert analysis.mutual_information(s, r, bias="none") == pytest.approx(1 - h)
    assert analysis.mutual_information(s, r) == pytest.approx(1 - h, abs=1e-3)


def test_information_is_that_of_a_loop_over_the_table() -> None:
    rng = np.random.default_rng(0)
    s, r = rng.integers(0, 3, 200), rng.integers(0, 5, 200)
    total = 0.0
    for a in range(3):
        for b in range(5):
            joint = np.mean((s == a) & (r == b))
            if joint:
                total += joint * math.log2(joint / (np.mean(s == a) * np.mean(r == b)))
    naive = analysis.mutual_information(s, r, bias="none")
    assert naive == pytest.approx(total)
    seen = sum(len(np.unique(r[s == a])) - 1 for a in range(3)) - (len(np.unique(r)) - 1)
    assert analysis.mutual_information(s, r, bias="miller") == pytest.approx(total - seen / (2 * 200 * math.log(2)))


def test_corrections_take_off_what_few_trials_feign() -> None:
    """Independent answers: the plain estimate is (S - 1)(R - 1)/(2 N ln 2) too high, the corrected one about 0."""
    rng = np.random.default_rng(1)
    found = {kind: [] for kind in ("none", "miller", "panzeri_treves")}
    for _ in range(100):
        s, r = np.repeat(np.arange(5), 40), rng.integers(0, 8, 200)
        for kind, values in found.items():
            values.append(analysis.mutual_information(s, r, bias=kind))
    feigned = 4 * 7 / (2 * 200 * math.log(2))
    assert np.mean(found["none"]) == pytest.approx(feigned, rel=0.15)
    assert abs(np.mean(found["panzeri_treves"])) < 0.1 * feigned
    assert abs(np.mean(found["miller"])) < 0.2 * feigned


def test_answers_that_were_not_seen_are_counted_where_trials_are_few() -> None:
    """With 10 trials for each of 4 stimuli and 16 answers, those that were seen are too few to correct with."""
    rng = np.random.default_rng(2)
    means = {}
    for kind in ("none", "miller", "panzeri_treves"):
        draws = [rng.integers(0, 16, 40) for _ in range(200)]
        means[kind] = np.mean([analysis.mutual_information(np.repeat(np.arange(4), 10), r, bias=kind) for r in draws])
    assert abs(means["panzeri_treves"]) < means["miller"] < means["none"]


def test_words_are_bins_with_a_spike() -> None:
    words = analysis.words([0.5, 2.5, 2.7, 3.5, 5.2], [0, 0, 0, 1, 0], start=0, stop=7, width=1, length=3)
    assert words.tolist() == [[0b101, 0b000], [0b001, 0b100]]  # bins 0 to 2, then 3 to 5; 6 is left over
    with pytest.raises(InputError, match="length must be 1 to 62 bins, got 63"):
        analysis.words([1.0], start=0, stop=100, width=1, length=63)
    with pytest.raises(InputError, match="no word of 5 bins of 1 ms fits between 0 and 4 ms"):
        analysis.words([1.0], start=0, stop=4, width=1, length=5)


def test_words_of_independent_bins_have_the_entropy_of_their_bins() -> None:
    rng = np.random.default_rng(3)
    times = np.flatnonzero(rng.random(400_000) < 0.3) + 1.0
    words = analysis.words(times, start=0, stop=400_000, width=1, length=4)
    h = -0.3 * math.log2(0.3) - 0.7 * math.log2(0.7)
    assert analysis.entropy(words) == pytest.approx(4 * h, abs=0.01)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="bias 'panzeri' is none of .*; did you mean 'panzeri_treves'"):
        analysis.entropy([1, 2], bias="panzeri")
    with pytest.raises(ShapeError, match="2 stimuli, but 3 responses"):
        analysis.mutual_information([1, 2], [1, 2, 3])
    with pytest.raises(InputError, match="responses must be whole numbers"):
        analysis.entropy([0.5])
