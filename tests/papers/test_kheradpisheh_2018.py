"""Kheradpisheh et al. 2018: features that a convolutional network of single spikes learns by STDP."""

import json
from pathlib import Path

import numpy as np
import pytest

from spikelet.experiments import kheradpisheh_2018 as experiment, reproduce
from spikelet.experiments.paper import Outcome

RECORD = Path(__file__).parents[2] / "docs" / "reproduced" / "kheradpisheh_2018.json"


@pytest.fixture(scope="module")
def quick() -> Outcome:
    return reproduce.reproduce("kheradpisheh_2018", quick=True, seed=1)


def ours(outcome: Outcome, what: str) -> float:
    (found,) = (figure.ours for figure in outcome.figures if what in figure.what)
    return found


def test_weights_become_0_or_1_and_learning_stops(quick: Outcome) -> None:
    scale = experiment.QUICK
    for name in ("layer 1", "layer 2"):
        weight = quick.series[f"{name}, weights"]
        assert np.mean((weight < 0.1) | (weight > 0.9)) > 0.95
        assert 0.02 < np.mean(weight > 0.5) < 0.6
        course = quick.series[f"{name}, undecided"]
        assert course[0] > 0.15 and course[-1] < experiment.CONVERGED < course[-2]
        assert quick.details[f"images for {name}"] == scale.every * len(course) < scale.most


def test_features_tell_classes_apart_that_their_input_does_not(quick: Outcome) -> None:
    assert ours(quick, "read-out of layer 2") > 85
    assert ours(quick, "what the layers add") > 10
    assert quick.details["test accuracy, linear read-out of the input spikes [%]"] > 20  # chance is 10


def test_maps_of_the_first_layer_prefer_an_orientation(quick: Outcome) -> None:
    found = experiment.selectivity(quick.series["layer 1, weights"])
    rng = np.random.default_rng(0)
    share = quick.series["layer 1, weights"].mean()
    by_chance = experiment.selectivity((rng.random((1000, 2, 5, 5)) < share).astype(float))
    assert np.median(found) > np.quantile(by_chance, 0.9)
    assert ours(quick, "selectivity") == pytest.approx(np.median(found))


def test_selectivity_of_a_grating_of_a_spot_and_of_the_weights_turned() -> None:
    x = np.arange(-8, 9)
    spot = np.exp(-(x[:, None] ** 2 + x**2) / 8)
    ripples = np.cos(2 * np.pi * x / 4) * np.exp(-(x**2) / 32) * np.exp(-(x[:, None] ** 2) / 32)
    pair = np.stack([np.stack([ripples, -ripples]), np.stack([spot, 0 * spot])])
    wave, even = experiment.selectivity(pair)
    assert wave > 0.9 and even < 0.05
    assert experiment.selectivity(np.swapaxes(pair, 2, 3)) == pytest.approx([wave, even])


def test_an_outcome_is_drawn(quick: Outcome) -> None:
    assert len(experiment.draw(quick).axes) == 3
    assert experiment.mosaic(np.zeros((5, 2, 3, 3))).shape == (2 * 4 - 1, 3 * 4 - 1, 3)


def recorded(what: str) -> float:
    """Return our figure of the full run that was kept."""
    record = json.loads(RECORD.read_text())
    assert record["quick"] is False
    assert (record["details"]["images"], record["details"]["images for the test"]) == (60_000, 10_000)
    (found,) = (figure["ours"] for figure in record["figures"] if what in figure["what"])
    return found


def test_the_recorded_run_reaches_97_percent_of_the_10_000_test_images() -> None:
    assert 97 <= recorded("linear read-out of layer 2") <= 100
    assert recorded("what the layers add to the same read-out of the input spikes") > 3
    for name in ("layer 1", "layer 2"):
        assert recorded(f"{name}: C") < 0.01 and recorded(f"{name}: weights below") > 90


@pytest.mark.xfail(strict=True, reason="one number of each map: 88.42 %; the paper (from memory): 98.4 %")
def test_one_number_of_each_map_is_enough() -> None:
    assert recorded("read-out of one number of each map") >= 97
