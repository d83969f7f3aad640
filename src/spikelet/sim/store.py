"""Recording into a folder in bounded memory; see `stored` for what it looks like.

Columns are gathered in memory up to some megabytes or seconds, and then appended; ``progress.json``, which says how
many rows count, is replaced last. So a process may be killed at any moment, and what has been flushed before can be
read and continued.
"""

import json
import re
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from spikelet.errors import DataError, InputError
from spikelet.files import write_atomic
from spikelet.sim import stored, zarr_array
from spikelet.sim.description import Description
from spikelet.sim.engine import Engine
from spikelet.sim.record import SPIKES, Item
from spikelet.sim.recorder import Columns
from spikelet.sim.result import NetworkResult
from spikelet.sim.spikes import rows
from spikelet.sim.stored import MARK, PROGRESS, SCHEMA, Column, Progress
from spikelet.sim.zarr_array import Array

_GATHERED = 2**23  # bytes after which columns are appended
_PATIENCE = 2.0  # seconds after which they are, too
_NOT_ZARR = (".h5", ".hdf5", ".npz", ".csv")


def opened(network: Description, engine: Engine, items: Sequence[Item], path: Path, *, overwrite: bool) -> "Writer":
    """Return what writes into a folder: a new one, or one that ends where the network stands.

    Raises:
        InputError: the name is that of another kind of file.
        DataError: there is something else already, or the folder cannot be made.
    """
    if path.suffix in _NOT_ZARR:
        raise InputError(f"run: to={str(path)!r}: a recording is a folder of zarr; name it {path.stem}.zarr")
    layout = _layout(network, engine, items)
    found = _continued(path, layout, engine, overwrite) if path.exists() else None
    if found is None:
        found = Progress(engine.step, engine.step, {entry["group"]: 0 for entry in layout["items"]}, False)
        _create(path, layout, items, found)
    return Writer(path, items, layout, found)


def _layout(network: Description, engine: Engine, items: Iterable[Item]) -> dict[str, Any]:
    """Return whose recording it is, and what it holds."""
    taken: set[str] = set()
    entries = []
    for item in items:
        place = slug = re.sub(r"[^A-Za-z0-9_.,-]+", "_", item.name).strip("._")[:80] or "_"
        number = 2
        while f"{place}/{item.what}".lower() in taken:  # some disks do not tell E from e
            place, number = f"{slug}_{number}", number + 1
        taken.add(f"{place}/{item.what}".lower())
        entries.append(
            {"name": item.name, "what": item.what, "n": len(item.owner), "group": f"{place}/{item.what}",
             "every": item.every, "unit": item.unit, "chosen": None if item.ids is None else len(item.ids)}
        )  # fmt: skip
    whose = {"seed": network.seed, "dtype": network.dtype.name, "dt": engine.dt}
    populations = [[p.name, p.n] for p in network.populations.values()]
    return {"schema": SCHEMA, **whose, "populations": populations, "items": entries}


def _continued(path: Path, layout: dict[str, Any], engine: Engine, overwrite: bool) -> Progress | None:
    """Return how far a recording goes on, None where it is begun anew.

    Raises:
        DataError: there is something else, or more than is to be kept.
    """
    if not (path / PROGRESS).is_file():
        raise DataError(f"{path} is no recording of Spikelet; it is left as it is, choose another name")
    there, reached = stored.read_layout(path), stored.read_progress(path)
    same, step = there == layout, engine.step
    if same and step == reached.stop:
        return reached
    if same and overwrite and reached.start < step < reached.stop:
        return _cut(path, reached, step, engine.dt)
    if overwrite:
        return None
    until = f"it ends at {reached.stop * there['dt']:g} ms, the network stands at {step * engine.dt:g} ms"
    why = until if same else "it is that of another network, or holds other things"
    raise DataError(
        f"there is a recording {path} already; {why}; overwrite=True replaces it (on the command line --overwrite)"
    )


def _cut(path: Path, reached: Progress, step: int, dt: float) -> Progress:
    """Return how far a recording has come up to a step."""
    cut = {}
    for place, count in reached.rows.items():
        clock = Array.open(path / place / ("times" if place.endswith(SPIKES) else "t"))
        cut[place] = rows(Column(clock, 0, count), reached.start * dt, step * dt, dt)[1]
    return Progress(reached.start, step, cut, False)


def _create(path: Path, layout: dict[str, Any], items: Iterable[Item], begun: Progress) -> None:
    """Make an empty recording, in place of one that may be there."""
    part, old = (path.with_name(f"{path.name}.{end}") for end in ("part", "old"))
    if not path.parent.is_dir():
        raise DataError(f"cannot write {path}: there is no folder {path.parent}")
    try:
        for leftover in (part, old):
            if leftover.exists():
                shutil.rmtree(leftover)
        zarr_array.create_group(part, {MARK: layout})
        for item, entry in zip(items, layout["items"], strict=True):
            place = part / entry["group"]
            zarr_array.create_group(place.parent)
            zarr_array.create_group(place)
            if item.ids is not None:
                Array.create(place / "neurons", item.ids).append(0, item.ids)
        _write_progress(part, begun)
        if path.exists():
            path.rename(old)
        part.rename(path)
        if old.exists():
            shutil.rmtree(old)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def _write_progress(path: Path, reached: Progress) -> None:
    text = json.dumps({"start": reached.start, "stop": reached.stop, "rows": reached.rows, "ended": reached.ended})
    write_atomic(path / PROGRESS, text.encode())


class Writer:
    """Appends columns to a recording.

    Args:
        path: The folder.
        items: What is recorded.
        layout: What stands in the folder.
        reached: How far it has come.
    """

    def __init__(self, path: Path, items: Sequence[Item], layout: Mapping[str, Any], reached: Progress):
        self.path, self.layout, self.reached = path, layout, reached
        self.places = {id(item): entry["group"] for item, entry in zip(items, layout["items"], strict=True)}
        self.arrays: dict[str, Array] = {}
        self.rows = dict(reached.rows)
        self.gathered: dict[str, list[np.ndarray]] = {}
        self.size, self.since = 0, time.monotonic()
        self.failed = False

    def append(self, item: Item, columns: Columns) -> None:
        """Add rows to the columns of an item; from time to time they are written.

        Raises:
            DataError: they cannot be.
        """
        place = self.places[id(item)]
        for name, new in columns.items():
            self.gathered.setdefault(f"{place}/{name}", []).append(new)
            self.size += new.nbytes
        self.rows[place] += len(next(iter(columns.values())))

    def reached_step(self, step: int) -> None:
        """Write what has come up to a step, if it is much or long ago.

        Raises:
            DataError: it cannot be written.
        """
        if self.size >= _GATHERED or time.monotonic() - self.since >= _PATIENCE:
            self.flush(step)

    def flush(self, step: int, *, ended: bool = False) -> None:
        """Write what has come, up to a step.

        Raises:
            DataError: it cannot be written.
        """
        if self.failed:
            return
        try:
            for name, parts in self.gathered.items():
                new = np.concatenate(parts)
                array = self._array(name, new)
                array.append(self.rows[name.rpartition("/")[0]] - len(new), new)
            reached = Progress(self.reached.start, step, dict(self.rows), ended)
            _write_progress(self.path, reached)
        except OSError as error:
            self.failed = True
            kept = f"the recording ends at {self.reached.stop * self.layout['dt']:g} ms"
            raise DataError(f"cannot write {self.path}: {error.strerror or error}; {kept}") from error
        self.reached, self.gathered, self.size, self.since = reached, {}, 0, time.monotonic()

    def _array(self, name: str, like: np.ndarray) -> Array:
        """Return a column, made with its first rows."""
        if name not in self.arrays:
            path = self.path / name
            self.arrays[name] = Array.open(path) if path.exists() else Array.create(path, like)
        return self.arrays[name]

    def result(self, *, dt: float, start: float, stop: float, interrupted: bool) -> NetworkResult:
        """Return the stretch of this run, as far as it has been written."""
        found = NetworkResult(**stored.read(self.path))
        return replace(found.cut(start, max(start, found.t_stop)), interrupted=interrupted)
