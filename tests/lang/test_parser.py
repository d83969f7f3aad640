"""Text -> tree: the kinds of line, where each part stands in the user's text, and what the tree is."""

from typing import Any

import pytest

from spikelet.errors import EquationError
from spikelet.lang import parser
from spikelet.lang.syntax import Expr, Source, Statement
from spikelet.units import ONE, TIME, VOLTAGE


def read(text: str, declared: tuple[str, ...] = ()) -> Expr:
    """Return the tree of an expression."""
    return parser.expression(Source("M", text), 0, len(text), declared)


def tree(text: str) -> Any:
    """Return an expression without places: operators with their operands, names and numbers as they are."""

    def plain(expr: Expr) -> Any:
        if not expr.args:
            return expr.value
        head = expr.op if expr.value is None else f"{expr.op} {expr.value}"
        return (head, *(plain(arg) for arg in expr.args))

    return plain(read(text))


def only(text: str) -> Statement:
    """Return the one statement of a text."""
    (statement,) = parser.statements("M", text)
    return statement


# --- kinds of line ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "name", "unit", "flags"),
    [
        ("dv/dt = -v/tau : mV", "flow", "v", "mV", ()),
        ("dv/dt = -v/tau : mV (unless refractory)", "flow", "v", "mV", ("unless refractory",)),
        ("  dv_2  /  dt  =  1  :  1  ", "flow", "v_2", "1", ()),
        ("v[k+1] = 0.9*v : 1", "map", "v", "1", ()),
        ("v [ k + 1 ] = 0.9*v : int", "map", "v", "int", ()),
        ("m_inf = a/(a + b) : 1/ms", "sub", "m_inf", "1/ms", ()),
        ("tau = 20 ms", "parameter", "tau", "", ()),
        ("tau : ms", "required", "tau", "ms", ()),
        ("I : pA (input)", "input", "I", "pA", ("input",)),
        ("I:pA(input)", "input", "I", "pA", ("input",)),
        ("g : mS/cm2 ( input )( else )", "required", "g", "mS/cm2", ("input", "else")),
    ],
)
def test_each_kind_of_line(text: str, kind: str, name: str, unit: str, flags: tuple[str, ...]):
    found = only(text)
    if "input" in flags:
        kind = "input"
    assert (found.kind, found.name, found.unit, found.flags) == (kind, name, unit, flags)
    assert (found.expr is None) == (kind in ("required", "input"))
    assert found.source.line[found.start : found.end] == name


@pytest.mark.parametrize(
    "text",
    [
        "v",
        "v mV",
        "dv/dx = 1 : 1",
        "dv/dt : mV",
        "v[k] = 1 : 1",
        "v[k+2] = 1 : 1",
        "2 = v : 1",
        "= 3",
        "(v)",
        "v' = 1 : 1",
    ],
)
def test_other_lines_are_refused(text: str):
    with pytest.raises(EquationError):
        parser.statements("M", text)


def test_a_flow_named_after_a_comparison_is_none():
    with pytest.raises(EquationError, match="expected 'dv/dt"):
        parser.statements("M", "v == 3")


# --- semicolons, comments, lines --------------------------------------------------------------------------------------


def test_semicolons_join_and_comments_end_lines():
    text = """
    a = 1 ;; b = 2;  # c = 3; 'anything' at all: ü € \t { } @
    # d = 4
    e = 5  #
    """
    found = parser.statements("M", text)
    assert [line.name for line in found] == ["a", "b", "e"]
    assert [line.source.label for line in found] == ["M, line 1 (a)", "M, line 1 (b)", "M, line 3 (e)"]


@pytest.mark.parametrize("blank", ["", "\n", "\n\n   \n", "\r\n\r\n", "  "])
def test_lines_are_counted_from_the_first_that_is_not_blank(blank: str):
    text = f"{blank}a = 1\n\n   b = 2\n"
    assert [line.source.label for line in parser.statements("M", text)] == ["M, line 1 (a)", "M, line 3 (b)"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_convention_of_line_ends_is_read_alike(end: str):
    text = f"dv/dt = (I - v)/tau : mV{end}I : mV (input){end}tau = 20 ms{end}"
    found = parser.statements("M", text)
    assert [(line.kind, line.name, line.unit) for line in found] == [
        ("flow", "v", "mV"), ("input", "I", "mV"), ("parameter", "tau", ""),
    ]  # fmt: skip


def test_events_are_read_in_order_with_their_operators_spelt_out():
    found = parser.assignments("M", "reset", "v = v_reset; w += b;\n u *= 2 # c", ["v", "w", "u"])
    assert [(part.name, part.expr.unspanned()) for part in found] == [
        ("v", ("name", "v_reset")),
        ("w", ("+", None, ("name", "w"), ("name", "b"))),
        ("u", ("*", None, ("name", "u"), ("number", 2))),
    ]
    assert [part.source.label for part in found] == ["M, reset, line 1", "M, reset, line 1", "M, reset, line 2"]


def test_a_condition_may_span_lines_and_hold_comments():
    found = parser.condition("M", "threshold", "v > v_th # the usual one, at -50 mVolts\n  and t > 5 ms", [])
    assert found.unspanned() == (
        "and", None, (">", None, ("name", "v"), ("name", "v_th")), (">", None, ("name", "t"), ("number", 5.0)),
    )  # fmt: skip


# --- places -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number", "column", "width"),
    [
        ("dv/dt = (x - v)/tau : mV", 1, 9, 1),
        ("\n\n    dv/dt = v :  mV ;  a = (1 + x*2) : 1", 1, 32, 1),
        ("tau = 1 ms\n\n  dv/dt = 40 mV/ms + 0.5e-3*xx : mV", 3, 28, 2),
        ("dv/dt = exp( -x/(2 mV) ) : 1", 1, 14, 1),
        ("dv/dt = 5 mV*x : 1", 1, 13, 1),
    ],
)
def test_the_caret_stands_under_the_name(text: str, number: int, column: int, width: int):
    from spikelet.lang.definition import define

    with pytest.raises(EquationError) as caught:
        define("M", text, dict.fromkeys(("threshold", "reset", "refractory", "on_recovery", "initial"), ""))
    head, quoted, carets = str(caught.value).split("\n")
    line = text.strip("\n").split("\n")[number - 1]
    lead = len(line) - len(line.lstrip())
    assert head.startswith(f"M, line {number} (")
    assert quoted == "    " + line.strip()
    assert carets == " " * (4 + column - lead) + "^" * width


@pytest.mark.parametrize("text", ["  a*(b + c)", "a+exp( b )-c", "where(a > b, 1 mV, c[k+1])", "(a)", "-a**b"])
def test_every_node_knows_its_place(text: str):
    def check(expr: Expr):
        inside = text[expr.start : expr.end]
        if expr.op in ("name", "next"):
            assert inside.startswith(str(expr.value))
        elif expr.op == "number":
            assert inside[0].isdigit()
        else:
            assert read(inside).unspanned() == expr.unspanned()
        for arg in expr.args:
            check(arg)

    check(read(text))


# --- trees ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a - b - c", ("-", ("-", "a", "b"), "c")),
        ("a/b*c", ("*", ("/", "a", "b"), "c")),
        ("a**b**c", ("**", "a", ("**", "b", "c"))),
        ("-a**2", ("neg", ("**", "a", 2))),
        ("2**-a", ("**", 2, ("neg", "a"))),
        ("+a", "a"),
        ("a//b % c", ("%", ("//", "a", "b"), "c")),
        ("(a + b)*c", ("*", ("+", "a", "b"), "c")),
        ("a < b", ("<", "a", "b")),
        ("a < b <= c", ("and", ("<", "a", "b"), ("<=", "b", "c"))),
        (
            "not a < b and c != d or e == f",
            ("or", ("and", ("not", ("<", "a", "b")), ("!=", "c", "d")), ("==", "e", "f")),
        ),
        ("a<1 and b<1 and c<1", ("and", ("and", ("<", "a", 1), ("<", "b", 1)), ("<", "c", 1))),
        ("max(a, exp(b))", ("call max", "a", ("call exp", "b"))),
        ("v[k+1] + 1", ("+", "v", 1)),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1.5e-3", 0.0015),
        ("007", 7),
        ("a1e3", "a1e3"),
        ("uniform()", None),
    ],
)
def test_trees(text: str, expected: Any):
    assert tree(text) == (expected if expected is not None else "uniform")


def test_an_integer_is_exact_and_a_larger_one_a_real_number():
    assert isinstance(read(str(2**53 - 1)).value, int)
    assert read(str(2**53 - 1)).value == 2**53 - 1
    assert isinstance(read(str(2**53)).value, float)


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("40 mV", 40.0, VOLTAGE),
        ("2 s", 2000.0, TIME),
        ("3", 3, ONE),
        ("0", 0, None),
        ("0.0", 0.0, None),
        ("0 mV", 0.0, VOLTAGE),
        ("7 int", 7, ONE),
    ],
)
def test_numbers_know_their_dimension(text: str, value: float, dimension: Any):
    found = read(text)
    assert (found.value, found.dimension, type(found.value)) == (value, dimension, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a b", "a +", "* a", "a ** ** b", "(a", "a)", "a, b", "f(a)", "exp()", "exp(a, b)", "exp a", "2 a",
        "2(a)", "(a)(b)",
        "(a) b", "a = b", "a := b", "1_000", "1.2.3", "1..2", "0x10", "1e", "1e999", "5 mV(2)", "5 mV[k+1]",
        "3.5 int", "v[k]", "v[k+2]",
        "v[k-1]", "v[j+1]", "v[0]", "v[1+k]", "exp[k+1] (a)", "min(a, b=c)", "min(*a, b)", "if", "a if b else",
        "lambda", "not", "a not b",
        "a <> b", "a is b", "a in b", "a.b", ".a", "a.", "5 furlong", "a;b", "a ? b : c", "a & b", "a | b", "a ^ b",
        "~a", "a @ b", "a << 2",
        "a && b", "!a", "a!", "()", "[]", "[a]", "a[b]", "...", "1 mV mV", "1 mV/", "3 _", "3 _x",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(text: str):
    with pytest.raises(EquationError):
        read(text, declared=("a", "b", "c"))
