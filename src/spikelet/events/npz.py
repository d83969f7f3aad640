"""Events in numpy's .npz: columns t, x, y, p, and the numbers width and height; nothing in it is ever executed."""

import io
import math
import tokenize
import zipfile
import zlib
from typing import Any

import numpy as np

from spikelet.errors import DataError
from spikelet.events.content import RATIO, Size, columns, gathered
from spikelet.events.data import Events

_COLUMNS = ("t", "x", "y", "p")


def decode(content: bytes, size: Size = None) -> Events:
    """Read an .npz file.

    Args:
        content: the whole file.
        size: width and height; None takes those of the file, else the smallest sensor that holds the events.

    Raises:
        DataError: the file is damaged, or holds other arrays.
    """
    try:
        arrays = _arrays(content)
    except _DAMAGED as error:
        raise DataError(f"the .npz cannot be unpacked: {error}") from None
    if missing := [name for name in _COLUMNS if name not in arrays]:
        raise DataError(f"no array {missing[0]!r}; the .npz holds {', '.join(sorted(arrays)) or 'none'}")
    given: dict[str, Any] = {name: arrays[name] for name in _COLUMNS}
    if len({array.shape for array in given.values()}) != 1 or given["t"].ndim != 1:
        raise DataError(f"the columns have the shapes {', '.join(str(array.shape) for array in given.values())}")
    for name in ("x", "y"):
        if given[name].size and not 0 <= given[name].min() <= given[name].max() < 2**16:
            raise DataError(f"{name} lies between {given[name].min()} and {given[name].max()}, not in 16 bits")
    if given["p"].size and not 0 <= given["p"].min() <= given["p"].max() <= 1:
        raise DataError("a polarity is neither 0 nor 1")
    known = all(name in arrays and arrays[name].size == 1 for name in ("width", "height"))
    told = (int(arrays["width"].item()), int(arrays["height"].item())) if known else None
    return gathered(columns(*given.values()), size or told, format="npz")


def encode(events: Events) -> bytes:
    """Return a compressed .npz file."""
    memory: Any = io.BytesIO()
    given: dict[str, Any] = {name: np.ascontiguousarray(events.data[name]) for name in _COLUMNS}
    given |= {"width": np.int64(events.width), "height": np.int64(events.height)}
    np.savez_compressed(memory, **given)
    return memory.getvalue()


_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, SyntaxError, NotImplementedError, RuntimeError,
    tokenize.TokenError, TypeError, OverflowError,
)  # fmt: skip
"""What zipfile and numpy raise for files that were tampered with."""


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    """Return the whole numbers of an .npz by their names; sizes are compared with the file before memory is taken."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            if entry.file_size > RATIO * len(content):
                raise DataError(f"{entry.filename!r} claims {entry.file_size:,} bytes in a file of {len(content):,}")
            if entry.filename.removesuffix(".npy") in (*_COLUMNS, "width", "height"):
                found[entry.filename.removesuffix(".npy")] = _array(archive.read(entry))
    return found


def _array(content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise DataError(f"an array in version {version} of the .npy format, expected (1, 0)")
    shape, fortran, kind = np.lib.format.read_array_header_1_0(file)
    body = content[file.tell() :]
    if kind.kind not in "iub" or (fortran and len(shape) > 1):
        raise DataError(f"an array of {kind}, expected whole numbers")
    if any(n < 0 for n in shape) or math.prod(shape) * kind.itemsize != len(body):
        raise DataError(f"an array of shape {shape} and {kind} in {len(body):,} bytes")
    return np.frombuffer(body, kind).reshape(shape)
