"""Count what a forward pass keeps for the backward pass."""

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class _Held:
    """A saved tensor; alive as long as the node of the graph that saved it, of which it must not hold a reference."""

    def __init__(self, tensor: Tensor):
        self.tensor = tensor.detach()


def kept_bytes(forward: Callable[[], Any], *, without: Iterable[Tensor] = (), output: bool = True) -> int:
    """Return the bytes that live after a forward pass: all that autograd saved, and the output.

    Each storage counts once, however many views of it are saved; what was saved and dropped again does not count.

    Args:
        forward: returns a tensor, or a tuple of which the first is one.
        without: tensors whose storages do not count, such as the parameters.
        output: whether the output counts.
    """
    held: weakref.WeakSet[_Held] = weakref.WeakSet()

    def pack(tensor: Tensor) -> _Held:
        entry = _Held(tensor)
        held.add(entry)
        return entry

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda entry: entry.tensor):
        result = forward()
    tensors = [entry.tensor for entry in held]
    if output:
        tensors.append(result[0] if isinstance(result, tuple) else result)
    storages = {s.data_ptr(): s.nbytes() for s in (tensor.untyped_storage() for tensor in tensors)}
    for tensor in without:
        storages.pop(tensor.untyped_storage().data_ptr(), None)
    return sum(storages.values())
