"""Patterns that look at every pair (texts over numbers or positions), and the small-world ring."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikelet import random
from spikelet.backends.numpy_reference import evaluate
from spikelet.errors import InputError, ShapeError, did_you_mean
from spikelet.ir import simplify
from spikelet.ir.lower import operation
from spikelet.ir.nodes import Node, node
from spikelet.lang import dimensions, parser
from spikelet.lang.functions import CONSTANTS, DRAWS
from spikelet.lang.syntax import Expr
from spikelet.sim.connect_calls import PARTNERS, Draws, starts
from spikelet.sim.connect_patterns import Pattern, real_number, rows_of_lists, whole_number
from spikelet.sim.connect_rows import Pair, Rows
from spikelet.units import ONE

_BLOCK = 1 << 20  # pairs that are looked at together
_AXES = ("dx", "dy", "dz")


def _parsed(owner: str, text: str, names: tuple[str, ...]) -> Node:
    """Return a text as a node over parameters of these names; it may be a condition or a plain number."""
    expr = parser.condition(owner, "text", text, {*names, *CONSTANTS})
    kind = dimensions.dimension_of(_known(expr, names), dict.fromkeys((*names, *CONSTANTS), ONE))
    if kind not in (dimensions.CONDITION, None, ONE):
        expr.fail("expected a condition or a probability, but this has a unit")
    return _read(expr)


def _known(expr: Expr, names: tuple[str, ...]) -> Expr:
    """Return the expression, all of whose names and functions are found to exist and to be no random numbers."""
    waiting = [expr]
    while waiting:
        part = waiting.pop()
        waiting += part.args
        if part.op == "call" and part.value in DRAWS:
            part.fail("no random numbers here: a number is itself the probability of a synapse")
        if part.op in ("name", "next") and (part.op == "next" or part.value not in (*names, *CONSTANTS)):
            near = did_you_mean(part.value, names) or f"; known are {', '.join(names)}"
            part.fail(f"'{part.value}' is not defined{near}")
    return expr


def _read(expr: Expr) -> Node:
    if expr.op == "number":
        return simplify.const(float(expr.value))  # type: ignore[arg-type]  # numbers hold numbers
    if expr.op == "name":
        constant = CONSTANTS.get(str(expr.value))
        return node("parameter", value=expr.value) if constant is None else simplify.const(constant)
    return operation(expr, [_read(arg) for arg in expr.args])


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
        chosen = found.copy() if found.dtype == bool else _drawn(owner, found, lo, draws)
        if shift is not None:
            rows = np.arange(max(lo, -shift), min(hi, pair.targets - shift))
            chosen[rows - lo, rows + shift] = False
        lists += [np.flatnonzero(row) for row in chosen]
    return rows_of_lists(lists, pair)


def _drawn(owner: str, p: np.ndarray, lo: int, draws: Draws) -> np.ndarray:
    """Return whether each pair is connected, for its probability."""
    wrong = ~((p >= 0) & (p <= 1))
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise InputError(f"{owner}: the probability is {p[i, j]} for source {lo + i} and target {j}; expected 0 to 1")
    chosen = np.zeros(p.shape, bool)
    i, j = np.nonzero(p)
    element = (lo + i) * p.shape[1] + j
    chosen[i, j] = random.uniform(draws.seed, 0, element, draws.stream, PARTNERS) < p[i, j]
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
        object.__setattr__(self, "node", _parsed("expression", self.text, ("i", "j", "n_pre", "n_post")))

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""

        def blocks() -> Iterator[tuple[int, int, Mapping[str, Any]]]:
            sizes = {"n_pre": float(pair.sources), "n_post": float(pair.targets)}
            for lo, hi in _blocks(pair):
                yield (
                    lo,
                    hi,
                    {"i": np.arange(lo, hi, dtype=float)[:, None], "j": np.arange(pair.targets, dtype=float)} | sizes,
                )

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
        object.__setattr__(self, "node", _parsed("distance", self.text, ("d", *_AXES[:axes])))

    def __repr__(self) -> str:
        return f"distance({self.text!r})"

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        assert self.targets is not None  # set when it was made
        for what, number in (("sources", pair.sources), ("targets", pair.targets)):
            given = len(getattr(self, what))
            if given != number:
                raise InputError(f"distance: positions of {given} {what}, but there are {number}")
        return _masked("distance", self.node, self._values(pair), pair, self.autapses, draws)

    def _values(self, pair: Pair) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
        assert self.targets is not None
        for lo, hi in _blocks(pair):
            apart = [self.targets[:, axis] - self.sources[lo:hi, axis, None] for axis in range(self.sources.shape[1])]
            if self.period is not None:
                apart = [x - size * np.rint(x / size) for x, size in zip(apart, self.period, strict=True)]
            d = np.sqrt(np.sum([x * x for x in apart], axis=0))
            yield lo, hi, {"d": d, **dict(zip(_AXES, apart, strict=False))}

    def expected(self, pair: Pair) -> None:
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
