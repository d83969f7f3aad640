"""The Triton kernels of a program, as text: which variants of a scan there are, and the module around them."""

from collections.abc import Iterable

from spikelet.backends.fused import Program, Wanted
from spikelet.backends.triton_kernels import backward_kernel, forward_kernel, has_quiet_variant
from spikelet.backends.triton_writer import Kernel

_HEAD = "import triton.language as tl\n\nfrom spikelet.backends import triton_math as sk\n\n\n"


def module_text(kernels: Iterable[Kernel]) -> str:
    """Return the text of a module with some kernels."""
    return _HEAD + "\n\n".join(kernel.text for kernel in kernels)


def source(program: Program) -> str:
    """Return the kernels of a program as text: forward, saving for backward, and backward with all gradients."""
    wanted = Wanted(frozenset(program.adjoint(False, False).inputs), frozenset(), frozenset(program.learn))
    there = print_forward(program, False, frozenset(), "fast")
    return module_text([there, print_backward(program, False, frozenset(), "fast", wanted)])


def _flags(program: Program, masked: bool) -> tuple[bool, ...]:
    """Return which variants there are: one where lanes may be refractory, and maybe one where none is."""
    return (False, True) if has_quiet_variant(program.scan(masked, False)) else (False,)


def print_forward(program: Program, masked: bool, tables: frozenset[str], save: str) -> Kernel:
    """Print the kernel forward.

    Args:
        program: What to run.
        masked: Whether sequences end at steps of their own.
        tables: Names of the coefficients that are tables along the lanes.
        save: ``"none"``, ``"fast"`` or ``"low"``.
    """
    flags = _flags(program, masked)
    tapes = [program.adjoint(masked, flag).tape if save == "fast" else () for flag in flags]
    scans = [program.scan(masked, flag) for flag in flags]
    return forward_kernel(scans, program.dtype, tables, tapes, save == "low")


def print_backward(program: Program, masked: bool, tables: frozenset[str], save: str, wanted: Wanted) -> Kernel:
    """Print the kernel backward for what ``print_forward`` has saved."""
    variants = [program.adjoint(masked, flag) for flag in _flags(program, masked)]
    return backward_kernel(variants, program.dtype, tables, wanted, save == "low")
