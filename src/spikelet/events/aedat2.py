"""AEDAT 2.0, the files of jAER: a header of lines with ``#``, then big-endian address and time, 32 bits each.

What the bits of an address mean depends on the chip, which the header names. Records of frames, of the motion sensor
and of triggers, which share the stream, are left out. Addresses are those of the file, without jAER's mirroring.
Source: iniVation, "AEDAT 2.0".
"""

import numpy as np

from spikelet.errors import DataError, InputError, did_you_mean
from spikelet.events.content import Size, fields, fits, gathered, header_lines
from spikelet.events.data import Events
from spikelet.events.records import Pair, pairs

_RECORD = np.dtype([("address", ">u4"), ("t", ">u4")])
_MAGIC = "!AER-DAT2.0"


_DVS128 = Pair(x=(1, 7), y=(8, 7), p=(0, 1), big_endian=True, mask=1 << 15)
_DAVIS = Pair(x=(12, 10), y=(22, 9), p=(11, 1), big_endian=True, mask=1 << 31 | 1 << 10)
CHIPS = {
    "DVS128": (_DVS128, (128, 128)),
    "DAVIS128": (_DAVIS, (128, 128)),
    "DAVIS208": (_DAVIS, (208, 192)),
    "DAVIS240": (_DAVIS, (240, 180)),
    "DAVIS346": (_DAVIS, (346, 260)),
    "DAVIS640": (_DAVIS, (640, 480)),
}
"""Address layout and size by the beginning of the chip's name: DAVIS240 stands for DAVIS240A, B and C."""


def decode(content: bytes, size: Size = None, chip: str | None = None) -> Events:
    """Read an AEDAT 2.0 file.

    Args:
        content: the whole file.
        size: width and height, where they are not those of the chip.
        chip: a name of `CHIPS`, where the header names none or another one.

    Raises:
        DataError: the file is damaged, or names no chip that is known.
        InputError: there is no such ``chip``.
    """
    lines, place = header_lines(content, b"#")
    if not lines or not lines[0].startswith(_MAGIC):
        raise DataError("not AEDAT 2.0: the first line is not #!AER-DAT2.0")
    layout, sensor = _chip(chip) if chip else _named(lines)
    records = fields(content, place, len(content), _RECORD)
    meta = {"format": "aedat2", "records": len(records)}
    return gathered(pairs(records, layout), size or sensor, **meta)


def encode(events: Events, chip: str = "DAVIS640") -> bytes:
    """Return an AEDAT 2.0 file.

    Args:
        events: of a sensor that is no larger than the chip.
        chip: a name of `CHIPS`.

    Raises:
        InputError: there is no such chip, or an address or a time does not fit.
    """
    layout, (width, height) = _chip(chip)
    fits(events, f"AEDAT 2.0 of a {chip}", t=2**31, x=width, y=height)
    records = np.empty(len(events), _RECORD)
    x, y, p = (column.astype(np.uint32) for column in (events.x, events.y, events.p))
    records["address"] = x << layout.x[0] | y << layout.y[0] | p << layout.p[0]
    records["t"] = events.t
    head = f"#{_MAGIC}\r\n# This is a raw AE data file - do not edit\r\n# AEChip: {chip}\r\n"
    return head.encode() + records.tobytes()


def _named(lines: list[str]) -> tuple[Pair, tuple[int, int]]:
    """Return the chip that a header names."""
    named = next(
        (line.partition(":")[2].rpartition(".")[2].strip() for line in lines if line.startswith("AEChip:")), ""
    )
    found = _known(named)
    if found is None:
        told = f"the unknown chip {named[:40]!r}" if named else "no chip (a line '# AEChip: ...')"
        raise DataError(f"the header names {told}: read(..., chip=...) is one of {', '.join(CHIPS)}")
    return found


def _chip(name: str) -> tuple[Pair, tuple[int, int]]:
    found = _known(name)
    if found is None:
        expected = f"expected {', '.join(CHIPS)}{did_you_mean(name, CHIPS)}"
        raise InputError(f"there is no chip {name!r} for AEDAT 2.0, {expected}")
    return found


def _known(name: str) -> tuple[Pair, tuple[int, int]] | None:
    return next((chip for known, chip in CHIPS.items() if name.upper().startswith(known)), None)
