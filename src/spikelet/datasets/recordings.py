"""Event data sets, read one recording at a time: N-MNIST, DVS128 Gesture, CIFAR10-DVS and the Heidelberg cochlea."""

import csv
import os
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spikelet import events
from spikelet.datasets.folder import Split, check_split, data_folder, title
from spikelet.datasets.images import mnist
from spikelet.datasets.table import Source, find
from spikelet.errors import DataError
from spikelet.events import Events

_TESTED = 900  # of each class of CIFAR10-DVS, which has no split of its own: the last hundred are for testing


class Recordings:
    """Recordings of events with labels; each is read when it is asked for, so that all of them need no memory.

    Args:
        name: the data set and its part.
        read: returns the recording of a number.
        labels: (n,) the index of each class.
        size: width and height of the sensor.
        classes: the names of the classes.
        index: (n,) numbers in the whole data set; those from 0 if not given.

    Attributes:
        labels: (n,) int64.
        index: (n,) int64.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[int], Events],
        labels: Any,
        size: tuple[int, int],
        classes: tuple[str, ...],
        index: Any = None,
    ):
        self.name, self.size, self.classes, self._read = name, size, classes, read
        self.labels = np.asarray(labels, np.int64)
        self.index = np.arange(len(self.labels)) if index is None else np.asarray(index, np.int64)

    def __len__(self) -> int:
        """Return the number of recordings."""
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[Events, int]:
        """Return a recording and its label."""
        if not -len(self) <= row < len(self):
            raise IndexError(f"{self.name} has {len(self):,} recordings, none is number {row}")
        row = range(len(self))[row]
        return self._read(row), int(self.labels[row])

    def __repr__(self) -> str:
        """Show name, number and sensor."""
        width, height = self.size
        return f"Recordings({self.name!r}, {len(self):,} of {width} x {height}, {len(self.classes)} classes)"


# -- N-MNIST ----------------------------------------------------------------------------------------------------------


def n_mnist(split: Split = None) -> Recordings:
    """Return N-MNIST: MNIST digits before a camera that moves in three saccades, 60,000 train, 10,000 test.

    Args:
        split: ``"train"``, ``"test"``, or ``None`` for all 70,000, those for training first.

    Raises:
        DataError: files are missing or others; the text says where was looked and what to do.
    """
    source = _checked("nmnist", split)
    parts = [_n_mnist_part(source, part) for part in (("train", "test") if split is None else (split,))]
    places = [(files, row) for files in parts for row in range(len(files.names))]
    labels = [int(files.matches[row][1]) for files, row in places]
    first = source.counts["train"] if split == "test" else 0

    def read(row: int) -> Events:
        files, number = places[row]
        return events.decode(files.content(number), "atis", size=(34, 34))

    return Recordings(title("nmnist", split), read, labels, (34, 34), source.classes, first + np.arange(len(labels)))


def _n_mnist_part(source: Source, split: str) -> "_Files":
    stem = split.capitalize()
    files = _Files(_place(source, [f"{stem}.zip", stem], any_case=True), re.compile(rf"(?:^|/){stem}/(\d)/(\d+)\.bin$"))
    _check_count(source, split, len(files.names), files.path)
    return files


def moved_mnist(split: Split = None, *, seed: int = 0) -> Recordings:
    """Return what `n_mnist` holds as a model makes it: each digit of MNIST before a camera that moves as theirs did.

    Args:
        split: as in `n_mnist`.
        seed: of the camera.

    Returns:
        Recordings of 34 x 34 pixels and 0.3 s; see `spikelet.events.saccades`.

    Raises:
        DataError: the files of MNIST are missing.
    """
    source, images = _checked("nmnist", split), mnist(split)
    index = np.arange(len(images)) + (source.counts["train"] if split == "test" else 0)

    def read(row: int) -> Events:
        return events.saccades(images.pixels[row : row + 1], seed=seed, samples=index[row : row + 1])[0]

    return Recordings(title("moved mnist", split), read, images.labels, (34, 34), source.classes, index)


class _Files:
    """Files whose names fit a pattern, in a folder or a zip archive, in the order of what the pattern takes of them."""

    def __init__(self, path: Path, pattern: re.Pattern[str]):
        self.path = path
        self._open: tuple[int, zipfile.ZipFile] | None = None  # of this process: two would move one place in the file
        names = self._names()
        found = [(tuple(map(int, match.groups())), name, match) for name in names if (match := pattern.search(name))]
        found.sort(key=lambda entry: entry[0])
        self.names, self.matches = [name for _, name, _ in found], [match for _, _, match in found]

    def content(self, row: int) -> bytes:
        """Return the content of a file."""
        name = self.names[row]
        if self.path.is_dir():
            return (self.path.parent / name).read_bytes()
        try:
            return self._archive().read(name)
        except (zipfile.BadZipFile, EOFError) as error:
            raise DataError(f"{self.path}: {name} is damaged ({error})") from None

    def _names(self) -> list[str]:
        if self.path.is_dir():
            return [path.relative_to(self.path.parent).as_posix() for path in self.path.rglob("*.bin")]
        try:
            return self._archive().namelist()
        except zipfile.BadZipFile as error:
            raise DataError(f"{self.path}: damaged, or was not downloaded in full ({error})") from None

    def _archive(self) -> zipfile.ZipFile:
        if self._open is None or self._open[0] != os.getpid():
            self._open = os.getpid(), zipfile.ZipFile(self.path)
        return self._open[1]


# -- DVS128 Gesture ---------------------------------------------------------------------------------------------------


def dvs_gesture(split: Split = None) -> Recordings:
    """Return DVS128 Gesture: 11 gestures by 29 people under three lights, cut out of 122 films by the labels' times.

    Args:
        split: ``"train"`` (23 people), ``"test"`` (the other 6), or ``None`` for all.

    Raises:
        DataError: the unpacked folder DvsGesture/ is missing or incomplete.
    """
    source = _checked("dvs-gesture", split)
    folder = _place(source, ["DvsGesture"], hint="DvsGesture.tar.gz has to be unpacked there")
    cuts: list[tuple[Path, int, int, int]] = []
    for part in ("train", "test") if split is None else (split,):
        for film in _lines(folder / f"trials_to_{part}.txt"):
            cuts += _cuts(folder / film)
    first = _gestures_before(folder) if split == "test" else 0

    def read(row: int) -> Events:
        path, _, begin, end = cuts[row]
        film = events.read(path, "aedat3", size=(128, 128))
        return film[(film.t >= begin) & (film.t < end)]

    labels = [label for _, label, _, _ in cuts]
    return Recordings(
        title("dvs-gesture", split), read, labels, (128, 128), source.classes, first + np.arange(len(cuts))
    )


def _gestures_before(folder: Path) -> int:
    return sum(len(_cuts(folder / film)) for film in _lines(folder / "trials_to_train.txt"))


def _cuts(film: Path) -> list[tuple[Path, int, int, int]]:
    """Return path, label, begin and end [us] of each gesture of a film."""
    rows = list(csv.reader(_lines(film.with_name(film.stem + "_labels.csv"))))[1:]
    try:
        return [(film, int(kind) - 1, int(begin), int(end)) for kind, begin, end in rows]
    except ValueError:
        raise DataError(f"{film.stem}_labels.csv: expected rows of class, begin and end, found {rows[:1]}") from None


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text().splitlines() if line.strip()]
    except OSError as error:
        raise DataError(f"dvs-gesture: {path} cannot be read ({error.strerror or error})") from None


# -- CIFAR10-DVS ------------------------------------------------------------------------------------------------------


def cifar10_dvs(split: Split = None) -> Recordings:
    """Return CIFAR10-DVS: 1,000 images of each of ten classes, moved on a screen before a camera.

    Its authors give no split. Here recordings 0 to 899 of each class train and 900 to 999 test, by their numbers.

    Args:
        split: ``"train"``, ``"test"``, or ``None`` for all 10,000.

    Raises:
        DataError: an archive of a class is missing or damaged.
    """
    source = _checked("cifar10-dvs", split)
    parts: list[tuple[_Files, int]] = []
    labels, index = [], []
    for label, name in enumerate(source.classes):
        pattern = re.compile(rf"(?:^|/)cifar10_{name}_(\d+)\.aedat$")
        files = _Files(_place(source, [f"{name}.zip"]), pattern)
        for row, match in enumerate(files.matches):
            number = int(match[1])
            if split is None or (number >= _TESTED) == (split == "test"):
                parts.append((files, row))
                labels.append(label)
                index.append(1000 * label + number)
    _check_count(source, split, len(labels), data_folder() / source.name)

    def read(row: int) -> Events:
        files, number = parts[row]
        return events.decode(files.content(number), "aedat2", chip="dvs128", size=(128, 128))

    return Recordings(title("cifar10-dvs", split), read, labels, (128, 128), source.classes, index)


# -- the Heidelberg data sets -----------------------------------------------------------------------------------------


def shd(split: Split = None) -> Recordings:
    """Return the Spiking Heidelberg Digits: zero to nine in English and German through a cochlea of 700 channels.

    Args:
        split: ``"train"`` (8,156), ``"test"`` (2,264), or ``None`` for all.

    Raises:
        DataError: a file is missing or another one, or h5py is not installed.
    """
    return _heidelberg("shd", split)


def ssc(split: str | None = None) -> Recordings:
    """Return the Spiking Speech Commands: 35 words through a cochlea of 700 channels.

    Args:
        split: ``"train"`` (75,466), ``"valid"`` (9,981), ``"test"`` (20,382), or ``None`` for all.

    Raises:
        DataError: a file is missing or another one, or h5py is not installed.
    """
    return _heidelberg("ssc", split)


def _heidelberg(name: str, split: str | None) -> Recordings:
    source = _checked(name, split)
    chosen = tuple(source.counts) if split is None else (split,)
    paths = {part: _place(source, [f"{name}_{part}.h5"]) for part in chosen}
    columns = {part: _labels(path) for part, path in paths.items()}
    for part, column in columns.items():
        _check_count(source, part, len(column), paths[part])
    places = [(paths[part], row) for part in chosen for row in range(len(columns[part]))]
    before = list(source.counts)[: list(source.counts).index(chosen[0])]
    first = sum(source.counts[part] for part in before)

    def read(row: int) -> Events:
        path, number = places[row]
        return events.spoken(path, [number])[0][0]

    labels = np.concatenate([columns[part] for part in chosen])
    return Recordings(title(name, split), read, labels, (700, 1), source.classes, first + np.arange(len(labels)))


def _labels(path: Path) -> np.ndarray:
    """Return the labels of a file alone, which is quick."""
    try:
        import h5py

        with h5py.File(path, "r") as file:
            return np.asarray(file["labels"], np.int64)
    except ModuleNotFoundError as error:
        raise DataError(f"{path}: HDF5 needs h5py, which is not installed: pip install 'spikelet[events]'") from error
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not a file of the Heidelberg data sets, or damaged ({error})") from None


# -- what they share --------------------------------------------------------------------------------------------------


def place(name: str) -> Path:
    """Return the folder of an event data set.

    Raises:
        DataError: a file of it is missing.
    """
    source = find(name)
    for file in source.files:
        stem = file.name.split(".")[0]
        names = {"nmnist": [file.name, stem], "dvs-gesture": ["DvsGesture"]}.get(name, [file.unpacked or file.name])
        _place(source, names, any_case=name == "nmnist")
    return data_folder() / name


def _checked(name: str, split: Any) -> Source:
    source = find(name)
    check_split(split, tuple(source.counts))
    return source


def _place(source: Source, names: Sequence[str], *, any_case: bool = False, hint: str = "") -> Path:
    """Return the first of these files or folders that is there, or say what to do."""
    folder = data_folder() / source.name
    for name in names:
        for spelled in (name, name.lower()) if any_case else (name,):
            if (folder / spelled).exists():
                return folder / spelled
    advice = hint or f"spikelet.datasets.download({source.name!r}) gets it"
    raise DataError(
        f"{source.name}: {names[0]} was not found. Looked in {folder}. {advice}; or set SPIKELET_DATA to the folder "
        f"that holds {source.name}/."
    )


def _check_count(source: Source, split: str | None, found: int, path: Path) -> None:
    expected = sum(source.counts.values()) if split is None else source.counts[split]
    if found != expected:
        raise DataError(f"{path}: holds {found:,} recordings of {title(source.name, split)}, expected {expected:,}")
