"""The operators: what they take, what they do on the CPU, and what comes out in shapes alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikelet.backends import llvm_cpu
from spikelet.backends.program import Plan, read

LIBRARY = torch.library.Library("spikelet", "DEF")
_TAKEN = (
    "str program, Tensor[] inputs, Tensor[] state, Tensor[] coefficients, Tensor? start, Tensor? element, "
    "Tensor? lengths, SymInt steps, float dt, SymInt seed, str save"
)
for _schema in (
    f"scan({_TAKEN}) -> Tensor[]",
    f"scan_backward({_TAKEN}, Tensor[] saved, Tensor?[] gradients, bool[] wanted) -> Tensor[]",
):
    LIBRARY.define(_schema, tags=(torch.Tag.pt2_compliant_tag,))
DTYPES = {"int": torch.int64, "bool": torch.bool}


@dataclass(frozen=True)
class Arguments:
    """What ``scan`` takes, in the order in which it does; see the package for shapes."""

    program: str
    inputs: Sequence[Tensor]
    state: Sequence[Tensor]
    coefficients: Sequence[Tensor]
    start: Tensor | None
    element: Tensor | None
    lengths: Tensor | None
    steps: int
    dt: float
    seed: int
    save: str

    @property
    def plan(self) -> Plan:
        """The program, read."""
        return read(self.program)

    @property
    def lanes(self) -> tuple[int, ...]:
        """The shape L."""
        return tuple(self.inputs[0].shape[1:] if self.inputs else self.state[0].shape)

    @property
    def smooth(self) -> tuple[Tensor, ...]:
        """The tensors that may have a gradient."""
        return (*self.inputs, *self.state, *self.coefficients)

    @property
    def positional(self) -> tuple[Any, ...]:
        """All fields, in order."""
        return tuple(getattr(self, field) for field in _FIELDS)

    @property
    def real(self) -> torch.dtype:
        """The type of real states."""
        return getattr(torch, self.plan.program.dtype)

    @property
    def outer(self) -> torch.dtype:
        """The type of real outputs: that of the inputs."""
        return next((x.dtype for x in self.inputs if x.dtype.is_floating_point), self.real)

    def asked(self, wanted: Sequence[bool]) -> list[Tensor]:
        """Return the tensors whose gradients are wanted."""
        return [value for value, flag in zip(self.smooth, wanted, strict=True) if flag]


_FIELDS = tuple(field.name for field in fields(Arguments))


# -- on the CPU --------------------------------------------------------------------------------------------------------


def _array(value: Tensor, dtype: torch.dtype, *shape: int) -> np.ndarray:
    """Return a tensor as an array; of the same memory where that can be."""
    if value.requires_grad:
        value = value.detach()
    if value.dtype != dtype:
        value = value.to(dtype)
    array = value.numpy()
    return array if array.shape == shape else array.reshape(shape)


def as_tensor(value: np.ndarray, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Return an array as a tensor; of the same memory where the type is the same."""
    tensor = torch.from_numpy(value.reshape(tuple(shape)))
    return tensor if tensor.dtype == dtype else tensor.to(dtype)


def arrays(given: Arguments) -> tuple[tuple[Any, Any, Any, Any], dict[str, Any]]:
    """Return the arguments of the kernels: those by position, and those by name."""
    plan, real, m = given.plan, given.real, math.prod(given.lanes)

    def named(types: dict[str, str], values: Sequence[Tensor], shape: Any) -> dict[str, np.ndarray]:
        pairs = zip(types.items(), values, strict=True)
        return {name: _array(v, DTYPES.get(type_, real), *shape(v)) for (name, type_), v in pairs}

    limits = None
    if given.lengths is not None:
        rows = given.lengths.reshape(*given.lengths.shape, *[1] * (len(given.lanes) - given.lengths.ndim))
        limits = _array(rows.expand(given.lanes), torch.int64, m)
    inputs = named(plan.inputs, given.inputs, lambda v: (len(v), m))
    state = named(plan.states, given.state, lambda v: (m,))
    coefficients = named(plan.coefficients, given.coefficients, lambda v: (v.numel(),) if v.ndim else ())
    return (plan.program, inputs, state, coefficients), {
        "steps": given.steps,
        "dt": given.dt,
        "seed": given.seed,
        "start": 0 if given.start is None else int(given.start),
        "element": None if given.element is None else _array(given.element, torch.int64, m),
        "limits": limits,
    }


def scan_cpu(*arguments: Any) -> list[Tensor]:
    """Run the scan."""
    given = Arguments(*arguments)
    if 0 in given.lanes:
        return scan_fake(*arguments)
    by_place, options = arrays(given)
    result = llvm_cpu.forward(*by_place, **options, save=given.save)
    plan, rows = given.plan, (given.steps, *given.lanes)
    outputs = [as_tensor(result.outputs[n], rows, DTYPES.get(type_, given.outer)) for n, type_ in plan.outputs.items()]
    final = [as_tensor(result.state[n], given.lanes, DTYPES.get(type_, given.real)) for n, type_ in plan.states.items()]
    return [*outputs, *final, *(torch.from_numpy(result.saved[name]) for name in saved_like(given))]


def backward_cpu(*arguments: Any) -> list[Tensor]:
    """Run the scan backward; returns the gradients that are wanted, in order."""
    given, (saved, gradients, wanted) = Arguments(*arguments[:-3]), arguments[-3:]
    asked = given.asked(wanted)
    if 0 in given.lanes:
        return [torch.zeros_like(value) for value in asked]
    by_place, options = arrays(given)
    plan, m = given.plan, math.prod(given.lanes)
    if saved:
        save = given.save
        kept = {name: value.numpy() for name, value in zip(saved_like(given), saved, strict=True)}
    else:
        save = "fast" if given.save == "none" else given.save
        kept = llvm_cpu.forward(*by_place, **options, save=save).saved
    flags, number = iter(wanted), len(plan.outputs)
    groups = [[name for name in names if next(flags)] for names in (plan.inputs, plan.states, plan.coefficients)]
    program, inputs, state, coefficients = by_place
    result = llvm_cpu.backward(
        program,
        inputs,
        state,
        coefficients,
        kept,
        **options,
        save=save,
        outputs=known(plan.outputs, gradients[:number], given.real, given.steps, m),
        final=known(plan.states, gradients[number:], given.real, m),
        wanted_inputs=groups[0],
        wanted_coefficients=groups[2],
    )
    tables = (result.inputs, result.state, result.coefficients)
    found = [table[name] for table, names in zip(tables, groups, strict=True) for name in names]
    return [as_tensor(array, value.shape, value.dtype) for array, value in zip(found, asked, strict=True)]


def known(names: Any, gradients: Sequence[Tensor | None], real: torch.dtype, *shape: int) -> dict[str, np.ndarray]:
    """Return the gradients that there are; those left out are zeros."""
    return {name: _array(g, real, *shape) for name, g in zip(names, gradients, strict=True) if g is not None}


# -- in shapes alone ---------------------------------------------------------------------------------------------------


def saved_like(given: Arguments) -> dict[str, Any]:
    """Return name -> shape and dtype of what the scan saves."""
    return llvm_cpu.saved_like(given.plan.program, given.steps, math.prod(given.lanes), given.save)


def scan_fake(*arguments: Any) -> list[Tensor]:
    """Return empty results."""
    given = Arguments(*arguments)
    plan, lanes = given.plan, given.lanes
    shapes = [((given.steps, *lanes), DTYPES.get(type_, given.outer)) for type_ in plan.outputs.values()]
    shapes += [(lanes, DTYPES.get(type_, given.real)) for type_ in plan.states.values()]
    shapes += [(shape, getattr(torch, dtype.name)) for shape, dtype in saved_like(given).values()]
    return [given.smooth[0].new_empty(shape, dtype=dtype) for shape, dtype in shapes]


def backward_fake(*arguments: Any) -> list[Tensor]:
    """Return empty gradients."""
    return [value.new_empty(value.shape) for value in Arguments(*arguments[:-3]).asked(arguments[-1])]


LIBRARY.impl("scan", scan_cpu, "CPU")
LIBRARY.impl("scan_backward", backward_cpu, "CPU")
torch.library.register_fake("spikelet::scan", scan_fake, lib=LIBRARY)
torch.library.register_fake("spikelet::scan_backward", backward_fake, lib=LIBRARY)
