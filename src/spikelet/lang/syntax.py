"""The tree that the parser makes: expressions, statements, and the place in the user's text that each came from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from spikelet.errors import EquationError, ModelError, quoted_line
from spikelet.units import Dimension


@dataclass(frozen=True, slots=True)
class Source:
    """A line of the user's text: what it is called in an error (``LIF, line 1 (dv/dt)``), and the text itself."""

    label: str
    line: str

    def fail(self, message: str, start: int, end: int, kind: type[ModelError] = EquationError) -> NoReturn:
        """Raise ``kind`` with the line and a caret under columns ``start`` to ``end``."""
        raise kind(f"{self.label}: {message}\n{quoted_line(self.line, start, end)}")


@dataclass(frozen=True, slots=True)
class Expr:
    """A node of the tree.

    Attributes:
        op: ``number``, ``name``, ``next`` (``v[k+1]``), ``call``, an operator (``+ - * / // % **``), ``neg``, a
            comparison (``< <= > >= == !=``), ``and``, ``or`` or ``not``.
        args: Operands.
        value: The number, or the name of a variable or function, else ``None``.
        source: Line of the text.
        start: First column in the line.
        end: Column after the last.
        dimension: Of a number: its dimension (``None`` for a zero, which fits every unit).
    """

    op: str
    args: tuple["Expr", ...]
    value: float | int | str | None
    source: Source
    start: int
    end: int
    dimension: Dimension | None = None

    def fail(self, message: str, kind: type[ModelError] = EquationError) -> NoReturn:
        """Raise ``kind`` pointing at this expression."""
        self.source.fail(message, self.start, self.end, kind)

    def nodes(self) -> "Iterator[Expr]":
        """Yield this node and all below it, from left to right."""
        stack: list[Expr] = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.args))

    def names(self) -> set[str]:
        """Return the names that this expression reads (``v[k+1]`` counts as ``v``)."""
        return {str(node.value) for node in self.nodes() if node.op in ("name", "next")}

    def calls(self) -> set[str]:
        """Return the functions that this expression calls."""
        return {str(node.value) for node in self.nodes() if node.op == "call"}

    def depth(self) -> int:
        """Return the number of levels of the tree."""
        level, depth = [self], 0
        while level:
            level, depth = [arg for node in level for arg in node.args], depth + 1
        return depth

    def unspanned(self) -> "tuple[object, ...]":
        """Return the tree without places, for comparison of meaning."""
        return (self.op, self.value, *(arg.unspanned() for arg in self.args))


@dataclass(frozen=True, slots=True)
class Statement:
    """A line of the equations.

    Attributes:
        kind: ``flow``, ``map``, ``sub``, ``parameter``, ``required`` or ``input``.
        name: The variable that it defines.
        expr: The right side, where there is one.
        unit: Text after the colon, where there is one.
        flags: Words in parentheses after the unit.
        source: Line of the text.
        start: First column of the name.
        end: Column after the name.
        body: First column of the right side, and the column after it.
    """

    kind: str
    name: str
    expr: Expr | None
    unit: str
    flags: tuple[str, ...]
    source: Source
    start: int
    end: int
    body: tuple[int, int] = (0, 0)

    def fail(self, message: str, kind: type[ModelError] = EquationError) -> NoReturn:
        """Raise ``kind`` pointing at the defined name."""
        self.source.fail(message, self.start, self.end, kind)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A statement of an event, ``w += b``.

    Attributes:
        name: The state that it sets.
        expr: Its new value, the operator (``+=``, ...) spelt out.
        source: Line of the text.
        start: First column of the name.
        end: Column after the name.
        operator: ``+``, ``-``, ``*``, ``/``, or empty for ``=``.
        body: First column of the right side, and the column after it.
    """

    name: str
    expr: Expr
    source: Source
    start: int
    end: int
    operator: str = ""
    body: tuple[int, int] = (0, 0)

    def fail(self, message: str, kind: type[ModelError] = EquationError) -> NoReturn:
        """Raise ``kind`` pointing at the assigned name."""
        self.source.fail(message, self.start, self.end, kind)
