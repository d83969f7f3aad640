"""Weights: as a matrix, as a histogram, and as the receptive fields of neurons."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.plot.style import colour, finish, labelled, one_axes, shrink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CELLS = 1000  # rows or columns of a matrix that are drawn one by one


def weight_matrix(weights: Any, *, unit: str = "1", ax: Any = None) -> "Axes":
    """Draw weights as an image, sources to the right and targets upwards: red is positive, blue negative, white none.

    A large matrix is drawn in blocks, each as its weight of largest size, so that no synapse is lost.

    Args:
        weights: (targets, sources), as ``torch.nn.Linear`` has them; or a projection of a network, whose weights from
            one source to one target are summed.
        unit: of the weights.
        ax: axes.

    Raises:
        ShapeError: it is no matrix.
    """
    matrix = _matrix(weights)
    axes = one_axes(ax, 5.2, 4.4)
    shown = _largest(matrix)
    bound = float(np.abs(shown).max()) or 1.0
    extent = (-0.5, matrix.shape[1] - 0.5, -0.5, matrix.shape[0] - 0.5)
    image = axes.imshow(
        shown, cmap="RdBu_r", vmin=-bound, vmax=bound, extent=extent, origin="lower", aspect="auto",
        interpolation="nearest" if max(shown.shape) < 200 else "antialiased",
    )  # fmt: skip
    bar = axes.get_figure(root=True).colorbar(image, ax=axes, label=labelled("weight", unit))  # type: ignore[union-attr]
    axes.set_xlabel("source")
    axes.set_ylabel("target")
    finish(axes)
    shrink(bar.ax, like=axes)
    return axes


def weight_histogram(weights: Any, *, bins: int = 50, unit: str = "1", ax: Any = None) -> "Axes":
    """Draw the distribution of weights.

    Args:
        weights: any array, a projection of a network, or name -> those.
        bins: number of bins, common to all.
        unit: of the weights.
        ax: axes.

    Raises:
        InputError: there are no weights, or one is not finite.
    """
    many = weights if isinstance(weights, Mapping) else {"": weights}
    columns = {name: _values(one, name) for name, one in many.items()}
    low, high = (float(f(np.concatenate(list(columns.values())))) for f in (np.min, np.max))
    edges = np.linspace(low, high, bins + 1) if high > low else np.linspace(low - 0.5, low + 0.5, bins + 1)
    axes = one_axes(ax, 5.2, 3.6)
    for position, (name, values) in enumerate(columns.items()):
        counts, _ = np.histogram(values, edges)
        label = f"{name} (n = {len(values):,})"
        alone = len(columns) == 1
        axes.stairs(
            counts, edges, color=colour(position), fill=alone, alpha=0.75 if alone else 1, linewidth=1.4, label=label
        )
    if any(columns):
        axes.legend(frameon=False)
    else:
        axes.set_title(f"{len(columns['']):,} weights")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(labelled("weight", unit))
    axes.set_ylabel("synapses")
    finish(axes)
    return axes


def receptive_fields(weights: Any, shape: tuple[int, int], *, most: int = 36, ax: Any = None) -> "Axes":
    """Draw the weights onto each neuron as an image of what it receives from, side by side.

    Args:
        weights: (neurons, pixels), or a projection of a network.
        shape: (height, width) of the input.
        most: neurons that are shown, the first ones; the title tells of how many.
        ax: axes.

    Raises:
        ShapeError: the inputs are not height times width.
    """
    matrix, (height, width) = _matrix(weights), shape
    if matrix.shape[1] != height * width:
        raise ShapeError(f"receptive_fields: {matrix.shape[1]} inputs are not an image of {height} x {width}")
    count = min(most, len(matrix))
    columns = int(np.ceil(np.sqrt(count * height / width)))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for place in range(count):
        top, left = place // columns * (height + 1), place % columns * (width + 1)
        sheet[top : top + height, left : left + width] = matrix[place].reshape(height, width)
    axes = one_axes(ax, 4.6, 4.6 * rows * height / (columns * width) + 0.5)
    bound = float(np.nanmax(np.abs(sheet))) or 1.0
    how = {"cmap": "RdBu_r", "vmin": -bound} if np.nanmin(sheet) < 0 else {"cmap": "Greys", "vmin": 0.0}
    image = axes.imshow(sheet, vmax=bound, interpolation="nearest", **how)
    bar = axes.get_figure(root=True).colorbar(image, ax=axes, label="weight", shrink=0.8)  # type: ignore[union-attr]
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title(f"receptive fields of {count} of {len(matrix)} neurons")
    shrink(axes)
    shrink(bar.ax, like=axes)
    return axes


def _matrix(weights: Any) -> np.ndarray:
    if hasattr(weights, "sources") and hasattr(weights, "targets"):
        shape = (weights.targets_count, len(weights.pre))
        matrix = np.zeros(shape)
        np.add.at(matrix, (weights.targets(), weights.sources()), weights.weights())
        return matrix
    matrix = _array(weights)
    if matrix.ndim != 2 or not matrix.size:
        raise ShapeError(f"weights: expected (targets, sources), got shape {matrix.shape}")
    return _finite(matrix, "")


def _values(weights: Any, name: str) -> np.ndarray:
    values = weights.weights() if hasattr(weights, "targets") else _array(weights)
    values = np.ravel(values)
    if not values.size:
        raise InputError(f"weights{f' of {name}' if name else ''}: there are none")
    return _finite(values, name)


def _array(weights: Any) -> np.ndarray:
    if hasattr(weights, "detach"):  # a tensor, which may have a gradient or live on a device
        weights = weights.detach().cpu()
    return np.asarray(weights, float)


def _finite(values: np.ndarray, name: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise InputError(f"weights{f' of {name}' if name else ''}: one is not finite")
    return values


def _largest(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix of at most `_CELLS` rows and columns: of each block the weight that is largest in size."""
    for axis in (0, 1):
        length = -(-matrix.shape[axis] // _CELLS)
        if length > 1:
            starts = np.arange(0, matrix.shape[axis], length)
            high = np.maximum.reduceat(matrix, starts, axis)
            low = np.minimum.reduceat(matrix, starts, axis)
            matrix = np.where(high >= -low, high, low)
    return matrix
