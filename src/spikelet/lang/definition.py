"""The checked meaning of a model's text: its variables and events, every name and unit right."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from spikelet.errors import EquationError, UnitError, did_you_mean
from spikelet.lang import dimensions, parser
from spikelet.lang.functions import DRAWS, ONLY_RELEASED
from spikelet.lang.syntax import Assignment, Expr, Statement
from spikelet.lang.variables import Variable, constant, declared_variables, is_integer, ordered, resolve
from spikelet.units import ONE, TIME, Dimension, power, times

_XI = power(TIME, -0.5)


@dataclass(frozen=True, slots=True)
class Definition:
    """A model's text, checked.

    Attributes:
        variables: Every variable by name, in the order of the text; sub-expressions stand after what they read.
        threshold: Condition of a spike, or ``None``.
        reset: Statements run at a spike.
        refractory: ``("duration", expr)``, ``("condition", expr)`` or ``None``.
        on_recovery: Statements run when refractoriness ends.
        initial: Statements that set the initial state.
    """

    variables: Mapping[str, Variable]
    threshold: Expr | None
    reset: tuple[Assignment, ...]
    refractory: tuple[str, Expr] | None
    on_recovery: tuple[Assignment, ...]
    initial: tuple[Assignment, ...]

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """Return the names of the variables of these kinds, in the order of the text."""
        return tuple(name for name, variable in self.variables.items() if variable.kind in kinds)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states."""
        return self.of_kind("flow", "map")

    @property
    def expressions(self) -> tuple[Expr, ...]:
        """All right sides and conditions of the model."""
        found = [variable.expr for variable in self.variables.values() if variable.expr is not None]
        found += [part.expr for part in (*self.reset, *self.on_recovery, *self.initial)]
        found += [self.threshold] if self.threshold is not None else []
        found += [self.refractory[1]] if self.refractory is not None else []
        return tuple(found)


def define(owner: str, text: str, events: Mapping[str, str]) -> Definition:
    """Parse and check a neuron's text and events.

    Args:
        owner: Name of the model, for messages.
        text: Its equations.
        events: Texts of ``threshold``, ``reset``, ``refractory``, ``on_recovery`` and ``initial``.

    Raises:
        EquationError: the text cannot be read or a name is not defined.
        UnitError: units do not fit.
    """
    lines = parser.statements(owner, text)
    if not any(line.kind in ("flow", "map") for line in lines) and not events["threshold"].strip():
        raise EquationError(f"{owner}: the text has no state; expected a line such as 'dv/dt = (I - v)/tau : 1'")
    variables = ordered(owner, declared_variables(lines))
    names = {name: variable.dimension for name, variable in variables.items()} | {"t": TIME, "dt": TIME, "spike": ONE}
    for line in lines:
        check_line(line, variables, names)
    declared = set(names)
    text = events["threshold"]
    threshold = parser.condition(owner, "threshold", text, declared) if text.strip() else None
    definition = Definition(
        variables,
        None if threshold is None else resolve(threshold, variables, ("t", "dt")),
        event_statements(owner, "reset", events["reset"], variables, names),
        _refractory(owner, events["refractory"], variables, names),
        event_statements(owner, "on_recovery", events["on_recovery"], variables, names),
        event_statements(owner, "initial", events["initial"], variables, names),
    )
    if definition.threshold is not None:
        dimensions.require_condition(definition.threshold, names)
    _check_events(owner, definition)
    for expr in definition.expressions:
        for node in expr.nodes() if "binomial" in expr.calls() else ():
            if node.op == "call" and node.value == "binomial":
                node.fail(ONLY_RELEASED)
    return definition


def slope(owner: str, text: str) -> tuple[Expr, dict[str, Variable]]:
    """Parse and check a surrogate's text: ``ds/dx = ...`` over ``x``, then the parameters with their values.

    Raises:
        EquationError: the text cannot be read or a name is not defined.
        UnitError: units do not fit.
    """
    expr, lines = parser.slope(owner, text)
    parameters = declared_variables(lines)
    for line in lines:
        if line.kind != "parameter" or line.name == "x":
            line.fail("after 'ds/dx = ...' a surrogate has parameters only, such as 'alpha = 2'")
    distance = Variable("x", "input", "1", ONE)
    expr = _real(resolve(expr, {**parameters, "x": distance}, ()))
    if expr.calls() & {*DRAWS}:
        expr.fail("a surrogate draws no random numbers")
    names = {name: variable.dimension for name, variable in parameters.items()}
    dimensions.require(expr, {**names, "x": ONE}, ONE, "'ds/dx'")
    return expr, parameters


def _real(expr: Expr) -> Expr:
    """Make every number of an expression real: a surrogate knows no integers."""
    if expr.op == "number":
        return replace(expr, value=float(expr.value or 0))
    return replace(expr, args=tuple(_real(arg) for arg in expr.args)) if expr.args else expr


def check_line(line: Statement, variables: Mapping[str, Variable], names: Mapping[str, Dimension | None]) -> None:
    """Check unit, integers and new values of a right side; a name of dimension ``None`` fits every unit."""
    variable = variables[line.name]
    expr = variable.expr
    if expr is None:
        return
    if variable.kind == "flow":
        found = dimensions.number_of(expr, {**names, "xi": _XI})
        expected = times(variable.dimension, TIME, -1.0)
        if found is not None and found != expected:
            expr.fail(
                f"the right side is {dimensions.described(found)}, but d{line.name}/dt must be "
                f"{dimensions.described(expected)} ('{line.name}' is {dimensions.described(variable.dimension)})",
                UnitError,
            )
        return
    dimensions.require(expr, names, variable.dimension, f"'{line.name}'")
    if variable.integer and not is_integer(expr, variables):
        expr.fail(f"'{line.name}' is an integer, but this may not be: use //, floor() or round()")
    names_in_order = list(variables)
    before = names_in_order[: names_in_order.index(line.name)]
    earlier = {name for name in before if variables[name].kind == "map"}
    _check_next(expr, earlier, variables)


def _check_next(expr: Expr, earlier: set[str], variables: Mapping[str, Variable]) -> None:
    if expr.op == "next" and variables[str(expr.value)].kind == "map" and expr.value not in earlier:
        expr.fail(f"'{expr.value}[k+1]' is read before its line; only earlier lines have a new value")
    for arg in expr.args:
        _check_next(arg, earlier, variables)


def event_statements(
    owner: str, event: str, text: str, variables: Mapping[str, Variable], names: Mapping[str, Dimension]
) -> tuple[Assignment, ...]:
    """Parse and check the statements of an event of a neuron, or of the initial state."""
    result: list[Assignment] = []
    states = [name for name, variable in variables.items() if variable.kind in ("flow", "map")]
    for part in parser.assignments(owner, event, text, set(names)):
        target = variables.get(part.name)
        if target is None or target.name not in states:
            what = f"is {target.noun}, not a state" if target else "is not a state"
            part.fail(f"'{part.name}' {what}{did_you_mean(part.name, states)}")
        expr = resolve(part.expr, variables, ("t", "dt"))
        if event == "initial":
            _check_initial(expr, variables)
        dimensions.require(expr, names, target.dimension, f"'{part.name}'")
        if target.integer and not is_integer(expr, variables):
            expr.fail(f"'{part.name}' is an integer, but this may not be: use //, floor() or round()")
        result.append(replace(part, expr=expr))
    return tuple(result)


def _check_initial(expr: Expr, variables: Mapping[str, Variable]) -> None:
    """Check that an initial value reads nothing that has no value before the first step."""
    for name in sorted(reads(expr, variables)):
        if name in ("t", "spike", *DRAWS) or (name in variables and variables[name].kind == "input"):
            expr.fail(f"an initial value may depend on parameters and earlier states only, not on '{name}'")


def reads(expr: Expr, variables: Mapping[str, Variable]) -> set[str]:
    """Return the names and functions that an expression reads, directly or through the right sides of others."""
    found: set[str] = set()
    stack = [expr]
    while stack:
        current = stack.pop()
        new = (current.names() | current.calls()) - found
        found |= new
        stack += [other for name in new if name in variables and (other := variables[name].expr) is not None]
    return found


def _refractory(
    owner: str, text: str, variables: Mapping[str, Variable], names: Mapping[str, Dimension]
) -> tuple[str, Expr] | None:
    if not text.strip():
        return None
    expr = resolve(parser.condition(owner, "refractory", text, set(names)), variables, ("t", "dt"))
    if dimensions.dimension_of(expr, names) is dimensions.CONDITION:
        return "condition", expr
    dimensions.require(expr, names, TIME, "a refractory duration")
    allowed = {"dt", *(name for name, variable in variables.items() if variable.kind == "parameter")}
    if expr.names() - allowed or expr.calls() & {*DRAWS}:
        expr.fail("a refractory duration may depend on parameters only")
    if not expr.names() | expr.calls() and constant(expr)[0] < 0:
        expr.fail("a refractory duration must not be negative")
    return "duration", expr


def _check_events(owner: str, definition: Definition) -> None:
    for event, present in (("reset", definition.reset), ("refractory", definition.refractory)):
        if present and definition.threshold is None:
            raise EquationError(f"{owner}: '{event}' is given, but no threshold; expected threshold=\"v > v_th\"")
    if definition.on_recovery and definition.refractory is None:
        raise EquationError(f"{owner}: 'on_recovery' is given, but no refractoriness; expected refractory=\"t_ref\"")
    for variable in definition.variables.values() if definition.refractory is None else ():
        if variable.held and variable.expr is not None:
            variable.expr.fail(f"'{variable.name}' is held '(unless refractory)', but the model has no refractory=")
    if definition.threshold is not None and not _has_comparison(definition.threshold):
        definition.threshold.fail("a threshold needs one of < <= > >=, as in 'v > v_th'")


def _has_comparison(expr: Expr) -> bool:
    return expr.op in ("<", "<=", ">", ">=") or any(_has_comparison(arg) for arg in expr.args)
