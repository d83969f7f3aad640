"""The kernel of renewal trains: each element knows the time of its next spike, and draws intervals from a table."""

from spikelet.backends.llvm_random import LOW, WEYL, philox
from spikelet.backends.llvm_values import Value
from spikelet.sim.driver import Words
from spikelet.sim.source_rows import COMMON, Source

RENEWAL = Words((*COMMON, "seed", "stream", "limits", "levels", "times", "next", "number"))


def renewal(real: str) -> str:
    """Return the kernel ``renewal`` for rows of ``float`` or ``double``."""
    return _Renewal(real).text()


class _Renewal(Source):
    """Interval j of element e is that of the random words of step j and element e."""

    def __init__(self, real: str):
        super().__init__("renewal", real, RENEWAL)
        self.total = self.value("alloca i64")
        seed = Value(self, "i64", self.w["seed"])
        key = (seed & LOW, seed >> 32)
        self.keys = [
            tuple((word + (weyl * i & LOW)) & LOW for word, weyl in zip(key, WEYL, strict=True)) for i in range(10)
        ]
        with self.rows() as (step, row):
            with self.when(self.sets):
                self.clear(row)
            end = self.value(f"sitofp i64 {self.calculate('add', step, 1)} to double")
            with self.loop("element", "%last", "%first") as e:
                self._element(e, row, end)

    def _element(self, e: str, row: str, end: str) -> None:
        """Count the spikes of an element up to the end of the step."""
        self.store("i64", "0", self.total)
        name = self.fresh("due")
        self.do(f"br label %{name}.test")
        self.label(f"{name}.test")
        time = self.load("double", self.w["next"], e)
        self.do(f"br i1 {self.value(f'fcmp ole double {time}, {end}')}, label %{name}.spike, label %{name}.end")
        self.label(f"{name}.spike")
        self.store("double", self.calculate("fadd", time, self._interval(e), "double"), self.w["next"], e)
        self.store("i64", self.calculate("add", self.load("i64", self.total), 1), self.total)
        self.do(f"br label %{name}.test")
        self.label(f"{name}.end")
        total = self.load("i64", self.total)
        with self.when(self.value(f"icmp sgt i64 {total}, 0")):
            count = self.value(f"sitofp i64 {total} to {self.real}")
            factor = self.value(f"select i1 {self.adds}, {self.real} {self.scale}, {self.real} {self.one}")
            self.plus(row, e, self.calculate("fmul", factor, count, self.real))

    def _interval(self, e: str) -> str:
        """Draw an interval [steps]."""
        number = self.load("i64", self.w["number"], e)
        self.store("i64", self.calculate("add", number, 1), self.w["number"], e)
        step, element = Value(self, "i64", number), Value(self, "i64", e)
        use = Value(self, "i64", self.w["stream"]) << 16
        w0, w1 = philox((step & LOW, element & LOW, element >> 32, use), self.keys)
        bits = (((w0 << 32) | w1) >> 2).name
        after = self.value(f"call i64 @sk_place(ptr {self.w['limits']}, i64 {self.w['levels']}, i64 {bits})")
        before = self.calculate("sub", after, 1)
        low, high = (self.load("i64", self.w["limits"], place) for place in (before, after))
        begin, stop = (self.load("double", self.w["times"], place) for place in (before, after))
        part, whole = (
            self.value(f"sitofp i64 {self.calculate('sub', number, low)} to double") for number in (bits, high)
        )
        share = self.calculate("fdiv", part, whole, "double")
        span = self.calculate("fsub", stop, begin, "double")
        return self.calculate("fadd", begin, self.calculate("fmul", share, span, "double"), "double")
