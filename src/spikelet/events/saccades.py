"""Still images before a sensor that moves in three saccades, as N-MNIST was recorded (Orchard et al. 2015)."""

import numpy as np

from spikelet.errors import ShapeError
from spikelet.events.data import Events, positive
from spikelet.events.dvs import Pixel, dvs

CORNERS = np.array([[-0.5, 0.5], [0.0, -0.5], [0.5, 0.5], [-0.5, 0.5]])
"""The path: an isosceles triangle, whose three sides are the saccades; x, y in units of the ``amplitude``."""

PIXEL = Pixel(threshold_on=0.4, threshold_off=0.4)
"""With these thresholds, an MNIST digit makes about as many events as one of N-MNIST has, 4,000."""

SACCADE = 100_000
"""Time from the begin of a saccade to that of the next [us]."""


def path(frames: int) -> np.ndarray:
    """Return the places of the sensor in each frame, (3 * frames + 1, 2): it starts and stops softly at each corner."""
    soft = (1 - np.cos(np.pi * np.arange(frames) / frames)) / 2
    sides = [CORNERS[k] + soft[:, None] * (CORNERS[k + 1] - CORNERS[k]) for k in range(3)]
    return np.concatenate([*sides, CORNERS[3:]])


def moving(
    images: np.ndarray, size: int, amplitude: float, frames: int, range_: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return videos of images before a moving sensor.

    Args:
        images: (B, h, w) from 0 (dark) to 1.
        size: rows and columns of the sensor; the image lies in its middle, dark around.
        amplitude: longest way of the sensor along x [pixels].
        frames: of each saccade.
        range_: intensities of 0 and of 1.

    Returns:
        (B, T, size, size) intensities and (T,) times [us]; T is 3 * frames + 1.
    """
    way = -amplitude * path(frames)  # the image moves against the sensor
    margin = int(np.ceil(abs(way).max())) + 1
    count, h, w = images.shape
    room = np.zeros((count, size + 2 * margin, size + 2 * margin))
    top, left = ((size + 2 * margin - n) // 2 for n in (h, w))
    room[:, top : top + h, left : left + w] = images
    video = np.empty((count, len(way), size, size))
    for i, (x, y) in enumerate(margin - way):  # where in the room the sensor begins
        column, row = int(x), int(y)
        u, v = x - column, y - row
        rows = room[:, row : row + size + 1] * (1 - v)
        rows[:, :-1] += room[:, row + 1 : row + size + 1] * v
        rows = rows[:, :size]
        video[:, i] = rows[:, :, column : column + size] * (1 - u) + rows[:, :, column + 1 : column + size + 1] * u
    low, high = range_
    return low + (high - low) * video, np.arange(len(way)) * (SACCADE / frames)


def saccades(
    images: np.ndarray,
    pixel: Pixel = PIXEL,
    *,
    size: int = 34,
    amplitude: float = 6.0,
    frames: int = 10,
    intensities: tuple[float, float] = (40.0, 255.0),
    seed: int = 0,
    samples: np.ndarray | None = None,
) -> list[Events]:
    """Return the events of a sensor that looks at still images and moves in three saccades of 100 ms.

    Args:
        images: (B, h, w), bytes or numbers from 0 to 1.
        pixel: what the pixels are like.
        size: rows and columns of the sensor, at least those of the images.
        amplitude: longest way of the sensor along x [pixels].
        frames: of each saccade.
        intensities: of what is 0 and of what is 1 (or 255) in an image.
        seed: of the sensor.
        samples: (B,) numbers of the images in the data set, on which the noise depends; None counts from 0.

    Returns:
        The recording of each image, 300 ms.

    Raises:
        ShapeError: the images have not three axes, or are larger than the sensor.
    """
    images = np.asarray(images)
    if images.ndim != 3 or max(images.shape[1:]) > positive(size, "size"):
        raise ShapeError(f"images have shape {images.shape}, expected (B, h, w) with h and w up to {size}")
    white = 255.0 if images.dtype == np.uint8 else 1.0
    numbers = np.arange(len(images)) if samples is None else np.asarray(samples)
    found = []
    for image, sample in zip(images, numbers.tolist(), strict=True):
        video, times = moving(image[None] / white, size, amplitude, positive(frames, "frames"), intensities)
        found.append(dvs(video[0], times, pixel, seed, sample))
    return found
