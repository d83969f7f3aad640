"""Graupner & Brunel 2012: the closed form against the reference table, the simulator against the closed form."""

import functools

import numpy as np
import pytest

from spikelet import progress
from spikelet.experiments import graupner_brunel_2012 as graupner

silent = functools.partial(progress.bar, show=False)

LAGS = (-100, -50, -20, -10, 0, 10, 20, 50, 100)
TABLE = {  # strength after 60 pairs at 1 Hz
    "DP": (0.9917, 0.9052, 0.7643, 0.8818, 1.0079, 1.2214, 1.1722, 1.0552, 1.0050),
    "DPD": (1, 1, 0.9983, 0.8592, 0.9966, 0.9607, 0.8675, 1, 1),
    "DPD'": (0.9454, 0.9137, 0.8107, 0.7714, 1.0412, 0.9712, 0.9003, 0.9375, 0.9473),
    "P": (1.0027, 1.0294, 1.0983, 1.2299, 1.2376, 1.2299, 1.0983, 1.0294, 1.0027),
    "D": (1, 1, 1, 1, 0.6371, 1, 1, 1, 1),
    "D'": (0.9215, 0.8741, 0.7349, 0.7192, 0.7837, 0.8336, 0.8681, 0.9128, 0.9248),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_closed_form_is_that_of_the_reference(name: str):
    found = [graupner.change(*graupner.flips(lag, graupner.SETS[name])) for lag in LAGS]
    np.testing.assert_allclose(found, TABLE[name], atol=6e-5)


@pytest.mark.parametrize("lag", [-33.0, 4.0, 13.7, 60.0])
def test_the_shares_of_time_above_a_threshold_are_those_of_a_fine_grid(lag: float):
    h = 0.05
    events, jumps = [(13.7, 1.0), (lag, 2.0)], np.zeros(20_000)
    for time, jump in events:
        jumps[round(time / h) % 20_000] += jump
    c, above = 0.0, np.zeros(2)
    for second in (0, 1):  # the first one leaves what the second one finds
        for jump in jumps:
            c = (c + jump) * np.exp(-h / 20)
            above += np.array([c > 1.0, c > 1.3]) * second
    for theta, share in zip((1.0, 1.3), above / 20_000, strict=True):
        assert graupner.above(events, theta, 20.0) == pytest.approx(share, abs=2e-4)


def test_simulated_shares_are_those_of_the_closed_form():
    """100 synapses of each kind: within four standard deviations, and what the step of 0.2 ms adds."""
    lags = (-20, 10)
    found = graupner.simulate(lags, 100, 0.2, 1, silent)
    for name, rule in graupner.SETS.items():
        for i, lag in enumerate(lags):
            exact, ours = graupner.flips(lag, rule), (found[name][0][i], found[name][1][i])
            assert abs(graupner.change(*ours) - graupner.change(*exact)) < 4 * graupner.scatter(*exact, 100) + 0.03
    changed = [graupner.change(*(share[i] for share in found["DP"])) for i in (0, 1)]
    assert changed[0] < 0.9 and changed[1] > 1.1


def test_without_calcium_above_a_threshold_nothing_changes():
    assert graupner.flips(50, graupner.SETS["D"]) == (0.0, 0.0)
    assert graupner.change(0.0, 0.0) == 1 and graupner.change(1.0, 0.0) == pytest.approx(5 / 3)
    assert graupner.change(0.0, 1.0) == pytest.approx(1 / 3)
