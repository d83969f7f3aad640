"""What a run records, chunk by chunk: spikes from the histories, states through a call that copies some of them.

Each item of `record.items` has a part here, which yields columns for every chunk; where they go, into memory or into a
file, is a matter of the sink. Weights are read by Python, between two chunks that end where they are due.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from spikelet.sim import driver
from spikelet.sim.driver import Call
from spikelet.sim.group import Stepping
from spikelet.sim.history import History
from spikelet.sim.population import Population
from spikelet.sim.projection import Projection
from spikelet.sim.record import RATE, SPIKES, WEIGHTS, Item
from spikelet.sim.result import NetworkResult

_TYPES = {"float32": "float", "float64": "double", "bool": "i8", "int32": "i32", "int64": "i64"}
Columns = Mapping[str, np.ndarray]


class Sink(Protocol):
    """Where columns go."""

    def append(self, item: Item, columns: Columns) -> None:
        """Add rows to the columns of an item."""
        ...

    def reached_step(self, step: int) -> None:
        """Take note that all items have their rows up to a step."""
        ...

    def flush(self, step: int, *, ended: bool = False) -> None:
        """Make what has come up to a step readable for others."""
        ...

    def result(self, *, dt: float, start: float, stop: float, interrupted: bool) -> NetworkResult:
        """Return all of it."""
        ...


class Events:
    """The spikes of a population in a chunk, looked at once whatever is recorded of them."""

    def __init__(self, history: History):
        self.history = history
        self.stretch, self.found = (0, 0), history.columns(0, 0)

    def columns(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the step and the neuron of each spike of steps ``first`` to ``last - 1``, in order."""
        if self.stretch != (first, last):
            self.stretch, self.found = (first, last), self.history.columns(first, last)
        return self.found

    def of(self, ids: np.ndarray | None, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Return those of some neurons, ascending; None is all."""
        steps, found = self.columns(first, last)
        if ids is None:
            return steps, found
        chosen = np.isin(found, ids)
        return steps[chosen], found[chosen]


class Spiking:
    """The spikes of some neurons."""

    def __init__(self, item: Item, events: Events, dt: float):
        self.item, self.events, self.dt = item, events, dt

    def take(self, first: int, last: int) -> Columns:
        """Return what happened in steps ``first`` to ``last - 1``."""
        steps, ids = self.events.of(self.item.ids, first, last)
        return {"times": (steps + 1) * self.dt, "ids": ids}


class Rate:
    """Spikes per neuron and time in bins that lie in the run as a whole; their borders are multiples of the width."""

    def __init__(self, item: Item, events: Events, dt: float, start: int):
        self.item, self.events, self.dt = item, events, dt
        self.whole = -(-start // item.every) * item.every  # where the first bin begins
        self.count = 0
        n = len(item.owner) if item.ids is None else len(item.ids)
        self.scale = 1.0 / (n * item.every * dt)

    def take(self, first: int, last: int) -> Columns:
        """Return the rates of the bins that end in a chunk."""
        every, begin = self.item.every, min(max(first, self.whole), last)
        number = (np.arange(begin, last) - self.whole) // every - (begin - self.whole) // every
        counts = np.bincount(number, self._totals(begin, last), minlength=1) if last > begin else np.zeros(1)
        counts[0] += self.count
        done = last // every - begin // every if last > begin else 0
        self.count = counts[done] if done < len(counts) else 0
        return {"t": _clock(begin, last, every, self.dt)[:done], "values": counts[:done] * self.scale}

    def _totals(self, first: int, last: int) -> np.ndarray:
        if self.item.ids is None:
            return self.events.history.totals(first, last)
        return np.bincount(self.events.of(self.item.ids, first, last)[0] - first, minlength=last - first)


class Trace:
    """A state of some neurons, copied by a call of the driver."""

    def __init__(self, item: Item, n: int, chunk: int, dt: float):
        self.item, self.dt, self.n = item, dt, n
        self.ids = np.arange(n) if item.ids is None else item.ids.astype(np.int64)
        self.rows_at_most = chunk // item.every + 1
        self.memory: np.ndarray | None = None
        self.words: np.ndarray | None = None

    def call(self, rows: np.ndarray) -> Call:
        """Return the call that copies from the rows of a block."""
        if self.memory is None:
            self.memory = np.zeros((self.rows_at_most, len(self.ids)), rows.dtype)
        library = driver.library()
        self.words = driver.GATHER.array(
            {
                "step": 0, "T": 0, "rows": rows.ctypes.data, "n": self.n, "ids": self.ids.ctypes.data,
                "count": len(self.ids), "every": self.item.every, "out": self.memory.ctypes.data, "base": 0,
            }
        )  # fmt: skip
        address = driver.address_of(library, f"gather_{_TYPES[rows.dtype.name]}")
        return Call(address, self.words, self.words, kept=(rows, self.ids, self.memory, library))

    def begin(self, first: int) -> None:
        """Begin a chunk at a step."""
        assert self.words is not None
        self.words[driver.GATHER.names.index("base")] = first // self.item.every + 1

    def take(self, first: int, last: int) -> Columns:
        """Return what was copied in a chunk."""
        assert self.memory is not None
        t = _clock(first, last, self.item.every, self.dt)
        return {"t": t, "values": self.memory[: len(t)].copy()}


class Weights:
    """The weights of some synapses, in the order (source, target)."""

    def __init__(self, item: Item, dt: float):
        assert isinstance(item.owner, Projection)
        self.item, self.dt, self.projection = item, dt, item.owner
        self.places: np.ndarray | None = None  # not known yet: synapses change places when a run is made ready

    def take(self, first: int, last: int) -> Columns:
        """Return the weights at the end of a chunk, where they are due then."""
        if self.places is None:
            order = self.projection.edges.order()
            self.places = order if self.item.ids is None else order[self.item.ids]
        weights = np.asarray(self.projection.edges.weights)
        values = np.broadcast_to(weights, self.places.shape) if weights.ndim == 0 else weights[self.places]
        t = _clock(first, last, self.item.every, self.dt)
        return {"t": t, "values": values[None][: len(t)].copy()}


def _clock(first: int, last: int, every: int, dt: float) -> np.ndarray:
    """Return the ends of the steps ``first`` to ``last - 1`` that are recorded [ms]."""
    return np.arange(first // every + 1, last // every + 1) * (every * dt)


class Recorder:
    """Records a run.

    Args:
        items: What.
        sink: Where to.
        histories: Of the populations that spike.
        start: Step at which the run begins.
        chunk: Most steps of a chunk.
        dt: Step [ms].

    Attributes:
        wanted: Population -> ``"spikes"`` and names of states that the engine has to provide.
        weights: Names of the projections whose weights are recorded.
    """

    def __init__(
        self, items: Iterable[Item], sink: Sink, histories: Mapping[str, History], *, start: int, chunk: int, dt: float
    ):
        self.items, self.sink, self.histories, self.dt = list(items), sink, histories, dt
        self.last = start
        self.events: dict[str, Events] = {}
        self.wanted: dict[str, tuple[str, ...]] = {}
        self.parts = [self._part(item, start, chunk) for item in self.items]
        self.due = sorted({part.item.every for part in self.parts if isinstance(part, Weights)})
        self.weights = {part.projection.name for part in self.parts if isinstance(part, Weights)}
        self.tallies: list[Tally] = []
        self.made: tuple[Mapping[str, Stepping], list[Call]] | None = None

    def _part(self, item: Item, start: int, chunk: int) -> "Spiking | Rate | Trace | Weights":
        owner = item.owner
        if item.what == WEIGHTS or not isinstance(owner, Population):
            return Weights(item, self.dt)
        if item.what == SPIKES:
            return Spiking(item, self.watch(owner), self.dt)
        if item.what == RATE:
            return Rate(item, self.watch(owner), self.dt, start)
        self._want(owner, item.what)
        return Trace(item, owner.n, chunk, self.dt)

    def watch(self, population: Population) -> Events:
        """Return the spikes of a population, chunk by chunk."""
        self._want(population, SPIKES)
        return self.events.setdefault(population.name, Events(self.histories[population.name]))

    def _want(self, population: Population, name: str) -> None:
        known = self.wanted.get(population.name, ())
        self.wanted[population.name] = known if name in known else (*known, name)

    def tally(self, population: Population, ids: np.ndarray | None) -> "Tally":
        """Return a count of the spikes of some neurons, from now on."""
        self.tallies.append(Tally(self.watch(population), ids))
        return self.tallies[-1]

    def calls(self, steppings: Mapping[str, Stepping]) -> list[Call]:
        """Return the calls of a block, after those of the neurons; the same for every thread."""
        if self.made is None or self.made[0] is not steppings:
            traces = [part for part in self.parts if isinstance(part, Trace)]
            calls = [part.call(steppings[part.item.owner.name].rows[part.item.what]) for part in traces]
            self.made = steppings, calls
            for part in self.parts:
                if isinstance(part, Weights):
                    part.places = None
        return self.made[1]

    def next(self, step: int) -> int:
        """Return the step at which the next chunk has to end at the latest."""
        return min((step // every * every + every for every in self.due), default=step + 2**62)

    def begin(self) -> None:
        """Begin a chunk."""
        for part in self.parts:
            if isinstance(part, Trace):
                part.begin(self.last)

    def take(self, step: int) -> None:
        """Take out what happened in a chunk that ended at a step."""
        for part in self.parts:
            self.sink.append(part.item, part.take(self.last, step))
        for tally in self.tallies:
            tally.count += len(tally.events.of(tally.ids, self.last, step)[0])
        self.last = step


class Tally:
    """A count of spikes.

    Attributes:
        count: Spikes so far.
    """

    def __init__(self, events: Events, ids: np.ndarray | None):
        self.events, self.ids, self.count = events, ids, 0
