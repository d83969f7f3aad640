"""A convolution of spikes in which each neuron fires at most once, on the CPU: the kernel as a function of arrays."""

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.first_spike_kernels import NAME, SIZES, module
from spikelet.backends.sparse_calls import REAL, address, scratch

MOST = 254
"""Steps that fit into a byte, beside the one that stands for silence."""

_LANES = 16  # maps are filled up to a multiple of it, or the rest would be added one by one
_C_REAL = {"float": ctypes.c_float, "double": ctypes.c_double}


@cache
def _kernel(real: str) -> Callable[..., None]:
    pointers, sizes = (ctypes.c_void_p,) * 8, (ctypes.c_int64,) * len(SIZES)
    return llvm_jit.compile(module(real)).function(NAME, *pointers, *sizes, _C_REAL[real], ctypes.c_bool)


def prepared(weight: np.ndarray) -> np.ndarray:
    """Return weights (maps, channels, rows, columns) as the kernel reads them: maps last, filled up with zeros."""
    maps = len(weight)
    ready = np.zeros((*weight.shape[1:], -(-maps // _LANES) * _LANES), weight.dtype)
    ready[..., :maps] = weight.transpose(1, 2, 3, 0)
    return ready


def first_spikes(
    fired: np.ndarray, weight: np.ndarray, maps: int, threshold: float, steps: int, *, padding: int, compete: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return when neurons that integrate and fire do so for the first time, and their potential then.

    Args:
        fired: (B, C, H, W) uint8, step of the only spike of each input, ``steps`` where it is silent.
        weight: From `prepared`, at least 0; float32 or float64.
        maps: Number of maps of the output, M.
        threshold: At least 0; above it a neuron fires.
        steps: T, at most `MOST`.
        padding: Silent inputs on each side.
        compete: Whether at each place only the map that fires first does.

    Returns:
        (B, M, H', W') uint8 steps, T where silent, and potentials; those of neurons that never reach the threshold are
        as the last step leaves them. Both are views of arrays whose last axis is the maps.
    """
    fired = np.ascontiguousarray(fired)
    batch, channels, height, width = fired.shape
    _, deep, wide, filled = weight.shape
    rows, columns = height + 2 * padding - deep + 1, width + 2 * padding - wide + 1
    neurons = rows * columns * filled
    when = np.empty((batch, rows, columns, filled), np.uint8)
    potential = np.empty((batch, rows, columns, filled), weight.dtype)
    work = [
        scratch("first spike list", fired.size // max(batch, 1), np.int64),
        scratch("first spike ends", steps + 2, np.int64),
        scratch("first spike sums", neurons, weight.dtype),
        scratch("first spike when", neurons, np.int32),
    ]
    sizes = (batch, channels, height, width, rows, columns, filled, deep, wide, padding, steps)
    arrays = (fired, weight, when, potential, *work)
    _kernel(REAL[weight.dtype])(*map(address, arrays), *sizes, threshold, compete)
    return when[..., :maps].transpose(0, 3, 1, 2), potential[..., :maps].transpose(0, 3, 1, 2)
