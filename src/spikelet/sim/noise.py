"""Normal noise by the row, from a compiled kernel: white, or the exact Ornstein-Uhlenbeck process.

Both are ``x = keep*x + new*z`` with the normal numbers z of `spikelet.random` for (seed, step, element, stream); the
first step draws from the stationary law.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import numpy as np

from spikelet import random
from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import Function
from spikelet.backends.llvm_random import random_definitions
from spikelet.sim.given import require_size

_STRIP = 512  # elements whose random numbers are drawn together
_REAL = {"float32": "float", "float64": "double"}
_NUMBERS = ("first", "T", "n", "seed", "stream", "stride")
_ARRAYS = ("element", "keep", "new", "sd", "last", "out")
_DECLARATION = "declare i64 @llvm.smin.i64(i64, i64)"


class Law(Protocol):
    """What noise there is; see `currents.noise`."""

    @property
    def sd(self) -> Any:
        """Standard deviation."""

    @property
    def tau(self) -> Any:
        """Time constant [ms], None of white noise."""


class NoiseRows:
    """The rows of a noise, of which each call continues the one before at no further cost.

    Args:
        law: Standard deviation and time constant, each one number or (n,).
        n: Number of elements.
        dt: Step [ms].
        seed: Of random numbers.
        stream: The same.

    Attributes:
        step: Step that comes next.
        last: (n,) the values of the step before it; to save and to set again, together with ``step``.

    Raises:
        ShapeError: there are not n values.
    """

    def __init__(self, law: Law, n: int, dt: float, seed: int, stream: int):
        self.n, self.seed, self.stream, self.white = n, random.signed(random.whole(seed)), stream, law.tau is None
        require_size("noise", "sd", np.size(law.sd), n)
        require_size("noise", "tau", np.size(law.tau), n)
        rate = np.inf if law.tau is None else dt / np.asarray(law.tau, float)
        self.sd = _each(law.sd, n)
        self.keep, self.new = _each(np.exp(-rate), n), self.sd * _each(np.sqrt(-np.expm1(-2 * rate)), n)
        self.element = np.arange(n)
        self.step, self.last = 0, np.zeros(n)

    def rows(self, k0: int, T: int) -> np.ndarray:
        """Return the values of steps k0 to k0 + T - 1, (T, n)."""
        out = np.zeros((T, self.n))
        self.add(out, k0)
        return out

    def add(self, out: np.ndarray, k0: int) -> None:
        """Add the values of the steps from k0 on to rows, (T, n), whose entries lie side by side."""
        if self.white:
            self.step = k0
        elif k0 < self.step:
            self.step = 0
            self.last[:] = 0
        while self.step < k0:
            self._add(np.zeros((min(k0 - self.step, 64), self.n)))
        self._add(out)

    def _add(self, out: np.ndarray) -> None:
        kernel = _kernel(_REAL[out.dtype.name])
        arrays = (self.element, self.keep, self.new, self.sd, self.last, out)
        stride = out.strides[0] // out.itemsize
        kernel(self.step, len(out), self.n, self.seed, self.stream, stride, *(a.ctypes.data for a in arrays))
        self.step += len(out)


def _each(values: Any, n: int) -> np.ndarray:
    return np.broadcast_to(np.asarray(values, float), (n,)).copy()


@cache
def _kernel(real: str) -> Callable[..., None]:
    """Return the kernel that adds to rows of ``float`` or ``double``."""
    given = [f"i64 %{name}" for name in _NUMBERS] + [f"ptr noalias %{name}" for name in _ARRAYS]
    f = Function(f"void @noise({', '.join(given)})")
    drawn = f.value(f"alloca [{_STRIP} x double], align 64")
    strips = f.value(f"sdiv i64 {f.value(f'add i64 %n, {_STRIP - 1}')}, {_STRIP}")
    with f.loop("strip", strips) as strip:
        lo = f.value(f"mul i64 {strip}, {_STRIP}")
        width = f.value(f"call i64 @llvm.smin.i64(i64 {f.value(f'sub i64 %n, {lo}')}, i64 {_STRIP})")
        keep, new, sd, last = (f.at("double", f"%{name}", lo) for name in ("keep", "new", "sd", "last"))
        element = f.at("i64", "%element", lo)
        with f.loop("t", "%T") as t:
            step = f.value(f"add i64 %first, {t}")
            begins = f.value(f"icmp eq i64 {step}, 0")
            scale = f.value(f"select i1 {begins}, ptr {sd}, ptr {new}")
            f.do(f"call void @sk_normal(ptr {drawn}, ptr {element}, i64 {width}, i64 %seed, i64 {step}, i64 %stream)")
            row = f.at(real, "%out", f.value(f"add i64 {f.value(f'mul i64 {t}, %stride')}, {lo}"))
            with f.loop("i", width) as i:
                old = f.value(f"fmul double {f.load('double', keep, i)}, {f.load('double', last, i)}")
                fresh = f.value(f"fmul double {f.load('double', scale, i)}, {f.load('double', drawn, i)}")
                value = f.value(f"fadd double {old}, {fresh}")
                f.store("double", value, last, i)
                value = value if real == "double" else f.value(f"fptrunc double {value} to float")
                f.store(real, f.value(f"fadd {real} {f.load(real, row, i)}, {value}"), row, i)
    types = [ctypes.c_int64] * len(_NUMBERS) + [ctypes.c_void_p] * len(_ARRAYS)
    text = "\n".join([random_definitions(["normal"]), _DECLARATION, "", f.text()])
    return llvm_jit.compile(text).function("noise", *types)
