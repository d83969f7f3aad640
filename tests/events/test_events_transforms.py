"""Every transform against a loop over events that says the same in the plainest way."""

import numpy as np
import pytest

from spikelet import events as ev
from spikelet.errors import InputError

N, WIDTH, HEIGHT = 600, 12, 9


@pytest.fixture(scope="module")
def some() -> ev.Events:
    r = np.random.default_rng(5)
    t = np.sort(r.integers(0, 40_000, N))
    x, y = np.minimum(r.geometric(0.25, N), WIDTH) - 1, r.integers(0, HEIGHT, N)
    return ev.from_columns(t, x, y, r.integers(0, 2, N), (WIDTH, HEIGHT))


def rows(events: ev.Events) -> list[tuple[int, ...]]:
    return [tuple(int(value) for value in row) for row in events.data.tolist()]


def changed(events: ev.Events, change) -> list[tuple[int, ...]]:
    """Apply a function of (t, x, y, p) to each event; None drops it."""
    return [new for row in rows(events) if (new := change(*row)) is not None]


# -- moves ------------------------------------------------------------------------------------------------------------

MOVES = {
    "flip x": (lambda e: ev.flip(e, "x"), lambda t, x, y, p: (t, WIDTH - 1 - x, y, p), (WIDTH, HEIGHT)),
    "flip y": (lambda e: ev.flip(e, "y"), lambda t, x, y, p: (t, x, HEIGHT - 1 - y, p), (WIDTH, HEIGHT)),
    "flip p": (lambda e: ev.flip(e, "p"), lambda t, x, y, p: (t, x, y, 1 - p), (WIDTH, HEIGHT)),
    "merge": (ev.merge_polarity, lambda t, x, y, p: (t, x, y, 1), (WIDTH, HEIGHT)),
    "shift": (lambda e: ev.shift(e, -70), lambda t, x, y, p: (t - 70, x, y, p), (WIDTH, HEIGHT)),
    "downsample time": (
        lambda e: ev.downsample_time(e, 300), lambda t, x, y, p: (t // 300 * 300, x, y, p), (WIDTH, HEIGHT),
    ),
    "downsample": (lambda e: ev.downsample(e, 4), lambda t, x, y, p: (t, x // 4, y // 4, p), (3, 3)),
    "rotate 90": (lambda e: ev.rotate(e, 90), lambda t, x, y, p: (t, HEIGHT - 1 - y, x, p), (HEIGHT, WIDTH)),
    "rotate 180": (
        lambda e: ev.rotate(e, 180), lambda t, x, y, p: (t, WIDTH - 1 - x, HEIGHT - 1 - y, p), (WIDTH, HEIGHT),
    ),
    "rotate -90": (lambda e: ev.rotate(e, -90), lambda t, x, y, p: (t, y, WIDTH - 1 - x, p), (HEIGHT, WIDTH)),
    "crop": (
        lambda e: ev.crop(e, x=(2, 7), y=(1, 9)),
        lambda t, x, y, p: (t, x - 2, y - 1, p) if 2 <= x < 7 and 1 <= y < 9 else None,
        (5, 8),
    ),
    "crop time": (
        lambda e: ev.crop_time(e, 5_000, 9_000), lambda *r: r if 5_000 <= r[0] < 9_000 else None, (WIDTH, HEIGHT),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("move", "change", "size"), MOVES.values(), ids=MOVES)
def test_a_move_does_to_each_event_what_it_says(move, change, size, some):
    before = some.data.copy()
    moved = move(some)
    assert rows(moved) == changed(some, change) and (moved.width, moved.height) == size
    assert 0 < len(moved) and (some.data == before).all()


def test_time_runs_backwards(some):
    back = ev.flip(some, "t")
    first, last = int(some.t[0]), int(some.t[-1])
    assert rows(back) == [(first + last - t, x, y, 1 - p) for t, x, y, p in reversed(rows(some))]
    assert back.in_order and rows(ev.flip(back, "t")) == rows(some)


@pytest.mark.parametrize("degrees", [30.0, -135.0, 400.0])
def test_rotation_by_any_angle(degrees, some):
    angle = np.deg2rad(degrees)

    def turn(t, x, y, p):
        u, v = x - (WIDTH - 1) / 2, y - (HEIGHT - 1) / 2
        a = round((WIDTH - 1) / 2 + u * np.cos(angle) - v * np.sin(angle))
        b = round((HEIGHT - 1) / 2 + u * np.sin(angle) + v * np.cos(angle))
        return (t, a, b, p) if 0 <= a < WIDTH and 0 <= b < HEIGHT else None

    assert rows(ev.rotate(some, degrees)) == changed(some, turn)
    assert rows(ev.rotate(ev.rotate(some, 90), 270)) == rows(some)


def test_events_that_agree_are_one(some):
    twice = some[np.sort(np.r_[np.arange(N), 3:50])]
    assert rows(ev.unique(twice)) == rows(ev.unique(some)) == list(dict.fromkeys(rows(some)))


def test_shift_brings_the_first_event_to_0(some):
    late = ev.shift(some, 10**15)
    assert late.t.min() >= 10**15 and ev.shift(late).t.min() == 0
    assert len(ev.shift(some[:0])) == 0


# -- filters ----------------------------------------------------------------------------------------------------------


def test_denoise(some):
    last, kept = {}, []
    for row in rows(some):
        t, x, y, _ = row
        around = [(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
        if any(t - last.get(place, -(10**9)) <= 400 for place in around):
            kept.append(row)
        last[x, y] = t
    assert rows(ev.denoise(some, 400)) == kept and 50 < len(kept) < 550


def test_refractory(some):
    last, kept = {}, []
    for row in rows(some):
        if row[0] - last.get(row[1:3], -(10**9)) >= 2_000:
            kept.append(row)
            last[row[1:3]] = row[0]
    assert rows(ev.refractory(some, 2_000)) == kept and 50 < len(kept) < 550


def test_decimate(some):
    seen, kept = {}, []
    for row in rows(some):
        seen[row[1:3]] = seen.get(row[1:3], 0) + 1
        if seen[row[1:3]] % 3 == 0:
            kept.append(row)
    assert rows(ev.decimate(some, 3)) == kept and rows(ev.decimate(some, 1)) == rows(some)


def test_downsample_with_a_threshold(some):
    sums, kept = {}, []
    for t, x, y, p in rows(some):
        cell = x // 2, y // 2
        sums[cell] = sums.get(cell, 0) + (1 if p else -1)
        if sums[cell] * (1 if p else -1) >= 2:
            kept.append((t, *cell, p))
            sums[cell] = 0
    assert rows(ev.downsample(some, 2, threshold=2)) == kept and 20 < len(kept) < 300


def test_hot_pixels(some):
    noisy = np.zeros(400, ev.EVENT)
    noisy["x"], noisy["y"] = 11, 8
    both = ev.sort(ev.Events(np.concatenate([some.data, noisy]), WIDTH, HEIGHT))
    counts = np.zeros((HEIGHT, WIDTH), int)
    for _, x, y, _ in rows(both):
        counts[y, x] += 1
    hot = ev.hot_pixels(both, 4)
    assert (hot == (counts > counts[counts > 0].mean() + 4 * counts[counts > 0].std())).all() and hot[8, 11]
    assert rows(ev.drop_pixels(both, hot)) == changed(both, lambda t, x, y, p: None if hot[y, x] else (t, x, y, p))
    with pytest.raises(InputError, match=r"mask has shape \(12, 9\), the sensor \(9, 12\)"):
        ev.drop_pixels(both, hot.T)


@pytest.mark.parametrize("work", [lambda e: ev.denoise(e), lambda e: ev.refractory(e, 5), lambda e: ev.by_time(e, 5)])
def test_what_needs_the_order_of_time_asks_for_it(work):
    with pytest.raises(InputError, match="needs events in the order of time, but event 1 is at 3 us, the one before"):
        work(ev.from_columns([5, 3], [0, 0], [0, 0], 1))


# -- random changes ---------------------------------------------------------------------------------------------------

CHANGES = {
    "drop events": lambda e, seed: ev.drop_events(e, 0.3, seed),
    "drop time": lambda e, seed: ev.drop_time(e, 0.3, seed),
    "drop area": lambda e, seed: ev.drop_area(e, 0.3, seed),
    "jitter time": lambda e, seed: ev.jitter_time(e, 30.0, seed),
    "jitter space": lambda e, seed: ev.jitter_space(e, 1.0, seed),
    "add noise": lambda e, seed: ev.add_noise(e, 50, seed),
    "cloud": lambda e, seed: ev.cloud(e, 100, seed),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_seed_gives_the_same_change_again(change, some):
    def told(result):
        return result.tolist() if isinstance(result, np.ndarray) else rows(result)

    state = np.random.get_state()[1].copy()
    assert told(change(some, 7)) == told(change(some, 7)) != told(change(some, 8))
    assert (np.random.get_state()[1] == state).all()


@pytest.fixture(scope="module")
def many() -> ev.Events:
    n = 40_000
    r = np.random.default_rng(1)
    t = np.sort(r.integers(0, 10**6, n))
    return ev.from_columns(t, r.integers(0, 128, n), r.integers(0, 128, n), r.integers(0, 2, n), (128, 128))


def test_the_share_that_is_dropped(many):
    kept = ev.drop_events(many, 0.3, 1)
    assert abs(len(kept) - 0.7 * len(many)) < 3 * np.sqrt(len(many) * 0.3 * 0.7)
    left = ev.drop_time(many, 0.3, 1)
    gap = np.diff(left.t).max() if left.t[0] == many.t[0] and left.t[-1] == many.t[-1] else 0
    assert abs(len(left) / len(many) - 0.7) < 0.02 and abs(gap - 0.3e6) < 1e3
    outside = ev.drop_area(many, 0.25, 1)
    empty = np.bincount(outside.pixels, minlength=128 * 128).reshape(128, 128) == 0
    full = np.bincount(many.pixels, minlength=128 * 128).reshape(128, 128) > 0
    ys, xs = np.nonzero(empty & full)
    assert abs(len(outside) / len(many) - 0.75) < 0.02
    assert (np.ptp(xs) + 1, np.ptp(ys) + 1) == (64, 64)
    for change in (ev.drop_events, ev.drop_time, ev.drop_area):
        assert rows(change(many[:50], 0.0, 3)) == rows(many[:50])
        with pytest.raises(InputError, match="share must be a number from 0 to 1, not 1.5"):
            change(many, 1.5, 3)


def test_the_width_of_jitter(many):
    late = ev.jitter_time(many, 500.0, 2)
    assert late.in_order and len(late) == len(many)
    order = np.lexsort((many.p, many.y, many.x))
    other = np.lexsort((late.p, late.y, late.x))
    apart = np.sort(late.t[other]) - np.sort(many.t[order])  # as sets, times move little
    assert apart.std() < 500
    single = ev.from_columns(np.zeros(20_000, int), [5] * 20_000, [5] * 20_000, 1, (11, 11))
    assert abs(ev.jitter_time(single, 500.0, 2).t.std() - 500) < 3 * 500 / np.sqrt(2 * 20_000)
    moved = ev.jitter_space(single, 1.0, 2)
    assert abs(moved.x.astype(float).var() - (1 + 1 / 12)) < 0.05  # rounding adds a twelfth
    assert abs(np.corrcoef(moved.x[: len(moved)], moved.y)[0, 1]) < 0.03


def test_noise_is_everywhere_alike(many):
    noisy = ev.add_noise(many[:0], 1000, 3)
    assert len(noisy) == 1000 and (noisy.t == 0).all()
    noisy = ev.add_noise(many, 10_000, 3)
    assert len(noisy) == len(many) + 10_000 and noisy.in_order
    extra = ev.add_noise(ev.from_columns([0, 10**6], [0, 0], [0, 0], 1, (64, 32)), 30_000, 3)
    for column, mean, sd in ((extra.t / 1e6, 0.5, 12**-0.5), (extra.x / 64, 63 / 128, 12**-0.5), (extra.p, 0.5, 0.5)):
        assert abs(column.mean() - mean) < 4 * sd / np.sqrt(len(extra))


# -- windows ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duration", [97, 5_000, 50_000])
@pytest.mark.parametrize("step", [None, 800, 9_000])
@pytest.mark.parametrize("last", [True, False])
def test_windows_by_time(duration, step, last, some):
    windows = ev.by_time(some, duration, step, last=last)
    begin, end, stride = int(some.t[0]), int(some.t[-1]) + 1, step or duration
    expected, k = [], 0
    while begin + k * stride < end:
        whole = begin + k * stride + duration <= end
        reached = expected and expected[-1][1] >= end  # the window before went to the end already
        if (whole or last) and not reached:
            expected.append((begin + k * stride, begin + k * stride + duration))
        k += 1
    assert windows.times.tolist() == [list(pair) for pair in expected]
    inside, times = set(), some.t.tolist()
    for window, (low, high) in zip(windows, expected, strict=True):
        numbers = [i for i, t in enumerate(times) if low <= t < high]
        assert rows(window) == [rows(some[i : i + 1])[0] for i in numbers]
        inside |= set(numbers)
    assert windows.kept == len(inside) and windows.dropped == N - len(inside)
    if last and (step is None or step <= duration):
        assert windows.dropped == 0


@pytest.mark.parametrize("count", [1, 7, 100, 600, 601])
@pytest.mark.parametrize("step", [None, 3, 250])
@pytest.mark.parametrize("last", [True, False])
def test_windows_by_count(count, step, last, some):
    windows = ev.by_count(some, count, step, last=last)
    stride, expected = step or count, []
    for start in range(0, N, stride):
        if (start + count <= N or last) and not (expected and expected[-1][1] == N):
            expected.append((start, min(start + count, N)))
    assert windows.rows.tolist() == [list(pair) for pair in expected]
    inside = {i for low, high in expected for i in range(low, high)}
    assert (windows.kept, windows.dropped) == (len(inside), N - len(inside))


@pytest.mark.parametrize("bins", [1, 4, 7, 1000])
def test_bins_lose_nothing(bins, some):
    for windows in (ev.time_bins(some, bins), ev.count_bins(some, bins)):
        assert len(windows) == bins and windows.dropped == 0
        assert [row for window in windows for row in rows(window)] == rows(some)
    sizes = [len(window) for window in ev.count_bins(some, bins)]
    assert max(sizes) - min(sizes) <= 1
    widths = np.diff(ev.time_bins(some, bins).times)
    assert np.ptp(widths) <= 1


def test_where_other_libraries_lose_events():
    """2,000 events over 1 s - 1 us: the windows in which Tonic keeps 1,600, 1,800, 1,998 and 1,999 of them."""
    t = np.linspace(0, 99_999, 2000).astype(int)
    events = ev.from_columns(t, t % 7, t % 5, t % 2)
    for windows in (
        ev.by_time(events, 20_001),
        ev.by_count(events, 300),
        ev.count_bins(events, 6),
        ev.time_bins(events, 4),
    ):
        assert (windows.kept, windows.dropped) == (2000, 0)
        assert ev.frames(windows).sum() == 2000
    assert repr(ev.by_count(events, 300, last=False)) == "Windows(6; 1,800 events kept, 200 dropped)"


def test_a_start_and_a_stop_drop_what_is_outside(some):
    windows = ev.by_time(some, 1_000, start=10_000, stop=12_500)
    assert windows.times.tolist() == [[10_000, 11_000], [11_000, 12_000], [12_000, 12_500]]
    assert windows.kept == len(ev.crop_time(some, 10_000, 12_500)) < N
    assert ev.by_time(some, 1_000, start=10_000, stop=12_500, last=False).times[-1].tolist() == [11_000, 12_000]


def test_no_events_and_too_many_windows(some):
    empty = some[:0]
    assert len(ev.by_time(empty, 5)) == len(ev.by_count(empty, 5)) == 0
    assert ev.time_bins(empty, 3).kept == 0 and ev.frames(ev.count_bins(empty, 3)).shape == (3, 2, HEIGHT, WIDTH)
    with pytest.raises(InputError, match="make 40,000,000 windows"):
        ev.by_time(ev.from_columns([0, 39_999_999], [0, 0], [0, 0], 1), 1)
    with pytest.raises(InputError, match="duration must be a whole number above 0, not 0.5"):
        ev.by_time(some, 0.5)


# -- arrays -----------------------------------------------------------------------------------------------------------


def test_frames(some):
    windows = ev.by_time(some, 3_000, 2_000)
    counts = np.zeros((len(windows), 2, HEIGHT, WIDTH), int)
    for k, window in enumerate(windows):
        for _, x, y, p in rows(window):
            counts[k, p, y, x] += 1
    frames = ev.frames(windows)
    assert frames.dtype == np.int32 and (frames == counts).all()
    assert (ev.frames(windows, polarity=False)[:, 0] == counts.sum(1)).all()
    strided = ev.by_time(some[::2], 3_000)  # not contiguous in memory
    assert ev.frames(strided).sum() == N // 2


@pytest.mark.parametrize("bins", [1, 2, 5])
def test_voxel_grid(bins, some):
    grid = np.zeros((bins, HEIGHT, WIDTH))
    first, last = int(some.t[0]), int(some.t[-1])
    for t, x, y, p in rows(some):
        s = (bins - 1) * (t - first) / (last - first)
        for b in range(bins):
            grid[b, y, x] += (2 * p - 1) * max(0.0, 1 - abs(b - s))
    np.testing.assert_allclose(ev.voxel_grid(some, bins), grid, atol=1e-9)
    assert ev.voxel_grid(some, bins).sum() == pytest.approx(2 * int(some.p.sum()) - N)


def test_time_surface(some):
    at = np.array([-5.0, 10_000.0, 10_000.5, float(some.t[-1])])
    surfaces = ev.time_surface(some, 4_000.0, at)
    for k, when in enumerate(at):
        last = np.full((2, HEIGHT, WIDTH), -np.inf)
        for t, x, y, p in rows(some):
            if t <= when:
                last[p, y, x] = t
        np.testing.assert_allclose(surfaces[k], np.exp((last - when) / 4_000))
    assert (surfaces[0] == 0).all() and (ev.time_surface(some, 4_000.0)[0] == surfaces[-1]).all()
    with pytest.raises(InputError, match="at must ascend"):
        ev.time_surface(some, 1.0, np.array([2, 1]))
    with pytest.raises(InputError, match="tau must be a time above 0 us, not 0"):
        ev.time_surface(some, 0)


def test_hots_surfaces(some):
    surfaces = ev.hots_surfaces(some, 2, 3_000.0)
    last: dict[tuple[int, ...], int] = {}
    for k, (t, x, y, p) in enumerate(rows(some)):
        last[p, y, x] = t
        for i in range(-2, 3):
            for j in range(-2, 3):
                seen = last.get((p, y + i, x + j))
                expected = 0.0 if seen is None else np.exp(-(t - seen) / 3_000)
                assert surfaces[k, i + 2, j + 2] == pytest.approx(expected)


def test_cloud(some):
    points = ev.cloud(some)
    expected = [
        (x / (WIDTH - 1), y / (HEIGHT - 1), (t - int(some.t[0])) / some.duration, 2 * p - 1)
        for t, x, y, p in rows(some)
    ]
    np.testing.assert_allclose(points, expected)
    few = ev.cloud(some, 50, seed=4)
    assert few.shape == (50, 4) and (np.diff(few[:, 2]) >= 0).all()
    assert {tuple(point) for point in few} <= {tuple(point) for point in points}
    assert ev.cloud(some, 10**6).shape == (N, 4)


def test_wrong_arguments_are_named(some):
    with pytest.raises(InputError, match="rotate: degrees must be a finite angle, not nan"):
        ev.rotate(some, float("nan"))
    with pytest.raises(InputError, match="axis must be one of x, y, t, p, not 'X'; did you mean 'x'"):
        ev.flip(some, "X")
    with pytest.raises(InputError, match=r"x must be two columns or rows with 0 <= first < stop <= 12, not \(5, 13\)"):
        ev.crop(some, x=(5, 13))
    with pytest.raises(InputError, match="n must be a whole number above 0, not 0"):
        ev.decimate(some, 0)
    with pytest.raises(InputError, match="stop must not be before start"):
        ev.crop_time(some, 5, 4)
