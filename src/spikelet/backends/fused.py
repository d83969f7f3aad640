"""What the fused back ends share: the program that they run, its variants, what is saved of it, and results.

Nothing here belongs to a device; ``llvm_cpu`` and ``triton_gpu`` print the same scans and adjoints.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from spikelet import surrogates
from spikelet.backends.numpy_reference import evaluate
from spikelet.ir.adjoint import Adjoint, adjoint
from spikelet.ir.lower import REFRACTORY, STEP, Step
from spikelet.ir.nodes import topological
from spikelet.ir.scan import ALIVE, SPIKES, Scan, can_be_quiet, scan
from spikelet.model import Surrogate

SAVES = ("none", "fast", "low")


def integer_type(scan: Scan) -> str:
    """Return ``i32`` where the only integers count refractory steps, else ``i64``."""
    program = topological(scan.roots)
    own = [name for name, type_ in scan.types.items() if type_ == "int" and name != REFRACTORY]
    wide = own or any(n.type == "int" and n.kind in ("input", "cast") for n in program)
    return "i64" if wide else "i32"


def interval(step: Step) -> int:
    """Return the steps between checkpoints: at most 0.2 bytes of them an element, and a tape that fits the cache."""
    size = {"real": 4, "int": 4, "bool": 1}
    total = sum(size[type_] for name, type_ in step.types.items() if name != STEP)
    return max(32 * -(-total * 5 // 32), 32)


@dataclass(frozen=True)
class Leaves:
    """What a scan reads: looked up once, since a small call must not walk a graph."""

    inputs: tuple[tuple[str, str], ...]  # name and type
    coefficients: tuple[str, ...]
    integer: np.dtype

    @staticmethod
    def of(program: Scan) -> "Leaves":
        """Look them up."""
        inputs = tuple((n.value, n.type) for n in program.leaves("input") if n is not ALIVE)
        names = tuple(dict.fromkeys(n.value for n in program.leaves("coefficient")))
        return Leaves(inputs, names, np.dtype({"i32": np.int32, "i64": np.int64}[integer_type(program)]))


@dataclass(frozen=True, eq=False)
class Program:
    """What to run; what is made of it is made when it is first needed, and kept.

    Attributes:
        step: One time step.
        surrogate: Stand-in for the derivative of the spike.
        outputs: What to record: ``"spikes"`` and names of states.
        dtype: ``"float32"`` or ``"float64"``.
        learn: Names of the coefficients whose gradients may be asked for.
        target: Input to which a recurrence delivers; then spikes are among the outputs.
    """

    step: Step
    surrogate: Surrogate
    outputs: tuple[str, ...]
    dtype: str = "float32"
    learn: tuple[str, ...] = ()
    target: str | None = None
    made: dict[Any, Any] = field(default_factory=dict, repr=False)

    def scan(self, masked: bool, quiet: bool) -> Scan:
        """Return the scan in one of its variants."""
        return self.once(("scan", masked, quiet), lambda: scan(self.step, self.outputs, masked=masked, quiet=quiet))

    def leaves(self, masked: bool, quiet: bool) -> "Leaves":
        """Return what a scan reads."""
        return self.once(("leaves", masked, quiet), lambda: Leaves.of(self.scan(masked, quiet)))

    def adjoint(self, masked: bool, quiet: bool) -> Adjoint:
        """Return the program backward, for all inputs and the coefficients that learn."""
        return self.once(("adjoint", masked, quiet), lambda: self._adjoint(self.scan(masked, quiet)))

    def _adjoint(self, program: Scan) -> Adjoint:
        inputs = dict.fromkeys(n.value for n in program.leaves("input") if n.type == "real")
        return adjoint(program, self.surrogate, inputs=inputs, coefficients=self.learn, recurrent=self.target)

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what ``make`` made of a key, the first time."""
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]

    def surrogate_constants(self, masked: bool, quiet: bool) -> dict[str, np.ndarray]:
        """Return the coefficients of the surrogate's derivative."""
        return self.once(("constants", masked, quiet), lambda: self._constants(self.adjoint(masked, quiet)))

    def _constants(self, backwards: Adjoint) -> dict[str, np.ndarray]:
        values = {name: np.asarray(value, float) for name, value in self.surrogate.parameters.items()}
        return evaluate(backwards.constants, values)


def typical(step: Step, dtype: str = "float32") -> Program:
    """Return a program for a step alone: the spikes, or the first state, and no parameter that learns."""
    outputs = (SPIKES,) if step.spike is not None else tuple(name for name in step.types if name != STEP)[:1]
    return Program(step, surrogates.arctan, outputs, dtype)


@dataclass(frozen=True)
class Wanted:
    """Which gradients a backward kernel returns.

    Attributes:
        inputs: Names of inputs.
        held: Those of them that are the same in all steps: their gradient is summed over the steps.
        coefficients: Names of coefficients.
    """

    inputs: frozenset[str]
    held: frozenset[str]
    coefficients: frozenset[str]


Kind = TypeVar("Kind")  # of arrays: those of NumPy, or tensors


@dataclass
class Forward(Generic[Kind]):
    """Results: (T, M) for each output, (M,) for each state, and what ``backward`` needs."""

    outputs: dict[str, Kind]
    state: dict[str, Kind]
    saved: dict[str, Kind]


@dataclass
class Backward(Generic[Kind]):
    """Gradients, each of the shape of what it belongs to."""

    inputs: dict[str, Kind]
    state: dict[str, Kind]
    coefficients: dict[str, Kind]


def saved_like(
    program: Program, steps: int, lanes: int, save: str, masked: bool | None = None
) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Return shape and type of what ``forward`` saves; they depend on no value.

    Args:
        program: What is run.
        steps: T.
        lanes: M.
        save: As for ``forward``.
        masked: Whether there are ``limits``; None is enough for either.
    """
    if save == "none":
        return {}
    types = {"real": np.dtype(program.dtype), "bool": np.dtype(np.bool_), "int": program.leaves(False, False).integer}
    if save == "low":
        rows = max(-(-steps // interval(program.step)) - 1, 0)
        states = {n: t for n, t in program.step.types.items() if n != STEP}
        found = {f"check.{n}": ((rows, lanes), types[t]) for n, t in states.items()}
    else:
        masks = (False, True) if masked is None else (masked,)
        counts = program.once(("tapes", masks), lambda: _tapes(program, masks))
        found = {f"tape.{t}": ((count, steps, lanes), types[t]) for t, count in counts.items() if count}
    return found | {"quiet": ((1,), np.dtype(np.uint8))}


def _tapes(program: Program, masks: Iterable[bool]) -> dict[str, int]:
    """Return the largest number of nodes of each type on a tape, over the variants of a program."""
    quiet = (False, True) if can_be_quiet(program.step) else (False,)
    tapes = [program.adjoint(masked, q).tape for masked in masks for q in quiet]
    return {type_: max(sum(n.type == type_ for n in tape) for tape in tapes) for type_ in ("real", "int", "bool")}
