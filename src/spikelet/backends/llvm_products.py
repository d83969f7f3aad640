"""Products with a matrix inside the time loop of a recurrent scan, as LLVM IR.

Both add to rows that are there, in the order of the inner index and with one rounding a term, so that they agree in
every bit: which of them ran cannot be seen in a result, nor can the number of threads.

    sk_gemm(a, lda, b, c, rows, n)       c[r, :] += sum over k of a[r, k] b[k, :], b and c of n columns
    sk_gather(list, count, a, b, c, n)   c[:] += sum over k in list of a[k] b[k, :]
"""

import functools

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import Function

_BYTES = {"float": 4, "double": 8}
_ROWS = (8, 4, 1)  # rows of sums that are held in registers together
_LISTED = 4  # listed rows added in one pass


def products(names: list[str], real: str) -> str:
    """Return the text of ``sk_gemm`` and ``sk_gather`` where they are among the names."""
    lanes = _lanes(real)
    parts = [_gemm(real, lanes)] if "gemm" in names else []
    parts += [_gather(real)] if "gather" in names else []
    width = 8 * lanes * _BYTES[real]
    attributes = f'attributes #7 = {{ "min-legal-vector-width"="{width}" "prefer-vector-width"="{width}" }}'
    return "\n\n".join([*parts, attributes] if parts else [])


@functools.cache
def _lanes(real: str) -> int:
    """Return how many numbers a vector register of this machine holds."""
    has = llvm_jit.features()
    size = 64 if "+avx512f" in has else 32 if "+avx" in has else 16
    return size // _BYTES[real]


class _Product(Function):
    """A function over numbers and vectors of one width, with sums that stay in registers."""

    def __init__(self, head: str, real: str):
        super().__init__(head)
        self.real = real
        self.suffix = "f32" if real == "float" else "f64"

    def multiply_add(self, kind: str, width: int, a: str, b: str, c: str) -> str:
        """Return a*b + c."""
        name = f"@llvm.fma.{'' if width == 1 else f'v{width}'}{self.suffix}"
        return self.value(f"call {kind} {name}({kind} {a}, {kind} {b}, {kind} {c})")

    def spread(self, width: int, number: str) -> str:
        """Return a vector of the same number."""
        kind = f"<{width} x {self.real}>"
        one = self.value(f"insertelement {kind} poison, {self.real} {number}, i64 0")
        return self.value(f"shufflevector {kind} {one}, {kind} poison, <{width} x i32> zeroinitializer")


def _gemm(real: str, lanes: int) -> str:
    """Tiles of columns outside, blocks of rows inside: the tile of b stays in the cache."""
    f = _Product(
        "internal void @sk_gemm(ptr noalias readonly %a, i64 %lda, ptr noalias readonly %b, ptr noalias %c, i64 %rows, "
        "i64 %n) noinline #7",
        real,
    )
    sums = {(rows, i, j): f.value(f"alloca <{lanes} x {real}>") for rows in _ROWS for i in range(rows) for j in (0, 1)}
    alone = f.value(f"alloca {real}")
    pair = 2 * lanes
    tiles = f.value(f"sdiv i64 %n, {pair}")
    with f.loop("tile", tiles) as tile:
        column = f.value(f"mul i64 {tile}, {pair}")
        done = "0"
        for rows in _ROWS:
            left = f.value(f"sub i64 %rows, {done}")
            blocks = f.value(f"sdiv i64 {left}, {rows}")
            with f.loop("block", blocks) as block:
                row = f.value(f"add i64 {done}, {f.value(f'mul i64 {block}, {rows}')}")
                _block(f, {(i, j): sums[rows, i, j] for i in range(rows) for j in (0, 1)}, row, column, lanes)
            done = f.value(f"add i64 {done}, {f.value(f'mul i64 {blocks}, {rows}')}")
    rest = f.value(f"mul i64 {tiles}, {pair}")
    with f.loop("row", "%rows") as row, f.loop("column", "%n", rest) as column:
        target = f.at(real, "%c", f.value(f"add i64 {f.value(f'mul i64 {row}, %n')}, {column}"))
        source = f.at(real, "%a", f.value(f"mul i64 {row}, %lda"))
        f.store(real, f.load(real, target), alone)
        with f.loop("k", "%n") as k:
            entry = f.value(f"add i64 {f.value(f'mul i64 {k}, %n')}, {column}")
            term = f.multiply_add(real, 1, f.load(real, source, k), f.load(real, "%b", entry), f.load(real, alone))
            f.store(real, term, alone)
        f.store(real, f.load(real, alone), target)
    return f.text()


def _block(f: _Product, sums: dict[tuple[int, int], str], row: str, column: str, lanes: int) -> None:
    """Add the products of some rows to two vectors of columns."""
    real, kind = f.real, f"<{lanes} x {f.real}>"
    align = f"align {_BYTES[real]}"
    targets: dict[tuple[int, int], str] = {}
    sources: dict[int, str] = {}
    for (i, j), total in sums.items():
        line = f.value(f"add i64 {row}, {i}")
        begin = f.value(f"add i64 {f.value(f'mul i64 {line}, %n')}, {column}")
        targets[i, j] = f.at(real, "%c", f.value(f"add i64 {begin}, {j * lanes}"))
        sources[i] = f.at(real, "%a", f.value(f"mul i64 {line}, %lda"))
        f.store(kind, f.value(f"load {kind}, ptr {targets[i, j]}, {align}"), total)
    with f.loop("k", "%n") as k:
        begin = f.value(f"add i64 {f.value(f'mul i64 {k}, %n')}, {column}")
        halves = [f.at(real, "%b", f.value(f"add i64 {begin}, {j * lanes}")) for j in (0, 1)]
        loaded = [f.value(f"load {kind}, ptr {half}, {align}") for half in halves]
        factors = {i: f.spread(lanes, f.load(real, source, k)) for i, source in sources.items()}
        for (i, j), total in sums.items():
            f.store(kind, f.multiply_add(kind, lanes, factors[i], loaded[j], f.load(kind, total)), total)
    for place, total in sums.items():
        f.do(f"store {kind} {f.load(kind, total)}, ptr {targets[place]}, {align}")


def _gather(real: str) -> str:
    f = _Product(
        "internal void @sk_gather(ptr noalias readonly %list, i64 %count, ptr noalias readonly %a, "
        "ptr noalias readonly %b, ptr noalias %c, i64 %n) noinline #7",
        real,
    )
    groups = f.value(f"sdiv i64 %count, {_LISTED}")
    with f.loop("group", groups) as group:
        _listed(f, f.value(f"mul i64 {group}, {_LISTED}"), _LISTED)
    with f.loop("single", "%count", f.value(f"mul i64 {groups}, {_LISTED}")) as single:
        _listed(f, single, 1)
    return f.text()


def _listed(f: _Product, first: str, count: int) -> None:
    """Add some rows of the list, one after another, in one pass over the columns."""
    factors, rows = [], []
    for i in range(count):
        k = f.value(f"zext i32 {f.load('i32', '%list', f.value(f'add i64 {first}, {i}'))} to i64")
        factors.append(f.load(f.real, "%a", k))
        rows.append(f.at(f.real, "%b", f.value(f"mul i64 {k}, %n")))
    with f.loop("column", "%n") as column:
        total = f.load(f.real, "%c", column)
        for factor, row in zip(factors, rows, strict=True):
            total = f.multiply_add(f.real, 1, factor, f.load(f.real, row, column), total)
        f.store(f.real, total, "%c", column)
