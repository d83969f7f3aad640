"""AEDAT 4, the files of DV: a header that says in XML which streams there are, then packets, compressed by themselves.

Each packet has 8 bytes, number of the stream and size, and holds a FlatBuffer; those of event streams are vectors of
16 bytes: time [us], x, y, polarity. Reading compressed ones needs lz4 or zstandard (the extra ``events``).
Source: iniVation, "AEDAT 4.0".
"""

import struct
from collections.abc import Callable, Iterator
from xml.etree import ElementTree

import numpy as np

from spikelet.errors import DataError, InputError
from spikelet.events import flatbuffer
from spikelet.events.content import RATIO, Size, fits, gathered
from spikelet.events.data import EVENT, Events, fitting_size
from spikelet.events.packages import package
from spikelet.events.records import joined

_MAGIC = b"#!AER-DAT4.0\r\n"
_NONE, _LZ4, _LZ4_HIGH, _ZSTD, _ZSTD_HIGH = range(5)
_WHAT = "a compressed AEDAT 4 file"
_LENGTH = 20_000  # events in a packet that we write


def decode(content: bytes, size: Size = None, stream: int | None = None) -> Events:
    """Read the events of an AEDAT 4 file.

    Args:
        content: the whole file.
        size: width and height; None takes those of the header.
        stream: number of the event stream; None takes the only one.

    Raises:
        DataError: the file is damaged, has no event stream, or several and ``stream`` names none of them; or what its
            compression needs is not installed.
    """
    if not content.startswith(_MAGIC):
        raise DataError("not AEDAT 4: the first line is not #!AER-DAT4.0")
    view = memoryview(content)
    place, head = _prefixed(view, len(_MAGIC), b"IOHE")
    streams = _streams(bytes(head.vector(2, 1)))
    chosen = _chosen(streams, stream)
    end = head.number(1, "<q", -1)
    if end >= 0 and not place <= end <= len(content):
        raise DataError(f"truncated: the table of packets is at byte {end:,}, the file has {len(content):,}")
    unpack = _unpacker(head.number(0, "<i"))
    parts = [
        _events(unpack(part))
        for number, part in _packets(view, place, end if end >= 0 else len(view))
        if number == chosen
    ]
    data = joined(parts)
    if max(fitting_size(data)) > 1 << 15:  # addresses are numbers of 16 bits with a sign
        raise DataError("an event has a negative address")
    return gathered(data, size or streams[chosen], format="aedat4", stream=chosen)


def _prefixed(view: memoryview, place: int, letters: bytes) -> tuple[int, flatbuffer.Table]:
    """Return the end and the root of a buffer with its size before it."""
    if len(view) < place + 4:
        raise DataError("truncated: the size of a buffer is missing")
    stop = place + 4 + struct.unpack_from("<I", view, place)[0]
    if stop > len(view):
        raise DataError(f"truncated: a buffer ends at byte {stop:,}, there are {len(view):,}")
    return stop, flatbuffer.root(view[place + 4 : stop], letters)


def _streams(text: bytes) -> dict[int, Size]:
    """Return the numbers of the event streams that the header's XML names, with the sizes of their sensors."""
    if b"<!" in text:  # nobody writes a declaration here; entities could unfold without end
        raise DataError("the header's XML has declarations")
    try:
        tree = ElementTree.fromstring(text.rstrip(b"\0"))
    except ElementTree.ParseError as error:
        raise DataError(f"the header's XML cannot be read: {error}") from None
    found: dict[int, Size] = {}
    for node in tree.iterfind(".//node[@name='outInfo']/node"):
        number = node.get("name", "")
        kinds = {entry.get("key"): entry.text or "" for entry in node.iter("attr")}
        if kinds.get("typeIdentifier") == "EVTS" and number.isdecimal():
            sizes = [kinds.get(key, "") for key in ("sizeX", "sizeY")]
            known = all(text.isdecimal() and len(text) < 6 for text in sizes)
            found[int(number)] = (int(sizes[0]), int(sizes[1])) if known else None
    return found


def _chosen(streams: dict[int, Size], stream: int | None) -> int:
    if stream is None and len(streams) == 1:
        return next(iter(streams))
    if stream not in streams:
        raise DataError(f"event streams of the file: {sorted(streams)}; stream={stream} names none of them")
    return stream


def _packets(view: memoryview, place: int, end: int) -> Iterator[tuple[int, memoryview]]:
    while place < end:
        if end - place < 8:
            raise DataError("truncated: the head of a packet is cut")
        number, size = struct.unpack_from("<ii", view, place)
        place += 8
        if size < 0 or place + size > end:
            raise DataError(f"truncated: a packet of {size:,} bytes, but {end - place:,} are left")
        yield number, view[place : place + size]
        place += size


def _events(content: bytes | memoryview) -> np.ndarray:
    """Return the events of a packet, whose 16 bytes are those of `EVENT`."""
    _, table = _prefixed(memoryview(content), 0, b"EVTS")
    return np.frombuffer(table.vector(0, EVENT.itemsize), EVENT)


# -- compression ------------------------------------------------------------------------------------------------------


def _unpacker(kind: int) -> Callable[[memoryview], bytes | memoryview]:
    if kind == _NONE:
        return lambda part: part
    if kind in (_LZ4, _LZ4_HIGH):
        return _unpack_lz4
    if kind in (_ZSTD, _ZSTD_HIGH):
        return _unpack_zstd
    raise DataError(f"compression {kind} is not one of AEDAT 4 (0 to 4)")


def _unpack_lz4(part: memoryview) -> bytes:
    frame = package("lz4.frame", _WHAT).LZ4FrameDecompressor()
    try:
        content = frame.decompress(bytes(part), max_length=_limit(part))
    except (RuntimeError, EOFError) as error:
        raise DataError(f"a packet cannot be unpacked: {error}") from None
    if not frame.eof:
        raise DataError("a packet is truncated, or unpacks to more than LZ4 can pack")
    return content


def _unpack_zstd(part: memoryview) -> bytes:
    zstandard = package("zstandard", _WHAT)
    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(bytes(part)) as reader:
            content = reader.read(_limit(part))
            if reader.read(1):
                raise DataError("a packet unpacks to more than events can be packed")
            return content
    except zstandard.ZstdError as error:
        raise DataError(f"a packet cannot be unpacked: {error}") from None


def _limit(part: memoryview) -> int:
    return len(part) * RATIO + 1024


# -- writing ----------------------------------------------------------------------------------------------------------

_XML = (
    '<dv version="2.0"><node name="outInfo" path="/mainloop/Recorder/outInfo/"><node name="0" '
    'path="/mainloop/Recorder/outInfo/0/"><attr key="compression" type="string">{compression}</attr>'
    '<attr key="typeIdentifier" type="string">EVTS</attr><node name="info" path="/mainloop/Recorder/outInfo/0/info/">'
    '<attr key="sizeX" type="int">{width}</attr><attr key="sizeY" type="int">{height}</attr></node></node></node></dv>'
)


def encode(events: Events, compression: str = "none") -> bytes:
    """Return an AEDAT 4 file with one stream of events.

    Args:
        events: what to write.
        compression: ``"none"`` or ``"lz4"``.

    Raises:
        InputError: an address does not fit into 15 bits, or there is no such compression.
        DataError: lz4 is asked for and not installed.
    """
    if compression not in ("none", "lz4"):
        raise InputError(f"compression must be 'none' or 'lz4', not {compression!r}")
    fits(events, "AEDAT 4", t=2**62, x=2**15, y=2**15)
    number = _LZ4 if compression == "lz4" else _NONE
    xml = _XML.format(compression=compression.upper(), width=events.width, height=events.height)
    parts = [_MAGIC, flatbuffer.header(b"IOHE", number, -1, xml.encode())]
    for first in range(0, len(events), _LENGTH):
        part = events.data[first : first + _LENGTH]
        records = np.zeros(len(part), EVENT)
        for name in "txyp":
            records[name] = part[name]
        content = flatbuffer.packet(b"EVTS", records.tobytes(), len(part))
        content = package("lz4.frame", _WHAT).compress(content) if number else content
        parts += [struct.pack("<ii", 0, len(content)), content]
    return b"".join(parts)
