"""The kernels of synapses that act all the time, as LLVM IR.

``keep`` copies what is sent from the rows of a block to a ring of steps. ``couple`` adds, for every synapse, its weight
times what its source has sent to the row of its target; ``each`` adds what the expression of ``out`` is for a synapse.
What is added to one neuron comes in the order (projection, delay, source, place in the segment). ``constant`` adds
what does not change.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_math import definitions
from spikelet.backends.llvm_printer import Dialect, Function, Lane
from spikelet.ir.nodes import Node, topological
from spikelet.sim.driver import SIGNATURE, Words, begun

KEEP = Words(("step", "T", "rows", "n", "ring", "slots"))
CONSTANT = Words(("step", "T", "rows", "row.stride", "n", "values"))
COUPLE = Words(
    ("step", "T", "delays", "delay", "pointer", "targets", "weights", "ring", "slots", "sources", "rows", "row.stride")
)
_EACH = COUPLE.names
_POINTERS = ("delay", "pointer", "targets", "ring", "rows", "values")


def _keep(real: str) -> str:
    """``keep``: what is sent in step k is that of the start of step k + 1."""
    f = begun("keep")
    w = KEEP.load(f, dict.fromkeys(_POINTERS, "ptr"))
    mask = f.value(f"sub i64 {w['slots']}, 1")
    with f.loop("t", w["T"]) as t:
        row = f.at(real, w["rows"], f.value(f"mul i64 {t}, {w['n']}"))
        now = f.value(f"add i64 {t}, {w['step']}")
        after = f.value(f"add i64 {now}, 1")
        slot = f.value(f"and i64 {after}, {mask}")
        out = f.at(real, w["ring"], f.value(f"mul i64 {slot}, {w['n']}"))
        with f.loop("i", w["n"]) as i:
            f.store(real, f.load(real, row, i), out, i)
    return f.text()


def _constant(real: str) -> str:
    f = begun("constant")
    w = CONSTANT.load(f, dict.fromkeys(_POINTERS, "ptr"))
    with f.loop("t", w["T"]) as t:
        row = f.at(real, w["rows"], f.value(f"mul i64 {t}, {w['row.stride']}"))
        with f.loop("i", w["n"]) as i:
            total = f.value(f"fadd {real} {f.load(real, row, i)}, {f.load(real, w['values'], i)}")
            f.store(real, total, row, i)
    return f.text()


@cache
def library(real: str) -> llvm_jit.Library:
    """Return ``keep`` and ``constant``."""
    return llvm_jit.compile("\n\n".join([_keep(real), _constant(real)]))


class _Segments(Function, ABC):
    """What the kernels that go through all synapses share."""

    def __init__(self, name: str, words: Words, index: str, real: str, graded: bool):
        super().__init__(f"void @{name}({SIGNATURE})")
        self.index, self.real, self.graded = index, real, graded
        pointers = [n for n in words.names if n in _POINTERS or n.startswith(("ring.", "of."))]
        self.w = words.load(self, dict.fromkeys([*pointers, *(["weights"] if graded else [])], "ptr"))
        self.weight = "" if graded else self.number(self.w["weights"])
        self.mask = self.value(f"sub i64 {self.w['slots']}, 1")

    def number(self, word: str) -> str:
        """Return a real number from the bits of a double."""
        value = self.value(f"bitcast i64 {word} to double")
        return value if self.real == "double" else self.value(f"fptrunc double {value} to float")

    def segments(self) -> None:
        """Go through the steps, the delays and the sources."""
        w = self.w
        with self.loop("t", w["T"]) as t:
            row = self.at(self.real, w["rows"], self.value(f"mul i64 {t}, {w['row.stride']}"))
            now = self.value(f"add i64 {t}, {w['step']}")
            with self.loop("d", w["delays"]) as d:
                sent = self.value(f"sub i64 {now}, {self.load('i64', w['delay'], d)}")
                slot = self.value(f"and i64 {sent}, {self.mask}")  # before step 0 all slots hold the initial values
                begin = self.value(f"mul i64 {slot}, {w['sources']}")
                with self.loop("s", w["sources"]) as s:
                    line = self.value(f"mul i64 {s}, {w['delays']}")
                    place = self.value(f"add i64 {line}, {d}")
                    behind = self.value(f"add i64 {place}, 1")
                    first, last = self.load("i64", w["pointer"], place), self.load("i64", w["pointer"], behind)
                    self.segment(row, self.value(f"add i64 {begin}, {s}"), first, last)

    @abstractmethod
    def segment(self, row: str, sent: str, first: str, last: str) -> None:
        """Do the synapses of a source with one delay; ``sent`` is the place of what it sent in the ring."""

    def target(self, e: str) -> str:
        """Return the number of a synapse's target."""
        return self.value(f"zext {self.index} {self.load(self.index, self.w['targets'], e)} to i64")

    def add(self, row: str, target: str, amount: str) -> None:
        """Add to the row of the receivers."""
        place = self.at(self.real, row, target)
        self.store(self.real, self.value(f"fadd {self.real} {self.load(self.real, place)}, {amount}"), place)


class _Couple(_Segments):
    def __init__(self, index: str, real: str, graded: bool):
        super().__init__("couple", COUPLE, index, real, graded)
        self.segments()

    def segment(self, row: str, sent: str, first: str, last: str) -> None:
        value = self.load(self.real, self.w["ring"], sent)
        with self.when(self.value(f"fcmp une {self.real} {value}, 0.0")):
            with self.loop("e", last, first) as e:
                weight = self.load(self.real, self.w["weights"], e) if self.graded else self.weight
                self.add(row, self.target(e), self.value(f"fmul {self.real} {weight}, {value}"))


@cache
def couple(index: str, real: str, graded: bool) -> llvm_jit.Library:
    """Return ``couple``.

    Args:
        index: Type of the targets, ``i16`` or ``i32``.
        real: Type of weights and rows.
        graded: Each synapse has its own weight.
    """
    return llvm_jit.compile(_Couple(index, real, graded).text())


class _Each(_Segments):
    """Writes ``each``; the names of values are ``w``, ``sentK`` and states of the receiver."""

    def __init__(self, out: Node, words: Words, index: str, real: str, graded: bool):
        super().__init__("each", words, index, real, graded)
        self.out = out
        nodes = topological([out])
        self.fixed = {n: self.number(self.w[f"coef.{n.value}"]) for n in nodes if n.kind == "coefficient"}
        self.rings = [name for name in words.names if name.startswith("ring.")]
        self.states = [name for name in words.names if name.startswith("of.")]
        self.segments()

    def segment(self, row: str, sent: str, first: str, last: str) -> None:
        values = {name[5:]: self.load(self.real, self.w[name], sent) for name in self.rings}
        with self.loop("e", last, first) as e:
            target = self.target(e)
            weight = self.load(self.real, self.w["weights"], e) if self.graded else self.weight
            own = {name[3:]: self.load(self.real, self.w[name], target) for name in self.states}
            known: Mapping[str, str] = {**values, **own, "w": weight}
            lane = Lane(self, Dialect(self.real, "i64"), lambda n: self._leaf(n, known))
            self.add(row, target, lane(self.out))

    def _leaf(self, n: Node, known: Mapping[str, str]) -> str:
        return known[n.value] if n.kind == "state" else self.fixed.get(n, "")


def each(out: Node, words: Words, index: str, real: str, graded: bool) -> llvm_jit.Library:
    """Return ``each``, for an expression of ``out`` as a node over states and coefficients."""
    body = _Each(out, words, index, real, graded).text()
    return llvm_jit.compile("\n\n".join([definitions(re.findall(r"@sk_(\w+)\(", body), real), body]))


def each_words(rings: tuple[str, ...], states: tuple[str, ...], coefficients: tuple[str, ...]) -> Words:
    """Return the arguments of ``each``: rings of what is sent, states of the receiver, and numbers."""
    own = [f"ring.{name}" for name in rings], [f"of.{name}" for name in states], [f"coef.{n}" for n in coefficients]
    return Words((*COUPLE.names, *(name for names in own for name in names)))
