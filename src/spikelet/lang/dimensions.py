"""Check the units of a tree: which dimension has each expression, and does every sum add like to like?"""

from collections.abc import Mapping
from typing import Final

from spikelet.errors import UnitError
from spikelet.lang.functions import FUNCTIONS
from spikelet.lang.syntax import Expr
from spikelet.units import ONE, Dimension, dimension_text, power, times

# ``None`` is the dimension of a literal zero, which fits every unit, and of a name whose unit is not known yet.
Kind = Dimension | None | str
CONDITION: Final = "a condition"


def dimension_of(expr: Expr, names: Mapping[str, Dimension | None]) -> Kind:
    """Return the dimension of an expression, ``CONDITION`` of a comparison, ``None`` of a literal zero.

    Raises:
        UnitError: two operands do not fit; the caret stands under the expression that joins them.
    """
    match expr.op:
        case "number":
            return expr.dimension
        case "name" | "next":
            return names[str(expr.value)]
        case "+" | "-" | "%":
            verb = {"+": "add", "-": "subtract", "%": "take the modulo of"}[expr.op]
            return _alike(expr, [number_of(arg, names) for arg in expr.args], verb)
        case "neg":
            return number_of(expr.args[0], names)
        case "*" | "/" | "//":
            return _product(expr, names)
        case "**":
            return _power(expr, names)
        case "<" | "<=" | ">" | ">=" | "==" | "!=":
            _alike(expr, [number_of(arg, names) for arg in expr.args], "compare")
            return CONDITION
        case "and" | "or" | "not":
            for arg in expr.args:
                require_condition(arg, names)
            return CONDITION
        case _:
            return _call(expr, names)


def number_of(expr: Expr, names: Mapping[str, Dimension | None]) -> Dimension | None:
    """Return the dimension of an expression that must not be a condition."""
    kind = dimension_of(expr, names)
    if isinstance(kind, str):
        expr.fail("a condition stands where a number is expected; write where(condition, 1, 0)", UnitError)
    return kind


def require_condition(expr: Expr, names: Mapping[str, Dimension | None]) -> None:
    """Raise unless the expression is a comparison, or such joined by and, or, not."""
    kind = dimension_of(expr, names)
    if kind is not CONDITION:
        expr.fail("a number stands where a condition such as 'v > v_th' is expected", UnitError)


def require(expr: Expr, names: Mapping[str, Dimension | None], expected: Dimension, what: str) -> None:
    """Raise unless the expression has the expected dimension; ``what`` names it in the message."""
    found = number_of(expr, names)
    if found is not None and found != expected:
        expr.fail(f"{what} must be {described(expected)}, but this is {described(found)}", UnitError)


def described(dimension: Dimension) -> str:
    """Return what a quantity of this dimension is, in words: ``in mV``, ``a plain number``."""
    return "a plain number" if dimension == ONE else f"in {dimension_text(dimension)}"


def _alike(expr: Expr, kinds: list[Dimension | None], verb: str) -> Dimension | None:
    known = [kind for kind in kinds if kind is not None]
    for kind in known[1:]:
        if kind != known[0]:
            first, second = (described(found).removeprefix("in ") for found in (known[0], kind))
            expr.fail(f"cannot {verb} {first} and {second}", UnitError)
    return known[0] if known else None


def _product(expr: Expr, names: Mapping[str, Dimension | None]) -> Dimension | None:
    left, right = (number_of(arg, names) for arg in expr.args)
    if expr.op == "*":
        return None if left is None or right is None else times(left, right)
    divisor = expr.args[1]
    if divisor.value == 0 or (right is None and all(names.get(name, ONE) is not None for name in divisor.names())):
        divisor.fail("division by zero")
    return None if left is None or right is None else times(left, right, -1.0)


def _power(expr: Expr, names: Mapping[str, Dimension | None]) -> Dimension | None:
    base, exponent = expr.args
    kind = number_of(base, names)
    by = number_of(exponent, names)
    if by is not None and by != ONE:
        exponent.fail(f"an exponent is a plain number, but this is in {dimension_text(by)}", UnitError)
    if kind is None or kind == ONE:
        return kind
    value = _constant(exponent)
    if value is None:
        expr.fail(f"{dimension_text(kind)} to a power that is no constant has no unit", UnitError)
    return power(kind, value)


def _constant(expr: Expr) -> float | None:
    if expr.op == "number":
        return float(expr.value)  # type: ignore[arg-type]  # numbers hold numbers
    if expr.op == "neg" and expr.args[0].op == "number":
        return -float(expr.args[0].value)  # type: ignore[arg-type]
    if expr.op == "/" and all(arg.op == "number" for arg in expr.args):
        return float(expr.args[0].value) / float(expr.args[1].value)  # type: ignore[arg-type]
    return None


def _call(expr: Expr, names: Mapping[str, Dimension | None]) -> Dimension | None:
    name = str(expr.value)
    rule = FUNCTIONS[name].units
    if rule == "where":
        require_condition(expr.args[0], names)
        return _alike(expr, [number_of(arg, names) for arg in expr.args[1:]], f"mix in {name}()")
    kinds = [number_of(arg, names) for arg in expr.args]
    if rule == "same":
        return _alike(expr, kinds, f"mix in {name}()")
    if rule == "sqrt":
        return None if kinds[0] is None else power(kinds[0], 0.5)
    if rule == "number":
        for arg, kind in zip(expr.args, kinds, strict=True):
            if kind is not None and kind != ONE:
                arg.fail(f"{name}() takes a plain number, but this is in {dimension_text(kind)}", UnitError)
    return ONE
