"""Spikes of neurons over time, with the rates of populations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.analysis import population_rate
from spikelet.analysis.columns import columns
from spikelet.errors import InputError
from spikelet.plot.style import GREY, colour, finish, one_axes, opened, some_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SPIKES = 8000  # about as many are drawn of a network
_DOTS = 50_000  # spikes beyond which a raster is drawn as an image
_SHARE = 0.6  # of the figure's pixels that such an image has


def raster(
    spikes: Any,
    ids: Any = None,
    *,
    neurons: int | None = None,
    duration: float | None = None,
    rates: float | None = None,
    ax: Any = None,
) -> Any:
    """Draw one dot for each spike: time to the right, neurons upwards; below it, if asked for, the mean rate.

    Of more than 50,000 spikes an image is drawn, in which each pixel that holds a spike is seen: none is left out.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, as ``run(...).spikes`` has them, or (S,) times.
        ids: (S,) neuron of each spike.
        neurons: number of neurons; that which the spikes tell as ``n``, else up to the highest that spiked.
        duration: time shown [ms]; the time recorded if the spikes tell it, else up to the last spike.
        rates: width of the bins of the rate [ms]; without it no rate is drawn.
        ax: axes; two where there are rates.

    Returns:
        The axes; an array of two where there are rates.

    Raises:
        ShapeError: the columns differ in length, or there are too few axes.
        InputError: a time is not finite, or a number not positive.
    """
    times, ids = columns(spikes, ids)
    for name, value in (("neurons", neurons), ("duration", duration), ("rates", rates)):
        if value is not None and not value > 0:
            raise InputError(f"raster: {name} must be positive, got {value!r}")
    count = neurons or getattr(spikes, "n", None) or (int(ids.max()) + 1 if len(ids) else 1)
    start = float(getattr(spikes, "t_start", 0.0))
    last = getattr(spikes, "t_stop", float(times.max()) if len(times) else start + 1.0)
    span = start, start + duration if duration else float(last)
    if rates is None:
        axes = one_axes(ax)
        _dots(axes, times, ids, count, span)
        axes.set_xlabel("time [ms]")
        finish(axes)
        return axes
    shape = {"rows": 2, "height_ratios": (3, 1), "sharex": True}
    above, below = some_axes(ax, 2, "a raster with rates (2)", width=6.4, height=4.6, **shape)
    _dots(above, times, ids, count, span)
    above.tick_params(labelbottom=False)
    _rate(below, times, count, (*span, rates), "black")
    below.set_xlim(*span)
    _rate_axes(below)
    finish(above, below)
    return np.array([above, below])


def _dots(axes: "Axes", times: np.ndarray, ids: np.ndarray, count: int, span: tuple[float, float]) -> None:
    """Draw dots, or an image of the number of spikes in each pixel."""
    if len(times) <= _DOTS:
        # a dot of the height of its row, within limits: few neurons must not be drawn as blots, many not as dust
        size = float(np.clip(600 / count, 1.2, 12.0))
        axes.scatter(times, ids, s=size, color="black", linewidths=0, marker="o", rasterized=len(times) > 5000)
    else:
        _image(axes, times, ids, count, span)
    axes.set_xlim(*span)
    axes.set_ylim(-0.5, count - 0.5)
    axes.set_ylabel("neuron")


def _image(axes: "Axes", times: np.ndarray, ids: np.ndarray, count: int, span: tuple[float, float]) -> None:
    """Draw the number of spikes in each pixel: white is none, and one is dark enough to be seen."""
    whole = axes.get_figure(root=True)
    # fewer pixels than the figure has, so that each is drawn at least once
    wide, high = (int(_SHARE * size * whole.dpi) for size in whole.get_size_inches())  # type: ignore[union-attr]
    shape = (min(count, high), wide)
    start, end = span
    shown = (times <= end) & (times >= start) & (ids < count)
    row = ids[shown].astype(np.int64) * shape[0] // count
    column = np.minimum(((times[shown] - start) / (end - start) * shape[1]).astype(np.int64), shape[1] - 1)
    table = np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1]).reshape(shape)
    many = float(np.percentile(table[table > 0], 95)) if table.any() else 1.0
    image = axes.imshow(
        np.ma.masked_equal(table, 0),
        cmap="Greys",
        vmin=1 - 0.54 * many,
        vmax=many,
        extent=(start, end, -0.5, count - 0.5),
        origin="lower",
        aspect="auto",
    )
    image.set_interpolation("nearest")


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
    above, below = np.atleast_1d(ax) if ax is not None else opened(9, 6.4, rows=2)
    counts = [np.count_nonzero((one.times > start) & (one.times <= stop)) for one in spikes.values()]
    sizes = np.array([one.n for one in spikes.values()])
    heights = np.maximum(sizes / sizes.sum(), 0.055)
    top, places = 1.0, []
    for position, (one, height) in enumerate(zip(spikes.values(), heights / heights.sum(), strict=True)):
        shown = int(np.clip(round(one.n * _SPIKES / max(1, sum(counts))), min(10, one.n), one.n))
        chosen = (one.times > start) & (one.times <= stop) & (one.ids < shown)
        level = top - height * (one.ids[chosen] + 0.5) / shown
        above.scatter(one.times[chosen], level, s=2, color=colour(position), linewidths=0)
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
    finish(above, below)
    return np.array([above, below])


def _rates(axes: "Axes", spikes: Mapping[str, Any], start: float, stop: float, width: float) -> None:
    """Draw the rates of up to three populations over time, or the mean of more."""
    curves = [(one.times, one.n, colour(position)) for position, one in enumerate(spikes.values())]
    if len(curves) > 3:
        curves = [(np.concatenate([times for times, _, _ in curves]), sum(n for _, n, _ in curves), "black")]
    for times, n, tint in curves:
        _rate(axes, times, n, (start, stop, width), tint)
    _rate_axes(axes)


def _rate(axes: "Axes", times: np.ndarray, n: int, window: tuple[float, float, float], tint: str) -> None:
    start, stop, width = window
    rate = 1000 * population_rate(times, n, start=start, stop=stop, width=width)
    axes.plot(start + (np.arange(len(rate)) + 0.5) * width, rate, color=tint, linewidth=0.9)


def _rate_axes(axes: "Axes") -> None:
    axes.set_ylabel("rate [Hz]")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("time [ms]")
