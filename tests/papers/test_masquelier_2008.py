"""Masquelier, Guyonneau & Thorpe 2008: the input is as described, spikes are judged right, the pattern is found."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from spikelet.experiments import masquelier_2008 as experiment, reproduce
from spikelet.experiments.forced import trained
from spikelet.rules import ReducedSymmetricSTDP

RECORD = Path(__file__).parents[2] / "docs" / "reproduced" / "masquelier_2008.json"


@pytest.fixture(scope="module")
def stimulus() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return experiment.stimulus(5000.0, 3)


def test_afferents_fire_as_described() -> None:
    """54 Hz on average; none is silent for more than 50 ms, but for where a spike lies in its millisecond."""
    times, ids = experiment.afferents(500, 5000.0, 1)
    assert len(times) / 500 / 5 == pytest.approx(54, abs=1.5)
    assert 0 <= times.min() and times.max() <= 5000
    longest = max(np.diff(np.sort(times[ids == i])).max() for i in range(500))
    assert 49 < longest < 53
    counts = np.array([np.histogram(times[ids == i], 100, (0, 5000))[0] for i in range(500)])
    assert counts.var() > 1.3 * counts.mean()  # of a constant rate it would be less than the mean


def test_the_pattern_takes_a_quarter_of_the_time_and_never_follows_itself() -> None:
    begin = experiment.starts(1e6, np.random.default_rng(0))
    assert len(begin) * experiment.PATTERN / 1e6 == pytest.approx(0.25, abs=0.01)
    assert np.diff(begin).min() == 100.0 and not (begin % 50).any()


def test_half_of_the_afferents_repeat_the_pattern(stimulus: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    times, ids, begin = stimulus
    assert times.min() > 0 and times.max() <= 5000 and len(times) / experiment.N / 5 == pytest.approx(64, abs=1)

    def shape(start: float, group: slice) -> np.ndarray:
        """Return spikes in bins of 5 ms for each of the afferents, less their mean."""
        inside = (times > start) & (times <= start + 50)
        table = np.histogram2d(ids[inside], times[inside] - start, [2000, 10], [(0, 2000), (0, 50)])[0][group]
        return (table - table.mean(1, keepdims=True)).ravel()

    def alike(group: slice, starts: np.ndarray) -> float:
        found = [shape(start, group) for start in starts]
        return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in itertools.pairwise(found)]))

    members, others = slice(0, experiment.HALF), slice(experiment.HALF, experiment.N)
    between = np.setdiff1d(np.arange(0, 5000, 50.0), begin)
    assert alike(members, begin) > 0.4
    assert abs(alike(others, begin)) < 0.15 and abs(alike(members, between)) < 0.15  # rates wander, but slowly


def test_the_rate_tells_nothing_of_the_pattern(stimulus: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    times, ids, begin = stimulus
    sections = np.histogram(times[ids < experiment.HALF], 100, (0, 5000))[0] / experiment.HALF / 0.05
    inside = np.isin(np.arange(0, 5000, 50.0), begin)
    assert sections[inside].mean() == pytest.approx(sections[~inside].mean(), rel=0.05)


def test_the_rule_is_that_of_neighbours() -> None:
    rng = np.random.default_rng(5)
    pre, post = ([np.unique(rng.integers(1, 2000, 80)) * 1.0 for _ in range(20)] for _ in range(2))
    p = experiment.RULE.parameters
    known = {name: p[name] for name in ("tau_plus", "tau_minus", "a_plus")}
    other = ReducedSymmetricSTDP(**known, a_minus=0.85 * p["a_plus"], w_max=1)
    found = trained(experiment.RULE, pre, post, weight=0.475)
    assert np.abs(found).min() > 1e-3
    np.testing.assert_allclose(found, trained(other, pre, post, weight=0.475), atol=1e-5)


def test_spikes_are_judged_by_the_pattern() -> None:
    begin = np.array([100.0, 300.0, 500.0, 700.0])
    spikes = np.array([50.0, 104.0, 110.0, 306.0, 420.0, 749.0])
    hits, alarms, late = experiment.judged({"spikes": spikes, "starts": begin}, 0.0)
    assert (hits, alarms, late) == (75.0, 2, pytest.approx((4 + 6 + 49) / 3))
    hits, alarms, late = experiment.judged({"spikes": spikes, "starts": begin}, 450.0)
    assert (hits, alarms, late) == (50.0, 0, 49.0)
    hits, alarms, late = experiment.judged({"spikes": spikes[:0], "starts": begin}, 0.0)
    assert (hits, alarms) == (0.0, 0) and np.isnan(late)


def test_a_quick_run_finds_the_pattern() -> None:
    outcome = reproduce.reproduce("masquelier_2008", quick=True)
    found, late, _ = outcome.figures
    assert found.ours == 1 and 0 < late.ours < 20
    weights = outcome.series["weights"]
    assert weights[: experiment.HALF].mean() > 2 * weights[experiment.HALF :].mean()
    spikes, begin = outcome.series["spikes"], outcome.series["starts"]
    first = experiment.judged({"spikes": spikes[:200], "starts": begin[begin < spikes[200]]}, 0.0)
    assert first[1] > 100  # at the beginning it fires at any time
    assert len(experiment.draw(outcome).axes) == 2


def test_the_recorded_run_finds_it_nine_times_of_ten() -> None:
    record = json.loads(RECORD.read_text())
    found, mean, longest = record["figures"]
    assert found["ours"] >= 9 and 0 < mean["ours"] <= longest["ours"] < 15
    assert len(record["details"]["patterns hit [%]"]) == 10 and record["details"]["seconds of input"] == 450
