"""The text of the compiled kernels that compare two trains, and of the loop over all pairs of trains.

Every kernel has the same arguments, so that one loop serves all: the spikes of train a and their number, those of b, a
parameter, memory to work in, and the place of the result.
"""

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit, llvm_math
from spikelet.backends.llvm_printer import number
from spikelet.backends.sparse_kernels import Kernel

_ONE, _HALF = (number(value, "double") for value in (1.0, 0.5))
_HEAD = "void @{name}(ptr %a, i64 %na, ptr %b, i64 %nb, double %p, ptr noalias %work, ptr noalias %out)"
_P, _I, _D = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double


def module() -> str:
    """Return the text of all kernels."""
    parts = [_victor_purpura(), _van_rossum(), _near(), *(_pairs(name) for name in NAMES)]
    mathematics = llvm_math.definitions(["exp"], "double")
    absolute = "declare double @llvm.fabs.f64(double)"
    return "\n".join([*parts, mathematics, *([] if absolute in mathematics else [absolute])])


NAMES = ("victor_purpura", "van_rossum", "near")


@cache
def kernel(name: str) -> Callable[..., None]:
    """Return the loop over pairs for a measure: (times, first, n, full, parameter, work, out)."""
    return llvm_jit.compile(module()).function(f"{name}_pairs", _P, _P, _I, _I, _D, _P, _P)


def all_pairs(name: str, times: np.ndarray, first: np.ndarray, parameter: float, *, full: bool = False) -> np.ndarray:
    """Return a measure of each pair of trains.

    Args:
        name: one of `NAMES`.
        times: (S,) spikes by train, ascending in each.
        first: (n + 1,) where each train begins.
        parameter: of the measure.
        full: whether (j, i) differs from (i, j), and is computed, too.

    Returns:
        (n, n).
    """
    n = len(first) - 1
    times, first = np.ascontiguousarray(times, float), np.ascontiguousarray(first, np.int64)
    out, work = np.zeros((n, n)), np.empty(int(np.diff(first).max(initial=0)) + 1)
    kernel(name)(times.ctypes.data, first.ctypes.data, n, int(full), parameter, work.ctypes.data, out.ctypes.data)
    return out if full else out + np.triu(out, 1).T


def _pairs(name: str) -> str:
    """Write the loop over pairs i, j, with j from 0 or, where the measure is symmetric, from i + 1 on."""
    f = Kernel(f"void @{name}_pairs(ptr %t, ptr %first, i64 %n, i64 %full, double %p, ptr %work, ptr %out)", "double")
    with f.loop("i", "%n") as i:
        after = f.calculate("add", i, 1)
        a, na = _train(f, i)
        whole = f.value("icmp ne i64 %full, 0")
        with f.loop("j", "%n", f.value(f"select i1 {whole}, i64 0, i64 {after}")) as j:
            b, nb = _train(f, j)
            place = f.at("double", "%out", f.calculate("add", f.calculate("mul", i, "%n"), j))
            f.do(f"call void @{name}(ptr {a}, i64 {na}, ptr {b}, i64 {nb}, double %p, ptr %work, ptr {place})")
    return f.text()


def _train(f: Kernel, i: str) -> tuple[str, str]:
    """Return the address and the number of the spikes of a train."""
    begin, end = f.load("i64", "%first", i), f.load("i64", "%first", f.calculate("add", i, 1))
    return f.at("double", "%t", begin), f.calculate("sub", end, begin)


def _smaller(f: Kernel, x: str, y: str) -> str:
    return f.value(f"select i1 {f.value(f'fcmp olt double {x}, {y}')}, double {x}, double {y}")


def _victor_purpura() -> str:
    """G_ij = min(G_i-1,j + 1, G_i,j-1 + 1, G_i-1,j-1 + p abs(a_i - b_j)), one row of it in ``work``."""
    f = Kernel(_HEAD.format(name="victor_purpura"), "double")
    with f.loop("k", f.calculate("add", "%nb", 1)) as k:
        f.store("double", f.value(f"sitofp i64 {k} to double"), "%work", k)
    left, corner = f.variable("double", f.zero), f.variable("double", f.zero)
    with f.loop("i", "%na") as i:
        t = f.load("double", "%a", i)
        f.set(corner, f.load("double", "%work", "0"))
        f.set(left, f.value(f"sitofp i64 {f.calculate('add', i, 1)} to double"))
        f.store("double", f.get(left), "%work", "0")
        with f.loop("j", "%nb") as j:
            difference = f.calculate("fsub", t, f.load("double", "%b", j), "double")
            apart = f.value(f"call double @llvm.fabs.f64(double {difference})")
            shifted = f.calculate("fadd", f.get(corner), f.calculate("fmul", "%p", apart, "double"), "double")
            here = f.calculate("add", j, 1)
            above = f.load("double", "%work", here)
            f.set(corner, above)
            other = _smaller(f, shifted, f.calculate("fadd", above, _ONE, "double"))
            best = _smaller(f, f.calculate("fadd", f.get(left), _ONE, "double"), other)
            f.set(left, best)
            f.store("double", best, "%work", here)
    f.store("double", f.load("double", "%work", "%nb"), "%out")
    return f.text()


def _van_rossum() -> str:
    """Go through the spikes of both trains in time; each, of sign s, adds 1/2 + s h, h being the filtered difference.

    That is the integral of h**2 over time, divided by tau: between spikes h**2 falls by 2/tau of itself, and a spike
    raises h**2 by 1 + 2 s h, all of which is integrated in the end (van Rossum 2001).
    """
    f = Kernel(_HEAD.format(name="van_rossum"), "double")
    i, j = f.variable("i64", "0"), f.variable("i64", "0")
    h, total, before, safe = (f.variable("double", f.zero) for _ in range(4))
    with f.loop("k", f.calculate("add", "%na", "%nb")):
        t = _next(f, ("%a", "%na"), f.get(i), safe)
        u = _next(f, ("%b", "%nb"), f.get(j), safe)
        mine = f.value(f"fcmp ole double {t}, {u}")
        now = f.value(f"select i1 {mine}, double {t}, double {u}")
        sign = f.value(f"select i1 {mine}, double {_ONE}, double {number(-1.0, 'double')}")
        passed = f.calculate("fdiv", f.calculate("fsub", f.get(before), now, "double"), "%p", "double")
        left = f.calculate("fmul", f.get(h), f.value(f"call double @sk_exp(double {passed})"), "double")
        term = f.calculate("fadd", _HALF, f.calculate("fmul", sign, left, "double"), "double")
        f.set(total, f.calculate("fadd", f.get(total), term, "double"))
        f.set(h, f.calculate("fadd", left, sign, "double"))
        f.set(before, now)
        step = f.value(f"zext i1 {mine} to i64")
        f.set(i, f.calculate("add", f.get(i), step))
        f.set(j, f.calculate("add", f.get(j), f.calculate("sub", "1", step)))
    f.store("double", f.get(total), "%out")
    return f.text()


def _next(f: Kernel, train: tuple[str, str], index: str, safe: str) -> str:
    """Return the time of the next spike of a train, infinity after the last, without a read beyond it."""
    times, count = train
    there = f.value(f"icmp slt i64 {index}, {count}")
    place = f.value(f"select i1 {there}, ptr {f.at('double', times, index)}, ptr {safe}")
    return f.value(f"select i1 {there}, double {f.load('double', place)}, double {number(float('inf'), 'double')}")


def _near() -> str:
    """Count the spikes of a that lie within p of a spike of b, both borders included."""
    f = Kernel(_HEAD.format(name="near"), "double")
    j, total = f.variable("i64", "0"), f.variable("i64", "0")
    with f.loop("i", "%na") as i:
        t = f.load("double", "%a", i)
        low = f.calculate("fsub", t, "%p", "double")
        name = f.fresh("skip")
        f.do(f"br label %{name}.test")
        f.label(f"{name}.test")
        at = f.get(j)
        f.do(f"br i1 {f.value(f'icmp slt i64 {at}, %nb')}, label %{name}.look, label %{name}.end")
        f.label(f"{name}.look")
        gone = f.value(f"fcmp olt double {f.load('double', '%b', at)}, {low}")
        f.do(f"br i1 {gone}, label %{name}.next, label %{name}.found")
        f.label(f"{name}.next")
        f.set(j, f.calculate("add", at, 1))
        f.do(f"br label %{name}.test")
        f.label(f"{name}.found")
        high = f.calculate("fadd", t, "%p", "double")
        within = f.value(f"fcmp ole double {f.load('double', '%b', at)}, {high}")
        f.set(total, f.calculate("add", f.get(total), f.value(f"zext i1 {within} to i64")))
        f.do(f"br label %{name}.end")
        f.label(f"{name}.end")
    f.store("double", f.value(f"sitofp i64 {f.get(total)} to double"), "%out")
    return f.text()
