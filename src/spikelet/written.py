"""What all models have in common: a text with a name, checked values of parameters, JSON, equality, a short form."""

import json
import math
import operator
import re
from collections.abc import Mapping
from numbers import Real
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from spikelet.errors import EquationError, ModelError, ParameterError, did_you_mean
from spikelet.lang import latex
from spikelet.lang.variables import Variable
from spikelet.units import dimension_text

SCHEMA = 1  # version of the JSON form; raised when its meaning changes
_NAME = re.compile(r"(?! )[A-Za-z0-9_ .,:+\-/&()]{1,100}(?<! )")
Value = float | int | np.ndarray | None


class Written:
    """Base of the models: frozen dataclasses with ``name``, ``text``, ``doc``, ``ref``, ``values`` and own fields."""

    EVENTS: ClassVar[tuple[str, ...]] = ()  # fields that hold text: events
    OPTIONS: ClassVar[tuple[str, ...]] = ()  # own fields that hold something else
    name: str
    text: str
    doc: str
    ref: str
    values: Mapping[str, Value]

    definition: Any

    def _parameter_variables(self) -> Mapping[str, Variable]:
        """Return the parameters."""
        return {name: self.definition.variables[name] for name in self.definition.of_kind("parameter")}

    def _check_texts(self) -> None:
        """Check the name (it is printed into generated source, so it holds no quote, backslash or line) and texts."""
        owner: Any = self.name
        if not isinstance(owner, str) or not _NAME.fullmatch(owner):
            expected = "1 to 100 letters, digits, blanks or any of _.,:+-/&()"
            raise ModelError(f"a model's name is {expected}, got {owner!r}"[:200])
        for name in ("text", *self.EVENTS, "doc", "ref"):
            value: Any = getattr(self, name)
            if not isinstance(value, str):
                raise EquationError(f"{owner}: {name} must be a string, got {type(value).__name__}")

    def _check_values(self, variables: Mapping[str, Variable]) -> None:
        """Check the values of parameters, and the defaults of the text."""
        known = self._parameter_variables()
        for name in self.values:
            if name in ("text", *self.EVENTS):
                kind = type(self).__name__
                raise ParameterError(f"{self.name}: '{name}' is not a parameter; another {name} makes another {kind}")
            if name in variables and name not in known:
                raise ParameterError(f"{self.name}: '{name}' is {variables[name].noun}, not a parameter")
        found = {name: checked(self.name, name, value, known) for name, value in self.values.items()}
        for name, variable in known.items():
            if variable.value is not None:
                checked(self.name, name, variable.value, known)
        object.__setattr__(self, "values", MappingProxyType(found))

    def _unit_of(self, name: str, variables: Mapping[str, Variable]) -> str:
        """Return the coherent unit of a variable."""
        if name not in variables:
            raise ParameterError(f"{self.name}: '{name}' is not one of its variables{did_you_mean(name, variables)}")
        return "int" if variables[name].integer else dimension_text(variables[name].dimension)

    @property
    def parameters(self) -> Mapping[str, Value]:
        """Values of all parameters in coherent units; ``None`` where a required one has not been given."""
        return MappingProxyType(
            {name: self.values.get(name, known.value) for name, known in self._parameter_variables().items()}
        )

    def changed(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        names = ("name", "text", *self.EVENTS, *self.OPTIONS, "doc", "ref", "values")
        return type(self)(**{**{name: getattr(self, name) for name in names}, **changes})

    def to_json(self) -> str:
        """Return the model as one line of JSON, with a schema version."""
        data: dict[str, Any] = {"schema": SCHEMA, "kind": type(self).__name__}
        data |= {name: getattr(self, name) for name in ("name", "text", *self.EVENTS, *self.OPTIONS, "doc", "ref")}
        data["values"] = {name: to_plain(value) for name, value in sorted(self.values.items())}
        return json.dumps(data, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Make a model from ``to_json``'s text; nothing in it is executed.

        Raises:
            ModelError: not JSON, another schema version, an unknown or missing field.
        """
        return cls(**load(text, cls.__name__, (*cls.EVENTS, *cls.OPTIONS)))

    def __eq__(self, other: object) -> bool:
        """Models are equal when their texts and values are."""
        return isinstance(other, type(self)) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        """Hash of text and values."""
        return hash(self.to_json())

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy by text: what is made of the text is made again, and shared, by its cache."""
        return type(self).from_json, (self.to_json(),)

    def __repr__(self) -> str:
        """Show the name and the parameters."""
        return f"{self.name}({', '.join(f'{name}={short(value)}' for name, value in self.parameters.items())})"

    def described(self) -> str:
        """Return all of it as lines: what it is for, its source, its text and its events."""
        lines = [repr(self), *([self.doc] if self.doc else []), *([f"Source: {self.ref}"] if self.ref else []), ""]
        lines += [line.strip() for line in self.text.splitlines() if line.strip()]
        lines += [f"{event}: {text}" for event in self.EVENTS if (text := getattr(self, event))]
        return "\n".join(lines)


class Between(Written):
    """What a synapse and a rule have in common: they join two neurons, and each of their states has a place."""

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states, in the order of the text; the weight ``w`` is among them where it has a line."""
        return self.definition.states

    @property
    def places(self) -> Mapping[str, str]:
        """Place of each state: ``pre``, ``post``, ``synapse`` or ``network``."""
        return MappingProxyType(dict(self.definition.places))

    def __call__(self, *, name: str | None = None, doc: str | None = None, **parameters: Any) -> Self:
        """Return a copy with other parameter values (numbers in coherent units, or arrays).

        Args:
            name: New name.
            doc: New description.
            **parameters: Values by name.

        Raises:
            ParameterError: the name is no parameter (the nearest is named), or the value is wrong.
        """
        return self.changed(
            name=self.name if name is None else name,
            doc=self.doc if doc is None else doc,
            values={**self.values, **parameters},
        )

    def __str__(self) -> str:
        """Show all of it: what it is for, its source, its text and its events."""
        return self.described()

    def _repr_latex_(self) -> str:
        return latex.between(self.definition)


def as_whole(value: Any) -> int | None:
    """Return a whole number, which may be one of numpy or torch; None where it is none, as True and False are."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def as_numbers(value: Any) -> np.ndarray | None:
    """Return numbers as an array in double; ``None`` where there are none, or something else."""
    try:
        array = np.asarray(value)
        real = array.dtype.kind in "buif" or all(isinstance(item, Real) for item in array.flat)
        return array.astype(np.float64) if array.size and real else None
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last: a tensor with a gradient
        return None


def checked(owner: str, name: str, value: Any, known: Mapping[str, Variable]) -> Value:
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


def to_plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, np.ndarray):
        return [to_plain(item) for item in value] if value.ndim else to_plain(value.item())
    if isinstance(value, np.generic):
        return to_plain(value.item())
    return repr(value) if isinstance(value, float) and math.isinf(value) else value


def _from_plain(value: Any) -> Any:
    match value:
        case list():
            return [_from_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case "inf" | "-inf":
            return float(value)
        case _:
            return value


def short(value: Value) -> str:
    """Return a value in few characters."""
    if value is None:
        return "?"
    return f"array{value.shape}" if isinstance(value, np.ndarray) else f"{value:g}"


def load(text: str, kind: str, fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of a saved model of a kind, which has ``fields`` beside those that all have.

    Raises:
        ModelError: not JSON, another schema version, an unknown or missing field.
    """
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
    allowed = {*required, "doc", "ref", "values", *fields}
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
