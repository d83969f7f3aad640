"""Who is connected with whom: for each source the list of its targets, drawn, or turned round from lists by target."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import special

from spikelet import pool, random
from spikelet.backends.sparse_calls import address, scratch
from spikelet.sim.connect_calls import COUNTS, Draws, Picker, grouped, picks, places, shares, starts

_SERIAL = 200_000  # synapses below which a second thread costs more than it does
FLOAT = np.dtype(np.float32)  # of weights, for kernels that have none


@dataclass(frozen=True)
class Pair:
    """The two populations of a projection.

    Attributes:
        sources: Number of sources.
        targets: Number of targets.
        shift: Source i is target ``i + shift``, where there is one of that number; None where the two are apart.
    """

    sources: int
    targets: int
    shift: int | None

    def kept_apart(self, autapses: bool) -> int | None:
        """Return the shift where a source must not be its own target, else None."""
        return None if autapses else self.shift

    def own(self, autapses: bool) -> np.ndarray:
        """Return for each source whether one of the targets is the source itself and forbidden, as 0 or 1, int64."""
        shift = self.kept_apart(autapses)
        own = np.zeros(self.sources, np.int64)
        if shift is not None:
            own[max(0, -shift) : max(0, min(self.sources, self.targets - shift))] = 1
        return own

    def turned(self) -> "Pair":
        """Return the pair with sources and targets exchanged."""
        return Pair(self.targets, self.sources, None if self.shift is None else -self.shift)

    @property
    def target_type(self) -> np.dtype:
        """Type of the number of a target."""
        return np.dtype(np.uint16 if self.targets <= 2**16 else np.uint32)


@dataclass(frozen=True)
class Rows:
    """The targets of each source.

    Attributes:
        start: (n_source + 1,) int64, where the list of each source begins.
        fill: Writes the lists of sources lo to hi - 1, uint32; None where ``targets`` has them.
        targets: All lists, in the type of the edges.
        order: For each entry the place in the pattern's own arrays; None where there are none.
        picker: Draws the list of each source by itself; None where they are made in another way.
    """

    start: np.ndarray
    fill: Callable[[int, int, np.ndarray], None] | None = None
    targets: np.ndarray | None = None
    order: np.ndarray | None = None
    picker: Picker | None = None


def drawn_by_source(picker: Picker, counts: np.ndarray) -> Rows:
    """Return rows whose targets will be drawn, ``counts`` for each source."""
    start = starts(counts)

    def fill(lo: int, hi: int, out: np.ndarray) -> None:
        picker(start, lo, hi, out)

    return Rows(start, fill, picker=picker)


def drawn_by_target(picker: Picker, counts: np.ndarray, pair: Pair, threads: int | None) -> Rows:
    """Return rows turned round from ``counts`` sources drawn for each target.

    They are drawn twice: to count them for each source, then to place them. Threads share the targets; each has its own
    counters, from which follows where its part of each source's list begins. So lists are ascending for any number.
    """
    given = starts(counts)
    borders, total = shares(given), int(given[-1])
    parts = max(1, min(threads_for(total, threads), len(borders) - 1))
    cuts = [(len(borders) - 1) * i // parts for i in range(parts + 1)]
    counted = np.zeros((parts, pair.sources), np.int64)
    most = int(np.diff(given[borders]).max(initial=0))

    def each(lo: int, hi: int, use: Callable[[int, int, int, np.ndarray], None]) -> None:
        picked = scratch("connect picks", most, np.uint32)
        for part in range(lo, hi):
            for first, last in pairwise(borders[cuts[part] : cuts[part + 1] + 1].tolist()):
                picker(given, first, last, picked)
                use(part, first, last, picked)

    def count(part: int, first: int, last: int, picked: np.ndarray) -> None:
        picks()["count"](address(picked), int(given[last] - given[first]), address(counted[part]))

    pool.run(lambda lo, hi: each(lo, hi, count), parts, threads=parts)
    start = starts(counted.sum(axis=0))
    following = np.cumsum(counted, axis=0) - counted + start[:-1]
    targets = np.empty(total, pair.target_type)
    kernel = places(targets.dtype, FLOAT)["place"]

    def place(part: int, first: int, last: int, picked: np.ndarray) -> None:
        kernel(first, last, address(given), address(picked), address(following[part]), address(targets))

    pool.run(lambda lo, hi: each(lo, hi, place), parts, threads=parts)
    return Rows(start, targets=targets)


def listed(sources: np.ndarray, targets: np.ndarray, pair: Pair) -> Rows:
    """Return rows of synapses that are given one by one, (E,) integers; those of one source keep their order."""
    start, order = grouped(sources.astype(np.uint32), pair.sources)
    return Rows(start, targets=targets[order].astype(pair.target_type), order=order)


def threads_for(total: int, threads: int | None) -> int:
    """Return how many threads share the work on so many synapses."""
    return 1 if total < _SERIAL else pool.threads() if threads is None else threads


# -- how many ---------------------------------------------------------------------------------------------------------


def binomial_counts(n: np.ndarray, p: float, draws: Draws) -> np.ndarray:
    """Return for each row how many of its ``n`` possible partners it has with probability ``p`` each, int64."""

    def table(most: float) -> tuple[np.ndarray, np.ndarray]:
        numbers = _numbers(most * p, most * p * (1 - p))
        numbers = numbers[numbers <= most]
        return numbers, special.bdtr(numbers, int(most), p)

    return _inverted(n, table, draws)


def poisson_counts(means: np.ndarray, draws: Draws) -> np.ndarray:
    """Return a Poisson number for each row, int64."""

    def table(mean: float) -> tuple[np.ndarray, np.ndarray]:
        numbers = _numbers(mean, mean)
        return numbers, special.pdtr(numbers, mean)

    return _inverted(means, table, draws)


def _numbers(mean: float, variance: float) -> np.ndarray:
    """Return the whole numbers, as float64, beyond which lies less than 2**-53 of a binomial or Poisson law."""
    reach = 12 * variance**0.5 + 40
    return np.arange(max(0.0, np.floor(mean - reach)), mean + reach + 1)


def _inverted(sizes: np.ndarray, table: Callable[[float], tuple[np.ndarray, np.ndarray]], draws: Draws) -> np.ndarray:
    """Return a number for each row by inversion of a law, which depends on the row's size alone.

    ``table`` returns the numbers of the law for a size, and the probabilities of at most these.
    """
    high, low, _, _ = random.bits(draws.seed, 0, np.arange(len(sizes)), draws.stream, COUNTS)
    u = ((high.astype(np.int64) << 21 | low.astype(np.int64) >> 11) + 0.5) * 2.0**-53
    counts = np.zeros(len(sizes), np.int64)
    for size in np.unique(sizes):  # one, or two where some rows could be their own partner
        here = sizes == size
        numbers, sums = table(float(size))
        counts[here] = numbers[0] + np.searchsorted(sums[:-1], u[here], side="right")
    return counts
