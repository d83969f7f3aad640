"""Irregularity of spikes against trains whose answers are known, and against loops."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from spikelet import analysis
from spikelet.errors import InputError, ShapeError


def random_columns(seed: int = 0, n: int = 6, spikes: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return spikes of some neurons in no order; neuron n - 1 is silent, n - 2 spikes once."""
    rng = np.random.default_rng(seed)
    ids = np.append(rng.integers(0, n - 2, spikes), n - 2)
    return rng.uniform(0, 1000, spikes + 1), ids


def test_regular_spikes_have_no_variation_and_those_of_poisson_one() -> None:
    rng = np.random.default_rng(1)
    regular, ids = np.arange(1.0, 51.0), np.zeros(50, int)
    assert analysis.cv_isi(regular, ids) == 0.0
    for measure in (analysis.cv, analysis.cv2, analysis.lv, analysis.lvr):
        assert measure(regular).tolist() == [0.0]
    poisson = np.cumsum(rng.exponential(5.0, 20_000))
    assert analysis.cv_isi(poisson) == pytest.approx(1.0, abs=0.02)
    assert analysis.cv2(poisson)[0] == pytest.approx(1.0, abs=0.02)
    assert analysis.lv(poisson)[0] == pytest.approx(1.0, abs=0.03)
    gamma = np.cumsum(rng.gamma(4.0, 1.0, 20_000))
    assert analysis.cv(gamma)[0] == pytest.approx(1 / math.sqrt(4), abs=0.01)
    assert analysis.lv(gamma)[0] == pytest.approx(3 / (2 * 4 + 1), abs=0.01)


def test_revised_variation_takes_refractoriness_out() -> None:
    """Poisson spikes with a dead time of 5 ms: most of what LV lacks of 1 is given back."""
    intervals = 5.0 + np.random.default_rng(2).exponential(50.0, 40_000)
    spikes = np.cumsum(intervals)
    assert analysis.lv(spikes)[0] < 0.9
    assert analysis.lvr(spikes)[0] == pytest.approx(1.0, abs=0.5 * (1 - analysis.lv(spikes)[0]))
    assert analysis.lvr(spikes, refractoriness=0.0)[0] == pytest.approx(analysis.lv(spikes)[0])


def test_irregularity_is_a_mean_over_neurons_with_enough_intervals() -> None:
    one, other, short = [1.0, 3.0, 4.0, 6.0, 7.0], [2.0, 4.0, 6.0, 8.0], [1.0, 9.0, 10.0]
    times = np.array(one + other + short)
    ids = np.array([0] * 5 + [7] * 4 + [2] * 3)
    order = np.random.default_rng(0).permutation(len(times))
    expected = (np.std([2, 1, 2, 1]) / 1.5 + 0.0) / 2
    assert analysis.cv_isi(times[order], ids[order]) == pytest.approx(expected)
    assert analysis.cv_isi(times, ids, least=2) == pytest.approx((2 * expected + np.std([8, 1]) / 4.5) / 3)
    assert math.isnan(analysis.cv_isi(np.array([1.0]), np.array([0])))
    assert math.isnan(analysis.cv_isi(np.zeros(0), np.zeros(0, int)))


def test_measures_of_each_neuron_are_those_of_a_loop() -> None:
    times, ids = random_columns()
    cv, cv2, lv, lvr = (m(times, ids, n=6) for m in (analysis.cv, analysis.cv2, analysis.lv, analysis.lvr))
    for neuron in range(4):
        train = sorted(times[ids == neuron])
        gaps = [b - a for a, b in itertools.pairwise(train)]
        pairs = list(itertools.pairwise(gaps))
        assert cv[neuron] == pytest.approx(np.std(gaps) / np.mean(gaps))
        assert cv2[neuron] == pytest.approx(np.mean([2 * abs(b - a) / (a + b) for a, b in pairs]))
        assert lv[neuron] == pytest.approx(3 / len(pairs) * sum(((a - b) / (a + b)) ** 2 for a, b in pairs))
        terms = [(1 - 4 * a * b / (a + b) ** 2) * (1 + 4 * 5 / (a + b)) for a, b in pairs]
        assert lvr[neuron] == pytest.approx(3 / len(pairs) * sum(terms))
    assert np.isnan([cv[4:], cv2[4:], lv[4:], lvr[4:]]).all()


def test_intervals_stand_by_neuron_and_time() -> None:
    times, ids = random_columns(3)
    intervals, of = analysis.isi(times, ids)
    expected = [np.diff(np.sort(times[ids == neuron])) for neuron in range(5)]
    assert intervals == pytest.approx(np.concatenate(expected))
    assert of.tolist() == np.repeat(np.arange(5), [len(part) for part in expected]).tolist()


def test_spikes_come_as_an_object_as_columns_or_as_one_train() -> None:
    class Recorded:
        times, ids, n = np.array([1.0, 2.0, 4.0]), np.array([0, 0, 0]), 3

    assert np.array_equal(analysis.cv(Recorded()), [1 / 3, np.nan, np.nan], equal_nan=True)
    assert analysis.cv([1, 2, 4]).tolist() == [1 / 3]
    assert np.array_equal(analysis.cv([1, 2, 4], [1, 1, 1]), [np.nan, 1 / 3], equal_nan=True)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ((np.zeros(2), np.zeros(3, int)), ShapeError, r"times have shape \(2,\), ids \(3,\)"),
        ((np.zeros((2, 2)), np.zeros((2, 2), int)), ShapeError, "two columns of one length"),
        ((np.array([1.0, np.nan]), np.zeros(2, int)), InputError, "times: entry 1 is not finite"),
        ((np.zeros(2), np.array([0.5, 1])), InputError, "ids must be whole numbers, got float64"),
        ((np.zeros(2), np.array([-1, 1])), InputError, "ids must be 0 or more, got -1"),
        ((["a", "b"], [0, 1]), InputError, r"times must be numbers \[ms\]"),
    ],
)
def test_wrong_columns_are_refused(given: tuple, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        analysis.cv_isi(*given)


def test_an_id_beyond_n_is_refused() -> None:
    with pytest.raises(InputError, match="there is a spike of neuron 4, but n = 3"):
        analysis.cv([1.0], [4], n=3)
    with pytest.raises(InputError, match="n must be a positive number of neurons, got 0"):
        analysis.cv([1.0], [4], n=0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("measure", [analysis.cv2, analysis.lv, analysis.lvr])
def test_spikes_at_one_time_leave_the_other_intervals_alone(measure: Callable) -> None:
    """Three spikes at one time make two intervals of 0, whose ratio is not defined; the pair does not count."""
    assert np.isnan(measure([5.0, 5.0, 5.0]))
    times, ids = [5.0, 5.0, 5.0, 0.0, 0.0, 1.0, 4.0, 6.0], [0, 0, 0, 1, 1, 1, 1, 1]
    spoiled = measure([0.0, 0.0, 0.0, 1.0, 4.0, 6.0])
    assert measure(times, ids)[1] == pytest.approx(spoiled[0])
