"""ROS 1 bags, taken apart: records of a header and data, some of them chunks that hold further records, maybe packed.

A record is the length of its header, the header, the length of its data, the data. A header is fields, each with its
length: ``name=value``. The field ``op`` tells the kind of record. Source: ROS wiki, "Bags/Format/2.0". The library for
such files takes memory for whatever a damaged bag declares, so this reader is our own.
"""

import bz2
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from spikelet.errors import DataError
from spikelet.events.content import RATIO
from spikelet.events.packages import package

MAGIC = b"#ROSBAG V2.0\n"
_MESSAGE, _CHUNK, _CONNECTION = b"\2", b"\5", b"\7"
_Fields = dict[bytes, memoryview]


@dataclass(frozen=True)
class Message:
    """A message: its topic, its type, when it was recorded [ns], and its bytes."""

    topic: str
    type: str
    time: int
    raw: bytes


def messages(content: bytes) -> list[Message]:
    """Return all messages of a bag in the order in which they were recorded.

    Raises:
        DataError: the bag is damaged or packed in an unknown way, or lz4 is needed and not installed.
    """
    if not content.startswith(MAGIC):
        raise DataError("not a ROS 1 bag: it does not begin with #ROSBAG V2.0")
    connections: dict[int, tuple[str, str]] = {}
    found = []
    for fields, data in _unpacked(memoryview(content)[len(MAGIC) :]):
        if fields.get(b"op") == _CONNECTION:
            told = _fields(data)
            connections[_number(fields, b"conn", "<I")] = _text(fields, b"topic"), _text(told, b"type")
        elif fields.get(b"op") == _MESSAGE:
            nanoseconds, seconds = divmod(
                _number(fields, b"time", "<Q"), 1 << 32
            )  # two numbers of 32 bits, seconds first
            found.append((_number(fields, b"conn", "<I"), seconds * 1_000_000_000 + nanoseconds, data))
    if lost := [number for number, _, _ in found if number not in connections]:
        raise DataError(f"a message of connection {lost[0]}, which the bag does not describe")
    ordered = sorted(found, key=lambda entry: entry[1])
    return [Message(*connections[number], time, bytes(data)) for number, time, data in ordered]


def _unpacked(content: memoryview) -> Iterator[tuple[_Fields, memoryview]]:
    """Yield the records of a bag, those of its chunks in place of these."""
    for fields, data in _records(content):
        if fields.get(b"op") == _CHUNK:
            yield from _records(_unpack(data, _text(fields, b"compression"), _number(fields, b"size", "<I")))
        else:
            yield fields, data


def _records(content: memoryview) -> Iterator[tuple[_Fields, memoryview]]:
    place = 0
    while place < len(content):
        parts = []
        for what in ("header", "data"):
            if len(content) - place < 4:
                raise DataError(f"truncated: the length of a record's {what} is cut")
            (length,) = struct.unpack_from("<I", content, place)
            place += 4
            if length > len(content) - place:
                raise DataError(
                    f"truncated: a record's {what} of {length:,} bytes, but {len(content) - place:,} are left"
                )
            parts.append(content[place : place + length])
            place += length
        yield _fields(parts[0]), parts[1]


def _fields(header: memoryview) -> _Fields:
    fields, place = {}, 0
    while place < len(header):
        length = struct.unpack_from("<I", header, place)[0] if len(header) - place >= 4 else len(header)
        name, found, _ = bytes(header[place + 4 : place + 4 + min(length, 64)]).partition(b"=")
        if length > len(header) - place - 4 or not found:
            raise DataError("a record's header has a field that is cut or has no name")
        fields[name] = header[place + 4 + len(name) + 1 : place + 4 + length]
        place += 4 + length
    return fields


def _number(fields: _Fields, name: bytes, kind: str) -> int:
    value = fields.get(name, memoryview(b""))
    if len(value) != struct.calcsize(kind):
        raise DataError(f"a record's field {name.decode()!r} has {len(value)} bytes, expected {struct.calcsize(kind)}")
    return struct.unpack(kind, value)[0]


def _text(fields: _Fields, name: bytes) -> str:
    if name not in fields:
        raise DataError(f"a record has no field {name.decode()!r}")
    return bytes(fields[name]).decode("utf-8", "replace")


def _unpack(data: memoryview, compression: str, size: int) -> memoryview:
    """Return the records of a chunk, not more of them than it declares and than packing can save."""
    if compression == "none":
        return data
    if compression not in ("bz2", "lz4"):
        raise DataError(f"a chunk is packed by {compression[:20]!r}, expected none, bz2 or lz4")
    if size > RATIO * len(data):
        raise DataError(f"a chunk of {len(data):,} bytes claims {size:,}")
    frames = package("lz4.frame", "a bag with LZ4 chunks") if compression == "lz4" else None
    decoder = bz2.BZ2Decompressor() if frames is None else frames.LZ4FrameDecompressor()
    try:
        content = decoder.decompress(bytes(data), max_length=size)
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        raise DataError(f"a chunk cannot be unpacked: {error}") from None
    if len(content) != size:
        raise DataError(f"a chunk unpacks to {len(content):,} bytes, it claims {size:,}")
    return memoryview(content)
