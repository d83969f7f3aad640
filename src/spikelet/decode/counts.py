"""Decoders of rate codes: count, rate, the histogram over time of many trials, and the density."""

from typing import Any

from spikelet.decode.filters import filtered
from spikelet.decode.spikes import spike_trains, valid
from spikelet.encode.arguments import positive
from spikelet.encode.tensors import cast, dtype, like, module, on_host
from spikelet.errors import InputError, ShapeError


def count(spikes: Any, *, lengths: Any = None) -> Any:
    """Return the number of spikes of each neuron.

    Args:
        spikes: (T, B, *N).
        lengths: (B,) integers, steps of each sequence that count; default: all.

    Returns:
        (B, *N).

    Example:
        >>> import numpy as np
        >>> count(np.array([[[1.0, 0.0]], [[1.0, 1.0]]])).tolist()
        [[2.0, 1.0]]
    """
    return valid(spike_trains(spikes, "count"), lengths, "count").sum(0)


def rate(spikes: Any, dt: float, *, lengths: Any = None) -> Any:
    """Return the firing rate of each neuron, the inverse of the rate codes.

    Args:
        spikes: (T, B, *N).
        dt: length of a step [ms].
        lengths: (B,) integers, steps of each sequence that count; default: all.

    Returns:
        (B, *N) [kHz]; divide by ``units.Hz`` for Hz.

    Example:
        >>> import numpy as np
        >>> rate(np.array([[[1.0]], [[0.0]], [[0.0]], [[1.0]]]), dt=2.0).tolist()
        [[0.25]]
    """
    data, dt = spike_trains(spikes, "rate"), positive("dt", dt, "ms")
    _not_empty(data, "rate")
    total = valid(data, lengths, "rate").sum(0)
    if lengths is None:
        return total / (len(data) * dt)
    steps = like(on_host(lengths), data).reshape(-1, *(1 for _ in data.shape[2:]))
    return total / cast(steps * dt, dtype(data))


def psth(spikes: Any, dt: float, width: float) -> Any:
    """Return the peristimulus time histogram: the firing rate over time, as a mean over trials.

    Args:
        spikes: (T, B, *N), B trials.
        dt: length of a step [ms].
        width: of a bin [ms], a whole number of steps. A last bin of fewer steps is divided by its own length.

    Returns:
        (bins, *N) [kHz].

    Source:
        Gerstein & Kiang 1960.

    Example:
        >>> import numpy as np
        >>> psth(np.array([[[1.0], [1.0]], [[1.0], [0.0]], [[0.0], [0.0]]]), dt=1.0, width=2.0).tolist()
        [[0.75], [0.0]]
    """
    data, dt = spike_trains(spikes, "psth"), positive("dt", dt, "ms")
    _not_empty(data, "psth")
    steps = round(positive("width", width, "ms") / dt)
    if steps < 1 or abs(steps * dt - width) > 1e-6 * width:
        raise InputError(f"psth: width must be a whole number of steps of {dt:g} ms, not {width!r}")
    mean = data.mean(1)
    bins = [mean[k : k + steps].mean(0) / dt for k in range(0, len(data), steps)]
    return module(data).stack(bins, 0)


def density(spikes: Any, dt: float, width: float, kernel: str = "gaussian") -> Any:
    """Return the spike density: the firing rate over time as a smooth curve, a mean over trials.

    Args:
        spikes: (T, B, *N), B trials.
        dt: length of a step [ms].
        width: of the kernel [ms], see `filtered`.
        kernel: see `filtered`.

    Returns:
        (T, *N) [kHz].

    Source:
        Szűcs 1998; MacPherson & Aldridge 1979 (the Gaussian kernel).
    """
    data = spike_trains(spikes, "density")
    _not_empty(data, "density")
    return filtered(data, dt, width, kernel).mean(1)


def _not_empty(data: Any, name: str) -> None:
    if not len(data) or not data.shape[1]:
        raise ShapeError(f"{name}: spikes must have steps and sequences, not {tuple(data.shape)}")
