"""Synapses that act all the time, each of which computes ``out`` for itself: what has no parts."""

from collections.abc import Mapping, Sequence

import numpy as np

from spikelet.backends.numpy_reference import numbers
from spikelet.errors import ModelError
from spikelet.ir import simplify as s
from spikelet.ir.lower import hoisted
from spikelet.ir.nodes import Node, node
from spikelet.ir.statements import Reader
from spikelet.lang.syntax import Expr
from spikelet.sim import coupled_kernels as kernels
from spikelet.sim.driver import Call, address_of
from spikelet.sim.group import Stepping
from spikelet.sim.projection import Projection
from spikelet.synapse import Synapse

_REAL = {"float32": "float", "float64": "double"}


class Each:
    """The expression of ``out`` as a program, and the call that runs it.

    Args:
        projection: Which.
        names: Of the values that are sent.
        dt: Step [ms].
        dtype: Of states.
    """

    def __init__(self, projection: Projection, names: Sequence[str], dt: float, dtype: np.dtype):
        assert projection.synapse is not None and projection.synapse.coupling is not None
        self.projection, self.synapse, self.coupling = projection, projection.synapse, projection.synapse.coupling
        self.names, self.dt, self.dtype = tuple(names), dt, dtype

    def call(
        self,
        words: Mapping[str, int],
        graded: bool,
        index: str,
        rings: Mapping[str, np.ndarray],
        neurons: Stepping,
        begin: int,
        kept: object,
    ) -> Call:
        """Return the call.

        Args:
            words: Those that tell of the synapses.
            graded: Each synapse has its own weight.
            index: Type of the targets.
            rings: What has been sent.
            neurons: The receivers.
            begin: Number of the first that may receive among them.
            kept: What must stay in memory.

        Raises:
            ModelError: the simulator cannot run it.
        """
        out, coefficients = self._out()
        partners, read = self.synapse.definition.partners, self.coupling.out.names()
        states = tuple(p for p in partners if p.endswith("_post") and p in read)
        if len(self.projection.post) > 1 and states:
            raise ModelError(
                f"{self.projection.name}: the simulator cannot run this yet: 'out' of {self.synapse.name} is computed "
                "for each synapse, and the projection has several populations that receive; connect each by itself"
            )
        names = kernels.each_words(self.names, states, tuple(coefficients))
        known = {**words, **{f"ring.{name}": ring.ctypes.data for name, ring in rings.items()}}
        known |= {f"coef.{name}": int(np.float64(value).view(np.int64)) for name, value in coefficients.items()}
        for partner in states:
            known[f"of.{partner}"] = self._state(neurons, partner.removesuffix("_post"))[begin:].ctypes.data
        library = kernels.each(out, names, index, _REAL[self.dtype.name], graded)
        array = names.array(known)
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

    def _out(self) -> tuple[Node, dict[str, float]]:
        """Return ``out`` as a node over states, and its coefficients."""
        reader = _Sums(self.synapse, self.coupling.values, self.names)
        updates, _, definitions = hoisted({"out": s.real(reader.read(self.coupling.out, {}))}, None)
        given = self.synapse.parameters.items()
        known = {name: value for name, value in given if value is not None and not np.ndim(value)}
        return updates["out"], {n: float(value) for n, value in numbers(definitions, known, self.dt).items()}


class _Sums(Reader):
    """Reads an expression in which some parts are known as sums over the synapses."""

    def __init__(self, synapse: Synapse, values: Mapping[object, int], names: Sequence[str]):
        super().__init__(synapse.definition.variables)
        self.values, self.names = values, names

    def read(self, expr: Expr, known: Mapping[str, Node]) -> Node:
        """Turn an expression into a node."""
        number = self.values.get(expr.unspanned())
        return super().read(expr, known) if number is None else node("state", value=self.names[number])
