"""The operators under ``torch.func.vmap`` and autocast: the axis of a vmap becomes the first of the lanes."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from spikelet.backends import fused
from spikelet.backends.torch_ops.kernels import LIBRARY, Arguments

_START = 4  # place of the only tensor that cannot differ between lanes


def _folded(value: Tensor | None, dim: int | None, size: int, at: int = 0) -> Any:
    """Put the axis ``dim`` at ``at``; a tensor without it is repeated there."""
    if value is None:
        return None
    if dim is not None:
        return value.movedim(dim, at)
    return value.unsqueeze(at).expand(*value.shape[:at], size, *value.shape[at:])


def _per_lane(value: Tensor, dim: int | None, size: int, lanes: tuple[int, ...]) -> Tensor:
    """Return a coefficient for every lane: (size, *lanes)."""
    value = _folded(value, dim, size)
    return value.reshape(size, *[1] * (1 + len(lanes) - value.ndim), *value.shape[1:]).expand(size, *lanes)


def _lanes(given: Arguments, dims: Any) -> tuple[int, ...]:
    """Return the lanes that one of the calls sees."""
    value, dim = (given.inputs[0], dims[1][0]) if given.inputs else (given.state[0], dims[2][0])
    shape = [size for axis, size in enumerate(value.shape) if axis != dim]
    return tuple(shape[1:] if given.inputs else shape)


def _fold_all(given: Arguments, dims: Any, size: int, every: bool) -> Arguments:
    """Put the axis among the lanes; ``every`` coefficient gets it, or those that have it."""
    lanes = _lanes(given, dims)
    return replace(
        given,
        inputs=[_folded(x, dim, size, 1) for x, dim in zip(given.inputs, dims[1], strict=True)],
        state=[_folded(x, dim, size) for x, dim in zip(given.state, dims[2], strict=True)],
        coefficients=[
            _per_lane(x, dim, size, lanes) if every or dim is not None else x
            for x, dim in zip(given.coefficients, dims[3], strict=True)
        ],
        element=_folded(given.element, dims[5], size),
        lengths=_folded(given.lengths, dims[6], size),
    )


def _one_by_one(operator: Any, size: int, dims: Any, arguments: Any) -> tuple[list[Tensor], list[int]]:
    """Run one call after the other."""

    def chosen(value: Any, dim: Any, index: int) -> Any:
        if isinstance(value, list | tuple):
            each = dim if isinstance(dim, list | tuple) else [dim] * len(value)
            return [chosen(one, own, index) for one, own in zip(value, each, strict=True)]
        return value.select(dim, index) if isinstance(value, Tensor) and dim is not None else value

    rows = [operator(*(chosen(v, d, i) for v, d in zip(arguments, dims, strict=True))) for i in range(size)]
    stacked = [torch.stack(column) for column in zip(*rows, strict=True)]
    return stacked, [0] * len(stacked)


def _scan_vmap(info: Any, dims: Any, *arguments: Any) -> Any:
    operator, size = torch.ops.spikelet.scan.default, info.batch_size
    given = Arguments(*arguments)
    if dims[_START] is not None:
        return _one_by_one(operator, size, dims, arguments)
    flat = operator(*replace(_fold_all(given, dims, size, False), save="none").positional)
    # what is saved of all lanes cannot be parted again; the backward pass, should there be one, runs the scan again
    count = len(fused.saved_like(given.plan.program, given.steps, 1, given.save))
    absent = [flat[0].new_empty(0) for _ in range(count)]
    outputs, states = len(given.plan.outputs), len(given.plan.states)
    return [*flat, *absent], [*[1] * outputs, *[0] * states, *[None] * count]


def _backward_vmap(info: Any, dims: Any, *arguments: Any) -> Any:
    operator, size = torch.ops.spikelet.scan_backward.default, info.batch_size
    given, (_, gradients, wanted) = Arguments(*arguments[:-3]), arguments[-3:]
    if dims[_START] is not None:
        again = (*given.positional, [], gradients, wanted)
        return _one_by_one(operator, size, (*dims[:-3], [], *dims[-2:]), again)
    places = [1] * len(given.plan.outputs) + [0] * len(given.plan.states)
    folded = [_folded(g, dim, size, at) for g, dim, at in zip(gradients, dims[-2], places, strict=True)]
    found = operator(*_fold_all(given, dims, size, True).positional, [], folded, wanted)
    results, where = [], []
    lanes, first = len(_lanes(given, dims)), len(given.inputs) + len(given.state)
    positions = [position for position, flag in enumerate(wanted) if flag]
    for position, value in zip(positions, found, strict=True):
        if position >= first:  # each call has its own sum over the lanes that share an entry
            axes = given.coefficients[position - first].ndim - (dims[3][position - first] is not None)
            value = value.sum(tuple(range(1, 1 + lanes - axes))) if axes < lanes else value
        results.append(value)
        where.append(1 if position < len(given.inputs) else 0)
    return results, where


torch.library.register_vmap("spikelet::scan", _scan_vmap, lib=LIBRARY)
torch.library.register_vmap("spikelet::scan_backward", _backward_vmap, lib=LIBRARY)
for _operator in ("spikelet::scan", "spikelet::scan_backward"):
    for _device in ("cpu", "cuda"):  # low precision has no place in sums over many steps
        torch.library.register_autocast(_operator, _device, torch.float32, lib=LIBRARY)
