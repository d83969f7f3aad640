"""What is delivered by one call, and synapses whose delays have been changed while spikes are on their way."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from spikelet.sim.cut import cut
from spikelet.sim.delivery import EVER
from spikelet.sim.edges import Edges
from spikelet.sim.population import View
from spikelet.sim.projection import Projection
from spikelet.sim.storage import Storage


@dataclass(eq=False)
class Cable:
    """Synapses that are delivered by one call.

    Attributes:
        projections: Those that they belong to.
        edges: The synapses.
        first: Number of the first target among the neurons of the network.
        to: The population that receives, where it is one, else the first of several.
        channels: Inputs that receive, and for each the jump of the receptor that it is.
        window: The targets that are delivered to, among those of the synapses: first, and behind the last.
        sent: Spikes are delivered that were sent in so many steps from a first one on: first, number.
        cuts: Of sparse storage, for a number of threads, where in each segment the synapses of each of them begin.
        counts: Of several projections, how many synapses each has.
    """

    projections: tuple[Projection, ...]
    edges: Storage
    first: int
    to: str
    channels: tuple[tuple[int, str], ...]
    window: tuple[int, int]
    sent: tuple[int, int] = (0, EVER)
    cuts: dict[int, np.ndarray] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def pointer(self, threads: int, owner: np.ndarray) -> np.ndarray:
        """Return where the synapses of each segment and thread begin; puts them into this order.

        Args:
            threads: How many there are.
            owner: (neurons of the network,) uint8, the thread of each.
        """
        edges = self.sparse
        if threads == 1:
            return edges.pointer
        if threads not in self.cuts:
            own = owner[self.first : self.first + edges.n_target]
            self.cuts = {threads: cut(edges, own, threads)}  # any other order is gone
        return self.cuts[threads]

    @property
    def sparse(self) -> Edges:
        """The synapses where they are kept as a list: other kinds know their targets without one."""
        assert isinstance(self.edges, Edges)
        return self.edges

    @property
    def pre(self) -> View:
        """What sends."""
        return self.projections[0].pre

    @property
    def at_once(self) -> bool:
        """Whether spikes arrive in the step in which they are sent."""
        return is_zero(self.edges)


Place = tuple[Cable, np.ndarray | None, np.ndarray | slice]  # cable, places in it, places among the own synapses


def joined(cables: list[Cable]) -> tuple[Edges, list[Place]]:
    """Join the pieces of a projection whose targets do not lie side by side."""
    parts = [cable.edges.listed() for cable in cables]
    size = len(parts[0].pointer) - 1
    segments = np.concatenate([np.repeat(np.arange(size), np.diff(part.pointer)) for part in parts])
    borders = np.cumsum([0, *(part.n_target for part in parts)])
    targets = np.concatenate([part.targets + int(b) for part, b in zip(parts, borders, strict=False)])
    order = np.lexsort((targets, segments))
    weights = [np.broadcast_to(np.asarray(part.weights), part.targets.shape) for part in parts]
    kind = parts[0].targets.dtype
    pointer = np.concatenate([[0], np.cumsum(np.bincount(segments, minlength=size))])
    graded = any(np.ndim(part.weights) > 0 for part in parts)
    values = np.concatenate(weights)[order] if graded else parts[0].weights
    edges = replace(
        parts[0], n_target=int(borders[-1]), pointer=pointer, targets=targets[order].astype(kind), weights=values
    )
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    pieces = np.split(back, np.cumsum([len(part) for part in parts])[:-1])
    return edges, [(cable, None, piece) for cable, piece in zip(cables, pieces, strict=True)]


def is_zero(edges: Storage) -> bool:
    """Tell whether synapses have no delay."""
    return bool(edges.delays.size) and int(edges.delays[0]) == 0


@dataclass(frozen=True, eq=False)
class Passing:
    """Synapses as they were before their delays were changed, over which spikes are still on their way.

    Attributes:
        projection: Whose.
        synapses: As they were.
        sent: Spikes that were sent in so many steps from a first one on: first, number.
        came: Which each of the present synapses was, both in the order (source, target), (E,); None where they are
            the same, as they are unless there are several of one pair.
    """

    projection: Projection
    synapses: Storage
    sent: tuple[int, int]
    came: np.ndarray | None

    @property
    def last(self) -> int:
        """The step in which the last spike arrives."""
        return sum(self.sent) - 1 + int(self.synapses.delays[-1])

    def with_weights(self, values: np.ndarray) -> "Passing":
        """Return the same with the weights of the present synapses, one for all or (E,) by source and target."""
        orders = (self.came, self.synapses.order() if isinstance(self.synapses, Edges) else None)
        for order in orders if values.ndim else ():
            if order is not None:
                placed = np.empty_like(values)
                placed[order] = values
                values = placed
        return replace(self, synapses=self.synapses.with_weights(values))


@dataclass(frozen=True)
class Changes:
    """What has been changed of the delays of a network.

    Attributes:
        since: Projection -> first step whose spikes travel with its present delays.
        passing: Synapses over which earlier spikes are on their way.
    """

    since: Mapping[str, int] = field(default_factory=dict)
    passing: tuple[Passing, ...] = ()


def moved(old: Storage, new: Storage, came: np.ndarray) -> np.ndarray | None:
    """Return ``Passing.came`` for synapses that have got other delays.

    Args:
        old: The synapses before.
        new: The synapses now.
        came: Where each of them stood, (E,).
    """
    rank = np.empty(len(came), np.int64)
    rank[old.listed().order()] = np.arange(len(came))
    found = rank[came[new.listed().order()]]
    return None if (np.diff(found) == 1).all() else found


def composed(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    """Return where synapses stood before they moved twice."""
    return second if first is None else first if second is None else first[second]
