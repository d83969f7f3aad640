"""The folder of a run: one run in each, one writer at a time, every file complete or absent."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spikelet.errors import DataError, InputError
from spikelet.files import write_atomic

SETTINGS = "settings.json"
CHECKPOINT = "checkpoint.json"
METRICS = "metrics.json"
FIGURES = ("learning_curve.png", "raster.png", "confusion.png")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON, atomically."""
    write_atomic(path, (json.dumps(value, indent=1) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file that this package wrote.

    Raises:
        DataError: the file is not readable or not JSON.
    """
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error


def make(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        DataError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {folder}: {error.strerror or error}") from error


def prepare(folder: Path, settings: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Make a folder ready for a new run, or check that the run in it may be resumed.

    Args:
        folder: where the run is to be, or already is.
        settings: all that decides the result of the run; stored, and compared on resuming.
        resume: continue the run that is there.
        overwrite: remove the run that is there.

    Raises:
        InputError: there is a run (and neither ``resume`` nor ``overwrite``), none (and ``resume``), or another one.
        DataError: the folder cannot be written.
    """
    if resume and overwrite:
        raise InputError("--resume and --overwrite exclude each other")
    there = (folder / SETTINGS).exists()
    if resume and not there:
        raise InputError(f"there is no run in {folder} to resume; leave out --resume to start one")
    if there and not (resume or overwrite):
        raise InputError(
            f"there is a run in {folder}: --resume continues it, --overwrite replaces it, --out names another"
        )
    if resume:
        _check_same(read_json(folder / SETTINGS), settings, folder)
        return
    try:
        _remove_run(folder)
    except OSError as error:
        raise DataError(f"cannot remove the run in {folder}: {error.strerror or error}") from error
    write_json(folder / SETTINGS, settings)


def _check_same(stored: dict[str, Any], given: dict[str, Any], folder: Path) -> None:
    for name in stored.keys() | given.keys():
        if stored.get(name) != given.get(name):
            raise InputError(
                f"the run in {folder} has {name} = {stored.get(name)}, not {given.get(name)}; "
                "--resume continues a run unchanged"
            )


def _remove_run(folder: Path) -> None:
    """Remove the files of a run and nothing else; the settings go last, so that a crash leaves a run that is seen."""
    for name in (CHECKPOINT, METRICS, *FIGURES):
        (folder / name).unlink(missing_ok=True)
    for path in folder.glob("checkpoint-*.safetensors*"):
        path.unlink()
    (folder / SETTINGS).unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the system lets go of it when the process ends, however it ends.

    Raises:
        InputError: another process is at work in the folder.
        DataError: the folder is not writable.
    """
    try:
        file = open(folder / ".lock", "wb")
    except OSError as error:
        raise DataError(f"cannot write in {folder}: {error.strerror or error}") from error
    with file:
        try:
            _lock(file.fileno())
        except OSError as error:
            raise InputError(f"another process is training in {folder}; give this one another --out") from error
        yield


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows: two runs in one folder are then not noticed
        return
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
