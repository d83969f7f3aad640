"""Surrogate data: spikes that share some statistics with the recorded ones and are random otherwise.

A measure of the data means something where it differs from that of many surrogates. The number of spikes of each
neuron is kept by all of them. Numbers are drawn by counter: the same seed gives the same spikes, `draw` tells
surrogates apart.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from spikelet import random
from spikelet.analysis import columns as c
from spikelet.errors import InputError, did_you_mean

_STREAM = random.STREAMS["shuffle"] + 1


def surrogate_trains(
    spikes: Any,
    ids: Any = None,
    *,
    method: str = "dither",
    width: float = 15.0,
    n: int | None = None,
    start: float | None = None,
    stop: float | None = None,
    seed: int = 0,
    draw: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return surrogates of spike trains.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron, or trial, of each spike.
        method: ``dither`` moves each spike by up to ``width`` to either side; ``jitter`` to anywhere in its bin of
            ``width``, so that counts in these bins are kept; ``isi_shuffle`` puts the intervals of each neuron in
            another order; ``shift`` shifts each train as a whole, around the end to the begin; ``trial_shuffle`` gives
            the trains, unchanged, to other ids.
        width: [ms], of dither and jitter.
        n: number of neurons or trials.
        start: of the recording [ms].
        stop: of the recording [ms]; no spike is moved out of it.
        seed: integer.
        draw: number of the surrogate.

    Returns:
        (S,) times [ms] and (S,) ids, in the order (time, id).

    Raises:
        InputError: the method is not known, or a spike lies outside the recording.

    Example:
        >>> times, ids = surrogate_trains([1.0, 3.0, 8.0], method="isi_shuffle", stop=10.0, seed=3)
        >>> sorted(np.diff(times).tolist()), ids.tolist()
        ([2.0, 5.0], [0, 0, 0])
    """
    if method not in _METHODS:
        raise InputError(f"there is no method '{method}'{did_you_mean(method, _METHODS)} ({', '.join(_METHODS)})")
    trains = c.trains(spikes, ids, n)
    start, stop = c.window(spikes, trains.times, start, stop)
    if trains.times.size and (trains.times.min() < start or trains.times.max() > stop):
        raise InputError(f"surrogate_trains: spikes lie outside the recording, {start:g} to {stop:g} ms")
    count = max(len(trains.times), len(trains))
    u = random.uniform(seed, int(draw), np.arange(count), _STREAM)
    times, of = _METHODS[method](trains, u, c.positive("width", width), start, stop)
    order = np.lexsort((of, times))
    return times[order], of[order]


Moved = tuple[np.ndarray, np.ndarray]


def _dither(trains: c.Trains, u: np.ndarray, width: float, start: float, stop: float) -> Moved:
    moved = trains.times + width * (2 * u[: len(trains.times)] - 1)
    period = 2 * (stop - start)  # what would leave the recording is reflected at its border
    folded = np.mod(moved - start, period)
    return start + np.minimum(folded, period - folded), trains.ids


def _jitter(trains: c.Trains, u: np.ndarray, width: float, start: float, stop: float) -> Moved:
    low = start + width * np.floor((trains.times - start) / width)
    return low + u[: len(low)] * (np.minimum(low + width, stop) - low), trains.ids


def _isi_shuffle(trains: c.Trains, u: np.ndarray, width: float, start: float, stop: float) -> Moved:
    del width, start, stop
    gaps = np.diff(trains.times, prepend=0.0)
    first = trains.first[:-1][np.diff(trains.first) > 0]
    keys = u[: len(gaps)].copy()
    keys[first] = -1.0  # the first spike of a train stays where it is
    shuffled = gaps[np.lexsort((keys, trains.ids))]
    shuffled[first] = 0.0
    total = np.cumsum(shuffled)
    of_train = np.repeat(np.arange(len(first)), np.diff(trains.first)[np.diff(trains.first) > 0])
    return trains.times[first][of_train] + total - total[first][of_train], trains.ids


def _shift(trains: c.Trains, u: np.ndarray, width: float, start: float, stop: float) -> Moved:
    del width
    duration = stop - start
    return start + np.mod(trains.times - start + duration * u[trains.ids], duration), trains.ids


def _trial_shuffle(trains: c.Trains, u: np.ndarray, width: float, start: float, stop: float) -> Moved:
    del width, start, stop
    return trains.times, np.argsort(u[: len(trains)])[trains.ids]


_METHODS: dict[str, Callable[[c.Trains, np.ndarray, float, float, float], Moved]] = {
    "dither": _dither,
    "jitter": _jitter,
    "isi_shuffle": _isi_shuffle,
    "shift": _shift,
    "trial_shuffle": _trial_shuffle,
}
