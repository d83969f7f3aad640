"""Linear classifiers of support vectors, one against the rest, for large sets of features."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from spikelet.errors import InputError, ShapeError

if TYPE_CHECKING:
    from torch import Tensor

_MEMORY = 20  # steps from which the curvature is taken


class LinearSVM(NamedTuple):
    """A linear classifier.

    Attributes:
        weight: (classes, features).
        bias: (classes,).
    """

    weight: np.ndarray
    bias: np.ndarray

    def answers(self, features: np.ndarray) -> np.ndarray:
        """Return the class of each row of features (n, F)."""
        return (features @ self.weight.T + self.bias).argmax(1)


def fit_svm(features: np.ndarray, labels: np.ndarray, *, cost: float, iterations: int = 150) -> LinearSVM:
    """Return the classifier with the widest margins, each class against the rest.

    For each class it minimises (|w|^2 + b^2)/2 + cost*sum of max(0, 1 - y*(w.x + b))^2 over samples, y being 1 or -1,
    as ``sklearn.svm.LinearSVC(C=cost)`` does; here by L-BFGS for all classes at once, in single precision.

    Args:
        features: (n, F), of the order of 1.
        labels: (n,) classes from 0.
        cost: of samples that lie within the margin, more than 0.
        iterations: at most.

    Raises:
        ShapeError: the numbers of features and labels differ.
        InputError: cost is not positive.
    """
    import torch

    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise ShapeError(f"fit_svm: features {features.shape}, labels {labels.shape}, expected (n, F) and (n,)")
    if not cost > 0:
        raise InputError(f"fit_svm: cost is {cost!r}, expected a positive number")
    x = torch.from_numpy(np.ascontiguousarray(features, np.float32))
    classes = int(labels.max()) + 1
    sign = 2.0 * torch.nn.functional.one_hot(torch.from_numpy(np.asarray(labels, np.int64)), classes).float() - 1
    weight = torch.zeros(classes, x.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    more = {"history_size": _MEMORY, "line_search_fn": "strong_wolfe", "tolerance_change": 0.0}
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=iterations, **more)

    def loss() -> "Tensor":
        optimiser.zero_grad()
        beyond = (1 - sign * (x @ weight.T + bias)).relu()
        value = (weight.square().sum() + bias.square().sum()) / 2 + cost * beyond.square().sum()
        value = value / len(x)
        value.backward()
        return value

    optimiser.step(loss)  # pyright: ignore[reportArgumentType]  # a tensor is a number to it
    return LinearSVM(weight.detach().numpy(), bias.detach().numpy())
