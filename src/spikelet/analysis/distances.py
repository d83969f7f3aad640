"""Distances of spike trains: Victor-Purpura, van Rossum, ISI, SPIKE; similarities of trains; all pairs at once."""

from collections.abc import Callable
from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.analysis.pair_kernels import all_pairs
from spikelet.analysis.profiles import isi_distance, spike_distance, spike_synchronization
from spikelet.analysis.tiling import sttc_matrix
from spikelet.errors import InputError, did_you_mean


def victor_purpura(a: Any, b: Any, *, cost: float) -> float:
    """Return the edit distance of two trains: 1 to insert or delete a spike, ``cost`` times the shift to move one.

    With cost 0 it is the difference of the counts; for large costs, the number of spikes that do not coincide
    (Victor & Purpura 1996).

    Args:
        a: (S,) spikes [ms].
        b: (R,) spikes [ms].
        cost: q [1/ms].

    Raises:
        InputError: the cost is negative or not finite.

    Example:
        >>> round(victor_purpura([10, 30, 55, 80], [12, 29, 70], cost=0.1), 12)
        2.3
    """
    return float(all_pairs("victor_purpura", *_two(a, b), _cost(cost))[0, 1])


def van_rossum(a: Any, b: Any, *, tau: float) -> float:
    """Return the distance D of two trains filtered by exp(-t/tau): D**2 = (1/tau) int (f - g)**2 dt.

    One spike more gives D = sqrt(1/2) (van Rossum 2001; Elephant's is sqrt(2) times as much).

    Args:
        a: (S,) spikes [ms].
        b: (R,) spikes [ms].
        tau: time constant [ms].

    Raises:
        InputError: tau is not positive.

    Example:
        >>> round(van_rossum([10, 30, 55, 80], [12, 29, 70], tau=10.0), 6)
        1.129272
    """
    return float(_root(all_pairs("van_rossum", *_two(a, b), c.positive("tau", tau)))[0, 1])


def schreiber(a: Any, b: Any, *, width: float) -> float:
    """Return the similarity of two trains: the cosine of the trains filtered by Gaussians (Schreiber et al. 2003).

    Args:
        a: (S,) spikes [ms].
        b: (R,) spikes [ms].
        width: standard deviation of the Gaussian [ms].

    Returns:
        1 for equal trains, 0 for trains that share nothing; NaN where one has no spikes.
    """
    a, b, width = c.train(a, "a"), c.train(b, "b"), c.positive("width", width)
    if not (a.size and b.size):
        return float("nan")
    return float(_overlap(a, b, width) / np.sqrt(_overlap(a, a, width) * _overlap(b, b, width)))


def _overlap(a: np.ndarray, b: np.ndarray, width: float) -> float:
    """Sum the product of two filtered trains over time: a Gaussian of sqrt(2) the width for each pair of spikes."""
    from spikelet.analysis.rates import lags_between

    reach = 13 * width  # exp(-13**2/4) is below what a double adds to 1
    return sum(float(np.exp(-((lags / (2 * width)) ** 2)).sum()) for lags in lags_between(a, b, -reach, reach))


def coincidence_factor(data: Any, model: Any, *, window: float = 2.0, duration: float) -> float:
    """Return how well a model's spikes meet those of data beyond chance, Gamma (Kistler et al. 1997).

    Gamma = (N_coinc - <N_coinc>)/((N_data + N_model)/2)/(1 - 2 nu window), with <N_coinc> = 2 nu window N_data and nu
    the rate of the model. A spike of the data coincides if one of the model lies within the window.

    Args:
        data: (S,) spikes [ms].
        model: (R,) spikes [ms].
        window: to either side [ms].
        duration: of the recording [ms].

    Returns:
        1 for equal trains, 0 for chance; NaN without spikes.
    """
    data, model = c.train(data, "data"), c.train(model, "model")
    window, duration = c.positive("window", window), c.positive("duration", duration)
    chance = 2 * window * len(model) / duration
    if len(data) + len(model) == 0 or chance == 1:
        return float("nan")
    times, first = _two(data, model)
    met = all_pairs("near", times, first, window, full=True)[0, 1]
    return float((met - chance * len(data)) / (0.5 * (len(data) + len(model))) / (1 - chance))


def distance_matrix(spikes: Any, ids: Any = None, *, measure: str, n: int | None = None, **options: Any) -> np.ndarray:
    """Return a measure of all pairs of trains.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) train of each spike.
        measure: ``victor_purpura``, ``van_rossum``, ``sttc``, ``isi_distance``, ``spike_distance``,
            ``spike_synchronization`` or ``schreiber``.
        n: number of trains.
        **options: of the measure, such as ``tau=10.0``.

    Returns:
        (n, n), symmetric.

    Raises:
        InputError: the measure is not known, or an option is wrong or missing.
    """
    if measure not in _MEASURES:
        raise InputError(f"there is no measure '{measure}'{did_you_mean(measure, _MEASURES)} ({', '.join(_MEASURES)})")
    sorted_ = c.trains(spikes, ids, n)
    try:
        return _MEASURES[measure](sorted_, **options)
    except TypeError as error:
        raise InputError(f"{measure}: {str(error).split('() ')[-1]}") from error


def _victor_purpura_matrix(trains: c.Trains, *, cost: float) -> np.ndarray:
    return all_pairs("victor_purpura", trains.times, trains.first, _cost(cost))


def _van_rossum_matrix(trains: c.Trains, *, tau: float) -> np.ndarray:
    return _root(all_pairs("van_rossum", trains.times, trains.first, c.positive("tau", tau)))


def _each_pair(measure: Callable[..., float], itself: float) -> Callable[..., np.ndarray]:
    """Return the function that takes a measure of each pair of trains in turn."""

    def matrix(trains: c.Trains, **options: Any) -> np.ndarray:
        table = np.full((len(trains), len(trains)), itself)
        for i in range(len(trains)):
            for j in range(i + 1, len(trains)):
                table[i, j] = table[j, i] = measure(trains[i], trains[j], **options)
        return table

    return matrix


_MEASURES: dict[str, Callable[..., np.ndarray]] = {
    "victor_purpura": _victor_purpura_matrix,
    "van_rossum": _van_rossum_matrix,
    "sttc": sttc_matrix,
    "isi_distance": _each_pair(isi_distance, 0.0),
    "spike_distance": _each_pair(spike_distance, 0.0),
    "spike_synchronization": _each_pair(spike_synchronization, 1.0),
    "schreiber": _each_pair(schreiber, 1.0),
}


def _two(a: Any, b: Any) -> tuple[np.ndarray, np.ndarray]:
    a, b = c.train(a, "a"), c.train(b, "b")
    return np.concatenate([a, b]), np.array([0, len(a), len(a) + len(b)])


def _cost(cost: Any) -> float:
    if isinstance(cost, bool) or not isinstance(cost, int | float | np.number) or not 0 <= cost < np.inf:
        raise InputError(f"victor_purpura: cost must be 0 or more per ms, got {cost!r}")
    return float(cost)


def _root(square: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(square, 0.0))  # rounding may leave a square below 0
