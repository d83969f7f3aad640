"""Texts over the numbers, and the distance, of the two neurons of a synapse: read, and evaluated for many synapses.

A text tells who is connected (see `connect_space`), or which weight or delay each synapse has:
``weight="exp(-d/0.1)"``, ``delay="0.5 + d/0.3"``.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from spikelet.backends.numpy_reference import evaluate
from spikelet.errors import InputError, did_you_mean
from spikelet.ir import simplify
from spikelet.ir.lower import operation
from spikelet.ir.nodes import Node, node
from spikelet.lang import dimensions, parser
from spikelet.lang.functions import CONSTANTS, DRAWS
from spikelet.lang.syntax import Expr
from spikelet.sim.connect_calls import shares
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.connect_rows import Pair, Rows
from spikelet.units import ONE


def parsed(owner: str, text: str, names: tuple[str, ...], of: str = "probability") -> Node:
    """Return a text as a node over parameters of these names; it may be a condition or a plain number.

    Args:
        owner: What it belongs to, for errors.
        text: The text.
        names: What may stand in it.
        of: What its numbers mean, for errors.

    Raises:
        EquationError: the text cannot be read, with a caret.
    """
    expr = parser.condition(owner, "text", text, {*names, *CONSTANTS})
    kind = dimensions.dimension_of(_known(expr, names, of), dict.fromkeys((*names, *CONSTANTS), ONE))
    if kind not in (dimensions.CONDITION, None, ONE):
        expr.fail(f"expected a condition or a {of}, but this has a unit")
    return _read(expr)


def _known(expr: Expr, names: tuple[str, ...], of: str) -> Expr:
    """Return the expression, all of whose names and functions are found to exist and to be no random numbers."""
    waiting = [expr]
    while waiting:
        part = waiting.pop()
        waiting += part.args
        if part.op == "call" and part.value in DRAWS:
            part.fail(f"no random numbers here: a number is itself the {of} of a synapse")
        if part.op in ("name", "next") and (part.op == "next" or part.value not in (*names, *CONSTANTS)):
            near = did_you_mean(part.value, names) or f"; known are {', '.join(names)}"
            part.fail(f"'{part.value}' is not defined{near}")
    return expr


def _read(expr: Expr) -> Node:
    if expr.op == "number":
        return simplify.const(float(expr.value))  # type: ignore[arg-type]  # numbers hold numbers
    if expr.op == "name":
        constant = CONSTANTS.get(str(expr.value))
        return node("parameter", value=expr.value) if constant is None else simplify.const(constant)
    return operation(expr, [_read(arg) for arg in expr.args])


def check(name: str, pattern: Pattern, given: Mapping[str, Any]) -> None:
    """Read the texts among what is given for synapses, so that errors come at once.

    Args:
        name: Of the projection.
        pattern: Who is connected.
        given: ``weight`` and ``delay``, texts or not.

    Raises:
        EquationError: a text cannot be read, with a caret.
    """
    for what, value in given.items():
        if isinstance(value, str):
            parsed(f"{name}: {what}", value, pattern.names, what)


def numbers(what: str, text: str, pattern: Pattern, rows: Rows, pair: Pair) -> np.ndarray:
    """Return the number that a text has for each synapse, (E,) float64, in the order of the pattern.

    Args:
        what: ``weight`` or ``delay``, for errors.
        text: Over the names of the pattern.
        pattern: Who is connected; it knows of places.
        rows: The synapses; see ``filled``.
        pair: The populations.

    Raises:
        InputError: a number is not finite.
    """
    assert rows.targets is not None  # see filled
    read, found = parsed(what, text, pattern.names, what), np.empty(int(rows.start[-1]))
    for lo, hi in pairwise(shares(rows.start).tolist()):
        place = slice(int(rows.start[lo]), int(rows.start[hi]))
        sources, targets = np.repeat(np.arange(lo, hi), np.diff(rows.start[lo : hi + 1])), rows.targets[place]
        with np.errstate(all="ignore"):  # what is undefined is found below
            found[place] = evaluate({"": read}, pattern.values(sources, targets.astype(np.int64), pair))[""]
        wrong = np.flatnonzero(~np.isfinite(found[place]))
        if wrong.size:
            i, j = sources[wrong[0]], targets[wrong[0]]
            raise InputError(f"{what} {text!r} is {found[place][wrong[0]]} for source {i} and target {j}")
    if rows.order is None:
        return found
    given = np.empty_like(found)
    given[rows.order] = found
    return given


def filled(rows: Rows, pair: Pair) -> Rows:
    """Return rows whose targets have been drawn."""
    if rows.fill is None:
        return rows
    targets = np.empty(int(rows.start[-1]), np.uint32)
    for lo, hi in pairwise(shares(rows.start).tolist()):
        rows.fill(lo, hi, targets[int(rows.start[lo]) : int(rows.start[hi])])
    return replace(rows, fill=None, targets=targets.astype(pair.target_type))
