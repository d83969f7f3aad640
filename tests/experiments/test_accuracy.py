"""The accuracies that the recipes promise, on the real images. Hours are not needed, minutes are."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from spikelet.cli import main
from spikelet.experiments.folder import METRICS

pytestmark = pytest.mark.slow


@pytest.fixture
def accuracy(tmp_path: Path) -> Callable[..., float]:
    """Return a function that trains and returns the test accuracy."""

    def train(*arguments: str) -> float:
        assert main(["train", *arguments, "--out", str(tmp_path), "--overwrite", "--device", "cpu", "--no-plots"]) == 0
        return json.loads((tmp_path / METRICS).read_text())["test_accuracy"]

    return train


@pytest.fixture
def mnist(data_file: Callable[[str], Path]) -> None:
    data_file("mnist/train-images-idx3-ubyte.gz")


def test_digits_over_ten_seeds(accuracy: Callable[..., float]) -> None:
    reached = [accuracy("digits", "--seed", str(seed)) for seed in range(10)]
    assert min(reached) >= 0.97, reached


@pytest.mark.usefixtures("mnist")
def test_mnist(accuracy: Callable[..., float]) -> None:
    assert accuracy("mnist") >= 0.98


@pytest.mark.usefixtures("mnist")
def test_the_article_over_three_seeds(accuracy: Callable[..., float]) -> None:
    reached = [accuracy("mnist", "--recipe", "article", "--epochs", "1", "--seed", str(seed)) for seed in range(3)]
    assert sum(reached) / 3 >= 0.94, reached


@pytest.fixture
def spoken(data_file: Callable[[str], Path]) -> None:
    data_file("fsdd/recordings.tar.gz")


@pytest.mark.usefixtures("spoken")
def test_spoken_digits(accuracy: Callable[..., float]) -> None:
    assert accuracy("fsdd") >= 0.93


@pytest.mark.usefixtures("mnist")
def test_event_digits(accuracy: Callable[..., float]) -> None:
    assert accuracy("nmnist") >= 0.95
