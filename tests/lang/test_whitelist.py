"""Nothing but the language is read, and nothing in a text is ever executed."""

import ast
import subprocess
import sys
import textwrap

import pytest

from spikelet.errors import EquationError
from spikelet.lang import parser
from spikelet.lang.syntax import Source
from spikelet.model import Neuron

# One example of each kind of expression of Python, and whether the language has it. A new version of Python that has a
# new kind fails `test_every_kind_of_node_is_decided` until someone decides.
KINDS: dict[str, tuple[str, bool]] = {
    "BoolOp": ("a < 1 and b < 1", True),
    "BinOp": ("a + b", True),
    "UnaryOp": ("-a", True),
    "Compare": ("a < b", True),
    "Call": ("exp(a)", True),
    "Name": ("a", True),
    "Subscript": ("v[k+1]", True),
    "Constant": ("'a'", False),  # numbers are masked before Python's parser sees them; no constant is left
    "NamedExpr": ("(a := b)", False),
    "Lambda": ("lambda a: a", False),
    "IfExp": ("a if b else c", False),
    "Dict": ("{a: b}", False),
    "Set": ("{a, b}", False),
    "List": ("[a, b]", False),
    "Tuple": ("(a, b)", False),
    "ListComp": ("[a for a in b]", False),
    "SetComp": ("{a for a in b}", False),
    "DictComp": ("{a: a for a in b}", False),
    "GeneratorExp": ("(a for a in b)", False),
    "Await": ("await a", False),
    "Yield": ("(yield a)", False),
    "YieldFrom": ("(yield from a)", False),
    "JoinedStr": ("f'{a}'", False),
    "FormattedValue": ("f'{a}'", False),
    "TemplateStr": ("t'{a}'", False),
    "Interpolation": ("t'{a}'", False),
    "Attribute": ("a.b", False),
    "Starred": ("exp(*a)", False),
    "Slice": ("a[b:c]", False),
}
OPERATORS: dict[str, tuple[str, bool]] = {
    "Add": ("a + b", True), "Sub": ("a - b", True), "Mult": ("a*b", True), "Div": ("a/b", True),
    "FloorDiv": ("a//b", True),
    "Mod": ("a % b", True), "Pow": ("a**b", True), "MatMult": ("a @ b", False), "LShift": ("a << b", False),
    "RShift": ("a >> b", False), "BitOr": ("a | b", False), "BitXor": ("a ^ b", False), "BitAnd": ("a & b", False),
    "UAdd": ("+a", True), "USub": ("-a", True), "Not": ("not a < b", True), "Invert": ("~a", False),
    "And": ("a < 1 and b < 1", True), "Or": ("a < 1 or b < 1", True),
    "Lt": ("a < b", True), "LtE": ("a <= b", True), "Gt": ("a > b", True), "GtE": ("a >= b", True),
    "Eq": ("a == b", True),
    "NotEq": ("a != b", True), "Is": ("a is b", False), "IsNot": ("a is not b", False), "In": ("a in b", False),
    "NotIn": ("a not in b", False),
}  # fmt: skip


def kinds(*parents: type) -> set[str]:
    return {kind.__name__ for parent in parents for kind in parent.__subclasses__() if kind.__module__ == "ast"}


def test_every_kind_of_node_is_decided():
    assert kinds(ast.expr) <= set(KINDS)
    assert kinds(ast.operator, ast.unaryop, ast.boolop, ast.cmpop) <= set(OPERATORS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS | OPERATORS if hasattr(ast, kind)])
def test_only_the_kinds_of_the_language_are_read(kind: str):
    text, allowed = (KINDS | OPERATORS)[kind]
    assert any(type(node).__name__ == kind for node in ast.walk(ast.parse(text, mode="eval")))
    source = Source("M", text)  # straight to the parser of expressions: characters are not looked at
    if allowed:
        parser.expression(source, 0, len(text), ())
    else:
        with pytest.raises(EquationError):
            parser.expression(source, 0, len(text), ())


def test_the_trees_of_the_language_hold_no_other_kind():
    """A node hidden inside an allowed one is refused, too."""
    for text, allowed in [*KINDS.values(), *OPERATORS.values()]:
        for around in ("exp({})", "-({})", "1 + {}", "{} < 2", "v[k+({})]", "({})(a)"):
            hidden = around.format(text)
            if not allowed or around.startswith(("v[", "({})(")):
                with pytest.raises(EquationError):
                    parser.expression(Source("M", hidden), 0, len(hidden), ())


ATTACKS = [
    "__import__(1)",
    "exec(a)",
    "eval(a)",
    "open(a)",
    "print(1)",
    "getattr(a, b)",
    "a.__class__",
    "().__class__.__bases__[0].__subclasses__()",
    "exp.__globals__",
    "[a for a in b][0]",
    "(lambda: 0)()",
    "exp(exec(1))",
    "__builtins__",
    "exp[k+1]",
    "breakpoint()",
    "a\\\nb",
    "'x' % a",
    "f'{a}'",
    "a; import os",
    "a\nimport os",
    "#\nimport os\n",
    "exp(a) if print(1) else 0",
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", ["flow", "sub", "parameter", "threshold", "reset", "refractory", "initial"])
def test_code_is_refused_everywhere(attack: str, place: str):
    text = "dv/dt = -v/tau : 1; tau = 1 ms"
    events = {"threshold": "v > 1", "reset": "v = 0"}
    if place in ("threshold", "refractory"):
        events |= {place: f"v > {attack}"}
    elif place in ("reset", "initial"):
        events |= {place: f"v = {attack}"}
    else:
        text += {"flow": f"; dw/dt = {attack} : 1", "sub": f"; w = {attack} : 1", "parameter": f"; w = {attack}"}[place]
    with pytest.raises(EquationError):
        Neuron("M", text, **events)


def test_reading_a_text_executes_and_opens_nothing():
    """The interpreter itself reports every exec, open and process while texts, good and bad, are read."""
    script = f"""
        import difflib, re, sys  # what is imported late, for messages
        from spikelet.errors import EquationError
        from spikelet.model import Neuron
        from spikelet.neurons import LIF
        events, watching = [], False
        sys.addaudithook(lambda event, args: events.append(event) if watching else None)
        watching = True
        LIF(tau_mem=5.0)
        Neuron.from_json(LIF.to_json())
        for attack in {ATTACKS!r}:
            try:
                Neuron("M", f"dv/dt = {{attack}} : 1", threshold=attack)
            except EquationError:
                pass
        watching = False
        print(sorted(set(events) - {{"compile", "object.__getattr__", "sys._getframe"}}))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
