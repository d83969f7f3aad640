"""Recorded variables over time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.errors import InputError, did_you_mean
from spikelet.plot.style import colour, finish, labelled, some_axes, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spikelet.simulate import Result

_SHOWN = 5  # neurons that a trace shows unless told which


def trace(
    result: "Result",
    names: str | Iterable[str] = (),
    *,
    neurons: Iterable[int] | None = None,
    unit: Mapping[str, str] | None = None,
    ax: Any = None,
) -> Any:
    """Draw recorded variables over time, one above the other, with a tick above the curves for each spike.

    Long curves are drawn by the extremes of short stretches, so that no peak is lost.

    Args:
        result: of `spikelet.run`.
        names: recorded variables; all of them if not given.
        neurons: indices; the first five if not given.
        unit: name -> unit, for the labels, as ``model.unit(name)`` tells.
        ax: axes, as many as there are names.

    Returns:
        The axes, one for each name.

    Raises:
        InputError: a name was not recorded, or there is no such neuron.
    """
    wanted = _wanted(tuple(result.recorded), names)
    what = f"{len(wanted)} variables ({', '.join(wanted)})"
    every = some_axes(ax, len(wanted), what, width=6.4, height=1.2 + 1.8 * len(wanted), rows=len(wanted))
    chosen = tuple(range(min(_SHOWN, result.n)) if neurons is None else neurons)
    for neuron in chosen:
        if not 0 <= neuron < result.n:
            raise InputError(f"trace: there is no neuron {neuron}; they are 0 to {result.n - 1}")
    for axes, name in zip(every, wanted, strict=True):
        values = result[name]
        for position, neuron in enumerate(chosen):
            curve = thinned(result.t, values[:, neuron])
            axes.plot(*curve, color=colour(position), linewidth=1, label=f"{neuron}")
        axes.set_ylabel(labelled(name, (unit or {}).get(name, "1")))
        axes.set_xlim(0, result.t[-1])
    _spike_ticks(every[0], result, chosen)
    if len(chosen) > 1:
        every[0].legend(title="neuron", loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    for axes in every[:-1]:
        axes.tick_params(labelbottom=False)
    every[-1].set_xlabel("time [ms]")
    finish(*every)
    return every


def _wanted(recorded: tuple[str, ...], names: str | Iterable[str]) -> tuple[str, ...]:
    wanted = (names,) if isinstance(names, str) else tuple(names) or recorded
    for name in wanted:
        if name not in recorded:
            raise InputError(
                f"'{name}' was not recorded{did_you_mean(name, recorded)} (recorded: {', '.join(recorded)})"
            )
    if not wanted:
        raise InputError("nothing was recorded: run(..., record='v')")
    return wanted


def _spike_ticks(axes: "Axes", result: "Result", neurons: Sequence[int]) -> None:
    """Mark spikes above the curves: what is recorded is the value after reset, in which a spike cannot be seen."""
    for position, neuron in enumerate(neurons):
        times = result.spikes.times[result.spikes.ids == neuron]
        if not len(times):  # an empty curve in these coordinates would spoil the layout
            continue
        height = np.full(len(times), 1.04 + 0.05 * position)
        axes.plot(
            times, height, "|", color=colour(position), transform=axes.get_xaxis_transform(), clip_on=False, zorder=3
        )
