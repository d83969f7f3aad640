"""Properties over random texts and trees: whatever is typed, the answer is a model or an error of ours."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from spikelet.errors import EquationError, ModelError, SpikeletError
from spikelet.lang import parser
from spikelet.lang.functions import FUNCTIONS
from spikelet.lang.syntax import Expr, Source
from spikelet.model import Neuron, Surrogate
from spikelet.simulate import run, show

LIF = """
dv/dt = (v_rest - v + R*I)/tau : mV (unless refractory)  # the membrane
da[k+1] = 0.9*da : 1; m = 1/(1 + exp(-v/(5 mV))) : 1
I : pA (input); tau = 20 ms; R = 0.1 GOhm; v_rest = -65 mV; t_ref = 2 ms
"""
GRAMMAR = "abdvtkI_0123456789.+-*/%<>=!()[],:;# \t\n\r^"
TOKENS = [
    "v", "w", "I", "t", "dt", "xi", "spike", "tau", "k", "dv/dt", "v[k+1]", " = ", " : ", "mV", "ms", "1", "0", "2.5",
    "1e9", "40 mV", "3 int", "(", ")",
    "+", "-", "*", "/", "**", "//", "%", "<", ">=", "==", " and ", " or ", " not ", ",", ";", "\n", "# c", "exp(",
    "where(", "uniform()", "(input)",
    "(unless refractory)", "int", "lambda ", " if ", " else ", ".", "[", "]",
]  # fmt: skip
LOOK_ALIKES = list("\u0430\uff56\u2212\u00d7\u2044\u03c4\u00a0\u200b\u2028\x00\x1b\ufeff\ud800\U0001d42f\u0660\u00b2")


def read(text: str, **events: str) -> Neuron | None:
    """Make a model of a text; an error must be ours, and hold no more than a screen of text."""
    try:
        return Neuron("M", text, **events)
    except ModelError as error:
        assert len(str(error)) < 1000
        assert str(error).isprintable() or "\n" in str(error)
        str(error).encode()  # can be printed anywhere
        return None


def use(model: Neuron | None) -> None:
    """Do everything that can be done with a model: other errors of ours are fine, none of Python."""
    if model is None:
        return
    assert Neuron.from_json(model.to_json()) == model
    repr(model), model._repr_latex_()
    try:
        run(model, {name: 0.5 for name in model.inputs}, t=2, dt=1, n=2)
        show(model, "torch")
    except SpikeletError as error:
        str(error).encode()


# --- garbage ----------------------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.text(max_size=60))
@example("")
@example("\x00")
@example("\ud800")
@example("dv/dt = \uff56 : 1")
@example("v = 1 : 1")
def test_any_text(text: str):
    use(read(text))


@settings(max_examples=400)
@given(st.text(alphabet=GRAMMAR, max_size=80))
def test_any_text_of_the_characters_of_the_language(text: str):
    use(read(text))
    use(read("dv/dt = -v/(1 ms) : 1", threshold=text, reset=text))


@settings(max_examples=400)
@given(
    st.lists(st.sampled_from(TOKENS), max_size=25).map("".join),
    st.sampled_from(["text", "right", "threshold", "reset", "refractory", "initial"]),
)
@example("1 V**9999", "right")
@example("v**(1/0 int)", "right")
@example("1_000", "right")
@example("5 mV(v)", "right")
def test_any_words_of_the_language_in_any_place(words: str, place: str):
    flow = "dv/dt = -v/(1 ms) : 1; tau = 2 ms; I : 1 (input)"
    if place == "text":
        use(read(words))
    elif place == "right":
        use(read(f"{flow}\nw = {words} : 1\nx = {words}\ndu/dt = {words} : 1"))
    else:
        use(read(flow, **({"threshold": "v > 1"} | {place: words})))


@settings(max_examples=300)
@given(
    st.integers(0, len(LIF)),
    st.integers(0, 3),
    st.one_of(st.text(alphabet=GRAMMAR, max_size=3), st.sampled_from(LOOK_ALIKES), st.sampled_from(TOKENS)),
)
def test_a_model_with_a_few_characters_changed(at: int, cut: int, put: str):
    use(read(LIF[:at] + put + LIF[at + cut :], threshold="v > -50 mV", reset="v = v_rest", refractory="t_ref"))


@settings(max_examples=200)
@given(st.text(max_size=40), st.one_of(st.text(max_size=20), st.text(alphabet=GRAMMAR, max_size=40)))
def test_any_surrogate(head: str, tail: str):
    for text in (head, f"ds/dx = {tail}", f"ds/dx = 1/(1 + x**2); {tail}"):
        try:
            found = Surrogate("f", text)
        except EquationError as error:
            str(error).encode()
            continue
        assert Surrogate.from_json(found.to_json()) == found


plain = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)
anything = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [*json.loads(Neuron("M", "v[k+1] = v : 1").to_json()), "tau", "v"]


@settings(max_examples=200)
@given(anything, st.sampled_from(FIELDS))
def test_any_saved_model(value: Any, field: str):
    data = json.loads(Neuron("M", "v[k+1] = v : 1; tau = 2 ms").to_json())
    for changed in ({**data, field: value}, {**data, "values": {field: value}}, value):
        try:
            use(Neuron.from_json(json.dumps(changed)))
        except ModelError as error:
            str(error).encode("utf-8", "surrogatepass")


@settings(max_examples=100)
@given(st.binary(max_size=30) | st.text(max_size=30))
def test_any_file_in_place_of_a_saved_model(content: Any):
    for kind in (Neuron, Surrogate):
        with pytest.raises(ModelError):
            kind.from_json(content)


# --- limits: every long or deep text is stopped by its length or depth, so that nothing takes long --------------------

TOWER = "".join(f"x{i} = x{i + 1} : 1\n" for i in range(800))
GARBAGE = {
    "100 kB of garbage": ("x@#$%^&*()" * 10_000, "the text has 100000 characters"),
    "100 kB of blanks": (" " * 100_000, "the text has 100000 characters"),
    "100 kB of brackets": ("v[k+1] = " + "(" * 100_000, "the text has 100009 characters"),
    "100 kB of digits": ("x = " + "9" * 100_000, "the text has 100004 characters"),
    "100 kB of zeros in a comment": ("v[k+1] = v : 1 #" + "\x00" * 100_000, "the text has 100016 characters"),
    "a line of 20 kB": ("v[k+1] = " + "v + " * 4000 + "v : 1", "an expression of .* characters; at most 2000"),
    "a number of 20 kB": ("x = " + "9" * 19_000, "an expression of 19001 characters"),
    "a number of 1900 digits": ("x = " + "9" * 1900, "this number is too large"),
    "a small number of 1900 digits": ("x = 0." + "0" * 1900 + "1; y", "expected 'dv/dt"),
    "an exponent of 1900 digits": ("x = 1e" + "9" * 1900, "this number is too large"),
    "an integer whose power is large": ("v[k+1] = 9**9**9**9**9**9 : int", "may not be"),
    "a unit of 20 kB": ("x : " + "mV*" * 6000 + "mV", "a unit of more than 80 characters"),
    "a unit of blanks": ("x : " + " " * 19_000 + "(", "expected a unit after ':'"),
    "a power of a unit": ("x = 1 V**" + "9" * 60, "too large or too small for a unit"),
    "a power of a unit after the colon": ("x : 1/V**" + "9" * 60, "too large or too small for a unit"),
    "a unit near the largest number": ("x = 1e300 A**9*A**9", "this number is too large"),
    "brackets": ("v[k+1] = " + "(" * 900 + "v" + ")" * 900 + " : 1", "nested more than 100 deep"),
    "brackets that never close": ("v[k+1] = " + "(" * 1900 + " : 1", "nested more than 100 deep"),
    "minus signs": ("v[k+1] = " + "-" * 1900 + "v : 1", "nested more than 100 deep"),
    "negations": ("v[k+1] = where(" + "not " * 400 + "v > 1, 1, 0) : 1", "nested more than 100 deep"),
    "calls": ("v[k+1] = " + "abs(" * 300 + "v" + ")" * 300 + " : 1", "nested more than 100 deep"),
    "powers": ("v[k+1] = " + "v**" * 600 + "v : 1", "nested more than 100 deep"),
    "indices": ("v[k+1] = " + "v[" * 400 + "k" + "]" * 400 + " : 1", "nested more than 100 deep"),
    "a chain of comparisons": ("v[k+1] = where(" + "v<" * 900 + "v, 1, 0) : 1", "nested more than 100 deep"),
    "a chain of ands": ("v[k+1] = where(" + "v<1 and " * 200 + "v<1, 1, 0) : 1", "nested more than 100 deep"),
    "a tower of sub-expressions": (TOWER + "x800 = v : 1\nv[k+1] = x0 : 1", "more than 100 deep"),
    "a circle of sub-expressions": (TOWER + "x800 = x0 : 1\nv[k+1] = x0 : 1", "more than 100 deep"),
    "a cyrillic a": ("d\u0430/dt = 1 : 1", "the character '\u0430' is not allowed"),
    "a wide letter": ("d\uff56/dt = 1 : 1", "the character '\uff56' is not allowed"),
    "a true minus": ("dv/dt = \u2212v/(1 ms) : 1", "the character '\u2212' is not allowed"),
    "a blank that does not break": ("dv/dt =\u00a0-v/(1 ms) : 1", r"the character U\+00A0 is not allowed"),
    "a zero": ("dv/dt = \x00 : 1", r"the character U\+0000 is not allowed"),
    "half of a pair of surrogates": ("dv/dt = \ud800 : 1", r"the character U\+D800 is not allowed"),
    "an escape code": ("dv/dt = \x1b[31m : 1", r"the character U\+001B is not allowed"),
    "an arabic digit": ("x = \u0661", "the character '\u0661' is not allowed"),
    "a superscript": ("v[k+1] = v\u00b2 : 1", "the character '\u00b2' is not allowed"),
}  # fmt: skip


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_too_long_too_deep_or_too_strange_says_so(name: str):
    text, message = GARBAGE[name]
    if len(text) < parser.MAX_TEXT - 100:
        text += "\nz[k+1] = z : 1"
    with pytest.raises(EquationError, match=message) as caught:
        Neuron("M", text)
    assert len(str(caught.value)) < 1000
    str(caught.value).encode()


@pytest.mark.parametrize("event", ["threshold", "reset", "refractory", "on_recovery", "initial"])
def test_events_have_the_same_limits(event: str):
    for text in ("(" * 100_000, "v > " + "-" * 1900 + "v", "v = " + "(" * 1000, "v = \u2212v", "v = 1e999", "\x00"):
        with pytest.raises(EquationError):
            Neuron("M", "dv/dt = -v/(1 ms) : 1", **({"threshold": "v > 1"} | {event: text}))


def test_a_text_at_its_limit_is_read():
    lines = ["dv/dt = -v/tau : 1", *(f"p{i} = {i} ms" for i in range(1200)), "tau = 2 ms  # "]
    text = "\n".join(lines)
    text += "x" * (parser.MAX_TEXT - len(text))
    assert len(Neuron("M", text).parameters) == 1201


# --- what is printed is read back as it was ---------------------------------------------------------------------------

BINARY = {
    "or": 1,
    "and": 2,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "==": 4,
    "!=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "//": 6,
    "%": 6,
    "**": 8,
}
UNARY = {"not": 3, "neg": 7}
Tree = tuple[Any, ...]


def numbers() -> st.SearchStrategy[Tree]:
    whole = st.integers(0, 2**53 - 1)
    real = st.floats(0, 1e300, allow_subnormal=False).map(float)
    return st.one_of(whole, real).map(lambda value: ("number", value))


def trees() -> st.SearchStrategy[Tree]:
    names = st.sampled_from(["v", "w_2", "_x", "I", "k", "e1", "mV", "exp_", "nota", "Or"]).map(
        lambda name: ("name", name)
    )
    new = st.sampled_from(["v", "w_2"]).map(lambda name: ("next", name))

    def grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        binary = st.tuples(st.sampled_from(list(BINARY)), st.none(), inner, inner)
        unary = st.tuples(st.sampled_from(list(UNARY)), st.none(), inner)
        calls = [st.tuples(st.just("call"), st.just(f.name), *[inner] * f.arity) for f in FUNCTIONS.values()]
        return st.one_of(binary, binary, unary, *calls)

    return st.recursive(numbers() | names | new, grown, max_leaves=25)


def printed(tree: Tree, outer: int = 0, spaces: str = " ") -> str:
    """Print a tree with as few brackets as Python's grammar needs."""
    head, value, *args = tree
    if head == "number":
        return repr(value)
    if head in ("name", "next"):
        return value if head == "name" else f"{value}[k+1]"
    if head == "call":
        return f"{value}({', '.join(printed(arg) for arg in args)})"
    level = (BINARY | UNARY)[head]
    if head == "not":
        text = f"not {printed(args[0], level, spaces)}"
    elif head == "neg":
        text = f"-{printed(args[0], level, spaces)}"
    elif head == "**":
        text = f"{printed(args[0], level + 1, spaces)}**{printed(args[1], UNARY['neg'], spaces)}"
    else:
        left, right = level + (level == 4), level + 1  # a comparison in a comparison would be a chain
        text = f"{printed(args[0], left, spaces)} {head} {printed(args[1], right, spaces)}"
    return f"({text})" if level < outer else text


def parsed(text: str) -> Tree:
    def plain(expr: Expr) -> Tree:
        return (expr.op, expr.value, *(plain(arg) for arg in expr.args))

    return plain(parser.expression(Source("M", text), 0, len(text), ()))


@settings(max_examples=400)
@given(trees())
@example(("**", None, ("neg", None, ("number", 2)), ("neg", None, ("name", "v"))))
@example(("neg", None, ("**", None, ("name", "v"), ("number", 2))))
@example(("-", None, ("name", "v"), ("-", None, ("name", "v"), ("name", "I"))))
@example(("/", None, ("name", "v"), ("*", None, ("name", "v"), ("name", "mV"))))
@example(("<", None, ("<", None, ("name", "v"), ("name", "v")), ("name", "v")))
@example(("number", 5e-324))
def test_a_tree_that_is_printed_is_read_back(tree: Tree):
    text = printed(tree)
    found = parsed(text)
    assert found == tree
    assert all(type(a) is type(b) for a, b in zip(_leaves(found), _leaves(tree), strict=True))


def _leaves(tree: Tree) -> list[Any]:
    _, value, *args = tree
    return [value, *(leaf for arg in args for leaf in _leaves(arg))]


@settings(max_examples=100)
@given(trees())
def test_brackets_and_blanks_do_not_matter(tree: Tree):
    text = printed(tree)
    assert parsed(f" ( {text} )\t") == parsed(text)


# --- models as JSON ---------------------------------------------------------------------------------------------------

real = st.floats(allow_nan=False)
positive = st.floats(0, exclude_min=True, allow_nan=False)
arrays = st.lists(real, min_size=1, max_size=4) | st.lists(
    st.lists(real, min_size=2, max_size=2), min_size=1, max_size=3
)


@settings(max_examples=200)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "v_th": real | arrays | arrays.map(np.array),
            "tau": positive | st.lists(positive, min_size=1, max_size=3),
            "bits": st.integers(-(2**53) + 1, 2**53 - 1),
            "required": real,
            "surrogate_scale": st.floats(width=32, allow_nan=False) | st.integers(-(2**70), 2**70),
        },
    ),
    st.booleans(),
    st.text(max_size=20),
)
def test_a_model_comes_back_from_json(values: dict[str, Any], attached: bool, doc: str):
    text = "dv/dt = (I - v)/tau : mV; n[k+1] = n + bits : int; I : mV (input)\n"
    text += "tau = 20 ms; v_th = 1 mV; bits = 3 int; required : 1"
    model = Neuron("M", text, threshold="v > v_th", reset="v = 0")(reset_gradient=attached, doc=doc, **values)
    back = Neuron.from_json(model.to_json())
    assert back == model and hash(back) == hash(model) and back.to_json() == model.to_json()
    for name, value in model.parameters.items():
        assert type(back.parameters[name]) is type(value)
        np.testing.assert_array_equal(back.parameters[name], value)  # type: ignore[arg-type]  # None is equal to None
    for name, value in values.items():
        np.testing.assert_array_equal(np.asarray(model.parameters[name]), np.asarray(value, dtype=np.float64))
