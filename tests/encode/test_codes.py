"""Codes of times, bursts and populations against naive loops and closed forms."""

import math
from typing import Any

import numpy as np
import pytest

from spikelet import encode, neurons
from spikelet.errors import InputError, ShapeError
from spikelet.simulate import run

X = np.random.default_rng(2).random((4, 30))
X[0, :4] = 0.0, 1.0, 0.5, 0.6


def steps_of(spikes: np.ndarray) -> list[list[int]]:
    """Return the steps with a spike of each element, in the order of memory."""
    return [np.flatnonzero(train).tolist() for train in spikes.reshape(len(spikes), -1).T]


@pytest.mark.parametrize("steps", [1, 2, 9, 30])
def test_log_latency_is_the_closed_form(steps: int) -> None:
    expected = [[round(steps - 1 - math.log(1 + math.expm1(steps - 1) * x))] for x in X.ravel()]
    assert steps_of(encode.latency(X, steps, "log")) == expected


def test_log_latency_of_long_sequences_does_not_overflow() -> None:
    x = np.array([[1.0, np.exp(-1.0), np.exp(-20.0), np.exp(-700.0), 0.0]])
    assert steps_of(encode.latency(x, 2000, "log")) == [[0], [1], [20], [700], [1999]]


def test_log_latency_below_the_threshold_is_silent() -> None:
    assert encode.latency(np.array([[0.2, 0.3]]), 10, "log", threshold=0.25).sum(0).tolist() == [[0, 1]]


def test_of_equal_values_the_first_in_memory_fires_first() -> None:
    assert steps_of(encode.rank_order(np.array([[0.5, 0.7, 0.5, 0.7, 0.1]]))) == [[2], [0], [3], [1], [4]]


def test_some_ranks_alone() -> None:
    x = np.array([[0.5, 0.7, 0.2, 0.9]])
    assert steps_of(encode.rank_order(x, 2)) == [[], [1], [], [0]]
    assert steps_of(encode.rank_order(x, threshold=0.5)) == [[], [1], [], [0]]


@pytest.mark.parametrize("steps", [1, 4, 7, 100])
def test_intensities_are_dealt_in_equal_shares(steps: int) -> None:
    contrast = np.where(X > 0.4, X, 0)
    expected = np.zeros((steps, *X.shape))
    for b, row in enumerate(contrast):
        order = sorted((i for i in range(30) if row[i] > 0), key=lambda i: -row[i])
        for rank, i in enumerate(order):
            expected[math.floor(rank * steps / len(order)), b, i] = 1
    np.testing.assert_array_equal(encode.intensity_to_latency(contrast, steps), expected)


def test_no_intensity_is_silent() -> None:
    assert encode.intensity_to_latency(np.zeros((2, 5)), 3).sum() == 0


@pytest.mark.parametrize("start", [0.0, 1.0, 6.2])
def test_phase_is_the_closed_form(start: float) -> None:
    offset = round(start / (2 * math.pi) * 25)
    expected = []
    for x in X.ravel():
        slot = (round((1 - x) * 24) + offset) % 25
        expected.append([k for k in range(90) if k % 25 == slot])
    assert steps_of(encode.phase(X, 90, 25, start=start)) == expected


def test_one_cycle_alone() -> None:
    assert all(len(train) == 1 and train[0] < 25 for train in steps_of(encode.phase(X, 90, 25, cycles=False)))


@pytest.mark.parametrize("period", [1, 4, 8])
def test_weighted_phase_is_the_binary_number(period: int) -> None:
    spikes = encode.weighted_phase(X, 2 * period, period).reshape(2 * period, -1).T
    for x, train in zip(X.ravel(), spikes, strict=True):
        digits = f"{min(int(x * 2**period), 2**period - 1):0{period}b}"
        assert "".join(str(int(s)) for s in train) == digits * 2


def test_weighted_phase_is_exact_for_multiples_of_256ths() -> None:
    x = np.arange(256)[None] / 256
    spikes = encode.weighted_phase(x, 8)
    np.testing.assert_array_equal(np.tensordot(2.0 ** -(1 + np.arange(8)), spikes, 1), x)


@pytest.mark.parametrize("most, shortest, longest", [(5, 2, 8), (3, 1, 1), (7, 2, 12), (1, 2, 3)])
def test_burst_is_the_closed_form(most: int, shortest: int, longest: int) -> None:
    spikes = encode.burst(X, 80, most=most, shortest=shortest, longest=longest)
    expected = []
    for x in X.ravel():
        gap = math.ceil(longest - (longest - shortest) * x)
        expected.append([i * gap for i in range(math.ceil(most * x))])
    assert steps_of(spikes) == expected


def test_a_burst_that_does_not_fit_is_refused() -> None:
    assert encode.burst(np.linspace(0, 1, 1001)[None], 17).sum(0).max() == 5
    with pytest.raises(InputError, match="a burst takes up to 17 steps with these intervals, so steps=16 cut it off"):
        encode.burst(X, 16)


def responses(x: float, fields: int, low: float, high: float, beta: float) -> list[float]:
    spacing = (high - low) / (fields - 2)
    centres = [low + (2 * i - 3) / 2 * spacing for i in range(1, fields + 1)]
    return [math.exp(-(((x - c) * beta / spacing) ** 2) / 2) for c in centres]


@pytest.mark.parametrize("fields, low, high, beta", [(8, 0.0, 1.0, 1.5), (5, -2.0, 3.0, 1.0), (12, 0.0, 1.0, 2.0)])
def test_population_is_the_closed_form(fields: int, low: float, high: float, beta: float) -> None:
    x = low + (high - low) * X[1:]  # none in the middle between two centres
    given: dict[str, Any] = {"low": low, "high": high, "beta": beta}
    early = encode.population(x, 21, fields, **given, threshold=0.15)
    order = encode.population(x, None, fields, **given, kind="rank")
    winner = encode.population(x, 21, fields, **given, kind="winner")
    assert order.shape == (fields, 3, 30, fields)
    expected, ranked, best = [], [], []
    for value in x.ravel():
        a = responses(value, fields, low, high, beta)
        times = [[round(20 * (1 - r))] if r >= 0.15 else [] for r in a]
        expected += times
        ranked += [[sorted(range(fields), key=lambda i: -a[i]).index(i)] for i in range(fields)]
        best += [times[i] if i == int(np.argmax(a)) else [] for i in range(fields)]
    assert steps_of(early) == expected
    assert steps_of(order) == ranked
    assert steps_of(winner) == best


def test_the_responses_of_fields_for_another_code() -> None:
    """The example of Bohte et al. 2002, in both kinds to the bit, and as rates."""
    torch = pytest.importorskip("torch")
    found = encode.field_responses(np.array([[0.35]]))
    np.testing.assert_allclose(found[0, 0], [0.0005, 0.0561, 0.6670, 0.8353, 0.1103, 0.0015, 0, 0], atol=5e-5)
    np.testing.assert_array_equal(encode.field_responses(torch.from_numpy(X)).numpy(), encode.field_responses(X))
    spikes = encode.bernoulli(found, 10_000)
    assert np.abs(spikes.mean(0) - found).max() < 4 * 0.5 / 100


@pytest.mark.parametrize("tau, threshold, t_ref, dt", [(20.0, 1.0, 0.0, 1.0), (10.0, 0.7, 2.0, 0.1)])
def test_lif_fires_at_the_intervals_of_its_closed_form(tau: float, threshold: float, t_ref: float, dt: float) -> None:
    x = np.array([[0.5, 1.2, 2.0, 7.0]]) * threshold
    trains = steps_of(encode.lif(x, 2000, tau=tau, threshold=threshold, t_ref=t_ref, dt=dt))
    assert trains[0] == []
    for value, train in zip(x[0, 1:], trains[1:], strict=True):
        charging = math.ceil(tau * math.log(value / (value - threshold)) / dt)
        assert train[0] == charging - 1
        assert set(np.diff(train).tolist()) == {charging + round(t_ref / dt)}


def test_lif_is_the_neuron_of_the_library() -> None:
    drive = 1.5 + np.sin(np.arange(300) / 9)[:, None, None] * np.array([[0.5, 1.5], [3.0, 0.1]])
    spikes = encode.lif(drive)
    assert spikes.shape == (300, 2, 2)
    reference = run(neurons.LIF, drive.reshape(300, 4), t=300, dt=1.0, dtype="float64", backend="numpy_reference")
    k, ids = np.nonzero(spikes.reshape(300, 4))
    np.testing.assert_array_equal(reference.spikes.times, k + 1.0)
    np.testing.assert_array_equal(reference.spikes.ids, ids)
    constant = np.full((1, 3), 2.5)
    np.testing.assert_array_equal(encode.lif(constant, 50), encode.lif(np.broadcast_to(constant, (50, 1, 3)).copy()))


def test_lif_counts_are_a_monotone_staircase() -> None:
    """More current, more spikes; and the longer one looks, the more levels are told apart (Doutsi et al. 2021)."""
    x = np.linspace(0.5, 3, 400)[None]
    levels = []
    for steps in (50, 500):
        counts = encode.lif(x, steps, dt=0.1).sum(0)[0]
        assert (np.diff(counts) >= 0).all()
        levels.append(len(np.unique(counts)))
    assert levels[1] > 5 * levels[0] / 2


MISTAKES: list[tuple[Any, type[Exception], str]] = [
    (lambda: encode.phase(X, 9, 1), InputError, "period must be an integer of at least 2, not 1"),
    (lambda: encode.phase(X, 9, 5, start=7), InputError, "start must be a number from 0 to 6.28319, not 7"),
    (lambda: encode.weighted_phase(X, 9, 31), InputError, "period must be an integer from 1 to 30, not 31"),
    (lambda: encode.burst(X, 99, longest=1), InputError, "longest must be an integer of at least 2, not 1"),
    (lambda: encode.population(X, 9, 2), InputError, "fields must be an integer of at least 3, not 2"),
    (lambda: encode.population(X, low=1.0), InputError, "low must be below high, not 1.0 and 1.0"),
    (lambda: encode.population(X, high=0.5), InputError, "above 0.5 (the range of the fields; say low= and high=)"),
    (lambda: encode.population(X, threshold=0), InputError, "threshold must be a number from"),
    (lambda: encode.population(X, kind="winers"), InputError, "not 'winers'; did you mean 'winner'?"),
    (lambda: encode.population(X, beta=-1), InputError, "beta must be a number above 0 [1], not -1"),
    (
        lambda: encode.rank_order(X, threshold=np.nan),
        InputError,
        "threshold must be a number from -inf to inf, not nan",
    ),
    (lambda: encode.lif(X, 9, tau=0), InputError, "tau must be a number above 0 [ms], not 0"),
    (lambda: encode.lif(X, 9, t_ref=-1), InputError, "t_ref must be a number from 0 to inf, not -1"),
    (lambda: encode.lif(X[0]), ShapeError, "lif: x must be (T, B, *N), not (30,)"),
]


@pytest.mark.parametrize("call, kind, words", MISTAKES, ids=[words for _, _, words in MISTAKES])
def test_mistakes(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert words in str(caught.value)
