"""The operators: what they take, what they do on a device, and what comes out in shapes alone."""

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikelet.backends import fused, llvm_cpu
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
    def device(self) -> torch.device:
        """Where it runs."""
        return (*self.inputs, *self.state)[0].device

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


# -- on a device -------------------------------------------------------------------------------------------------------


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


@dataclass(frozen=True)
class Engine:
    """A fused back end, and how tensors get into it and out of it."""

    module: ModuleType
    take: Callable[..., Any]
    give: Callable[..., Tensor]
    start: Callable[[Tensor], Any]


CPU = Engine(llvm_cpu, _array, as_tensor, int)


@functools.cache
def gpu() -> Engine:
    """Return the back end for GPUs; Triton is imported when the first tensor on one arrives."""
    from spikelet.backends import triton_gpu

    def take(value: Tensor, dtype: torch.dtype, *shape: int) -> Tensor:
        return value.detach().to(dtype).reshape(shape)

    def give(value: Tensor, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        return value.reshape(tuple(shape)).to(dtype)

    return Engine(triton_gpu, take, give, lambda start: start)


def arrays(given: Arguments, engine: Engine = CPU) -> tuple[tuple[Any, Any, Any, Any], dict[str, Any]]:
    """Return the arguments of the kernels: those by position, and those by name."""
    plan, real, m, take = given.plan, given.real, math.prod(given.lanes), engine.take

    def named(types: dict[str, str], values: Sequence[Tensor], shape: Any) -> dict[str, Any]:
        pairs = zip(types.items(), values, strict=True)
        return {name: take(v, DTYPES.get(type_, real), *shape(v)) for (name, type_), v in pairs}

    limits = None
    if given.lengths is not None:
        rows = given.lengths.reshape(*given.lengths.shape, *[1] * (len(given.lanes) - given.lengths.ndim))
        limits = take(rows.expand(given.lanes), torch.int64, m)
    inputs = named(plan.inputs, given.inputs, lambda v: (len(v), m))
    state = named(plan.states, given.state, lambda v: (m,))
    coefficients = named(plan.coefficients, given.coefficients, lambda v: (v.numel(),) if v.ndim else ())
    return (plan.program, inputs, state, coefficients), {
        "steps": given.steps,
        "dt": given.dt,
        "seed": given.seed,
        "start": 0 if given.start is None else engine.start(given.start),
        "element": None if given.element is None else take(given.element, torch.int64, m),
        "limits": limits,
    }


def run_scan(*arguments: Any) -> list[Tensor]:
    """Run the scan."""
    given = Arguments(*arguments)
    return scan_fake(*arguments) if 0 in given.lanes else scan_on(_engine(given), given)


def _engine(given: Arguments) -> Engine:
    return CPU if given.device.type == "cpu" else gpu()


def scan_on(engine: Engine, given: Arguments) -> list[Tensor]:
    """Run the scan on a back end."""
    by_place, options = arrays(given, engine)
    return unpacked(engine, given, engine.module.forward(*by_place, **options, save=given.save))


def unpacked(engine: Engine, given: Arguments, result: Any) -> list[Tensor]:
    """Return outputs, final states and what is saved, in the order of the operator."""
    plan, rows, give = given.plan, (given.steps, *given.lanes), engine.give
    outputs = [give(result.outputs[n], rows, DTYPES.get(type_, given.outer)) for n, type_ in plan.outputs.items()]
    final = [give(result.state[n], given.lanes, DTYPES.get(type_, given.real)) for n, type_ in plan.states.items()]
    like = saved_like(given).items()
    return [*outputs, *final, *(give(result.saved[n], shape, getattr(torch, d.name)) for n, (shape, d) in like)]


def run_backward(*arguments: Any) -> list[Tensor]:
    """Run the scan backward; returns the gradients that are wanted, in order."""
    given, (saved, gradients, wanted) = Arguments(*arguments[:-3]), arguments[-3:]
    if 0 in given.lanes:
        return [torch.zeros_like(value) for value in given.asked(wanted)]
    return backward_on(_engine(given), given, saved, gradients, wanted)


def backward_on(
    engine: Engine,
    given: Arguments,
    saved: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    wanted: Sequence[bool],
) -> list[Tensor]:
    """Run the scan backward on a back end."""
    by_place, options = arrays(given, engine)
    plan, m = given.plan, math.prod(given.lanes)
    if saved:
        save, like = given.save, saved_like(given)
        kept = {n: engine.take(v, v.dtype, *v.shape) for n, v in zip(like, saved, strict=True)}
    else:
        save = "fast" if given.save == "none" else given.save
        kept = engine.module.forward(*by_place, **options, save=save).saved
    groups, number = grouped(plan, wanted), len(plan.outputs)
    result = engine.module.backward(
        *by_place,
        kept,
        **options,
        save=save,
        outputs=known(plan.outputs, gradients[:number], given.real, given.steps, m, take=engine.take),
        final=known(plan.states, gradients[number:], given.real, m, take=engine.take),
        wanted_inputs=groups[0],
        wanted_coefficients=groups[2],
    )
    tables = (result.inputs, result.state, result.coefficients)
    found = [table[name] for table, names in zip(tables, groups, strict=True) for name in names]
    return [engine.give(one, v.shape, v.dtype) for one, v in zip(found, given.asked(wanted), strict=True)]


def grouped(plan: Plan, wanted: Iterable[bool]) -> list[list[str]]:
    """Return the names of the inputs, states and coefficients whose gradients are wanted."""
    flags = iter(wanted)
    return [[name for name in names if next(flags)] for names in (plan.inputs, plan.states, plan.coefficients)]


def known(
    names: Any, gradients: Sequence[Tensor | None], real: torch.dtype, *shape: int, take: Callable[..., Any] = _array
) -> dict[str, Any]:
    """Return the gradients that there are; those left out are zeros."""
    return {name: take(g, real, *shape) for name, g in zip(names, gradients, strict=True) if g is not None}


# -- in shapes alone ---------------------------------------------------------------------------------------------------


def saved_like(given: Arguments) -> dict[str, Any]:
    """Return name -> shape and dtype of what the scan saves."""
    masked = given.lengths is not None if given.device.type == "cpu" else None
    return fused.saved_like(given.plan.program, given.steps, math.prod(given.lanes), given.save, masked)


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


for _device in ("CPU", "CUDA"):
    LIBRARY.impl("scan", run_scan, _device)
    LIBRARY.impl("scan_backward", run_backward, _device)
torch.library.register_fake("spikelet::scan", scan_fake, lib=LIBRARY)
torch.library.register_fake("spikelet::scan_backward", backward_fake, lib=LIBRARY)
