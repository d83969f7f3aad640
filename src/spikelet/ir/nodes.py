"""The nodes of the intermediate representation: immutable, typed, and interned (equal nodes are one object).

    kind         arguments            value                 what it is
    const        -                    number                a literal
    parameter    -                    name                  a parameter of the model, or ``dt``
    coefficient  -                    name                  a hoisted expression over parameters
    state        -                    name                  a state at the start of the step
    input        -                    name                  an input of this step, held or delivered
    time         -                    -                     t_k in ms
    noise        -                    (law, stream)         a fresh draw, ``uniform`` or ``normal``
    gradient     -                    (of, name)            backward: the gradient of a "state" or of an "output"
    neg          a                    -                     -a
    add sub mul div pow   a b         -                     arithmetic
    call         a ...                name                  a row of ``lang.functions``, ``floordiv`` or ``mod``
    compare      a b                  operator              a condition
    logic        a [b]                and, or, not          a condition
    select       condition a b        -                     a where the condition holds, else b
    spike        condition x          -                     1 where the condition holds; its derivative by x is the
                                                            surrogate's (this is the only such node)
    choose       spike a b            attached              a where spike, else b; gradients reach spike if attached
    cast         a                    type                  conversion between types
    propagator   A ... D ... dt       (part, i, j, n)       entry i, j of a matrix of the exact integrator of a linear
                                                            system of n states: P, Q or L (see ``ir.integrate``)

A type is ``real``, ``int`` (64 bit) or ``bool``.
"""

import weakref
from collections.abc import Callable, Iterable
from typing import Any

KINDS: dict[str, int | None] = {  # number of arguments, None for any
    "const": 0, "parameter": 0, "coefficient": 0, "state": 0, "input": 0, "time": 0, "noise": 0, "gradient": 0,
    "neg": 1, "add": 2, "sub": 2, "mul": 2, "div": 2, "pow": 2, "call": None, "compare": 2, "logic": None, "select": 3,
    "spike": 2, "choose": 3, "cast": 1, "propagator": None,
}  # fmt: skip
TYPES = ("real", "int", "bool")


class Node:
    """A node; make one with ``node()``, never directly."""

    __slots__ = ("__weakref__", "args", "kind", "type", "value")

    def __init__(self, kind: str, args: tuple["Node", ...], value: Any, type_: str):
        """Store the fields; ``node()`` interns."""
        self.kind, self.args, self.value, self.type = kind, args, value, type_

    def __repr__(self) -> str:
        """Show kind, value and the kinds of the arguments; a whole graph would be printed many times over."""
        inner = ", ".join(arg.kind for arg in self.args)
        return f"{self.kind}{'' if self.value is None else f'[{self.value}]'}({inner})"


_INTERNED: "weakref.WeakValueDictionary[tuple[Any, ...], Node]" = weakref.WeakValueDictionary()


def node(kind: str, *args: Node, value: Any = None, type_: str = "real") -> Node:
    """Return the one node of this kind, these arguments and this value."""
    key = (kind, args, type_, repr(value))  # repr tells 1 from 1.0 and 0.0 from -0.0
    found = _INTERNED.get(key)
    if found is None:
        found = Node(kind, args, value, type_)
        _INTERNED[key] = found
    return found


def topological(roots: Iterable[Node]) -> list[Node]:
    """Return every node under ``roots`` once, arguments before their users."""
    order: dict[Node, None] = {}
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        current, ready = stack.pop()
        if current in order:
            continue
        if ready:
            order[current] = None
        else:
            stack.append((current, True))
            stack.extend((arg, False) for arg in reversed(current.args))
    return list(order)


def rewrite(roots: Iterable[Node], change: Callable[[Node, tuple[Node, ...]], Node]) -> dict[Node, Node]:
    """Return old node -> new node, made bottom-up by ``change(old, new_arguments)``."""
    done: dict[Node, Node] = {}
    for old in topological(roots):
        done[old] = change(old, tuple(done[arg] for arg in old.args))
    return done


def depends(root: Node, kinds: Iterable[str]) -> bool:
    """Return whether a node of one of these kinds stands under ``root``."""
    wanted = set(kinds)
    return any(found.kind in wanted for found in topological([root]))


_VARYING = ("state", "input", "time", "noise", "spike", "gradient")


def constant_in_time(root: Node) -> bool:
    """Return whether a node depends on parameters alone, so that it can be computed once per run."""
    return not depends(root, _VARYING)


def constants_in_time(roots: Iterable[Node]) -> set[Node]:
    """Return every node under ``roots`` that depends on parameters alone, found in one pass."""
    found: set[Node] = set()
    for current in topological(roots):
        if current.kind not in _VARYING and all(arg in found for arg in current.args):
            found.add(current)
    return found
