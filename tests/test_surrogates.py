"""Every surrogate: finite also in half precision, of the sign, the peak and the area that its doc states.

The peak and the area are read from the doc, so neither can be changed without the other.
"""

import math
import re

import numpy as np
import pytest

from spikelet import surrogates
from spikelet.backends.numpy_reference import derivative
from spikelet.model import Neuron, Surrogate

ZOO = {name: entry for name, entry in vars(surrogates).items() if isinstance(entry, Surrogate)}
NEGATIVE = {"multi_gaussian", "squarewave_fourier"}
# The closed form of each, written apart from the text; s(x) = 1/(1 + exp(-x)).
CLOSED = {
    "arctan": lambda x: 1 / (1 + (np.pi * x) ** 2),
    "sigmoid": lambda x: 1 / np.cosh(np.clip(2 * x, -300, 300)) ** 2,
    "fast_sigmoid": lambda x: (1 + 25 * np.abs(x)) ** -2.0,
    "soft_sign": lambda x: (1 + 2 * np.abs(x)) ** -2.0,
    "triangle": lambda x: 0.3 * np.interp(x, [-1, 0, 1], [0, 1, 0]),
    "piecewise_quadratic": lambda x: np.interp(x, [-1, 0, 1], [0, 1, 0]),
    "piecewise_exponential": lambda x: np.exp(-np.abs(x)) / 2,
    "boxcar": lambda x: np.where((x > -0.5) & (x < 0.5), 1.0, 0.0),
    "gaussian": lambda x: np.sqrt(2 / np.pi) * np.exp(-2 * x**2),
    "multi_gaussian": lambda x: 1.15 * normal(x, 0, 0.5) - 0.15 * (normal(x, 0.5, 3.0) + normal(x, -0.5, 3.0)),
    "erf": lambda x: 2 / np.sqrt(np.pi) * np.exp(-4 * x**2),
    "leaky_relu": lambda x: np.where(x >= 0, 1.0, 0.1),
    "log_tailed_relu": lambda x: np.select([x <= 0, x <= 1], [0.0, 1.0], 1 / np.where(x > 1, x, 1)),
    "straight_through": lambda x: np.ones_like(x),
    "s2nn": lambda x: np.where(x < 0, 1 / np.cosh(np.clip(2 * x, -300, 300)) ** 2, 1 / (np.abs(x) + 1)),
    "q_pseudo_spike": lambda x: (1 + 2 * np.abs(x)) ** -2.0,
    "squarewave_fourier": lambda x: np.cos(np.pi * x / 2) * np.cos(np.pi * x / 4),
    "sparse_fast_sigmoid": lambda x: np.where(np.abs(x) < 1, (1 + 25 * np.abs(x)) ** -2.0, 0.0),
    "stochastic_escape": lambda x: 2 * np.exp(np.minimum(2 * x, 50) - np.exp(np.minimum(2 * x, 50))),
}
# The functions whose derivatives these are, where they rise from 0 to 1: their differences give the area.
STEPS = {
    "arctan": lambda x: np.arctan(np.pi * x) / np.pi + 0.5,
    "sigmoid": lambda x: (np.tanh(2 * x) + 1) / 2,
    "piecewise_exponential": lambda x: np.where(x < 0, np.exp(-np.abs(x)) / 2, 1 - np.exp(-np.abs(x)) / 2),
    "erf": lambda x: (np.vectorize(math.erf)(2 * x) + 1) / 2,
    "gaussian": lambda x: (np.vectorize(math.erf)(np.sqrt(2) * x) + 1) / 2,
    "stochastic_escape": lambda x: 1 - np.exp(-np.exp(2 * x)),
}

every = pytest.mark.parametrize("entry", ZOO.values(), ids=ZOO)


def normal(x: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    return np.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))


def stated(entry: Surrogate) -> tuple[float, float, str]:
    """Return the peak, where it is, and the area, as the doc states them."""
    match = re.search(r"Peak (\S+) at (\S+); area (\S+)\.$", entry.doc)
    assert match, f"the doc of {entry.name} does not end with 'Peak p at x; area a.': {entry.doc!r}"
    return float(match[1]), float(match[2]), match[3]


def wide(dtype: type = np.float64) -> np.ndarray:
    """Numbers on [-1e4, 1e4], dense around 0, with 0, 1 and the ends."""
    positive = np.concatenate([np.geomspace(1e-6, 1e4, 2001), [0.5, 1.0, 2.0, 3.0]])
    return np.unique(np.concatenate([-positive, [0.0], positive]).astype(dtype))


def area(entry: Surrogate, low: float, high: float) -> float:
    """Integrate over low < |x| < high, on a logarithmic grid."""
    s = np.linspace(math.log(low), math.log(high), 200_001)
    x = np.exp(s)
    return float(np.trapezoid((derivative(entry, x) + derivative(entry, -x)) * x, s))


def test_the_zoo_is_complete():
    """Each entry carries the name it is found by, and one that another tool knows is not lost unseen."""
    assert all(entry.name == name for name, entry in ZOO.items())
    assert set(ZOO) == set(CLOSED)
    assert len({entry.text for entry in ZOO.values()}) == len(ZOO)


@every
def test_doc_and_reference(entry):
    assert len(entry.doc) > 40
    assert re.search(r"\b(19|20)\d\d\b", entry.ref), "the reference has no year"


@every
def test_closed_form(entry):
    x = np.concatenate([wide(), np.linspace(-3, 3, 601)])
    np.testing.assert_allclose(derivative(entry, x), CLOSED[entry.name](x), rtol=1e-9, atol=1e-12)


@every
def test_peak(entry):
    """The largest value is the one that the doc states, and it is taken where it says."""
    peak, place, _ = stated(entry)
    assert derivative(entry, np.array([place]))[0] == pytest.approx(peak, rel=2e-6)
    x = np.concatenate([wide(), np.linspace(-5, 5, 100_001)])
    assert derivative(entry, x).max() <= peak * (1 + 2e-6)


@every
def test_area(entry):
    _, _, size = stated(entry)
    if size == "infinite":  # the tails do not fall faster than 1/x
        assert area(entry, 1e4, 1e8) > 9
    elif size == "none":
        assert abs(area(entry, 1e-9, 8)) < 1e-2 and abs(area(entry, 1e-9, 2)) > 0.5  # periodic: nothing over a period
    else:
        assert area(entry, 1e-9, 1e8) == pytest.approx(float(size), rel=1e-3)


@pytest.mark.parametrize("name", STEPS)
def test_it_is_the_derivative_of_its_step(name):
    """A step from 0 to 1 whose central difference is the surrogate."""
    x, h = np.linspace(-2, 2, 81), 1e-5
    step = STEPS[name]
    x = x[np.abs(x) > 1e-3]  # the double exponential has a corner at 0
    slope = (step(x + h) - step(x - h)) / (2 * h)
    np.testing.assert_allclose(derivative(ZOO[name], x), slope, rtol=1e-5, atol=1e-8)


@every
def test_sign(entry):
    """Never negative, except where the doc says so."""
    lowest = derivative(entry, np.concatenate([wide(), np.linspace(-10, 10, 2001)])).min()
    assert (lowest < 0) == (entry.name in NEGATIVE)
    assert ("negative in" in entry.doc) == (entry.name in NEGATIVE)


@every
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_finite_in_numpy(entry, dtype):
    """Finite, and near what float64 gives; an overflow on the way must end in the right limit."""
    x = wide(dtype)
    with np.errstate(over="ignore"):  # float16 ends at 65,504
        got = derivative(entry, x)
    assert got.shape == x.shape
    assert np.isfinite(got).all()
    assert_near(got, entry, x, dtype)


@every
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_finite_in_torch(entry, dtype):
    """The gradient of a spike with respect to what reaches the threshold, through the torch back end."""
    pytest.importorskip("torch")
    x = wide(dtype)
    got = gradient(entry, x)
    assert got.dtype == x.dtype and got.shape == x.shape
    assert np.isfinite(got).all()
    assert_near(got, entry, x, dtype)


@every
def test_finite_in_torch_bfloat16(entry):
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(wide()).to(torch.bfloat16)
    assert np.isfinite(gradient(entry, x.float().numpy(), torch.bfloat16)).all()


@every
def test_steep_entries_stay_finite(entry):
    """Parameters a hundred times larger or smaller than the defaults overflow earlier, and still do no harm."""
    for factor in (0.01, 100):
        values = {name: value * factor for name, value in entry.parameters.items() if name not in ("q", "period")}
        with np.errstate(over="ignore"):
            assert not np.isnan(derivative(entry(**values), wide(np.float16))).any()


@every
def test_parameters_are_used(entry):
    """Each parameter changes the derivative somewhere."""
    x = np.linspace(-3, 3, 1001)
    for name, value in entry.parameters.items():
        other = entry(**{name: 1.5 * value + 0.5})
        assert (derivative(other, x) != derivative(entry, x)).any(), name


def assert_near(got: np.ndarray, entry: Surrogate, x: np.ndarray, dtype: type) -> None:
    """Compare with float64, to 20 units of rounding; a cosine of a large rounded number is left out."""
    near = np.abs(x) <= (1 if entry.name == "squarewave_fourier" else np.inf)
    off = np.abs(got.astype(np.float64) - derivative(entry, x.astype(np.float64)))
    assert off[near].max() <= 20 * float(np.finfo(dtype).eps) * stated(entry)[0]


def gradient(entry: Surrogate, x: np.ndarray, dtype=None) -> np.ndarray:
    """Return d(spike)/d(input) of a neuron whose state is its input."""
    import torch

    from spikelet.backends.torch_eager import Stepper, initial_state
    from spikelet.ir.lower import lower

    model = Neuron("Pass", "v[k+1] = I : 1; I : 1 (input)", threshold="v > 0")
    step = lower(model)
    current = torch.from_numpy(x).to(dtype)[None] if dtype else torch.from_numpy(x)[None]
    current.requires_grad_(True)
    more = {"dt": 1.0, "dtype": current.dtype, "device": torch.device("cpu")}
    state = initial_state(step, model.parameters, tuple(current.shape), **more)
    stepper = Stepper(step, model.parameters, surrogate=entry, **more)
    spikes, _ = stepper({"I": current}, state)
    assert (spikes.detach() == (current.detach() > 0)).all()
    spikes.sum().backward()
    assert current.grad is not None
    return current.grad[0].float().numpy() if dtype else current.grad[0].numpy()
