"""Spike trains of Neo, and back: the format of Elephant and of many readers of recordings (extra ``neo``)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.errors import InputError


@dataclass(frozen=True)
class Columns:
    """Spikes as columns, with the window in which they were recorded.

    Attributes:
        times: (S,) [ms], ascending.
        ids: (S,) number of the train.
        n: Number of trains.
        t_start: Where the recording begins [ms].
        t_stop: Where it ends [ms].
    """

    times: np.ndarray
    ids: np.ndarray
    n: int
    t_start: float
    t_stop: float

    def __len__(self) -> int:
        """Number of spikes."""
        return len(self.times)


def from_neo(trains: Any) -> Columns:
    """Return the spikes of ``neo.SpikeTrain`` objects as columns.

    Args:
        trains: one train or a list of them, in any unit of time.

    Returns:
        Columns, in the order (time, id); the window reaches from the first start to the last end.

    Raises:
        InputError: there is no train, or something is none.
    """
    trains = [trains] if hasattr(trains, "t_stop") else list(trains)
    for place, train in enumerate(trains):
        if not (hasattr(train, "rescale") and hasattr(train, "t_stop")):
            raise InputError(f"from_neo: expected neo.SpikeTrain, entry {place} is {type(train).__name__}")
    if not trains:
        raise InputError("from_neo: no trains")
    found = [np.asarray(train.rescale("ms").magnitude, float) for train in trains]
    times = np.concatenate(found)
    ids = np.repeat(np.arange(len(found)), [len(one) for one in found])
    order = np.lexsort((ids, times))
    ends = [(float(train.t_start.rescale("ms")), float(train.t_stop.rescale("ms"))) for train in trains]
    return Columns(times[order], ids[order], len(trains), min(a for a, _ in ends), max(b for _, b in ends))


def to_neo(
    spikes: Any, ids: Any = None, *, n: int | None = None, start: float | None = None, stop: float | None = None
) -> list[Any]:
    """Return a ``neo.SpikeTrain`` for each neuron, in ms, also for those that are silent.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.
        start: of the recording [ms]; as recorded, else 0.
        stop: of the recording [ms]; as recorded, else the last spike.

    Raises:
        ModuleNotFoundError: neo is not installed.
        InputError: a spike lies outside the recording.
    """
    try:
        import neo  # pyright: ignore[reportMissingImports]  # optional
    except ModuleNotFoundError as error:
        text = "to_neo needs neo, which is not installed: pip install 'spikelet[neo]'"
        raise ModuleNotFoundError(text, name="neo") from error
    trains = c.trains(spikes, ids, n)
    start, stop = c.window(spikes, trains.times, start, stop)
    if trains.times.size and (trains.times.min() < start or trains.times.max() > stop):
        raise InputError(f"to_neo: spikes lie outside the recording, {start:g} to {stop:g} ms")
    window: dict[str, Any] = {"t_start": start, "t_stop": stop}
    return [neo.SpikeTrain(trains[i], units="ms", **window) for i in range(len(trains))]
