"""Synapses that are never stored: the targets of a source are drawn again at each of its spikes.

Random numbers are functions of (seed, stream, source, place in the list), so what is drawn is always the same, and the
same that a stored projection would hold (Knight & Nowotny 2021, doi:10.1038/s43588-020-00022-7, call it procedural
connectivity). The kernels that draw are those that make stored synapses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.errors import InputError
from spikelet.sim.codec import decode, encode
from spikelet.sim.connect_calls import PARTNERS, WEIGHTS, Draws, Picker, laws_library, picks_library
from spikelet.sim.connect_drawn import Drawn, made
from spikelet.sim.connect_finish import Delays
from spikelet.sim.connect_kernels import NOWHERE
from spikelet.sim.connect_laws import LAWS
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.connect_rows import Pair
from spikelet.sim.connect_text import GROUP
from spikelet.sim.delivery import COMMON, REAL, Arrivals, Delivery
from spikelet.sim.distributions import Distribution
from spikelet.sim.driver import Words, address_of
from spikelet.sim.edges import Edges
from spikelet.sim.storage_matrix import one_delay

_POINTERS: tuple[str, ...] = ("pick", "start", "words", "bits", "picks", "weigh", "tries", "pending", "values")
_NUMBERS: tuple[str, ...] = (
    "n", "shift", "seed", "use", "begin", "count", "law", "a", "b", "c", "low", "high", "weight.use", "weight",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Procedural:
    """A pattern whose targets are drawn source by source.

    Attributes:
        pattern: Who is connected.
        pair: The sizes of both ends.
        draws: Where the random numbers come from.
        weight: Of all synapses, or the law that it is drawn from.
        delays: (1,) int64, the delay [steps].
        dtype: Of weights.
        start: (n_source + 1,) int64, the number of synapses of all sources before each.
        picker: Draws the targets.
    """

    pattern: Pattern
    pair: Pair
    draws: Draws
    weight: float | Distribution
    delays: np.ndarray
    dtype: np.dtype
    start: np.ndarray
    picker: Picker

    kind = "procedural"

    @classmethod
    def of(
        cls, pattern: Pattern, pair: Pair, draws: Draws, weight: Any, delays: np.ndarray, dtype: np.dtype
    ) -> "Procedural":
        """Return the storage of a pattern.

        Raises:
            InputError: the weights are neither one number nor a law.
        """
        if isinstance(weight, np.ndarray):
            raise InputError("procedural storage takes one weight, or a distribution; use storage='sparse'")
        rows = pattern.rows(pair, draws, None)
        assert rows.picker is not None  # so of all patterns that name this kind
        return cls(pattern, pair, draws, weight, delays, dtype, rows.start, rows.picker)

    @property
    def n_source(self) -> int:
        """Number of sources."""
        return self.pair.sources

    @property
    def n_target(self) -> int:
        """Number of targets."""
        return self.pair.targets

    def __len__(self) -> int:
        return int(self.start[-1])

    def listed(self) -> Edges:
        """Return the synapses one by one."""
        rows = self.pattern.rows(self.pair, self.draws, None)
        return made(Drawn(rows, self.pair, self.weight, Delays(self.delays), self.draws), self.dtype, None)

    def with_weights(self, weights: np.ndarray) -> "Procedural":
        """Return the same synapses with another weight, one for all.

        Raises:
            InputError: there are several.
        """
        if np.ndim(weights):
            raise InputError(
                "procedural storage keeps no weight for each synapse; set a number, or use storage='sparse'"
            )
        return replace(self, weight=float(weights))

    def with_delays(self, steps: np.ndarray) -> "Procedural":
        """Return the same synapses with another delay [steps]."""
        return replace(self, delays=one_delay("procedural", steps))

    def delivery(self, dtype: np.dtype, multiple: bool, window: tuple[int, int]) -> Delivery:
        """Return how the synapses onto the targets of a window are delivered."""
        most, n = int(np.diff(self.start).max(initial=0)), self.picker.n
        memory = {
            "start": self.start, "words": np.zeros(most + 2 * GROUP, np.uint32),
            "bits": np.zeros(n // 64 + 1, np.uint64), "picks": np.zeros(most, np.uint32),
        }  # fmt: skip
        if isinstance(self.weight, Distribution):
            kinds = {"tries": np.float64, "pending": np.uint32, "values": np.float64}
            memory |= {name: np.zeros(most + 2, kind) for name, kind in kinds.items()}
        picks, laws = picks_library(), laws_library()
        values = dict.fromkeys((*_POINTERS, *_NUMBERS), 0) | {name: a.ctypes.data for name, a in memory.items()}
        values |= {
            "pick": address_of(picks, "distinct" if self.picker.distinct else "replace"), "n": n,
            "shift": NOWHERE if self.picker.shift is None else self.picker.shift, "seed": self.draws.seed,
            "use": self.draws.use(PARTNERS), "begin": window[0], "count": window[1] - window[0],
            **self._weights(),
            "weigh": address_of(laws, "draw"),
        }  # fmt: skip
        graded = isinstance(self.weight, Distribution)
        library = _library(REAL[dtype.name], graded, self.picker.distinct, multiple)
        words = Words((*COMMON, *_POINTERS, *_NUMBERS))
        return Delivery(library, words, values, (picks, laws, *memory.values()))

    def _weights(self) -> dict[str, int]:
        """Return the words that tell of weights."""
        if not isinstance(self.weight, Distribution):
            return {"weight": _bits(self.weight)}
        numbers = dict(zip("abc", self.weight.parameters, strict=True))
        numbers |= {"low": self.weight.low, "high": self.weight.high}
        words = {name: _bits(value) for name, value in numbers.items()}
        return words | {"law": LAWS.index(self.weight.law), "weight.use": self.draws.use(WEIGHTS)}

    def saved(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays by name, and the rest, from which ``restored`` makes the same."""
        arrays = {"delays": self.delays}
        pair = [self.pair.sources, self.pair.targets, self.pair.shift]
        own = {"pattern": encode(self.pattern, "pattern", arrays), "weight": encode(self.weight, "weight", arrays)}
        return arrays, {**own, "pair": pair, "draws": [self.draws.seed, self.draws.stream], "dtype": self.dtype.name}

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray], rest: Mapping[str, Any]) -> "Procedural":
        """Return what was saved."""
        pattern, weight = (decode(rest[name], dict(arrays)) for name in ("pattern", "weight"))
        draws, dtype = Draws(*rest["draws"]), np.dtype(rest["dtype"])
        return cls.of(pattern, Pair(*rest["pair"]), draws, weight, arrays["delays"], dtype)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays [bytes]."""
        return self.start.nbytes + self.delays.nbytes


def _bits(value: float) -> int:
    """Return a double as a word."""
    return int(np.float64(value).view(np.int64))


@cache
def _library(real: str, graded: bool, distinct: bool, multiple: bool) -> llvm_jit.Library:
    return llvm_jit.compile(_Drawn(real, graded, distinct, multiple).written())


class _Drawn(Arrivals):
    """Draws the synapses of a source, and adds their weights."""

    def __init__(self, real: str, graded: bool, distinct: bool, multiple: bool):
        super().__init__(real, multiple, dict.fromkeys(_POINTERS, "ptr") | dict.fromkeys(_NUMBERS, "i64"))
        self.graded, self.distinct = graded, distinct
        self.weight = "" if graded else self.constant(self.w["weight"])
        doubles = ("a", "b", "c", "low", "high")
        self.law = [self.value(f"bitcast i64 {self.w[name]} to double") for name in doubles] if graded else []

    def spike(self, source: str, d: str, row: str, times: str) -> None:
        """Draw, and add to the targets of the window."""
        w, behind = self.w, self.value(f"add i64 {source}, 1")
        ends = [self.load("i64", w["start"], at) for at in (source, behind)]
        self._draw(source, behind)
        with self.loop("i", self.value(f"sub i64 {ends[1]}, {ends[0]}")) as i:
            target = self.value(f"zext i32 {self.load('i32', w['picks'], i)} to i64")
            target = self.value(f"sub i64 {target}, {w['begin']}")
            with self.when(self.value(f"icmp ult i64 {target}, {w['count']}")):
                weight = self.load("double", w["values"], i) if self.graded else self.weight
                if self.graded and self.real == "float":
                    weight = self.value(f"fptrunc double {weight} to float")
                self.add(self.scaled(weight, times), row, target)

    def _draw(self, source: str, behind: str) -> None:
        """Call the kernels that draw the targets, and the weights, of one source."""
        w = self.w
        rows = f"i64 {source}, i64 {behind}, ptr {w['start']}"
        bits = f"ptr {w['bits']}, " if self.distinct else ""
        numbers = ", ".join(f"i64 {w[name]}" for name in ("n", "shift", "seed", "use"))
        self.do(f"call void {w['pick']}({rows}, {numbers}, ptr {w['words']}, {bits}ptr {w['picks']})")
        if self.graded:
            law = ", ".join([f"i64 {w['law']}", *(f"double {value}" for value in self.law)])
            memory = ", ".join(f"ptr {w[name]}" for name in ("words", "tries", "pending", "values"))
            self.do(f"call void {w['weigh']}({rows}, {law}, i64 {w['seed']}, i64 {w['weight.use']}, {memory})")
