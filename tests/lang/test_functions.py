"""The table of functions: every row's derivative, units and spellings."""

import re

import numpy as np
import pytest
import torch

from spikelet.backends import numpy_reference, printer, torch_eager
from spikelet.errors import EquationError, UnitError
from spikelet.ir.lower import surrogate_derivative
from spikelet.lang.functions import DRAWS, FUNCTIONS, Function
from spikelet.model import Neuron, Surrogate

ROWS = [row for name, row in FUNCTIONS.items() if name not in DRAWS]
IDS = [row.name for row in ROWS]
NAMES = ("x", "y", "z")
Y, Z = 0.31, 1.27  # values of the second and third argument


def call(row: Function) -> str:
    """Return a call of a row's function over x, y and z; where() takes a condition."""
    arguments = ["x > 0" if row.units == "where" else "x", *NAMES[1:]][: row.arity]
    return f"{row.name}({', '.join(arguments)})"


def evaluate(text: str, x: np.ndarray, y: float = Y, z: float = Z) -> np.ndarray:
    """Evaluate an expression over x, y and z with the reference interpreter."""
    return numpy_reference.derivative(Surrogate("f", f"ds/dx = {text}; y = {y!r}; z = {z!r}"), x)


def points(row: Function) -> np.ndarray:
    """Arguments within a row's bounds; none on a kink or a jump of any of them."""
    low, high = row.bounds
    x = np.linspace(low, high, 241) + 0.00371
    kinks = np.concatenate([np.arange(-6, 6) / 2, [Y, Z]])
    return x[np.abs(x[:, None] - kinks).min(axis=1) > 1e-3]


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_derivatives_agree_with_finite_differences(row: Function):
    assert len(row.derivative) == row.arity
    x, h = points(row), 1e-6
    for argument, text in zip(NAMES, row.derivative, strict=False):
        step = {name: h * (name == argument) for name in NAMES}
        above = evaluate(call(row), x + step["x"], Y + step["y"], Z + step["z"])
        below = evaluate(call(row), x - step["x"], Y - step["y"], Z - step["z"])
        difference = (above - below) / (2 * h)
        if row.name == "detach":  # its one purpose: the value passes, the gradient does not
            assert text == "" and np.allclose(difference, 1)
            continue
        if row.units == "where":
            text = re.sub(r"\bx\b", "(x > 0)", text)
        found = evaluate(text, x) if text else np.zeros_like(x)
        np.testing.assert_allclose(found, difference, rtol=1e-6, atol=1e-8, err_msg=f"{row.name} by {argument}")


@pytest.mark.parametrize("row", ROWS, ids=IDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 4e-7)])
def test_spellings_agree_in_numpy_and_torch(row: Function, dtype: type, tolerance: float):
    x = np.concatenate([points(row), [0.0, -0.0, 0.5, 1.5, 2.5, -0.5, 1e-9, -1e-6, 1e-4, 30.0, -30.0]])
    x = x[(x >= row.bounds[0]) | (row.bounds[0] < 0)].astype(dtype)
    mine = Surrogate("f", f"ds/dx = {call(row)}; y = {Y!r}; z = {Z!r}")
    reference = numpy_reference.derivative(mine, x)
    other = torch_eager.slope_function(mine)(torch.from_numpy(x))
    assert reference.dtype == dtype
    assert other.dtype == torch.from_numpy(x).dtype
    np.testing.assert_allclose(other.numpy(), reference, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_the_printed_numpy_source_is_what_the_interpreter_does(row: Function):
    mine = Surrogate("f", f"ds/dx = {call(row)}; y = {Y!r}; z = {Z!r}")
    source = printer.expression_source("slope", surrogate_derivative(mine), "f", "numpy")
    own = {name: getattr(numpy_reference, name) for name in ("exprel", "sigmoid", "erf", "heaviside")}
    space = {"np": np, "as_real": lambda x: np.asarray(x, np.float64), "number": np.float64, **own}
    exec(source, space)
    x = points(row)
    np.testing.assert_array_equal(space["slope"](x, mine.parameters), numpy_reference.derivative(mine, x))


@pytest.mark.parametrize("text", ["exprel(x)", "sigmoid(x)", "sigmoid(-x)", "tanh(x)", "erf(x)", "expm1(-abs(x))"])
def test_what_is_bounded_stays_finite(text: str):
    x = np.array([-1e4, -745.0, -100.0, -1e-300, 0.0, 1e-300, 1e-5, 100.0, 700.0])
    with np.errstate(over="ignore"):
        assert np.isfinite(evaluate(text, x)).all()


def test_exprel_is_smooth_through_zero():
    x = np.array([-1e-3, -1e-5, -1e-8, -1e-300, 0.0, 1e-300, 1e-8, 9.99e-6, 1.001e-5, 1e-3])
    series = 1 + x / 2 + x**2 / 6 + x**3 / 24 + x**4 / 120
    np.testing.assert_allclose(evaluate("exprel(x)", x), series, rtol=1e-15)


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("heaviside(x)", [-1.0, 0.0, 1.0], [0.0, 0.0, 1.0]),
        ("sign(x)", [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]),
        ("round(x)", [0.5, 1.5, -0.5, 2.4], [0.0, 2.0, -0.0, 2.0]),  # halves to even
        ("floor(x)", [-0.5, 0.0, 1.9], [-1.0, 0.0, 1.0]),
        ("clip(x, 0, 1)", [-1.0, 0.5, 2.0], [0.0, 0.5, 1.0]),
        ("x // 2", [-1.0, 3.0, 4.0], [-1.0, 1.0, 2.0]),
        ("x % 2", [-1.0, 3.0, 4.5], [1.0, 1.0, 0.5]),
        ("where(x > 0 and x < 2 or x == -1, 1, 0)", [-1.0, 0.0, 1.0, 2.0], [1.0, 0.0, 1.0, 0.0]),
        ("where(not x > 0, 1, 0)", [-1.0, 1.0], [1.0, 0.0]),
    ],
)
def test_values_at_the_edges(text: str, x: list[float], expected: list[float]):
    mine = Surrogate("f", f"ds/dx = {text}")
    np.testing.assert_array_equal(numpy_reference.derivative(mine, np.array(x)), expected)
    other = torch_eager.slope_function(mine)(torch.tensor(x, dtype=torch.float64))
    np.testing.assert_array_equal(other.numpy(), expected)


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_units_of_arguments_and_result(row: Function):
    arguments = ["1 mV", "2 mV", "3 mV"][: row.arity]
    if row.units == "where":
        arguments[0] = "v > 0"
    text = f"v[k+1] = {row.name}({', '.join(arguments)})"
    result = {"same": "mV", "number": None, "sqrt": "mV**0.5", "sign": "1", "where": "mV"}[row.units]
    if result is None:
        with pytest.raises(UnitError, match=rf"{row.name}\(\) takes a plain number, but this is in mV"):
            Neuron("M", f"{text} : 1")
    else:
        Neuron("M", f"{text} : {result}")
        with pytest.raises(UnitError, match="must be in pA"):
            Neuron("M", f"{text} : pA")
    if row.arity > 1:
        with pytest.raises(UnitError, match=rf"cannot mix in {row.name}\(\) mV and pA"):
            Neuron("M", text.replace(f"{arguments[-1]})", "3 pA)") + " : mV")


@pytest.mark.parametrize("row", [*ROWS, *(FUNCTIONS[name] for name in sorted(DRAWS))], ids=lambda row: row.name)
def test_the_number_of_arguments_is_checked(row: Function):
    for count in {0, 1, 2, 3, 4} - {row.arity}:
        expected = f"takes {row.arity} argument{'s' * (row.arity != 1)}, {count} given"
        with pytest.raises(EquationError, match=expected):
            Neuron("M", f"v[k+1] = {row.name}({', '.join(['v'] * count)}) : 1")


def test_every_row_of_numbers_prints_as_latex():
    for row in FUNCTIONS.values():
        text = row.latex.format(*NAMES[: row.arity])
        assert text.count("{") == text.count("}") and text.count(r"\left") == text.count(r"\right")
        assert all(name in text for name in NAMES[: row.arity])
