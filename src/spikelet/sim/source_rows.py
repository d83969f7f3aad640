"""What all kernels of sources share: the words that they begin with, rows, the two ways to write, and a search."""

from collections.abc import Iterator
from contextlib import contextmanager

from spikelet.backends.llvm_printer import Function
from spikelet.backends.sparse_kernels import Kernel
from spikelet.sim.driver import SIGNATURE, Words

COMMON = ("step", "T", "out", "stride", "slots", "delay", "add", "scale")
NEVER = 2**62  # a step that does not come; and one more than any number of 62 bits
_POINTERS = frozenset(
    (
        "out", "segments", "place", "table", "law", "rest.place", "rest", "phase", "steps", "pointer", "ids", "counts",
        "limits", "times", "next", "number",
    )
)  # fmt: skip


def returning(f: Function, value: str) -> str:
    """Return the text of a function with a result."""
    return "\n".join([*f.lines, f"  ret i64 {value}", "}"])


def place() -> str:
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
    return returning(f, f.get(place))


class Source(Kernel):
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
