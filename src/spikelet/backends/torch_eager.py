"""PyTorch, one operation a node: autograd with surrogates, for any device and any model.

The functions that run are printed from the ``Step`` (see them with ``spikelet.show(model, "torch")``). Inputs are
taken apart with ``unbind``, since indexing ``x[k]`` in a loop makes the backward pass quadratic in the steps.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from spikelet import random
from spikelet.backends import printer
from spikelet.errors import BackendError, InputError, did_you_mean
from spikelet.ir.lower import STEP, Step, surrogate_derivative
from spikelet.ir.nodes import Node, topological
from spikelet.ir.propagators import HALVINGS
from spikelet.model import Surrogate

UNSUPPORTED: dict[str, str] = {}  # entry of the zoo -> reason
NO_SECOND = "a spike has no second derivative: its surrogate gradient cannot be differentiated again"
NO_FORWARD = "forward-mode differentiation (jvp) of spikes is not supported; use reverse mode (grad, vjp)"
Slope = Callable[[Tensor], Tensor]
_TYPES = {"int": torch.int64, "bool": torch.bool}


class _Slope(torch.autograd.Function):
    """gradient * surrogate slope, which cannot be differentiated again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(gradient: Tensor, x: Tensor, slope: Slope) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return gradient * slope(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise BackendError(NO_SECOND)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise BackendError(NO_SECOND)


class _Spike(torch.autograd.Function):
    """1 where the condition holds; backward, the surrogate's slope at x."""

    generate_vmap_rule = True

    @staticmethod
    def forward(condition: Tensor, x: Tensor, slope: Slope) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return condition.to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(inputs[1])
        ctx.slope = inputs[2]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (x,) = ctx.saved_tensors
        return None, _Slope.apply(gradients[0], x, ctx.slope), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise BackendError(NO_FORWARD)


class _TracedSpike(torch.autograd.Function):
    """The same for ``torch.compile``, which refuses functions that say something of forward mode."""

    @staticmethod
    def forward(ctx: Any, condition: Tensor, x: Tensor, slope: Slope) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.save_for_backward(x)
        ctx.slope = slope
        return condition.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (x,) = ctx.saved_tensors
        return None, gradients[0] * ctx.slope(x), None


def _spike(slope: Slope, smooth: Slope | None) -> Callable[[Any, Tensor], Tensor]:
    def spike(condition: Any, x: Tensor) -> Tensor:
        value = torch.as_tensor(condition, device=x.device) if smooth is None else smooth(x.detach())
        return (_TracedSpike if torch.compiler.is_compiling() else _Spike).apply(value, x, slope)

    return spike


def _choose(spike: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return torch.where(spike > 0, a, b)


def _choose_attached(spike: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """The same value; the gradient also reaches the spike, with a - b as its factor."""
    jump = torch.nan_to_num((a - b).detach())
    return torch.where(spike > 0, a, b) + (spike - spike.detach()) * jump


def _mixed(spike: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """``choose`` of a smooth spike: between the two values."""
    return b + spike * (a - b)


def exprel(x: Tensor) -> Tensor:
    """(exp(x) - 1)/x, and 1 at 0."""
    small = x.abs() < 1e-5
    safe = torch.where(small, torch.ones_like(x), x)
    return torch.where(small, 1 + x / 2 + x * x / 6, torch.expm1(safe) / safe)


def _cholesky(covariance: Tensor) -> Tensor:
    """Cholesky factor of a positive semidefinite matrix, with a gradient; zero rows are allowed."""
    n = covariance.shape[-1]
    zero = torch.zeros_like(covariance[..., 0, 0])
    rows = [[zero] * n for _ in range(n)]
    for j in range(n):
        rest = covariance[..., j, j] - sum((rows[j][k] ** 2 for k in range(j)), zero)
        positive = rest > 0
        pivot = torch.where(positive, torch.sqrt(torch.where(positive, rest, 1.0)), 0.0)
        rows[j][j] = pivot
        for i in range(j + 1, n):
            value = covariance[..., i, j] - sum((rows[i][k] * rows[j][k] for k in range(j)), zero)
            rows[i][j] = torch.where(positive, value / torch.where(positive, pivot, 1.0), 0.0)
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def _propagators(size: int, matrix: Sequence[Any], noise: Sequence[Any], dt: Tensor) -> dict[str, Tensor]:
    """The matrices of ``ir.propagators``, under autograd."""
    entries = torch.broadcast_tensors(
        *(torch.as_tensor(e, dtype=torch.float64, device=dt.device) for e in (*matrix, *noise))
    )
    a = torch.stack(entries[: size * size], -1).unflatten(-1, (size, size))
    eye = torch.eye(size, dtype=torch.float64, device=dt.device).expand_as(a)
    upper = torch.cat([a, eye], -1) * dt
    exponential = torch.linalg.matrix_exp(torch.cat([upper, torch.zeros_like(upper)], -2))
    result = {"P": exponential[..., :size, :size], "Q": exponential[..., :size, size:]}
    if noise:
        d = torch.diag_embed(torch.stack(entries[size * size :], -1))
        top, bottom = torch.cat([-a, d], -1), torch.cat([torch.zeros_like(a), a.mT], -1)
        exponential = torch.linalg.matrix_exp(torch.cat([top, bottom], -2) * (dt / 2**HALVINGS))
        decay = exponential[..., size:, size:].mT
        covariance = decay @ exponential[..., :size, size:]
        for _ in range(HALVINGS):
            covariance = covariance + decay @ covariance @ decay.mT
            decay = decay @ decay
        result["L"] = _cholesky(covariance)
    return result


def number(value: Any) -> Tensor:
    """An entry of a table as a tensor; a bare number in double, whatever torch's default type is."""
    return torch.as_tensor(value, dtype=torch.float64 if isinstance(value, float) else None)


def _in_double(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Let a function of tensors take the numbers of coefficients, too."""

    def called(*args: Any) -> Tensor:
        return function(*map(number, args))

    return called


_NAMES: dict[str, Any] = {
    "torch": torch,
    "number": number,
    "exprel": exprel,
    "heaviside": lambda x: (x > 0).to(x.dtype),
    "minimum": _in_double(torch.minimum),
    "maximum": _in_double(torch.maximum),
    "detach": lambda x: x.detach(),
    "propagators": _propagators,
    "as_int": lambda x: x.to(torch.int64),
    "as_bool": lambda x: x.to(torch.bool),
}


def _made(source: str, name: str, **names: Any) -> Callable[..., Any]:
    """Turn source printed from a ``Step`` into a function; no text of a user is in it but checked, prefixed names."""
    space = {**_NAMES, **names}
    exec(compile(source, f"<spikelet {name}>", "exec"), space)  # printed by us, see the docstring
    return space[name]


@functools.lru_cache(maxsize=256)
def coefficient_function(step: Step) -> Callable[..., dict[str, Tensor]]:
    """Return the function that makes coefficients of parameters and dt, all of them tensors in double."""
    return _made(printer.coefficient_source(step, "torch"), "coefficients", as_real=lambda x: x.to(torch.float64))


@functools.lru_cache(maxsize=256)
def initial_function(step: Step) -> Callable[..., dict[str, Tensor]]:
    """Return the function that makes the initial state of the same tensors."""
    source = printer.table_source("initial", step.initial, f"Initial state of {step.name}.", "torch")
    return _made(source, "initial", as_real=lambda x: x.to(torch.float64))


@functools.lru_cache(maxsize=256)
def slope_function(surrogate: Surrogate) -> Slope:
    """Return a surrogate's derivative as a function of a tensor."""
    source = printer.expression_source("slope", surrogate_derivative(surrogate), surrogate.name, "torch")
    function = _made(source, "slope", as_real=lambda x: x)
    values = surrogate.parameters

    def slope(x: Tensor) -> Tensor:
        result = function(x, {name: x.new_tensor(value) for name, value in values.items()})
        return torch.as_tensor(result, dtype=x.dtype, device=x.device).expand_as(x)

    return slope


def _double(value: Any) -> Tensor:
    """A parameter in double; an array is copied, since a model's are read-only."""
    return value.double() if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)


def in_64_bits(parameters: Mapping[str, Any], dt: float, device: Any) -> dict[str, Tensor]:
    """Return parameters and dt as tensors in double."""
    values = {n: _double(v).to(device) for n, v in parameters.items() if v is not None}
    return {**values, "dt": torch.as_tensor(dt, dtype=torch.float64, device=device)}


class Printed:
    """The functions of a step, printed beforehand, so that nothing is left to print when ``torch.compile`` looks on.

    Args:
        step: From ``ir.lower.lower``.
        surrogate: Stand-in for the derivative of the spike.
    """

    def __init__(self, step: Step, surrogate: Surrogate):
        self.coefficients, self.initial = coefficient_function(step), initial_function(step)
        dtypes = (torch.float32, torch.float64)
        self.steps = {dtype: _step_function(step, surrogate, dtype, None) for dtype in dtypes}


def initial_state(
    step: Step,
    parameters: Mapping[str, Any],
    shape: Sequence[int],
    *,
    dt: float,
    dtype: torch.dtype,
    device: Any = None,
    printed: Printed | None = None,
) -> dict[str, Tensor]:
    """Return the state before the first step.

    Args:
        step: From ``ir.lower.lower``.
        parameters: Values by name: numbers, arrays or tensors that broadcast to ``shape`` from the right.
        shape: (B, *N).
        dt: Step [ms].
        dtype: Type of the real states.
        device: Where to put them.
        printed: The functions of the step; the default prints them, or finds what was printed.

    Returns:
        A tensor of ``shape`` for each state; ``step``, the number of steps taken, has shape ().
    """
    function = initial_function(step) if printed is None else printed.initial
    values = function(in_64_bits(parameters, dt, device))
    state: dict[str, Tensor] = {}
    for name, value in values.items():
        type_ = _TYPES.get(step.types[name], dtype)
        tensor = number(value).to(device, type_)
        state[name] = tensor.expand(() if name == STEP else tuple(shape)).clone()
    return state


class Stepper:
    """One step of a model, its coefficients computed once.

    Args:
        step: From ``ir.lower.lower``.
        parameters: Values by name: numbers, arrays or tensors that broadcast to (B, *N) from the right.
        dt: Step [ms].
        surrogate: Stand-in for the derivative of the spike.
        dtype: Type of the real states.
        device: Where to compute.
        seed: Seed of the random draws.
        element: (B, *N) int64 counter of each neuron in the stream of draws; only for models that draw.
        smooth: Integral of the surrogate. With it the spike is smooth and the reset mixes, as in the interpreter:
            gradients are then those of the values, and can be compared with finite differences.
        printed: The functions of the step; the default prints them, or finds what was printed.
    """

    def __init__(
        self,
        step: Step,
        parameters: Mapping[str, Any],
        *,
        dt: float,
        surrogate: Surrogate,
        dtype: torch.dtype,
        device: Any = None,
        seed: int = 0,
        element: Tensor | None = None,
        smooth: Slope | None = None,
        printed: Printed | None = None,
    ):
        """Compute the coefficients in double, under autograd."""
        if step.noise and element is None:
            raise InputError(f"{step.name} draws random numbers: 'element', a counter for each neuron, is needed")
        self.step, self.dt, self.dtype, self.seed, self.element = step, dt, dtype, seed, element
        self.device = device
        if printed is None:
            function, self.function = coefficient_function(step), _step_function(step, surrogate, dtype, smooth)
        else:
            function, self.function = printed.coefficients, printed.steps[dtype]
        values = function(in_64_bits(parameters, dt, device))
        self.coefficients = {
            name: number(value).to(device, _TYPES.get(step.coefficients[name].type, dtype))
            for name, value in values.items()
        }
        self.types = {name: "real" for name in step.inputs}
        self.types |= {n.value: n.type for n in step.program() if n.kind == "input"}

    def __call__(self, inputs: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Run one step on tensors of shape (B, *N); returns spikes and new state."""
        step = self.step
        given = {name: self._input(inputs.get(name), type_) for name, type_ in self.types.items()}
        count = state[STEP] if STEP in step.types else None
        time = None if count is None else (count.to(torch.float64) * self.dt).to(self.dtype)
        new, spikes = self.function(state, given, self.coefficients, time, functools.partial(self._draw, count))
        shape = _shape(given, state, self.element)
        if count is not None:
            new[STEP] = count + 1
        new = {name: value.expand(() if name == STEP else shape) for name, value in new.items()}
        return (
            torch.zeros(shape, dtype=self.dtype, device=self.device) if spikes is None else spikes.expand(shape)
        ), new

    def _input(self, value: Tensor | None, type_: str) -> Tensor:
        wanted = _TYPES.get(type_, self.dtype)
        return torch.zeros((), dtype=wanted, device=self.device) if value is None else value.to(wanted)

    def _draw(self, count: Tensor | None, law: str, stream: int) -> Tensor:
        assert count is not None and self.element is not None  # a step that draws counts, see __init__
        draw = {"uniform": random.uniform_torch, "normal": random.normal_torch}[law]
        value = draw(self.seed, count, self.element, stream)
        if law == "uniform" and self.dtype != torch.float64:  # rounding must not reach 1
            return value.to(self.dtype).clamp(max=1 - torch.finfo(self.dtype).eps / 2)
        return value.to(self.dtype)


def _shape(inputs: Mapping[str, Tensor], state: Mapping[str, Tensor], element: Tensor | None) -> torch.Size:
    tensors = [*inputs.values(), *(value for name, value in state.items() if name != STEP)]
    shapes = [tensor.shape for tensor in tensors] + ([] if element is None else [element.shape])
    return torch.broadcast_shapes(*shapes)


@functools.lru_cache(maxsize=256)
def _step_function(step: Step, surrogate: Surrogate, dtype: torch.dtype, smooth: Slope | None) -> Callable[..., Any]:
    return _made(
        printer.step_source(step, "torch"),
        "step",
        spike=_spike(slope_function(surrogate), smooth),
        choose=_choose if smooth is None else lambda spike, a, b: _mixed(spike.detach(), a, b),
        choose_attached=_choose_attached if smooth is None else _mixed,
        as_real=lambda x: x.to(dtype),
    )


def statements(
    name: str, updates: Mapping[str, Node], coefficients: Mapping[str, Node], dtype: torch.dtype
) -> Callable[..., dict[str, Any]]:
    """Return new values over old ones as a function of tensors that broadcast: ``f(values, coefficients, time, draw)``.

    Args:
        name: Of what has the statements, for whoever reads the source.
        updates: What to compute, over states, inputs, coefficients, time and draws.
        coefficients: Their definitions.
        dtype: Of real numbers.
    """
    leaves = topological(updates.values())
    types = {n.value: n.type for n in leaves if n.kind == "state"}
    inputs = tuple(dict.fromkeys(n.value for n in leaves if n.kind == "input"))
    step = Step(name, "map", "", inputs, types, updates, None, {}, coefficients, noise=False)
    function = _made(printer.step_source(step, "torch"), "step", as_real=lambda x: x.to(dtype))
    return lambda values, numbers, time, draw: function(values, values, numbers, time, draw)[0]


def scan(
    stepper: Stepper,
    inputs: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    *,
    steps: int,
    record: Sequence[str] = ("spikes",),
    lengths: Tensor | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Run ``steps`` steps.

    Args:
        stepper: The step.
        inputs: (T, B, *N) for each input; what is not given is 0.
        state: From ``initial_state`` or an earlier call.
        steps: T.
        record: ``"spikes"`` and names of states.
        lengths: (B,) valid steps of each sequence. Past them the state is frozen and what is recorded is 0.

    Returns:
        (T, B, *N) for each recorded name, and the final state.
    """
    for name in record:
        if name != "spikes" and name not in stepper.step.types:
            valid = ("spikes", *stepper.step.types)
            raise InputError(f"{stepper.step.name}: cannot record '{name}'{did_you_mean(name, valid)}")
    rows = {name: tensor.unbind(0) for name, tensor in inputs.items()}
    columns: dict[str, list[Tensor]] = {name: [] for name in record}
    current = dict(state)
    for k in range(steps):
        spikes, new = stepper({name: row[k] for name, row in rows.items()}, current)
        if lengths is not None:
            alive = (k < lengths).reshape(-1, *(1,) * (spikes.ndim - 1))
            spikes = torch.where(alive, spikes, torch.zeros_like(spikes))
            new = {n: v if n == STEP else torch.where(alive, v, current[n]) for n, v in new.items()}
        for name, column in columns.items():
            value = spikes if name == "spikes" else new[name]
            if lengths is not None and name != "spikes":
                value = torch.where(alive, value, torch.zeros_like(value))  # pyright: ignore[reportPossiblyUnboundVariable]
            column.append(value)
        current = new
    return {name: torch.stack(column) for name, column in columns.items()}, current
