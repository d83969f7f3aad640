"""Delivery of spikes: on arrival, from lists of spikes by step into the rows of an input.

The synapses of a source lie together, those of one delay side by side (``edges.Edges``). In step t, for each delay d,
the segments (source, d) of all sources that fired in step t - d are added to row t. What is added to one neuron comes
in the order (projection, delay, source, place in the segment), whatever the length of blocks and of runs.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import Function
from spikelet.sim.driver import SIGNATURE, Words

COMMON = (
    "step", "T", "delays", "delay", "ids", "counts", "slots", "stride", "first", "sources", "rows", "row.stride",
    "times", "since", "span",
)  # fmt: skip
_POINTERS = ("delay", "ids", "counts", "rows", "times")
_AHEAD = 3  # spikes ahead whose synapses are fetched into the cache
_DECLARATIONS = "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)\ndeclare i64 @llvm.smin.i64(i64, i64)"
EVER = 2**62  # a span of steps without an end


class Delivery(NamedTuple):
    """How the synapses of a projection are delivered.

    Attributes:
        library: Holds the kernel ``deliver``.
        words: Its arguments: ``COMMON``, which tell of spikes and rows, and those of the synapses.
        values: The latter.
        kept: What must stay in memory.
    """

    library: llvm_jit.Library
    words: Words
    values: Mapping[str, int]
    kept: tuple[object, ...]


class Arrivals(Function, ABC):
    """Writes the part that all kernels ``deliver`` have in common: the loop over steps, delays and spikes.

    A kind of storage says in ``spike`` what one spike adds to a row. Spikes are delivered that were sent in the
    ``span`` steps from ``since`` on.

    Args:
        real: Type of weights and rows.
        multiple: Each spike of the history has a factor: how many spikes it stands for, or what it releases.
        own: Further words, and their types.
    """

    ahead = 0  # spikes ahead for which ``fetch`` is called

    def __init__(self, real: str, multiple: bool, own: Mapping[str, str]):
        super().__init__(f"void @deliver({SIGNATURE})")
        self.real, self.multiple = real, multiple
        self.w = Words((*COMMON, *own)).load(self, {**dict.fromkeys(_POINTERS, "ptr"), **own})
        self.mask = self.value(f"sub i64 {self.w['slots']}, 1")  # the slots of a history are a power of two

    @abstractmethod
    def spike(self, source: str, d: str, row: str, times: str) -> None:
        """Write what a spike adds to a row over delay number ``d``; ``times`` is its factor, or empty."""

    def fetch(self, source: str, d: str) -> None:  # nothing, unless a kind looks ahead
        """Write what brings the synapses of a later spike into the cache."""

    def written(self) -> str:
        """Return the kernel."""
        with self.loop("t", self.w["T"]) as t:
            row = self.at(self.real, self.w["rows"], self.value(f"mul i64 {t}, {self.w['row.stride']}"))
            now = self.value(f"add i64 {t}, {self.w['step']}")
            with self.loop("d", self.w["delays"]) as d:
                sent = self.value(f"sub i64 {now}, {self.load('i64', self.w['delay'], d)}")
                past = self.value(f"sub i64 {sent}, {self.w['since']}")
                with self.when(self.value(f"icmp ult i64 {past}, {self.w['span']}")):
                    self.spikes(sent, d, row)
        return "\n\n".join([self.text(), _DECLARATIONS])

    def spikes(self, sent: str, d: str, row: str) -> None:
        """Deliver the spikes of a step over one delay."""
        w = self.w
        slot = self.value(f"and i64 {sent}, {self.mask}")
        listed = self.at("i32", w["ids"], self.value(f"mul i64 {slot}, {w['stride']}"))
        count = self.value(f"zext i32 {self.load('i32', w['counts'], slot)} to i64")
        last = self.value(f"sub i64 {count}, 1")
        with self.loop("spike", count) as i:
            if self.ahead:
                ahead = self.value(f"add i64 {i}, {self.ahead}")
                ahead = self.value(f"call i64 @llvm.smin.i64(i64 {ahead}, i64 {last})")
                with self.when(self._inside(self._source(listed, ahead))):
                    self.fetch(self._source(listed, ahead), d)
            source = self._source(listed, i)
            with self.when(self._inside(source)):
                self.spike(source, d, row, self._times(slot, i) if self.multiple else "")

    def _source(self, listed: str, i: str) -> str:
        """Return the number of a source within the projection."""
        neuron = self.value(f"zext i32 {self.load('i32', listed, i)} to i64")
        return self.value(f"sub i64 {neuron}, {self.w['first']}")

    def _times(self, slot: str, i: str) -> str:
        """Return the factor of a spike."""
        line = self.value(f"mul i64 {slot}, {self.w['stride']}")
        return self.load(self.real, self.w["times"], self.value(f"add i64 {line}, {i}"))

    def _inside(self, source: str) -> str:
        return self.value(f"icmp ult i64 {source}, {self.w['sources']}")

    # --- for kinds of storage -----------------------------------------------------------------------------------------

    def constant(self, bits: str) -> str:
        """Return a weight that all synapses share, from the bits of a double."""
        value = self.value(f"bitcast i64 {bits} to double")
        return value if self.real == "double" else self.value(f"fptrunc double {value} to float")

    def scaled(self, weight: str, times: str) -> str:
        """Return a weight times the factor of the spike."""
        return self.value(f"fmul {self.real} {weight}, {times}") if times else weight

    def add(self, weight: str, row: str, target: str) -> None:
        """Add to a row."""
        place = self.at(self.real, row, target)
        self.store(self.real, self.value(f"fadd {self.real} {self.load(self.real, place)}, {weight}"), place)

    def prefetch(self, place: str) -> None:
        """Ask for the beginning of a list; the machine follows by itself."""
        for line in range(0, 256, 64):
            at = self.value(f"getelementptr i8, ptr {place}, i64 {line}")
            self.do(f"call void @llvm.prefetch.p0(ptr {at}, i32 0, i32 3, i32 1)")


# --- synapses listed one by one ---------------------------------------------------------------------------------------

_SPARSE = ("pointer", "targets", "weights")
_THREAD = ("thread", "threads")


def sparse(
    pointer: np.ndarray, targets: np.ndarray, weights: np.ndarray | float, dtype: np.dtype, multiple: bool
) -> Delivery:
    """Return the delivery of segments, each with one pointer for every thread.

    Args:
        pointer: Where the synapses of each segment and thread begin.
        targets: As of ``edges.Edges``; so are the weights.
        weights: Of synapses.
        dtype: Of weights in memory.
        multiple: As of ``Arrivals``.
    """
    graded = np.ndim(weights) > 0
    index = {2: "i16", 4: "i32"}[targets.dtype.itemsize]
    found = library(index, REAL[dtype.name], graded, multiple)
    value, kept = shared(weights, dtype)
    values = {"pointer": pointer.ctypes.data, "targets": targets.ctypes.data, "weights": value}
    return Delivery(found, Words((*COMMON, *_SPARSE, *_THREAD)), values, (pointer, targets, kept))


REAL = {"float32": "float", "float64": "double"}


def shared(weights: np.ndarray | float, dtype: np.dtype) -> tuple[int, np.ndarray]:
    """Return the word for weights: the address of an array, or the bits of the one that all share; and the array."""
    graded = np.ndim(weights) > 0
    kept = np.atleast_1d(np.ascontiguousarray(weights, dtype if graded else np.float64))
    return (kept.ctypes.data if graded else int(kept.view(np.int64)[0])), kept


@cache
def library(index: str, real: str, graded: bool, multiple: bool) -> llvm_jit.Library:
    """Return the kernel ``deliver`` for synapses that are listed one by one.

    Args:
        index: Type of the targets, ``i16`` or ``i32``.
        real: Type of weights and rows.
        graded: Each synapse has its own weight.
        multiple: See ``Arrivals``.
    """
    return llvm_jit.compile(_Deliver(index, real, graded, multiple).written())


class _Deliver(Arrivals):
    """Writes the kernel."""

    ahead = _AHEAD

    def __init__(self, index: str, real: str, graded: bool, multiple: bool):
        own = dict.fromkeys(_SPARSE, "ptr") | dict.fromkeys(_THREAD, "i64")
        super().__init__(real, multiple, own | ({} if graded else {"weights": "i64"}))
        self.index, self.graded = index, graded
        self.weight = "" if graded else self.constant(self.w["weights"])

    def _ends(self, source: str, d: str) -> tuple[str, str]:
        """Return where the synapses of a segment begin and end that are this thread's."""
        line = self.value(f"mul i64 {source}, {self.w['delays']}")
        segment = self.value(f"mul i64 {self.value(f'add i64 {line}, {d}')}, {self.w['threads']}")
        place = self.value(f"add i64 {segment}, {self.w['thread']}")
        behind = self.value(f"add i64 {place}, 1")
        return self.load("i64", self.w["pointer"], place), self.load("i64", self.w["pointer"], behind)

    def fetch(self, source: str, d: str) -> None:
        """Ask for the beginning of a segment."""
        begin, _ = self._ends(source, d)
        self.prefetch(self.at(self.index, self.w["targets"], begin))
        if self.graded:
            self.prefetch(self.at(self.real, self.w["weights"], begin))

    def spike(self, source: str, d: str, row: str, times: str) -> None:
        """Add the weights of a segment."""
        begin, end = self._ends(source, d)
        with self.loop("e", end, begin) as e:
            target = self.value(f"zext {self.index} {self.load(self.index, self.w['targets'], e)} to i64")
            weight = self.load(self.real, self.w["weights"], e) if self.graded else self.weight
            self.add(self.scaled(weight, times), row, target)
