"""The kernels of the random encoders, as LLVM IR: the numbers of `draws.spikes_of` and `draws.counts_of`.

Both write elements ``lo`` to ``hi - 1`` of the rows of T steps, strip by strip, and are serial; several threads share
the elements. Both draw four steps from one block of random words. ``poisson`` keeps the distribution function of each
element of a strip as a table that grows as far as the draws ask for, and looks up each number in it.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_math import declarations
from spikelet.backends.llvm_random import LOW, block, round_keys
from spikelet.backends.llvm_values import Value, bit_pattern
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
        self.keys = round_keys(self.integer("%seed"))
        self.use = self.integer("%stream") << 16

    def integer(self, name: str) -> Value:
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

    def words(self, step: Value, elements: str, lane: str, draw: int = 0) -> tuple[Value, ...]:
        """Return the block of random words of a lane."""
        element = self.integer(self.load("i64", elements, lane))
        return block((step & LOW, element & LOW, element >> 32, self.use | draw), self.keys)

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
                limit = self.integer(self.load("i64", limits, i))
                for k, word in enumerate(self.words(self.integer(b), elements, i)):
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

    The upper word of the number nearly always tells how many; where it is that of one of the values, once in some
    thousand million draws, the strip is compared again with all 53 bits.

    ``%means`` and ``%none`` hold the mean and exp(-mean) of each element, in rows ``%by`` apart: 0 where they do not
    change with time. ``%scratch`` has room for ``rows(%rounds)`` rows of a strip.
    """

    def __init__(self, real: str):
        given = f"{READ} %means, {READ} %none, i64 %by, {READ} %element, {{common}}, i64 %rounds, {WRITE} %scratch"
        super().__init__("poisson", given, real)
        self.known, self.k = self.variable("i64", "0"), self.variable("i64", "0")
        self.any, self.unsure = self.variable("i32", "0"), self.variable("i32", "0")
        four, self.count, self.uniform, self.term, self.cdf = (
            self._row("double", "%scratch", i) for i in (0, 2, 3, 4, 5)
        )
        self.limits = self._row("double", self.cdf, self.calculate("add", "%rounds", 1))
        moves = self.value("icmp ne i64 %by, 0")
        with self.strips() as (begin, count), self.loop("step", "%steps") as t:
            at = self.calculate("add", self.calculate("mul", t, "%by"), begin)
            self.means, self.lanes = self.at("double", "%means", at), count
            first = self.value(f"icmp eq i64 {t}, 0")
            with self.when(self.calculate("or", moves, first, "i1")):
                self._begin(self.at("double", "%none", at))
            step, elements = self.integer(t) + self.integer("%first"), self.at("i64", "%element", begin)
            with self.when(self.calculate("or", (step & 3).equals(0).name, first, "i1")):
                self._draw(step >> 2, elements, four)
            self.high = self._row("i32", four, (step & 3).name)
            self._search(self._compare_words)
            with self.when(self.value(f"icmp ne i32 {self.get(self.unsure)}, 0")):
                self._all_bits(step, elements)
                self._search(self._compare_all)
            row = self.row(t, begin)
            with self.loop("lane", count) as i:
                found = Value(self, "i32", self.load("i32", self.count, i))
                self.store(real, found.to(real, "sitofp").name, row, i)

    def _row(self, type_: str, pointer: str, number: str | int) -> str:
        """Return the address of a row of a strip."""
        return self.at(type_, pointer, self.calculate("mul", str(number), self.width))

    def _begin(self, none: str) -> None:
        """Begin the table of a strip with the probability of no spike."""
        self.set(self.known, "1")
        with self.loop("lane", self.lanes) as i:
            first = self.double(none, i)
            self.store("double", first.name, self.cdf, i)
            self.store("double", first.name, self.term, i)
            self.store("i32", _upper(first).name, self.limits, i)

    def _draw(self, block: Value, elements: str, four: str) -> None:
        """Draw the upper words of the numbers of four steps for each lane."""
        with self.loop("lane", self.lanes) as i:
            for k, word in enumerate(self.words(block, elements, i)):
                self.store("i32", word.to("i32", "trunc").name, four, self.calculate("add", i, k * self.width))

    def _all_bits(self, step: Value, elements: str) -> None:
        """Make the uniform numbers of 53 bits of a step: the lower words come from the second block of its four."""
        lower = self.variable("i64", "0")
        with self.loop("lane", self.lanes) as i:
            for k, word in enumerate(self.words(step >> 2, elements, i, draw=1)):
                with self.when((step & 3).equals(k).name):
                    self.set(lower, word.name)
            high = Value(self, "i32", self.load("i32", self.high, i)).to("i64", "zext")
            low = self.integer(self.get(lower)) >> 11
            self.store("double", ((_whole(high) * 2.0**21 + _whole(low) + 0.5) * 2.0**-53).name, self.uniform, i)

    def _search(self, compare: Callable[[str, str], Value]) -> None:
        """Compare with one value of the distribution function after the other, until no lane is above."""
        with self.loop("lane", self.lanes) as i:
            self.store("i32", "0", self.count, i)
        self.set(self.k, "1")
        self.set(self.unsure, "0")
        name = self.fresh("round")
        self.do(f"br label %{name}.compare")
        self.label(f"{name}.compare")
        k = self.get(self.k)
        before = self.calculate("sub", k, 1)
        self.set(self.any, "0")
        with self.loop("lane", self.lanes) as i:
            plus = compare(before, i).to("i32", "zext")
            self.set(self.any, (Value(self, "i32", self.get(self.any)) | plus).name)
            self.store("i32", (Value(self, "i32", self.load("i32", self.count, i)) + plus).name, self.count, i)
        more = self.value(f"icmp ne i32 {self.get(self.any)}, 0")
        left = self.value(f"icmp slt i64 {k}, %rounds")
        self.do(f"br i1 {self.calculate('and', more, left, 'i1')}, label %{name}.grow, label %{name}.end")
        self.label(f"{name}.grow")
        with self.when(self.value(f"icmp eq i64 {k}, {self.get(self.known)}")):
            self._grow(k, before)
        self.set(self.k, self.calculate("add", k, 1))
        self.do(f"br label %{name}.compare")
        self.label(f"{name}.end")

    def _compare_words(self, k: str, lane: str) -> Value:
        """Tell whether the upper word of a number is above that of a value; note where they are the same."""
        high = Value(self, "i32", self.load("i32", self.high, lane))
        limit = Value(self, "i32", self.load("i32", self._row("i32", self.limits, k), lane))
        same = high.equals(limit).to("i32", "zext")
        self.set(self.unsure, (Value(self, "i32", self.get(self.unsure)) | same).name)
        return high.write("icmp ugt", limit, type_="i1")

    def _compare_all(self, k: str, lane: str) -> Value:
        """Tell whether a number of 53 bits is above a value of the distribution function."""
        return self.double(self.uniform, lane) > self.double(self._row("double", self.cdf, k), lane)

    def _grow(self, k: str, before: str) -> None:
        """Add a row to the table: the value of the distribution function at the count k."""
        over = Value(self, "double", self.value(f"sitofp i64 {k} to double"))
        old, new = (self._row("double", self.cdf, row) for row in (before, k))
        limits = self._row("i32", self.limits, k)
        with self.loop("lane", self.lanes) as i:
            term = self.double(self.term, i) * self.double(self.means, i) / over
            value = self.double(old, i) + term
            self.store("double", term.name, self.term, i)
            self.store("double", value.name, new, i)
            self.store("i32", _upper(value).name, limits, i)
        self.set(self.known, self.calculate("add", k, 1))


def rows(rounds: int) -> int:
    """Return how many rows of a strip ``poisson`` needs: beside five the table, in 64 and in 32 bits."""
    return 5 + rounds + 1 + (rounds + 2) // 2


def _upper(value: Value) -> Value:
    """Return the upper 32 bits of a number of [0, 1], which rounding may have made a little more than 1."""
    return (value * 2.0**32).call("minnum", 2.0**32 - 1).to("i32", "fptoui")


def _whole(word: Value) -> Value:
    """Return an integer below 2**52 as a real number, by its bits: a conversion would not be a vector instruction."""
    whole = 2.0**52
    return (word | bit_pattern(whole, "double")).to("double") - whole
