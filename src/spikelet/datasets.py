"""Data sets as arrays: images in [0, 1] and labels, read from files that are never changed or fetched behind your back.

| name | images | from |
|---|---|---|
| `digits` | 1,797 handwritten digits of 8 x 8 | inside scikit-learn |
| `mnist` | 70,000 handwritten digits of 28 x 28 | four idx files in the folder ``mnist`` of `data_folder` |
| `fashion_mnist` | 70,000 articles of clothing of 28 x 28 | four idx files in its folder ``fashion-mnist`` |

The data folder is what the environment variable ``SPIKELET_DATA`` names, else ``spikelet`` in the user's cache folder.
"""

import gzip
import math
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spikelet import random
from spikelet.errors import DataError, InputError, did_you_mean

Split = Literal["train", "test"] | None


@dataclass(frozen=True, eq=False, repr=False)
class Images:
    """Images with labels, kept as bytes; `images` and `batch` turn them into numbers in [0, 1].

    Attributes:
        pixels: (n, h, w) uint8, as in the file.
        labels: (n,) int64, the index of each class.
        name: the data set and its split.
        classes: the names of the classes.
        white: the pixel value that becomes 1.
    """

    pixels: np.ndarray
    labels: np.ndarray
    name: str
    classes: tuple[str, ...]
    white: int = 255

    def __post_init__(self) -> None:
        """Refuse images and labels that do not belong together."""
        if len(self.pixels) != len(self.labels):
            raise DataError(f"{self.name}: {len(self.pixels):,} images, but {len(self.labels):,} labels")

    @cached_property
    def images(self) -> np.ndarray:
        """All images, (n, 1, h, w) float32 in [0, 1]; made at the first use, four times the size of the bytes."""
        return self._numbers(self.pixels)

    def batch(self, rows: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return some images and their labels.

        Args:
            rows: (b,) integers or a slice.

        Returns:
            (b, 1, h, w) float32 in [0, 1], and (b,) int64.

        Example:
            >>> images, labels = digits("test").batch([0, 1, 2])
            >>> images.shape, labels.shape
            ((3, 1, 8, 8), (3,))
        """
        return self._numbers(self.pixels[rows]), self.labels[rows]

    def _numbers(self, pixels: np.ndarray) -> np.ndarray:
        return pixels[:, None].astype(np.float32) / np.float32(self.white)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    def __repr__(self) -> str:
        """Show name, number, size and classes."""
        height, width = self.pixels.shape[1:]
        return f"Images({self.name!r}, {len(self):,} of {height} x {width}, {len(self.classes)} classes)"


def data_folder() -> Path:
    """Return the folder of the data sets: ``SPIKELET_DATA``, else ``spikelet`` in the user's cache folder.

    Returns:
        An absolute path; the folder need not exist.
    """
    if named := os.environ.get("SPIKELET_DATA"):
        return Path(named).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache").absolute() / "spikelet"


# -- digits -----------------------------------------------------------------------------------------------------------


def digits(split: Split = None) -> Images:
    """Return the 1,797 handwritten digits of 8 x 8 pixels that scikit-learn ships.

    Of each class, 20 % are for testing: 1,438 images train, 359 test. The split comes from our own random numbers,
    so that it is the same with every version of every library.

    Args:
        split: ``"train"``, ``"test"``, or ``None`` for all.

    Returns:
        The images, in the order of the file.

    Raises:
        DataError: scikit-learn is not installed.

    Example:
        >>> digits("train"), digits("test")
        (Images('digits train', 1,438 of 8 x 8, 10 classes), Images('digits test', 359 of 8 x 8, 10 classes))
    """
    _check_split(split)
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError(f"digits: {_NO_SKLEARN}") from None
    bunch: Any = load_digits()
    pixels, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.int64)
    if pixels.shape != (1797, 8, 8) or pixels.max() != 16:
        raise DataError(f"digits: scikit-learn gave images of shape {pixels.shape}, expected (1797, 8, 8)")
    rows = _digits_rows(labels, split)
    return Images(pixels[rows], labels[rows], _title("digits", split), tuple("0123456789"), white=16)


def _digits_rows(labels: np.ndarray, split: Split) -> np.ndarray:
    """Return the rows of a split: from each class, the first fifth of a random order is for testing."""
    testing = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        rows = np.flatnonzero(labels == label)
        order = random.permutation(seed=0, n=len(rows), epoch=label)
        testing[rows[order[: round(len(rows) / 5)]]] = True
    return np.flatnonzero(np.ones_like(testing) if split is None else testing == (split == "test"))


_NO_SKLEARN = "scikit-learn, which ships these images, is not installed: pip install 'spikelet[data]'"


# -- MNIST and its likes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Idx:
    """A data set of four idx files, as MNIST is."""

    name: str
    title: str  # as it is found by a search
    folders: tuple[str, ...]  # where the files may lie in the data folder: ours, then that of torchvision
    classes: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]  # images of each class: tells data sets apart whose files have the same names


_MNIST = _Idx(
    "mnist",
    "MNIST handwritten digits",
    ("mnist", "MNIST/raw"),
    tuple("0123456789"),
    {
        "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    },
)
_FASHION = _Idx(
    "fashion-mnist",
    "Fashion-MNIST clothing",
    ("fashion-mnist", "FashionMNIST/raw"),
    ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    {"train": (6000,) * 10, "test": (1000,) * 10},
)
_STEMS = {"train": "train", "test": "t10k"}
_KINDS = {"images": "images-idx3-ubyte", "labels": "labels-idx1-ubyte"}


def mnist(split: Split = None) -> Images:
    """Return the MNIST handwritten digits: 60,000 images of 28 x 28 pixels train, 10,000 test.

    Args:
        split: ``"train"``, ``"test"``, or ``None`` for all 70,000, training images first.

    Returns:
        The images, in the order of the files.

    Raises:
        DataError: a file is missing, truncated or another one; the text says where was looked and what to do.
    """
    return _read(_MNIST, split)


def fashion_mnist(split: Split = None) -> Images:
    """Return the Fashion-MNIST images of clothing: 60,000 of 28 x 28 pixels train, 10,000 test.

    Args:
        split: ``"train"``, ``"test"``, or ``None`` for all 70,000, training images first.

    Returns:
        The images, in the order of the files.

    Raises:
        DataError: a file is missing, truncated or another one; the text says where was looked and what to do.
    """
    return _read(_FASHION, split)


def _read(source: _Idx, split: Split) -> Images:
    _check_split(split)
    parts = [_read_split(source, part) for part in (("train", "test") if split is None else (split,))]
    pixels, labels = (np.concatenate(arrays) if len(parts) > 1 else arrays[0] for arrays in zip(*parts, strict=True))
    return Images(pixels, labels, _title(source.name, split), source.classes)


def _read_split(source: _Idx, split: str) -> tuple[np.ndarray, np.ndarray]:
    counts = source.counts[split]
    number = sum(counts)
    labels_path = _find(source, split, "labels")
    labels = _read_idx(labels_path, (number,)).astype(np.int64)
    pixels = _read_idx(_find(source, split, "images"), (number, 28, 28))
    found = np.bincount(labels, minlength=len(counts))
    if found.tolist() != list(counts):
        raise DataError(
            f"{labels_path}: these are not the labels of {source.title}, {split}: the classes have "
            f"{found.tolist()} images, expected {list(counts)}"
        )
    return pixels, labels


def _places(source: _Idx) -> list[Path]:
    return [data_folder() / folder for folder in source.folders]


def _candidates(folder: Path, split: str, kind: str) -> list[Path]:
    stem = f"{_STEMS[split]}-{_KINDS[kind]}"
    return [folder / (stem + ".gz"), folder / stem]


def _find(source: _Idx, split: str, kind: str) -> Path:
    candidates = [path for folder in _places(source) for path in _candidates(folder, split, kind)]
    for path in candidates:
        if path.is_file():
            return path
    raise DataError(f"{source.name}: {candidates[0].name} (or the same without .gz) was not found. {_advice(source)}")


def _advice(source: _Idx) -> str:
    names = [f"{stem}-{kind}.gz" for stem in _STEMS.values() for kind in _KINDS.values()]
    return (
        f"Looked in {' and '.join(str(place) for place in _places(source))}. Download the four files of the data set "
        f"'{source.title}' ({', '.join(names)}) and put them there, or set SPIKELET_DATA to the folder that holds "
        f"{source.folders[0]}/."
    )


# -- idx files --------------------------------------------------------------------------------------------------------


def _read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Read an idx file of unsigned bytes, compressed or not, that must hold an array of ``shape``."""
    head = 4 + 4 * len(shape)
    expected = head + math.prod(shape)
    content = _content(path, expected + 1)  # never more than one byte too many: a small file may unpack to gigabytes
    if len(content) < head or content[:2] != b"\0\0":
        raise DataError(f"{path}: not an idx file; it begins with {content[:12]!r}")
    if content[2:4] != bytes((8, len(shape))):
        raise DataError(
            f"{path}: expected an idx file of unsigned bytes with {len(shape)} axes (magic number "
            f"{0x800 + len(shape)}), found magic number {int.from_bytes(content[:4], 'big')}"
        )
    found = tuple(int(size) for size in np.frombuffer(content[4:head], ">u4"))
    if found != shape:
        raise DataError(f"{path}: holds an array of shape {found}, expected {shape}")
    if len(content) != expected:
        what = f"truncated after {len(content):,} of" if len(content) < expected else "longer than the expected"
        raise DataError(f"{path}: {what} {expected:,} bytes")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape).copy()


def _content(path: Path, most: int) -> bytes:
    """Return at most ``most`` bytes, unpacked where the file is compressed, whatever its name says."""
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not compressed:
                return file.read(most)
            with gzip.open(file) as unpacked:
                return unpacked.read(most)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: the compressed file is damaged or was not downloaded in full ({error})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


# -- what there is ----------------------------------------------------------------------------------------------------

LOADERS: dict[str, Callable[[Split], Images]] = {"digits": digits, "mnist": mnist, "fashion-mnist": fashion_mnist}
"""Function of each data set, by the name that the command line uses."""


def available() -> dict[str, Path | str]:
    """Return where each data set was found (a path) or why it was not (a text); no file is read.

    Example:
        >>> list(available())
        ['digits', 'mnist', 'fashion-mnist']
    """
    return {"digits": _digits_place(), **{source.name: _idx_place(source) for source in (_MNIST, _FASHION)}}


def _digits_place() -> Path | str:
    spec = find_spec("sklearn")
    return Path(spec.origin).parent / "datasets" if spec and spec.origin else _NO_SKLEARN


def _idx_place(source: _Idx) -> Path | str:
    try:
        found = [_find(source, split, kind) for split in _STEMS for kind in _KINDS]
    except DataError as error:
        return str(error).removeprefix(f"{source.name}: ")
    return found[0].parent


def _title(name: str, split: Split) -> str:
    return name if split is None else f"{name} {split}"


def _check_split(split: Any) -> None:
    if split not in (None, "train", "test"):
        hint = did_you_mean(str(split), ("train", "test"))
        raise InputError(f"split must be 'train', 'test' or None, not {split!r}{hint}")
