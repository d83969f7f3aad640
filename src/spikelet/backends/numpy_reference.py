"""The oracle: an interpreter of ``Step`` in NumPy, one operation a node, nothing clever.

Every other back end is compared with this one, and this one with closed forms and published figures.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spikelet import random
from spikelet.ir.lower import STEP, Step, surrogate_derivative
from spikelet.ir.nodes import Node, topological
from spikelet.ir.propagators import propagators
from spikelet.lang.functions import FUNCTIONS
from spikelet.model import Surrogate

Array = Any  # an array or a scalar of NumPy
UNSUPPORTED: dict[str, str] = {}  # entry of the zoo -> reason


def exprel(x: Array) -> Array:
    """(exp(x) - 1)/x, and 1 at 0."""
    small = np.abs(x) < 1e-5
    safe = np.where(small, np.ones_like(x), x)
    return np.where(small, 1 + x / 2 + x * x / 6, np.expm1(safe) / safe)


def sigmoid(x: Array) -> Array:
    """1/(1 + exp(-x)) without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e)).astype(np.asarray(x).dtype)


def erf(x: Array) -> Array:
    """The error function."""
    return np.vectorize(math.erf, otypes=[np.asarray(x).dtype])(x)


def heaviside(x: Array) -> Array:
    """1 where x > 0, else 0, in the type of x."""
    return (np.asarray(x) > 0).astype(np.asarray(x).dtype)


_OWN: dict[str, Callable[..., Array]] = {"exprel": exprel, "sigmoid": sigmoid, "erf": erf, "heaviside": heaviside}
_CALLS: dict[str, Callable[..., Array]] = {
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "detach": lambda x: x,
    "floordiv": np.floor_divide,
    "mod": np.mod,
}
_CALLS |= {
    n: _OWN.get(n) or getattr(np, f.numpy.split("(")[0][3:])
    for n, f in FUNCTIONS.items()
    if n not in _CALLS and f.numpy
}
_OPERATORS: dict[str, Callable[..., Any]] = {
    "neg": np.negative, "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide, "pow": np.power,
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal,
    "and": np.logical_and, "or": np.logical_or, "not": np.logical_not, "select": np.where,
}  # fmt: skip
_TYPES = {"int": np.int64, "bool": np.bool_}


class Interpreter:
    """Runs the step of a model on arrays of N neurons.

    Args:
        step: What to run.
        parameters: Values by name: numbers or arrays that broadcast with N.
        dt: Step [ms].
        dtype: ``float32`` or ``float64``.
        seed: Seed of the random draws.
        smooth: Integral of the surrogate. With it the spike is smooth and the reset interpolates: what finite
            differences are compared with.
    """

    def __init__(
        self,
        step: Step,
        parameters: Mapping[str, Any],
        *,
        dt: float,
        dtype: Any = np.float64,
        seed: int = 0,
        smooth: Callable[[Array], Array] | None = None,
    ):
        """Compute the coefficients in double, once, and list the operations."""
        self.step, self.dt, self.dtype, self.seed, self.smooth = step, dt, np.dtype(dtype), seed, smooth
        self.values = {"dt": np.float64(dt)} | {n: np.asarray(v, float) for n, v in parameters.items() if v is not None}
        self.coefficients = {
            name: self._typed(value, step.coefficients[name].type)
            for name, value in evaluate(step.coefficients, self.values).items()
        }
        self.program = [(n, self._operation(n), n.args) for n in step.program()]

    def _typed(self, value: Any, type_: str) -> np.ndarray:
        return np.asarray(value).astype(_TYPES.get(type_, self.dtype))

    def _operation(self, n: Node) -> Callable[..., Any] | None:
        if n.kind in ("state", "input", "time", "noise"):
            return None
        if n.kind in ("const", "coefficient"):
            value = self._typed(n.value, n.type) if n.kind == "const" else self.coefficients[n.value]
            return lambda: value
        if n.kind == "spike":
            smooth = self.smooth
            return (lambda c, x: c.astype(self.dtype)) if smooth is None else (lambda c, x: smooth(x))
        if n.kind == "choose":
            return (lambda s, a, b: np.where(s > 0, a, b)) if self.smooth is None else (lambda s, a, b: b + s * (a - b))
        if n.kind == "cast":
            return lambda x: np.asarray(x).astype(_TYPES.get(n.type, self.dtype))
        return operator(n)

    def initial(self, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Return the state before the first step."""
        values = evaluate(self.step.initial, self.values)
        return {
            name: np.broadcast_to(self._typed(value, self.step.types[name]), () if name == STEP else shape).copy()
            for name, value in values.items()
        }

    def __call__(
        self, inputs: Mapping[str, Array], state: Mapping[str, np.ndarray], element: Array, count: int
    ) -> tuple[np.ndarray | None, dict[str, np.ndarray]]:
        """Run one step; ``count`` is k, the number of the step. Returns the spikes and the new state."""
        found: dict[Node, Any] = {}
        for n, operation, args in self.program:
            if operation is not None:
                found[n] = operation(*[found[arg] for arg in args])
            elif n.kind == "state":
                found[n] = state[n.value]
            elif n.kind == "input":
                found[n] = self._typed(inputs.get(n.value, 0), n.type)
            elif n.kind == "time":
                found[n] = self.dtype.type(count * self.dt)
            else:
                law, stream = n.value
                draw = getattr(random, law)(self.seed, count, element, stream).astype(self.dtype)
                # rounding must not make a uniform draw 1
                found[n] = np.minimum(draw, 1 - np.finfo(self.dtype).eps / 2) if law == "uniform" else draw
        new = {name: found[update] for name, update in self.step.updates.items()}
        if STEP in self.step.types:
            new[STEP] = np.int64(count + 1)
        return (None if self.step.spike is None else found[self.step.spike]), new


def operator(n: Node) -> Callable[..., Any]:
    """Return the NumPy function of a node that only computes."""
    if n.kind == "call":
        return _CALLS[n.value]
    return _OPERATORS[n.value if n.kind in ("compare", "logic") else n.kind]


def evaluate(nodes: Mapping[str, Node], values: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate nodes in double over the values of what has a name: parameters, inputs, states, coefficients."""
    found: dict[Node, Any] = {}
    matrices: dict[tuple[Node, ...], dict[str, np.ndarray]] = {}
    for n in topological(nodes.values()):
        args = [found[arg] for arg in n.args]
        if n.kind in ("parameter", "input", "state", "coefficient"):
            found[n] = values[n.value]
        elif n.kind == "const":
            found[n] = np.asarray(n.value)
        elif n.kind == "cast":
            found[n] = np.asarray(args[0]).astype(_TYPES.get(n.type, np.float64))
        elif n.kind == "propagator":
            if n.args not in matrices:
                matrices[n.args] = _matrices(n.value[3], args)
            part, i, j, _ = n.value
            found[n] = matrices[n.args][part][..., i, j]
        else:
            found[n] = operator(n)(*args)
    return {name: found[root] for name, root in nodes.items()}


def numbers(
    definitions: Mapping[str, Node], parameters: Mapping[str, Any], dt: float | np.ndarray
) -> dict[str, float | int | np.ndarray]:
    """Return coefficients as numbers, of which integers stay integers, and arrays; ``dt`` may be one."""
    known = {"dt": np.asarray(dt, float)} | {n: np.asarray(v, float) for n, v in parameters.items() if v is not None}
    with np.errstate(all="ignore"):  # a coefficient may be infinite on purpose
        found = evaluate(definitions, known)
    kinds = {"int": int, "real": float}
    return {n: kinds[definitions[n].type](v) if np.ndim(v) == 0 else np.asarray(v) for n, v in found.items()}


def _matrices(size: int, args: list[Any]) -> dict[str, np.ndarray]:
    entries = np.broadcast_arrays(*(np.asarray(arg, np.float64) for arg in args[:-1]))
    matrix = np.stack(entries[: size * size], axis=-1).reshape(*entries[0].shape, size, size)
    noise = entries[size * size :]
    return propagators(matrix, np.stack(noise, axis=-1) if noise else None, args[-1])


def derivative(surrogate: Surrogate, x: np.ndarray) -> np.ndarray:
    """Return a surrogate's derivative at x (any shape, any real type)."""
    values = {name: np.asarray(value, x.dtype) for name, value in surrogate.parameters.items()}
    node = surrogate_derivative(surrogate)
    found = {n: np.asarray(n.value, x.dtype) for n in topological([node]) if n.kind == "const" and n.type == "real"}
    for n in topological([node]):
        if n in found:
            continue
        args = [found[arg] for arg in n.args]
        if n.kind in ("parameter", "input"):
            found[n] = values[n.value] if n.kind == "parameter" else x
        else:
            found[n] = np.asarray(n.value) if n.kind == "const" else operator(n)(*args)
    return np.broadcast_to(found[node], x.shape)
