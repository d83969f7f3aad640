"""Figures: traces, rasters, populations, learning curves, confusion matrices, f-I curves, surrogates.

Every function takes ``ax=``, matplotlib axes to draw into, and returns the axes that it drew into; without ``ax`` it
opens a figure of pyplot. `figure` makes one that needs neither pyplot nor a display, for programs that write files.
"""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.analysis import population_rate
from spikelet.backends.numpy_reference import derivative
from spikelet.errors import InputError, ShapeError, did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from spikelet.model import Surrogate
    from spikelet.simulate import Result

# The colours of Okabe & Ito, which people of any colour vision tell apart; black is kept for axes and text.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#6b6b6b"
_SHOWN = 5  # neurons that a trace shows unless told which
_SPIKES = 8000  # about as many are drawn of a network


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
    _require_matplotlib()
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained", dpi=150)
    return made, made.subplots(rows, columns, height_ratios=heights)


def trace(
    result: "Result",
    names: str | Iterable[str] = (),
    *,
    neurons: Iterable[int] | None = None,
    unit: Mapping[str, str] | None = None,
    ax: Any = None,
) -> Any:
    """Draw recorded variables over time, one above the other, with a tick above the curves for each spike.

    Args:
        result: of `spikelet.run`.
        names: recorded variables; all of them if not given.
        neurons: indices; the first five if not given.
        unit: name -> unit, for the labels, as ``model.unit(name)`` tells.
        ax: axes, as many as there are names.

    Returns:
        The axes, one for each name.

    Raises:
        InputError: a name was not recorded.
    """
    recorded = tuple(result.recorded)
    wanted = (names,) if isinstance(names, str) else tuple(names) or recorded
    for name in wanted:
        if name not in recorded:
            raise InputError(
                f"'{name}' was not recorded{did_you_mean(name, recorded)} (recorded: {', '.join(recorded)})"
            )
    if not wanted:
        raise InputError("nothing was recorded: run(..., record='v')")
    every = np.atleast_1d(ax) if ax is not None else _open(6.4, 1.2 + 1.8 * len(wanted), rows=len(wanted))
    if len(every) != len(wanted):
        raise ShapeError(f"{len(every)} axes for {len(wanted)} variables ({', '.join(wanted)})")
    chosen = range(min(_SHOWN, result.n)) if neurons is None else tuple(neurons)
    for axes, name in zip(every, wanted, strict=True):
        values = result[name]
        for position, neuron in enumerate(chosen):
            axes.plot(result.t, values[:, neuron], color=_colour(position), linewidth=1, label=f"{neuron}")
        axes.set_ylabel(_label(name, (unit or {}).get(name, "1")))
        axes.set_xlim(0, result.t[-1])
        _tidy(axes)
    _spike_ticks(every[0], result, chosen)
    if len(chosen) > 1:
        every[0].legend(title="neuron", loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    for axes in every[:-1]:
        axes.tick_params(labelbottom=False)
    every[-1].set_xlabel("time [ms]")
    return every


def _spike_ticks(axes: "Axes", result: "Result", neurons: Sequence[int]) -> None:
    """Mark spikes above the curves: what is recorded is the value after reset, in which a spike cannot be seen."""
    for position, neuron in enumerate(neurons):
        times = result.spikes.times[result.spikes.ids == neuron]
        if not len(times):  # an empty curve in these coordinates would spoil the layout
            continue
        height = np.full(len(times), 1.04 + 0.05 * position)
        axes.plot(
            times, height, "|", color=_colour(position), transform=axes.get_xaxis_transform(), clip_on=False, zorder=3
        )


def raster(spikes: Any, *, neurons: int | None = None, duration: float | None = None, ax: Any = None) -> "Axes":
    """Draw one dot for each spike: time to the right, neurons upwards.

    Args:
        spikes: columns ``times`` [ms] and ``ids``, as ``run(...).spikes`` has them.
        neurons: number of neurons; up to the highest that spiked if not given.
        duration: time shown [ms]; up to the last spike if not given.
        ax: axes.

    Raises:
        ShapeError: the columns differ in length.
    """
    times, ids = np.asarray(spikes.times), np.asarray(spikes.ids)
    if times.shape != ids.shape:
        raise ShapeError(f"times have shape {times.shape}, ids {ids.shape}")
    axes = _axes(ax)
    count = neurons or (int(ids.max()) + 1 if len(ids) else 1)
    end = duration or (float(times.max()) if len(times) else 1.0)
    # a dot of the height of its row, within limits: few neurons must not be drawn as blots, many not as dust
    size = float(np.clip(600 / count, 1.2, 12.0))
    axes.scatter(times, ids, s=size, color="black", linewidths=0, marker="o")
    axes.set_xlim(0, end)
    axes.set_ylim(-0.5, count - 0.5)
    axes.set_xlabel("time [ms]")
    axes.set_ylabel("neuron")
    _tidy(axes)
    return axes


def populations(spikes: Mapping[str, Any], *, start: float, stop: float, width: float = 2.0, ax: Any = None) -> Any:
    """Draw the spikes of the populations of a network, and below them the firing rates over time.

    Populations lie one below the other, as high as their shares of the neurons but for small ones, which are drawn
    higher to be seen. As many neurons are shown as make some thousand spikes, the first of each population.

    Args:
        spikes: population -> columns ``times`` [ms] and ``ids``, and ``n``, as ``result["E"].spikes`` has them.
        start: of the time shown [ms].
        stop: of the time shown [ms].
        width: of the bins of the rates [ms].
        ax: two axes.

    Returns:
        The two axes. The lower one has a curve for each of up to three populations, or one curve for all neurons.
    """
    above, below = np.atleast_1d(ax) if ax is not None else _open(9, 6.4, rows=2)
    counts = [np.count_nonzero((one.times > start) & (one.times <= stop)) for one in spikes.values()]
    sizes = np.array([one.n for one in spikes.values()])
    heights = np.maximum(sizes / sizes.sum(), 0.055)
    top, places = 1.0, []
    for position, (one, height) in enumerate(zip(spikes.values(), heights / heights.sum(), strict=True)):
        shown = int(np.clip(round(one.n * _SPIKES / max(1, sum(counts))), min(10, one.n), one.n))
        chosen = (one.times > start) & (one.times <= stop) & (one.ids < shown)
        level = top - height * (one.ids[chosen] + 0.5) / shown
        above.scatter(one.times[chosen], level, s=2, color=_colour(position), linewidths=0)
        places.append(top - height / 2)
        top -= height
        above.axhline(top, color=GREY, linewidth=0.4)
    rates = 1000 * np.array(counts) / (sizes * (stop - start))
    above.set_yticks(places, [f"{name}  {rate:.3g} Hz" for name, rate in zip(spikes, rates, strict=True)])
    above.set_ylim(0, 1)
    above.tick_params(axis="y", length=0)
    above.tick_params(labelbottom=False)
    _rates(below, spikes, start, stop, width)
    for axes in (above, below):
        axes.set_xlim(start, stop)
        _tidy(axes)
    return np.array([above, below])


def _rates(axes: "Axes", spikes: Mapping[str, Any], start: float, stop: float, width: float) -> None:
    """Draw the rates of up to three populations over time, or the mean of more."""
    curves = [(one.times, one.n, _colour(position)) for position, one in enumerate(spikes.values())]
    if len(curves) > 3:
        curves = [(np.concatenate([times for times, _, _ in curves]), sum(n for _, n, _ in curves), "black")]
    for times, n, colour in curves:
        rate = 1000 * population_rate(times, n, start=start, stop=stop, width=width)
        axes.plot(start + (np.arange(len(rate)) + 0.5) * width, rate, color=colour, linewidth=0.9)
    axes.set_ylabel("rate [Hz]")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("time [ms]")


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
    left, right = np.atleast_1d(ax) if ax is not None else _open(9, 3.6, columns=2)
    steps = (np.arange(len(losses)) + 1) * (epochs / max(1, len(losses)))
    left.plot(steps, losses, color=COLOURS[0], linewidth=0.6, alpha=0.35)
    window = max(1, len(losses) // 50)
    left.plot(steps, _running_mean(np.asarray(losses, float), window), color=COLOURS[0], linewidth=1.6)
    left.set_yscale("log")
    left.set_ylabel("loss")
    for position, (name, values) in enumerate(accuracy.items()):
        percent = 100 * np.asarray(values, float)
        style = {"color": _colour(position), "linewidth": 1.4, "marker": "o", "markersize": 3.5}
        right.plot(1 + np.arange(len(percent)), percent, label=_with_last(name, percent), **style)
    right.set_ylabel("accuracy [%]")
    right.legend(loc="lower right", frameon=False)
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.grid(True, color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)
        _tidy(axes)
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

    loss.yaxis.set_major_formatter("{x:g}")
    loss.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))
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
    axes = _axes(ax, 5.4, 5.2)
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
    return axes


def f_i_curve(
    currents: np.ndarray, rates: Mapping[str, np.ndarray] | np.ndarray, *, unit: str = "1", ax: Any = None
) -> "Axes":
    """Draw firing rates over the current that causes them.

    Args:
        currents: (n,).
        rates: (n,) firing rates [kHz], as ``run(...).rate()`` returns them; or name -> rates.
        unit: of the currents.
        ax: axes.

    Raises:
        ShapeError: rates and currents differ in number.
    """
    axes = _axes(ax, 5.2, 3.6)
    curves = rates if isinstance(rates, Mapping) else {"": rates}
    for position, (name, values) in enumerate(curves.items()):
        if np.shape(values) != np.shape(currents):
            raise ShapeError(
                f"rates{f' of {name}' if name else ''}: {np.shape(values)}, currents: {np.shape(currents)}"
            )
        axes.plot(currents, 1000 * np.asarray(values), color=_colour(position), linewidth=1.6, label=name or None)
    if any(curves):
        axes.legend(frameon=False)
    axes.set_xlabel(_label("current", unit))
    axes.set_ylabel("firing rate [Hz]")
    axes.set_ylim(bottom=0)
    _tidy(axes)
    return axes


def surrogate(
    surrogates: "Surrogate | Iterable[Surrogate]", *, span: tuple[float, float] = (-2.0, 2.0), ax: Any = None
) -> "Axes":
    """Draw surrogates: what stands in for the derivative of a spike, over the distance to the threshold.

    Args:
        surrogates: one or several entries of `spikelet.surrogates`.
        span: of the distance.
        ax: axes.
    """
    many = tuple(surrogates) if isinstance(surrogates, Iterable) else (surrogates,)
    axes = _axes(ax, 5.2, 3.6)
    x = np.linspace(*span, 801)
    for position, one in enumerate(many):
        axes.plot(x, derivative(one, x), color=_colour(position), linewidth=1.6, label=one.name)
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    axes.set_xlabel("distance to the threshold")
    axes.set_ylabel("surrogate derivative")
    axes.legend(frameon=False)
    _tidy(axes)
    return axes


# -- shared by the figures --------------------------------------------------------------------------------------------


def _axes(ax: Any, width: float = 6.4, height: float = 4.0) -> "Axes":
    return _open(width, height)[0] if ax is None else ax


def _open(width: float, height: float, *, rows: int = 1, columns: int = 1) -> np.ndarray:
    _require_matplotlib()
    from matplotlib import pyplot

    _, axes = pyplot.subplots(rows, columns, figsize=(width, height), layout="constrained", squeeze=False)
    return axes.ravel()


def _require_matplotlib() -> None:
    """Raise, with the command that helps, where matplotlib is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        text = "plots need matplotlib, which is not installed: pip install 'spikelet[plot]'"
        raise ModuleNotFoundError(text, name="matplotlib")


def _label(name: str, unit: str) -> str:
    return name if unit in ("1", "int") else f"{name} [{unit}]"


def _colour(position: int) -> str:
    return COLOURS[position % len(COLOURS)]


def _tidy(axes: "Axes") -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
