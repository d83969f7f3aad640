"""What each surrogate keeps, it keeps exactly; the rest is random."""

import numpy as np
import pytest

from spikelet import analysis
from spikelet.errors import InputError

RNG = np.random.default_rng(0)
TIMES, IDS = RNG.uniform(0, 500, 2000), RNG.choice([0, 1, 3, 4], 2000)  # neuron 2 is silent
METHODS = ("dither", "jitter", "isi_shuffle", "shift", "trial_shuffle")


def surrogate(method: str, **how) -> tuple[np.ndarray, np.ndarray]:
    return analysis.surrogate_trains(TIMES, IDS, method=method, n=5, stop=500.0, **how)


@pytest.mark.parametrize("method", METHODS)
def test_counts_and_the_recording_are_kept(method: str) -> None:
    times, ids = surrogate(method)
    counts, before = np.bincount(ids, minlength=5), np.bincount(IDS, minlength=5)
    assert sorted(counts) == sorted(before) if method == "trial_shuffle" else counts.tolist() == before.tolist()
    assert times.min() >= 0 and times.max() <= 500 and (np.diff(times) >= 0).all()
    assert not np.array_equal(times[np.argsort(ids, kind="stable")], TIMES[np.lexsort((TIMES, IDS))])


@pytest.mark.parametrize("method", METHODS)
def test_seed_and_draw_choose_the_surrogate(method: str) -> None:
    one, same = surrogate(method, seed=5), surrogate(method, seed=5)
    assert np.array_equal(one[0], same[0]) and np.array_equal(one[1], same[1])
    others = (surrogate(method, seed=6), surrogate(method, seed=5, draw=1), surrogate(method, seed=5, draw=2))
    assert any(not np.array_equal(one[0], t) or not np.array_equal(one[1], i) for t, i in others)


def test_dither_moves_by_up_to_its_width() -> None:
    spread = np.arange(20.0, 480.0, 40.0)
    times, _ = analysis.surrogate_trains(spread, width=15.0, stop=500.0)
    assert np.abs(times - spread).max() <= 15 and np.abs(times - spread).max() > 5
    far = np.array([analysis.surrogate_trains([250.0], width=15.0, stop=500.0, draw=k)[0][0] for k in range(400)])
    assert far.mean() == pytest.approx(250, abs=2) and far.std() == pytest.approx(15 / np.sqrt(3), rel=0.1)


def test_jitter_keeps_the_counts_of_its_bins() -> None:
    times, ids = surrogate("jitter", width=20.0)
    for neuron in range(5):
        before, after = (
            np.histogram(t[i == neuron], np.arange(0, 501, 20))[0] for t, i in ((TIMES, IDS), (times, ids))
        )
        assert before.tolist() == after.tolist()


def test_shuffled_intervals_are_the_same_intervals() -> None:
    times, ids = surrogate("isi_shuffle")
    for neuron in (0, 1, 3, 4):
        before, after = np.sort(TIMES[IDS == neuron]), times[ids == neuron]
        assert np.sort(np.diff(after)) == pytest.approx(np.sort(np.diff(before)), abs=1e-9)
        assert after[[0, -1]] == pytest.approx(before[[0, -1]])
        assert np.abs(after - before).max() > 1


def test_shift_moves_trains_as_a_whole() -> None:
    times, ids = surrogate("shift")
    moves = []
    for neuron in (0, 1):
        before, after = np.sort(TIMES[IDS == neuron]), times[ids == neuron]
        gaps = [np.sort(np.diff(np.append(t, t[0] + 500))) for t in (before, after)]
        assert gaps[0] == pytest.approx(gaps[1], abs=1e-9)  # also the one around the end
        moves.append((after.mean() - before.mean()) % 500)
    assert moves[0] != pytest.approx(moves[1], abs=1)


def test_shuffled_trials_are_the_same_trains() -> None:
    times, ids = surrogate("trial_shuffle", seed=2)
    before = {tuple(np.sort(TIMES[IDS == i])) for i in range(5)}
    assert {tuple(times[ids == i]) for i in range(5)} == before


def test_dither_takes_away_synchrony_but_not_the_rate() -> None:
    volley = np.repeat(np.arange(10.0, 2000.0, 37.0), 20)
    ids = np.tile(np.arange(20), len(volley) // 20)
    moved = analysis.surrogate_trains(volley, ids, width=15.0, stop=2000.0)
    span = {"start": 0, "stop": 2000, "width": 2}
    assert analysis.synchrony(volley, ids, 20, **span) == pytest.approx(1.0)
    assert analysis.synchrony(*moved, 20, **span) < 0.45


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="there is no method 'dithr'; did you mean 'dither'"):
        surrogate("dithr")
    with pytest.raises(InputError, match="spikes lie outside the recording, 0 to 5 ms"):
        analysis.surrogate_trains([7.0], stop=5.0)
