"""Constructors that simplify: constants are folded, neutral elements vanish.

Integers are converted where they meet real numbers. No rule changes the rounding of what is left, so all back ends
agree bit by bit.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

from spikelet.errors import ModelError
from spikelet.ir.nodes import Node, node

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_INTEGER_CALLS = ("abs", "sign", "min", "max", "clip", "floordiv", "mod", "detach", "floor", "round", "heaviside")


def const(value: float | int | bool) -> Node:
    """Return a literal."""
    return node("const", value=value, type_="bool" if isinstance(value, bool) else _number_type(value))


def _number_type(value: float | int) -> str:
    return "int" if isinstance(value, int) else "real"


def _exprel(x: float) -> float:
    return math.expm1(x) / x if x else 1.0


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def _floor(x: float) -> float:
    return float(math.floor(x))


def _round(x: float) -> float:
    return float(round(x))


def _sign(x: float) -> float:
    return float((x > 0) - (x < 0))


def _heaviside(x: float) -> float:
    return float(x > 0)


def _itself(x: float) -> float:
    return x


_FOLDED: dict[str, Any] = {
    "exp": math.exp, "log": math.log, "expm1": math.expm1, "sqrt": math.sqrt, "sin": math.sin, "cos": math.cos,
    "tanh": math.tanh, "cosh": math.cosh, "erf": math.erf, "abs": abs, "min": min, "max": max, "exprel": _exprel,
    "sigmoid": _sigmoid, "clip": _clip, "floor": _floor, "round": _round, "sign": _sign, "heaviside": _heaviside,
    "detach": _itself,
}  # fmt: skip


def real(a: Node) -> Node:
    """Convert to a real number."""
    if a.type == "real":
        return a
    return const(float(a.value)) if a.kind == "const" else node("cast", a, value="real", type_="real")


def integer(a: Node) -> Node:
    """Convert an integer-valued node to the integer type."""
    if a.type == "int":
        return a
    return const(int(a.value)) if a.kind == "const" else node("cast", a, value="int", type_="int")


def _matched(*args: Node) -> tuple[Node, ...]:
    """Make all arguments real unless all are integers."""
    return args if all(arg.type == "int" for arg in args) else tuple(real(arg) for arg in args)


def _is(a: Node, value: float) -> bool:
    return a.kind == "const" and a.value == value and a.type != "bool"


def _folded(kind: str, value: float | int, *args: Node) -> Node:
    """Return the constant."""
    if abs(value) >= 2**63 if isinstance(value, int) else not math.isfinite(value):
        raise ModelError(f"{kind} of {', '.join(str(arg.value) for arg in args)} is too large a number")
    return const(value)


def add(a: Node, b: Node) -> Node:
    """A + b."""
    if _is(a, 0):
        return b
    if _is(b, 0):
        return a
    a, b = _matched(a, b)
    if a.kind == b.kind == "const":
        return _folded("add", a.value + b.value, a, b)
    if b.kind == "neg":
        return sub(a, b.args[0])
    return node("add", a, b, type_=a.type)


def sub(a: Node, b: Node) -> Node:
    """A - b."""
    if _is(b, 0):
        return a
    if _is(a, 0):
        return neg(b)
    a, b = _matched(a, b)
    if a.kind == b.kind == "const":
        return _folded("sub", a.value - b.value, a, b)
    if b.kind == "neg":
        return add(a, b.args[0])
    return node("sub", a, b, type_=a.type)


def neg(a: Node) -> Node:
    """-a."""
    if a.kind == "const":
        return const(-a.value)
    return a.args[0] if a.kind == "neg" else node("neg", a, type_=a.type)


def mul(a: Node, b: Node) -> Node:
    """A * b."""
    if _is(a, 0) or _is(b, 0):
        return const(0 if a.type == b.type == "int" else 0.0)
    if _is(a, 1):
        return b
    if _is(b, 1):
        return a
    a, b = _matched(a, b)
    if a.kind == b.kind == "const":
        return _folded("mul", a.value * b.value, a, b)
    return node("mul", a, b, type_=a.type)


def div(a: Node, b: Node) -> Node:
    """A / b, always real."""
    a, b = real(a), real(b)
    if _is(b, 1):
        return a
    if _is(a, 0):
        return a
    if a.kind == b.kind == "const" and b.value != 0:
        return _folded("div", a.value / b.value, a, b)
    return node("div", a, b)


def power(a: Node, b: Node) -> Node:
    """A ** b; small whole powers become products, which every back end rounds alike."""
    if b.kind == "const" and b.value in (1, 2, 3, 4):
        square = mul(a, a) if b.value > 1 else a
        return {1: a, 2: square, 3: mul(square, a), 4: mul(square, square)}[int(b.value)]
    a, b = real(a), real(b)
    if a.kind == b.kind == "const":
        try:
            value = a.value**b.value
        except (OverflowError, ZeroDivisionError):
            return node("pow", a, b)
        if isinstance(value, float):
            return _folded("pow", value, a, b)
    return node("pow", a, b)


def call(name: str, *args: Node) -> Node:
    """Call a function of the language."""
    if name == "where":
        return select(*args)
    if name in ("uniform", "normal"):
        raise ValueError("draws are made by ir.lower, which numbers their streams")
    if name in _INTEGER_CALLS and all(arg.type == "int" for arg in args):
        if name in ("floor", "round"):
            return args[0]
        if all(arg.kind == "const" for arg in args) and name in _FOLDED:
            return const(int(_FOLDED[name](*(arg.value for arg in args))))
        return node("call", *args, value=name, type_="int")
    args = tuple(real(arg) for arg in args)
    if all(arg.kind == "const" for arg in args):
        try:
            return _folded("call", _FOLDED[name](*(arg.value for arg in args)), *args)
        except (ValueError, OverflowError) as error:
            raise ModelError(f"{name}({', '.join(str(arg.value) for arg in args)}) is not a number: {error}") from None
    return node("call", *args, value=name)


def compare(sign: str, a: Node, b: Node) -> Node:
    """A condition."""
    a, b = _matched(a, b)
    if a.kind == b.kind == "const":
        return const(bool(_COMPARE[sign](a.value, b.value)))
    return node("compare", a, b, value=sign, type_="bool")


def logic(word: str, *args: Node) -> Node:
    """Conditions joined by and, or, not."""
    if word == "not":
        (a,) = args
        return const(not a.value) if a.kind == "const" else node("logic", a, value="not", type_="bool")
    a, b = args
    neutral = word == "and"
    for x, y in ((a, b), (b, a)):
        if x.kind == "const":
            return y if x.value is neutral else x
    return node("logic", a, b, value=word, type_="bool")


def select(condition: Node, a: Node, b: Node) -> Node:
    """A where the condition holds, else b."""
    if a is b:
        return a
    if condition.kind == "const":
        return a if condition.value else b
    if a.type != "bool" or b.type != "bool":
        a, b = _matched(a, b)
    return node("select", condition, a, b, type_=a.type)


def choose(spike: Node, a: Node, b: Node, attached: bool) -> Node:
    """A where there is a spike, else b."""
    if a is b:
        return a
    a, b = _matched(a, b)
    return node("choose", spike, a, b, value=attached and a.type == "real", type_=a.type)


def again(old: Node, *args: Node) -> Node:
    """Make a node like ``old`` with other arguments, simplified where that became possible."""
    match old.kind:
        case "compare":
            return compare(old.value, *args)
        case "logic":
            return logic(old.value, *args)
        case "select":
            return select(*args)
        case "choose":
            return choose(*args, attached=bool(old.value))
        case _:
            return node(old.kind, *args, value=old.value, type_=old.type)
