"""Synapses that need no list of targets: a matrix of weights, and one target for each source."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.errors import InputError
from spikelet.sim.connect_calls import shares, starts
from spikelet.sim.connect_drawn import Drawn, made
from spikelet.sim.delivery import COMMON, REAL, Arrivals, Delivery, shared
from spikelet.sim.driver import Words
from spikelet.sim.edges import Edges

_OWN = ("weights", "begin", "count", "targets")
_AHEAD = 2  # spikes ahead whose row of the matrix is fetched into the cache


def one_delay(kind: str, steps: np.ndarray) -> np.ndarray:
    """Return the delay that all synapses share, (1,) int64.

    Raises:
        InputError: there are several.
    """
    delays = np.unique(np.asarray(steps, np.int64))
    if len(delays) > 1:
        several = ", ".join(map(str, delays[:4])) + (", ..." if len(delays) > 4 else "")
        raise InputError(f"{kind} storage holds one delay, not {several} steps; use storage='sparse'")
    return delays if len(delays) else np.ones(1, np.int64)


@dataclass(frozen=True, eq=False)
class Dense:
    """A matrix of weights: a spike adds a row.

    Attributes:
        n_source: Number of sources.
        n_target: Number of targets.
        delays: (1,) int64, the delay [steps].
        weights: (n_source, n_target), 0 where there is no synapse, or a float where all pairs have the same.
        present: Which pairs have a synapse, one bit each, source by source (``np.packbits``); None where all have.
    """

    n_source: int
    n_target: int
    delays: np.ndarray
    weights: np.ndarray | float
    present: np.ndarray | None = None

    kind = "dense"

    @classmethod
    def drawn(cls, drawn: Drawn, dtype: np.dtype) -> "Dense":
        """Return synapses as a matrix of numbers of a type; where all pairs have one, they are never listed.

        Raises:
            InputError: two have the same source and target, or another delay than the others.
        """
        (n_source, n_target), rows = (drawn.pair.sources, drawn.pair.targets), drawn.rows
        whole = rows.picker is not None and rows.picker.distinct and rows.start[-1] == n_source * n_target
        if not whole:
            return cls.of(made(drawn, dtype, None), dtype)
        delays, weights = one_delay("dense", drawn.delay.steps), drawn.weight
        if not isinstance(weights, float):
            weights = np.empty((n_source, n_target), dtype)
            for lo, hi in pairwise(shares(rows.start).tolist()):
                weights.reshape(-1)[drawn.place(lo, hi)] = drawn.values(lo, hi)
        return cls(n_source, n_target, delays, weights)

    @classmethod
    def of(cls, edges: Edges, dtype: np.dtype) -> "Dense":
        """Return synapses as a matrix of numbers of a type.

        Raises:
            InputError: two have the same source and target, or another delay than the others.
        """
        delays, shape = one_delay("dense", edges.delays), (edges.n_source, edges.n_target)
        full = np.broadcast_to(np.arange(shape[1], dtype=edges.targets.dtype), shape)
        if len(edges) == full.size and (edges.targets.reshape(shape) == full).all():
            weights = edges.weights.reshape(shape) if isinstance(edges.weights, np.ndarray) else edges.weights
            return cls(*shape, delays, weights)
        places = edges.sources() * edges.n_target + edges.targets
        present = np.zeros(full.size, bool)
        present[places] = True
        if np.count_nonzero(present) < len(edges):
            raise InputError("dense storage holds one synapse of a pair, but there are several; use storage='sparse'")
        weights = np.zeros(full.size, dtype)
        weights[places] = edges.weights
        bits = None if len(edges) == full.size else np.packbits(present)
        return cls(*shape, delays, weights.reshape(shape), bits)

    def __len__(self) -> int:
        return self.n_source * self.n_target if self.present is None else int(np.count_nonzero(self._present()))

    def _present(self) -> np.ndarray:
        """Return for each pair whether it has a synapse, (n_source*n_target,)."""
        size = self.n_source * self.n_target
        return np.ones(size, bool) if self.present is None else np.unpackbits(self.present, count=size).view(bool)

    def listed(self) -> Edges:
        """Return the synapses one by one, by source and target."""
        kind = np.uint16 if self.n_target <= 2**16 else np.uint32
        present = self._present().reshape(self.n_source, self.n_target)
        weights = self.weights if np.ndim(self.weights) == 0 else np.asarray(self.weights)[present]
        targets = np.nonzero(present)[1].astype(kind)
        return Edges(self.n_source, self.n_target, self.delays, starts(present.sum(axis=1)), targets, weights)

    def with_weights(self, weights: np.ndarray) -> "Dense":
        """Return the same synapses with other weights, one for all or (E,)."""
        if self.present is None:
            shape = (self.n_source, self.n_target)
            return replace(self, weights=weights.reshape(shape) if np.ndim(weights) else float(weights))
        present = self._present()
        matrix = np.zeros(present.size, np.asarray(self.weights).dtype)
        matrix[present] = weights
        return replace(self, weights=matrix.reshape(self.n_source, self.n_target))

    def with_delays(self, steps: np.ndarray) -> "Dense":
        """Return the same synapses with another delay [steps]."""
        return replace(self, delays=one_delay("dense", steps))

    def delivery(self, dtype: np.dtype, multiple: bool, window: tuple[int, int]) -> Delivery:
        """Return how the synapses onto the targets of a window are delivered."""
        return _delivery(_Dense, self.weights, self.n_target, dtype, multiple, window)

    def saved(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays by name, and the rest, from which ``restored`` makes the same."""
        arrays, rest = _saved(self.delays, self.weights)
        present = {} if self.present is None else {"present": self.present}
        return arrays | present, rest | {"n_source": self.n_source, "n_target": self.n_target}

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray], rest: Mapping[str, Any]) -> "Dense":
        """Return what was saved."""
        weights = arrays.get("weights", rest["weight"])
        return cls(rest["n_source"], rest["n_target"], arrays["delays"], weights, arrays.get("present"))

    @property
    def nbytes(self) -> int:
        """Memory of the arrays [bytes]."""
        return sum(array.nbytes for array in self.saved()[0].values())


@dataclass(frozen=True, eq=False)
class OneToOne:
    """Source i to target i.

    Attributes:
        n_source: Number of sources, and of targets.
        delays: (1,) int64, the delay [steps].
        weights: (n_source,), or a float where all have the same.
    """

    n_source: int
    delays: np.ndarray
    weights: np.ndarray | float

    kind = "one-to-one"

    @classmethod
    def drawn(cls, drawn: Drawn, dtype: np.dtype) -> "OneToOne":
        """Return synapses of the pattern ``one_to_one``.

        Raises:
            InputError: they have several delays.
        """
        edges = made(drawn, dtype, None)
        return cls(edges.n_source, one_delay("one-to-one", edges.delays), edges.weights)

    @property
    def n_target(self) -> int:
        """Number of targets."""
        return self.n_source

    def __len__(self) -> int:
        return self.n_source

    def listed(self) -> Edges:
        """Return the synapses one by one."""
        targets = np.arange(self.n_source, dtype=np.uint16 if self.n_source <= 2**16 else np.uint32)
        return Edges(self.n_source, self.n_source, self.delays, np.arange(self.n_source + 1), targets, self.weights)

    def with_weights(self, weights: np.ndarray) -> "OneToOne":
        """Return the same synapses with other weights, one for all or (E,)."""
        return replace(self, weights=weights if np.ndim(weights) else float(weights))

    def with_delays(self, steps: np.ndarray) -> "OneToOne":
        """Return the same synapses with another delay [steps]."""
        return replace(self, delays=one_delay("one-to-one", steps))

    def delivery(self, dtype: np.dtype, multiple: bool, window: tuple[int, int]) -> Delivery:
        """Return how the synapses onto the targets of a window are delivered."""
        return _delivery(_OneToOne, self.weights, self.n_source, dtype, multiple, window)

    def saved(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays by name, and the rest, from which ``restored`` makes the same."""
        arrays, rest = _saved(self.delays, self.weights)
        return arrays, rest | {"n_source": self.n_source}

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray], rest: Mapping[str, Any]) -> "OneToOne":
        """Return what was saved."""
        return cls(rest["n_source"], arrays["delays"], arrays.get("weights", rest["weight"]))

    @property
    def nbytes(self) -> int:
        """Memory of the arrays [bytes]."""
        return sum(array.nbytes for array in self.saved()[0].values())


def _saved(delays: np.ndarray, weights: np.ndarray | float) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if isinstance(weights, np.ndarray):
        return {"delays": delays, "weights": weights}, {"weight": None}
    return {"delays": delays}, {"weight": float(weights)}


def _delivery(
    writer: "type[_Dense | _OneToOne]",
    weights: np.ndarray | float,
    targets: int,
    dtype: np.dtype,
    multiple: bool,
    window: tuple[int, int],
) -> Delivery:
    begin, end = window
    value, kept = shared(weights, dtype)
    values = {"weights": value, "begin": begin, "count": end - begin, "targets": targets}
    library = _library(writer, REAL[dtype.name], np.ndim(weights) > 0, multiple)
    return Delivery(library, Words((*COMMON, *_OWN)), values, (kept,))


# --- kernels ----------------------------------------------------------------------------------------------------------


@cache
def _library(writer: "type[_Dense | _OneToOne]", real: str, graded: bool, multiple: bool) -> llvm_jit.Library:
    return llvm_jit.compile(writer(real, graded, multiple).written())


class _Matrix(Arrivals):
    """What the kernels have in common: weights of their own or one for all, and a window of targets."""

    def __init__(self, real: str, graded: bool, multiple: bool):
        super().__init__(real, multiple, dict.fromkeys(_OWN, "i64") | ({"weights": "ptr"} if graded else {}))
        self.graded = graded
        self.weight = "" if graded else self.constant(self.w["weights"])


class _Dense(_Matrix):
    """Adds a row of the matrix."""

    ahead = _AHEAD

    def _row(self, source: str) -> str:
        """Return the address of a row of the matrix, from the first target of the window on."""
        place = self.value(f"mul i64 {source}, {self.w['targets']}")
        return self.at(self.real, self.w["weights"], self.value(f"add i64 {place}, {self.w['begin']}"))

    def fetch(self, source: str, d: str) -> None:
        """Ask for the beginning of a row."""
        if self.graded:
            self.prefetch(self._row(source))

    def spike(self, source: str, d: str, row: str, times: str) -> None:
        """Add a row."""
        weights = self._row(source) if self.graded else ""
        weight = "" if self.graded else self.scaled(self.weight, times)
        with self.loop("j", self.w["count"]) as j:
            self.add(self.scaled(self.load(self.real, weights, j), times) if self.graded else weight, row, j)


class _OneToOne(_Matrix):
    """Adds to the one target."""

    def spike(self, source: str, d: str, row: str, times: str) -> None:
        """Add one weight, where the target is in the window."""
        target = self.value(f"sub i64 {source}, {self.w['begin']}")
        with self.when(self.value(f"icmp ult i64 {target}, {self.w['count']}")):
            weight = self.load(self.real, self.w["weights"], source) if self.graded else self.weight
            self.add(self.scaled(weight, times), row, target)
