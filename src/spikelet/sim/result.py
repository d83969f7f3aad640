"""What a run of a network recorded: spikes as columns, states as arrays with time first.

result = net.run(1000, record={"E": ("spikes", "v")})
result["E"].spikes.times, result["E"].spikes.ids     # columns
result["E"]["v"]                                     # (T', n')
result["E"].rate() / Hz
"""

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.errors import InputError, did_you_mean
from spikelet.sim import neo_block, spike_files, stored
from spikelet.sim.recording import Recording
from spikelet.sim.spikes import frame

if TYPE_CHECKING:
    import neo  # pyright: ignore[reportMissingImports]  # optional
    import pandas  # pyright: ignore[reportMissingImports]  # optional

_MANY = 2**22  # spikes to look at in one go


@dataclass(frozen=True, eq=False)
class NetworkResult:
    """What a run of a network recorded.

    Attributes:
        recordings: Name of a population, a part of one or a projection -> what was recorded of it, in the order of
            ``record=``.
        dt: Step [ms].
        t_start: Where the run began [ms].
        t_stop: Where it ended [ms].
        interrupted: Whether Ctrl-C ended it early.
    """

    recordings: Mapping[str, Recording]
    dt: float
    t_start: float
    t_stop: float
    interrupted: bool = False

    def __repr__(self) -> str:
        stretch = f"{self.t_start:g} to {self.t_stop:g} ms, dt = {self.dt:g} ms"
        return f"NetworkResult({stretch}: {', '.join(self.names) or 'nothing'}{', interrupted' * self.interrupted})"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the populations of which something was recorded."""
        return tuple(self.recordings)

    @property
    def t(self) -> np.ndarray:
        """The end of each step of the run, (T,) [ms]."""
        first, last = (round(time / self.dt) for time in (self.t_start, self.t_stop))
        return np.arange(first + 1, last + 1) * self.dt

    def __getitem__(self, population: Any) -> Recording:
        """Return what was recorded of a population, a part of one or a projection, given itself or by its name.

        Raises:
            InputError: nothing was recorded of it.
        """
        name = population if isinstance(population, str) else getattr(population, "name", population)
        if not isinstance(name, str) or name not in self.recordings:
            held = did_you_mean(name, self.recordings) or f"; there is {', '.join(self.recordings) or 'none'}"
            raise InputError(f"the result holds no population {name!r}{held}")
        return self.recordings[name]

    def between(self, start: float, stop: float) -> "NetworkResult":
        """Return what happened after ``start`` and up to ``stop`` [ms], as a run of that stretch would have it.

        Rates keep the bins that the run has made. Of a result in a file only that stretch is read.

        Raises:
            InputError: the run has no time between them.
        """
        first, last = max(start, self.t_start), min(stop, self.t_stop)
        if not first < last:
            has = f"the run goes from {self.t_start:g} to {self.t_stop:g} ms"
            raise InputError(f"there is no time between {start!r} and {stop!r} ms; {has}"[:200])
        return self.cut(first, last)

    def cut(self, start: float, stop: float) -> "NetworkResult":
        """Return what `between` does, for times that may be the same."""
        held = {name: recording.between(start, stop, self.dt) for name, recording in self.recordings.items()}
        return replace(self, recordings=held, t_start=start, t_stop=stop)

    def to_neo(self) -> "neo.Block":
        """Return it as a block of Neo: a segment with spike trains and signals, which have units.

        Raises:
            ModuleNotFoundError: neo is not installed.
        """
        return neo_block.block(
            self.recordings, dt=self.dt, start=self.t_start, stop=self.t_stop, interrupted=self.interrupted
        )

    def save_spikes(self, path: str | os.PathLike[str]) -> None:
        """Write the spikes into a file, ``.npz`` or ``.csv``; see `spike_files.save`.

        Raises:
            InputError: the suffix is another one, or no spikes were recorded.
            DataError: the file cannot be written.
        """
        facts = {"dt": self.dt, "t_start": self.t_start, "t_stop": self.t_stop}
        spike_files.save(self.recordings, facts, Path(path))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "NetworkResult":
        """Return a recording that a run has written (``net.run(..., to=path)``), or is writing at present.

        Columns are read when they are asked for, and not kept; ``between`` reads no more than its stretch.

        Raises:
            DataError: there is no recording, or it is damaged.
        """
        return cls(**stored.read(path))

    def spike_hash(self) -> str:
        """Return the sha256 of all (step, id) pairs in order, as little-endian int64.

        Ids go on from population to population; pairs are in the order (step, id). A few millions are looked at
        at a time, so that a file needs no more memory.
        """
        count = sum(len(r.fired) for r in self.recordings.values() if r.fired is not None)
        digest = hashlib.sha256()
        for part in self._stretches(-(-count // _MANY)):
            digest.update(part._pairs().tobytes())
        return digest.hexdigest()

    def _stretches(self, count: int) -> Iterator["NetworkResult"]:
        """Yield parts of the run, of whole steps, in the order of time."""
        first, last = (round(time / self.dt) for time in (self.t_start, self.t_stop))
        borders = np.unique(np.linspace(first, last, max(1, count) + 1).round()) * self.dt
        if len(borders) <= 2:
            yield self
            return
        for start, stop in itertools.pairwise(borders.tolist()):
            yield self.between(start, stop)

    def _pairs(self) -> np.ndarray:
        """Return step and id of each spike, (S, 2), ordered."""
        steps, ids, first = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
        for recording in self.recordings.values():
            if recording.fired is not None:
                spikes = recording.spikes
                steps.append(spikes.steps)
                ids.append(spikes.ids.astype(np.int64) + first)
            first += recording.n
        pairs = np.stack([np.concatenate(steps), np.concatenate(ids)], 1).astype("<i8")
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the recorded spikes of all populations as a frame with columns ``population``, ``time`` [ms], ``id``.

        Raises:
            ModuleNotFoundError: pandas is not installed.
        """
        held = [(name, r.spikes) for name, r in self.recordings.items() if r.fired is not None]
        columns = {
            "population": np.repeat(np.array([name for name, _ in held], object), [len(spikes) for _, spikes in held]),
            "time": np.concatenate([np.zeros(0), *(spikes.times for _, spikes in held)]),
            "id": np.concatenate([np.zeros(0, np.int32), *(spikes.ids for _, spikes in held)]),
        }
        return frame(columns)


def join(results: Iterable[NetworkResult]) -> NetworkResult:
    """Return the results of runs that follow each other as the result of one run.

    Args:
        results: in the order of time; all recorded the same.

    Raises:
        InputError: there is none, one does not begin where the one before ends, or they recorded different things.
    """
    parts = list(results)
    if not parts:
        raise InputError("join: no results")
    for a, b in itertools.pairwise(parts):
        if abs(a.t_stop - b.t_start) > 1e-6 * b.dt:
            raise InputError(f"join: a result begins at {b.t_start:g} ms, but the one before ends at {a.t_stop:g} ms")
        if a.names != b.names:
            raise InputError(f"join: a result holds {', '.join(b.names)}, but the one before {', '.join(a.names)}")
    held = {name: _joined([part[name] for part in parts]) for name in parts[0].names}
    return replace(parts[-1], recordings=held, t_start=parts[0].t_start)


def _joined(parts: Sequence[Recording]) -> Recording:
    first = parts[0]
    for part in parts[1:]:
        if set(part.states) != set(first.states) or (part.fired is None) != (first.fired is None):
            raise InputError(f"join: of {first.name} the results hold different things")
    states, clocks = (
        {name: np.concatenate([np.asarray(getattr(part, what)[name]) for part in parts]) for name in first.states}
        for what in ("states", "clocks")
    )
    fired = [part.spikes for part in parts if part.fired is not None]
    spikes = None
    if fired:
        columns = {name: np.concatenate([getattr(part, name) for part in fired]) for name in ("times", "ids")}
        spikes = replace(fired[0], **columns, t_stop=fired[-1].t_stop)
    return replace(first, fired=spikes, clocks=clocks, states=states)
