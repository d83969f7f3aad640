"""Arrays that grow by rows, in a folder, as the specification of zarr, version 3, has it.

Any reader of zarr opens them. We write them ourselves, since a library that puts chunks together again for every few
rows takes some twenty times as long: chunks are not compressed, so rows are written at their place and nothing is read
or moved. Rows behind those that a reader counts may be there already; they do no harm.
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikelet.errors import DataError

_META = "zarr.json"
_BYTES = {1: 2**20, 2: 2**24}  # dimensions -> bytes of a chunk, about
_CODECS = [{"name": "bytes", "configuration": {"endian": "little"}}]


def create_group(path: Path, attributes: Mapping[str, Any] | None = None) -> None:
    """Make a folder a group; folders above it have to be there."""
    path.mkdir(exist_ok=True)
    _write_meta(path, {"zarr_format": 3, "node_type": "group", "attributes": dict(attributes or {})})


def attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of a group.

    Raises:
        DataError: it is none, or damaged.
    """
    return _meta(path, "group").get("attributes", {})


class Array:
    """An array in a folder.

    Args:
        path: The folder.
        dtype: Of the elements.
        own: Shape of a row.
        piece: Rows of a chunk.

    Attributes:
        rows: Number of rows that its description tells.
    """

    def __init__(self, path: Path, dtype: np.dtype, own: tuple[int, ...], piece: int, rows: int):
        self.path, self.dtype, self.own, self.piece, self.rows = path, dtype.newbyteorder("<"), own, piece, rows
        self.row_bytes = dtype.itemsize * math.prod(own)

    @classmethod
    def create(cls, path: Path, like: np.ndarray) -> "Array":
        """Make an array without rows, for rows like these."""
        own = like.shape[1:]
        piece = max(1, _BYTES[like.ndim] // (like.dtype.itemsize * math.prod(own)))
        array = cls(path, like.dtype, own, piece, 0)
        path.mkdir()
        array.describe(0)
        return array

    @classmethod
    def open(cls, path: Path) -> "Array":
        """Return an array that is there.

        Raises:
            DataError: there is none, or it is not of the kind that is written here.
        """
        data = _meta(path, "array")
        try:
            rows, *own = data["shape"]
            piece = data["chunk_grid"]["configuration"]["chunk_shape"][0]
            array = cls(path, np.dtype(data["data_type"]), tuple(own), int(piece), int(rows))
            known = data["codecs"] == _CODECS
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path / _META} is damaged: {error}"[:300]) from error
        if not known:
            raise DataError(
                f"{path}: its chunks are packed in a way in which Spikelet does not write; open it with zarr"
            )
        return array

    def describe(self, rows: int) -> None:
        """Tell readers that it has so many rows."""
        self.rows = rows
        data = {
            "zarr_format": 3, "node_type": "array", "shape": [rows, *self.own], "data_type": self.dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [self.piece, *self.own]}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": False if self.dtype.kind == "b" else 0, "codecs": _CODECS, "attributes": {},
        }  # fmt: skip
        _write_meta(self.path, data)

    def append(self, first: int, new: np.ndarray) -> None:
        """Put rows at the places from ``first`` on, and end there."""
        new = np.ascontiguousarray(new, self.dtype)
        for number, begin, end in self._pieces(first, first + len(new)):
            path = self._piece(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "r+b" if path.exists() else "xb") as file:
                file.truncate(self.piece * self.row_bytes)  # a chunk has its size; what is not written is a hole
                file.seek((begin - number * self.piece) * self.row_bytes)
                file.write(new[begin - first : end - first].tobytes())
        self.describe(first + len(new))

    def read(self, first: int, last: int) -> np.ndarray:
        """Return rows ``first`` to ``last - 1``.

        Raises:
            DataError: a chunk is not there, or too short.
        """
        out = np.empty((max(0, last - first), *self.own), self.dtype)
        for number, begin, end in self._pieces(first, last):
            path = self._piece(number)
            try:
                offset = (begin - number * self.piece) * self.row_bytes
                found = np.fromfile(path, self.dtype, (end - begin) * math.prod(self.own), offset=offset)
                out[begin - first : end - first] = found.reshape(end - begin, *self.own)
            except (OSError, ValueError) as error:
                raise DataError(f"{path} is missing or too short: {error}") from error
        return out

    def _pieces(self, first: int, last: int) -> list[tuple[int, int, int]]:
        """Return the number of each chunk that holds some of the rows, and which."""
        numbers = range(first // self.piece, -(-last // self.piece)) if last > first else range(0)
        return [(i, max(first, i * self.piece), min(last, (i + 1) * self.piece)) for i in numbers]

    def _piece(self, number: int) -> Path:
        return self.path.joinpath("c", str(number), *("0" for _ in self.own))


def _meta(path: Path, kind: str) -> dict[str, Any]:
    try:
        data = json.loads((path / _META).read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged, or no recording of Spikelet: {error}"[:300]) from error
    if not isinstance(data, dict) or data.get("zarr_format") != 3 or data.get("node_type") != kind:
        raise DataError(f"{path} is no {kind} of zarr, version 3")
    return data


def _write_meta(path: Path, data: Mapping[str, Any]) -> None:
    """Replace a description as a whole."""
    part = path / f"{_META}.part"
    part.write_text(json.dumps(data))
    os.replace(part, path / _META)
