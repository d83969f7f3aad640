"""TEXT -> TREE: split a model's text into statements, and read each expression with a whitelist over Python's ``ast``.

``ast.parse`` only builds a tree; nothing here compiles or runs it, and every kind of node that is not listed in
``_convert`` is an error. Units after numbers (``40 mV``) are not Python: each such literal is masked by an identifier
of underscores of the same length before parsing, so that columns stay those of the user's line.
"""

import ast
import keyword
import math
import re
from collections.abc import Collection
from typing import NoReturn

from spikelet.errors import EquationError, InputError, did_you_mean
from spikelet.lang.functions import FUNCTIONS
from spikelet.lang.syntax import Assignment, Expr, Source, Statement
from spikelet.units import ONE, UNITS, Dimension, parse_unit, unit_symbol

MAX_TEXT = 20_000  # characters of one model
MAX_LINE = 2_000  # characters of one line
MAX_DEPTH = 100  # nesting of one expression, well inside the stack of any caller

_ALLOWED = re.compile(r"[A-Za-z0-9_+\-*/%<>=!().,\[\]:;#^ \t\n\r]*")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_FLOW = re.compile(rf"\s*d({_NAME})\s*/\s*dt\s*=(?!=)")
_MAP = re.compile(rf"\s*({_NAME})\s*\[\s*k\s*\+\s*1\s*\]\s*=(?!=)")
_ASSIGN = re.compile(rf"\s*({_NAME})\s*=(?!=)")
_DECLARE = re.compile(rf"\s*({_NAME})\s*:")
_SLOPE = re.compile(r"\s*ds\s*/\s*dx\s*=(?!=)")
_EVENT = re.compile(rf"\s*({_NAME})\s*(\+|-|\*|/|)=(?!=)")
_UNIT_AND_FLAGS = re.compile(r"([^()]*)((?:\([^()]*\)\s*)*)")
_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_EXPONENT = r"(?:(?:\*\*|\^)-?\d+(?:\.\d+)?)?"
_AFTER_NUMBER = re.compile(r"([\w.]+)|\s*(?=[(\[])")
_FIRST_UNIT = re.compile(rf"\s*([A-Za-z][A-Za-z0-9]*){_EXPONENT}")
_NEXT_UNIT = re.compile(rf"\s*[*/]\s*([A-Za-z][A-Za-z0-9]*){_EXPONENT}(?![\w(\[])")
_WORDS = {"and", "or", "not"}
_GAP = re.compile(r"(?:\b(?!(?:and|or|not)\b)\w+\s+|\)\s*)(?!(?:and|or|not)\b)(?=\w)")
_OPERATORS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.And: "and", ast.Or: "or",
}  # fmt: skip
_HINTS: dict[type, str] = {
    ast.IfExp: "write where(condition, a, b) instead of 'a if condition else b'",
    ast.Attribute: "names have no '.'",
    ast.BitXor: "write x**2 for a power, not x^2",
    ast.Subscript: "only v[k+1], the new value of a map, may be indexed",
    ast.Tuple: "a comma stands only between the arguments of a function",
    ast.Starred: "an argument cannot be starred",
    ast.Call: "a function is called by its name, with its arguments alone, such as clip(x, 0, 1)",
}

# (offset in line -> value, dimension) of the literals that were masked
Literals = dict[int, tuple[float | int, Dimension | None]]


def statements(owner: str, text: str) -> list[Statement]:
    """Split the equations of ``owner`` into statements.

    Raises:
        EquationError: a line is of none of the six kinds, or its expression cannot be read.
    """
    lines = _lines(owner, text)
    declared = {match[1] for _, _, part, _ in lines for match in [_head(part)] if match}
    return [_statement(owner, number, line, part, start, declared) for number, line, part, start in lines]


def assignments(owner: str, event: str, text: str, declared: Collection[str]) -> list[Assignment]:
    """Read the statements of an event, such as ``v = v_reset; w += b``."""
    result: list[Assignment] = []
    for number, line, part, start in _lines(f"{owner}, {event}", text):
        source = Source(f"{owner}, {event}" + (f", line {number}" if "\n" in text.strip() else ""), line)
        match = _EVENT.match(part)
        if not match:
            source.fail("expected a statement such as 'v = v_reset' or 'w += b'", start, start + len(part.rstrip()))
        at, end = start + match.start(1), start + match.end(1)
        expr = expression(source, start + match.end(), start + len(part), declared)
        if match[2]:
            target = Expr("name", (), match[1], source, at, end)
            expr = Expr(match[2], (target, expr), None, source, at, expr.end)
        body = (start + match.end(), start + len(part))
        result.append(Assignment(match[1], expr, source, at, end, match[2], body))
    return result


def slope(owner: str, text: str) -> tuple[Expr, list[Statement]]:
    """Read a surrogate's text: ``ds/dx = ...``, then statements."""
    lines = _lines(owner, text)
    match = _SLOPE.match(lines[0][2]) if lines else None
    if match is None:
        raise EquationError(f"{owner}: a surrogate begins with 'ds/dx = ...', got {text[:40]!r}")
    declared = {head[1] for _, _, part, _ in lines[1:] for head in [_head(part)] if head}
    number, line, part, start = lines[0]
    source = Source(f"{owner}, line {number} (ds/dx)", line)
    expr = expression(source, start + match.end(), start + len(part), declared)
    return expr, [_statement(owner, *line, declared) for line in lines[1:]]


def condition(owner: str, event: str, text: str, declared: Collection[str]) -> Expr:
    """Read a text that is one expression, such as a threshold."""
    parts = [line.split("#")[0] for line in _checked(f"{owner}, {event}", text).split("\n")]
    source = Source(f"{owner}, {event}", " ".join(" ".join(parts).split()))
    return expression(source, 0, len(source.line), declared)


def expression(source: Source, start: int, end: int, declared: Collection[str]) -> Expr:
    """Read the expression in columns ``start`` to ``end`` of a line."""
    if end - start > MAX_LINE:
        raise EquationError(f"{source.label}: an expression of {end - start} characters; at most {MAX_LINE}")
    end = start + len(source.line[start:end].rstrip())
    while start < end and source.line[start] in " \t":
        start += 1
    if start >= end:
        source.fail("an expression is missing", start, start + 1)
    literals: Literals = {}
    masked = _mask_literals(source, start, end, declared, literals)
    try:
        tree = ast.parse(masked, mode="eval").body
        _check_depth(source, tree, start, end)
    except SyntaxError as error:
        message, column = _explain(error, masked)
        source.fail(message, min(start + column, end - 1), min(start + column + 1, end))
    except (RecursionError, MemoryError):
        _fail_deep(source, start, end)
    expr = _convert(source, tree, start, literals)
    if expr.depth() > MAX_DEPTH:  # "a and b and c" is one node of Python's tree, but two of ours
        _fail_deep(source, start, end)
    return expr


def _lines(owner: str, text: str) -> list[tuple[int, str, str, int]]:
    """Return (line number, line, statement, column of the statement) for each statement of a text."""
    text = _checked(owner, text)
    first = len(text) - len(text.lstrip())
    number_of_first = text.count("\n", 0, first)  # blank lines after the opening quotes are not counted
    result: list[tuple[int, str, str, int]] = []
    for number, line in enumerate(text.split("\n"), start=1 - number_of_first):
        code, column = line.split("#")[0], 0
        for part in code.split(";"):
            if part.strip():
                result.append((number, line.rstrip(), part, column))
            column += len(part) + 1
    return result


def _checked(owner: str, text: object) -> str:
    """Return a text with its lines ended alike, once its type, length and characters are found right."""
    if not isinstance(text, str):
        raise EquationError(f"{owner}: expected a string, got {type(text).__name__}")
    if len(text) > MAX_TEXT:
        raise EquationError(f"{owner}: the text has {len(text)} characters; a model has at most {MAX_TEXT}")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    _check_characters(owner, text)
    return text


def _check_characters(owner: str, text: str) -> None:
    end = _ALLOWED.match(text).end()  # type: ignore[union-attr]  # the pattern matches the empty text
    if end == len(text) or "#" in text[text.rfind("\n", 0, end) + 1 : end]:
        if "#" not in text:
            return
        _check_characters(owner, re.sub(r"#[^\n]*", "", text))  # a comment may hold any character
        return
    line = text[text.rfind("\n", 0, end) + 1 :].split("\n")[0]
    column = end - (text.rfind("\n", 0, end) + 1)
    character = text[end]
    shown = repr(character) if character.isprintable() else f"U+{ord(character):04X}"
    number = text.count("\n", len(text) - len(text.lstrip()), end) + 1
    label = f"{owner}, line {number}" if "\n" in text.strip() else owner
    Source(label, line).fail(f"the character {shown} is not allowed; texts are plain ASCII", column, column + 1)


def _head(part: str) -> re.Match[str] | None:
    return _FLOW.match(part) or _MAP.match(part) or _ASSIGN.match(part) or _DECLARE.match(part)


def _statement(owner: str, number: int, line: str, part: str, start: int, declared: set[str]) -> Statement:
    match = _head(part)
    label = f"{owner}, line {number}"
    if match is None:
        _fail_kind(Source(label, line), part, start)
    name, name_at = match[1], start + match.start(1)
    if match.re is _FLOW:
        label += f" (d{name}/dt)"
    elif match.re is not _DECLARE:
        label += f" ({name})"
    source = Source(label, line)
    if match.re is _DECLARE:
        unit, flags = _unit_and_flags(source, part[match.end() :], start + match.end())
        kind = "input" if "input" in flags else "required"
        return Statement(kind, name, None, unit, flags, source, name_at, name_at + len(name))
    colon = part.find(":", match.end())
    body_end = start + (colon if colon >= 0 else len(part.rstrip()))
    if colon < 0 and match.re in (_FLOW, _MAP):
        source.fail("the unit is missing: write ': mV' (or ': 1') at the end of the line", body_end, body_end + 1)
    expr = expression(source, start + match.end(), body_end, declared)
    unit, flags = _unit_and_flags(source, part[colon + 1 :], start + colon + 1) if colon >= 0 else ("", ())
    kind = {_FLOW: "flow", _MAP: "map"}.get(match.re, "sub" if colon >= 0 else "parameter")
    if kind == "sub" and not expr.names() | expr.calls():  # a number alone is the value of a parameter
        value = line[start + match.end() : body_end].strip()
        value = value if unit in (*value.split(), "1") else f"{value} {unit}"
        source.fail(f"a parameter has its unit after its number: write '{name} = {value}'", body_end, body_end + 1)
    body = (start + match.end(), body_end)
    return Statement(kind, name, expr, unit, flags, source, name_at, name_at + len(name), body)


def _fail_kind(source: Source, part: str, start: int) -> NoReturn:
    message = "expected 'dv/dt = ... : unit', 'v[k+1] = ... : unit', 'x = ... : unit', 'p = value unit' or 'p : unit'"
    if _EVENT.match(part):
        message = "'+=' and the like stand in events (reset=), not among the equations"
    source.fail(message, start + len(part) - len(part.lstrip()), start + len(part.rstrip()))


def _unit_and_flags(source: Source, text: str, at: int) -> tuple[str, tuple[str, ...]]:
    match = _UNIT_AND_FLAGS.fullmatch(text)
    if not match or not match[1].strip():
        source.fail("expected a unit after ':', such as 'mV' or '1'", at - 1, at + len(text.rstrip()))
    flags = tuple(" ".join(flag.split()) for flag in re.findall(r"\(([^()]*)\)", match[2]))
    return match[1].strip(), flags


def _mask_literals(source: Source, start: int, end: int, declared: Collection[str], literals: Literals) -> str:
    text = source.line[start:end]
    pieces: list[str] = []
    position = 0
    while match := _NUMBER.search(text, position):
        stop = _unit_end(source, text, match.end(), start, declared)
        value = _number(source, match[0], start + match.start(), start + match.end())
        dimension: Dimension | None = ONE
        unit = text[match.end() : stop].strip()
        if unit and unit != "int":
            size, dimension = _parsed_unit(source, unit, start + match.end(), start + stop)
            value = value * size
        if unit == "int" and not isinstance(value, int):
            source.fail("this is not an integer", start + match.start(), start + stop)
        if value == 0 and not unit:
            dimension = None
        if isinstance(value, float) and not math.isfinite(value):
            source.fail("this number is too large", start + match.start(), start + stop)
        _check_end(source, text, match.start(), stop, start)
        literals[start + match.start()] = (value, dimension)
        pieces += [text[position : match.start()], "_" * (stop - match.start())]
        position = stop
    return "".join([*pieces, text[position:]])


def _parsed_unit(source: Source, unit: str, start: int, end: int) -> tuple[float, Dimension]:
    try:
        return parse_unit(unit)
    except InputError as error:
        source.fail(str(error), start, end)


def _check_end(source: Source, text: str, begin: int, stop: int, start: int) -> None:
    """Check that something that may follow a number follows it: ``1_000``, ``1.2.3`` and ``2(v + 1)`` are errors."""
    after = _AFTER_NUMBER.match(text, stop)
    if after and after[1]:
        source.fail(f"'{text[begin : after.end()]}' is not a number", start + begin, start + after.end())
    if after:
        source.fail("an operator is missing here", start + after.end(), start + after.end() + 1)


def _unit_end(source: Source, text: str, position: int, start: int, declared: Collection[str]) -> int:
    """Return the column after the unit that follows a number: ``mV``, ``mS/cm2``; the number's end without one."""
    first = _FIRST_UNIT.match(text, position)
    if not first or keyword.iskeyword(first[1]):
        return position
    if first[1] == "int":
        return first.end()
    if unit_symbol(first[1]) is None:
        near = did_you_mean(first[1], UNITS)
        message = f"expected an operator or a unit, found '{first[1]}'{near}"
        if first[1] in declared:
            message = f"an operator is missing before '{first[1]}'"
        source.fail(message, start + first.start(1), start + first.end(1))
    position = first.end()
    while more := _NEXT_UNIT.match(text, position):
        if more[1] in declared or unit_symbol(more[1]) is None:
            break
        position = more.end()
    return position


def _number(source: Source, text: str, start: int, end: int) -> float | int:
    value = float(text)
    if not math.isfinite(value):
        source.fail("this number is too large", start, end)
    whole = text.isdigit() and value < 2**53
    return int(text) if whole else value


def _check_depth(source: Source, tree: ast.expr, start: int, end: int) -> None:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            _fail_deep(source, start, end)
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def _fail_deep(source: Source, start: int, end: int) -> NoReturn:
    source.fail(f"this expression is nested more than {MAX_DEPTH} deep; give parts of it names", start, end)


def _explain(error: SyntaxError, text: str) -> tuple[str, int]:
    """Return what is wrong with an expression that Python cannot parse, and in which column."""
    message, column = error.msg or "", (error.offset or 1) - 1
    if "never closed" in message or "unmatched" in message or "does not match" in message:
        return message, column
    if "too many nested" in message:
        return f"this expression is nested more than {MAX_DEPTH} deep", column
    for word in re.finditer(r"[A-Za-z_]\w*", text):
        if keyword.iskeyword(word[0]) and word[0] not in _WORDS:
            return f"'{word[0]}' is a reserved word", word.start()
    if equals := re.search(r"(?<![<>=!])=(?!=)", text):
        return "'=' does not compare; write '>', '<' or '=='", equals.start()
    if gap := _GAP.search(text):
        return "an operator is missing here", gap.end()
    return "this is not an expression", column


def _convert(source: Source, node: ast.expr, offset: int, literals: Literals) -> Expr:
    """Turn a whitelisted node into an ``Expr``; everything else is an error."""
    start, end = offset + node.col_offset, offset + (node.end_col_offset or node.col_offset + 1)

    def make(op: str, *args: ast.expr, value: str | None = None) -> Expr:
        return Expr(op, tuple(_convert(source, arg, offset, literals) for arg in args), value, source, start, end)

    match node:
        case ast.Name(id=name) if start in literals and not name.strip("_"):
            value, dimension = literals[start]
            return Expr("number", (), value, source, start, end, dimension)
        case ast.Name(id=name):
            return Expr("name", (), name, source, start, end)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return make(_OPERATORS[type(op)], left, right)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return make("neg", operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _convert(source, operand, offset, literals)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return make("not", operand)
        case ast.BoolOp(op=op, values=values):
            parts = [_convert(source, value, offset, literals) for value in values]
            return _chain(_OPERATORS[type(op)], parts, source)
        case ast.Compare(left=left, ops=ops, comparators=rights) if all(type(op) in _OPERATORS for op in ops):
            sides = [_convert(source, side, offset, literals) for side in (left, *rights)]
            pairs = zip(ops, sides, sides[1:], strict=False)
            parts = [Expr(_OPERATORS[type(op)], (a, b), None, source, a.start, b.end) for op, a, b in pairs]
            return _chain("and", parts, source)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return _call(make(f"call {name}", *args), name)
        case ast.Subscript(value=ast.Name(id=name), slice=ast.BinOp(left=ast.Name(id="k"), op=ast.Add(), right=right)):
            step = _convert(source, right, offset, literals)
            if step.value == 1:
                return Expr("next", (), name, source, start, end)
        case _:
            pass
    kind = type(node.op) if isinstance(node, ast.BinOp) else type(node)
    hint = _HINTS.get(kind, "this is not part of the language")
    source.fail(hint, start, end)


def _chain(op: str, parts: list[Expr], source: Source) -> Expr:
    result = parts[0]
    for part in parts[1:]:
        result = Expr(op, (result, part), None, source, result.start, part.end)
    return result


def _call(expr: Expr, name: str) -> Expr:
    known = FUNCTIONS.get(name)
    if known is None:
        expr.fail(f"'{name}' is not a function{did_you_mean(name, FUNCTIONS) or f'; a product is {name}*(...)'}")
    if len(expr.args) != known.arity:
        given = len(expr.args)
        expr.fail(f"{name}() takes {known.arity} argument{'s' * (known.arity != 1)}, {given} given")
    return Expr("call", expr.args, name, expr.source, expr.start, expr.end)


def unit_of(statement: Statement) -> tuple[float, Dimension]:
    """Return size and dimension of a statement's unit; ``int`` counts as dimensionless."""
    if statement.unit == "int":
        return 1.0, ONE
    try:
        return parse_unit(statement.unit)
    except InputError as error:
        line = statement.source.line
        at = line.find(statement.unit, line.find(":", statement.end))
        statement.source.fail(str(error), at, at + len(statement.unit))
