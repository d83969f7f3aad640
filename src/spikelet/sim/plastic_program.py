"""A learning rule as programs: what each spike does, as nodes, and what happens between spikes, as neurons.

Rule -> check           what the simulator cannot run is refused, with the place in the text
-> traces          (pre) states, and (post) states, each as a model that the ordinary compiler steps
-> program         the statements of an event as new values over old ones, in their order
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from spikelet.backends.numpy_reference import evaluate
from spikelet.errors import InputError, ModelError, ParameterError, did_you_mean
from spikelet.ir import simplify as s
from spikelet.ir.integrate import DT
from spikelet.ir.lower import TIME, hoisted, lower, operation
from spikelet.ir.nodes import Node, node, topological
from spikelet.lang.definition import reads
from spikelet.lang.increments import WEIGHT
from spikelet.lang.places import side
from spikelet.lang.rule import RuleDefinition, check_units
from spikelet.lang.syntax import Assignment, Expr
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.compose import assigned, written

EVENTS = ("on_pre", "on_post")
_YET = "the simulator cannot run this yet"


@dataclass(frozen=True)
class Program:
    """What a spike does to a synapse and to the states of its side, or a step to the states of a synapse.

    Attributes:
        updates: ``w`` and states -> new value, over states (``w`` and partners among them; those of other places may
            be inputs), coefficients and the time at the start of the step.
        coefficients: Name -> definition over parameters and ``dt``.
    """

    updates: Mapping[str, Node]
    coefficients: Mapping[str, Node]

    @property
    def reads(self) -> set[str]:
        """Names of the states that it reads."""
        return {n.value for n in topological(self.updates.values()) if n.kind in ("state", "input")}

    def values(self, rule: Rule, dt: float) -> dict[str, float | int]:
        """Return the coefficients as numbers, of which integers stay integers."""
        known = {"dt": np.float64(dt)} | {n: np.asarray(v, float) for n, v in rule.parameters.items() if v is not None}
        with np.errstate(all="ignore"):  # a coefficient may be infinite on purpose
            found = evaluate(self.coefficients, known)
        kinds = {"int": int, "real": float}
        return {name: kinds[self.coefficients[name].type](value) for name, value in found.items()}


# --- what can be run --------------------------------------------------------------------------------------------------


def check(name: str, rule: object, post: Iterable[Neuron]) -> None:
    """Check that the simulator can run a rule on a projection.

    Args:
        name: Of the projection, for messages.
        rule: What the user gave.
        post: Models of the populations that receive.

    Raises:
        InputError: it is no rule, or a population lacks what the rule needs.
        ParameterError: a parameter has no value, or one for each neuron.
        ModelError: the rule has a meaning, but the simulator cannot run it yet; the message shows where.
        UnitError: units of rule and neurons do not fit.
    """
    if not isinstance(rule, Rule):
        raise InputError(f"{name}: expected a Rule such as rules.STDP, got {rule!r}"[:200])
    for parameter, value in rule.parameters.items():
        if value is None:
            raise ParameterError(f"{name}: {rule.name} needs a value for '{parameter}': {rule.name}({parameter}=...)")
        if np.ndim(value):
            raise ParameterError(f"{name}: parameter '{parameter}' of {rule.name} must be one number, got an array")
    _check_lines(rule.definition)
    for model in post:
        if not model.spiking and rule.definition.on_post:
            raise InputError(f"{name}: {model.name} has no threshold, so on_post= of {rule.name} would never run")
        _check_partners(rule, model)


def _check_lines(definition: RuleDefinition) -> None:
    exprs = [v.expr for v in definition.variables.values() if v.expr is not None]
    exprs += [part.expr for part in (*definition.on_pre, *definition.on_post)]
    for expr in exprs:
        for found in expr.nodes():
            drawn = found.op == "call" and found.value in ("uniform", "normal")
            if drawn or (found.op == "name" and found.value == "xi"):
                found.fail(f"{_YET}: a rule with random numbers", ModelError)
            if found.op == "name" and found.value in definition.partners and side(str(found.value)) == "pre":
                found.fail(f"{_YET}: '{found.value}' is read, the sending neuron's as of arrival", ModelError)
    for name, place in definition.places.items():
        read = reads(_of(definition.variables[name].expr), definition.variables)
        foreign = read & set(definition.partners)
        if place in ("pre", "post"):
            foreign |= {other for other in read if definition.places.get(other) == "network"}
        for other in sorted(foreign):
            message = f"'{name}' flows by '{other}', which only events may read"
            definition.lines[name].fail(f"{_YET}: {message}", ModelError)


def _check_partners(rule: Rule, model: Neuron) -> None:
    known = model.definition.variables
    for partner in rule.definition.partners:
        state = partner.removesuffix("_post")
        if state not in model.states:
            what = f"which is {known[state].noun}" if state in known else "which it does not have"
            near = did_you_mean(state, model.states)
            _place_of(partner, rule.definition).fail(
                f"'{partner}' stands for the state '{state}' of {model.name}, {what}{near}", ModelError
            )
    check_units(rule.definition, {p: known[p.removesuffix("_post")].dimension for p in rule.definition.partners})


def _place_of(name: str, definition: RuleDefinition) -> Expr:
    exprs = [part.expr for part in (*definition.on_pre, *definition.on_post)]
    exprs += [v.expr for v in definition.variables.values() if v.expr is not None]
    return next(found for expr in exprs for found in expr.nodes() if found.value == name)


# --- between spikes ---------------------------------------------------------------------------------------------------


def traces(rule: Rule, place: str) -> Neuron | None:
    """Return the states of a place as a model without spikes, None where there are none.

    States of other places that those of synapses read, and the weight where it has no line, are inputs of the model.
    """
    definition = rule.definition
    states = [name for name, own in definition.places.items() if own == place]
    if not states:
        return None
    needed = set(states)
    starts = [part for part in definition.initial if part.name in states]
    for expr in [_of(definition.variables[name].expr) for name in states] + [part.expr for part in starts]:
        needed |= reads(expr, definition.variables)
    given = {name: rule.unit(name) for name in needed & {*definition.places, WEIGHT} if name not in states}
    lines = [f"{name} : {unit} (input)" for name, unit in sorted(given.items())]
    lines += [written(line) for name, line in definition.lines.items() if name in needed and name not in given]
    return Neuron(
        f"{rule.name[:90].rstrip()}, {place}",
        "\n".join(lines),
        initial="; ".join(assigned(part, {}) for part in starts),
        values={name: value for name, value in rule.values.items() if name in needed},
    )


def _of(expr: Expr | None) -> Expr:
    assert expr is not None  # states have right sides
    return expr


def flow(rule: Rule) -> Program | None:
    """Return what a step does to the states of a synapse, None where it changes none."""
    model = traces(rule, "synapse")
    if model is None:
        return None
    step = lower(model)
    updates = {n: new for n, new in step.updates.items() if n in rule.states and (new.kind, new.value) != ("state", n)}
    return Program(updates, step.coefficients) if updates else None


# --- at a spike -------------------------------------------------------------------------------------------------------


def program(rule: Rule, event: str) -> Program:
    """Return what an event does: its statements in their order, each reading what the earlier ones wrote."""
    parts: tuple[Assignment, ...] = getattr(rule.definition, event)
    reader = _Reader(rule.definition)
    values: dict[str, Node] = {}
    for part in parts:
        value = reader.read(part.expr, values)
        values[part.name] = s.integer(value) if reader.type_of(part.name) == "int" else s.real(value)
    updates, _, coefficients = hoisted(values, None)
    return Program(updates, coefficients)


class _Reader:
    """Turns the expressions of events into nodes."""

    def __init__(self, definition: RuleDefinition):
        self.definition = definition
        self.parts: dict[object, Node] = {}  # sub-expressions that have been read

    def type_of(self, name: str) -> str:
        """Return the type of a variable; the weight and states of neurons are real."""
        variable = self.definition.variables.get(name)
        return "int" if variable is not None and variable.integer else "real"

    def read(self, expr: Expr, written: Mapping[str, Node]) -> Node:
        """Turn an expression into a node; ``written`` are the new values of states so far."""
        if expr.op == "number":
            return s.const(expr.value)  # type: ignore[arg-type]  # numbers hold numbers
        if expr.op == "name":
            return self._name(str(expr.value), written)
        return operation(expr, [self.read(arg, written) for arg in expr.args])

    def _name(self, name: str, written: Mapping[str, Node]) -> Node:
        if name in written:
            return written[name]
        if name in ("t", "dt"):  # events are at the end of the step
            return s.add(TIME, DT) if name == "t" else DT
        variable = self.definition.variables.get(name)
        if variable is None or variable.kind in ("flow", "map"):
            return node("state", value=name, type_=self.type_of(name))
        if variable.kind == "parameter":
            return node("parameter", value=name, type_=self.type_of(name))
        key = (name, *written.values())  # read once for each set of values, or a tower of them would take for ever
        if key not in self.parts:
            self.parts[key] = self.read(_of(variable.expr), written)
        return self.parts[key]
