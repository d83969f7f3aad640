"""What a run of a network recorded: spikes as columns, states as arrays with time first.

result = net.run(1000, record={"E": ("spikes", "v")})
result["E"].spikes.times, result["E"].spikes.ids     # columns
result["E"]["v"]                                     # (T', n')
result["E"].rate() / Hz
"""

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import pandas  # pyright: ignore[reportMissingImports]  # optional


@dataclass(frozen=True, eq=False)
class Spikes:
    """The spikes of a population as columns, in the order (time, id); of several at once the row is repeated.

    Attributes:
        times: (S,) float64 [ms], ascending; a spike found in step k has the time (k + 1) dt.
        ids: (S,) int32, index of the neuron in its population.
        n: Number of neurons of the population.
        dt: Step [ms].
        t_start: Where the recording begins [ms].
        t_stop: Where it ends [ms].
        neurons: (m,) ids of those whose spikes these are, ascending; None is all.
    """

    times: np.ndarray
    ids: np.ndarray
    n: int
    dt: float
    t_start: float
    t_stop: float
    neurons: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of spikes."""
        return len(self.times)

    @property
    def steps(self) -> np.ndarray:
        """The step in which each spike was found, (S,) int64."""
        return np.rint(self.times / self.dt).astype(np.int64) - 1

    def counts(self) -> np.ndarray:
        """Return the number of spikes of each neuron, (n,); of some neurons, see `of`, (m,)."""
        counts = np.bincount(self.ids, minlength=self.n)
        return counts if self.neurons is None else counts[self.neurons]

    def rates(self) -> np.ndarray:
        """Return the firing rate of each neuron [1/ms], in the order of `counts`; divide by ``units.Hz`` for Hz."""
        return self.counts() / (self.t_stop - self.t_start)

    def rate(self) -> float:
        """Return the mean firing rate [1/ms]; divide by ``units.Hz`` for Hz."""
        neurons = self.n if self.neurons is None else len(self.neurons)
        return len(self) / (neurons * (self.t_stop - self.t_start))

    def of(self, ids: int | Sequence[int] | np.ndarray) -> "Spikes":
        """Return the spikes of some neurons, which keep their ids; rates are then of those neurons alone.

        Raises:
            InputError: there is no such neuron, or none is named.
        """
        wanted = np.unique(np.asarray(ids))
        if wanted.dtype.kind not in "iu" or not wanted.size:
            raise InputError(f"spikes: expected ids of neurons, 0 to {self.n - 1}, got {ids!r}"[:200])
        if wanted[0] < 0 or wanted[-1] >= self.n:
            wrong = wanted[0] if wanted[0] < 0 else wanted[-1]
            raise InputError(f"spikes: there is no neuron {wrong}; ids are 0 to {self.n - 1}")
        known = wanted if self.neurons is None else np.intersect1d(wanted, self.neurons)
        chosen = np.isin(self.ids, known)
        return replace(self, times=self.times[chosen], ids=self.ids[chosen], neurons=known.astype(np.int64))

    def to_pandas(self) -> "pandas.DataFrame":
        """Return a frame with columns ``time`` [ms] and ``id``.

        Raises:
            ModuleNotFoundError: pandas is not installed.
        """
        return _frame({"time": self.times, "id": self.ids})


@dataclass(frozen=True, eq=False)
class Recording:
    """What was recorded of a population.

    Attributes:
        name: Of the population.
        n: Number of its neurons.
        fired: Its spikes, where they were recorded; read them as `spikes`.
        t: (T',) end of each step whose states were recorded [ms].
        states: Name -> (T', n') values, after reset.
        neurons: (n',) ids of the neurons whose states were recorded; None is all.
    """

    name: str
    n: int
    fired: Spikes | None = None
    t: np.ndarray = field(default_factory=lambda: np.zeros(0))
    states: Mapping[str, np.ndarray] = field(default_factory=dict)
    neurons: np.ndarray | None = None

    @property
    def spikes(self) -> Spikes:
        """The spikes.

        Raises:
            InputError: they were not recorded.
        """
        if self.fired is None:
            raise InputError(
                f"{self.name}: spikes were not recorded; ask for them with record={{{self.name!r}: 'spikes'}}"
            )
        return self.fired

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a recorded state, (T', n').

        Raises:
            InputError: it was not recorded.
        """
        if name not in self.states:
            near = did_you_mean(name, self.states)
            names = tuple(map(str, (*self.states, name)))
            ask = f"; ask for it with record={{{self.name!r}: {names[0] if len(names) == 1 else names!r}}}"
            raise InputError(f"{self.name}: '{name}' was not recorded{near or ask}")
        return self.states[name]

    def rate(self) -> float:
        """Return the mean firing rate of the population [1/ms]; divide by ``units.Hz`` for Hz."""
        return self.spikes.rate()

    def to_pandas(self, name: str | None = None) -> "pandas.DataFrame":
        """Return the spikes as a frame, or a recorded state: a row for each time, a column for each neuron.

        Raises:
            InputError: it was not recorded.
            ModuleNotFoundError: pandas is not installed.
        """
        if name is None:
            return self.spikes.to_pandas()
        values = self[name]
        ids = np.arange(self.n) if self.neurons is None else self.neurons
        frame = _frame(dict(zip(ids.tolist(), values.T, strict=True)))
        return frame.set_axis(self.t, axis=0).rename_axis("t")


@dataclass(frozen=True, eq=False)
class NetworkResult:
    """What a run of a network recorded.

    Attributes:
        recordings: Population -> what was recorded of it, in the order of the network.
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
        """Return what was recorded of a population, which is given itself or by its name.

        Raises:
            InputError: nothing was recorded of it.
        """
        name = population if isinstance(population, str) else getattr(population, "name", population)
        if not isinstance(name, str) or name not in self.recordings:
            held = did_you_mean(name, self.recordings) or f"; there is {', '.join(self.recordings) or 'none'}"
            raise InputError(f"the result holds no population {name!r}{held}")
        return self.recordings[name]

    def spike_hash(self) -> str:
        """Return the sha256 of all (step, id) pairs in order, as little-endian int64.

        Ids go on from population to population; pairs are in the order (step, id).
        """
        steps, ids, first = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
        for recording in self.recordings.values():
            if recording.fired is not None:
                steps.append(recording.fired.steps)
                ids.append(recording.fired.ids.astype(np.int64) + first)
            first += recording.n
        pairs = np.stack([np.concatenate(steps), np.concatenate(ids)], 1).astype("<i8")
        return hashlib.sha256(pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].tobytes()).hexdigest()

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the recorded spikes of all populations as a frame with columns ``population``, ``time`` [ms], ``id``.

        Raises:
            ModuleNotFoundError: pandas is not installed.
        """
        held = [(name, r.fired) for name, r in self.recordings.items() if r.fired is not None]
        columns = {
            "population": np.repeat(np.array([name for name, _ in held], object), [len(spikes) for _, spikes in held]),
            "time": np.concatenate([np.zeros(0), *(spikes.times for _, spikes in held)]),
            "id": np.concatenate([np.zeros(0, np.int32), *(spikes.ids for _, spikes in held)]),
        }
        return _frame(columns)


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
    states = {name: np.concatenate([part.states[name] for part in parts]) for name in first.states}
    fired = [part.fired for part in parts if part.fired is not None]
    spikes = None
    if fired:
        columns = {name: np.concatenate([getattr(part, name) for part in fired]) for name in ("times", "ids")}
        spikes = replace(fired[0], **columns, t_stop=fired[-1].t_stop)
    return replace(first, fired=spikes, t=np.concatenate([part.t for part in parts]), states=states)


def _frame(columns: Mapping[Any, np.ndarray]) -> "pandas.DataFrame":
    try:
        import pandas  # pyright: ignore[reportMissingImports]  # optional
    except ModuleNotFoundError as error:
        text = "to_pandas needs pandas, which is not installed: pip install pandas"
        raise ModuleNotFoundError(text, name="pandas") from error
    return pandas.DataFrame(dict(columns))
