"""What a text declares: states, sub-expressions, parameters and inputs, with every name resolved."""

import keyword
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from spikelet.errors import did_you_mean
from spikelet.lang import dimensions, parser
from spikelet.lang.functions import CONSTANTS, FUNCTIONS
from spikelet.lang.syntax import Expr, Statement
from spikelet.units import ONE, UNITS, Dimension, dimension_text, power, unit_symbol

RESERVED = ("t", "dt", "spike", "xi")
OF_THE_STEP = ("step", "refractory", "spikes")  # names that a run gives to what it carries and records beside states
KEYWORDS = ("k", "int", *keyword.kwlist)  # an expression is read with Python's grammar
Names = Mapping[str, Collection[str]]  # kind of line -> flags that it may have, or names that it may read undeclared
FLAGS: Names = {"flow": {"unless refractory"}, "map": {"unless refractory"}, "input": {"input"}}
READABLE: Names = {"flow": ("t", "dt", "spike", "xi"), "map": ("t", "dt", "spike"), "sub": ("t", "dt", "spike")}


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

    @property
    def noun(self) -> str:
        """What it is, in words."""
        return {"sub": "a sub-expression", "parameter": "a parameter", "input": "an input"}.get(self.kind, "a state")


def declared_variables(lines: Collection[Statement], flags: Names = FLAGS) -> dict[str, Variable]:
    """Return what the lines of a text declare, names inside expressions not yet resolved."""
    found: dict[str, Variable] = {}
    declared = {line.name for line in lines}
    for line in lines:
        if line.name in found:
            line.fail(f"'{line.name}' is defined twice")
        if line.name in RESERVED or line.name in KEYWORDS:
            line.fail(f"'{line.name}' is a reserved name; choose another")
        if line.name in OF_THE_STEP and line.kind in ("flow", "map"):
            line.fail(f"a state cannot be called '{line.name}', as a run calls something of its own so; choose another")
        if line.name in FUNCTIONS or line.name in CONSTANTS:
            line.fail(f"'{line.name}' is the name of a function or constant; choose another")
        if not line.name.strip("_") or line.name.startswith("__"):
            line.fail(f"'{line.name}' is not a name that can be used")
        if line.kind in ("parameter", "required"):
            found[line.name] = _parameter(line, declared)
        else:
            found[line.name] = _declared(line, flags.get(line.kind, ()))
    return found


def _parameter(line: Statement, declared: Collection[str]) -> Variable:
    if line.kind == "required":
        _check_flags(line, {"input"}, "a parameter or input")
        return Variable(line.name, "parameter", line.unit, parser.unit_of(line)[1], integer=line.unit == "int")
    assert line.expr is not None  # the parser gives every "name = ..." line one
    expr = _literal(line.expr, declared)
    if expr.names():
        line.fail("a sub-expression ends with its unit, as in ': mV' (a parameter is a number with a unit)")
    value, dimension = constant(expr)
    literal = line.source.line[line.expr.start : line.expr.end]
    integer = re.search(r"(?<![A-Za-z_])int\b", literal) is not None and isinstance(value, int)
    return Variable(line.name, "parameter", dimension_text(dimension), dimension, None, value, integer)


def _check_flags(line: Statement, allowed: Collection[str], what: str) -> None:
    for flag in line.flags:
        if flag not in allowed:
            at = line.source.line.find("(" + flag.split(" ")[0], line.end)
            near = did_you_mean(f"({flag})", [f"({other})" for other in allowed])
            message = f"'({flag})' is not a flag of {what}{near}"
            line.source.fail(message, at, line.source.line.find(")", at) + 1)


def _declared(line: Statement, allowed: Collection[str]) -> Variable:
    _check_flags(line, allowed, "a sub-expression" if line.kind == "sub" else "a state")
    size, dimension = parser.unit_of(line)
    if size != 1.0 and line.kind in ("flow", "map") and dimension == ONE:
        line.fail(f"'{line.unit}' is no unit of a state")
    integer, held = line.unit == "int", "unless refractory" in line.flags
    if integer and line.kind == "flow":
        line.fail("an integer state is a map: write 'v[k+1] = ... : int'")
    return Variable(line.name, line.kind, line.unit, dimension, line.expr, None, integer, held)


def constant(expr: Expr) -> tuple[float | int, Dimension]:
    """Return value and dimension of an expression of numbers alone."""
    dimension = dimensions.number_of(expr, {})

    def value(node: Expr) -> float | int:
        if node.op == "number":
            return node.value  # type: ignore[return-value]  # numbers hold numbers
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

    result: float | int = math.inf
    try:
        result = value(expr)
        finite = math.isfinite(result)
    except (ZeroDivisionError, OverflowError):
        finite = False
    if not finite:
        expr.fail("this value is not a finite number")
    return result, ONE if dimension is None else dimension


def _literal(expr: Expr, declared: Collection[str]) -> Expr:
    """Replace ``pi``, and units after ``/``, by numbers."""
    if expr.op == "name" and expr.value in CONSTANTS:
        return replace(expr, op="number", value=CONSTANTS[str(expr.value)], dimension=ONE)
    unit = _divisor(expr, declared)
    if unit is not None:
        value = _literal(expr.args[0], declared)
        if value.op == "number" and value.dimension is None:  # a bare 0 fits any unit, but 0/ms has one
            value = replace(value, dimension=ONE)
        return replace(expr, args=(value, unit))
    return replace(expr, args=tuple(_literal(arg, declared) for arg in expr.args)) if expr.args else expr


def resolve(expr: Expr, variables: Mapping[str, Variable], reserved: Iterable[str], kind: str = "") -> Expr:
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
            node.fail(f"'{name}' is not defined{near or f'; give it a line, such as {name} = 1 mV'}")
        unit = _divisor(node, variables)
        if unit is not None:
            return replace(node, args=(visit(node.args[0]), unit))
        return replace(node, args=tuple(visit(arg) for arg in node.args)) if node.args else node

    return visit(expr)


def _divisor(expr: Expr, variables: Collection[str]) -> Expr | None:
    """Return the unit after a ``/`` as a number: ``0.1/mV``, ``120/cm2``, ``v/ms**2``."""
    right = expr.args[1] if expr.op == "/" else expr
    base, exponent = right.args if right.op == "**" else (right, None)
    known = unit_symbol(str(base.value)) if base.op == "name" and base.value not in variables else None
    if expr.op != "/" or known is None:
        return None
    if exponent is None:
        return replace(right, op="number", value=known[0], dimension=known[1])
    if not isinstance(exponent.value, int | float) or exponent.value > 9:
        return None
    size, dimension = known[0] ** exponent.value, power(known[1], exponent.value)
    return replace(right, op="number", args=(), value=size, dimension=dimension)


def _misplaced(name: str) -> str:
    places = {
        "xi": "white noise 'xi' may only stand in a flow (dv/dt = ...)",
        "spike": "'spike', the output of the step before, may only stand in equations",
    }
    return places.get(name, f"'{name}' may not stand here")


def ordered(owner: str, variables: dict[str, Variable], reserved: Names = READABLE) -> dict[str, Variable]:
    """Resolve names, check for cycles, and put each sub-expression after those that it reads."""
    resolved = {
        name: v if v.expr is None else replace(v, expr=resolve(v.expr, variables, reserved[v.kind], v.kind))
        for name, v in variables.items()
    }
    ordered: dict[str, Variable] = {}
    depth: dict[str, int] = {}  # of each sub-expression, what it reads included
    open_names: list[str] = []

    def place(name: str) -> None:
        variable = resolved[name]
        if name in ordered or variable.kind != "sub":
            return
        assert variable.expr is not None
        if name in open_names:
            loop = [*open_names[open_names.index(name) :], name]
            variable.expr.fail(f"'{name}' depends on itself: {' -> '.join(loop)}")
        open_names.append(name)
        used = sorted(variable.expr.names() & set(resolved))
        for other in used if len(open_names) <= parser.MAX_DEPTH else ():
            place(other)
        open_names.pop()
        depth[name] = variable.expr.depth() + max((depth.get(other, 0) for other in used), default=0)
        if depth[name] + len(open_names) > parser.MAX_DEPTH:
            variable.expr.fail(f"'{name}' builds on other sub-expressions, together more than {parser.MAX_DEPTH} deep")
        ordered[name] = variable

    for name, variable in resolved.items():
        if variable.kind == "sub":
            place(name)
        else:
            ordered[name] = variable
    return ordered


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
        case "call" if expr.value in ("floor", "round", "sign", "heaviside", "binomial"):
            return True
        case "call" if expr.value in ("abs", "min", "max", "clip", "detach"):
            return all(is_integer(arg, variables) for arg in expr.args)
        case "call" if expr.value == "where":
            return all(is_integer(arg, variables) for arg in expr.args[1:])
        case _:
            return False
