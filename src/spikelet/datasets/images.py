"""Images with labels: handwritten digits of two sizes, and clothing."""

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from spikelet import random
from spikelet.datasets.folder import Split, check_split, data_folder, title
from spikelet.datasets.idx import read_idx
from spikelet.errors import DataError


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
    check_split(split)
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError(f"digits: {_NO_SKLEARN}") from None
    bunch: Any = load_digits()
    pixels, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.int64)
    if pixels.shape != (1797, 8, 8) or pixels.max() != 16:
        raise DataError(f"digits: scikit-learn gave images of shape {pixels.shape}, expected (1797, 8, 8)")
    rows = _digits_rows(labels, split)
    return Images(pixels[rows], labels[rows], title("digits", split), tuple("0123456789"), white=16)


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
class Idx:
    """A data set of four idx files, as MNIST is."""

    name: str
    title: str  # as it is found by a search
    folders: tuple[str, ...]  # where the files may lie in the data folder: ours, then that of torchvision
    classes: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]  # images of each class: tells data sets apart whose files have the same names


MNIST = Idx(
    "mnist",
    "MNIST handwritten digits",
    ("mnist", "MNIST/raw"),
    tuple("0123456789"),
    {
        "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    },
)
FASHION = Idx(
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
    return _read(MNIST, split)


def fashion_mnist(split: Split = None) -> Images:
    """Return the Fashion-MNIST images of clothing: 60,000 of 28 x 28 pixels train, 10,000 test.

    Args:
        split: ``"train"``, ``"test"``, or ``None`` for all 70,000, training images first.

    Returns:
        The images, in the order of the files.

    Raises:
        DataError: a file is missing, truncated or another one; the text says where was looked and what to do.
    """
    return _read(FASHION, split)


def _read(source: Idx, split: Split) -> Images:
    check_split(split)
    parts = [_read_split(source, part) for part in (("train", "test") if split is None else (split,))]
    pixels, labels = (np.concatenate(arrays) if len(parts) > 1 else arrays[0] for arrays in zip(*parts, strict=True))
    return Images(pixels, labels, title(source.name, split), source.classes)


def _read_split(source: Idx, split: str) -> tuple[np.ndarray, np.ndarray]:
    counts = source.counts[split]
    number = sum(counts)
    labels_path = _find(source, split, "labels")
    labels = read_idx(labels_path, (number,)).astype(np.int64)
    pixels = read_idx(_find(source, split, "images"), (number, 28, 28))
    found = np.bincount(labels, minlength=len(counts))
    if found.tolist() != list(counts):
        raise DataError(
            f"{labels_path}: these are not the labels of {source.title}, {split}: the classes have "
            f"{found.tolist()} images, expected {list(counts)}"
        )
    return pixels, labels


def _places(source: Idx) -> list[Path]:
    return [data_folder() / folder for folder in source.folders]


def _candidates(folder: Path, split: str, kind: str) -> list[Path]:
    stem = f"{_STEMS[split]}-{_KINDS[kind]}"
    return [folder / (stem + ".gz"), folder / stem]


def _find(source: Idx, split: str, kind: str) -> Path:
    candidates = [path for folder in _places(source) for path in _candidates(folder, split, kind)]
    for path in candidates:
        if path.is_file():
            return path
    raise DataError(f"{source.name}: {candidates[0].name} (or the same without .gz) was not found. {_advice(source)}")


def _advice(source: Idx) -> str:
    names = [f"{stem}-{kind}.gz" for stem in _STEMS.values() for kind in _KINDS.values()]
    return (
        f"Looked in {' and '.join(str(place) for place in _places(source))}. Download the four files of the data set "
        f"'{source.title}' ({', '.join(names)}) and put them there, or set SPIKELET_DATA to the folder that holds "
        f"{source.folders[0]}/."
    )


# -- where they are ---------------------------------------------------------------------------------------------------


def digits_place() -> Path | str:
    """Return where scikit-learn keeps its images, or why they are not there."""
    spec = find_spec("sklearn")
    return Path(spec.origin).parent / "datasets" if spec and spec.origin else _NO_SKLEARN


def idx_place(source: Idx) -> Path | str:
    """Return the folder of four idx files, or why they are not there."""
    try:
        found = [_find(source, split, kind) for split in _STEMS for kind in _KINDS]
    except DataError as error:
        return str(error).removeprefix(f"{source.name}: ")
    return found[0].parent
