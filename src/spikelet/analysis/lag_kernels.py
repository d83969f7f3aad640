"""The compiled kernel that counts pairs of spikes by their lag."""

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import number
from spikelet.backends.sparse_kernels import Kernel

_P, _I, _D = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double


def count_lags(a: np.ndarray, b: np.ndarray, counts: np.ndarray, *, reach: float, width: float, near: float) -> None:
    """Add to ``counts`` (K,) int64 the number of pairs with (b - a + reach)/width in [k, k + 1).

    Args:
        a: (S,) ascending times [ms].
        b: (R,) ascending times [ms].
        counts: (K,), changed.
        reach: the lag with which bin 0 begins is -reach [ms].
        width: of a bin [ms].
        near: what is nearer than this share of a bin to the next one belongs to that.
    """
    a, b = np.ascontiguousarray(a, float), np.ascontiguousarray(b, float)
    places = (a.ctypes.data, len(a), b.ctypes.data, len(b), reach, width, near, counts.ctypes.data, len(counts))
    _kernel()(*places)


@cache
def _kernel() -> Callable[..., None]:
    return llvm_jit.compile(_text()).function("lags", _P, _I, _P, _I, _D, _D, _D, _P, _I)


def _text() -> str:
    """For each spike of a, pass over those of b that are too early for good, then count until one is too late."""
    head = "void @lags(ptr %a, i64 %na, ptr %b, i64 %nb, double %reach, double %width, double %near, ptr %out, i64 %n)"
    f = Kernel(head, "double")
    first, place = f.variable("i64", "0"), f.variable("i64", "0")
    scale = f.calculate("fdiv", number(1.0, "double"), "%width", "double")
    top = f.value("sitofp i64 %n to double")
    with f.loop("i", "%na") as i:
        t = f.calculate("fsub", f.load("double", "%a", i), "%reach", "double")
        f.set(place, f.get(first))
        name = f.fresh("walk")
        f.do(f"br label %{name}.test")
        f.label(f"{name}.test")
        j = f.get(place)
        f.do(f"br i1 {f.value(f'icmp slt i64 {j}, %nb')}, label %{name}.look, label %{name}.end")
        f.label(f"{name}.look")
        bin_ = f.calculate("fmul", f.calculate("fsub", f.load("double", "%b", j), t, "double"), scale, "double")
        bin_ = f.calculate("fadd", bin_, "%near", "double")
        late = f.value(f"fcmp oge double {bin_}, {top}")
        f.do(f"br i1 {late}, label %{name}.end, label %{name}.early")
        f.label(f"{name}.early")
        early = f.value(f"fcmp olt double {bin_}, {f.zero}")
        f.do(f"br i1 {early}, label %{name}.skip, label %{name}.count")
        f.label(f"{name}.skip")
        f.set(first, f.calculate("add", j, 1))
        f.do(f"br label %{name}.next")
        f.label(f"{name}.count")
        k = f.value(f"fptosi double {bin_} to i64")
        f.store("i64", f.calculate("add", f.load("i64", "%out", k), 1), "%out", k)
        f.do(f"br label %{name}.next")
        f.label(f"{name}.next")
        f.set(place, f.calculate("add", j, 1))
        f.do(f"br label %{name}.test")
        f.label(f"{name}.end")
    return f.text()
