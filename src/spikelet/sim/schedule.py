"""The order of a block: which calls a thread does, from the inputs of its neurons to their spikes and the recorder."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import numpy as np

from spikelet.errors import InputError
from spikelet.sim import inputs
from spikelet.sim.drive import Driven
from spikelet.sim.driver import Call
from spikelet.sim.group import Stepping
from spikelet.sim.listing import Listing
from spikelet.sim.parts import Parts
from spikelet.sim.projection import Projection
from spikelet.sim.record import SPIKES
from spikelet.sim.recorder import Recorder
from spikelet.sim.share import Share


@dataclass(frozen=True)
class Arriving:
    """The calls that bring inputs to the neurons of a thread.

    Attributes:
        first: At the start of a block.
        at_once: What receives, and the call, for spikes that arrive in the step in which they are sent.
        driven: Those among the first that bring currents, and the currents.
    """

    first: list[Call]
    at_once: list[tuple[str, Call]]
    driven: list[tuple[Call, Driven]]


@dataclass(frozen=True)
class Running:
    """What works in a run.

    Attributes:
        steppings: For each thread, population -> what steps its neurons.
        halves: Projection -> what steps the sending half of its synapses.
        values: Projection -> what makes the values that are sent all the time.
        listings: Population -> what lists its spikes.
        recorder: What is recorded.
    """

    steppings: list[dict[str, Stepping]]
    halves: Mapping[str, Stepping]
    values: Mapping[str, Stepping]
    listings: Mapping[str, Listing]
    recorder: Recorder


class Schedule:
    """The order of a block, for the parts of a network.

    Args:
        parts: What the network consists of.

    Raises:
        InputError: projections without a delay lead in a circle.
    """

    def __init__(self, parts: Parts):
        self.parts = parts
        self.order = self._order()
        self.known: dict[Share, Arriving] = {}

    def renew(self) -> None:
        """Let the calls that bring inputs be made again."""
        self.known.clear()

    def arriving(self, share: Share) -> Arriving:
        """Return the calls that bring inputs to the neurons of a thread."""
        if share not in self.known:
            begun = list(inputs.cleared(self.parts, share))
            driven = [(call, driven) for call, driven in begun if driven is not None]
            sent = {at_once: list(inputs.delivered(self.parts, at_once, share)) for at_once in (False, True)}
            for name in self.parts.learning:
                projection = self.parts.network.projections[name]
                first = min((view.population.name for view in projection.post), key=self.order.index)
                sent[self._is_at_once(projection)] += [(first, call) for call in self.parts.learning[name].before]
            first = [*(call for call, _ in begun), *(call for _, call in sent[False])]
            self.known[share] = Arriving(first, sent[True], driven)
        return self.known[share]

    def calls(self, share: Share, running: Running) -> Iterator[Call]:
        """Return the calls of a block that a thread does, in order."""
        parts = self.parts
        recorded = [name for name, what in running.recorder.wanted.items() if SPIKES in what]
        arriving = self.arriving(share)
        yield from inputs.emitted(parts, inputs.listed(parts, recorded), share)
        for name, counts in parts.counts.items():
            yield from self._released(name, counts, running)
        yield from arriving.first
        for one in parts.coupled.values():
            yield from one.before(running.steppings[0])
        stepped: list[str] = []  # whose spikes are not listed yet: threads wait less often if all are listed together
        for name in self.order:
            needed = [call for receiver, call in arriving.at_once if receiver == name]
            yield from self._listed(stepped if needed else [], share, running)
            yield from needed
            yield running.steppings[share.number][name].call
            stepped = [name] if needed else [*stepped, name]
        yield from self._listed(stepped, share, running)
        for learning in parts.learning.values():
            yield from learning.after
        for name, one in parts.coupled.items():
            yield from one.after(running.values[name])
        yield from running.recorder.calls(running.steppings[0])

    def _listed(self, names: Iterable[str], share: Share, running: Running) -> Iterator[Call]:
        """Yield the calls that list the spikes of populations, and step what they release."""
        spiking = [name for name in names if name in running.listings]
        lists = [running.listings[name].calls(share) for name in spiking]
        yield from (call for own, _ in lists for call in own)
        yield from (call for _, joined in lists for call in joined)
        for name in spiking:
            yield from self._released(name, running.steppings[0][name].fired, running)

    def _released(self, name: str, sent: np.ndarray, running: Running) -> Iterator[Call]:
        """Step the sending halves of the synapses of a population's projections."""
        for projection, stepping in running.halves.items():
            sending = self.parts.sendings[projection]
            if sending.projection.pre.population.name == name:
                yield from sending.calls(sent, stepping)

    def _order(self) -> list[str]:
        """Return the populations in an order in which each is stepped after those whose spikes reach it at once."""
        before: dict[str, set[str]] = {name: set() for name in self.parts.receivers}
        for projection in self.parts.network.projections.values():
            for view in projection.post if self._is_at_once(projection) else ():
                before[view.population.name].add(projection.pre.population.name)
        try:
            return list(TopologicalSorter(before).static_order())
        except CycleError as error:
            circle = " to ".join(error.args[1])
            raise InputError(f"without a delay spikes cannot go in a circle: {circle}; give one a step") from None

    def _is_at_once(self, projection: Projection) -> bool:
        """Tell whether neurons must be stepped before those that a projection leads to; sources come first anyway."""
        return projection.pre.population.name in self.parts.receivers and self.parts.wiring.at_once(projection)
