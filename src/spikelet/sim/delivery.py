"""Delivery of spikes: on arrival, from lists of spikes by step into the rows of an input.

The synapses of a source lie together, those of one delay side by side (``edges.Edges``). In step t, for each delay d,
the segments (source, d) of all sources that fired in step t - d are added to row t. What is added to one neuron comes
in the order (projection, delay, source, place in the segment), whatever the length of blocks and of runs.
"""

from functools import cache

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import Function
from spikelet.sim.driver import SIGNATURE, Words

DELIVER = Words(
    (
        "step", "T", "delays", "delay", "pointer", "targets", "weights", "ids", "counts", "slots", "stride",
        "first", "sources", "rows", "row.stride", "times", "thread", "threads",
    )
)  # fmt: skip
_POINTERS = ("delay", "pointer", "targets", "ids", "counts", "rows", "times")
_AHEAD = 3  # spikes ahead whose synapses are fetched into the cache
_DECLARATIONS = "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)\ndeclare i64 @llvm.smin.i64(i64, i64)"


@cache
def library(index: str, real: str, graded: bool, multiple: bool) -> llvm_jit.Library:
    """Return the kernel ``deliver``.

    Args:
        index: Type of the targets, ``i16`` or ``i32``.
        real: Type of weights and rows.
        graded: Each synapse has its own weight.
        multiple: Each spike of the history has a factor: how many spikes it stands for, or what it releases.
    """
    return llvm_jit.compile("\n\n".join([_Deliver(index, real, graded, multiple).text(), _DECLARATIONS]))


class _Deliver(Function):
    """Writes the kernel."""

    def __init__(self, index: str, real: str, graded: bool, multiple: bool):
        super().__init__(f"void @deliver({SIGNATURE})")
        self.index, self.real, self.graded, self.multiple = index, real, graded, multiple
        types: dict[str, str] = dict.fromkeys((*_POINTERS, *(("weights",) if graded else ())), "ptr")
        self.w = DELIVER.load(self, types)
        self.weight = "" if graded else self._constant()
        self.mask = self.value(f"sub i64 {self.w['slots']}, 1")  # the slots of a history are a power of two
        with self.loop("t", self.w["T"]) as t:
            row = self.at(real, self.w["rows"], self.value(f"mul i64 {t}, {self.w['row.stride']}"))
            now = self.value(f"add i64 {t}, {self.w['step']}")
            with self.loop("d", self.w["delays"]) as d:
                sent = self.value(f"sub i64 {now}, {self.load('i64', self.w['delay'], d)}")
                with self.when(self.value(f"icmp sge i64 {sent}, 0")):
                    self._spikes(sent, d, row)

    def _constant(self) -> str:
        """Return the weight that all synapses share."""
        value = self.value(f"bitcast i64 {self.w['weights']} to double")
        return value if self.real == "double" else self.value(f"fptrunc double {value} to float")

    def _spikes(self, sent: str, d: str, row: str) -> None:
        """Deliver the spikes of a step over one delay."""
        w = self.w
        slot = self.value(f"and i64 {sent}, {self.mask}")
        listed = self.at("i32", w["ids"], self.value(f"mul i64 {slot}, {w['stride']}"))
        count = self.value(f"zext i32 {self.load('i32', w['counts'], slot)} to i64")
        last = self.value(f"sub i64 {count}, 1")
        with self.loop("spike", count) as i:
            ahead = self.value(f"add i64 {i}, {_AHEAD}")
            ahead = self.value(f"call i64 @llvm.smin.i64(i64 {ahead}, i64 {last})")
            with self.when(self._inside(self._source(listed, ahead))):
                self._prefetch(self._source(listed, ahead), d)
            source = self._source(listed, i)
            with self.when(self._inside(source)):
                self._segment(source, d, row, self._times(slot, i) if self.multiple else "")

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

    def _ends(self, source: str, d: str) -> tuple[str, str]:
        """Return where the synapses of a segment begin and end that are this thread's."""
        line = self.value(f"mul i64 {source}, {self.w['delays']}")
        segment = self.value(f"mul i64 {self.value(f'add i64 {line}, {d}')}, {self.w['threads']}")
        place = self.value(f"add i64 {segment}, {self.w['thread']}")
        behind = self.value(f"add i64 {place}, 1")
        return self.load("i64", self.w["pointer"], place), self.load("i64", self.w["pointer"], behind)

    def _prefetch(self, source: str, d: str) -> None:
        """Ask for the beginning of a segment; the machine follows by itself."""
        begin, _ = self._ends(source, d)
        wanted = [self.at(self.index, self.w["targets"], begin)]
        wanted += [self.at(self.real, self.w["weights"], begin)] if self.graded else []
        for place in wanted:
            for line in range(0, 256, 64):
                at = self.value(f"getelementptr i8, ptr {place}, i64 {line}")
                self.do(f"call void @llvm.prefetch.p0(ptr {at}, i32 0, i32 3, i32 1)")

    def _segment(self, source: str, d: str, row: str, times: str) -> None:
        begin, end = self._ends(source, d)
        with self.loop("e", end, begin) as e:
            target = self.value(f"zext {self.index} {self.load(self.index, self.w['targets'], e)} to i64")
            weight = self.load(self.real, self.w["weights"], e) if self.graded else self.weight
            if times:
                weight = self.value(f"fmul {self.real} {weight}, {times}")
            place = self.at(self.real, row, target)
            total = self.value(f"fadd {self.real} {self.load(self.real, place)}, {weight}")
            self.store(self.real, total, place)
