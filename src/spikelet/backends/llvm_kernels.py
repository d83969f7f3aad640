"""The kernels of a scan as LLVM IR: forward over T steps, and backward.

A kernel works on strips of 1,024 lanes (a lane is one neuron of one sample) with the time loop inside, so that the states
of a strip stay in the cache. ``kernel(args, first, last, scratch)`` does strips ``first`` to ``last``; it is serial, and
several threads share the strips. ``args`` holds one 64-bit word for each entry of ``Kernel.signature``:

    T M start seed dt                     numbers
    x.NAME  x.NAME.step                   inputs, and elements from row to row (M, or 0 where the input is held)
    state.NAME  final.NAME                (M,) before and after
    coef.NAME  coef.NAME.period           one number, or a table of `period` entries
    out.NAME  tape.J  check.NAME          (T, M); tape of node J, (T, M); states at checkpoints, (T/L, M)
    element  limits                       (M,) random element, (M,) valid steps
    g.out.NAME (.step)  g.final.NAME      gradients that come in
    g.x.NAME  g.state.NAME  g.coef.NAME   gradients that go out; of one number, a partial sum for each strip
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from spikelet.backends.llvm_math import definitions
from spikelet.backends.llvm_printer import Dialect, Function, Lane
from spikelet.backends.llvm_random import random_definitions
from spikelet.ir.adjoint import Adjoint
from spikelet.ir.lower import REFRACTORY, STEP, Step
from spikelet.ir.nodes import Node, topological
from spikelet.ir.scan import ALIVE, Scan

STRIP = 1024
_NUMBERS = ("T", "M", "start", "seed")


@dataclass(frozen=True)
class Kernel:
    """A printed kernel.

    Attributes:
        text: The module.
        signature: Name of each word of ``args``.
        scratch: Bytes of scratch memory that a call needs.
    """

    text: str
    signature: tuple[str, ...]
    scratch: int


def integer_type(scan: Scan) -> str:
    """Return ``i32`` where the only integers count refractory steps, else ``i64``."""
    program = topological(scan.roots)
    own = [name for name, type_ in scan.types.items() if type_ == "int" and name != REFRACTORY]
    wide = own or any(n.type == "int" and n.kind in ("input", "cast") for n in program)
    return "i64" if wide else "i32"


def interval(step: Step) -> int:
    """Return the steps between checkpoints: at most 0.2 bytes of them an element, and a tape that fits the cache."""
    size = {"real": 4, "int": 4, "bool": 1}
    total = sum(size[type_] for name, type_ in step.types.items() if name != STEP)
    return max(32 * -(-total * 5 // 32), 32)


class _Writer:
    """What the two kernels share: arguments, coefficients, states of a strip, and the lanes of one step."""

    def __init__(self, scan: Scan, real: str, tables: frozenset[str]):
        self.scan, self.tables = scan, tables
        self.d = Dialect(real, integer_type(scan))
        self.arguments: dict[str, str] = {}  # name -> type, in the order of the words
        self.scratch: dict[str, tuple[str, int]] = {}  # name -> type and rows of a strip
        self.program = topological(scan.roots)
        self.buffers: dict[str, str] = {}
        self.f = Function("")

    def argument(self, name: str) -> str:
        """Return the name of an argument in the text; user names go in quotes."""
        if name not in self.arguments:
            number = name in _NUMBERS or name.endswith((".step", ".period"))
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
        self.f.do(f"{address} = alloca [{STRIP} x {type_}], align 64")
        self.buffers[name] = address
        return address

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
        for n in nodes:
            type_ = self.d[n.type]
            pointer = self.argument(f"coef.{n.value}")
            if n.value not in self.tables:
                self.coefficients[n] = self.f.load(type_, pointer, hint="c")
                continue
            period = self.argument(f"coef.{n.value}.period")
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

    def reserve(self, nodes: Iterable[Node]) -> None:
        """Reserve the buffers of states, tables and draws (all memory is reserved before the first loop)."""
        for name, type_ in self.scan.types.items():
            self.buffer(f"state.{name}", self.d.memory(type_))
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
        with f.loop("lane", "%w") as i:

            def leaf(n: Node) -> str:
                if n.kind == "state":
                    return self.from_memory(n.type, self.buffers[f"state.{n.value}"], i)
                if n is ALIVE:
                    return self.alive(t, i)
                if n.kind == "input":
                    return f.load(d[n.type], rows[n], i, hint="x")
                if n.kind == "coefficient":
                    return self.coefficient(n, i)
                if n.kind == "noise":
                    return self.drawn(n, draws[n], i)
                return time if n.kind == "time" else ""

            lane = Lane(f, d, leaf)
            new = {n: lane(n) for n in roots}
            for name, n in scan.updates.items():
                self.to_memory(n.type, new[n], self.buffers[f"state.{name}"], i)
            for name, n in scan.outputs.items() if shown else ():
                self.to_memory(n.type, new[n], out[name], i)
            for n, pointer in tape.items():
                self.to_memory(n.type, new[n], pointer, i)

    def input_row(self, n: Node, t: str) -> str:
        """Return the address of this strip in row t of an input, which may be the same for all t."""
        return self.row(f"x.{n.value}", self.d[n.type], t, self.argument(f"x.{n.value}.step"))

    def alive(self, t: str, i: str) -> str:
        """Return whether a lane's sequence goes on in step t."""
        limit = self.f.load("i64", self.strip_of("limits", "i64"), i)
        return self.f.value(f"icmp slt i64 {t}, {limit}")

    def kernel(self, name: str, body: Function) -> Kernel:
        """Close the strip's function and write the loop over strips around it."""
        given = [f'{type_}{" noalias" if type_ == "ptr" else ""} %"{n}"' for n, type_ in self.arguments.items()]
        given += [f'ptr noalias %"{n}"' for n in self.scratch]
        body.lines[0] = f"define internal void @strip(i64 %lo, i64 %w, {', '.join(given)}) noinline {{"
        f = Function("void @kernel(ptr %args, i64 %first, i64 %last, ptr %scratch)")
        words: list[str] = []
        lanes = ""
        for number, (n, type_) in enumerate(self.arguments.items()):
            word = f.word(type_, number)
            words.append(f"{type_} {word}")
            lanes = word if n == "M" else lanes
        offset = 0
        for type_, rows in self.scratch.values():
            words.append(f"ptr {f.at('i8', '%scratch', str(offset))}")
            offset += rows * STRIP * {"float": 4, "double": 8, "i8": 1, "i32": 4, "i64": 8}[type_]
        with f.loop("strip", "%last", "%first") as s:
            lo = f.value(f"mul i64 {s}, {STRIP}")
            rest = f.value(f"sub i64 {lanes}, {lo}")
            w = f.value(f"call i64 @llvm.smin.i64(i64 {rest}, i64 {STRIP})")
            f.do(f"call void @strip(i64 {lo}, i64 {w}, {', '.join(words)})")
        head = f"; {self.scan.step.name}: {name} ({self.scan.step.method})"
        text = "\n\n".join([head, body.text(), f.text(), self.support(body)])
        return Kernel(text, tuple(self.arguments), offset)

    def support(self, body: Function) -> str:
        """Return the functions that the text calls."""
        text = body.text()
        called = dict.fromkeys(re.findall(r"@(sk_\w+|llvm\.[\w.]+)\(", text))
        names = [name[3:] for name in called if name.startswith("sk_")]
        laws = [name for name in names if name in ("uniform", "normal")]
        lines: dict[str, None] = {}
        parts = [definitions([name for name in names if name not in laws], self.d.real)]
        parts += [random_definitions(laws)] if laws else []
        kept: list[str] = []
        for line in "\n".join(parts).split("\n"):
            if not line.startswith("declare"):
                kept.append(line)
            elif line not in lines:  # two parts may declare the same function, which a module may do only once
                lines[line] = None
        return "\n".join([*lines, *kept])


def forward_kernel(scan: Scan, real: str, tables: frozenset[str], tape: tuple[Node, ...], checkpoints: bool) -> Kernel:
    """Print the kernel forward.

    Args:
        scan: What to run.
        real: ``float`` or ``double``.
        tables: Names of the coefficients that are tables along the lanes.
        tape: Nodes to save in every step.
        checkpoints: Whether to save the states every ``interval`` steps.
    """
    w = _Writer(scan, real, tables)
    w.reserve(w.program)
    f, d = w.f, w.d
    w.load_coefficients(dict.fromkeys(n for n in w.program if n.kind == "coefficient"))
    for name, type_ in scan.types.items():
        w.copy(w.strip_of(f"state.{name}", d.memory(type_)), w.buffers[f"state.{name}"], d.memory(type_))
    with f.loop("t", w.argument("T")) as t:
        if checkpoints:
            length = interval(scan.step)
            rest = f.value(f"srem i64 {t}, {length}")
            number = f.value(f"sdiv i64 {t}, {length}")
            due = f.value(f"icmp eq i64 {rest}, 0")
            later = f.value(f"icmp sgt i64 {t}, 0")
            with f.when(f.value(f"and i1 {due}, {later}")):
                index = f.value(f"sub i64 {number}, 1")
                for name, type_ in scan.types.items():
                    m = d.memory(type_)
                    w.copy(w.buffers[f"state.{name}"], w.row(f"check.{name}", m, index), m)
        rows = {n: w.row(f"tape.{j}", d.memory(n.type), t) for j, n in enumerate(tape)}
        w.forward_step(t, True, rows)
    for name, type_ in scan.types.items():
        w.copy(w.buffers[f"state.{name}"], w.strip_of(f"final.{name}", d.memory(type_)), d.memory(type_))
    return w.kernel("forward", f)


@dataclass(frozen=True)
class Wanted:
    """Which gradients a backward kernel returns.

    Attributes:
        inputs: Names of inputs.
        held: Those of them that are the same in all steps: their gradient is summed over the steps.
        coefficients: Names of coefficients.
    """

    inputs: frozenset[str]
    held: frozenset[str]
    coefficients: frozenset[str]


def backward_kernel(adjoint: Adjoint, real: str, tables: frozenset[str], wanted: Wanted, low: bool) -> Kernel:
    """Print the kernel backward; with ``low`` the tape is computed again, from checkpoint to checkpoint."""
    return _Backward(adjoint, real, tables, wanted, low).print()


class _Backward(_Writer):
    def __init__(self, adjoint: Adjoint, real: str, tables: frozenset[str], wanted: Wanted, low: bool):
        super().__init__(adjoint.scan, real, tables)
        self.adjoint, self.wanted, self.low = adjoint, wanted, low
        self.gradients = {name: n for name, n in adjoint.inputs.items() if name in wanted.inputs}
        self.slopes = {name: n for name, n in adjoint.coefficients.items() if name in wanted.coefficients}
        self.sums = {f"coef.{name}": n for name, n in self.slopes.items()}  # summed over the steps
        self.sums |= {f"x.{name}": n for name, n in self.gradients.items() if name in wanted.held}

    def print(self) -> Kernel:
        """Write segment after segment, the last first."""
        f, d = self.f, self.d
        nodes = topological([*self.adjoint.roots, *self.adjoint.previous.values(), *self.program])
        self.reserve(nodes)
        for state in self.adjoint.states:
            self.buffer(f"g.{state}", d.real)
        for name in self.sums:
            self.buffer(f"sum.{name}", "double")
        for name in self.adjoint.previous:
            self.buffer(f"old.{name}", d.memory(self.scan.types[name]))
        self.load_coefficients(dict.fromkeys(n for n in nodes if n.kind == "coefficient"))
        for name in self.sums:
            self.fill(self.buffers[f"sum.{name}"])
        for state in self.adjoint.states:
            self.copy(self.strip_of(f"g.final.{state}", d.real), self.buffers[f"g.{state}"], d.real)
        self._segments()
        for state in self.adjoint.states:
            self.copy(self.buffers[f"g.{state}"], self.strip_of(f"g.state.{state}", d.real), d.real)
        self._flush()
        return self.kernel("backward, low" if self.low else "backward", f)

    def _segments(self) -> None:
        f = self.f
        steps = self.argument("T")
        if not self.low:
            rows = [(self.argument(f"tape.{j}"), n) for j, n in enumerate(self.adjoint.tape)]
            tape = [(self.f.at(self.d.memory(n.type), p, "%lo"), n) for p, n in rows]
            start = {name: self._start(f"state.{name}", type_) for name, type_ in self.scan.types.items()}
            self._reverse("0", steps, tape, self.argument("M"), start)
            return
        length = interval(self.scan.step)
        more = f.value(f"add i64 {steps}, {length - 1}")
        count = f.value(f"sdiv i64 {more}, {length}")
        with f.loop("segment", count) as s:
            last = f.value(f"sub i64 {count}, 1")
            segment = f.value(f"sub i64 {last}, {s}")
            begin = f.value(f"mul i64 {segment}, {length}")
            behind = f.value(f"add i64 {begin}, {length}")
            end = f.value(f"call i64 @llvm.smin.i64(i64 {behind}, i64 {steps})")
            start = {name: self._checkpoint(name, type_, segment) for name, type_ in self.scan.types.items()}
            tape = [(self._scratch(f"scratch.{j}", n, length), n) for j, n in enumerate(self.adjoint.tape)]
            if tape:
                self._recompute(begin, end, tape, start)
            self._reverse(begin, end, tape, str(STRIP), start)

    def _start(self, name: str, type_: str) -> str:
        return self.strip_of(name, self.d.memory(type_))

    def _checkpoint(self, name: str, type_: str, segment: str) -> str:
        """Return the address of a state before a segment: the initial one, or that of a checkpoint."""
        m = self.d.memory(type_)
        first = self.f.value(f"icmp eq i64 {segment}, 0")
        index = self.f.value(f"sub i64 {segment}, 1")
        saved = self.row(f"check.{name}", m, index)
        return self.f.value(f"select i1 {first}, ptr {self._start(f'state.{name}', type_)}, ptr {saved}")

    def _scratch(self, name: str, n: Node, rows: int) -> str:
        self.scratch[name] = (self.d.memory(n.type), rows)
        return f'%"{name}"'

    def _recompute(self, begin: str, end: str, tape: list[tuple[str, Node]], start: dict[str, str]) -> None:
        for name, type_ in self.scan.types.items():
            self.copy(start[name], self.buffers[f"state.{name}"], self.d.memory(type_))
        with self.f.loop("again", end, begin) as t:
            self.forward_step(t, False, self._rows(tape, t, begin, str(STRIP)))

    def _rows(self, tape: list[tuple[str, Node]], t: str, begin: str, step: str) -> dict[Node, str]:
        number = self.f.value(f"sub i64 {t}, {begin}")
        offset = self.f.value(f"mul i64 {number}, {step}")
        return {n: self.f.at(self.d.memory(n.type), pointer, offset) for pointer, n in tape}

    def _reverse(self, begin: str, end: str, tape: list[tuple[str, Node]], step: str, start: dict[str, str]) -> None:
        f = self.f
        count = f.value(f"sub i64 {end}, {begin}")
        with f.loop("back", count) as k:
            below = f.value(f"add i64 {k}, 1")
            t = f.value(f"sub i64 {end}, {below}")
            first = f.value(f"icmp eq i64 {t}, {begin}")
            before = f.value(f"sub i64 {t}, 1")
            rows = self._rows(tape, t, begin, step)
            previous = self._rows(tape, before, begin, step) if self.adjoint.previous else {}
            old = {name: self._old(name, n, first, previous, start) for name, n in self.adjoint.previous.items()}
            self._backward_step(t, rows, old)

    def _old(self, name: str, n: Node, first: str, rows: dict[Node, str], start: dict[str, str]) -> str:
        """Return where a state before the step lies: on the tape, at the start, or computed into a buffer."""
        f, m = self.f, self.d.memory(n.type)
        if n in rows:
            return f.value(f"select i1 {first}, ptr {start[name]}, ptr {rows[n]}")
        buffer = self.buffers[f"old.{name}"]
        with f.when(first):
            self.copy(start[name], buffer, m)
        with f.when(f.value(f"xor i1 {first}, true")), f.loop("before", "%w") as i:

            def leaf(inner: Node) -> str:
                if inner in rows:
                    return self.from_memory(inner.type, rows[inner], i)
                return self.coefficient(inner, i) if inner.kind == "coefficient" else ""

            self.to_memory(n.type, Lane(f, self.d, leaf)(n), buffer, i)
        return buffer

    def _backward_step(self, t: str, rows: dict[Node, str], old: dict[str, str]) -> None:
        f, d = self.f, self.d
        roots = [*self.adjoint.states.values(), *self.gradients.values(), *self.slopes.values()]
        nodes = topological(roots)
        inputs = {n: self.input_row(n, t) for n in self._read(roots) if n.kind == "input" and n is not ALIVE}
        shown = [n for n in nodes if n.kind == "gradient" and n.value[0] == "output"]
        incoming = {n: self._incoming(n, t) for n in shown}
        out = {name: self.row(f"g.x.{name}", d.real, t) for name in self.gradients if name not in self.wanted.held}
        draws = self.draws([n for n in self._read(roots) if n.kind == "noise" and n not in rows], t)
        time = self.time(t) if any(n.kind == "time" for n in nodes) else ""
        with f.loop("lane", "%w") as i:

            def leaf(n: Node) -> str:
                if n in rows:
                    return self.from_memory(n.type, rows[n], i)
                if n.kind == "state":
                    return self.from_memory(n.type, old[n.value], i)
                if n.kind == "gradient":
                    of, name = n.value
                    return f.load(d.real, incoming[n] if of == "output" else self.buffers[f"g.{name}"], i, hint="g")
                if n is ALIVE:
                    return self.alive(t, i)
                if n.kind == "input":
                    return f.load(d[n.type], inputs[n], i, hint="x")
                if n.kind == "coefficient":
                    return self.coefficient(n, i)
                if n.kind == "noise":
                    return self.drawn(n, draws[n], i)
                return time if n.kind == "time" else ""

            lane = Lane(f, d, leaf)
            new = {n: lane(n) for n in roots}
            for name, n in self.adjoint.states.items():
                f.store(d.real, new[n], self.buffers[f"g.{name}"], i)
            for name, row in out.items():
                f.store(d.real, new[self.gradients[name]], row, i)
            for name in self.sums:
                self._accumulate(self.buffers[f"sum.{name}"], new[self.sums[name]], i)

    def _read(self, roots: list[Node]) -> list[Node]:
        """Return the nodes below the roots, not looking below the tape."""
        saved, order = set(self.adjoint.tape), dict[Node, None]()
        stack = list(roots)
        while stack:
            n = stack.pop()
            if n not in order:
                order[n] = None
                stack += [] if n in saved else n.args
        return list(order)

    def _incoming(self, n: Node, t: str) -> str:
        name = f"g.out.{n.value[1]}"
        return self.row(name, self.d.real, t, self.argument(f"{name}.step"))

    def _accumulate(self, buffer: str, value: str, i: str) -> None:
        """Add to a sum over the steps: in double, since its terms may cancel."""
        before = self.f.load("double", buffer, i)
        wide = value if self.d.real == "double" else self.f.value(f"fpext float {value} to double")
        self.f.store("double", self.f.value(f"fadd double {before}, {wide}"), buffer, i)

    def _flush(self) -> None:
        """Write out what was summed over the steps; for one number, its sum over the strip."""
        f = self.f
        for name in self.sums:
            buffer, target = self.buffers[f"sum.{name}"], f"g.{name}"
            if not name.startswith("coef.") or name[5:] in self.tables:
                self._narrowed(buffer, self.strip_of(target, self.d.real))
                continue
            strip = f.value(f"sdiv i64 %lo, {STRIP}")
            total = f.at("double", self.argument(target), strip)
            f.store("double", "0.0", total)
            with f.loop("sum", "%w") as i:
                term = f.load("double", buffer, i)
                f.store("double", f.value(f"fadd double {f.load('double', total)}, {term}"), total)

    def _narrowed(self, source: str, target: str) -> None:
        with self.f.loop("narrow", "%w") as i:
            value = self.f.load("double", source, i)
            if self.d.real == "float":
                value = self.f.value(f"fptrunc double {value} to float")
            self.f.store(self.d.real, value, target, i)
