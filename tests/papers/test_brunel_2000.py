"""Brunel 2000, Fig. 8: four regimes of the sparse network, and what mean-field theory says of the first."""

import functools

import numpy as np
import pytest
from scipy import optimize

from spikelet import analysis
from spikelet.experiments import network_run, networks


class Regime:
    """What the network does for some (g, eta)."""

    def __init__(self, g: float, eta: float, discard: float, time: float):
        net = networks.brunel(1.0, 1, g=g, eta=eta)
        net.run(discard)
        result = net.run(time)
        times, ids, n = network_run.columns(result)
        span = {"start": result.t_start, "stop": result.t_stop}
        self.rate = 1000 * len(ids) / (n * time)
        self.cv = analysis.cv_isi(times, ids)
        self.chi = analysis.synchrony(times, ids, n, **span, width=1.0)
        self.activity = analysis.population_rate(times, n, **span, width=0.5)

    def relative(self) -> float:
        """Return how far the activity goes from its mean, relative to it."""
        return float(self.activity.std() / self.activity.mean())

    def peak(self) -> float:
        """Return the frequency of most power [Hz]."""
        power = np.abs(np.fft.rfft(self.activity - self.activity.mean())) ** 2
        return float(np.fft.rfftfreq(len(self.activity), 0.5e-3)[power.argmax()])


REGIMES = {"AI": (5, 2, 100, 400), "SR": (3, 2, 50, 100), "fast": (6, 4, 100, 300), "slow": (4.5, 0.9, 200, 1000)}


@functools.cache
def regime(name: str) -> Regime:
    return Regime(*REGIMES[name])


def mean_field_rate(g: float, eta: float) -> float:
    """Return the rate [1/ms] at which a neuron fires as often as those that drive it (Siegert; Brunel, Eq. 21)."""
    J, C_E, tau, v_th, v_reset, t_ref = 0.1, 1000, 20.0, 20.0, 10.0, 2.0
    drive = eta * v_th / (J * tau)

    def excess(rate: float) -> float:
        mean = J * tau * (drive + C_E * rate * (1 - g / 4))
        sd = J * np.sqrt(tau * (drive + C_E * rate * (1 + g * g / 4)))
        fired = analysis.siegert_rate(mean, sd, tau=tau, threshold=v_th, reset=v_reset, t_ref=t_ref)
        return float(fired) - rate

    return optimize.brentq(excess, 1e-3, 0.3)


def test_asynchronous_irregular() -> None:
    found = regime("AI")
    assert found.rate == pytest.approx(1000 * mean_field_rate(5, 2), rel=0.03)  # 37.9 Hz
    assert 0.35 < found.cv < 0.7  # 0.41 and chi = 0.12 in a loop in NumPy that shares no code with ours
    assert 0.05 < found.chi < 0.15


def test_synchronous_regular() -> None:
    found = regime("SR")
    assert found.rate > 300
    assert found.cv < 0.05
    assert found.chi > 0.4


def test_fast_oscillation() -> None:
    found = regime("fast")
    assert 150 < found.peak() < 210
    assert 50 < found.rate < 65  # each neuron takes part in one cycle of three
    assert found.cv > 0.6
    assert found.relative() > 0.7


def test_slow_oscillation() -> None:
    found = regime("slow")
    assert 5 < found.rate < 6.5
    assert 15 < found.peak() < 35
    assert found.cv > 0.35
    assert found.relative() > 1.5


def test_what_is_asynchronous_oscillates_least() -> None:
    depths = {name: regime(name).relative() for name in REGIMES}
    assert min(depths, key=lambda name: depths[name]) == "AI"
