"""A recording in a folder, read when it is asked for.

The folder is a group of zarr, version 3, that any reader of zarr opens: ``E/spikes/times``, ``E/spikes/ids``,
``E/v/t``, ``E/v/values`` and so on. ``progress.json`` beside them says how many rows of each are whole; what stands
behind them, after a crash, does not count. So a recording can be read while it is written.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikelet.errors import DataError
from spikelet.sim import zarr_array
from spikelet.sim.kept import Kept, recordings
from spikelet.sim.zarr_array import Array

SCHEMA = 1
MARK, PROGRESS = "spikelet", "progress.json"


class Column:
    """A column of a recording, or some rows of it: what is sliced is not read before it becomes an array.

    Args:
        array: The array.
        first: First row.
        last: Row behind the last one.
    """

    def __init__(self, array: Array, first: int, last: int):
        self.array, self.first, self.last = array, first, last

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, part: int | slice) -> Any:
        """Return an element, or a column of fewer rows."""
        if isinstance(part, slice):
            start, stop, _ = part.indices(len(self))
            return Column(self.array, self.first + start, self.first + max(start, stop))
        return self.array.read(self.first + part, self.first + part + 1)[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Read it."""
        return np.asarray(self.array.read(self.first, self.last), dtype)


@dataclass(frozen=True)
class Progress:
    """How far a recording has come.

    Attributes:
        start: Step at which it begins.
        stop: Step up to which it is whole.
        rows: Group of an item -> number of its rows.
        ended: Whether a run has ended there, at its time or by a condition.
    """

    start: int
    stop: int
    rows: Mapping[str, int]
    ended: bool


def read_layout(path: Path) -> dict[str, Any]:
    """Return what a recording says of itself.

    Raises:
        DataError: there is no recording.
    """
    if not path.exists():
        raise DataError(f"there is no recording {path}")
    layout = zarr_array.attributes(path).get(MARK)
    if not isinstance(layout, dict) or layout.get("schema") != SCHEMA:
        raise DataError(f"{path} is no recording of schema {SCHEMA}, which this version reads")
    return layout


def read_progress(path: Path) -> Progress:
    """Return how far a recording has come.

    Raises:
        DataError: nothing says so.
    """
    try:
        data = json.loads((path / PROGRESS).read_text())
        return Progress(int(data["start"]), int(data["stop"]), dict(data["rows"]), bool(data["ended"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path / PROGRESS} is damaged: {error}"[:300]) from error


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the fields of the result that a folder holds; columns are read when they are asked for.

    Raises:
        DataError: there is no recording, or it is damaged.
    """
    path = Path(path)
    layout, reached = read_layout(path), read_progress(path)
    kept, places = [], {}
    for entry in layout["items"]:
        chosen = entry["chosen"]
        neurons = None if chosen is None else Array.open(path / entry["group"] / "neurons").read(0, chosen)
        kept.append(Kept(entry["name"], entry["what"], entry["n"], neurons, entry["unit"]))
        places[entry["name"], entry["what"]] = entry["group"]

    def column(one: Kept, name: str) -> Any:
        place = places[one.name, one.what]
        array, rows = Array.open(path / place / name), reached.rows.get(place)
        if rows is None or array.rows < rows:
            raise DataError(f"{path}: {place}/{name} is shorter than {PROGRESS} says")
        return Column(array, 0, rows)

    dt = layout["dt"]
    start, stop = reached.start * dt, reached.stop * dt
    found = recordings(kept, column, dt=dt, start=start, stop=stop)
    return {"recordings": found, "dt": dt, "t_start": start, "t_stop": stop, "interrupted": not reached.ended}
