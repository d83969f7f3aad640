"""The kernels that connect as functions over arrays, and the cutting of rows into shares."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from spikelet import random
from spikelet.backends import llvm_jit
from spikelet.backends.sparse_calls import REAL, address, scratch
from spikelet.sim.connect_kernels import NOWHERE, picks_module, places_module
from spikelet.sim.connect_laws import LAWS, laws_module
from spikelet.sim.connect_text import GROUP
from spikelet.sim.distributions import Distribution

Kernels = dict[str, Callable[..., None]]
CHUNK = 1 << 15  # synapses that are worked on at once: their scratch memory stays in the cache
BALLS = 1 << 15  # that are thrown at once
_P, _I, _D = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
_PICKS = {
    "replace": (_I, _I, _P, _I, _I, _I, _I, _P, _P),
    "distinct": (_I, _I, _P, _I, _I, _I, _I, _P, _P, _P),
    "count": (_P, _I, _P),
    "throw": (_I, _I, _I, _I, _I, _P, _P),
    "spread": (_I, _I, _I, _I, _I, _I, _P, _P, _P, _P),
    "group": (_P, _I, _P, _P),
}
_LAWS = {
    "draw": (_I, _I, _P, _I, *(_D,) * 5, _I, _I, *(_P,) * 4),
    "delays": (_I, _I, _P, _P, _P, _I, _I, _P, _P),
}
_PLACES = {
    "place": (_I, _I, _P, _P, _P, _P),
    "merge": (_I, _I, _I, _P, _I, *(_P,) * 4),
    "merge_weighted": (_I, _I, _I, _P, _I, *(_P,) * 5),
}


@cache
def picks() -> Kernels:
    """Return the kernels that draw partners, by name."""
    return _functions(picks_library(), _PICKS)


@cache
def picks_library() -> llvm_jit.Library:
    """Return the module of these kernels."""
    return llvm_jit.compile(picks_module())


@cache
def laws() -> Kernels:
    """Return the kernels that draw weights and delays, by name."""
    return _functions(laws_library(), _LAWS)


@cache
def laws_library() -> llvm_jit.Library:
    """Return the module of these kernels."""
    return llvm_jit.compile(laws_module())


@cache
def places(targets: np.dtype, weights: np.dtype) -> Kernels:
    """Return the kernels that put synapses into their places, for types of targets and of weights, by name."""
    return _functions(llvm_jit.compile(places_module(f"i{8 * targets.itemsize}", REAL[weights])), _PLACES)


def _functions(library: llvm_jit.Library, arguments: dict[str, tuple]) -> Kernels:
    return {name: library.function(name, *types) for name, types in arguments.items()}


# -- random numbers ---------------------------------------------------------------------------------------------------

PARTNERS, DELAYS, THROWS, COUNTS, WEIGHTS = 0, 1, 2, 3, 16
"""Which ``draw`` of the generator each use has; further rounds of `WEIGHTS` follow it."""


@dataclass(frozen=True)
class Draws:
    """Where the random numbers of a projection come from: a seed, signed, and a stream of its own."""

    seed: int
    stream: int

    @classmethod
    def of(cls, seed: int, stream: int) -> "Draws":
        """Return checked draws.

        Raises:
            InputError: the seed is no integer of up to 64 bits, or the stream not in [0, 65536).
        """
        random.bits(seed, 0, 0, stream)
        return cls(random.signed(random.whole(seed)), stream)

    def use(self, draw: int) -> int:
        """Return the last word of the generator's counter."""
        return self.stream << 16 | draw


@dataclass(frozen=True)
class Picker:
    """Draws the partners of rows.

    Attributes:
        n: Number of possible partners.
        shift: Row r is partner ``r + shift`` and must not be its own; None where it may.
        distinct: Whether nobody is partner of a row twice.
        draws: Where the random numbers come from.
        draw: Which use of them this is.
    """

    n: int
    shift: int | None
    distinct: bool
    draws: Draws
    draw: int = PARTNERS

    def __call__(self, start: np.ndarray, lo: int, hi: int, out: np.ndarray) -> None:
        """Write the partners of rows lo to hi - 1, uint32, whose lists begin at ``start`` (int64)."""
        count = int(start[hi] - start[lo])
        words = scratch("connect words", count + 2 * GROUP, np.uint32)
        shift = NOWHERE if self.shift is None else self.shift
        given = [lo, hi, address(start), self.n, shift, self.draws.seed, self.draws.use(self.draw), address(words)]
        if not self.distinct:
            picks()["replace"](*given, address(out))
            return
        bits = scratch("connect bits", self.n // 64 + 1, np.uint64)
        picks()["distinct"](*given, address(bits), address(out))


def draw_values(law: Distribution, start: np.ndarray, rows: tuple[int, int], draws: Draws, out: np.ndarray) -> None:
    """Write a number of a law, float64, for each member of the lists of rows."""
    lo, hi = rows
    count = int(start[hi] - start[lo])
    words = scratch("connect words", count + 2 * GROUP, np.uint32)
    tries = scratch("connect tries", count + 1, np.float64)
    pending = scratch("connect pending", count, np.uint32)
    memory = (address(words), address(tries), address(pending), address(out))
    settings = (LAWS.index(law.law), *law.parameters, law.low, law.high)
    laws()["draw"](lo, hi, address(start), *settings, draws.seed, draws.use(WEIGHTS), *memory)


def draw_delays(
    tables: tuple[np.ndarray, np.ndarray], start: np.ndarray, rows: tuple[int, int], draws: Draws, out: np.ndarray
) -> None:
    """Write the number of a delay, uint16, for each member of the lists of rows; see `connect_laws`."""
    lo, hi = rows
    words = scratch("connect words", int(start[hi] - start[lo]) + 2 * GROUP, np.uint32)
    guide, limits = tables
    given = (lo, hi, address(start), address(guide), address(limits), draws.seed, draws.use(DELAYS))
    laws()["delays"](*given, address(words), address(out))


# -- counting ---------------------------------------------------------------------------------------------------------


def starts(counts: np.ndarray) -> np.ndarray:
    """Return where lists of these lengths begin, and where the last one ends, int64."""
    result = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=result[1:])
    return result


def grouped(keys: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the keys 0 ... n - 1 begin, and the order that brings equal ones together, in time O(E + n).

    Args:
        keys: (E,) uint32, below n.
        n: number of keys.

    Returns:
        (n + 1,) and (E,), int64. Equal keys keep their order.
    """
    keys = np.ascontiguousarray(keys)
    counts, order = np.zeros(n, np.int64), np.empty(len(keys), np.int64)
    picks()["count"](address(keys), len(keys), address(counts))
    start = starts(counts)
    following = start[:-1].copy()
    picks()["group"](address(keys), len(keys), address(following), address(order))
    return start, order


def thrown(total: int, n: int, taken: np.ndarray, fill: bool, draws: Draws) -> np.ndarray:
    """Return how many of ``total`` balls come to rest in each row, int64.

    A ball falls on any of the ``n`` places of any row, and rests there unless the place is among the ``taken`` of its
    row; with ``fill`` it then takes the place itself.
    """
    if not fill and not taken.any():
        return _thrown_freely(total, len(taken), draws)
    full, wanted = taken.copy(), np.array([total])
    counts = full if fill else np.zeros_like(full)
    words = scratch("connect words", 2 * BALLS + GROUP, np.uint32)
    memory = [address(array) for array in (words, full, counts, wanted)]
    batch = 0
    while wanted[0] > 0:
        picks()["spread"](BALLS, len(taken), n, draws.seed, batch, draws.use(THROWS), *memory)
        batch += 1
    return counts - taken if fill else counts


def _thrown_freely(total: int, rows: int, draws: Draws) -> np.ndarray:
    """Return how many of ``total`` balls fall on each row, int64."""
    words, counts = scratch("connect words", BALLS + GROUP, np.uint32), np.zeros(rows, np.int64)
    picks()["throw"](total, BALLS, rows, draws.seed, draws.use(THROWS), address(words), address(counts))
    return counts


def shares(start: np.ndarray, size: int = CHUNK) -> np.ndarray:
    """Cut rows into shares of about ``size`` members; returns the borders, from 0 to the number of rows."""
    begin = np.arange(0, max(int(start[-1]), 1), size)
    borders = np.searchsorted(start, begin, side="right") - 1
    return np.unique(np.append(borders, [0, len(start) - 1]))
