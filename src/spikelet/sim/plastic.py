"""A plastic projection as arrays and calls: weights by source, an index by target, and the traces of both sides.

In each step, before the neurons: advance the traces, deliver each spike that arrives, run ``on_pre``; after the spikes
of the step have been listed: run ``on_post``. So a block is one step. The states of the senders are kept as of arrival,
once for each (source, delay): a segment of ``Edges`` has one copy, whatever its number of synapses. States that are
not the synapse's are advanced by the compiler's kernel, exactly where they are linear.

What happens to one synapse depends on the spikes of its two neurons alone, in the order of time; so nothing depends
on how a run is cut.
"""

import ctypes
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.numpy_reference import Interpreter
from spikelet.backends.sparse_calls import address
from spikelet.errors import InputError, ModelError, did_you_mean
from spikelet.ir.lower import lower
from spikelet.ir.scan import Scan, scan
from spikelet.lang.increments import WEIGHT
from spikelet.lang.places import PLACES
from spikelet.rule import Rule
from spikelet.sim import driver, plastic_kernels as kernels
from spikelet.sim.compose import sender
from spikelet.sim.connect_calls import starts
from spikelet.sim.description import Projection
from spikelet.sim.driver import Call
from spikelet.sim.edges import Edges
from spikelet.sim.group import Group, Stepping
from spikelet.sim.history import History
from spikelet.sim.plastic_kernels import ADD, AHEAD, Kernel, Shape, adding, transposing
from spikelet.sim.plastic_program import Program, flow, program, traces
from spikelet.sim.receivers import Receiver

_REAL = {"float32": "float", "float64": "double"}
_INDEX = {2: "i16", 4: "i32"}
_LIMIT = 2**32  # places that an index of 32 bits can tell apart
_P, _I = ctypes.c_void_p, ctypes.c_int64


@dataclass(frozen=True, eq=False)
class Target:
    """Neighbours that receive.

    Attributes:
        n: Number of neurons.
        first: Number of the first of them in its population.
        rows: (n,) arrays to which weights are added.
        history: Of the spikes of the population; None where it has none.
        population: Its name.
    """

    n: int
    first: int
    rows: tuple[np.ndarray, ...]
    history: History | None
    population: str


@dataclass(frozen=True, eq=False)
class Transpose:
    """The synapses by target.

    Attributes:
        start: (n_target + 1,) int64; the synapses of target j are those from ``start[j]`` to ``start[j + 1] - 1``.
        position: (E + some,) uint32, where each stands in ``Edges``; zeros follow, for what looks ahead.
        segment: (E,) uint16 or uint32, ``source*K + delay`` of each.
    """

    start: np.ndarray
    position: np.ndarray
    segment: np.ndarray


def transpose(edges: Edges) -> Transpose:
    """Return the synapses by target, in time O(E); those of one target keep their order.

    Raises:
        InputError: there are too many synapses, or segments, for an index of 32 bits.
    """
    count, segments = len(edges.targets), len(edges.pointer) - 1
    if max(count, segments) >= _LIMIT:
        raise InputError(f"a plastic projection has at most {_LIMIT:,} synapses, and as many (source, delay) pairs")
    kind = np.dtype(np.uint16 if segments <= 2**16 else np.uint32)
    library = transposing(_INDEX[edges.targets.dtype.itemsize], _INDEX[kind.itemsize])
    counts = np.zeros(edges.n_target, np.int64)
    library.function("count", _P, _I, _P)(address(edges.targets), count, address(counts))
    start = starts(counts)
    following = start[:-1].copy()
    position, segment = np.zeros(count + AHEAD, np.uint32), np.zeros(count, kind)
    memory = (edges.targets, following, position, segment)
    given = (address(edges.pointer), segments, *map(address, memory))
    library.function("transpose", _P, _I, _P, _P, _P, _P)(*given)
    return Transpose(start, position, segment)


def graded(edges: Edges, dtype: np.dtype) -> Edges:
    """Return synapses that have a weight each, in memory of their own."""
    weights = np.broadcast_to(np.asarray(edges.weights, dtype), (len(edges.targets),)).copy()
    return replace(edges, weights=weights)


class Traces(Group):
    """The states of a rule on one side, which send no spikes."""

    def scan(self, quiet: bool, record: Iterable[str]) -> Scan:
        """Return what the kernel runs."""
        return scan(self.step, tuple(record), quiet=quiet)


@dataclass(frozen=True, eq=False)
class _Reading:
    """A call that reads states of the receiving neurons, which a run keeps where it likes.

    Attributes:
        call: The call.
        places: Name in the rule, such as ``v_post`` -> place of the address among the words.
        target: Whose states they are.
        early: Whether it comes before the neurons' call, and so reads what the block before has left.
    """

    call: Call
    places: Mapping[str, int]
    target: Target
    early: bool

    def point(self, neurons: Stepping) -> None:
        """Write the addresses."""
        sides = neurons.sets if self.early else neurons.sets[::-1]
        for words, states in zip((self.call.even, self.call.odd), sides, strict=True):
            for name, at in self.places.items():
                words[at] = states[name.removesuffix("_post")][self.target.first :].ctypes.data


class Plastic:
    """The calls of a plastic projection.

    Args:
        rule: How it learns.
        edges: Its synapses; their weights change.
        history: Of the spikes of the senders.
        first: Number of its first source in the population that sends.
        targets: What receives, in the order of the targets' numbers.
        dt: Step [ms].

    Attributes:
        before: Calls before those of the neurons.
        after: Calls after the spikes of the step have been listed.
        traces: Place (``pre`` with one element for each source and delay, ``post``, ``network``) -> states.
        synapses: State of synapses -> (E,) its values; the weight is not among them.
    """

    def __init__(self, rule: Rule, edges: Edges, history: History, first: int, targets: Sequence[Target], *, dt: float):
        assert isinstance(edges.weights, np.ndarray)  # see graded
        self.rule, self.edges, self.weights, self.dt = rule, edges, edges.weights, dt
        self.history, self.first, self.targets = history, first, tuple(targets)
        self.traces: dict[str, Traces] = {}
        self.steppings: dict[str, Stepping] = {}
        self.before: list[Call] = []
        self.after: list[Call] = []
        self.synapses: dict[str, np.ndarray] = {}
        self.reading: list[_Reading] = []
        if len(edges):
            self._build()

    def _build(self) -> None:
        self.index = transpose(self.edges)
        sizes = {"pre": len(self.edges.pointer) - 1, "post": self.edges.n_target, "network": 1}
        for place, n in sizes.items():
            model = traces(self.rule, place)
            if model is not None:
                group = Traces(model, lower(model), n, dt=self.dt, seed=0, first=0, dtype=self.weights.dtype)
                self.traces[place] = group
                self.steppings[place] = group.call({}, 1)
        self.synapses = self._synapses()
        self.before = [*self._flows(), *(stepping.call for stepping in self.steppings.values()), *self._arrivals()]
        if self.rule.definition.on_post:
            self.after = list(self._posts())

    # --- running ------------------------------------------------------------------------------------------------------

    def load(self, block: int, neurons: Mapping[str, Stepping]) -> None:
        """Make ready for a run whose first block has this number; ``neurons`` are the calls of the populations."""
        for stepping in self.steppings.values():
            stepping.load(block)
        for one in self.reading:
            one.point(neurons[one.target.population])

    def save(self, block: int) -> None:
        """Take the states that the block before this one has left."""
        for stepping in self.steppings.values():
            stepping.save(block)

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield what a later step depends on beside weights and spikes, by name; to be set between runs, in place."""
        for place, group in self.traces.items():
            yield from ((f"{place}.{name}", state) for name, state in group.state.items())
        yield from ((f"synapse.{name}", state) for name, state in self.synapses.items())

    def set_weights(self, values: np.ndarray) -> None:
        """Set the weights, a number or an array, in the order in which they are stored."""
        self.weights[...] = values

    # --- calls --------------------------------------------------------------------------------------------------------

    def _arrivals(self) -> list[Call]:
        """Deliver, and run ``on_pre``."""
        edges, history = self.edges, self.history
        rows, first, last = self._rows()
        own = {
            "delays": len(edges.delays), "delay": edges.delays.ctypes.data, "pointer": edges.pointer.ctypes.data,
            "targets": edges.targets.ctypes.data, "stride": history.ids.shape[1], "first": self.first,
            "sources": edges.n_source, "rows": rows.ctypes.data, **history.words(),
        }  # fmt: skip
        found, target = program(self.rule, "on_pre"), self.targets[0]
        shape = self._shape(found)
        if shape.partners and len(self.targets) > 1:
            raise ModelError(
                f"{self.rule.name}: the simulator cannot run this yet: on_pre reads '{shape.partners[0]}', and the "
                "projection has several populations that receive; connect each by itself"
            )
        return [*first, self._call("arrive", kernels.arrive(found, shape), found, own, target), *last]

    def _rows(self) -> tuple[np.ndarray, list[Call], list[Call]]:
        """Return the row to which spikes are delivered, and calls before and after: rows of their own are added."""
        rows = [row for target in self.targets for row in target.rows]
        ends = [row.ctypes.data + row.nbytes for row in rows]
        neighbours = all(row.ctypes.data == end for row, end in zip(rows[1:], ends, strict=False))
        if neighbours and len(rows) == len(self.targets):
            return rows[0], [], []
        own = np.zeros(self.edges.n_target, self.weights.dtype)
        library, real = driver.library(), _REAL[own.dtype.name]
        words = driver.FILL.array(
            dict.fromkeys(driver.FILL.names, 0) | {"rows": own.ctypes.data, "stride": own.size, "n": own.size}
        )
        first = [Call(driver.address_of(library, f"zero_{real}"), words, words, kept=(library, own))]
        borders = np.cumsum([0, *(target.n for target in self.targets)])
        library, last = adding(real), []
        for border, target in zip(borders, self.targets, strict=False):
            for row in target.rows:
                given = {"step": 0, "T": 0, "to": row.ctypes.data, "of": own[border:].ctypes.data, "n": target.n}
                words = ADD.array(given)
                last.append(Call(driver.address_of(library, "add"), words, words, kept=(library, own, row)))
        return own, first, last

    def _synapses(self) -> dict[str, np.ndarray]:
        """Return the states of synapses, beside the weight, as they begin."""
        model = traces(self.rule, "synapse")
        if model is None:
            return {}
        step = lower(model)
        with np.errstate(all="ignore"):  # a coefficient may be infinite on purpose
            interpreter = Interpreter(step, model.parameters, dt=self.dt, dtype=self.weights.dtype)
        own = [name for name in self.rule.states if name in step.updates and name != WEIGHT]
        return {name: interpreter.initial(self.weights.shape)[name] for name in own}

    def _flows(self) -> list[Call]:
        """Take the states of synapses a step further, by what the block finds."""
        found = flow(self.rule)
        if found is None:
            return []
        edges = self.edges
        own = {
            "segments": len(edges.pointer) - 1, "pointer": edges.pointer.ctypes.data,
            "targets": edges.targets.ctypes.data,
        }  # fmt: skip
        return [self._call("flow", kernels.flow(found, self._shape(found)), found, own, self.targets[0])]

    def _posts(self) -> list[Call]:
        """Run ``on_post``, for each population that receives."""
        found, calls, border = program(self.rule, "on_post"), [], 0
        kernel = kernels.posts(found, self._shape(found))
        for target in self.targets:
            history = target.history
            if history is not None:
                words = history.words()
                own = {
                    "start": self.index.start.ctypes.data, "position": self.index.position.ctypes.data,
                    "segment": self.index.segment.ctypes.data, "ids": words["ids"], "counts": words["counts"],
                    "slots": words["slots"], "stride": history.ids.shape[1], "first": target.first,
                    "count": target.n, "border": border,
                }  # fmt: skip
                calls.append(self._call("posts", kernel, found, own, target))
            border += target.n
        return calls

    def _shape(self, found: Program) -> Shape:
        places: dict[str, tuple[tuple[str, str], ...]] = dict.fromkeys(PLACES, ())
        for name, place in self.rule.places.items():
            if name != WEIGHT:
                kind = "int" if self.rule.definition.variables[name].integer else "real"
                places[place] += ((name, kind),)
        return Shape(
            real=_REAL[self.weights.dtype.name],
            index=_INDEX[self.edges.targets.dtype.itemsize],
            segment=_INDEX[self.index.segment.dtype.itemsize],
            multiple=self.history.times is not None,
            partners=tuple(name for name in self.rule.definition.partners if name in found.reads),
            **places,
        )

    def _call(self, name: str, kernel: Kernel, found: Program, own: Mapping[str, int], target: Target) -> Call:
        """Return a call of an event's kernel: traces are read and set where the block has put them."""
        bits = int(np.float64(self.dt).view(np.int64))
        known = {"step": 0, "T": 0, "dt": bits, "weights": self.weights.ctypes.data, **own}
        known |= {f"coef.{n}": _bits(value) for n, value in found.values(self.rule, self.dt).items()}
        sides = []
        for side in (0, 1) if name == "flow" else (1, 0):  # what an even block finds is in the first set
            states = {f"{p}.{n}": a.ctypes.data for p, s in self.steppings.items() for n, a in s.sets[side].items()}
            states |= {f"synapse.{n}": a.ctypes.data for n, a in self.synapses.items()}
            all_known = {**dict.fromkeys(kernel.words.names, 0), **known, **states}
            sides.append(kernel.words.array(all_known))
        library = llvm_jit.compile(kernel.text)
        call = Call(driver.address_of(library, name), *sides, kept=(library, self, target))
        places = {n[3:]: at for at, n in enumerate(kernel.words.names) if n.startswith("of.")}
        if places:
            self.reading.append(_Reading(call, places, target, early=name == "arrive"))
        return call


class Variables(MutableMapping[str, float]):
    """The (network) states of the rules of a network, such as a reward, to be read and set between runs by name.

    Rules that have a state of the same name are set together.

    Args:
        projections: Name -> plastic projection.
    """

    def __init__(self, projections: Mapping[str, Plastic]):
        self._states: dict[str, list[Traces]] = {}
        for one in projections.values():
            for name in one.traces["network"].state if "network" in one.traces else ():
                self._states.setdefault(name, []).append(one.traces["network"])

    def _of(self, name: object) -> list[Traces]:
        if name not in self._states:
            has = f"they have {', '.join(self._states)}" if self._states else "they have none"
            near = did_you_mean(name, self._states)
            raise InputError(f"no rule of the network has a (network) state {name!r}{near}; {has}")
        return self._states[str(name)]

    def __getitem__(self, name: str) -> float:
        return self._of(name)[0].state[name].item()

    def __setitem__(self, name: str, value: float) -> None:
        groups = self._of(name)
        if not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise InputError(f"the (network) state {name!r} must be a finite number, got {value!r}"[:200])
        for group in groups:
            group.state[name][...] = value

    def __delitem__(self, name: str) -> None:
        raise InputError(f"the (network) state {name!r} belongs to a rule and cannot be removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def __repr__(self) -> str:
        return repr(dict(self))


def _bits(value: float | int) -> int:
    """Return a coefficient as a word."""
    return value if isinstance(value, int) else int(np.float64(value).view(np.int64))


def plastic(
    projection: Projection,
    rule: Rule,
    edges: Edges,
    *,
    dt: float,
    receivers: Mapping[str, Receiver],
    rows: Sequence[np.ndarray],
    histories: Mapping[str, History],
) -> Plastic:
    """Return the calls of a plastic projection of a network.

    Args:
        projection: Which.
        rule: Its rule.
        edges: Its synapses; see ``graded``.
        dt: Step [ms].
        receivers: Population -> what receives there.
        rows: Of each channel, (1, neurons of the network) what is delivered in a step.
        histories: Population -> its spikes.

    Raises:
        ModelError: the synapse multiplies the weight with something of its own.
    """
    synapse = projection.synapse
    if synapse is not None and sender(synapse) is not None:
        raise ModelError(
            f"{projection.name}: the simulator cannot run this yet: a rule on {synapse.name}, whose spikes release "
            "more or less than the weight"
        )
    targets = []
    for view in projection.post:
        name = view.population.name
        receiver = receivers[name]
        begin = receiver.first + view.start
        reached = tuple(rows[c][0, begin : begin + len(view)] for c, _ in receiver.reached[projection.name])
        targets.append(Target(len(view), view.start, reached, histories.get(name), name))
    pre = projection.pre
    return Plastic(rule, edges, histories[pre.population.name], pre.start, targets, dt=dt)
