"""The table of formats, and reading and writing by it.

Each reader takes the bytes of a file (that of HDF5 a path too) and returns `Events`, or ends in a `DataError`; each
writer returns the bytes. ``tested`` says what the reader has been tested on: a recording of a real sensor, or bytes
that the tests put together from the description of the format, without our writer.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spikelet.errors import DataError, InputError, did_you_mean
from spikelet.events import aedat2, aedat3, aedat4, evt, five_bytes, hdf5, npz, prophesee, rosbag
from spikelet.events.data import Events
from spikelet.files import write_atomic

REAL, BYTES = "a recording", "bytes built from the specification"
_HEAD = 1 << 16  # bytes that are looked at to recognise a format


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        name: what ``format=`` takes.
        title: what its users call it.
        extensions: of its files, with the dot.
        magic: how a file is recognised, in words.
        recognise: whether a file may begin with these bytes.
        decode: reader.
        encode: writer, None where there is none.
        tested: `REAL` or `BYTES`.
        needs: packages of other people.
        by_path: whether the reader takes a path: only the parts that are needed are read.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    magic: str
    recognise: Callable[[bytes], bool]
    decode: Callable[..., Events]
    encode: Callable[..., bytes] | None
    tested: str
    needs: tuple[str, ...] = ()
    by_path: bool = False


def _begins(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magic)


def _prophesee(*told: str) -> Callable[[bytes], bool]:
    """Return whether one of the first lines of a header says one of these words."""
    return lambda head: head.startswith(b"%") and any(f"\n% {t}".encode() in b"\n" + head for t in told)


def _never(head: bytes) -> bool:
    return False


_PLACED = "none: known by its extension"
FORMATS = (
    Format("aedat2", "AEDAT 2.0 (jAER)", (".aedat",), "#!AER-DAT2.0", _begins(b"#!AER-DAT2.0"), aedat2.decode,
           aedat2.encode, REAL),
    Format("aedat3", "AEDAT 3.1 (cAER)", (".aedat",), "#!AER-DAT3.1", _begins(b"#!AER-DAT3.1"), aedat3.decode,
           aedat3.encode, BYTES),
    Format("aedat4", "AEDAT 4 (DV)", (".aedat4",), "#!AER-DAT4.0", _begins(b"#!AER-DAT4.0"), aedat4.decode,
           aedat4.encode, REAL, ("lz4", "zstandard")),
    Format("dat", "Prophesee DAT", (".dat",), "% Data file", _prophesee("Data file", "data file"),
           prophesee.decode_dat, prophesee.encode_dat, REAL),
    Format("evt2", "Prophesee EVT 2.0", (".raw",), "% evt 2.0", _prophesee("evt 2.0", "format EVT2;"),
           evt.decode_evt2, evt.encode_evt2, REAL),
    Format("evt3", "Prophesee EVT 3.0", (".raw",), "% evt 3.0", _prophesee("evt 3.0", "format EVT3;"),
           evt.decode_evt3, evt.encode_evt3, REAL),
    Format("atis", "ATIS (N-MNIST, N-Caltech101)", (".bin",), _PLACED, _never, five_bytes.decode_atis,
           five_bytes.encode_atis, BYTES),
    Format("bs2", "SLAYER .bs2", (".bs2",), _PLACED, _never, five_bytes.decode_bs2, five_bytes.encode_bs2, REAL),
    Format("rosbag", "ROS 1 bag (event_camera_msgs, dvs_msgs)", (".bag",), "#ROSBAG V2.0", _begins(b"#ROSBAG V2.0"),
           rosbag.decode, None, REAL, ("lz4",)),
    Format("hdf5", "HDF5 (DSEC, SHD, SSC)", (".h5", ".hdf5"), "89 48 44 46", _begins(b"\x89HDF\r\n\x1a\n"), hdf5.decode,
           hdf5.encode, BYTES, ("h5py", "hdf5plugin"), by_path=True),
    Format("npz", "numpy .npz", (".npz",), "PK", _begins(b"PK\3\4"), npz.decode, npz.encode, BYTES),
)  # fmt: skip
"""All formats."""

_BY_NAME = {entry.name: entry for entry in FORMATS}


def read(path: str | Path, format: str | None = None, **options: Any) -> Events:
    """Read a recording.

    Args:
        path: the file.
        format: a name of `FORMATS`; None recognises it by the first bytes, or by the extension where it has no mark.
        **options: of the reader: ``size=(width, height)`` for all; ``chip`` (aedat2), ``stream`` (aedat4), ``topic``
            (rosbag), ``recording`` and ``span`` (hdf5).

    Returns:
        The events in the order of the file; ``meta`` has the ``format``, the ``path``, and whether the size of the
        sensor is known or only holds the events.

    Raises:
        DataError: the file is missing, damaged, or of no format that is known.
        InputError: an option that the reader does not have.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            chosen = _known(format) if format else _recognised(head, path.suffix.lower())
            _check_options(chosen.name, chosen.decode, options)
            events = chosen.decode(path if chosen.by_path else head + file.read(), **options)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    return replace(events, meta={**events.meta, "path": str(path)})


def write(path: str | Path, events: Events, format: str | None = None, **options: Any) -> None:
    """Write a recording; what stood there is replaced only by a whole file.

    Args:
        path: the file; its folder must exist.
        events: what to write.
        format: a name of `FORMATS`; None takes the only one of the extension.
        **options: of the writer: ``chip`` (aedat2), ``source`` (aedat3), ``compression`` (aedat4).

    Raises:
        InputError: the format cannot hold these events, has no writer, or is not told by the extension.
        DataError: the file cannot be written.
    """
    path = Path(path)
    write_atomic(path, encode(events, format or _of_extension(path.suffix.lower()), **options))


def decode(content: bytes, format: str | None = None, **options: Any) -> Events:
    """Read a recording that is in memory; see `read`.

    Raises:
        DataError: the bytes are damaged, or of no format that is known.
        InputError: an option that the reader does not have.
    """
    chosen = _known(format) if format else _recognised(content[:_HEAD], "")
    _check_options(chosen.name, chosen.decode, options)
    return chosen.decode(content, **options)


def encode(events: Events, format: str, **options: Any) -> bytes:
    """Return a recording as the bytes of a file; see `write`."""
    chosen = _known(format)
    if chosen.encode is None:
        raise InputError(f"{chosen.title} has no writer")
    _check_options(chosen.name, chosen.encode, options)
    return chosen.encode(events, **options)


def table() -> str:
    """Return the table of formats, as it stands in docs/events.md."""
    rows = ["| format | name | extension | recognised by | reader | writer | tested on | needs |", "|---" * 8 + "|"]
    for entry in FORMATS:
        cells = [entry.title, f"`{entry.name}`", " ".join(f"`{e}`" for e in entry.extensions), f"`{entry.magic}`"]
        cells[3] = entry.magic if entry.magic == _PLACED else cells[3]
        cells += ["yes", "yes" if entry.encode else "no", entry.tested, ", ".join(entry.needs) or "-"]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _known(name: str) -> Format:
    if name not in _BY_NAME:
        raise InputError(f"there is no format {name!r}, expected {', '.join(_BY_NAME)}{did_you_mean(name, _BY_NAME)}")
    return _BY_NAME[name]


def _recognised(head: bytes, extension: str) -> Format:
    for entry in FORMATS:
        if entry.recognise(head):
            return entry
    for entry in FORMATS:
        if entry.magic == _PLACED and extension in entry.extensions:
            return entry
    raise DataError(f"of no format that is known; it begins with {head[:16]!r}, expected one of {', '.join(_BY_NAME)}")


def _of_extension(extension: str) -> str:
    found = [entry.name for entry in FORMATS if extension in entry.extensions and entry.encode]
    if len(found) != 1:
        known = sorted({e for entry in FORMATS if entry.encode for e in entry.extensions})
        read_only = [entry.title for entry in FORMATS if extension in entry.extensions and not entry.encode]
        why, nearest = f"is none of {', '.join(known)}", did_you_mean(extension, known)
        if found:
            why, nearest = f"may be {' or '.join(found)}", ""
        elif read_only:
            why, nearest = f"is of {read_only[0]}, which has a reader alone; use one of {', '.join(known)}", ""
        raise InputError(f"the extension {extension!r} {why}: write(..., format=...) says which{nearest}")
    return found[0]


def _check_options(name: str, function: Callable[..., Any], options: dict[str, Any]) -> None:
    known = list(inspect.signature(function).parameters)[1:]
    for option in options:
        if option not in known:
            raise InputError(
                f"{name} has no option {option!r}, expected {', '.join(known) or 'none'}{did_you_mean(option, known)}"
            )
