"""Synapses that act all the time, at work: gap junctions, graded transmission, coupled rates.

What a neuron sends is a value, made of its states at the start of each step, and kept for as long as the longest delay.
A synapse reads what was sent its delay before the step that it acts in; without a delay that is the state at the start
of the step, the same for all neurons whatever the order in which they are stepped. Before the first step, neurons have
always been as they are then. The receivers hold the sum over a step, as any input.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from spikelet.backends.numpy_reference import Interpreter, evaluate
from spikelet.errors import ModelError
from spikelet.ir import simplify as s
from spikelet.ir.integrate import DT
from spikelet.ir.lower import hoisted, lower, operation
from spikelet.ir.nodes import Node, node
from spikelet.ir.scan import Scan, scan
from spikelet.lang.coupling import Part
from spikelet.lang.syntax import Expr
from spikelet.sim import coupled_kernels as kernels
from spikelet.sim.description import Description, Projection
from spikelet.sim.driver import Call, address_of
from spikelet.sim.group import Group, Stepping
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
        found.append(int(cable.edges.delays[0]) + 1 if coupling.parts else 1)
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
        slots = max(int(cable.edges.delays[-1]) for cable in cables) + length + 1
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
        """Yield what a later step depends on, by name; to be set between runs, in place."""
        yield from ((f"ring.{name}", ring) for name, ring in self.rings.items())
        yield from ((f"state.{name}", state) for name, state in self.group.state.items())

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
            edges = cable.edges
            weights = np.broadcast_to(np.asarray(edges.weights, float), edges.targets.shape)
            for weighted, values in ((True, weights), (False, None)):
                sums = np.bincount(edges.targets, values, minlength=edges.n_target)
                found[number, weighted] = sums.astype(self.dtype)
        return found

    def _place(self, cable: Cable, rows: np.ndarray) -> dict[str, int]:
        place = rows[:, cable.first :].ctypes.data
        return {"step": 0, "T": 0, "rows": place, "row.stride": rows.shape[1]}

    def _constant(self, cable: Cable, rows: np.ndarray, values: np.ndarray) -> Call:
        library = kernels.library(_REAL[self.dtype.name])
        own = {"n": cable.edges.n_target, "values": values.ctypes.data}
        words = kernels.CONSTANT.array(self._place(cable, rows) | own)
        return Call(address_of(library, "constant"), words, words, kept=(library, rows, values))

    def _synapses(self, cable: Cable, rows: np.ndarray, weighted: bool = True) -> tuple[dict[str, int], bool, object]:
        """Return the arguments that tell of the synapses, whether each has a weight, and what must be kept."""
        edges = cable.edges
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
        library = kernels.couple(_INDEX[cable.edges.targets.itemsize], _REAL[self.dtype.name], graded)
        return Call(address_of(library, "couple"), words, words, kept=(library, kept, ring))

    # --- each synapse by itself ---------------------------------------------------------------------------------------

    def _each(self, cable: Cable, rows: np.ndarray, neurons: Mapping[str, Stepping]) -> Call:
        """Return the call that computes ``out`` for each synapse."""
        out, coefficients = self._out()
        view = self.projection.post[0]
        receiver = self.receivers[view.population.name]
        states = tuple(p for p in self.synapse.definition.partners if p.endswith("_post") and p in self._read)
        if len(self.projection.post) > 1 and states:
            raise ModelError(
                f"{self.projection.name}: the simulator cannot run this yet: 'out' of {self.synapse.name} is computed "
                "for each synapse, and the projection has several populations that receive; connect each by itself"
            )
        words, graded, kept = self._synapses(cable, rows)
        names = kernels.each_words(self.sent.names, states, tuple(coefficients))
        words |= {f"ring.{name}": ring.ctypes.data for name, ring in self.rings.items()}
        words |= {f"coef.{name}": int(np.float64(value).view(np.int64)) for name, value in coefficients.items()}
        for partner in states:
            array = self._state(neurons[view.population.name], partner.removesuffix("_post"))
            words[f"of.{partner}"] = array[cable.first - receiver.first :].ctypes.data
        library = kernels.each(out, names, _INDEX[cable.edges.targets.itemsize], _REAL[self.dtype.name], graded)
        array = names.array(words)
        return Call(address_of(library, "each"), array, array, kept=(library, kept, neurons))

    def _state(self, neurons: Stepping, name: str) -> np.ndarray:
        """Return the memory of a state of the receivers, which a block of one step changes where it is."""
        states = neurons.sets[0]
        if name not in states or states[name].dtype != self.dtype:
            raise ModelError(
                f"{self.projection.name}: the simulator cannot run this yet: 'out' of {self.synapse.name} is computed "
                f"for each synapse, and reads '{name}', which is no real state of {neurons.group.model.name}"
            )
        return states[name]

    @property
    def _read(self) -> set[str]:
        return self.coupling.out.names()

    def _out(self) -> tuple[Node, dict[str, float]]:
        """Return ``out`` as a node over states, and its coefficients."""
        updates, _, definitions = hoisted({"out": s.real(self._node(self.coupling.out))}, None)
        known = {"dt": np.float64(self.dt)}
        known |= {
            n: np.asarray(v, float) for n, v in self.synapse.parameters.items() if v is not None and not np.ndim(v)
        }
        with np.errstate(all="ignore"):  # a coefficient may be infinite on purpose
            values = evaluate(definitions, known)
        found = {name: float(value) for name, value in values.items()}
        assert not any(math.isnan(value) for value in found.values())
        return updates["out"], found

    def _node(self, expr: Expr) -> Node:
        number = self.coupling.values.get(expr.unspanned())
        if number is not None:
            return node("state", value=self.sent.names[number])
        if expr.op == "number":
            return s.const(expr.value)  # type: ignore[arg-type]  # numbers hold numbers
        if expr.op == "name":
            name = str(expr.value)
            variable = self.synapse.definition.variables.get(name)
            if name == "dt":
                return DT
            if variable is None or variable.kind != "parameter":
                return node("state", value=name)
            return node("parameter", value=name, type_="int" if variable.integer else "real")
        return operation(expr, [self._node(arg) for arg in expr.args])


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
