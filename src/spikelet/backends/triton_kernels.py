"""The kernels of a scan as Triton source: forward over T steps, and backward. What they are made of: ``triton_writer``.

A model that may be refractory has two programs: one for blocks of lanes where none is or ever will be, which has less
to save, and one for all others. Each block finds out by itself, so that nobody has to look at values beforehand.
"""

from collections.abc import Callable, Mapping, Sequence

from spikelet.backends.fused import Wanted, interval
from spikelet.backends.printer import bare
from spikelet.backends.triton_printer import Lane
from spikelet.backends.triton_writer import SMALL, Kernel, Row, Way, Writer
from spikelet.ir import simplify as s
from spikelet.ir.adjoint import Adjoint
from spikelet.ir.lower import REFRACTORY
from spikelet.ir.nodes import Node, topological
from spikelet.ir.scan import Scan, refractory_steps

Tape = tuple[Node, ...]


def has_quiet_variant(scan: Scan) -> bool:
    """Return whether a block can find out that none of its lanes will be refractory, and gains much by it."""
    duration = refractory_steps(scan.step)
    known = REFRACTORY in scan.types and duration is not None and duration.kind == "coefficient"
    return known and len(topological(scan.roots)) <= SMALL


def numbered(tape: Tape) -> dict[Node, str]:
    """Return the place of each node of a tape: its type and its number among those of that type."""
    found: dict[Node, str] = {}
    counts = {"real": 0, "int": 0, "bool": 0}
    for n in tape:
        found[n] = f"{n.type}{counts[n.type]}"
        counts[n.type] += 1
    return found


def _either(w: Writer, prefix: str, variants: Sequence[Callable[[], None]]) -> None:
    """Write the variants, and the choice between them."""
    full, *quiet = variants
    if not quiet:
        full()
        return
    duration = refractory_steps(w.scan.step)
    assert duration is not None  # has_quiet_variant
    busy = f"({prefix}_{REFRACTORY} != 0) | ({w.coefficients[duration]} != 0)"
    w.add(f"refractory = tl.max(({busy}).to(tl.int32), axis=0)")
    with w.lines.block("if refractory == 0:"):
        quiet[0]()
    with w.lines.block("else:"):
        full()


def forward_kernel(
    variants: Sequence[Scan], real: str, tables: frozenset[str], tapes: Sequence[Tape], checkpoints: bool
) -> Kernel:
    """Print the kernel forward.

    Args:
        variants: What to run; the second one, if there is one, where no lane of a block is ever refractory.
        real: ``float32`` or ``float64``.
        tables: Names of the coefficients that are tables along the lanes.
        tapes: Nodes to save in every step, for each variant.
        checkpoints: Whether to save the states every ``interval`` steps.
    """
    full = variants[0]
    w = Writer(full, real, tables)
    w.read(topological([root for scan in variants for root in scan.roots]))
    for name, type_ in full.types.items():
        w.load(f"s_{name}", f"state_{name}", type_)

    def run(scan: Scan, tape: Tape) -> None:
        w.scan = scan
        nodes = topological(scan.roots)
        inputs = w.inputs(nodes)

        def step() -> None:
            if checkpoints:
                _checkpoint(w, interval(full.step))
            w.forward_step(inputs, True, {n: f"tape_{place}" for n, place in numbered(tape).items()})

        w.loop(
            Way.of(len(nodes), "0", "T", back=False, often=scan is variants[-1] and not checkpoints),
            inputs.values(),
            step,
        )

    _either(w, "s", [lambda v=v: run(*v) for v in zip(variants, tapes, strict=True)])
    for name, type_ in full.types.items():
        w.store(f"final_{name}", f"s_{name}", type_)
    return w.kernel("forward", "forward")


def _checkpoint(w: Writer, length: int) -> None:
    with w.lines.block(f"if (t > 0) & (t % {length} == 0):"):
        w.add(f"check = (t // {length} - 1) * M + lane")
        for name, type_ in w.scan.types.items():
            w.store(f"check_{name}", f"s_{name}", type_, "check")


def backward_kernel(
    variants: Sequence[Adjoint], real: str, tables: frozenset[str], wanted: Wanted, low: bool
) -> Kernel:
    """Print the kernel backward; with ``low`` the tape is computed again, from checkpoint to checkpoint."""
    return _Backward(variants, real, tables, wanted, low).print()


class _Backward:
    def __init__(self, variants: Sequence[Adjoint], real: str, tables: frozenset[str], wanted: Wanted, low: bool):
        self.variants, self.wanted, self.low = variants, wanted, low
        self.states = tuple(variants[0].states)
        self.w = Writer(variants[0].scan, real, tables)
        self.length = interval(variants[0].scan.step)

    def print(self) -> Kernel:
        """Write what goes before the loops, the loops, and what goes out."""
        w, wanted = self.w, self.wanted
        variants = self.variants
        nodes = [n for a in variants for n in self._read(a)]
        nodes += topological([n for a in variants for n in a.previous.values()])
        nodes += topological([n for a in variants for n in a.scan.roots]) if self.low or len(variants) > 1 else []
        w.read(dict.fromkeys(nodes), {name: old for a in variants for name, old in a.reciprocals.items()})
        for name, type_ in w.scan.types.items():
            w.load(f"b_{name}", f"state_{name}", type_)
        for name in self.states:
            w.load(f"g_{name}", f"gfinal_{name}", "real")
        sums = [f"ain_{name}" for name in sorted(wanted.held)] + [f"acoef_{n}" for n in sorted(wanted.coefficients)]
        for name in sums:
            w.add(f"{name} = {w.d.constant(0.0, 'real')}")
        _either(w, "b", [lambda a=a: self._run(a) for a in variants])
        for name in self.states:
            w.store(f"gstate_{name}", f"g_{name}", "real")
        for name in sorted(wanted.held):
            w.store(f"gin_{name}", f"ain_{name}", "real")
        for name in sorted(wanted.coefficients):
            self._store_sum(name)
        return w.kernel("backward", "backward, low" if self.low else "backward")

    def _store_sum(self, name: str) -> None:
        if name in self.w.tables:
            self.w.store(f"gcoef_{name}", f"acoef_{name}", "real")
            return
        total = f"tl.sum(tl.where(inside, acoef_{name}, 0.0).to(tl.float64), axis=0)"
        self.w.add(f"tl.store({self.w.argument(f'gcoef_{name}')} + tl.program_id(0), {total})")

    def _roots(self, a: Adjoint) -> dict[str, Node]:
        """Return what a step computes, by the variable that takes it."""
        zero = s.const(0.0)
        found = {f"g_{name}": a.states.get(name, zero) for name in self.states}
        found |= {f"gin_{name}": a.inputs.get(name, zero) for name in sorted(self.wanted.inputs)}
        return found | {f"acoef_{n}": a.coefficients.get(n, zero) for n in sorted(self.wanted.coefficients)}

    def _read(self, a: Adjoint) -> list[Node]:
        """Return the nodes below the roots, not looking below the tape."""
        saved, order = set(a.tape), dict[Node, None]()
        stack = list(self._roots(a).values())
        while stack:
            n = stack.pop()
            if n not in order:
                order[n] = None
                stack += [] if n in saved else n.args
        return list(order)

    def _run(self, a: Adjoint) -> None:
        w, places = self.w, numbered(a.tape)
        w.scan = a.scan
        if not self.low:
            rows = {n: Row("y", place, f"tape_{place}", "M", n.type) for n, place in places.items()}
            self._reverse(a, "0", "T", rows)
            return
        w.add(f"segments = (T + {self.length - 1}) // {self.length}")
        with w.lines.block("for c in tl.range(0, segments):"):
            w.add("segment = segments - 1 - c")
            w.add(f"begin = segment * {self.length}")
            w.add(f"end = tl.minimum(begin + {self.length}, T)")
            w.add("later = lane * 0 + segment > 0")
            for name, type_ in w.scan.types.items():
                self._before_segment(name, type_)
            if a.tape:
                self._recompute({n: f"scratch_{place}" for n, place in places.items()})
            rows = {n: Row("y", place, f"scratch_{place}", "M", n.type, "begin") for n, place in places.items()}
            self._reverse(a, "begin", "end", rows)
            if a.tape:
                w.add("tl.debug_barrier()")

    def _before_segment(self, name: str, type_: str) -> None:
        w = self.w
        address = f"{w.argument(f'check_{name}')} + (segment - 1) * M + at"
        saved = w.d.loaded(address, type_, mask="later")
        w.add(f"b_{name} = tl.where(later, {saved}, {w.d.loaded(f'state_{name} + at', type_)})")

    def _recompute(self, tape: Mapping[Node, str]) -> None:
        w = self.w
        for name in w.scan.types:
            w.add(f"s_{name} = b_{name}")
        nodes = topological([*w.scan.updates.values(), *tape])
        inputs = w.inputs(nodes)
        way = Way.of(len(nodes), "begin", "end", back=False, often=False)
        w.loop(way, inputs.values(), lambda: w.forward_step(inputs, False, tape))
        w.add("tl.debug_barrier()")  # what one thread wrote another one may read

    def _reverse(self, a: Adjoint, begin: str, end: str, tape: Mapping[Node, Row]) -> None:
        w, nodes = self.w, self._read(a)
        inputs = w.inputs(n for n in nodes if n not in tape)
        shown = {n: n.value[1] for n in nodes if n.kind == "gradient" and n.value[0] == "output"}
        incoming = {n: Row("h", k, f"gout_{k}", w.argument(f"gstride_{k}"), "real") for n, k in shown.items()}
        rows = (*tape.values(), *inputs.values(), *incoming.values())
        leaves = {n: row.variable(0) for group in (inputs, incoming, tape) for n, row in group.items()}
        leaves |= {n: f"g_{n.value[1]}" for n in nodes if n.kind == "gradient" and n.value[0] == "state"}
        leaves |= {n: f"old_{n.value}" for n in nodes if n.kind == "state" and n not in tape}

        def step() -> None:
            self._old(a, begin, tape)
            roots = self._roots(a)
            known = Lane(w.lines, w.d, w.leaves(nodes, leaves), roots.values(), exact=False).write()
            self._results({name: known[n] for name, n in roots.items()})

        way = Way.of(len(nodes), begin, end, back=True, often=a is self.variants[-1] and not self.low)
        w.loop(way, rows, step)

    def _old(self, a: Adjoint, begin: str, tape: Mapping[Node, Row]) -> None:
        """Write the states before the step: those at the start, or what follows from the tape of the step before."""
        w = self.w
        leaves = w.coefficients | {n: row.variable(1) for n, row in tape.items()}
        known = Lane(w.lines, w.d, lambda n: leaves.get(n, ""), a.previous.values()).write()
        for name, n in a.previous.items():
            w.add(f"old_{name} = tl.where(t == {begin}, b_{name}, {bare(known[n])})")

    def _results(self, texts: Mapping[str, str]) -> None:
        w = self.w
        for name, text in texts.items():
            if name.startswith("g_"):
                w.add(f"new_{name} = {bare(text)}")
        if self.wanted.inputs - self.wanted.held:
            w.add("here = t * M + lane")
        for name, text in texts.items():
            prefix, _, own = name.partition("_")
            if prefix == "gin" and own not in self.wanted.held:
                w.store(name, text, "real", "here")
            elif prefix != "g":
                total = f"ain_{own}" if prefix == "gin" else name
                w.add(f"{total} = {total} + {text}")
        for name in texts:
            if name.startswith("g_"):
                w.add(f"{name} = new_{name}")
