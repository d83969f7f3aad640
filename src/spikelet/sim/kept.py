"""How columns become recordings: the same for memory and for a file."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from spikelet.sim.record import SPIKES, Item
from spikelet.sim.recording import Recording
from spikelet.sim.spikes import Spikes


@dataclass(frozen=True, eq=False)
class Kept:
    """What a result has to know of an item.

    Attributes:
        name: Of the population or projection, with the part that was chosen.
        what: ``"spikes"``, ``"rate"``, ``"weights"``, or a state.
        n: Number of neurons of the population, or of synapses of the projection.
        neurons: (m,) those that were chosen; None is all.
        unit: Of the values.
    """

    name: str
    what: str
    n: int
    neurons: np.ndarray | None
    unit: str

    @classmethod
    def of(cls, item: Item) -> "Kept":
        """Return it for an item."""
        return cls(item.name, item.what, len(item.owner), item.ids, item.unit)


def recordings(
    kept: Iterable[Kept], column: Callable[[Kept, str], np.ndarray], *, dt: float, start: float, stop: float
) -> dict[str, Recording]:
    """Return the recordings of a result.

    Args:
        kept: What there is.
        column: Of an item and the name of a column: its values; an array, or something that is read when it is sliced.
        dt: Step [ms].
        start: Where the recording begins [ms].
        stop: Where it ends [ms].
    """
    together: dict[str, list[Kept]] = {}
    for one in kept:
        together.setdefault(one.name, []).append(one)
    found = {}
    for name, parts in together.items():
        fired, states = None, [one for one in parts if one.what != SPIKES]
        for one in parts:
            if one.what == SPIKES:
                neurons = None if one.neurons is None else np.sort(one.neurons)
                fired = Spikes(column(one, "times"), column(one, "ids"), one.n, dt, start, stop, neurons)
        clocks, values = ({one.what: column(one, which) for one in states} for which in ("t", "values"))
        units = {one.what: one.unit for one in states}
        found[name] = Recording(name, parts[0].n, fired, clocks, values, parts[0].neurons, units)
    return found
