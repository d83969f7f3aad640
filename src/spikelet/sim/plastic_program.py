"""A learning rule as programs: what each spike does, as nodes, and what happens between spikes, as neurons.

Rule -> traces          (pre) states, and (post) states, each as a model that the ordinary compiler steps
-> flow            what a step does to the states of a synapse, as new values over old ones
-> program         the statements of an event as new values over old ones, in their order
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spikelet.backends.numpy_reference import evaluate
from spikelet.errors import ParameterError
from spikelet.ir import simplify as s
from spikelet.ir.integrate import DT
from spikelet.ir.lower import TIME, hoisted, lower, operation
from spikelet.ir.nodes import Node, node, topological
from spikelet.lang.definition import reads
from spikelet.lang.increments import WEIGHT
from spikelet.lang.rule import RuleDefinition
from spikelet.lang.syntax import Assignment, Expr
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.compose import assigned, written

EVENTS = ("on_pre", "on_post")
Units = Mapping[str, str]  # state of a neuron, such as ``v_post`` -> its unit


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

    def values(self, rule: Rule, dt: float) -> dict[str, float | int | np.ndarray]:
        """Return the coefficients as numbers, of which integers stay integers, and arrays."""
        known = {"dt": np.float64(dt)} | {n: np.asarray(v, float) for n, v in rule.parameters.items() if v is not None}
        with np.errstate(all="ignore"):  # a coefficient may be infinite on purpose
            found = evaluate(self.coefficients, known)
        kinds = {"int": int, "real": float}
        return {n: kinds[self.coefficients[n].type](v) if np.ndim(v) == 0 else np.asarray(v) for n, v in found.items()}

    def tables(self, rule: Rule) -> dict[str, str]:
        """Return the coefficients that have a value for each sender (``pre``) or receiver (``post``).

        Raises:
            ParameterError: the statements read one that has a value for each pair of them.
        """
        own = sides(rule)
        found: dict[str, str] = {}
        for name, definition in self.coefficients.items():
            places = {own[n.value] for n in topological([definition]) if n.kind == "parameter" and n.value in own}
            if len(places) > 1:
                raise ParameterError(f"{rule.name}: an event multiplies arrays of both sides, {', '.join(sorted(own))}")
            found |= dict.fromkeys([name], *places) if places else {}
        return found


def sides(rule: Rule) -> dict[str, str]:
    """Return of each parameter that is an array whether it has a value for each sender or for each receiver.

    It is for the senders where a (pre) state needs it, else for the receivers.

    Raises:
        ParameterError: states of both sides need it, or one of the network.
    """
    arrays = [name for name, value in rule.parameters.items() if isinstance(value, np.ndarray)]
    needed = _needed_by(rule) if arrays else {}
    found = {}
    for name in arrays:
        by = {place for place, names in needed.items() if name in names}
        if "network" in by or {"pre", "post"} <= by:
            raise ParameterError(
                f"{rule.name}: parameter '{name}' must be one number, not an array: states of "
                f"{' and '.join(f'({place})' for place in sorted(by - {'synapse'}))} need it"
            )
        if {"pre", "synapse"} <= by:
            raise ParameterError(
                f"{rule.name}: parameter '{name}' must be one number, not an array: a (pre) state and the synapse "
                "need it"
            )
        found[name] = "pre" if "pre" in by else "post"
    return found


def _needed_by(rule: Rule) -> dict[str, set[str]]:
    """Return place -> names that its states depend on; the weight is a synapse's."""
    definition = rule.definition
    places = {**definition.places, WEIGHT: "synapse"}
    found: dict[str, set[str]] = {place: set() for place in ("pre", "post", "synapse", "network")}
    for name, place in definition.places.items():
        found[place] |= _named(_of(definition.variables[name].expr), definition)
    for part in (*definition.initial, *definition.on_pre, *definition.on_post):
        found[places[part.name]] |= _named(part.expr, definition)
    return found


def _named(expr: Expr, definition: RuleDefinition) -> set[str]:
    """Return the names in an expression and in the sub-expressions that it reads."""
    found = set(expr.names())
    for name in tuple(found):
        variable = definition.variables.get(name)
        if variable is not None and variable.kind == "sub":
            found |= _named(_of(variable.expr), definition)
    return found


# --- between spikes ---------------------------------------------------------------------------------------------------


def traces(rule: Rule, place: str, units: Units | None = None) -> Neuron | None:
    """Return the states of a place as a model without spikes, None where there are none.

    States of the neurons, states of other places that those of synapses read, and the weight where it has no line,
    are inputs of the model; ``units`` are those of the first.
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
    given |= {name: (units or {}).get(name, "1") for name in needed & set(definition.partners)}
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


def flow(rule: Rule, units: Units | None = None) -> Program | None:
    """Return what a step does to the states of a synapse, None where it changes none."""
    model = traces(rule, "synapse", units)
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
