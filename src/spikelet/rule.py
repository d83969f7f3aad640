"""Learning rules as data: ``Rule``, frozen, specialised by calling, printable and serialisable, as ``Synapse`` is."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from spikelet.errors import ParameterError, did_you_mean
from spikelet.lang.increments import WEIGHT
from spikelet.lang.rule import RuleDefinition, define
from spikelet.lang.variables import Variable
from spikelet.model import SCHEMA, Value, _check_texts, _checked, _load, _short, _to_plain
from spikelet.units import dimension_text

EVENTS = ("on_pre", "on_post", "initial")


@functools.lru_cache(maxsize=1024)
def _define(name: str, text: str, events: tuple[str, ...]) -> RuleDefinition:
    return define(name, text, *events)


@dataclass(frozen=True, eq=False, repr=False)
class Rule:
    """A learning rule, written as equations.

    Each state has a place after its unit: ``(pre)``, one value for each sending neuron, as the synapse sees it when
    the spike arrives; ``(post)``, one for each receiving neuron; ``(synapse)``, the default; or ``(network)``, such as
    a reward. ``w``, the weight, is a plain number for each synapse. ``v_pre`` and ``v_post`` are states of the two
    neurons, as is any other ``NAME_pre`` and ``NAME_post`` that has no line.

    At an arriving spike the synapse first transmits its present ``w``; then ``on_pre`` runs, which may set ``w``,
    (synapse) and (pre) states. When the receiving neuron fires, ``on_post`` runs after its reset, and may set ``w``,
    (synapse) and (post) states. Where both happen in one step, ``on_pre`` comes first.

    Lines of (synapse) states, ``dw/dt = ...`` among them, are integrated in every step, states of other places held at
    the values with which the step begins. States of the receiving neuron are read by events: by ``on_pre`` as the step
    before has left them, by ``on_post`` as the reset has.

    Args:
        name: Name used in messages.
        text: Equations, one statement a line (or joined by ``;``), as those of a neuron.
        on_pre: Statements run when a spike arrives, such as ``"x_pre += 1; w -= a_minus*x_post"``.
        on_post: Statements run when the receiving neuron fires.
        initial: Statements that set the initial state; states start at 0 otherwise.
        doc: What it is for.
        ref: Source: author, year, equation.
        values: Values of parameters that differ from the text's; set by calling the rule.

    Raises:
        EquationError: the text cannot be read; the message shows the line, a caret and the nearest valid name.
        UnitError: units do not fit.
        ParameterError: a value is of an unknown parameter, NaN, or of the wrong sign.

    Example:
        >>> Hebb = Rule("Hebb", "dx/dt = -x/tau : 1 (pre); tau = 20 ms; a = 0.1", on_pre="x += 1", on_post="w += a*x")
        >>> Hebb(a=0.5).parameters["a"], Hebb.places["x"]
        (0.5, 'pre')
    """

    name: str
    text: str
    on_pre: str = field(default="", kw_only=True)
    on_post: str = field(default="", kw_only=True)
    initial: str = field(default="", kw_only=True)
    doc: str = field(default="", kw_only=True)
    ref: str = field(default="", kw_only=True)
    values: Mapping[str, Value] = field(default_factory=dict[str, Value], kw_only=True)
    definition: RuleDefinition = field(init=False)

    def __post_init__(self) -> None:
        """Read the text and check the values."""
        _check_texts(self.name, {name: getattr(self, name) for name in ("text", *EVENTS, "doc", "ref")})
        definition = _define(self.name, self.text, tuple(getattr(self, event) for event in EVENTS))
        object.__setattr__(self, "definition", definition)
        known = self._parameter_variables()
        for name in self.values:
            if name in ("text", *EVENTS):
                raise ParameterError(f"{self.name}: '{name}' is not a parameter; another {name} makes another Rule")
            if name in definition.variables and name not in known:
                raise ParameterError(f"{self.name}: '{name}' is {definition.variables[name].noun}, not a parameter")
        checked = {name: _checked(self.name, name, value, known) for name, value in self.values.items()}
        for name, variable in known.items():
            if variable.value is not None:
                _checked(self.name, name, variable.value, known)
        object.__setattr__(self, "values", MappingProxyType(checked))

    def _parameter_variables(self) -> dict[str, Variable]:
        return {name: self.definition.variables[name] for name in self.definition.of_kind("parameter")}

    @property
    def parameters(self) -> Mapping[str, Value]:
        """Values of all parameters in coherent units; ``None`` where a required one has not been given."""
        known = self._parameter_variables()
        return MappingProxyType({name: self.values.get(name, variable.value) for name, variable in known.items()})

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states, in the order of the text; ``w`` is among them where it has a line."""
        return self.definition.states

    @property
    def places(self) -> Mapping[str, str]:
        """Place of each state: ``pre``, ``post``, ``synapse`` or ``network``."""
        return MappingProxyType(dict(self.definition.places))

    def unit(self, name: str) -> str:
        """Return the coherent unit of a variable, or of the weight ``w``."""
        variables = self.definition.variables
        if name == WEIGHT:
            return "1"
        if name not in variables:
            raise ParameterError(f"{self.name}: '{name}' is not one of its variables{did_you_mean(name, variables)}")
        return "int" if variables[name].integer else dimension_text(variables[name].dimension)

    def __call__(self, *, name: str | None = None, doc: str | None = None, **parameters: Any) -> "Rule":
        """Return a copy with other parameter values (numbers in coherent units).

        Args:
            name: New name.
            doc: New description.
            **parameters: Values by name.

        Raises:
            ParameterError: the name is no parameter (the nearest is named), or the value is wrong.
        """
        return Rule(
            self.name if name is None else name,
            self.text,
            **{event: getattr(self, event) for event in EVENTS},
            doc=self.doc if doc is None else doc,
            ref=self.ref,
            values={**self.values, **parameters},
        )

    def to_json(self) -> str:
        """Return the rule as one line of JSON, with a schema version."""
        data: dict[str, Any] = {"schema": SCHEMA, "kind": "Rule", "name": self.name, "text": self.text}
        data |= {event: getattr(self, event) for event in EVENTS}
        data |= {"doc": self.doc, "ref": self.ref}
        data["values"] = {name: _to_plain(value) for name, value in sorted(self.values.items())}
        return json.dumps(data, sort_keys=True, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "Rule":
        """Make a rule from ``to_json``'s text; nothing in it is executed.

        Raises:
            ModelError: not JSON, another schema version, an unknown or missing field.
        """
        events, rest = _without_events(text)
        return Rule(**_load(rest, "Rule"), **events)

    def __eq__(self, other: object) -> bool:
        """Rules are equal when their texts and values are."""
        return isinstance(other, Rule) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        """Hash of text and values."""
        return hash(self.to_json())

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by text."""
        return Rule.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        """Show the name and the parameters."""
        return f"{self.name}({', '.join(f'{name}={_short(value)}' for name, value in self.parameters.items())})"

    def __str__(self) -> str:
        """Show all of it: what it is for, its source, its text and its events."""
        lines = [repr(self), *([self.doc] if self.doc else []), *([f"Source: {self.ref}"] if self.ref else []), ""]
        lines += [line.strip() for line in self.text.splitlines() if line.strip()]
        lines += [f"{event}: {text}" for event in EVENTS if (text := getattr(self, event))]
        return "\n".join(lines)


def _without_events(text: str) -> tuple[dict[str, Any], str]:
    """Take the events out of a saved rule; the rest has the fields that every model has."""
    try:
        data: Any = json.loads(text)
        if not isinstance(data, dict):
            return {}, text
        events = {name: data.pop(name) for name in EVENTS if name in data}
        return events, json.dumps(data)
    except (ValueError, TypeError, RecursionError):
        return {}, text  # the reader of the rest says what is wrong with it
