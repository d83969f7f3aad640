"""Names are replaced where the tree has them, and nowhere else."""

import pytest

from spikelet.lang import parser
from spikelet.lang.rename import renamed, same_meaning
from spikelet.lang.syntax import Expr, Statement
from spikelet.lang.variables import Variable
from spikelet.model import Neuron

REST = "e = 1; ex = 2; m = 3 mV; mV2 = 1; g = 1; k1 = 1"


def sub(text: str) -> tuple[Statement, Expr]:
    full = f"s = {text}; v[k+1] = v : 1; {REST}"
    model = Neuron("M", full, initial="v = 1")
    line = next(line for line in parser.statements("M", full) if line.name == "s")
    variable: Variable = model.definition.variables["s"]
    assert variable.expr is not None
    return line, variable.expr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("e + ex*e : 1", "E_ + EX*E_"),
        ("exp(e) + ex : 1", "exp(E_) + EX"),
        ("1e3*e - 2e-1*ex : 1", "1e3*E_ - 2e-1*EX"),
        ("(e) + ( ex ) : 1", "(E_) + ( EX )"),
        ("m/mV*mV2 : 1", "M_/(1 mV)*mV2"),
        ("3 mV*e/m : 1", "3 mV*E_/M_"),
        ("m/mV**2*m : 1", "M_/(1 mV**2)*M_"),
        ("where((e) < ex and ex < 4, e, pi) : 1", "where((E_) < EX and EX < 4, E_, pi)"),
        ("where(e < ex < 4, 1, e) : 1", "where(E_ < EX < 4, 1, E_)"),
        ("e**2*-ex : 1", "E_**2*-EX"),
    ],
)
def test_names_change_and_the_rest_stays(text: str, expected: str):
    line, expr = sub(text)
    assert renamed(expr, line.body, {"e": "E_", "ex": "EX", "m": "M_"}) == expected


def test_new_values_of_maps_are_renamed_too():
    text = "v[k+1] = v + 1 : 1; u[k+1] = v[k+1] + u*v : 1"
    expr = Neuron("M", text).definition.variables["u"].expr
    line = parser.statements("M", text)[1]
    assert expr is not None
    assert renamed(expr, line.body, {"v": "vv", "u": "a_u"}) == "vv[k+1] + a_u*vv"


def test_the_same_meaning_under_other_names():
    _, a = sub("e + ex*m/mV : 1")
    _, b = sub("ex + g*m/mV : 1")
    _, c = sub("ex + g*m/uV : 1")
    _, d = sub("ex - g*m/mV : 1")
    names = {"e": "ex", "ex": "g"}
    assert same_meaning(a, b, names)
    assert not same_meaning(a, b, {}) and not same_meaning(a, c, names) and not same_meaning(a, d, names)
