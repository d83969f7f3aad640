"""The functions of the CPU kernels: accurate in units in the last place, right at the special values, vectorised."""

import ctypes
import itertools
import math
import re
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

from spikelet.backends import llvm_jit, llvm_math
from spikelet.backends.llvm_math import NAMES, definitions
from spikelet.lang.functions import FUNCTIONS

REALS = {"float": np.float32, "double": np.float64}
PAIRS = ("pow", "min", "max")
ALONE = tuple(name for name in NAMES if name not in PAIRS)
FROM_LIBRARY = ("sin", "cos", "erf", "pow")  # in double
ULPS = {  # in single and in double precision
    "exp": (1, 1), "log": (0.9, 1.3), "sqrt": (0.5, 0.5), "sin": (1.7, 2), "cos": (1.7, 2), "erf": (1.3, 2),
    "expm1": (1.5, 2), "cosh": (1.5, 1.6), "exprel": (2.5, 2.6), "sigmoid": (2.3, 2.3), "tanh": (1.4, 2.7),
}  # fmt: skip


# -- running them -----------------------------------------------------------------------------------------------------

LOOP = """
define void @loop(i64 %n, {given}, ptr noalias %y) {{
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
{loads}
  %c = call {real} @sk_{name}({arguments})
  %py = getelementptr {real}, ptr %y, i64 %i
  store {real} %c, ptr %py
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %done
done:
  ret void
}}
"""
LOAD = "  %p{k} = getelementptr {real}, ptr %x{k}, i64 %i\n  %a{k} = load {real}, ptr %p{k}"


def loop(name: str, real: str) -> str:
    """Return a module that applies a function to arrays."""
    ks = range(2 if name in PAIRS else 1)
    return definitions([name], real) + LOOP.format(
        name=name,
        real=real,
        given=", ".join(f"ptr noalias %x{k}" for k in ks),
        arguments=", ".join(f"{real} %a{k}" for k in ks),
        loads="\n".join(LOAD.format(k=k, real=real) for k in ks),
    )


def apply(name: str, *xs: np.ndarray) -> np.ndarray:
    real = "float" if xs[0].dtype == np.float32 else "double"
    pointers = [ctypes.c_void_p] * (len(xs) + 1)
    function = llvm_jit.compile(loop(name, real)).function("loop", ctypes.c_int64, *pointers)
    xs = tuple(np.ascontiguousarray(x) for x in xs)
    y = np.empty_like(xs[0])
    function(y.size, *(x.ctypes.data for x in xs), y.ctypes.data)
    return y


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPIKELET_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, params=["as this CPU does", "by bits"])
def scaling(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Multiply by powers of two in either way: a CPU with AVX-512 does it in one instruction."""
    if request.param == "by bits":
        monkeypatch.setattr(llvm_math, "has_ldexp", lambda: False)


def special(dtype: type) -> np.ndarray:
    """Return numbers at which something may happen, of both signs."""
    i = np.finfo(dtype)
    borders = [88.7, 88.8, 87.4, 103.9, 104.1, 89.4, 89.5, 93.1, 93.3, 709.7, 709.8, 710.4, 710.5, 716, 717, 745, 746]
    sizes = [0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 5, 1e-30, 1e-3, 1e10, 1e30, np.inf, np.nan, *borders]
    sizes += [i.tiny, i.tiny * 0.37, i.smallest_subnormal, i.max, i.eps, 1 + i.eps, 1 - i.epsneg]
    return np.array([sign * size for size in sizes for sign in (1, -1)], dtype=dtype)


def every_magnitude(dtype: type, count: int) -> np.ndarray:
    """Return numbers of random bits: all exponents, both signs, and some NaN."""
    word = {np.float32: np.uint32, np.float64: np.uint64}[dtype]
    found: np.ndarray = np.random.default_rng(1).integers(0, np.iinfo(word).max, count, dtype=word, endpoint=True)
    return found.view(dtype)


def ranges(name: str, dtype: type, count: int) -> np.ndarray:
    """Return arguments of a function, dense where it changes."""
    random = np.random.default_rng(2)
    widest = 120 if dtype == np.float32 else 760
    parts = [random.normal(size=count), 10 * random.normal(size=count), random.uniform(-widest, widest, count)]
    parts += [np.exp(random.uniform(-40, 2, count)) * random.choice([-1, 1], count)]
    parts += [1 + np.exp(random.uniform(-36, -1, count)) * random.choice([-1, 1], count)]
    parts += [random.uniform(-1e4, 1e4, count)]
    found = np.concatenate(parts)
    return (np.abs(found) if name == "log" else found).astype(dtype)


# -- accuracy ---------------------------------------------------------------------------------------------------------


def wide_exprel(x: np.ndarray) -> np.ndarray:
    safe = np.where((x == 0) | np.isposinf(x), 1, x)
    return np.where(x == 0, 1, np.where(np.isposinf(x), np.inf, np.expm1(safe) / safe))


def wide_sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


WIDE: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # over float64
    "exp": np.exp, "expm1": np.expm1, "exprel": wide_exprel, "log": np.log, "sqrt": np.sqrt, "sin": np.sin,
    "cos": np.cos, "tanh": np.tanh, "cosh": np.cosh, "sigmoid": wide_sigmoid,
    "erf": np.vectorize(math.erf, otypes=[float]),
}  # fmt: skip


def errors(y: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """Return the error of single-precision results in units in the last place; 0 where both are NaN or infinite."""
    right = wide.astype(np.float32)
    unit = np.spacing(np.abs(np.where(np.isfinite(right), right, 1)))
    same = (y == right) | (np.isnan(y) & np.isnan(right))
    distance = np.abs(np.where(same, 0, y).astype(float) - np.where(same, 0, wide)) / unit
    exact = np.abs(np.where(np.isfinite(right), y - wide, 0)) / unit
    return np.where(same, exact, np.where(np.isnan(distance), np.inf, distance))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the reference overflows on purpose
@pytest.mark.parametrize("name", WIDE)
def test_single_precision_is_accurate(name: str) -> None:
    x = np.concatenate([ranges(name, np.float32, 20_000), every_magnitude(np.float32, 200_000), special(np.float32)])
    found = errors(apply(name, x), WIDE[name](x.astype(np.float64)))
    worst = np.argmax(found)
    assert found[worst] <= ULPS[name][0], f"{name}({x[worst]!r}) is off by {found[worst]:.2f} units"


def decimal_log(x: Decimal) -> Decimal:
    return x.ln()


def decimal_exprel(x: Decimal) -> Decimal:
    return (x.exp() - 1) / x


def decimal_tanh(x: Decimal) -> Decimal:
    e = (2 * x).exp()
    return (e - 1) / (e + 1)


PRECISE: dict[str, Callable[[Decimal], Decimal]] = {
    "exp": lambda x: x.exp(),
    "expm1": lambda x: x.exp() - 1,
    "exprel": decimal_exprel,
    "log": decimal_log,
    "tanh": decimal_tanh,
    "cosh": lambda x: (x.exp() + (-x).exp()) / 2,
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
}


@pytest.mark.parametrize("name", PRECISE)
def test_double_precision_is_accurate(name: str) -> None:
    x = ranges(name, np.float64, 250)
    y = apply(name, x)
    with localcontext() as context:
        context.prec = 50
        for given, found in zip(x.tolist(), y.tolist(), strict=True):
            right = PRECISE[name](Decimal(given))
            if math.isinf(found) or math.isinf(float(right)):
                assert found == float(right), given
                continue
            error = abs(Decimal(found) - right) / Decimal(math.ulp(float(right)))
            assert error <= ULPS[name][1], f"{name}({given!r}) is off by {error:.2f} units"


@pytest.mark.parametrize("real", REALS)
def test_tiny_numbers_lose_nothing(real: str) -> None:
    i = np.finfo(REALS[real])
    size = np.array([i.smallest_subnormal, i.tiny * 0.37, i.tiny, i.eps * 1e-3], dtype=REALS[real])
    x = np.concatenate([size, -size])
    for name in ("expm1", "tanh", "sin"):
        assert np.array_equal(apply(name, x), x), name
    for name in ("exp", "exprel", "cos", "cosh"):
        assert (apply(name, x) == 1).all(), name
    assert (apply("sigmoid", x) == 0.5).all()


def test_pow_in_single_precision_is_accurate() -> None:
    random = np.random.default_rng(3)
    pairs = [
        (np.exp(random.uniform(-80, 80, 50_000)), random.uniform(-40, 40, 50_000)),
        (1 + 1e-6 * random.normal(size=50_000), 1e7 * random.normal(size=50_000)),  # large exponents
        (-random.integers(1, 10, 50_000), random.integers(-30, 30, 50_000)),
        (every_magnitude(np.float32, 50_000), random.uniform(-1, 1, 50_000)),
    ]
    for base, exponent in pairs:
        x, y = base.astype(np.float32), exponent.astype(np.float32)
        with np.errstate(all="ignore"):
            found = errors(apply("pow", x, y), np.power(x.astype(float), y.astype(float)))
        worst = np.argmax(found)
        assert found[worst] < 0.51, f"{x[worst]!r}**{y[worst]!r} is off by {found[worst]:.2f} units"


# -- special values ---------------------------------------------------------------------------------------------------

NUMPY: dict[str, Callable[..., np.ndarray]] = {
    **WIDE,
    "floor": np.floor,
    "round": np.round,
    "sign": np.sign,
    "abs": np.abs,
    "heaviside": lambda x: (x > 0).astype(x.dtype),
    "pow": np.power,
    "min": np.minimum,
    "max": np.maximum,
}


def assert_alike(y: np.ndarray, right: np.ndarray, *xs: np.ndarray, signs: bool = True) -> None:
    """Compare what may not differ at all: NaN, infinities, the sign of zero; and the rest to a few units."""
    unit = np.spacing(np.abs(np.where(np.isfinite(right), right, 1)))
    near = np.abs(np.where(np.isfinite(right), y - right, 0)) <= 4 * unit
    alike = (np.isnan(y) == np.isnan(right)) & np.where(np.isfinite(right), near, (y == right) | np.isnan(y))
    if signs:
        alike &= (y != 0) | (right != 0) | (np.signbit(y) == np.signbit(right))
    wrong = [(*(x[k] for x in xs), y[k], right[k]) for k in np.flatnonzero(~alike)[:5]]
    assert not wrong, f"(arguments, result, NumPy's result): {wrong}"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # that is what it is about
@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("name", ALONE)
def test_special_values_are_those_of_numpy(name: str, real: str) -> None:
    x = special(REALS[real])
    with np.errstate(all="ignore"):
        y = apply(name, x)
        if name == "exprel" and real == "double":  # expm1 overflows before exprel does
            x, y = x[(x < 709.7) | np.isinf(x)], y[(x < 709.7) | np.isinf(x)]
        right = NUMPY[name](x.astype(float)).astype(x.dtype)
        assert_alike(y, right, x)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("name", PAIRS)
def test_special_pairs_are_those_of_numpy(name: str, real: str) -> None:
    x, y = np.array(list(itertools.product(special(REALS[real]), repeat=2)), dtype=REALS[real]).T
    with np.errstate(all="ignore"):
        right = NUMPY[name](x, y)
        assert_alike(apply(name, x, y), right, x, y, signs=name == "pow")  # of two zeros either is the smaller


def test_exprel_is_finite_where_exp_is_not() -> None:
    x = np.array([710.0, 716.0, 716.3, 717.0, np.inf, -np.inf, -1e300])
    with localcontext() as context:
        context.prec = 50
        right = np.array([*(float(decimal_exprel(Decimal(v))) for v in x[:4].tolist()), np.inf, 0, 1e-300])
    assert np.isfinite(right[:3]).all()
    assert np.isinf(right[3])
    np.testing.assert_allclose(apply("exprel", x), right, rtol=4e-16)


# -- what the text is -------------------------------------------------------------------------------------------------

SLOW = re.compile(r"@(?!llvm\.)[\w.]+|@llvm\.(?:sin|cos|tan|exp|log|pow|cosh|sinh|tanh)\w*")


def has_gathers() -> bool:
    return "+avx2" in llvm_jit._host()[1]


OWN = [(name, real) for name in NAMES for real in REALS if real == "float" or name not in FROM_LIBRARY]


@pytest.mark.parametrize(("name", "real"), OWN)
def test_a_loop_is_vectorised(name: str, real: str) -> None:
    text = llvm_jit.optimised(loop(name, real))
    calls = re.findall(r"\bcall [^@\n]*(@[\w.]+)\(", text)
    assert not [call for call in calls if SLOW.fullmatch(call)]
    if llvm_math.has_ldexp():
        assert "ldexp" not in llvm_jit.assembly(loop(name, real))
    if name not in ("sin", "cos") or has_gathers():
        assert re.search(rf"store <(?:vscale x )?\d+ x {real}>", text)


@pytest.mark.parametrize("real", REALS)
def test_no_text_allows_fast_mathematics(real: str) -> None:
    assert not re.findall(r"\b(?:fast|nnan|ninf|nsz|arcp|contract|afn|reassoc)\b", definitions(NAMES, real))


@pytest.mark.parametrize("real", REALS)
def test_all_of_them_fit_into_one_module(real: str) -> None:
    text = definitions([*NAMES, "exp", "sin"], real)
    assert sorted(re.findall(r"^define internal \w+ @sk_(\w+)\(", text, re.M)) == sorted(NAMES)
    llvm_jit.compile(text)


def test_every_function_of_the_language_is_there() -> None:
    printed_otherwise = {"clip", "where", "detach", "uniform", "normal", "binomial"}
    assert {*FUNCTIONS} - printed_otherwise | {"pow"} == {*NAMES}


def test_the_only_table_comes_with_those_who_need_it() -> None:
    assert "@sk_turns" not in definitions([name for name in NAMES if name not in ("sin", "cos")], "float")
    assert definitions(["sin", "cos"], "float").count("constant [256 x double]") == 2
    assert "@sk_turns" not in definitions(["sin", "cos"], "double")


def test_constants_of_reduction_are_exact() -> None:
    for real, c in llvm_math.FORMATS.items():
        high = REALS[real](c.ln2[0])
        assert high == c.ln2[0]
        assert int(math.frexp(c.ln2[0])[0] * 2.0 ** (c.mantissa - 11)) == math.frexp(c.ln2[0])[0] * 2.0 ** (
            c.mantissa - 11
        )
        assert sum(c.ln2) == pytest.approx(math.log(2), rel=2.0 ** -(c.mantissa + 8))
