"""A network as arrays and a table of calls: built once for a step dt, run in stretches of any length.

A block is as many steps as the shortest delay. What reaches a neuron lies in rows, one for each step of a block: input
number c of all populations side by side in one array, so that a projection onto neighbours is one delivery. Spikes are
listed by step in a history that reaches back over the longest delay and one chunk, the stretch after which Python
looks in: it takes recorded spikes out, and hears of Ctrl-C.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import numpy as np

from spikelet.errors import InputError, NumericsError
from spikelet.sim import driver, inputs
from spikelet.sim.cable import Changes
from spikelet.sim.description import Description, Population, Projection
from spikelet.sim.drive import Driven
from spikelet.sim.driver import Call, Driver
from spikelet.sim.edges import Edges
from spikelet.sim.group import Stepping
from spikelet.sim.interrupt import listening
from spikelet.sim.listing import Listing
from spikelet.sim.parts import Parts, make
from spikelet.sim.plastic import rewired
from spikelet.sim.plastic_network import Variables
from spikelet.sim.position import position, restore
from spikelet.sim.receivers import Receiver
from spikelet.sim.recorder import Recorder
from spikelet.sim.result import NetworkResult
from spikelet.sim.share import ALONE, Share
from spikelet.sim.storage import Storage

_SOURCE_STEP = driver.FILL.names.index("source.step")
_LONG = 2_000_000  # steps of neurons in a run and for each thread, below which beginning them takes longer
_SHARED = 2500  # steps of neurons in a block and for each thread, below which waiting takes longer than it saves


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


class Engine:
    """A built network.

    Args:
        network: What to build.
        dt: Step [ms].
        made: Projection -> synapses that have been made.
        changes: Of their delays.

    Attributes:
        step: Steps that have been taken.
        dt: Step [ms].
        parts: What it consists of.
    """

    def __init__(
        self,
        network: Description,
        dt: float,
        made: Mapping[str, Storage] | None = None,
        changes: Changes | None = None,
    ):
        self.network, self.dt, self.step, self.block = network, dt, 0, 0
        self._use(make(network, dt, {} if made is None else made, changes))

    def _use(self, parts: Parts) -> None:
        """Use parts that have been made."""
        self.parts = parts
        self.order = self._order()
        self.variables = Variables(parts.learning)
        self.arriving: dict[Share, Arriving] = {}

    def edges(self, projection: Projection) -> Edges:
        """Return the synapses of a projection."""
        if projection.name in self.parts.learning:
            return self.parts.learning[projection.name].current()
        return self.parts.wiring.edges(projection)

    def set_weights(self, projection: Projection, values: np.ndarray) -> None:
        """Replace the weights of a projection, in the order in which they are stored."""
        if projection.name in self.parts.learning:
            self.parts.learning[projection.name].set_weights(values)
            self.renew()
            return
        self.parts.wiring.set_weights(projection, values)
        if projection.name in self.parts.coupled:
            own = [cable for cable in self.parts.wiring.coupled if projection in cable.projections]
            self.parts.coupled[projection.name].set_cables(own)
        self.renew()

    def set_parts(self, projection: Projection, parts: Mapping[str, np.ndarray]) -> None:
        """Replace what the weights of a projection follow from, such as a kernel."""
        self.parts.wiring.set_parts(projection, parts)
        self.renew()

    def set_delays(self, projection: Projection, steps: np.ndarray) -> None:
        """Replace the delays of a projection [steps], in the order in which they are stored.

        Spikes that have been sent arrive after the delay that they were sent with. All but the synapses is made again,
        since the length of blocks and of histories goes by the delays; then everything is put where it stood.
        """
        before, arrays = self.parts, {}
        wiring = before.wiring.with_delays(projection, steps, self.step)
        data = position(self, arrays)
        try:
            self._use(make(self.network, self.dt, wiring=wiring))
        except InputError:  # a circle without delays
            self._use(before)
            raise
        restore(self, data, arrays)
        newly = set(inputs.listed(self.parts, ())) - set(inputs.listed(before, ()))
        first = max(0, self.step - max(wiring.delays))
        Driver(inputs.emitted(self.parts, sorted(newly), ALONE)).run(0, self.step - first, first, 1)

    def renew(self) -> None:
        """Make the calls that bring inputs anew in the next run."""
        self.arriving.clear()

    def rewire(self, projection: Projection, edges: Edges, origin: np.ndarray) -> None:
        """Replace the synapses of a projection that learns; ``origin`` is the number that each has had, or -1."""
        parts, name = self.parts, projection.name
        parts.learning[name] = rewired(parts.learning[name], edges, origin)
        parts.wiring.learning[name] = parts.learning[name].edges
        self.renew()

    def states(self, population: Population) -> tuple[str, ...]:
        """Return the states of a population, with those of its receptors."""
        receiver = self.parts.receivers.get(population.name)
        return () if receiver is None else receiver.composite.neuron.states

    def _arriving(self, share: Share) -> Arriving:
        """Return the calls that bring inputs to the neurons of a thread."""
        if share not in self.arriving:
            begun = list(inputs.cleared(self.parts, share))
            driven = [(call, driven) for call, driven in begun if driven is not None]
            sent = {at_once: list(inputs.delivered(self.parts, at_once, share)) for at_once in (False, True)}
            for name in self.parts.learning:
                projection = self.network.projections[name]
                first = min((view.population.name for view in projection.post), key=self.order.index)
                sent[self._is_at_once(projection)] += [(first, call) for call in self.parts.learning[name].before]
            first = [*(call for call, _ in begun), *(call for _, call in sent[False])]
            self.arriving[share] = Arriving(first, sent[True], driven)
        return self.arriving[share]

    def _order(self) -> list[str]:
        """Return the populations in an order in which each is stepped after those whose spikes reach it at once."""
        before: dict[str, set[str]] = {name: set() for name in self.parts.receivers}
        for projection in self.network.projections.values():
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

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self, steps: int, record: Mapping[str, tuple[str, ...]], every: int, threads: int = 1) -> NetworkResult:
        """Take steps; returns what was recorded of them."""
        if self.parts.wiring.forget(self.step):
            self.arriving.clear()
        parts = self.parts
        shares = self._shares(threads, steps)
        states = {name: tuple(n for n in record.get(name, ()) if n != "spikes") for name in parts.receivers}
        steppings: list[dict[str, Stepping]] = []
        for share in shares:  # what is recorded of all threads goes to one place
            rows = {name: stepping.rows for name, stepping in steppings[0].items()} if steppings else {}
            own = {name: self._stepping(r, states[name], share, rows.get(name)) for name, r in parts.receivers.items()}
            steppings.append(own)
        halves = {name: sending.stepping(parts.length) for name, sending in parts.sendings.items()}
        values = {
            name: one.stepping(parts.length, steppings[0][one.projection.pre.population.name])
            for name, one in parts.coupled.items()
        }
        recorder = Recorder(
            record, every, steppings[0], parts.histories, start=self.step, chunk=parts.chunk, dt=self.dt
        )
        listings = {
            name: Listing(history, [own[name] for own in steppings], parts.length)
            for name, history in parts.histories.items()
            if name in parts.receivers
        }
        running = Running(steppings, halves, values, listings, recorder)
        table = Driver(*(self._table(share, record, running) for share in shares))
        driven = [pair for share in shares for pair in self._arriving(share).driven]
        everything = [*(one for own in steppings for one in own.values()), *halves.values(), *values.values()]
        for stepping in everything:
            stepping.load(self.block)
        for learning in parts.learning.values():
            learning.load(self.block, steppings[0])
        for coupled in parts.coupled.values():
            coupled.begin(self.step)
        stop = self.step + steps
        with listening() as pressed, table:
            while self.step < stop and not pressed():
                self._advance(table, recorder, driven, min(parts.chunk, stop - self.step))
        for stepping in everything:
            stepping.save(self.block)
        for learning in parts.learning.values():
            learning.save(self.block)
        for coupled in parts.coupled.values():
            coupled.remember()
        self._check_finite()
        return recorder.result(interrupted=self.step < stop)

    def _stepping(
        self, receiver: Receiver, record: tuple[str, ...], share: Share, rows: Mapping[str, np.ndarray] | None
    ) -> Stepping:
        parts = self.parts
        pairs = zip(receiver.channels, parts.rows_of(share), strict=False)
        given = {name: (inputs[0, receiver.first :].ctypes.data, parts.total) for name, inputs in pairs}
        own = [one for one in parts.coupled.values() if parts.receivers[one.projection.pre.population.name] is receiver]
        sent = sorted({state for one in own for state in one.wanted()} - {*record})
        return receiver.group.call(given, parts.length, (*record, *sent), share, rows)

    def _shares(self, threads: int, steps: int) -> list[Share]:
        """Return the threads of a run: one where several would not help."""
        parts, neurons = self.parts, self.parts.total
        few = neurons * parts.length < _SHARED * threads or neurons * steps < _LONG * threads
        few = few or any((parts.learning, parts.sendings, parts.coupled, parts.releases))  # those have no shares
        count = 1 if few else threads
        return [Share(number, count) for number in range(count)]

    def _table(self, share: Share, record: Mapping[str, tuple[str, ...]], running: Running) -> Iterator[Call]:
        """Return the calls of a block that a thread does, in order."""
        parts = self.parts
        recorded = [name for name, what in record.items() if "spikes" in what]
        arriving = self._arriving(share)
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
        yield from running.recorder.calls

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

    def _advance(self, table: Driver, recorder: Recorder, driven: list[tuple[Call, Driven]], steps: int) -> None:
        """Take the steps of a chunk: whole blocks, and what is left."""
        recorder.begin()
        for current in dict.fromkeys(current for _, current in driven):
            current.begin(self.step, steps)
        for call, _ in driven:
            call.even[_SOURCE_STEP] = self.step
        whole, rest = divmod(steps, self.parts.length)
        for blocks, length in ((whole, self.parts.length), (min(rest, 1), rest)):
            if blocks:
                table.run(self.block, blocks, self.step, length)
                self.block += blocks
                self.step += blocks * length
        recorder.take(self.step)

    def _check_finite(self) -> None:
        for name, receiver in self.parts.receivers.items():
            for state, value in receiver.group.state.items():
                if np.isnan(value).any():
                    ids = np.flatnonzero(np.isnan(value))
                    raise NumericsError(
                        f"{name}: '{state}' became NaN in {ids.size} of {value.size} neurons (first: {ids[0]}); "
                        "a smaller dt or another method may help"
                    )
        for name, learning in self.parts.learning.items():
            learning.check(name)
