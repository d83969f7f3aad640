"""Autograd of the operators.

The shortest way is taken that the circumstances allow: ordinary tensors go straight to the kernel, through one node of
autograd; under ``torch.compile``, fake tensors and the transforms of ``torch.func`` the operators are called.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch._functorch.autograd_function import (
    enable_single_level_autograd_function,  # pyright: ignore[reportPrivateImportUsage]
)

from spikelet import random
from spikelet.backends.program import read, reads
from spikelet.backends.torch_eager import NO_FORWARD, NO_SECOND
from spikelet.backends.torch_ops.kernels import LIBRARY, Arguments, run_backward, run_scan
from spikelet.errors import BackendError


@dataclass(frozen=True)
class _Options:
    """The arguments of ``scan`` without its tensors: those are flat here, in the same order."""

    program: str
    counts: tuple[int, int, int]
    rest: tuple[int, float, int, str]

    @staticmethod
    def of(given: Arguments, save: str) -> "tuple[_Options, tuple[Tensor | None, ...]]":
        """Part the arguments."""
        counts = len(given.inputs), len(given.state), len(given.coefficients)
        seed = random.signed(given.seed)
        options = _Options(given.program, counts, (given.steps, given.dt, seed, save))
        return options, (*given.smooth, given.start, given.element, given.lengths)

    @property
    def results(self) -> int:
        """Number of outputs and final states."""
        return len(read(self.program).outputs) + self.counts[1]

    def positional(self, tensors: Sequence[Any]) -> tuple[Any, ...]:
        """Join the arguments again."""
        first, second, third = self.counts
        second += first
        third += second
        lists = tensors[:first], tensors[first:second], tensors[second:third]
        return self.program, *map(list, lists), *tensors[third:], *self.rest


def _transformed() -> bool:
    """Tell whether a transform of ``torch.func`` (grad, vmap ...) is at work."""
    return torch._C._are_functorch_transforms_active()


def _plain(tensors: Sequence[Tensor | None]) -> bool:
    """Tell whether all are ordinary tensors that nobody watches, so that the kernel may be called without torch."""
    if torch._C._len_torch_dispatch_stack() or _transformed():
        return False
    return all(value is None or type(value) in (Tensor, torch.nn.Parameter) for value in tensors)


def _learns(*tensors: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(value is not None and value.requires_grad for value in tensors)


class _Scan(torch.autograd.Function):
    """``scan`` with a gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(options: _Options, *tensors: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        arguments = options.positional(tensors)
        if _plain(tensors):
            return tuple(run_scan(*arguments))
        with torch._C._AutoDispatchBelowAutograd():
            return tuple(torch.ops.spikelet.scan.default(*arguments))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        options, *tensors = inputs
        number = options.results
        whole = [value for value in output[:number] if not value.is_floating_point()]
        ctx.mark_non_differentiable(*whole, *output[number:])
        ctx.set_materialize_grads(False)
        ctx.options, ctx.number, ctx.unread = options, len(tensors), {}
        if not _transformed():  # under a transform the scan may be run again (see batching), which takes all inputs
            again = reads(options.program, options.rest[-1])
            for position, name in enumerate(read(options.program).inputs):
                if name not in again:
                    ctx.unread[position] = tensors[position].shape, tensors[position].dtype
                    tensors[position] = None
        ctx.save_for_backward(*tensors, *output[number:])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        options, known = ctx.options, gradients[: ctx.options.results]
        tensors, saved = list(ctx.saved_tensors[: ctx.number]), ctx.saved_tensors[ctx.number :]
        wanted = [bool(flag) for flag in ctx.needs_input_grad[1 : 1 + sum(options.counts)]]
        like = next((gradient for gradient in known if gradient is not None), None)
        found: Any = iter(())
        if like is not None and any(wanted):
            for position, (shape, dtype) in ctx.unread.items():
                # the kernel reads its shape only; a second derivative, which is refused, would go through it
                stand_in = like.new_zeros((), dtype=dtype).requires_grad_(torch.is_grad_enabled() and wanted[position])
                tensors[position] = stand_in.expand(shape)
            found = iter(_gradients(options, wanted, len(tensors), len(saved), *tensors, *saved, *known))
        return None, *(next(found, None) if flag else None for flag in wanted), None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise BackendError(NO_FORWARD)


class _Backward(torch.autograd.Function):
    """``scan_backward``, which cannot be differentiated again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        options: _Options, wanted: list[bool], number: int, saved: int, *flat: Any
    ) -> Any:
        kept, gradients = list(flat[number : number + saved]), list(flat[number + saved :])
        arguments = (*options.positional(flat[:number]), kept, gradients, wanted)
        if _plain(flat):
            return tuple(run_backward(*arguments))
        with torch._C._AutoDispatchBelowAutograd():
            return tuple(torch.ops.spikelet.scan_backward.default(*arguments))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise BackendError(NO_SECOND)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise BackendError(NO_SECOND)


# `apply` without its part for torch.func: that takes a third of a call, and an operator must not enter it again
_apply_scan: Any = super(torch.autograd.Function, _Scan).apply  # pyright: ignore[reportAttributeAccessIssue]
_apply_backward: Any = super(torch.autograd.Function, _Backward).apply  # pyright: ignore[reportAttributeAccessIssue]


def _gradients(*arguments: Any) -> Any:
    if _transformed():
        return _Backward.apply(*arguments)
    return _apply_backward(*arguments) if torch.is_grad_enabled() else _Backward.forward(*arguments)


def _scan_autograd(*arguments: Any) -> list[Tensor]:
    given = Arguments(*arguments)
    if _learns(*given.smooth):
        options, tensors = _Options.of(given, given.save)
        with enable_single_level_autograd_function():
            return list(_apply_scan(options, *tensors))
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.spikelet.scan.default(*arguments)


def _backward_autograd(*arguments: Any) -> list[Tensor]:
    given, (saved, gradients, wanted) = Arguments(*arguments[:-3]), arguments[-3:]
    if _learns(*given.smooth, *gradients):
        options, tensors = _Options.of(given, given.save)
        with enable_single_level_autograd_function():
            return list(_apply_backward(options, wanted, len(tensors), len(saved), *tensors, *saved, *gradients))
    with torch._C._AutoDispatchBelowAutograd():
        return torch.ops.spikelet.scan_backward.default(*arguments)


LIBRARY.impl("scan", _scan_autograd, "Autograd")
LIBRARY.impl("scan_backward", _backward_autograd, "Autograd")


def scan(given: Arguments, outputs: int) -> tuple[list[Tensor], list[Tensor]]:
    """Run T steps of a model, under autograd.

    Args:
        given: what the operator takes; nothing is saved where no gradient will be asked for.
        outputs: how many outputs the program has.

    Returns:
        The outputs (T, *L) and the final states (*L).
    """
    learns = _learns(*given.smooth)
    if torch.compiler.is_compiling():
        # an exported graph is to infer; should it be trained after all, the backward pass runs the scan again
        saves = learns and not torch.compiler.is_exporting()
        flat: Any = torch.ops.spikelet.scan.default(*replace(given, save=given.save if saves else "none").positional)
        return list(flat[:outputs]), list(flat[outputs : outputs + len(given.state)])
    transformed = _transformed()
    options, tensors = _Options.of(given, given.save if learns or transformed else "none")
    run = _Scan.apply if transformed else _apply_scan if learns else _Scan.forward
    flat = run(options, *tensors)
    return list(flat[:outputs]), list(flat[outputs : outputs + len(given.state)])
