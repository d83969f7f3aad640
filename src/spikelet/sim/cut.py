"""Segments of synapses cut by the threads that own their targets, in place and without a change of order in a cut."""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from spikelet import pool
from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import Function
from spikelet.backends.sparse_calls import REAL, address, scratch
from spikelet.sim.edges import Edges

_SERIAL = 100_000  # synapses for which one thread is enough


def cut(edges: Edges, owner: np.ndarray, threads: int) -> np.ndarray:
    """Put the synapses of each segment into the order of the threads that own their targets.

    Args:
        edges: The synapses; their targets and weights change places, within segments.
        owner: (n_target,) uint8, the thread of each target.
        threads: How many there are.

    Returns:
        (segments*threads + 1,) int64, where the synapses of each segment and thread begin.
    """
    segments = len(edges.pointer) - 1
    graded = isinstance(edges.weights, np.ndarray)
    weights = edges.weights if isinstance(edges.weights, np.ndarray) else np.zeros(0, np.float32)
    longest = int(np.diff(edges.pointer).max(initial=0))
    found = np.empty(segments * threads + 1, np.int64)
    found[-1] = edges.pointer[-1]
    kernel = _kernel(f"i{8 * edges.targets.itemsize}", REAL[weights.dtype], graded)
    arrays = [address(array) for array in (edges.pointer, owner, edges.targets, weights, found)]

    def job(lo: int, hi: int) -> None:
        memory = (
            scratch("cut targets", longest, edges.targets.dtype),
            scratch("cut weights", longest, weights.dtype),
            scratch("cut next", threads, np.int64),
        )
        kernel(lo, hi, threads, *arrays, *map(address, memory))

    pool.run(job, segments, threads=1 if len(edges) < _SERIAL else None)
    return found


@cache
def _kernel(index: str, real: str, graded: bool) -> Callable[..., Any]:
    """Return the kernel that does the segments lo to hi - 1."""
    pointers = ("pointer", "owner", "targets", "weights", "found", "own.targets", "own.weights", "next")
    given = ", ".join(["i64 %lo", "i64 %hi", "i64 %threads", *(f"ptr noalias %{name}" for name in pointers)])
    f = Function(f"void @cut({given})")
    running = f.value("alloca i64")
    with f.loop("s", "%hi", "%lo") as s:
        begin = f.load("i64", "%pointer", s)
        count = f.value(f"sub i64 {f.load('i64', '%pointer', f.value(f'add i64 {s}, 1'))}, {begin}")
        targets, weights = f.at(index, "%targets", begin), f.at(real, "%weights", begin)
        with f.loop("k", "%threads") as k:
            f.store("i64", "0", "%next", k)
        with f.loop("i", count) as i:
            _increase(f, _owner(f, index, targets, i))
        place = f.at("i64", "%found", f.value(f"mul i64 {s}, %threads"))
        f.store("i64", "0", running)
        with f.loop("k", "%threads") as k:
            here, own = f.load("i64", running), f.load("i64", "%next", k)
            f.store("i64", f.value(f"add i64 {begin}, {here}"), place, k)
            f.store("i64", here, "%next", k)
            f.store("i64", f.value(f"add i64 {here}, {own}"), running)
        with f.loop("i", count) as i:
            to = _increase(f, _owner(f, index, targets, i))
            f.store(index, f.load(index, targets, i), "%own.targets", to)
            if graded:
                f.store(real, f.load(real, weights, i), "%own.weights", to)
        with f.loop("i", count) as i:
            f.store(index, f.load(index, "%own.targets", i), targets, i)
            if graded:
                f.store(real, f.load(real, "%own.weights", i), weights, i)
    types = [ctypes.c_int64] * 3 + [ctypes.c_void_p] * len(pointers)
    return llvm_jit.compile(f.text()).function("cut", *types)


def _owner(f: Function, index: str, targets: str, i: str) -> str:
    """Return the thread that owns a synapse's target."""
    target = f.value(f"zext {index} {f.load(index, targets, i)} to i64")
    return f.value(f"zext i8 {f.load('i8', '%owner', target)} to i64")


def _increase(f: Function, k: str) -> str:
    """Count a synapse of a thread; returns how many there were."""
    old = f.load("i64", "%next", k)
    f.store("i64", f.value(f"add i64 {old}, 1"), "%next", k)
    return old
