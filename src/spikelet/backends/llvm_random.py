"""The random numbers of `spikelet.random` as LLVM IR: functions that fill a strip, vectorised, with the same numbers.

``@sk_LAW(ptr out, ptr element, i64 w, i64 seed, i64 step, i64 stream)`` writes w doubles, one for each entry of the
int64 ``element``. Uniform numbers are those of `spikelet.random` bit for bit; normal ones are as close as two good
logarithms and cosines are.
"""

import math
from collections.abc import Callable, Iterable

from spikelet.backends.llvm_math import FORMATS, declarations, log_parts
from spikelet.backends.llvm_printer import Function
from spikelet.backends.llvm_values import Value, bit_pattern, fma, horner, select

_TWO = '!8 = distinct !{!8, !9}\n!9 = !{!"llvm.loop.interleave.count", i32 2}'
LOW = 0xFFFFFFFF
WEYL = (0x9E3779B9, 0xBB67AE85)
MULTIPLIER = (0xD2511F53, 0xCD9E8D57)
_SIN = (  # sin(r) = r + r**3 p(r**2), abs(r) <= pi/4; fitted as in `llvm_math`
    -0.16666666666666666, 0.008333333333333042, -0.00019841269840962432, 2.7557319073877005e-06,
    -2.5052070861787666e-08, 1.6054298761226655e-10, -7.388561586542423e-13,
)  # fmt: skip
_COS = (  # cos(r) = 1 - r**2/2 + r**4 p(r**2)
    0.041666666666666595, -0.0013888888888873346, 2.4801587289005657e-05, -2.755731421809709e-07,
    2.0875705529065748e-09, -1.1358755222703263e-11,
)  # fmt: skip


def random_definitions(laws: Iterable[str]) -> str:
    """Return the text of ``@sk_uniform`` and ``@sk_normal``, as asked for, and the declarations that they need."""
    text = "\n\n".join(_fill(law) for law in dict.fromkeys(laws))
    return "\n".join([*declarations(text), "", text, _TWO, ""])


def _fill(law: str) -> str:
    """Return the function that fills a strip; arithmetic takes its time, so two of the widest vectors are asked for.

    One fills the waits of the other: each number is a chain of ten rounds.
    """
    given = "ptr noalias %out, ptr noalias readonly %element, i64 %w, i64 %seed, i64 %step, i64 %stream"
    f = Function(f'internal void @sk_{law}({given}) noinline "prefer-vector-width"="512"')
    seed, step, stream = (Value(f, "i64", name) for name in ("%seed", "%step", "%stream"))
    keys = round_keys(seed)
    first, use = step & LOW, stream << 16
    with f.loop("lane", "%w", mark="!llvm.loop !8") as i:
        element = Value(f, "i64", f.load("i64", "%element", i))
        words = philox((first, element & LOW, element >> 32, use), keys)
        f.store("double", _LAWS[law](*words).name, "%out", i)
    return f.text()


def philox(counter: tuple[Value, ...], keys: list[tuple[Value, ...]]) -> tuple[Value, Value]:
    """Return the first two words of Philox 4x32-10; all words are i64 with 32 bits in use."""
    return block(counter, keys)[:2]


def block(counter: tuple[Value, ...], keys: list[tuple[Value, ...]]) -> tuple[Value, Value, Value, Value]:
    """Return the four words of Philox 4x32-10; what is not used of them costs nothing."""
    c0, c1, c2, c3 = counter
    for k0, k1 in keys:
        product0, product1 = c0 * MULTIPLIER[0], c2 * MULTIPLIER[1]
        c0, c1 = (product1 >> 32) ^ c1 ^ k0, product1 & LOW
        c2, c3 = (product0 >> 32) ^ c3 ^ k1, product0 & LOW
    return c0, c1, c2, c3


def round_keys(seed: Value) -> list[tuple[Value, ...]]:
    """Return the two words of the key of each round, for a seed of 64 bits."""
    key = (seed & LOW, seed >> 32)
    return [tuple((word + (weyl * i & LOW)) & LOW for word, weyl in zip(key, WEYL, strict=True)) for i in range(10)]


def unit(word: Value) -> Value:
    """Map a word to the middle of its 1/2**32 of (0, 1); exact."""
    whole = 2.0**52  # its lowest bits count in ones
    return ((word | bit_pattern(whole, "double")).to("double") - whole + 0.5) * 2.0**-32


def _uniform(w0: Value, w1: Value) -> Value:
    return unit(w0)


def _normal(w0: Value, w1: Value) -> Value:
    return normal_pair(unit(w0), unit(w1))[0]


def normal_pair(u0: Value, u1: Value) -> tuple[Value, Value]:
    """Return two independent normal numbers, by Box and Muller; what is not used of them costs nothing."""
    k, part = log_parts(u0)  # never 0 and never denormal
    ln2 = FORMATS["double"].ln2
    radius = (fma(k, ln2[0], fma(k, ln2[1], part)) * -2).call("sqrt")
    cos, sin = _circle(u1)
    return radius * cos, radius * sin


def _circle(u: Value) -> tuple[Value, Value]:
    """Return the cosine and sine of 2 pi u for u in (0, 1); the reduction to a quarter turn is exact."""
    magic = FORMATS["double"].magic
    shifted = u * 4 + magic
    quarter = shifted.bits()
    r = (u * 4 - (shifted - magic)) * (math.pi / 2)
    square = r * r
    even = fma(square * square, horner(square, _COS), fma(square, -0.5, r.like(1)))
    odd = fma(r * square, horner(square, _SIN), r)
    upright = (quarter & 1).equals(0)
    cos, sin = select(upright, even, odd), select(upright, odd, even)
    return select(((quarter + 1) & 2).equals(0), cos, -cos), select((quarter & 2).equals(0), sin, -sin)


_LAWS: dict[str, Callable[[Value, Value], Value]] = {"uniform": _uniform, "normal": _normal}
