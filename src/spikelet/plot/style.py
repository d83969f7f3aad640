"""What all figures share: colours, sizes, labels with units, and the look of axes."""

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The colours of Okabe & Ito, which people of any colour vision tell apart; black is kept for axes and text.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#6b6b6b"
COLUMN = 3.4
"""Width of a figure in one column of a journal [inches]."""
_NARROW = 4.2  # inches: axes in less than that have the letters of a journal's column
_POINTS = 20_000  # of a curve, beyond which it is drawn by the extremes of stretches


def figure(
    width: float = 6.4, height: float = 4.0, rows: int = 1, columns: int = 1, heights: Sequence[float] | None = None
) -> "tuple[Figure, Any]":
    """Return a figure and its axes, made without pyplot: no display is needed and nothing has to be closed.

    Args:
        width: inches.
        height: inches.
        rows: of axes.
        columns: of axes.
        heights: of the rows, as parts; all alike if not given.

    Example:
        >>> fig, ax = figure()
        >>> lines = ax.plot([0, 1], [1, 2])
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained", dpi=150)
    return made, made.subplots(rows, columns, height_ratios=heights)


def one_axes(ax: Any, width: float = 6.4, height: float = 4.0) -> "Axes":
    """Return the axes given, or those of a new figure of pyplot."""
    return opened(width, height)[0] if ax is None else ax


def some_axes(ax: Any, count: int, what: str, **how: Any) -> np.ndarray:
    """Return the axes given, or those of a new figure of pyplot.

    Raises:
        ShapeError: their number is not ``count``.
    """
    from spikelet.errors import ShapeError

    every = opened(**how) if ax is None else np.ravel(np.atleast_1d(ax))
    if len(every) != count:
        raise ShapeError(f"{len(every)} axes for {what}")
    return every


def opened(width: float, height: float, *, rows: int = 1, columns: int = 1, **more: Any) -> np.ndarray:
    """Return the axes of a new figure of pyplot, row by row."""
    require_matplotlib()
    from matplotlib import pyplot

    size = {"figsize": (width, height), "layout": "constrained", "squeeze": False}
    _, axes = pyplot.subplots(rows, columns, **size, **more)
    return axes.ravel()


def require_matplotlib() -> None:
    """Raise, with the command that helps, where matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        text = "plots need matplotlib, which is not installed: pip install 'spikelet[plot]'"
        raise ModuleNotFoundError(text, name="matplotlib")


def labelled(name: str, unit: str) -> str:
    """Return a name with its unit."""
    return name if unit in ("1", "int", "") else f"{name} [{unit}]"


def colour(position: int) -> str:
    """Return the colour of the curve at a position."""
    return COLOURS[position % len(COLOURS)]


def finish(*every: "Axes") -> None:
    """Take off the frame's upper and right side; give axes in a narrow figure the letters of a journal's column."""
    for axes in every:
        for side in ("top", "right"):
            if side in axes.spines:
                axes.spines[side].set_visible(False)
        shrink(axes)


def narrow(axes: "Axes") -> bool:
    """Return whether axes are in a figure, or in a column of one, as narrow as a journal's column."""
    place = axes.get_subplotspec()
    columns = 1 if place is None else place.get_gridspec().ncols
    whole = axes.get_figure(root=True)
    return whole is not None and whole.get_size_inches()[0] / columns < _NARROW


def shrink(axes: "Axes", like: "Axes | None" = None) -> None:
    """Make the letters of axes in a narrow figure small; those of a colour bar where those of its axes are."""
    if not narrow(axes if like is None else like):
        return
    names = [axis.label for axis in (axes.xaxis, axes.yaxis)] + [axes.title]
    for text in names:
        text.set_fontsize(min(8.0, text.get_fontsize()))
    axes.tick_params(labelsize=7, which="both")
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_offset_text().set_fontsize(7)
    legend = axes.get_legend()
    if legend is not None:
        for text in legend.get_texts():
            text.set_fontsize(7)
        legend.get_title().set_fontsize(7)


def thinned(t: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve of few points that looks the same: of each stretch its first, lowest, highest and last.

    Args:
        t: (T,).
        values: (T,).

    Returns:
        At most some ten thousand points, in the order of time; short curves as they are.
    """
    if len(t) <= _POINTS:
        return t, values
    length = -(-len(t) // (_POINTS // 4))
    whole = len(t) // length * length
    table = values[:whole].reshape(-1, length)
    first = np.arange(0, whole, length)
    filled = np.nan_to_num(table, nan=0.0)
    places = [first, first + filled.argmin(1), first + filled.argmax(1), first + length - 1]
    chosen = np.unique(np.concatenate([*places, np.arange(whole, len(t))]))
    return t[chosen], values[chosen]
