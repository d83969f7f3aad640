"""Brette & Gerstner 2005, Adaptive exponential integrate-and-fire model ...

The spike times are in tests/zoo/test_golden.py; here the table of counts, in another scheme, and the onset of firing.
"""

import functools

import numpy as np
import pytest
from tests.zoo.offsets import GOLDEN, times_of

from spikelet.neurons.adaptive import AdEx
from spikelet.simulate import run

# I [pA] -> spikes in 1 s, first spikes, last interval; forward Euler, dt = 0.005 ms, v_cut = 20 mV
TABLE = {
    500: (0, [], None),
    600: (1, [49.46], None),
    650: (5, [], None),
    700: (9, [24.64, 63.28, 142.52, 266.58], None),
    800: (17, [], None),
    1000: (31, [11.82, 25.42, 41.27, 59.88], 36.10),
    1500: (61, [6.69], 17.84),
}


@functools.cache
def steps():
    return run(AdEx(v_cut=20), I=np.array([*TABLE], dtype=float), t=1000, dt=0.05, dtype="float64", method="rk4")


def test_the_table_is_that_of_the_golden_numbers():
    assert {int(row["I"]): len(row["times"]) for row in GOLDEN["adex_bg2005"]} == {i: r[0] for i, r in TABLE.items()}


@pytest.mark.parametrize("current", TABLE)
def test_row(current):
    count, first, last = TABLE[current]
    times = times_of(steps(), list(TABLE).index(current))
    assert len(times) == pytest.approx(count, abs=1 if 0 < count <= 50 else 0.03 * count)
    assert times[: len(first)] == pytest.approx(first, rel=0.01)
    if last is not None:
        assert np.diff(times)[-1] == pytest.approx(last, rel=0.01)


def test_no_current_up_to_the_saddle_node_fires():
    """Steady firing needs more than g_L*(v* - E_L) - g_L*delta*exp(...) + a*(v* - E_L) at its largest."""
    v = np.linspace(-70.6, -40, 20001)
    steady = 30 * (v + 70.6) - 30 * 2 * np.exp((v + 50.4) / 2) + 4 * (v + 70.6)
    onset = steady.max()
    assert 600 < onset < 650  # at 600 pA w, still at 0, lets one spike pass
    out = run(AdEx, I=np.array([onset - 3, onset + 3]), t=1500, dt=0.1, dtype="float64")
    late = [(times_of(out, i) > 100).sum() for i in range(2)]
    assert late[0] == 0 and late[1] >= 1
