"""The kernels of sources: counts of spikes, step by step, as LLVM IR; and the tables that they read.

``kernel(args, first, last, scratch)`` writes elements ``first`` to ``last - 1`` of the rows of T steps; it is serial,
and several threads share the elements. ``args`` holds one 64-bit word for each name. All kernels begin with

    step T             first step, and number of steps: the caller adds to ``step`` between calls
    out stride         address of row 0, and numbers from row to row
    slots              0: step ``step + t`` goes to row t; else to row (step + t) % slots, as a ring
    delay              row ``step + t`` gets the counts of step ``step + t - delay``; there are none before step 0
    add scale          add = 0: the row is set to the counts; else ``scale`` (a double) times the counts is added to it

and go on, for ``poisson`` and ``gamma`` (one rate for all elements) and ``poisson_each`` and ``gamma_each``, with

    seed stream        of the random numbers
    segments levels    (2**levels,) i64, first step of each segment of constant rate, ascending, then 2**62
    place              (S, 2) i64, of each segment: where its table begins, and number of limits m
    table width        i32: row 0 is the lowest count, rows 1 to m are the limits; numbers in a row, 1 or (each) all
    law                (S, width) i32, each: number of the law of an element; else the law is the segment
    rest.place         (L, 3) i64, of each law: where its rest begins, its levels, and the count of its first entry
    rest               i64, see below
    silent             number of the law whose rate is 0, or -1
    order phase        gamma: every ``order``-th event is a spike; (n,) i32, events since the last one

for ``renewal``, which has a state, with

    seed stream        of the random numbers
    limits levels      (2**levels,) i64, the law of intervals as sums of probabilities of 62 bits
    times              (2**levels,) double, the intervals that these stand for [steps]; between them in proportion
    next number        (n,) double, time of the next spike [steps], and (n,) i64, how many intervals have been drawn

and for ``train`` with

    steps levels       (2**levels,) i64, -2**62, then the steps with spikes, ascending, then 2**62
    pointer            (2**levels,) i64, spikes of steps[i] are pointer[i] to pointer[i + 1]
    ids counts         (E,) i32, element and count, ascending in a step
    period             after so many steps all begins anew

**The law of Poisson, exactly, from a word of 32 bits.** Each probability, times 2**32, is a whole part and a fraction.
Words below the sum of the whole parts are shared out in whole parts: the count is the number of limits (sums of whole
parts) that the word reaches, a few comparisons for 16 elements at once. The other words, one in some thousands, stand
for the fractions and for both tails, which have no limits of their own: they draw 62 bits more and look them up in the
sums of these, the ``rest``. So every count has its probability to within 1e-16 or so, and rare ones to many digits.

Element e takes word e//16 % 4 of the block that `spikelet.random` gives to element e//64*16 + e%16, so that the
lanes of a vector need no rearrangement; the 62 bits are of the block of e itself with draw 1.
"""

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_random import LOW, MULTIPLIER, WEYL, philox
from spikelet.backends.llvm_values import Value
from spikelet.backends.sparse_kernels import Kernel
from spikelet.sim.driver import Words
from spikelet.sim.source_renewal import RENEWAL, renewal
from spikelet.sim.source_rows import COMMON, Source, place, returning

POISSON = Words(
    (
        *COMMON, "seed", "stream", "segments", "levels", "place", "table", "width", "law", "rest.place", "rest",
        "order", "phase", "silent",
    )
)  # fmt: skip
TRAIN = Words((*COMMON, "steps", "levels", "pointer", "ids", "counts", "period"))
WORDS = {"poisson": POISSON, "poisson_each": POISSON, "gamma": POISSON, "gamma_each": POISSON, "train": TRAIN}
WORDS["renewal"] = RENEWAL
GROUP = 64  # elements that share 16 blocks of four words
_LANES = 16
_WORDS, _WIDE, _FLAGS = f"<{_LANES} x i32>", f"<{_LANES} x i64>", f"<{_LANES} x i1>"
_TYPES = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}


@cache
def library(name: str, dtype: str) -> llvm_jit.Library:
    """Return a compiled kernel of `WORDS` for rows of ``float32`` or ``float64``."""
    return llvm_jit.compile(module(name, _TYPES[np.dtype(dtype)]))


@cache
def function(name: str, dtype: str) -> Callable[..., None]:
    """Return a kernel as a function of (address of the words, first, last, address of scratch memory or 0)."""
    return library(name, dtype).function(name, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


def module(name: str, real: str) -> str:
    """Return the text of a kernel for rows of ``float`` or ``double``, with what it calls."""
    if name == "train":
        return "\n\n".join([place(), _Train(real).text()])
    if name == "renewal":
        return "\n\n".join([place(), renewal(real)])
    kernel = _Poisson(real, name.endswith("each"), name.startswith("gamma"))
    return "\n\n".join([place(), _rest(), kernel.text()])


# -- the kernels -------------------------------------------------------------------------------------------------------


def _rest() -> str:
    """``sk_rest``: which entry of a rest 62 more bits of an element stand for."""
    given = "ptr noalias readonly %table, i64 %levels, i64 %seed, i64 %step, i64 %element, i64 %stream"
    f = Kernel(f"internal i64 @sk_rest({given}) noinline", "float")
    seed, step, element, stream = (Value(f, "i64", f"%{name}") for name in ("seed", "step", "element", "stream"))
    key = (seed & LOW, seed >> 32)
    keys = [tuple((word + (weyl * i & LOW)) & LOW for word, weyl in zip(key, WEYL, strict=True)) for i in range(10)]
    w0, w1 = philox((step & LOW, element & LOW, element >> 32, (stream << 16) | 1), keys)
    bits = ((w0 << 32) | w1) >> 2
    return returning(f, f.value(f"call i64 @sk_place(ptr %table, i64 %levels, i64 {bits.name})"))


class _Train(Source):
    """Writes ``train``: the spikes of a list."""

    def __init__(self, real: str):
        super().__init__("train", real, TRAIN)
        factor = self.value(f"select i1 {self.adds}, {real} {self.scale}, {real} {self.one}")
        with self.rows() as (step, row):
            with self.when(self.sets):
                self.clear(row)
            step = self.calculate("srem", step, self.w["period"])
            place = self.value(f"call i64 @sk_place(ptr {self.w['steps']}, i64 {self.w['levels']}, i64 {step})")
            place = self.calculate("sub", place, 1)
            with self.when(self.value(f"icmp eq i64 {self.load('i64', self.w['steps'], place)}, {step}")):
                start = self.load("i64", self.w["pointer"], place)
                stop = self.load("i64", self.w["pointer"], self.calculate("add", place, 1))
                with self.loop("spike", stop, start) as i:
                    self._spike(row, i, factor)

    def _spike(self, row: str, i: str, factor: str) -> None:
        e = self.value(f"zext i32 {self.load('i32', self.w['ids'], i)} to i64")
        above, below = self.value(f"icmp sge i64 {e}, %first"), self.value(f"icmp slt i64 {e}, %last")
        with self.when(self.calculate("and", above, below, "i1")):
            count = self.value(f"sitofp i32 {self.load('i32', self.w['counts'], i)} to {self.real}")
            self.plus(row, e, self.calculate("fmul", factor, count, self.real))


class _Poisson(Source):
    """Writes ``poisson``, ``gamma``, and with ``each`` their forms for rates that differ from element to element."""

    def __init__(self, real: str, each: bool, order: bool):
        name = ("gamma" if order else "poisson") + ("_each" if each else "")
        super().__init__(name, real, POISSON)
        self.each, self.order = each, order
        self.counts, self.drawn = (self.value(f"alloca [{GROUP} x i32], align 64") for _ in range(2))
        self.totals = [self.variable(_WORDS, "zeroinitializer") for _ in range(GROUP // _LANES)]
        self.keys = self._keys()
        if order:
            self.over = self.value(f"sitofp i64 {self.w['order']} to double")
            self.every = self.value(f"trunc i64 {self.w['order']} to i32")
        first = self.calculate("ashr", "%first", 6)
        end = self.calculate("ashr", self.calculate("add", "%last", GROUP - 1), 6)
        with self.rows() as (step, row):
            self._segment(step)
            with self.loop("group", end, first) as group:
                element = self.calculate("shl", group, 6)
                self._group(step, element)
                self._write(row, element)

    def _segment(self, step: str) -> None:
        """Find the table of a step."""
        given = f"ptr {self.w['segments']}, i64 {self.w['levels']}, i64 {step}"
        self.segment = self.calculate("sub", self.value(f"call i64 @sk_place({given})"), 1)
        at = self.calculate("shl", self.segment, 1)
        self.table = self.at("i32", self.w["table"], self.load("i64", self.w["place"], at))
        self.limits = self.load("i64", self.w["place"], self.calculate("add", at, 1))

    def _group(self, step: str, element: str) -> None:
        """Write 64 counts to ``counts``."""
        silent = self._silent(element)
        with self.when(silent):
            for i in range(len(self.totals)):
                self._keep(self.counts, i, "zeroinitializer")
        with self.when(self.value(f"xor i1 {silent}, true")):
            self._counted(step, element)

    def _silent(self, element: str) -> str:
        """Return whether the rates of a group are all 0, so that nothing needs to be drawn."""
        none = self.value(f"trunc i64 {self.w['silent']} to i32")
        row = self.at("i32", self.w["law"], self.calculate("mul", self.segment, self.w["width"]))
        if not self.each:
            return self.value(f"icmp eq i32 {self.load('i32', row)}, {none}")
        none, some = self.everywhere("i32", _LANES, none), "zeroinitializer"
        for i in range(len(self.totals)):
            place = self.at("i32", row, self.calculate("add", element, i * _LANES))
            laws = self.value(f"load {_WORDS}, ptr {place}, align 4")
            some = self.calculate("or", self.value(f"icmp ne {_WORDS} {laws}, {none}"), some, _FLAGS)
        return self.value(f"icmp eq i{_LANES} {self.value(f'bitcast {_FLAGS} {some} to i{_LANES}')}, 0")

    def _counted(self, step: str, element: str) -> None:
        """Draw 64 words, and write their counts to ``counts``."""
        words = self._draw(step, element)
        for total, lowest in zip(self.totals, self._row("0", element), strict=True):
            self.set(total, lowest)
        with self.loop("limit", self.calculate("add", self.limits, 1), "1") as j:
            for total, word, limit in zip(self.totals, words, self._row(j, element), strict=True):
                reached = self.value(f"zext {_FLAGS} {self._reached(word, limit)} to {_WORDS}")
                self.set(total, self.calculate("add", self.get(total), reached, _WORDS))
        beyond = "zeroinitializer"
        for i, (word, limit) in enumerate(zip(words, self._row(self.limits, element), strict=True)):
            beyond = self.calculate("or", self._reached(word, limit), beyond, _FLAGS)
            self._keep(self.counts, i, self.get(self.totals[i]))
        any_ = self.value(f"icmp ne i{_LANES} {self.value(f'bitcast {_FLAGS} {beyond} to i{_LANES}')}, 0")
        with self.when(any_):
            for i, word in enumerate(words):
                self._keep(self.drawn, i, word)
            with self.loop("lane", str(GROUP)) as lane:
                self._beyond(step, element, lane)

    def _reached(self, word: str, limit: str) -> str:
        return self.value(f"icmp uge {_WORDS} {word}, {limit}")

    def _keep(self, buffer: str, i: int, numbers: str) -> None:
        self.do(f"store {_WORDS} {numbers}, ptr {self.at('i32', buffer, str(i * _LANES))}, align 64")

    def _row(self, j: str, element: str) -> list[str]:
        """Return row j of the table for the four vectors of a group."""
        row = self.at("i32", self.table, self.calculate("mul", j, self.w["width"]))
        if not self.each:
            return [self.everywhere("i32", _LANES, self.load("i32", row))] * len(self.totals)
        places = [self.at("i32", row, self.calculate("add", element, i * _LANES)) for i in range(len(self.totals))]
        return [self.value(f"load {_WORDS}, ptr {place}, align 4") for place in places]

    def _beyond(self, step: str, element: str, lane: str) -> None:
        """Count again where a word is beyond all limits."""
        e = self.calculate("add", element, lane)
        row = self.at("i32", self.table, self.calculate("mul", self.limits, self.w["width"]))
        limit = self.load("i32", row, e if self.each else None)
        with self.when(self.value(f"icmp uge i32 {self.load('i32', self.drawn, lane)}, {limit}")):
            law = self.segment
            if self.each:
                at = self.calculate("add", self.calculate("mul", law, self.w["width"]), e)
                law = self.value(f"zext i32 {self.load('i32', self.w['law'], at)} to i64")
            at = self.at("i64", self.w["rest.place"], self.calculate("mul", law, 3))
            offset, levels, lowest = (self.load("i64", at, str(i)) for i in range(3))
            table = self.at("i64", self.w["rest"], offset)
            numbers = f"i64 {self.w['seed']}, i64 {step}, i64 {e}, i64 {self.w['stream']}"
            place = self.value(f"call i64 @sk_rest(ptr {table}, i64 {levels}, {numbers})")
            count = self.calculate("add", place, lowest)
            self.store("i32", self.value(f"trunc i64 {count} to i32"), self.counts, lane)

    def _write(self, row: str, element: str) -> None:
        """Bring those of the 64 counts that are asked for to the row."""
        end = self.calculate("add", element, GROUP)
        low = self.value(f"select i1 {self.value(f'icmp sgt i64 {element}, %first')}, i64 {element}, i64 %first")
        high = self.value(f"select i1 {self.value(f'icmp slt i64 {end}, %last')}, i64 {end}, i64 %last")
        with self.when(self.sets):
            with self.loop("set", high, low) as e:
                self.store(self.real, self._count(element, e), row, e)
        with self.when(self.adds):
            with self.loop("add", high, low) as e:
                self.plus(row, e, self.calculate("fmul", self.scale, self._count(element, e), self.real))

    def _count(self, element: str, e: str) -> str:
        count = self.load("i32", self.counts, self.calculate("sub", e, element))
        if self.order:
            count = self._spikes(count, e)
        return self.value(f"sitofp i32 {count} to {self.real}")

    def _spikes(self, events: str, e: str) -> str:
        """Return how many spikes the events of a step make, and keep those that are left over.

        In double the quotient of two integers of 32 bits never rounds up to a whole number that it does not reach.
        """
        total = self.calculate("add", self.load("i32", self.w["phase"], e), events, "i32")
        quotient = self.value(f"fdiv double {self.value(f'sitofp i32 {total} to double')}, {self.over}")
        spikes = self.value(f"fptosi double {quotient} to i32")
        left = self.calculate("sub", total, self.calculate("mul", spikes, self.every, "i32"), "i32")
        self.store("i32", left, self.w["phase"], e)
        return spikes

    # The words of Philox in vectors of 64 bits, of which the low 32 are meant: what is above them is cleared where a
    # product would see it, since a product of 32-bit numbers is one instruction.

    def _keys(self) -> list[tuple[str, str]]:
        """Return the two words of the key of each round."""
        high = self.calculate("lshr", self.w["seed"], 32)
        return [
            (self.calculate("add", self.w["seed"], WEYL[0] * i), self.calculate("add", high, WEYL[1] * i))
            for i in range(10)
        ]

    def _draw(self, step: str, element: str) -> list[str]:
        """Return the four words of the 16 blocks of a group."""
        block = self.calculate("lshr", element, 2)
        lanes = f"<{', '.join(f'i64 {i}' for i in range(_LANES))}>"
        number = self.calculate("add", self._splat(block), lanes, _WIDE)
        use = self.calculate("shl", self.w["stream"], 16)
        high = self.calculate("lshr", number, self._splat("32"), _WIDE)
        c = (self._splat(step), number, high, self._splat(use))
        for key in self.keys:
            c = self._round(c, key)
        return [self.value(f"trunc {_WIDE} {word} to {_WORDS}") for word in c]

    def _round(self, c: tuple[str, str, str, str], key: tuple[str, str]) -> tuple[str, str, str, str]:
        low0, low1 = (
            self.calculate("mul", self.calculate("and", word, self._splat(LOW), _WIDE), self._splat(factor), _WIDE)
            for word, factor in zip((c[0], c[2]), MULTIPLIER, strict=True)
        )
        high0, high1 = (self.calculate("lshr", low, self._splat("32"), _WIDE) for low in (low0, low1))
        mixed = [self.calculate("xor", word, self._splat(k), _WIDE) for word, k in zip((c[1], c[3]), key, strict=True)]
        return self.calculate("xor", high1, mixed[0], _WIDE), low1, self.calculate("xor", high0, mixed[1], _WIDE), low0

    def _splat(self, value: str | int) -> str:
        return self.everywhere("i64", _LANES, str(value))
