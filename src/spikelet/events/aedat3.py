"""AEDAT 3.1, the files of cAER and of the DVS Gesture recordings: a header, then packets of one kind of event each.

A packet has 28 bytes, little-endian: type and source (16 bits), size of an event, place of its time, overflows of the
time, capacity, number, number of valid ones (32 bits). A polarity event is 32 bits with validity (bit 0), polarity
(bit 1), y (15 bits from bit 2), x (15 bits from bit 17), and 32 bits of time. Source: iniVation, "AEDAT 3.1".
"""

import struct
from collections.abc import Iterator

import numpy as np

from spikelet.errors import DataError, InputError
from spikelet.events.content import Size, fields, fits, gathered, header_lines
from spikelet.events.data import EVENT, Events
from spikelet.events.records import Pair, pairs

SENSORS = {
    "DVS128": (128, 128), "DAVIS240A": (240, 180), "DAVIS240B": (240, 180), "DAVIS240C": (240, 180),
    "DAVIS128": (128, 128), "DAVIS208": (208, 192), "DAVIS346A": (346, 260), "DAVIS346B": (346, 260),
    "DAVIS346Cbsi": (346, 260), "DAVIS640": (640, 480), "DAVISHet640": (640, 480),
}  # fmt: skip
"""Size of each sensor that the header may name as a source."""

_HEAD = struct.Struct("<2h6i")
_EVENT = np.dtype([("word", "<u4"), ("t", "<i4")])
_LAYOUT = Pair(x=(17, 15), y=(2, 15), p=(1, 1), mask=1, value=1, time_bits=31)  # bit 0: valid
_POLARITY = 1
_MAGIC = "!AER-DAT3.1"


def decode(content: bytes, size: Size = None) -> Events:
    """Read an AEDAT 3.1 file.

    Args:
        content: the whole file.
        size: width and height; None takes those of the source, else the smallest sensor that holds the events.

    Raises:
        DataError: the file is damaged, compressed, or of another version.
    """
    lines, place = header_lines(content, b"#")
    if not lines or not lines[0].startswith(_MAGIC):
        raise DataError("not AEDAT 3.1: the first line is not #!AER-DAT3.1")
    if "!END-HEADER" not in lines:
        raise DataError("the header has no end (a line #!END-HEADER)")
    place = _end_of_header(content)
    told = next((line.partition(":")[2].strip() for line in lines if line.startswith("Format:")), "RAW")
    if told != "RAW":
        raise DataError(f"packets in the format {told[:40]!r} are not read, only RAW")
    source = next((line.partition(":")[2].strip() for line in lines if line.startswith("Source ")), "")
    data = _packets(content, place)
    return gathered(data, size or SENSORS.get(source), format="aedat3", source=source)


def _end_of_header(content: bytes) -> int:
    """Return where the packets begin; the first of them may begin with the byte of a ``#``."""
    mark = b"#!END-HEADER"
    place = content.find(b"\n" + mark) + 1
    return content.find(b"\n", place) + 1


def _packets(content: bytes, place: int) -> np.ndarray:
    """Return the events of all polarity packets, written one after the other into one piece of memory."""
    found = list(_polarity_packets(content, place))
    data = np.empty(sum(len(records) for records, _ in found) + 1, EVENT)
    count = 0
    for records, overflow in found:
        count += len(pairs(records, _LAYOUT, overflow << 31, data[count:]))
    return data[:count]


def _polarity_packets(content: bytes, place: int) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the records of each polarity packet, and how often its time has overflowed."""
    while place < len(content):
        if (left := len(content) - place) < _HEAD.size:
            raise DataError(f"truncated: {left} bytes are left of the head of a packet, {_HEAD.size} bytes")
        kind, _, size, _, overflow, capacity, number, valid = _HEAD.unpack_from(content, place)
        place += _HEAD.size
        if size <= 0 or not 0 <= valid <= number <= capacity or overflow < 0:
            raise DataError(f"a packet of {number} events ({valid} valid, room for {capacity}) of {size} bytes")
        stop = place + size * number
        if kind == _POLARITY:
            if size != _EVENT.itemsize:
                raise DataError(f"polarity events of {size} bytes, expected {_EVENT.itemsize}")
            yield fields(content, place, stop, _EVENT), overflow
        elif stop > len(content):
            raise DataError(f"truncated: a packet ends at byte {stop:,}, the file at {len(content):,}")
        place = stop


def encode(events: Events, source: str = "DAVIS640", packet: int = 8192) -> bytes:
    """Return an AEDAT 3.1 file of raw packets.

    Args:
        events: of a sensor that is no larger than the source.
        source: a name of `SENSORS`.
        packet: the most events in a packet.

    Raises:
        InputError: there is no such source, or an address or a time does not fit.
    """
    if source not in SENSORS:
        raise InputError(f"there is no source {source!r} for AEDAT 3.1, expected {', '.join(SENSORS)}")
    width, height = SENSORS[source]
    fits(events, f"AEDAT 3.1 of a {source}", t=2**62, x=width, y=height)
    records = np.empty(len(events), _EVENT)
    x, y, p = (column.astype(np.uint32) for column in (events.x, events.y, events.p))
    records["word"] = x << 17 | y << 2 | p << 1 | 1
    records["t"] = events.t & 0x7FFFFFFF
    head = f"#{_MAGIC}\r\n#Format: RAW\r\n#Source 1: {source}\r\n#Start-Time: 1970-01-01 00:00:00 (TZ+0000)\r\n"
    parts = [head.encode(), b"#!END-HEADER\r\n"]
    borders = np.flatnonzero(np.diff(events.t >> 31)) + 1  # a packet has one number of overflows
    for run in np.split(np.arange(len(events)), borders):
        for first in range(0, len(run), packet):
            part = run[first : first + packet]
            number = len(part)
            overflow = int(events.t[part[0]] >> 31)
            parts.append(_HEAD.pack(_POLARITY, 1, _EVENT.itemsize, 4, overflow, number, number, number))
            parts.append(records[part[0] : part[-1] + 1].tobytes())
    return b"".join(parts)
