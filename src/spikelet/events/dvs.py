"""The pixel of a dynamic vision sensor: from video to events (Lichtsteiner et al. 2008; v2e: Hu et al. 2021).

A pixel remembers the log intensity of its last event. When the present one differs by a threshold, it sends an event,
is held for its refractory time, and then remembers the present one. Between two frames, log intensity runs along a
line, so several events may come between them, each at its own time. On top of that, thresholds differ from pixel to
pixel, the memory leaks (ON events without light), and shot noise makes events at random, more of them in the dark.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from spikelet import random
from spikelet.backends import llvm_jit
from spikelet.backends.sparse_calls import address
from spikelet.errors import InputError, ShapeError
from spikelet.events.data import EVENT, Events
from spikelet.events.dvs_kernel import dvs_module

_STREAM = random.STREAMS["events"]
_ON, _OFF, _LEAK, _SHOT = range(16, 20)  # draws
_BRIGHT = 0.25  # shot noise at full intensity, as a share of that in the dark (v2e)
_WHITE = 255.0
_LEAST = 0.01  # thresholds below are raised to it (v2e)
_DIM = 20.0  # intensity at which photocurrent and dark current are alike (v2e)
_MOST = 50_000  # noise events of one pixel; more of them come from a rate in the wrong unit


@dataclass(frozen=True)
class Pixel:
    """Parameters of the pixels; the defaults are ideal ones, `V2E` has the imperfections of real ones.

    Attributes:
        threshold_on: rise of log intensity that makes an ON event.
        threshold_off: fall of log intensity that makes an OFF event.
        mismatch: standard deviation of both thresholds from pixel to pixel.
        refractory: how long a pixel is held after an event [us].
        leak_rate: rate of ON events without any change [Hz].
        leak_jitter: standard deviation of the leak rate from pixel to pixel, as a share of it.
        shot_rate: rate of noise events in the dark, ON and OFF together [Hz]; at full intensity a quarter of it.
        cutoff: corner frequency of the photoreceptor at full intensity [Hz]; 0 for a photoreceptor without delay.
        linear_below: intensity below which the response is linear, above which it is logarithmic [of 0 to 255].
    """

    threshold_on: float = 0.2
    threshold_off: float = 0.2
    mismatch: float = 0.0
    refractory: float = 0.0
    leak_rate: float = 0.0
    leak_jitter: float = 0.0
    shot_rate: float = 0.0
    cutoff: float = 0.0
    linear_below: float = 20.0

    def __post_init__(self) -> None:
        """Refuse what no pixel has."""
        for entry in fields(self):
            value = getattr(self, entry.name)
            least = _LEAST if entry.name.startswith("threshold") else 0.0
            if not least <= value < float("inf"):
                raise InputError(f"Pixel: {entry.name} must be a number from {least:g} on, not {value!r}")


IDEAL = Pixel()
"""No mismatch, no noise, no leak, no refractory time."""

V2E = Pixel(mismatch=0.03, leak_rate=0.1, leak_jitter=0.1)
"""The defaults of v2e: thresholds that differ, and a leak."""


def log_intensity(intensity: np.ndarray, linear_below: float = 20.0) -> np.ndarray:
    """Return the response of the photoreceptor: logarithmic, below ``linear_below`` a line to 0 (v2e).

    Raises:
        InputError: an intensity is negative or not finite, or 0 where nothing is linear.
    """
    intensity = np.asarray(intensity, np.float64)
    if intensity.size and not (np.isfinite(intensity).all() and intensity.min() >= 0):
        raise InputError("intensities must be finite numbers from 0 on")
    if linear_below <= 1:
        if intensity.size and intensity.min() <= 0:
            raise InputError("the logarithm of intensity 0 does not exist: linear_below must be above 1")
        return np.log(intensity)
    line = intensity * (np.log(linear_below) / linear_below)
    return np.where(intensity < linear_below, line, np.log(np.maximum(intensity, linear_below)))


def dvs(
    video: np.ndarray, times: np.ndarray, pixel: Pixel = Pixel(), seed: int = 0, sample: int = 0
) -> Events:  # frozen
    """Return the events of a sensor that sees a video.

    Args:
        video: (T, height, width) intensities, 0 to 255.
        times: (T,) of the frames, ascending [us].
        pixel: what the pixels are like.
        seed: of the sensor: its mismatch and its noise.
        sample: number of the recording: the same sensor, other noise.

    Returns:
        The events, in the order of time; times are rounded to whole microseconds.

    Raises:
        ShapeError: ``video`` has not three axes, or not as many frames as ``times``.
        InputError: the times do not ascend, or an intensity is negative.

    Example:
        >>> import numpy as np
        >>> up = np.array([100.0, 100 * np.exp(0.65)]).reshape(2, 1, 1)
        >>> dvs(up, np.array([0, 650])).t.tolist()  # thresholds of 0.2
        [200, 400, 600]
    """
    video, times = np.asarray(video), np.asarray(times, np.float64)
    if video.ndim != 3 or times.shape != video.shape[:1] or not len(times):
        raise ShapeError(f"video has shape {video.shape}, times {times.shape}; expected (T, height, width) and (T,)")
    if not (np.diff(times) > 0).all() or not np.isfinite(times).all():
        raise InputError("times must ascend from frame to frame")
    height, width = video.shape[1:]
    flat = video.reshape(len(times), -1)
    light = log_intensity(flat, pixel.linear_below)
    if pixel.cutoff:
        light = _filtered(light, flat, times, pixel.cutoff)
    on, off = thresholds(pixel, height * width, seed)
    noise = _shots(flat, times, pixel, (on, off), (seed, sample))
    t, code = _run(light, times, (on, off, _leak(pixel, on, seed)), pixel, noise)
    data = np.zeros(len(t), EVENT)
    data["t"] = np.rint(t)
    data["p"], place = code & 1, code >> 1
    data["x"], data["y"] = place % width, place // width
    return Events(data[np.lexsort((code, t))], width, height)


def thresholds(pixel: Pixel, pixels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ON and the OFF threshold of each pixel of a sensor, (pixels,) each."""
    element = np.arange(pixels)
    nominal = ((pixel.threshold_on, _ON), (pixel.threshold_off, _OFF))
    if not pixel.mismatch:
        return np.full(pixels, pixel.threshold_on), np.full(pixels, pixel.threshold_off)
    on, off = (mean + pixel.mismatch * random.normal(seed, 0, element, _STREAM, draw) for mean, draw in nominal)
    return np.maximum(on, _LEAST), np.maximum(off, _LEAST)


def _leak(pixel: Pixel, on: np.ndarray, seed: int) -> np.ndarray:
    """Return how fast the difference to the memory rises by itself: a threshold in each period of the leak [1/us]."""
    rate = np.full(len(on), pixel.leak_rate * 1e-6)
    if pixel.leak_rate and pixel.leak_jitter:
        rate *= np.maximum(1 + pixel.leak_jitter * random.normal(seed, 0, np.arange(len(on)), _STREAM, _LEAK), 0)
    return rate * on


def _filtered(light: np.ndarray, intensity: np.ndarray, times: np.ndarray, cutoff: float) -> np.ndarray:
    """Return the light behind a low-pass of first order, which is slower in the dark (v2e)."""
    out = np.empty_like(light)
    out[0] = light[0]
    share = (np.minimum(intensity, _WHITE) + _DIM) / (_WHITE + _DIM)
    for i, step in enumerate(np.diff(times) * 1e-6, start=1):
        out[i] = out[i - 1] + -np.expm1(-2 * np.pi * cutoff * step * share[i]) * (light[i] - out[i - 1])
    return out


def _shots(
    intensity: np.ndarray,
    times: np.ndarray,
    pixel: Pixel,
    limits: tuple[np.ndarray, np.ndarray],
    draws: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the noise events of each pixel: where they begin, (n + 1,), their times and their polarities.

    ON and OFF have half the rate each, over the threshold in units of the nominal one; drawn at the rate of the dark,
    thinned by intensity. ``draws`` are the seed and the number of the recording.
    """
    n = intensity.shape[1]
    if not pixel.shot_rate:
        return np.zeros(n + 1, np.int64), np.zeros(1), np.zeros(1, np.int8)
    rates = [pixel.shot_rate / 2e6 * c / limit for c, limit in zip(_nominal(pixel), limits, strict=True)]
    total, now, active = rates[0] + rates[1], np.full(n, times[0]), np.arange(n)
    if (expected := float(total.max()) * (times[-1] - times[0])) > _MOST:
        raise InputError(f"a shot_rate of {pixel.shot_rate:g} Hz makes {expected:,.0f} noise events of a pixel")
    found: list[tuple[np.ndarray, ...]] = []
    k = 0
    while len(active):
        words = random.bits(draws[0], draws[1], k * n + active, _STREAM, _SHOT)
        u = [(word + 0.5) * 2.0**-32 for word in words[:3]]
        now = now - np.log(u[0]) / total[active]
        inside = now < times[-1]
        now, active = now[inside], active[inside]
        bright = np.minimum(_interpolated(intensity, times, now, active) / _WHITE, 1)
        taken = u[1][inside] < (_BRIGHT - 1) * bright + 1
        on = u[2][inside] < rates[0][active] / total[active]
        found.append((active[taken], now[taken], on[taken]))
        k += 1
    place, t, on = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((t, place))
    start = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=n))])
    return start, np.append(t[order], np.inf), np.append(on[order], 0).astype(np.int8)


def _nominal(pixel: Pixel) -> tuple[float, float]:
    return pixel.threshold_on, pixel.threshold_off


def _interpolated(intensity: np.ndarray, times: np.ndarray, when: np.ndarray, place: np.ndarray) -> np.ndarray:
    after = np.clip(np.searchsorted(times, when), 1, len(times) - 1)
    part = (when - times[after - 1]) / (times[after] - times[after - 1])
    return intensity[after - 1, place] * (1 - part) + intensity[after, place] * part


# -- the kernel -------------------------------------------------------------------------------------------------------

_P, _I, _D = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double


@cache
def _kernel() -> Callable[..., None]:
    library = llvm_jit.compile(dvs_module())
    return library.function("pixels", _I, _I, *(_P,) * 5, _D, *(_P,) * 5, _I, _P)


def _run(
    light: np.ndarray,
    times: np.ndarray,
    own: tuple[np.ndarray, np.ndarray, np.ndarray],
    pixel: Pixel,
    noise: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Return time and code, 2 * pixel + polarity, of each event; where the memory is too small, it runs again."""
    frames, n = light.shape
    light = np.ascontiguousarray(light)
    capacity, count = 4 * n, np.zeros(1, np.int64)
    while True:
        t, code = np.empty(capacity), np.empty(capacity, np.int64)
        given = [address(array) for array in (times, light, *own)], [address(array) for array in (*noise, t, code)]
        _kernel()(n, frames, *given[0], pixel.refractory, *given[1], capacity, address(count))
        if count[0] <= capacity:
            return t[: count[0]], code[: count[0]]
        capacity = int(count[0])
