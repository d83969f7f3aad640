"""What a spike adds to a state: split ``g += w*u*x`` into the weight and the factor ``u*x``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from spikelet.errors import ModelError
from spikelet.lang.syntax import Assignment, Expr
from spikelet.lang.variables import Variable
from spikelet.units import ONE

WEIGHT = "w"
MAX_NODES = 10_000  # of one expression, the sub-expressions that it reads written out


def inlined(expr: Expr, variables: Mapping[str, Variable]) -> Expr:
    """Return an expression with each sub-expression that it reads written out.

    Raises:
        EquationError: the result would have more than ``MAX_NODES`` nodes.
    """
    sizes: dict[str, int] = {}
    for name, variable in variables.items():  # each after those that it reads
        if variable.kind == "sub" and variable.expr is not None:
            sizes[name] = _size(variable.expr, sizes)
    if _size(expr, sizes) > MAX_NODES:
        expr.fail(f"with its sub-expressions written out this has more than {MAX_NODES} terms")
    return _inlined(expr, variables)


def _size(expr: Expr, sizes: Mapping[str, int]) -> int:
    return sum(sizes.get(str(node.value), 1) if node.op == "name" else 1 for node in expr.nodes())


def _inlined(expr: Expr, variables: Mapping[str, Variable]) -> Expr:
    variable = variables.get(str(expr.value)) if expr.op == "name" else None
    if variable is not None and variable.kind == "sub" and variable.expr is not None:
        return _inlined(variable.expr, variables)
    return replace(expr, args=tuple(_inlined(arg, variables) for arg in expr.args)) if expr.args else expr


def factor(part: Assignment, variables: Mapping[str, Variable]) -> Expr | None:
    """Return what a statement multiplies the weight with, ``None`` where it adds the weight alone.

    Args:
        part: A statement such as ``g += w*u*x``; ``g -= w`` and ``g = g + w`` are of that form, too.
        variables: Those of the text, whose sub-expressions are written out.

    Raises:
        ModelError: the statement does not add a multiple of the weight.
    """
    term = inlined(part.expr, variables)
    left, right = term.args if term.op in ("+", "-") else (term, term)
    if _is(left, part.name) and term.op == "+":
        return _multiple(right, part)
    if _is(right, part.name) and term.op == "+":
        return _multiple(left, part)
    if _is(left, part.name) and term.op == "-":
        return replace(term, op="neg", args=(_one(_multiple(right, part), right),))
    _refuse(part.expr, part)


def _is(expr: Expr, name: str) -> bool:
    return expr.op == "name" and expr.value == name


def _multiple(expr: Expr, part: Assignment) -> Expr | None:
    """Return what multiplies the weight in an expression that is linear in it; ``None`` is 1."""
    reads = [WEIGHT in arg.names() for arg in expr.args]
    if _is(expr, WEIGHT):
        return None
    if expr.op in ("+", "-", "neg") and all(reads):
        return replace(expr, args=tuple(_one(_multiple(arg, part), arg) for arg in expr.args))
    if expr.op == "*" and sum(reads) == 1:
        place = reads.index(True)
        inner, other = _multiple(expr.args[place], part), expr.args[1 - place]
        if inner is None:
            return other
        return replace(expr, args=(inner, other) if place == 0 else (other, inner))
    if expr.op == "/" and reads == [True, False]:
        return replace(expr, args=(_one(_multiple(expr.args[0], part), expr.args[0]), expr.args[1]))
    _refuse(expr, part)


def _one(inner: Expr | None, place: Expr) -> Expr:
    return replace(place, op="number", args=(), value=1, dimension=ONE) if inner is None else inner


def _refuse(expr: Expr, part: Assignment) -> NoReturn:
    form = f"'{part.name} += w' or '{part.name} += w*EXPR'"
    expr.fail(f"the simulator cannot run this yet: a spike adds a multiple of its weight, written {form}", ModelError)
