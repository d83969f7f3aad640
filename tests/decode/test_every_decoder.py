"""What every decoder of `decode.__all__` promises, as properties over one table; and mistakes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spikelet import decode
from spikelet.errors import InputError, ShapeError

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(1)
SPIKES = (RNG.random((40, 5, 3)) < 0.2) * 1.0
SPIKES[:, 0, 1] = 0.0  # a silent one
SHARES = np.array([[0.7, 0.3], [0.0, 0.0], [0.4, 0.6]])
FIR = [0.1, 0.3, 0.2]
FILTER = decode.LinearFilter(RNG.normal(size=(4, 3, 2)), np.array([0.5, -1.0]), ahead=1)
CASES: dict[str, Callable[[Any], Any]] = {
    "count": decode.count,
    "rate": lambda s: decode.rate(s, 0.5),
    "rate, lengths": lambda s: decode.rate(s, 0.5, lengths=[40, 1, 7, 20, 39]),
    "psth": lambda s: decode.psth(s, 0.5, 3.5),
    "density": lambda s: decode.density(s, 0.5, 2.0),
    "filtered": lambda s: decode.filtered(s, 0.5, 3.0),
    "first_spike": decode.first_spike,
    "rank": decode.rank,
    "rank_order": decode.rank_order,
    "latency": decode.latency,
    "latency, log": lambda s: decode.latency(s, "log"),
    "latency, rc": lambda s: decode.latency(s, "rc"),
    "phase": lambda s: decode.phase(s, 8),
    "weighted_phase": decode.weighted_phase,
    "burst": decode.burst,
    "lif": decode.lif,
    "population": decode.population,
    "population_vector": lambda s: decode.population_vector(s, [0.0, 1.0, 2.0], baseline=[1.0, 2.0, 3.0]),
    "temporal_contrast": lambda s: decode.temporal_contrast(s, 0.3),
    "step_forward": lambda s: decode.step_forward(s, 0.3, start=np.ones((5, 3))),
    "moving_window": lambda s: decode.moving_window(s, 0.3),
    "sigma_delta": lambda s: decode.sigma_delta(s, 0.3),
    "hsa": lambda s: decode.hsa(s, FIR, offset=1.0),
    "modified_hsa": lambda s: decode.modified_hsa(s, FIR),
    "bsa": lambda s: decode.bsa(s, FIR),
    "linear": lambda s: decode.linear(s, FILTER),
    "classify_rate": decode.classify_rate,
    "classify_first_spike": decode.classify_first_spike,
    "classify_membrane": decode.classify_membrane,
    "classify_membrane, late": lambda s: decode.classify_membrane(s, lengths=[1, 2, 3, 4, 5]),
    "classify_window": lambda s: decode.classify_window(s, 5),
    "classify_window, each": lambda s: decode.classify_window(s, 5, each=True),
    "classify_vote": lambda s: decode.classify_vote(s, SHARES),
}
FITS = {
    "fit_linear": lambda s: decode.fit_linear(s, s[..., :2] * 2, behind=2).weights,
    "assign_classes": lambda s: decode.assign_classes(s, [0, 1, 2, 0, 1], 3),
}
every = pytest.mark.parametrize("name", CASES)


def test_the_table_holds_every_decoder() -> None:
    assert {name.split(",")[0] for name in CASES} | set(FITS) == set(decode.__all__)


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_and_torch_agree(name: str, dtype: str) -> None:
    spikes = SPIKES.astype(dtype)
    ours, theirs = CASES[name](spikes), CASES[name](torch.from_numpy(spikes))
    assert isinstance(ours, np.ndarray) and isinstance(theirs, torch.Tensor)
    assert ours.dtype.name == str(theirs.dtype).removeprefix("torch.")
    assert ours.dtype.name == ("int64" if name.startswith("classify") or name == "rank" else dtype)
    tight = dict(rtol=1e-6, atol=1e-6) if dtype == "float32" else dict(rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(ours, theirs.numpy(), **tight)
    assert len(np.unique(ours)) > 1 or name == "classify_membrane"  # all of them reach 1 at some time


@every
def test_booleans_and_integers_are_spikes_too(name: str) -> None:
    expected = CASES[name](SPIKES.astype(np.float32))
    for dtype in ("bool", "uint8", "int64"):
        np.testing.assert_array_equal(CASES[name](SPIKES.astype(dtype)), expected)
        theirs = CASES[name](torch.from_numpy(SPIKES.astype(dtype))).numpy()
        np.testing.assert_allclose(theirs, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", FITS)
def test_fits_take_both_kinds(name: str) -> None:
    np.testing.assert_array_equal(FITS[name](SPIKES), FITS[name](torch.from_numpy(SPIKES)))


@every
def test_each_sequence_is_decoded_alone(name: str) -> None:
    if name in ("psth", "density", "rate, lengths", "step_forward", "classify_membrane, late"):
        return  # means over sequences, or numbers of their own for each
    whole = CASES[name](SPIKES)
    part = CASES[name](SPIKES[:, [3, 1]])
    axis = 1 if whole.shape[:2] == (40, 5) or "each" in name else 0
    np.testing.assert_allclose(part, whole.take([3, 1], axis), rtol=1e-13)


@every
def test_a_number_that_is_none_is_refused(name: str) -> None:
    wrong = SPIKES.copy()
    wrong[3, 1, 2] = np.nan
    with pytest.raises(InputError, match=rf"{name.split(',')[0]}: \w+ is nan at \(3, 1, 2\)"):
        CASES[name](wrong)


@every
def test_too_few_axes_are_refused(name: str) -> None:
    with pytest.raises(ShapeError, match=r": \w+ must be \(T, B, .*\), not \(40,\)"):
        CASES[name](SPIKES[:, 0, 0])


# -- mistakes ---------------------------------------------------------------------------------------------------------

MISTAKES: list[tuple[Any, type[Exception], str]] = [
    (lambda: decode.count(SPIKES.astype(complex)), InputError, "count: spikes must be numbers or booleans, not comple"),
    (lambda: decode.count(SPIKES, lengths=[1, 2]), ShapeError, "count: lengths must be (5,) integers, not int64 (2,)"),
    (lambda: decode.count(SPIKES, lengths=[1, 2, 3, 4, 41]), InputError, "lengths must be from 1 to 40, not 1 to 41"),
    (lambda: decode.rate(SPIKES, 0), InputError, "dt must be a number above 0 [ms], not 0"),
    (lambda: decode.rate(SPIKES[:0], 1.0), ShapeError, "rate: spikes must have steps and sequences, not (0, 5, 3)"),
    (lambda: decode.psth(SPIKES, 1.0, 1.5), InputError, "psth: width must be a whole number of steps of 1 ms, not 1.5"),
    (lambda: decode.filtered(SPIKES, 1.0, 1.5, "boxcar"), InputError, "must be a whole number of steps, not 1.5"),
    (lambda: decode.filtered(SPIKES, 1.0, 2.0, "gaussain"), InputError, "not 'gaussain'; did you mean 'gaussian'?"),
    (lambda: decode.first_spike(SPIKES[:0]), ShapeError, "spikes of no steps say nothing"),
    (lambda: decode.latency(SPIKES, "cubic"), InputError, "latency: kind must be 'linear', 'log' or 'rc', not 'cubic'"),
    (lambda: decode.rank_order(SPIKES, 1), InputError, "modulation must be a number from"),
    (lambda: decode.weighted_phase(SPIKES[:5]), ShapeError, "weighted_phase: a cycle has 8 steps, the spikes only"),
    (lambda: decode.step_forward(SPIKES, -1), InputError, "threshold must be a number above 0"),
    (lambda: decode.step_forward(SPIKES, 1, start=[1, 2]), ShapeError, "step_forward: start must be a number or (5"),
    (lambda: decode.hsa(SPIKES, []), ShapeError, "hsa: fir must be (taps,), not (0,)"),
    (lambda: decode.population(SPIKES, low=2.0), InputError, "low must be below high, not 2.0 and 1.0"),
    (lambda: decode.population_vector(SPIKES, [1.0]), ShapeError, "directions must be (3,) or (3, D), not (1,)"),
    (lambda: decode.population_vector(SPIKES, [1, 2, 3], baseline=[1, 2]), ShapeError, "baseline must be a number or"),
    (lambda: decode.linear(SPIKES[..., :2], FILTER), ShapeError, "the filter is for 3 neurons, the spikes are of 2"),
    (lambda: decode.fit_linear(SPIKES, SPIKES[:9]), ShapeError, "spikes have (T, B) = (40, 5), the signal (9, 5)"),
    (lambda: decode.classify_window(SPIKES, 41), InputError, "width must be an integer from 1 to 40, not 41"),
    (lambda: decode.classify_rate(SPIKES[..., None]), ShapeError, "spikes must be (T, B, C), not (40, 5, 3, 1)"),
    (lambda: decode.classify_vote(SPIKES, SHARES[:2]), ShapeError, "shares must be (3, C), not (2, 2)"),
    (lambda: decode.assign_classes(SPIKES, [0.5] * 5, 2), ShapeError, "labels must be (5,) integers, not float64 (5,)"),
    (lambda: decode.assign_classes(SPIKES, [0, 1, 2, 0, 1], 2), InputError, "labels must be from 0 to 1, not 0 to 2"),
]  # fmt: skip


@pytest.mark.parametrize("call, kind, words", MISTAKES, ids=[words for _, _, words in MISTAKES])
def test_mistakes(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert words in str(caught.value)
