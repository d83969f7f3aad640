"""What a run records into memory."""

from collections.abc import Iterable

import numpy as np

from spikelet.sim.kept import Kept, recordings
from spikelet.sim.record import Item
from spikelet.sim.recorder import Columns
from spikelet.sim.result import NetworkResult


class Memory:
    """Keeps all in memory."""

    def __init__(self, items: Iterable[Item]):
        self.parts: dict[tuple[str, str], dict[str, list[np.ndarray]]] = {(i.name, i.what): {} for i in items}
        self.kept = [Kept.of(item) for item in items]

    def append(self, item: Item, columns: Columns) -> None:
        """Add rows to the columns of an item."""
        parts = self.parts[item.name, item.what]
        for name, rows in columns.items():
            known = parts.setdefault(name, [rows])
            if rows.size and known[-1] is not rows:
                known.append(rows)

    def reached_step(self, step: int) -> None:
        """Do nothing: all is where it stays."""

    def flush(self, step: int, *, ended: bool = False) -> None:
        """Do nothing: all is where it stays."""

    def result(self, *, dt: float, start: float, stop: float, interrupted: bool) -> NetworkResult:
        """Return all of it."""

        def column(kept: Kept, name: str) -> np.ndarray:
            return np.concatenate(self.parts[kept.name, kept.what][name])

        found = recordings(self.kept, column, dt=dt, start=start, stop=stop)
        return NetworkResult(found, dt, start, stop, interrupted)
