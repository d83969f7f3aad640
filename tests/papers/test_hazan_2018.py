"""Hazan et al. 2018: the map, the ways to read it, and the record of the full run."""

from pathlib import Path

import numpy as np
import pytest

from spikelet.experiments import digits_layer, hazan_2018
from spikelet.experiments.reproduce import record, reproduce
from spikelet.rules import DiehlCookSTDP

RECORDS = Path(__file__).parents[2] / "docs" / "reproduced"


@pytest.fixture(scope="module")
def quick():
    return reproduce("hazan_2018", quick=True, seed=1)


def test_pairs_of_spikes_tell_digits_apart_far_above_chance(quick):
    accuracy = {figure.what: figure.ours for figure in quick.figures}
    n = hazan_2018.QUICK_NEURONS
    for layer in ("", ", all inhibited alike"):
        assert accuracy[f"test accuracy, {n} neurons, 2-gram{layer}"] > 50  # of ten classes
        assert accuracy[f"test accuracy, {n} neurons, confidence{layer}"] > 30


def test_neighbours_on_the_lattice_are_alike_and_only_there(quick):
    distance = quick.series["distance"]
    assert distance[0] == 1 and (np.diff(distance) > 0).all()
    near, far = distance < 1.5, distance > 3
    lattice, same = (quick.series[f"{name}, similarity"] for name in (hazan_2018.LATTICE, hazan_2018.SAME))
    assert lattice[near].mean() > lattice[far].mean() + 0.1
    assert abs(same[near].mean() - same[far].mean()) < 0.05
    falls = {figure.what: figure.ours for figure in quick.figures}[
        "correlation of the likeness of weights with distance"
    ]
    assert falls < -0.5


def test_likeness_is_the_mean_correlation_over_pairs_so_far_apart():
    weights = np.random.default_rng(0).random((9, 784))
    distance, similarity = hazan_2018.alike(weights)
    for d, s in zip(distance, similarity, strict=True):
        apart = [(i, j) for i in range(9) for j in range(9) if i != j]
        apart = [(i, j) for i, j in apart if np.hypot(i // 3 - j // 3, i % 3 - j % 3) == pytest.approx(d)]
        found = [np.corrcoef(weights[i], weights[j])[0, 1] for i, j in apart]
        assert s == pytest.approx(np.mean(found))


def test_neighbours_are_spared_first_and_nobody_later():
    shares, (begin, end) = (0.1, 0.2), hazan_2018.NEAR
    first, half, last = (-hazan_2018.inhibited(25, shares, done).numpy() for done in (0.0, 0.2, 0.31))
    assert first[0, 1] == begin
    assert first[0, 6] == pytest.approx(begin * 2**0.25)
    assert first[0, 24] == pytest.approx(begin * 32**0.25)
    assert half[0, 1] == pytest.approx((begin + end) / 2, abs=0.51)  # in whole mV
    assert (last == hazan_2018.LATER * (1 - np.eye(25))).all()
    assert (-hazan_2018.inhibited(25, None, 0.0).numpy() == hazan_2018.ALONE * (1 - np.eye(25))).all()


def learned(rule, signals):
    """Return the weights of two receivers after 60 steps of noise, in which both fire several times."""
    import torch

    from spikelet import nn

    linear = torch.nn.Linear(30, 2, bias=False)
    with torch.no_grad():
        linear.weight.fill_(0.3)
    layer = nn.Plastic(linear, digits_layer.Cells, rule, to="v")
    x = (torch.rand(60, 1, 30, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    spikes, _ = layer(x, signals=signals)
    return layer.weight.numpy().copy(), x[:, 0].numpy(), spikes[:, 0].numpy()


def test_the_second_phase_learns_by_the_rule_of_diehl_and_cook():
    ours = learned(hazan_2018.MapSTDP(a_post=0.02), {"early": torch_full(0.0)})[0]
    theirs = learned(DiehlCookSTDP(a_post=0.02), {})[0]
    assert (ours != np.float32(0.3)).any()
    np.testing.assert_array_equal(ours, theirs)


def test_in_the_first_phase_each_spike_potentiates_by_the_trace_of_the_sender():
    found, x, spikes = learned(hazan_2018.MapSTDP(a_pre=0, a_pair=0.004), {"early": torch_full(1.0)})
    assert spikes.sum(0).min() >= 2
    expected, trace = np.full((2, 30), 0.3), np.zeros(30)
    for sent, fired in zip(x, spikes, strict=True):
        trace = np.where(sent > 0, 1, trace * np.exp(-1 / 20))
        expected += 0.004 * fired[:, None] * trace
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def torch_full(value):
    """Return a signal of 60 steps."""
    import torch

    return torch.full((60,), value)


def test_spikes_are_read_in_their_order():
    spikes = np.zeros((5, 2, 4))
    for step, sample, neuron in ((0, 0, 3), (2, 0, 1), (4, 0, 3), (1, 1, 2)):
        spikes[step, sample, neuron] = 1
    found = hazan_2018.ordered(spikes)
    assert found[:, :4].tolist() == [[3, 1, 3, -1], [2, -1, -1, -1]]
    which, pair = hazan_2018.pairs(found, 4)
    assert (which.tolist(), pair.tolist()) == ([0, 0], [3 * 4 + 1, 1 * 4 + 3])
    assert hazan_2018.counted(found, 4).tolist() == [[0, 1, 0, 2], [0, 0, 1, 0]]


def test_the_order_of_two_spikes_tells_what_their_number_does_not():
    rows = np.full((40, hazan_2018.SPIKES), -1, np.int32)
    rows[:20, :2], rows[20:, :2] = (0, 1), (1, 0)
    labels = np.repeat([4, 8], 20)
    told = hazan_2018.readings(rows, labels, rows[[0, 39]], 2)
    assert told["2-gram"].tolist() == [4, 8]
    assert told["all"][0] == told["all"][1]


def test_recorded_full_run_makes_a_map_of_digits():
    kept = record("hazan_2018", RECORDS)
    assert kept is not None
    assert kept["details"]["images"] == 60_000 and kept["details"]["images for the test"] == 10_000
    ours = {row["what"]: row["ours"] for row in kept["figures"]}
    assert ours["correlation of the likeness of weights with distance"] <= -0.5
    assert ours["likeness of next neighbours above that of far ones"] >= 0.05
    n = kept["details"]["neurons"]
    assert n >= 400
    assert min(ours[f"test accuracy, {n} neurons, {name}"] for name in ("all", "confidence", "2-gram")) >= 85
