"""Events in ROS 1 bags: topics of ``event_camera_msgs/EventPacket`` (EVT 3.0 inside) and of ``dvs_msgs/EventArray``.

Nothing that a bag says about its messages is executed. An EventPacket has the camera's times, not those of ROS.
"""

import struct

import numpy as np

from spikelet.errors import DataError
from spikelet.events.bag import messages
from spikelet.events.content import Size, columns, gathered
from spikelet.events.data import EVENT, Events
from spikelet.events.evt import evt3_events

PACKET, ARRAY = "event_camera_msgs/EventPacket", "dvs_msgs/EventArray"
_EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("secs", "<u4"), ("nsecs", "<u4"), ("p", "u1")])


def decode(content: bytes, size: Size = None, topic: str | None = None) -> Events:
    """Read the events of a ROS 1 bag.

    Args:
        content: the whole file.
        size: width and height; None takes those of the messages.
        topic: which one; None takes the only topic of events.

    Raises:
        DataError: the bag is damaged, has no such topic, or several; or it is packed by LZ4 and lz4 is not installed.
    """
    ours = [message for message in messages(content) if message.type in (PACKET, ARRAY)]
    chosen = [message for message in ours if topic in (None, message.topic)]
    if len({(message.topic, message.type) for message in chosen}) != 1:
        raise DataError(f"topics of events: {sorted({m.topic for m in ours})}; topic={topic!r} names not one of them")
    kind = chosen[0].type
    parts = [(_packet if kind == PACKET else _array)(message.raw) for message in chosen]
    sizes = {part[1] for part in parts}
    if len(sizes) > 1:
        raise DataError(f"the messages name sensors of different sizes: {sorted(sizes)[:3]}")
    bodies = b"".join(body for body, _ in parts)
    data = evt3_events(bodies) if kind == PACKET else _columns(bodies)
    return gathered(data, size or sizes.pop(), format="rosbag", messages=len(parts))


class _Cursor:
    """Reads the fields of a message one after the other."""

    def __init__(self, raw: bytes):
        self.raw, self.place = raw, 0

    def take(self, kind: str) -> tuple:
        """Return numbers, of kinds of `struct`."""
        size = struct.calcsize(kind)
        if self.place + size > len(self.raw):
            raise DataError(f"truncated: a message of {len(self.raw)} bytes ends inside of a field")
        self.place += size
        return struct.unpack_from(kind, self.raw, self.place - size)

    def bytes(self, each: int = 1) -> bytes:
        """Return a list of elements with its length before it."""
        (count,) = self.take("<I")
        if self.place + count * each > len(self.raw):
            raise DataError(f"truncated: a list of {count:,} elements in a message of {len(self.raw):,} bytes")
        self.place += count * each
        return self.raw[self.place - count * each : self.place]


def _start(raw: bytes) -> tuple[_Cursor, tuple[int, int]]:
    """Skip a message's header; return what follows height and width, and the size."""
    cursor = _Cursor(raw)
    cursor.take("<III")
    cursor.bytes()
    height, width = cursor.take("<II")
    return cursor, (width, height)


def _packet(raw: bytes) -> tuple[bytes, tuple[int, int]]:
    cursor, size = _start(raw)
    cursor.take("<QQ")
    encoding = cursor.bytes()
    (big,) = cursor.take("<?")
    if encoding != b"evt3" or big:
        raise DataError(f"packets in the encoding {encoding[:16]!r}{', big-endian' * big}, expected b'evt3'")
    return cursor.bytes(), size


def _array(raw: bytes) -> tuple[bytes, tuple[int, int]]:
    cursor, size = _start(raw)
    return cursor.bytes(_EVENT.itemsize), size


def _columns(body: bytes) -> np.ndarray:
    records = np.frombuffer(body, _EVENT) if body else np.empty(0, _EVENT)
    t = records["secs"].astype(np.int64) * 1_000_000 + records["nsecs"] // 1000
    return columns(t, records["x"], records["y"], records["p"]) if len(records) else np.empty(0, EVENT)
