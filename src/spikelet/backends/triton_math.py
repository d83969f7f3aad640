"""Functions of the language as device functions of Triton, and what the printed kernels share.

Triton's own ``exp`` of a single precision number is an approximation whose error grows with the number, and some
functions are not there at all. What stands here is made of plain arithmetic, so that it is the same on every device
and in Triton's interpreter. Real arguments are blocks of ``float32`` or ``float64``.
"""

import inspect
from collections.abc import Callable
from typing import Any

import triton
import triton.language as tl


def kernel(function: Callable[..., Any]) -> Any:
    """Make a kernel that is compiled once, whatever the values and the alignment of its arguments."""
    names = [name for name in inspect.signature(function).parameters if name != "BLOCK"]
    return triton.jit(do_not_specialize=names, do_not_specialize_on_alignment=names)(function)


@triton.jit
def nearest(x):
    """Round to a whole number, halves to the even one: beyond 2**23 (2**52) numbers have no fraction."""
    if x.dtype == tl.float64:
        big = 4503599627370496.0
    else:
        big = 8388608.0
    size = tl.abs(x)
    whole = (size + big) - big
    return tl.where(size < big, tl.where(x < 0, -whole, whole), x)


@triton.jit
def _power_of_two(n):
    """2.0**n for whole -126 <= n <= 127, in single precision."""
    return ((n.to(tl.int32) + 127) << 23).to(tl.float32, bitcast=True)


@triton.jit
def _reduced(x):
    """Return whole n and q = exp(r) - 1 with x = n log(2) + r, |r| <= log(2)/2, in single precision."""
    inside = tl.where(x > 89.0, 89.0, tl.where(x < -104.0, -104.0, x))
    n = nearest(tl.where(x == x, inside, 0.0) * 1.4426950408889634)
    r = tl.fma(n, -0.693145751953125, inside)  # log(2) in two parts; the product with the first one is exact
    r = tl.fma(n, -1.42860682030941723212e-6, r)
    q = tl.fma(r, 1.0 / 5040, 1.0 / 720)
    q = tl.fma(q, r, 1.0 / 120)
    q = tl.fma(q, r, 1.0 / 24)
    q = tl.fma(q, r, 1.0 / 6)
    q = tl.fma(q, r, 0.5)
    return n, tl.fma(q, r * r, r)


@triton.jit
def exp(x):
    """e**x."""
    if x.dtype == tl.float64:
        y = tl.exp(x)
    else:
        n, q = _reduced(x)
        half = tl.floor(n * 0.5)  # in two steps, since 2**n itself may be out of range
        y = (q + 1.0) * _power_of_two(half) * _power_of_two(n - half)
    return y


@triton.jit
def expm1(x):
    """e**x - 1, without cancellation where x is small."""
    if x.dtype == tl.float64:
        e = tl.exp(x)
        small = tl.where((e == 1.0) | (e == 0.0) | (e > 1e300), 2.0, e)
        y = tl.where(e == 1.0, x, tl.where(e > 1e300, e, tl.where(e == 0.0, -1.0, (e - 1.0) * x / tl.log(small))))
    else:
        n, q = _reduced(x)
        scale = _power_of_two(tl.minimum(tl.maximum(n, -126.0), 126.0))
        y = tl.where(n > 126.0, exp(x), tl.fma(scale, q, scale - 1.0))
    return y


@triton.jit
def divide(x, y):
    """x/y, rounded to nearest."""
    if x.dtype == tl.float64:
        z = x / y
    else:
        z = tl.div_rn(x, y)
    return z


@triton.jit
def exprel(x):
    """(e**x - 1)/x, and 1 at 0."""
    return tl.where(x == 0.0, 1.0, divide(expm1(x), tl.where(x == 0.0, 1.0, x)))


@triton.jit
def sqrt(x):
    """Square root, rounded to nearest."""
    if x.dtype == tl.float64:
        y = tl.sqrt(x)
    else:
        y = tl.sqrt_rn(x)
    return y


@triton.jit
def tanh(x):
    """Hyperbolic tangent."""
    size = tl.abs(x)
    e = expm1(2.0 * tl.where(size > 20.0, 20.0, size))
    y = divide(e, e + 2.0)
    return tl.where(x < 0.0, -y, y)


@triton.jit
def cosh(x):
    """Hyperbolic cosine; a large one is made of two factors, since exp may overflow before it does."""
    size = tl.abs(x)
    large = size > 40.0
    e = exp(tl.where(large, size * 0.5, size))
    return tl.where(large, (0.5 * e) * e, 0.5 * (e + 1.0 / e))


@triton.jit
def sigmoid(x):
    """1/(1 + e**-x), without overflow."""
    e = exp(-tl.abs(x))
    return divide(tl.where(x >= 0.0, 1.0, e), e + 1.0)


@triton.jit
def power(x, y):
    """x**y, by way of double precision."""
    whole = tl.floor(y) == y
    odd = whole & (tl.floor(y * 0.5) * 2.0 != y)
    base = tl.where((x < 0.0) & whole, -x, x).to(tl.float64)  # a negative base to a broken power is NaN by its log
    z = tl.exp(y.to(tl.float64) * tl.log(base)).to(x.dtype)
    z = tl.where((x < 0.0) & odd, -z, z)
    return tl.where((y == 0.0) | (x == 1.0), 1.0, z)


@triton.jit
def sign(x):
    """-1, 0 or 1; NaN of NaN."""
    return tl.where(x > 0.0, 1.0, tl.where(x < 0.0, -1.0, x))


@triton.jit
def smaller(x, y):
    """The smaller of two numbers; NaN if one of them is."""
    return tl.where((x < y) | (x != x), x, y)


@triton.jit
def larger(x, y):
    """The larger of two numbers; NaN if one of them is."""
    return tl.where((x > y) | (x != x), x, y)


@triton.jit
def modulo(x, y):
    """Rest of whole division, with the sign of the divisor; 0 where that is 0."""
    over = tl.where(y == 0, 1, y)
    rest = x % over
    return tl.where(y == 0, 0, tl.where((rest != 0) & ((rest ^ over) < 0), rest + over, rest))


@triton.jit
def quotient(x, y):
    """Whole division, rounded down; 0 by 0."""
    over = tl.where(y == 0, 1, y)
    return tl.where(y == 0, 0, (x - modulo(x, over)) // over)


@triton.jit
def _words(seed, step, element, stream):
    """The first two words of the block of random bits of ``spikelet.random``."""
    element = element.to(tl.int64)  # a block, and so are the other words: element * 0 + number
    w0, w1, _, _ = tl.philox(
        seed,
        (element * 0 + (step & 0xFFFFFFFF)).to(tl.uint32),
        (element & 0xFFFFFFFF).to(tl.uint32),
        ((element >> 32) & 0xFFFFFFFF).to(tl.uint32),
        (element * 0 + stream * 65536).to(tl.uint32),
    )
    return w0, w1


@triton.jit
def _unit(word):
    """Map a word to the middle of its 1/2**32 of (0, 1)."""
    return (word.to(tl.float64) + 0.5) * 2.3283064365386962890625e-10


@triton.jit
def uniform(seed, step, element, stream):
    """``random.uniform``, in double precision."""
    w0, _ = _words(seed, step, element, stream)
    return _unit(w0)


@triton.jit
def normal(seed, step, element, stream):
    """``random.normal``, in double precision."""
    w0, w1 = _words(seed, step, element, stream)
    turn = tl.full((), 6.283185307179586, tl.float64)
    return tl.sqrt(-2.0 * tl.log(_unit(w0))) * tl.cos(turn * _unit(w1))
