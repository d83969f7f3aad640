"""Bellec et al. 2018: a network of few connections that find their places while it learns digits."""

import json
from pathlib import Path

import numpy as np
import pytest

from spikelet.experiments import bellec_2018 as experiment, reproduce
from spikelet.experiments.paper import Outcome

torch = pytest.importorskip("torch")
RECORD = Path(__file__).parents[2] / "docs" / "reproduced" / "bellec_2018.json"


@pytest.fixture(scope="module")
def quick() -> Outcome:
    return reproduce.reproduce("bellec_2018", quick=True, seed=1)


def test_a_network_of_few_connections_learns_and_keeps_their_number(quick: Outcome):
    assert quick.series["rewired"][-1] > 40 > 3 * 10  # chance is 10
    assert quick.series["rewired"][-1] > quick.series["rewired"][0] + 10
    (change,) = (figure.ours for figure in quick.figures if "number of connections" in figure.what)
    assert change == 0 and quick.details["connections"] == 2352 + 900 + 300
    assert len(experiment.draw(quick).axes) == 1


def test_units_begin_with_inputs_of_variance_1():
    """He's argument for rectified units holds for the connections that there are, not for all places."""
    from spikelet.nn import DeepRewiring

    _, layers = experiment.lenet(3)
    DeepRewiring(layers, connectivity=experiment.CONNECTIVITY, lr=1.0)
    experiment.strengthen(layers)
    for layer, share in zip(layers, experiment.CONNECTIVITY, strict=True):
        weight = layer.weight.detach().numpy()
        assert (weight != 0).mean() == pytest.approx(share, rel=1e-3)
        assert (weight**2).sum() / weight.shape[0] == pytest.approx(1, rel=0.15)


def test_networks_are_drawn_by_their_seed():
    first, again, other = (experiment.lenet(seed)[1] for seed in (1, 1, 2))
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0].weight, other[0].weight)
    assert not np.allclose(first[0].weight.flatten()[:100].detach(), first[1].weight.flatten()[:100].detach())


def recorded(what: str) -> float:
    """Return our figure of the full run that was kept."""
    found = json.loads(RECORD.read_text())
    assert (found["details"]["images"], found["details"]["images for the test"]) == (60_000, 10_000)
    assert found["details"]["share of all connections [%]"] == 1.33
    return next(figure["ours"] for figure in found["figures"] if what in figure["what"])


def test_connections_that_come_and_go_are_worth_more_than_those_that_are_held():
    assert recorded("what rewiring adds") > 2
    assert recorded("test accuracy") > 95 and recorded("number of connections") == 0


@pytest.mark.xfail(strict=True, reason="96.03 % after 24 passes; the paper (from memory): 96.3 to 97 %")
def test_a_full_run_reaches_the_published_figure():
    assert recorded("test accuracy") >= 96.3
