"""Song, Miller & Abbott 2000: neuron, synapses and volleys are as described; early inputs win."""

import json
from pathlib import Path

import numpy as np
import pytest

from spikelet.experiments import reproduce, song_2000 as experiment
from spikelet.sim.network import Network
from spikelet.units import Hz

RECORD = Path(__file__).parents[2] / "docs" / "reproduced" / "song_2000.json"


def test_the_neuron_sums_conductances() -> None:
    """With constant conductances v goes to the mean of the reversal potentials, weighted by them."""
    net = Network()
    cell = net.add(experiment.NEURON(v_th=1e3, tau_ex=1e9, tau_in=1e9), 1, initial={"g_ex": 0.2, "g_in": 0.3})
    net.run(200.0, dt=0.1)
    assert cell["v"][0] == pytest.approx((-70 - 0.3 * 70) / 1.5, abs=1e-3)


def test_synapses_are_as_many_and_as_strong_as_described() -> None:
    net, synapses = experiment.competition(experiment.RATES[:2], 1)
    net.build(experiment.DT)
    assert [len(synapse) for synapse in synapses] == [1000, 1000]
    for synapse in synapses:
        weights = synapse.weights() / experiment.G_MAX
        assert weights.tolist() == pytest.approx([1.0] * 1000)
    assert "learning by STDP lazily" in net.summary()
    p = experiment.RULE.parameters
    assert p["a_minus"] * p["tau_minus"] == pytest.approx(1.05 * p["a_plus"] * p["tau_plus"])


def test_volleys_have_a_burst_of_each_input_at_its_latency() -> None:
    train, latency, begin = experiment.volleys(20_000.0, 2)
    assert np.diff(begin).min() > 100 and np.diff(begin).mean() == pytest.approx(250, rel=0.25)
    assert latency.mean() == pytest.approx(60, abs=2) and latency.std() == pytest.approx(15, abs=1)
    assert len(train.times) / len(begin) / 1000 == pytest.approx(2, rel=0.05)  # 20 ms at 100 Hz
    first = begin[0] + latency[train.ids]
    alone = train.times < begin[1]  # of the first volley
    assert alone.sum() > 1000
    assert (train.times > first)[alone].all() and (train.times < first + 20)[alone].all()


def test_a_quick_run_shows_who_wins() -> None:
    outcome = reproduce.reproduce("song_2000", quick=True, seed=2)
    *_, latency = outcome.figures
    assert latency.ours < -15  # strong inputs come long before silent ones
    series = outcome.series
    assert series["inputs"].tolist() == [10, 40] and series["weights"].shape == (2, 1000)
    assert 0 <= series["weights"].min() and series["weights"].max() <= 1
    assert series["before"][1] > 3 * series["rates"][1]  # competition holds the strong drive back
    assert experiment.RATES[0] == pytest.approx(10 * Hz)
    assert len(experiment.draw(outcome).axes) == 5


def test_the_recorded_run_holds() -> None:
    rows = json.loads(RECORD.read_text())["figures"]
    assert len(rows) == 6 and all(row["holds"] for row in rows)
