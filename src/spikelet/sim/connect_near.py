"""A number of partners for each neuron, the likelier the nearer: the profile of a distance decides who they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet import random
from spikelet.backends.numpy_reference import evaluate
from spikelet.errors import InputError
from spikelet.sim.connect_calls import PARTNERS, Draws
from spikelet.sim.connect_patterns import whole_number
from spikelet.sim.connect_rows import Pair, Rows, listed
from spikelet.sim.connect_space import Distance

_BLOCK = 1 << 20  # pairs that are looked at together


@dataclass(frozen=True, eq=False, repr=False)
class NearDegree(Distance):
    """So many different sources for each target, or targets for each source.

    They are drawn one after the other, each with a probability in proportion to what the text says: who comes first in
    a race of exponential waiting times with these rates (Efraimidis & Spirakis 2006, doi:10.1016/j.ipl.2005.11.003).

    Attributes:
        k: Number of partners.
        by_source: Whether k is the number of targets of each source.
    """

    k: int = 0
    by_source: bool = False

    def __post_init__(self) -> None:
        """Check the number."""
        super().__post_init__()
        object.__setattr__(self, "k", whole_number(f"distance: {self._degree}", self.k))

    @property
    def _degree(self) -> str:
        return "outdegree" if self.by_source else "indegree"

    def __repr__(self) -> str:
        return f"distance({self.text!r}, {self._degree}={self.k})"

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        self.require(pair)
        found = [np.zeros((2, 0), np.int64), *self._drawn(pair, draws)]
        sources, targets = np.concatenate(found, axis=1)
        order = np.lexsort((targets, sources))
        return listed(sources[order], targets[order], pair)

    def _drawn(self, pair: Pair, draws: Draws) -> Iterator[np.ndarray]:
        """Yield source and target of each synapse, (2, E), for some of the neurons that have partners at a time."""
        owners, others = (pair.sources, pair.targets) if self.by_source else (pair.targets, pair.sources)
        size = max(1, _BLOCK // max(1, others))
        for lo in range(0, owners, size):
            owner, other = np.arange(lo, min(lo + size, owners))[:, None], np.arange(others)
            ends = (owner, other) if self.by_source else (other, owner)
            sources, targets = np.broadcast_arrays(*ends)
            rate = self._rates(sources, targets, pair)
            few = np.flatnonzero((rate > 0).sum(axis=1) < self.k)
            if few.size:
                number, (one, many) = (rate[few[0]] > 0).sum(), self._words
                raise InputError(
                    f"distance: {one} {lo + few[0]} has {number} {many} to draw {self._degree}={self.k} from"
                )
            if self.k:
                element = ends[0] * pair.targets + ends[1]
                u = random.uniform(draws.seed, 0, element, draws.stream, PARTNERS)
                with np.errstate(divide="ignore"):
                    waits = np.where(rate > 0, -np.log1p(-u) / rate, np.inf)
                chosen = np.argpartition(waits, self.k - 1, axis=1)[:, : self.k]
                both = np.broadcast_to(owner, chosen.shape).reshape(-1), chosen.reshape(-1)
                yield np.stack(both if self.by_source else both[::-1])

    @property
    def _words(self) -> tuple[str, str]:
        return ("source", "targets") if self.by_source else ("target", "sources")

    def _rates(self, sources: np.ndarray, targets: np.ndarray, pair: Pair) -> np.ndarray:
        """Return what the text says of pairs; 0 where they must not be connected."""
        values: dict[str, Any] = self.values(sources, targets, pair)
        with np.errstate(all="ignore"):  # what is undefined is found below
            rate = np.broadcast_to(evaluate({"": self.node}, values)[""], sources.shape).astype(np.float64)
        wrong = ~((rate >= 0) & np.isfinite(rate))
        if wrong.any():
            where = f"source {sources[wrong][0]} and target {targets[wrong][0]}"
            raise InputError(f"distance: {rate[wrong][0]} for {where}; expected a number that is not negative")
        rate[values["d"] > (np.inf if self.within is None else self.within)] = 0.0
        shift = pair.kept_apart(self.autapses)
        if shift is not None:
            rate[targets == sources + shift] = 0.0
        return rate

    def expected(self, pair: Pair) -> float:
        """Return how many synapses there will be."""
        return self.k * (pair.sources if self.by_source else pair.targets)
