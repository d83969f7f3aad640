"""Patterns that look at every pair (texts over numbers or positions), and the small-world ring."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikelet import random
from spikelet.backends.numpy_reference import evaluate
from spikelet.errors import InputError, ShapeError
from spikelet.ir.nodes import Node
from spikelet.sim.connect_calls import PARTNERS, Draws, starts
from spikelet.sim.connect_expression import parsed
from spikelet.sim.connect_patterns import Pattern, rows_of_lists, whole_number
from spikelet.sim.connect_rows import Pair, Rows, listed
from spikelet.sim.distributions import real_number

_BLOCK = 1 << 20  # pairs that are looked at together
_AXES = ("dx", "dy", "dz")


def _masked(
    owner: str,
    what: Node,
    blocks: Iterator[tuple[int, int, Mapping[str, Any]]],
    pair: Pair,
    autapses: bool,
    draws: Draws,
) -> Rows:
    """Return rows of the pairs for which a text holds, or of a share of them where it is a probability.

    Args:
        owner: name of the pattern.
        what: the text.
        blocks: sources lo to hi - 1, and the values of all names for them and every target.
        pair: the populations.
        autapses: whether a neuron may be its own target.
        draws: random numbers; that of a pair goes by the numbers of its two neurons.
    """
    shift = pair.kept_apart(autapses)
    lists: list[np.ndarray] = []
    for lo, hi, values in blocks:
        with np.errstate(all="ignore"):  # what is undefined is found below
            found = np.broadcast_to(evaluate({"": what}, values)[""], (hi - lo, pair.targets))
        chosen = found.copy()
        if found.dtype != bool:
            i, j = np.broadcast_arrays(np.arange(lo, hi)[:, None], np.arange(pair.targets))
            chosen = _drawn(owner, found, i, j, pair, draws)
        if shift is not None:
            rows = np.arange(max(lo, -shift), min(hi, pair.targets - shift))
            chosen[rows - lo, rows + shift] = False
        lists += [np.flatnonzero(row) for row in chosen]
    return rows_of_lists(lists, pair)


def _drawn(owner: str, p: np.ndarray, sources: np.ndarray, targets: np.ndarray, pair: Pair, draws: Draws) -> np.ndarray:
    """Return whether each pair is connected, for its probability."""
    wrong = ~((p >= 0) & (p <= 1))
    if wrong.any():
        i, j = sources[wrong][0], targets[wrong][0]
        raise InputError(f"{owner}: the probability is {p[wrong][0]} for source {i} and target {j}; expected 0 to 1")
    chosen, some = np.zeros(p.shape, bool), p > 0
    element = sources[some] * pair.targets + targets[some]
    chosen[some] = random.uniform(draws.seed, 0, element, draws.stream, PARTNERS) < p[some]
    return chosen


def _blocks(pair: Pair) -> Iterator[tuple[int, int]]:
    size = max(1, _BLOCK // max(1, pair.targets))
    for lo in range(0, pair.sources, size):
        yield lo, min(lo + size, pair.sources)


@dataclass(frozen=True, repr=False)
class Expression(Pattern):
    """A text over the numbers of source and target."""

    name = "expression"
    text: str
    autapses: bool
    node: Node = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the text."""
        object.__setattr__(self, "node", parsed("expression", self.text, self.names))

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""

        def blocks() -> Iterator[tuple[int, int, Mapping[str, Any]]]:
            for lo, hi in _blocks(pair):
                yield lo, hi, self.values(np.arange(lo, hi)[:, None], np.arange(pair.targets), pair)

        return _masked("expression", self.node, blocks(), pair, self.autapses, draws)

    def expected(self, pair: Pair) -> None:
        """Return None: it is known once every pair has been looked at."""
        return None


@dataclass(frozen=True, eq=False, repr=False)
class Distance(Pattern):
    """A text over the distance of source and target."""

    name = "distance"
    text: str
    sources: np.ndarray
    targets: np.ndarray | None
    period: Any
    autapses: bool
    within: float | None = None
    node: Node = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the positions and read the text."""
        sources = _positions("sources", self.sources)
        targets = sources if self.targets is None else _positions("targets", self.targets)
        axes = sources.shape[1]
        if targets.shape[1] != axes:
            raise ShapeError(f"distance: sources have {axes} axes, but targets {targets.shape[1]}")
        object.__setattr__(self, "sources", sources)
        object.__setattr__(self, "targets", targets)
        object.__setattr__(self, "period", _period(self.period, axes))
        object.__setattr__(self, "names", (*Pattern.names, "d", *_AXES[:axes]))
        if self.within is not None and real_number("distance: within", self.within) < 0:
            raise InputError(f"distance: within must not be negative, not {self.within}")
        object.__setattr__(self, "node", parsed("distance", self.text, self.names))

    def __repr__(self) -> str:
        return f"distance({self.text!r})"

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        self.require(pair)
        if self.within is not None:
            return self._near(self.within, pair, draws)

        def blocks() -> Iterator[tuple[int, int, Mapping[str, Any]]]:
            for lo, hi in _blocks(pair):
                yield lo, hi, self.values(np.arange(lo, hi)[:, None], np.arange(pair.targets), pair)

        return _masked("distance", self.node, blocks(), pair, self.autapses, draws)

    def require(self, pair: Pair) -> None:
        """Raise ``InputError`` unless all sources and targets have a place."""
        for what, number in (("sources", pair.sources), ("targets", pair.targets)):
            given = len(getattr(self, what))
            if given != number:
                raise InputError(f"distance: positions of {given} {what}, but there are {number}")

    def values(self, sources: np.ndarray, targets: np.ndarray, pair: Pair) -> dict[str, Any]:
        """Return name -> value of pairs for texts, with their distance."""
        assert self.targets is not None  # set when it was made
        apart = [self.targets[targets, axis] - self.sources[sources, axis] for axis in range(self.sources.shape[1])]
        if self.period is not None:
            apart = [x - size * np.rint(x / size) for x, size in zip(apart, self.period, strict=True)]
        d = np.sqrt(np.sum([x * x for x in apart], axis=0))
        return super().values(sources, targets, pair) | {"d": d, **dict(zip(_AXES, apart, strict=False))}

    def _near(self, within: float, pair: Pair, draws: Draws) -> Rows:
        """Return the rows, for which only pairs that are near are looked at."""
        from scipy.spatial import KDTree  # takes as long as the rest of the package

        places = [self.sources, self.targets]
        if self.period is not None:
            places = [np.where(x % self.period < self.period, x % self.period, 0.0) for x in places]
        trees = [KDTree(x, boxsize=self.period) for x in places]
        found = trees[0].sparse_distance_matrix(trees[1], within * (1 + 1e-9) + 1e-300, output_type="ndarray")
        order = np.lexsort((found["j"], found["i"]))
        sources, targets = found["i"][order].astype(np.int64), found["j"][order].astype(np.int64)
        shift = pair.kept_apart(self.autapses)
        values = self.values(sources, targets, pair)
        keep = (values["d"] <= within) & (True if shift is None else targets != sources + shift)
        sources, targets = sources[keep], targets[keep]
        with np.errstate(all="ignore"):  # what is undefined is found below
            what = np.broadcast_to(evaluate({"": self.node}, self.values(sources, targets, pair))[""], sources.shape)
        chosen = what if what.dtype == bool else _drawn("distance", what, sources, targets, pair, draws)
        return listed(sources[chosen], targets[chosen], pair)

    def expected(self, pair: Pair) -> float | None:
        """Return None: it is known once every pair has been looked at."""
        return None


def _positions(what: str, positions: Any) -> np.ndarray:
    array = np.array(positions, np.float64)
    if array.ndim != 2 or not 1 <= array.shape[1] <= 3:
        raise ShapeError(f"distance: {what} must be positions (n, 1 to 3 axes), not of the shape {array.shape}")
    if not np.isfinite(array).all():
        raise InputError(f"distance: the position of {what}[{np.argwhere(~np.isfinite(array))[0][0]}] is not finite")
    return array


def _period(period: Any, axes: int) -> np.ndarray | None:
    if period is None:
        return None
    sizes = np.asarray(period, np.float64)
    if sizes.shape not in ((), (axes,)):
        raise ShapeError(f"distance: period has the shape {sizes.shape}; expected a number or ({axes},)")
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        raise InputError(f"distance: period must be positive, not {period}")
    return np.broadcast_to(sizes, (axes,))


@dataclass(frozen=True, repr=False)
class SmallWorld(Pattern):
    """A ring of neighbours, each synapse redirected with a probability."""

    name = "small_world"
    k: int
    p: float

    def __post_init__(self) -> None:
        """Check the numbers."""
        object.__setattr__(self, "k", whole_number("small_world: k", self.k))
        if self.k % 2:
            raise InputError(f"small_world: k must be even, not {self.k}")
        if not 0 <= real_number("small_world: p", self.p) <= 1:
            raise InputError(f"small_world: p must be in [0, 1], not {self.p}")

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        n, k = pair.sources, self.k
        if pair.targets != n or pair.shift != 0:
            raise InputError("small_world connects a population with itself")
        if k >= n and n:
            raise InputError(f"small_world({k}): each neuron needs {k} neighbours, but there are only {n - 1}")
        rows = np.arange(n)
        away = np.concatenate([np.arange(-(k // 2), 0), np.arange(1, k // 2 + 1)])
        taken = np.concatenate(
            [rows[:, None], (rows[:, None] + away) % max(n, 1)], axis=1
        )  # the neuron and its targets
        others = n - 1 - k
        for column in range(1, k + 1) if others else ():
            first, second, _, _ = random.bits(draws.seed, column, rows, draws.stream, PARTNERS)
            moved = np.flatnonzero((first + 0.5) * 2.0**-32 < self.p)
            rank = (second[moved].astype(np.int64) * others) >> 32
            taken[moved, column] = _free(rank, taken[moved])
        return Rows(starts(np.full(n, k)), targets=np.sort(taken[:, 1:], axis=1).astype(pair.target_type).reshape(-1))

    def expected(self, pair: Pair) -> float:
        """Return how many synapses there will be."""
        return self.k * pair.sources


def _free(rank: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Return, for each row, the number that has ``rank`` smaller ones which are not taken."""
    found = rank.copy()
    for column in np.sort(taken, axis=1).T:
        found += found >= column
    return found
