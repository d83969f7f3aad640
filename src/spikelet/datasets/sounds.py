"""Free Spoken Digits: 3,000 recordings of the words zero to nine by six speakers, from the archive or its folder."""

import hashlib
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikelet.audio import read_wav
from spikelet.datasets.folder import Split, check_split, data_folder, title
from spikelet.errors import DataError, InputError, did_you_mean

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
CONTENT = "c8561bca57f668363317b9a5c554392cae37561fa99077368d9a9f32b9618584"
"""SHA-256 over names and samples of all recordings in the order of their names: it holds however they were packed."""

_NAME = re.compile(r"(?:^|/)recordings/((\d)_([a-z]+)_(\d+)\.wav)$")
_TAKES = 50  # of each digit by each speaker
_TESTED = 5  # the first so many of them: the split that the authors give
_MOST = 2**20  # bytes of a recording; the longest has 36,000
_FOLDERS = ("fsdd", "free-spoken-digit-dataset")


@dataclass(frozen=True, eq=False, repr=False)
class Sounds:
    """Recordings of different lengths with labels.

    Attributes:
        samples: (all samples,) int16, one recording after the other.
        starts: (n + 1,) where each begins, and the end of the last.
        labels: (n,) int64, the index of each class.
        speakers: (n,) int64, index into `SPEAKERS`.
        takes: (n,) int64, number of the recording among those of its digit and speaker.
        index: (n,) int64, number of each recording in the whole data set.
        rate: samples per time [kHz].
        name: the data set and its part.
        classes: the names of the classes.
    """

    samples: np.ndarray
    starts: np.ndarray
    labels: np.ndarray
    speakers: np.ndarray
    takes: np.ndarray
    index: np.ndarray
    rate: float
    name: str
    classes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of recordings."""
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[np.ndarray, int]:
        """Return a recording (L,) float32 in [-1, 1), and its label."""
        if not -len(self) <= row < len(self):
            raise IndexError(f"{self.name} has {len(self):,} recordings, none is number {row}")
        row = range(len(self))[row]
        return self.samples[self.starts[row] : self.starts[row + 1]].astype(np.float32) / 32768, int(self.labels[row])

    @property
    def lengths(self) -> np.ndarray:
        """Number of samples of each recording, (n,)."""
        return np.diff(self.starts)

    def batch(self, rows: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return some recordings side by side.

        Args:
            rows: (B,) integers or a slice.

        Returns:
            (B, L) float32 in [-1, 1), zeros after the end of each; (B,) their lengths; (B,) labels.
        """
        rows = np.arange(len(self))[rows]
        lengths = self.lengths[rows]
        padded = np.zeros((len(rows), max(lengths, default=0)), np.float32)
        for place, row in enumerate(rows):
            padded[place, : lengths[place]] = self[row][0]
        return padded, lengths, self.labels[rows]

    def __repr__(self) -> str:
        """Show name, number and duration."""
        seconds = len(self.samples) / self.rate / 1000
        return f"Sounds({self.name!r}, {len(self):,} recordings, {seconds:.0f} s, {len(self.classes)} classes)"


def free_spoken_digits(split: Split = None, *, speaker: str | None = None) -> Sounds:
    """Return the recordings of the Free Spoken Digit Dataset: 2,700 train, 300 test, mono, 8 kHz.

    Args:
        split: ``"train"``, ``"test"`` (takes 0 to 4 of each digit and speaker), or ``None`` for all 3,000.
        speaker: with one, the split is by speakers: all of this one's recordings are for testing, none for training.

    Returns:
        The recordings, in the order of their names: digit, speaker, take.

    Raises:
        DataError: they are missing, incomplete or others; the text says where was looked and what to do.
        InputError: no such part, or no such speaker.
    """
    check_split(split)
    if speaker is not None and speaker not in SPEAKERS:
        raise InputError(
            f"speaker must be one of {', '.join(SPEAKERS)}, not {speaker!r}{did_you_mean(speaker, SPEAKERS)}"
        )
    found = _read(place())
    names = sorted(found, key=lambda name: (name[0], name.split("_")[1], int(name[:-4].split("_")[2])))
    digits, who, takes = (np.array(column, np.int64) for column in zip(*map(_parts, names), strict=True))
    tested = takes < _TESTED if speaker is None else who == SPEAKERS.index(speaker)
    kept = np.flatnonzero(np.ones_like(tested) if split is None else tested == (split == "test"))
    parts = [found[names[row]] for row in kept]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    name = "fsdd" if speaker is None or split is None else f"fsdd by {speaker}"
    if speaker is not None and split == "train":
        name = f"fsdd without {speaker}"
    columns = (digits[kept], who[kept], takes[kept], kept)
    return Sounds(np.concatenate(parts), starts, *columns, 8.0, title(name, split), tuple("0123456789"))


def place() -> Path:
    """Return the archive or the folder of the recordings.

    Raises:
        DataError: there is none.
    """
    folders = [data_folder() / name for name in _FOLDERS]
    for folder in folders:
        for path in (folder / "recordings", *sorted(folder.glob("*.tar.gz"))):
            if path.exists():
                return path
    raise DataError(
        f"fsdd: recordings.tar.gz (or a folder recordings/) was not found. Looked in {' and '.join(map(str, folders))}"
        ". spikelet.datasets.download('fsdd') gets it; or put the data set 'Free Spoken Digit Dataset' there, or set "
        "SPIKELET_DATA to the folder that holds fsdd/."
    )


def _parts(name: str) -> tuple[int, int, int]:
    digit, speaker, take = name[:-4].split("_")
    return int(digit), SPEAKERS.index(speaker), int(take)


def _read(path: Path) -> dict[str, np.ndarray]:
    """Return all recordings by name, (L,) int16 each, after a look at each and at their whole."""
    found: dict[str, np.ndarray] = {}
    for name, content in _from_folder(path) if path.is_dir() else _from_archive(path):
        sound = read_wav(content)
        if sound.rate != 8.0 or len(sound.samples) != 1:
            kind = f"{len(sound.samples)} channels at {1000 * sound.rate:g} Hz"
            raise DataError(f"{path}: {name} has {kind}, expected 1 at 8000")
        found[name] = np.rint(sound.samples[0] * 32768).astype(np.int16)
    expected = {f"{digit}_{who}_{take}.wav" for digit in range(10) for who in SPEAKERS for take in range(_TAKES)}
    if found.keys() != expected:
        wrong = sorted(expected - found.keys()) or sorted(found.keys() - expected)
        kind = "are missing" if expected - found.keys() else "are too many"
        raise DataError(f"{path}: {len(found):,} recordings, expected 3,000; {len(wrong):,} {kind}, such as {wrong[0]}")
    digest = hashlib.sha256()
    for name in sorted(found):
        digest.update(name.encode() + found[name].tobytes())
    if digest.hexdigest() != CONTENT:
        raise DataError(f"{path}: these are not the recordings of the data set; sha256 {digest.hexdigest()}")
    return found


def _from_folder(path: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(path.glob("*.wav")):
        if match := _NAME.search(f"recordings/{file.name}"):
            yield match[1], file.read_bytes()


def _from_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                match = _NAME.search(member.name)
                if not match or not member.isfile():
                    continue
                if member.size > _MOST:
                    raise DataError(f"{path}: {member.name} declares {member.size:,} bytes, no recording has so many")
                stream = archive.extractfile(member)
                assert stream is not None  # it is a file
                yield match[1], stream.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: the archive is damaged or was not downloaded in full ({error})") from None
