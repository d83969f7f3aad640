"""STTC, Victor-Purpura and van Rossum distance of all pairs of trains: ours against Elephant's.

Claim: at least as fast. Poisson trains of 20 Hz in 10 s; ours take columns, Elephant's the objects made of them before.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.harness import OURS, Bound
from benchmarks.race import Job, race
from spikelet import analysis

ELEPHANT = "elephant"
PACKAGES = ("elephant", "neo", "scipy")
DURATION, RATE = 10_000.0, 0.02  # ms, 1/ms
COUNTS, QUICK = {"pair": 2, "all pairs": 12}, {"pair": 2}
MEASURES: dict[str, dict[str, Any]] = {
    "sttc": {"window": 5.0, "start": 0.0, "stop": DURATION},
    "victor_purpura": {"cost": 0.1},
    "van_rossum": {"tau": 20.0},
}


def columns(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the spikes of so many Poisson trains, by time."""
    rng = np.random.default_rng(0)
    number = rng.poisson(RATE * DURATION, count)
    times = rng.uniform(0, DURATION, number.sum())
    ids = np.repeat(np.arange(count), number)
    order = times.argsort()
    return times[order], ids[order]


def theirs(measure: str, trains: list[Any]) -> Callable[[], Any]:
    """Return the call of Elephant that gives the matrix of a measure."""
    import quantities as pq
    from elephant import spike_train_correlation, spike_train_dissimilarity

    if measure == "victor_purpura":
        return lambda: spike_train_dissimilarity.victor_purpura_distance(trains, 100 * pq.Hz)
    if measure == "van_rossum":
        return lambda: spike_train_dissimilarity.van_rossum_distance(trains, 20 * pq.ms)
    one, window = spike_train_correlation.spike_time_tiling_coefficient, 5 * pq.ms
    return lambda: [[one(a, b, dt=window) for b in trains[i + 1 :]] for i, a in enumerate(trains)]


def jobs(measure: str, count: int) -> tuple[dict[str, Job], dict[str, str]]:
    """Return the contestants for a number of trains, and why one is missing."""
    times, ids = columns(count)
    options = MEASURES[measure]
    found = {OURS: Job(lambda: analysis.distance_matrix(times, ids, measure=measure, n=count, **options))}
    try:
        trains = analysis.to_neo(times, ids, n=count, stop=DURATION)
        found[ELEPHANT] = Job(theirs(measure, trains))
    except ImportError as error:
        return found, {ELEPHANT: f"{type(error).__name__}: {error}"}
    return found, {}


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Race in each measure, for a pair and for a dozen trains."""
    for measure in MEASURES:
        for what, count in (QUICK if options.quick else COUNTS).items():
            contestants, missing = jobs(measure, count)
            times = race(contestants, rounds=options.rounds)
            shape, bound = [measure, what, count], [Bound(ELEPHANT, at_least=1.0)]
            yield harness.line("analysis_distances", shape, times, bound, missing=missing, packages=PACKAGES)


if __name__ == "__main__":
    chosen = harness.options(__doc__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries that are not ours
        harness.finish(lines(chosen), record=chosen.record)
