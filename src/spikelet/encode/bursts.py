"""Codes in several spikes with places of unequal worth: weighted phase, burst."""

import math

import numpy as np

from spikelet.encode.arguments import checked, integer, whole_steps
from spikelet.encode.tensors import Signal, cast, detached, dtype, module, steps_row
from spikelet.errors import InputError


def weighted_phase(x: Signal, steps: int, period: int = 8) -> Signal:
    """Return the binary digits of ``x``: a spike in phase k of a cycle of K steps carries 2**-(1 + k).

    S_k is the k-th most significant bit of floor(x*2**K), of which at most 2**K - 1 can be said. The cycle repeats.

    Args:
        x: (B, *N), in [0, 1].
        steps: number of steps T.
        period: phases of a cycle K, 1 to 30.

    Returns:
        (T, B, *N), 0 or 1.

    Source:
        Kim, Kim, Huh, Lee & Choi 2018, Deep neural networks with weighted spikes.

    Example:
        >>> weighted_phase(np.array([[0.625]]), steps=4, period=4)[:, 0, 0].tolist()
        [1.0, 0.0, 1.0, 0.0]
    """
    data, steps = detached(checked(x, "weighted_phase", 0, 1)), whole_steps(steps)
    period = integer("period", period, 1, 30)
    number = cast(cast(data, "float64") * 2.0**period, "int64").clip(0, 2**period - 1)
    place = period - 1 - steps_row(steps, data) % period
    return cast((number >> place) & 1, dtype(data))


def burst(x: Signal, steps: int, *, most: int = 5, shortest: int = 2, longest: int = 8) -> Signal:
    """Return a burst from the first step on: the larger ``x``, the more spikes and the closer.

    n = ceil(most*x) spikes, ceil(longest - (longest - shortest)*x) steps apart.

    Args:
        x: (B, *N), in [0, 1]; 0 stays silent.
        steps: number of steps T, enough for every burst.
        most: number of spikes for x = 1.
        shortest: interval for x = 1 [steps].
        longest: interval towards x = 0 [steps].

    Returns:
        (T, B, *N), 0 or 1.

    Source:
        Park, Kim, Choe & Yoon 2019, Fast and efficient information transmission with burst spikes; the form with
        intervals is that of Guo, Fouda, Eltawil & Salama 2021.

    Example:
        >>> burst(np.array([[0.1, 0.5, 1.0]]), steps=17).sum(0).tolist()
        [[1.0, 3.0, 5.0]]
        >>> np.flatnonzero(burst(np.array([[1.0]]), steps=17)).tolist()
        [0, 2, 4, 6, 8]
    """
    data, steps = detached(checked(x, "burst", 0, 1)), whole_steps(steps)
    most, shortest = integer("most", most, 1), integer("shortest", shortest, 1)
    longest = integer("longest", longest, shortest)
    needed = burst_length(most, shortest, longest)
    if steps < needed:
        raise InputError(f"burst: a burst takes up to {needed} steps with these intervals, so steps={steps} cut it off")
    ceil, value = module(data).ceil, cast(data, "float64")
    count, gap = ceil(most * value), ceil(longest - (longest - shortest) * value)
    step = cast(steps_row(steps, data), "float64")
    return cast((step % gap == 0) & (step < count * gap), dtype(data))


def burst_length(most: int, shortest: int, longest: int) -> int:
    """Return the steps of the longest burst, over all values."""
    count = np.arange(1, most + 1)
    slowest = [math.ceil(longest - (longest - shortest) * (n - 1) / most) for n in count]  # just above (n - 1)/most
    return int(max((count - 1) * slowest)) + 1
