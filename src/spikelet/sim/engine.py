"""A network as arrays and a table of calls: built once for a step dt, run in stretches of any length.

A block is as many steps as the shortest delay. What reaches a neuron lies in rows, one for each step of a block: input
number c of all populations side by side in one array, so that a projection onto neighbours is one delivery. Spikes are
listed by step in a history that reaches back over the longest delay and one chunk, the stretch after which Python
looks in: it takes recorded spikes out, and hears of Ctrl-C.
"""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

import numpy as np

from spikelet.errors import InputError, NumericsError
from spikelet.sim import driver, inputs
from spikelet.sim.description import Description, Population, Projection
from spikelet.sim.driver import Call, Driver
from spikelet.sim.edges import Edges
from spikelet.sim.group import Stepping
from spikelet.sim.interrupt import listening
from spikelet.sim.parts import make
from spikelet.sim.plastic import Variables
from spikelet.sim.receivers import Receiver
from spikelet.sim.recorder import Recorder
from spikelet.sim.result import NetworkResult

_SOURCE_STEP = driver.FILL.names.index("source.step")


class Engine:
    """A built network.

    Args:
        network: What to build.
        dt: Step [ms].
        made: Projection -> synapses that have been made.

    Attributes:
        step: Steps that have been taken.
        dt: Step [ms].
        parts: What it consists of.
    """

    def __init__(self, network: Description, dt: float, made: Mapping[str, Edges] | None = None):
        self.network, self.dt, self.step, self.block = network, dt, 0, 0
        self.parts = make(network, dt, {} if made is None else made)
        self.order = self._order()
        self.variables = Variables(self.parts.learning)
        self._connect()

    def edges(self, projection: Projection) -> Edges:
        """Return the synapses of a projection."""
        return self.parts.wiring.edges(projection)

    def set_weights(self, projection: Projection, values: np.ndarray) -> None:
        """Replace the weights of a projection, in the order in which they are stored."""
        if projection.name in self.parts.learning:
            self.parts.learning[projection.name].set_weights(values)
            return
        self.parts.wiring.set_weights(projection, values)
        self._connect()

    def states(self, population: Population) -> tuple[str, ...]:
        """Return the states of a population, with those of its receptors."""
        receiver = self.parts.receivers.get(population.name)
        return () if receiver is None else receiver.composite.neuron.states

    def _connect(self) -> None:
        """Make the calls that bring inputs: what is there at the start of a block, and what arrives at once."""
        begun = list(inputs.cleared(self.parts))
        self.driven = [(call, driven) for call, driven in begun if driven is not None]
        sent = {at_once: list(inputs.delivered(self.parts, at_once)) for at_once in (False, True)}
        for name in self.parts.learning:
            projection = self.network.projections[name]
            first = min((view.population.name for view in projection.post), key=self.order.index)
            sent[self._is_at_once(projection)] += [(first, call) for call in self.parts.learning[name].before]
        self.inputs = [*(call for call, _ in begun), *(call for _, call in sent[False])]
        self.at_once = sent[True]

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

    def run(self, steps: int, record: Mapping[str, tuple[str, ...]], every: int) -> NetworkResult:
        """Take steps; returns what was recorded of them."""
        parts = self.parts
        states = {name: tuple(n for n in record.get(name, ()) if n != "spikes") for name in parts.receivers}
        steppings = {name: self._stepping(r, states[name]) for name, r in parts.receivers.items()}
        halves = {name: sending.stepping(parts.length) for name, sending in parts.sendings.items()}
        recorder = Recorder(record, every, steppings, parts.histories, start=self.step, chunk=parts.chunk, dt=self.dt)
        table = Driver(self._table(record, steppings, halves, recorder))
        everything = [*steppings.values(), *halves.values()]
        for stepping in everything:
            stepping.load(self.block)
        for learning in parts.learning.values():
            learning.load(self.block, steppings)
        stop = self.step + steps
        with listening() as pressed:
            while self.step < stop and not pressed():
                self._advance(table, recorder, min(parts.chunk, stop - self.step))
        for stepping in everything:
            stepping.save(self.block)
        for learning in parts.learning.values():
            learning.save(self.block)
        self._check_finite()
        return recorder.result(interrupted=self.step < stop)

    def _stepping(self, receiver: Receiver, record: tuple[str, ...]) -> Stepping:
        parts = self.parts
        pairs = zip(receiver.channels, parts.rows, strict=False)
        given = {name: (rows[0, receiver.first :].ctypes.data, parts.total) for name, rows in pairs}
        return receiver.group.call(given, parts.length, record)

    def _table(
        self,
        record: Mapping[str, tuple[str, ...]],
        steppings: Mapping[str, Stepping],
        halves: Mapping[str, Stepping],
        recorder: Recorder,
    ) -> Iterator[Call]:
        """Return the calls of a block, in order."""
        parts = self.parts
        recorded = [name for name, what in record.items() if "spikes" in what]
        yield from inputs.emitted(parts, inputs.listed(parts, recorded))
        for name, counts in parts.counts.items():
            yield from self._released(name, counts, halves)
        yield from self.inputs
        for name in self.order:
            yield from (call for receiver, call in self.at_once if receiver == name)
            yield steppings[name].call
            if name in parts.histories:
                yield self._collected(name, steppings[name])
                yield from self._released(name, steppings[name].fired, halves)
        for learning in parts.learning.values():
            yield from learning.after
        yield from recorder.calls

    def _collected(self, name: str, stepping: Stepping) -> Call:
        """Return the call that lists the spikes of a population."""
        history, library = self.parts.histories[name], driver.library()
        fired = {"step": 0, "T": 0, "fired": stepping.fired.ctypes.data, "n": stepping.group.n}
        words = driver.COLLECT.array(fired | history.words())
        return Call(driver.address_of(library, "collect"), words, words, kept=(history, library))

    def _released(self, name: str, sent: np.ndarray, halves: Mapping[str, Stepping]) -> Iterator[Call]:
        """Step the sending halves of the synapses of a population's projections."""
        for projection, stepping in halves.items():
            sending = self.parts.sendings[projection]
            if sending.projection.pre.population.name == name:
                yield from sending.calls(sent, stepping)

    def _advance(self, table: Driver, recorder: Recorder, steps: int) -> None:
        """Take the steps of a chunk: whole blocks, and what is left."""
        recorder.begin()
        for call, driven in self.driven:
            driven.begin(self.step, steps)
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
