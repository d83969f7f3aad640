"""Large arrays whose memory is used again.

A fresh array of many megabytes costs more in page faults than the kernel that fills it: the operating system hands
out zeroed pages one by one. In training the same shapes come back in every step, so blocks that nobody uses any more
are kept for the next request, up to a bound.
"""

import ctypes
import os
import threading
import weakref
from collections import deque
from math import prod
from typing import Any

import numpy as np

_SMALL = 2**20  # bytes below which an array is simply made
_GRAIN = 2**21  # blocks are whole huge pages
_PAGE, _OFFSET = 4096, 64  # arrays begin where torch's do: see ``llvm_kernels.Writer.buffer``
_SLACK = 1.25  # a block may be this much larger than what is asked for


def _physical() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not a POSIX system
        return 2**33


class Memory:
    """Hands out arrays and takes their memory back when the last view of them is gone.

    Args:
        limit: Bytes of unused blocks that are kept; the default is an eighth of the machine's memory, at most 2 GiB.
    """

    def __init__(self, limit: int | None = None):
        self.limit = min(_physical() // 8, 2**31) if limit is None else limit
        self.free: list[np.ndarray] = []  # unused blocks, the one used last at the end
        self.returned: deque[np.ndarray] = deque()  # filled by finalizers, which may run at any time and take no lock
        self.lock = threading.Lock()

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array with arbitrary content."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        if size < _SMALL:
            return np.empty(shape, dtype)
        block = self._block(-(-(size + 2 * _PAGE) // _GRAIN) * _GRAIN)
        begin = -(-block.ctypes.data // _PAGE) * _PAGE + _OFFSET
        window: Any = (ctypes.c_uint8 * size).from_address(begin)
        weakref.finalize(window, self.returned.append, block).atexit = False
        return np.frombuffer(window, dtype).reshape(shape)

    def _block(self, size: int) -> np.ndarray:
        with self.lock:
            while self.returned:
                self.free.append(self.returned.popleft())
            fits = [i for i, block in enumerate(self.free) if size <= block.size <= size * _SLACK]
            found = self.free.pop(min(fits, key=lambda i: self.free[i].size)) if fits else None
            while self.free and sum(block.size for block in self.free) > self.limit:
                del self.free[0]
        return np.empty(size, np.uint8) if found is None else found


MEMORY = Memory()
if hasattr(os, "register_at_fork"):  # a lock held by another thread would stay locked in the child for ever
    os.register_at_fork(after_in_child=lambda: setattr(MEMORY, "lock", threading.Lock()))
