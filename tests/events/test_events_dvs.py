"""The DVS pixel against closed forms and against a loop over fine time steps; saccades; block-matching flow."""

import numpy as np
import pytest

from spikelet import events as ev
from spikelet.errors import InputError, ShapeError
from spikelet.events.dvs import thresholds
from spikelet.events.flow import match
from spikelet.events.saccades import moving, path


def ramp(delta: float, pixels: int = 1, level: float = 100.0) -> np.ndarray:
    """Two frames whose log intensities differ by ``delta``."""
    return np.array([level, level * np.exp(delta)])[:, None, None] * np.ones((1, 1, pixels))


# -- the ideal pixel --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delta", [0.05, 0.2, 0.65, 0.8, 0.9, -0.3, -0.8])
@pytest.mark.parametrize(("on", "off"), [(0.2, 0.2), (0.1, 0.4)])
def test_a_log_ramp_makes_floor_of_its_height_over_the_threshold(delta, on, off):
    events = ev.dvs(ramp(delta), np.array([0, 10_000]), ev.Pixel(on, off))
    limit = on if delta > 0 else off
    expected = int(np.floor(abs(delta) / limit + 1e-6))
    assert len(events) == expected and (events.p == (delta > 0)).all()
    times = [round(10_000 * (k + 1) * limit / abs(delta)) for k in range(expected)]
    assert events.t.tolist() == times


@pytest.mark.parametrize("k", [1, 3, 17])
def test_an_intensity_times_exp_of_k_thresholds_makes_k_events(k):
    for frames in (2, 5, 40):  # however many frames show it
        video = 30 * np.exp(0.1 * k * np.linspace(0, 1, frames))[:, None, None]
        events = ev.dvs(video, np.linspace(0, 1000, frames), ev.Pixel(0.1, 0.1))
        assert len(events) == k and events.p.all()


def test_a_constant_scene_is_silent_and_up_is_down():
    r = np.random.default_rng(0)
    scene = r.uniform(0, 255, (1, 6, 7))
    assert len(ev.dvs(np.repeat(scene, 4, 0), np.arange(4))) == 0
    video = np.concatenate([scene, r.uniform(0, 255, (1, 6, 7)), scene])
    events = ev.dvs(video, np.arange(3) * 1000)
    up, down = events.t <= 1000, events.t > 1000
    for pixel in range(42):
        mine = events.pixels == pixel
        assert (mine & up).sum() == (mine & down).sum()
    assert events.p[up & (events.pixels == 3)].tolist() == [1 - p for p in events.p[down & (events.pixels == 3)]]
    assert events.in_order and (events.width, events.height) == (7, 6)


def test_dim_light_is_linear():
    """Below 20, the response is a line from 0 to ln 20 (v2e)."""
    assert ev.log_intensity(np.array([0.0, 10.0, 20.0, np.e**4])) == pytest.approx([0, np.log(20) / 2, np.log(20), 4])
    assert ev.log_intensity(np.array([0.5]), linear_below=0) == pytest.approx([np.log(0.5)])
    with pytest.raises(InputError, match="logarithm of intensity 0 does not exist"):
        ev.log_intensity(np.array([0.0]), linear_below=0)


# -- refractoriness, leak, noise --------------------------------------------------------------------------------------


def plain_pixel(light: np.ndarray, times: np.ndarray, on: float, off: float, period: float, step: float = 0.25):
    """A pixel that looks every ``step`` microseconds: the memory follows the light while it is held."""
    memory, ready, found = light[0], times[0], []
    for t in np.arange(times[0], times[-1] + step / 2, step):
        now = np.interp(t, times, light)
        if t < ready:
            memory = now
        elif now - memory >= on or memory - now >= off:
            found.append((t, int(now > memory)))
            fired = memory + on if now > memory else memory - off  # the light of the moment, but for the last step
            memory, ready = fired if period == 0 else now, t + period
    return found


@pytest.mark.parametrize("period", [0.0, 35.0, 400.0])
def test_many_frames_against_fine_steps(period):
    r = np.random.default_rng(3)
    times = np.cumsum(r.integers(50, 300, 25)).astype(float)
    light = 4 + np.cumsum(r.normal(0, 0.3, 25))
    events = ev.dvs(np.exp(light)[:, None, None], times, ev.Pixel(0.21, 0.17, refractory=period, linear_below=0))
    expected = plain_pixel(light, times, 0.21, 0.17, period)
    assert len(events) == len(expected) > 4
    assert events.p.tolist() == [p for _, p in expected]
    assert np.abs(events.t - [t for t, _ in expected]).max() <= 1 + 0.25 * len(expected)


def test_a_steep_ramp_fires_at_the_rate_that_refractoriness_leaves():
    """Each event takes the time to climb one threshold, and the period in which nothing counts."""
    events = ev.dvs(ramp(10.0), np.array([0, 100_000]), ev.Pixel(0.2, refractory=500.0))
    each = 100_000 * 0.2 / 10 + 500
    assert len(events) == int((100_000 + 500) // each)
    assert np.abs(np.diff(events.t) - each).max() <= 1


def test_the_leak_makes_on_events_at_its_rate():
    still = np.full((2, 30, 30), 90.0)
    events = ev.dvs(still, np.array([0, 10_500_000]), ev.Pixel(mismatch=0.03, leak_rate=2.0))
    assert len(events) == 900 * 21 and events.p.all()  # 2 Hz for 10.5 s, whatever the pixel's own threshold
    spread = ev.dvs(still, np.array([0, 100_500_000]), ev.Pixel(leak_rate=2.0, leak_jitter=0.1), seed=1)
    rates = np.bincount(spread.pixels, minlength=900) / 100.5
    assert abs(rates.mean() - 2) < 3 * 0.2 / 30 + 0.01 and abs(rates.std() - 0.2) < 3 * 0.2 / np.sqrt(1800)


def test_thresholds_are_normal_and_the_sensors_own():
    on, off = thresholds(ev.Pixel(mismatch=0.03), 20_000, seed=4)
    for values in (on, off):
        assert abs(values.mean() - 0.2) < 3 * 0.03 / np.sqrt(20_000)
        assert abs(values.std() - 0.03) < 3 * 0.03 / np.sqrt(40_000)
    assert abs(np.corrcoef(on, off)[0, 1]) < 3 / np.sqrt(20_000)
    wide, _ = thresholds(ev.Pixel(mismatch=0.3), 20_000, seed=4)
    assert wide.min() == 0.01
    events = ev.dvs(ramp(1.0, 20_000), np.array([0, 1000]), ev.Pixel(mismatch=0.03), seed=4)
    assert (np.bincount(events.pixels, minlength=20_000) == np.floor(1.0 / on + 1e-6)).all()
    assert (thresholds(ev.Pixel(mismatch=0.03), 5, 4)[0] == on[:5]).all()
    assert (thresholds(ev.Pixel(mismatch=0.03), 5, 5)[0] != on[:5]).all()


@pytest.mark.parametrize("level", [0.0, 127.5, 255.0])
@pytest.mark.parametrize("period", [0.0, 200_000.0])
def test_shot_noise_has_its_rate(level, period):
    """Half ON, half OFF; a quarter of the rate in bright light; a dead time d leaves r / (1 + r d)."""
    pixel, seconds, area = ev.Pixel(shot_rate=5.0, refractory=period), 20, 1600
    events = ev.dvs(np.full((2, 40, 40), level), np.array([0, seconds * 10**6]), pixel, seed=6)
    rate = 5.0 * (1 - 0.75 * level / 255)
    rate /= 1 + rate * period * 1e-6
    expected = rate * seconds * area
    assert (
        abs(len(events) - expected) < 4 * np.sqrt(expected) + area * period * 1e-6 * rate
    )  # the first has no dead time
    assert abs(events.p.mean() - 0.5) < 3 * 0.5 / np.sqrt(len(events))
    if not period:
        counts = np.bincount(events.pixels, minlength=area)
        assert abs(counts.var() / counts.mean() - 1) < 4 * np.sqrt(2 / area)  # Poisson: Fano factor 1


def test_noise_belongs_to_the_sample_and_mismatch_to_the_sensor():
    pixel = ev.Pixel(mismatch=0.03, shot_rate=3.0)
    video, times = ramp(0.7, 400), np.array([0, 10**6])

    def told(**options):
        return ev.dvs(video, times, pixel, **options).data.tolist()

    assert told(seed=1, sample=2) == told(seed=1, sample=2)
    assert told(seed=1, sample=2) != told(seed=1, sample=3)
    assert told(seed=1, sample=2) != told(seed=2, sample=2)


def test_a_slow_photoreceptor_delays_a_step():
    """A low-pass with the corner frequency f at full intensity: of a step, 1 - exp(-2 pi f t) is there at t."""
    frames = 2001
    video = np.full((frames, 1, 1), 255.0)
    video[0] = 255 * np.exp(-1.0)
    times = np.arange(frames) * 10.0
    events = ev.dvs(video, times, ev.Pixel(0.125, cutoff=50.0))
    assert len(events) == 7  # the eighth would be at the end of time
    expected = -np.log(1 - 0.125 * np.arange(1, 8)) / (2 * np.pi * 50) * 1e6
    assert np.abs(events.t - expected).max() < 12
    assert len(ev.dvs(video, times, ev.Pixel(0.125))) == 8 and ev.dvs(video, times).t.max() <= 10


def test_what_is_no_video():
    with pytest.raises(ShapeError, match=r"video has shape \(3, 4\), times \(3,\)"):
        ev.dvs(np.zeros((3, 4)), np.arange(3))
    with pytest.raises(InputError, match="times must ascend"):
        ev.dvs(np.zeros((2, 1, 1)), np.array([5, 5]))
    with pytest.raises(InputError, match="intensities must be finite numbers from 0 on"):
        ev.dvs(np.full((2, 1, 1), -1.0), np.arange(2))
    with pytest.raises(InputError, match="Pixel: threshold_on must be a number from 0.01 on, not 0"):
        ev.Pixel(threshold_on=0)
    with pytest.raises(InputError, match="shot_rate of 1e.09 Hz makes 1,000,000,000 noise events"):
        ev.dvs(np.zeros((2, 1, 1)), np.array([0, 10**6]), ev.Pixel(shot_rate=1e9))


# -- saccades ---------------------------------------------------------------------------------------------------------


def test_the_path_is_a_triangle_of_three_saccades():
    way = path(10)
    assert way.shape == (31, 2)
    assert way[[0, 10, 20, 30]].tolist() == [[-0.5, 0.5], [0.0, -0.5], [0.5, 0.5], [-0.5, 0.5]]
    speed = np.hypot(*np.diff(way, axis=0).T)
    assert speed[[0, 9, 10, 19]].max() < 0.2 * speed[5]


def test_the_image_moves_against_the_sensor():
    """A bright spot is where the path says, to a fraction of a pixel: its centre of mass moves with it."""
    image = np.zeros((1, 28, 28))
    image[0, 13:15, 13:15] = 1.0
    video, times = moving(image, 34, 6.0, 10, (0.0, 100.0))
    assert video.shape == (1, 31, 34, 34) and times[[0, -1]].tolist() == [0, 300_000]
    np.testing.assert_allclose(video[0].sum((1, 2)), 400)
    y, x = (np.tensordot(video[0], grid, 2) / 400 for grid in np.mgrid[:34, :34])
    np.testing.assert_allclose(np.stack([x, y], 1), 16.5 - 6 * path(10), atol=1e-9)


def test_a_digit_in_three_saccades():
    r = np.random.default_rng(0)
    images = np.zeros((3, 28, 28), np.uint8)
    images[:, 8:20, 10:18] = r.integers(100, 255, (3, 1, 1))
    recordings = ev.saccades(images, seed=2)
    assert len(recordings) == 3 and all((one.width, one.height) == (34, 34) for one in recordings)
    for one in recordings:
        assert 0.49 < one.p.mean() < 0.51 and one.in_order and one.t.max() <= 300_000  # there and back again
        counts = np.histogram(one.t, [0, 10**5, 2 * 10**5, 3 * 10**5])[0]
        assert counts.min() > 0.15 * counts.sum()
    noisy = ev.Pixel(0.4, 0.4, shot_rate=1.0)
    whole = ev.saccades(images, noisy)
    alone = ev.saccades(images[2:], noisy, samples=np.array([2]))
    assert (whole[2].data == alone[0].data).all()  # a sample does not depend on its batch
    assert (ev.saccades(images[:1] / 255.0)[0].data == ev.saccades(images[:1])[0].data).all()
    with pytest.raises(ShapeError, match=r"images have shape \(28, 28\)"):
        ev.saccades(images[0])


def test_mnist_digits_make_as_many_events_as_in_n_mnist(data_file):
    """N-MNIST has about 4,000 events a digit."""
    import gzip

    content = gzip.decompress(data_file("mnist/t10k-images-idx3-ubyte.gz").read_bytes())
    images = np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)[:60]
    assert 3000 < np.mean([len(one) for one in ev.saccades(images)]) < 5000


# -- optical flow -----------------------------------------------------------------------------------------------------

HEIGHT, WIDTH = 64, 80


def dots(speed: tuple[float, float], frames: int = 50, step: int = 2000) -> ev.Events:
    """Blurred dots that move at a speed (x, y) [pixels/s] before a sensor."""
    r = np.random.default_rng(11)
    places = r.uniform(-40, 120, (500, 2))
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    video = np.zeros((frames, HEIGHT, WIDTH))
    for k in range(frames):
        now = places + np.array(speed) * k * step * 1e-6
        near = now[(now > -4).all(1) & (now < [WIDTH + 4, HEIGHT + 4]).all(1)]
        for u, v in near:
            rows, columns = slice(max(0, int(v) - 4), int(v) + 5), slice(max(0, int(u) - 4), int(u) + 5)
            video[k, rows, columns] += np.exp(-((x[rows, columns] - u) ** 2 + (y[rows, columns] - v) ** 2) / 2)
    return ev.dvs(60 + 190 * np.minimum(video, 1), np.arange(frames) * step)


@pytest.mark.parametrize("speed", [(200.0, 0.0), (0.0, -150.0), (160.0, 110.0), (-100.0, 190.0)])
def test_flow_of_translating_dots(speed):
    """Median angular error below 10 degrees, mean end-point error below 1 pixel a slice (Liu & Delbruck 2017)."""
    duration = 20_000
    found = ev.flow(ev.by_time(dots(speed), duration, last=False))
    assert len(found) > 500
    angle = np.degrees(np.angle((found.u + 1j * found.v) / complex(*speed)))
    error = np.hypot(found.u - speed[0], found.v - speed[1]) * duration * 1e-6
    assert np.median(np.abs(angle)) < 10 and abs(angle.mean()) < 8 and error.mean() < 1
    assert abs(np.hypot(found.u, found.v).mean() / np.hypot(*speed) - 1) < 0.15


def test_flow_of_an_edge_is_across_it():
    x = np.arange(WIDTH)[None, None]
    front = 15 + 150 * 0.002 * np.arange(60)[:, None, None]
    video = 60 + 140 / (1 + np.exp(2 * (x - front))) * np.ones((1, HEIGHT, 1))
    found = ev.flow(ev.by_time(ev.dvs(video, np.arange(60) * 2000), 20_000, last=False))
    assert len(found) > 200 and np.abs(found.v).max() == 0
    assert abs(found.u.mean() - 150) < 15


def test_matching_is_a_search_over_all_displacements():
    r = np.random.default_rng(2)
    newer, older = (r.poisson(0.8, (20, 22)) for _ in range(2))
    place, moved, sad, tried = match(newer, older, block=5, search=3, occupancy=0.3)
    assert tried == np.count_nonzero(newer) and len(place) > 50
    expected = []
    for y in range(5, 15):
        for x in range(5, 17):
            block = newer[y - 2 : y + 3, x - 2 : x + 3]
            if newer[y, x] and (block != 0).mean() >= 0.3:
                scores = [
                    (np.abs(block - older[y - j - 2 : y - j + 3, x - i - 2 : x - i + 3]).sum(), i * i + j * j)
                    for j in range(-3, 4)
                    for i in range(-3, 4)
                ]
                expected.append(((y, x), min(scores)))
    assert [tuple(p) for p in place.tolist()] == [p for p, _ in expected]
    assert (sad * 25).round().astype(int).tolist() == [best for _, (best, _) in expected]
    assert (moved**2).sum(1).tolist() == [far for _, (_, far) in expected]  # of equal ones, the smallest


def test_feedback_keeps_the_displacement_at_half_of_the_search_distance():
    events = dots((150.0, 0.0), frames=90)
    for first in (4_000, 36_000):
        slices = ev.adapted(events, first, search=6)
        assert slices.kept == len(events) and slices.dropped == 0
        moved = 150e-6 * np.diff(slices.times)[-3:, 0].mean()
        assert abs(moved - 3) < 1  # pixels a slice; what is measured is a whole number of them


def test_flow_says_what_it_needs():
    few = ev.from_columns([0, 50, 100], [1, 2, 3], [1, 1, 1], 1, (10, 10))
    assert repr(ev.flow(ev.by_time(few, 50))) == "Flow(0 of 2 pixels)"  # a sensor smaller than block and search
    with pytest.raises(InputError, match="block must be odd"):
        ev.flow(ev.by_time(few, 50), block=4)
    with pytest.raises(InputError, match="occupancy must be from 0 to 1, not 2"):
        ev.flow(ev.by_time(few, 50), occupancy=2)
    assert len(ev.adapted(few[:0], 10)) == 0
