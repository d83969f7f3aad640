"""Decoders of codes in several spikes: weighted phase, burst, the leaky integrate-and-fire code."""

from typing import Any

import numpy as np

from spikelet.decode.spikes import first_steps, spike_trains
from spikelet.encode.arguments import integer, positive, within
from spikelet.encode.tensors import cast, dtype, flipped, like, module
from spikelet.errors import ShapeError


def weighted_phase(spikes: Any, period: int = 8) -> Any:
    """Return the values that `encode.weighted_phase` turned into these spikes.

    The sum of 2**-(1 + k) over the phases k with a spike, as a mean over the cycles that are whole; less than 2**-K
    below the value (for 1, which is written as all ones, just 2**-K).

    Args:
        spikes: (T, B, *N), T at least the period.
        period: phases of a cycle K, 1 to 30.

    Returns:
        (B, *N).

    Raises:
        ShapeError: there is no whole cycle.

    Source:
        Kim, Kim, Huh, Lee & Choi 2018, Deep neural networks with weighted spikes.

    Example:
        >>> import numpy as np
        >>> weighted_phase(np.array([[[1.0]], [[0.0]], [[1.0]], [[0.0]]]), period=4).tolist()
        [[0.625]]
    """
    data, period = spike_trains(spikes, "weighted_phase"), integer("period", period, 1, 30)
    cycles = len(data) // period
    if not cycles:
        raise ShapeError(f"weighted_phase: a cycle has {period} steps, the spikes only {len(data)}")
    weights = 2.0 ** -(1.0 + np.arange(cycles * period) % period)
    weights = like(weights, data).reshape(-1, *(1 for _ in data.shape[1:]))
    return cast((cast(data[: len(weights)], "float64") * weights).sum(0) / cycles, dtype(data))


def burst(spikes: Any, *, most: int = 5, shortest: int = 2, longest: int = 8) -> Any:
    """Return the values that `encode.burst` turned into these spikes.

    The number n of spikes tells that x is in ((n - 1)/most, n/most], their interval i that
    longest - (longest - shortest)*x is in (i - 1, i]; the middle of what agrees with both, at most 1/(2*most) off.

    Args:
        spikes: (T, B, *N).
        most: as in the encoder.
        shortest: as in the encoder.
        longest: as in the encoder.

    Returns:
        (B, *N), 0 where a neuron is silent.

    Example:
        >>> import numpy as np
        >>> burst(np.eye(17)[[0, 2, 4, 6, 8]].sum(0)[:, None, None]).round(2).tolist()
        [[1.0]]
    """
    data = spike_trains(spikes, "burst")
    most, shortest = integer("most", most, 1), integer("shortest", shortest, 1)
    spread = integer("longest", longest, shortest) - shortest
    many, start = cast(data.sum(0), "float64"), first_steps(data, "burst")
    end = len(data) - 1 - first_steps(flipped(data), "burst")
    low, high = (many - 1) / most, many / most
    where = module(data).where
    if spread:
        gap = cast(end - start, "float64") / where(many > 1, many - 1, 1.0)
        low = where(many > 1, module(data).maximum(low, (longest - gap) / spread), low)
        high = where(many > 1, module(data).minimum(high, (longest - gap + 1) / spread), high)
    return cast(where(many > 0, (low + high) / 2, 0.0), dtype(data))


def lif(spikes: Any, *, tau: float = 20.0, threshold: float = 1.0, t_ref: float = 0.0, dt: float = 1.0) -> Any:
    """Return the constant drive under which `encode.lif` gives these spikes.

    threshold/(1 - exp(-d/tau)) with d the mean time from the end of refractoriness to the next spike, less half a step,
    since the encoder rounds it up to steps: what half a step makes is how far off the value may be.

    Args:
        spikes: (T, B, *N).
        tau: as in the encoder [ms].
        threshold: as in the encoder.
        t_ref: as in the encoder [ms].
        dt: length of a step [ms].

    Returns:
        (B, *N), 0 where a neuron is silent.

    Source:
        Doutsi, Fillatre, Antonini & Tsakalides 2021, Dynamic image quantization using leaky integrate-and-fire neurons.
    """
    data, tau, dt = spike_trains(spikes, "lif"), positive("tau", tau, "ms"), positive("dt", dt, "ms")
    threshold, t_ref = positive("threshold", threshold, "the unit of x"), within("t_ref", t_ref, 0, np.inf)
    many = cast(data.sum(0), "float64")
    last = cast(len(data) - first_steps(flipped(data), "lif"), "float64") * dt
    where = module(data).where
    silent = many == 0
    # a first spike needs no refractory time before it
    charging = ((last + t_ref) / where(silent, 1.0, many) - t_ref - dt / 2).clip(dt / 2)
    return cast(where(silent, 0.0, threshold / (1 - module(data).exp(-charging / tau))), dtype(data))
