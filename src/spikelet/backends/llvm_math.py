"""Mathematical functions as LLVM IR that a loop over them can be vectorised: no branches, no calls, no tables but one.

``@sk_NAME`` takes and returns ``float`` or ``double``. Special values are those of NumPy: infinities, NaN, the sign of
zero, denormal results, overflow to infinity; but `exprel` of infinity is infinite. Errors are below 2 units in the last
place, 2.5 for `sigmoid` and `exprel`, and 3 for `tanh` in double. The polynomials were fitted for this file: least
maximal relative error of the function (not of the polynomial), one coefficient after another rounded to the type it is
used in, and the rest fitted again.

In double, sin, cos, erf and pow call the C library, one number at a time.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from spikelet.backends import llvm_jit, llvm_trigonometry
from spikelet.backends.llvm_printer import number
from spikelet.backends.llvm_values import Value, bit_pattern, clamp, definition, fma, horner, select
from spikelet.ir.nodes import Node

_COSTLY = ("exp", "expm1", "exprel", "log", "sin", "cos", "tanh", "cosh", "sigmoid", "erf")


@dataclass(frozen=True)
class Format:
    """A floating-point format, and the constants of the functions in it.

    Attributes:
        word: The integer of the same size.
        mantissa: Bits of the mantissa that are stored.
        bias: Bias of the exponent.
        ln2: log(2) in two parts; a whole number below 2**12 times the first is exact.
        exp: Bounds of the argument: below, exp is 0, above, infinite.
        exp_tail: q in exp(r) = 1 + r + r**2 q(r), for abs(r) <= log(2)/2.
        log_tail: p in log((1 + s)/(1 - s)) = 2 s + s**3 p(s**2), for abs(s) <= 3 - sqrt(8).
        exprel_high: exprel is infinite from here on.
        cosh_high: cosh is infinite from here on.
    """

    word: str
    mantissa: int
    bias: int
    ln2: tuple[float, float]
    exp: tuple[float, float]
    exp_tail: tuple[float, ...]
    log_tail: tuple[float, ...]
    exprel_high: float
    cosh_high: float

    @property
    def magic(self) -> float:
        """A number beside which only whole numbers exist: adding it rounds, and its bits then hold the result."""
        return 1.5 * 2.0**self.mantissa


FORMATS = {
    "float": Format(
        word="i32", mantissa=23, bias=127, ln2=(0.693359375, -0.00021219444), exp=(-104.0, 89.0),
        exp_tail=(0.5, 0.16666666, 0.041666493, 0.008333546, 0.0013932321, 0.00019761725),
        log_tail=(0.66666776, 0.39977583, 0.29870853), exprel_high=94.0, cosh_high=90.0,
    ),
    "double": Format(
        word="i64", mantissa=52, bias=1023, ln2=(0.693147180559663, 2.8235290563031577e-13), exp=(-746.0, 710.0),
        exp_tail=(
            0.5, 0.16666666666666677, 0.04166666666666665, 0.008333333333321468, 0.0013888888888899627,
            0.0001984126988646271, 2.480158728619842e-05, 2.7557243923008387e-06, 2.755731185989967e-07,
            2.5109123369554343e-08, 2.090188604289763e-09,
        ),
        log_tail=(
            0.6666666666666735, 0.3999999999941068, 0.28571428743183136, 0.22222198496938889, 0.1818356813799838,
            0.15313954823327916, 0.1479690298961456,
        ),
        exprel_high=717.0, cosh_high=711.0,
    ),
}  # fmt: skip
_TANH = (
    -0.3333328,
    0.13331412,
    -0.053737435,
    0.020632321,
    -0.0056980303,
)  # tanh(x) = x + x**3 p(x**2), abs(x) <= 0.625
_ERF = (0.12837917, -0.37612626, 0.11283581, -0.026853547, 0.0051877405, -0.0008004633, 7.8346995e-05)  # erf(x)/x - 1
_ERFC = (5.364941, 4.41816, 0.9237544, 0.016487032, -0.0035475602, 0.0007083268, -0.00018711724)  # -log(erfc(x + 2))
# For pow in single precision, whose exponent and logarithm need some 35 correct bits:
_POW_LOG = (0.6666666667581487, 0.3999999561752375, 0.2857210962319643, 0.22176167884305437, 0.19584478719817597)
_POW_EXP = (
    0.5000000044885098, 0.16666666419906986, 0.041666359081001754, 0.008333378713142693, 0.0013940733126218171,
    0.00019851402440622517,
)  # fmt: skip


# -- exp and its relatives --------------------------------------------------------------------------------------------


def has_ldexp() -> bool:
    """Tell whether ``ldexp`` of a vector is one instruction on this CPU; elsewhere it is a call for each number."""
    return "+avx512f" in llvm_jit.features()


def _reduce(x: Value) -> tuple[Value, Value]:
    """Return n as an integer and r, where x = n log(2) + r and abs(r) <= log(2)/2; x must be within bounds."""
    c = FORMATS[x.type]
    if has_ldexp():
        count = (x * (1 / math.log(2))).call("rint").to("i32", "fptosi").frozen()
        n, whole = count, count.to(x.type, "sitofp")
    else:
        shifted = fma(x, 1 / math.log(2), c.magic)
        n, whole = shifted.bits() - bit_pattern(c.magic, x.type), shifted - c.magic
    return n, fma(-whole, c.ln2[1], fma(-whole, c.ln2[0], x))


def _expm1_near_zero(r: Value, tail: tuple[float, ...] = ()) -> Value:
    return fma(r * r, horner(r, tail or FORMATS[r.type].exp_tail), r)


def _power_of_two(n: Value, real: str) -> Value:
    """Return 2**n as a normal number."""
    if has_ldexp():
        return Value(n.f, real, number(1.0, real)).ldexp(n)
    c = FORMATS[real]
    return ((n + c.bias) << c.mantissa).to(real)


def _scale(x: Value, n: Value) -> Value:
    """Return x 2**n; in two factors, because one would be no number where the result is denormal or infinite."""
    if has_ldexp():
        return x.ldexp(n)
    c = FORMATS[x.type]
    both = n + 2 * c.bias
    half = both >> 1
    return x * (half << c.mantissa).to(x.type) * ((both - half) << c.mantissa).to(x.type)


def exp(x: Value) -> Value:
    """Return e**x."""
    n, r = _reduce(clamp(x, *FORMATS[x.type].exp))
    return _scale(_expm1_near_zero(r) + 1, n)


def _exp_within(x: Value) -> Value:
    """Return e**x for arguments whose result is a normal number."""
    n, r = _reduce(x)
    return (_expm1_near_zero(r) + 1) * _power_of_two(n, x.type)


def _expm1_parts(x: Value, high: float) -> tuple[Value, Callable[[Value], Value]]:
    """Return h, and what multiplies by a power of two: that of h is e**x - 1; h is finite where the product is not."""
    n, r = _reduce(clamp(x, -40.0, high))
    near = _expm1_near_zero(r)
    if has_ldexp():
        return near + (1 - _power_of_two(0 - n, x.type)), lambda value: value.ldexp(n)
    limit = 100 if x.type == "float" else 1000
    first = select(n > limit, limit, n)
    power, rest = _power_of_two(first, x.type), _power_of_two(n - first, x.type)
    return fma(power, near, power - 1), lambda value: value * rest


def expm1(x: Value) -> Value:
    """Return e**x - 1."""
    h, scaled = _expm1_parts(x, FORMATS[x.type].exp[1])
    return scaled(h).call("copysign", x)  # for the sign of zero


def exprel(x: Value) -> Value:
    """Return (e**x - 1)/x, and 1 at 0.

    The reciprocal is spelt as in its derivative (see ``lang.functions``), so that the compiler computes it once.
    """
    high = FORMATS[x.type].exprel_high
    h, scaled = _expm1_parts(x, high)
    found = scaled(h * (1 / select(x.equals(0), 1, x)))
    found = select(x > high, math.inf, found)
    return select(x.call("fabs") < 1e-30, 1, found)  # where the reciprocal may be infinite


def cosh(x: Value) -> Value:
    """Return (e**x + e**-x)/2."""
    n, r = _reduce(clamp(x.call("fabs"), high=FORMATS[x.type].cosh_high))
    half = _scale(_expm1_near_zero(r) + 1, n - 1)
    return half + 0.25 / half


def sigmoid(x: Value) -> Value:
    """Return 1/(1 + e**-x)."""
    e = exp(-x.call("fabs"))
    return select(x < 0, e, 1) / (e + 1)


def tanh(x: Value) -> Value:
    """Return the hyperbolic tangent."""
    size = x.call("fabs")
    if x.type == "double":
        h, scaled = _expm1_parts(clamp(size, high=20.0) * 2, 40.0)
        e = scaled(h)
        return (e / (e + 2)).call("copysign", x)
    square = x * x
    small = fma(x * square, horner(square, _TANH), x)
    large = 1 - 2 / (_exp_within(clamp(size, high=10.0) * 2) + 1)
    return select(size < 0.625, small, large).call("copysign", x)


def erf(x: Value) -> Value:
    """Return the error function, in single precision."""
    size, square = x.call("fabs"), x * x
    small = fma(x, horner(square, _ERF), x)
    large = 1 - _exp_within(-horner(clamp(size, high=4.0) - 2, _ERFC))
    return select(size < 1, small, large.call("copysign", x))


# -- log and pow ------------------------------------------------------------------------------------------------------


def log_parts(x: Value, tail: tuple[float, ...] = ()) -> tuple[Value, Value]:
    """Return k and log(m), where a normal positive x = 2**k m and m lies between sqrt(1/2) and sqrt(2)."""
    c = FORMATS[x.type]
    low = bit_pattern(math.sqrt(0.5), x.type)
    moved = x.bits() + ((c.bias << c.mantissa) - low)
    m = ((moved & ((1 << c.mantissa) - 1)) + low).to(x.type)
    whole = 2.0**c.mantissa  # its lowest bits count in ones
    k = ((moved >> c.mantissa) | bit_pattern(whole, x.type)).to(x.type) - (whole + c.bias)
    f = m - 1
    s = f / (f + 2)
    square = s * s
    half = f * f * 0.5
    return k, f - (half - s * fma(square, horner(square, tail or c.log_tail), half))


def _log_specials(x: Value, result: Value) -> Value:
    """Replace what is wrong for 0, infinity, NaN and negative numbers."""
    result = select(x < math.inf, result, x)  # infinity and NaN
    result = select(x < 0, math.nan, result)
    return select(x.equals(0), -math.inf, result)


def log(x: Value) -> Value:
    """Return the natural logarithm."""
    c = FORMATS[x.type]
    denormal = x < 2.0 ** (1 - c.bias)
    shift = c.mantissa + 2
    k, part = log_parts(select(denormal, x * 2.0**shift, x))
    k = k - select(denormal, x.like(shift), 0)
    return _log_specials(x, fma(k, c.ln2[0], fma(k, c.ln2[1], part)))


def pow(x: Value, y: Value) -> Value:
    """Return x**y in single precision, by way of double: one unit of y*log(x) is a factor of e in the result."""
    base, exponent = x.call("fabs").to("double", "fpext"), y.to("double", "fpext")
    k, part = log_parts(base, _POW_LOG)
    product = exponent * _log_specials(base, fma(k, math.log(2), part))
    n, r = _reduce(clamp(product, -200.0, 200.0))
    size = ((_expm1_near_zero(r, _POW_EXP) + 1) * _power_of_two(n, "double")).to("float", "fptrunc")
    whole = y.call("floor").equals(y)
    half = y * 0.5
    odd = whole & half.call("floor").differs(half)
    sign = select(odd, x, x.like(1))
    undefined = (x < 0) & (x > -math.inf) & y.differs(y.call("floor"))
    result = select(undefined, math.nan, size.call("copysign", sign))
    return select(y.equals(0) | x.equals(1), 1, select(x.equals(-1) & y.call("fabs").equals(math.inf), 1, result))


# -- the rest ---------------------------------------------------------------------------------------------------------


def sign(x: Value) -> Value:
    """Return -1, 0 or 1."""
    return select(x > 0, 1, select(x < 0, -1, select(x.equals(0), 0, x)))


def minimum(x: Value, y: Value) -> Value:
    """Return the smaller; NaN if one is NaN."""
    return select((x < y) | x.differs(x), x, y)


def maximum(x: Value, y: Value) -> Value:
    """Return the larger; NaN if one is NaN."""
    return select((x > y) | x.differs(x), x, y)


def _intrinsic(name: str) -> Callable[..., Value]:
    return lambda x, *others: x.call(name, *others)


_FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {  # name -> number of arguments, and what writes the body
    "exp": (1, exp), "expm1": (1, expm1), "exprel": (1, exprel), "log": (1, log), "sqrt": (1, _intrinsic("sqrt")),
    "sin": (1, llvm_trigonometry.sin), "cos": (1, llvm_trigonometry.cos), "tanh": (1, tanh), "cosh": (1, cosh),
    "sigmoid": (1, sigmoid), "erf": (1, erf), "pow": (2, pow), "floor": (1, _intrinsic("floor")),
    "round": (1, _intrinsic("rint")), "sign": (1, sign), "abs": (1, _intrinsic("fabs")),
    "heaviside": (1, lambda x: select(x > 0, x.like(1), 0)), "min": (2, minimum), "max": (2, maximum),
}  # fmt: skip
_LIBRARY = {
    "sin": _intrinsic("sin"),
    "cos": _intrinsic("cos"),
    "pow": _intrinsic("pow"),
    "erf": lambda x: x.foreign("erf"),
}
NAMES = tuple(_FUNCTIONS)


def costly(nodes: Iterable[Node]) -> bool:
    """Return whether functions such as exponentials take the time, so that the widest vectors are worth asking for."""
    return any(n.kind == "pow" or (n.kind == "call" and n.value in _COSTLY) for n in nodes)


def definitions(names: Iterable[str], real: str) -> str:
    """Return the text of the functions ``@sk_NAME``, and of what they need.

    Args:
        names: From `NAMES`; one that is given twice is defined once.
        real: ``float`` or ``double``.
    """
    parts: list[str] = []
    for name in dict.fromkeys(names):
        arity, body = _FUNCTIONS[name]
        if real == "double":
            body = _LIBRARY.get(name, body)
        parts.append(definition(f"sk_{name}", real, arity, body))
    text = "\n\n".join(parts)
    return "\n".join([*declarations(text), *llvm_trigonometry.tables(text), "", text, ""])


def declarations(text: str) -> list[str]:
    """Return a declaration for each function of LLVM and of the C library that is called in a text."""
    calls = re.findall(r"call (\w+) (@(?:llvm\.[\w.]+|erf))\(([^)]*)\)", text)
    found = {
        name: f"declare {type_} {name}({', '.join(part.split()[0] for part in given.split(','))})"
        for type_, name, given in calls
    }
    return list(found.values())
