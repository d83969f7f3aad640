"""The recurrent scan as a pair of operators: ``spikelet::recurrent_scan`` and ``spikelet::recurrent_scan_backward``.

Beside what ``spikelet::scan`` takes, for N neurons and a delay of d steps (lanes are (B, N)):

    weight bias   (N, N) and (N,) or None, of a ``torch.nn.Linear``
    before        (d, B, N) spikes before the first step, the oldest first
    delay         d

The program names the input to which the product is delivered, and has the spikes among its outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from spikelet import pool, random
from spikelet.backends import llvm_cpu, sparse_product
from spikelet.backends.program import read
from spikelet.backends.torch_eager import NO_SECOND
from spikelet.backends.torch_ops.kernels import CPU, Arguments, arrays, grouped, known, saved_like, scan_fake, unpacked
from spikelet.errors import BackendError
from spikelet.ir.scan import SPIKES

_SCHEMA = (
    "(str program, Tensor[] inputs, Tensor[] state, Tensor[] coefficients, Tensor? start, Tensor? element, "
    "Tensor weight, Tensor? bias, Tensor before, SymInt delay, SymInt steps, float dt, SymInt seed, str save"
)


class _Taken(NamedTuple):
    """What the operators take, in order."""

    program: str
    inputs: Sequence[Tensor]
    state: Sequence[Tensor]
    coefficients: Sequence[Tensor]
    start: Tensor | None
    element: Tensor | None
    weight: Tensor
    bias: Tensor | None
    before: Tensor
    delay: int
    steps: int
    dt: float
    seed: int
    save: str

    @property
    def common(self) -> Arguments:
        """What ``spikelet::scan`` would take."""
        return Arguments(*self[:6], None, *self[10:])

    @property
    def smooth(self) -> tuple[Tensor | None, ...]:
        """The tensors that may have a gradient."""
        return (*self.inputs, *self.state, *self.coefficients, self.weight, self.bias, self.before)


def _recurrence(taken: _Taken, spikes: Tensor | None) -> llvm_cpu.Recurrence:
    real = taken.common.real

    def array(value: Tensor) -> np.ndarray:
        return value.detach().to(real).contiguous().numpy()

    return llvm_cpu.Recurrence(
        array(taken.weight),
        None if taken.bias is None else array(taken.bias),
        taken.delay,
        array(taken.before).reshape(taken.delay, -1),
        None if spikes is None else array(spikes).reshape(taken.steps, -1),
    )


@torch.library.custom_op("spikelet::recurrent_scan", mutates_args=(), schema=f"{_SCHEMA}) -> Tensor[]")
def recurrent_scan(*arguments: Any) -> list[Tensor]:
    """Run the scan; returns outputs, final states and what is saved."""
    taken = _Taken(*arguments)
    given = taken.common
    by_place, options = arrays(given)
    result = llvm_cpu.forward(*by_place, **options, save=taken.save, recurrence=_recurrence(taken, None))
    return unpacked(CPU, given, result)


@recurrent_scan.register_fake
def _(*arguments: Any) -> list[Tensor]:
    return scan_fake(*_Taken(*arguments).common.positional)


@torch.library.custom_op(
    "spikelet::recurrent_scan_backward",
    mutates_args=(),
    schema=f"{_SCHEMA}, Tensor spikes, Tensor[] saved, Tensor?[] gradients, bool[] wanted) -> Tensor[]",
)
def recurrent_scan_backward(*arguments: Any) -> list[Tensor]:
    """Run the scan backward; returns the wanted gradients of inputs, state, coefficients, weight, bias and before."""
    taken, (spikes, saved, gradients, wanted) = _Taken(*arguments[:-4]), arguments[-4:]
    given = taken.common
    (program, own, before, coefficients), options = arrays(given)
    plan, lanes = given.plan, spikes[0].numel()
    groups = grouped(plan, wanted)
    result = llvm_cpu.backward(
        program,
        own,
        before,
        coefficients,
        {name: value.numpy() for name, value in zip(saved_like(given), saved, strict=True)},
        **options,
        save=taken.save,
        outputs=known(plan.outputs, gradients[: len(plan.outputs)], given.real, taken.steps, lanes),
        final=known(plan.states, gradients[len(plan.outputs) :], given.real, lanes),
        wanted_inputs=groups[0],
        wanted_coefficients=groups[2],
        recurrence=_recurrence(taken, spikes),
    )
    tables = (result.inputs, result.state, result.coefficients)
    found = [torch.from_numpy(table[name]) for table, names in zip(tables, groups, strict=True) for name in names]
    like = given.asked(wanted[: len(given.smooth)])
    found = [_as(value, want) for value, want in zip(found, like, strict=True)]
    delivered = torch.from_numpy(result.inputs[program.target]).reshape(taken.steps, *given.lanes)
    return found + _of_the_loop(taken, delivered, spikes, wanted[len(given.smooth) :])


def _of_the_loop(taken: _Taken, delivered: Tensor, spikes: Tensor, wanted: Sequence[bool]) -> list[Tensor]:
    """Return the wanted gradients of weight, bias and first spikes, from that of what was delivered."""
    real, found = delivered.dtype, []
    weight, bias, before, delay = taken.weight, taken.bias, taken.before, taken.delay
    if wanted[0]:
        found.append(_weight_gradient(delivered, spikes.to(real), before.to(real), delay).to(weight.dtype))
    if wanted[1] and bias is not None:
        found.append(delivered.sum((0, 1)).to(bias.dtype))
    if wanted[2]:
        early = delivered[:delay] @ weight.to(real)
        found.append(torch.cat([early, early.new_zeros(delay - len(early), *early.shape[1:])]).to(before.dtype))
    return found


def _as(value: Tensor, like: Tensor) -> Tensor:
    """Give a gradient the shape of what it belongs to; that of a held input is summed over the steps."""
    if value.numel() != like.numel():
        value = value.sum(0)
    return value.reshape(like.shape).to(like.dtype)


def _weight_gradient(delivered: Tensor, spikes: Tensor, before: Tensor, delay: int) -> Tensor:
    """Sum what was delivered times the spikes that delivered it; over the spikes alone where they are few."""
    early = before[: len(delivered)]
    total = torch.einsum("tbk,tbj->kj", delivered[: len(early)], early)
    if len(delivered) <= delay:
        return total
    late, sent = (
        value.reshape(-1, value.shape[-1]).contiguous()
        for value in (delivered[delay:], spikes[: len(delivered) - delay])
    )
    out = torch.empty_like(total)
    sums, threads = np.empty(len(total)), min(pool.threads(), torch.get_num_threads())
    choice = sparse_product.weight_gradient(late.numpy(), sent.numpy(), out.numpy(), sums, threads)
    return total + (out if choice.sparse else late.t() @ sent)


@recurrent_scan_backward.register_fake
def _(*arguments: Any) -> list[Tensor]:
    pairs = zip(_Taken(*arguments[:-4]).smooth, arguments[-1], strict=True)
    return [value.new_empty(value.shape) for value, flag in pairs if flag and value is not None]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    program, given, state, coefficients, start, element, weight, bias, before, *options = inputs
    plan = read(program)
    number = len(plan.outputs) + len(state)
    ctx.options, ctx.counts, ctx.program = options, (len(given), len(state), len(coefficients), number), program
    ctx.spikes = list(plan.outputs).index(SPIKES)
    ctx.save_for_backward(*given, *state, *coefficients, start, element, weight, bias, before, *output)
    ctx.set_materialize_grads(False)


def _back(ctx: Any, gradients: Sequence[Tensor | None]) -> tuple[Any, ...]:
    first, second, third, number = ctx.counts
    values = list(ctx.saved_tensors)
    lists = values[:first], values[first : first + second], values[first + second : first + second + third]
    rest = values[first + second + third :]
    single, output = rest[:5], rest[5:]
    needs = ctx.needs_input_grad
    wanted = [bool(f) for group in needs[1:4] for f in group] + [bool(f) for f in needs[6:9]]
    found: Any = iter(())
    if any(g is not None for g in gradients[:number]):
        arguments = (ctx.program, *lists, *single, *ctx.options, output[ctx.spikes], output[number:])
        found = iter(recurrent_scan_backward(*arguments, list(gradients[:number]), wanted))
    flags = iter(wanted)
    groups = [[next(found, None) if next(flags) else None for _ in range(count)] for count in (first, second, third)]
    last = [next(found, None) if flag else None for flag in flags]
    return None, *groups, None, None, *last, *[None] * 5


recurrent_scan.register_autograd(_back, setup_context=_keep)


def _refuse(ctx: Any, *gradients: Any) -> Any:
    raise BackendError(NO_SECOND)


recurrent_scan_backward.register_autograd(_refuse)


@dataclass(frozen=True)
class Loop:
    """The way of the spikes back: which input they reach, and through what; see the top of this module."""

    target: str
    weight: Tensor
    bias: Tensor | None
    before: Tensor
    delay: int


def scan_with(given: Arguments, loop: Loop, outputs: int) -> tuple[list[Tensor], list[Tensor]]:
    """Run T steps of a recurrent layer, under autograd; returns the outputs (T, B, N) and the final states (B, N)."""
    smooth = (*given.smooth, loop.weight, loop.before, *(() if loop.bias is None else (loop.bias,)))
    learns = torch.is_grad_enabled() and any(value.requires_grad for value in smooth)
    flat = recurrent_scan(
        given.program, list(given.inputs), list(given.state), list(given.coefficients), given.start, given.element,
        loop.weight, loop.bias, loop.before, loop.delay, given.steps, given.dt,
        random.signed(given.seed), given.save if learns else "none",
    )  # fmt: skip
    return flat[:outputs], flat[outputs : outputs + len(given.state)]
