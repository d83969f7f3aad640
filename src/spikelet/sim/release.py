"""Synapses that differ in what a spike releases, at work: with states of their own, or by chance.

Their (pre) states are kept for each (source, delay), as of arrival, their (synapse) states for each synapse. Both are
brought up to date when a spike arrives, so synapses between spikes cost nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from spikelet import random
from spikelet.backends.numpy_reference import Interpreter
from spikelet.ir.lower import STEP
from spikelet.ir.nodes import Node
from spikelet.sim import release_kernels as kernels
from spikelet.sim.driver import Call, Words, address_of
from spikelet.sim.edges import Edges
from spikelet.sim.history import History
from spikelet.sim.receivers import stream
from spikelet.sim.release_program import at_spike, flowing, numbers
from spikelet.sim.wiring import Cable

_REAL = {"float32": "float", "float64": "double"}
_INDEX = {2: "i16", 4: "i32"}


class Release:
    """The states of the synapses of a projection, and the call that delivers.

    Args:
        cable: The synapses.
        history: Of the spikes of the senders.
        dt: Step [ms].
        seed: Of random numbers.
        dtype: Of states and weights.

    Attributes:
        base: Number of the first synapse among those of the projection.
        states: State -> its values, (segments,) for those of senders and (E,) for those of synapses.
        last: (segments,) steps for which the states of a segment have been taken along.
    """

    def __init__(self, cable: Cable, history: History, *, dt: float, seed: int, dtype: np.dtype):
        self.cable, self.base, self.projection = cable, 0, cable.projections[0]
        assert self.projection.synapse is not None
        self.synapse, self.history, self.dt, self.seed, self.dtype = self.projection.synapse, history, dt, seed, dtype
        self.released, self.flow = at_spike(self.synapse), flowing(self.synapse)
        edges = cable.sparse
        self.last = np.zeros(len(edges.pointer) - 1, np.int64)
        self.sizes = {"pre": len(edges.pointer) - 1, "synapse": len(edges)}
        self.states = self._initial()
        self.numbers = self._numbers()

    def _initial(self) -> dict[str, np.ndarray]:
        if self.flow is None:
            return {}
        with np.errstate(all="ignore"):  # a coefficient may be infinite on purpose
            model = Interpreter(self.flow.step, self.flow.model.parameters, dt=self.dt, dtype=self.dtype)
        found = {name: value for name, value in model.initial(()).items() if name != STEP}
        return {n: np.full(self.sizes[self.synapse.places[n]], value, value.dtype) for n, value in found.items()}

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield what a later step depends on, by name; to be set between runs, in place."""
        yield "last", self.last
        yield from ((f"state.{name}", state) for name, state in self.states.items())

    def _shape(self, edges: Edges) -> kernels.Shape:
        own: dict[str, tuple[tuple[str, str], ...]] = {"pre": (), "synapse": ()}
        for name, place in self.synapse.places.items():
            if place in own:
                own[place] += ((name, "int" if self.states[name].dtype == np.int64 else "real"),)
        return kernels.Shape(
            real=_REAL[self.dtype.name],
            index=_INDEX[edges.targets.itemsize],
            graded=np.ndim(edges.weights) > 0,
            multiple=self.history.times is not None,
            **own,
        )

    def _numbers(self) -> dict[str, int | np.ndarray]:
        """Words of coefficients: bits of numbers, and tables."""
        owner, found = self.projection.name, {}
        for name, value in numbers(self.synapse, self.released.coefficients, self.dt, owner).items():
            found[f"coef.{name}"] = _word(value, self.released.coefficients[name])
        if self.flow is None:
            return found
        definitions = self.flow.step.coefficients
        if not self.flow.exact:
            found |= {f"one.{n}": _word(v, definitions[n]) for n, v in self._flows(self.dt).items()}
            return found
        low, high = np.arange(2**kernels.LOW_BITS), np.arange(2**kernels.HIGH_BITS + 1) << kernels.LOW_BITS
        for part, steps in (("low", low), ("high", high)):
            for name, value in self._flows(steps * self.dt).items():
                found[f"{part}.{name}"] = np.ascontiguousarray(np.broadcast_to(value, steps.shape), self.dtype)
        return found

    def _flows(self, dt: float | np.ndarray) -> dict[str, np.ndarray]:
        assert self.flow is not None
        return numbers(self.synapse, self.flow.step.coefficients, dt, self.projection.name)

    def call(self, rows: Sequence[np.ndarray]) -> Call:
        """Return the call that delivers into the rows of all channels."""
        cable, edges, history = self.cable, self.cable.sparse, self.history
        shape = self._shape(edges)
        names = kernels.words(self.released, self.flow, shape)
        library = kernels.library(self.released, self.flow, shape)
        weight = np.atleast_1d(np.ascontiguousarray(edges.weights, self.dtype if shape.graded else np.float64))
        known = {
            "step": 0, "T": 0, "dt": int(np.float64(self.dt).view(np.int64)), "delays": len(edges.delays),
            "delay": edges.delays.ctypes.data, "pointer": edges.pointer.ctypes.data, "first": cable.pre.start,
            "targets": edges.targets.ctypes.data, "stride": history.ids.shape[1], "sources": edges.n_source,
            "weights": weight.ctypes.data if shape.graded else int(weight.view(np.int64)[0]), **history.words(),
            "last": self.last.ctypes.data, "seed": random.signed(random.whole(self.seed)),
            "stream": stream("release", self.projection.number), "row.stride": rows[0].shape[1],
            "base": self.base,
        }  # fmt: skip
        known |= {f"rows.{jump}": rows[channel][:, cable.first :].ctypes.data for channel, jump in cable.channels}
        known |= {f"state.{name}": array.ctypes.data for name, array in self.states.items()}
        known |= {n: v.ctypes.data if isinstance(v, np.ndarray) else v for n, v in self.numbers.items()}
        array = _array(names, known)
        kept = (library, edges, weight, history, self, rows)
        return Call(address_of(library, "release"), array, array, kept=kept)


def _word(value: np.ndarray, definition: Node) -> int:
    """Return a coefficient as a word."""
    return int(value) if definition.type == "int" else int(np.float64(value).view(np.int64))


def _array(names: Words, known: Mapping[str, int]) -> np.ndarray:
    return names.array({name: known[name] for name in names.names})


def releases(
    cables: Sequence[Cable], histories: Mapping[str, History], *, dt: float, seed: int, dtype: np.dtype
) -> dict[str, list[Release]]:
    """Return projection -> synapses that differ in what a spike releases, for each cable of it."""
    found: dict[str, list[Release]] = {}
    for cable in cables:
        projection = cable.projections[0]
        if projection.rule is None and projection.synapse is not None and projection.synapse.arrival.each:
            found.setdefault(projection.name, []).append(
                Release(cable, histories[projection.pre.population.name], dt=dt, seed=seed, dtype=dtype)
            )
    for own in found.values():
        counts = [len(one.cable.sparse) for one in own]
        for one, base in zip(own, np.cumsum([0, *counts]), strict=False):
            one.base = int(base)
            if len(own) > 1:  # a network that was saved has them in this order
                one.cable.edges = _ordered(one.cable.sparse)
    return found


def _ordered(edges: Edges) -> Edges:
    """Return synapses in the order of their targets, as far as their source and delay are the same."""
    segments = np.repeat(np.arange(len(edges.pointer) - 1), np.diff(edges.pointer))
    order = np.lexsort((edges.targets, segments))
    weights = edges.weights if np.ndim(edges.weights) == 0 else np.asarray(edges.weights)[order]
    return replace(edges, targets=edges.targets[order], weights=weights)
