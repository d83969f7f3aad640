"""Read-outs of classifiers: from the spikes or membranes of the last layer to one class for each sequence.

All give (B,) int64, and -1 where the spikes do not decide: where nobody has fired. Of equals the lowest class wins.
"""

from typing import Any

import numpy as np

from spikelet.decode.spikes import first_steps, spike_trains, valid
from spikelet.encode.arguments import integer
from spikelet.encode.tensors import cast, dtype, highest, like, module, on_host
from spikelet.errors import InputError, ShapeError

_AXES = ("T", "B", "C")


def classify_rate(spikes: Any, *, lengths: Any = None) -> Any:
    """Return the class whose neuron has the most spikes.

    Args:
        spikes: (T, B, C), one neuron for each class.
        lengths: (B,) integers, steps of each sequence that count; default: all.

    Example:
        >>> import numpy as np
        >>> classify_rate(np.array([[[0, 1], [0, 0]], [[0, 1], [0, 0]]])).tolist()
        [1, -1]
    """
    return _largest(valid(spike_trains(spikes, "classify_rate", _AXES), lengths, "classify_rate").sum(0))


def classify_first_spike(spikes: Any, *, lengths: Any = None) -> Any:
    """Return the class whose neuron fires first; of several in one step, that with the most spikes over all.

    Args:
        spikes: (T, B, C), one neuron for each class.
        lengths: (B,) integers, steps of each sequence that count; default: all.

    Example:
        >>> import numpy as np
        >>> classify_first_spike(np.array([[[0, 1, 0]], [[1, 0, 0]], [[1, 0, 0]]])).tolist()
        [1]
    """
    data = valid(spike_trains(spikes, "classify_first_spike", _AXES), lengths, "classify_first_spike")
    step = first_steps(data, "classify_first_spike")
    first = step == -highest(-step, 1)[:, None]
    return _largest(data.sum(0) * cast(first, dtype(data)))


def classify_membrane(v: Any, *, lengths: Any = None) -> Any:
    """Return the class whose membrane reaches the highest value at any time.

    Args:
        v: (T, B, C), membranes of neurons that do not spike.
        lengths: (B,) integers, steps of each sequence that count; default: all.

    Source:
        Cramer, Stradmann, Schemmel & Zenke 2022 (max over time).

    Example:
        >>> import numpy as np
        >>> classify_membrane(np.array([[[0.1, 0.0]], [[0.2, 0.7]], [[0.3, 0.1]]])).tolist()
        [1]
    """
    data = spike_trains(v, "classify_membrane", _AXES, "v")
    counted = valid(data * 0 + 1, lengths, "classify_membrane") > 0
    data = module(data).where(counted, data, -np.inf)
    _some_steps(data, "classify_membrane")
    return highest(data, 0).argmax(-1)


def classify_window(spikes: Any, width: int, *, each: bool = False) -> Any:
    """Return the class with the most spikes in any window of ``width`` steps: the strongest burst decides.

    Args:
        spikes: (T, B, C), one neuron for each class.
        width: steps of the window, at most T.
        each: whether the class of each window is asked for, the decision as it changes with time.

    Returns:
        (B,), with ``each`` (T - width + 1, B).

    Example:
        >>> import numpy as np
        >>> spikes = np.array([[1, 0], [0, 1], [0, 1], [1, 0], [0, 0], [1, 0]])[:, None]
        >>> classify_window(spikes, 2).tolist(), classify_window(spikes, 2, each=True)[:, 0].tolist()
        ([1], [0, 1, 0, 0, 0])
    """
    data = spike_trains(spikes, "classify_window", _AXES)
    _some_steps(data, "classify_window")
    width = integer("width", width, 1, len(data))
    until = cast(data, "float64").cumsum(0)
    window = until[width - 1 :] * 1
    window[1:] -= until[: len(data) - width]
    if each:
        return _largest(window)
    return _largest(highest(window, 0))


def assign_classes(spikes: Any, labels: Any, classes: int) -> np.ndarray:
    """Return how much each neuron of an unsupervised layer stands for each class.

    That is its mean count for sequences of the class, over the sum of these means over the classes.

    Args:
        spikes: (T, B, N) of sequences whose classes are known.
        labels: (B,) integers, their classes, from 0 on.
        classes: number of classes C.

    Returns:
        (N, C) shares, 0 for neurons that never fired.

    Source:
        Diehl & Cook 2015; Hazan et al. 2018 (BindsNET).

    Example:
        >>> import numpy as np
        >>> assign_classes(np.array([[[3, 0], [1, 2]]]), [0, 1], classes=2).tolist()
        [[0.75, 0.25], [0.0, 1.0]]
    """
    counts = on_host(spike_trains(spikes, "assign_classes", ("T", "B", "N")).sum(0)).astype(np.float64)
    known, classes = on_host(labels), integer("classes", classes, 1)
    if known.shape != counts.shape[:1] or known.dtype.kind not in "iu":
        raise ShapeError(f"assign_classes: labels must be ({len(counts)},) integers, not {known.dtype} {known.shape}")
    if known.size and not 0 <= known.min() <= known.max() < classes:
        raise InputError(f"assign_classes: labels must be from 0 to {classes - 1}, not {known.min()} to {known.max()}")
    members = (known[:, None] == np.arange(classes)).astype(np.float64)
    means = counts.T @ members / np.maximum(members.sum(0), 1)
    return means / np.where(means.any(1), means.sum(1), 1)[:, None]


def classify_vote(spikes: Any, shares: Any, *, proportional: bool = False) -> Any:
    """Return the class for which the neurons of an unsupervised layer vote.

    Each neuron votes for the class that it stands for most, with its count of spikes; the class with the largest mean
    over its neurons wins. With ``proportional`` each votes for all classes, by its shares.

    Args:
        spikes: (T, B, N).
        shares: (N, C), from `assign_classes`.
        proportional: whether a neuron votes for several classes.

    Source:
        Diehl & Cook 2015; with ``proportional`` Hazan et al. 2018 (BindsNET).

    Example:
        >>> import numpy as np
        >>> shares = np.array([[0.75, 0.25], [0.0, 1.0]])
        >>> classify_vote(np.array([[[3.0, 0.0], [1.0, 2.0], [0.0, 0.0]]]), shares).tolist()
        [0, 1, -1]
    """
    data = spike_trains(spikes, "classify_vote", ("T", "B", "N"))
    table = np.asarray(on_host(shares), dtype=np.float64)
    if table.ndim != 2 or len(table) != data.shape[2]:
        raise ShapeError(f"classify_vote: shares must be ({data.shape[2]}, C), not {table.shape}")
    if not proportional:
        best = np.arange(table.shape[1]) == np.where(table.any(1), table.argmax(1), -1)[:, None]
        table = best / np.maximum(best.sum(0), 1)
    else:
        table = table / np.maximum((table > 0).sum(0), 1)
    return _largest(cast(data, "float64").sum(0) @ like(table, data))


def _largest(scores: Any) -> Any:
    """Return the index of the largest score along the last axis, -1 where none is above 0."""
    some = (scores > 0).any(-1)
    return module(scores).where(some, scores.argmax(-1), -1)


def _some_steps(data: Any, name: str) -> None:
    if not len(data):
        raise ShapeError(f"{name}: spikes of no steps decide nothing")
