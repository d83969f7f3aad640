"""Distances that need no time scale: ISI distance, SPIKE distance, SPIKE synchronisation (Kreuz et al.).

At the borders of the recording, where no spike tells the interval, the first and the last one of a train count on, at
least as long as the gap (the convention of the authors' library PySpike). A train without spikes gets one at each
border.
"""

from typing import Any

import numpy as np

from spikelet.analysis import columns as c


def isi_distance(a: Any, b: Any, *, start: float = 0.0, stop: float) -> float:
    """Return the mean over time of abs(x - y)/max(x, y), x and y being the intervals at that time (Kreuz et al. 2007).

    Args:
        a: (S,) spikes [ms].
        b: (R,) spikes [ms].
        start: of the recording [ms].
        stop: of the recording [ms].

    Returns:
        0 for equal intervals, towards 1 for very different rates.

    Example:
        >>> isi_distance([10.0, 20.0, 30.0], [5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0], stop=40.0)
        0.5
    """
    start, stop = c.window(None, np.zeros(0), start, stop)
    a, b = _held(a, start, stop), _held(b, start, stop)
    edges = np.unique(np.concatenate([[start], a, b, [stop]]))
    middle = (edges[1:] + edges[:-1]) / 2
    x, y = (_intervals(train, start, stop)[np.searchsorted(train, middle)] for train in (a, b))
    return float(np.sum(np.abs(x - y) / np.maximum(x, y) * np.diff(edges)) / (stop - start))


def spike_distance(a: Any, b: Any, *, start: float = 0.0, stop: float) -> float:
    """Return the mean over time of S(t) = (S_a y + S_b x)/(2 <x, y>**2) (Kreuz et al. 2013).

    S_a weighs the distances of the last and the next spike of a to the nearest spikes of b by how far the other one of
    them is; x and y are the intervals at that time.

    Args:
        a: (S,) spikes [ms].
        b: (R,) spikes [ms].
        start: of the recording [ms].
        stop: of the recording [ms].

    Returns:
        0 for equal trains.

    Example:
        >>> spike_distance([10.0, 20.0, 30.0], [10.0, 20.0, 30.0], stop=40.0)
        0.0
    """
    start, stop = c.window(None, np.zeros(0), start, stop)
    a, b = _held(a, start, stop), _held(b, start, stop)
    edges = np.unique(np.concatenate([[start], a, b, [stop]]))
    left, right = edges[:-1], edges[1:]
    middle = (left + right) / 2
    x, at_a = _weighted(a, b, (left, right), middle, start, stop)
    y, at_b = _weighted(b, a, (left, right), middle, start, stop)
    profile = (at_a * y + at_b * x) / (2 * ((x + y) / 2) ** 2)  # linear in time between spikes: the mean of both ends
    return float(np.sum(profile.mean(0) * (right - left)) / (stop - start))


def spike_synchronization(a: Any, b: Any, *, start: float | None = None, stop: float | None = None) -> float:
    """Return the share of spikes that coincide with one of the other train (Kreuz et al. 2015).

    Two spikes coincide where they are nearer than half of the smallest of the four intervals around them.

    Args:
        a: (S,) spikes [ms].
        b: (R,) spikes [ms].
        start: spikes before it do not count [ms].
        stop: nor those after it [ms].

    Returns:
        1 for equal trains, 0 where none coincide; NaN without any spike.
    """
    a, b = c.train(a, "a"), c.train(b, "b")
    low, high = -np.inf if start is None else start, np.inf if stop is None else stop
    a, b = (train[(train >= low) & (train <= high)] for train in (a, b))
    if not a.size + b.size:
        return float("nan")
    return (_coinciding(a, b) + _coinciding(b, a)) / (len(a) + len(b))


def _coinciding(a: np.ndarray, b: np.ndarray) -> int:
    """Count the spikes of a whose nearest spike of b is within half of the shortest interval around the two."""
    if not (a.size and b.size):
        return 0
    right = np.clip(np.searchsorted(b, a), 0, len(b) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(b[left] - a) <= np.abs(b[right] - a), left, right)
    around = np.minimum(_shortest(a), _shortest(b)[nearest])
    return int(np.count_nonzero(np.abs(b[nearest] - a) < around / 2))


def _shortest(train: np.ndarray) -> np.ndarray:
    """Return the shorter of the intervals before and after each spike."""
    gaps = np.concatenate([[np.inf], np.diff(train), [np.inf]])
    return np.minimum(gaps[:-1], gaps[1:])


def _held(train: Any, start: float, stop: float) -> np.ndarray:
    times = np.unique(c.train(train))
    times = times[(times >= start) & (times <= stop)]
    return times if times.size else np.array([start, stop])


def _intervals(train: np.ndarray, start: float, stop: float) -> np.ndarray:
    """Return the intervals before the first spike, between spikes, and after the last, (S + 1,)."""
    gaps = np.diff(train)
    first, last = train[0] - start, stop - train[-1]
    if gaps.size:
        first, last = max(first, gaps[0]), max(last, gaps[-1])
    return np.concatenate([[first], gaps, [last]])


def _nearest(times: np.ndarray, others: np.ndarray, start: float, stop: float) -> np.ndarray:
    """Return how far the nearest of the other train's spikes is, which go on by one interval beyond either border."""
    gaps = np.diff(others)
    before = min(start, others[0] - gaps[0]) if gaps.size else start
    after = max(stop, others[-1] + gaps[-1]) if gaps.size else stop
    grid = np.concatenate([[before], others, [after]])
    right = np.clip(np.searchsorted(grid, times), 1, len(grid) - 1)
    return np.minimum(np.abs(times - grid[right - 1]), np.abs(grid[right] - times))


def _weighted(
    a: np.ndarray, b: np.ndarray, ends: tuple[np.ndarray, np.ndarray], middle: np.ndarray, start: float, stop: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of a in each piece of time, (P,), and S_a at both ends of it, (2, P)."""
    apart = _nearest(a, b, start, stop)
    piece = np.searchsorted(a, middle)  # spikes of a before it
    interval = _intervals(a, start, stop)[piece]
    last, following = np.maximum(piece - 1, 0), np.minimum(piece, len(a) - 1)
    here = np.stack(ends)
    inner = (piece > 0) & (piece < len(a))  # before the first and after the last spike, its distance holds
    width = np.where(inner, a[following] - a[last], 1.0)
    between = (apart[last] * (a[following] - here) + apart[following] * (here - a[last])) / width
    return interval, np.where(inner, between, apart[np.where(piece > 0, last, following)])
