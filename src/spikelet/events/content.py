"""What all readers share: the bytes of a file, taken apart with their sizes checked, and the errors of damaged ones."""

from typing import Any

import numpy as np

from spikelet.errors import DataError, InputError
from spikelet.events.data import EVENT, Events, fitting_size

Size = tuple[int, int] | None
RATIO = 1100
"""No packing of the formats read here makes more bytes of one (deflate: 1032); what claims more is not unpacked."""


def header_lines(content: bytes, mark: bytes) -> tuple[list[str], int]:
    """Return the lines at the beginning that start with ``mark``, without it, and where the data begin.

    Raises:
        DataError: the file ends inside a line.
    """
    lines, place = [], 0
    while content[place : place + 1] == mark:
        stop = content.find(b"\n", place)
        if stop < 0:
            raise DataError("truncated: the file ends inside its header")
        lines.append(content[place + 1 : stop].decode("latin-1").strip())
        place = stop + 1
    return lines, place


def fields(content: bytes, start: int, stop: int, kind: Any) -> np.ndarray:
    """Return the records from ``start`` to ``stop`` as an array over the same memory.

    Raises:
        DataError: they are not whole records.
    """
    size = np.dtype(kind).itemsize
    if stop > len(content):
        raise DataError(f"truncated: {stop:,} bytes are declared, the file has {len(content):,}")
    if stop < start or (stop - start) % size:
        raise DataError(f"truncated: {(stop - start) % size} bytes are left of the last record of {size} bytes")
    return np.frombuffer(content, kind, (stop - start) // size, start)


def columns(t: Any, x: Any, y: Any, p: Any) -> np.ndarray:
    """Return a column of `EVENT` from four columns that a reader has cut out of its records."""
    data = np.zeros(len(t), EVENT)
    for name, column in zip("txyp", (t, x, y, p), strict=True):
        data[name] = column
    return data


def gathered(data: np.ndarray, size: Size, **meta: Any) -> Events:
    """Return what a reader has found; without a size, the sensor is the smallest that holds the events.

    Raises:
        DataError: an event lies outside of the sensor that the file or the caller names.
    """
    try:
        return Events(data, *(size or fitting_size(data)), {**meta, "size_known": size is not None})
    except InputError as error:
        raise DataError(f"{error}") from None


def fits(events: Events, name: str, **limits: int) -> None:
    """Refuse events that a format cannot hold: each limit is the first number beyond.

    Raises:
        InputError: which column, up to where, and how far the format reaches.
    """
    for column, limit in limits.items():
        values = events.data[column]
        if len(values) and (values.max() >= limit or values.min() < 0):
            worst = values.max() if values.max() >= limit else values.min()
            unit = " us" if column == "t" else ""
            hint = "; events.shift moves times" if column == "t" else ""
            raise InputError(f"{name} holds {column} from 0 to {limit - 1}{unit}, but there is {worst}{hint}")
