"""What the Triton kernels of a scan are written with: arguments, loads, and the loop over the steps.

An instance of a kernel runs one block of lanes (a lane is one neuron of one sample) through all steps, its states in
registers. What a step reads from memory is loaded some steps ahead, so that several loads are on their way while one
step computes. User names have a prefix, which ends at the first underscore. Arguments are numbers and pointers:

    T M start seed dt                    steps, lanes; first step (a pointer), seed, and dt as bits
    in_NAME  stride_NAME                 inputs, and elements from row to row (M, or 0 where the input is held)
    state_NAME  final_NAME               (M,) before and after
    coef_NAME  period_NAME  slope_NAME   one number, or a table of `period` entries; one of the surrogate
    out_NAME  check_NAME                 (T, M); states at checkpoints, (T/L, M)
    tape_TYPEJ  scratch_TYPEJ            node J of a type on the tape, (T, M); of a segment between checkpoints, (L, M)
    element  limits                      (M,) random element, (M,) valid steps
    gout_NAME  gstride_NAME  gfinal_NAME gradients that come in
    gin_NAME  gstate_NAME  gcoef_NAME    gradients that go out; of one number, a partial sum for each block

and values of a lane: s state, b state before a segment, old state before a step, x input, c coefficient, z coefficient
of the surrogate, r reciprocal, y tape, g gradient of a state, h gradient of an output, ain and acoef sums of gradients;
a digit tells how many rows ahead.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from spikelet.backends.fused import integer_type
from spikelet.backends.printer import bare
from spikelet.backends.triton_printer import ZERO_AND_ONE, Dialect, Lane, Lines
from spikelet.ir.nodes import Node, topological
from spikelet.ir.scan import ALIVE, Scan

SMALL = 64  # nodes of a step up to which memory, not arithmetic, is what a kernel waits for
_NUMBERS = ("T", "M", "seed", "dt")


@dataclass(frozen=True)
class Kernel:
    """A printed kernel: its name, its source, and the names of its arguments."""

    name: str
    text: str
    signature: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """Something that is read in each step: row t of a pointer.

    Attributes:
        prefix: Of its variables.
        name: Behind the prefix.
        pointer: Where row 0 is.
        stride: Elements from row to row.
        type: ``real``, ``int`` or ``bool``.
        base: The step to which row 0 belongs.
    """

    prefix: str
    name: str
    pointer: str
    stride: str
    type: str
    base: str = ""

    def variable(self, distance: int) -> str:
        """Return the variable that holds the row so many steps ahead."""
        return f"{self.prefix}{distance}_{self.name}"


@dataclass(frozen=True)
class Way:
    """A loop over the steps ``begin`` to ``end``, forward or backward, that loads ``depth`` rows ahead.

    In a loop that is unrolled ``depth`` times a row stays in the register into which it was loaded, and nobody waits
    for it before it is needed. Compilation takes far longer then, so that only the most used loops are.
    """

    begin: str
    end: str
    back: bool
    depth: int
    unrolled: bool

    @classmethod
    def of(cls, size: int, begin: str, end: str, *, back: bool, often: bool) -> "Way":
        """Return the way for a step of so many nodes: where there is much to compute, less is loaded ahead."""
        small = size <= SMALL
        return cls(begin, end, back, 4 if small else 2, small and often)

    def row(self, distance: int) -> str:
        """Return the row so far ahead of the first one; past the last one, the last one."""
        if self.back:
            return f"tl.maximum({self.end} - {1 + distance}, {self.begin})"
        first = str(distance) if self.begin == "0" else f"{self.begin} + {distance}"
        return f"tl.minimum({first}, {self.end} - 1)"

    @property
    def head(self) -> str:
        """The line that begins the loop; the other way, k counts."""
        count = self.end if self.begin == "0" else f"{self.end} - {self.begin}"
        first, last = ("0", count) if self.back else (self.begin, self.end)
        unroll = f", loop_unroll_factor={self.depth}" if self.unrolled else ""
        return f"for {'k' if self.back else 't'} in tl.range({first}, {last}{unroll}):"

    @property
    def ahead(self) -> str:
        """The row that is loaded in step t."""
        if self.back:
            return f"tl.maximum(t - {self.depth}, {self.begin})"
        return f"tl.minimum(t + {self.depth}, {self.end} - 1)"


class Writer:
    """What the two kernels share: arguments, coefficients, states, and the loop over the steps."""

    def __init__(self, scan: Scan, real: str, tables: frozenset[str]):
        self.scan, self.tables = scan, tables
        self.d, self.lines = Dialect(real, {"i32": "int32", "i64": "int64"}[integer_type(scan)]), Lines()
        self.arguments: dict[str, None] = dict.fromkeys(("T", "M"))
        self.coefficients: dict[Node, str] = {}
        self.add = self.lines.add
        self.add("lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)")
        self.add("inside = lane < M")
        self.add("at = tl.minimum(lane, M - 1)")  # a lane too many computes what the last one does
        for name, value in ZERO_AND_ONE.items():
            self.add(f"{name} = {self.d.block(repr(value), 'real')}")

    def argument(self, name: str) -> str:
        """Return an argument."""
        self.arguments[name] = None
        return name

    def load(self, variable: str, argument: str, type_: str) -> str:
        """Write the load of one number a lane."""
        self.add(f"{variable} = {bare(self.d.loaded(f'{self.argument(argument)} + at', type_))}")
        return variable

    def store(self, argument: str, value: str, type_: str, index: str = "lane") -> None:
        """Write the store of one number a lane."""
        value = f"{value}.to(tl.int8)" if type_ == "bool" else bare(value)
        self.add(f"tl.store({self.argument(argument)} + {index}, {value}, mask=inside)")

    def read(self, nodes: Iterable[Node], reciprocals: Mapping[str, str] | None = None) -> None:
        """Write the loads of coefficients, of what a draw needs, and of the ends of sequences."""
        kinds: set[str] = set()
        for n in nodes:
            kinds.add("alive" if n is ALIVE else n.kind)
            if n.kind == "coefficient" and n not in self.coefficients:
                self.coefficients[n] = self._coefficient(n, (reciprocals or {}).get(n.value, ""))
        if kinds & {"time", "noise"}:
            self.add(f"start_step = tl.load({self.argument('start')})")
        if "time" in kinds:
            self.add(f"step_size = {self.argument('dt')}.to(tl.int64).to(tl.float64, bitcast=True)")
        if "noise" in kinds:
            self.add(f"random_element = tl.load({self.argument('element')} + at)")
            self.argument("seed")
        if "alive" in kinds:
            self.add(f"valid_steps = tl.load({self.argument('limits')} + at)")

    def _coefficient(self, n: Node, inverse_of: str) -> str:
        prefix, name = ("r", inverse_of) if inverse_of else ("c", n.value)
        if name.startswith("surrogate."):
            prefix, name = "z", name.removeprefix("surrogate.")
        argument = self.argument(f"{'coef' if prefix != 'z' else 'slope'}_{name}")
        table = f"{argument} + at % {self.argument(f'period_{name}')}" if (inverse_of or n.value) in self.tables else ""
        value = f"tl.load({table or argument})"
        if n.type == "int" and self.d["int"] == "tl.int32":
            value = f"tl.minimum({value}, 2147483647)"
        if inverse_of:
            value = f"1.0 / {value}.to(tl.float64)"
        variable = f"{prefix}_{name}"
        self.add(f"{variable} = " + (f"({value}).to({self.d[n.type]})" if table else
                                     f"tl.full((BLOCK,), {value}, {self.d[n.type]})"))  # fmt: skip
        return variable

    def loop(self, way: Way, rows: Iterable[Row], step: Callable[[], None]) -> None:
        """Write a loop over steps around what ``step`` writes; it reads row t of ``rows`` from ``variable(0)``."""
        rows = list(dict.fromkeys(rows))
        for row in rows:
            for distance in range(way.depth):
                self._row(row, distance, way.row(distance))
        with self.lines.block(way.head):
            if way.back:
                self.add(f"t = {way.end} - 1 - k")
            if way.unrolled:
                step()  # the loads after it may then use the registers that it has read
            if rows:
                self.add(f"ahead = {way.ahead}")
            for row in rows:
                self._row(row, way.depth, "ahead")
            if not way.unrolled:
                step()
            for row in rows:
                for distance in range(way.depth):
                    self.add(f"{row.variable(distance)} = {row.variable(distance + 1)}")

    def _row(self, row: Row, distance: int, number: str) -> None:
        number = f"({number} - {row.base})" if row.base else number
        address = f"{self.argument(row.pointer)} + {number} * {row.stride} + at"
        self.add(f"{row.variable(distance)} = {bare(self.d.loaded(address, row.type))}")

    def inputs(self, nodes: Iterable[Node]) -> dict[Node, Row]:
        """Return the rows of the inputs among some nodes."""
        found = [n for n in nodes if n.kind == "input" and n is not ALIVE]
        return {n: Row("x", n.value, f"in_{n.value}", self.argument(f"stride_{n.value}"), n.type) for n in found}

    def leaves(self, nodes: Iterable[Node], more: Mapping[Node, str]) -> Callable[[Node], str]:
        """Write what belongs to the step as a whole, and return the texts of leaves; ``more`` goes before them."""
        found = self.coefficients | dict(more)
        for n in nodes:
            if n in found:
                continue
            if n is ALIVE:
                self.add("alive = t < valid_steps")
                found[n] = "alive"
            elif n.kind == "time":
                time = f"((start_step + t).to(tl.float64) * step_size).to({self.d['real']})"
                self.add(f"time = tl.full((BLOCK,), {time}, {self.d['real']})")
                found[n] = "time"
            elif n.kind == "noise":
                found[n] = self._draw(*n.value)
        return lambda n: found.get(n, "")

    def _draw(self, law: str, stream: int) -> str:
        variable = f"draw_{stream}"
        draw = f"sk.{law}(seed.to(tl.int64), start_step + t, random_element, {stream}).to({self.d['real']})"
        if law == "uniform" and self.d.single:  # rounding must not make it 1
            draw = f"tl.minimum({draw}, 0.999999940395355224609375)"
        self.add(f"{variable} = {draw}")
        return variable

    def forward_step(self, inputs: Mapping[Node, Row], shown: bool, tape: Mapping[Node, str]) -> None:
        """Write one step forward: new states, what is recorded (if ``shown``), and the tape: node -> pointer."""
        scan = self.scan
        outputs = scan.outputs if shown else {}
        roots = (*scan.updates.values(), *outputs.values(), *tape)
        nodes = topological(roots)
        states = {n: f"s_{n.value}" for n in nodes if n.kind == "state"}
        leaf = self.leaves(nodes, states | {n: row.variable(0) for n, row in inputs.items()})
        known = Lane(self.lines, self.d, leaf, roots).write()
        self.add("here = t * M + lane" if shown else "here = (t - begin) * M + lane")
        for name, n in outputs.items():
            self.store(f"out_{name}", known[n], n.type, "here")
        for n, pointer in tape.items():
            self.store(pointer, known[n], n.type, "here")
        for name, n in scan.updates.items():
            self.add(f"new_{name} = {bare(known[n])}")
        for name in scan.updates:
            self.add(f"s_{name} = new_{name}")

    def kernel(self, name: str, doc: str) -> Kernel:
        """Close the kernel."""
        numbers = {n for n in self.arguments if n in _NUMBERS or n.split("_")[0] in ("stride", "gstride", "period")}
        types = dict.fromkeys(numbers, "tl.int64") | {"T": "tl.int32"}
        given = ", ".join(f"{n}: {types[n]}" if n in types else n for n in self.arguments)
        doc = re.sub(r"[^A-Za-z0-9_ ,]", "_", f"{self.scan.step.name}, {doc} {self.scan.step.method}")
        head = f'@sk.kernel\ndef {name}({given}, BLOCK: tl.constexpr):\n    """{doc}"""\n'
        return Kernel(name, f"{head}{self.lines.text()}\n", tuple(self.arguments))
