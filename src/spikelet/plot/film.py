"""A film of a running network: its spikes and some membranes, as time goes by."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.errors import InputError, did_you_mean
from spikelet.model import Neuron
from spikelet.plot.events import write_film
from spikelet.plot.style import colour, figure, finish, labelled

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def animate_network(
    network: Any,
    path: str | Path,
    *,
    t: float,
    population: Any = None,
    variable: str = "v",
    neurons: Sequence[int] = (0, 1, 2),
    window: float = 100.0,
    frame: float = 5.0,
    dt: float | None = None,
    fps: float = 15.0,
) -> "tuple[Axes, Axes]":
    """Run a network and write a film of it, as GIF or, with ffmpeg, as MP4: spikes above, membranes below.

    The network runs frame by frame, and only what the window shows is kept: films of any length need the same memory.

    Args:
        network: a `spikelet.Network`; it goes on from where it is, and is left where the film ends.
        path: ``.gif`` or ``.mp4``.
        t: how long it runs [ms].
        population: whose membranes are drawn, itself or its name; the first one if not given. The spikes are those
            of all neurons.
        variable: state that is drawn.
        neurons: of the population.
        window: time shown [ms].
        frame: time that passes from frame to frame [ms].
        dt: step of the network [ms].
        fps: frames in a second of the film.

    Returns:
        The axes of the spikes and of the membranes, as the last frame shows them.

    Raises:
        InputError: an argument is wrong.
        DataError: the file cannot be written.
    """
    name = _population(network, population)
    chosen = [int(neuron) for neuron in neurons]
    for neuron in chosen:
        if not 0 <= neuron < network.populations[name].n:
            raise InputError(
                f"animate_network: {name} has no neuron {neuron}; they are 0 to {network.populations[name].n - 1}"
            )
    if not 0 < frame <= window or not t >= frame:
        raise InputError(
            f"animate_network: expected 0 < frame <= window and t >= frame, got {frame:g}, {window:g}, {t:g} ms"
        )
    sent = [other for other, p in network.populations.items() if isinstance(p.model, Neuron) and p.spiking]
    record: dict[Any, Any] = {other: ("spikes",) for other in sent}
    record[name] = (*record.get(name, ()), variable)
    drawn, (above, below) = figure(3.4, 3.6, rows=2, heights=(3, 2))
    layout: Any = drawn.get_layout_engine()
    layout.set(rect=(0, 0, 0.97, 1))  # room for the last tick, which is found once for all frames
    picture = _Picture(above, below, {other: network.populations[other].n for other in sent}, chosen, window)
    below.set_ylabel(labelled(variable, network.populations[name].model.unit(variable)))
    pieces = _pieces(network, t, frame, dt, record)

    def advance(k: int) -> None:
        picture.add(next(pieces), name, variable)

    write_film(Path(path), drawn, advance, round(t / frame), fps)
    return above, below


def _population(network: Any, population: Any) -> str:
    if not hasattr(network, "populations") or not hasattr(network, "run"):
        raise InputError(f"animate_network: expected a Network, got {type(network).__name__}")
    names = list(network.populations)
    if population is None:
        if not names:
            raise InputError("animate_network: the network has no populations")
        return names[0]
    name = getattr(population, "name", population)
    if name not in names:
        raise InputError(f"animate_network: there is no population {name!r}{did_you_mean(name, names)}")
    return name


def _pieces(network: Any, t: float, frame: float, dt: float | None, record: Any) -> Iterator[Any]:
    for _ in range(round(t / frame)):
        yield network.run(frame, dt=dt, record=record)


class _Picture:
    """What the film shows: dots for spikes, curves for membranes, of the last stretch of time."""

    def __init__(self, above: "Axes", below: "Axes", sizes: dict[str, int], neurons: list[int], window: float):
        self.above, self.below, self.neurons, self.window = above, below, neurons, window
        self.first = dict(zip(sizes, np.cumsum([0, *sizes.values()])[:-1], strict=True))
        self.spikes = {name: np.zeros((0, 2)) for name in sizes}
        self.course = np.zeros((0, 1 + len(neurons)))
        total = sum(sizes.values())
        size = float(np.clip(600 / max(1, total), 0.8, 8.0))
        self.dots = {n: above.scatter([], [], s=size, color=colour(i), linewidths=0) for i, n in enumerate(sizes)}
        self.lines = [
            below.plot([], [], color=colour(i), linewidth=0.9, label=f"neuron {k}")[0] for i, k in enumerate(neurons)
        ]
        above.set_ylim(-0.5, max(1, total) - 0.5)
        above.set_yticks([self.first[n] + (size_ - 1) / 2 for n, size_ in sizes.items()], list(sizes))
        above.tick_params(axis="y", length=0)
        above.tick_params(labelbottom=False)
        self.title = above.set_title(" ")
        below.set_xlabel("time [ms]")
        if len(neurons) > 1:
            place = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0.1, "ncols": len(neurons)}
            below.legend(frameon=False, handlelength=1, **place)
        finish(above, below)

    def add(self, result: Any, name: str, variable: str) -> None:
        """Take in what happened in a frame."""
        now, start = result.t_stop, result.t_stop - self.window
        for other, kept in self.spikes.items():
            new = result[other].spikes
            rows = np.stack([new.times, new.ids + self.first[other]], 1)
            rows = np.concatenate([kept, rows])
            self.spikes[other] = rows[rows[:, 0] > start]
            self.dots[other].set_offsets(self.spikes[other])
        recorded = result[name]
        rows = np.column_stack([recorded.t, recorded[variable][:, self.neurons]])
        self.course = np.concatenate([self.course, rows])
        self.course = self.course[self.course[:, 0] > start]
        for place, line in enumerate(self.lines):
            line.set_data(self.course[:, 0], self.course[:, 1 + place])
        self._limits(start, now)

    def _limits(self, start: float, now: float) -> None:
        left = max(0.0, start)
        for axes in (self.above, self.below):
            axes.set_xlim(left, left + self.window)
        values = self.course[:, 1:]
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
        before = self.below.get_ylim() if hasattr(self, "seen") else (low, high)
        pad = 0.05 * (high - low) or 0.5
        self.below.set_ylim(min(before[0], low - pad), max(before[1], high + pad))
        self.seen = True
        count = sum(len(rows) for rows in self.spikes.values())
        self.title.set_text(f"{now:.0f} ms, {count:,} spike{'' if count == 1 else 's'} in {self.window:g} ms")
