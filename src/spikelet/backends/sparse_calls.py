"""The kernels of `sparse_product` as functions to call, and the memory they work in."""

import ctypes
import threading
from collections.abc import Callable
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.sparse_index_kernels import index_module
from spikelet.backends.sparse_kernels import Host, host, rows_module, tile_module

REAL = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}
_KEPT = 1 << 27  # bytes: larger memory is not kept from call to call
_P, _I = ctypes.c_void_p, ctypes.c_int64
_INDEX = {
    "count": (_P, _I, _I, _I, _P),
    "scan": (_I, _I, _P, _I, _I, _I, _P, _P, _P, _P),
    "values": (_I, _I, _P, _I, _P, _P, _P, _P),
    "turn": (_I, _I, _I, *(_P,) * 6),
    "turn_graded": (_I, _I, _I, *(_P,) * 8),
}
_TILES = {"pack": (_P, _I, _I, _I, _P, _I, _P), "transpose": (_P, _I, _I, _I, _P, _I, ctypes.c_bool, _P)}


@cache
def _host() -> Host:
    return host(llvm_jit.features())


def tile_widths(real: str) -> tuple[int, ...]:
    """Return the widths of tiles for which there is a kernel, ascending."""
    return _host().widths(real)


@cache
def index_kernels(real: str) -> dict[str, Callable[..., None]]:
    """Return the kernels that list active inputs, by name."""
    library = llvm_jit.compile(index_module(real, _host()))
    return {name: library.function(name, *arguments) for name, arguments in _INDEX.items()}


@cache
def tile_kernels(real: str) -> dict[str, Callable[..., None]]:
    """Return the kernels that make tiles, by name."""
    library = llvm_jit.compile(tile_module(real, _host()))
    return {name: library.function(name, *arguments) for name, arguments in _TILES.items()}


@cache
def rows_kernel(real: str, width: int, graded: bool) -> Callable[..., None]:
    """Return the kernel that adds listed rows of a tile."""
    library = llvm_jit.compile(rows_module(real, width, graded))
    return library.function("rows", _I, _I, *(_P,) * (5 if graded else 4), _P, _I, _P, _I, _I)


def address(array: np.ndarray, offset: int = 0) -> int:
    """Return where in memory an element is; ``array.ctypes.data`` takes twice as long to find."""
    return array.__array_interface__["data"][0] + offset * array.itemsize


class _Memory(threading.local):
    """The memory of one thread, by name: fresh memory costs more than many a kernel that writes to it."""

    def __init__(self) -> None:
        self.kept: dict[str, np.ndarray] = {}


_memory = _Memory()


def scratch(name: str, count: int, dtype: type | np.dtype) -> np.ndarray:
    """Return memory for ``count`` numbers, the same for each call with this name in this thread.

    It begins at a line of the cache: a vector that lies across two of them takes twice as long.
    """
    size = count * np.dtype(dtype).itemsize
    memory = _memory.kept.get(name)
    if memory is None or len(memory) < size:
        whole = np.empty(size + 64, np.uint8)
        memory = whole[-whole.ctypes.data % 64 :]
        if size <= _KEPT:
            _memory.kept[name] = memory
    return memory[:size].view(dtype)
