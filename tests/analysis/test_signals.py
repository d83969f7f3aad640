"""Phases, spectra, averages around spikes and errors of reconstruction, against closed forms and naive transforms."""

import math

import numpy as np
import pytest

from spikelet import analysis
from spikelet.errors import InputError, ShapeError

DT = 0.5
T = np.arange(4000) * DT
RHYTHM = np.cos(2 * np.pi * T / 50)  # a period of 50 ms


# -- phases -----------------------------------------------------------------------------------------------------------


def test_vector_strength_is_one_at_one_phase_and_small_without() -> None:
    assert analysis.vector_strength(np.arange(3, 400, 7.0), period=7.0) == pytest.approx(1.0)
    assert analysis.vector_strength([0.0, 5.0], period=10.0) == pytest.approx(0.0, abs=1e-12)
    even = np.random.default_rng(0).uniform(0, 1e5, 10_000)
    assert analysis.vector_strength(even, period=13.0) < 3 / math.sqrt(10_000)
    assert math.isnan(analysis.vector_strength([], period=1.0))


def test_vector_strength_of_a_von_mises_density() -> None:
    """Of phases with density exp(kappa cos)/(2 pi I_0(kappa)) it is I_1(kappa)/I_0(kappa)."""
    from scipy.special import i0, i1

    phases = np.random.default_rng(1).vonmises(0.7, 1.5, 50_000)
    direction, length = analysis.mean_phase(phases)
    assert length == pytest.approx(i1(1.5) / i0(1.5), abs=0.01)
    assert direction == pytest.approx(0.7, abs=0.02)


def test_spikes_at_the_crests_have_phase_zero() -> None:
    crests = np.arange(100, 1900, 50.0)
    assert analysis.phases_at_spikes(crests, RHYTHM, dt=DT) == pytest.approx(0.0, abs=0.02)
    direction, length = analysis.phase_locking(crests + 12.5, RHYTHM, dt=DT)
    assert direction == pytest.approx(np.pi / 2, abs=0.02) and length > 0.999
    later = analysis.phases_at_spikes(crests + 1000 + 0.2, RHYTHM, dt=DT, start=1000.0)
    assert later == pytest.approx(2 * np.pi * 0.2 / 50, abs=0.02)
    with pytest.raises(InputError, match="no spike lies within the signal"):
        analysis.phase_locking([-5.0, 1e6], RHYTHM, dt=DT)
    with pytest.raises(ShapeError, match=r"expected a signal \(T,\) of two values or more, got shape \(2, 3\)"):
        analysis.phase_locking([1.0], np.zeros((2, 3)), dt=DT)


# -- spectra ----------------------------------------------------------------------------------------------------------


def welch(x: np.ndarray, y: np.ndarray, rows: int, dt: float) -> np.ndarray:
    """Average cross periodograms of Hann windows that overlap by half, one-sided [1/Hz]."""
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(rows) / rows))
    parts = []
    for first in range(0, len(x) - rows + 1, rows - rows // 2):
        a, b = (window * (z[first : first + rows] - z[first : first + rows].mean()) for z in (x, y))
        basis = np.exp(-2j * np.pi * np.outer(np.arange(rows // 2 + 1), np.arange(rows)) / rows)
        parts.append(np.conj(basis @ a) * (basis @ b))
    density = 2 * np.mean(parts, 0) * dt / 1000 / np.sum(window**2)
    density[[0, -1]] /= 2
    return density


def test_spectrum_and_coherence_are_those_of_naive_transforms() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=1000), rng.normal(size=1000)
    y[5:] += x[:-5]
    frequencies, power = analysis.power_spectrum(x, dt=DT, segment=64 * DT)
    assert power == pytest.approx(welch(x, x, 64, DT).real, rel=1e-9)
    assert frequencies == pytest.approx(np.arange(33) * 1000 / 32)
    cross = welch(x, y, 64, DT)
    expected = np.abs(cross) ** 2 / (welch(x, x, 64, DT) * welch(y, y, 64, DT)).real
    _, found, phase = analysis.coherence(x, y, dt=DT, segment=64 * DT)
    assert found == pytest.approx(expected, rel=1e-9)
    assert phase[1:-1] == pytest.approx(np.angle(cross)[1:-1], abs=1e-9)


def test_power_is_where_the_rhythm_is_and_adds_up_to_the_variance() -> None:
    both = np.stack([RHYTHM, 3 * np.sin(2 * np.pi * T / 20)], 1)
    frequencies, power = analysis.power_spectrum(both, dt=DT, segment=1000.0)
    assert frequencies[power.argmax(0)].tolist() == [20.0, 50.0]
    assert power.sum(0) * frequencies[1] == pytest.approx([0.5, 4.5], rel=1e-6)


def test_coherence_tells_common_input_from_none() -> None:
    rng = np.random.default_rng(3)
    x, noise = rng.normal(size=(2, 100_000))
    _, alone, _ = analysis.coherence(x, noise, dt=1.0, segment=256.0)
    _, half, _ = analysis.coherence(x, x + noise, dt=1.0, segment=256.0)
    assert alone.mean() < 0.01
    assert half.mean() == pytest.approx(0.5, abs=0.02)  # 1/(1 + noise/signal)
    with pytest.raises(InputError, match="one segment has coherence 1"):
        analysis.coherence(x, noise, dt=1.0, segment=100_000.0)
    with pytest.raises(ShapeError, match=r"signals have shapes \(3,\) and \(4,\)"):
        analysis.coherence(np.zeros(3), np.zeros(4), dt=1.0)


def test_spectrum_of_poisson_spikes_is_their_rate() -> None:
    rng = np.random.default_rng(4)
    n, stop = 20, 50_000.0
    times, ids = rng.uniform(0, stop, 20_000), rng.integers(0, n, 20_000)
    frequencies, power = analysis.spike_spectrum(times, ids, n=n, start=0, stop=stop, segment=500.0)
    assert power[1:-1].mean() == pytest.approx(20.0, rel=0.02)  # 20,000 spikes of 20 neurons in 50 s
    assert frequencies[0] == 2.0 and frequencies[-1] == 500.0
    regular = np.arange(25.0, stop, 25.0)
    frequencies, power = analysis.spike_spectrum(regular, start=0, stop=stop, segment=500.0)
    assert frequencies[power.argmax()] % 40 == 0
    with pytest.raises(InputError, match="a segment of 60000 values does not fit a signal of 50000 values"):
        analysis.spike_spectrum(regular, start=0, stop=stop, segment=60_000.0)


# -- averages around spikes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("segment", [None, 500.0, 501.0])
def test_the_spectrum_of_spikes_is_welchs_of_their_counts(segment: float | None) -> None:
    from scipy.signal import welch

    rng = np.random.default_rng(3)
    n, stop = 19, 4000.0
    times, ids = rng.random(5000) * stop, rng.integers(0, n, 5000)
    rates = analysis.binned_counts(times, ids, n=n, start=0, stop=stop, width=1.0) * 1000.0
    rows = 500 if segment is None else int(segment)
    whole, power = welch(rates.astype(float), 1000.0, nperseg=rows, axis=0, return_onesided=False)
    frequencies, found = analysis.spike_spectrum(times, ids, n=n, start=0, stop=stop, segment=segment)
    np.testing.assert_allclose(frequencies, np.abs(whole[1 : rows // 2 + 1]))
    np.testing.assert_allclose(found, power.mean(1)[1 : rows // 2 + 1], rtol=3e-6)


def test_average_around_spikes_is_that_of_a_loop() -> None:
    rng = np.random.default_rng(5)
    signal, spikes = rng.normal(size=500), np.append(rng.uniform(0, 250, 40), [100.0, 100.0])
    lags, mean = analysis.spike_triggered_average(spikes, signal, dt=0.5, before=10, after=5)
    assert lags == pytest.approx(np.arange(-20, 11) * 0.5)
    rows = [k for k in np.rint(spikes / 0.5).astype(int) if k - 20 >= 0 and k + 10 < 500]
    assert mean == pytest.approx(np.mean([signal[k - 20 : k + 11] for k in rows], 0))
    with pytest.raises(InputError, match="no spike has its window of -10 to 0 ms within the signal"):
        analysis.spike_triggered_average([1.0], signal, dt=0.5, before=10)


def test_average_before_the_spikes_of_a_filter_is_its_kernel() -> None:
    """White noise through a linear filter and a threshold: the average stimulus is the filter (Chichilnisky 2001)."""
    rng = np.random.default_rng(6)
    kernel = np.exp(-np.arange(20) / 5.0)
    noise = rng.normal(size=200_000)
    driven = np.convolve(noise, kernel)[: len(noise)]
    spikes = np.flatnonzero(driven > 2.5) * 1.0
    _, mean = analysis.spike_triggered_average(spikes, noise, dt=1.0, before=19)
    assert np.corrcoef(mean[::-1], kernel)[0, 1] > 0.999


# -- reconstruction ---------------------------------------------------------------------------------------------------


def test_errors_of_reconstruction() -> None:
    signal = np.array([3.0, -4.0, 0.0])
    assert analysis.rmse(signal, signal + np.array([0.0, 0.0, 0.3])) == pytest.approx(0.3 / math.sqrt(3))
    assert analysis.snr(signal, signal + np.array([0.0, 0.0, 0.5])) == pytest.approx(20.0)
    assert analysis.snr(signal, 0 * signal) == 0.0
    assert analysis.snr(signal, signal) == math.inf
    with pytest.raises(ShapeError, match=r"the signal has shape \(3,\), the reconstruction \(2,\)"):
        analysis.rmse(signal, [1.0, 2.0])
    with pytest.raises(ShapeError, match=r"the signal has no values: its shape is \(0,\)"):
        analysis.rmse([], [])


@pytest.mark.filterwarnings("error")
def test_a_reconstruction_of_nothing_is_all_noise() -> None:
    assert analysis.snr([0.0, 0.0], [1.0, 0.0]) == -math.inf


def test_a_signal_with_a_hole_has_no_average() -> None:
    with pytest.raises(InputError, match="signal: entry 9 is not finite"):
        analysis.spike_triggered_average([2.0], [0.0] * 9 + [math.nan], dt=1.0, before=1.0)
