"""The text of the kernels that list the active inputs of a batch, in LLVM; `sparse_product` calls them.

An index holds, for each row r of the batch, the columns that are not zero, ascending: ``columns[start[r]:stop[r]]``.
"""

from spikelet.backends.sparse_kernels import READ, WRITE, Host, Kernel

GROUP = 16  # columns that `scan` looks at in one go; it may write that many entries beyond the last one
_DECLARATIONS = f"""
declare i{GROUP} @llvm.ctpop.i{GROUP}(i{GROUP})
declare i{GROUP} @llvm.cttz.i{GROUP}(i{GROUP}, i1)
declare <{GROUP} x i32> @llvm.x86.avx512.mask.compress.v{GROUP}i32(<{GROUP} x i32>, <{GROUP} x i32>, <{GROUP} x i1>)
"""


def index_module(real: str, host: Host) -> str:
    """Return the text of ``count``, ``scan``, ``values``, ``turn`` and ``turn_graded``."""
    turned = (_turn(real, graded) for graded in (False, True))
    return "\n".join([_count(real), _Scan(real, host).text(), _values(real), *turned, _DECLARATIONS])


def _count(real: str) -> str:
    """``count``: how many of ``rows`` rows of ``width`` numbers, ``stride`` numbers apart, are not zero."""
    f = Kernel(f"void @count({READ} %x, i64 %rows, i64 %width, i64 %stride, {WRITE} %result)", real)
    total = f.variable("i64", "0")
    with f.loop("r", "%rows") as r:
        row = f.at(real, "%x", f.calculate("mul", r, "%stride"))
        with f.loop("c", "%width") as c:
            active = f.value(f"fcmp une {real} {f.load(real, row, c)}, {f.zero}")
            f.set(total, f.calculate("add", f.get(total), f.value(f"zext i1 {active} to i64")))
    f.store("i64", f.get(total), "%result")
    return f.text()


class _Scan(Kernel):
    """Writes ``scan``: the columns that are not zero in rows lo to hi of x, one row's behind the other's.

    They go to ``columns`` from ``first`` on, where ``start`` and ``stop`` tell each row's place. With ``limit`` entries
    exceeded, no further row is read. ``result`` is how many there are, and whether one of the values is not 1.
    """

    def __init__(self, real: str, host: Host):
        super().__init__(
            f"void @scan(i64 %lo, i64 %hi, {READ} %x, i64 %width, i64 %first, i64 %limit, {WRITE} %columns, "
            f"{WRITE} %start, {WRITE} %stop, {WRITE} %result)",
            real,
        )
        self.flags, self.bits = f"<{GROUP} x i1>", f"i{GROUP}"
        self.place = self.variable("i64", "%first")
        self.graded = self.variable(self.flags, "zeroinitializer")
        self.left = self.variable(self.bits, "0")
        self.append = self._append_vector if host.compress else self._append_each
        most = self.calculate("add", "%first", "%limit")
        with self.loop("r", "%hi", "%lo") as r:
            self.store("i64", self.get(self.place), "%start", r)
            with self.when(self.value(f"icmp sle i64 {self.get(self.place)}, {most}")):
                self._row(self.at(real, "%x", self.calculate("mul", r, "%width")))
            self.store("i64", self.get(self.place), "%stop", r)
        self.store("i64", self.calculate("sub", self.get(self.place), "%first"), "%result")
        graded = self.value(f"bitcast {self.flags} {self.get(self.graded)} to {self.bits}")
        self.store("i64", self.value(f"zext {self.bits} {graded} to i64"), "%result", "1")

    def _row(self, row: str) -> None:
        groups = self.calculate("sdiv", "%width", GROUP)
        with self.loop("g", groups) as g:
            first = self.calculate("mul", g, GROUP)
            values = self.numbers(GROUP, self.at(self.real, row, first))
            self._group(values, first)
        whole = self.calculate("mul", groups, GROUP)
        with self.loop("c", "%width", whole) as c:
            self._append_one(self.load(self.real, row, c), c)

    def _group(self, values: str, first: str) -> None:
        kind = self.vector(GROUP)
        active = self.value(f"fcmp une {kind} {values}, zeroinitializer")
        other = self.value(f"fcmp une {kind} {values}, {self.everywhere(self.real, GROUP, self.one)}")
        self._note(self.calculate("and", active, other, self.flags))
        mask = self.value(f"bitcast {self.flags} {active} to {self.bits}")
        count = self.value(f"call {self.bits} @llvm.ctpop.{self.bits}({self.bits} {mask})")
        self.append(active, mask, self.value(f"zext {self.bits} {count} to i64"), first)

    def _note(self, graded: str) -> None:
        self.set(self.graded, self.calculate("or", self.get(self.graded), graded, self.flags))

    def _append_vector(self, active: str, mask: str, count: str, first: str) -> None:
        """Write a whole vector with the active columns in front; the next one overwrites the rest."""
        columns = f"<{GROUP} x i32>"
        low = self.everywhere("i32", GROUP, self.value(f"trunc i64 {first} to i32"))
        each = self.calculate("add", low, f"<{', '.join(f'i32 {i}' for i in range(GROUP))}>", columns)
        packed = self.value(
            f"call {columns} @llvm.x86.avx512.mask.compress.v{GROUP}i32({columns} {each}, "
            f"{columns} zeroinitializer, {self.flags} {active})"
        )
        at = self.get(self.place)
        self.do(f"store {columns} {packed}, ptr {self.at('i32', '%columns', at)}, align 4")
        self.set(self.place, self.calculate("add", at, count))

    def _append_each(self, active: str, mask: str, count: str, first: str) -> None:
        """Write one active column after another, the lowest bit first."""
        bits = self.bits
        self.set(self.left, mask)
        with self.loop("k", count):
            left = self.get(self.left)
            lowest = self.value(f"call {bits} @llvm.cttz.{bits}({bits} {left}, i1 true)")
            column = self.calculate("add", first, self.value(f"zext {bits} {lowest} to i64"))
            at = self.get(self.place)
            self.store("i32", self.value(f"trunc i64 {column} to i32"), "%columns", at)
            self.set(self.place, self.calculate("add", at, 1))
            self.set(self.left, self.calculate("and", left, self.calculate("sub", left, 1, bits), bits))

    def _append_one(self, value: str, column: str) -> None:
        """Write a column, and step over it where it is active."""
        active = self.value(f"fcmp une {self.real} {value}, {self.zero}")
        other = self.value(f"fcmp une {self.real} {value}, {self.one}")
        both = self.calculate("and", active, other, "i1")
        self._note(self.value(f"insertelement {self.flags} zeroinitializer, i1 {both}, i64 0"))
        at = self.get(self.place)
        self.store("i32", self.value(f"trunc i64 {column} to i32"), "%columns", at)
        self.set(self.place, self.calculate("add", at, self.value(f"zext i1 {active} to i64")))


def _values(real: str) -> str:
    """``values``: the numbers of x that the entries of rows lo to hi stand for."""
    f = Kernel(
        f"void @values(i64 %lo, i64 %hi, {READ} %x, i64 %width, {READ} %columns, {READ} %start, {READ} %stop, "
        f"{WRITE} %values)",
        real,
    )
    with f.entries() as (r, e, column):
        row = f.at(real, "%x", f.calculate("mul", r, "%width"))
        f.store(real, f.load(real, row, column), "%values", e)
    return f.text()


def _turn(real: str, graded: bool) -> str:
    """``turn``: the rows (counted from lo) in which each column is active, by counting and then placing."""
    values, new_values = (f"{READ} %values, ", f", {WRITE} %new_values") if graded else ("", "")
    f = Kernel(
        f"void @turn{'_graded' if graded else ''}(i64 %lo, i64 %hi, i64 %width, {READ} %columns, "
        f"{READ} %start, {READ} %stop, {values}{WRITE} %rows, {WRITE} %new_start, {WRITE} %new_stop{new_values})",
        real,
    )
    place = f.variable("i64", "0")
    with f.loop("c", "%width") as c:
        f.store("i64", "0", "%new_stop", c)
    with f.entries() as (_, _, column):
        f.store("i64", f.calculate("add", f.load("i64", "%new_stop", column), 1), "%new_stop", column)
    with f.loop("c", "%width") as c:
        count, first = f.load("i64", "%new_stop", c), f.get(place)
        f.store("i64", first, "%new_start", c)
        f.store("i64", first, "%new_stop", c)
        f.set(place, f.calculate("add", first, count))
    with f.entries() as (r, e, column):
        to = f.load("i64", "%new_stop", column)
        f.store("i32", f.value(f"trunc i64 {f.calculate('sub', r, '%lo')} to i32"), "%rows", to)
        if graded:
            f.store(real, f.load(real, "%values", e), "%new_values", to)
        f.store("i64", f.calculate("add", to, 1), "%new_stop", column)
    return f.text()
