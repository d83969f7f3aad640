"""Hindmarsh & Rose 1984, A model of neuronal bursting using three coupled first order differential equations."""

import functools

import numpy as np
import pytest
from tests.zoo.offsets import crossing_times

from spikelet.neurons.resonators import HindmarshRose
from spikelet.simulate import run

run = functools.partial(run, dtype="float64", backend="numpy_reference", record="x")

# r, current; each neuron a row. Figures of the paper for r = 0.001, of the later literature for r = 0.006.
ROWS = [(0.001, 0.4), (0.001, 2), (0.001, 4), *((0.006, i) for i in (1, 1.5, 2, 2.5, 3, 3.25, 3.5))]


@functools.cache
def spikes(dt):
    r, current = np.array(ROWS).T
    out = run(HindmarshRose(r=r), I=current, t=3000, dt=dt, method="rk4")
    return {row: crossing_times(out["x"][:, i], out.t, 1.0) for i, row in enumerate(ROWS)}


def check_slow(dt):
    """The bursts of r = 0.001 in 2100 units of time."""
    one, several, continuous = (spikes(dt)[row][spikes(dt)[row] <= 2100] for row in ROWS[:3])
    assert len(one) == 8 and one[:4] == pytest.approx([41.6, 52.0, 63.0, 74.9], abs=0.06)
    assert len(several) == pytest.approx(97, abs=3)
    assert 1 + (np.diff(several) > 100).sum() == 4
    assert np.diff(several).max() == pytest.approx(300, abs=3)
    assert len(continuous) == pytest.approx(265, abs=3)
    assert np.diff(continuous).max() < 25


def check_fast(dt):
    """Counts of r = 0.006 in 1000 < t < 3000."""
    late = {row[1]: times[times > 1000] for row, times in spikes(dt).items() if row[0] == 0.006}
    assert len(late[1]) == 0
    assert len(late[1.5]) == 13 and np.diff(late[1.5]) == pytest.approx(149.5, abs=0.1)
    for current, count in ((2, 30), (2.5, 48), (3, 56), (3.25, 60), (3.5, 63)):
        assert len(late[current]) == pytest.approx(count, abs=2), current
    chaotic, regular = np.diff(late[3.25]), np.diff(late[3.5])
    assert chaotic.std() / chaotic.mean() == pytest.approx(0.65, abs=0.06)  # chaos: it varies with the step
    assert 30.5 < regular.min() and regular.max() < 33


def test_slow_bursts():
    check_slow(0.1)


def test_from_silence_over_bursts_and_chaos_to_spikes():
    check_fast(0.1)


@pytest.mark.slow
def test_at_the_step_of_the_table():
    check_slow(0.01)
    check_fast(0.01)
