"""Give the names in a piece of text other names, at the places where the parsed tree has them; write lines anew."""

from collections.abc import Mapping

from spikelet.lang.functions import CONSTANTS
from spikelet.lang.places import PLACES
from spikelet.lang.syntax import Assignment, Expr, Statement


def renamed(expr: Expr, body: tuple[int, int], names: Mapping[str, str]) -> str:
    """Return the text of an expression with other names.

    A unit after ``/`` gets a number before it, since one of the new neighbours may have the name of that unit.

    Args:
        expr: The resolved expression.
        body: First column in its line, and the column after the last.
        names: Old name -> new name.
    """
    line, (start, end) = expr.source.line, body
    changes: dict[int, tuple[int, str]] = {}  # column -> column after it, new text
    for node in expr.nodes():
        text = line[node.start : node.end]
        if node.op in ("name", "next") and str(node.value) in names:
            at = line.index(str(node.value), node.start)
            changes[at] = at + len(str(node.value)), names[str(node.value)]
        elif node.op == "number" and text[:1].isalpha() and text not in CONSTANTS:
            changes[node.start] = node.end, f"(1 {text})"
    pieces: list[str] = []
    position = start
    for at, (after, new) in sorted(changes.items()):
        if start <= at < end:
            pieces += [line[position:at], new]
            position = after
    return "".join([*pieces, line[position:end]]).strip()


def same_meaning(a: Expr, b: Expr, names: Mapping[str, str]) -> bool:
    """Return whether ``b`` is ``a`` with other names."""
    value = names.get(str(a.value), a.value) if a.op in ("name", "next") else a.value
    if (a.op, len(a.args)) != (b.op, len(b.args)) or (a.op == "number" and a.dimension != b.dimension):
        return False
    close = value == b.value
    if isinstance(value, int | float) and isinstance(b.value, int | float):
        close = abs(value - b.value) <= 1e-12 * abs(value)  # 1 us**2 may be rounded in another order
    return close and all(same_meaning(x, y, names) for x, y in zip(a.args, b.args, strict=True))


def written(line: Statement, names: Mapping[str, str] | None = None, expr: Expr | None = None) -> str:
    """Return a line of a model on its own, with other names and without places."""
    names = {} if names is None else names
    name = names.get(line.name, line.name)
    body = line.source.line[line.body[0] : line.body[1]].strip()
    if expr is not None:
        body = renamed(expr, line.body, names)
    flags = "".join(f" ({flag})" for flag in line.flags if flag not in PLACES)
    match line.kind:
        case "parameter":
            return f"{name} = {body}"
        case "required" | "input":
            return f"{name} : {line.unit}{flags}"
        case kind:
            head = {"flow": f"d{name}/dt", "map": f"{name}[k+1]", "sub": name}[kind]
            return f"{head} = {body} : {line.unit}{flags}"


def assigned(part: Assignment, names: Mapping[str, str]) -> str:
    """Return a statement of an event on its own, with other names."""
    return f"{names.get(part.name, part.name)} {part.operator}= {renamed(part.expr, part.body, names)}"
