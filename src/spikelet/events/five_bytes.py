"""Files of five bytes an event, without a header: the ATIS .bin of N-MNIST and N-Caltech101, and SLAYER's .bs2.

The bytes are x, y, then one bit polarity (1 = ON) and 23 bits time [us], big-endian. In ATIS files, y = 240 marks an
overflow of the camera's 13-bit counter: all later times count 8,192 us more (as in the reader that Orchard et al. 2015
published with the recordings). In .bs2 files it is a row like any other.
"""

import numpy as np

from spikelet.errors import DataError, InputError
from spikelet.events.content import Size, fields, fits, gathered
from spikelet.events.data import Events
from spikelet.events.records import five

_RECORD = np.dtype([("x", "u1"), ("y", "u1"), ("high", "u1"), ("middle", "u1"), ("low", "u1")])
_OVERFLOW, _STEP = 240, 1 << 13


def decode_atis(content: bytes, size: Size = None) -> Events:
    """Read an ATIS .bin file.

    Args:
        content: the whole file.
        size: width and height, (34, 34) for N-MNIST; None takes the smallest sensor that holds the events.

    Raises:
        DataError: the file is empty or does not hold whole events.
    """
    return gathered(five(_records(content), _OVERFLOW, _STEP), size, format="atis")


def decode_bs2(content: bytes, size: Size = None) -> Events:
    """Read a SLAYER .bs2 file; see `decode_atis`."""
    return gathered(five(_records(content)), size, format="bs2")


def encode_atis(events: Events) -> bytes:
    """Return an ATIS .bin file.

    Raises:
        InputError: an address or a time does not fit (8 bits, 23 bits = 8.4 s), or y is 240, which is no row here; or
            there are no events.
    """
    if (events.y == _OVERFLOW).any():
        raise InputError("ATIS .bin: y = 240 marks an overflow of the time, so it cannot be the row of an event")
    return _encode(events, "ATIS .bin")


def encode_bs2(events: Events) -> bytes:
    """Return a SLAYER .bs2 file.

    Raises:
        InputError: an address or a time does not fit (8 bits, 23 bits = 8.4 s), or there are no events.
    """
    return _encode(events, "SLAYER .bs2")


def _records(content: bytes) -> np.ndarray:
    if not content:
        raise DataError("the file is empty")
    return fields(content, 0, len(content), _RECORD)


def _encode(events: Events, name: str) -> bytes:
    if not len(events):
        raise InputError(f"{name}: without a header, a recording of no events is an empty file, which says nothing")
    fits(events, name, t=2**23, x=256, y=256)
    records = np.empty(len(events), _RECORD)
    records["x"], records["y"] = events.x, events.y
    records["high"] = events.p.astype(np.int64) << 7 | events.t >> 16
    records["middle"], records["low"] = events.t >> 8 & 255, events.t & 255
    return records.tobytes()
