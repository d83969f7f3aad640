"""Models as data: ``Neuron`` and ``Surrogate``, frozen, specialised by calling, printable and serialisable.

A model holds the user's text and the values of its parameters, nothing else; what the text means is read from it
once, when the object is made, so that every mistake is an error at once.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from spikelet.errors import ModelError, did_you_mean
from spikelet.lang import latex
from spikelet.lang.definition import Definition, define, slope
from spikelet.lang.syntax import Expr
from spikelet.lang.variables import Variable
from spikelet.units import ONE
from spikelet.written import Value, Written, checked, short

METHODS = ("exact", "exponential_euler", "euler", "heun", "rk4")
EVENTS = ("threshold", "reset", "refractory", "on_recovery", "initial")


@functools.lru_cache(maxsize=1024)
def _define(name: str, text: str, events: tuple[str, ...]) -> Definition:
    return define(name, text, dict(zip(EVENTS, events, strict=True)))


@dataclass(frozen=True, eq=False, repr=False)
class Neuron(Written):
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

    EVENTS = EVENTS
    OPTIONS = ("method", "reset_gradient")

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
        self._check_texts()
        if self.method is not None and self.method not in METHODS:
            near = did_you_mean(str(self.method), METHODS)
            raise ModelError(f"{self.name}: method '{self.method}' is none of {', '.join(METHODS)}{near}")
        if self.reset_gradient not in (True, False):
            raise ModelError(f"{self.name}: reset_gradient must be True or False, got {self.reset_gradient!r}")
        definition = _define(self.name, self.text, tuple(getattr(self, event) for event in EVENTS))
        object.__setattr__(self, "definition", definition)
        self._check_values(definition.variables)

    def _parameter_variables(self) -> dict[str, Variable]:
        variables = self.definition.variables
        found = {name: variables[name] for name in self.definition.of_kind("parameter")}
        if self.spiking and "surrogate_scale" not in variables:
            found["surrogate_scale"] = Variable("surrogate_scale", "parameter", "1", ONE, value=1)
        return found

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
        return self._unit_of(name, variables)

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
        return self.changed(
            name=self.name if name is None else name,
            method=self.method if method is None else method,
            reset_gradient=self.reset_gradient if reset_gradient is None else reset_gradient,
            doc=self.doc if doc is None else doc,
            values={**self.values, **parameters},
        )

    def __repr__(self) -> str:
        """Show the name and the parameters."""
        shown = [f"{name}={short(value)}" for name, value in self.parameters.items() if name != "surrogate_scale"]
        return f"{self.name}({', '.join(shown)})"

    def _repr_latex_(self) -> str:
        return latex.model(self.definition)


@dataclass(frozen=True, eq=False, repr=False)
class Surrogate(Written):
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
        self._check_texts()
        expr, known = _slope(self.name, self.text)
        object.__setattr__(self, "expr", expr)
        object.__setattr__(self, "_known", known)
        found = {name: checked(self.name, name, value, known) for name, value in self.values.items()}
        object.__setattr__(self, "values", MappingProxyType(found))

    def _parameter_variables(self) -> Mapping[str, Variable]:
        return self._known

    def __call__(self, **parameters: float) -> "Surrogate":
        """Return a copy with other parameter values."""
        return self.changed(values={**self.values, **parameters})


@functools.lru_cache(maxsize=256)
def _slope(name: str, text: str) -> tuple[Expr, Mapping[str, Variable]]:
    return slope(name, text)
