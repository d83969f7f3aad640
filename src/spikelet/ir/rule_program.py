"""A learning rule as programs: what each spike does, as nodes, and what happens between spikes, as neurons.

Rule -> traces          (pre) states, and (post) states, each as a model that the ordinary compiler steps
     -> flow            what a step does to the states of a synapse, as new values over old ones
     -> program         the statements of an event as new values over old ones, in their order
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spikelet.errors import ParameterError
from spikelet.ir.lower import hoisted, lower
from spikelet.ir.nodes import Node, topological
from spikelet.ir.statements import Reader
from spikelet.lang.definition import reads
from spikelet.lang.increments import WEIGHT
from spikelet.lang.rename import assigned, written
from spikelet.lang.rule import RuleDefinition
from spikelet.lang.syntax import Assignment, Expr
from spikelet.model import Neuron
from spikelet.rule import Rule

EVENTS = ("on_pre", "on_post")
BOUNDS = ("clip", "min", "max")  # functions that bound a value
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
        return {str(n.value) for n in topological(self.updates.values()) if n.kind in ("state", "input")}

    def tables(self, rule: Rule) -> dict[str, str]:
        """Return the coefficients that have a value for each sender (``pre``) or receiver (``post``).

        Raises:
            ParameterError: the statements read one that has a value for each pair of them.
        """
        own = sides(rule)
        found: dict[str, str] = {}
        for name, definition in self.coefficients.items():
            places = {own[str(n.value)] for n in topological([definition]) if n.kind == "parameter" and n.value in own}
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
    found: dict[str, str] = {}
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
    updates, _, coefficients = hoisted(Reader(rule.definition.variables).run(parts, {}), None)
    return Program(updates, coefficients)


def bounded(value: Node) -> tuple[Node, Node | None, Node | None]:
    """Take the bounds off a new value, as far as they are parameters: ``clip(w + d, low, high)`` -> w + d, low, high.

    What has a bound that changes, or a second one on the same side, is returned as it is from there on.
    """
    bounds: dict[str, Node] = {}
    while value.kind == "call" and value.value in BOUNDS:
        if value.value == "clip":
            inner, *new = value.args
            given = dict(zip(("max", "min"), new, strict=True))
        else:
            fixed = [arg for arg in value.args if arg.kind in ("const", "coefficient")]
            other = [arg for arg in value.args if arg.kind not in ("const", "coefficient")]
            if len(fixed) != 1 or len(other) != 1:
                break
            given, inner = {value.value: fixed[0]}, other[0]
        if given.keys() & bounds.keys() or any(node.kind not in ("const", "coefficient") for node in given.values()):
            break
        bounds |= given
        value = inner
    return value, bounds.get("max"), bounds.get("min")
