"""Where plastic synapses stand: their delays before and behind the synapse, and the synapses by target."""

import ctypes
from dataclasses import dataclass, replace

import numpy as np

from spikelet.backends.sparse_calls import address
from spikelet.errors import InputError
from spikelet.sim.connect_calls import starts
from spikelet.sim.edges import Edges
from spikelet.sim.plastic_kernels import FAR
from spikelet.sim.plastic_moves import transposing

INDEX = {2: "i16", 4: "i32"}
_LIMIT = 2**32  # places that an index of 32 bits can tell apart
_P, _I = ctypes.c_void_p, ctypes.c_int64


@dataclass(frozen=True, eq=False)
class Split:
    """The two parts of each delay of a projection: on the axon, before the synapse, and on the dendrite, behind it.

    Attributes:
        before: (K,) int64, steps from a spike of the sender to the synapse.
        behind: (K,) int64, steps from the synapse to the receiver, and from a spike of the receiver to the synapse.
        kinds: (D,) int64, the values of ``behind``, ascending; the states of receivers are kept once for each.
        offset: (K,) int64, where these begin for each delay, in an array (D, targets).
        late: Of how many delays, the first ones, the part before is 0, so that a spike reaches the synapse only after
            it has been listed.
    """

    before: np.ndarray
    behind: np.ndarray
    kinds: np.ndarray
    offset: np.ndarray
    late: int


def split(edges: Edges, fraction: float) -> Split:
    """Return the parts of the delays; the share ``fraction`` of each, in whole steps, lies behind the synapse."""
    behind = np.rint(edges.delays * fraction).astype(np.int64)
    before = edges.delays.astype(np.int64) - behind
    kinds, which = np.unique(behind, return_inverse=True)
    late = int(((before == 0) & (behind > 0)).sum())
    if not len(kinds):
        kinds = np.zeros(1, np.int64)
    return Split(before, behind, kinds, which.astype(np.int64) * edges.n_target, late)


@dataclass(frozen=True, eq=False)
class Transpose:
    """The synapses by delay behind the synapse and target.

    Attributes:
        start: (D*n_target + 1,) int64; the synapses of delay number d and target j are those from
            ``start[d*n_target + j]`` to the next entry.
        position: (E + some,) uint32, where each stands in ``Edges``; zeros follow, for what looks ahead.
        segment: (E,) uint16 or uint32, ``source*K + delay`` of each.
    """

    start: np.ndarray
    position: np.ndarray
    segment: np.ndarray


def transpose(edges: Edges, parts: Split) -> Transpose:
    """Return the synapses by target, in time O(E); those of one target keep their order.

    Raises:
        InputError: there are too many synapses, or segments, for an index of 32 bits.
    """
    count, segments = len(edges.targets), len(edges.pointer) - 1
    if max(count, segments) >= _LIMIT:
        raise InputError(f"a plastic projection has at most {_LIMIT:,} synapses, and as many (source, delay) pairs")
    kind = np.dtype(np.uint16 if segments <= 2**16 else np.uint32)
    library = transposing(INDEX[edges.targets.dtype.itemsize], INDEX[kind.itemsize])
    counts = np.zeros(len(parts.kinds) * edges.n_target, np.int64)
    given = (address(edges.pointer), segments, len(edges.delays), address(parts.offset), address(edges.targets))
    library.function("count", _P, _I, _I, _P, _P, _P)(*given, address(counts))
    start = starts(counts)
    following = start[:-1].copy()
    position, segment = np.zeros(count + FAR, np.uint32), np.zeros(count, kind)
    memory = map(address, (following, position, segment))
    library.function("transpose", _P, _I, _I, _P, _P, _P, _P, _P)(*given, *memory)
    return Transpose(start, position, segment)


def graded(edges: Edges, dtype: np.dtype) -> Edges:
    """Return synapses that have a weight each, in memory of their own."""
    weights = np.broadcast_to(np.asarray(edges.weights, dtype), (len(edges.targets),)).copy()
    return replace(edges, weights=weights)
