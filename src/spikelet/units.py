"""Units: plain floats in one coherent set, and the dimensions by which a model's text is checked.

The coherent set is ms, mV, pA, nS, pF, GOhm, kHz (= 1/ms), cm, mM and K, each 1.0, so that Ohm's law and
``C dv/dt = I`` hold among plain numbers. There is no quantity class: units are checked when a text is parsed, and
then gone.

Example:
    >>> from spikelet.units import mV, Hz, second
    >>> 40 * mV, 20 * Hz, 2 * second
    (40.0, 0.02, 2000.0)
"""

import functools
import math
import re

from spikelet.errors import InputError, did_you_mean

# A dimension is the tuple of exponents of (ms, mV, pA, cm, mM, K). Noise needs halves (ms**-0.5), so they are floats.
Dimension = tuple[float, ...]
BASE = ("ms", "mV", "pA", "cm", "mM", "K")
ONE: Dimension = (0.0,) * len(BASE)

ms = 1.0
us = 1e-3
ns = 1e-6
s = second = 1000.0
minute = 60_000.0
kHz = 1.0
Hz = 1e-3
MHz = 1e3
mV = 1.0
uV = 1e-3
V = volt = 1e3
pA = 1.0
fA = 1e-3
nA = 1e3
uA = 1e6
mA = 1e9
A = amp = 1e12
nS = 1.0
pS = 1e-3
uS = 1e3
mS = 1e6
S = siemens = 1e9
pF = 1.0
fF = 1e-3
nF = 1e3
uF = 1e6
mF = 1e9
F = farad = 1e12
GOhm = 1.0
MOhm = 1e-3
kOhm = 1e-6
Ohm = 1e-9
fC = 1.0
pC = 1e3
nC = 1e6
cm = 1.0
mm = 0.1
um = 1e-4
nm = 1e-7
meter = 100.0
mM = 1.0
uM = 1e-3
nM = 1e-6
M = molar = 1e3
K = kelvin = 1.0


def _dimension(**exponents: float) -> Dimension:
    return tuple(float(exponents.get(base, 0.0)) for base in BASE)


TIME = _dimension(ms=1)
RATE = _dimension(ms=-1)
VOLTAGE = _dimension(mV=1)
CURRENT = _dimension(pA=1)
CONDUCTANCE = _dimension(pA=1, mV=-1)
CAPACITANCE = _dimension(pA=1, ms=1, mV=-1)
RESISTANCE = _dimension(mV=1, pA=-1)
CHARGE = _dimension(pA=1, ms=1)
LENGTH = _dimension(cm=1)
CONCENTRATION = _dimension(mM=1)
TEMPERATURE = _dimension(K=1)

_BY_DIMENSION: tuple[tuple[Dimension, str], ...] = (
    (TIME, "ms us ns s second minute"),
    (RATE, "kHz Hz MHz"),
    (VOLTAGE, "mV uV V volt"),
    (CURRENT, "pA fA nA uA mA A amp"),
    (CONDUCTANCE, "nS pS uS mS S siemens"),
    (CAPACITANCE, "pF fF nF uF mF F farad"),
    (RESISTANCE, "GOhm MOhm kOhm Ohm"),
    (CHARGE, "fC pC nC"),
    (LENGTH, "cm mm um nm meter"),
    (CONCENTRATION, "mM uM nM M molar"),
    (TEMPERATURE, "K kelvin"),
)

# Every unit symbol with its size in the coherent set and its dimension.
UNITS: dict[str, tuple[float, Dimension]] = {
    symbol: (globals()[symbol], dimension) for dimension, symbols in _BY_DIMENSION for symbol in symbols.split()
}
_COHERENT = {dimension: symbols.split()[0] for dimension, symbols in _BY_DIMENSION if dimension != RATE}
_FACTOR = re.compile(r"\s*([*/]?)\s*(?:(1)(?![\w.])|([A-Za-z]+)(\d*)(?:(?:\*\*|\^)(-?\d+(?:\.\d+)?))?)\s*")
_QUANTITY = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*", re.ASCII)


@functools.lru_cache(maxsize=4096)
def times(a: Dimension, b: Dimension, sign: float = 1.0) -> Dimension:
    """Return the dimension of a product (``sign=1``) or quotient (``sign=-1``)."""
    return tuple(x + sign * y for x, y in zip(a, b, strict=True))


@functools.lru_cache(maxsize=4096)
def power(a: Dimension, exponent: float) -> Dimension:
    """Return the dimension of a power; exponents are rounded so that cube roots compare equal."""
    return tuple(round(x * exponent, 9) for x in a)


def unit_symbol(text: str) -> tuple[float, Dimension] | None:
    """Return size and dimension of one symbol with an optional power (``mV``, ``cm2``), or ``None``."""
    if text in UNITS:
        return UNITS[text]
    match = re.fullmatch(r"([A-Za-z]+?)([1-9])", text)
    if match and match[1] in UNITS:
        size, dimension = UNITS[match[1]]
        exponent = int(match[2])
        return size**exponent, power(dimension, exponent)
    return None


@functools.lru_cache(maxsize=4096)
def parse_unit(text: str) -> tuple[float, Dimension]:
    """Return size and dimension of a unit such as ``mV``, ``1``, ``1/ms``, ``mS/cm2`` or ``mV*ms**-1``.

    Raises:
        InputError: the text is not a unit; the message names the nearest one.
    """
    size, dimension, position = 1.0, ONE, 0
    if not text.strip() or len(text) > 80:
        raise InputError("a unit is missing" if not text.strip() else "a unit of more than 80 characters")
    while position < len(text):
        match = _FACTOR.match(text, position)
        # factors are joined by an operator; "/ms" (after a number) is the one unit that may begin with one
        if not match or (match[1] == "*" if position == 0 else not match[1]):
            raise InputError(f"'{text.strip()}' is not a unit")
        sign = -1.0 if match[1] == "/" else 1.0
        position = match.end()
        if match[2]:
            continue
        known = unit_symbol(match[3] + match[4])
        if known is None:
            raise InputError(f"unknown unit '{match[3] + match[4]}'{did_you_mean(match[3], UNITS)}")
        exponent = sign * (float(match[5]) if match[5] else 1.0)
        try:
            size *= known[0] ** exponent
        except OverflowError:
            size = math.inf
        dimension = times(dimension, power(known[1], exponent))
    if not 0 < size < math.inf:
        raise InputError(f"'{text.strip()}' is too large or too small for a unit")
    return size, dimension


@functools.lru_cache(maxsize=4096)
def dimension_text(dimension: Dimension) -> str:
    """Return a readable name of a dimension in the coherent set: ``mV``, ``nS``, ``mV/ms``, ``1``."""
    if dimension == ONE:
        return "1"
    if dimension in _COHERENT:
        return _COHERENT[dimension]
    for known, symbol in _COHERENT.items():  # one known unit per time: mV/ms, pA/ms
        if times(known, TIME, -1.0) == dimension and known != TIME:
            return f"{symbol}/ms"
        if times(known, power(LENGTH, 2), -1.0) == dimension and known != LENGTH:
            return f"{symbol}/cm2"
    above = [_power_text(base, e) for base, e in zip(BASE, dimension, strict=True) if e > 0]
    below = [_power_text(base, -e) for base, e in zip(BASE, dimension, strict=True) if e < 0]
    return "/".join(["*".join(above) or "1", *below])


def _power_text(base: str, exponent: float) -> str:
    return base if exponent == 1 else f"{base}**{exponent:g}"


def quantity(text: str, unit: str | None = None) -> float:
    """Read a number with a unit, as typed on a command line, into the coherent set.

    Args:
        text: ``"500ms"``, ``"0.5 s"``, ``"10"`` (a bare number is taken as it is).
        unit: a unit of the expected dimension, or ``None`` for any.

    Raises:
        InputError: not a number, an unknown unit, or a unit of another dimension.

    Example:
        >>> quantity("0.5 s", "ms")
        500.0
    """
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise InputError(f"'{text}' is not a number with a unit, such as '500 ms'")
    value = float(match[1])
    if not match[2]:
        return value
    try:
        size, dimension = parse_unit(match[2])
    except InputError as error:
        raise InputError(f"'{text}': {error}") from None
    if unit is not None and dimension != parse_unit(unit)[1]:
        raise InputError(f"'{text}' is in {dimension_text(dimension)}; expected a quantity in {unit}")
    return value * size
