"""The fused back end for GPUs: a scan over T steps as one Triton kernel, forward and backward.

The functions are those of ``llvm_cpu``, with tensors instead of arrays; ``backends.torch_ops`` makes an operator of
torch from them. All lanes lie on one axis of length M. No value is looked at on the host, so that nothing waits for the
device. Sums over lanes are made in a fixed order.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from spikelet.backends.fused import SAVES, Backward, Forward, Program, Wanted
from spikelet.backends.triton_jit import Call, Tensors, saved_like
from spikelet.backends.triton_program import print_backward, print_forward, source
from spikelet.errors import BackendError

UNSUPPORTED: dict[str, str] = {}  # entry of the zoo -> reason


def forward(
    program: Program,
    inputs: Tensors,
    state: Tensors,
    coefficients: Tensors,
    *,
    steps: int,
    dt: float,
    start: int | Tensor = 0,
    seed: int = 0,
    element: Tensor | None = None,
    limits: Tensor | None = None,
    save: str = "none",
) -> Forward[Tensor]:
    """Run T steps; see ``llvm_cpu.forward``. ``start`` may be a tensor, so that nobody has to wait for its value.

    Raises:
        BackendError: ``save`` is unknown, a model that draws has no ``element``, or the tensors are not on a GPU.
    """
    _check(program, save, element)
    call = Call(
        program, inputs, state, coefficients, steps=steps, dt=dt, start=start, seed=seed, element=element, limits=limits
    )
    shape, types = (steps, call.lanes), call.scan.types
    outputs = {name: call.empty(f"out_{name}", shape, call.type(n.type)) for name, n in call.scan.outputs.items()}
    final = {name: call.empty(f"final_{name}", shape[1:], call.type(type_)) for name, type_ in types.items()}
    like = saved_like(program, steps, call.lanes, save)
    saved = {name: torch.empty(size, dtype=dtype, device=call.device) for name, (size, dtype) in like.items()}
    call.saved(saved)  # all but "quiet": here blocks find that out by themselves
    if steps and call.lanes:
        call.run(print_forward, save)
    else:
        final = {name: call.words[f"state_{name}"].to(call.type(type_), copy=True) for name, type_ in types.items()}
    return Forward(outputs, {name: final[name] for name in program.step.types if name in final}, saved)


def _check(program: Program, save: str, element: Tensor | None) -> None:
    if save not in SAVES:
        raise BackendError(f"{program.step.name}: save={save!r} is none of {SAVES}")
    if program.target is not None:
        raise BackendError(f"{program.step.name}: triton_gpu has no recurrence inside the kernel")
    if program.step.noise and element is None:
        raise BackendError(f"{program.step.name} draws random numbers: 'element', a counter for each lane, is needed")


def backward(  # noqa: PLR0913  # as forward
    program: Program,
    inputs: Tensors,
    state: Tensors,
    coefficients: Tensors,
    saved: Tensors,
    *,
    steps: int,
    dt: float,
    start: int | Tensor = 0,
    seed: int = 0,
    element: Tensor | None = None,
    limits: Tensor | None = None,
    save: str,
    outputs: Mapping[str, Tensor | None],
    final: Mapping[str, Tensor | None],
    wanted_inputs: Iterable[str] = (),
    wanted_coefficients: Iterable[str] = (),
) -> Backward[Tensor]:
    """Run T steps backward; see ``llvm_cpu.backward``."""
    wanted_inputs, wanted_coefficients = tuple(wanted_inputs), tuple(wanted_coefficients)
    strange = [name for name in wanted_coefficients if name not in program.learn]
    if strange:
        raise BackendError(f"{program.step.name}: no gradient of {strange}: program.learn is {program.learn}")
    call = Call(
        program, inputs, state, coefficients, steps=steps, dt=dt, start=start, seed=seed, element=element, limits=limits
    )
    adjoint = program.adjoint(call.masked, False)
    call.slopes()
    call.saved(saved)
    if save == "low":
        call.scratch()
    for name in program.outputs:
        call.rows("gout", "gstride", name, outputs.get(name))
    for name in adjoint.states:
        given = final.get(name)
        call.put(f"gfinal_{name}", call.zeros[0] if given is None else given)
    new = {name: call.empty(f"gstate_{name}", (call.lanes,), call.real) for name in adjoint.states}
    held = frozenset(name for name in wanted_inputs if name in adjoint.inputs and len(inputs[name]) == 1 and steps > 1)
    asked = frozenset(name for name in wanted_inputs if name in adjoint.inputs)
    slopes = {n: call.empty(f"gin_{n}", (1 if n in held else steps, call.lanes), call.real) for n in asked}
    parts = {name: call.parts(name) for name in wanted_coefficients}
    if steps and call.lanes:
        call.run(print_backward, save, Wanted(asked, held, frozenset(wanted_coefficients)))
    else:
        new = {name: call.words[f"gfinal_{name}"].clone() for name in new}
        slopes, parts = {n: g.zero_() for n, g in slopes.items()}, {n: g.zero_() for n, g in parts.items()}
    zeros = {name: torch.zeros_like(inputs[name]) for name in wanted_inputs if name not in asked}
    return Backward(slopes | zeros, new, {name: call.total(name, part) for name, part in parts.items()})


__all__ = ["UNSUPPORTED", "Backward", "Forward", "backward", "forward", "saved_like", "source"]
