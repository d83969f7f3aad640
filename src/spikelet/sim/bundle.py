"""Projections of one source population as one: what a spike reaches is looked up once, in longer segments.

The synapses of a source with one delay lie side by side whatever population they reach, as long as its input lies in
the same array of rows. Each projection can be taken out again, with its own numbers of targets.
"""

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import Function
from spikelet.sim.edges import Edges

_INTEGER, _REAL = {2: "i16", 4: "i32"}, {4: "float", 8: "double"}
SPAN = 2**16  # targets that two bytes can tell apart


class Member(NamedTuple):
    """A projection that may be in a bundle: its name, and its targets among the neurons of the network."""

    name: str
    first: int
    last: int


def groups(members: Sequence[Member]) -> list[list[Member]]:
    """Cut projections of one source into bundles, in their order.

    Two bytes can tell the targets of a bundle apart, and no two projections in it have targets in common: by its
    targets each is taken out again.
    """
    found: list[list[Member]] = []
    for member in members:
        last = found[-1] if found else []
        span = max(m.last for m in (*last, member)) - min(m.first for m in (*last, member))
        apart = all(member.last <= m.first or m.last <= member.first for m in last)
        if last and span <= SPAN and apart:
            last.append(member)
        else:
            found.append([member])
    return found


def bundled(parts: Sequence[tuple[Edges, int]], dtype: np.dtype) -> tuple[Edges, int]:
    """Return synapses of several projections as those of one.

    Args:
        parts: The synapses of each, from the same sources, and the number of its first target in the network.
        dtype: Of weights.

    Returns:
        The synapses, each with a weight; and the number of the first target of all.
    """
    first = min(begin for _, begin in parts)
    span = max(begin + edges.n_target for edges, begin in parts) - first
    sources = parts[0][0].n_source
    delays = np.unique(np.concatenate([edges.delays for edges, _ in parts]))
    places = [np.searchsorted(delays, edges.delays) for edges, _ in parts]
    counts = np.zeros((sources, len(delays)), np.int64)
    for (edges, _), place in zip(parts, places, strict=True):
        counts[:, place] += np.diff(edges.pointer).reshape(sources, len(place))
    pointer = np.concatenate([[0], np.cumsum(counts)])
    targets = np.empty(pointer[-1], np.uint16 if span <= SPAN else np.uint32)
    weights = np.empty(pointer[-1], dtype)
    following = pointer[:-1].copy()
    for (edges, begin), place in zip(parts, places, strict=True):
        _place(edges, place, begin - first, following, targets, weights)
    return Edges(sources, span, delays, pointer, targets, weights), first


def _place(
    edges: Edges, place: np.ndarray, shift: int, following: np.ndarray, targets: np.ndarray, weights: np.ndarray
) -> None:
    """Copy synapses behind those that each segment holds already."""
    graded = np.ndim(edges.weights) > 0
    given = np.ascontiguousarray(np.atleast_1d(edges.weights), weights.dtype)
    kernel = _kernel(_INTEGER[edges.targets.itemsize], _INTEGER[targets.itemsize], _REAL[weights.itemsize])
    arrays = (edges.pointer, place.astype(np.int64), edges.targets, given, following, targets, weights)
    total = len(following) // max(edges.n_source, 1)
    addresses = [array.ctypes.data for array in arrays]
    kernel(edges.n_source, len(place), total, shift, int(graded), *addresses)


def taken(edges: Edges, first: int, last: int) -> tuple[Edges, np.ndarray]:
    """Return the synapses onto targets ``first`` to ``last - 1``, numbered from 0, and which of all they are, (E,)."""
    chosen = (edges.targets >= first) & (edges.targets < last)
    before = np.concatenate([[0], np.cumsum(chosen)])
    weights = edges.weights if np.ndim(edges.weights) == 0 else np.asarray(edges.weights)[chosen]
    targets = (edges.targets[chosen] - edges.targets.dtype.type(first)).astype(edges.targets.dtype)
    found = replace(edges, n_target=last - first, pointer=before[edges.pointer], targets=targets, weights=weights)
    return found, chosen


@cache
def _kernel(source: str, target: str, real: str) -> Callable[..., Any]:
    """Return the kernel that copies segments."""
    words = ("sources", "delays", "all", "shift", "step")
    given = ", ".join(
        [*(f"i64 %{name}" for name in words), "ptr noalias %pointer", "ptr noalias %place", "ptr noalias %from",
         "ptr noalias %given", "ptr noalias %following", "ptr noalias %targets", "ptr noalias %weights"]
    )  # fmt: skip
    f = Function(f"void @place({given})")
    with f.loop("s", "%sources") as s, f.loop("d", "%delays") as d:
        row = f.value(f"mul i64 {s}, %delays")
        segment = f.value(f"add i64 {row}, {d}")
        behind = f.value(f"add i64 {segment}, 1")
        begin, end = f.load("i64", "%pointer", segment), f.load("i64", "%pointer", behind)
        row = f.value(f"mul i64 {s}, %all")
        own = f.value(f"add i64 {row}, {f.load('i64', '%place', d)}")
        start = f.load("i64", "%following", own)
        count = f.value(f"sub i64 {end}, {begin}")
        f.store("i64", f.value(f"add i64 {start}, {count}"), "%following", own)
        with f.loop("e", count) as e:
            old, new = f.value(f"add i64 {begin}, {e}"), f.value(f"add i64 {start}, {e}")
            number = f.value(f"zext {source} {f.load(source, '%from', old)} to i64")
            number = f.value(f"add i64 {number}, %shift")
            f.store(target, f.value(f"trunc i64 {number} to {target}"), "%targets", new)
            weight = f.load(real, "%given", f.value(f"mul i64 {old}, %step"))
            f.store(real, weight, "%weights", new)
    types = [ctypes.c_int64] * len(words) + [ctypes.c_void_p] * 7
    return llvm_jit.compile(f.text()).function("place", *types)
