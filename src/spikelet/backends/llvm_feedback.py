"""The recurrence of a scan: spikes of step t-d, through a matrix, are added to an input of step t.

Arguments of the kernels, for N neurons and a delay of d steps:

    fb.delay fb.neurons          d and N
    fb.forward fb.backward       (N, N): row j is what a spike of neuron j delivers; and its transpose
    fb.bias                      (N,), delivered in every step
    fb.before                    (d, M) spikes before the first step, the oldest first
    fb.spikes                    backward: (T, M) spikes of the scan

Backward, the gradient of the target in step t+d goes through the transpose to the spikes of step t.
"""

from typing import Protocol

from spikelet.backends.llvm_printer import Dialect, Function
from spikelet.ir.nodes import Node
from spikelet.ir.scan import SPIKES

_SPARSE = 8  # of that many entries at most one may be a spike, if the spikes are to be listed


class Strip(Protocol):
    """What the writer of a kernel offers."""

    f: Function
    d: Dialect
    buffers: dict[str, str]
    counter: str

    def argument(self, name: str) -> str:
        """Return the name of an argument in the text."""
        ...

    def row(self, name: str, type_: str, t: str) -> str:
        """Return the address of the strip in row t of an argument."""
        ...

    def buffer(self, name: str, type_: str) -> str:
        """Reserve memory for one number of each lane."""
        ...


class Feedback:
    """Writes the recurrent part of both kernels."""

    def __init__(self, writer: Strip, target: str):
        self.w, self.target = writer, target

    def reserve(self) -> None:
        """Reserve what is delivered to a strip, and a list of spikes."""
        self.w.buffer("feedback", self.w.d.real)
        self.w.buffer("list", "i32")

    def added(self, n: Node, value: str, i: str) -> str:
        """Return the input with what is delivered to it."""
        if n.value != self.target:
            return value
        real = self.w.d.real
        return self.w.f.value(f"fadd {real} {value}, {self.w.f.load(real, self.w.buffers['feedback'], i)}")

    def forward(self, t: str, again: bool) -> None:
        """Write what arrives in step t into the buffer."""
        f, real = self.w.f, self.w.d.real
        n, rows = self.w.argument("fb.neurons"), self._samples()
        source = self._spikes(t, "fb.spikes" if again else f"out.{SPIKES}")
        self._bias(rows, n)
        buffer = self.w.buffers["feedback"]
        matrix = self.w.argument("fb.forward")
        limit = f.value(f"sdiv i64 %w, {_SPARSE}")
        many = f.value(f"icmp sgt i64 {self._counted(source)}, {limit}")
        with f.when(many):
            f.do(f"call void @sk_gemm(ptr {source}, i64 {n}, ptr {matrix}, ptr {buffer}, i64 {rows}, i64 {n})")
        with f.when(f.value(f"xor i1 {many}, true")), f.loop("sample", rows) as r:
            begin = f.value(f"mul i64 {r}, {n}")
            row, to = f.at(real, source, begin), f.at(real, buffer, begin)
            count = self._listed(row, n)
            listed = self.w.buffers["list"]
            f.do(f"call void @sk_gather(ptr {listed}, i64 {count}, ptr {row}, ptr {matrix}, ptr {to}, i64 {n})")

    def backward(self, t: str) -> None:
        """Write what the spikes of step t gain by their later arrival into the buffer."""
        f, real = self.w.f, self.w.d.real
        n, rows = self.w.argument("fb.neurons"), self._samples()
        buffer = self.w.buffers["feedback"]
        with f.loop("clear", "%w") as i:
            f.store(real, self.w.d.constant(0.0, "real"), buffer, i)
        arrival = f.value(f"add i64 {t}, {self.w.argument('fb.delay')}")
        with f.when(f.value(f"icmp slt i64 {arrival}, {self.w.argument('T')}")):
            row = self.w.row(f"g.x.{self.target}", real, arrival)
            matrix = self.w.argument("fb.backward")
            f.do(f"call void @sk_gemm(ptr {row}, i64 {n}, ptr {matrix}, ptr {buffer}, i64 {rows}, i64 {n})")

    def gained(self, n: Node, value: str, i: str) -> str:
        """Return the gradient of an output with what came back to it."""
        if n.value[1] != SPIKES:
            return value
        real = self.w.d.real
        return self.w.f.value(f"fadd {real} {value}, {self.w.f.load(real, self.w.buffers['feedback'], i)}")

    def _samples(self) -> str:
        return self.w.f.value(f"sdiv i64 %w, {self.w.argument('fb.neurons')}")

    def _spikes(self, t: str, name: str) -> str:
        """Return the address of the spikes that arrive in step t."""
        f, real = self.w.f, self.w.d.real
        sent = f.value(f"sub i64 {t}, {self.w.argument('fb.delay')}")
        early = f.value(f"icmp slt i64 {sent}, 0")
        before, during = self.w.row("fb.before", real, t), self.w.row(name, real, sent)
        return f.value(f"select i1 {early}, ptr {before}, ptr {during}")

    def _bias(self, rows: str, n: str) -> None:
        f, real = self.w.f, self.w.d.real
        with f.loop("sample", rows) as r:
            to = f.at(real, self.w.buffers["feedback"], f.value(f"mul i64 {r}, {n}"))
            with f.loop("bias", n) as i:
                f.store(real, f.load(real, self.w.argument("fb.bias"), i), to, i)

    def _counted(self, source: str) -> str:
        """Return how many entries of a strip are not 0."""
        f = self.w.f
        f.store("i64", "0", self.w.counter)
        with f.loop("count", "%w") as i:
            there = self._there(source, i)
            total = f.value(f"add i64 {f.load('i64', self.w.counter)}, {f.value(f'zext i1 {there} to i64')}")
            f.store("i64", total, self.w.counter)
        return f.load("i64", self.w.counter)

    def _listed(self, row: str, n: str) -> str:
        """List the entries of a row that are not 0; returns how many."""
        f = self.w.f
        f.store("i64", "0", self.w.counter)
        with f.loop("list", n) as i:
            count = f.load("i64", self.w.counter)
            f.store("i32", f.value(f"trunc i64 {i} to i32"), self.w.buffers["list"], count)
            more = f.value(f"zext i1 {self._there(row, i)} to i64")
            f.store("i64", f.value(f"add i64 {count}, {more}"), self.w.counter)
        return f.load("i64", self.w.counter)

    def _there(self, row: str, i: str) -> str:
        real = self.w.d.real
        return self.w.f.value(f"fcmp une {real} {self.w.f.load(real, row, i)}, {self.w.d.constant(0.0, 'real')}")
