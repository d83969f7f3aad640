"""Event data sets: small ones made here in the layout of each, since the real ones are gigabytes."""

import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spikelet import datasets, events
from spikelet.datasets import table
from spikelet.errors import DataError, InputError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch):
    """Return a function that changes the number of examples that a data set has to have."""

    def change(name: str, **counts: int) -> None:
        monkeypatch.setitem(table.TABLE, name, dataclasses.replace(table.TABLE[name], counts=counts))

    return change


def record(x: int, y: int, p: int, t: int) -> bytes:
    """Return an event of an N-MNIST file, written by hand: x, y, polarity and 23 bits of time."""
    return bytes((x, y, (p << 7) | (t >> 16), (t >> 8) & 255, t & 255))


# -- N-MNIST ----------------------------------------------------------------------------------------------------------

FILES = {
    "Train/7/00002.bin": record(3, 4, 1, 70_000),
    "Train/0/00010.bin": record(33, 0, 0, 5),
    "Train/0/00003.bin": record(9, 9, 1, 9),
}
FILES |= {"Test/1/00001.bin": record(1, 2, 0, 300_000) + record(5, 6, 1, 300_001)}


def as_zips(folder: Path) -> None:
    for part in ("Train", "Test"):
        with zipfile.ZipFile(folder / f"{part}.zip", "w") as archive:
            for name, content in FILES.items():
                if name.startswith(part):
                    archive.writestr(name, content)


def as_folders(folder: Path) -> None:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("lay", [as_zips, as_folders])
def test_n_mnist(folder: Path, few, lay) -> None:
    few("nmnist", train=3, test=1)
    (folder / "nmnist").mkdir()
    lay(folder / "nmnist")
    train, test, whole = (datasets.n_mnist(split) for split in ("train", "test", None))
    assert repr(train) == "Recordings('nmnist train', 3 of 34 x 34, 10 classes)"
    assert train.labels.tolist() == [0, 0, 7] and whole.labels.tolist() == [0, 0, 7, 1]
    assert (test.index.tolist(), whole.index.tolist()) == ([3], [0, 1, 2, 3])
    assert [len(train[row][0]) for row in range(3)] == [1, 1, 1]  # sorted by class, then by number
    first, label = train[2]
    assert label == 7 and first.data.tolist() == [(70_000, 3, 4, 1)] and (first.width, first.height) == (34, 34)
    assert whole[3][0].data.tolist() == [(300_000, 1, 2, 0), (300_001, 5, 6, 1)]
    assert whole[-1][0].data.tolist() == whole[3][0].data.tolist()
    with pytest.raises(IndexError, match="nmnist train has 3 recordings, none is number 3"):
        train[3]


def test_n_mnist_that_is_not_whole(folder: Path, few) -> None:
    with pytest.raises(DataError, match=r"nmnist: Train.zip was not found. Looked in .*nmnist.*download\('nmnist'\)"):
        datasets.n_mnist()
    (folder / "nmnist").mkdir()
    as_zips(folder / "nmnist")
    with pytest.raises(DataError, match="holds 3 recordings of nmnist train, expected 60,000"):
        datasets.n_mnist("train")
    (folder / "nmnist" / "Test.zip").write_bytes(b"PK no more")
    with pytest.raises(DataError, match=r"Test\.zip: damaged, or was not downloaded in full"):
        datasets.n_mnist("test")


# -- DVS128 Gesture ---------------------------------------------------------------------------------------------------


def test_dvs_gesture(folder: Path) -> None:
    place = folder / "dvs-gesture" / "DvsGesture"
    place.mkdir(parents=True)
    t = np.arange(0, 100_000, 1000)
    film = events.from_columns(t, t % 128, t // 1000, t // 1000 % 2, (128, 128))
    for name in ("user01_fluorescent", "user24_led"):
        events.write(place / f"{name}.aedat", film, "aedat3")
        rows = "class,startTime_usec,endTime_usec\n3,10000,20000\n11,50000,50001\n"
        (place / f"{name}_labels.csv").write_text(rows)
    (place / "trials_to_train.txt").write_text("user01_fluorescent.aedat\n\n")
    (place / "trials_to_test.txt").write_text("user24_led.aedat\n")
    train, whole = datasets.dvs_gesture("train"), datasets.dvs_gesture()
    assert train.labels.tolist() == [2, 10] and len(whole) == 4
    assert datasets.dvs_gesture("test").index.tolist() == [2, 3]
    cut, label = train[0]
    assert train.classes[label] == "left hand wave"
    assert cut.t.tolist() == list(range(10_000, 20_000, 1000))  # the end does not belong to it
    assert train[1][0].t.tolist() == [50_000]
    (place / "user24_led_labels.csv").write_text("class\nwave\n")
    with pytest.raises(
        DataError, match=r"user24_led_labels\.csv: expected rows of class, begin and end, found \[\['wave"
    ):
        datasets.dvs_gesture("test")


def test_dvs_gesture_has_to_be_unpacked(folder: Path) -> None:
    with pytest.raises(DataError, match=r"DvsGesture was not found.*DvsGesture\.tar\.gz has to be unpacked there"):
        datasets.dvs_gesture()


# -- CIFAR10-DVS ------------------------------------------------------------------------------------------------------


def test_cifar10_dvs(folder: Path, few) -> None:
    few("cifar10-dvs", train=10, test=10)
    place = folder / "cifar10-dvs"
    place.mkdir()
    film = events.from_columns([5, 9], [127, 3], [0, 99], [1, 0], (128, 128))
    content = events.encode(film, "aedat2", chip="dvs128")
    for name in datasets.TABLE["cifar10-dvs"].classes:
        with zipfile.ZipFile(place / f"{name}.zip", "w") as archive:
            for number in (12, 900):
                archive.writestr(f"{name}/cifar10_{name}_{number}.aedat", content)
    train, test = datasets.cifar10_dvs("train"), datasets.cifar10_dvs("test")
    assert train.labels.tolist() == test.labels.tolist() == list(range(10))
    assert train.index[:2].tolist() == [12, 1012] and test.index[:2].tolist() == [900, 1900]
    assert train[3][0].data.tolist() == film.data.tolist()
    (place / "cat.zip").unlink()
    with pytest.raises(DataError, match=r"cifar10-dvs: cat\.zip was not found"):
        datasets.cifar10_dvs()


# -- the Heidelberg data sets -----------------------------------------------------------------------------------------


def write_spoken(path: Path, volleys: list[tuple[list[float], list[int]]], labels: list[int]) -> None:
    """Write a file as its authors do, by h5py alone."""
    h5py = pytest.importorskip("h5py")
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes")
        for place, (name, kind) in enumerate((("times", np.float16), ("units", np.uint16))):
            column = group.create_dataset(name, (len(volleys),), h5py.vlen_dtype(kind))
            for row, volley in enumerate(volleys):
                column[row] = volley[place]
        file["labels"] = np.array(labels, np.uint8)


def test_shd_and_ssc(folder: Path, few) -> None:
    few("ssc", train=2, valid=1, test=1)
    write_spoken(folder / "ssc" / "ssc_train.h5", [([0.25, 0.5], [3, 699]), ([1.0], [0])], [34, 2])
    write_spoken(folder / "ssc" / "ssc_valid.h5", [([0.125], [7])], [5])
    write_spoken(folder / "ssc" / "ssc_test.h5", [([0.5], [9])], [6])
    train, whole = datasets.ssc("train"), datasets.ssc()
    assert train.size == (700, 1) and len(train.classes) == 35
    assert train[0][0].data.tolist() == [(250_000, 3, 0, 1), (500_000, 699, 0, 1)] and train[0][1] == 34
    assert whole.labels.tolist() == [34, 2, 5, 6] and datasets.ssc("test").index.tolist() == [3]
    assert whole[2][0].data.tolist() == [(125_000, 7, 0, 1)]
    with pytest.raises(InputError, match="split must be 'train', 'test' or None, not 'valid'"):
        datasets.shd("valid")
    write_spoken(folder / "shd" / "shd_train.h5", [([0.5], [9])], [6])
    with pytest.raises(DataError, match="holds 1 recordings of shd train, expected 8,156"):
        datasets.shd("train")
    (folder / "shd" / "shd_train.h5").write_bytes(b"<html>")
    with pytest.raises(DataError, match="not a file of the Heidelberg data sets, or damaged"):
        datasets.shd("train")


def test_every_data_set_says_what_is_missing(folder: Path) -> None:
    found = datasets.available()
    assert list(found) == list(datasets.LOADERS)
    for name in ("fsdd", "nmnist", "dvs-gesture", "cifar10-dvs", "shd", "ssc"):
        text = str(found[name])
        assert "was not found. Looked in" in text and str(folder / name) in text and "SPIKELET_DATA" in text
        assert not text.startswith(f"{name}:")
    (folder / "shd").mkdir()
    for part in ("train", "test"):
        (folder / "shd" / f"shd_{part}.h5").touch()
    assert datasets.available()["shd"] == folder / "shd"
