"""The arguments of ``Neurons``, checked: an error names the layer, what was given and what is valid."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from spikelet.errors import InputError, ParameterError, ShapeError, did_you_mean
from spikelet.ir.lower import STEP, Step
from spikelet.ir.nodes import topological
from spikelet.model import Neuron
from spikelet.nn.checks import checking, is_true, require_finite
from spikelet.nn.layer import Like, Sequences, require_like, require_names
from spikelet.written import as_whole

SPIKES = "spikes"  # an output of every spiking layer, and the key of the last spikes in the state of a Recurrent
Names = str | Iterable[str]


def as_tuple(names: Names) -> tuple[str, ...]:
    """Return one name, or several, as several."""
    return (names,) if isinstance(names, str) else tuple(names)


def count(what: str, value: object, *, least: int = 1, most: int | None = None) -> int:
    """Return a whole number, which may be one of numpy or torch; ``what`` names it in the error.

    Raises:
        InputError: it is none, or out of range.
    """
    number = as_whole(value)
    if number is None or number < least or (most is not None and number > most):
        wanted = f"an integer of at least {least}" if most is None else f"an integer from {least} to {most}"
        raise InputError(f"{what} is {value!r}, expected {wanted}")
    return number


def targets(label: str, model: Neuron, to: Names | None) -> tuple[str, ...]:
    """Return the inputs and states that a call may drive: those of ``to``, or all inputs."""
    inputs, states = model.inputs, model.states
    if to is None:
        if not inputs:
            raise InputError(f"{label}: the model has no (input); name in to= one of its states {states}")
        return tuple(inputs)
    names = as_tuple(to)
    for name in names:
        if name not in (*inputs, *states):
            hint = did_you_mean(str(name), (*inputs, *states))
            raise InputError(
                f"{label}: to={name!r} is neither an input {inputs} nor a state {states} of the model{hint}"
            )
    if not names:
        raise InputError(f"{label}: to=() names nothing, expected an input {inputs} or a state {states}")
    return names


def outputs(label: str, model: Neuron, output: Names) -> str | tuple[str, ...]:
    """Return the name, or names, of what a call returns."""
    if SPIKES in model.states:
        raise InputError(f"{label}: a state is called {SPIKES!r}, which is the name of a layer's output")
    valid = (*((SPIKES,) if model.spiking else ()), *model.states)
    names = as_tuple(output)
    for name in names or ("",):
        if name not in valid:
            why = " (the model has no threshold)" if name == SPIKES else did_you_mean(str(name), valid)
            raise InputError(f"{label}: output={name!r} is none of {valid}{why}")
    return output if isinstance(output, str) else names


def learnable(label: str, model: Neuron, step: Step, learn: Names) -> tuple[str, ...]:
    """Return the names of the parameters to learn; each has a gradient."""
    smooth = _differentiable(step)
    if learn == "all":
        return tuple(name for name in model.parameters if name != "surrogate_scale" and name in smooth)
    names = as_tuple(learn)
    for name in names:
        if name not in model.parameters:
            valid = tuple(model.parameters)
            raise ParameterError(
                f"{label}: learn={name!r} is not a parameter of the model {valid}{did_you_mean(str(name), valid)}"
            )
        if name not in smooth:
            raise ParameterError(
                f"{label}: learn={name!r} has no gradient: it is an integer, enters as a number of steps "
                "or is never read"
            )
    return names


def _differentiable(step: Step) -> set[str]:
    """Return the parameters that reach a real number of the step, not only one rounded to an integer."""
    roots = (*step.coefficients.values(), *step.initial.values())
    reached = topological(root for root in roots if root.type == "real")
    return {n.value for n in reached if n.kind == "parameter" and n.type == "real"}


def inputs(
    label: str, model: Neuron, known: tuple[str, ...], x: Sequences, held: int | None = None
) -> dict[str, Tensor]:
    """Return name -> (T, B, *N), all of one shape; ``known`` are the names that may be driven.

    With ``held`` steps they are (1, B, *N).
    """
    given = x if isinstance(x, dict) else {_only(label, known): x}
    if not given:
        raise InputError(f"{label}: x is an empty dict, expected some of {known}")
    if held is not None and (isinstance(held, bool) or not isinstance(held, int | torch.SymInt) or held < 1):
        raise InputError(f"{label}: steps is {held!r}, expected a positive integer")
    shape: torch.Size | None = None
    for name, value in given.items():
        if name not in known:
            state = " (a state: name it in to= when making the layer)" if name in model.states else ""
            hint = did_you_mean(str(name), known) or state
            raise InputError(f"{label}: x names {name!r}, expected some of {known}{hint}")
        _require_sequence(label, name, value)
        if held is not None and value.shape[0] != 1:
            raise ShapeError(
                f"{label}: steps={held} holds one step of x, expected (1, B, *N), input {name!r} has {len(value)} steps"
            )
        if shape is not None and value.shape != shape:
            raise ShapeError(f"{label}: x[{name!r}] has shape {tuple(value.shape)}, expected {tuple(shape)}")
        shape = value.shape
    dtype = real_dtype(given)
    return {name: _converted(label, model, name, value, dtype) for name, value in given.items()}


def _only(label: str, known: tuple[str, ...]) -> str:
    if len(known) != 1:
        raise InputError(
            f"{label}: x is one tensor, but there are several inputs {known}: "
            "name one in to=, or give a dict name -> tensor"
        )
    return known[0]


def _require_sequence(label: str, name: str, value: object) -> None:
    if not isinstance(value, Tensor):
        raise InputError(f"{label}: input {name!r} is a {type(value).__name__}, expected a torch tensor")
    if value.dtype.is_complex:
        raise InputError(f"{label}: input {name!r} is {value.dtype}, expected real numbers")
    if value.ndim < 2:
        raise ShapeError(f"{label}: input {name!r} has shape {tuple(value.shape)}, expected (T, B, *N), time first")
    if value.shape[0] == 0:
        raise ShapeError(f"{label}: input {name!r} has shape {tuple(value.shape)}: no step, expected T >= 1")
    if checking():
        require_finite(label, f"input {name!r}", value)


def _converted(label: str, model: Neuron, name: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn spikes given as booleans or integers into numbers, low precision into float32 under autocast."""
    if not model.definition.variables[name].integer:
        return value.to(dtype)
    if value.dtype.is_floating_point:
        raise InputError(f"{label}: input {name!r} holds integers, given {value.dtype}; use x.long()")
    return value.long()


def real_dtype(given: Mapping[str, Tensor]) -> torch.dtype:
    """Return the dtype of outputs: that of the input."""
    for value in given.values():
        if value.dtype.is_floating_point:
            low = value.dtype in (torch.float16, torch.bfloat16)
            # a state is a sum over many steps: autocast keeps such things in float32
            return torch.float32 if low and torch.is_autocast_enabled(value.device.type) else value.dtype
    return torch.get_default_dtype()


def require_fitting(
    label: str, learn: tuple[str, ...], parameters: Mapping[str, Tensor], neurons: tuple[int, ...]
) -> None:
    """Raise ``ShapeError`` unless every parameter is one number or fits neurons of this shape."""
    for name, value in parameters.items():
        own = tuple(value.shape)
        if len(own) > len(neurons) or any(
            size not in (1, axis) for size, axis in zip(own[::-1], neurons[::-1], strict=False)
        ):
            raise ShapeError(f"{label}: parameter {name!r} has shape {own}, but x has neurons of shape {neurons}")
        cheap = (
            value.device.type == "cpu" and not torch.compiler.is_compiling()
        )  # elsewhere to look at a value waits for the device
        if (cheap or checking()) and name in learn and name.startswith("tau") and is_true((value <= 0).any()):
            raise ParameterError(f"{label}: learnt {name!r} is {value.min().item():g}, expected more than 0")


def require_state(
    label: str, step: Step, state: object, shape: tuple[int, ...], real: torch.dtype, device: torch.device
) -> None:
    """Raise ``StateError`` unless a state is one of this step, for neurons of ``shape`` (B, *N)."""
    require_names(label, state, set(step.types))
    assert isinstance(state, dict)  # as require_names saw
    for name, type_ in step.types.items():
        dtype = {"int": torch.int64, "bool": torch.bool}.get(type_, real)
        require_like(label, name, state[name], Like(() if name == STEP else shape, dtype, device))


def elements(label: str, samples: Tensor | None, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Number the random elements (B, *N): sample of the data set x neurons + neuron."""
    batch, neurons = shape[0], torch.Size(shape[1:]).numel()
    rows = torch.arange(batch, device=device) if samples is None else torch.as_tensor(samples, device=device)
    if rows.shape != (batch,) or rows.dtype.is_floating_point:
        raise ShapeError(
            f"{label}: samples are {rows.dtype} of shape {tuple(rows.shape)}, expected integers of ({batch},)"
        )
    columns = torch.arange(neurons, device=device)
    return (rows.long().unsqueeze(1) * neurons + columns).reshape(shape)
