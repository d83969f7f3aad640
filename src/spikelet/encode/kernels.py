"""The kernels of the random encoders, as LLVM IR: the numbers of `draws.spikes_of` and `draws.counts_of`.

Both write elements ``lo`` to ``hi - 1`` of the rows of T steps, strip by strip, and are serial; several threads share
the elements. ``bernoulli`` draws four steps from one block of random words, ``poisson`` two: it keeps the distribution
function of each element of a strip as a table that grows as far as the draws ask for, and looks up each number in it.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_math import declarations
from spikelet.backends.llvm_printer import number
from spikelet.backends.llvm_random import LOW, block, round_keys
from spikelet.backends.llvm_values import Value, bit_pattern, select
from spikelet.backends.sparse_kernels import READ, WRITE, Kernel

STRIP = {"bernoulli": 1024, "poisson": 256}  # elements whose numbers stay in the first cache
_REAL = {"float32": "float", "float64": "double"}
_WIDE = '"prefer-vector-width"="512"'  # where the CPU has it: products of 64 bits are most of the work
_P, _I = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS = {
    "bernoulli": (_P, _I, _P, _P, *(_I,) * 6),
    "poisson": (_P, _I, _P, _P, _I, _P, *(_I,) * 5, _P, *(_I,) * 2),
}


@cache
def function(name: str, dtype: str) -> Callable[..., None]:
    """Return a compiled kernel, ``bernoulli`` or ``poisson``, for spikes of ``float32`` or ``float64``."""
    return llvm_jit.compile(text(name, dtype)).function(name, *_ARGUMENTS[name])


def text(name: str, dtype: str) -> str:
    """Return the text of a kernel."""
    kernel = {"bernoulli": _Bernoulli, "poisson": _Poisson}[name](_REAL[dtype]).text()
    return "\n".join([*declarations(kernel), "", kernel])


class _Encoder(Kernel):
    """What both share: words of random numbers, strips, rows."""

    def __init__(self, name: str, given: str, real: str):
        common = "i64 %first, i64 %steps, i64 %seed, i64 %stream"
        tail = "i64 %lo, i64 %hi"
        super().__init__(
            f"void @{name}({WRITE} %out, i64 %stride, {given.format(common=common)}, {tail}) {_WIDE}", real
        )
        self.width = STRIP[name]
        self.keys = round_keys(self.int("%seed"))
        self.use = self.int("%stream") << 16

    def int(self, name: str) -> Value:
        """Return an integer by its name."""
        return Value(self, "i64", name)

    def double(self, pointer: str, index: str) -> Value:
        """Load a real number of 64 bits."""
        return Value(self, "double", self.load("double", pointer, index))

    @contextmanager
    def strips(self) -> Iterator[tuple[str, str]]:
        """Write a loop over the strips and yield the first element and the number of elements."""
        count = self.calculate("sub", "%hi", "%lo")
        strips = self.calculate("sdiv", self.calculate("add", count, self.width - 1), self.width)
        with self.loop("strip", strips) as i:
            begin = self.calculate("add", "%lo", self.calculate("mul", i, self.width))
            left = self.calculate("sub", "%hi", begin)
            yield begin, self.value(f"call i64 @llvm.smin.i64(i64 {left}, i64 {self.width})")

    def words(self, step: Value, elements: str, lane: str) -> tuple[Value, ...]:
        """Return the block of random words of a lane."""
        element = self.int(self.load("i64", elements, lane))
        return block((step & LOW, element & LOW, element >> 32, self.use), self.keys)

    def row(self, step: str, begin: str) -> str:
        """Return the address of a strip in the row of a step."""
        return self.at(self.real, "%out", self.calculate("add", self.calculate("mul", step, "%stride"), begin))


class _Bernoulli(_Encoder):
    """Writes ``bernoulli``: step k of an element is a spike where word k % 4 of block k // 4 is below its limit."""

    def __init__(self, real: str):
        super().__init__("bernoulli", f"{READ} %limit, {READ} %element, {{common}}", real)
        four = self.value(f"alloca [{4 * self.width} x {real}], align 64")
        end = self.calculate("add", "%first", "%steps")
        last = self.calculate("add", self.calculate("ashr", self.calculate("sub", end, 1), 2), 1)
        first = self.calculate("ashr", "%first", 2)
        with self.strips() as (begin, count), self.loop("block", last, first) as b:
            limits, elements = self.at("i64", "%limit", begin), self.at("i64", "%element", begin)
            with self.loop("lane", count) as i:
                limit = self.int(self.load("i64", limits, i))
                for k, word in enumerate(self.words(self.int(b), elements, i)):
                    spike = self.value(f"select i1 {(word < limit).name}, {real} {self.one}, {real} {self.zero}")
                    self.store(real, spike, four, self.calculate("add", i, k * self.width))
            for k in range(4):
                self._write(b, k, begin, count, four)

    def _write(self, b: str, k: int, begin: str, count: str, four: str) -> None:
        """Copy one of the four steps of a block to its row, if it is asked for."""
        step = self.calculate("sub", self.calculate("add", self.calculate("shl", b, 2), k), "%first")
        with self.when(self.value(f"icmp ult i64 {step}, %steps")):
            row = self.row(step, begin)
            with self.loop("copy", count) as i:
                spike = self.load(self.real, four, self.calculate("add", i, k * self.width))
                self.store(self.real, spike, row, i)


class _Poisson(_Encoder):
    """Writes ``poisson``: the count is the number of values of the distribution function below a uniform number.

    ``%means`` and ``%none`` hold the mean and exp(-mean) of each element, in rows ``%by`` apart: 0 where they do not
    change with time. ``%scratch`` has room for ``%rounds + 4`` rows of a strip.
    """

    def __init__(self, real: str):
        given = f"{READ} %means, {READ} %none, i64 %by, {READ} %element, {{common}}, i64 %rounds, {WRITE} %scratch"
        super().__init__("poisson", given, real)
        self.known, self.k = self.variable("i64", "0"), self.variable("i64", "0")
        self.any = self.variable("i64", "0")
        pair, self.count, self.term, self.cdf = (
            self.at("double", "%scratch", str(i * self.width)) for i in (0, 2, 3, 4)
        )
        moves = self.value("icmp ne i64 %by, 0")
        with self.strips() as (begin, count), self.loop("step", "%steps") as t:
            at = self.calculate("add", self.calculate("mul", t, "%by"), begin)
            means = self.at("double", "%means", at)
            fresh = self.calculate("or", moves, self.value(f"icmp eq i64 {t}, 0"), "i1")
            with self.when(fresh):
                self._begin(self.at("double", "%none", at), count)
            step = self.int(t) + self.int("%first")
            odd = step & 1
            drawn = self.calculate("and", odd.equals(1).name, self.value(f"icmp ne i64 {t}, 0"), "i1")
            with self.when(self.value(f"xor i1 {drawn}, true")):
                self._draw(step >> 1, self.at("i64", "%element", begin), pair, count)
            self.uniform = self.at("double", pair, (odd * self.width).name)
            self._search(means, count)
            row = self.row(t, begin)
            with self.loop("lane", count) as i:
                found = self.double(self.count, i)
                self.store(real, (found if real == "double" else found.to("float", "fptrunc")).name, row, i)

    def _begin(self, none: str, count: str) -> None:
        """Begin the table of a strip with the probability of no spike."""
        self.set(self.known, "1")
        with self.loop("lane", count) as i:
            self.store("double", self.load("double", none, i), self.cdf, i)
            self.store("double", self.load("double", none, i), self.term, i)

    def _draw(self, block: Value, elements: str, pair: str, count: str) -> None:
        """Draw two uniform numbers of 53 bits for each lane: of an even step and of the next."""
        with self.loop("lane", count) as i:
            words = self.words(block, elements, i)
            for k, (high, low) in enumerate((words[:2], words[2:])):
                uniform = (_whole(high) * 2.0**21 + _whole(low >> 11) + 0.5) * 2.0**-53
                self.store("double", uniform.name, pair, self.calculate("add", i, k * self.width))

    def _search(self, means: str, count: str) -> None:
        """Compare with one value of the distribution function after the other, until no lane is above."""
        with self.loop("lane", count) as i:
            self.store("double", number(0.0, "double"), self.count, i)
        self.set(self.k, "1")
        name = self.fresh("round")
        self.do(f"br label %{name}.compare")
        self.label(f"{name}.compare")
        k = self.get(self.k)
        before = self.at("double", self.cdf, self.calculate("mul", self.calculate("sub", k, 1), self.width))
        self.set(self.any, "0")
        with self.loop("lane", count) as i:
            above = self.double(self.uniform, i) > self.double(before, i)
            plus = above.to("i64", "zext")
            self.set(self.any, (self.int(self.get(self.any)) | plus).name)
            self.store("double", (self.double(self.count, i) + select(above, self.one_more(), 0.0)).name, self.count, i)
        more = self.calculate("and", self.value(f"icmp ne i64 {self.get(self.any)}, 0"), self._is_left(k), "i1")
        self.do(f"br i1 {more}, label %{name}.grow, label %{name}.end")
        self.label(f"{name}.grow")
        with self.when(self.value(f"icmp eq i64 {k}, {self.get(self.known)}")):
            self._grow(k, before, means, count)
        self.set(self.k, self.calculate("add", k, 1))
        self.do(f"br label %{name}.compare")
        self.label(f"{name}.end")

    def one_more(self) -> Value:
        """Return 1 as a real number of 64 bits."""
        return Value(self, "double", number(1.0, "double"))

    def _is_left(self, k: str) -> str:
        return self.value(f"icmp slt i64 {k}, %rounds")

    def _grow(self, k: str, before: str, means: str, count: str) -> None:
        """Add a row to the table: the value of the distribution function at the count k."""
        over = Value(self, "double", self.value(f"sitofp i64 {k} to double"))
        row = self.at("double", self.cdf, self.calculate("mul", k, self.width))
        with self.loop("lane", count) as i:
            term = self.double(self.term, i) * self.double(means, i) / over
            self.store("double", term.name, self.term, i)
            self.store("double", (self.double(before, i) + term).name, row, i)
        self.set(self.known, self.calculate("add", k, 1))


def _whole(word: Value) -> Value:
    """Return an integer below 2**52 as a real number, by its bits: a conversion would not be a vector instruction."""
    whole = 2.0**52
    return (word | bit_pattern(whole, "double")).to("double") - whole
