"""HDF5 files as their library opens them, and what is looked at before the library is allowed to read it.

The library believes what a file says: it takes memory for any length, and goes round for ever in a damaged collection
of lists. So the sizes of columns and the places of lists are compared with the file first.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spikelet.errors import DataError, InputError
from spikelet.events.content import RATIO
from spikelet.events.packages import package

Source = bytes | str | Path
_DAMAGED = (
    OSError, RuntimeError, KeyError, IndexError, ValueError, TypeError, AttributeError, UnicodeError, MemoryError,
    OverflowError, NotImplementedError,
)  # fmt: skip
"""What h5py raises for damaged files."""


@contextmanager
def opened(source: Source) -> Iterator[tuple[Any, "Raw"]]:
    """Open a file and yield it with its bytes; whatever the library finds wrong is a DataError."""
    h5py = package("h5py", "HDF5")
    if find_spec("hdf5plugin"):  # brings what unpacks Blosc; most files do not need it
        import_module("hdf5plugin")
    source = Path(source) if isinstance(source, str) else source
    try:
        with h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r") as file:
            yield file, Raw(source)
    except (DataError, InputError):
        raise
    except _DAMAGED as error:
        hint = "; pip install hdf5plugin" if "filter" in str(error) else ""
        raise DataError(f"the HDF5 file cannot be read: {error}{hint}") from None


class Raw:
    """The bytes of a file, for what is to be known before the library reads it."""

    def __init__(self, source: bytes | Path):
        self.source = source
        self.length = len(source) if isinstance(source, bytes) else source.stat().st_size

    def at(self, place: int, count: int) -> bytes:
        """Return some bytes, fewer at the end of the file."""
        if isinstance(self.source, bytes):
            return self.source[place : place + count]
        with self.source.open("rb") as file:
            file.seek(place)
            return file.read(count)


def column_of(group: Any, name: str, raw: "Raw") -> Any:
    """Return a data set of one axis, its size compared with that of the file before it is read."""
    column = group.get(name)
    if column is None or not hasattr(column, "dtype") or column.ndim != 1:
        raise DataError(f"{group.name}/{name} is no column")
    if column.size * max(1, column.dtype.itemsize) > RATIO * raw.length:
        raise DataError(f"{group.name}/{name} claims {column.size:,} entries in a file of {raw.length:,} bytes")
    return column


def check_list(column: Any, recording: int, raw: Raw) -> None:
    """Look at where a list lies before the library does, which believes any length, and may not come back.

    An entry is the length (32 bits), and the place of the collection of lists (64 bits) that the list belongs to.
    Packed entries cannot be looked at, and are not. Source: "HDF5 File Format Specification 3.0", III.E.
    """
    if column.chunks is None:
        place = (column.id.get_offset() or 0) + 16 * recording
    elif column.id.get_create_plist().get_nfilters() == 0:
        chunk = column.id.get_chunk_info_by_coord((recording,))
        place = (chunk.byte_offset or 0) + 16 * (recording - chunk.chunk_offset[0])
    else:
        return
    entry = raw.at(place, 12)
    claimed, collection = int.from_bytes(entry[:4], "little"), int.from_bytes(entry[4:], "little")
    if claimed > raw.length:  # a list is never packed, and takes a byte an entry at least
        raise DataError(f"{column.name}: recording {recording} claims {claimed:,} entries in {raw.length:,} bytes")
    if claimed:
        _check_collection(raw, collection)


def _check_collection(raw: Raw, start: int) -> None:
    """Refuse a collection that is none: a word, its size, then lists with number (0: the rest is free) and size."""
    head = raw.at(start, 16)
    size, place = int.from_bytes(head[8:], "little"), 16
    if not head.startswith(b"GCOL\1") or start + size > raw.length:
        raise DataError(f"a list should lie at byte {start:,}, but nothing of that kind is there")
    while place + 16 <= size:
        entry = raw.at(start + place, 16)
        length = int.from_bytes(entry[8:], "little")
        if entry[:2] == b"\0\0":
            if length != size - place:  # from here, the library would go on without end
                raise DataError(f"{length:,} bytes of a collection of lists are free, expected {size - place:,}")
            return
        if length > size - place - 16:
            raise DataError(f"a list of {length:,} bytes, but {size - place - 16:,} are left of its collection")
        place += 16 + -(-length // 8) * 8
