"""The text of the kernels that read Prophesee's EVT 2.0 and EVT 3.0, in LLVM: a word changes a state or is an event.

``state`` holds, as i64: time above the low bits (with the overflows that were counted), low bits of the time, whether a
time has been seen, y, x of the next vector, polarity of the vector, number of events, and the first word of an unknown
kind, else -1. Events before the first time are dropped: nobody knows when they were.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spikelet.backends.sparse_kernels import READ, WRITE, Kernel

TIME, LOW, SEEN, Y, X, POLARITY, COUNT, UNKNOWN = range(8)
"""Places in ``state``."""


def evt_module() -> str:
    """Return the text of ``evt2``, ``evt3`` and ``evt3_most``."""
    needs = ("cttz.i64(i64, i1)", "ctpop.i64(i64)", "umin.i64(i64, i64)")
    declared = [f"declare i64 @llvm.{need}" for need in needs]
    return "\n\n".join([*declared, _Evt2().text(), _Evt3().text(), _most()])


class _Reader(Kernel, ABC):
    """A function that reads words ``0 ... n - 1`` and writes events."""

    def __init__(self, name: str, word: str):
        super().__init__(f"void @{name}({READ} %words, i64 %n, {WRITE} %events, {WRITE} %state)", "double")
        self.word_type = word
        self.state = [self.variable("i64", "0") for _ in range(8)]
        self.left = self.variable("i64", "0")  # bits of a vector that are not read yet
        for i, variable in enumerate(self.state):
            self.set(variable, self.load("i64", "%state", str(i)))
        with self.loop("i", "%n") as i:
            word = self.value(f"zext {self.word_type} {self.load(self.word_type, '%words', i)} to i64")
            self.read(word, i)
        for i, variable in enumerate(self.state):
            self.store("i64", self.get(variable), "%state", str(i))

    @abstractmethod
    def read(self, word: str, i: str) -> None:
        """Write what a word does."""

    def part(self, word: str, shift: int, bits: int) -> str:
        """Return some bits of a word as a number."""
        return self.calculate("and", self.calculate("lshr", word, shift), (1 << bits) - 1)

    @contextmanager
    def cases(self, kind: str, numbers: tuple[int, ...], i: str) -> Iterator[Callable[[int], None]]:
        """Write a choice by ``kind``; the function that is yielded begins a case, any other kind is unknown."""
        name = self.fresh("switch")
        labels = " ".join(f"i64 {number}, label %{name}.{number}" for number in numbers)
        self.do(f"switch i64 {kind}, label %{name}.unknown [{labels}]")

        def case(number: int) -> None:
            if self.block != name:  # the case before ends here
                self.do(f"br label %{name}.end")
            self.label(f"{name}.{number}")

        self.block = name
        yield case
        self.do(f"br label %{name}.end")
        self.label(f"{name}.unknown")
        first = self.value(f"icmp slt i64 {self.get(self.state[UNKNOWN])}, 0")
        self.set(self.state[UNKNOWN], self.value(f"select i1 {first}, i64 {i}, i64 {self.get(self.state[UNKNOWN])}"))
        self.do(f"br label %{name}.end")
        self.label(f"{name}.end")

    def advance(self, high: str, bits: int, shift: int) -> None:
        """Set the high part of the time; a fall by more than half of its range is an overflow."""
        old = self.get(self.state[TIME])
        mask = (1 << bits) - 1
        before = self.calculate("and", self.calculate("lshr", old, shift), mask)
        fallen = self.calculate("sub", before, high)
        over = self.value(f"zext i1 {self.value(f'icmp sgt i64 {fallen}, {1 << (bits - 1)}')} to i64")
        loops = self.calculate("add", self.calculate("lshr", old, shift + bits), over)
        time = self.calculate("or", self.calculate("shl", loops, shift + bits), self.calculate("shl", high, shift))
        self.set(self.state[TIME], time)
        self.set(self.state[SEEN], "1")

    def event(self, time: str, x: str, y: str, polarity: str) -> None:
        """Write an event, if a time has been seen."""
        with self.when(self.value(f"icmp ne i64 {self.get(self.state[SEEN])}, 0")):
            count = self.get(self.state[COUNT])
            place = self.at("i8", "%events", self.calculate("shl", count, 4))
            self.store("i64", time, place)
            narrow = self.value(f"call i64 @llvm.umin.i64(i64 {x}, i64 65535)")
            address = self.calculate("or", self.calculate("shl", y, 16), narrow)
            whole = self.calculate("or", self.calculate("shl", polarity, 32), address)
            self.store("i64", whole, self.at("i64", place, "1"))
            self.set(self.state[COUNT], self.calculate("add", count, 1))


class _Evt2(_Reader):
    """``evt2``: 32-bit words; 0 and 1 are events, OFF and ON, with six low bits of the time, 8 is the time above."""

    def __init__(self) -> None:
        super().__init__("evt2", "i32")

    def read(self, word: str, i: str) -> None:
        with self.cases(self.part(word, 28, 4), (0, 1, 8, 10, 14, 15), i) as case:
            for polarity in (0, 1):
                case(polarity)
                time = self.calculate("or", self.get(self.state[TIME]), self.part(word, 22, 6))
                self.event(time, self.part(word, 11, 11), self.part(word, 0, 11), str(polarity))
            case(8)
            self.advance(self.part(word, 0, 28), 28, 6)
            for other in (10, 14, 15):  # triggers and what a vendor adds
                case(other)


class _Evt3(_Reader):
    """``evt3``: 16-bit words; only what has changed is sent, and neighbours in a row may come as bits of a vector."""

    def __init__(self) -> None:
        super().__init__("evt3", "i16")

    def read(self, word: str, i: str) -> None:
        with self.cases(self.part(word, 12, 4), (0, 2, 3, 4, 5, 6, 7, 8, 10, 14, 15), i) as case:
            case(0)
            self.set(self.state[Y], self.part(word, 0, 11))
            case(2)
            self.event(self._time(), self.part(word, 0, 11), self.get(self.state[Y]), self.part(word, 11, 1))
            case(3)
            self.set(self.state[X], self.part(word, 0, 11))
            self.set(self.state[POLARITY], self.part(word, 11, 1))
            case(4)
            self._vector(word, 12)
            case(5)
            self._vector(word, 8)
            case(6)
            self.set(self.state[LOW], self.part(word, 0, 12))
            case(8)
            self._high(self.part(word, 0, 12))
            for other in (7, 10, 14, 15):
                case(other)

    def _time(self) -> str:
        return self.calculate("or", self.get(self.state[TIME]), self.get(self.state[LOW]))

    def _high(self, high: str) -> None:
        """Set the high part; a new one begins at its first microsecond, until the low part is sent."""
        before = self.get(self.state[TIME])
        self.advance(high, 12, 12)
        same = self.value(f"icmp eq i64 {before}, {self.get(self.state[TIME])}")
        self.set(self.state[LOW], self.value(f"select i1 {same}, i64 {self.get(self.state[LOW])}, i64 0"))

    def _vector(self, word: str, bits: int) -> None:
        left = self.left
        self.set(left, self.part(word, 0, bits))
        base, time = self.get(self.state[X]), self._time()
        with self.loop("k", self.value(f"call i64 @llvm.ctpop.i64(i64 {self.get(left)})")):
            mask = self.get(left)
            lowest = self.value(f"call i64 @llvm.cttz.i64(i64 {mask}, i1 true)")
            self.set(left, self.calculate("and", mask, self.calculate("sub", mask, 1)))
            x = self.calculate("add", base, lowest)
            self.event(time, x, self.get(self.state[Y]), self.get(self.state[POLARITY]))
        self.set(self.state[X], self.calculate("add", base, bits))


def _most() -> str:
    """``evt3_most``: the number of events that so many words can give, those before the first time included."""
    f = Kernel(f"void @evt3_most({READ} %words, i64 %n, {WRITE} %most)", "double")
    total = f.variable("i64", "0")
    with f.loop("i", "%n") as i:
        word = f.value(f"zext i16 {f.load('i16', '%words', i)} to i64")
        kind = f.calculate("lshr", word, 12)
        found = "0"
        for number, bits in ((4, 0xFFF), (5, 0xFF)):
            members = f.value(f"call i64 @llvm.ctpop.i64(i64 {f.calculate('and', word, bits)})")
            found = f.value(f"select i1 {f.value(f'icmp eq i64 {kind}, {number}')}, i64 {members}, i64 {found}")
        found = f.value(f"select i1 {f.value(f'icmp eq i64 {kind}, 2')}, i64 1, i64 {found}")
        f.set(total, f.calculate("add", f.get(total), found))
    f.store("i64", f.get(total), "%most")
    return f.text()
