"""Products of a matrix with spikes that add the rows of active inputs, where that is quicker than multiplying all.

``glance`` tells from the shapes and a few rows whether it may be. ``multiply`` and ``weight_gradient`` list the active
inputs and add what the lists name: the dense product, but for rounding (an input other than 1 counts as often as it
says). Where more inputs are active than it pays to list, and where 0 times a number is not 0 (a weight or a gradient
that is not finite), they say so, and the caller multiplies. Every sum has an order of its own, whatever the number of
threads.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from spikelet import pool
from spikelet.backends.sparse_calls import (
    REAL,
    address,
    index_kernels,
    rows_kernel,
    scratch,
    tile_kernels,
    tile_widths,
)
from spikelet.backends.sparse_index_kernels import GROUP

_TILE = 1 << 19  # bytes of a tile: it shares a second-level cache with what streams through
_BLOCK = 2048  # rows of a gradient that are summed in one go
_CHUNK = 64  # rows (or columns) that are never parted between threads
_SAMPLE = 64  # rows that are looked at first
LEAST = 200_000_000  # multiply-adds of the dense way below which not even a look at the inputs pays
_SERIAL = 250_000  # ns of work that one thread does sooner than several


class Choice(NamedTuple):
    """Which way a product goes.

    Attributes:
        inputs: how many there are.
        most: how many of them may be active, for the sparse way to be quicker.
        active: how many are, where they were counted.
        flaw: what else is against the sparse way.
    """

    inputs: int
    most: int
    active: int | None = None
    flaw: str = ""

    @property
    def sparse(self) -> bool:
        """Whether the rows of active inputs are added; otherwise all is to be multiplied."""
        return self.active is not None and not self.flaw

    @property
    def reason(self) -> str:
        """Why, in words."""
        if self.flaw or not self.most:
            return self.flaw or "the product is too small to gain from inputs that are not active"
        limit = f"{self.most / self.inputs:.1%}"
        if self.active is None:
            return f"more inputs are active than the {limit} up to which it pays to add"
        return f"{self.active / self.inputs:.2%} of the inputs are active; it pays up to {limit}"


@dataclass(frozen=True)
class _Costs:
    """What a step of each way costs [ns on one core]; ratios decide, and those differ little between machines.

    Attributes:
        multiply: one multiply-add of the dense product.
        add: one addition of a listed row.
        list: one entry of an index.
        turn: one entry of an index by columns.
        look: one input.
        weight: turning one weight round.
        pack: copying one gradient.
    """

    multiply: float
    add: float
    list: float
    turn: float
    look: float
    weight: float
    pack: float


_COSTS = {
    "float": _Costs(multiply=0.0175, add=0.055, list=1.0, turn=8.0, look=0.25, weight=0.8, pack=0.5),
    "double": _Costs(multiply=0.035, add=0.11, list=1.0, turn=9.0, look=0.5, weight=1.6, pack=1.0),
}
_MARGIN = 0.9  # of the dense way's time: a gain within the noise is none


def most_active(rows: int, width: int, outputs: int, real: str, gradient: bool = False) -> int:
    """Return up to how many active inputs the sparse way is the quicker one; 0 where it never is.

    Args:
        rows: of the batch.
        width: inputs of a row.
        outputs: of a row.
        real: "float" or "double", the type of all.
        gradient: of the weight gradient instead of the product.
    """
    inputs, weights, cost = rows * width, width * outputs, _COSTS[real]
    if inputs * outputs < LEAST:
        return 0
    fixed, each = cost.look * inputs + cost.weight * weights, cost.add * outputs + cost.list
    if gradient:
        fixed, each = fixed + cost.pack * rows * outputs + cost.weight * weights, each + cost.turn
    most = (_MARGIN * cost.multiply * inputs * outputs - fixed) / each
    return max(0, min(int(most), inputs))


def glance(x: int, rows: int, width: int, outputs: int, real: str, gradient: bool = False) -> tuple[bool, int]:
    """Tell whether the sparse way is worth trying, at next to no cost, and up to how many active inputs it is.

    Args:
        x: address of the inputs (rows, width), contiguous.
        rows: as for `most_active`, like all that follow.
        width: of a row.
        outputs: of a row.
        real: type of all.
        gradient: of the weight gradient.
    """
    if not (rows and width and outputs):
        return False, 0
    most = most_active(rows, width, outputs, real, gradient)
    seen = min(rows // 8, _SAMPLE)
    if not (most and seen):
        return most > 0, most
    result = ctypes.c_int64()
    index_kernels(real)["count"](x, seen, width, rows // seen * width, ctypes.addressof(result))
    return result.value * rows <= most * seen, most


# -- the index --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Index:
    """Where a matrix is not zero: for each row the columns, ascending; in memory that the next call uses again.

    Attributes:
        active: how many entries there are.
        columns: the lists of all rows, at any place.
        start: (rows,) where in ``columns`` the list of a row begins.
        stop: (rows,) where it ends.
        values: of the entries, beside ``columns``; None where all are 1.
    """

    active: int
    columns: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    values: np.ndarray | None

    @property
    def lists(self) -> tuple[int, ...]:
        """Addresses, as the kernels take them."""
        values = () if self.values is None else (address(self.values),)
        return address(self.columns), address(self.start), address(self.stop), *values


def find(x: np.ndarray, most: int, threads: int, owner: str = "") -> Index | None:
    """List the inputs (rows, width) that are not zero; None where they are more than ``most``.

    Args:
        x: (rows, width).
        most: entries.
        threads: at most.
        owner: whose memory the lists take; they stay until the owner's next call.
    """
    rows, width = x.shape
    kernels, real = index_kernels(REAL[x.dtype]), x.dtype
    space = width + GROUP  # for a row, so that shares cannot meet
    columns = scratch(f"{owner} columns", rows * space, np.int32)
    start, stop = (scratch(f"{owner} {name}", rows, np.int64) for name in ("start", "stop"))
    found: list[tuple[int, int]] = []

    def share(lo: int, hi: int) -> None:
        result = np.empty(2, np.int64)
        kernels["scan"](
            lo, hi, address(x), width, lo * space, most, address(columns), address(start), address(stop),
            address(result),
        )  # fmt: skip
        found.append((int(result[0]), int(result[1])))

    pool.run(share, rows, threads=threads)
    active = sum(count for count, _ in found)
    if active > most:
        return None
    if not any(other for _, other in found):
        return Index(active, columns, start, stop, None)
    index = Index(active, columns, start, stop, scratch(f"{owner} values", rows * space, real))
    pool.run(lambda lo, hi: kernels["values"](lo, hi, address(x), width, *index.lists), rows, threads=threads)
    return index


def _turned(index: Index, width: int, blocks: list[tuple[int, int]], threads: int) -> list[Index]:
    """List for each block of rows and each of ``width`` inputs the rows in which it is active, counted in the block."""
    rows, ends = scratch("rows", index.active, np.int32), scratch("ends", 2 * width * len(blocks), np.int64)
    values, real = None, None if index.values is None else index.values.dtype
    if real is not None:
        values = scratch("turned values", index.active, real)
    turned, first = [], 0
    for number, (lo, hi) in enumerate(blocks):
        active = int((index.stop[lo:hi] - index.start[lo:hi]).sum())
        entries = slice(first, first + active)
        start, stop = ends[2 * number * width :][: 2 * width].reshape(2, width)
        turned.append(Index(active, rows[entries], start, stop, None if values is None else values[entries]))
        first += active
    turn = index_kernels("float")["turn"] if real is None else index_kernels(REAL[real])["turn_graded"]

    def share(lo: int, hi: int) -> None:
        for number in range(lo, hi):
            turn(*blocks[number], width, *index.lists, *turned[number].lists)

    pool.run(share, len(blocks), threads=threads)
    return turned


# -- the products -----------------------------------------------------------------------------------------------------


def multiply(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    out: np.ndarray,
    threads: int | None = None,
    most: int | None = None,
) -> Choice:
    """Compute ``out = x @ weight.T + bias``, if few inputs are active.

    Args:
        x: (rows, width), float32 or float64; this and all else contiguous and of one type.
        weight: (outputs, width).
        bias: (outputs,) or None.
        out: (rows, outputs); written.
        threads: use at most so many; the package's number where it is None. They do not change the result.
        most: what `glance` returned, if it has been asked and found that it is worth trying.
    """
    if most is None:
        rows, width = x.shape
        promising, most = glance(address(x), rows, width, len(weight), REAL[x.dtype])
        if not promising:
            return Choice(x.size, most)
    threads = _threads(threads, most, len(weight), x.dtype)
    index = find(x, most, threads)
    if index is None:
        return Choice(x.size, most)
    finite = _add_weights(index, weight, bias, out, threads)
    return Choice(x.size, most, index.active, "" if finite else "a weight is not finite")


def _add_weights(index: Index, weight: np.ndarray, bias: np.ndarray | None, out: np.ndarray, threads: int) -> bool:
    """Add the listed columns of the weights; returns whether the weights are finite."""
    (outputs, width), real = weight.shape, REAL[weight.dtype]
    side = _tile_width(real, outputs, width)
    add, transpose = rows_kernel(real, side, index.values is not None), tile_kernels(real)["transpose"]
    chunks = _ceil(len(out), _CHUNK)
    base = np.zeros(_ceil(outputs, side) * side, weight.dtype)
    if bias is not None:
        base[:outputs] = bias
    checks: list[float] = []

    def share(lo: int, hi: int) -> None:
        tile, check = scratch("tile", width * side, weight.dtype), np.empty(1, weight.dtype)
        for number, rows in _parts(lo, hi, chunks, len(out)):
            begin = number * side
            columns = min(side, outputs - begin)
            first = address(weight, begin * width)
            transpose(first, width, columns, width, address(tile), side, True, address(check))
            checks.append(float(check[0]))
            target = address(out, begin)
            add(rows.start, rows.stop, *index.lists, address(tile), address(base, begin), 0, target, outputs, columns)

    pool.run(share, _ceil(outputs, side) * chunks, threads=threads)
    return not any(checks)  # one that is NaN is true


def weight_gradient(
    gradient: np.ndarray,
    x: np.ndarray,
    out: np.ndarray,
    sums: np.ndarray,
    threads: int | None = None,
    most: int | None = None,
) -> Choice:
    """Compute ``out = gradient.T @ x`` and ``sums = gradient.sum(0)``, if few inputs are active.

    Args:
        gradient: (rows, outputs), float32 or float64; this and all else contiguous and, but for ``sums``, of one type.
        x: (rows, width).
        out: (outputs, width); written.
        sums: (outputs,) float64; written.
        threads: use at most so many; the package's number where it is None. They do not change the result.
        most: what `glance` returned, if it has been asked and found that it is worth trying.
    """
    (rows, width), outputs = x.shape, len(out)
    if most is None:
        promising, most = glance(address(x), rows, width, outputs, REAL[x.dtype], gradient=True)
        if not promising:
            return Choice(x.size, most)
    threads = _threads(threads, most, outputs, x.dtype)
    index = find(x, most, threads)
    if index is None:
        return Choice(x.size, most)
    blocks = [(lo, min(lo + _BLOCK, rows)) for lo in range(0, rows, _BLOCK)]
    turned = _turned(index, width, blocks, threads)
    side = _tile_width(REAL[out.dtype], outputs, min(_BLOCK, rows))
    chunks = _ceil(width, _CHUNK)
    sums.fill(0.0)

    def share(lo: int, hi: int) -> None:
        for number, columns in _parts(lo, hi, chunks, width):
            begin = number * side
            total = sums[begin:] if columns.start == 0 else np.zeros(side)
            _add_gradients(turned, blocks, gradient, out, total, begin, side, columns)

    pool.run(share, _ceil(outputs, side) * chunks, threads=threads)
    finite = np.isfinite(sums).all()
    return Choice(x.size, most, index.active, "" if finite else "a gradient is not finite")


def _add_gradients(
    turned: list[Index],
    blocks: list[tuple[int, int]],
    gradient: np.ndarray,
    out: np.ndarray,
    sums: np.ndarray,
    begin: int,
    side: int,
    columns: range,
) -> None:
    """Add the listed rows of the gradients, for the ``side`` outputs from ``begin`` on and the inputs ``columns``."""
    (outputs, width), real, dtype = out.shape, REAL[out.dtype], out.dtype
    kernels, add = tile_kernels(real), rows_kernel(real, side, turned[0].values is not None)
    wide, most = min(side, outputs - begin), max(hi - lo for lo, hi in blocks)
    tile, total = scratch("tile", most * side, dtype), scratch("total", width * side, dtype)
    base, stride = np.zeros(side, dtype), 0
    for (lo, hi), index in zip(blocks, turned, strict=True):
        first = address(gradient, lo * outputs + begin)
        kernels["pack"](first, outputs, hi - lo, wide, address(tile), side, address(sums))
        ends = columns.start, columns.stop
        add(*ends, *index.lists, address(tile), address(base), stride, address(total), side, side)
        base, stride = total, side
    first, target = address(total, columns.start * side), address(out, begin * width + columns.start)
    spare = np.empty(1, dtype)
    kernels["transpose"](first, side, len(columns), wide, target, width, False, address(spare))


# -- shares -----------------------------------------------------------------------------------------------------------


def _threads(threads: int | None, most: int, outputs: int, dtype: np.dtype) -> int:
    """Return the number of threads: one where the work is small."""
    work = most * outputs * _COSTS[REAL[dtype]].add
    return 1 if work < _SERIAL else pool.threads() if threads is None else threads


def _parts(lo: int, hi: int, chunks: int, count: int) -> Iterator[tuple[int, range]]:
    """Cut a share of tiles times chunks into tiles, each with the rows (or columns) of its chunks, of ``count``."""
    while lo < hi:
        tile = lo // chunks
        end = min(hi, (tile + 1) * chunks)
        first = tile * chunks
        yield tile, range((lo - first) * _CHUNK, min((end - first) * _CHUNK, count))
        lo = end


def _tile_width(real: str, columns: int, rows: int) -> int:
    """Return the width of tiles of so many rows: it fits the cache, and its last tile is not too empty."""
    size = 4 if real == "float" else 8
    widths = tile_widths(real)
    fitting = [width for width in widths if width * size * rows <= _TILE] or [widths[0]]
    return min(fitting, key=lambda width: _ceil(columns, width) * (width + 12))  # 12: what a row costs beside its sums


def _ceil(count: int, size: int) -> int:
    return -(-count // size)
