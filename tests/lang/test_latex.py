"""A model as LaTeX: balanced, complete, and with brackets where the meaning needs them."""

import re

import pytest

from spikelet import neurons
from spikelet.lang import latex, parser
from spikelet.lang.syntax import Source
from spikelet.model import Neuron

ZOO = neurons.entries()


def shown(text: str) -> str:
    return latex.expression(parser.expression(Source("M", text), 0, len(text), ()))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("v", "v"), ("tau", r"\tau"), ("tau_mem", r"\tau_{\mathrm{mem}}"), ("v_th", r"v_{\mathrm{th}}"),
        ("x1", "x_{1}"), ("g_Na", r"g_{\mathrm{Na}}"),
        ("theta2", r"\theta_{2}"), ("drive", r"\mathrm{drive}"), ("a_b_c", r"a_{\mathrm{b,c}}"),
        ("k1_x", r"k_{\mathrm{1,x}}"), ("x_1", "x_{1}"), ("Delta", r"\Delta"),
    ],
)  # fmt: skip
def test_names(name: str, expected: str):
    assert latex.symbol(name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b - c", "a + b - c"),
        ("a - (b - c)", r"a - \left(b - c\right)"),
        ("a - (b + c)", r"a - \left(b + c\right)"),
        ("(a + b)*c", r"\left(a + b\right)\,c"),
        ("a*b + c", r"a\,b + c"),
        ("-a*b", r"\left(-a\right)\,b"),
        ("-(a*b)", r"-a\,b"),
        ("a*-b", r"a\,\left(-b\right)"),
        ("-(a + b)", r"-\left(a + b\right)"),
        ("a - -b", r"a - \left(-b\right)"),
        ("(a + b)/c", r"\frac{a + b}{c}"),
        ("(a + b)**2", r"{\left(a + b\right)}^{2}"),
        ("(-a)**2", r"{\left(-a\right)}^{2}"),
        ("-a**2", "-{a}^{2}"),
        ("(a*b)**2", r"{\left(a\,b\right)}^{2}"),
        ("(a/b)**2", r"{\left(\frac{a}{b}\right)}^{2}"),
        ("(a**b)**c", r"{\left({a}^{b}\right)}^{c}"),
        ("a**(b + c)", "{a}^{b + c}"),
        ("(a % b)*c", r"\left(a \bmod b\right)\,c"),
        ("a*(b % c)", r"a\,\left(b \bmod c\right)"),
        ("a//b", r"\left\lfloor \frac{a}{b} \right\rfloor"),
        ("exp(a)", r"\exp\left(a\right)"),
        ("40 mV", r"40\,\mathrm{mV}"),
        ("1.5e-3", r"1.5\cdot 10^{-3}"),
        ("1e+3", r"1\cdot 10^{3}"),
        ("v[k+1]", "v^{k+1}"),
        ("2*pi*a", r"2\,\pi\,a"),
        ("(2 mV)**2", r"{\left(2\,\mathrm{mV}\right)}^{2}"),
        ("120 mS/cm2", r"120\,\mathrm{mS/cm^{2}}"),
        ("35.4 Ohm*cm", r"35.4\,\mathrm{Ohm\,cm}"),
        ("1e3 mV*a", r"1\cdot 10^{3}\,\mathrm{mV}\,a"),
        ("a - b - c", "a - b - c"),
        ("a/b/c", r"\frac{\frac{a}{b}}{c}"),
        ("a*(b - c)/d", r"\frac{a\,\left(b - c\right)}{d}"),
        ("-a/b", r"\frac{-a}{b}"),
        ("a**-b", "{a}^{-b}"),
        ("a < b and c >= d", r"a < b \wedge c \ge d"),
        ("not (a < b or c < d)", r"\neg \left(a < b \vee c < d\right)"),
        ("(a < b or c < d) and e < f", r"\left(a < b \vee c < d\right) \wedge e < f"),
        ("normal()*uniform()", r"\mathcal{N}(0,1)\,U(0,1)"),
    ],
)
def test_expressions(text: str, expected: str):
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/mV*v", r"\frac{a}{\mathrm{mV}}\,v"),
        ("a/mV**2*(1 mV)*v", r"\frac{a}{\mathrm{mV^{2}}}\,1\,\mathrm{mV}\,v"),
        ("pi*v", r"\pi\,v"),
    ],
)
def test_constants_and_units_keep_their_names(text: str, expected: str):
    model = Neuron("M", f"v[k+1] = {text} : 1; a = 1 mV")
    assert f"&= {expected}\n" in model._repr_latex_()


def balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    pairs = [len(re.findall(rf"\\{side}(?![a-z])", text)) for side in ("left", "right")]
    return depth == 0 and pairs[0] == pairs[1] and text.count(r"\begin") == text.count(r"\end")


@pytest.mark.parametrize("name", ZOO)
def test_every_model_of_the_zoo(name: str):
    text = ZOO[name]._repr_latex_()
    assert balanced(text)
    for state in ZOO[name].states:
        assert latex.symbol(state) in text
    assert text.startswith(r"\begin{aligned}") and text.endswith(r"\end{aligned}")


def test_every_part_of_a_model_is_shown():
    model = Neuron(
        "M",
        "dv/dt = (m - v)/tau + xi/(1 ms)**0.5 : 1 (unless refractory); u[k+1] = v[k+1] : 1; m = I*2 : 1\n"
        "I : 1 (input); tau = 20 ms",
        threshold="v > 1", reset="v = 0; u += 1", refractory="2 ms", on_recovery="u = 0", initial="v = 0.5",
    )  # fmt: skip
    assert model._repr_latex_() == "\n".join([
        r"\begin{aligned}",
        r"\frac{dv}{dt} &= \frac{m - v}{\tau} + \frac{\xi}{{\left(1\,\mathrm{ms}\right)}^{0.5}} \\",
        r"u^{k+1} &= v^{k+1} \\",
        r"m &= I\,2 \\",
        r"\text{if } v > 1 &:\; \text{spike},\; v \leftarrow 0,\; u \leftarrow u + 1 \\",
        r"\text{refractory} &:\; 2\,\mathrm{ms} \\",
        r"\text{on recovery} &:\; u \leftarrow 0 \\",
        r"\text{initially} &:\; v \leftarrow 0.5",
        r"\end{aligned}",
    ])  # fmt: skip
