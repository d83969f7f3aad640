"""Distances of trains: golden values, and naive forms of their definitions."""

import itertools
import math

import numpy as np
import pytest

from spikelet import analysis
from spikelet.errors import InputError, ShapeError

A, B = [10, 30, 55, 80], [12, 29, 70]
# computed by hand tables from the recursion and from the closed form, for A and B
VICTOR_PURPURA = {0.0: 1.0, 0.02: 1.26, 0.1: 2.3, 0.5: 4.5, 2.0: 7.0}
VAN_ROSSUM = {1.0: 1.7311093531057717, 10.0: 1.129272124115279, 50.0: 0.7762597783729376}


def trains(seed: int, n: int = 5) -> list[np.ndarray]:
    """Return trains of different lengths, one of them without spikes, some with spikes in common."""
    rng = np.random.default_rng(seed)
    made = [np.sort(rng.uniform(0, 100, rng.integers(5, 30))) for _ in range(n - 2)]
    return [*made, np.zeros(0), np.sort(np.append(made[0][::2], 50.0))]


def pairs(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(itertools.combinations(trains(seed), 2))


def columns(many: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    times, ids = np.concatenate(many), np.repeat(np.arange(len(many)), [len(one) for one in many])
    order = np.random.default_rng(0).permutation(len(times))
    return times[order], ids[order]


# -- Victor-Purpura and van Rossum ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cost", "expected"), VICTOR_PURPURA.items())
def test_golden_victor_purpura(cost: float, expected: float) -> None:
    assert analysis.victor_purpura(A, B, cost=cost) == pytest.approx(expected, rel=1e-15)
    assert analysis.victor_purpura(B, A, cost=cost) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(("tau", "expected"), VAN_ROSSUM.items())
def test_golden_van_rossum(tau: float, expected: float) -> None:
    assert analysis.van_rossum(A, B, tau=tau) == pytest.approx(expected, rel=1e-14)


def victor_purpura(a, b, q: float) -> float:
    table = [[float(i + j) for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            moved = table[i - 1][j - 1] + q * abs(a[i - 1] - b[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, moved)
    return table[-1][-1]


def van_rossum(a, b, tau: float) -> float:
    def overlap(x, y) -> float:
        return sum(math.exp(-abs(s - t) / tau) for s in x for t in y)

    return math.sqrt(max(0.0, 0.5 * (overlap(a, a) + overlap(b, b) - 2 * overlap(a, b))))


@pytest.mark.parametrize("seed", range(4))
def test_compiled_distances_are_those_of_their_definitions(seed: int) -> None:
    for a, b in pairs(seed):
        for q in (0.0, 0.05, 0.7, 1e3):
            assert analysis.victor_purpura(a, b, cost=q) == pytest.approx(victor_purpura(a, b, q), rel=1e-12)
        for tau in (0.3, 5.0, 1e4):
            assert analysis.van_rossum(a, b, tau=tau) == pytest.approx(van_rossum(a, b, tau), rel=1e-9, abs=1e-7)


def test_limits() -> None:
    a, b = trains(9)[:2]
    assert analysis.victor_purpura(a, b, cost=0) == abs(len(a) - len(b))
    assert analysis.victor_purpura(a, b, cost=1e9) == len(a) + len(b)
    assert analysis.van_rossum([5.0], [], tau=3.0) == pytest.approx(math.sqrt(0.5), rel=1e-15)
    assert analysis.van_rossum(a, a, tau=3.0) == 0.0
    assert analysis.victor_purpura([], [], cost=1) == analysis.van_rossum([], [], tau=1) == 0.0


# -- the tiling coefficient -------------------------------------------------------------------------------------------


def sttc(a, b, window: float, stop: float) -> float:
    def share(x, y) -> float:
        return sum(any(abs(s - t) <= window for t in y) for s in x) / len(x)

    def tiled(x) -> float:
        grid = (np.arange(20_000) + 0.5) * stop / 20_000
        return float(np.mean(np.min(np.abs(grid[:, None] - np.array(x)[None]), 1) <= window))

    p_a, p_b, t_a, t_b = share(a, b), share(b, a), tiled(a), tiled(b)
    return 0.5 * ((p_a - t_b) / (1 - p_a * t_b) + (p_b - t_a) / (1 - p_b * t_a))


@pytest.mark.parametrize("window", [0.4, 2.0])
def test_tiling_coefficient_is_that_of_a_dense_grid(window: float) -> None:
    for a, b in pairs(1):
        found = analysis.sttc(a, b, window=window, stop=100)
        if len(a) and len(b):
            assert found == pytest.approx(sttc(a, b, window, 100), abs=2e-3)
        else:
            assert math.isnan(found)


def test_tiling_coefficient_of_equal_and_of_dense_trains() -> None:
    a = trains(2)[0]
    assert analysis.sttc(a, a, stop=100) == 1.0
    assert analysis.sttc(np.arange(0, 100, 2.0), np.arange(1, 100, 2.0), stop=100) == 1.0  # both tile all of the time
    assert analysis.sttc(a, a + 1000, stop=100) != analysis.sttc(a, a, stop=100)  # spikes outside do not count


# -- ISI, SPIKE, synchronisation --------------------------------------------------------------------------------------


def intervals_at(train, t: float, stop: float) -> tuple[float, float, float]:
    """Return the spikes before and after t and the interval between them, with the conventions of the borders."""
    before, after = [s for s in train if s <= t], [s for s in train if s > t]
    if not before:
        return math.nan, after[0], max(after[0], after[1] - after[0]) if len(after) > 1 else after[0]
    if not after:
        last = stop - before[-1]
        return before[-1], math.nan, max(last, before[-1] - before[-2]) if len(before) > 1 else last
    return before[-1], after[0], after[0] - before[-1]


def profile(a, b, t: float, stop: float) -> tuple[float, float]:
    """Return the ISI and the SPIKE profile at a time, straight from the definitions."""

    def nearest(s: float, train) -> float:
        ends = (
            [min(0.0, 2 * train[0] - train[1]), max(stop, 2 * train[-1] - train[-2])] if len(train) > 1 else [0, stop]
        )
        return min(abs(s - r) for r in [*train, *ends])

    def weighted(x, y) -> tuple[float, float]:
        last, following, interval = intervals_at(x, t, stop)
        if math.isnan(last) or math.isnan(following):
            return nearest(following if math.isnan(last) else last, y), interval
        near, far = nearest(last, y), nearest(following, y)
        return (near * (following - t) + far * (t - last)) / interval, interval

    (s_a, x), (s_b, y) = weighted(a, b), weighted(b, a)
    return abs(x - y) / max(x, y), (s_a * y + s_b * x) / (2 * ((x + y) / 2) ** 2)


def test_isi_and_spike_distance_are_means_of_their_profiles() -> None:
    for a, b in pairs(5):
        a, b = (list(train) if len(train) else [0.0, 100.0] for train in (a, b))
        grid = (np.arange(2000) + 0.5) / 20
        values = np.array([profile(a, b, t, 100.0) for t in grid])
        assert analysis.isi_distance(a, b, stop=100) == pytest.approx(values[:, 0].mean(), abs=2e-3)
        assert analysis.spike_distance(a, b, stop=100) == pytest.approx(values[:, 1].mean(), abs=2e-3)


def test_trains_without_spikes_have_one_long_interval() -> None:
    assert analysis.isi_distance([], [], stop=10) == analysis.spike_distance([], [], stop=10) == 0.0
    assert analysis.isi_distance([], [50.0], stop=100) == pytest.approx(0.5)


def test_synchronisation_counts_spikes_that_coincide() -> None:
    a, b = [10.0, 20.0, 40.0], [11.0, 29.0, 39.0]
    # windows: 10/11: half of 10; 20/29 or 20/11: 9 is more than half of 10; 40/39: half of 10
    assert analysis.spike_synchronization(a, b) == pytest.approx(4 / 6)
    assert analysis.spike_synchronization(a, a) == 1.0
    assert analysis.spike_synchronization(a, []) == 0.0
    assert math.isnan(analysis.spike_synchronization([], []))
    assert analysis.spike_synchronization(a, b, stop=15) == 1.0


# -- similarities -----------------------------------------------------------------------------------------------------


def test_schreiber_is_the_cosine_of_filtered_trains() -> None:
    grid = np.arange(-60, 160, 0.05)
    for a, b in pairs(6):
        found = analysis.schreiber(a, b, width=2.0)
        if not (len(a) and len(b)):
            assert math.isnan(found)
            continue
        f, g = (np.exp(-((grid[:, None] - train[None]) ** 2) / 8).sum(1) for train in (a, b))
        assert found == pytest.approx(f @ g / math.sqrt((f @ f) * (g @ g)), abs=1e-6)
    assert analysis.schreiber(A, A, width=1.0) == pytest.approx(1.0)


def test_coincidence_factor_is_one_for_equal_trains_and_zero_for_chance() -> None:
    rng = np.random.default_rng(3)
    data, other = (np.sort(rng.uniform(0, 1e5, 2000)) for _ in range(2))
    assert analysis.coincidence_factor(data, data, duration=1e5) == pytest.approx(1.0, abs=1e-12)
    assert analysis.coincidence_factor(data, other, duration=1e5) == pytest.approx(0.0, abs=0.03)
    met = sum(any(abs(s - t) <= 2 for t in B) for s in A)
    chance = 2 * 2 * 3 / 100
    expected = (met - chance * 4) / 3.5 / (1 - chance)
    assert analysis.coincidence_factor(A, B, duration=100) == pytest.approx(expected)


# -- all pairs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measure", "options", "itself"),
    [
        ("victor_purpura", {"cost": 0.1}, 0.0),
        ("van_rossum", {"tau": 4.0}, 0.0),
        ("sttc", {"window": 1.0, "start": 0.0, "stop": 100.0}, 1.0),
        ("isi_distance", {"stop": 100.0}, 0.0),
        ("spike_distance", {"stop": 100.0}, 0.0),
        ("spike_synchronization", {}, 1.0),
        ("schreiber", {"width": 3.0}, 1.0),
    ],
)
def test_matrices_hold_the_measures_of_all_pairs(measure: str, options: dict, itself: float) -> None:
    many = trains(7)
    table = analysis.distance_matrix(*columns(many), n=5, measure=measure, **options)
    for i, j in itertools.combinations(range(5), 2):
        expected = getattr(analysis, measure)(many[i], many[j], **options)
        assert table[i, j] == pytest.approx(expected, nan_ok=True) and table[j, i] == pytest.approx(
            expected, nan_ok=True
        )
    assert np.diag(table)[:3] == pytest.approx([itself] * 3)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="there is no measure 'van_rosum'; did you mean 'van_rossum'"):
        analysis.distance_matrix([1.0], measure="van_rosum")
    with pytest.raises(InputError, match="van_rossum: .*missing 1 required keyword-only argument: 'tau'"):
        analysis.distance_matrix([1.0], measure="van_rossum")
    with pytest.raises(InputError, match="cost must be 0 or more per ms, got -1"):
        analysis.victor_purpura(A, B, cost=-1)
    with pytest.raises(InputError, match="tau must be a positive number, got 0"):
        analysis.van_rossum(A, B, tau=0)
    with pytest.raises(ShapeError, match=r"b: a train is \(S,\) times, not of shape \(1, 3\)"):
        analysis.van_rossum(A, [B], tau=1.0)
    with pytest.raises(InputError, match="give stop"):
        analysis.isi_distance(A, B, stop=None)


def test_trains_need_not_be_sorted() -> None:
    assert analysis.van_rossum(A[::-1], B, tau=10.0) == pytest.approx(VAN_ROSSUM[10.0])
