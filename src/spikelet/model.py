"""Models as data: ``Neuron`` and ``Surrogate``, frozen, specialised by calling, printable and serialisable.

A model holds the user's text and the values of its parameters, nothing else; what the text means is read from it
once, when the object is made, so that every mistake is an error at once.
"""

import functools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any

import numpy as np

from spikelet.errors import EquationError, ModelError, ParameterError, did_you_mean
from spikelet.lang import latex
from spikelet.lang.definition import Definition, define, slope
from spikelet.lang.syntax import Expr
from spikelet.lang.variables import Variable
from spikelet.units import ONE, dimension_text

SCHEMA = 1  # version of the JSON form; raised when its meaning changes
METHODS = ("exact", "exponential_euler", "euler", "heun", "rk4")
EVENTS = ("threshold", "reset", "refractory", "on_recovery", "initial")
_NAME = re.compile(r"(?! )[A-Za-z0-9_ .,:+\-/&()]{1,100}(?<! )")
Value = float | int | np.ndarray | None


@functools.lru_cache(maxsize=1024)
def _define(name: str, text: str, events: tuple[str, ...]) -> Definition:
    return define(name, text, dict(zip(EVENTS, events, strict=True)))


@dataclass(frozen=True, eq=False, repr=False)
class Neuron:
    """A neuron, written as equations.

    Args:
        name: Name used in messages.
        text: Equations, one statement a line (or joined by ``;``); see ``docs/semantics.md``.
        threshold: Condition of a spike, such as ``"v > v_th"``; a comparison or several joined by and, or.
        reset: Statements run at a spike, such as ``"v = v_reset; w += b"``.
        refractory: A duration (``"t_ref"``, ``"2 ms"``) or a condition (``"v > v_th"``).
        on_recovery: Statements run when refractoriness ends.
        initial: Statements that set the initial state; states start at 0 otherwise.
        method: Integrator, one of ``METHODS``; ``None`` chooses by rule (``spikelet.show(model)`` tells which).
        reset_gradient: Whether gradients flow through the spike into the reset.
        doc: What it is for.
        ref: Source: author, year, equation.
        values: Values of parameters that differ from the text's; set by calling the model.

    Raises:
        EquationError: the text cannot be read; the message shows the line, a caret and the nearest valid name.
        UnitError: units do not fit.
        ParameterError: a value is of an unknown parameter, NaN, or of the wrong sign.

    Example:
        >>> LIF = Neuron("LIF", "dv/dt = (I - v)/tau : 1; I : 1 (input); tau = 20 ms", threshold="v > 1", reset="v = 0")
        >>> LIF(tau=10.0).parameters["tau"]
        10.0
    """

    name: str
    text: str
    threshold: str = field(default="", kw_only=True)
    reset: str = field(default="", kw_only=True)
    refractory: str = field(default="", kw_only=True)
    on_recovery: str = field(default="", kw_only=True)
    initial: str = field(default="", kw_only=True)
    method: str | None = field(default=None, kw_only=True)
    reset_gradient: bool = field(default=False, kw_only=True)
    doc: str = field(default="", kw_only=True)
    ref: str = field(default="", kw_only=True)
    values: Mapping[str, Value] = field(default_factory=dict[str, Value], kw_only=True)
    definition: Definition = field(init=False)

    def __post_init__(self) -> None:
        """Read the text and check the values."""
        _check_texts(self.name, {name: getattr(self, name) for name in ("text", *EVENTS, "doc", "ref")})
        if self.method is not None and self.method not in METHODS:
            near = did_you_mean(str(self.method), METHODS)
            raise ModelError(f"{self.name}: method '{self.method}' is none of {', '.join(METHODS)}{near}")
        if self.reset_gradient not in (True, False):
            raise ModelError(f"{self.name}: reset_gradient must be True or False, got {self.reset_gradient!r}")
        definition = _define(self.name, self.text, tuple(getattr(self, event) for event in EVENTS))
        object.__setattr__(self, "definition", definition)
        known = self._parameter_variables()
        for name in self.values:
            if name in ("text", *EVENTS):
                raise ParameterError(f"{self.name}: '{name}' is not a parameter; another {name} makes another Neuron")
            if name in definition.variables and name not in known:
                raise ParameterError(f"{self.name}: '{name}' is {definition.variables[name].noun}, not a parameter")
        checked = {name: _checked(self.name, name, value, known) for name, value in self.values.items()}
        for name, variable in known.items():
            if variable.value is not None:
                _checked(self.name, name, variable.value, known)
        object.__setattr__(self, "values", MappingProxyType(checked))

    def _parameter_variables(self) -> dict[str, Variable]:
        variables = self.definition.variables
        found = {name: variables[name] for name in self.definition.of_kind("parameter")}
        if self.spiking and "surrogate_scale" not in variables:
            found["surrogate_scale"] = Variable("surrogate_scale", "parameter", "1", ONE, value=1)
        return found

    @property
    def parameters(self) -> Mapping[str, Value]:
        """Values of all parameters in coherent units; ``None`` where a required one has not been given."""
        known = self._parameter_variables()
        return MappingProxyType({name: self.values.get(name, variable.value) for name, variable in known.items()})

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states, in the order of the text."""
        return self.definition.states

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs, in the order of the text."""
        return self.definition.of_kind("input")

    @property
    def spiking(self) -> bool:
        """Whether the model has a threshold."""
        return bool(self.threshold.strip())

    def unit(self, name: str) -> str:
        """Return the coherent unit in which values of a variable are given and recorded."""
        variables = {**self.definition.variables, **self._parameter_variables()}
        if name not in variables:
            raise ParameterError(f"{self.name}: '{name}' is not one of its variables{did_you_mean(name, variables)}")
        return "int" if variables[name].integer else dimension_text(variables[name].dimension)

    def __call__(
        self,
        *,
        name: str | None = None,
        method: str | None = None,
        reset_gradient: bool | None = None,
        doc: str | None = None,
        **parameters: Any,
    ) -> "Neuron":
        """Return a copy with other parameter values (numbers in coherent units, or one per neuron).

        Args:
            name: New name.
            method: Other integrator.
            reset_gradient: Whether gradients flow through the reset.
            doc: New description.
            **parameters: Values by name.

        Raises:
            ParameterError: the name is no parameter (the nearest is named), or the value is wrong.
        """
        return replace_model(
            self,
            name=self.name if name is None else name,
            method=self.method if method is None else method,
            reset_gradient=self.reset_gradient if reset_gradient is None else reset_gradient,
            doc=self.doc if doc is None else doc,
            values={**self.values, **parameters},
        )

    def to_json(self) -> str:
        """Return the model as one line of JSON, with a schema version."""
        data: dict[str, Any] = {"schema": SCHEMA, "kind": "Neuron", "name": self.name, "text": self.text}
        data |= {event: getattr(self, event) for event in EVENTS}
        data |= {"method": self.method, "reset_gradient": self.reset_gradient, "doc": self.doc, "ref": self.ref}
        data["values"] = {name: _to_plain(value) for name, value in sorted(self.values.items())}
        return json.dumps(data, sort_keys=True, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "Neuron":
        """Make a model from ``to_json``'s text; nothing in it is executed.

        Raises:
            ModelError: not JSON, another schema version, an unknown or missing field.
        """
        data = _load(text, "Neuron")
        return Neuron(**data)

    def __eq__(self, other: object) -> bool:
        """Models are equal when their texts and values are."""
        return isinstance(other, Neuron) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        """Hash of text and values."""
        return hash(self.to_json())

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by text."""
        return Neuron.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        """Show the name and the parameters."""
        shown = [f"{name}={_short(value)}" for name, value in self.parameters.items() if name != "surrogate_scale"]
        return f"{self.name}({', '.join(shown)})"

    def _repr_latex_(self) -> str:
        return latex.model(self.definition)


def replace_model(model: Neuron, **changes: Any) -> Neuron:
    """Return a copy of a model with some fields changed."""
    names = ("name", "text", *EVENTS, "method", "reset_gradient", "doc", "ref", "values")
    return Neuron(**{**{name: getattr(model, name) for name in names}, **changes})


def _check_texts(owner: Any, texts: Mapping[str, Any]) -> None:
    """Check a model's name (it is printed into generated source, so it holds no quote, backslash or line) and texts."""
    if not isinstance(owner, str) or not _NAME.fullmatch(owner):
        expected = "1 to 100 letters, digits, blanks or any of _.,:+-/&()"
        raise ModelError(f"a model's name is {expected}, got {owner!r}"[:200])
    for name, value in texts.items():
        if not isinstance(value, str):
            raise EquationError(f"{owner}: {name} must be a string, got {type(value).__name__}")


def as_numbers(value: Any) -> np.ndarray | None:
    """Return numbers as an array in double; ``None`` where there are none, or something else."""
    try:
        array = np.asarray(value)
        real = array.dtype.kind in "buif" or all(isinstance(item, Real) for item in array.flat)
        return array.astype(np.float64) if array.size and real else None
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last: a tensor with a gradient
        return None


def _checked(owner: str, name: str, value: Any, known: Mapping[str, Variable]) -> Value:
    """Return a parameter's value as a float, an integer or a read-only array."""
    if name not in known:
        raise ParameterError(f"{owner}: '{name}' is not a parameter{did_you_mean(name, known)}")
    where = f"{owner}: parameter '{name}'"
    array = as_numbers(value)
    if array is None or isinstance(value, bool):
        raise ParameterError(f"{where} must be a number or an array of numbers, got {value!r}"[:200])
    if np.isnan(array).any():
        raise ParameterError(f"{where} is NaN")
    if name.startswith("tau") and (array <= 0).any():
        raise ParameterError(f"{where} is a time constant and must be positive, got {array.min():g}")
    if name.startswith("t_ref") and (array < 0).any():
        raise ParameterError(f"{where} is a duration and must not be negative, got {array.min():g}")
    if known[name].integer:
        if (array != np.round(array)).any() or (np.abs(array) >= 2**53).any():
            raise ParameterError(f"{where} must be an integer below 2**53, got {value!r}"[:200])
        array = array.astype(np.int64)
    if array.ndim == 0:
        return array.item()
    array.flags.writeable = False
    return array


def _to_plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_to_plain(item) for item in value] if value.ndim else _to_plain(value.item())
    if isinstance(value, np.generic):
        return _to_plain(value.item())
    return repr(value) if isinstance(value, float) and math.isinf(value) else value


def _from_plain(value: Any) -> Any:
    match value:
        case list():
            return [_from_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case "inf" | "-inf":
            return float(value)
        case _:
            return value


def _short(value: Value) -> str:
    if value is None:
        return "?"
    return f"array{value.shape}" if isinstance(value, np.ndarray) else f"{value:g}"


def _load(text: str, kind: str) -> dict[str, Any]:
    try:
        loaded: Any = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"this is not the JSON of a {kind}: {error}") from None
    data: dict[str, Any] = loaded if isinstance(loaded, dict) else {}  # pyright: ignore[reportUnknownVariableType]
    if data.pop("kind", None) != kind:
        raise ModelError(f"this is not the JSON of a {kind}: the field 'kind' is not '{kind}'")
    schema = data.pop("schema", None)
    if schema != SCHEMA:
        raise ModelError(f"this {kind} was saved in schema version {schema!r}; this version of Spikelet reads {SCHEMA}")
    required = {"name", "text"}
    allowed = {*required, "doc", "ref", "values", *((*EVENTS, "method", "reset_gradient") if kind == "Neuron" else ())}
    for name in data:
        if name not in allowed:
            raise ModelError(f"a saved {kind} has no field '{name}'{did_you_mean(name, allowed)}")
    for name in sorted(required - set(data)):
        raise ModelError(f"a saved {kind} needs the field '{name}'")
    values: Any = data.get("values", {})
    if not isinstance(values, dict):
        raise ModelError(f"the field 'values' of a saved {kind} must be a table")
    plain: dict[str, Any] = values  # pyright: ignore[reportUnknownVariableType]
    return {**data, "values": {name: _from_plain(value) for name, value in plain.items()}}


@dataclass(frozen=True, eq=False, repr=False)
class Surrogate:
    """A stand-in for the derivative of the spike, ``ds/dx``, where x is the scaled distance to the threshold.

    Args:
        name: Name used in messages.
        text: One line, ``"ds/dx = alpha/(2*(1 + (pi/2*alpha*x)**2)); alpha = 2"``: the derivative, then parameters.
        doc: What it is for, its peak and its area.
        ref: Source.
        values: Values of parameters that differ from the text's; set by calling.

    Raises:
        EquationError: the text cannot be read.
    """

    name: str
    text: str
    doc: str = field(default="", kw_only=True)
    ref: str = field(default="", kw_only=True)
    values: Mapping[str, Value] = field(default_factory=dict[str, Value], kw_only=True)
    expr: Expr = field(init=False)
    _known: Mapping[str, Variable] = field(init=False)

    def __post_init__(self) -> None:
        """Read the text and check the values."""
        _check_texts(self.name, {name: getattr(self, name) for name in ("text", "doc", "ref")})
        expr, known = _slope(self.name, self.text)
        object.__setattr__(self, "expr", expr)
        object.__setattr__(self, "_known", known)
        checked = {name: _checked(self.name, name, value, known) for name, value in self.values.items()}
        object.__setattr__(self, "values", MappingProxyType(checked))

    @property
    def parameters(self) -> Mapping[str, Value]:
        """Values of the parameters."""
        return MappingProxyType({name: self.values.get(name, v.value) for name, v in self._known.items()})

    def __call__(self, **parameters: float) -> "Surrogate":
        """Return a copy with other parameter values."""
        values = {**self.values, **parameters}
        return Surrogate(self.name, self.text, doc=self.doc, ref=self.ref, values=values)

    def to_json(self) -> str:
        """Return the surrogate as one line of JSON."""
        data = {"schema": SCHEMA, "kind": "Surrogate", "name": self.name, "text": self.text}
        data |= {"doc": self.doc, "ref": self.ref, "values": {k: _to_plain(v) for k, v in sorted(self.values.items())}}
        return json.dumps(data, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> "Surrogate":
        """Make a surrogate from ``to_json``'s text."""
        data = _load(text, "Surrogate")
        return Surrogate(**data)

    def __eq__(self, other: object) -> bool:
        """Surrogates are equal when their texts and values are."""
        return isinstance(other, Surrogate) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        """Hash of text and values."""
        return hash(self.to_json())

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by text."""
        return Surrogate.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        """Show the name and the parameters."""
        return f"{self.name}({', '.join(f'{name}={_short(value)}' for name, value in self.parameters.items())})"


@functools.lru_cache(maxsize=256)
def _slope(name: str, text: str) -> tuple[Expr, Mapping[str, Variable]]:
    return slope(name, text)
