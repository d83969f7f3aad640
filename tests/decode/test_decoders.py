"""Decoders against closed forms, numpy and scipy."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from spikelet import decode, encode
from spikelet.errors import InputError, ShapeError

torch = pytest.importorskip("torch")

SPIKES = (np.random.default_rng(1).random((40, 5, 3)) < 0.2) * 1.0


# -- counts and rates -------------------------------------------------------------------------------------------------


def test_rates_of_sequences_of_several_lengths() -> None:
    lengths = np.array([40, 1, 7, 20, 39])
    expected = [SPIKES[:n, b].sum(0) / (n * 0.5) for b, n in enumerate(lengths)]
    np.testing.assert_allclose(decode.rate(SPIKES, 0.5, lengths=lengths), expected)
    np.testing.assert_allclose(decode.rate(torch.from_numpy(SPIKES), 0.5, lengths=torch.from_numpy(lengths)), expected)


def test_psth_is_a_histogram() -> None:
    found = decode.psth(SPIKES, 0.5, 3.0)
    t, _, n = np.nonzero(SPIKES)
    for neuron in range(3):
        edges = [*np.arange(0, 40, 6), 40]
        counts, _ = np.histogram(t[n == neuron], edges)
        np.testing.assert_allclose(found[:, neuron], counts / 5 / (np.diff(edges) * 0.5))


def test_density_of_many_trials_is_the_rate() -> None:
    t = np.arange(300) * 1.0
    rates = 0.05 * (1 + np.sin(2 * np.pi * t / 150))
    spikes = encode.inhomogeneous_poisson(np.broadcast_to(rates[:, None, None], (300, 4000, 1)).copy(), 1.0)
    found = decode.density(spikes, 1.0, 5.0)[30:-30, 0]
    deviation = np.sqrt(rates.max() / (2 * np.sqrt(np.pi) * 5.0 * 4000))  # of a Gaussian sum of Poisson trials
    assert np.abs(found - rates[30:-30]).max() < 4.5 * deviation


KERNELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exponential": lambda t: np.exp(-t / 4) * (t >= 0),
    "alpha": lambda t: t * np.exp(-t / 4) * (t >= 0),
    "gaussian": lambda t: np.exp(-(t**2) / 32) * (abs(t) <= 16),
    "boxcar": lambda t: 1.0 * ((t >= 0) & (t < 4 - 1e-9)),
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_filtered_is_the_convolution(kernel: str) -> None:
    dt = 0.5
    t = np.arange(-100, 100.01, dt)
    taps = KERNELS[kernel](t)
    taps = taps / taps.sum() / dt
    expected = np.array([np.convolve(x, taps)[200:240] for x in SPIKES.reshape(40, -1).T]).T.reshape(SPIKES.shape)
    np.testing.assert_allclose(decode.filtered(SPIKES, dt, 4.0, kernel), expected, atol=1e-9)


@pytest.mark.parametrize("kernel", decode.filters.KERNELS)
def test_filtering_keeps_the_number_of_spikes_and_has_a_gradient(kernel: str) -> None:
    x = torch.zeros(300, 1, 1, dtype=torch.float64)
    x[100] = 2.0
    x.requires_grad_()
    smooth = decode.filtered(x, 0.5, 6.0, kernel)
    assert float(smooth.detach().sum() * 0.5) == pytest.approx(2.0, rel=1e-5)
    smooth.sum().backward()
    assert x.grad is not None and float(x.grad[100] * 0.5) == pytest.approx(1.0, rel=1e-5)


# -- times ------------------------------------------------------------------------------------------------------------


def test_first_spikes_and_ranks() -> None:
    spikes = np.zeros((5, 1, 4))
    spikes[3, 0, 0] = spikes[1, 0, 1] = spikes[4, 0, 1] = spikes[3, 0, 3] = 1
    assert decode.first_spike(spikes, 0.5).tolist() == [[1.5, 0.5, np.inf, 1.5]]
    assert decode.rank(spikes).tolist() == [[1, 0, 4, 2]]
    np.testing.assert_allclose(decode.rank_order(spikes, 0.8), [[0.8, 1.0, 0.0, 0.64]])


def test_the_matched_order_activates_most() -> None:
    """Of all orders of six inputs, that of the weights has the largest activation (rearrangement inequality)."""
    import itertools

    x = np.random.default_rng(4).random((1, 6))
    weights = decode.rank_order(encode.rank_order(x), 0.85)[0]
    orders = np.array(list(itertools.permutations(range(6))), dtype=np.float64)
    activation = decode.rank_order(encode.rank_order(orders), 0.85) @ weights
    best = orders[activation.argmax()]
    assert (np.argsort(best) == np.argsort(x[0])).all() and (activation == activation.max()).sum() == 1


@pytest.mark.parametrize("kind, steps", [("log", 12), ("rc", 400)])
def test_latencies_come_back_within_half_a_step(kind: str, steps: int) -> None:
    x = np.random.default_rng(4).uniform(0.25, 1, (1, 200))
    found = decode.latency(encode.latency(x, steps, kind), kind)
    bounds = [decode.latency(np.eye(steps)[:, [k], None], kind)[0, 0] for k in range(steps)]  # the value of each step
    step = encode.latency(x, steps, kind)[:, 0].argmax(0)
    assert (found[0] == np.array(bounds)[step]).all()
    assert np.abs(np.log(found / x)).max() < (0.51 if kind == "log" else 0.03 / 0.2)


def test_silence_says_nothing() -> None:
    silent = np.zeros((20, 1, 2))
    for name, value in (("latency", 0), ("burst", 0), ("lif", 0), ("rank_order", 0), ("weighted_phase", 0)):
        assert (getattr(decode, name)(silent) == value).all()
    assert np.isnan(decode.phase(silent, 5)).all() and np.isnan(decode.population(np.zeros((9, 1, 8)))).all()


def test_weighted_phase_is_exact_for_multiples_of_256ths() -> None:
    x = np.arange(256)[None] / 256
    np.testing.assert_array_equal(decode.weighted_phase(encode.weighted_phase(x, 24)), x)
    off = np.random.default_rng(0).random((1, 5000))
    found = decode.weighted_phase(encode.weighted_phase(off, 8))
    assert (found <= off).all() and (off - found < 2.0**-8).all()


def test_lif_distortion_vanishes_with_time() -> None:
    """The longer one looks and the finer the steps, the nearer the value (Doutsi et al. 2021)."""
    x = np.random.default_rng(0).uniform(1.2, 5, (1, 300))
    errors = []
    for steps, dt in ((100, 1.0), (2000, 0.1), (40_000, 0.01)):
        spikes = encode.lif(x, steps, dt=dt, t_ref=2.0)
        errors.append(np.abs(decode.lif(spikes, dt=dt, t_ref=2.0) - x).max())
    assert errors[0] > 4 * errors[1] > 16 * errors[2] and errors[2] < 0.01


# -- populations ------------------------------------------------------------------------------------------------------


def test_population_vector_points_to_the_stimulus() -> None:
    preferred = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, 30)
    rates = 0.02 + 0.018 * np.cos(angles[:, None] - preferred)
    spikes = encode.poisson(rates, 4000, 1.0)
    vector = decode.population_vector(spikes, preferred, baseline=80.0)
    found = np.arctan2(vector[:, 1], vector[:, 0])
    assert np.abs(np.angle(np.exp(1j * (found - angles)))).max() < np.deg2rad(8)
    np.testing.assert_allclose(np.linalg.norm(vector, axis=1), 4000 * 0.018 / 2, rtol=0.2)
    axes = np.stack([np.cos(preferred), np.sin(preferred)], 1) * 5.0  # the length of a direction does not count
    np.testing.assert_allclose(decode.population_vector(spikes, axes, baseline=80.0), vector, atol=1e-12)


# -- linear reconstruction --------------------------------------------------------------------------------------------


def test_a_linear_filter_is_found_again() -> None:
    spikes = (np.random.default_rng(0).random((500, 3, 4)) < 0.1) * 1.0
    truth = decode.LinearFilter(np.random.default_rng(1).normal(size=(6, 4, 2)), np.array([1.0, -2.0]), ahead=2)
    signal = decode.linear(spikes, truth)
    found = decode.fit_linear(spikes, signal, behind=3, ahead=2)
    np.testing.assert_allclose(found.weights, truth.weights, atol=1e-10)
    np.testing.assert_allclose(found.offset, truth.offset, atol=1e-10)
    by_hand = np.zeros((500, 2)) + truth.offset
    for t in range(500):
        for j in range(6):
            if 0 <= t + 2 - j < 500:
                by_hand[t] += spikes[t + 2 - j, 1] @ truth.weights[j]
    np.testing.assert_allclose(signal[:, 1], by_hand, atol=1e-12)


def test_a_signal_is_read_from_noisy_spikes() -> None:
    """The best filter leaves an error that no spike explains, and is far better than the mean (Bialek et al. 1991)."""
    rng = np.random.default_rng(0)
    slow = decode.filtered(rng.normal(size=(3000, 2, 1)), 1.0, 20.0, "gaussian")
    slow /= slow.std()
    rates = 0.1 * np.exp(np.concatenate([slow, -slow], 2).repeat(5, 2) * 0.8)
    spikes = encode.inhomogeneous_poisson(rates, 1.0)
    fitted = decode.fit_linear(spikes[:, :1], slow[:, :1], behind=20, ahead=20)
    seen = slow[:, :1] - decode.linear(spikes[:, :1], fitted)
    shifted = np.stack([np.roll(spikes[:, 0], k, 0) for k in (-20, 0, 20)], 2).reshape(3000, -1)[50:-50]
    assert np.abs(seen[50:-50, 0].T @ (shifted - shifted.mean(0))).max() < 30  # uncorrelated, but for the ends
    unseen = slow[:, 1:] - decode.linear(spikes[:, 1:], fitted)
    assert unseen.std() < 0.5 * slow.std()


def test_ridge_decides_where_steps_do_not() -> None:
    spikes, signal = SPIKES[:6, :1], SPIKES[:6, :1, :1]
    with pytest.raises(InputError, match="fit_linear: 30 weights from 6 steps; use more steps, or ridge above 0"):
        decode.fit_linear(spikes, signal, behind=9)
    small = decode.fit_linear(spikes, signal, behind=9, ridge=1e3)
    assert np.abs(small.weights).max() < 0.01


# -- read-outs --------------------------------------------------------------------------------------------------------


def test_readouts_of_sequences_that_differ() -> None:
    spikes = np.zeros((6, 4, 3))
    spikes[[1, 2, 3], 0, 2] = 1  # most spikes: 2; first: 1
    spikes[0, 0, 1] = 1
    spikes[2, 1, [0, 1]] = 1  # two at once: the one with more spikes
    spikes[4, 1, 1] = 1
    spikes[2, 2, [0, 2]] = 1  # equals: the lowest
    assert decode.classify_rate(spikes).tolist() == [2, 1, 0, -1]
    assert decode.classify_first_spike(spikes).tolist() == [1, 1, 0, -1]
    assert decode.classify_rate(spikes, lengths=[2, 2, 6, 6]).tolist() == [1, -1, 0, -1]
    assert decode.classify_first_spike(spikes, lengths=[6, 2, 6, 6]).tolist() == [1, -1, 0, -1]


def test_the_membrane_maximum_counts_valid_steps_alone() -> None:
    v = -np.ones((4, 2, 3))
    v[1, :, 2], v[3, :, 0] = 0.5, 0.7
    assert decode.classify_membrane(v).tolist() == [0, 0]
    assert decode.classify_membrane(v, lengths=[4, 3]).tolist() == [0, 2]


def test_the_strongest_window_decides() -> None:
    spikes = (np.random.default_rng(3).random((60, 20, 4)) < 0.3) * 1.0
    windows = np.stack([spikes[k : k + 7].sum(0) for k in range(54)])
    np.testing.assert_array_equal(decode.classify_window(spikes, 7, each=True), windows.argmax(-1))
    np.testing.assert_array_equal(decode.classify_window(spikes, 7), windows.max(0).argmax(-1))
    np.testing.assert_array_equal(decode.classify_window(spikes, 60), decode.classify_rate(spikes))


@pytest.mark.parametrize("proportional", [False, True])
def test_votes_find_the_classes_of_tuned_neurons(proportional: bool) -> None:
    """60 neurons, each tuned to one of four classes at random, which are told apart from spikes alone."""
    rng = np.random.default_rng(0)
    tuned = rng.integers(0, 4, 60)
    labels = rng.integers(0, 4, 200)
    rates = np.where(labels[:, None] == tuned, 0.06, 0.02)
    spikes = encode.bernoulli(rates, 100)
    shares = decode.assign_classes(spikes[:, :100], labels[:100], 4)
    np.testing.assert_allclose(shares.sum(1), 1)
    assert (shares.argmax(1) == tuned).mean() > 0.95
    assert (decode.classify_vote(spikes[:, 100:], shares, proportional=proportional) == labels[100:]).mean() > 0.97


WRONG: list[tuple[Callable[[], object], str]] = [
    (
        lambda: decode.first_spike(np.zeros((0, 1, 2))),
        "first_spike: spikes of no steps say nothing, their shape is (0,",
    ),
    (lambda: decode.burst(np.zeros((0, 1, 2))), "burst: spikes of no steps say nothing"),
    (
        lambda: decode.classify_rate(np.zeros((5, 1, 0))),
        "classify_rate: spikes must be of one class or more, not (5, 1",
    ),
    (lambda: decode.classify_membrane(np.zeros((5, 1, 0))), "classify_membrane: v must be of one class or more"),
]


@pytest.mark.parametrize("call, words", WRONG, ids=[words for _, words in WRONG])
def test_shapes_that_say_nothing_are_refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ShapeError, match=re.escape(words)):
        call()
