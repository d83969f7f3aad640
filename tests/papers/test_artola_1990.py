"""Artola, Broecher & Singer 1990: two thresholds of the membrane potential, in the simulator."""

import functools

import numpy as np
import pytest

from spikelet import progress
from spikelet.experiments import artola_1990 as artola

silent = functools.partial(progress.bar, show=False)


def test_the_sign_of_the_change_follows_the_potential():
    """Below -60 mV nothing, then depression that is largest half-way, potentiation above -50 mV that grows."""
    currents = np.array([0.0, 99.0, 101.0, 150.0, 199.0, 201.0, 250.0])
    change = artola.held(currents, 100)
    assert artola.signs(change * 1e3) == "0-+"
    np.testing.assert_array_equal(change[:2], 0)
    assert change[3] == pytest.approx(-100 * 1e-5 * 25, rel=0.01) and change[3] == change.min()
    assert change[6] == pytest.approx(100 * 5e-5 * 5, rel=0.01)
    np.testing.assert_allclose(change, 100 * artola.phi(-70 + currents / 10), rtol=0.01, atol=1e-9)


def test_a_blocker_of_inhibition_turns_nothing_into_depression_and_that_into_potentiation():
    found = artola.tetanus(np.array([0.0, 0.6, 0.8, 1.0]), 2)
    assert found["active"][0] == 1 and found["active"][1] < 0.95 and found["active"][3] > 1.1
    assert (np.diff(found["v"]) > 1).all() and found["v"][0] < -60 < found["v"][1] < -50 < found["v"][3]
    np.testing.assert_array_equal(found["silent"], 1)


def test_signs():
    assert artola.signs(np.array([0, 1e-5, -0.1, -0.2, 0.3])) == "0-+"
    assert artola.signs(np.array([-0.1, 0.3, -0.2])) == "-+-"


def test_the_experiment_runs():
    figures, details, series = artola.run(True, 0, silent)
    assert details["signs along the blocker"] == "0-+" and figures[0].holds
    assert series["active"].shape == series["blocks"].shape == (6,)
