"""Filters that look at the neighbours or the history of a pixel: background activity, refractoriness, hot pixels.

All return the events that they keep; ``len`` tells how many. Where one needs the order of time and finds another, it
says so.
"""

import ctypes
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.sparse_calls import address
from spikelet.errors import InputError
from spikelet.events.data import Events, checked_order, positive
from spikelet.events.filter_kernels import filter_module

PAST = -(2**62)
"""Before every time."""

_P, _I = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS = {
    "frame": (_P, _I, _I, _I, _P),
    "refractory": (_P, _I, _I, _I, _P, _P),
    "denoise": (_P, _I, _I, _I, _P, _P),
    "integrate": (_P, _I, _I, _I, _P, _P),
    "patches": (_P, _I, _I, _I, _I, _P, _P),
}


@cache
def kernels() -> dict[str, Callable[..., None]]:
    """Return the kernels of `filter_kernels` by name."""
    library = llvm_jit.compile(filter_module())
    return {name: library.function(name, *types) for name, types in _ARGUMENTS.items()}


def _walk(name: str, events: Events, width: int, number: int, memory: np.ndarray) -> np.ndarray:
    """Run a kernel over events and return which ones it keeps, (N,) bool."""
    data, keep = np.ascontiguousarray(events.data), np.empty(len(events), bool)
    kernels()[name](address(data), len(data), width, number, address(memory), address(keep))
    return keep


def denoise(events: Events, window: int = 10_000) -> Events:
    """Keep events that a neighbour supports: one of the 8 pixels around had an event at most ``window`` before.

    The background activity filter of Delbruck 2008, which takes out the leak and shot noise of single pixels.

    Args:
        events: in the order of time.
        window: how far back a neighbour counts [us].

    Raises:
        InputError: the events are not in order, or the window is not above 0.
    """
    checked_order(events, "denoise")
    memory = np.full((events.height + 2) * (events.width + 2), PAST, np.int64)
    return events[_walk("denoise", events, events.width + 2, positive(window, "window"), memory)]


def refractory(events: Events, period: int) -> Events:
    """Drop events that follow the last kept one of their pixel by less than ``period``.

    Args:
        events: in the order of time.
        period: [us].

    Raises:
        InputError: the events are not in order, or the period is not above 0.
    """
    checked_order(events, "refractory")
    memory = np.full(events.height * events.width, PAST, np.int64)
    return events[_walk("refractory", events, events.width, positive(period, "period"), memory)]


def hot_pixels(events: Events, deviations: float = 5.0) -> np.ndarray:
    """Return the pixels that fire far more often than the others, (height, width) bool.

    Hot is a pixel with more events than the mean of the pixels that fired, and ``deviations`` times their standard
    deviation.
    """
    if not deviations >= 0:
        raise InputError(f"deviations must not be negative, not {deviations!r}")
    counts = np.bincount(events.pixels, minlength=events.height * events.width)
    active = counts[counts > 0]
    limit = active.mean() + deviations * active.std() if len(active) else 0.0
    return (counts > limit).reshape(events.height, events.width)


def drop_pixels(events: Events, mask: np.ndarray) -> Events:
    """Drop the events of some pixels, such as the `hot_pixels`.

    Args:
        events: any.
        mask: (height, width) bool, which pixels.

    Raises:
        InputError: the mask has another shape.
    """
    mask = np.asarray(mask, bool)
    if mask.shape != (events.height, events.width):
        raise InputError(f"mask has shape {mask.shape}, the sensor ({events.height}, {events.width})")
    return events[~mask.reshape(-1)[events.pixels]]


def decimate(events: Events, n: int) -> Events:
    """Keep every n-th event of each pixel: the n-th, the 2n-th, ..."""
    n = positive(n, "n")
    pixels = events.pixels
    order = np.argsort(pixels, kind="stable")
    ranked = pixels[order]
    first = np.flatnonzero(np.diff(ranked, prepend=-1))  # where each pixel's events begin
    lengths = np.diff(first, append=len(ranked))
    rank = np.empty(len(pixels), np.int64)
    rank[order] = np.arange(len(ranked)) - np.repeat(first, lengths)
    return events[rank % n == n - 1]


def downsample(events: Events, factor: int, threshold: int = 1) -> Events:
    """Join blocks of pixels to one; the sensor shrinks by ``factor``, a part of a block at the border counts as one.

    Args:
        events: any; with a threshold above 1, in the order of time.
        factor: side of a block [pixels].
        threshold: 1 keeps all events. Above, ON and OFF of a block are summed as 1 and -1, and an event comes where the
            sum reaches the threshold, of either sign; then it starts again from 0.

    Raises:
        InputError: a number is not above 0, or the events are not in order.
    """
    factor, threshold = positive(factor, "factor"), positive(threshold, "threshold")
    data = events.data.copy()
    data["x"] //= np.uint16(factor) if factor < 2**16 else 2**16 - 1
    data["y"] //= np.uint16(factor) if factor < 2**16 else 2**16 - 1
    small = replace(events, data=data, width=-(-events.width // factor), height=-(-events.height // factor))
    if threshold == 1:
        return small
    checked_order(small, "downsample with a threshold")
    sums = np.zeros(small.width * small.height, np.int64)
    return small[_walk("integrate", small, small.width, threshold, sums)]
