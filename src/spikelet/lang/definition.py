"""The checked meaning of a model's text: its states, parameters, inputs and events, every name and unit resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from spikelet.errors import EquationError, UnitError, did_you_mean
from spikelet.lang import dimensions, parser
from spikelet.lang.functions import CONSTANTS, FUNCTIONS
from spikelet.lang.syntax import Assignment, Expr, Source, Statement
from spikelet.units import ONE, TIME, UNITS, Dimension, dimension_text, power, times

RESERVED = ("t", "dt", "spike", "xi")
KEYWORDS = ("k", "int", "and", "or", "not", "if", "else", "in", "is", "for", "lambda", "True", "False", "None")
_XI = power(TIME, -0.5)
_FLAGS = {"flow": {"unless refractory"}, "map": {"unless refractory"}, "input": {"input"}}


@dataclass(frozen=True, slots=True)
class Variable:
    """A state, sub-expression, parameter or input.

    Attributes:
        name: Its name.
        kind: ``flow``, ``map``, ``sub``, ``parameter`` or ``input``.
        unit: Its unit as written (a parameter's: of its literal).
        dimension: Its dimension.
        expr: Right side of a flow, map or sub-expression.
        value: Default of a parameter in coherent units, ``None`` when required.
        integer: Whether it holds an integer.
        held: Whether refractoriness holds it.
    """

    name: str
    kind: str
    unit: str
    dimension: Dimension
    expr: Expr | None = None
    value: float | int | None = None
    integer: bool = False
    held: bool = False


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
    variables = _ordered(owner, _variables(lines))
    names = {name: variable.dimension for name, variable in variables.items()} | {"t": TIME, "dt": TIME, "spike": ONE}
    for line in lines:
        _check_line(line, variables, names)
    declared = set(names)
    threshold = parser.condition(owner, "threshold", events["threshold"], declared) if events["threshold"] else None
    definition = Definition(
        variables,
        None if threshold is None else _resolve(threshold, variables, ("t", "dt")),
        _event(owner, "reset", events["reset"], variables, names),
        _refractory(owner, events["refractory"], variables, names),
        _event(owner, "on_recovery", events["on_recovery"], variables, names),
        _event(owner, "initial", events["initial"], variables, names),
    )
    if definition.threshold is not None:
        dimensions.require_condition(definition.threshold, names)
    _check_events(owner, definition)
    return definition


def _variables(lines: Iterable[Statement]) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    for line in lines:
        if line.name in found:
            line.fail(f"'{line.name}' is defined twice")
        if line.name in RESERVED or line.name in KEYWORDS:
            line.fail(f"'{line.name}' is a reserved name")
        if line.name in FUNCTIONS or line.name in CONSTANTS:
            line.fail(f"'{line.name}' is the name of a function or constant")
        if not line.name.strip("_") or line.name.startswith("__"):
            line.fail(f"'{line.name}' is not a name that can be used")
        found[line.name] = _parameter(line) if line.kind in ("parameter", "required") else _declared(line)
    return found


def _parameter(line: Statement) -> Variable:
    if line.kind == "required":
        unknown = [flag for flag in line.flags if flag != "input"]
        if unknown:
            line.fail(f"'({unknown[0]})' is not a flag of a parameter or input{did_you_mean(unknown[0], ['input'])}")
        return Variable(line.name, "parameter", line.unit, parser.unit_of(line)[1], integer=line.unit == "int")
    assert line.expr is not None  # the parser gives every "name = ..." line one
    if line.expr.names() - set(CONSTANTS):
        line.fail(
            f"a parameter's value is a number with a unit; for a sub-expression end the line with its unit, "
            f"such as '{line.name} = ... : 1'"
        )
    value, dimension = _constant(line.expr)
    at = line.source.line
    integer = " int" in at[line.expr.start : line.expr.end + 4].split(";")[0] and isinstance(value, int)
    return Variable(line.name, "parameter", dimension_text(dimension), dimension, None, value, integer)


def _declared(line: Statement) -> Variable:
    allowed = _FLAGS.get(line.kind, set())
    for flag in line.flags:
        if flag not in allowed:
            line.fail(f"'({flag})' is not a flag of this kind of line{did_you_mean(flag, allowed)}")
    size, dimension = parser.unit_of(line)
    if size != 1.0 and line.kind in ("flow", "map") and dimension == ONE:
        line.fail(f"'{line.unit}' is no unit of a state")
    integer, held = line.unit == "int", "unless refractory" in line.flags
    if integer and line.kind == "flow":
        line.fail("an integer state is a map: write 'v[k+1] = ... : int'")
    return Variable(line.name, line.kind, line.unit, dimension, line.expr, None, integer, held)


def _constant(expr: Expr) -> tuple[float | int, Dimension]:
    """Return value and dimension of an expression of numbers alone."""
    dimension = dimensions.number_of(_with_constants(expr), {})

    def value(node: Expr) -> float | int:
        if node.op == "number":
            return node.value  # type: ignore[return-value]  # numbers hold numbers
        if node.op == "name":
            return CONSTANTS[str(node.value)]
        args = [value(arg) for arg in node.args]
        match node.op:
            case "neg":
                return -args[0]
            case "+":
                return args[0] + args[1]
            case "-":
                return args[0] - args[1]
            case "*":
                return args[0] * args[1]
            case "/":
                return args[0] / args[1]
            case _:
                expr.fail("a parameter's value is a number with a unit")

    try:
        return value(expr), ONE if dimension is None else dimension
    except (ZeroDivisionError, OverflowError):
        expr.fail("this value is not a finite number")


def _with_constants(expr: Expr) -> Expr:
    """Replace ``pi`` by its number."""
    if expr.op == "name" and expr.value in CONSTANTS:
        return replace(expr, op="number", value=CONSTANTS[str(expr.value)], dimension=ONE)
    return replace(expr, args=tuple(_with_constants(arg) for arg in expr.args)) if expr.args else expr


def _resolve(expr: Expr, variables: Mapping[str, Variable], reserved: Iterable[str], kind: str = "") -> Expr:
    """Check that every name of an expression is defined, and replace constants by numbers."""
    reserved = set(reserved)

    def visit(node: Expr) -> Expr:
        name = node.value
        if node.op == "next":
            if kind != "map":
                node.fail(f"'{name}[k+1]', a new value, may only be read in the line of a map")
            if name not in variables or variables[str(name)].kind not in ("map", "flow"):
                node.fail(f"'{name}' is not a state, so it has no new value{did_you_mean(str(name), variables)}")
        elif node.op == "name" and name not in variables and name not in reserved:
            if name in CONSTANTS:
                return replace(node, op="number", value=CONSTANTS[str(name)], dimension=ONE)
            if name in RESERVED:
                node.fail(_misplaced(str(name)))
            if name in UNITS:
                node.fail(f"'{name}' is a unit; write it directly after a number (1 {name}), or after '/'")
            near = did_you_mean(str(name), [*variables, *reserved])
            node.fail(f"'{name}' is not defined{near}")
        if node.op == "/" and _is_unit(node.args[1], variables):  # 0.1/mV
            size, dimension = UNITS[str(node.args[1].value)]
            unit = replace(node.args[1], op="number", value=size, dimension=dimension)
            return replace(node, args=(visit(node.args[0]), unit))
        return replace(node, args=tuple(visit(arg) for arg in node.args)) if node.args else node

    return visit(expr)


def _is_unit(expr: Expr, variables: Mapping[str, Variable]) -> bool:
    return expr.op == "name" and expr.value in UNITS and expr.value not in variables


def _misplaced(name: str) -> str:
    places = {
        "xi": "white noise 'xi' may only stand in a flow (dv/dt = ...)",
        "spike": "'spike', the output of the step before, may only stand in equations",
    }
    return places.get(name, f"'{name}' may not stand here")


def _ordered(owner: str, variables: dict[str, Variable]) -> dict[str, Variable]:
    """Resolve names, check for cycles, and put each sub-expression after those that it reads."""
    reserved = {"flow": ("t", "dt", "spike", "xi"), "map": ("t", "dt", "spike"), "sub": ("t", "dt", "spike")}
    resolved = {
        name: v if v.expr is None else replace(v, expr=_resolve(v.expr, variables, reserved[v.kind], v.kind))
        for name, v in variables.items()
    }
    ordered: dict[str, Variable] = {}
    open_names: list[str] = []

    def place(name: str) -> None:
        variable = resolved[name]
        if name in ordered or variable.kind != "sub":
            return
        assert variable.expr is not None
        if name in open_names:
            variable.expr.fail(f"'{name}' depends on itself: {' -> '.join([*open_names, name])}")
        open_names.append(name)
        for used in sorted(variable.expr.names() & set(resolved)):
            place(used)
        open_names.pop()
        ordered[name] = variable

    for name, variable in resolved.items():
        if variable.kind == "sub":
            place(name)
        else:
            ordered[name] = variable
    return ordered


def _check_line(line: Statement, variables: Mapping[str, Variable], names: Mapping[str, Dimension]) -> None:
    variable = variables[line.name]
    expr = variable.expr
    if expr is None:
        return
    if variable.kind == "flow":
        found = dimensions.number_of(expr, {**names, "xi": _XI})
        expected = times(variable.dimension, TIME, -1.0)
        if found is not None and found != expected:
            expr.fail(
                f"the right side is in {dimension_text(found)}, but d{line.name}/dt is in {dimension_text(expected)}"
                f" ({line.name} in {dimension_text(variable.dimension)})",
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


def is_integer(expr: Expr, variables: Mapping[str, Variable]) -> bool:
    """Return whether an expression is surely an integer."""
    match expr.op:
        case "number":
            return isinstance(expr.value, int)
        case "name" | "next":
            variable = variables.get(str(expr.value))
            if variable is None:
                return False
            return variable.integer
        case "+" | "-" | "*" | "//" | "%" | "neg":
            return all(is_integer(arg, variables) for arg in expr.args)
        case "call" if expr.value in ("floor", "round", "sign", "heaviside"):
            return True
        case "call" if expr.value in ("abs", "min", "max", "clip", "detach"):
            return all(is_integer(arg, variables) for arg in expr.args)
        case "call" if expr.value == "where":
            return all(is_integer(arg, variables) for arg in expr.args[1:])
        case _:
            return False


def _check_next(expr: Expr, earlier: set[str], variables: Mapping[str, Variable]) -> None:
    if expr.op == "next" and variables[str(expr.value)].kind == "map" and expr.value not in earlier:
        expr.fail(f"'{expr.value}[k+1]' is read before its line; only earlier lines have a new value")
    for arg in expr.args:
        _check_next(arg, earlier, variables)


def _event(
    owner: str, event: str, text: str, variables: Mapping[str, Variable], names: Mapping[str, Dimension]
) -> tuple[Assignment, ...]:
    result: list[Assignment] = []
    for part in parser.assignments(owner, event, text, set(names)):
        target = variables.get(part.name)
        states = [name for name, variable in variables.items() if variable.kind in ("flow", "map")]
        if target is None or target.name not in states:
            what = f"is a {_noun(target)}, not a state" if target else "is not a state"
            part.fail(f"'{part.name}' {what}{did_you_mean(part.name, states)}")
        expr = _resolve(part.expr, variables, ("t", "dt"))
        dimensions.require(expr, names, target.dimension, f"'{part.name}'")
        if target.integer and not is_integer(expr, variables):
            expr.fail(f"'{part.name}' is an integer, but this may not be: use //, floor() or round()")
        result.append(replace(part, expr=expr))
    return tuple(result)


def _noun(variable: Variable) -> str:
    return {"sub": "sub-expression"}.get(variable.kind, variable.kind)


def _refractory(
    owner: str, text: str, variables: Mapping[str, Variable], names: Mapping[str, Dimension]
) -> tuple[str, Expr] | None:
    if not text:
        return None
    expr = _resolve(parser.condition(owner, "refractory", text, set(names)), variables, ("t", "dt"))
    if dimensions.dimension_of(expr, names) is dimensions.CONDITION:
        return "condition", expr
    dimensions.require(expr, names, TIME, "a refractory duration")
    if not _free_of_states(expr, variables):
        expr.fail("a refractory duration may depend on parameters only")
    return "duration", expr


def _free_of_states(expr: Expr, variables: Mapping[str, Variable]) -> bool:
    return all(name not in variables or variables[name].kind == "parameter" for name in expr.names())


def _check_events(owner: str, definition: Definition) -> None:
    for event, present in (("reset", definition.reset), ("refractory", definition.refractory)):
        if present and definition.threshold is None:
            raise EquationError(f"{owner}: '{event}' is given, but no threshold; expected threshold=\"v > v_th\"")
    if definition.on_recovery and definition.refractory is None:
        raise EquationError(f"{owner}: 'on_recovery' is given, but no refractoriness; expected refractory=\"t_ref\"")
    held = [v.name for v in definition.variables.values() if v.held]
    if held and definition.refractory is None:
        Source(owner, f"{held[0]} ... (unless refractory)").fail(
            f"'{held[0]}' is held '(unless refractory)', but the model has no refractory=", 0, len(held[0])
        )
    if definition.threshold is not None and not _has_comparison(definition.threshold):
        definition.threshold.fail("a threshold is a comparison such as 'v > v_th'")


def _has_comparison(expr: Expr) -> bool:
    return expr.op in ("<", "<=", ">", ">=") or any(_has_comparison(arg) for arg in expr.args)
