"""Units after numbers, inside expressions, and what happens where a variable has the name of a unit."""

import pytest

from spikelet.errors import EquationError, UnitError
from spikelet.model import Neuron
from spikelet.simulate import run


def value(text: str, unit: str = "1", **more: str) -> float:
    """Return what an expression in a model's text amounts to, in coherent units."""
    lines = "\n".join(f"{name} = {literal}" for name, literal in more.items())
    model = Neuron("M", f"v[k+1] = {text} : {unit}\n{lines}")
    return float(run(model, t=1, dt=1, record="v", dtype="float64")["v"][0, 0])


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("40 mV", "mV", 40.0),
        ("0.04 V", "mV", 40.0),
        ("40mV", "mV", 40.0),
        ("4e1 mV", "mV", 40.0),
        ("-65 mV", "mV", -65.0),
        ("40 mV/ms", "mV/ms", 40.0),
        ("40 V/s", "mV/ms", 40.0),
        ("(40 mV)/(2 ms)", "mV/ms", 20.0),
        ("0.1/mV", "1/mV", 0.1),
        ("0.1/V", "1/mV", 1e-4),
        ("0.009 /ms", "1/ms", 0.009),
        ("0/ms", "1/ms", 0.0),
        ("0.0/mV**2", "1/mV**2", 0.0),
        ("3 kHz", "1/ms", 3.0),
        ("500 Hz*2 ms", "1", 1.0),
        ("20 mV*3", "mV", 60.0),
        ("20 mV*3 nS", "pA", 60.0),
        ("120 mS/cm2", "mS/cm2", 120e6),
        ("35.4 Ohm*cm", "Ohm*cm", 35.4e-9),
        ("1 uF/cm**2", "uF/cm2", 1e6),
        ("1 uF/cm^2", "uF/cm2", 1e6),
        ("2 cm2/cm", "cm", 2.0),
        ("1/cm2", "1/cm2", 1.0),
        ("8 mV/mV**2", "1/mV", 8.0),
        ("8/ms**2", "1/ms**2", 8.0),
        ("2 mV/ms**0.5", "mV/ms**0.5", 2.0),
        ("2 ms**-1", "1/ms", 2.0),
        ("1 GOhm*1 pA/(1 mV)", "1", 1.0),
        ("310 K/(155 K)", "1", 2.0),
        ("140 mM/(2 M)", "1", 0.07),
    ],
)
def test_a_number_with_its_unit(text: str, unit: str, expected: float):
    assert value(text, unit) == pytest.approx(expected, rel=1e-12)


def test_a_unit_after_a_slash_divides_by_one_of_it():
    assert value("(3 mV)/2/ms", "mV/ms") == 1.5
    assert value("x/2/s", "mV/ms", x="4 mV") == pytest.approx(2e-3, rel=1e-15)
    assert value("x/mV", "1", x="4 mV") == 4.0
    assert value("x/V", "1", x="4 mV") == pytest.approx(4e-3, rel=1e-15)


def test_a_unit_takes_no_more_than_belongs_to_it():
    assert value("6 mV/x", "mV", x="3") == 2.0  # x is no unit
    assert value("6 mV/exp(0*x)", "mV", x="3") == 6.0
    assert value("6 mV/2", "mV") == 3.0
    assert value("6 mV*2 - 1 mV", "mV") == 11.0
    assert value("where(6 mV > 5 mV and 1 < 2, 1, 0)", "1") == 1.0


def test_a_variable_with_the_name_of_a_unit_is_the_variable():
    assert value("6 mV/K", "mV", K="3") == 2.0
    assert value("6/K", "1", K="3") == 2.0
    assert value("6*S", "mV", S="2 mV") == 12.0
    assert value("A/M", "1", A="6", M="3") == 2.0
    assert value("6 S", "S", S="2 mV") == 6e9  # directly after a number only a unit can stand


@pytest.mark.parametrize("text", ["2*mV", "mV", "exp(v/(5*mV))", "mV/ms", "x/(mV*ms)", "x/-mV"])
def test_a_unit_without_a_number_is_an_error_that_says_so(text: str):
    with pytest.raises(EquationError, match=r"'mV' is a unit; write it directly after a number \(1 mV\), or after '/'"):
        Neuron("M", f"v[k+1] = {text} : 1; x = 1")


def test_an_undefined_name_that_looks_like_a_unit_is_found_by_its_dimension():
    with pytest.raises(UnitError, match="must be a plain number, but this is in 1/K"):
        Neuron("M", "v[k+1] = v/K : 1")


@pytest.mark.parametrize(
    ("text", "unit"), [("0", "mV"), ("0.0", "mV/ms"), ("-0", "nS"), ("0*x", "mV"), ("min(x, 0)", "1"), ("0 + 0", "K")]
)
def test_a_literal_zero_fits_every_unit(text: str, unit: str):
    assert value(text, unit, x="3") in (0.0, -0.0)


def test_a_zero_with_a_unit_does_not():
    with pytest.raises(UnitError, match="must be in mV, but this is in ms"):
        Neuron("M", "v[k+1] = 0 ms : mV")


def test_pi():
    assert value("2*pi", "1") == pytest.approx(6.283185307179586, abs=0)
    assert Neuron("M", "v[k+1] = v*x : 1; x = 2*pi*3").parameters["x"] == pytest.approx(18.84955592153876)


@pytest.mark.parametrize(
    ("literal", "expected", "unit"),
    [
        ("20 ms", 20.0, "ms"), ("0.02 s", 20.0, "ms"), ("-65 mV", -65.0, "mV"), ("1/(10 ms)", 0.1, "1/ms"),
        ("5", 5, "1"), ("2*3 mV", 6.0, "mV"),
        ("1 - 3", -2, "1"), ("3 int", 3, "int"), ("-3 int", -3, "int"), ("3int", 3, "int"),
        ("0.3 mS/cm2", 0.3e6, "nS/cm2"), ("0.1/mV", 0.1, "1/mV"), ("0.009 /ms", 0.009, "1/ms"),
        ("2*pi/s", 6.283185307179586e-3, "1/ms"),
    ],
)  # fmt: skip
def test_the_value_of_a_parameter(literal: str, expected: float, unit: str):
    model = Neuron("M", f"v[k+1] = v : 1; x = {literal}")
    assert model.parameters["x"] == pytest.approx(expected, rel=1e-14)
    assert model.unit("x") == unit


@pytest.mark.parametrize(
    "literal", ["exp(1)", "2**3", "y", "5/y", "1/0", "1e308*10", "1e308*9 - 1e308*9", "1/(0 mV)", "5 > 3", "uniform()"]
)
def test_the_value_of_a_parameter_is_a_finite_number(literal: str):
    with pytest.raises(EquationError):
        Neuron("M", f"v[k+1] = v : 1; x = {literal}; y = 2")
