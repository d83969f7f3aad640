"""Statistics of spikes: intervals, PSTH, correlograms, spectra."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet import analysis
from spikelet.analysis.columns import columns
from spikelet.errors import InputError, ShapeError
from spikelet.plot.style import COLOURS, GREY, colour, finish, one_axes, opened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = (5.2, 3.6)


def isi_histogram(
    spikes: Any, ids: Any = None, *, width: float | None = None, stop: float | None = None, ax: Any = None
) -> "Axes":
    """Draw the distribution of intervals between spikes, with that of a Poisson process of the same rate.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        width: of the bins [ms]; a fortieth of what is shown if not given.
        stop: longest interval shown [ms]; 99 % of the intervals if not given. What is longer is told in the title.
        ax: axes.

    Raises:
        InputError: no neuron has two spikes.
    """
    intervals, _ = analysis.isi(spikes, ids)
    if not intervals.size:
        raise InputError("isi_histogram: no neuron has two spikes, so there is no interval")
    stop = float(np.percentile(intervals, 99)) if stop is None else stop
    width = stop / 40 if width is None else width
    edges = np.arange(int(np.ceil(stop / width - 1e-9)) + 1) * width
    counts, _ = np.histogram(intervals, edges)
    share = counts / (len(intervals) * width)
    axes = one_axes(ax, *_SIZE)
    axes.stairs(share, edges, fill=True, color=COLOURS[0], alpha=0.75, linewidth=0)
    mean = float(intervals.mean())
    t = np.linspace(0, edges[-1], 200)
    axes.plot(t, np.exp(-t / mean) / mean, color=GREY, linewidth=1, linestyle="--", label="Poisson")
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("interval [ms]")
    axes.set_ylabel("density [1/ms]")
    variation = analysis.cv_isi(spikes, ids, least=2)
    beyond = np.count_nonzero(intervals > edges[-1])
    axes.set_title(f"{len(intervals):,} intervals, CV {variation:.2f}" + (f", {beyond:,} longer" if beyond else ""))
    axes.legend(frameon=False)
    finish(axes)
    return axes


def psth(
    spikes: Any,
    ids: Any = None,
    *,
    events: Any = None,
    trials: int | None = None,
    start: float,
    stop: float,
    width: float,
    ax: Any = None,
) -> Any:
    """Draw the spikes of each trial around the stimulus, and below them the peri-stimulus time histogram.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times; the ids are trials, or neurons where
            ``events`` are given.
        ids: (S,).
        events: (K,) times of the stimuli [ms], where ids are not trials.
        trials: number of trials, where ids are trials.
        start: of the time shown, after the stimulus [ms]; may be negative.
        stop: of the time shown [ms].
        width: of a bin [ms].
        ax: two axes.

    Returns:
        The two axes.
    """
    how = {"events": events, "trials": trials, "start": start, "stop": stop, "width": width}
    rate = 1000 * analysis.psth(spikes, ids, **how)
    times, rows = columns(spikes, ids)
    if events is not None:
        at = np.sort(np.asarray(events, float))
        times = np.sort(times)
        first, last = np.searchsorted(times, at + start, "right"), np.searchsorted(times, at + stop, "right")
        rows = np.repeat(np.arange(len(at)), last - first)
        times = np.concatenate([times[a:b] - t for a, b, t in zip(first, last, at, strict=True)])
    above, below = np.ravel(ax) if ax is not None else opened(5.2, 4.2, rows=2, height_ratios=(1, 1))
    count = trials or (len(np.atleast_1d(events)) if events is not None else int(rows.max(initial=0)) + 1)
    size = float(np.clip(300 / count, 0.8, 6.0))
    above.scatter(times, rows, s=size, color="black", linewidths=0, rasterized=len(times) > 5000)
    above.set_ylim(-0.5, count - 0.5)
    above.set_ylabel("trial")
    above.tick_params(labelbottom=False)
    edges = start + np.arange(len(rate) + 1) * width
    below.stairs(rate, edges, fill=True, color=COLOURS[0], alpha=0.75, linewidth=0)
    below.set_ylabel("rate [Hz]")
    below.set_ylim(bottom=0)
    below.set_xlabel("time after the stimulus [ms]")
    for axes in (above, below):
        axes.set_xlim(start, stop)
        if start < 0 < stop:
            axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    finish(above, below)
    return np.array([above, below])


def correlogram(
    a: Any, b: Any = None, *, window: float = 50.0, width: float = 1.0, duration: float | None = None, ax: Any = None
) -> "Axes":
    """Draw how many pairs of spikes lie how far apart: of two trains, or, with one alone, of each neuron with itself.

    Args:
        a: spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        b: those of the other train; without it the auto-correlogram is drawn.
        window: largest lag [ms].
        width: of a bin [ms].
        duration: of the recording [ms]; with it the pairs that the borders cut off are made good, and a line shows what
            is expected of independent trains.
        ax: axes.
    """
    how = {"window": window, "width": width, "duration": duration}
    lags, counts = analysis.auto_correlogram(a, **how) if b is None else analysis.cross_correlogram(a, b, **how)
    axes = one_axes(ax, *_SIZE)
    axes.bar(lags, counts, width=width, color=COLOURS[0], linewidth=0)
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":", zorder=3)
    if duration is not None:
        level = _expected(a, b) * width / duration
        axes.axhline(level, color=COLOURS[1], linewidth=1, label="expected of independent spikes")
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    axes.set_xlim(lags[0] - width / 2, lags[-1] + width / 2)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("lag [ms]")
    axes.set_ylabel(f"pairs in {width:g} ms")
    finish(axes)
    return axes


def _expected(a: Any, b: Any) -> float:
    """Return the number of pairs: products of the counts, for each neuron where there is one train alone."""
    times, ids = columns(a)
    return float(np.sum(np.bincount(ids) ** 2.0)) if b is None else float(len(times) * len(columns(b)[0]))


def spectrum(
    power: Mapping[str, tuple[Any, Any]] | tuple[Any, Any],
    *,
    unit: str = "1",
    highest: float | None = None,
    log: bool = True,
    ax: Any = None,
) -> "Axes":
    """Draw power spectral densities, as `analysis.power_spectrum` and `analysis.spike_spectrum` return them.

    Args:
        power: (F,) frequencies [Hz] and (F,) or (F, N) power; or name -> those.
        unit: of the power.
        highest: frequency shown [Hz].
        log: whether the power is drawn on a logarithmic scale.
        ax: axes.

    Raises:
        ShapeError: frequencies and power differ in number.
    """
    axes = one_axes(ax, *_SIZE)
    curves = power if isinstance(power, Mapping) else {"": power}
    for position, (name, (frequencies, values)) in enumerate(curves.items()):
        frequencies, values = np.asarray(frequencies, float), np.asarray(values, float)
        if values.shape[:1] != frequencies.shape or values.ndim > 2:
            raise ShapeError(f"spectrum{f' of {name}' if name else ''}: {frequencies.shape}, power: {values.shape}")
        shown = frequencies > 0 if log else np.ones(len(frequencies), bool)
        shown &= frequencies <= (np.inf if highest is None else highest)
        lines = axes.plot(frequencies[shown], values[shown], color=colour(position), linewidth=1.2)
        lines[0].set_label(name or "_")
    if log:
        axes.set_yscale("log")
    if any(curves):
        axes.legend(frameon=False)
    axes.set_xlim(left=0)
    axes.margins(x=0)
    axes.set_xlabel("frequency [Hz]")
    axes.set_ylabel("power" if unit == "1" else f"power [{unit}]")
    finish(axes)
    return axes
