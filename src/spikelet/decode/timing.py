"""Decoders of codes of time: first spike, latency, rank, phase."""

from typing import Any

import numpy as np

from spikelet.decode.spikes import first_steps, spike_trains
from spikelet.encode.arguments import choice, integer, positive, within
from spikelet.encode.tensors import cast, dtype, like, module, ranks, steps_of
from spikelet.encode.timing import phase_shift

_KINDS = ("linear", "log", "rc")


def first_spike(spikes: Any, dt: float = 1.0) -> Any:
    """Return the time from the begin of the first step to that of the step of each neuron's first spike.

    Args:
        spikes: (T, B, *N).
        dt: length of a step [ms].

    Returns:
        (B, *N) [ms], infinite where a neuron is silent.

    Example:
        >>> import numpy as np
        >>> first_spike(np.array([[[0.0, 0.0]], [[1.0, 0.0]]]), dt=0.5).tolist()
        [[0.5, inf]]
    """
    data = spike_trains(spikes, "first_spike")
    step, dt = first_steps(data, "first_spike"), positive("dt", dt, "ms")
    return cast(module(data).where(step < len(data), step * dt, np.inf), dtype(data))


def latency(
    spikes: Any, kind: str = "linear", *, tau: float = 20.0, threshold: float | None = None, dt: float = 1.0
) -> Any:
    """Return the values that `encode.latency` turned into these spikes.

    Linear: 1 - t/(T - 1), at most 1/2 step, that is 1/(2*(T - 1)), off. Log: (exp(T - 1 - t) - 1)/(exp(T - 1) - 1).
    Rc: threshold/(1 - exp(-t*dt/tau)); in the first step, which has no upper bound, the value at half a step.

    Args:
        spikes: (T, B, *N), of which the first of each neuron counts.
        kind: ``"linear"``, ``"log"`` or ``"rc"``.
        tau: as in the encoder.
        threshold: as in the encoder; rc only.
        dt: as in the encoder.

    Returns:
        (B, *N), 0 where a neuron is silent.

    Example:
        >>> import numpy as np
        >>> latency(np.array([[[0.0, 1.0]], [[0.0, 0.0]], [[1.0, 0.0]]])).tolist()
        [[0.0, 1.0]]
    """
    choice("latency", "kind", kind, _KINDS)
    data = spike_trains(spikes, "latency")
    step, last = first_steps(data, "latency"), len(data) - 1
    table = np.arange(last + 1.0)
    if kind == "linear":
        values = 1 - table / max(last, 1)
    elif kind == "log":
        values = (np.exp(-table) - np.exp(-1.0 * last)) / -np.expm1(-1.0 * last) if last else np.ones(1)
    else:
        level = 0.2 if threshold is None else positive("threshold", threshold, "the unit of x")
        pace = positive("dt", dt, "ms") / positive("tau", tau, "ms")
        values = level / -np.expm1(-np.maximum(table, 0.5) * pace)
    return cast(like(np.append(values, 0.0), data)[step], dtype(data))


def rank(spikes: Any) -> Any:
    """Return the place of each neuron in the order of first spikes of its sample.

    Args:
        spikes: (T, B, *N).

    Returns:
        (B, *N) int64, 0 for the first to fire; of those that fire in one step the first in memory comes first; silent
        ones have the number of neurons.

    Example:
        >>> import numpy as np
        >>> rank(np.array([[[0, 1, 0]], [[1, 0, 0]]])).tolist()
        [[1, 0, 3]]
    """
    data = spike_trains(spikes, "rank")
    step = first_steps(data, "rank")
    neurons = int(np.prod(step.shape[1:]))
    place = ranks(step.reshape(len(step), neurons)).reshape(step.shape)
    return module(data).where(step < len(data), place, neurons)


def rank_order(spikes: Any, modulation: float = 0.9) -> Any:
    """Return m**rank of each neuron, the sensitivity that shunting inhibition leaves to the spikes that come later.

    The activation of a neuron with weights w is the sum of w times this; it is largest, over all orders, where the
    weights are in the same order. One-shot learning sets the weights to it.

    Args:
        spikes: (T, B, *N).
        modulation: m, above 0 and below 1 (0.8 to 0.9).

    Returns:
        (B, *N), 0 where a neuron is silent.

    Source:
        Thorpe & Gautrais 1998, Rank order coding.

    Example:
        >>> import numpy as np
        >>> rank_order(np.array([[[0, 1, 0]], [[1, 0, 0]]]), modulation=0.5).tolist()
        [[0.5, 1.0, 0.0]]
    """
    data = spike_trains(spikes, "rank_order")
    m = within("modulation", modulation, np.nextafter(0, 1), np.nextafter(1, 0))
    place = rank(data)
    table = np.append(m ** np.arange(int(np.prod(place.shape[1:]))), 0.0)
    return cast(like(table, data)[place], dtype(data))


def phase(spikes: Any, period: int, *, start: float = 0.0) -> Any:
    """Return the values that `encode.phase` turned into these spikes: 1 - slot/(P - 1), as a mean over the spikes.

    At most 1/(2*(P - 1)) off.

    Args:
        spikes: (T, B, *N).
        period: steps of a cycle P, at least 2.
        start: as in the encoder.

    Returns:
        (B, *N), NaN where a neuron is silent.

    Example:
        >>> import numpy as np
        >>> phase(np.array([[[0.0]], [[1.0]], [[0.0]]]), period=3).tolist()
        [[0.5]]
    """
    data, period = spike_trains(spikes, "phase"), integer("period", period, 2)
    slot = (steps_of(data) - phase_shift(start, period)) % period
    numbers = cast(data, "float64")
    many = numbers.sum(0)
    value = 1 - (numbers * slot).sum(0) / module(data).where(many > 0, many, 1.0) / (period - 1)
    return cast(module(data).where(many > 0, value, np.nan), dtype(data))
