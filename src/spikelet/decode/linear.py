"""Optimal linear reconstruction: the filter that brings spikes nearest to a signal, and its use."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet.decode.spikes import spike_trains
from spikelet.encode.arguments import integer, within
from spikelet.encode.tensors import cast, dtype, like, on_host
from spikelet.errors import InputError, ShapeError

_MOST = 2**27  # numbers in the table of regressors


@dataclass(frozen=True, eq=False)
class LinearFilter:
    """A linear decoder of N spike trains to D signals.

    Attributes:
        weights: (L, N, D), of the spikes in step t + ahead - j for the signal in step t.
        offset: (D,), the signal without spikes.
        ahead: how many steps of the future it looks at.
    """

    weights: np.ndarray
    offset: np.ndarray
    ahead: int


def fit_linear(spikes: Any, signal: Any, *, behind: int = 50, ahead: int = 0, ridge: float = 0.0) -> LinearFilter:
    """Return the filter that minimises the squared error of `linear`, summed over steps and sequences.

    Args:
        spikes: (T, B, N).
        signal: (T, B, D), what they stand for.
        behind: steps of the past that the filter looks at, besides the present.
        ahead: steps of the future; spikes come after what they tell, so reconstruction needs some.
        ridge: weight of the squared weights in what is minimised.

    Raises:
        InputError: the filter has more weights than there are steps, and no ridge decides between them.

    Source:
        Bialek, Rieke, de Ruyter van Steveninck & Warland 1991, Reading a neural code; the least squares form is that of
        Warland, Reinagel & Meister 1997.
    """
    data = on_host(spike_trains(spikes, "fit_linear", ("T", "B", "N"))).astype(np.float64)
    goal = on_host(spike_trains(signal, "fit_linear", ("T", "B", "D"), "signal")).astype(np.float64)
    if goal.shape[:2] != data.shape[:2]:
        raise ShapeError(f"fit_linear: spikes have (T, B) = {data.shape[:2]}, the signal {goal.shape[:2]}")
    behind, ahead = integer("behind", behind, 0), integer("ahead", ahead, 0)
    ridge = within("ridge", ridge, 0, np.inf)
    rows = _regressors(data, behind, ahead)
    if len(rows) < rows.shape[1] and not ridge:
        raise InputError(
            f"fit_linear: {rows.shape[1]} weights from {len(rows)} steps; use more steps, or ridge above 0"
        )
    goal = goal.reshape(-1, goal.shape[-1])
    mean, level = rows.mean(0), goal.mean(0)
    rows, goal = rows - mean, goal - level
    if ridge:
        rows = np.concatenate([rows, np.sqrt(ridge) * np.eye(rows.shape[1])])
        goal = np.concatenate([goal, np.zeros((rows.shape[1], goal.shape[1]))])
    weights = np.linalg.lstsq(rows, goal, rcond=None)[0]
    return LinearFilter(weights.reshape(behind + ahead + 1, data.shape[2], -1), level - mean @ weights, ahead)


def linear(spikes: Any, filter: LinearFilter) -> Any:
    """Return the signals that spikes stand for, as a sum of filtered spikes.

    Args:
        spikes: (T, B, N); there are none before the first step and after the last.
        filter: from `fit_linear`.

    Returns:
        (T, B, D).

    Example:
        >>> import numpy as np
        >>> filter = LinearFilter(np.array([[[2.0]], [[1.0]]]), np.array([0.5]), ahead=0)
        >>> linear(np.array([[[1.0]], [[0.0]], [[0.0]]]), filter)[:, 0, 0].tolist()
        [2.5, 1.5, 0.5]
    """
    data = spike_trains(spikes, "linear", ("T", "B", "N"))
    length, neurons, signals = filter.weights.shape
    if data.shape[2] != neurons:
        raise ShapeError(f"linear: the filter is for {neurons} neurons, the spikes are of {data.shape[2]}")
    rows = _regressors(on_host(data).astype(np.float64), length - 1 - filter.ahead, filter.ahead)
    out = rows @ filter.weights.reshape(length * neurons, signals) + filter.offset
    return cast(like(out.reshape(*data.shape[:2], signals), data), dtype(data))


def _regressors(data: np.ndarray, behind: int, ahead: int) -> np.ndarray:
    """Return the spikes around each step, (T*B, L*N): those ahead first."""
    length = behind + ahead + 1
    if data.size * length > _MOST:
        raise InputError(f"linear: a filter of {length} steps on spikes {data.shape} needs more than {_MOST} numbers")
    wide = np.pad(data, ((behind, ahead), (0, 0), (0, 0)))
    last = length - 1
    shifted = [wide[last - j : last - j + len(data)] for j in range(length)]
    return np.stack(shifted, 2).reshape(len(data) * data.shape[1], -1)
