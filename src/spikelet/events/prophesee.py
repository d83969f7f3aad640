"""Files of Prophesee's cameras: their header, and DAT, which holds decoded events.

A header is lines ``% keyword value``. DAT then has two bytes, the type of its events and their size, and 8 bytes for
each event, little-endian: 32 bits of time [us], 14 bits x, 14 bits y, 4 bits polarity.
"""

import re

import numpy as np

from spikelet.errors import DataError
from spikelet.events.content import Size, fields, fits, gathered, header_lines
from spikelet.events.data import Events
from spikelet.events.records import Pair, pairs

SENSORS = {"gen31": (640, 480), "gen3": (640, 480), "gen41": (1280, 720), "imx636": (1280, 720), "genx320": (320, 320)}
"""Size of the sensor that the header's plug-in names, for files that do not tell the size itself."""

_DAT = np.dtype([("t", "<u4"), ("address", "<u4")])
_LAYOUT = Pair(x=(0, 14), y=(14, 14), p=(28, 4), time_first=True)
_EVENT_2D, _EVENT_CD = 0x00, 0x0C


def header(content: bytes) -> tuple[dict[str, str], int]:
    """Return the keywords of a header in small letters with their values, and where the data begin."""
    lines, place = header_lines(content, b"%")
    words = {}
    for line in lines:
        keyword, _, value = line.partition(" ")
        words.setdefault(keyword.lower(), value.strip())
        if line == "end":
            break
    return words, place


def sensor_size(words: dict[str, str]) -> Size:
    """Return width and height of the sensor of a header, or None where it does not tell.

    Raises:
        DataError: a size is no number.
    """
    text = words.get("geometry", "") or words.get("format", "") or " ".join(words.get(n, "") for n in _PAIR)
    numbers = {n: re.search(rf"{n}=(\d{{1,5}})(?!\d)", text) for n in _PAIR}
    if all(numbers.values()):
        return tuple(int(found[1]) for found in numbers.values() if found)  # pyright: ignore[reportReturnType]
    if "width" in words or "height" in words or "geometry" in words:
        found = re.fullmatch(r"(\d{1,5})[x ](\d{1,5})", text)
        if not found:
            raise DataError(f"the header tells no size of the sensor: {text[:60]!r}")
        return int(found[1]), int(found[2])
    named = " ".join(words.get(n, "") for n in ("plugin_name", "sensor_name", "generation")).lower()
    return next((size for name, size in SENSORS.items() if name in named.replace("generation ", "gen")), None)


_PAIR = ("width", "height")


def decode_dat(content: bytes, size: Size = None) -> Events:
    """Read a DAT file.

    Args:
        content: the whole file.
        size: width and height; None takes those of the header, else the smallest sensor that holds the events.

    Raises:
        DataError: the file is damaged or holds no events of a sensor.
    """
    words, place = header(content)
    if len(content) < place + 2:
        raise DataError("truncated: the type of the events is missing")
    kind, length = content[place : place + 2]
    if kind not in (_EVENT_2D, _EVENT_CD) or length != _DAT.itemsize:
        raise DataError(f"events of type {kind} with {length} bytes; expected type 0 or 12 with {_DAT.itemsize}")
    records = fields(content, place + 2, len(content), _DAT)
    return gathered(pairs(records, _LAYOUT), size or sensor_size(words), format="dat")


def encode_dat(events: Events) -> bytes:
    """Return a DAT file.

    Raises:
        InputError: a time does not fit into 32 bits, or an address into 14.
    """
    fits(events, "DAT", t=2**32, x=2**14, y=2**14)
    head = f"% Data file containing CD events\n% Version 2\n% Width {events.width}\n% Height {events.height}\n"
    records = np.empty(len(events), _DAT)
    records["t"] = events.t
    address = events.x.astype(np.uint32) | events.y.astype(np.uint32) << 14 | events.p.astype(np.uint32) << 28
    records["address"] = address
    return head.encode() + bytes((_EVENT_CD, _DAT.itemsize)) + records.tobytes()
