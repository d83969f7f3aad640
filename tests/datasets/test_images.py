"""Data sets: real counts, and every way in which a file can be wrong."""

import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spikelet import datasets
from spikelet.errors import DataError, InputError

TRAIN = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
TEST = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)


# -- the folder -------------------------------------------------------------------------------------------------------


def test_data_folder(monkeypatch, tmp_path):
    """SPIKELET_DATA, else the user's cache folder; an empty variable counts as none."""
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path))
    assert datasets.data_folder() == tmp_path
    monkeypatch.setenv("SPIKELET_DATA", "~/data")
    assert datasets.data_folder() == Path.home() / "data"
    monkeypatch.setenv("SPIKELET_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert datasets.data_folder() == tmp_path / "cache" / "spikelet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert datasets.data_folder() == Path.home() / ".cache" / "spikelet"


# -- digits -----------------------------------------------------------------------------------------------------------


def test_digits():
    """1,797 images, each in one part of a stratified split of 80 to 20."""
    pytest.importorskip("sklearn")
    whole, train, test = datasets.digits(), datasets.digits("train"), datasets.digits("test")
    assert (len(whole), len(train), len(test)) == (1797, 1438, 359)
    assert whole.images.shape == (1797, 1, 8, 8) and whole.images.dtype == np.float32
    assert whole.images.min() == 0 and whole.images.max() == 1
    assert whole.labels.dtype == np.int64 and whole.classes == tuple("0123456789")
    share = np.bincount(test.labels) / np.bincount(whole.labels)
    assert np.abs(share - 0.2).max() < 0.5 / 174 + 1e-12  # the nearest whole number of images in every class
    images = [image.tobytes() for image in (*train.pixels, *test.pixels)]
    assert sorted(images) == sorted(image.tobytes() for image in whole.pixels)


def test_digits_are_those_of_scikit_learn():
    """The same numbers, divided by 16, in the same order."""
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    whole = datasets.digits()
    assert (whole.images[:, 0] * 16 == load_digits().images).all()
    assert (whole.labels == load_digits().target).all()


def test_the_split_of_digits_stays_the_same_for_ever():
    """Published accuracies depend on it."""
    pytest.importorskip("sklearn")
    test = datasets.digits("test")
    assert test.labels[:12].tolist() == GOLDEN_LABELS
    assert hashlib.sha256(test.pixels.tobytes() + test.labels.tobytes()).hexdigest() == GOLDEN_HASH


GOLDEN_LABELS = [0, 1, 3, 0, 0, 8, 1, 2, 1, 2, 7, 3]
GOLDEN_HASH = "7873a225923125cd269345018ad5f7614d86e6a9240af243f3d64b6061662f7e"


def test_batch_and_images_agree():
    """A batch is made from the bytes; the whole array of numbers is made once, and only if asked for."""
    pytest.importorskip("sklearn")
    test = datasets.digits("test")
    images, labels = test.batch(np.array([5, 0]))
    assert "images" not in vars(test)
    assert (images == test.images[[5, 0]]).all() and (labels == test.labels[[5, 0]]).all()
    assert images.dtype == np.float32 and test.images is test.images
    assert len(test.batch(slice(0, 7))[0]) == 7
    assert repr(test) == "Images('digits test', 359 of 8 x 8, 10 classes)"


def test_digits_without_scikit_learn(monkeypatch):
    """The error and the table say what to install."""
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match=r"scikit-learn.*is not installed: pip install 'spikelet\[data\]'"):
        datasets.digits()


@pytest.mark.parametrize("load", datasets.LOADERS.values(), ids=datasets.LOADERS)
def test_unknown_split(load):
    """A misspelt split is named before any file is looked for."""
    with pytest.raises(InputError) as error:
        load("tets")
    known = "'train', 'valid', 'test'" if load is datasets.ssc else "'train', 'test'"
    assert str(error.value) == f"split must be {known} or None, not 'tets'; did you mean 'test'?"


# -- MNIST, the real files --------------------------------------------------------------------------------------------


def test_mnist_counts(data_folder, monkeypatch):
    """60,000 and 10,000 images of 28 x 28 with the published counts of each digit."""
    monkeypatch.setenv("SPIKELET_DATA", str(data_folder))
    for split, counts in (("train", TRAIN), ("test", TEST)):
        data = datasets.mnist(split)
        assert data.pixels.shape == (sum(counts), 28, 28) and data.pixels.dtype == np.uint8
        assert np.bincount(data.labels).tolist() == list(counts) and data.labels.dtype == np.int64
    images, labels = data.batch(slice(0, 3))
    assert images.shape == (3, 1, 28, 28) and images.dtype == np.float32
    assert images.min() == 0 and images.max() == 1
    assert labels.tolist() == [7, 2, 1]
    assert "images" not in vars(data)
    assert datasets.available()["mnist"] == data_folder / "mnist"


def test_mnist_without_a_split_is_both(data_folder, monkeypatch):
    """Training images first."""
    monkeypatch.setenv("SPIKELET_DATA", str(data_folder))
    whole, test = datasets.mnist(), datasets.mnist("test")
    assert len(whole) == 70_000
    assert (whole.pixels[60_000:] == test.pixels).all() and (whole.labels[60_000:] == test.labels).all()


def test_mnist_is_not_fashion_mnist(data_folder, monkeypatch, tmp_path):
    """The files of both have the same names and sizes; the counts of the classes tell them apart."""
    (tmp_path / "fashion-mnist").symlink_to(data_folder / "mnist")
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"these are not the labels of Fashion-MNIST clothing, test: .*\[980, 1135,"):
        datasets.fashion_mnist("test")


# -- files made here --------------------------------------------------------------------------------------------------


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    """Return an array as the bytes of an idx file."""
    return bytes((0, 0, kind, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


LABELS = np.repeat(np.arange(10, dtype=np.uint8), 1000)
IMAGES = np.zeros((10_000, 28, 28), dtype=np.uint8)
IMAGES[:, 3, 4] = 51  # one fifth of 255


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder with the test part of a data set that has the counts of Fashion-MNIST."""
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path))
    place = tmp_path / "fashion-mnist"
    place.mkdir()
    (place / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS), 1))
    (place / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES))
    return place


def test_fashion_mnist(folder):
    """Compressed and plain files are read; the pixels become numbers in [0, 1]."""
    data = datasets.fashion_mnist("test")
    assert repr(data) == "Images('fashion-mnist test', 10,000 of 28 x 28, 10 classes)"
    assert data.classes[9] == "Ankle boot"
    images, _ = data.batch([17])
    assert images[0, 0, 3, 4] == np.float32(0.2) and images.sum() == np.float32(0.2)


def test_names_do_not_decide_about_compression(folder):
    """A browser may unpack a download and keep its name."""
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(LABELS))
    (folder / "t10k-images-idx3-ubyte").write_bytes(gzip.compress(idx(IMAGES), 1))
    assert len(datasets.fashion_mnist("test")) == 10_000


def test_the_folders_of_torchvision_are_found(folder, tmp_path):
    """Files that torchvision has fetched need not be fetched again."""
    (tmp_path / "FashionMNIST").mkdir()
    folder.rename(tmp_path / "FashionMNIST" / "raw")
    assert len(datasets.fashion_mnist("test")) == 10_000


def test_arrays_may_be_given_to_torch(folder):
    """They own their memory and may be written to, so torch takes them without a warning."""
    torch = pytest.importorskip("torch")
    data = datasets.fashion_mnist("test")
    for array in (data.pixels, data.labels, *data.batch([0])):
        assert torch.from_numpy(array).shape == array.shape


IMAGE_FILE = "t10k-images-idx3-ubyte"
LABEL_FILE = "t10k-labels-idx1-ubyte.gz"
ZIPPED = gzip.compress(idx(LABELS), 1)
WRONG = {
    "gzip cut short": (LABEL_FILE, ZIPPED[:-20], "damaged or was not downloaded in full"),
    "gzip header only": (LABEL_FILE, ZIPPED[:5], "damaged or was not downloaded in full"),
    "gzip with a wrong byte": (LABEL_FILE, ZIPPED[:60] + b"\xff" * 30 + ZIPPED[90:], "damaged or was not downloaded"),
    "empty": (LABEL_FILE, b"", "not an idx file; it begins with b''"),
    "a web page": (LABEL_FILE, b"<!DOCTYPE html><html>404</html>", "not an idx file; it begins with b'<!DOCTYPE ht"),
    "header only": (IMAGE_FILE, idx(IMAGES)[:10], "not an idx file; it begins with"),
    "plain, cut short": (IMAGE_FILE, idx(IMAGES)[:-1], "truncated after 7,840,015 of 7,840,016 bytes"),
    "too long": (IMAGE_FILE, idx(IMAGES) + b"\0", "longer than the expected 7,840,016 bytes"),
    "labels for images": (IMAGE_FILE, idx(LABELS) + b"\0" * 9, "(magic number 2051), found magic number 2049"),
    "floats": (LABEL_FILE, idx(LABELS.astype(">f4"), 13), "(magic number 2049), found magic number 3329"),
    "too few": (LABEL_FILE, idx(LABELS[:-1]), "holds an array of shape (9999,), expected (10000,)"),
    "other size": (IMAGE_FILE, idx(IMAGES[:, :8, :8]), "of shape (10000, 8, 8), expected (10000, 28, 28)"),
    "huge size": (IMAGE_FILE, idx(IMAGES)[:4] + b"\xff" * 12 + b"\0" * 9, "shape (4294967295, 4294967295, 4294967295)"),
    "other labels": (LABEL_FILE, idx(LABELS // 2), "these are not the labels of Fashion-MNIST clothing, test"),
    "label 255": (LABEL_FILE, idx(LABELS | 255), "these are not the labels of Fashion-MNIST clothing, test"),
}  # fmt: skip


@pytest.mark.parametrize("name, content, text", WRONG.values(), ids=WRONG)
def test_a_wrong_file(folder, name, content, text):
    """The error names the file and what is wrong with it."""
    (folder / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        datasets.fashion_mnist("test")
    assert str(error.value).startswith(f"{folder / name}: ")
    assert text in str(error.value)


def test_a_file_that_unpacks_to_far_too_much_is_not_unpacked(folder, monkeypatch):
    """At most one byte more than expected is ever asked for."""
    asked = []
    original = gzip.GzipFile.read
    monkeypatch.setattr(gzip.GzipFile, "read", lambda self, size=-1: asked.append(size) or original(self, size))
    (folder / LABEL_FILE).write_bytes(gzip.compress(idx(LABELS) + b"\0" * 10**7))
    with pytest.raises(DataError, match="longer than"):
        datasets.fashion_mnist("test")
    assert asked == [10_009]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whose rights can be taken away")
def test_an_unreadable_file(folder):
    """Missing rights are a DataError, too."""
    (folder / LABEL_FILE).chmod(0)
    with pytest.raises(DataError, match="cannot be read"):
        datasets.fashion_mnist("test")


def test_a_missing_file_says_where_was_looked_and_what_to_do(folder, tmp_path):
    """Both places, all four names, the name of the data set and the variable."""
    with pytest.raises(DataError) as error:
        datasets.fashion_mnist("train")
    text = str(error.value)
    assert text.startswith(
        "fashion-mnist: train-labels-idx1-ubyte.gz (or the same without .gz) was not found. Looked in "
    )
    for part in (
        str(tmp_path / "fashion-mnist"),
        str(tmp_path / "FashionMNIST" / "raw"),
        "'Fashion-MNIST clothing'",
        "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz",
        "set SPIKELET_DATA to the folder that holds fashion-mnist/",
    ):
        assert part in text
    assert "://" not in text


def test_available(folder):
    """A path where all files are there, else the reason."""
    found = datasets.available()
    assert list(found) == list(datasets.LOADERS)
    assert "was not found. Looked in" in str(found["fashion-mnist"])
    assert isinstance(found["mnist"], str)
    for name in (LABEL_FILE, IMAGE_FILE):
        (folder / name).with_name(name.replace("t10k", "train")).touch()
    assert datasets.available()["fashion-mnist"] == folder


def test_images_and_labels_must_be_of_one_number():
    """Built by hand, too."""
    with pytest.raises(DataError, match="mine: 3 images, but 2 labels"):
        datasets.Images(np.zeros((3, 8, 8), np.uint8), np.zeros(2, np.int64), "mine", ("a",))


def test_sklearn_and_torch_are_not_imported():
    """Asking what there is stays cheap."""
    code = (
        "import sys; from spikelet import datasets; datasets.available();"
        "print([name for name in ('sklearn', 'torch') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
