"""Izhikevich & Desai 2003: what the experiment expects, counted pair by pair; and that it finds it."""

import json
from pathlib import Path

import numpy as np
import pytest

from spikelet.experiments import izhikevich_desai_2003 as experiment, reproduce
from spikelet.experiments.paper import Outcome
from spikelet.units import Hz

RECORD = Path(__file__).parents[2] / "docs" / "reproduced" / "izhikevich_desai_2003.json"


def counted(y: float, nearest: bool, t: float = 3e7) -> float:
    """Return the drift [1/s] between two Poisson trains in continuous time, from the pairs themselves."""
    rng = np.random.default_rng(int(1e6 * y))
    pre, post = (np.sort(rng.uniform(0, t, rng.poisson(rate * t))) for rate in (experiment.X, y))
    after = np.searchsorted(post, pre)
    change, reach = 0.0, 1 if nearest else 25  # farther pairs do next to nothing
    for k in range(reach):
        here, there = after + k, after - 1 - k
        plus, minus = here < len(post), there >= 0
        change += experiment.A_PLUS * np.exp(-(post[here[plus]] - pre[plus]) / experiment.TAU_PLUS).sum()
        change -= experiment.A_MINUS * np.exp(-(pre[minus] - post[there[minus]]) / experiment.TAU_MINUS).sum()
    return 1000 * change / t


@pytest.mark.parametrize("rate", [5, 20, 40])
def test_the_equations_of_the_experiment_are_those_of_pairs(rate: float) -> None:
    y = np.array([rate * Hz])
    for function, nearest in ((experiment.nearest, True), (experiment.every, False)):
        assert counted(rate * Hz, nearest) == pytest.approx(float(function(y)[0]), rel=0.04, abs=0.012)
    value, near = experiment.EXPECTED[rate]
    assert float(experiment.nearest(y)[0]) == pytest.approx(value, abs=0.005) and near < 0.25 * abs(value)


def test_the_threshold_is_where_the_drift_changes_sign() -> None:
    assert experiment.THETA / Hz == pytest.approx(11.797, abs=5e-4)
    low, high = experiment.nearest(experiment.THETA * np.array([0.999, 1.001]))
    assert low < 0 < high and abs(high) < 1e-3


def test_a_quick_run_has_the_signs() -> None:
    outcome: Outcome = reproduce.reproduce("izhikevich_desai_2003", quick=True, seed=1)
    threshold, low, *middle, high, slope, _ = outcome.figures
    assert low.ours < 0 < high.ours and len(middle) == 1 and slope.ours < 0
    assert threshold.ours == pytest.approx(11.8, abs=2) and threshold.unit == "Hz"
    assert outcome.series["nearest"][-1] == pytest.approx(0.76, abs=0.15)
    assert len(experiment.draw(outcome).axes) == 2


def test_a_drift_without_a_change_of_sign_has_no_threshold() -> None:
    flat = {"nearest": -np.ones(len(experiment.Y)), "nearest, error": np.ones(len(experiment.Y))}
    assert np.isnan(experiment.threshold(flat))


def test_the_recorded_run_holds() -> None:
    rows = json.loads(RECORD.read_text())["figures"]
    assert len(rows) == 6 and all(row["holds"] for row in rows)
