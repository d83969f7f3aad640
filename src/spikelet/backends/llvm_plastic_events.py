"""Who fires in a step of the kernel of a layer that learns, see ``llvm_plastic``: lists, and loops over them.

Who sends is listed before the kernel runs, for all steps at once: ``columns[start[r]:stop[r]]`` of row r = k*B + b. Who
receives, and fires, is found as the steps go on. Both are then listed by neuron, for all samples together.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from spikelet.backends.llvm_plastic import Plan, Writer

_LANES, _ALIGN = 16, {"float": 4, "double": 8}


class Events(Writer):
    """Writes loops over who fires."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        self._cursor, self._many, self._length, self._bits = (self.value("alloca i64") for _ in range(4))

    @contextmanager
    def arriving(self, b: str) -> Iterator[str]:
        """Write a loop over the senders that fire in a sample, as the lists of the call name them."""
        row = self.index(self.k, self.arg("B"), b)
        first, last = (self.load("i64", self.arg(name), row) for name in ("start", "stop"))
        with self.loop("place", last, first) as place:
            yield self._whole("columns", place)

    @contextmanager
    def firing(self, b: str) -> Iterator[str]:
        """Write a loop over the receivers that fired last in a sample; most did not: they are looked at 16 at once."""
        real, lanes, size = self.d.real, f"<{_LANES} x {self.d.real}>", self.arg("M")
        self.store("i64", "0", self._length)
        values = self.at(real, self.arg("spikes"), self.index(b, size, "0"))
        whole = self.value(f"and i64 {size}, -{_LANES}")
        with self.loop("block", self.value(f"udiv i64 {whole}, {_LANES}")) as block:
            first = self.value(f"mul i64 {block}, {_LANES}")
            found = self.value(f"load {lanes}, ptr {self.at(real, values, first)}, align {_ALIGN[real]}")
            fired = self.value(f"fcmp une {lanes} {found}, zeroinitializer")
            bits = self.value(f"zext i16 {self.value(f'bitcast <{_LANES} x i1> {fired} to i16')} to i64")
            self.store("i64", bits, self._bits)
            with self.loop("bit", self.value(f"call i64 @llvm.ctpop.i64(i64 {bits})")):
                bits = self.load("i64", self._bits)
                self._note(
                    self.value(f"add i64 {first}, {self.value(f'call i64 @llvm.cttz.i64(i64 {bits}, i1 true)')}")
                )
                self.store("i64", self.value(f"and i64 {bits}, {self.value(f'sub i64 {bits}, 1')}"), self._bits)
        with self.loop("rest", size, whole) as n:
            with self.when(self.value(f"fcmp une {real} {self.load(real, values, n)}, {self.zero()}")):
                self._note(n)
        with self.loop("place", self.load("i64", self._length)) as place:
            yield self._whole("firing", place)

    def _note(self, n: str) -> None:
        """Put a neuron at the end of those that have fired."""
        length = self.load("i64", self._length)
        self.store("i32", self.value(f"trunc i64 {n} to i32"), self.arg("firing"), length)
        self.store("i64", self.value(f"add i64 {length}, 1"), self._length)

    def listed(self, size: str, firing: Callable[[str], AbstractContextManager[str]]) -> None:
        """List by neuron the samples in which it fires: ``head``, ``next``, ``count``; the neurons are ``touched``."""
        self.store("i64", "0", self._many)
        with self.samples(backwards=True) as b, firing(b) as n:
            entry, count = self.index(b, self.arg(size), n), self.load("i32", self.arg("count"), n)
            with self.when(self.value(f"icmp eq i32 {count}, 0")):
                length = self.load("i64", self._many)
                self.store("i32", self.value(f"trunc i64 {n} to i32"), self.arg("touched"), length)
                self.store("i64", self.value(f"add i64 {length}, 1"), self._many)
            self.store("i32", self.load("i32", self.arg("head"), n), self.arg("next"), entry)
            self.store("i32", self.value(f"trunc i64 {entry} to i32"), self.arg("head"), n)
            self.store("i32", self.value(f"add i32 {count}, 1"), self.arg("count"), n)

    @contextmanager
    def touched(self) -> Iterator[str]:
        """Write a loop over the neurons that have fired in a sample."""
        with self.loop("touched", self.load("i64", self._many)) as t:
            n = self._whole("touched", t)
            yield n
            self.store("i32", "0", self.arg("count"), n)

    @contextmanager
    def fired(self, n: str, size: str) -> Iterator[str]:
        """Write a loop over the samples in which a neuron has fired."""
        self.store("i64", self._whole("head", n), self._cursor)
        with self.loop("entry", self._whole("count", n)):
            entry = self.load("i64", self._cursor)
            yield "0" if self.plan.single else self.value(f"udiv i64 {entry}, {self.arg(size)}")
            self.store("i64", self._whole("next", entry), self._cursor)

    def _whole(self, name: str, at: str) -> str:
        return self.value(f"zext i32 {self.load('i32', self.arg(name), at)} to i64")
