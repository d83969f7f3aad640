"""The two kernels of a scan: forward over T steps, and backward from the last step to the first."""

from spikelet.backends.fused import Wanted, interval
from spikelet.backends.llvm_kernels import Kernel, Writer
from spikelet.backends.llvm_printer import Lane
from spikelet.ir.adjoint import Adjoint
from spikelet.ir.nodes import Node, topological
from spikelet.ir.scan import ALIVE, Scan


def forward_kernel(
    scan: Scan,
    real: str,
    tables: frozenset[str],
    tape: tuple[Node, ...],
    checkpoints: bool,
    target: str | None = None,
) -> Kernel:
    """Print the kernel forward.

    Args:
        scan: What to run.
        real: ``float`` or ``double``.
        tables: Names of the coefficients that are tables along the lanes.
        tape: Nodes to save in every step.
        checkpoints: Whether to save the states every ``interval`` steps.
        target: Input to which the recurrence delivers.
    """
    w = Writer(scan, real, tables, target)
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


def single_kernel(scan: Scan, real: str, tables: frozenset[str]) -> Kernel:
    """Print the kernel of one step forward, which has the arguments of ``forward_kernel`` and takes its T for 1.

    The states change where they are, ``state.NAME``, and there is no ``final.NAME``: over one step, copies of them
    would take as long as the step.
    """
    w = Writer(scan, real, tables)
    w.reserve(w.program, states=False)
    w.argument("T")
    w.load_coefficients(dict.fromkeys(n for n in w.program if n.kind == "coefficient"))
    for name, type_ in scan.types.items():
        w.buffers[f"state.{name}"] = w.strip_of(f"state.{name}", w.d.memory(type_))
    w.forward_step("0", True, {})
    return w.kernel("one step", w.f)


def backward_kernel(
    adjoint: Adjoint, real: str, tables: frozenset[str], wanted: Wanted, low: bool, target: str | None = None
) -> Kernel:
    """Print the kernel backward; with ``low`` the tape is computed again, from checkpoint to checkpoint."""
    return _Backward(adjoint, real, tables, wanted, low, target).print()


class _Backward(Writer):
    def __init__(
        self, adjoint: Adjoint, real: str, tables: frozenset[str], wanted: Wanted, low: bool, target: str | None
    ):
        super().__init__(adjoint.scan, real, tables, target)
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
            self._reverse(begin, end, tape, self.strip, start)

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
            self.forward_step(t, False, self._rows(tape, t, begin, self.strip))

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

            self.to_memory(n.type, Lane(f, self.d, leaf, self.reciprocal)(n), buffer, i)
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
        if self.feedback is not None:
            self.feedback.backward(t)
        with self.lanes() as i:

            def leaf(n: Node) -> str:
                if n in rows:
                    return self.from_memory(n.type, rows[n], i)
                if n.kind == "state":
                    return self.from_memory(n.type, old[n.value], i)
                if n.kind == "gradient":
                    return self._gradient(n, incoming, i)
                if n in inputs:
                    return f.load(d[n.type], inputs[n], i, hint="x")
                return self.leaf(n, draws, time, t, i)

            lane = Lane(f, d, leaf, self.reciprocal)
            new = {n: lane(n) for n in roots}
            for name, n in self.adjoint.states.items():
                f.store(d.real, new[n], self.buffers[f"g.{name}"], i)
            for name, row in out.items():
                f.store(d.real, new[self.gradients[name]], row, i)
            for name in self.sums:
                self._accumulate(self.buffers[f"sum.{name}"], new[self.sums[name]], i)

    def _gradient(self, n: Node, incoming: dict[Node, str], i: str) -> str:
        of, name = n.value
        if of == "state":
            return self.f.load(self.d.real, self.buffers[f"g.{name}"], i, hint="g")
        value = self.f.load(self.d.real, incoming[n], i, hint="g")
        return value if self.feedback is None else self.feedback.gained(n, value, i)

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
        return self.row(name, self.d.real, t, self.argument(f"{name}#step"))

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
            strip = f.value(f"sdiv i64 %lo, {self.strip}")
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
