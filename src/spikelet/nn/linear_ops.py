"""``x @ weight.T + bias`` as a pair of operators in torch that add where inputs are silent, and multiply otherwise.

    spikelet::linear(x, weight, bias)                         x (*R, N), weight (K, N), bias (K,) or None -> (*R, K)
    spikelet::linear_weight_gradient(gradient, x, with_bias)  (*R, K), (*R, N) -> (K, N), and (K,) or, without, (0,)

Which way is quicker depends on the inputs, so the choice lies inside: a graph that was exported or compiled makes it
anew for each batch. Derivatives of either are made of both, so they can be taken as often as one likes.
"""

import math
from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from spikelet import pool
from spikelet.backends import sparse_product
from spikelet.backends.sparse_product import Choice

TAKEN: Counter[str] = Counter()
"""How often this process went each way: ``"sparse"``, ``"dense"``, ``"sparse gradient"``, ``"dense gradient"``."""

_REAL = {torch.float32: "float", torch.float64: "double"}


def promises(x: Tensor, outputs: int) -> bool:
    """Tell from a few rows of a contiguous tensor on the CPU whether the sparse way is worth trying."""
    return _glance(x, outputs, False)[0]


def add(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor | None, Choice]:
    """Go the sparse way if it is the quicker one; the result, None if not, and why."""
    x, (outputs, width) = _contiguous(x), weight.shape
    promising, most = _glance(x, outputs, False)
    if not promising:
        return None, Choice(x.numel(), most)
    out, offset = x.new_empty(*x.shape[:-1], outputs), None if bias is None else _array(bias)
    rows, results = x.numpy().reshape(-1, width), out.numpy().reshape(-1, outputs)
    choice = sparse_product.multiply(rows, _array(weight), offset, results, _threads(), most)
    return (out if choice.sparse else None), choice


def add_gradients(gradient: Tensor, x: Tensor) -> tuple[Tensor | None, Tensor | None, Choice]:
    """Go the sparse way if it is the quicker one; both results, None if not, and why. Both arguments have two axes."""
    x, outputs = _contiguous(x), gradient.shape[1]
    promising, most = _glance(x, outputs, True)
    if not promising:
        return None, None, Choice(x.numel(), most)
    out, sums = x.new_empty(outputs, x.shape[1]), np.empty(outputs)
    choice = sparse_product.weight_gradient(_array(gradient), x.numpy(), out.numpy(), sums, _threads(), most)
    return (out, torch.from_numpy(sums).to(x.dtype), choice) if choice.sparse else (None, None, choice)


def _glance(x: Tensor, outputs: int, gradient: bool) -> tuple[bool, int]:
    width = x.shape[-1]
    rows = x.numel() // width if width and x.dtype in _REAL else 0
    return sparse_product.glance(x.data_ptr(), rows, width, outputs, _REAL.get(x.dtype, ""), gradient)


def _contiguous(value: Tensor) -> Tensor:
    return value.detach().resolve_neg().contiguous()


def _array(value: Tensor) -> np.ndarray:
    return _contiguous(value).numpy()


def _threads() -> int:
    """Return as many threads as torch would use, if they are not more than the package's."""
    return min(pool.threads(), torch.get_num_threads())


# -- on the CPU -------------------------------------------------------------------------------------------------------


def _linear_cpu(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    out, choice = add(x, weight, bias)
    TAKEN["sparse" if choice.sparse else "dense"] += 1
    return functional.linear(x, weight, bias) if out is None else out


def _weight_gradient_cpu(gradient: Tensor, x: Tensor, with_bias: bool) -> tuple[Tensor, Tensor]:
    gradient, x = _rows(gradient), _rows(x)
    out, sums, choice = add_gradients(gradient, x)
    TAKEN["sparse gradient" if choice.sparse else "dense gradient"] += 1
    if out is None or sums is None:
        out, sums = gradient.t() @ x, gradient.sum(0) if with_bias else None
    return out, sums if with_bias and sums is not None else x.new_empty(0)


def _rows(value: Tensor) -> Tensor:
    return value.reshape(math.prod(value.shape[:-1]), value.shape[-1])


_operator = torch.library.custom_op("spikelet::linear", _linear_cpu, mutates_args=())
_gradient_operator = torch.library.custom_op("spikelet::linear_weight_gradient", _weight_gradient_cpu, mutates_args=())
LINEAR: Any = torch.ops.spikelet.linear.default
"""The operator, for graphs; elsewhere `linear` is quicker."""
_WEIGHT_GRADIENT: Any = torch.ops.spikelet.linear_weight_gradient.default


@_operator.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return x.new_empty(*x.shape[:-1], weight.shape[0])


@_gradient_operator.register_fake
def _(gradient: Tensor, x: Tensor, with_bias: bool) -> tuple[Tensor, Tensor]:
    outputs = gradient.shape[-1]
    return x.new_empty(outputs, x.shape[-1]), x.new_empty(outputs if with_bias else 0)


# -- derivatives, and vmap --------------------------------------------------------------------------------------------
# Functions, since an operator cannot take part in the transforms of torch.func; they are quicker to call, too.


class _Linear(torch.autograd.Function):
    """``spikelet::linear``."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return (_linear_cpu if _plain(x, weight, bias) else LINEAR)(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, weight, _ = inputs
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, weight if ctx.needs_input_grad[0] else None)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,), (x, weight) = gradients, ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        to_weight = to_bias = None
        if for_weight:
            to_weight, to_bias = weight_gradient(gradient, x, for_bias)
        elif for_bias:
            to_bias = _rows(gradient).sum(0)
        return gradient @ weight if for_x else None, to_weight, to_bias if for_bias else None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        x, weight, bias = (_in_front(arg, dim, info.batch_size) for arg, dim in zip(args, in_dims, strict=True))
        if in_dims[1] is None and in_dims[2] is None:
            return linear(x, *args[1:]), 0
        out = _batches(x) @ weight.mT
        return (out if bias is None else out + bias.unsqueeze(1)).reshape(*x.shape[:-1], out.shape[-1]), 0


class _WeightGradient(torch.autograd.Function):
    """``spikelet::linear_weight_gradient``."""

    @staticmethod
    def forward(gradient: Tensor, x: Tensor, with_bias: bool) -> tuple[Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return (_weight_gradient_cpu if _plain(gradient, x) else _WEIGHT_GRADIENT)(gradient, x, with_bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        gradient, x, ctx.with_bias = inputs
        ctx.save_for_backward(gradient, x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (weight, bias), (gradient, x) = gradients, ctx.saved_tensors
        return linear(x, weight, bias if ctx.with_bias else None), gradient @ weight, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        gradient, x = (_batches(_in_front(args[i], in_dims[i], info.batch_size)) for i in (0, 1))
        sums = gradient.sum(1) if args[2] else x.new_empty(info.batch_size, 0)
        return (gradient.mT @ x, sums), (0, 0)


for _registered, _function in ((_operator, _Linear), (_gradient_operator, _WeightGradient)):
    _registered.register_autograd(_function.backward, setup_context=_function.setup_context)
    _registered.register_vmap(_function.vmap)


def _plain(*tensors: Tensor | None) -> bool:
    """Tell whether all are ordinary tensors that nobody watches, so that torch need not know of the call."""
    if torch._C._len_torch_dispatch_stack():
        return False
    return all(value is None or type(value) in (Tensor, torch.nn.Parameter) for value in tensors)


def _in_front(value: Any, dim: int | None, size: int) -> Any:
    """Put the axis of vmap first; a tensor without it is repeated."""
    if value is None:
        return None
    return value.expand(size, *value.shape) if dim is None else value.movedim(dim, 0)


def _batches(value: Tensor) -> Tensor:
    """Fold all axes but the first and the last."""
    return value.reshape(len(value), math.prod(value.shape[1:-1]), value.shape[-1])


# `apply` without its part for torch.func, which takes longer than all the rest of a call
_apply_linear: Any = super(torch.autograd.Function, _Linear).apply  # pyright: ignore[reportAttributeAccessIssue]
_apply_gradient: Any = super(torch.autograd.Function, _WeightGradient).apply  # pyright: ignore[reportAttributeAccessIssue]


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return ``x @ weight.T + bias`` of tensors on the CPU; in a graph, `LINEAR` does."""
    if torch._C._are_functorch_transforms_active():
        return _Linear.apply(x, weight, bias)  # pyright: ignore[reportReturnType]
    return (_apply_linear if _learns(x, weight, bias) else _Linear.forward)(x, weight, bias)


def weight_gradient(gradient: Tensor, x: Tensor, with_bias: bool) -> tuple[Tensor, Tensor]:
    """Return ``gradient.T @ x`` and, with bias, ``gradient.sum(0)``, over all axes but the last."""
    if torch._C._are_functorch_transforms_active():
        return _WeightGradient.apply(gradient, x, with_bias)  # pyright: ignore[reportReturnType]
    return (_apply_gradient if _learns(gradient, x) else _WeightGradient.forward)(gradient, x, with_bias)


def _learns(*tensors: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(value is not None and value.requires_grad for value in tensors)
