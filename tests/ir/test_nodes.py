"""Nodes: few kinds, interned, walked once each."""

import gc

from spikelet.ir.nodes import _INTERNED, KINDS, constant_in_time, node, rewrite, topological


def test_there_are_few_kinds():
    assert len(KINDS) <= 25


def test_equal_nodes_are_one_object():
    a, b = node("state", value="a"), node("state", value="b")
    assert node("state", value="a") is a
    assert node("add", a, b) is node("add", a, b)
    assert node("add", a, b) is not node("add", b, a)
    assert node("add", a, b, type_="int") is not node("add", a, b)


def test_constants_that_compare_equal_but_differ_stay_apart():
    assert node("const", value=1, type_="real") is not node("const", value=1.0)
    assert node("const", value=0.0) is not node("const", value=-0.0)
    assert node("const", value=True, type_="real") is not node("const", value=1)


def test_a_node_that_nobody_holds_is_forgotten():
    gc.collect()
    before = len(_INTERNED)
    held = node("neg", node("state", value="a state of this test alone"))
    assert len(_INTERNED) == before + 2
    del held
    gc.collect()
    assert len(_INTERNED) == before


def test_shared_nodes_are_visited_once():
    """A chain in which each node uses the last one twice has 2**60 paths, and 61 nodes."""
    current = node("state", value="x")
    for _ in range(60):
        current = node("add", current, current)
    order = topological([current])
    assert len(order) == 61
    assert all(order.index(arg) < order.index(n) for n in order for arg in n.args)
    assert len(repr(current)) < 100
    copied = rewrite([current], lambda old, args: node(old.kind, *args, value=old.value and "y"))
    assert len(topological([copied[current]])) == 61


def test_a_deep_chain_needs_no_recursion():
    current = node("state", value="x")
    for _ in range(20_000):
        current = node("neg", current)
    assert len(topological([current])) == 20_001


def test_what_is_constant_in_time():
    p, c = node("parameter", value="p"), node("coefficient", value="c")
    assert constant_in_time(node("add", p, c))
    for leaf in ("state", "input", "time", "noise"):
        assert not constant_in_time(node("add", p, node(leaf, value="x")))
    fixed = node(
        "spike", node("compare", p, c, value=">", type_="bool"), p
    )  # must stay in the step: it has the surrogate
    assert not constant_in_time(fixed)
