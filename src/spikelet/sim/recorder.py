"""What a run records: spikes from the histories, states through a call that copies chosen neurons every few steps."""

from collections.abc import Mapping

import numpy as np

from spikelet.sim import driver
from spikelet.sim.driver import Call
from spikelet.sim.group import Stepping
from spikelet.sim.history import History
from spikelet.sim.result import NetworkResult, Recording, Spikes

_TYPES = {"float32": "float", "float64": "double", "bool": "i8", "int32": "i32", "int64": "i64"}


class _Trace:
    """A state of a population in a chunk, and what has been taken out of it."""

    def __init__(self, rows: np.ndarray, every: int, chunk: int):
        self.every = every
        self.memory = np.zeros((chunk // every + 1, rows.shape[1]), rows.dtype)
        self.parts = [self.memory[:0]]
        ids = np.arange(rows.shape[1])
        library = driver.library()
        words = driver.GATHER.array(
            {
                "step": 0, "T": 0, "rows": rows.ctypes.data, "n": rows.shape[1], "ids": ids.ctypes.data,
                "count": rows.shape[1], "every": every, "out": self.memory.ctypes.data, "base": 0,
            }
        )  # fmt: skip
        address = driver.address_of(library, f"gather_{_TYPES[rows.dtype.name]}")
        self.call = Call(address, words, words, kept=(rows, ids, self.memory, library))
        self.base = driver.GATHER.names.index("base")

    def begin(self, step: int) -> None:
        """Begin a chunk at a step."""
        self.call.even[self.base] = step // self.every + 1

    def take(self, step: int) -> None:
        """Take out what was copied up to a step."""
        self.parts.append(self.memory[: step // self.every + 1 - self.call.even[self.base]].copy())


class Recorder:
    """Records a run.

    Args:
        record: Population -> ``"spikes"`` and names of states.
        every: Steps from one value of a state to the next.
        steppings: The calls of the populations of neurons.
        histories: Of the populations that spike.
        start: Step at which the run begins.
        chunk: Most steps of a chunk.
        dt: Step [ms].

    Attributes:
        calls: For the driver, after those of the neurons.
    """

    def __init__(
        self,
        record: Mapping[str, tuple[str, ...]],
        every: int,
        steppings: Mapping[str, Stepping],
        histories: Mapping[str, History],
        *,
        start: int,
        chunk: int,
        dt: float,
    ):
        self.record, self.every, self.histories, self.dt = record, every, histories, dt
        self.start = self.last = start
        self.sizes = {name: history.ids.shape[1] for name, history in histories.items()}
        self.sizes |= {name: stepping.group.n for name, stepping in steppings.items()}
        self.spikes = {
            name: [histories[name].columns(start, start)] for name, what in record.items() if "spikes" in what
        }
        self.traces = {
            (name, state): _Trace(steppings[name].rows[state], every, chunk)
            for name, what in record.items()
            for state in what
            if state != "spikes"
        }
        self.calls: list[Call] = [trace.call for trace in self.traces.values()]

    def begin(self) -> None:
        """Begin a chunk."""
        for trace in self.traces.values():
            trace.begin(self.last)

    def take(self, step: int) -> None:
        """Take out what happened in a chunk that ended at a step."""
        for name, parts in self.spikes.items():
            parts.append(self.histories[name].columns(self.last, step))
        for trace in self.traces.values():
            trace.take(step)
        self.last = step

    def result(self, interrupted: bool) -> NetworkResult:
        """Return all of it."""
        dt = self.dt
        start, stop = self.start * dt, self.last * dt
        every = np.arange(self.start // self.every + 1, self.last // self.every + 1) * (self.every * dt)
        recordings: dict[str, Recording] = {}
        for name, what in self.record.items():
            n = self.sizes[name]
            states = {state: np.concatenate(self.traces[name, state].parts) for state in what if state != "spikes"}
            fired = None
            if name in self.spikes:
                steps, ids = (np.concatenate(part) for part in zip(*self.spikes[name], strict=True))
                fired = Spikes((steps + 1) * dt, ids, n, dt, start, stop)
            recordings[name] = Recording(name, n, fired, every if states else np.zeros(0), states)
        return NetworkResult(recordings, dt, start, stop, interrupted)
