"""Counts over test images, checked against counting by hand."""

import numpy as np
import pytest
import torch

from spikelet.experiments import architecture, evaluate as module, recipes
from spikelet.experiments.batches import load
from spikelet.experiments.distributed import World
from spikelet.experiments.evaluate import Evaluation, evaluate

RECIPE = recipes.find("digits").changed(limit=30, hidden=(20,), steps=4, dt=2.0)


def test_counts_are_those_of_a_loop_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 7)  # an uneven last batch
    _, test, classes = load(RECIPE, "cpu")
    network = architecture.build(RECIPE, 64, 10)
    result = evaluate(RECIPE, network, test, len(classes), World())
    table, spikes = np.zeros((10, 10), int), 0.0
    with torch.no_grad():
        for index in range(len(test)):
            x = (test.pixels[index].flatten() / 16).expand(4, 1, 64)
            hidden, _ = network[1](network[0](x))
            membrane, _ = network[3](network[2](hidden))
            table[int(test.labels[index]), int(membrane.sum(0).argmax())] += 1
            spikes += float(hidden.sum())
    assert np.array_equal(result.confusion, table)
    assert result.images == 30 and result.neurons == 20 and result.duration == 8.0
    assert result.spikes == spikes > 0
    assert result.spikes_per_inference == spikes / 30
    assert np.isclose(result.mean_rate_hz, spikes / 30 / 20 / 0.008)


def test_numbers_of_a_small_table() -> None:
    result = Evaluation(np.array([[3, 1], [0, 4]]), spikes=80, neurons=5, duration=20.0)
    assert result.accuracy == 7 / 8
    assert result.spikes_per_inference == 10.0
    assert result.mean_rate_hz == 100.0


def test_the_hooks_are_taken_away() -> None:
    network = architecture.build(RECIPE, 64, 10)
    with module.hidden_spikes(network) as hidden:
        network(torch.rand(4, 2, 64))
        assert [layer.shape for layer in hidden] == [(4, 2, 20)]
    network(torch.rand(4, 2, 64))
    assert len(hidden) == 1
