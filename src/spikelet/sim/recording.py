"""What was recorded of one population, or of a part of it: spikes as columns, states as arrays with time first."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from spikelet.errors import InputError, did_you_mean
from spikelet.sim.spikes import Spikes, frame, rows

if TYPE_CHECKING:
    import pandas  # pyright: ignore[reportMissingImports]  # optional


@dataclass(frozen=True, eq=False)
class Recording:
    """What was recorded of a population, of neurons of one, or of synapses.

    Columns may lie in a file; they are read when they are asked for, and not kept.

    Attributes:
        name: Of the population or the projection, with the part of it that was chosen.
        n: Number of neurons of the population, or of synapses of the projection.
        fired: The spikes, where they were recorded; read them as `spikes`.
        clocks: Name of a state -> (T',) end of each step in which it was recorded [ms].
        states: Name -> (T', n') values after reset; of ``"rate"`` (T',), spikes per neuron and time [1/ms] in the bin
            that ends then.
        neurons: (n',) ids of those that were chosen; None is all.
        units: Name of a state -> its unit as the model has it, ``"1"`` where it has none.
    """

    name: str
    n: int
    fired: Spikes | None = None
    clocks: Mapping[str, np.ndarray] = field(default_factory=dict)
    states: Mapping[str, np.ndarray] = field(default_factory=dict)
    neurons: np.ndarray | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        held = ["spikes"] * (self.fired is not None) + list(self.states)
        return f"Recording({self.name!r}, n = {self.n}: {', '.join(held) or 'nothing'})"

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
        return self.fired.loaded()

    @property
    def t(self) -> np.ndarray:
        """The times of the recorded states, (T',) [ms].

        Raises:
            InputError: they have different ones; see `times`.
        """
        clocks = [np.asarray(clock) for clock in self.clocks.values()]
        if any(not np.array_equal(clock, clocks[0]) for clock in clocks[1:]):
            names = ", ".join(self.clocks)
            raise InputError(f"{self.name}: {names} have times of their own; ask for them with times(name)")
        return clocks[0] if clocks else np.zeros(0)

    def times(self, name: str) -> np.ndarray:
        """Return the times at which a state was recorded, (T',) [ms].

        Raises:
            InputError: it was not recorded.
        """
        self._require(name)
        return np.asarray(self.clocks[name])

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a recorded state, (T', n').

        Raises:
            InputError: it was not recorded.
        """
        self._require(name)
        return np.asarray(self.states[name])

    def _require(self, name: str) -> None:
        if name not in self.states:
            near = did_you_mean(name, self.states)
            names = tuple(map(str, (*self.states, name)))
            ask = f"; ask for it with record={{{self.name!r}: {names[0] if len(names) == 1 else names!r}}}"
            raise InputError(f"{self.name}: '{name}' was not recorded{near or ask}")

    def rate(self) -> float:
        """Return the mean firing rate of the population [1/ms]; divide by ``units.Hz`` for Hz."""
        return self.spikes.rate()

    def between(self, start: float, stop: float, dt: float) -> "Recording":
        """Return what was recorded after ``start`` and up to ``stop`` [ms], with steps of ``dt``."""
        cut = {name: slice(*rows(clock, start, stop, dt)) for name, clock in self.clocks.items()}
        return replace(
            self,
            fired=None if self.fired is None else self.fired.between(start, stop),
            clocks={name: clock[cut[name]] for name, clock in self.clocks.items()},
            states={name: values[cut[name]] for name, values in self.states.items()},
        )

    def to_pandas(self, name: str | None = None) -> "pandas.DataFrame":
        """Return the spikes as a frame, or a recorded state: a row for each time, a column for each neuron.

        Raises:
            InputError: it was not recorded.
            ModuleNotFoundError: pandas is not installed.
        """
        if name is None:
            return self.spikes.to_pandas()
        values, ids = self[name], [name]
        if values.ndim > 1:
            ids = (np.arange(self.n) if self.neurons is None else self.neurons).tolist()
        columns = frame(dict(zip(ids, values.reshape(len(values), -1).T, strict=True)))
        return columns.set_axis(self.times(name), axis=0).rename_axis("t")
