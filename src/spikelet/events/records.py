"""The kernels of `record_kernels` as functions over arrays."""

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.sparse_calls import address
from spikelet.events.record_kernels import record_module

EVENT = np.dtype([("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.int8)], align=True)
"""One event, 16 bytes: t [us], x, y [pixels from the corner of address (0, 0)], p (1 = ON, 0 = OFF)."""

_P, _I = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS = {
    "pairs": (_P, _I, _I, _I, _I, _I, _P, _I, _I, _P, _P),
    "five": (_P, _I, _I, _I, _P, _P),
    "survey": (_P, _I, _I, _P),
}


@cache
def _kernels() -> dict[str, Callable[..., None]]:
    library = llvm_jit.compile(record_module())
    return {name: library.function(name, *types) for name, types in _ARGUMENTS.items()}


@dataclass(frozen=True)
class Pair:
    """Records of two words of 32 bits, an address and a time.

    Attributes:
        x: first bit and number of bits of the column in the address.
        y: the same of the row.
        p: the same of the polarity.
        big_endian: order of the bytes of a word.
        time_first: order of the words.
        mask: bits of the address that tell whether a record is an event ...
        value: ... which is so where they are these.
        time_bits: bits of the time; with 32 of them, its overflows are counted.
    """

    x: tuple[int, int]
    y: tuple[int, int]
    p: tuple[int, int]
    big_endian: bool = False
    time_first: bool = False
    mask: int = 0
    value: int = 0
    time_bits: int = 32


def pairs(records: np.ndarray, layout: Pair, base: int = 0, out: np.ndarray | None = None) -> np.ndarray:
    """Return the events of records of 8 bytes, (N,) of `EVENT`.

    Args:
        records: as they lie in the file.
        layout: where what is.
        base: added to the times.
        out: memory to use, one event longer than the records.
    """
    data, count = np.empty(len(records) + 1, EVENT) if out is None else out, np.zeros(1, np.int64)
    fields = np.array([n for first, bits in (layout.x, layout.y, layout.p) for n in (first, (1 << bits) - 1)])
    order = int(layout.big_endian), int(layout.time_first)
    given = *order, layout.mask, layout.value, address(fields), (1 << layout.time_bits) - 1, base
    _kernels()["pairs"](address(records), len(records), *given, address(data), address(count))
    return data[: count[0]]


def five(records: np.ndarray, overflow: int = -1, step: int = 0) -> np.ndarray:
    """Return the events of records of 5 bytes; the row ``overflow`` marks that all later times count ``step`` more."""
    data, count = np.empty(len(records) + 1, EVENT), np.zeros(1, np.int64)
    _kernels()["five"](address(records), len(records), overflow, step, address(data), address(count))
    return data[: count[0]]


def survey(data: np.ndarray) -> tuple[int, int, int, int]:
    """Return the largest x, y and polarity of events, a negative one as 128 and above, and how often the time falls."""
    found = np.zeros(4, np.int64)
    _kernels()["survey"](address(data), len(data), data.strides[0], address(found))
    x, y, p, falls = found.tolist()
    return x, y, p, falls


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the events of several columns one after the other.

    They are copied as numbers of 8 bytes: field by field, as numpy copies records, takes several times as long.
    """
    return np.concatenate([part.view(np.int64) for part in parts]).view(EVENT) if parts else np.empty(0, EVENT)
