"""The kernels of a scan as LLVM IR: forward over T steps, and backward.

A kernel works on strips of 1,024 lanes (a lane is one neuron of one sample) with the time loop inside, so that the
states of a strip stay in the cache. ``kernel(args, first, last, scratch)`` does lanes ``first`` to ``last - 1``; it is
serial, and several threads share the strips. ``args`` holds one 64-bit word for each entry of ``Kernel.signature``
(no name of a user has a ``#``):

    T M start seed dt                     numbers
    x.NAME  x.NAME#step                   inputs, and elements from row to row (M, or 0 where the input is held)
    state.NAME  final.NAME                (M,) before and after
    coef.NAME  coef.NAME#period           one number, or a table of `period` entries
    out.NAME  tape.J  check.NAME          (T, M); tape of node J, (T, M); states at checkpoints, (T/L, M)
    element  limits                       (M,) random element, (M,) valid steps
    g.out.NAME (#step)  g.final.NAME      gradients that come in
    g.x.NAME  g.state.NAME  g.coef.NAME   gradients that go out; of one number, a partial sum for each strip
    strip fb.*                            recurrent: lanes of a strip, and see ``llvm_feedback``
"""

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from spikelet.backends.fused import integer_type
from spikelet.backends.llvm_feedback import Feedback
from spikelet.backends.llvm_math import costly, definitions
from spikelet.backends.llvm_printer import Dialect, Function, Lane
from spikelet.backends.llvm_products import products
from spikelet.backends.llvm_random import random_definitions
from spikelet.ir.nodes import Node, topological
from spikelet.ir.scan import ALIVE, Scan

STRIP = 1024
PAGE_OFFSET = 64  # where a page holds the first byte of a large array, ours and torch's
BYTES = {"float": 4, "double": 8, "i8": 1, "i32": 4, "i64": 8}
_TWO = '!0 = distinct !{!0, !1}\n!1 = !{!"llvm.loop.interleave.count", i32 2}'
_NUMBERS = ("T", "M", "start", "seed", "strip", "fb.delay", "fb.neurons")


@dataclass(frozen=True)
class Kernel:
    """A printed kernel.

    Attributes:
        text: The module.
        signature: Name of each word of ``args``.
        scratch: Type and rows of each piece of scratch memory, a row being one number for each lane of a strip.
    """

    text: str
    signature: tuple[str, ...]
    scratch: tuple[tuple[str, int], ...]

    def bytes(self, strip: int) -> int:
        """Return the scratch memory that a call needs."""
        return sum(-(-rows * strip * BYTES[type_] // 64) * 64 for type_, rows in self.scratch)


class Writer:
    """What the two kernels share: arguments, coefficients, states of a strip, and the lanes of one step."""

    def __init__(self, scan: Scan, real: str, tables: frozenset[str], target: str | None = None):
        self.scan, self.tables = scan, tables
        self.feedback = None if target is None else Feedback(self, target)
        self.d = Dialect(real, integer_type(scan))
        self.arguments: dict[str, str] = {}  # name -> type, in the order of the words
        self.scratch: dict[str, tuple[str, int]] = {}  # name -> type and rows of a strip
        self.program = topological(scan.roots)
        self.buffers: dict[str, str] = {}
        self.counter = "%counter"
        self.f = Function("")

    def argument(self, name: str) -> str:
        """Return the name of an argument in the text; user names go in quotes."""
        if name not in self.arguments:
            number = name in _NUMBERS or name.endswith(("#step", "#period"))
            self.arguments[name] = "i64" if number else "double" if name == "dt" else "ptr"
        return f'%"{name}"'

    def strip_of(self, name: str, type_: str, base: str | None = None) -> str:
        """Return the address of this strip in an (M,) argument."""
        return self.f.at(type_, base or self.argument(name), "%lo")

    def row(self, name: str, type_: str, t: str, step: str | None = None) -> str:
        """Return the address of this strip in row t of an argument with rows."""
        offset = self.f.value(f"mul i64 {t}, {step or self.argument('M')}")
        offset = self.f.value(f"add i64 {offset}, %lo")
        return self.f.at(type_, self.argument(name), offset)

    def buffer(self, name: str, type_: str) -> str:
        """Reserve memory for one number of each lane."""
        address = f'%"buffer.{name}"'
        if self.feedback is None:
            # A load is held up by an earlier store whose address has the same last 12 bits. So buffers begin where
            # large arrays do, 64 bytes into a page: only the store at a load's own index is such then, and comes later.
            size = STRIP + PAGE_OFFSET // BYTES[type_]
            whole = self.f.value(f"alloca [{size} x {type_}], align 4096")
            self.f.do(f"{address} = getelementptr inbounds i8, ptr {whole}, i64 {PAGE_OFFSET}")
        else:  # a strip is whole samples, of any length
            self.scratch[f"buffer.{name}"] = (type_, 1)
        self.buffers[name] = address
        return address

    @property
    def strip(self) -> str:
        """Return the lanes of a strip."""
        return str(STRIP) if self.feedback is None else self.argument("strip")

    def copy(self, source: str, target: str, type_: str) -> None:
        """Copy one number of each lane."""
        with self.f.loop("copy", "%w") as i:
            self.f.store(type_, self.f.load(type_, source, i), target, i)

    def fill(self, target: str) -> None:
        """Set one sum of each lane to zero."""
        with self.f.loop("fill", "%w") as i:
            self.f.store("double", "0.0", target, i)

    def load_coefficients(self, nodes: Iterable[Node]) -> None:
        """Load the numbers, and lay the tables out along the lanes."""
        self.coefficients: dict[Node, str] = {}
        self.reciprocals: dict[Node, str] = {}
        for n in nodes:
            type_ = self.d[n.type]
            pointer = self.argument(f"coef.{n.value}")
            if n.value not in self.tables:
                number = self.coefficients[n] = self.f.load(type_, pointer, hint="c")
                if type_ == "float":
                    self.reciprocals[n] = self.f.value(f"fdiv float {self.d.constant(1.0, 'real')}, {number}", "over")
                continue
            period = self.argument(f"coef.{n.value}#period")
            table = self.buffers[f"coef.{n.value}"]
            with self.f.loop("table", "%w") as i:
                lane = self.f.value(f"add i64 %lo, {i}")
                entry = self.f.value(f"urem i64 {lane}, {period}")
                self.f.store(type_, self.f.load(type_, pointer, entry), table, i)

    def coefficient(self, n: Node, i: str) -> str:
        """Return a coefficient's value in lane i."""
        if n in self.coefficients:
            return self.coefficients[n]
        return self.f.load(self.d[n.type], self.buffers[f"coef.{n.value}"], i)

    def reciprocal(self, n: Node) -> str | None:
        """Return 1/n of a coefficient that is one number; None of anything else."""
        if n.kind != "coefficient" or n not in self.coefficients or n.type != "real":
            return None
        return self.reciprocals[n]

    def from_memory(self, type_: str, pointer: str, i: str) -> str:
        """Load a value; conditions are bytes in memory."""
        value = self.f.load(self.d.memory(type_), pointer, i)
        return self.f.value(f"icmp ne i8 {value}, 0") if type_ == "bool" else value

    def to_memory(self, type_: str, value: str, pointer: str, i: str) -> None:
        """Store a value; conditions are bytes in memory."""
        if type_ == "bool":
            value = self.f.value(f"zext i1 {value} to i8")
        self.f.store(self.d.memory(type_), value, pointer, i)

    def draws(self, nodes: Iterable[Node], t: str) -> dict[Node, str]:
        """Fill a buffer for each random draw of a step."""
        found: dict[Node, str] = {}
        for n in nodes:
            law, stream = n.value
            buffer = self.buffers[f"draw.{law}.{stream}"]
            element = self.strip_of("element", "i64")
            count = self.f.value(f"add i64 {t}, {self.argument('start')}")
            rest = f"i64 {self.argument('seed')}, i64 {count}, i64 {stream}"
            self.f.do(f"call void @sk_{law}(ptr {buffer}, ptr {element}, i64 %w, {rest})")
            found[n] = buffer
        return found

    def drawn(self, n: Node, buffer: str, i: str) -> str:
        """Return a draw in the width of the program; rounding must not make a uniform one 1."""
        value = self.f.load("double", buffer, i)
        if self.d.real == "double":
            return value
        value = self.f.value(f"fptrunc double {value} to float")
        if n.value[0] == "normal":
            return value
        low = self.f.value(f"fcmp olt float {value}, 1.0")
        return self.f.value(f"select i1 {low}, float {value}, float 0x3FEFFFFFE0000000")

    def time(self, t: str) -> str:
        """Return t_k in ms."""
        count = self.f.value(f"add i64 {t}, {self.argument('start')}")
        count = self.f.value(f"sitofp i64 {count} to double")
        time = self.f.value(f"fmul double {count}, {self.argument('dt')}", "time")
        return time if self.d.real == "double" else self.f.value(f"fptrunc double {time} to float")

    def reserve(self, nodes: Iterable[Node], states: bool = True) -> None:
        """Reserve the buffers of states, tables and draws (all memory is reserved before the first loop)."""
        for name, type_ in self.scan.types.items() if states else ():
            self.buffer(f"state.{name}", self.d.memory(type_))
        if self.feedback is not None:
            self.f.do(f"{self.counter} = alloca i64")
            self.feedback.reserve()
        for n in nodes:
            if n.kind == "coefficient" and n.value in self.tables:
                self.buffer(f"coef.{n.value}", self.d[n.type])
            if n.kind == "noise":
                self.buffer(f"draw.{n.value[0]}.{n.value[1]}", "double")

    def forward_step(self, t: str, shown: bool, tape: dict[Node, str]) -> None:
        """Write one step of a strip: new states, and (if ``shown``) what is recorded; ``tape`` are rows to write to."""
        f, d, scan = self.f, self.d, self.scan
        roots = (*scan.updates.values(), *(scan.outputs.values() if shown else ()), *tape)
        nodes = topological(roots)
        rows = {n: self.input_row(n, t) for n in nodes if n.kind == "input" and n is not ALIVE}
        out = {name: self.row(f"out.{name}", d.memory(n.type), t) for name, n in scan.outputs.items() if shown}
        draws = self.draws([n for n in nodes if n.kind == "noise"], t)
        time = self.time(t) if any(n.kind == "time" for n in nodes) else ""
        if self.feedback is not None:
            self.feedback.forward(t, again=not shown)
        with self.lanes() as i:

            def leaf(n: Node) -> str:
                if n.kind == "state":
                    return self.from_memory(n.type, self.buffers[f"state.{n.value}"], i)
                if n in rows:
                    return self.given(n, rows[n], i)
                return self.leaf(n, draws, time, t, i)

            lane = Lane(f, d, leaf, self.reciprocal)
            new = {n: lane(n) for n in roots}
            for name, n in scan.updates.items():
                self.to_memory(n.type, new[n], self.buffers[f"state.{name}"], i)
            for name, n in scan.outputs.items() if shown else ():
                self.to_memory(n.type, new[n], out[name], i)
            for n, pointer in tape.items():
                self.to_memory(n.type, new[n], pointer, i)

    def lanes(self) -> AbstractContextManager[str]:
        """Write the loop over the lanes of a strip."""
        return self.f.loop("lane", "%w", mark="!llvm.loop !0" if self.costly else "")

    def leaf(self, n: Node, draws: dict[Node, str], time: str, t: str, i: str) -> str:
        """Return a leaf that both kernels read alike; nothing if it is none."""
        if n is ALIVE:
            return self.alive(t, i)
        if n.kind == "coefficient":
            return self.coefficient(n, i)
        if n.kind == "noise":
            return self.drawn(n, draws[n], i)
        return time if n.kind == "time" else ""

    def input_row(self, n: Node, t: str) -> str:
        """Return the address of this strip in row t of an input, which may be the same for all t."""
        return self.row(f"x.{n.value}", self.d[n.type], t, self.argument(f"x.{n.value}#step"))

    def given(self, n: Node, row: str, i: str) -> str:
        """Return an input in lane i, with what the recurrence delivers to it."""
        value = self.f.load(self.d[n.type], row, i, hint="x")
        return value if self.feedback is None else self.feedback.added(n, value, i)

    def alive(self, t: str, i: str) -> str:
        """Return whether a lane's sequence goes on in step t."""
        limit = self.f.load("i64", self.strip_of("limits", "i64"), i)
        return self.f.value(f"icmp slt i64 {t}, {limit}")

    def kernel(self, name: str, body: Function) -> Kernel:
        """Close the strip's function and write the loop around it: the strips of lanes ``first`` to ``last - 1``."""
        if self.feedback is not None:
            self.argument("strip")
        given = [f'{type_}{" noalias" if type_ == "ptr" else ""} %"{n}"' for n, type_ in self.arguments.items()]
        given += [f'ptr noalias %"{n}"' for n in self.scratch]
        wide = ' "prefer-vector-width"="512"' if self.costly else ""
        body.lines[0] = f"define internal void @strip(i64 %lo, i64 %w, {', '.join(given)}) noinline{wide} {{"
        f = Function("void @kernel(ptr %args, i64 %first, i64 %last, ptr %scratch)")
        words = [f"{type_} {f.word(type_, number)}" for number, type_ in enumerate(self.arguments.values())]
        strip = words[list(self.arguments).index("strip")].split()[1] if self.feedback is not None else str(STRIP)
        words += [f"ptr {piece}" for piece in self._pieces(f, strip)]
        lanes = f.value("sub i64 %last, %first")
        whole = f.value(f"add i64 {lanes}, {f.value(f'sub i64 {strip}, 1')}")
        with f.loop("strip", f.value(f"sdiv i64 {whole}, {strip}")) as s:
            lo = f.value(f"add i64 %first, {f.value(f'mul i64 {s}, {strip}')}")
            rest = f.value(f"sub i64 %last, {lo}")
            w = f.value(f"call i64 @llvm.smin.i64(i64 {rest}, i64 {strip})")
            f.do(f"call void @strip(i64 {lo}, i64 {w}, {', '.join(words)})")
        head = f"; {self.scan.step.name}: {name} ({self.scan.step.method})"
        text = "\n\n".join([head, body.text(), f.text(), self.support(body), *([_TWO] if self.costly else [])])
        return Kernel(text, tuple(self.arguments), tuple(self.scratch.values()))

    @property
    def costly(self) -> bool:
        """Whether exponentials take the time; else what takes it is memory, whatever the instructions.

        Then the widest vectors are asked for, and two of them at once: one fills the waits of the other.
        """
        return costly(self.program)

    def _pieces(self, f: Function, strip: str) -> list[str]:
        """Return the addresses of the pieces of scratch memory, each on a border of 64 bytes."""
        found, begin = [], "0"
        for type_, rows in self.scratch.values():
            found.append(f.at("i8", "%scratch", begin))
            size = f.value(f"mul i64 {strip}, {rows * BYTES[type_]}")
            whole = f.value(f"and i64 {f.value(f'add i64 {size}, 63')}, -64")
            begin = f.value(f"add i64 {begin}, {whole}")
        return found

    def support(self, body: Function) -> str:
        """Return the functions that the text calls."""
        text = body.text()
        called = dict.fromkeys(re.findall(r"@(sk_\w+|llvm\.[\w.]+)\(", text))
        names = [name[3:] for name in called if name.startswith("sk_")]
        laws = [name for name in names if name in ("uniform", "normal")]
        matrix = [name for name in names if name in ("gemm", "gather")]
        lines: dict[str, None] = {}
        parts = [definitions([name for name in names if name not in (*laws, *matrix)], self.d.real)]
        parts += [random_definitions(laws)] if laws else []
        parts += [products(matrix, self.d.real)] if matrix else []
        kept: list[str] = []
        for line in "\n".join(parts).split("\n"):
            if not line.startswith("declare"):
                kept.append(line)
            elif line not in lines:  # two parts may declare the same function, which a module may do only once
                lines[line] = None
        return "\n".join([*lines, *kept])
