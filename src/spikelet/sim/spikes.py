"""Spikes as columns: when each was found, and in which neuron; in memory, or still in a file."""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.errors import InputError

if TYPE_CHECKING:
    import pandas  # pyright: ignore[reportMissingImports]  # optional


def rows(times: Any, start: float, stop: float, dt: float) -> tuple[int, int]:
    """Return the first of the ascending times after ``start``, and the first after ``stop`` [ms]."""
    return bisect.bisect_right(times, start + dt / 2), bisect.bisect_right(times, stop + dt / 2)


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
        return frame({"time": self.times, "id": self.ids})

    def loaded(self) -> "Spikes":
        """Return them in memory, where columns may lie in a file."""
        return replace(self, times=np.asarray(self.times), ids=np.asarray(self.ids))

    def between(self, start: float, stop: float) -> "Spikes":
        """Return those with times above ``start`` and up to ``stop`` [ms], as a run of that stretch has them."""
        first, last = rows(self.times, start, stop, self.dt)
        times, ids = self.times[first:last], self.ids[first:last]
        return replace(self, times=times, ids=ids, t_start=start, t_stop=stop)


def frame(columns: Mapping[Any, np.ndarray]) -> "pandas.DataFrame":
    """Return columns as a frame of pandas, which may not be there."""
    try:
        import pandas  # pyright: ignore[reportMissingImports]  # optional
    except ModuleNotFoundError as error:
        text = "to_pandas needs pandas, which is not installed: pip install pandas"
        raise ModuleNotFoundError(text, name="pandas") from error
    return pandas.DataFrame(dict(columns))
