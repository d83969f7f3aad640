"""How a kernel has the processor treat numbers that are nearly 0."""

from collections.abc import Iterator
from contextlib import contextmanager

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import Function

_HAS_MODE, _FLUSH = "+sse2", 0x8040  # a CPU with the register MXCSR, and its bits for results and for operands


@contextmanager
def small_numbers_are_zero(f: Function) -> Iterator[None]:
    """Write a piece of a function in which the thread takes numbers below 1e-38 (1e-308) for 0; as before after it.

    What decays with nothing to move it comes to them in the end, and each one takes a hundred times as long to compute.
    To be used outside of loops; the module needs ``declarations``.
    """
    if _HAS_MODE not in llvm_jit.features():
        yield
        return
    before, own = f.value("alloca i32"), f.value("alloca i32")
    f.do(f"call void @llvm.x86.sse.stmxcsr(ptr {before})")
    f.store("i32", f.value(f"or i32 {f.load('i32', before)}, {_FLUSH}"), own)
    f.do(f"call void @llvm.x86.sse.ldmxcsr(ptr {own})")
    yield
    f.do(f"call void @llvm.x86.sse.ldmxcsr(ptr {before})")


def declarations() -> str:
    """Return what a module with such a piece declares."""
    if _HAS_MODE not in llvm_jit.features():
        return ""
    return "declare void @llvm.x86.sse.stmxcsr(ptr)\ndeclare void @llvm.x86.sse.ldmxcsr(ptr)\n"
