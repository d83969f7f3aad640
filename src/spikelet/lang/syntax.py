"""The tree that the parser makes: expressions, statements, and the place in the user's text that each came from."""

from dataclasses import dataclass
from typing import NoReturn

from spikelet.errors import EquationError, quoted_line
from spikelet.units import Dimension


@dataclass(frozen=True, slots=True)
class Source:
    """A line of the user's text: what it is called in an error (``LIF, line 1 (dv/dt)``), and the text itself."""

    label: str
    line: str

    def fail(self, message: str, start: int, end: int, kind: type[EquationError] = EquationError) -> NoReturn:
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

    def fail(self, message: str, kind: type[EquationError] = EquationError) -> NoReturn:
        """Raise ``kind`` pointing at this expression."""
        self.source.fail(message, self.start, self.end, kind)

    def names(self) -> set[str]:
        """Return the names that this expression reads (``v[k+1]`` counts as ``v``)."""
        found: set[str] = set()
        stack: list[Expr] = [self]
        while stack:
            node = stack.pop()
            if node.op in ("name", "next"):
                found.add(str(node.value))
            stack.extend(node.args)
        return found

    def calls(self) -> set[str]:
        """Return the functions that this expression calls."""
        found: set[str] = set()
        stack: list[Expr] = [self]
        while stack:
            node = stack.pop()
            if node.op == "call":
                found.add(str(node.value))
            stack.extend(node.args)
        return found

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
    """

    kind: str
    name: str
    expr: Expr | None
    unit: str
    flags: tuple[str, ...]
    source: Source
    start: int
    end: int

    def fail(self, message: str, kind: type[EquationError] = EquationError) -> NoReturn:
        """Raise ``kind`` pointing at the defined name."""
        self.source.fail(message, self.start, self.end, kind)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A statement of an event, ``w += b``, with its operator (``=``, ``+=``, ...) spelt out in ``expr``."""

    name: str
    expr: Expr
    source: Source
    start: int
    end: int

    def fail(self, message: str, kind: type[EquationError] = EquationError) -> NoReturn:
        """Raise ``kind`` pointing at the assigned name."""
        self.source.fail(message, self.start, self.end, kind)
