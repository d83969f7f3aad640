"""Run one population of any model, and show what the compiler makes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet import random
from spikelet.errors import (
    BackendError,
    InputError,
    NumericsError,
    ParameterError,
    ShapeError,
    StateError,
    did_you_mean,
)
from spikelet.ir.lower import STEP, Step, lower
from spikelet.model import METHODS, Neuron
from spikelet.rule import Rule
from spikelet.synapse import Synapse
from spikelet.written import as_numbers

if TYPE_CHECKING:
    from spikelet.backends.numpy_reference import Interpreter

BACKENDS: dict[str, str] = {
    "llvm_cpu": "fused kernels for CPUs, printed from the model as machine code; in several threads",
    "numpy_reference": "interpreter in NumPy: the oracle, on the CPU, in one thread",
    "torch_eager": "PyTorch, operation by operation, with gradients (extra 'torch')",
}
TARGETS = ("model", "ir", "numpy", "torch", "llvm", "triton", "latex")
State = dict[str, np.ndarray]


@dataclass(frozen=True)
class Spikes:
    """Spikes as columns.

    Attributes:
        times: (S,) [ms], ascending.
        ids: (S,) index of the neuron, ascending within a step.
    """

    times: np.ndarray
    ids: np.ndarray

    def __len__(self) -> int:
        """Number of spikes."""
        return len(self.times)


@dataclass(frozen=True)
class Result:
    """What a run recorded.

    Attributes:
        t: (T,) end of each step [ms].
        spikes: All spikes, as columns.
        state: State after the last step, to continue from.
        n: Number of neurons.
        recorded: (T, N) for each recorded name, after reset.
        dt: Step [ms].
    """

    t: np.ndarray
    spikes: Spikes
    state: State
    n: int
    recorded: Mapping[str, np.ndarray]
    dt: float

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a recorded variable, (T, N)."""
        if name not in self.recorded:
            near = did_you_mean(name, self.recorded)
            more = repr((*self.recorded, name)) if self.recorded else repr(name)
            raise InputError(f"'{name}' was not recorded{near or f'; ask for it with record={more}'}")
        return self.recorded[name]

    def counts(self) -> np.ndarray:
        """Return the number of spikes of each neuron, (N,)."""
        return np.bincount(self.spikes.ids, minlength=self.n)

    def rate(self) -> np.ndarray:
        """Return the firing rate of each neuron over the run, (N,) [1/ms]; divide by ``units.Hz`` for Hz."""
        return self.counts() / (len(self.t) * self.dt)


def run(
    model: Neuron,
    I: Any = 0,
    *,
    t: float,
    dt: float = 0.1,
    n: int | None = None,
    record: str | Sequence[str] = (),
    seed: int = 0,
    method: str | None = None,
    dtype: str = "float32",
    backend: str = "auto",
    state: State | None = None,
) -> Result:
    """Simulate N neurons of one model that are not connected.

    Args:
        model: The neuron. Parameters may be arrays of one value per neuron, so that an f-I curve is one call.
        I: Input: a number, (N,), (T, 1) or (T, N); for several inputs, or a jump into a state in every step, a dict
            name -> those.
        t: Duration [ms].
        dt: Step [ms].
        n: Number of neurons, where neither ``I`` nor a parameter tells.
        record: Names of states to record, (T, N) each.
        seed: Seed of the random draws.
        method: Integrator in place of the model's.
        dtype: ``"float32"`` or ``"float64"``.
        backend: One of ``BACKENDS``; ``"auto"`` takes ``llvm_cpu``.
        state: ``result.state`` of an earlier run, to continue it.

    Raises:
        ParameterError: a required parameter has no value.
        InputError, ShapeError, StateError: an argument is wrong; the message names it.
        NumericsError: a state became NaN.

    Example:
        >>> from spikelet import Neuron, run
        >>> model = Neuron("LIF", "dv/dt = (I - v)/(10 ms) : 1; I : 1 (input)", threshold="v > 1", reset="v = 0")
        >>> run(model, I=[0.5, 1.5], t=100).counts().tolist()
        [0, 9]
    """
    _check_options(model, method, dtype, backend)
    steps, dt = _steps(t, dt), float(dt)
    names = _record(record)
    inputs = _inputs(model, I)
    step = lower(model, tuple(inputs), method)
    _check_names(model, step, names)
    count = _population(model, inputs, state, n)
    rows = {name: _rows(model, name, value, steps, count) for name, value in inputs.items()}
    start = 0 if state is None else _check_state(model, step, state, count, np.dtype(dtype))
    if state is not None and STEP not in step.types:
        state = {name: value for name, value in state.items() if name != STEP}
    seed = random.whole(seed)
    job = _Job(step, model.parameters, rows, steps, count, dt, np.dtype(dtype), seed, names, state, start)
    recorded, fired, final = _RUNNERS["llvm_cpu" if backend == "auto" else backend](job)
    _check_finite(model, final)
    final[STEP] = np.asarray(start + steps, dtype=np.int64)  # a continued run goes on in time
    none = np.zeros(0, np.int64)
    k, ids = (np.concatenate([none, *column]) for column in (zip(*fired, strict=True) if fired else ((), ())))
    times = np.arange(start + 1, start + steps + 1) * dt
    return Result(times, Spikes((k + start + 1) * dt, ids), final, count, recorded, dt)


@dataclass(frozen=True)
class _Job:
    step: Step
    parameters: Mapping[str, Any]
    inputs: Mapping[str, np.ndarray]
    steps: int
    n: int
    dt: float
    dtype: np.dtype
    seed: int
    record: tuple[str, ...]
    state: State | None
    start: int


_Outcome = tuple[dict[str, np.ndarray], list[tuple[np.ndarray, np.ndarray]], State]


def _run_numpy(job: _Job) -> _Outcome:
    from spikelet.backends.numpy_reference import Interpreter

    with np.errstate(all="ignore"):  # a state that became NaN is an error at the end of the run
        interpreter = Interpreter(job.step, job.parameters, dt=job.dt, dtype=job.dtype, seed=job.seed)
        return _interpret(interpreter, job)


def _interpret(interpreter: "Interpreter", job: _Job) -> _Outcome:
    state = dict(job.state) if job.state is not None else interpreter.initial((job.n,))
    element = np.arange(job.n, dtype=np.int64)
    recorded = {name: np.empty((job.steps, job.n), state[name].dtype) for name in job.record}
    fired: list[tuple[np.ndarray, np.ndarray]] = []
    for k in range(job.steps):
        now = {name: rows[k] for name, rows in job.inputs.items()}
        spikes, state = interpreter(now, state, element, job.start + k)
        if spikes is not None and (ids := np.flatnonzero(np.broadcast_to(spikes, (job.n,)))).size:
            fired.append((np.full(ids.size, k), ids))
        for name, rows in recorded.items():
            rows[k] = state[name]
    final = {name: np.broadcast_to(v, () if name == STEP else (job.n,)).copy() for name, v in state.items()}
    return recorded, fired, final


def _run_torch(job: _Job) -> _Outcome:
    try:
        import torch
    except ModuleNotFoundError as error:
        text = "the back end 'torch_eager' needs torch, which is not installed: pip install 'spikelet[torch]'"
        raise BackendError(text) from error

    from spikelet import surrogates
    from spikelet.backends import torch_eager

    dtype = getattr(torch, job.dtype.name)
    element = torch.arange(job.n)[None]
    with torch.no_grad():
        common = {"dt": job.dt, "dtype": dtype}
        stepper = torch_eager.Stepper(
            job.step, job.parameters, surrogate=surrogates.arctan, seed=job.seed, element=element, **common
        )
        state = torch_eager.initial_state(job.step, job.parameters, (1, job.n), dt=job.dt, dtype=dtype)
        if job.state is not None:
            state = {n: torch.as_tensor(v).reshape(() if n == STEP else (1, job.n)) for n, v in job.state.items()}
        inputs = {name: torch.as_tensor(np.array(rows))[:, None] for name, rows in job.inputs.items()}
        record = ("spikes", *job.record)
        out, final = torch_eager.scan(stepper, inputs, state, steps=job.steps, record=record)
    k, ids = np.nonzero(out["spikes"][:, 0].numpy())
    recorded = {name: out[name][:, 0].numpy() for name in job.record}
    last = {name: v.numpy() if name == STEP else v[0].numpy().copy() for name, v in final.items()}
    return recorded, [(k, ids)], last


_CHUNK = 2**22  # elements of a dense record that are made at a time


def _run_llvm(job: _Job) -> _Outcome:
    from spikelet import surrogates
    from spikelet.backends import llvm_cpu
    from spikelet.backends.numpy_reference import Interpreter

    with np.errstate(all="ignore"):  # as in _run_numpy
        start = Interpreter(job.step, job.parameters, dt=job.dt, dtype=job.dtype)
    state = dict(job.state) if job.state is not None else start.initial((job.n,))
    program = llvm_cpu.Program(job.step, surrogates.arctan, ("spikes", *job.record), job.dtype.name)
    recorded: dict[str, list[np.ndarray]] = {name: [] for name in job.record}
    fired: list[tuple[np.ndarray, np.ndarray]] = []
    length = max(_CHUNK // job.n, 1)
    for k in range(0, job.steps, length):
        steps = min(length, job.steps - k)
        inputs = {name: rows[k : k + steps] for name, rows in job.inputs.items()}
        done = llvm_cpu.forward(
            program, inputs, state, start.coefficients, steps=steps, dt=job.dt, start=job.start + k, seed=job.seed,
            element=np.arange(job.n, dtype=np.int64),
        )  # fmt: skip
        state = done.state
        rows, ids = np.nonzero(done.outputs["spikes"])
        fired.append((rows + k, ids))
        for name in job.record:
            recorded[name].append(done.outputs[name])
    return {name: np.concatenate(parts) for name, parts in recorded.items()}, fired, state


_RUNNERS: dict[str, Callable[[_Job], _Outcome]] = {
    "llvm_cpu": _run_llvm,
    "numpy_reference": _run_numpy,
    "torch_eager": _run_torch,
}


def _check_options(model: Any, method: Any, dtype: Any, backend: Any) -> None:
    if not isinstance(model, Neuron):
        raise InputError(f"run: expected a Neuron, got {type(model).__name__}")
    if method not in (None, *METHODS):
        raise InputError(f"run: method '{method}' is none of {', '.join(METHODS)}{did_you_mean(method, METHODS)}")
    if dtype not in ("float32", "float64"):
        raise InputError(f"run: dtype must be 'float32' or 'float64', got {dtype!r}")
    if backend not in ("auto", *BACKENDS):
        raise BackendError(f"run: there is no back end '{backend}'{did_you_mean(backend, BACKENDS)}")


def _record(record: Any) -> tuple[str, ...]:
    names = (record,) if isinstance(record, str) else tuple(record) if isinstance(record, list | tuple) else ()
    if not all(isinstance(name, str) for name in names) or (record and not names):
        raise InputError(f"run: record takes names of states, such as 'v' or ('v', 'w'), got {record!r}")
    return names


def _steps(t: float, dt: float) -> int:
    for name, value in (("t", t), ("dt", dt)):
        if not isinstance(value, int | float | np.number) or not np.isfinite(value) or value <= 0:
            raise InputError(f"run: {name} must be a positive number of ms, got {value!r}")
    steps = round(t / dt)
    if steps < 1:
        raise InputError(f"run: t = {t:g} ms is shorter than one step of dt = {dt:g} ms")
    return steps


def _inputs(model: Neuron, given: Any) -> dict[str, np.ndarray]:
    """Return the inputs by name, as arrays."""
    if not isinstance(given, Mapping):
        if len(model.inputs) != 1:
            if isinstance(given, int | float) and given == 0:
                return {}
            found = "the inputs " + ", ".join(model.inputs) + "; name them in a dict, such as"
            missing = "no input; to add to a state in every step, give a dict such as"
            example = (model.inputs or model.states or ("v",))[0]
            raise InputError(f"{model.name} has {found if model.inputs else missing} I={{'{example}': ...}}")
        given = {model.inputs[0]: given}
    arrays: dict[str, np.ndarray] = {}
    for name, value in given.items():
        valid = (*model.inputs, *model.states)
        if name not in valid:
            raise InputError(f"{model.name} has no input or state '{name}'{did_you_mean(str(name), valid)}")
        array = as_numbers(value)
        if array is None:
            raise InputError(f"{model.name}: input '{name}' must hold numbers, got {value!r}"[:200])
        if np.isnan(array).any():
            where = f" at {np.argwhere(np.isnan(array))[0].tolist()}" if array.ndim else ""
            raise NumericsError(f"{model.name}: input '{name}' is NaN{where}")
        arrays[name] = array
    return arrays


def _check_names(model: Neuron, step: Step, record: tuple[str, ...]) -> None:
    missing = [name for name, value in model.parameters.items() if value is None]
    if missing:
        name, unit = missing[0], model.unit(missing[0])
        raise ParameterError(f"{model.name} needs a value for '{name}' (unit {unit}): {model.name}({name}=...)")
    for name in record:
        if name not in step.types:
            hint = did_you_mean(name, step.types) or f"; it has {', '.join(step.types) or 'none'}"
            if name in ("spikes", "spike"):
                hint = "; spikes are always recorded, as result.spikes"
            raise InputError(f"{model.name} has no state '{name}' to record{hint}")


def _population(model: Neuron, inputs: Mapping[str, np.ndarray], state: State | None, n: int | None) -> int:
    """Return N, from the inputs, the parameters, a given state and ``n``."""
    sizes: dict[str, int] = {} if n is None else {"n": n}
    if n is not None and (not isinstance(n, int | np.integer) or n < 1):
        raise InputError(f"run: n must be a positive integer, got {n!r}")
    for name, value in inputs.items():
        if value.ndim > 2 or value.size == 0:
            expected = "expected (), (N,), (T, 1) or (T, N)"
            raise ShapeError(f"{model.name}: input '{name}' has shape {value.shape}; {expected}")
        if value.ndim and value.shape[-1] != 1:
            sizes[f"input '{name}'"] = value.shape[-1]
    for name, value in model.parameters.items():
        if isinstance(value, np.ndarray) and value.ndim > 1:
            raise ShapeError(f"{model.name}: parameter '{name}' has shape {value.shape}; expected a number or (N,)")
        if isinstance(value, np.ndarray) and value.size != 1:
            sizes[f"parameter '{name}'"] = value.size
    if not sizes and isinstance(state, Mapping):
        sizes |= {f"state '{name}'": np.size(value) for name, value in state.items() if name != STEP}
    count = max(sizes.values(), default=1)
    for where, size in sizes.items():
        if size != count:
            other = next(w for w, s in sizes.items() if s == count)
            raise ShapeError(f"{model.name}: {where} is for {size} neurons, but {other} for {count}")
    return count


def _rows(model: Neuron, name: str, value: np.ndarray, steps: int, n: int) -> np.ndarray:
    """Return an input as a view of shape (T, N)."""
    if value.ndim == 2 and value.shape[0] not in (1, steps):
        raise ShapeError(f"{model.name}: input '{name}' has {value.shape[0]} steps; expected {steps} (t/dt)")
    integer = model.unit(name) == "int"
    if integer and (value != np.round(value)).any():
        fraction = value[value != np.round(value)].flat[0]
        raise InputError(f"{model.name}: input '{name}' takes integers, got {fraction:g}")
    return np.broadcast_to(value, (steps, n)).astype(np.int64) if integer else np.broadcast_to(value, (steps, n))


def _check_state(model: Neuron, step: Step, state: State, n: int, dtype: np.dtype) -> int:
    """Check a given state; return the number of steps that it has taken."""
    if not isinstance(state, Mapping):
        raise StateError(f"{model.name}: expected a state, such as result.state, got {type(state).__name__}")
    if not set(step.types) <= set(state) <= {*step.types, STEP}:
        raise StateError(f"{model.name}: the state holds {sorted(state)}; expected {sorted({*step.types, STEP})}")
    for name, value in state.items():
        expected = () if name == STEP else (n,)
        if np.shape(value) != expected:
            raise StateError(f"{model.name}: state '{name}' has shape {np.shape(value)}; expected {expected}")
        type_ = {"int": np.dtype(np.int64), "bool": np.dtype(bool)}.get(step.types.get(name, "int"), dtype)
        if np.asarray(value).dtype != type_:
            raise StateError(f"{model.name}: state '{name}' is of {np.asarray(value).dtype}; expected {type_}")
    return int(state[STEP]) if STEP in state else 0


def _check_finite(model: Neuron, final: State) -> None:
    for name, value in final.items():
        if np.isnan(value).any():
            ids = np.flatnonzero(np.isnan(value))
            raise NumericsError(
                f"{model.name}: '{name}' became NaN in {ids.size} of {value.size} neurons (first: {ids[0]}); "
                "a smaller dt or another method may help"
            )


def show(model: Neuron | Synapse | Rule, target: str = "model") -> str:
    """Return a stage of the compiler as text.

    Args:
        model: The neuron; of a synapse or a rule ``"model"`` and ``"latex"`` can be shown.
        target: ``"model"`` (equations and integrator), ``"ir"`` (the step, node by node), ``"numpy"`` or ``"torch"``
            (source), ``"llvm"`` or ``"triton"`` (the fused kernels, forward and backward), ``"latex"``.

    Raises:
        InputError: there is no such target, or not of a synapse or a rule.
    """
    if target not in TARGETS:
        raise InputError(f"show: there is no target '{target}'{did_you_mean(target, TARGETS)}")
    if target == "latex":
        return model._repr_latex_()
    if not isinstance(model, Neuron):
        if target != "model":
            raise InputError(f"show: {model.name} is no neuron; of a synapse or a rule show 'model' or 'latex'")
        return str(model)
    step = lower(model)
    if target == "model":
        return _description(model, step)
    if target == "ir":
        return _listing(step)
    if target == "llvm":
        from spikelet.backends import llvm_cpu

        return llvm_cpu.source(step)
    if target == "triton":
        from spikelet.backends import llvm_cpu, triton_program

        return triton_program.source(llvm_cpu.typical(step))
    from spikelet.backends import printer

    return f"{printer.coefficient_source(step, target)}\n\n{printer.step_source(step, target)}"


def _description(model: Neuron, step: Step) -> str:
    lines = [repr(model), *([model.doc] if model.doc else []), *([f"Source: {model.ref}"] if model.ref else []), ""]
    lines += [line.strip() for line in model.text.splitlines() if line.strip()]
    for event in ("threshold", "reset", "refractory", "on_recovery", "initial"):
        text = getattr(model, event)
        lines += [f"{event}: {text}"] if text else []
    chosen = "named by the model" if model.method else "chosen by rule"
    return "\n".join([*lines, f"integrator: {step.method} ({chosen}: {step.reason})"])


def _listing(step: Step) -> str:
    order = step.program()
    names = {n: f"%{i}" for i, n in enumerate(order)}
    lines = [f"step {step.name}  method={step.method}  inputs={list(step.inputs)}  states={dict(step.types)}"]
    for n in order:
        value = "" if n.value is None else f"[{n.value}]"
        lines.append(f"  {names[n]:5} = {n.kind}{value}({', '.join(names[arg] for arg in n.args)}) : {n.type}")
    lines += [f"  {name}' <- {names[root]}" for name, root in step.updates.items()]
    return "\n".join([*lines, *([f"  spike -> {names[step.spike]}"] if step.spike is not None else [])])


__all__ = ["BACKENDS", "TARGETS", "Result", "Spikes", "run", "show"]
