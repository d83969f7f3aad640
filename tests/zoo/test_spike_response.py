"""Spike response models against their kernels and against LIF."""

import numpy as np
import pytest
from tests.zoo.offsets import assert_times, times_of
from tests.zoo.stimuli import EXACT, lif_flight, pulse

from spikelet.neurons import LIF, SRM, SRM0, CuBaLIF, MasquelierThorpe
from spikelet.simulate import run


@pytest.mark.parametrize("model", [SRM, SRM0])
def test_srm_kernel_peaks_at_one_half(model):
    """eps0 with tau_m = 10, tau_s = 5 ms: peak 0.5 at 6.93147 ms."""
    s = 0.01 * np.arange(1200)
    out = run(model, {"i_syn": pulse(1.0, 1200)}, t=12, dt=0.01, record=("h", "i_syn"), **EXACT)
    np.testing.assert_allclose(out["h"][:, 0], 2 * (np.exp(-s / 10) - np.exp(-s / 5)), atol=1e-10)
    slope = (out["i_syn"] / 5 - out["h"] / 10)[:, 0]  # dh/dt, which falls through zero at the peak
    assert np.interp(0.0, slope[::-1], s[::-1]) == pytest.approx(6.93147, abs=1e-5)
    assert out["h"].max() == pytest.approx(0.5, abs=1e-6)


def test_srm_with_all_spikes_is_the_lif_neuron():
    current = np.array([1.05, 1.2, 1.5, 2.0, 3.0])
    srm = run(SRM, current, t=100, dt=0.05, **EXACT)
    lif = run(LIF(tau_mem=10), current, t=100, dt=0.05, **EXACT)
    for i, x in enumerate(current):
        expected = np.arange(lif_flight(x), 100, lif_flight(x))
        for out in (srm, lif):  # integration error: a step of the grid for each spike
            assert_times(times_of(out, i), expected, drift=0.0501)


def test_srm0_forgets_all_but_the_last_spike():
    """With drive settled, u = I - (v_th - v_reset) exp(-s/tau): intervals of tau ln((v_th - v_reset)/(I - v_th))."""
    current = np.array([1.1, 1.3, 1.5, 1.7])
    out = run(SRM0, current, t=250, dt=0.05, **EXACT)
    for i, x in enumerate(current):
        times = times_of(out, i)
        assert times[0] == pytest.approx(lif_flight(x), abs=0.05)  # the first is LIF's, nothing is forgotten yet
        expected = 10 * np.log(1 / (x - 1))
        np.testing.assert_allclose(np.diff(times[times > 150]), expected, atol=0.0501)


def test_srm0_agrees_with_lif_where_spikes_are_far_apart():
    weights = np.zeros((6000, 1))
    weights[[20, 3000]] = 3.0  # 149 ms apart: exp(-15) of a kernel is left
    srm0 = times_of(run(SRM0, {"i_syn": weights}, t=300, dt=0.05, **EXACT))
    fired = times_of(run(SRM, {"i_syn": weights}, t=300, dt=0.05, **EXACT))
    lif = times_of(run(CuBaLIF, {"i_syn": 2 * weights}, t=300, dt=0.05, **EXACT))
    first = [times[np.searchsorted(times, [1, 150])] for times in (srm0, fired, lif)]
    np.testing.assert_allclose(first, [first[0]] * 3, atol=1e-9)
    x = (1 + np.sqrt(1 - 4 / 6)) / 2  # first crossing: 3*2*(x - x**2) = 1, x = exp(-s/10)
    assert srm0[0] == pytest.approx(1.05 - 10 * np.log(x), abs=0.05)


def test_srm0_fires_only_where_it_crosses_from_below():
    out = run(SRM0, 2.5, t=300, dt=0.1, record="h", **EXACT)
    times = times_of(out)
    assert 0 < len(times) < 10 and times[-1] < 30  # once h - 1 stays above threshold there is nothing to cross
    assert out["h"][-1, 0] == pytest.approx(2.5, abs=1e-9)


def test_masquelier_thorpe_kernels():
    """Kernels of the paper: eps = K(exp(-s/10) - exp(-s/2.5)) of peak 1, eta with K1 = 2, K2 = 4."""
    s = 0.1 * np.arange(600)
    jumps = pulse([1.0, 2000.0], 600, 2)
    out = run(MasquelierThorpe, {"x": jumps}, t=60, dt=0.1, record=("h", "p", "q"), **EXACT)
    fast, slow = np.exp(-s / 2.5), np.exp(-s / 10)
    np.testing.assert_allclose(out["h"][:, 0], 2.1 * (slow - fast), atol=1e-12)
    assert out["h"][:, 0].max() == pytest.approx(1.0, abs=0.01)
    assert out.counts().tolist() == [0, 1]
    at = round(times_of(out, 1)[0] / 0.1) - 1
    s, slow, fast = s[: 600 - at], slow[: 600 - at], fast[: 600 - at]
    eta = 500 * (2 * slow - 4 * (slow - fast))
    np.testing.assert_allclose((out["p"] + out["q"])[at:, 1], eta, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(out["h"][at:, 1], 0, atol=1e-12)  # the spike clears what came before
    assert eta[0] == 1000 and eta.min() < 0  # a spike upwards, then an undershoot
