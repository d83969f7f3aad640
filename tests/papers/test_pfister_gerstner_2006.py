"""Pfister & Gerstner 2006: the experiment's protocols against sums over pairs and triplets of spikes."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from spikelet.experiments import pfister_gerstner_2006 as experiment, reproduce

RECORD = Path(__file__).parents[2] / "docs" / "reproduced" / "pfister_gerstner_2006.json"
GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "golden.json").read_text())["triplet"]


@pytest.mark.parametrize("case", GOLDEN, ids=lambda c: f"{c['set']}-{c['nearest']}-{c['dt']:g}")
def test_the_tables_of_the_experiment_are_the_sums(case: dict) -> None:
    name = f"{'nearest' if case['nearest'] else 'all-to-all'}, {case['set']}"
    row = list(experiment.LAG.values()).index(case["dt"])
    np.testing.assert_allclose(experiment.PREDICTED[name][row], case["dw"], atol=6e-5)
    found = experiment.frequencies(experiment.FITS[name], experiment.RHO[1:])
    np.testing.assert_allclose(found[row], case["dw"][1:], atol=2e-5)  # weights in single precision


def total(ages: np.ndarray, tau: float) -> float:
    return float(np.exp(-ages[ages > 0] / tau).sum())


@pytest.mark.parametrize("order", experiment.TRIPLETS)
def test_triplets_in_culture_are_sums_over_spikes(order: str) -> None:
    p = experiment.CULTURE.parameters
    between = list(experiment.TRIPLETS[order])
    middle = np.arange(60) * 1000.0
    for (before, after), found in zip(between, experiment.triplets(order, between), strict=True):
        outer = np.concatenate([middle - before, middle + after])
        pre, post = (outer, middle) if order == "pre-post-pre" else (middle, outer)
        change = -sum(p["a2_minus"] * total(t - post, p["tau_minus"]) for t in pre)
        change += sum(
            total(t - pre, p["tau_plus"]) * (p["a2_plus"] + p["a3_plus"] * total(t - post, p["tau_y"])) for t in post
        )
        assert (
            found
            == pytest.approx(change, abs=2e-5)
            == pytest.approx(experiment.TRIPLETS[order][before, after], abs=8e-5)
        )


def test_a_quick_run_finds_the_threshold_of_bcm() -> None:
    outcome = reproduce.reproduce("pfister_gerstner_2006", quick=True, seed=1)
    *_, pairs, threshold = outcome.figures
    assert math.isclose(experiment.THETA, 0.0192191, rel_tol=1e-4)
    assert threshold.ours == pytest.approx(19.22, abs=1.5) and threshold.unit == "Hz"
    assert pairs.ours < -0.1
    assert len(experiment.draw(outcome).axes) == 4


def test_the_recorded_run_holds() -> None:
    rows = json.loads(RECORD.read_text())["figures"]
    assert len(rows) == 12 and all(row["holds"] for row in rows)
