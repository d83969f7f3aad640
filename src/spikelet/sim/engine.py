"""A network as arrays and a table of calls: built once for a step dt, run in stretches of any length.

A block is as many steps as the shortest delay. What reaches a neuron lies in rows, one for each step of a block: input
number c of all populations side by side in one array, so that a projection onto neighbours is one delivery. Spikes are
listed by step in a history that reaches back over the longest delay and one chunk, the stretch after which Python
looks in: it takes recorded spikes out, and hears of Ctrl-C.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from spikelet.errors import InputError, NumericsError
from spikelet.sim import driver, inputs, values
from spikelet.sim.cable import Changes
from spikelet.sim.description import Description, Drive, Population, Projection
from spikelet.sim.drive import Driven
from spikelet.sim.driver import Call, Driver
from spikelet.sim.edges import Edges
from spikelet.sim.group import Stepping
from spikelet.sim.listing import Listing
from spikelet.sim.parts import Parts, make
from spikelet.sim.plastic import rewired
from spikelet.sim.plastic_network import Variables
from spikelet.sim.position import position, restore
from spikelet.sim.receivers import Receiver
from spikelet.sim.record import SPIKES
from spikelet.sim.recorder import Recorder
from spikelet.sim.share import ALONE, Share
from spikelet.sim.storage import Storage
from spikelet.units import dimension_text

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


@dataclass(frozen=True, eq=False)
class Session:
    """A run, made ready.

    Attributes:
        running: What works in it.
        table: The calls of a block.
        driven: Calls that bring currents, and the currents.
        everything: All that has states.
    """

    running: Running
    table: Driver
    driven: Sequence[tuple[Call, Driven]]
    everything: Sequence[Stepping]


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
        running: Whether it is in a run, a call-back included.
        recorder: What records that run.
        changed: Whether something has been set for which a run has to be made ready again.
    """

    recorder: Recorder

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
        self.running, self.changed = False, False
        self.session: Session | None = None  # None where states lie as between two runs

    def edges(self, projection: Projection) -> Edges:
        """Return the synapses of a projection."""
        if projection.name in self.parts.learning:
            return self.parts.learning[projection.name].current()
        return self.parts.wiring.edges(projection)

    def set_weights(self, projection: Projection, weights: np.ndarray) -> None:
        """Replace the weights of a projection, in the order in which they are stored."""
        if projection.name in self.parts.learning:
            self.parts.learning[projection.name].set_weights(weights)
            self.renew()
            return
        self.parts.wiring.set_weights(projection, weights)
        if projection.name in self.parts.coupled:
            own = [cable for cable in self.parts.wiring.coupled if projection in cable.projections]
            self.parts.coupled[projection.name].set_cables(own)
        self.renew()

    def unit(self, population: Population, name: str) -> str:
        """Return the unit of a state."""
        definition = self.parts.receivers[population.name].composite.neuron.definition
        return dimension_text(definition.variables[name].dimension)

    def read(self, population: Population, name: str) -> np.ndarray:
        """Return a state or a parameter of a population, (n,)."""
        return values.read(self.parts, population, name)

    def write(self, population: Population, ids: np.ndarray | None, given: Mapping[str, Any]) -> None:
        """Set states and parameters of a population, or of some of its neurons."""
        values.write(self.parts, population, ids, given)
        self.renew()

    def set_drive(self, drive: Drive, current: Any) -> None:
        """Replace a current."""
        values.write_drive(self.parts, drive, current)
        self.renew()

    def renew(self) -> None:
        """Let the calls be made again."""
        self.arriving.clear()
        self.changed = True

    def set_parts(self, projection: Projection, parts: Mapping[str, np.ndarray]) -> None:
        """Replace what the weights of a projection follow from, such as a kernel."""
        self.parts.wiring.set_parts(projection, parts)
        self.renew()

    def set_delays(self, projection: Projection, steps: np.ndarray) -> None:
        """Replace the delays of a projection [steps], in the order in which they are stored.

        Spikes that have been sent arrive after the delay that they were sent with. All but the synapses is made again,
        since the length of blocks and of histories goes by the delays; then everything is put where it stood.
        """
        if self.running:
            raise InputError(f"{projection.name}: delays are set between runs, not in a call-back")
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

    def rewire(self, projection: Projection, edges: Edges, origin: np.ndarray) -> None:
        """Replace the synapses of a projection that learns; ``origin`` is the number that each has had, or -1."""
        parts, name = self.parts, projection.name
        if self.running and name in self.recorder.weights:
            raise InputError(
                f"{name}: its weights are recorded in this run, so their number cannot change in a call-back"
            )
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

    @contextmanager
    def entered(self, recorder: Recorder, shares: Sequence[Share]) -> Iterator[None]:
        """Make ready for `advance`; afterwards states are where they lie between runs."""
        self.running, self.recorder = True, recorder
        if self.parts.wiring.forget(self.step):
            self.arriving.clear()
        try:
            self._enter(self._session(recorder, shares))
            yield
        finally:
            session = self.session
            if session is not None:
                self._leave(session)
                session.table.__exit__()
            self.running = False

    @contextmanager
    def left(self, shares: Sequence[Share]) -> Iterator[None]:
        """Between two chunks put states where they lie between runs, so that all may be set."""
        session = self.session
        assert session is not None
        self._leave(session)
        self.changed = False
        try:
            yield
        except BaseException:
            session.table.__exit__()
            raise
        if not self.changed:
            self._load(session)
            return
        session.table.__exit__()
        self._enter(self._session(session.running.recorder, shares))

    def flush(self) -> None:
        """Make what a run has recorded so far readable for others."""
        if self.running:
            self.recorder.sink.flush(self.step)

    def _enter(self, session: Session) -> None:
        session.table.__enter__()
        self._load(session)

    def _load(self, session: Session) -> None:
        for stepping in session.everything:
            stepping.load(self.block)
        for learning in self.parts.learning.values():
            learning.load(self.block, session.running.steppings[0])
        for coupled in self.parts.coupled.values():
            coupled.begin(self.step)
        self.session = session

    def _leave(self, session: Session) -> None:
        for stepping in session.everything:
            stepping.save(self.block)
        for learning in self.parts.learning.values():
            learning.save(self.block)
        for coupled in self.parts.coupled.values():
            coupled.remember()
        self.session = None

    def _session(self, recorder: Recorder, shares: Sequence[Share]) -> Session:
        """Make a run ready."""
        parts, record = self.parts, recorder.wanted
        states = {name: tuple(n for n in record.get(name, ()) if n != SPIKES) for name in parts.receivers}
        steppings: list[dict[str, Stepping]] = []
        for share in shares:  # what is recorded of all threads goes to one place
            rows = {name: stepping.rows for name, stepping in steppings[0].items()} if steppings else {}
            own = {name: self._stepping(r, states[name], share, rows.get(name)) for name, r in parts.receivers.items()}
            steppings.append(own)
        halves = {name: sending.stepping(parts.length) for name, sending in parts.sendings.items()}
        sent = {
            name: one.stepping(parts.length, steppings[0][one.projection.pre.population.name])
            for name, one in parts.coupled.items()
        }
        listings = {
            name: Listing(history, [own[name] for own in steppings], parts.length)
            for name, history in parts.histories.items()
            if name in parts.receivers
        }
        running = Running(steppings, halves, sent, listings, recorder)
        table = Driver(*(self._table(share, record, running) for share in shares))
        driven = [pair for share in shares for pair in self._arriving(share).driven]
        everything = [*(one for own in steppings for one in own.values()), *halves.values(), *sent.values()]
        return Session(running, table, driven, everything)

    def _stepping(
        self, receiver: Receiver, record: tuple[str, ...], share: Share, rows: Mapping[str, np.ndarray] | None
    ) -> Stepping:
        parts = self.parts
        pairs = zip(receiver.channels, parts.rows_of(share), strict=False)
        given = {name: (inputs[0, receiver.first :].ctypes.data, parts.total) for name, inputs in pairs}
        own = [one for one in parts.coupled.values() if parts.receivers[one.projection.pre.population.name] is receiver]
        sent = sorted({state for one in own for state in one.wanted()} - {*record})
        return receiver.group.call(given, parts.length, (*record, *sent), share, rows)

    def shares(self, threads: int, steps: int) -> list[Share]:
        """Return the threads of a run: one where several would not help."""
        parts, neurons = self.parts, self.parts.total
        few = neurons * parts.length < _SHARED * threads or neurons * steps < _LONG * threads
        few = few or any((parts.learning, parts.sendings, parts.coupled, parts.releases))  # those have no shares
        count = 1 if few else threads
        return [Share(number, count) for number in range(count)]

    def _table(self, share: Share, record: Mapping[str, tuple[str, ...]], running: Running) -> Iterator[Call]:
        """Return the calls of a block that a thread does, in order."""
        parts = self.parts
        recorded = [name for name, what in record.items() if SPIKES in what]
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

    def advance(self, steps: int) -> None:
        """Take the steps of a chunk, whole blocks and what is left, and record them."""
        session = self.session
        assert session is not None
        recorder, table = session.running.recorder, session.table
        recorder.begin()
        for current in dict.fromkeys(current for _, current in session.driven):
            current.begin(self.step, steps)
        for call, _ in session.driven:
            call.even[_SOURCE_STEP] = self.step
        whole, rest = divmod(steps, self.parts.length)
        for blocks, length in ((whole, self.parts.length), (min(rest, 1), rest)):
            if blocks:
                table.run(self.block, blocks, self.step, length)
                self.block += blocks
                self.step += blocks * length
        recorder.take(self.step)

    def check_finite(self) -> None:
        """Raise ``NumericsError`` where a state became NaN."""
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
