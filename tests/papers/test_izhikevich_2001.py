"""Izhikevich 2001, Resonate-and-fire neurons: which single pulses and doublets make it fire."""

import functools

import numpy as np
import pytest

from spikelet.neurons.resonators import ResonateAndFire
from spikelet.simulate import run

PERIOD = 2 * np.pi / 10
STEPS = 400  # a period
# pulses in periods -> smallest amplitude that fires
THRESHOLDS = {
    (0.0,): 1.16426,
    (0.0, 0.25): 0.8247,
    (0.0, 0.5): 1.1643,  # no help
    (0.0, 0.75): 1.0440,
    (0.0, 1.0): 0.7592,  # its own period
    (0.0, 1.25): 1.0150,
    (0.0, 1.5): 1.1643,
    (0.0, 2.0): 0.9063,
}
INHIBITORY = 1.59400  # single pulse, fires on rebound
MARGIN = 4e-4


@functools.cache
def counts():
    """Spikes for each row of pulses, with an amplitude just below and just above its threshold."""
    rows = [*THRESHOLDS.items(), ((0.0,), -INHIBITORY)]
    pulses = np.zeros((4 * STEPS, 2 * len(rows)))
    for i, (times, amplitude) in enumerate(rows):
        for time in times:
            pulses[round(time * STEPS), 2 * i : 2 * i + 2] += amplitude * np.array([1 - MARGIN, 1 + MARGIN])
    out = run(ResonateAndFire, I={"x": pulses}, t=4 * PERIOD, dt=PERIOD / STEPS, dtype="float64")
    return out.counts().reshape(len(rows), 2)


@pytest.mark.parametrize("times", THRESHOLDS, ids=str)
def test_threshold(times):
    below, above = counts()[list(THRESHOLDS).index(times)]
    assert (below, above) == (0, 1)


def test_an_inhibitory_pulse_fires_on_rebound():
    assert counts()[-1].tolist() == [0, 1]


def test_the_single_pulse_is_the_closed_form():
    phase = np.arctan(10)
    assert THRESHOLDS[(0.0,)] == pytest.approx(1 / (np.sin(phase) * np.exp(-phase / 10)), abs=1e-5)


def test_the_best_interval_is_its_period():
    assert min(THRESHOLDS, key=THRESHOLDS.__getitem__) == (0.0, 1.0)
