"""Units: one coherent set of plain numbers, checked against the SI; how units are read, printed and refused."""

import math
import re

import pytest
from hypothesis import given, strategies as st

from spikelet import units
from spikelet.errors import InputError
from spikelet.units import BASE, ONE, UNITS, Dimension, dimension_text, parse_unit, power, quantity, times

PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "c": 1e-2, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
# Size in the SI of what a prefix stands before; molar is mol per litre.
ROOTS = {"s": 1, "Hz": 1, "V": 1, "A": 1, "S": 1, "F": 1, "Ohm": 1, "C": 1, "m": 1, "M": 1e3, "K": 1}
WORDS = {
    "second": 1,
    "minute": 60,
    "volt": 1,
    "amp": 1,
    "siemens": 1,
    "farad": 1,
    "meter": 1,
    "molar": 1e3,
    "kelvin": 1,
}
BASE_SI = dict(zip(BASE, (1e-3, 1e-3, 1e-12, 1e-2, 1.0, 1.0), strict=True))  # ms mV pA cm mM K


def si(symbol: str) -> float:
    """Return the size of a unit in the SI, from its prefix."""
    if symbol in WORDS:
        return WORDS[symbol]
    root = max((root for root in ROOTS if symbol.endswith(root)), key=len)
    return PREFIXES[symbol.removesuffix(root)] * ROOTS[root]


@pytest.mark.parametrize("symbol", UNITS)
def test_every_unit_has_the_size_that_the_si_gives_it(symbol: str):
    """So the set is coherent: an equation among the plain numbers is the equation among the quantities."""
    size, dimension = UNITS[symbol]
    coherent = math.prod(BASE_SI[base] ** exponent for base, exponent in zip(BASE, dimension, strict=True))
    assert size * coherent == pytest.approx(si(symbol), rel=1e-12)
    assert getattr(units, symbol) == size


def test_the_laws_of_circuits_hold_among_plain_numbers():
    u = units
    assert u.mV == u.GOhm * u.pA  # V = R I
    assert pytest.approx(u.nA) == u.uS * u.mV  # I = g V
    assert u.pA * u.ms == u.pF * u.mV == u.fC  # Q = C V = I t
    assert u.GOhm * u.pF == u.ms  # tau = R C
    assert u.kHz * u.ms == 1
    assert pytest.approx(1) == u.Hz * u.second
    assert u.MOhm * u.nA == pytest.approx(u.mV)
    assert u.uF / u.cm**2 * u.mV / u.ms == u.uA / u.cm**2  # the membrane equation per area


@pytest.mark.parametrize(
    ("text", "size", "dimension"),
    [
        ("mV", 1.0, "mV"),
        ("V", 1e3, "mV"),
        (" mV ", 1.0, "mV"),
        ("1", 1.0, "1"),
        ("1/ms", 1.0, "1/ms"),
        ("/ms", 1.0, "1/ms"),
        ("Hz", 1e-3, "1/ms"),
        ("mS/cm2", 1e6, "nS/cm2"),
        ("mS/cm**2", 1e6, "nS/cm2"),
        ("mS / cm^2", 1e6, "nS/cm2"),
        ("Ohm*cm", 1e-9, "GOhm*cm"),
        ("mV*ms**-1", 1.0, "mV/ms"),
        ("mV/ms**0.5", 1.0, "mV/ms**0.5"),
        ("ms**-0.5", 1.0, "1/ms**0.5"),
        ("um2", 1e-8, "cm2"),
        ("1/s/s", 1e-6, "1/ms**2"),
        ("ms*1/ms", 1.0, "1"),
        ("V/mV", 1e3, "1"),
        ("pA/mV", 1.0, "nS"),
        ("kOhm*uA", 1.0, "mV"),
    ],
)
def test_a_unit_is_read(text: str, size: float, dimension: str):
    assert parse_unit(text) == (pytest.approx(size, rel=1e-12), parse_unit(dimension)[1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a unit is missing"),
        ("   ", "a unit is missing"),
        ("mv", "unknown unit 'mv'; did you mean 'mV'?"),
        ("msec", "unknown unit 'msec'; did you mean 'ms'?"),
        ("furlong", "unknown unit 'furlong'"),
        ("mV2x", "'mV2x' is not a unit"),
        ("cm22", "unknown unit 'cm22'; did you mean 'cm'?"),
        ("mV ms", "'mV ms' is not a unit"),
        ("*mV", "'*mV' is not a unit"),
        ("mV/", "'mV/' is not a unit"),
        ("mV//ms", "'mV//ms' is not a unit"),
        ("mV**", "'mV**' is not a unit"),
        ("2", "'2' is not a unit"),
        ("10 mV", "'10 mV' is not a unit"),
        ("(mV)", "'(mV)' is not a unit"),
        ("mV**999", "unit"),
        ("V**999", "'V**999' is too large or too small for a unit"),
        ("1/V**999", "'1/V**999' is too large or too small for a unit"),
        ("mV*" * 40 + "mV", "a unit of more than 80 characters"),
    ],
)
def test_what_is_no_unit_is_refused(text: str, message: str):
    if text == "mV**999":  # of size 1, so there is nothing wrong with it
        assert parse_unit(text)[0] == 1.0
        return
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        parse_unit(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1", "1"), ("mV/mV", "1"), ("pA/mV", "nS"), ("mV/pA", "GOhm"), ("pA*ms/mV", "pF"), ("pA*ms", "fC"),
        ("mV/ms", "mV/ms"), ("pA/ms", "pA/ms"),
        ("nS/cm2", "nS/cm2"), ("uF/cm2", "pF/cm2"), ("1/ms", "1/ms"), ("Hz", "1/ms"), ("1/mV", "1/mV"),
        ("ms2", "ms**2"), ("mM/ms", "mM/ms"),
        ("1/ms**0.5", "1/ms**0.5"), ("mV*mM", "mV*mM"), ("mV2*mM/K/ms2", "mV**2*mM/ms**2/K"),
    ],
)  # fmt: skip
def test_a_dimension_is_printed_in_the_coherent_set(text: str, shown: str):
    assert dimension_text(parse_unit(text)[1]) == shown


exponents = st.sampled_from([-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0])
dimensions = st.tuples(*[exponents] * len(BASE))


@given(dimensions)
def test_a_printed_dimension_is_read_back(dimension: Dimension):
    size, found = parse_unit(dimension_text(dimension))
    assert found == dimension
    assert size == pytest.approx(1.0, rel=1e-12)  # what is printed belongs to the coherent set


@given(dimensions, dimensions)
def test_products_quotients_and_powers(a: Dimension, b: Dimension):
    assert times(times(a, b), b, -1.0) == a
    assert times(a, a) == power(a, 2)
    assert times(ONE, a) == power(a, 1) == a
    assert power(power(a, 1 / 3), 3) == pytest.approx(a, abs=1e-8)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("500ms", "ms", 500.0), ("500 ms", "ms", 500.0), ("0.5 s", "ms", 500.0), ("10", "ms", 10.0),
        ("-65mV", "mV", -65.0), ("+1e-3 V", "mV", 1.0),
        (".5", None, 0.5), ("5.", None, 5.0), ("20 Hz", "1/ms", 0.02), ("20Hz", "kHz", 0.02), (" 3 nS ", None, 3.0),
        ("2 uF/cm2", "pF/cm2", 2e6), ("5 /ms", "kHz", 5.0),
    ],
)  # fmt: skip
def test_a_quantity_is_read(text: str, unit: str | None, value: float):
    assert quantity(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a number with a unit, such as '500 ms'"),
        ("ms", "'ms' is not a number with a unit, such as '500 ms'"),
        ("nan", "'nan' is not a number with a unit, such as '500 ms'"),
        ("inf ms", "'inf ms' is not a number with a unit, such as '500 ms'"),
        ("1,5 ms", "'1,5 ms': ',5 ms' is not a unit"),
        ("5 msec", "'5 msec': unknown unit 'msec'; did you mean 'ms'?"),
        ("5 mV", "'5 mV' is in mV; expected a quantity in ms"),
        ("5 V**999", "'5 V**999': 'V**999' is too large or too small for a unit"),
        ("\u0665 ms", "'\u0665 ms' is not a number with a unit, such as '500 ms'"),
    ],
)
def test_what_is_no_quantity_is_refused(text: str, message: str):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        quantity(text, "ms")


@given(st.text(max_size=12) | st.text(alphabet="0123456789.eE+-*/^ mVsHzcpA()", max_size=20))
def test_any_text_is_a_quantity_or_an_error_of_ours(text: str):
    for read in (parse_unit, quantity):
        try:
            read(text)
        except InputError as error:
            assert str(error)
