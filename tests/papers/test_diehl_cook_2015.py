"""Diehl & Cook 2015: the layer, the network of the simulator, and the record of the full run."""

import functools
from pathlib import Path

import numpy as np
import pytest

from spikelet import datasets, decode, progress
from spikelet.experiments import diehl_cook, diehl_cook_2015, digits_layer as digits
from spikelet.experiments.digits_curve import Trained
from spikelet.experiments.reproduce import record, reproduce

RECORDS = Path(__file__).parents[2] / "docs" / "reproduced"
silent = functools.partial(progress.bar, show=False)


@pytest.fixture(scope="module")
def quick():
    return reproduce("diehl_cook_2015", quick=True, seed=1)


def test_small_ones_learn_digits_far_above_chance(quick):
    assert [figure.what.rpartition(", ")[2] for figure in quick.figures] == ["network", "layer"]
    assert min(figure.ours for figure in quick.figures) > 45  # of ten classes


def test_weights_have_their_sum_and_every_neuron_takes_part(quick):
    weights, theta = quick.series["layer, 50, weights"], quick.series["layer, 50, theta"]
    assert weights.min() >= 0 and weights.max() <= 1
    assert (weights.sum(1) >= 0.99 * digits.TOTAL).all()  # and what the last batch has added to it
    assert (weights.sum(1) < 2 * digits.TOTAL).all()
    assert (theta > 5).mean() > 0.9
    assert quick.series["layer, 50, confusion"].sum() == 200


def test_the_figure_shows_three_parts(quick):
    pytest.importorskip("matplotlib")
    assert len(diehl_cook_2015.draw(quick).axes) >= 3


def test_one_neuron_fires_at_a_time_and_answers_change_nothing():
    import torch

    images = datasets.twin("mnist", "train", each=2, seed=0)
    inhibition = 120.0 * (torch.eye(20) - 1)
    start = Trained(np.random.default_rng(0).random((20, 784), np.float32) * 0.2, np.zeros(20, np.float32), np.zeros(0))
    net = digits.layer(torch.from_numpy(start.weights), inhibition, learns=False)
    spikes, state = net(digits.shown(images.pixels, np.arange(20), 0), {"shared": {"theta": torch.zeros(20)}})
    assert spikes.sum(2).max() == 1
    assert spikes.sum() > 100
    np.testing.assert_array_equal(net.weight.numpy(), start.weights)
    assert (state["shared"]["theta"] == 0).all()


def test_labels_are_of_the_class_that_a_neuron_answers_to_most():
    answers = np.array([[5, 0, 1], [3, 1, 0], [0, 4, 0], [0, 2, 6]])
    labels = np.array([7, 7, 2, 3])
    shares = decode.assign_classes(answers[None], labels, 10)
    assert shares.argmax(1).tolist() == [7, 2, 3]
    assert decode.classify_vote(answers[None], shares).tolist() == [7, 7, 2, 3]
    several = np.array([[4, 4, 0], [0, 0, 5]])  # the mean of a class, not the sum
    assert decode.classify_vote(several[None], np.eye(3)[[1, 2, 2]]).tolist() == [1, 2]


def test_winners_of_a_moment_are_held_while_they_inhibit_each_other_and_all_others():
    net = diehl_cook.network(3, seed=2)
    net["E"].set(v=np.array([-50.0, -50.0, -60.0]))  # two are above their threshold, -52 mV
    seen = []
    for _ in range(5):
        net.run(1.0, record=[])
        seen.append(net["E"]["v"])
    seen = np.array(seen)
    assert net["E"]["count"].tolist() == [1, 1, 0]
    np.testing.assert_allclose(seen[:, :2], -65.0)  # their reset, for 5 ms
    assert seen[-1, 2] < -75.0  # pushed towards -100 mV by both


def test_network_of_the_simulator_shows_an_image_again_until_it_is_answered():
    images = datasets.twin("mnist", "train", each=3, seed=0).pixels.reshape(-1, 784)
    net, answers = diehl_cook.network(30, seed=2), {}
    dim = images[:6].copy()
    dim[2] //= 16
    show = diehl_cook.Show(net, learns=True, done=answers.__setitem__)
    show.run(dim)
    assert list(answers) == list(range(6))
    assert min(answer.sum() for answer in answers.values()) >= diehl_cook.ENOUGH
    assert show.shown > 6
    assert round(net.t) == 500 * show.shown
    theta = net["E"]["theta"]
    rise = theta.sum() - 30 * 20 * np.exp(-net.t / 1e7)  # less by what the threshold has lost since
    assert rise / (0.05 * 30 / 400) == pytest.approx(net["E"]["count"].sum(), rel=0.03)
    sums, fired = net.projections["image"].weights().reshape(784, 30).sum(0), answers[5] > 0
    np.testing.assert_allclose(sums[~fired], diehl_cook.TOTAL, rtol=1e-3)  # brought there before the last image
    assert fired.any() and (sums[fired] > diehl_cook.TOTAL).any()


def test_network_of_the_simulator_with_given_weights_does_not_learn():
    weights = np.random.default_rng(1).random((784, 20)) * 0.2
    net = diehl_cook.network(20, 3, weights, np.full(20, 22.0))
    found = []
    diehl_cook.Show(net, learns=False, done=lambda _, answer: found.append(answer.sum())).run(
        datasets.twin("mnist", "train", each=1, seed=0).pixels.reshape(-1, 784)[:3]
    )
    assert len(found) == 3
    np.testing.assert_allclose(net.projections["image"].weights().reshape(784, 20), weights, rtol=1e-6)
    np.testing.assert_allclose(net["E"]["theta"], 22.0)


def test_recorded_full_run_reaches_the_gates():
    kept = record("diehl_cook_2015", RECORDS)
    assert kept is not None
    assert kept["details"]["images"] == 60_000 and kept["details"]["images for the test"] == 10_000
    accuracy = {row["what"]: row["ours"] for row in kept["figures"]}
    for form in ("network", "layer"):
        assert accuracy[f"test accuracy, 400 neurons, {form}"] >= 82
        assert accuracy[f"test accuracy, 100 neurons, {form}"] >= 78
