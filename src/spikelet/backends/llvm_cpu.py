"""The fused back end for CPUs: a scan over T steps as one kernel of machine code, forward and backward.

Arrays in, arrays out; ``backends.torch_ops`` makes it an operator of torch, ``simulate`` runs it as it is. All lanes
(samples times neurons) lie on one axis of length M. Results do not depend on the number of threads: borders of strips
come from M alone, and sums over strips are made in order.
"""

import ctypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet import pool, random
from spikelet.backends import llvm_jit
from spikelet.backends.fused import SAVES, Backward, Forward, Program, Wanted, saved_like, typical
from spikelet.backends.llvm_kernels import STRIP, Kernel
from spikelet.backends.llvm_scan import backward_kernel, forward_kernel
from spikelet.backends.memory import MEMORY
from spikelet.errors import BackendError
from spikelet.ir.lower import REFRACTORY, STEP, Step
from spikelet.ir.scan import can_be_quiet, refractory_steps

Array = np.ndarray
Arrays = Mapping[str, Array]
UNSUPPORTED: dict[str, str] = {}  # entry of the zoo -> reason
_ALONE = 20_000  # elements that one thread does sooner than two have been told to


_REAL = {"float32": "float", "float64": "double"}  # names of types in LLVM


def _printed(
    program: Program, which: str, masked: bool, quiet: bool, tables: frozenset[str], save: str, *more: Any
) -> Kernel:
    """Print the kernel of a key."""
    real, low, target = _REAL[program.dtype], save == "low", program.target
    if which == "forward":
        tape = program.adjoint(masked, quiet).tape if save == "fast" else ()
        return forward_kernel(program.scan(masked, quiet), real, tables, tape, low, target)
    return backward_kernel(program.adjoint(masked, quiet), real, tables, Wanted(*more), low, target)


@dataclass(frozen=True)
class Recurrence:
    """The recurrent part of a scan, for N neurons.

    Attributes:
        weight: (N, N); row i is what neuron i receives, as in ``torch.nn.Linear``.
        bias: (N,), delivered in every step, or None.
        delay: Steps from a spike to its arrival, at least 1.
        before: (d, M) spikes before the first step, the oldest first, or None for silence.
        spikes: (T, M) spikes of the scan; for ``backward``.
    """

    weight: Array
    bias: Array | None = None
    delay: int = 1
    before: Array | None = None
    spikes: Array | None = None


def strip_of(lanes: int, neurons: int) -> int:
    """Return the lanes of a strip of a recurrent scan: whole samples, enough of them for a product of matrices."""
    rows = max(-(-STRIP // neurons), 32)
    return min(rows, lanes // neurons) * neurons


class _Compiled:
    """A kernel as machine code."""

    def __init__(self, kernel: Kernel):
        self.kernel = kernel
        self.library = llvm_jit.compile(kernel.text)
        types = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
        self.function = self.library.function("kernel", *types)

    def run(self, words: Mapping[str, int], lanes: int, steps: int) -> None:
        """Run all strips; ``words`` holds numbers and addresses."""
        args = np.array([words[name] for name in self.kernel.signature], dtype=np.int64)
        strip = words.get("strip", STRIP)
        address, size = args.ctypes.data, self.kernel.bytes(strip)

        def job(first: int, last: int) -> None:
            scratch = np.empty(size, np.uint8)
            self.function(address, first * strip, min(last * strip, lanes), scratch.ctypes.data)

        pool.run(job, -(-lanes // strip), threads=1 if lanes * steps < _ALONE else None)


class _Call:
    """The words that forward and backward have in common."""

    def __init__(  # noqa: PLR0913  # one word each, by name
        self,
        program: Program,
        inputs: Arrays,
        state: Arrays,
        coefficients: Arrays,
        *,
        steps: int,
        dt: float,
        start: int,
        seed: int,
        element: Array | None,
        limits: Array | None,
        quiet: bool,
        recurrence: Recurrence | None,
    ):
        self.program, self.steps = program, steps
        self.masked, self.quiet = limits is not None, quiet
        self.scan = program.scan(self.masked, quiet)
        given = [*inputs.values(), *(v for n, v in state.items() if n != STEP)]
        self.lanes = int(given[0].shape[-1])
        self.dtype = np.dtype(program.dtype)
        leaves = program.leaves(self.masked, quiet)
        self.integer = leaves.integer
        self.kept: list[Any] = []  # arrays whose addresses are in use
        self.words: dict[str, int] = {"T": steps, "M": self.lanes, "start": start, "seed": random.signed(seed)}
        self.words["dt"] = int(np.float64(dt).view(np.int64))
        for name, type_ in leaves.inputs:
            self.rows(f"x.{name}", inputs.get(name), type_)
        for name, type_ in self.scan.types.items():
            self.put(f"state.{name}", state[name].astype(self.type(type_), copy=False))
        self.coefficients = {name: coefficients[name] for name in leaves.coefficients}
        self.tables = frozenset(self.table(name, value) for name, value in self.coefficients.items()) - {""}
        for name, array in (("element", element), ("limits", limits)):
            if array is not None:
                self.put(name, np.ascontiguousarray(array, np.int64))
        self.strip = STRIP
        if recurrence is not None:
            self._recurrent(recurrence)

    def _recurrent(self, given: Recurrence) -> None:
        """Hand over the recurrence."""
        n = len(given.weight)
        self.strip = strip_of(self.lanes, n)
        self.words |= {"strip": self.strip, "fb.delay": given.delay, "fb.neurons": n}
        self.put("fb.forward", given.weight.T.astype(self.dtype, copy=False))
        self.put("fb.backward", given.weight.astype(self.dtype, copy=False))
        self.put("fb.bias", np.zeros(n, self.dtype) if given.bias is None else given.bias.astype(self.dtype))
        before = np.zeros((given.delay, self.lanes), self.dtype) if given.before is None else given.before
        self.put("fb.before", before.astype(self.dtype, copy=False))
        if given.spikes is not None:
            self.put("fb.spikes", given.spikes)

    def type(self, type_: str) -> np.dtype:
        """Return the type of an array."""
        return {"real": self.dtype, "int": self.integer, "bool": np.dtype(np.bool_)}[type_]

    def put(self, name: str, array: Array) -> Array:
        """Hand over an array, in rows without gaps."""
        array = np.ascontiguousarray(array)
        self.kept.append(array)
        self.words[name] = array.ctypes.data
        return array

    def empty(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """Hand over a new array."""
        return self.put(name, MEMORY.empty(shape, dtype))

    def rows(self, name: str, array: Array | None, type_: str = "real") -> None:
        """Hand over (T, M), (1, M) or a broadcast view; None is zeros."""
        if array is None:
            array = np.zeros((1, self.lanes), self.type(type_))
        if array.shape[0] > 1 and array.strides[0] == 0:
            array = array[:1]
        self.put(name, array.astype(self.type(type_), copy=False))
        self.words[f"{name}#step"] = self.lanes if array.shape[0] > 1 else 0

    def table(self, name: str, value: Array) -> str:
        """Hand over a coefficient; returns its name if it is a table, else nothing."""
        value = np.asarray(value)
        whole = value.dtype.kind in "iu"
        if whole and self.integer == np.int32:
            value = np.minimum(value, 2**31 - 1)
        array = self.put(f"coef.{name}", value.astype(self.integer if whole else self.dtype).reshape(-1))
        self.words[f"coef.{name}#period"] = max(array.size, 1)
        return name if array.size > 1 else ""

    def run(self, key: tuple[Any, ...]) -> None:
        """Run a kernel."""
        kernel = self.program.once(key, lambda: _Compiled(_printed(self.program, *key)))
        kernel.run(self.words, self.lanes, self.steps)


def is_quiet(step: Step, state: Arrays, coefficients: Arrays) -> bool:
    """Return whether no neuron is refractory at the start or ever will be."""
    duration = refractory_steps(step)
    if not can_be_quiet(step) or duration is None or duration.kind != "coefficient":
        return False
    return not np.any(coefficients[duration.value]) and not np.any(state[REFRACTORY])


def forward(  # noqa: PLR0913  # one kernel call: each by name
    program: Program,
    inputs: Arrays,
    state: Arrays,
    coefficients: Arrays,
    *,
    steps: int,
    dt: float,
    start: int = 0,
    seed: int = 0,
    element: Array | None = None,
    limits: Array | None = None,
    save: str = "none",
    recurrence: Recurrence | None = None,
) -> Forward[Array]:
    """Run T steps.

    Args:
        program: What to run.
        inputs: Name -> (T, M), or (1, M) where an input is held for all steps; what is not given is 0.
        state: Name -> (M,): real, int64 or bool.
        coefficients: Name -> () or (P,), P a divisor of M: lane m reads entry m mod P.
        steps: T.
        dt: Step [ms].
        start: Steps taken before.
        seed: Of the random draws.
        element: (M,) counter of each lane in the stream of draws; for models that draw.
        limits: (M,) valid steps of each lane; past them the state is frozen and what is recorded is 0.
        save: What ``backward`` will need: ``"none"``, ``"fast"`` (its tape), ``"low"`` (checkpoints).
        recurrence: The recurrent part, where the program has a target.

    Raises:
        BackendError: ``save`` is none of these, or a model that draws has no ``element``.
    """
    _check(program, save, element, recurrence)
    quiet = is_quiet(program.step, state, coefficients)
    call = _Call(
        program, inputs, state, coefficients, steps=steps, dt=dt, start=start, seed=seed, element=element,
        limits=limits, quiet=quiet, recurrence=recurrence,
    )  # fmt: skip
    types = {name: n.type for name, n in call.scan.outputs.items()}
    outputs = {name: call.empty(f"out.{name}", (steps, call.lanes), call.type(type_)) for name, type_ in types.items()}
    final = {
        name: call.empty(f"final.{name}", (call.lanes,), call.type(type_)) for name, type_ in call.scan.types.items()
    }
    likes = saved_like(program, steps, call.lanes, save, call.masked)
    saved = {name: MEMORY.empty(*like) for name, like in likes.items()}
    if save != "none":
        saved["quiet"][0] = quiet
    _hand_over_saved(call, saved, save)
    call.run(("forward", call.masked, quiet, call.tables, save))
    wide = {np.dtype(np.int32): np.dtype(np.int64)}
    widened = {name: a.astype(wide.get(a.dtype, a.dtype), copy=False) for name, a in final.items()}
    if quiet:
        widened[REFRACTORY] = np.zeros(call.lanes, np.int64)
    ordered = {name: widened[name] for name in program.step.types if name in widened}
    return Forward({n: a.astype(wide.get(a.dtype, a.dtype), copy=False) for n, a in outputs.items()}, ordered, saved)


def _check(program: Program, save: str, element: Array | None, recurrence: Recurrence | None) -> None:
    if (recurrence is None) != (program.target is None):
        raise BackendError(f"{program.step.name}: a recurrence needs a target, and a target one: {program.target}")
    if save not in SAVES:
        raise BackendError(f"{program.step.name}: save={save!r} is none of {SAVES}")
    if program.step.noise and element is None:
        raise BackendError(f"{program.step.name} draws random numbers: 'element', a counter for each lane, is needed")


def _hand_over_saved(call: _Call, saved: Arrays, save: str) -> None:
    if save == "low":
        for name in call.scan.types:
            call.put(f"check.{name}", saved[f"check.{name}"])
    elif save == "fast":
        used: dict[str, int] = {}
        for j, n in enumerate(call.program.adjoint(call.masked, call.quiet).tape):
            number = used.setdefault(n.type, 0)
            used[n.type] += 1
            call.put(f"tape.{j}", saved[f"tape.{n.type}"][number])


def backward(  # noqa: PLR0913  # as forward
    program: Program,
    inputs: Arrays,
    state: Arrays,
    coefficients: Arrays,
    saved: Arrays,
    *,
    steps: int,
    dt: float,
    start: int = 0,
    seed: int = 0,
    element: Array | None = None,
    limits: Array | None = None,
    save: str,
    outputs: Mapping[str, Array | None],
    final: Mapping[str, Array | None],
    wanted_inputs: Iterable[str] = (),
    wanted_coefficients: Iterable[str] = (),
    recurrence: Recurrence | None = None,
) -> Backward[Array]:
    """Run T steps backward; the arguments up to ``save`` are those of ``forward``, ``saved`` its result.

    ``outputs`` holds the gradient of each output, (T, M), a broadcast view of that shape, or None for zeros; ``final``
    that of each final state, (M,), or None. ``wanted_inputs`` and ``wanted_coefficients`` name what to return beside
    the gradients of all states; coefficients must be among ``program.learn``. ``recurrence`` is that of ``forward``,
    with its spikes; then the gradient of the target is always returned, (T, M), also where that input is held: weight,
    bias and first spikes have theirs through it.
    """
    strange = [name for name in wanted_coefficients if name not in program.learn]
    if strange:
        raise BackendError(f"{program.step.name}: no gradient of {strange}: program.learn is {program.learn}")
    call = _Call(
        program, inputs, state, coefficients, steps=steps, dt=dt, start=start, seed=seed, element=element,
        limits=limits, quiet=bool(saved["quiet"][0]), recurrence=recurrence,
    )  # fmt: skip
    backwards = program.adjoint(call.masked, call.quiet)
    _hand_over_saved(call, saved, save)
    extra = {name: 1 / np.asarray(coefficients[old], float) for name, old in backwards.reciprocals.items()}
    extra |= program.surrogate_constants(call.masked, call.quiet)
    tables = call.tables | (frozenset(call.table(name, value) for name, value in extra.items()) - {""})
    for name in program.outputs:
        call.rows(f"g.out.{name}", outputs.get(name))
    for name in backwards.states:
        given = final.get(name)
        call.put(f"g.final.{name}", np.zeros(call.lanes, call.dtype) if given is None else given.astype(call.dtype))
    new = {name: call.empty(f"g.state.{name}", (call.lanes,), call.dtype) for name in backwards.states}
    always = () if program.target is None else (program.target,)
    asked = frozenset(name for name in (*wanted_inputs, *always) if name in backwards.inputs)
    held = frozenset(n for n in asked if n not in always and inputs[n].shape[0] == 1 and steps > 1)
    slopes = {name: call.empty(f"g.x.{name}", (1 if name in held else steps, call.lanes), call.dtype) for name in asked}
    used = frozenset(name for name in wanted_coefficients if name in call.coefficients)
    strips = -(-call.lanes // call.strip)
    parts = {
        name: call.empty(f"g.coef.{name}", (call.lanes,) if name in tables else (strips,),
                         call.dtype if name in tables else np.float64)
        for name in used
    }  # fmt: skip
    call.run(("backward", call.masked, call.quiet, tables, save, asked, held, used))
    sums = {name: _summed(parts.get(name), np.asarray(coefficients[name]), call.dtype) for name in wanted_coefficients}
    zeros = {name: np.zeros_like(inputs[name]) for name in wanted_inputs if name not in asked}
    return Backward(slopes | zeros, new, sums)


def _summed(parts: Array | None, like: Array, dtype: np.dtype) -> Array:
    """Sum what the lanes (or strips) add to the gradient of a coefficient."""
    if parts is None:
        return np.zeros(like.shape, dtype)
    if like.size == 1:
        return np.asarray(parts.sum(), dtype).reshape(like.shape)
    return parts.reshape(-1, like.size).sum(0, dtype=np.float64).astype(dtype).reshape(like.shape)


def source(step: Step) -> str:
    """Return the text of the kernels of a step, forward and backward, for parameters that are numbers."""
    program = typical(step)
    real = _REAL[program.dtype]
    found = program.adjoint(False, False)
    wanted = Wanted(frozenset(found.inputs), frozenset(), frozenset())
    there = forward_kernel(found.scan, real, frozenset(), found.tape, False)
    back = backward_kernel(found, real, frozenset(), wanted, False)
    return f"{there.text}\n\n{back.text}"
