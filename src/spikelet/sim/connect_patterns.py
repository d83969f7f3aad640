"""The patterns as data: what each needs, how many synapses it makes, and which of the ways to draw them it takes."""

import math
import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from spikelet.errors import InputError
from spikelet.sim.connect_calls import Draws, Picker, starts, thrown
from spikelet.sim.connect_rows import (
    Pair,
    Rows,
    binomial_counts,
    drawn_by_source,
    drawn_by_target,
    listed,
    poisson_counts,
)
from spikelet.sim.distributions import real_number


class Pattern(ABC):
    """Who is connected with whom; made by a function of `spikelet.sim.connect`.

    Attributes:
        count: How many synapses the pattern lists one by one; None where it draws or computes them.
        weights: The weights that it holds, (count,); None where it holds none.
        kinds: The kinds of storage that can hold its synapses, see `storage`; the first is the default.
        names: What may stand in a text for weights and delays, see `connect_expression`.
    """

    count: int | None = None
    weights: np.ndarray | None = None
    kinds: tuple[str, ...] = ("sparse", "dense")
    names: tuple[str, ...] = ("i", "j", "n_pre", "n_post")
    name: str = ""  # of the function that makes it

    @property
    def holds_weights(self) -> bool:
        """Whether it holds weights."""
        return self.weights is not None

    def values(self, sources: np.ndarray, targets: np.ndarray, pair: Pair) -> dict[str, Any]:
        """Return name -> value of pairs, for texts."""
        sizes = {"n_pre": float(pair.sources), "n_post": float(pair.targets)}
        return {"i": sources.astype(np.float64), "j": targets.astype(np.float64), **sizes}

    def __repr__(self) -> str:
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.repr}  # pyright: ignore[reportArgumentType]
        return f"{self.name}({', '.join(f'{n}={v!r}' for n, v in shown.items() if v is not True)})"

    @abstractmethod
    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""

    @abstractmethod
    def expected(self, pair: Pair) -> float | None:
        """Return how many synapses there will be, on average; None where that is known only once they are made."""


@dataclass(frozen=True, repr=False)
class OneToOne(Pattern):
    """Source i to target i."""

    name = "one_to_one"
    kinds = ("one-to-one", "sparse", "dense")

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        if pair.sources != pair.targets:
            raise InputError(f"one_to_one() needs as many sources as targets, not {pair.sources} and {pair.targets}")
        return Rows(np.arange(pair.sources + 1), targets=np.arange(pair.sources, dtype=pair.target_type))

    def expected(self, pair: Pair) -> float:
        """Return how many synapses there will be."""
        return pair.sources


@dataclass(frozen=True, repr=False)
class AllToAll(Pattern):
    """Every source to every target."""

    name = "all_to_all"
    kinds = ("dense", "sparse", "procedural")
    autapses: bool

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source: all that are possible, of which none has to be drawn."""
        picker = Picker(pair.targets, pair.kept_apart(self.autapses), True, draws)
        return drawn_by_source(picker, pair.targets - pair.own(self.autapses))

    def expected(self, pair: Pair) -> float:
        """Return how many synapses there will be."""
        return _pairs(pair, self.autapses)


@dataclass(frozen=True, repr=False)
class FixedProbability(Pattern):
    """Every pair with a probability: a binomial number for each source, then so many of its possible targets."""

    name = "fixed_probability"
    kinds = ("sparse", "dense", "procedural")
    p: float
    autapses: bool

    def __post_init__(self) -> None:
        """Check the probability."""
        if not 0 <= real_number("fixed_probability: p", self.p) <= 1:
            raise InputError(f"fixed_probability: p must be in [0, 1], not {self.p}")

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        picker = Picker(pair.targets, pair.kept_apart(self.autapses), True, draws)
        return drawn_by_source(picker, binomial_counts(pair.targets - pair.own(self.autapses), self.p, draws))

    def expected(self, pair: Pair) -> float:
        """Return how many synapses there will be, on average."""
        return self.p * _pairs(pair, self.autapses)


@dataclass(frozen=True, repr=False)
class FixedDegree(Pattern):
    """The same number of sources for each target, or of targets for each source."""

    name: str = field(repr=False)  # "fixed_indegree" or "fixed_outdegree"
    k: int
    autapses: bool
    multapses: bool

    def __post_init__(self) -> None:
        """Check the number."""
        object.__setattr__(self, "k", whole_number(f"{self.name}: k", self.k))
        if self.by_source:
            object.__setattr__(self, "kinds", ("sparse", "dense", "procedural"))

    @property
    def by_source(self) -> bool:
        """Whether k is the number of each source."""
        return self.name == "fixed_outdegree"

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        mine = pair if self.by_source else pair.turned()
        own = mine.own(self.autapses)
        self._check(mine.targets - int(own.max(initial=0)), len(own))
        picker = Picker(mine.targets, mine.kept_apart(self.autapses), not self.multapses, draws)
        counts = np.full(mine.sources, self.k)
        if self.by_source:
            return drawn_by_source(picker, counts)
        return drawn_by_target(picker, counts, pair, threads)

    def _check(self, others: int, rows: int) -> None:
        """Check that there are partners enough."""
        one, many = ("source", "targets") if self.by_source else ("target", "sources")
        if self.k and rows and (others == 0 or (others < self.k and not self.multapses)):
            wanted = f"{self.k} {many}" if self.multapses else f"{self.k} different {many} (multapses=False)"
            raise InputError(f"{self.name}({self.k}): each {one} needs {wanted}, but only {others} can be connected")

    def expected(self, pair: Pair) -> float:
        """Return how many synapses there will be."""
        return self.k * (pair.sources if self.by_source else pair.targets)


@dataclass(frozen=True, repr=False)
class FixedTotal(Pattern):
    """A number of synapses, each between any possible pair: first how many each source has, then their targets."""

    name = "fixed_total"
    kinds = ("sparse", "dense", "procedural")
    n: int
    autapses: bool
    multapses: bool

    def __post_init__(self) -> None:
        """Check the number."""
        object.__setattr__(self, "n", whole_number("fixed_total: n", self.n))

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        possible = _pairs(pair, self.autapses)
        if self.n and (possible == 0 or (possible < self.n and not self.multapses)):
            more = "" if self.multapses else ", each at most once (multapses=False)"
            raise InputError(f"fixed_total({self.n}): only {possible} pairs can be connected{more}")
        picker = Picker(pair.targets, pair.kept_apart(self.autapses), not self.multapses, draws)
        own = pair.own(self.autapses)
        if self.multapses:
            return drawn_by_source(picker, thrown(self.n, pair.targets, own, False, draws))
        few = 2 * self.n <= possible
        counts = thrown(self.n if few else possible - self.n, pair.targets, own, True, draws)
        return drawn_by_source(picker, counts if few else pair.targets - own - counts)

    def expected(self, pair: Pair) -> float:
        """Return how many synapses there will be."""
        return self.n


@dataclass(frozen=True, repr=False)
class PairwisePoisson(Pattern):
    """A Poisson number of synapses between every pair: one for each source, and targets drawn with replacement."""

    name = "pairwise_poisson"
    kinds = ("sparse", "dense", "procedural")
    mean: float
    autapses: bool

    def __post_init__(self) -> None:
        """Check the mean."""
        if real_number("pairwise_poisson: mean", self.mean) < 0:
            raise InputError(f"pairwise_poisson: mean must not be negative, not {self.mean}")

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        picker = Picker(pair.targets, pair.kept_apart(self.autapses), False, draws)
        return drawn_by_source(picker, poisson_counts(self.mean * (pair.targets - pair.own(self.autapses)), draws))

    def expected(self, pair: Pair) -> float:
        """Return how many synapses there will be, on average."""
        return self.mean * _pairs(pair, self.autapses)


@dataclass(frozen=True, eq=False, repr=False)
class Listed(Pattern):
    """Synapses that are given one by one, with or without weights."""

    sources: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None
    shape: tuple[int, int] | None = None
    name: str = "from_arrays"
    count: int = field(init=False)

    def __post_init__(self) -> None:
        """Check and keep the arrays."""
        for what in ("sources", "targets"):
            object.__setattr__(self, what, _numbers(f"{self.name}: {what}", getattr(self, what)))
        if self.sources.shape != self.targets.shape:
            raise InputError(f"{self.name}: {self.sources.size} sources, but {self.targets.size} targets")
        object.__setattr__(self, "count", self.sources.size)
        if self.shape is not None and 2 * self.count >= math.prod(self.shape) > 0:  # a matrix, and mostly not 0
            object.__setattr__(self, "kinds", ("dense", "sparse"))

    def __repr__(self) -> str:
        return f"{self.name}({self.count} synapses)"

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        if self.shape is not None and self.shape != (pair.sources, pair.targets):
            given = f"{pair.sources} sources and {pair.targets} targets"
            raise InputError(f"{self.name}: the matrix has the shape {self.shape}, but there are {given}")
        for what, number in (("sources", pair.sources), ("targets", pair.targets)):
            beyond = np.flatnonzero(getattr(self, what) >= number)
            if beyond.size:
                value = getattr(self, what)[beyond[0]]
                raise InputError(f"{self.name}: {what}[{beyond[0]}] is {value}, but there are only {number} {what}")
        return listed(self.sources, self.targets, pair)

    def expected(self, pair: Pair) -> float:
        """Return how many synapses there will be."""
        return self.count


def rows_of_lists(lists: list[np.ndarray], pair: Pair) -> Rows:
    """Return rows for a list of the targets of each source."""
    start = starts(np.array([len(targets) for targets in lists], np.int64))
    together = np.concatenate(lists) if lists else np.empty(0, np.int64)
    return Rows(start, targets=together.astype(pair.target_type))


# -- checks -----------------------------------------------------------------------------------------------------------


def _pairs(pair: Pair, autapses: bool) -> int:
    """Return how many pairs can be connected."""
    return pair.sources * pair.targets - int(pair.own(autapses).sum())


def whole_number(name: str, value: Any) -> int:
    """Return a whole number that is not negative."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name} must be a whole number, not {value!r}"[:200]) from None
    if number < 0:
        raise InputError(f"{name} must not be negative, not {number}")
    return number


def _numbers(name: str, values: Any) -> np.ndarray:
    """Return an array of numbers of neurons, int64; it is copied."""
    array = np.asarray(values)
    if array.ndim != 1 or not (array.dtype.kind in "iu" or array.size == 0):
        raise InputError(
            f"{name} must be a row of whole numbers, not of the shape {array.shape} and type {array.dtype}"
        )
    array = array.astype(np.int64)
    if array.size and array.min() < 0:
        raise InputError(f"{name}[{int(np.argmax(array < 0))}] is negative: {array.min()}")
    return array
