"""The checked meaning of a synapse's text: which state is kept where, and what is done when a spike arrives.

The text is that of a neuron, with a place for each state, and names that need no line: ``w``, the weight, and the
states of the two neurons, ``v_pre`` and ``v_post``. Their units are not known before the neurons are; until then they
fit every unit, and ``check_units`` checks again once they are known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from spikelet.errors import EquationError, ModelError, did_you_mean
from spikelet.lang import dimensions, parser
from spikelet.lang.definition import check_line, event_statements
from spikelet.lang.increments import WEIGHT, factor, inlined
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
from spikelet.lang.variables import Variable, declared_variables, is_integer, ordered, resolve
from spikelet.units import ONE, Dimension, times

OUT = "out"


@dataclass(frozen=True, slots=True)
class SynapseDefinition(Placed):
    """A synapse's text, checked.

    Attributes:
        weight: Dimension of ``w``; ``None`` where the neurons decide.
    """

    weight: Dimension | None


def define(owner: str, text: str, on_pre: str, initial: str) -> SynapseDefinition:
    """Parse and check a synapse's text and events.

    Args:
        owner: Name of the synapse, for messages.
        text: Its equations.
        on_pre: Statements run when a spike arrives.
        initial: Statements that set the initial state.

    Raises:
        EquationError: the text cannot be read, or a name is not defined or stands where it has no meaning.
        UnitError: units do not fit.
    """
    lines = parser.statements(owner, text)
    _check_lines(lines)
    declared = declared_variables(lines, FLAGS)
    parts = parser.assignments(owner, "on_pre", on_pre, set(declared))
    partners = partners_in([line.expr for line in lines if line.expr is not None], parts, declared)
    variables = ordered(owner, declared, readable(partners))
    places = {line.name: (*line.flags, "synapse")[0] for line in lines if line.kind in ("flow", "map")}
    found = SynapseDefinition(
        variables=variables,
        lines={line.name: line for line in lines},
        places=places,
        kept=places_read(variables, places, partners),
        on_pre=tuple(_resolved(part, variables, places, partners) for part in parts),
        initial=event_statements(owner, "initial", initial, variables, dimensions_of(variables)),
        partners=partners,
        weight=None,
    )
    _check_places(found)
    _check_delivery(owner, found)
    return replace(found, weight=check_units(found, {}))


def _check_lines(lines: Iterable[Statement]) -> None:
    for line in lines:
        if line.kind == "input":
            line.fail("a synapse has no inputs; it reads 'w' and the states of its neurons, such as 'v_post'")
        if line.name == WEIGHT:
            line.fail("'w' is the weight, which a projection gives; choose another name")
        if line.name == OUT and line.kind != "sub":
            line.fail("'out' is what the neuron receives: write 'out = g*(E_rev - v_post) : pA'")
        if sum(flag in PLACES for flag in line.flags) > 1:
            line.fail(f"'{line.name}' has two places; it is kept in one of {', '.join(f'({p})' for p in PLACES)}")
        _check_spike(line.expr)


def _check_spike(expr: Expr | None) -> None:
    for node in expr.nodes() if expr is not None else ():
        if node.op == "name" and node.value == "spike":
            node.fail("a synapse has no 'spike'; on_pre= runs at each spike that arrives")


def _resolved(
    part: Assignment, variables: Mapping[str, Variable], places: Mapping[str, str], partners: tuple[str, ...]
) -> Assignment:
    """Check the target of a statement of ``on_pre``, and resolve its names."""
    target = variables.get(part.name)
    if part.name == WEIGHT:
        part.fail("a synapse does not change its weight 'w'; a learning rule does")
    if part.name in partners and side(part.name) == "pre":
        part.fail(f"'{part.name}' belongs to the sending neuron, which a synapse does not change")
    if part.name not in places and part.name not in partners:
        what = f"is {target.noun}, not a state" if target else "is not a state"
        part.fail(f"'{part.name}' {what}{did_you_mean(part.name, [*places, 'v_post'])}")
    _check_spike(part.expr)
    expr = resolve(part.expr, variables, readable(partners)["sub"])
    if target is not None and target.integer and not is_integer(expr, variables):
        expr.fail(f"'{part.name}' is an integer, but this may not be: use //, floor() or round()")
    return replace(part, expr=expr)


def _check_places(definition: SynapseDefinition) -> None:
    """Check that nothing reads what has another value elsewhere: a state of the receiver reads none of the sender."""
    kept, places = definition.kept, definition.places
    for name, variable in definition.variables.items():
        if variable.kind in ("flow", "map") and variable.expr is not None:
            check_reads(variable.expr, name, places[name], kept)
    for part in definition.initial:
        check_reads(part.expr, part.name, places[part.name], kept)
    for part in definition.on_pre:
        if places.get(part.name) == "pre":
            check_reads(part.expr, part.name, "pre", kept)


def _check_delivery(owner: str, definition: SynapseDefinition) -> None:
    """Check that the synapse does something to its neuron."""
    jumps = any(part.name in definition.partners for part in definition.on_pre)
    if OUT not in definition.variables and not jumps:
        raise EquationError(
            f"{owner}: nothing reaches the neuron; expected a line such as 'out = g*(E_rev - v_post) : pA'"
        )


def check_units(definition: SynapseDefinition, neurons: Mapping[str, Dimension]) -> Dimension | None:
    """Check all units, and return the dimension of the weight (``None`` where it cannot be told yet).

    Args:
        definition: The synapse.
        neurons: Dimension of each state of the neurons that is known, such as ``v_post``.

    Raises:
        UnitError: units do not fit.
    """
    names: dict[str, Dimension | None] = {**dimensions_of(definition.variables), WEIGHT: None}
    names |= {name: neurons.get(name) for name in ("v_pre", "v_post", *definition.partners)}
    weight = names[WEIGHT] = _weight(definition, names)
    for line in definition.lines.values():
        check_line(line, definition.variables, names)
    for part in definition.on_pre:
        target = names[part.name]
        if target is None:
            dimensions.number_of(part.expr, names)
        else:
            dimensions.require(part.expr, names, target, f"'{part.name}'")
    return weight


def _weight(definition: SynapseDefinition, names: Mapping[str, Dimension | None]) -> Dimension | None:
    """Return the dimension of the weight: that of what it is added to, over that of what it is multiplied with."""
    assumed: Dimension | None = None  # where it is nowhere added: that of a state which it sets
    for part in definition.on_pre:
        target = names[part.name]
        if target is None or WEIGHT not in inlined(part.expr, definition.variables).names():
            continue
        try:
            multiple = factor(part, definition.variables)
        except ModelError:
            assumed = target if assumed is None else assumed
            continue
        found = ONE if multiple is None else dimensions.number_of(multiple, names)
        return target if found is None else times(target, found, -1.0)
    return assumed
