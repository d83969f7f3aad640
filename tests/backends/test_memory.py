"""Blocks of memory are used again, and never while somebody still looks at them."""

import gc

import numpy as np
import pytest
import torch

from spikelet.backends.memory import Memory

SHAPE = (600, 1000)  # 2.4 MB


@pytest.fixture
def memory():
    return Memory(limit=10 * 2**21)


def test_a_block_comes_back(memory):
    first = memory.empty(SHAPE, np.float32)
    first[:] = 1
    address = first.ctypes.data
    del first
    gc.collect()
    assert memory.empty(SHAPE, np.float32).ctypes.data == address


@pytest.mark.parametrize(
    "look", [lambda a: a[3:4, ::2], lambda a: torch.from_numpy(a)[5], lambda a: a.T.reshape(-1, 2)[::7]]
)
def test_a_view_keeps_its_block(memory, look):
    array = memory.empty(SHAPE, np.float32)
    array[:] = 1
    view = look(array)
    del array
    gc.collect()
    other = memory.empty(SHAPE, np.float32)
    other[:] = 2
    assert (np.asarray(view) == 1).all()


def test_unused_blocks_are_bounded(memory):
    arrays = [memory.empty(SHAPE, np.float32) for _ in range(12)]
    del arrays
    gc.collect()
    memory.empty(SHAPE, np.float32)
    assert sum(block.size for block in memory.free) <= memory.limit


def test_a_small_request_takes_no_large_block(memory):
    del (large := [memory.empty((4 * SHAPE[0], SHAPE[1]), np.float32)])[:]
    gc.collect()
    assert not large
    memory.empty(SHAPE, np.float32)
    assert any(block.size >= 4 * 2_400_000 for block in memory.free)


def test_small_and_empty_arrays_are_plain(memory):
    assert memory.empty((0, 5), np.float64).shape == (0, 5)
    assert memory.empty((3,), np.int64).base is None
