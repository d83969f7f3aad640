"""Projections of one source population as one: what a spike reaches is looked up once, in longer segments.

The synapses of a source with one delay lie side by side whatever population they reach, as long as its input lies in
the same array of rows. Each projection can be taken out again, with its own numbers of targets.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from spikelet.sim.edges import Edges

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


def taken(edges: Edges, first: int, last: int) -> tuple[Edges, np.ndarray]:
    """Return the synapses onto targets ``first`` to ``last - 1``, numbered from 0, and which of all they are, (E,)."""
    chosen = (edges.targets >= first) & (edges.targets < last)
    before = np.concatenate([[0], np.cumsum(chosen)])
    weights = edges.weights if np.ndim(edges.weights) == 0 else np.asarray(edges.weights)[chosen]
    targets = (edges.targets[chosen] - edges.targets.dtype.type(first)).astype(edges.targets.dtype)
    found = replace(edges, n_target=last - first, pointer=before[edges.pointer], targets=targets, weights=weights)
    return found, chosen
