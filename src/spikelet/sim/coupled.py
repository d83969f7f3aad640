"""Synapses that act all the time, at work: gap junctions, graded transmission, coupled rates.

What a neuron sends is a value, made of its states at the start of each step, and kept for as long as the longest delay.
A synapse reads what was sent its delay before the step that it acts in; without a delay that is the state at the start
of the step, the same for all neurons whatever the order in which they are stepped. Before the first step, neurons have
always been as they are then. The receivers hold the sum over a step, as any input.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from spikelet.backends.numpy_reference import Interpreter
from spikelet.ir.lower import lower
from spikelet.ir.scan import Scan, scan
from spikelet.lang.coupling import Part
from spikelet.sim import coupled_kernels as kernels
from spikelet.sim.coupled_each import Each
from spikelet.sim.description import Description
from spikelet.sim.driver import Call, address_of
from spikelet.sim.group import Group, Stepping
from spikelet.sim.projection import Projection
from spikelet.sim.receivers import Receiver
from spikelet.sim.sent import sent
from spikelet.sim.wiring import Cable

_REAL = {"float32": "float", "float64": "double"}
_INDEX = {2: "i16", 4: "i32"}


def shortest(cables: Iterable[Cable]) -> int:
    """Return how many steps a block may have: so many are known of what is sent; each synapse by itself needs one."""
    found = [2**30]
    for cable in cables:
        coupling = cable.projections[0].synapse.coupling  # type: ignore[union-attr]  # only such are given
        assert coupling is not None
        found.append(int(cable.sparse.delays[0]) + 1 if coupling.parts else 1)
    return min(found)


class _Values(Group):
    """What neurons send; they send no spikes."""

    def scan(self, quiet: bool, record: Iterable[str]) -> Scan:
        """Return what the kernel runs."""
        return scan(self.step, tuple(record), quiet=quiet)


class Coupled:
    """The calls of a projection whose synapses act all the time.

    Args:
        projection: Which.
        cables: Its synapses, those of each piece of targets whose inputs lie side by side.
        receivers: Population -> what receives, and its states.
        rows: Of each channel, (T, neurons of the network) what is delivered.
        dt: Step [ms].

    Attributes:
        rings: Value that is sent -> (slots, sources), by the step that it is of.
        group: The (pre) states, and what is sent.
    """

    def __init__(
        self,
        projection: Projection,
        cables: Sequence[Cable],
        receivers: Mapping[str, Receiver],
        rows: Sequence[np.ndarray],
        dt: float,
    ):
        assert projection.synapse is not None and projection.synapse.coupling is not None
        self.projection, self.cables, self.receivers, self.rows, self.dt = projection, cables, receivers, rows, dt
        self.synapse, self.coupling = projection.synapse, projection.synapse.coupling
        self.pre = receivers[projection.pre.population.name]
        models = {view.population.name: view.population.model for view in projection.post}
        self.sent = sent(projection.name, self.synapse, projection.pre.population.model, models)  # type: ignore[arg-type]
        self.dtype = self.pre.group.dtype
        self.group = self._group(self.sent.model)
        length = len(rows[0])
        slots = max(int(cable.sparse.delays[-1]) for cable in cables) + length + 1
        self.slots = 1 << (slots - 1).bit_length()
        self.rings = {name: np.zeros((self.slots, self.group.n), self.dtype) for name in self.sent.names}
        for name, value in self._sent().items():
            self.rings[name][:] = value  # what neurons are at the start they have always been
        self.remember()

    def _group(self, model: object) -> _Values:
        step = lower(model)  # type: ignore[arg-type]  # of Sent
        return _Values(model, step, len(self.projection.pre), dt=self.dt, seed=0, first=0, dtype=self.dtype)  # type: ignore[arg-type]

    def _sent(self) -> dict[str, np.ndarray]:
        """Return what is sent by the states as they are between runs."""
        group = self._group(self.sent.start)
        interpreter = Interpreter(group.step, self.sent.start.parameters, dt=self.dt, dtype=self.dtype)
        own = {name: value for name, value in self.group.state.items() if name not in self.sent.names}
        _, new = interpreter(self._states(), {**group.state, **own}, group.element, 0)
        return {name: new[name] for name in self.sent.names}

    def _states(self) -> dict[str, np.ndarray]:
        pre = self.projection.pre
        return {name: self.pre.group.state[state][pre.start : pre.stop] for name, state in self.sent.inputs.items()}

    def begin(self, step: int) -> None:
        """Make ready for a run from a step on: send anew what has been set since the run before."""
        if any((value != self.seen[name]).any() for name, value in self._states().items()):
            for name, value in self._sent().items():
                self.rings[name][step & (self.slots - 1)] = value

    def remember(self) -> None:
        """Keep what the states are, to see when they are set."""
        self.seen = {name: value.copy() for name, value in self._states().items()}

    def set_cables(self, cables: Sequence[Cable]) -> None:
        """Take synapses with other weights."""
        self.cables = cables
        self.__dict__.pop("_constants", None)

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield what a later step depends on beside what has been sent, by name; to be set in place."""
        return iter(self.group.state.items())

    def sent_before(self, step: int) -> dict[str, np.ndarray]:
        """Return what has been sent that may still be read at a step or later, (longest delay + 1, sources)."""
        return {name: ring[self._slots(step)] for name, ring in self.rings.items()}

    def set_sent_before(self, step: int, name: str, values: np.ndarray) -> None:
        """Set what ``sent_before`` returned of a value."""
        self.rings[name][self._slots(step)] = values

    def _slots(self, step: int) -> np.ndarray:
        longest = max(int(cable.sparse.delays[-1]) for cable in self.cables)
        return np.arange(step - longest, step + 1) & (self.slots - 1)

    # --- what is sent -------------------------------------------------------------------------------------------------

    def wanted(self) -> set[str]:
        """Return the states of the senders that are to be recorded in every step."""
        return set(self.sent.inputs.values())

    def stepping(self, length: int, pre: Stepping) -> Stepping:
        """Return the call that makes what is sent of the recorded states of the senders."""
        start, n = self.projection.pre.start, pre.group.n
        given = {name: (pre.rows[state][0, start:].ctypes.data, n) for name, state in self.sent.inputs.items()}
        return self.group.call(given, length, self.sent.names)

    def after(self, stepping: Stepping) -> Iterator[Call]:
        """Yield the calls after those of the senders."""
        yield stepping.call
        real = _REAL[self.dtype.name]
        library = kernels.library(real)
        for name, ring in self.rings.items():
            place = {"rows": stepping.rows[name].ctypes.data, "ring": ring.ctypes.data}
            words = kernels.KEEP.array({"step": 0, "T": 0, "n": self.group.n, "slots": self.slots, **place})
            yield Call(address_of(library, "keep"), words, words, kept=(library, ring, stepping))

    # --- what arrives -------------------------------------------------------------------------------------------------

    def before(self, neurons: Mapping[str, Stepping]) -> Iterator[Call]:
        """Yield the calls before those of the receivers."""
        for number, cable in enumerate(self.cables):
            channels = {name: channel for channel, name in cable.channels}
            if not self.coupling.parts:
                yield self._each(cable, self.rows[channels["sum0"]], neurons)
            for name, part in zip(
                (f"sum{i}" for i in range(len(self.coupling.parts))), self.coupling.parts, strict=True
            ):
                rows = self.rows[channels[name]]
                if part.sent is None:
                    yield self._constant(cable, rows, self._constants[number, part.weighted])
                else:
                    yield self._couple(cable, rows, part)

    @cached_property
    def _constants(self) -> dict[tuple[int, bool], np.ndarray]:
        """The sums that do not change, of weights or of ones; by cable, and by whether it is of weights."""
        found: dict[tuple[int, bool], np.ndarray] = {}
        for number, cable in enumerate(self.cables):
            edges = cable.sparse
            weights = np.broadcast_to(np.asarray(edges.weights, float), edges.targets.shape)
            for weighted, values in ((True, weights), (False, None)):
                sums = np.bincount(edges.targets, values, minlength=edges.n_target)
                found[number, weighted] = sums.astype(self.dtype)
        return found

    def _each(self, cable: Cable, rows: np.ndarray, neurons: Mapping[str, Stepping]) -> Call:
        view = self.projection.post[0]
        begin = cable.first - self.receivers[view.population.name].first
        words, graded, kept = self._synapses(cable, rows)
        each = Each(self.projection, self.sent.names, self.dt, self.dtype)
        index = _INDEX[cable.sparse.targets.itemsize]
        return each.call(words, graded, index, self.rings, neurons[view.population.name], begin, kept)

    def _place(self, cable: Cable, rows: np.ndarray) -> dict[str, int]:
        place = rows[:, cable.first :].ctypes.data
        return {"step": 0, "T": 0, "rows": place, "row.stride": rows.shape[1]}

    def _constant(self, cable: Cable, rows: np.ndarray, values: np.ndarray) -> Call:
        library = kernels.library(_REAL[self.dtype.name])
        own = {"n": cable.sparse.n_target, "values": values.ctypes.data}
        words = kernels.CONSTANT.array(self._place(cable, rows) | own)
        return Call(address_of(library, "constant"), words, words, kept=(library, rows, values))

    def _synapses(self, cable: Cable, rows: np.ndarray, weighted: bool = True) -> tuple[dict[str, int], bool, object]:
        """Return the arguments that tell of the synapses, whether each has a weight, and what must be kept."""
        edges = cable.sparse
        graded = weighted and np.ndim(edges.weights) > 0
        value = np.asarray(edges.weights if weighted else 1.0, self.dtype if graded else np.float64)
        weight = np.ascontiguousarray(np.atleast_1d(value))
        found = {
            "delays": len(edges.delays), "delay": edges.delays.ctypes.data, "pointer": edges.pointer.ctypes.data,
            "targets": edges.targets.ctypes.data, "slots": self.slots, "sources": edges.n_source,
            "weights": weight.ctypes.data if graded else int(weight.view(np.int64)[0]), "ring": 0,
        }  # fmt: skip
        return self._place(cable, rows) | found, graded, (edges, weight, rows, self)

    def _couple(self, cable: Cable, rows: np.ndarray, part: Part) -> Call:
        assert part.sent is not None
        ring = self.rings[self.sent.names[part.sent]]
        words, graded, kept = self._synapses(cable, rows, part.weighted)
        words = kernels.COUPLE.array(words | {"ring": ring.ctypes.data})
        library = kernels.couple(_INDEX[cable.sparse.targets.itemsize], _REAL[self.dtype.name], graded)
        return Call(address_of(library, "couple"), words, words, kept=(library, kept, ring))


def coupled(
    network: Description,
    cables: Sequence[Cable],
    receivers: Mapping[str, Receiver],
    rows: Sequence[np.ndarray],
    dt: float,
) -> dict[str, Coupled]:
    """Return the projections of a network whose synapses act all the time, by name."""
    return {
        p.name: Coupled(p, own, receivers, rows, dt)
        for p in network.projections.values()
        if (own := [cable for cable in cables if p in cable.projections])
    }
