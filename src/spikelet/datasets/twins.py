"""Synthetic twins: small data sets of the same kind and shape as the real ones, for quick tests, made from a seed.

A twin is no imitation of its original: it is as easy as possible, so that whatever learns the original learns it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from spikelet import events, random
from spikelet.datasets.folder import check_split, title
from spikelet.datasets.images import Images
from spikelet.datasets.recordings import Recordings
from spikelet.datasets.sounds import SPEAKERS, Sounds
from spikelet.datasets.table import Source, find
from spikelet.errors import InputError

_STREAM = random.STREAMS["init"] + 500


def twin(name: str, split: str | None = None, *, each: int = 4, seed: int = 0) -> Any:
    """Return a synthetic data set of the kind of a real one.

    Args:
        name: of the real one, in `TABLE`.
        split: as that takes it; every part has other examples.
        each: examples of each class.
        seed: of what differs from one example to the next.

    Returns:
        `Images`, `Sounds` or `Recordings` with ``each`` examples of each class, the classes taking turns.

    Raises:
        InputError: no such data set or part.

    Example:
        >>> twin("mnist", "test"), twin("shd", each=1)
        (Images('twin of mnist test', 40 of 28 x 28, 10 classes), Recordings('twin of shd', 20 of 700 x 1, 20 classes))
    """
    source = find(name)
    parts = tuple(source.counts)
    check_split(split, parts)
    if each < 1:
        raise InputError(f"twin: each must be at least 1, not {each}")
    labels = np.tile(np.arange(len(source.classes)), each)
    first = 0 if split is None else parts.index(split) * len(labels)
    drawn = [random.uniform(seed, 0, first + np.arange(len(labels)), _STREAM, draw) for draw in range(3)]
    return _MAKERS[name](source, f"twin of {title(name, split)}", labels, np.stack(drawn, 1), first)


def _images(size: int, white: int) -> Callable[..., Images]:
    def make(source: Source, name: str, labels: np.ndarray, drawn: np.ndarray, _first: int) -> Images:
        pixels = np.stack([_picture(label, size, draw) for label, draw in zip(labels, drawn, strict=True)])
        return Images((pixels * white).astype(np.uint8), labels.astype(np.int64), name, source.classes, white)

    return make


def _picture(label: int, size: int, drawn: np.ndarray) -> np.ndarray:
    """Return (size, size): a grating whose angle is the class, of a random phase and contrast."""
    y, x = np.mgrid[:size, :size] / size
    angle = np.pi * label / 10
    wave = np.cos(2 * np.pi * (3 * (x * np.cos(angle) + y * np.sin(angle)) + drawn[0]))
    return (0.6 + 0.4 * drawn[1]) * (wave > 0)


def _sounds(source: Source, name: str, labels: np.ndarray, drawn: np.ndarray, first: int) -> Sounds:
    """Make tones whose frequency is the class, of random lengths from 0.1 to 0.2 s."""
    rate, parts = 8.0, []
    for label, (long, phase, loud) in zip(labels, drawn, strict=True):
        t = np.arange(int(rate * (100 + 100 * long))) / rate
        parts.append((0.2 + 0.7 * loud) * np.sin(2 * np.pi * ((0.2 + 0.3 * label) * t + phase)))
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    samples = np.rint(np.concatenate(parts) * 32767).astype(np.int16)
    count = np.arange(len(labels))
    takes = count // len(source.classes)
    columns = (labels.astype(np.int64), takes % len(SPEAKERS), takes, first + count)
    return Sounds(samples, starts, *columns, rate, name, source.classes)


def _films(size: int) -> Callable[..., Recordings]:
    """Return what makes gratings that a camera of (size, size) pixels sees in three saccades."""

    def make(source: Source, name: str, labels: np.ndarray, drawn: np.ndarray, first: int) -> Recordings:
        def read(row: int) -> events.Events:
            picture = _picture(int(labels[row]), min(size, 28), drawn[row])[None]
            return events.saccades(picture, size=size, samples=np.array([first + row]))[0]

        return Recordings(name, read, labels, (size, size), source.classes, first + np.arange(len(labels)))

    return make


def _spoken(source: Source, name: str, labels: np.ndarray, drawn: np.ndarray, first: int) -> Recordings:
    """Make volleys in 20 neighbouring channels of 700, which are the class; 0.3 to 0.5 s."""

    def read(row: int) -> events.Events:
        begin = (20 * int(labels[row])) % 700
        t = np.arange(0, 300_000 + int(200_000 * drawn[row, 0]), 2500)
        x = begin + (np.arange(len(t)) * 7 + int(20 * drawn[row, 1])) % 20
        return events.from_columns(t, x, np.zeros_like(t), 1, (700, 1))

    return Recordings(name, read, labels, (700, 1), source.classes, first + np.arange(len(labels)))


_MAKERS: dict[str, Callable[..., Any]] = {
    "digits": _images(8, 16),
    "mnist": _images(28, 255),
    "fashion-mnist": _images(28, 255),
    "nmnist": _films(34),
    "dvs-gesture": _films(128),
    "cifar10-dvs": _films(128),
    "shd": _spoken,
    "ssc": _spoken,
    "fsdd": _sounds,
}
