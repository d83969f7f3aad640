"""sin and cos in single precision as LLVM IR, for every number up to the largest one.

The angle is counted in quarter turns. Of x = m 2**e, with a whole m below 2**24, only 2/pi 2**e modulo 4 matters: a
number for each of the 255 exponents, kept with 80 bits in two doubles. So one product is exact, one is small, and no
angle is too large; the loads are gathers, and a loop over them is vectorised.
"""

import math
from fractions import Fraction
from functools import lru_cache

from spikelet.backends.llvm_printer import number
from spikelet.backends.llvm_values import Value, fma, horner, select

_SIN = (-0.16666667, 0.008333379, -0.0001985307, 2.83269e-06)  # sin(r) = r + r**3 p(r**2), abs(r) <= pi/4
_COS = (0.041666646, -0.0013887311, 2.4432564e-05)  # cos(r) = 1 - r**2/2 + r**4 p(r**2)
_MAGIC = 1.5 * 2.0**52  # beside it there are only whole numbers


def sin(x: Value) -> Value:
    """Return the sine."""
    return select(x.equals(0), x, _wave(x, 0))  # for the sign of zero


def cos(x: Value) -> Value:
    """Return the cosine."""
    return _wave(x, 1)


def _wave(x: Value, ahead: int) -> Value:
    """Return the sine of an angle that is ``ahead`` quarter turns further."""
    quarter, r = _reduce(x)
    quarter = quarter + ahead
    square = r * r
    odd = fma(r * square, horner(square, _SIN), r)
    even = fma(square * square, horner(square, _COS), fma(square, -0.5, r.like(1)))
    wave = select((quarter & 1).equals(0), odd, even)
    return select((quarter & 2).equals(0), wave, -wave)


def _reduce(x: Value) -> tuple[Value, Value]:
    """Return the nearest quarter turn, modulo 4 (i32), and the rest of the angle in [-pi/4, pi/4]."""
    exponent = ((x.bits() >> 23) & 255).to("i64", "zext")
    high, low = (_entry(exponent, table) for table in ("@sk_turns_high", "@sk_turns_low"))
    wide = x.to("double", "fpext")
    turns = wide * high
    shifted = turns + _MAGIC
    rest = fma(wide, low, turns - (shifted - _MAGIC))
    return shifted.bits().to("i32", "trunc"), (rest * (math.pi / 2)).to("float", "fptrunc")


def _entry(index: Value, table: str) -> Value:
    address = index.f.at("double", table, index.name)
    return Value(index.f, "double", index.f.load("double", address))


def tables(text: str) -> list[str]:
    """Return the definitions of the tables, if a text uses them."""
    if "@sk_turns" not in text:
        return []
    columns = zip(*_turns(), strict=True)
    return [_table(name, column) for name, column in zip(("@sk_turns_high", "@sk_turns_low"), columns, strict=True)]


def _table(name: str, column: tuple[float, ...]) -> str:
    entries = ", ".join(f"double {number(value, 'double')}" for value in column)
    return f"{name} = internal constant [{len(column)} x double] [{entries}], align 64"


@lru_cache(maxsize=1)
def _turns() -> tuple[tuple[float, float], ...]:
    """Return the two parts for each exponent; for infinity and NaN they are 0, whose product with either is NaN."""
    inverse = 2 / _pi(320)
    rows = []
    for field in range(255):
        unit = Fraction(2) ** (max(field, 1) - 150)  # of the last bit of m
        turns = inverse * unit % 4
        grain = Fraction(2) ** (math.frexp(turns)[1] - 29)  # leaves 29 bits, so that m times the first part is exact
        high = turns // grain * grain
        rows.append((float(high / unit), float((turns - high) / unit)))
    return (*rows, (0.0, 0.0))


def _pi(bits: int) -> Fraction:
    """Return pi with an error below 2**-bits, by Machin's formula 16 arctan(1/5) - 4 arctan(1/239)."""

    def inverse_tangent(x: int) -> Fraction:
        one = 1 << (bits + 16)
        total, power, k = 0, one // x, 0
        while power:
            total += (-power if k % 2 else power) // (2 * k + 1)
            power //= x * x
            k += 1
        return Fraction(total, one)

    return 16 * inverse_tangent(5) - 4 * inverse_tangent(239)
