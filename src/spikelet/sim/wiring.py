"""The synapses of a network: made, put together where they start from the same neurons, read and set."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from spikelet.sim import connect
from spikelet.sim.bundle import SPAN, Member, groups, taken
from spikelet.sim.connect_drawn import Drawn, made, merged
from spikelet.sim.cut import cut
from spikelet.sim.description import Description, Projection, View
from spikelet.sim.edges import Edges
from spikelet.sim.estimate import pair_of
from spikelet.sim.plastic import graded
from spikelet.sim.receivers import Receiver, stream


@dataclass(eq=False)
class Cable:
    """Synapses that are delivered by one call.

    Attributes:
        projections: Those that they belong to.
        edges: The synapses.
        first: Number of the first target among the neurons of the network.
        to: The population that receives, where it is one, else the first of several.
        channels: Inputs that receive, and for each the jump of the receptor that it is.
        cuts: For a number of threads, where in each segment the synapses of each of them begin.
    """

    projections: tuple[Projection, ...]
    edges: Edges
    first: int
    to: str
    channels: tuple[tuple[int, str], ...]
    cuts: dict[int, np.ndarray] = field(default_factory=dict)

    def pointer(self, threads: int, owner: np.ndarray) -> np.ndarray:
        """Return where the synapses of each segment and thread begin; puts them into this order.

        Args:
            threads: How many there are.
            owner: (neurons of the network,) uint8, the thread of each.
        """
        if threads == 1:
            return self.edges.pointer
        if threads not in self.cuts:
            own = owner[self.first : self.first + self.edges.n_target]
            self.cuts = {threads: cut(self.edges, own, threads)}  # any other order is gone
        return self.cuts[threads]

    @property
    def pre(self) -> View:
        """What sends."""
        return self.projections[0].pre

    @property
    def at_once(self) -> bool:
        """Whether spikes arrive in the step in which they are sent."""
        return _is_zero(self.edges)


def _is_zero(edges: Edges) -> bool:
    return bool(edges.delays.size) and int(edges.delays[0]) == 0


def couples(projection: Projection) -> bool:
    """Return whether the synapses of a projection act all the time, and not at spikes."""
    return projection.synapse is not None and projection.synapse.coupling is not None


class Wiring:
    """The synapses of a network.

    Args:
        network: Its description.
        dt: Step [ms].
        receivers: What receives.
        made: Projection -> synapses that have been made.

    Attributes:
        cables: The synapses that do not learn, in the order in which they are delivered.
        coupled: The synapses that act all the time, in the same order.
        learning: Projection -> synapses that learn, each with a weight in memory of its own.
    """

    def __init__(self, network: Description, dt: float, receivers: Mapping[str, Receiver], made: Mapping[str, Edges]):
        self.network, self.dt, self.receivers, self.made = network, dt, receivers, made
        cables: list[Cable] = []
        for projections in self._together():
            cables += self._joined(projections) if len(projections) > 1 else self._alone(projections[0])
        self.cables = [cable for cable in cables if not couples(cable.projections[0])]
        self.coupled = [cable for cable in cables if couples(cable.projections[0])]
        learn = [p for p in network.projections.values() if p.rule is not None]
        self.learning = {p.name: graded(self._made(p), network.dtype) for p in learn}
        every = [*(cable.edges for cable in self.cables), *self.learning.values()]
        self.delays = sorted({int(d) for edges in every for d in edges.delays})

    def edges(self, projection: Projection) -> Edges:
        """Return the synapses of a projection."""
        if projection.name in self.learning:
            return self.learning[projection.name]
        return self._edges(projection)[0]

    def at_once(self, projection: Projection) -> bool:
        """Tell whether the spikes of a projection arrive in the step in which they are sent."""
        if projection.name in self.learning:
            return _is_zero(self.learning[projection.name])
        return any(cable.at_once for cable in self.cables if projection in cable.projections)

    def set_weights(self, projection: Projection, values: np.ndarray) -> None:
        """Replace the weights of a projection, in the order in which they are stored."""
        dtype = self.network.dtype
        count = len(self.edges(projection))
        weights = values.astype(dtype) if values.ndim else np.full(count, values, dtype)
        for cable, places, own in self._edges(projection)[1]:
            if places is None:
                cable.edges = replace(cable.edges, weights=weights[own])
            else:
                np.asarray(cable.edges.weights)[places] = weights

    # --- making -------------------------------------------------------------------------------------------------------

    def _drawn(self, projection: Projection) -> Drawn:
        if projection.name in self.made:
            return Drawn.of(self.made[projection.name])
        pair = pair_of(projection)
        delay = 0.0 if couples(projection) and projection.delay is None else projection.delay
        return connect.draw(
            projection.pattern, pair.sources, pair.targets, same=pair.shift is not None, shift=pair.shift or 0,
            weight=projection.weight, delay=delay, dt=self.dt, seed=self.network.seed,
            stream=stream("connections", projection.number), name=projection.name,
        )  # fmt: skip

    def _made(self, projection: Projection) -> Edges:
        if projection.name in self.made:
            return self.made[projection.name]
        return made(self._drawn(projection), self.network.dtype, None)

    def _together(self) -> list[list[Projection]]:
        """Put projections together that may be one cable; the others stay alone."""
        found: dict[object, list[Projection]] = {}
        for p in self.network.projections.values():
            if p.rule is None:
                found.setdefault(self._key(p), []).append(p)
        return list(found.values())

    def _key(self, projection: Projection) -> object:
        """Return what projections of one cable have in common."""
        channels = self._channels(projection)
        sends = projection.synapse is not None and bool(projection.synapse.arrival.assignments)
        sends = sends or couples(projection) or (projection.synapse is not None and projection.synapse.arrival.each)
        factors = projection.synapse is not None and any(projection.synapse.arrival.factors.values())
        source = projection.pre.population.name not in self.receivers
        lone = sends or factors or source or self._has_no_delay(projection) or channels is None or len(channels) != 1
        if lone or projection.targets_count > SPAN:
            return projection.name
        pre = projection.pre
        return pre.population.name, pre.start, pre.stop, channels

    def _has_no_delay(self, projection: Projection) -> bool:
        made = self.made.get(projection.name)
        if made is not None:
            return _is_zero(made)
        return np.ndim(projection.delay) == 0 and projection.delay == 0

    def _first(self, view: View) -> int:
        return self.receivers[view.population.name].first + view.start

    def _channels(self, projection: Projection) -> tuple[tuple[int, str], ...] | None:
        """Return where a projection arrives if its targets' inputs lie side by side, else None."""
        begins = [self._first(view) for view in projection.post]
        ends = [begin + len(view) for begin, view in zip(begins, projection.post, strict=True)]
        reached = {self.receivers[view.population.name].reached[projection.name] for view in projection.post}
        return reached.pop() if begins[1:] == ends[:-1] and len(reached) == 1 else None

    def _joined(self, projections: list[Projection]) -> Iterator[Cable]:
        """Make cables of several projections each."""
        members = {p.name: (p, self._first(p.post[0])) for p in projections}
        spans = [Member(name, first, first + p.targets_count) for name, (p, first) in members.items()]
        for group in groups(spans):
            own = tuple(members[span.name][0] for span in group)
            channels = self._channels(own[0]) or ()
            if len(group) == 1:
                yield Cable(own, self._made(own[0]), group[0].first, own[0].post[0].population.name, channels)
                continue
            drawn = [(self._drawn(p), span.first) for p, span in zip(own, group, strict=True)]
            edges, first = merged(drawn, self.network.dtype)
            yield Cable(own, edges, first, own[0].post[0].population.name, channels)

    def _alone(self, projection: Projection) -> Iterator[Cable]:
        """Make the cables of a projection: one for each piece of its targets whose inputs do not lie side by side."""
        edges, channels = self._made(projection), self._channels(projection)
        if channels is not None:
            view = projection.post[0]
            yield Cable((projection,), edges, self._first(view), view.population.name, channels)
            return
        borders = np.cumsum([0, *map(len, projection.post)])
        for i, view in enumerate(projection.post):
            own, _ = taken(edges, int(borders[i]), int(borders[i + 1]))
            receiver = self.receivers[view.population.name]
            yield Cable((projection,), own, self._first(view), view.population.name, receiver.reached[projection.name])

    # --- reading ------------------------------------------------------------------------------------------------------

    def _edges(self, projection: Projection) -> tuple[Edges, list[tuple[Cable, np.ndarray | None, np.ndarray | slice]]]:
        """Return the synapses of a projection, and where their weights are: cable, places in it, own places."""
        cables = [cable for cable in (*self.cables, *self.coupled) if projection in cable.projections]
        if len(cables) == 1 and len(cables[0].projections) == 1:
            return cables[0].edges, [(cables[0], None, slice(None))]
        if len(cables) == 1:
            begin = self._first(projection.post[0]) - cables[0].first
            edges, chosen = taken(cables[0].edges, begin, begin + projection.targets_count)
            return edges, [(cables[0], chosen, slice(None))]
        return self._pieces(cables)

    def _pieces(self, cables: list[Cable]) -> tuple[Edges, list[tuple[Cable, np.ndarray | None, np.ndarray | slice]]]:
        """Join the pieces of a projection whose targets do not lie side by side."""
        size = cables[0].edges.n_source * len(cables[0].edges.delays)
        segments = np.concatenate([np.repeat(np.arange(size), np.diff(c.edges.pointer)) for c in cables])
        borders = np.cumsum([0, *(c.edges.n_target for c in cables)])
        targets = np.concatenate([c.edges.targets + int(b) for c, b in zip(cables, borders, strict=False)])
        order = np.lexsort((targets, segments))
        weights = [np.broadcast_to(np.asarray(c.edges.weights), c.edges.targets.shape) for c in cables]
        kind = cables[0].edges.targets.dtype
        pointer = np.concatenate([[0], np.cumsum(np.bincount(segments, minlength=size))])
        graded = any(np.ndim(c.edges.weights) > 0 for c in cables)
        joined = np.concatenate(weights)[order] if graded else cables[0].edges.weights
        edges = replace(
            cables[0].edges, n_target=int(borders[-1]), pointer=pointer, targets=targets[order].astype(kind),
            weights=joined,
        )  # fmt: skip
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        parts = np.split(back, np.cumsum([len(c.edges) for c in cables])[:-1])
        return edges, [(cable, None, part) for cable, part in zip(cables, parts, strict=True)]
