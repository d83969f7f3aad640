"""Simplification: neutral elements vanish, constants fold, and no rounding changes."""

import math
import operator

import numpy as np
import pytest
from hypothesis import given, strategies as st

from spikelet.backends.numpy_reference import evaluate
from spikelet.errors import ModelError
from spikelet.ir import simplify as s
from spikelet.ir.nodes import node, topological

X, Y = node("parameter", value="x"), node("parameter", value="y")
N, M = node("parameter", value="n", type_="int"), node("parameter", value="m", type_="int")
YES, NO = s.const(True), s.const(False)
HOLDS = s.compare(">", X, Y)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (s.add(X, s.const(0.0)), X),
        (s.add(s.const(0), X), X),
        (s.sub(X, s.const(0)), X),
        (s.sub(s.const(0.0), X), s.neg(X)),
        (s.add(X, s.neg(Y)), s.sub(X, Y)),
        (s.sub(X, s.neg(Y)), s.add(X, Y)),
        (s.neg(s.neg(X)), X),
        (s.mul(X, s.const(1.0)), X),
        (s.mul(s.const(1), X), X),
        (s.mul(X, s.const(0)), s.const(0.0)),
        (s.mul(N, s.const(0)), s.const(0)),
        (s.div(X, s.const(1)), X),
        (s.div(s.const(0.0), X), s.const(0.0)),
        (s.power(X, s.const(1)), X),
        (s.power(X, s.const(2)), s.mul(X, X)),
        (s.power(X, s.const(3.0)), s.mul(s.mul(X, X), X)),
        (s.power(X, s.const(4)), s.mul(s.mul(X, X), s.mul(X, X))),
        (s.add(s.const(2), s.const(0.5)), s.const(2.5)),
        (s.mul(s.const(3), s.const(4)), s.const(12)),
        (s.call("exp", s.const(0)), s.const(1.0)),
        (s.call("exprel", s.const(0.0)), s.const(1.0)),
        (s.call("round", s.const(2.5)), s.const(2.0)),
        (s.call("max", s.const(3), s.const(4)), s.const(4)),
        (s.call("floordiv", N, M), node("call", N, M, value="floordiv", type_="int")),
        (s.call("floor", N), N),
        (s.select(YES, X, Y), X),
        (s.select(NO, X, Y), Y),
        (s.select(HOLDS, X, X), X),
        (s.compare("<", s.const(1), s.const(2)), YES),
        (s.logic("and", HOLDS, YES), HOLDS),
        (s.logic("and", NO, HOLDS), NO),
        (s.logic("or", HOLDS, NO), HOLDS),
        (s.logic("or", YES, HOLDS), YES),
        (s.logic("not", NO), YES),
        (s.choose(X, Y, Y, True), Y),
        (s.integer(s.const(3.0)), s.const(3)),
        (s.real(s.const(3)), s.const(3.0)),
    ],
)
def test_rule(made, expected):
    assert made is expected


def test_integers_become_real_where_they_meet_real_numbers():
    assert s.add(N, M).type == "int"
    assert s.add(N, X).type == "real"
    assert s.add(N, X).args == (s.real(N), X)
    assert s.div(N, M).type == "real"
    assert s.compare("<", N, X).args[0].type == "real"
    assert s.call("abs", N).type == "int"
    assert s.call("exp", N).args[0].type == "real"
    assert s.select(HOLDS, N, X).type == "real"


def test_gradients_reach_a_choice_of_real_numbers_only():
    assert s.choose(X, X, Y, True).value is True
    assert s.choose(X, X, Y, False).value is False
    assert s.choose(X, N, M, True).value is False  # an integer has no gradient, and must stay an integer


@pytest.mark.parametrize(
    "make",
    [
        lambda: s.mul(s.const(1e200), s.const(1e200)),
        lambda: s.call("exp", s.const(1e4)),
        lambda: s.call("log", s.const(-1.0)),
        lambda: s.call("sqrt", s.const(-1.0)),
    ],
)
def test_a_constant_that_is_no_number_is_an_error(make):
    with pytest.raises(ModelError, match="not a number|too large a number"):
        make()


def test_draws_are_not_calls():
    with pytest.raises(ValueError, match="numbers their streams"):
        s.call("uniform")


_BINARY = {
    "+": (s.add, operator.add),
    "-": (s.sub, operator.sub),
    "*": (s.mul, operator.mul),
    "/": (s.div, operator.truediv),
}
_LEAF = st.sampled_from(["x", "y", 0.0, 1.0, 2.0, 0.1, -1.5])
_TREE = st.recursive(
    _LEAF,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(sorted(_BINARY)), inner, inner),
        st.tuples(st.just("neg"), inner),
        st.tuples(st.just("square"), inner),
        st.tuples(st.just("where"), inner, inner, inner),
    ),
    max_leaves=25,
)


def _simplified(tree):
    if not isinstance(tree, tuple):
        return node("parameter", value=tree) if isinstance(tree, str) else s.const(tree)
    op, *args = tree[0], *map(_simplified, tree[1:])
    if op == "neg":
        return s.neg(*args)
    if op == "square":
        return s.power(*args, s.const(2))
    if op == "where":
        return s.select(s.compare(">", args[0], s.const(0.5)), *args[1:])
    return _BINARY[op][0](*args)


def _plain(tree, values):
    """The same tree in Python floats, as written; the constructors may leave out, but never reorder."""
    if not isinstance(tree, tuple):
        return values[tree] if isinstance(tree, str) else tree
    op, *args = tree[0], *(_plain(arg, values) for arg in tree[1:])
    if op == "neg":
        return -args[0]
    if op == "square":
        return args[0] * args[0]
    if op == "where":
        return args[1] if args[0] > 0.5 else args[2]
    return _BINARY[op][1](*args)


@given(_TREE, st.floats(-3, 3), st.floats(0.1, 3))
def test_no_rule_changes_the_rounding(tree, x, y):
    values = {"x": x, "y": y}
    try:
        expected = _plain(tree, values)
        made = _simplified(tree)
    except (ZeroDivisionError, ModelError):
        return
    with np.errstate(all="ignore"):
        found = evaluate({"it": made}, {name: np.float64(value) for name, value in values.items()})["it"]
    if math.isfinite(expected):
        assert float(found) == expected
    else:  # 0 * infinity is simplified to 0
        assert all(n.kind != "const" or math.isfinite(n.value) for n in topological([made]))
