"""Edges: the methods against lists of synapses written out one by one."""

import numpy as np
import pytest

from spikelet.sim.connect import build, fixed_indegree, fixed_total, from_arrays
from spikelet.sim.distributions import normal, uniform
from spikelet.sim.edges import Edges


def written_out(edges: Edges) -> list[tuple[int, int, int, float]]:
    """Return (source, target, delay, weight) of every synapse, read segment by segment."""
    found = []
    for s in range(edges.n_source):
        for k, delay in enumerate(edges.delays):
            segment = s * len(edges.delays) + k
            for e in range(edges.pointer[segment], edges.pointer[segment + 1]):
                weight = edges.weights if isinstance(edges.weights, float) else edges.weights[e]
                found.append((s, int(edges.targets[e]), int(delay), float(weight)))
    return found


@pytest.fixture
def edges() -> Edges:
    """Three sources, two delays; source 1 has no synapse."""
    delays, pointer = np.array([2, 5]), np.array([0, 2, 3, 3, 3, 3, 5])
    weights = np.array([0.5, 1, 2, 3, 4], np.float32)
    return Edges(3, 4, delays, pointer, np.array([3, 0, 1, 2, 0], np.uint16), weights)


def test_synapse_by_synapse(edges):
    assert len(edges) == 5
    assert edges.sources().tolist() == [0, 0, 0, 2, 2]
    assert edges.delay_steps().tolist() == [2, 2, 5, 5, 5]
    assert edges.order().tolist() == [1, 2, 0, 4, 3]
    assert edges.nbytes == 2 * 8 + 7 * 8 + 5 * 2 + 5 * 4


def test_without_synapses():
    edges = build(from_arrays([], []), 3, 0, same=False, dt=0.1, seed=0, stream=1)
    assert len(edges) == 0 and edges.pointer.tolist() == [0, 0, 0, 0] and edges.order().size == 0
    assert edges.sources().size == edges.delay_steps().size == 0


@pytest.mark.parametrize("pattern", [fixed_total(3000), fixed_indegree(50)], ids=repr)
def test_large_ones_against_a_slow_reading(pattern):
    edges = build(pattern, 70, 60, same=False, weight=normal(0, 1), delay=uniform(0.1, 1.2), dt=0.1, seed=2, stream=4)
    slow = written_out(edges)
    assert edges.pointer[0] == 0 and edges.pointer[-1] == len(edges) == len(slow) == 3000
    assert (np.diff(edges.pointer) >= 0).all() and len(edges.pointer) == 70 * len(edges.delays) + 1
    columns = list(zip(*slow, strict=True))
    assert edges.sources().tolist() == list(columns[0])
    assert edges.delay_steps().tolist() == list(columns[2])
    order = edges.order()
    assert sorted(order.tolist()) == list(range(3000))
    assert [slow[e][:3] for e in order] == sorted(part[:3] for part in slow)


def test_targets_are_as_narrow_as_they_can_be():
    ends = [(2**16, np.uint16), (2**16 + 1, np.uint32)]
    for n, dtype in ends:
        edges = build(from_arrays([1, 0], [n - 1, 5]), 2, n, same=False, dt=0.1, seed=0, stream=0)
        assert edges.targets.dtype == dtype
        assert edges.targets.tolist() == [5, n - 1]
