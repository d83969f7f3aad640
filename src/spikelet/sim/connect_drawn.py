"""From lists of targets to edges: what is drawn a share of sources at a time goes straight to its place.

The synapses of one source and one delay lie side by side, those of several projections too if they are made together:
then a spike is looked up once for all of them. Within a segment the order is that of the projections, then of the list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from spikelet import pool
from spikelet.backends.sparse_calls import address, scratch
from spikelet.sim.connect_calls import CHUNK, Draws, draw_delays, draw_values, places, shares
from spikelet.sim.connect_finish import Delays, Weights
from spikelet.sim.connect_kernels import PART
from spikelet.sim.connect_rows import Pair, Rows, threads_for
from spikelet.sim.distributions import Distribution
from spikelet.sim.edges import Edges

_AT_ONCE = 8  # shares of a projection that are worked on together, where there are several: each costs calls of its own


@dataclass(eq=False)
class Drawn:
    """The synapses of a projection before they have a place: targets, delays and weights of any share of its sources.

    Attributes:
        rows: Targets.
        pair: The populations.
        weight: Number, law, or an array in the order of the pattern.
        delay: Delays.
        draws: Where random numbers come from.
    """

    rows: Rows
    pair: Pair
    weight: Weights
    delay: Delays
    draws: Draws

    def __post_init__(self) -> None:
        """Bring what is given for each synapse into the order of the rows."""
        self.given = self._ordered(self.weight) if isinstance(self.weight, np.ndarray) else None
        self.which = None if self.delay.which is None else self._ordered(self.delay.which)

    @classmethod
    def of(cls, edges: Edges) -> "Drawn":
        """Return synapses that have been made."""
        count = len(edges.delays)
        which = np.repeat(np.tile(np.arange(count, dtype=np.uint16), edges.n_source), np.diff(edges.pointer))
        rows = Rows(np.ascontiguousarray(edges.pointer[::count]), targets=edges.targets)
        pair = Pair(edges.n_source, edges.n_target, None)
        return cls(rows, pair, edges.weights, Delays(edges.delays, which if count > 1 else None), Draws(0, 0))

    def _ordered(self, values: np.ndarray) -> np.ndarray:
        """Return values, one for each synapse of the pattern, in the order of the rows."""
        return values if self.rows.order is None else values[self.rows.order]

    @property
    def count(self) -> int:
        """How many synapses there are."""
        return int(self.rows.start[-1])

    def place(self, lo: int, hi: int) -> slice:
        """Return which of all synapses are those of the sources lo to hi - 1."""
        return slice(int(self.rows.start[lo]), int(self.rows.start[hi]))

    def picks(self, lo: int, hi: int, number: int = 0) -> np.ndarray:
        """Return the targets of sources, uint32, in the memory of this number."""
        place = self.place(lo, hi)
        picks = scratch(f"connect picks {number}", place.stop - place.start, np.uint32)
        if self.rows.fill is None:
            assert self.rows.targets is not None  # they are drawn or there
            picks[:] = self.rows.targets[place]
        else:
            self.rows.fill(lo, hi, picks)
        return picks

    def delays(self, lo: int, hi: int, number: int = 0) -> np.ndarray:
        """Return the number of the delay of each synapse of sources, uint16."""
        place = self.place(lo, hi)
        if self.which is not None:
            return self.which[place]
        which = scratch(f"connect which {number}", place.stop - place.start, np.uint16)
        if self.delay.tables is None:
            which[:] = 0
        else:
            draw_delays(self.delay.tables, self.rows.start, (lo, hi), self.draws, which)
        return which

    def values(self, lo: int, hi: int, number: int = 0) -> np.ndarray:
        """Return the weight of each synapse of sources, float64; one for all where they are equal."""
        place = self.place(lo, hi)
        if isinstance(self.weight, Distribution):
            values = scratch(f"connect values {number}", place.stop - place.start, np.float64)
            draw_values(self.weight, self.rows.start, (lo, hi), self.draws, values)
            return values
        return np.array([self.weight]) if self.given is None else np.ascontiguousarray(self.given[place], np.float64)


def made(drawn: Drawn, dtype: Any, threads: int | None) -> Edges:
    """Return the edges of one projection.

    Args:
        drawn: Its synapses.
        dtype: Of weights that are not all equal.
        threads: The most that may share the work.
    """
    if len(drawn.delay.steps) > 1:
        return _Merge([drawn], [0], drawn.pair.targets, np.dtype(dtype), drawn.weight).run(threads)
    return _alike(drawn, np.dtype(dtype), threads)


def merged(parts: Sequence[tuple[Drawn, int]], dtype: Any, threads: int | None = None) -> tuple[Edges, int]:
    """Return synapses of several projections as those of one, each with a weight.

    Args:
        parts: The synapses of each, from the same sources, and the number of its first target in the network.
        dtype: Of weights.
        threads: The most that may share the work.

    Returns:
        The synapses, and the number of the first target of all.
    """
    first = min(begin for _, begin in parts)
    span = max(begin + drawn.pair.targets for drawn, begin in parts) - first
    shifts = [begin - first for _, begin in parts]
    return _Merge([drawn for drawn, _ in parts], shifts, span, np.dtype(dtype)).run(threads), first


def _alike(drawn: Drawn, dtype: np.dtype, threads: int | None) -> Edges:
    """Return the edges of a projection with one delay: its lists as they are."""
    rows, size = drawn.rows, int(drawn.rows.start[-1])
    targets = np.empty(size, drawn.pair.target_type) if rows.targets is None else rows.targets
    weights = drawn.weight if isinstance(drawn.weight, float) else np.empty(size, dtype)
    borders = list(pairwise(shares(rows.start).tolist()))

    def job(lo: int, hi: int) -> None:
        for first, last in borders[lo:hi]:
            place = drawn.place(first, last)
            if rows.targets is None:
                targets[place] = drawn.picks(first, last)
            if isinstance(weights, np.ndarray):
                weights[place] = drawn.values(first, last)

    if rows.targets is None or isinstance(weights, np.ndarray):
        pool.run(job, len(borders), threads=threads_for(size, threads))
    return Edges(drawn.pair.sources, drawn.pair.targets, drawn.delay.steps, rows.start, targets, weights)


class _Merge:
    """Puts the lists of several projections into segments by source and delay.

    Args:
        parts: The projections.
        shifts: For each, the number of its first target.
        span: Number of targets of all.
        dtype: Of weights.
        weight: The weight of all synapses, where it is one; else each has its own.
    """

    def __init__(self, parts: list[Drawn], shifts: list[int], span: int, dtype: np.dtype, weight: Any = None):
        self.parts, self.shifts, self.span = parts, shifts, span
        self.start = np.sum([part.rows.start for part in parts], axis=0)
        self.sources = parts[0].pair.sources
        self.delays = np.unique(np.concatenate([part.delay.steps for part in parts]))
        self.numbers = [np.searchsorted(self.delays, part.delay.steps).astype(np.int64) for part in parts]
        self.pointer = np.empty(self.sources * len(self.delays) + 1, np.int64)
        self.pointer[-1] = size = int(self.start[-1])
        self.targets = np.empty(size, Pair(0, span, None).target_type)
        self.weights = weight if isinstance(weight, float) else np.empty(size, dtype)
        graded = isinstance(self.weights, np.ndarray)
        self.kernel = places(self.targets.dtype, dtype)["merge_weighted" if graded else "merge"]

    def run(self, threads: int | None) -> Edges:
        """Do all shares, and return the edges."""
        borders = list(pairwise(shares(self.start, CHUNK * min(len(self.parts), _AT_ONCE)).tolist()))

        def job(lo: int, hi: int) -> None:
            for first, last in borders[lo:hi]:
                self._share(first, last)

        pool.run(job, len(borders), threads=threads_for(int(self.start[-1]), threads))
        steps, pointer = _occurring(self.delays, self.pointer)
        return Edges(self.sources, self.span, steps, pointer, self.targets, self.weights)

    def _share(self, lo: int, hi: int) -> None:
        """Place the synapses of sources."""
        graded, kept, table = isinstance(self.weights, np.ndarray), [], []
        for i, (part, numbers, shift) in enumerate(zip(self.parts, self.numbers, self.shifts, strict=True)):
            start = part.rows.start
            if start[lo] == start[hi]:
                continue
            picks, which = part.picks(lo, hi, i), part.delays(lo, hi, i)
            values = part.values(lo, hi, i) if graded else numbers
            kept.append((picks, which, values))
            arrays = start, picks, which, numbers, values
            table.append([*map(address, arrays), int(values.size > 1), shift])
        words = np.array(table, np.int64).reshape(-1, PART)
        following = scratch("connect next", len(self.delays), np.int64)
        out = [following, self.pointer, self.targets, *([self.weights] if graded else [])]
        self.kernel(lo, hi, len(words), address(words), len(self.delays), address(self.start), *map(address, out))


def _occurring(steps: np.ndarray, pointer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out the delays that no synapse has, but for the first where there is no synapse at all."""
    if len(steps) == 1:
        return steps, pointer
    begins = pointer[:-1].reshape(-1, len(steps))
    ends = pointer[1:].reshape(-1, len(steps))
    used = (begins != ends).any(axis=0)
    if not used.any():
        used[:1] = True
    if used.all():
        return steps, pointer
    return steps[used], np.append(begins[:, used], pointer[-1])
