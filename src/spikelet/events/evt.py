"""Prophesee's raw streams EVT 2.0 and EVT 3.0, read by compiled state machines (`evt_kernels`), and written.

The documents of the formats are Prophesee's "EVT 2.0 Format" and "EVT 3.0 Format". Times are those of the camera; where
its counter overflows (EVT 3.0: every 16.8 s), they go on.
"""

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.sparse_calls import address
from spikelet.errors import DataError, InputError
from spikelet.events.content import Size, fields, fits, gathered
from spikelet.events.data import EVENT, Events
from spikelet.events.evt_kernels import COUNT, UNKNOWN, evt_module
from spikelet.events.prophesee import header, sensor_size

_P, _I = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS = {"evt2": (_P, _I, _P, _P), "evt3": (_P, _I, _P, _P), "evt3_most": (_P, _I, _P)}
_LONG = 1 << 20  # words that only bridge a pause: more of them are a mistake


@cache
def _kernels() -> dict[str, Callable[..., None]]:
    library = llvm_jit.compile(evt_module())
    return {name: library.function(name, *types) for name, types in _ARGUMENTS.items()}


# -- reading ----------------------------------------------------------------------------------------------------------


def decode_evt2(content: bytes, size: Size = None) -> Events:
    """Read an EVT 2.0 raw file.

    Args:
        content: the whole file.
        size: width and height; None takes those of the header, else the smallest sensor that holds the events.

    Raises:
        DataError: the file is damaged, or of another version.
    """
    words, place = header(content)
    _check_version(words, "2.0", "EVT2")
    return gathered(evt2_events(content, place), size or sensor_size(words), format="evt2")


def decode_evt3(content: bytes, size: Size = None) -> Events:
    """Read an EVT 3.0 raw file; see `decode_evt2`."""
    words, place = header(content)
    _check_version(words, "3.0", "EVT3")
    return gathered(evt3_events(content, place), size or sensor_size(words), format="evt3")


def evt2_events(content: bytes, place: int = 0) -> np.ndarray:
    """Return the events of the words of an EVT 2.0 stream, (N,) of `EVENT`."""
    words = fields(content, place, len(content), "<u4")
    return _run("evt2", words, int(np.count_nonzero(words < 2 << 28)))


def evt3_events(content: bytes, place: int = 0) -> np.ndarray:
    """Return the events of the words of an EVT 3.0 stream, (N,) of `EVENT`."""
    words = fields(content, place, len(content), "<u2")
    most = np.zeros(1, np.int64)
    _kernels()["evt3_most"](address(words), len(words), address(most))
    return _run("evt3", words, int(most[0]))


def _run(name: str, words: np.ndarray, most: int) -> np.ndarray:
    state = np.zeros(8, np.int64)
    state[UNKNOWN] = -1
    data = np.empty(most, EVENT)
    _kernels()[name](address(words), len(words), address(data), address(state))
    if (first := int(state[UNKNOWN])) >= 0:
        raise DataError(f"word {first:,} is {int(words[first]):#x}, of a kind that {name} does not have")
    return data[: state[COUNT]]


def _check_version(words: dict[str, str], number: str, name: str) -> None:
    told = words.get("evt", "") or words.get("format", "").partition(";")[0]
    if told not in (number, name):
        raise DataError(f"the header tells the format {told!r}, expected evt {number}")


# -- writing ----------------------------------------------------------------------------------------------------------


def encode_evt2(events: Events) -> bytes:
    """Return an EVT 2.0 raw file.

    Raises:
        InputError: a time does not fit into 34 bits or an address into 11, or a time falls by more than 64 us.
    """
    fits(events, "EVT 2.0", t=2**34, x=2**11, y=2**11)
    high = events.t >> 6
    low = (events.t & 63).astype(np.uint32)
    word = events.p.astype(np.uint32) << 28 | low << 22 | events.x.astype(np.uint32) << 11 | events.y
    new = np.diff(high, prepend=-1) != 0
    text = (0x80000000 | high).astype(np.uint32)
    stream = _interleaved([(text, new), (word, np.ones(len(events), bool))])
    return _head(events, "2.0", "EVT2") + stream.astype("<u4").tobytes()


def encode_evt3(events: Events) -> bytes:
    """Return an EVT 3.0 raw file; a pause that its 24-bit counter cannot tell is bridged by words of time.

    Raises:
        InputError: an address does not fit into 11 bits, a time falls, or lies too far from 0 or from the one before.
    """
    fits(events, "EVT 3.0", x=2**11, y=2**11, t=2**62)
    if not events.in_order:
        raise InputError("EVT 3.0 holds events in the order of time; events.sort puts them in order")
    high = _bridged(events.t >> 12)
    steps = np.searchsorted(high, events.t >> 12)
    low = events.t & 0xFFF
    new = np.diff(steps, prepend=-1) != 0
    later = new | (np.diff(low, prepend=-1) != 0)
    row = np.diff(events.y.astype(np.int64), prepend=-1) != 0
    x = 0x2000 | events.p.astype(np.int64) << 11 | events.x
    body = [(0x6000 | low, later), (events.y.astype(np.int64), row), (x, np.ones(len(events), bool))]
    stream, owner = _interleaved(body), np.repeat(np.arange(len(events)), sum(flag.astype(int) for _, flag in body))
    words = 0x8000 | high & 0xFFF
    at = np.searchsorted(steps[owner], np.arange(len(high)))  # before the first event at or after that time
    return _head(events, "3.0", "EVT3") + np.insert(stream, at, words).astype("<u2").tobytes()


def _bridged(high: np.ndarray) -> np.ndarray:
    """Return the high parts to send, ascending: those of the events, and steps over what the counter cannot tell."""
    needed = np.unique(high)
    gaps = np.diff(needed, prepend=0)
    if len(needed) and int((gaps // 2047).sum()) > _LONG:
        raise InputError(f"EVT 3.0 would need {int((gaps // 2047).sum()):,} words to bridge pauses; events.shift helps")
    bridges = [np.arange(stop - gap, stop, 2047) for stop, gap in zip(needed, gaps, strict=True) if gap > 2047]
    return np.union1d(needed, np.concatenate(bridges)) if bridges else needed


def _interleaved(parts: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the words of each event side by side, those left out that its flags do not ask for."""
    words = np.stack([np.asarray(word, np.int64) for word, _ in parts], axis=1)
    return words[np.stack([flag for _, flag in parts], axis=1)]


def _head(events: Events, number: str, name: str) -> bytes:
    lines = (f"evt {number}", f"format {name};height={events.height};width={events.width}", "end")
    return "".join(f"% {line}\n" for line in lines).encode()
