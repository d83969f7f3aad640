"""Codes of signals and images against naive loops, scipy, and what the papers say of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spikelet import decode, encode
from spikelet.encode.images import dog_kernel, filtered_image, gabor_kernel
from spikelet.errors import InputError, ShapeError

RNG = np.random.default_rng(3)
WALK = np.cumsum(RNG.normal(size=(80, 3)), 0)  # three signals
FIR = [0.2, 0.5, 0.4]

# -- one signal at a time, as the algorithms are printed --------------------------------------------------------------


def step_forward(x: np.ndarray) -> list[int]:
    base, out = x[0], [0]
    for value in x[1:]:
        sign = 1 if value > base + 0.8 else -1 if value < base - 0.8 else 0
        base += 0.8 * sign
        out.append(sign)
    return out


def moving_window(x: np.ndarray) -> list[int]:
    out = []
    for n in range(len(x)):
        base = np.mean(x[:5]) if n < 5 else np.mean(x[n - 5 : n])
        out.append(int(x[n] > base + 0.8) - int(x[n] < base - 0.8))
    return out


def temporal_contrast(x: np.ndarray) -> list[int]:
    change = np.diff(x)
    level = change.mean() + 0.7 * change.std(ddof=1)
    change = np.concatenate([change[:1], change])
    return (1 * (change > level) - 1 * (change < -level)).tolist()


def sigma_delta(x: np.ndarray) -> list[int]:
    known, out = 0.0, []
    for value in x:
        sent = int((value - known) / 0.3)
        known = 0.3 * (sum(out) + sent)
        out.append(sent)
    return out


def by_filter(fits: Callable[[np.ndarray, np.ndarray], bool]) -> Callable[[np.ndarray], list[int]]:
    def code(x: np.ndarray) -> list[int]:
        rest, h, out = x - x.min(), np.array(FIR), [0] * len(x)
        for t in range(len(x) - len(h) + 1):
            if fits(rest[t : t + 3], h):
                rest[t : t + 3] -= h
                out[t] = 1
        return out

    return code


NAIVE: dict[str, tuple[Callable[[np.ndarray], Any], Callable[[np.ndarray], list[int]]]] = {
    "step_forward": (lambda x: encode.step_forward(x, 0.8), step_forward),
    "moving_window": (lambda x: encode.moving_window(x, 0.8, 4), moving_window),
    "temporal_contrast": (lambda x: encode.temporal_contrast(x, 0.7), temporal_contrast),
    "sigma_delta": (lambda x: encode.sigma_delta(x, 0.3), sigma_delta),
    "hsa": (lambda x: encode.hsa(x, FIR), by_filter(lambda x, h: bool((x >= h).all()))),
    "modified_hsa": (
        lambda x: encode.modified_hsa(x, FIR, 0.2),
        by_filter(lambda x, h: np.maximum(h - x, 0).sum() <= 0.2),
    ),
    "bsa, multiplicative": (
        lambda x: encode.bsa(x, FIR, 0.9, form="multiplicative"),
        by_filter(lambda x, h: abs(x - h).sum() <= 0.9 * abs(x).sum()),
    ),
    "bsa": (
        lambda x: encode.bsa(x, FIR, 0.3),
        by_filter(lambda x, h: abs(x - h).sum() <= abs(x).sum() - 0.3),
    ),
}


@pytest.mark.parametrize("name", NAIVE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_signal_is_coded_as_printed(name: str, dtype: str) -> None:
    ours, naive = NAIVE[name]
    x = WALK.astype(dtype)
    found = ours(x)
    expected = np.array([naive(signal.astype(np.float64)) for signal in x.T]).T
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found)) > 1


def test_hsa_never_exceeds_the_signal() -> None:
    found = decode.hsa(encode.hsa(WALK, FIR), FIR, offset=WALK.min(0))
    assert (found <= WALK + 1e-12).all()


def test_modified_hsa_without_tolerance_is_hsa() -> None:
    np.testing.assert_array_equal(encode.modified_hsa(WALK, FIR, 0.0), encode.hsa(WALK, FIR))


def test_bsa_gains_ten_decibels_over_hsa() -> None:
    """On slow signals with a smooth filter of sum 1, at a threshold near 0.95 (Schrauwen & Van Campenhout 2003)."""
    t = np.arange(400)
    x = (0.5 + 0.2 * np.sin(2 * np.pi * t / 130) + 0.2 * np.sin(2 * np.pi * t / 57))[:, None]
    taps = np.concatenate([np.arange(1, 11), np.arange(9, 0, -1)]) / 100

    def power(spikes: np.ndarray) -> float:
        return float(((decode.bsa(spikes, taps) - x)[20:-20] ** 2).mean())

    worse, better = power(encode.hsa(x, taps, offset=0.0)), power(encode.bsa(x, taps, 0.94, offset=0.0))
    assert 10 * np.log10(worse / better) > 10


@pytest.mark.parametrize("threshold", [0.05, 0.3, 2.0])
def test_sigma_delta_loses_less_than_a_threshold(threshold: float) -> None:
    x = 10 * RNG.normal(size=(200, 4))  # steep
    found = decode.sigma_delta(encode.sigma_delta(x, threshold, start=1.5), threshold, start=1.5)
    assert (np.abs(found - x) < threshold + 1e-9).all()


def test_a_threshold_for_each_channel() -> None:
    levels = np.array([0.1, 1.0, 3.0])
    found = encode.temporal_contrast(WALK, threshold=levels)
    alone = [encode.temporal_contrast(WALK[:, i : i + 1], threshold=levels[i]) for i in range(3)]
    np.testing.assert_array_equal(found, np.concatenate(alone, 1))


def test_a_window_longer_than_the_signal_is_its_mean() -> None:
    x = WALK[:6]
    expected = np.sign(x - x.mean(0)) * (abs(x - x.mean(0)) > 0.5)
    np.testing.assert_array_equal(encode.moving_window(x, 0.5, window=99), expected)


@pytest.mark.parametrize("name", ["step_forward", "moving_window", "sigma_delta", "hsa", "delta"])
def test_no_steps_give_no_spikes(name: str) -> None:
    argument = FIR if name == "hsa" else 0.1
    assert getattr(encode, name)(np.zeros((0, 2, 3)), argument).shape == (0, 2, 3)


# -- images -----------------------------------------------------------------------------------------------------------


def test_images_are_filtered_as_scipy_does() -> None:
    from scipy.ndimage import correlate

    images = RNG.random((2, 15, 11))
    for kernel in (dog_kernel(7, 1.0, 2.0), gabor_kernel(5, 0.4, 2.5, 2.0, 0.3)):
        expected = [correlate(image, kernel, mode="nearest") for image in images]
        np.testing.assert_allclose(filtered_image(images, kernel), expected, atol=1e-14)


def test_kernels_ignore_even_light() -> None:
    assert abs(dog_kernel(7, 1.0, 2.0).sum()) < 1e-15
    assert abs(gabor_kernel(5, 0.3, 2.5, 2.0, 0.3).sum()) < 1e-15
    assert abs(gabor_kernel(5, 0.3, 2.5, 2.0, 0.3)).sum() == pytest.approx(1)


def test_the_stronger_contrast_fires_first() -> None:
    image = np.full((1, 20, 20), 0.5)
    image[0, 5, 5], image[0, 14, 14], image[0, 5, 14] = 1.0, 0.8, 0.0
    spikes = encode.difference_of_gaussians(image, 100, threshold=0.02)[:, 0]
    on, off = spikes[:, 0].argmax(0), spikes[:, 1].argmax(0)
    assert spikes[:, 0, 5, 5].sum() == spikes[:, 0, 14, 14].sum() == spikes[:, 1, 5, 14].sum() == 1
    when = [np.flatnonzero(train) for train in (spikes[:, 0].sum((1, 2)), spikes[:, 1].sum((1, 2)))]
    assert on[5, 5] == when[0][0] and off[5, 14] == when[1][0]  # nobody is before them
    assert on[5, 5] < on[14, 14]
    assert spikes[:, 0, 5, 14].sum() == spikes[:, 1, 5, 5].sum() == 0
    assert spikes[:, :, 9:11, 8:11].sum() == 0  # even light


def test_normalised_contrasts_are_those_of_the_neighbourhood() -> None:
    """A faint pattern beside a bright copy of it: normalised, both fire at about the same time."""
    pattern = np.zeros((16, 16))
    pattern[6:10, 6:10] = 1.0
    image = np.concatenate([0.2 * pattern, np.zeros((16, 24)), pattern], 1)[None]
    given: dict[str, Any] = {"steps": 20, "threshold": 0.005}
    plain = encode.difference_of_gaussians(image, **given)[:, 0, 0]
    even = encode.difference_of_gaussians(image, **given, normalise=4)[:, 0, 0]

    def mean_time(spikes: np.ndarray, half: slice) -> float:
        return float((spikes[:, :, half].sum((1, 2)) * np.arange(20)).sum() / spikes[:, :, half].sum())

    left, right = slice(0, 16), slice(40, 56)
    assert mean_time(plain, left) > mean_time(plain, right) + 4
    assert abs(mean_time(even, left) - mean_time(even, right)) < 1


@pytest.mark.parametrize("best", range(4))
def test_a_grating_excites_the_cells_of_its_orientation_first(best: int) -> None:
    angle = (best + 0.5) * np.pi / 4
    y, x = np.mgrid[:24, :24]
    image = (0.5 + 0.5 * np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / 2.5))[None]
    spikes = encode.gabor(image, 10)[:, 0, :, 4:-4, 4:-4]
    first = spikes[0].sum((1, 2))
    assert first.argmax() == best and first[best] > 0.8 * first.sum()


STEADY = np.arange(5.0, 0.0, -1.0)[:, None]
IMAGE = np.zeros((1, 9, 9))
MISTAKES: list[tuple[Any, type[Exception], str]] = [
    (lambda: encode.temporal_contrast(STEADY), InputError, "mean change + 0.5*std is -1 for the signal (0,), below 0"),
    (lambda: encode.temporal_contrast(STEADY[:2]), InputError, "a signal of 2 steps has no spread of changes"),
    (lambda: encode.temporal_contrast(WALK, threshold=-1.0), InputError, "threshold must not be negative, not -1"),
    (lambda: encode.temporal_contrast(WALK, threshold=[1.0, 2.0]), ShapeError, "threshold must be a number or (3,)"),
    (lambda: encode.temporal_contrast(WALK, threshold=np.nan), InputError, "temporal_contrast: threshold is nan"),
    (lambda: encode.step_forward(WALK, 0), InputError, "threshold must be a number above 0 [the unit of x], not 0"),
    (lambda: encode.moving_window(WALK, 0.1, -1), InputError, "window must be an integer of at least 0, not -1"),
    (lambda: encode.sigma_delta(WALK, np.inf), InputError, "threshold must be a number above 0"),
    (lambda: encode.hsa(WALK, [[1.0]]), ShapeError, "hsa: fir must be (taps,), not (1, 1)"),
    (lambda: encode.hsa(WALK, []), ShapeError, "hsa: fir must be (taps,), not (0,)"),
    (lambda: encode.hsa(WALK, [0.5, np.nan]), InputError, "hsa: fir is nan at (1,)"),
    (lambda: encode.bsa(WALK, FIR, form="plus"), InputError, "bsa: form must be 'additive' or 'multiplicative'"),
    (lambda: encode.bsa(WALK, FIR, offset=[1.0]), ShapeError, "bsa: offset must be a number or (3,), not (1,)"),
    (lambda: encode.modified_hsa(WALK, FIR, -1), InputError, "threshold must be a number from 0 to inf, not -1"),
    (lambda: encode.gabor(IMAGE[0], 5), ShapeError, "gabor: x must be (B, H, W), not (9, 9)"),
    (lambda: encode.gabor(IMAGE[:, :0], 5), ShapeError, "gabor: images must have pixels, not the shape (1, 0, 9)"),
    (lambda: encode.gabor(IMAGE, 5, size=4), InputError, "size must be odd, so that a filter has a middle, not 4"),
    (lambda: encode.gabor(IMAGE, 5, orientations=0), InputError, "orientations must be an integer of at least 1"),
    (lambda: encode.difference_of_gaussians(IMAGE, 5, sigmas=(1, 1)), InputError, "sigmas must differ, not 1 and 1"),
    (lambda: encode.difference_of_gaussians(IMAGE, 5, normalise=0), InputError, "normalise must be an integer"),
    (lambda: encode.difference_of_gaussians(IMAGE, 0), InputError, "steps must be an integer of at least 1, not 0"),
]  # fmt: skip


@pytest.mark.parametrize("call, kind, words", MISTAKES, ids=[words for _, _, words in MISTAKES])
def test_mistakes(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert words in str(caught.value)
