"""A linear layer behind spikes: where few inputs are active it adds their weights instead of multiplying all."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional

from spikelet.backends import sparse_product
from spikelet.errors import ShapeError
from spikelet.nn.linear_ops import LINEAR, TAKEN, add, linear, promises, weight_gradient

_REALS = (torch.float32, torch.float64)
_ORDINARY = (Tensor, nn.Parameter)
_WORTH = 64  # inputs and outputs from which a graph holds the operator


class Linear(nn.Linear):
    """``torch.nn.Linear``, quicker on spikes; its parameters, state dict and start are the same.

    On the CPU, in single and double precision, each call looks at its inputs. If few are active (not 0), it adds the
    weights of those; the weight gradient likewise. Otherwise, and everywhere else, it is torch's product. Both give the
    same but for rounding, and which one is taken depends on the shapes and the inputs alone.

    Inside ``spikelet.nn.Sequential`` a plain ``torch.nn.Linear`` does the same.

    Args:
        in_features: inputs.
        out_features: outputs.
        bias: whether to add one.
        device: of the parameters.
        dtype: of the parameters.

    Example:
        >>> spikes = (torch.rand(100, 32, 512) < 0.03).float()
        >>> layer = Linear(512, 512)
        >>> torch.allclose(layer(spikes), torch.nn.functional.linear(spikes, layer.weight, layer.bias), atol=1e-5)
        True
        >>> layer.explain(spikes).split(":")[0]
        'sparse'
    """

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Map x (*R, in_features) to (*R, out_features)."""
        return event_linear(x, self.weight, self.bias)

    def explain(self, x: Tensor) -> str:
        """Say which way a call with ``x`` goes, and why."""
        return explain(x, self.weight, self.bias)


def event_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x @ weight.T + bias``, as `Linear` does.

    Args:
        x: (*R, N).
        weight: (K, N).
        bias: (K,) or None.

    Returns:
        (*R, K).

    Raises:
        ShapeError: the shapes do not fit.
    """
    if weight.ndim != 2 or not _is_hopeless(x, weight):
        _require_shapes(x, weight, bias)
        if not _obstacle(x, weight, bias):
            return (LINEAR if torch.compiler.is_compiling() else linear)(x, weight, bias)
    try:
        return functional.linear(x, weight, bias)
    except RuntimeError:
        _require_shapes(x, weight, bias)
        raise


def _is_hopeless(x: Tensor, weight: Tensor) -> bool:
    """Tell at once, in the most common cases, that a product is torch's: it is small, or too many inputs are active."""
    if torch.compiler.is_compiling():
        return False
    if _is_small(x, weight):
        return True
    if type(x) is not Tensor or x.dtype not in _REALS or not x.is_cpu or x.layout != torch.strided:
        return False
    if torch._C._are_functorch_transforms_active() or torch._C._len_torch_dispatch_stack() or not x.is_contiguous():
        return False
    if promises(x, len(weight)):
        return False
    TAKEN["dense"] += 1
    return True


def call(module: nn.Module, x: Tensor, bits: bool = False) -> Tensor:
    """Return ``module(x)``; a plain ``torch.nn.Linear`` goes the way of `Linear`.

    With ``bits`` x is known to be 0 or 1, and for the backward pass only a bit of each is kept.
    """
    if type(module) in (nn.Linear, Linear) and not _is_watched(module):
        weight: Any = module.weight
        bias: Any = module.bias
        if bits and weight.requires_grad and _is_eager(x, weight):
            return _OfBits.apply(x, weight, bias)  # pyright: ignore[reportReturnType]
        return event_linear(x, weight, bias)
    return module(x)


def _is_eager(x: Tensor, weight: Tensor) -> bool:
    """Tell whether a call on the CPU is one that autograd alone watches, of ordinary tensors of one type."""
    if torch.compiler.is_compiling() or not torch.is_grad_enabled() or not x.is_cpu:
        return False
    if torch._C._are_functorch_transforms_active() or torch._C._len_torch_dispatch_stack() or _forward_mode():
        return False
    ordinary = type(x) in _ORDINARY and type(weight) in _ORDINARY and x.dtype == weight.dtype
    return ordinary and not torch.is_autocast_enabled("cpu")


class _OfBits(torch.autograd.Function):
    """A linear layer that keeps a bit of each input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        bits = np.packbits((x.detach() != 0).numpy(), axis=-1)
        ctx.width, ctx.dtype = x.shape[-1], x.dtype
        ctx.save_for_backward(torch.from_numpy(bits), weight if ctx.needs_input_grad[0] else None)
        return event_linear(x, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,), (bits, weight) = gradients, ctx.saved_tensors
        for_x, _, for_bias = ctx.needs_input_grad
        x = torch.from_numpy(np.unpackbits(bits.numpy(), axis=-1, count=ctx.width)).to(ctx.dtype)
        to_weight, to_bias = weight_gradient(gradient, x, for_bias)
        return gradient @ weight if for_x else None, to_weight, to_bias if for_bias else None


def explain(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> str:
    """Say which way ``event_linear`` goes, ``"sparse: ..."`` or ``"dense: ..."``, and why."""
    _require_shapes(x, weight, bias)
    if obstacle := _obstacle(x, weight, bias):
        return f"dense: {obstacle}"
    _, choice = add(x, weight, bias)
    return f"{'sparse' if choice.sparse else 'dense'}: {choice.reason}"


def _require_shapes(x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    if weight.ndim != 2:
        raise ShapeError(f"linear: weight has shape {tuple(weight.shape)}, expected (outputs, inputs)")
    outputs, width = weight.shape
    if x.ndim < 1 or x.shape[-1] != width:
        raise ShapeError(f"linear: x has shape {tuple(x.shape)}, expected (..., {width})")
    if bias is not None and (bias.ndim != 1 or bias.shape[0] != outputs):
        raise ShapeError(f"linear: bias has shape {tuple(bias.shape)}, expected ({outputs},)")


def _obstacle(x: Tensor, weight: Tensor, bias: Tensor | None) -> str:
    """Say why a product is torch's business, before any look at the inputs; nothing if it may be ours."""
    if _is_small(x, weight):
        return "the product is small"
    for value in (x, weight) if bias is None else (x, weight, bias):
        if not value.is_cpu:
            return f"x is on {x.device}, and adding is for CPUs"
        if value.dtype != x.dtype or x.dtype not in _REALS:
            return f"adding is for single or double precision throughout, and x is {x.dtype}"
        if value.layout != torch.strided or (type(value) not in _ORDINARY and _is_special(value)):
            return "a tensor is of a kind of its own"
    if torch.is_autocast_enabled("cpu"):
        return "autocast asks for low precision"
    return "forward-mode differentiation is on" if _forward_mode() else ""


def _is_watched(module: nn.Module) -> bool:
    """Tell whether something else is to happen in a call of the module: hooks, or a forward of its own."""
    hooks = module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks
    return any(map(len, hooks)) or "forward" in vars(module) or bool(nn.modules.module._has_any_global_hook())


def _is_special(value: Tensor) -> bool:
    """Tell whether a tensor has its own way of doing things (a distributed one, a quantised one ...)."""
    return getattr(type(value), "__torch_function__", None) is not torch._C._disabled_torch_function_impl


def _forward_mode() -> bool:
    return getattr(forward_ad, "_current_level", -1) >= 0


def _is_small(x: Tensor, weight: Tensor) -> bool:
    if torch.compiler.is_compiling():  # the batch of a graph may be of any size
        return min(weight.shape) < _WORTH
    return x.numel() * len(weight) < sparse_product.LEAST
