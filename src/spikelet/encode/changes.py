"""Codes of change, of signals in time: delta, temporal contrast, step-forward, moving window, sigma-delta.

All take (T, B, *N) and give +1, 0 or -1 (sigma-delta: several at once); each channel is a signal of its own. They
compute in float64, so that float32 signals give the spikes of their exact values.
"""

from typing import Any

import numpy as np

from spikelet.encode.arguments import checked, integer, levels, positive, within
from spikelet.encode.tensors import Signal, cast, detached, dtype, empty, module, on_host, total, total_of_rows, zeros
from spikelet.errors import InputError


def delta(x: Signal, threshold: float = 0.1, *, padding: float | str = 0.0, off_spikes: bool = False) -> Signal:
    """Return a spike in each step in which a signal has risen by ``threshold`` since the step before.

    Args:
        x: (T, B, *N), the signal, time first.
        threshold: smallest change that counts, above 0, in the unit of ``x``.
        padding: what the first step is compared with: a number, or ``"first"`` for the first step itself (no spike).
        off_spikes: whether a fall by ``threshold`` or more gives -1.

    Returns:
        (T, B, *N), 0 or 1, with ``off_spikes`` also -1.

    Example:
        >>> delta(np.array([[0.0], [0.5], [0.6], [0.1]]), 0.3, off_spikes=True)[:, 0].tolist()
        [0.0, 1.0, 0.0, -1.0]
    """
    data = detached(checked(x, "delta", time=True))
    level = float(np.dtype(dtype(data)).type(positive("threshold", threshold, "the unit of x")))
    if isinstance(padding, str) and padding != "first":
        raise InputError(f"delta: padding must be a number or 'first', not {padding!r}")
    change = empty(data.shape, data)
    if len(data):
        change[1:] = data[1:] - data[:-1]
        change[0] = 0 if isinstance(padding, str) else data[0] - float(padding)
    spikes = cast(change >= level, dtype(data))
    return spikes - cast(change <= -level, dtype(data)) if off_spikes else spikes


def temporal_contrast(x: Signal, factor: float = 0.5, *, threshold: Any = None) -> Signal:
    """Return +1 and -1 where a signal changes by more than a threshold from one step to the next (TBR).

    S[n] = +1 where d[n] = x[n] - x[n-1] is above the threshold, -1 where it is below minus the threshold, d[0] = d[1].
    The threshold is mean(d) + factor*std(d) over time, for each channel; a fixed one makes this the address-event
    representation.

    Args:
        x: (T, B, *N), T at least 3 where the threshold is computed.
        factor: standard deviations above the mean change.
        threshold: in the unit of x, a number or (B, *N), not negative, in place of the computed one.

    Returns:
        (T, B, *N), -1, 0 or 1.

    Raises:
        InputError: a signal falls so steadily that its threshold is negative.

    Source:
        Petro, Kasabov & Kiss 2020, Selection and optimization of temporal spike encoding methods, algorithm 1.

    Example:
        >>> temporal_contrast(np.array([[0.0], [0.5], [0.6], [0.1], [0.1]]))[:, 0].tolist()
        [1.0, 1.0, 0.0, -1.0, 0.0]
    """
    data = detached(checked(x, "temporal_contrast", time=True))
    if threshold is None:
        threshold = contrast_threshold(data, factor)
    else:
        threshold = levels("temporal_contrast", "threshold", threshold, data, tuple(data.shape[1:]))
        if 0 not in threshold.shape and not bool((threshold >= 0).all()):
            raise InputError(f"temporal_contrast: threshold must not be negative, not {float(threshold.min()):.6g}")
    return _signs(_differences(data), threshold, data)


def contrast_threshold(x: Signal, factor: float = 0.5) -> Signal:
    """Return the threshold of `temporal_contrast`, (B, *N) float64, which `decode.temporal_contrast` asks for.

    It is mean(d) + factor*std(d) of the T - 1 changes d, with T - 2 in the standard deviation.

    Example:
        >>> contrast_threshold(np.array([[0.0], [1.0], [1.0]]), factor=0.0)
        array([0.5])
    """
    data = detached(checked(x, "contrast_threshold", time=True))
    factor = within("factor", factor, -np.inf, np.inf)
    if len(data) < 3:
        raise InputError(f"contrast_threshold: a signal of {len(data)} steps has no spread of changes; say threshold=")
    change = _differences(data)[1:]
    mean = total_of_rows(change) / len(change)
    variance = total_of_rows((change - mean) * (change - mean)) / (len(change) - 1)
    level = mean + factor * variance**0.5
    if 0 not in level.shape and float(level.min()) < 0:
        place = tuple(int(i) for i in np.argwhere(on_host(level) < 0)[0])
        raise InputError(
            f"temporal_contrast: mean change + {factor:g}*std is {float(level[place]):.6g} for the signal {place}, "
            "below 0; use a larger factor, or say threshold="
        )
    return level


def step_forward(x: Signal, threshold: float) -> Signal:
    """Return +1 and -1 where a signal leaves a baseline by more than ``threshold``, which then follows by as much (SF).

    B = x[0]; where x[n] > B + threshold: +1 and B += threshold; where x[n] < B - threshold: -1 and B -= threshold.

    Args:
        x: (T, B, *N).
        threshold: above 0, in the unit of x.

    Returns:
        (T, B, *N), -1, 0 or 1.

    Source:
        Kasabov et al. 2016; Petro, Kasabov & Kiss 2020, algorithm 2.

    Example:
        >>> step_forward(np.array([[0.0], [0.5], [0.6], [0.6], [0.0]]), 0.25)[:, 0].tolist()
        [0.0, 1.0, 1.0, 0.0, -1.0]
    """
    data, level = detached(checked(x, "step_forward", time=True)), positive("threshold", threshold, "the unit of x")
    spikes = zeros(data.shape, data)
    base = cast(data[:1], "float64")
    for n in range(1, len(data)):
        now = cast(data[n : n + 1], "float64")
        sign = cast(now > base + level, "float64") - cast(now < base - level, "float64")
        spikes[n : n + 1] = cast(sign, dtype(data))
        base = base + sign * level
    return spikes


def moving_window(x: Signal, threshold: float, window: int = 3) -> Signal:
    """Return +1 and -1 where a signal differs by more than ``threshold`` from its mean over a window before (MW).

    The baseline of step n is the mean of the w + 1 samples before it; the first w + 1 steps share that of themselves.

    Args:
        x: (T, B, *N).
        threshold: above 0, in the unit of x.
        window: w, at least 0.

    Returns:
        (T, B, *N), -1, 0 or 1.

    Source:
        Petro, Kasabov & Kiss 2020, algorithm 3.

    Example:
        >>> moving_window(np.array([[0.0], [0.0], [1.0], [1.0], [1.0]]), 0.3, window=1)[:, 0].tolist()
        [0.0, 0.0, 1.0, 1.0, 0.0]
    """
    data, level = detached(checked(x, "moving_window", time=True)), positive("threshold", threshold, "the unit of x")
    width = min(integer("window", window, 0) + 1, max(len(data), 1))
    numbers = cast(data, "float64")
    steps = len(data)
    if not steps:
        return zeros(data.shape, data)
    mean = total(numbers[j : steps - width + j + 1] for j in range(width)) / width
    change = empty(numbers.shape, numbers)
    change[:width] = numbers[:width] - mean[0]
    change[width:] = numbers[width:] - mean[: steps - width]
    return _signs(change, level, data)


def sigma_delta(x: Signal, threshold: float, *, start: float = 0.0) -> Signal:
    """Return how many steps of ``threshold`` a signal has moved away from what the receiver knows.

    The receiver holds the sum r of all spikes, times threshold, plus ``start``; each step sends (x - r)/threshold,
    rounded towards zero. So r never differs from x by a whole threshold: unlike `delta` and `step_forward`, nothing is
    lost, however steep the signal.

    Args:
        x: (T, B, *N).
        threshold: above 0, in the unit of x.
        start: what the receiver holds before the first step.

    Returns:
        (T, B, *N), whole numbers, negative where the signal falls.

    Source:
        Yousefzadeh et al. 2019, Asynchronous spiking neurons; Zambrano & Bohte 2016; the sigma-delta neuron of Lava.

    Example:
        >>> sigma_delta(np.array([[0.0], [0.55], [0.6], [0.1]]), 0.25)[:, 0].tolist()
        [0.0, 2.0, 0.0, -1.0]
    """
    data, level = detached(checked(x, "sigma_delta", time=True)), positive("threshold", threshold, "the unit of x")
    start, trunc = within("start", start, -np.inf, np.inf), module(data).trunc
    spikes = empty(data.shape, data)
    sum_ = cast(zeros(data[:1].shape, data), "float64")  # a whole number: the receiver's value has one rounding
    for n in range(len(data)):
        sent = trunc((cast(data[n : n + 1], "float64") - (start + level * sum_)) / level) + 0.0  # 0, not -0
        spikes[n : n + 1] = cast(sent, dtype(data))
        sum_ = sum_ + sent
    return spikes


def _differences(data: Any) -> Any:
    """Return x[n] - x[n-1] in float64; the first is that of the second step."""
    numbers = cast(data, "float64")
    change = cast(zeros(data.shape, data), "float64")
    if len(data) > 1:
        change[1:] = numbers[1:] - numbers[:-1]
        change[0] = change[1]
    return change


def _signs(change: Any, threshold: Any, data: Any) -> Any:
    return cast(change > threshold, dtype(data)) - cast(change < -threshold, dtype(data))
