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
    order phase        gamma: every ``order``-th event is a spike; (n,) i32, events since the last one

and for ``train`` with

    steps levels       (2**levels,) i64, -2**62, then the steps with spikes, ascending, then 2**62
    pointer            (2**levels,) i64, spikes of steps[i] are pointer[i] to pointer[i + 1]
    ids counts         (E,) i32, element and count, ascending in a step

**The law of Poisson, exactly, from a word of 32 bits.** Each probability, times 2**32, is a whole part and a fraction.
Words below the sum of the whole parts are shared out in whole parts: the count is the number of limits (sums of whole
parts) that the word reaches, a few comparisons for 16 elements at once. The other words, one in some thousands, stand
for the fractions and for both tails, which have no limits of their own: they draw 62 bits more and look them up in the
sums of these, the ``rest``. So every count has its probability to within 1e-16 or so, and rare ones to many digits.

Element e takes word e//16 % 4 of the block that `spikelet.random` gives to element e//64*16 + e%16, so that the
lanes of a vector need no rearrangement; the 62 bits are of the block of e itself with draw 1.
"""

import ctypes
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import Function
from spikelet.backends.llvm_random import LOW, MULTIPLIER, WEYL, philox
from spikelet.backends.llvm_values import Value
from spikelet.backends.sparse_kernels import Kernel
from spikelet.sim.driver import SIGNATURE, Words

_COMMON = ("step", "T", "out", "stride", "slots", "delay", "add", "scale")
POISSON = Words(
    (
        *_COMMON, "seed", "stream", "segments", "levels", "place", "table", "width", "law", "rest.place", "rest",
        "order", "phase",
    )
)  # fmt: skip
TRAIN = Words((*_COMMON, "steps", "levels", "pointer", "ids", "counts"))
WORDS = {"poisson": POISSON, "poisson_each": POISSON, "gamma": POISSON, "gamma_each": POISSON, "train": TRAIN}
GROUP = 64  # elements that share 16 blocks of four words
NEVER = 2**62  # a step that does not come; and one more than any number of 62 bits
_LANES = 16
_POINTERS = frozenset(
    ("out", "segments", "place", "table", "law", "rest.place", "rest", "phase", "steps", "pointer", "ids", "counts")
)
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
        return "\n\n".join([_place(), _Train(real).text()])
    kernel = _Poisson(real, name.endswith("each"), name.startswith("gamma"))
    return "\n\n".join([_place(), _rest(), kernel.text()])


# -- what the kernels call --------------------------------------------------------------------------------------------


def _returning(f: Function, value: str) -> str:
    return "\n".join([*f.lines, f"  ret i64 {value}", "}"])


def _place() -> str:
    """``sk_place``: how many of the 2**levels - 1 first entries, which ascend, are not above a value."""
    f = Kernel("internal i64 @sk_place(ptr noalias readonly %table, i64 %levels, i64 %value)", "float")
    place, half = f.variable("i64", "0"), f.variable("i64", f.calculate("shl", "1", "%levels"))
    with f.loop("level", "%levels"):
        f.set(half, f.calculate("lshr", f.get(half), 1))
        here = f.get(place)
        there = f.calculate("add", here, f.get(half))
        entry = f.load("i64", "%table", f.calculate("sub", there, 1))
        reached = f.value(f"icmp sle i64 {entry}, %value")
        f.set(place, f.value(f"select i1 {reached}, i64 {there}, i64 {here}"))
    return _returning(f, f.get(place))


def _rest() -> str:
    """``sk_rest``: which entry of a rest 62 more bits of an element stand for."""
    given = "ptr noalias readonly %table, i64 %levels, i64 %seed, i64 %step, i64 %element, i64 %stream"
    f = Kernel(f"internal i64 @sk_rest({given}) noinline", "float")
    seed, step, element, stream = (Value(f, "i64", f"%{name}") for name in ("seed", "step", "element", "stream"))
    key = (seed & LOW, seed >> 32)
    keys = [tuple((word + (weyl * i & LOW)) & LOW for word, weyl in zip(key, WEYL, strict=True)) for i in range(10)]
    w0, w1 = philox((step & LOW, element & LOW, element >> 32, (stream << 16) | 1), keys)
    bits = ((w0 << 32) | w1) >> 2
    return _returning(f, f.value(f"call i64 @sk_place(ptr %table, i64 %levels, i64 {bits.name})"))


# -- the kernels ------------------------------------------------------------------------------------------------------


class _Source(Kernel):
    """What the kernels share: words, rows, and the two ways to write."""

    def __init__(self, name: str, real: str, words: Words):
        super().__init__(f"void @{name}({SIGNATURE})", real)
        self.w = words.load(self, {word: "ptr" for word in words.names if word in _POINTERS} | {"scale": "double"})
        scale = self.w["scale"]
        self.scale = scale if real == "double" else self.value(f"fptrunc double {scale} to float")
        self.adds = self.value(f"icmp ne i64 {self.w['add']}, 0")
        self.sets = self.value(f"icmp eq i64 {self.w['add']}, 0")

    @contextmanager
    def rows(self) -> Iterator[tuple[str, str]]:
        """Write a loop over the steps and yield step and address of its row; a step before 0 has no spikes."""
        ring = self.value(f"icmp sgt i64 {self.w['slots']}, 0")
        slots = self.value(f"select i1 {ring}, i64 {self.w['slots']}, i64 1")
        with self.loop("t", self.w["T"]) as t:
            now = self.calculate("add", self.w["step"], t)
            slot = self.value(f"select i1 {ring}, i64 {self.calculate('srem', now, slots)}, i64 {t}")
            row = self.at(self.real, self.w["out"], self.calculate("mul", slot, self.w["stride"]))
            step = self.calculate("sub", now, self.w["delay"])
            early = self.value(f"icmp slt i64 {step}, 0")
            with self.when(self.calculate("and", early, self.sets, "i1")):
                self.clear(row)
            with self.when(self.value(f"icmp sge i64 {step}, 0")):
                yield step, row

    def clear(self, row: str) -> None:
        """Set the elements of a row to 0."""
        with self.loop("clear", "%last", "%first") as e:
            self.store(self.real, self.zero, row, e)

    def plus(self, row: str, e: str, amount: str) -> None:
        """Add to an element of a row."""
        self.store(self.real, self.calculate("fadd", self.load(self.real, row, e), amount, self.real), row, e)


class _Train(_Source):
    """Writes ``train``: the spikes of a list."""

    def __init__(self, real: str):
        super().__init__("train", real, TRAIN)
        factor = self.value(f"select i1 {self.adds}, {real} {self.scale}, {real} {self.one}")
        with self.rows() as (step, row):
            with self.when(self.sets):
                self.clear(row)
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


class _Poisson(_Source):
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


# -- the tables of Poisson --------------------------------------------------------------------------------------------

MOST = 1e5  # mean count of a step
_CUT = 2.0**-13  # probability of each tail that gets no limits
_BATCH = 2**20  # probabilities that are computed at a time


@dataclass(frozen=True, eq=False)
class Laws:
    """Tables of L laws.

    Attributes:
        low: (L,) int32, the lowest count that has a limit.
        size: (L,) int64, number of limits.
        limits: (L, M) uint32, the limits; behind the last one it is repeated.
        place: (L, 3) int64, of each law: where its rest begins, its levels, and the count of its first entry.
        rest: int64, the rests of all laws.
    """

    low: np.ndarray
    size: np.ndarray
    limits: np.ndarray
    place: np.ndarray
    rest: np.ndarray


def poisson_laws(means: np.ndarray) -> Laws:
    """Return the tables of Poisson laws.

    Args:
        means: (L,) mean counts, ascending, at most `MOST`.
    """
    parts, first = [], 0
    while first < len(means):  # laws of similar width together
        last = int(np.searchsorted(means, max(2 * means[first], 1.0), side="right"))
        last = min(last, first + max(_BATCH // (2 * _reach(means[last - 1])), 1))
        parts.append(_laws(means[first:last]))
        first = last
    widest = max(part.limits.shape[1] for part in parts)
    limits = [np.pad(part.limits, ((0, 0), (0, widest - part.limits.shape[1])), "edge") for part in parts]
    begins = np.cumsum([0, *(len(part.rest) for part in parts)])
    for part, begin in zip(parts, begins, strict=False):
        part.place[:, 0] += begin
    low, size, place, rest = (np.concatenate([getattr(p, n) for p in parts]) for n in ("low", "size", "place", "rest"))
    return Laws(low, size, np.concatenate(limits), place, rest)


def _reach(mean: float) -> int:
    """Return how far from the mode probabilities may matter: beyond, they are below 2**-110 of the largest."""
    return math.ceil(13 * math.sqrt(mean)) + 45


def probabilities(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of counts (L, K), and the count of the first column (L,).

    They grow from the mode by quotients, with one rounding a step, in an order that no machine changes.
    """
    mode = np.floor(means)
    up = _reach(means.max())
    down = int(min(up, mode.max()))
    quotients = means[:, None] / (mode[:, None] + np.arange(1, up + 1))
    lower = np.maximum(mode[:, None] - np.arange(down), 0) / np.where(means > 0, means, 1)[:, None]
    found = np.concatenate([np.cumprod(lower, 1)[:, ::-1], np.ones((len(means), 1)), np.cumprod(quotients, 1)], axis=1)
    return found / np.cumsum(found, 1)[:, -1:], (mode - down).astype(np.int64)


def _laws(means: np.ndarray) -> Laws:
    p, base = probabilities(means)
    inside = (np.cumsum(p, 1) > _CUT) & (np.cumsum(p[:, ::-1], 1)[:, ::-1] > _CUT)
    whole = np.where(inside, np.floor(p * 2.0**32), 0)
    rows = np.arange(len(means))
    whole[rows, p.argmax(1)] -= whole.sum(1) >= 2.0**32  # at least one word is left, also for a sure count
    first, size = inside.argmax(1), inside.sum(1)
    places = first[:, None] + np.minimum(np.arange(size.max()), size[:, None] - 1)
    limits = np.take_along_axis(np.cumsum(whole, 1), places, 1).astype(np.uint32)
    rest = np.cumsum(np.maximum(p * 2.0**32 - whole, 0), 1)
    levels = max((p.shape[1] - 1).bit_length(), 1)
    table = np.full((len(means), 2**levels), NEVER)
    table[:, : p.shape[1]] = np.floor(rest / rest[:, -1:] * float(NEVER))
    place = np.stack([rows * 2**levels, np.full(len(means), levels), base], 1)
    return Laws((base + first).astype(np.int32), size, limits, place, table.ravel())
