"""A network as arrays and a table of calls: built once for a step dt, run in stretches of any length.

A block is as many steps as the shortest delay. What reaches a neuron lies in rows, one for each step of a block: input
number c of all populations side by side in one array, so that a projection onto neighbours is one delivery. Spikes are
listed by step in a history that reaches back over the longest delay and one chunk, the stretch after which Python
looks in: it takes recorded spikes out, and hears of Ctrl-C.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from spikelet.errors import InputError, NumericsError
from spikelet.sim import driver, inputs, values
from spikelet.sim.cable import Changes
from spikelet.sim.description import Description, Drive
from spikelet.sim.driver import Driver
from spikelet.sim.edges import Edges
from spikelet.sim.normalise import normalised
from spikelet.sim.parts import Parts, make
from spikelet.sim.plastic import rewired
from spikelet.sim.plastic_network import Variables
from spikelet.sim.population import Population
from spikelet.sim.position import position, restore
from spikelet.sim.projection import Projection
from spikelet.sim.recorder import Recorder
from spikelet.sim.schedule import Schedule
from spikelet.sim.session import Session, ready
from spikelet.sim.share import ALONE, Share
from spikelet.sim.storage import Storage
from spikelet.units import dimension_text

_SOURCE_STEP = driver.FILL.names.index("source.step")


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
        schedule: In which order they work.
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
        self.schedule = Schedule(parts)
        self.variables = Variables(parts.learning)
        self.running, self.changed = False, False
        self.session: Session | None = None  # None where states lie as between two runs

    def edges(self, projection: Projection) -> Edges:
        """Return the synapses of a projection."""
        if projection.name in self.parts.learning:
            return self.parts.learning[projection.name].current()
        return self.parts.wiring.edges(projection)

    def places(self, projection: Projection) -> Edges:
        """Return the synapses of a projection, with any weights: those that learn need not be read."""
        learning = self.parts.learning.get(projection.name)
        return self.parts.wiring.edges(projection) if learning is None else learning.edges

    def count(self, projection: Projection) -> int:
        """Return how many synapses a projection has; to list those of a large network takes longer than to run it."""
        return self.parts.wiring.count(projection)

    def reached(self, population: Population) -> np.ndarray:
        """Return over how many synapses a spike of each neuron goes, (n,) int64."""
        return self.parts.wiring.reached(population.name)

    def set_weights(self, projection: Projection, weights: np.ndarray) -> None:
        """Replace the weights of a projection, in the order in which they are stored."""
        if projection.name in self.parts.learning:
            if self.parts.learning[projection.name].set_weights(weights):
                self.renew()
            return
        self.parts.wiring.set_weights(projection, weights)
        if projection.name in self.parts.coupled:
            own = [cable for cable in self.parts.wiring.coupled if projection in cable.projections]
            self.parts.coupled[projection.name].set_cables(own)
        self.renew()

    def normalise(self, projection: Projection, total: Any) -> None:
        """Scale the weights into each receiver so that their absolute values sum to ``total``."""
        if projection.name not in self.parts.learning:
            self.set_weights(projection, normalised(projection.name, self.edges(projection), total))
        elif self.parts.learning[projection.name].normalise(projection.name, total):
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
        if values.write(self.parts, population, ids, given):
            self.renew()

    def set_drive(self, drive: Drive, current: Any) -> None:
        """Replace a current."""
        values.write_drive(self.parts, drive, current)
        self.renew()

    def renew(self) -> None:
        """Let the calls be made again."""
        self.schedule.renew()
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
        if name in parts.coupled:
            (cable,) = parts.coupled[name].cables
            cable.edges = parts.learning[name].edges
            parts.coupled[name].set_cables([cable])
        self.renew()

    def states(self, population: Population) -> tuple[str, ...]:
        """Return the states of a population, with those of its receptors."""
        receiver = self.parts.receivers.get(population.name)
        return () if receiver is None else receiver.composite.neuron.states

    # --- running ------------------------------------------------------------------------------------------------------

    @contextmanager
    def entered(self, recorder: Recorder, shares: Sequence[Share]) -> Iterator[None]:
        """Make ready for `advance`; afterwards states are where they lie between runs."""
        self.running, self.recorder = True, recorder
        if self.parts.wiring.forget(self.step):
            self.schedule.renew()
        try:
            self._enter(ready(self.schedule, recorder, shares))
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
        self._enter(ready(self.schedule, session.running.recorder, shares))

    def flush(self) -> None:
        """Make what a run has recorded so far readable for others."""
        if self.running:
            self.recorder.sink.flush(self.step)

    def _enter(self, session: Session) -> None:
        session.table.__enter__()
        self._load(session)

    def _load(self, session: Session) -> None:
        session.load(self.block, self.step)
        self.session = session

    def _leave(self, session: Session) -> None:
        session.save(self.block)
        self.session = None

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
