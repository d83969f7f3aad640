"""Spoken digits: the real archive with its counts, and every way in which one can be wrong."""

import io
import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest

from spikelet import datasets
from spikelet.audio import wav_bytes
from spikelet.datasets import sounds
from spikelet.errors import DataError, InputError


@pytest.fixture(scope="module")
def archive(data_folder: Path) -> Path:
    path = data_folder / "fsdd" / "recordings.tar.gz"
    if not path.exists():
        pytest.skip(f"data: {path} is missing")
    return path


@pytest.fixture
def real(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKELET_DATA", str(archive.parents[1]))


@pytest.mark.usefixtures("real")
def test_the_split_of_the_authors() -> None:
    """3,000 recordings: takes 0 to 4 of each digit and speaker are for testing."""
    train, test = datasets.free_spoken_digits("train"), datasets.free_spoken_digits("test")
    assert repr(test) == "Sounds('fsdd test', 300 recordings, 129 s, 10 classes)"
    for data, takes in ((train, range(5, 50)), (test, range(5))):
        for digit in range(10):
            for speaker in range(6):
                rows = (data.labels == digit) & (data.speakers == speaker)
                assert sorted(data.takes[rows]) == list(takes)
    assert sorted([*train.index, *test.index]) == list(range(3000))
    assert test.rate == 8.0 and test.samples.dtype == np.int16


@pytest.mark.usefixtures("real")
def test_recordings_are_those_of_the_standard_library(archive: Path) -> None:
    data = datasets.free_spoken_digits("test")
    row = int(np.flatnonzero((data.labels == 7) & (data.speakers == datasets.SPEAKERS.index("theo")))[3])
    with tarfile.open(archive) as opened:
        member = opened.extractfile("recordings/7_theo_3.wav")
        assert member is not None
        with wave.open(io.BytesIO(member.read())) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
            expected = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    waveform, label = data[row]
    assert label == 7 and waveform.dtype == np.float32
    assert (waveform * 32768 == expected).all()
    padded, lengths, labels = data.batch([row, 0])
    assert padded.shape == (2, lengths.max()) and lengths[0] == len(expected) and labels[0] == 7
    assert (padded[0, : lengths[0]] == waveform).all() and not padded[0, lengths[0] :].any()


@pytest.mark.usefixtures("real")
def test_a_speaker_is_never_in_both_parts() -> None:
    train, test = (datasets.free_spoken_digits(split, speaker="theo") for split in ("train", "test"))
    assert (len(train), len(test)) == (2500, 500)
    theo = datasets.SPEAKERS.index("theo")
    assert (test.speakers == theo).all() and not (train.speakers == theo).any()
    assert (train.name, test.name) == ("fsdd without theo train", "fsdd by theo test")
    with pytest.raises(InputError, match="speaker must be one of george, .*, not 'teo'; did you mean 'theo'"):
        datasets.free_spoken_digits(speaker="teo")


# -- archives made here -----------------------------------------------------------------------------------------------

NAMES = [f"{digit}_{who}_{take}.wav" for digit in range(10) for who in datasets.SPEAKERS for take in range(50)]
CLICK = wav_bytes(np.array([0.5, -0.5]), 8.0)


def packed(files: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return memory.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path))
    (tmp_path / "fsdd").mkdir()
    return tmp_path / "fsdd"


ALL = {f"recordings/{name}": CLICK for name in NAMES}


def test_what_is_missing_is_named(folder: Path) -> None:
    with pytest.raises(DataError) as error:
        datasets.free_spoken_digits()
    for part in ("recordings.tar.gz", str(folder), "datasets.download('fsdd')", "set SPIKELET_DATA to the folder"):
        assert part in str(error.value)
    (folder / "recordings.tar.gz").write_bytes(packed({"recordings/3_theo_7.wav": CLICK}))
    with pytest.raises(DataError, match="1 recordings, expected 3,000; 2,999 are missing, such as 0_george_0.wav"):
        datasets.free_spoken_digits()


def test_other_recordings_of_the_same_names_are_refused(folder: Path) -> None:
    (folder / "recordings.tar.gz").write_bytes(packed(ALL))
    with pytest.raises(DataError, match="these are not the recordings of the data set; sha256"):
        datasets.free_spoken_digits()


def test_archives_of_github_and_folders_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive of the repository has a folder of its name around all of it, and other files."""
    more = {f"free-spoken-digit-dataset-1.0.10/{name}": content for name, content in ALL.items()}
    (folder / "any.tar.gz").write_bytes(packed({"free-spoken-digit-dataset-1.0.10/README.md": b"# x", **more}))
    monkeypatch.setattr(sounds, "CONTENT", digest_of_clicks())
    assert len(datasets.free_spoken_digits("test")) == 300
    (folder / "any.tar.gz").unlink()
    (folder / "recordings").mkdir()
    for name in NAMES:
        (folder / "recordings" / name).write_bytes(CLICK)
    assert datasets.free_spoken_digits("train").lengths.tolist() == [2] * 2700


def digest_of_clicks() -> str:
    import hashlib

    click = np.array([16384, -16384], np.int16).tobytes()
    return hashlib.sha256(b"".join(name.encode() + click for name in sorted(NAMES))).hexdigest()


WRONG = {
    "cut short": (packed(ALL)[:-2000], "the archive is damaged or was not downloaded in full"),
    "a web page": (b"<html>404</html>", "the archive is damaged or was not downloaded in full"),
    "no sound": (packed({"recordings/0_theo_0.wav": b"hello"}), "WAV: not a WAV file"),
    "stereo": (
        packed({"recordings/0_theo_0.wav": wav_bytes(np.zeros((2, 3)), 8.0)}),
        "0_theo_0.wav has 2 channels at 8000 Hz, expected 1 at 8000",
    ),
    "one too many": (packed({**ALL, "recordings/0_zoe_0.wav": CLICK}), "1 are too many, such as 0_zoe_0.wav"),
}


@pytest.mark.parametrize("content, text", WRONG.values(), ids=WRONG)
def test_a_wrong_archive(folder: Path, content: bytes, text: str) -> None:
    (folder / "recordings.tar.gz").write_bytes(content)
    with pytest.raises(DataError) as error:
        datasets.free_spoken_digits("test")
    assert text in str(error.value)


def test_links_and_giants_in_an_archive_are_not_followed(folder: Path) -> None:
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as archive:
        link = tarfile.TarInfo("recordings/0_theo_0.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (folder / "recordings.tar.gz").write_bytes(memory.getvalue())
    with pytest.raises(DataError, match="0 recordings, expected 3,000"):
        datasets.free_spoken_digits()
    (folder / "recordings.tar.gz").write_bytes(packed({"recordings/0_theo_0.wav": bytes(2**20 + 1)}))
    with pytest.raises(DataError, match="declares 1,048,577 bytes, no recording has so many"):
        datasets.free_spoken_digits()
