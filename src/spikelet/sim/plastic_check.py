"""What the simulator can run of a learning rule, checked when a projection is described."""

from collections.abc import Sequence

import numpy as np

from spikelet.backends import rule_bounds
from spikelet.errors import InputError, ModelError, ParameterError, did_you_mean
from spikelet.ir.rule_program import EVENTS, program, sides
from spikelet.lang.definition import reads
from spikelet.lang.places import side
from spikelet.lang.rule import RuleDefinition, check_units
from spikelet.lang.syntax import Expr
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.distributions import Distribution
from spikelet.synapse import Synapse
from spikelet.written import as_numbers

_YET = "the simulator cannot run this yet"
_WHO = {"pre": "send", "post": "receive"}


def check(name: str, rule: object, pre: object, post: Sequence[Neuron], sizes: tuple[int, int]) -> None:
    """Check that the simulator can run a rule on a projection.

    Args:
        name: Of the projection, for messages.
        rule: What the user gave.
        pre: Model of what sends, or a source.
        post: Models of the populations that receive.
        sizes: Number of neurons that send, and that receive.

    Raises:
        InputError: it is no rule, or a population lacks what the rule needs.
        ParameterError: a parameter has no value, or the wrong number of values.
        ModelError: the rule has a meaning, but the simulator cannot run it yet; the message shows where.
        UnitError: units of rule and neurons do not fit.
    """
    if not isinstance(rule, Rule):
        raise InputError(f"{name}: expected a Rule such as rules.STDP, got {rule!r}"[:200])
    for parameter, value in rule.parameters.items():
        if value is None:
            raise ParameterError(f"{name}: {rule.name} needs a value for '{parameter}': {rule.name}({parameter}=...)")
    _check_arrays(name, rule, sizes)
    _check_lines(rule.definition)
    for model in post:
        if not model.spiking and rule.definition.on_post:
            raise InputError(f"{name}: {model.name} has no threshold, so on_post= of {rule.name} would never run")
        _check_partners(rule, model, "post")
    if isinstance(pre, Neuron):
        if not pre.spiking and rule.definition.on_pre:
            raise InputError(f"{name}: {pre.name} has no threshold, so on_pre= of {rule.name} would never run")
        _check_partners(rule, pre, "pre")
    elif any(side(partner) == "pre" for partner in rule.definition.partners):
        partner = next(partner for partner in rule.definition.partners if side(partner) == "pre")
        raise InputError(f"{name}: {rule.name} reads '{partner}', but a source sends, which has no states")


def warn_of_weights(name: str, rule: Rule, weight: object, pre: object, post: Sequence[Neuron]) -> None:
    """Warn of weights beyond the bounds of a rule, as far as their range is known before they are drawn."""
    if isinstance(weight, Distribution):
        given = np.array([weight.low, weight.high])
    else:
        given = None if isinstance(weight, str) else as_numbers(weight)
    if given is None or not np.isfinite(given).all():
        return
    models = {"pre": pre, "post": next(iter(post), None)}
    partners = {n: models[side(n)] for n in rule.definition.partners}
    units = {n: m.unit(n.removesuffix(f"_{side(n)}")) for n, m in partners.items() if isinstance(m, Neuron)}
    least, most = float(given.min()), float(given.max())
    rule_bounds.warn_of_weights(
        name, rule_bounds.weight_bounds(rule, units), least, most, stacklevel=3
    )  # who calls connect


def check_fraction(name: str, rule: object, fraction: object, synapse: Synapse | None) -> None:
    """Check the share of the delay that lies behind the synapse.

    Raises:
        InputError: it is no share, or the projection does not learn, or its synapses act all the time.
    """
    if isinstance(fraction, bool) or not isinstance(fraction, int | float | np.number) or not 0 <= fraction <= 1:
        raise InputError(f"{name}: dendritic_fraction must be a number from 0 to 1, got {fraction!r}"[:200])
    if fraction and rule is None:
        raise InputError(
            f"{name}: dendritic_fraction={fraction:g} tells where on its way a spike meets a synapse that learns, but "
            "there is no rule="
        )
    if fraction and synapse is not None and synapse.coupling is not None:
        raise InputError(f"{name}: dendritic_fraction={fraction:g} is for spikes, but {synapse.name} acts all the time")


def _check_arrays(name: str, rule: Rule, sizes: tuple[int, int]) -> None:
    found = sides(rule)
    counts: dict[str, int] = {"pre": sizes[0], "post": sizes[1]}
    for parameter, place in found.items():
        size = np.asarray(rule.parameters[parameter]).shape
        if size != (counts[place],):
            raise ParameterError(
                f"{name}: parameter '{parameter}' of {rule.name} has shape {size}; expected one number, or one for "
                f"each of the {counts[place]} neurons that {_WHO[place]}"
            )
    for event in EVENTS if found else ():
        program(rule, event).tables(rule)


def _check_lines(definition: RuleDefinition) -> None:
    events = [part.expr for part in (*definition.on_pre, *definition.on_post)]
    for expr in events:
        _refuse_draws(expr, definition, "events with random numbers")
    for name, place in definition.places.items():
        expr = definition.variables[name].expr
        read = reads(expr, definition.variables) if expr is not None else set()
        if place != "synapse" and expr is not None:
            _refuse_draws(expr, definition, f"random numbers in a ({place}) state")
        foreign = {other for other in read if definition.places.get(other) == "network" and place in ("pre", "post")}
        for other in sorted(foreign):
            message = f"'{name}' flows by '{other}', which only events may read"
            definition.lines[name].fail(f"{_YET}: {message}", ModelError)


def _refuse_draws(expr: Expr, definition: RuleDefinition, what: str) -> None:
    """Refuse random numbers in an expression, and in the sub-expressions that it reads."""
    for found in expr.nodes():
        variable = definition.variables.get(str(found.value)) if found.op == "name" else None
        if variable is not None and variable.kind == "sub" and variable.expr is not None:
            _refuse_draws(variable.expr, definition, what)
        if (found.op == "call" and found.value in ("uniform", "normal")) or (
            found.op == "name" and found.value == "xi"
        ):
            found.fail(f"{_YET}: {what}", ModelError)


def _check_partners(rule: Rule, model: Neuron, own: str) -> None:
    """Check the states of the neurons of one side that a rule reads."""
    known, definition = model.definition.variables, rule.definition
    partners = [partner for partner in definition.partners if side(partner) == own]
    for partner in partners:
        state = partner.removesuffix(f"_{own}")
        if state not in model.states:
            what = f"which is {known[state].noun}" if state in known else "which it does not have"
            near = did_you_mean(state, model.states)
            message = f"'{partner}' stands for the state '{state}' of {model.name}, {what}{near}"
            _place_of(partner, definition).fail(message, ModelError)
        if known[state].integer:
            _place_of(partner, definition).fail(f"{_YET}: '{state}' of {model.name} is an integer", ModelError)
    check_units(definition, {partner: known[partner.removesuffix(f"_{own}")].dimension for partner in partners})


def _place_of(name: str, definition: RuleDefinition) -> Expr:
    exprs = [part.expr for part in (*definition.on_pre, *definition.on_post)]
    exprs += [v.expr for v in definition.variables.values() if v.expr is not None]
    return next(found for expr in exprs for found in expr.nodes() if found.value == name)
