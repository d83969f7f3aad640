"""Spikes and numbers computed by others: golden strings of the codes of signals, and examples of papers."""

import numpy as np
import pytest

from spikelet import decode, encode

SIGNAL = (0.45 + 0.4 * np.sin(2 * np.pi * np.arange(60) / 30))[:, None]
FIR = [0.1, 0.2, 0.3, 0.2, 0.1]
LEAST = SIGNAL.min()


def text(spikes: np.ndarray) -> str:
    return "".join({1.0: "+", 0.0: ".", -1.0: "-"}[float(s)] for s in spikes[:, 0])


def rmse(found: np.ndarray) -> float:
    return float(np.sqrt(((found - SIGNAL) ** 2).mean()))


def test_step_forward() -> None:
    spikes = encode.step_forward(SIGNAL, 0.1)
    assert text(spikes) == "..++.+.......--.---.-.......++.+++.+.......--.---.-.......++"
    assert rmse(decode.step_forward(spikes, 0.1, start=SIGNAL[0])) == pytest.approx(0.068948, abs=5e-7)


def test_moving_window() -> None:
    spikes = encode.moving_window(SIGNAL, 0.1, window=3)
    assert text(spikes) == "-..++++.....----------.....++++++++++.....----------.....+++"


def test_temporal_contrast() -> None:
    assert encode.contrast_threshold(SIGNAL, 0.5)[0] == pytest.approx(0.028152567385560233, rel=1e-13)
    assert text(encode.temporal_contrast(SIGNAL, 0.5)) == "+++++++...------------...++++++++++++...------------...+++++"


FILTERED = [
    ("hsa", {}, "++.+++.+++..+..............+..++.+++.+++..+.................", 0.140967),
    ("modified_hsa", {"threshold": 0.1}, "++.++++.+++.+..............+.+.+++.++++.++.+................", 0.110410),
    ("modified_hsa", {"threshold": 0.3}, "+++++++++++.++...........+..++.++++++++++.++...........+....", 0.112214),
    ("bsa", {"threshold": 0.2}, "++++++++++++.+...........+..++++++++++++++.+...........+....", 0.141837),
    ("bsa", {"threshold": 0.4}, "+++++++++++.+.+...........+.+.+++++++++++.+.+...............", 0.116601),
]  # fmt: skip


@pytest.mark.parametrize("name, given, golden, error", FILTERED)
def test_codes_of_filters(name: str, given: dict, golden: str, error: float) -> None:
    spikes = getattr(encode, name)(SIGNAL, FIR, **given)
    assert text(spikes) == golden
    assert rmse(getattr(decode, name)(spikes, FIR, offset=LEAST)) == pytest.approx(error, abs=5e-7)


def test_multiplicative_bsa() -> None:
    spikes = encode.bsa(SIGNAL, FIR, 0.955, form="multiplicative")
    assert spikes.sum() == 32
    assert rmse(decode.bsa(spikes, FIR, offset=LEAST)) == pytest.approx(0.149760, abs=5e-7)


@pytest.mark.parametrize(
    "name, given, error",
    [
        ("modified_hsa", {"threshold": 0.18}, 0.088521),
        ("bsa", {"threshold": 0.54, "form": "additive"}, 0.088521),
        ("bsa", {"threshold": 0.69, "form": "multiplicative"}, 0.103126),
    ],
)
def test_errors_with_the_best_threshold(name: str, given: dict, error: float) -> None:
    spikes = getattr(encode, name)(SIGNAL, FIR, **given)
    assert rmse(getattr(decode, name)(spikes, FIR, offset=LEAST)) == pytest.approx(error, abs=5e-7)


def test_bohte_fields() -> None:
    """Eight fields over [0, 1] and x = 0.35: centres, width, responses and times of Bohte et al. 2002."""
    centres, width = encode.receptive_fields(8, 0.0, 1.0, 1.5)
    np.testing.assert_allclose(centres, [-0.0833, 0.0833, 0.25, 0.4167, 0.5833, 0.75, 0.9167, 1.0833], atol=5e-5)
    assert width == pytest.approx(0.11111, abs=5e-6)
    times = [10, 9.44, 3.33, 1.65, 8.90, 9.98, 10, 10]
    spikes = encode.population(np.array([[0.35]]), 1001)[:, 0, 0]  # 10 ms in steps of 0.01 ms
    fires = [2, 3, 4]  # the others respond by less than 0.1
    assert spikes.sum(0).nonzero()[0].tolist() == fires
    np.testing.assert_allclose(spikes.argmax(0)[fires] / 100, np.array(times)[fires], atol=0.0051)
    all_of_them = encode.population(np.array([[0.35]]), 1001, threshold=1e-9)[:, 0, 0]
    np.testing.assert_allclose(all_of_them.argmax(0)[:6] / 100, times[:6], atol=0.0051)


def test_eight_ranks_hold_fifteen_bits() -> None:
    """Every order of eight values gives spikes of its own: log2(8!) = 15.30 bits."""
    import itertools

    orders = np.array(list(itertools.permutations(range(8))), dtype=np.float64)
    codes = encode.rank_order(orders).argmax(0)
    distinct = len(np.unique(codes @ 8 ** np.arange(8)))
    assert np.log2(distinct) == pytest.approx(15.30, abs=0.005)


# -- the two examples of the founding article -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bernoulli", "rate", "poisson"])
def test_a_pixel_of_32_fires_125_times_in_1000_steps(name: str) -> None:
    """32/256 for 1 s in steps of 1 ms: 125 spikes, give or take 10.46."""
    pixel = np.full((1, 1), 32 / 256)
    args = () if name == "bernoulli" else (1.0,)
    counts = [float(getattr(encode, name)(pixel, 1000, *args, seed=seed).sum()) for seed in range(40)]
    assert abs(counts[0] - 125) < 2 * 10.46
    assert abs(np.mean(counts) - 125) < 3 * (10.46 if name != "poisson" else np.sqrt(125)) / np.sqrt(40)


def test_an_image_of_four_pixels_by_poisson_and_by_rank_order() -> None:
    """2 x 2 pixels for 1 ms in 50 steps: counts in proportion to the pixels; one spike each, the larger the earlier."""
    image = np.array([[[255, 207], [128, 40]]]) / 255
    poisson = encode.bernoulli(np.repeat(image, 200, 0), 50).sum(0)
    error = np.sqrt(50 * image[0] * (1 - image[0]) / 200)
    assert (np.abs(poisson.mean(0) - 50 * image[0]) <= 3 * error).all()
    order = encode.rank_order(image)
    assert order.shape == (4, 1, 2, 2)
    assert order[:, 0].argmax(0).tolist() == [[0, 1], [2, 3]] and order.sum() == 4
    times = encode.latency(image, 50)[:, 0].argmax(0)
    assert times[0, 0] == 0 and (np.diff(times.ravel()) > 0).all()
