"""The checked meaning of a learning rule's text: where each state is kept, and what each spike changes.

The text is that of a synapse (``lang.synapse``), but for the weight: here ``w`` is a plain number, one for each
synapse, which ``on_pre`` and ``on_post`` may set. A spike of the sending neuron sets what is kept for it and for its
synapses; so does one of the receiving neuron. Neither sets what belongs to the other side.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from spikelet.errors import EquationError, UnitError, did_you_mean
from spikelet.lang import dimensions, parser
from spikelet.lang.definition import check_line, event_statements
from spikelet.lang.functions import ONLY_RELEASED
from spikelet.lang.increments import WEIGHT
from spikelet.lang.places import (
    FLAGS,
    PLACES,
    Placed,
    check_reads,
    dimensions_of,
    partners_in,
    places_read,
    readable,
    side,
)
from spikelet.lang.syntax import Assignment, Expr, Statement
from spikelet.lang.variables import declared_variables, is_integer, ordered, resolve
from spikelet.units import ONE, Dimension

_SIDE = {"on_pre": "pre", "on_post": "post"}  # event -> place of the states that it sets, beside those of synapses
_NEURON = {"pre": "sending", "post": "receiving"}


@dataclass(frozen=True, slots=True)
class RuleDefinition(Placed):
    """A rule's text, checked.

    Attributes:
        on_post: Statements run when the receiving neuron has fired.
    """

    on_post: tuple[Assignment, ...]


def define(owner: str, text: str, on_pre: str, on_post: str, initial: str) -> RuleDefinition:
    """Parse and check a rule's text and events.

    Args:
        owner: Name of the rule, for messages.
        text: Its equations.
        on_pre: Statements run when a spike arrives.
        on_post: Statements run when the receiving neuron has fired.
        initial: Statements that set the initial state.

    Raises:
        EquationError: the text cannot be read, or a name is not defined or stands where it has no meaning.
        UnitError: units do not fit.
    """
    lines = parser.statements(owner, text)
    _check_lines(lines)
    declared = declared_variables(lines, FLAGS)
    events = {
        event: parser.assignments(owner, event, given, {*declared, WEIGHT})
        for event, given in (("on_pre", on_pre), ("on_post", on_post))
    }
    exprs = [line.expr for line in lines if line.expr is not None]
    partners = partners_in(exprs, [part for parts in events.values() for part in parts], declared)
    variables = ordered(owner, declared, readable(partners))
    places = {line.name: (*line.flags, "synapse")[0] for line in lines if line.kind in ("flow", "map")}
    found = RuleDefinition(
        variables=variables,
        lines={line.name: line for line in lines},
        places=places,
        kept=places_read(variables, places, partners),
        on_pre=(),
        on_post=(),
        initial=event_statements(owner, "initial", initial, variables, dimensions_of(variables)),
        partners=partners,
    )
    _check_places(found)
    resolved = {event: tuple(_resolved(event, part, found) for part in parts) for event, parts in events.items()}
    found = replace(found, on_pre=resolved["on_pre"], on_post=resolved["on_post"])
    _check_learns(owner, found)
    check_units(found, {})
    return found


def _check_lines(lines: Iterable[Statement]) -> None:
    for line in lines:
        if line.kind == "input":
            line.fail("a rule has no inputs; it reads 'w' and the states of the two neurons, such as 'v_post'")
        if line.name == WEIGHT and (
            line.kind not in ("flow", "map") or set(line.flags) - {"synapse"} or line.unit == "int"
        ):
            line.fail(
                "'w' is the weight of each synapse: a rule sets it in on_pre= and on_post=, or by 'dw/dt = ... : 1' or "
                "'w[k+1] = ... : 1'"
            )
        if sum(flag in PLACES for flag in line.flags) > 1:
            line.fail(f"'{line.name}' has two places; it is kept in one of {', '.join(f'({p})' for p in PLACES)}")
        _check_spike(line.expr)


def _check_spike(expr: Expr | None) -> None:
    for node in expr.nodes() if expr is not None else ():
        if node.op == "name" and node.value == "spike":
            node.fail(
                "a rule has no 'spike'; on_pre= runs at each spike that arrives, on_post= at each of the receiver"
            )
        if node.op == "call" and node.value == "binomial":
            node.fail(ONLY_RELEASED)


def _check_places(definition: RuleDefinition) -> None:
    places, kept = definition.places, definition.kept
    for name, variable in definition.variables.items():
        if variable.kind in ("flow", "map") and variable.expr is not None:
            check_reads(variable.expr, name, places[name], kept)
    for part in definition.initial:
        if part.name == WEIGHT:
            part.fail("'w' is the weight, which a projection gives; a rule does not set it at the start")
        check_reads(part.expr, part.name, places[part.name], kept)


def _resolved(event: str, part: Assignment, definition: RuleDefinition) -> Assignment:
    """Check the target of a statement of an event, and resolve its names."""
    variables, places = definition.variables, definition.places
    target, place = variables.get(part.name), places.get(part.name, "")
    if part.name in definition.partners:
        neuron = _NEURON[side(part.name)]
        part.fail(f"'{part.name}' belongs to the {neuron} neuron, which a rule does not change")
    if part.name != WEIGHT and part.name not in places:
        what = f"is {target.noun}, not a state" if target else "is not a state"
        part.fail(f"'{part.name}' {what}{did_you_mean(part.name, [WEIGHT, *places])}")
    if place == "network":
        part.fail(f"'{part.name}' is kept once for the network: no spike sets it, the program does")
    if place in _NEURON and place != _SIDE[event]:
        own = next(name for name in _SIDE if name != event)
        part.fail(f"'{part.name}' is kept for each {_NEURON[place]} neuron, whose spikes set it in {own}=")
    _check_spike(part.expr)
    expr = resolve(part.expr, variables, readable(definition.partners)["sub"])
    if target is not None and target.integer and not is_integer(expr, variables):
        expr.fail(f"'{part.name}' is an integer, but this may not be: use //, floor() or round()")
    if place in _NEURON:
        check_reads(expr, part.name, place, definition.kept)
    return replace(part, expr=expr)


def _check_learns(owner: str, definition: RuleDefinition) -> None:
    changed = {part.name for part in (*definition.on_pre, *definition.on_post)} | set(definition.variables)
    if WEIGHT not in changed:
        raise EquationError(
            f'{owner}: the weight never changes; expected a statement such as on_post="w += a_plus*x_pre"'
        )


def check_units(definition: RuleDefinition, neurons: Mapping[str, Dimension]) -> None:
    """Check all units.

    Args:
        definition: The rule.
        neurons: Dimension of each state of the neurons that is known, such as ``v_post``.

    Raises:
        UnitError: units do not fit.
    """
    names: dict[str, Dimension | None] = {**dimensions_of(definition.variables)}
    if names.setdefault(WEIGHT, ONE) != ONE:
        definition.lines[WEIGHT].fail("in a rule the weight is a plain number: write 'dw/dt = ... : 1'", UnitError)
    names |= {name: neurons.get(name) for name in ("v_pre", "v_post", *definition.partners)}
    for line in definition.lines.values():
        check_line(line, definition.variables, names)
    for part in (*definition.on_pre, *definition.on_post):
        target = names[part.name]
        assert target is not None  # partners, whose unit may be unknown, are never set
        dimensions.require(part.expr, names, target, f"'{part.name}'")
