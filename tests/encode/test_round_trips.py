"""There and back: each code that has a decoder, with the error that it may have."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spikelet import decode, encode

torch = pytest.importorskip("torch")

FIR = [0.1, 0.2, 0.3, 0.2, 0.1]
T = 40
RNG = np.random.default_rng(5)
VALUES = RNG.random((6, 2, 3))
VALUES[0, 0] = 0.0, 0.5, 1.0
PHASES = RNG.random((6, 2)) * 6
SIGNAL = 0.5 + 0.4 * np.sin(2 * np.pi * np.arange(T)[:, None, None] / 30 + PHASES) + 0.05 * RNG.random((T, 6, 2))
LEAST = SIGNAL.min(0)
OF_SIGNALS = (
    "sigma_delta", "step_forward", "moving_window", "temporal_contrast", "hsa", "modified_hsa", "bsa",
)  # fmt: skip


def largest(found: np.ndarray, x: np.ndarray) -> float:
    return float(np.abs(found - x).max())


def rmse(found: np.ndarray, x: np.ndarray) -> float:
    """Of the steps that a filter of five taps can reach from both sides."""
    return float(np.sqrt(((found - x)[4:-8] ** 2).mean()))


def unlike(found: np.ndarray, x: np.ndarray) -> float:
    """1 less the smallest correlation of a signal: for codes that keep the course and not the level."""
    pairs = zip(found.reshape(T, -1).T, x.reshape(T, -1).T, strict=True)
    return 1 - min(float(np.corrcoef(a, b)[0, 1]) for a, b in pairs)


Measure = Callable[[np.ndarray, np.ndarray], float]
ROUND_TRIPS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], Measure, float]] = {
    # encoder, decoder, error, its bound
    "rate": (lambda x: encode.rate(x, 4000, 1.0), lambda s: decode.rate(s, 1.0), largest, 4.5 * 0.5 / np.sqrt(4000)),
    "latency": (lambda x: encode.latency(x, 101), decode.latency, largest, 0.5 / 100 + 1e-12),
    "phase": (lambda x: encode.phase(x, 90, 30, start=2), lambda s: decode.phase(s, 30, start=2), largest, 0.0173),
    "weighted_phase": (lambda x: encode.weighted_phase(x, 16), decode.weighted_phase, largest, 2.0**-8),
    "burst": (lambda x: encode.burst(x, T), decode.burst, largest, 0.1 + 1e-12),
    "population": (lambda x: encode.population(x, 200, 12), decode.population, largest, 0.02),
    "lif": (lambda x: encode.lif(2 + x, 4000, dt=0.05), lambda s: decode.lif(s, dt=0.05) - 2, largest, 0.012),
    "sigma_delta": (lambda x: encode.sigma_delta(x, 0.05), lambda s: decode.sigma_delta(s, 0.05), largest, 0.05),
    "step_forward": (
        lambda x: encode.step_forward(x, 0.15),
        lambda s: decode.step_forward(s, 0.15, start=SIGNAL[0]),
        largest,
        0.15,
    ),
    "moving_window": (lambda x: encode.moving_window(x, 0.05), lambda s: decode.moving_window(s, 0.05), unlike, 0.2),
    "temporal_contrast": (
        lambda x: encode.temporal_contrast(x),
        lambda s: decode.temporal_contrast(s, encode.contrast_threshold(SIGNAL)),
        unlike,
        0.2,
    ),
    "hsa": (lambda x: encode.hsa(x, FIR), lambda s: decode.hsa(s, FIR, offset=LEAST), rmse, 0.15),
    "modified_hsa": (
        lambda x: encode.modified_hsa(x, FIR, 0.18),
        lambda s: decode.modified_hsa(s, FIR, offset=LEAST),
        rmse,
        0.09,
    ),
    "bsa": (
        lambda x: encode.bsa(x, FIR, 0.54),
        lambda s: decode.bsa(s, FIR, offset=LEAST),
        rmse,
        0.09,
    ),
}


def test_each_code_with_a_decoder_is_here() -> None:
    assert {*ROUND_TRIPS, "rank_order"} == set(encode.__all__) & set(decode.__all__)  # of which the last comes below


@pytest.mark.parametrize("name", ROUND_TRIPS)
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_there_and_back(name: str, kind: str) -> None:
    encoder, decoder, error, bound = ROUND_TRIPS[name]
    x = SIGNAL if name in OF_SIGNALS else VALUES
    found = decoder(encoder(torch.from_numpy(x) if kind == "torch" else x))
    assert isinstance(found, torch.Tensor) == (kind == "torch")
    assert found.shape == x.shape
    assert error(np.asarray(found), x) <= bound
    assert error is unlike or error(np.full_like(x, x.mean()), x) > 1.5 * bound  # the bound says something


def test_an_order_comes_back_exactly() -> None:
    x = np.random.default_rng(0).random((20, 50))
    spikes = encode.rank_order(x)
    np.testing.assert_array_equal(decode.rank(spikes), np.argsort(np.argsort(-x, 1), 1))
    np.testing.assert_array_equal(encode.rank_order(np.exp(3 * x) - 7), spikes)
    np.testing.assert_array_equal(encode.rank_order(decode.rank_order(spikes)), spikes)
