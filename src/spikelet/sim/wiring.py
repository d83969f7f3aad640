"""The synapses of a network: made, put together where they start from the same neurons, read and set."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from spikelet.errors import InputError, ModelError
from spikelet.sim import connect, storage
from spikelet.sim.bundle import SPAN, Member, groups, taken
from spikelet.sim.cable import Cable, Changes, Passing, Place, composed, is_zero, joined, moved
from spikelet.sim.connect_drawn import Drawn, merged
from spikelet.sim.connect_finish import steps_of
from spikelet.sim.delivery import EVER
from spikelet.sim.description import Description
from spikelet.sim.edges import Edges
from spikelet.sim.estimate import pair_of
from spikelet.sim.plastic_index import graded
from spikelet.sim.population import View
from spikelet.sim.projection import Projection
from spikelet.sim.receivers import Receiver, stream
from spikelet.sim.storage import Storage
from spikelet.written import as_numbers


def couples(projection: Projection) -> bool:
    """Return whether the synapses of a projection act all the time, and not at spikes."""
    return projection.synapse is not None and projection.synapse.coupling is not None


def one_by_one(projection: Projection) -> bool:
    """Return whether synapses act all the time, or differ in what a spike releases: they are kept one by one."""
    return couples(projection) or (projection.synapse is not None and projection.synapse.arrival.each)


class Wiring:
    """The synapses of a network.

    Args:
        network: Its description.
        dt: Step [ms].
        receivers: What receives.
        made: Projection -> synapses that have been made.
        changes: Of delays, since the network was built.

    Attributes:
        cables: The synapses that do not learn, in the order in which they are delivered.
        coupled: The synapses that act all the time, in the same order.
        learning: Projection -> synapses that learn, each with a weight in memory of its own.
    """

    def __init__(
        self,
        network: Description,
        dt: float,
        receivers: Mapping[str, Receiver],
        made: Mapping[str, Storage],
        changes: Changes | None = None,
    ):
        self.network, self.dt, self.receivers, self.made = network, dt, receivers, dict(made)
        self._change(Changes() if changes is None else changes)
        self.forms = {name: (synapses.kind, is_zero(synapses)) for name, synapses in self.made.items()}
        cables = [cable for projections in self._together() for cable in self._cables(projections)]
        self.cables = [cable for cable in cables if not couples(cable.projections[0])]
        self.coupled = [cable for cable in cables if couples(cable.projections[0])]
        learn = [p for p in network.projections.values() if p.rule is not None]
        self.learning = {p.name: graded(self._growing(p), network.dtype) for p in learn}
        self.coupled += [cable for p in learn if couples(p) for cable in self._learning(p)]
        self.forms |= {p.name: (c.edges.kind, is_zero(c.edges)) for c in cables for p in c.projections}
        self.made.clear()

    def _growing(self, projection: Projection) -> Edges:
        """Return the synapses of a projection that learns; where it has none yet, they may grow with its one delay."""
        edges, delay = self._made(projection).listed(), projection.delay
        if len(edges.delays) or not (delay is None or (np.ndim(delay) == 0 and as_numbers(delay) is not None)):
            return edges
        steps = np.int64(1) if delay is None else steps_of(projection.name, np.asarray(delay, float), self.dt)
        return replace(edges, delays=np.reshape(steps, 1), pointer=np.zeros(edges.n_source + 1, np.int64))

    @property
    def delays(self) -> list[int]:
        """All delays that occur [steps], ascending."""
        every = [*(cable.edges for cable in self.every()), *self.learning.values()]
        return sorted({int(d) for edges in every for d in edges.delays})

    def every(self) -> list[Cable]:
        """Return all that is delivered, in order."""
        return [*self.cables, *self.passing]

    def _change(self, changes: Changes) -> None:
        """Set what has been changed of the delays."""
        self.changes = changes
        self.passing = [
            replace(cable, sent=p.sent) for p in changes.passing for cable in self._alone(p.projection, p.synapses)
        ]

    def storage(self, projection: Projection) -> Storage:
        """Return the synapses of a projection in the form in which they are kept."""
        if projection.name in self.learning:
            return self.learning[projection.name]
        cable = next(cable for cable in (*self.cables, *self.coupled) if projection in cable.projections)
        return self._edges(projection)[0] if isinstance(cable.edges, Edges) else cable.edges

    def edges(self, projection: Projection) -> Edges:
        """Return the synapses of a projection."""
        return self.storage(projection).listed()

    def count(self, projection: Projection) -> int:
        """Return how many synapses a projection has, without a list of them."""
        if projection.name in self.learning:
            return len(self.learning[projection.name])
        cables = [cable for cable in (*self.cables, *self.coupled) if projection in cable.projections]
        if projection.name in cables[0].counts:
            return cables[0].counts[projection.name]
        return sum(map(len, {id(cable.edges): cable.edges for cable in cables}.values()))

    def reached(self, name: str) -> np.ndarray:
        """Return over how many synapses a spike of each neuron of a population goes, (n,) int64."""
        found = np.zeros(self.network.populations[name].n, np.int64)
        kept = {id(cable.edges): (cable.pre, cable.edges) for cable in self.cables}
        learning = [(self.network.projections[p].pre, edges) for p, edges in self.learning.items()]
        for pre, synapses in (*kept.values(), *learning):
            if pre.population.name == name and len(synapses):
                pointer = synapses.listed().pointer
                found[pre.start : pre.stop] += np.diff(pointer[:: len(synapses.delays)])
        return found

    def at_once(self, projection: Projection) -> bool:
        """Tell whether the spikes of a projection arrive in the step in which they are sent."""
        if projection.name in self.learning:
            return is_zero(self.learning[projection.name])
        return any(cable.at_once for cable in self.cables if projection in cable.projections)

    # --- setting ------------------------------------------------------------------------------------------------------

    def set_weights(self, projection: Projection, values: np.ndarray) -> None:
        """Replace the weights of a projection, in the order in which they are stored."""
        found, dtype = self.storage(projection), self.network.dtype
        if isinstance(found, Edges):
            weights = values.astype(dtype) if values.ndim else np.full(len(found), values, dtype)
            for cable, places, own in self._edges(projection)[1]:
                assert isinstance(cable.edges, Edges)  # so is what it is a part of
                if places is None:
                    cable.edges = replace(cable.edges, weights=weights[own])
                else:
                    np.asarray(cable.edges.weights)[places] = weights
        else:
            with _named(projection):
                self._exchange(projection, found.with_weights(values.astype(dtype) if values.ndim else values))
        if any(p.projection is projection for p in self.changes.passing):
            by_pair = values.astype(dtype)[self.edges(projection).order()] if values.ndim else values
            passing = [p.with_weights(by_pair) if p.projection is projection else p for p in self.changes.passing]
            self._change(replace(self.changes, passing=tuple(passing)))

    def set_parts(self, projection: Projection, parts: Mapping[str, np.ndarray]) -> None:
        """Replace what the weights of a projection follow from: a kernel, decoders or encoders.

        Raises:
            InputError: they follow from nothing, or from something else.
        """
        found = self.storage(projection)
        if not isinstance(found, storage.Shared):
            raise InputError(f"{projection.name}: {found.kind} storage has weights alone, no {', '.join(parts)}")
        with _named(projection):
            self._exchange(projection, found.with_parts(parts))
        passing = [
            replace(p, synapses=p.synapses.with_parts(parts))
            if p.projection is projection and isinstance(p.synapses, storage.Shared)
            else p
            for p in self.changes.passing
        ]
        self._change(replace(self.changes, passing=tuple(passing)))

    def _exchange(self, projection: Projection, synapses: Storage) -> None:
        for cable in self.cables:
            if projection in cable.projections:
                cable.edges = synapses

    def with_delays(self, projection: Projection, steps: np.ndarray, now: int) -> "Wiring":
        """Return the synapses with other delays of a projection, for the spikes that are sent from now on.

        Args:
            projection: Which.
            steps: One for all, or (E,) in the order of ``edges``, int64.
            now: The next step.

        Raises:
            InputError: the projection learns, or its storage holds one delay.
        """
        if projection.rule is not None:
            raise InputError(f"{projection.name}: the delays of synapses that learn cannot be changed")
        if one_by_one(projection):
            assert projection.synapse is not None
            raise InputError(f"{projection.name}: the delays of {projection.synapse.name} cannot be changed")
        old, came = self.storage(projection), None
        if isinstance(old, Edges):
            new, places = old.redelayed(steps)
            came = moved(old, new, places)
        else:
            with _named(projection):
                new = old.with_delays(steps)
        since = self.changes.since.get(projection.name, 0)
        passing = [
            replace(p, came=composed(p.came, came)) if p.projection is projection else p for p in self.changes.passing
        ]
        if now > since and len(old) and old.delays[-1] > 0:
            passing.append(Passing(projection, old, (since, now - since), came))
        other = copy.copy(self)
        left = tuple(p for p in passing if p.last >= now)
        other._change(Changes({**self.changes.since, projection.name: now}, left))
        apart = {p.name for cable in self.cables if projection in cable.projections for p in cable.projections}
        other.made = {name: self.storage(self.network.projections[name]) for name in apart} | {projection.name: new}
        other.forms = self.forms | {projection.name: (new.kind, is_zero(new))}
        other.cables = []
        for projections in other._together():
            if couples(projections[0]):
                continue
            other.cables += other._kept(self, projections) or other._cables(projections)
        other.made = {}
        return other

    def _kept(self, old: "Wiring", projections: list[Projection]) -> list[Cable]:
        """Return the cables that were made of just these projections, none of which has been made again."""
        if any(p.name in self.made for p in projections):
            return []
        return [replace(cable) for cable in old.cables if cable.projections[0] in projections]

    def forget(self, now: int) -> bool:
        """Let go of synapses over which no spike is on its way any more; returns whether anything has changed."""
        left = tuple(p for p in self.changes.passing if p.last >= now)
        limited = [cable for cable in self.cables if 0 < cable.sent[0] <= now - int(cable.edges.delays[-1])]
        for cable in limited:
            cable.sent = (0, EVER)
        gone = len(left) < len(self.changes.passing) or bool(limited)
        if gone:
            self._change(replace(self.changes, passing=left))
        return gone

    # --- making -------------------------------------------------------------------------------------------------------

    def _drawn(self, projection: Projection) -> Drawn:
        """Return synapses of sparse storage before they have a place."""
        if projection.name in self.made:
            return Drawn.of(self.made[projection.name].listed())
        pair = pair_of(projection)
        return connect.draw(
            projection.pattern, pair.sources, pair.targets, same=pair.shift is not None, shift=pair.shift or 0,
            **self._asked(projection),
        )  # fmt: skip

    def _made(self, projection: Projection) -> Storage:
        if projection.name in self.made:
            return self.made[projection.name]
        kind, pair, dtype = self._kind(projection), pair_of(projection), self.network.dtype
        return storage.make(kind, projection.pattern, pair, dtype=dtype, **self._asked(projection))

    def _asked(self, projection: Projection) -> dict[str, Any]:
        """Return what is asked of the synapses of a projection, as ``connect.draw`` takes it."""
        at_once = couples(projection) and projection.rule is None and projection.delay is None
        delay = 0.0 if at_once else projection.delay
        return {
            "weight": projection.weight, "delay": delay, "dt": self.dt, "seed": self.network.seed,
            "stream": stream("connections", projection.number), "name": projection.name,
        }  # fmt: skip

    def _kind(self, projection: Projection) -> str:
        """Return the kind of storage of a projection."""
        if projection.name in self.forms:
            return self.forms[projection.name][0]
        listed = projection.rule is not None or one_by_one(projection)
        return storage.choose(projection.storage, projection.pattern, projection.delay, listed)

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
        lone = lone or self._kind(projection) != "sparse" or projection.name in self.changes.since
        if lone or projection.targets_count > SPAN:
            return projection.name
        pre = projection.pre
        return pre.population.name, pre.start, pre.stop, channels

    def _has_no_delay(self, projection: Projection) -> bool:
        if projection.name in self.forms:
            return self.forms[projection.name][1]
        return np.ndim(projection.delay) == 0 and projection.delay == 0

    def _first(self, view: View) -> int:
        return self.receivers[view.population.name].first + view.start

    def _channels(self, projection: Projection) -> tuple[tuple[int, str], ...] | None:
        """Return where a projection arrives if its targets' inputs lie side by side, else None."""
        begins = [self._first(view) for view in projection.post]
        ends = [begin + len(view) for begin, view in zip(begins, projection.post, strict=True)]
        reached = {self.receivers[view.population.name].reached[projection.name] for view in projection.post}
        return reached.pop() if begins[1:] == ends[:-1] and len(reached) == 1 else None

    def _cables(self, projections: list[Projection]) -> list[Cable]:
        """Make the cables of projections that may be one."""
        if len(projections) > 1:
            return list(self._joined(projections))
        return list(self._alone(projections[0], self._made(projections[0])))

    def _joined(self, projections: list[Projection]) -> Iterator[Cable]:
        """Make cables of several projections each."""
        members = {p.name: (p, self._first(p.post[0])) for p in projections}
        spans = [Member(name, first, first + p.targets_count) for name, (p, first) in members.items()]
        for group in groups(spans):
            own = tuple(members[span.name][0] for span in group)
            if len(group) == 1:
                yield from self._alone(own[0], self._made(own[0]))
                continue
            drawn = [(self._drawn(p), span.first) for p, span in zip(own, group, strict=True)]
            edges, first = merged(drawn, self.network.dtype)
            to, channels = own[0].post[0].population.name, self._channels(own[0]) or ()
            counts = {p.name: part.count for p, (part, _) in zip(own, drawn, strict=True)}
            yield Cable(own, edges, first, to, channels, (0, edges.n_target), counts=counts)

    def _alone(self, projection: Projection, synapses: Storage) -> Iterator[Cable]:
        """Make the cables of a projection: one for each piece of its targets whose inputs do not lie side by side."""
        channels, since = self._channels(projection), self.changes.since.get(projection.name, 0)
        sent = (since, EVER)
        if channels is not None:
            view = projection.post[0]
            window = (0, projection.targets_count)
            yield Cable((projection,), synapses, self._first(view), view.population.name, channels, window, sent)
            return
        borders = np.cumsum([0, *map(len, projection.post)])
        for i, view in enumerate(projection.post):
            own, window = synapses, (int(borders[i]), int(borders[i + 1]))
            if isinstance(synapses, Edges):
                own, window = taken(synapses, *window)[0], (0, len(view))
            name = view.population.name
            reached = self.receivers[name].reached[projection.name]
            yield Cable((projection,), own, self._first(view), name, reached, window, sent)

    def _learning(self, projection: Projection) -> list[Cable]:
        """Make the cable of synapses that act all the time and learn: it reads the weights where they change.

        Raises:
            ModelError: they would need several.
        """
        found = list(self._alone(projection, self.learning[projection.name]))
        if len(found) > 1:
            raise ModelError(
                f"{projection.name}: the simulator cannot run this yet: synapses that act all the time and learn, onto "
                "several populations; connect each of them by itself"
            )
        return found

    # --- reading ------------------------------------------------------------------------------------------------------

    def _edges(self, projection: Projection) -> tuple[Edges, list[Place]]:
        """Return the synapses of a projection in sparse storage, and where their weights are."""
        cables = [cable for cable in (*self.cables, *self.coupled) if projection in cable.projections]
        if len(cables) > 1:
            return joined(cables)
        cable, edges = cables[0], cables[0].edges.listed()
        if len(cable.projections) == 1:
            return edges, [(cable, None, slice(None))]
        begin = self._first(projection.post[0]) - cable.first
        own, chosen = taken(edges, begin, begin + projection.targets_count)
        return own, [(cable, chosen, slice(None))]


@contextmanager
def _named(projection: Projection) -> Iterator[None]:
    """Begin messages of errors with the name of a projection."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{projection.name}: {error}") from None
