"""Optical flow by matching blocks of event slices (Liu & Delbruck 2017, "Block-matching optical flow for DVS sensors").

A slice is the number of events of each pixel in a window. Around each pixel that fired in a slice, the block is looked
for in the slice before it, at every displacement within the search distance; the sum of absolute differences (SAD)
tells the best one. Slices must be short enough that nothing moves further than the search distance, and long enough
that things move at all: `adapted` finds such a duration by feedback (Liu & Delbruck 2018, ABMOF).
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.sparse_calls import address
from spikelet.errors import InputError
from spikelet.events.data import Events, checked_order, positive
from spikelet.events.flow_kernel import flow_module
from spikelet.events.frames import frames
from spikelet.events.windows import Windows

_P, _I = ctypes.c_void_p, ctypes.c_int64


@dataclass(frozen=True, eq=False, repr=False)
class Flow:
    """Motion at pixels, one entry for each pixel and slice in which it was found, (K,) each.

    Attributes:
        t: middle of the slice [us].
        x: column.
        y: row.
        u: speed along x [pixels/s].
        v: speed along y [pixels/s].
        sad: mean absolute difference of the blocks, in events a pixel.
        looked: how many pixels had events; of the others, the block was too empty or reached beyond the sensor.
    """

    t: np.ndarray
    x: np.ndarray
    y: np.ndarray
    u: np.ndarray
    v: np.ndarray
    sad: np.ndarray
    looked: int

    def __len__(self) -> int:
        """Return the number of motions that were found."""
        return len(self.t)

    def __repr__(self) -> str:
        """Show numbers."""
        return f"Flow({len(self):,} of {self.looked:,} pixels)"


def flow(windows: Windows, block: int = 15, search: int = 6, occupancy: float = 0.05) -> Flow:
    """Find how things move from one window to the next.

    Args:
        windows: slices that follow each other, from `by_time`, `by_count` or `adapted`.
        block: side of a block, odd [pixels].
        search: largest displacement along each axis [pixels]. Of displacements that match equally well, the smallest is
            taken, which for an edge is the one across it.
        occupancy: least share of the pixels of a block with events.

    Raises:
        InputError: ``block`` is not odd, a number is not above 0, or the occupancy is not from 0 to 1.
    """
    _check(block, search, occupancy)
    slices = frames(windows, polarity=False)[:, 0]
    middle = windows.times.mean(1)
    found, looked = [], 0
    for k in range(1, len(slices)):
        place, moved, sad, tried = match(slices[k], slices[k - 1], block, search, occupancy)
        speed = moved * (1e6 / (middle[k] - middle[k - 1]))
        found.append(np.column_stack([np.full(len(place), middle[k]), place[:, ::-1], speed[:, ::-1], sad]))
        looked += tried
    table = np.concatenate(found) if found else np.empty((0, 6))
    t, x, y, u, v, sad = table.T
    return Flow(t, x.astype(np.int64), y.astype(np.int64), u, v, sad, looked)


def match(
    newer: np.ndarray, older: np.ndarray, block: int, search: int, occupancy: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Match the blocks around the pixels of a slice with the slice before.

    Args:
        newer: (height, width) int32.
        older: the same for the slice before.
        block: side of a block, odd.
        search: largest displacement along each axis.
        occupancy: least share of the pixels of a block that are not 0.

    Returns:
        Places, (K, 2) row and column; displacements from the older slice to the newer, (K, 2); SAD a pixel, (K,); and
        the number of pixels that are not 0.
    """
    newer, older = np.ascontiguousarray(newer, np.int32), np.ascontiguousarray(older, np.int32)
    (height, width), half = newer.shape, block // 2
    fired, tried = newer != 0, int(np.count_nonzero(newer))
    if min(height, width) < block + 2 * search:
        return np.empty((0, 2), np.int64), np.empty((0, 2), np.int64), np.empty(0), tried
    full = box_sums(fired, block)[search : height - block - search + 1, search : width - block - search + 1]
    margin = half + search
    inner = fired[margin : height - margin, margin : width - margin]
    place = np.argwhere(inner & (full >= occupancy * block * block)) + margin
    corners, steps = (place - half) @ np.array([width, 1]), _displacements(search)
    moves = steps @ np.array([width, 1])
    which, sad = np.empty(len(place), np.int64), np.empty(len(place), np.int64)
    given = [address(array) for array in (newer, older)], [address(array) for array in (which, sad)]
    _kernel()(*given[0], width, address(corners), len(place), block, address(moves), len(moves), *given[1])
    return place, steps[which], sad / block**2, tried


@cache
def _kernel() -> Callable[..., None]:
    library = llvm_jit.compile(flow_module())
    return library.function("match", _P, _P, _I, _P, _I, _I, _P, _I, _P, _P)


def box_sums(values: np.ndarray, side: int) -> np.ndarray:
    """Return the sums of all squares of a side that lie inside of an array, (h - side + 1, w - side + 1)."""
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1), np.int64)
    total[1:, 1:] = values.cumsum(0).cumsum(1)
    return total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]


def adapted(events: Events, duration: int, search: int = 6, block: int = 15, occupancy: float = 0.05) -> Windows:
    """Cut into slices whose duration follows the motion: half of the search distance from one to the next.

    After each slice, its mean displacement is measured; the next slice is longer or shorter by up to a quarter.

    Args:
        events: in the order of time.
        duration: of the first two slices [us].
        search: as for `flow`.
        block: as for `flow`.
        occupancy: as for `flow`.

    Returns:
        Slices; the last one ends with the recording or after it.

    Raises:
        InputError: as for `flow`; or the events are not in order.
    """
    checked_order(events, "adapted")
    _check(block, search, occupancy)
    length, t = float(positive(duration, "duration")), np.ascontiguousarray(events.t)
    edges = [int(t[0])] if len(t) else [0]
    older: np.ndarray | None = None
    while len(t) and edges[-1] <= t[-1]:
        edges.append(edges[-1] + max(1, round(length)))
        newer = frames(_windows(events, t, edges[-2:]), polarity=False)[0, 0]
        if older is not None:
            _, moved, _, _ = match(newer, older, block, search, occupancy)
            if len(moved):
                far = float(np.hypot(*moved.T).mean())
                length *= min(max(search / 2 / max(far, 1e-9), 0.8), 1.25)
        older = newer
    return _windows(events, t, edges)


def _windows(events: Events, t: np.ndarray, edges: list[int]) -> Windows:
    times = np.stack([np.array(edges[:-1], np.int64), np.array(edges[1:], np.int64)], axis=1)
    return Windows(events, np.searchsorted(t, times), times)


def _displacements(search: int) -> np.ndarray:
    """Return all displacements, (n, 2) rows and columns, the smallest first."""
    axis = np.arange(-search, search + 1)
    steps = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    return steps[np.argsort((steps**2).sum(1), kind="stable")]


def _check(block: int, search: int, occupancy: float) -> None:
    if positive(block, "block") % 2 == 0:
        raise InputError(f"block must be odd, so that it has a middle, not {block}")
    positive(search, "search")
    if not 0 <= occupancy <= 1:
        raise InputError(f"occupancy must be from 0 to 1, not {occupancy!r}")
