"""The linear classifier against scikit-learn's, which minimises the same."""

import numpy as np
import pytest

from spikelet import datasets
from spikelet.errors import InputError, ShapeError
from spikelet.experiments.linear_svm import fit_svm

svm = pytest.importorskip("sklearn.svm")


def loss(weight: np.ndarray, bias: np.ndarray, x: np.ndarray, labels: np.ndarray, cost: float) -> np.ndarray:
    """Return what is minimised, for each class."""
    sign = 2.0 * (labels[:, None] == np.arange(len(bias))) - 1
    beyond = np.maximum(0, 1 - sign * (x @ weight.T + bias))
    return (np.square(weight).sum(1) + bias**2) / 2 + cost * np.square(beyond).sum(0)


@pytest.mark.parametrize("cost", [0.01, 2.4])
def test_it_is_the_minimum_that_scikit_learn_finds(cost: float) -> None:
    images = datasets.digits("train")
    x = images.pixels.reshape(len(images), -1) / images.white
    found = fit_svm(x, images.labels, cost=cost, iterations=300)
    theirs = svm.LinearSVC(C=cost, dual=False, tol=1e-6, max_iter=10_000).fit(x, images.labels)
    ours = loss(found.weight, found.bias, x, images.labels, cost)
    best = loss(theirs.coef_, theirs.intercept_, x, images.labels, cost)
    np.testing.assert_allclose(ours, best, rtol=2e-3)
    test = datasets.digits("test")
    pixels = test.pixels.reshape(len(test), -1) / test.white
    agreed = (found.answers(pixels) == theirs.predict(pixels)).mean()
    assert agreed > 0.98


def test_wrong_arguments() -> None:
    with pytest.raises(ShapeError, match=r"labels \(3,\)"):
        fit_svm(np.zeros((4, 2)), np.zeros(3, int), cost=1.0)
    with pytest.raises(InputError, match="cost is 0"):
        fit_svm(np.zeros((4, 2)), np.zeros(4, int), cost=0)
