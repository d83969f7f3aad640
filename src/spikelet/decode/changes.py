"""Decoders of signals: the inverses of the codes of change, and of those that a filter turns back."""

from typing import Any

import numpy as np

from spikelet.decode.filters import convolved
from spikelet.decode.spikes import spike_trains
from spikelet.encode.arguments import levels, positive, weights
from spikelet.encode.tensors import cast, dtype


def step_forward(spikes: Any, threshold: float, *, start: Any = 0.0) -> Any:
    """Return the baseline that `encode.step_forward` followed: start + threshold times the sum of the spikes so far.

    Where the signal changes by at most ``threshold`` a step, it is at most one threshold off.

    Args:
        spikes: (T, B, *N), -1, 0 or 1.
        threshold: as in the encoder, in the unit of the signal.
        start: the first sample, a number or (B, *N).

    Returns:
        (T, B, *N), in the unit of the threshold.

    Example:
        >>> import numpy as np
        >>> step_forward(np.array([[0.0], [1.0], [1.0], [-1.0]]), 0.25, start=0.5)[:, 0].tolist()
        [0.5, 0.75, 1.0, 0.75]
    """
    return _summed("step_forward", spikes, positive("threshold", threshold, "the unit of x"), start)


def moving_window(spikes: Any, threshold: float, *, start: Any = 0.0) -> Any:
    """Return start + threshold times the sum of the spikes so far, the inverse of `encode.moving_window`.

    It keeps the course of a signal, not its level: a slow change gives no spikes, a fast one several times its size.

    Args:
        spikes: (T, B, *N), -1, 0 or 1.
        threshold: as in the encoder, in the unit of the signal.
        start: the first sample, a number or (B, *N).

    Returns:
        (T, B, *N), in the unit of the threshold.
    """
    return _summed("moving_window", spikes, positive("threshold", threshold, "the unit of x"), start)


def temporal_contrast(spikes: Any, threshold: Any, *, start: Any = 0.0) -> Any:
    """Return start + threshold times the sum of the spikes so far, the inverse of `encode.temporal_contrast` (TBR).

    Args:
        spikes: (T, B, *N), -1, 0 or 1.
        threshold: that of the encoder, a number or (B, *N): see `encode.contrast_threshold`.
        start: the first sample, a number or (B, *N).

    Returns:
        (T, B, *N), in the unit of the threshold.

    Source:
        Petro, Kasabov & Kiss 2020.
    """
    return _summed("temporal_contrast", spikes, threshold, start)


def sigma_delta(spikes: Any, threshold: float, *, start: float = 0.0) -> Any:
    """Return what the receiver of `encode.sigma_delta` knows; less than one threshold off in every step.

    Args:
        spikes: (T, B, *N), whole numbers.
        threshold: as in the encoder, in the unit of the signal.
        start: as in the encoder.

    Returns:
        (T, B, *N), in the unit of the threshold.
    """
    return _summed("sigma_delta", spikes, positive("threshold", threshold, "the unit of x"), start)


def hsa(spikes: Any, fir: Any, *, offset: Any = 0.0) -> Any:
    """Return the convolution of spikes and filter, plus ``offset``: the inverse of `encode.hsa` and its kin.

    Args:
        spikes: (T, B, *N), 0 or 1.
        fir: (F,), the filter of the encoder.
        offset: what the encoder took away, a number or (B, *N); its default is the minimum of the signal over time.

    Returns:
        (T, B, *N), in the unit of the filter; for `encode.hsa` never above the signal.

    Source:
        Schrauwen & Van Campenhout 2003.

    Example:
        >>> import numpy as np
        >>> hsa(np.array([[1.0], [1.0], [0.0], [0.0]]), [0.5, 0.25], offset=1.0)[:, 0].tolist()
        [1.5, 1.75, 1.25, 1.0]
    """
    return _refiltered("hsa", spikes, fir, offset)


def modified_hsa(spikes: Any, fir: Any, *, offset: Any = 0.0) -> Any:
    """Return the convolution of spikes and filter, plus ``offset``: see `hsa`."""
    return _refiltered("modified_hsa", spikes, fir, offset)


def bsa(spikes: Any, fir: Any, *, offset: Any = 0.0) -> Any:
    """Return the convolution of spikes and filter, plus ``offset``: see `hsa`."""
    return _refiltered("bsa", spikes, fir, offset)


def _summed(name: str, spikes: Any, threshold: Any, start: Any) -> Any:
    data = spike_trains(spikes, name)
    shape = tuple(data.shape[1:])
    level, start = levels(name, "threshold", threshold, data, shape), levels(name, "start", start, data, shape)
    return cast(start + level * cast(data, "float64").cumsum(0), dtype(data))


def _refiltered(name: str, spikes: Any, fir: Any, offset: Any) -> Any:
    data = spike_trains(spikes, name)
    taps = np.asarray(weights(name, "fir", fir))
    level = levels(name, "offset", offset, data, tuple(data.shape[1:]))
    return cast(convolved(cast(data, "float64"), taps, 0) + level, dtype(data))
