"""The spike time tiling coefficient, a correlation that does not depend on rates (Cutts & Eglen 2014)."""

from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.analysis.pair_kernels import all_pairs


def sttc(a: Any, b: Any, *, window: float = 5.0, start: float = 0.0, stop: float) -> float:
    """Return STTC = 0.5 ((P_A - T_B)/(1 - P_A T_B) + (P_B - T_A)/(1 - P_B T_A)).

    P_A is the share of the spikes of a within the window of one of b, T_A the share of time within it of one of a.

    Args:
        a: (S,) spikes [ms].
        b: (R,) spikes [ms].
        window: to either side [ms].
        start: of the recording [ms].
        stop: of the recording [ms].

    Returns:
        1 for equal trains, about 0 for independent ones, down to -1; NaN where one has no spikes.

    Example:
        >>> sttc([10.0, 30.0, 55.0], [10.0, 30.0, 55.0], stop=100.0)
        1.0
    """
    a, b = c.train(a, "a"), c.train(b, "b")
    both = c.Trains(np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)]), np.cumsum([0, len(a), len(b)]))
    return float(sttc_matrix(both, window=window, start=start, stop=stop)[0, 1])


def sttc_matrix(
    trains: c.Trains, *, window: float = 5.0, start: float | None = None, stop: float | None = None
) -> np.ndarray:
    """Return the coefficient of all pairs of trains, (n, n); see `sttc`."""
    window = c.positive("window", window)
    start, stop = c.window(None, trains.times, start, stop)
    inside = (trains.times >= start) & (trains.times <= stop)
    if not inside.all():
        kept = np.bincount(trains.ids[inside], minlength=len(trains))
        trains = c.Trains(trains.times[inside], trains.ids[inside], np.concatenate([[0], np.cumsum(kept)]))
    number = np.diff(trains.first)[:, None]
    met = all_pairs("near", trains.times, trains.first, window, full=True)
    share = np.divide(met, number, out=np.full(met.shape, np.nan), where=number > 0)
    tiled = _tiled(trains, window, start, stop)[None, :]
    full = share * tiled == 1  # then the spikes of a all lie within the window, which is all of the time
    half = np.divide(share - tiled, 1 - share * tiled, out=np.ones_like(share), where=~full)
    table = 0.5 * (half + half.T)
    table[(number == 0) | (number.T == 0)] = np.nan
    return table


def _tiled(trains: c.Trains, window: float, start: float, stop: float) -> np.ndarray:
    """Return the share of time that lies within the window of a spike, for each train."""
    times, first = trains.times, trains.first
    left = np.maximum(times - window, start)
    after = np.empty_like(times)
    after[:-1], after[-1:] = left[1:], np.inf
    after[first[1:][np.diff(first) > 0] - 1] = np.inf  # nothing follows the last spike of a train
    right = np.minimum(np.minimum(times + window, stop), after)
    return np.bincount(trains.ids, right - left, len(trains)) / (stop - start)
