"""Signs and bounds of what a rule computes, proved from its text and the values of its parameters.

>>> from spikelet.ir import simplify as s
>>> Signs({"k": -2.0}, {"x"}).of(s.mul(s.node("coefficient", value="k"), s.node("state", value="x")))
-1
"""

from collections.abc import Mapping, Set
from typing import Any

import numpy as np

from spikelet.ir.nodes import Node
from spikelet.lang.increments import WEIGHT

_POSITIVE = ("exp", "abs", "sqrt", "sigmoid", "heaviside", "exprel", "cosh")


class Signs:
    """Tells signs: 1 is not below 0, -1 not above 0, 0 is 0, None is not known.

    Args:
        values: Coefficient -> its value, a number or an array.
        positive: Names of states that are never below 0.
    """

    def __init__(self, values: Mapping[str, Any], positive: Set[str]):
        self.values, self.positive = values, positive

    def of(self, n: Node) -> int | None:
        """Return the sign of a value."""
        if n.kind in ("const", "coefficient"):
            value = np.asarray(self.number(n))
            return int(value.any()) if (value >= 0).all() else -1 if (value <= 0).all() else None
        if n.kind in ("state", "input"):
            return 1 if n.value in self.positive else None
        signs = [self.of(arg) for arg in n.args]
        match n.kind:
            case "neg":
                return _times(-1, signs[0])
            case "add":
                return _plus(*signs)
            case "sub":
                return _plus(signs[0], _times(-1, signs[1]))
            case "mul":
                return 1 if n.args[0] is n.args[1] else _times(*signs)
            case "div":
                return _times(*signs)
            case "pow":
                return 1 if signs[0] in (0, 1) else None
            case "select":
                return _plus(*signs[1:])
            case "cast":
                return signs[0]
            case "call":
                return _called(n.value, signs)
        return None

    def number(self, n: Node) -> Any:
        """Return the value of a literal or of a coefficient."""
        return n.value if n.kind == "const" else self.values[n.value]

    def bounded(self, n: Node, bound: Any, side: int) -> bool:
        """Tell whether a value stays on one side of a bound, above (1) or below (-1), if the weight does so."""
        if n.kind in ("const", "coefficient"):
            return bool((side * np.asarray(self.number(n)) >= side * np.asarray(bound)).all())
        if n.kind in ("state", "input"):
            return n.value == WEIGHT
        inside = [self.bounded(arg, bound, side) for arg in n.args]
        if n.kind in ("add", "sub"):
            first, second = self.of(n.args[0]), self.of(n.args[1])
            second = _times(-1, second) if n.kind == "sub" else second
            return (inside[0] and second in (0, side)) or (n.kind == "add" and inside[1] and first in (0, side))
        if n.kind == "select":
            return inside[1] and inside[2]
        if n.kind == "call" and n.value == "clip":
            value, low, high = inside
            return (value or low) and high if side > 0 else high or (value and low)
        if n.kind == "call" and n.value in ("min", "max"):
            return any(inside) if (n.value == "max") == (side > 0) else all(inside)
        return False


def _times(first: int | None, second: int | None) -> int | None:
    if 0 in (first, second):
        return 0
    return None if first is None or second is None else first * second


def _plus(first: int | None, second: int | None) -> int | None:
    if first == 0 or second == 0:
        return second if first == 0 else first
    return first if first == second else None


def _called(name: str, signs: list[int | None]) -> int | None:
    if name in _POSITIVE:
        return 1
    if name in ("max", "min"):
        best = 1 if name == "max" else -1
        if best in signs or 0 in signs:
            return best
        return -best if all(sign == -best for sign in signs) else None
    if name == "clip":
        value, low, high = signs
        inner = _called("max", [value, low])
        return _called("min", [inner, high])
    return None
