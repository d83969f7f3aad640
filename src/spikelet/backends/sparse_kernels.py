"""The text of the kernels of `sparse_product`: indices of spikes, transposed tiles, and sums of listed rows, in LLVM.

The one that matters adds the listed rows of a tile: a row of sums stays in registers while the rows that the list
names stream from the cache. Each sum runs in the order of its list, with one rounding a term and whatever the width of
the vectors, so that neither the machine nor the number of threads shows. All kernels are serial, over a range of rows.

Vectors are written as wide as a tile (``<256 x float>``) and cut into registers by the compiler.
"""

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass

from spikelet.backends.llvm_printer import Function, number

_BYTES = {"float": 4, "double": 8}
READ, WRITE = "ptr noalias readonly", "ptr noalias"


@dataclass(frozen=True)
class Host:
    """What the kernels need to know of a machine.

    Attributes:
        bytes: of a vector register.
        registers: how many of them may hold sums; a power of two.
        compress: whether it can write chosen entries of a vector side by side (AVX-512).
    """

    bytes: int
    registers: int
    compress: bool

    def lanes(self, real: str) -> int:
        """Return how many numbers a register holds."""
        return self.bytes // _BYTES[real]

    def widths(self, real: str) -> tuple[int, ...]:
        """Return the widths of tiles whose sums stay in registers, ascending."""
        return tuple(self.lanes(real) << i for i in range(self.registers.bit_length()))


def host(features: Set[str]) -> Host:
    """Return what the kernels need to know of a CPU with these features, such as ``{"+avx2", "-avx512f"}``."""
    if "+avx512f" in features:
        return Host(64, 16, True)
    return Host(32, 8, False) if "+avx" in features else Host(16, 8, False)


def tile_module(real: str, host: Host) -> str:
    """Return the text of ``pack`` and ``transpose``."""
    return "\n".join([_pack(real), _Transpose(real, host.lanes(real)).text()])


def rows_module(real: str, width: int, graded: bool) -> str:
    """Return the text of ``rows`` for tiles of a width; ``graded``: a row counts as often as its entry's value says."""
    kind = f"<{width} x {real}>"
    multiply_add = f"declare {kind} @llvm.fma.v{width}f{8 * _BYTES[real]}({kind}, {kind}, {kind})"
    return "\n".join([_rows(real, width, graded), multiply_add if graded else ""])


class Kernel(Function):
    """A function over real numbers of one type, with vectors and variables."""

    def __init__(self, head: str, real: str):
        super().__init__(head)
        self.real, self.bytes = real, _BYTES[real]
        self.zero, self.one = number(0.0, real), number(1.0, real)
        self.types: dict[str, str] = {}

    def variable(self, type_: str, first: str) -> str:
        """Declare a variable, in the entry block, where it becomes a register."""
        name = self.value(f"alloca {type_}, align 64", "v")
        self.types[name] = type_
        self.set(name, first)
        return name

    def get(self, variable: str) -> str:
        """Read a variable."""
        return self.value(f"load {self.types[variable]}, ptr {variable}, align 64")

    def set(self, variable: str, value: str) -> None:
        """Write a variable."""
        self.do(f"store {self.types[variable]} {value}, ptr {variable}, align 64")

    def vector(self, width: int) -> str:
        """Return the type of ``width`` numbers."""
        return f"<{width} x {self.real}>"

    def numbers(self, width: int, address: str) -> str:
        """Load ``width`` numbers from anywhere."""
        return self.value(f"load {self.vector(width)}, ptr {address}, align {self.bytes}")

    def put(self, width: int, numbers: str, address: str) -> None:
        """Store ``width`` numbers anywhere."""
        self.do(f"store {self.vector(width)} {numbers}, ptr {address}, align {self.bytes}")

    def everywhere(self, type_: str, width: int, value: str) -> str:
        """Return a vector of ``width`` times the same value."""
        kind = f"<{width} x {type_}>"
        one = self.value(f"insertelement {kind} poison, {type_} {value}, i64 0")
        return self.value(f"shufflevector {kind} {one}, {kind} poison, <{width} x i32> zeroinitializer")

    def calculate(self, operation: str, a: str, b: str | int, type_: str = "i64") -> str:
        """Return ``a operation b``."""
        return self.value(f"{operation} {type_} {a}, {b}")

    @contextmanager
    def repeat(self, test: Callable[[], str]) -> Iterator[None]:
        """Write a loop that runs while the i1 that ``test`` writes holds."""
        name = self.fresh("repeat")
        self.do(f"br label %{name}.test")
        self.label(f"{name}.test")
        self.do(f"br i1 {test()}, label %{name}.body, label %{name}.end")
        self.label(f"{name}.body")
        yield
        self.do(f"br label %{name}.test")
        self.label(f"{name}.end")

    @contextmanager
    def entries(self) -> Iterator[tuple[str, str, str]]:
        """Write a loop over the entries of rows lo to hi and yield row, entry and column."""
        with self.loop("r", "%hi", "%lo") as r:
            with self.loop("e", self.load("i64", "%stop", r), self.load("i64", "%start", r)) as e:
                yield r, e, self.value(f"zext i32 {self.load('i32', '%columns', e)} to i64")

    def add_listed(self, total: str, width: int, ends: tuple[str, str], graded: bool) -> None:
        """Set a variable to the sum of the rows of the tile that the list names from one of its ends to the other."""
        kind = self.vector(width)
        self.set(total, "zeroinitializer")
        with self.loop("e", ends[1], ends[0]) as e:
            listed = self.value(f"zext i32 {self.load('i32', '%list', e)} to i64")
            row = self.numbers(width, self.at(self.real, "%tile", self.calculate("mul", listed, width)))
            if graded:
                value = self.everywhere(self.real, width, self.load(self.real, "%values", e))
                terms = f"{kind} {row}, {kind} {value}, {kind} {self.get(total)}"
                result = self.value(f"call {kind} @llvm.fma.v{width}f{8 * self.bytes}({terms})")
            else:
                result = self.calculate("fadd", self.get(total), row, kind)
            self.set(total, result)


# -- tiles ------------------------------------------------------------------------------------------------------------


def _pack(real: str) -> str:
    """``pack``: copy rows of ``width`` numbers, ``stride`` apart, to rows ``to_stride`` apart; add them to the sums."""
    f = Kernel(
        f"void @pack({READ} %x, i64 %stride, i64 %rows, i64 %width, {WRITE} %to, i64 %to_stride, {WRITE} %sums)",
        real,
    )
    with f.loop("r", "%rows") as r:
        source = f.at(real, "%x", f.calculate("mul", r, "%stride"))
        target = f.at(real, "%to", f.calculate("mul", r, "%to_stride"))
        with f.loop("c", "%width") as c:
            number_ = f.load(real, source, c)
            f.store(real, number_, target, c)
            wide = f.value(f"fpext float {number_} to double") if real == "float" else number_
            f.store("double", f.calculate("fadd", f.load("double", "%sums", c), wide, "double"), "%sums", c)
    return f.text()


class _Transpose(Kernel):
    """Writes ``transpose``: to[c, r] = x[r, c]; ``result`` becomes 0, or NaN where a number is not finite.

    Squares of one register a side are turned by merging rows i and i + half, once for each power of two. They go along
    the rows of x, or of ``to`` where ``along`` is false: along those that lie in slower memory.
    """

    def __init__(self, real: str, side: int):
        super().__init__(
            f"void @transpose({READ} %x, i64 %stride, i64 %rows, i64 %width, {WRITE} %to, i64 %to_stride, i1 %along, "
            f"{WRITE} %result)",
            real,
        )
        self.side = side
        self.nothing = self.variable(self.vector(side), "zeroinitializer")  # what is not finite, times 0, is NaN
        rows, columns = (self.calculate("sdiv", size, side) for size in ("%rows", "%width"))
        outer, inner = self._ordered(rows, columns)
        with self.loop("s", outer) as s, self.loop("t", inner) as t:
            r, c = self._ordered(s, t)
            self._square(self.calculate("mul", r, side), self.calculate("mul", c, side))
        whole, wide = self.calculate("mul", rows, side), self.calculate("mul", columns, side)
        self._edge("0", whole, wide)
        self._edge(whole, "%rows", "0")
        self.store(real, self._total(), "%result")

    def _ordered(self, a: str, b: str) -> tuple[str, str]:
        """Return a and b, the other way round where squares are to follow the rows of ``to``."""
        first = self.value(f"select i1 %along, i64 {a}, i64 {b}")
        return first, self.value(f"select i1 %along, i64 {b}, i64 {a}")

    def _square(self, row: str, column: str) -> None:
        side, kind = self.side, self.vector(self.side)
        lines = [self.numbers(side, self._address("%x", "%stride", row, column, i)) for i in range(side)]
        self._check(lines)
        low = [position // 2 + side * (position % 2) for position in range(side)]
        masks = [f"<{', '.join(f'i32 {i + shift}' for i in low)}>" for shift in (0, side // 2)]
        for _ in range(side.bit_length() - 1):
            lines = [
                self.value(f"shufflevector {kind} {a}, {kind} {b}, <{side} x i32> {mask}")
                for a, b in zip(lines[: side // 2], lines[side // 2 :], strict=True)
                for mask in masks
            ]
        for i, line in enumerate(lines):
            self.put(side, line, self._address("%to", "%to_stride", column, row, i))

    def _address(self, matrix: str, stride: str, row: str, column: str, more: int) -> str:
        at = self.calculate("mul", self.calculate("add", row, more), stride)
        return self.at(self.real, matrix, self.calculate("add", at, column))

    def _edge(self, first: str, last: str, column: str) -> None:
        """Turn what is left beside the squares, number by number."""
        with self.loop("r", last, first) as r, self.loop("c", "%width", column) as c:
            one = self.load(self.real, self._address("%x", "%stride", r, c, 0))
            self._check(
                [self.value(f"insertelement {self.vector(self.side)} zeroinitializer, {self.real} {one}, i64 0")]
            )
            self.store(self.real, one, self._address("%to", "%to_stride", c, r, 0))

    def _check(self, lines: list[str]) -> None:
        kind = self.vector(self.side)
        terms = [self.calculate("fmul", line, "zeroinitializer", kind) for line in lines]
        while len(terms) > 1:
            terms = [self.calculate("fadd", a, b, kind) for a, b in zip(terms[::2], terms[1::2], strict=True)]
        self.set(self.nothing, self.calculate("fadd", self.get(self.nothing), terms[0], kind))

    def _total(self) -> str:
        kind, total = self.vector(self.side), self.zero
        line = self.get(self.nothing)
        for i in range(self.side):
            total = self.calculate("fadd", total, self.value(f"extractelement {kind} {line}, i64 {i}"), self.real)
        return total


# -- sums of listed rows ----------------------------------------------------------------------------------------------


def _rows(real: str, width: int, graded: bool) -> str:
    """``rows``: each row r of ``out`` is a row of ``base`` and the sum of the rows of the tile that list r names."""
    values = f"{READ} %values, " if graded else ""
    f = Kernel(
        f"void @rows(i64 %lo, i64 %hi, {READ} %list, {READ} %start, {READ} %stop, {values}{READ} %tile, "
        "ptr %base, i64 %base_stride, ptr %out, i64 %stride, i64 %columns)",
        real,
    )
    kind = f.vector(width)
    total, spare = f.variable(kind, "zeroinitializer"), f.value(f"alloca {kind}, align 64")
    whole = f.value(f"icmp eq i64 %columns, {width}")
    part = f.value(f"xor i1 {whole}, true")
    with f.loop("r", "%hi", "%lo") as r:
        ends = f.load("i64", "%start", r), f.load("i64", "%stop", r)
        f.add_listed(total, width, ends, graded)
        base = f.numbers(width, f.at(real, "%base", f.calculate("mul", r, "%base_stride")))
        result = f.calculate("fadd", base, f.get(total), kind)
        target = f.at(real, "%out", f.calculate("mul", r, "%stride"))
        with f.when(whole):
            f.put(width, result, target)
        with f.when(part):
            f.do(f"store {kind} {result}, ptr {spare}, align 64")
            with f.loop("c", "%columns") as c:
                f.store(real, f.load(real, spare, c), target, c)
    return f.text()
