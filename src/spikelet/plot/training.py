"""How training went: learning curves and confusion matrices."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.errors import ShapeError
from spikelet.plot.style import COLOURS, colour, finish, narrow, one_axes, opened, shrink

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def learning_curve(
    losses: Sequence[float], accuracy: Mapping[str, Sequence[float]], *, epochs: int, ax: Any = None
) -> Any:
    """Draw the loss of every training step and the accuracies of every epoch, side by side.

    Args:
        losses: one for each training step.
        accuracy: name -> one value in 0 ... 1 for each epoch done, such as ``{"training": ..., "test": ...}``.
        epochs: into which the steps are divided.
        ax: two axes.

    Returns:
        The two axes.
    """
    left, right = np.atleast_1d(ax) if ax is not None else opened(9, 3.6, columns=2)
    steps = (np.arange(len(losses)) + 1) * (epochs / max(1, len(losses)))
    left.plot(steps, losses, color=COLOURS[0], linewidth=0.6, alpha=0.35)
    window = max(1, len(losses) // 50)
    left.plot(steps, _running_mean(np.asarray(losses, float), window), color=COLOURS[0], linewidth=1.6)
    left.set_yscale("log")
    left.set_ylabel("loss")
    for position, (name, values) in enumerate(accuracy.items()):
        percent = 100 * np.asarray(values, float)
        style = {"color": colour(position), "linewidth": 1.4, "marker": "o", "markersize": 3.5}
        right.plot(1 + np.arange(len(percent)), percent, label=_with_last(name, percent), **style)
    right.set_ylabel("accuracy [%]")
    above = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0, "handlelength": 1.2}
    right.legend(frameon=False, **(above if narrow(right) else {"loc": "lower right"}))
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.grid(True, color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)
        finish(axes)
    left.set_xlim(0, epochs)
    right.set_xlim(0.5, max(1, *map(len, accuracy.values())) + 0.5)
    _tick_labels(left, right)
    return np.array([left, right])


def _with_last(name: str, percent: np.ndarray) -> str:
    return f"{name} {percent[-1]:.2f} %" if len(percent) else name


def _running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of each value and up to ``window - 1`` before it."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    last = np.arange(1, len(values) + 1)
    first = np.maximum(0, last - window)
    return (total[last] - total[first]) / (last - first)


def _tick_labels(loss: "Axes", accuracy: "Axes") -> None:
    """Write 0.1 in place of a power of ten, and whole epochs only."""
    from matplotlib.ticker import LogFormatter, MaxNLocator

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x:g}" if super().__call__(x, pos) else ""

    loss.yaxis.set_major_formatter("{x:g}")
    loss.yaxis.set_minor_formatter(Plain(minor_thresholds=(1, 0.4)))
    accuracy.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def confusion(table: np.ndarray, names: Sequence[str] | None = None, *, ax: Any = None) -> "Axes":
    """Draw a confusion matrix: the true class downwards, the answer to the right, counts in the cells.

    Args:
        table: (classes, classes) counts, ``table[true, answer]``.
        names: of the classes; their numbers if not given.
        ax: axes.

    Raises:
        ShapeError: the table is not square, or the names are not as many.
    """
    table = np.asarray(table)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ShapeError(f"a confusion matrix is square, not of shape {table.shape}")
    classes = len(table)
    names = [str(index) for index in range(classes)] if names is None else list(names)
    if len(names) != classes:
        raise ShapeError(f"{len(names)} names for {classes} classes")
    axes = one_axes(ax, 5.4, 5.2)
    share = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    axes.imshow(share**0.35, cmap="Blues", vmin=0, vmax=1)  # a power below 1 lets single mistakes be seen
    size = float(np.clip(90 / classes, 4, 10))
    for row, column in zip(*np.nonzero(table), strict=True):
        dark = share[row, column] ** 0.35 > 0.55
        right = row == column
        axes.text(
            column,
            row,
            str(table[row, column]),
            ha="center",
            va="center",
            fontsize=size,
            color="white" if dark else "black",
            fontweight="normal" if right else "bold",
        )
    long = max(map(len, names)) > 4
    axes.set_xticks(
        range(classes), names, **({"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if long else {})
    )
    axes.set_yticks(range(classes), names)
    axes.set_xlabel("answer")
    axes.set_ylabel("true class")
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    images = int(table.sum())
    axes.set_title(f"{100 * np.trace(table) / max(1, images):.2f} % of {images:,} correct")
    shrink(axes)
    return axes
