"""HDF5 files of events: the layout of DSEC (one recording) and that of the Heidelberg digits and commands (many).

DSEC (Gehrig et al. 2021): columns ``events/x, y, p, t``, first event of each millisecond in ``ms_to_idx``, and
``t_offset``, to be added to the times. SHD and SSC (Cramer et al. 2020): ``spikes/times`` [s] and ``spikes/units``, one
entry of each for a recording, and ``labels``; units become x. Needs h5py (the extra ``events``); recordings of DSEC
are packed by Blosc, which needs hdf5plugin as well.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from spikelet.errors import DataError, InputError
from spikelet.events.content import Size, columns, gathered
from spikelet.events.data import EVENT, Events
from spikelet.events.hdf5_file import Raw, Source, check_list, column_of, opened
from spikelet.events.packages import package

UNITS = 700
"""Channels of the cochlea model of SHD and SSC."""


def decode(
    source: Source, size: Size = None, recording: int | None = None, span: tuple[int, int] | None = None
) -> Events:
    """Read a recording.

    Args:
        source: a path, or the whole file.
        size: width and height; None takes those of the file, else 700 x 1 for SHD and SSC and the smallest sensor that
            holds the events for DSEC.
        recording: which one, for SHD and SSC.
        span: first time and the time after the last to read, from the beginning of the recording [us], for DSEC; only
            these parts of the file are read.

    Raises:
        DataError: the file is damaged or of another layout, or h5py is not installed.
        InputError: there is no such recording.
    """
    with opened(source) as (file, raw):
        if "events" in file:
            return _dsec(file, size, span, raw)
        if "spikes" in file:
            if recording is None:
                raise InputError("SHD and SSC files hold many recordings: read(..., recording=0), or spoken(path)")
            return _spoken(file, recording, size, raw)
        raise DataError(f"neither 'events' (DSEC) nor 'spikes' (SHD, SSC), but {', '.join(map(repr, list(file)[:5]))}")


# -- DSEC -------------------------------------------------------------------------------------------------------------


def _dsec(file: Any, size: Size, span: tuple[int, int] | None, raw: Raw) -> Events:
    group = file["events"]
    found = [column_of(group, name, raw) for name in ("t", "x", "y", "p")]
    if len({column.size for column in found}) != 1 or any(column.dtype.kind not in "iub" for column in found):
        raise DataError(
            f"events: columns of {[column.size for column in found]} entries, expected whole numbers, as many each"
        )
    rows = slice(None) if span is None else _rows(file, found[0], span, raw)
    t, x, y, p = (column[rows] for column in found)
    _check_addresses(x, y, p)
    data = columns(t, x, y, p)
    if span is not None:
        data = data[(data["t"] >= span[0]) & (data["t"] < span[1])]
    offset = int(file["t_offset"][()]) if "t_offset" in file else 0
    data["t"] += offset
    sizes = [file.attrs.get(name) for name in ("width", "height")]
    told = (int(sizes[0]), int(sizes[1])) if None not in sizes else None
    return gathered(data, size or told, format="hdf5", t_offset=offset)


def _rows(file: Any, t: Any, span: tuple[int, int], raw: Raw) -> slice:
    """Return the rows of the milliseconds around a span, by the index of the file."""
    if not 0 <= span[0] <= span[1]:
        raise InputError(f"span must be two times from 0 on, the later last, not {span}")
    index = column_of(file, "ms_to_idx", raw)
    first, last = (min(ms, index.size - 1) for ms in (span[0] // 1000, -(-span[1] // 1000)))
    stop = t.size if last < -(-span[1] // 1000) else int(index[last])
    return slice(int(index[first]), min(stop, t.size))


def _check_addresses(x: np.ndarray, y: np.ndarray, p: np.ndarray) -> None:
    for name, column, top in (("x", x, 2**16), ("y", y, 2**16), ("p", p, 2)):
        if column.size and not (0 <= int(column.min()) and int(column.max()) < top):
            raise DataError(f"events/{name} lies between {column.min()} and {column.max()}, expected 0 to {top - 1}")


def encode(events: Events) -> bytes:
    """Return an HDF5 file in the layout of DSEC, times counted from the first event.

    Raises:
        InputError: the events are not in the order of time.
        DataError: h5py is not installed.
    """
    h5py = package("h5py", "HDF5")
    if not events.in_order:
        raise InputError("DSEC holds events in the order of time; events.sort puts them in order")
    offset = int(events.t[0]) if len(events) else 0
    t = events.t - offset
    memory: Any = io.BytesIO()
    with h5py.File(memory, "w") as file:
        group = file.create_group("events")
        for name in "xyp":
            group.create_dataset(name, data=np.ascontiguousarray(events.data[name]), compression="gzip")
        group.create_dataset("t", data=t, compression="gzip")
        milliseconds = np.arange(int(t[-1]) // 1000 + 2 if len(t) else 1) * 1000
        file["ms_to_idx"] = np.searchsorted(t, milliseconds).astype(np.uint64)
        file["t_offset"] = offset
        file.attrs["width"], file.attrs["height"] = events.width, events.height
    return memory.getvalue()


# -- SHD and SSC ------------------------------------------------------------------------------------------------------


def _spoken(file: Any, recording: int, size: Size, raw: Raw) -> Events:
    times, units = (column_of(file["spikes"], name, raw) for name in ("times", "units"))
    if not 0 <= recording < min(times.size, units.size):
        raise InputError(f"recording must be from 0 to {times.size - 1}, not {recording}")
    for column in (times, units):
        check_list(column, recording, raw)
    seconds, unit = np.asarray(times[recording]), np.asarray(units[recording])
    if seconds.shape != unit.shape or seconds.ndim != 1 or seconds.dtype.kind != "f" or unit.dtype.kind not in "iu":
        raise DataError(f"recording {recording}: times of shape {seconds.shape}, units of shape {unit.shape}")
    seconds = seconds.astype(np.float64)  # SHD has half-precision numbers, which cannot be compared with large ones
    if len(seconds) and not (np.isfinite(seconds).all() and np.abs(seconds).max() < 1e9):
        raise DataError(f"recording {recording}: a time is no number of seconds")
    _check_addresses(unit, np.zeros(0), np.zeros(0))
    data = np.zeros(len(unit), EVENT)
    data["t"] = np.rint(seconds * 1e6)
    data["x"], data["p"] = unit, 1
    label = int(file["labels"][recording]) if "labels" in file else None
    return gathered(data, size or (UNITS, 1), format="hdf5", label=label)


def spoken(source: Source, recordings: Sequence[int] | None = None) -> tuple[list[Events], np.ndarray]:
    """Read many recordings of an SHD or SSC file.

    Args:
        source: a path, or the whole file.
        recordings: their numbers; None reads all.

    Returns:
        The recordings, and their labels, (n,) int64.

    Raises:
        DataError: the file is damaged, without labels or of another layout, or h5py is not installed.
    """
    with opened(source) as (file, raw):
        if "spikes" not in file or "labels" not in file:
            raise DataError("no 'spikes' and 'labels': the file is not in the layout of SHD and SSC")
        labels = column_of(file, "labels", raw)
        chosen = range(labels.size) if recordings is None else recordings
        return [_spoken(file, i, None, raw) for i in chosen], np.array([labels[i] for i in chosen], np.int64)


def encode_spoken(recordings: Sequence[Events], labels: Sequence[int]) -> bytes:
    """Return an HDF5 file in the layout of SHD and SSC: times in seconds, x as the unit; y and p are not kept.

    Raises:
        InputError: not as many labels as recordings, or a recording with more than one row.
        DataError: h5py is not installed.
    """
    h5py = package("h5py", "HDF5")
    if len(recordings) != len(labels):
        raise InputError(f"{len(recordings)} recordings, but {len(labels)} labels")
    if any(one.height != 1 or not one.p.all() for one in recordings):
        raise InputError("the layout of SHD keeps neither y nor p: recordings must have one row and ON events alone")
    memory: Any = io.BytesIO()
    with h5py.File(memory, "w") as file:
        group = file.create_group("spikes")
        for name, kind in (("times", np.float64), ("units", np.uint16)):
            column = group.create_dataset(name, (len(recordings),), h5py.vlen_dtype(kind))
            for i, one in enumerate(recordings):
                column[i] = one.t / 1e6 if name == "times" else one.x
        file["labels"] = np.asarray(labels, np.int64)
    return memory.getvalue()
