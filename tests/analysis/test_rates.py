"""Rates against loops and closed forms."""

import math

import numpy as np
import pytest

from spikelet import analysis
from spikelet.errors import InputError, ShapeError

RNG = np.random.default_rng(0)
TIMES, IDS = RNG.uniform(0, 100, 400), RNG.integers(0, 5, 400)


def test_mean_rates_are_counts_over_time() -> None:
    expected = [sum((IDS == i) & (TIMES > 20) & (TIMES <= 70)) / 50 for i in range(6)]
    assert analysis.mean_rates(TIMES, IDS, n=6, start=20, stop=70) == pytest.approx(expected)
    with pytest.raises(InputError, match="no spikes that tell when the recording ends: give stop"):
        analysis.mean_rates([], n=2)
    with pytest.raises(InputError, match="stop = 5 ms must be after start = 10 ms"):
        analysis.mean_rates([1.0], start=10, stop=5)


def test_a_spike_on_the_border_belongs_to_the_bin_before() -> None:
    times = np.arange(1, 11) * 0.1  # a spike in each step of 1 ms
    rate = analysis.population_rate(times, 2, start=0.0, stop=1.05, width=0.5)
    assert rate == pytest.approx([5 / (2 * 0.5)] * 2)
    later = analysis.population_rate(times + 100.0, 2, start=100.3, stop=100.9, width=0.3)
    assert later == pytest.approx([3 / (2 * 0.3)] * 2)
    with pytest.raises(InputError, match="times: entry 1 is not finite"):
        analysis.population_rate([1.0, np.nan], 2, start=0.0, stop=2.0, width=1.0)


def test_binned_counts_are_those_of_a_loop() -> None:
    table = analysis.binned_counts(TIMES, IDS, n=6, start=10, stop=50, width=7)
    assert table.shape == (5, 6)
    for k in range(5):
        for i in range(6):
            assert table[k, i] == sum((IDS == i) & (TIMES > 10 + 7 * k) & (TIMES <= 17 + 7 * k))


def test_integral_of_a_psth_is_the_mean_count_per_trial() -> None:
    rho = analysis.psth(TIMES, IDS, trials=8, start=0, stop=100, width=2.5)
    assert rho.sum() * 2.5 == pytest.approx(400 / 8, rel=1e-14)
    assert rho[3] == pytest.approx(sum((TIMES > 7.5) & (TIMES <= 10)) / (8 * 2.5))


def test_psth_around_events_is_that_of_a_loop() -> None:
    events = [90.0, 20.0, 55.0]
    rho = analysis.psth(TIMES, IDS, events=events, start=-10, stop=20, width=5)
    lags = np.array([t - e for t in TIMES for e in events])
    expected = [sum((lags > low) & (lags <= low + 5)) / (3 * 5) for low in range(-10, 20, 5)]
    assert rho == pytest.approx(expected)
    with pytest.raises(InputError, match="psth: there are no events"):
        analysis.psth(TIMES, events=[], start=0, stop=1, width=1)


def test_lags_are_found_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = analysis.psth(TIMES, events=np.sort(TIMES), start=-10, stop=10, width=1)
    monkeypatch.setattr("spikelet.analysis.rates._BLOCK", 7)
    assert np.array_equal(analysis.psth(TIMES, events=np.sort(TIMES), start=-10, stop=10, width=1), whole)


@pytest.mark.parametrize("kernel", ["gaussian", "exponential", "alpha", "boxcar"])
def test_integral_of_a_density_is_the_mean_count(kernel: str) -> None:
    density = analysis.spike_density(TIMES, IDS, kernel=kernel, width=8.0, start=0, stop=100, dt=0.5)
    assert density.shape == (200,)
    assert density.sum() * 0.5 == pytest.approx(400 / 5, rel=1e-10)
    assert (density >= 0).all()


@pytest.mark.parametrize(
    ("kernel", "value"),
    [
        ("gaussian", lambda s: math.exp(-s * s / 200) / math.sqrt(200 * math.pi)),
        ("exponential", lambda s: math.exp(-s / 10) / 10 if s > 0 else 0.0),
        ("alpha", lambda s: s / 100 * math.exp(-s / 10) if s > 0 else 0.0),
        ("boxcar", lambda s: 0.1 if abs(s) < 4.9 else 0.0 if abs(s) > 5.1 else None),
    ],
)
def test_density_of_one_spike_is_the_kernel(kernel: str, value) -> None:
    density = analysis.spike_density([500.0], kernel=kernel, width=10.0, start=0, stop=1000, dt=0.05)
    lags = (np.arange(len(density)) + 0.5) * 0.05 - 500.0 + 0.025  # the spike lies in the bin that ends at its time
    for place in range(7000, 14000, 37):
        expected = value(lags[place])
        if expected is not None:
            assert density[place] == pytest.approx(expected, rel=0.01, abs=2e-4)


def test_unknown_kernels_are_refused() -> None:
    with pytest.raises(InputError, match="there is no kernel 'gauss'; did you mean 'gaussian'"):
        analysis.spike_density([1.0], kernel="gauss")
    with pytest.raises(InputError, match="width must be a positive number, got 0"):
        analysis.spike_density([1.0], width=0)


def test_best_bin_width_is_about_the_time_in_which_the_rate_changes() -> None:
    rng = np.random.default_rng(5)
    t = np.arange(0, 20_000, 0.5)
    rate = 0.4 * (1 + np.sin(2 * np.pi * t / 230))
    times = np.repeat(t, rng.poisson(rate * 0.5)) + 0.25
    widths = np.array([1, 2, 5, 10, 20, 50, 100, 200, 400.0])
    best, cost = analysis.optimal_bin_width(times, widths, start=0, stop=20_000)
    assert best in (20, 50)  # a tenth to a quarter of the period
    k = np.histogram(times, np.arange(0, 20_001, 20))[0]
    assert cost[4] == pytest.approx((2 * k.mean() - k.var()) / 400, rel=1e-9)
    with pytest.raises(ShapeError, match="no widths to choose from"):
        analysis.optimal_bin_width(times, [], start=0, stop=1)


def test_best_kernel_width_follows_the_rate_and_its_cost_is_that_of_a_loop() -> None:
    rng = np.random.default_rng(6)
    t = np.arange(0, 4_000, 0.5)
    rate = 0.6 * (1 + np.sin(2 * np.pi * t / 400))
    times = np.repeat(t, rng.poisson(rate * 0.5)) + rng.uniform(0, 0.5)
    widths = np.array([2, 5, 10, 20, 40, 80, 160.0])
    assert analysis.optimal_kernel_width(times, widths)[0] in (20, 40)
    few = np.array([1.0, 4.0, 4.5, 20.0])
    _, cost = analysis.optimal_kernel_width(few, [3.0])

    def gaussian(s: float, w: float) -> float:
        return math.exp(-(s**2) / (2 * w * w)) / (w * math.sqrt(2 * math.pi))

    pairs = [(i, j) for i in range(4) for j in range(4)]
    whole = sum(gaussian(few[i] - few[j], 3 * math.sqrt(2)) for i, j in pairs)
    assert cost[0] == pytest.approx(whole - 2 * sum(gaussian(few[i] - few[j], 3) for i, j in pairs if i != j))
