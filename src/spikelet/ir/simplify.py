"""Constructors that simplify: constants are folded, neutral elements vanish, integers are converted where they meet
real numbers. No rule changes the rounding of what is left, so all back ends agree bit by bit."""

import math

from spikelet.ir.nodes import Node, node

_COMPARE = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_INTEGER_CALLS = ("abs", "sign", "min", "max", "clip", "floordiv", "mod", "detach", "floor", "round", "heaviside")


def const(value: float | int | bool) -> Node:
    """Return a literal."""
    return node("const", value=value, type_="bool" if isinstance(value, bool) else _number_type(value))


def _number_type(value: float | int) -> str:
    return "int" if isinstance(value, int) else "real"


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
    """Return the constant, unless folding it would overflow."""
    if isinstance(value, float) and not math.isfinite(value):
        return node(kind, *args, type_=args[0].type)
    return const(value)


def add(a: Node, b: Node) -> Node:
    """a + b."""
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
    """a - b."""
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
    """a * b."""
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
    """a / b, always real."""
    a, b = real(a), real(b)
    if _is(b, 1):
        return a
    if _is(a, 0):
        return a
    if a.kind == b.kind == "const" and b.value != 0:
        return _folded("div", a.value / b.value, a, b)
    return node("div", a, b)


def power(a: Node, b: Node) -> Node:
    """a ** b; small whole powers become products, which every back end rounds alike."""
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
        return node("call", *args, value=name, type_="int")
    args = tuple(real(arg) for arg in args)
    if name == "exp" and _is(args[0], 0):
        return const(1.0)
    if name == "exprel" and _is(args[0], 0):
        return const(1.0)
    return node("call", *args, value=name)


def compare(operator: str, a: Node, b: Node) -> Node:
    """A condition."""
    a, b = _matched(a, b)
    if a.kind == b.kind == "const":
        return const(bool(_COMPARE[operator](a.value, b.value)))
    return node("compare", a, b, value=operator, type_="bool")


def logic(operator: str, *args: Node) -> Node:
    """Conditions joined by and, or, not."""
    if operator == "not":
        (a,) = args
        return const(not a.value) if a.kind == "const" else node("logic", a, value="not", type_="bool")
    a, b = args
    neutral = operator == "and"
    for x, y in ((a, b), (b, a)):
        if x.kind == "const":
            return y if x.value is neutral else x
    return node("logic", a, b, value=operator, type_="bool")


def select(condition: Node, a: Node, b: Node) -> Node:
    """a where the condition holds, else b."""
    if a is b:
        return a
    if condition.kind == "const":
        return a if condition.value else b
    if a.type != "bool" or b.type != "bool":
        a, b = _matched(a, b)
    return node("select", condition, a, b, type_=a.type)


def choose(spike: Node, a: Node, b: Node, attached: bool) -> Node:
    """a where there is a spike, else b."""
    if a is b:
        return a
    a, b = _matched(a, b)
    return node("choose", spike, a, b, value=attached, type_=a.type)
