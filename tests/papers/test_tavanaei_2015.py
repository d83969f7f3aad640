"""Tavanaei & Maida 2015: what each layer does, against counts of pixels and sums of products."""

from pathlib import Path

import numpy as np
import pytest

from spikelet.experiments import reproduce, tavanaei_2015 as experiment

KEPT = Path(__file__).parents[2] / "docs" / "reproduced"


def pictures(n: int, seed: int, shares=(0.2,)) -> np.ndarray:
    draws = np.random.default_rng(seed)
    return (255 * (draws.random((n, 28, 28)) < np.resize(shares, n)[:, None, None])).astype(np.uint8)


def counts(pixels: np.ndarray) -> np.ndarray:
    """White pixels of each piece of a row, (n, 28*7)."""
    return (pixels > 127).reshape(-1, 28, 7, 4).sum(3).reshape(-1, 196)


def test_each_segment_hears_its_piece_of_the_row_alone():
    pixels = pictures(5, seed=1, shares=(0.1, 1.0, 0.5))
    net, segments, _ = experiment._layers(pixels, 2, experiment.OUTPUT)
    spikes = net.run(5 * experiment.PERIOD, dt=experiment.DT, record=segments)[segments].spikes
    image, at = np.divmod(spikes.times - 0.01, experiment.PERIOD)
    found = np.zeros((5, 196), int)
    np.add.at(found, (image.astype(int), spikes.ids), 1)
    np.testing.assert_array_equal(found, counts(pixels))
    assert at.min() > 28 and at.max() < 32


def test_the_rule_makes_the_mean_image_of_length_one():
    """Oja: the fixed point is E[x]/|E[x]|, seen through the traces with which a spike is heard 2 to 6 ms later."""
    draws = np.random.default_rng(0)
    two = np.array([pictures(1, 5)[0], pictures(1, 6)[0]])
    labels = draws.integers(0, 2, 400)
    pixels = np.where(draws.random((400, 28, 28)) < 0.1, 255 - two[labels], two[labels])
    weights = experiment.train(pixels, labels, 2)
    mean = np.stack([counts(pixels[labels == c]).mean(0) for c in (0, 1)], axis=1)
    lengths = np.linalg.norm(weights, axis=0)
    cosine = (weights * mean).sum(0) / lengths / np.linalg.norm(mean, axis=0)
    assert (cosine > 0.985).all()
    heard, excited = np.exp(-4 / 20), np.exp(-4 / 40)  # of a spike in the middle of the window
    np.testing.assert_allclose(lengths, np.sqrt(heard / excited), rtol=0.03)


def test_the_first_to_escape_is_the_one_with_the_most_excitation():
    pixels, weights = pictures(60, seed=2, shares=(0.1, 0.2, 0.3)), np.random.default_rng(3).random((196, 3)) * 0.2
    sums = counts(pixels) @ weights
    first, second = np.sort(sums, axis=1)[:, :-3:-1].T
    found, when = experiment.answers(pixels, weights)
    clear = (first > 1.05 * second) & (first > 4)
    assert clear.sum() > 15
    np.testing.assert_array_equal(found[clear], sums.argmax(1)[clear])
    assert (when[found >= 0] > experiment.OPEN).all() and (when[found >= 0] < 100).all()
    strong = first > 4
    assert np.corrcoef(when[strong], np.log(first[strong]))[0, 1] < -0.8


def test_a_blank_image_has_no_answer():
    found, when = experiment.answers(np.zeros((2, 28, 28), np.uint8), np.full((196, 2), 0.1))
    assert found.tolist() == [-1, -1] and np.isnan(when).all()


def test_a_quick_run_tells_0_from_1(data_file):
    data_file("mnist/train-labels-idx1-ubyte.gz")
    outcome = reproduce.reproduce("tavanaei_2015", quick=True)
    (figure,) = outcome.figures
    assert figure.ours > 95
    assert outcome.series["matrix 2"].sum() == experiment.QUICK[2][1]
    assert len(experiment.draw(outcome).axes) == 4


def test_the_full_run_holds():
    found = reproduce.record("tavanaei_2015", KEPT)
    assert found is not None and found["details"]["images tested with, 2 classes"] == 2115  # all of MNIST's
    two, ten = found["figures"]
    assert two["ours"] >= 97 and two["holds"]
    assert found["details"]["images tested with, 10 classes"] == 10_000 and ten["ours"] > 70


@pytest.mark.parametrize("classes", experiment.SIZES)
def test_learning_takes_no_more_images_than_there_are(classes: int, data_file):
    data_file("mnist/train-labels-idx1-ubyte.gz")
    learnt, tested = experiment.SIZES[classes]
    assert len(experiment._images("train", classes)[1]) >= learnt
    assert len(experiment._images("test", classes)[1]) == tested
