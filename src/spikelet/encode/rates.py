"""Codes in which the rate of the spikes stands for the value: constant, Bernoulli, Poisson, periodic."""

from typing import Any

import numpy as np

from spikelet.encode.arguments import checked, elements, first, positive, whole_steps, within
from spikelet.encode.draws import counts_of, room, spikes_of
from spikelet.encode.tensors import Signal, cast, detached, dtype, empty, is_tensor, module, plain, steps_row
from spikelet.errors import InputError

_MOST = 500.0  # largest mean count: exp(-mean), where the inversion starts, must not underflow
_NEAR = 1e-9  # periods: what is nearer to the next spike is there, whatever the rounding of k*rate*dt
_CHUNK = 2**20  # numbers that change with time and are drawn at once


def constant(x: Signal, steps: int) -> Signal:
    """Return ``x`` at every step, as an expanded view (stride 0 in time, no memory, differentiable).

    Args:
        x: (B, *N), any unit.
        steps: number of steps T.

    Returns:
        (T, B, *N), read-only in numpy.

    Example:
        >>> constant(np.array([[0.5, 2.0]]), steps=3)[:, 0].tolist()
        [[0.5, 2.0], [0.5, 2.0], [0.5, 2.0]]
    """
    data, steps = checked(x, "constant"), whole_steps(steps)
    if is_tensor(data):
        return data.expand(steps, *data.shape)
    return np.broadcast_to(data, (steps, *data.shape))  # type: ignore[return-value]  # an array for an array


def bernoulli(
    x: Signal, steps: int, *, signed: bool = False, seed: int = 0, samples: Any = None, first_step: int = 0
) -> Signal:
    """Return a spike in each step with probability ``x``, independently.

    Args:
        x: (B, *N), probability per step, in [0, 1]; with ``signed`` in [-1, 1].
        steps: number of steps T.
        signed: whether x may be negative: then its absolute value counts, and its spikes are -1.
        seed: integer.
        samples: (B,) integers, the index in the data set of each row of the batch; 0 ... B-1 if not given.
        first_step: number of the first step, to encode in pieces.

    Returns:
        (T, B, *N), 0 or 1; with ``signed`` also -1.

    Example:
        >>> spikes = bernoulli(np.full((1, 8), 32 / 256), steps=1000)
        >>> spikes.shape, 100 < spikes[:, 0, 0].sum() < 150
        ((1000, 1, 8), np.True_)
    """
    hint = "a probability per step; divide 8-bit images by 255"
    p = detached(checked(x, "bernoulli", -1 if signed else 0, 1, hint))
    return _spikes(plain(p), p, whole_steps(steps), seed, samples, first(first_step))


def rate(
    rates: Signal,
    steps: int,
    dt: float,
    *,
    signed: bool = False,
    seed: int = 0,
    samples: Any = None,
    first_step: int = 0,
) -> Signal:
    """Return at most one spike a step for a firing rate: probability ``rates * dt``.

    Args:
        rates: (B, *N), rate [kHz], as ``units.Hz`` gives it; ``rates * dt`` must not be above 1.
        steps: number of steps T.
        dt: length of a step [ms].
        signed: as in `bernoulli`.
        seed: as in `bernoulli`, whose spikes these are.
        samples: as in `bernoulli`.
        first_step: as in `bernoulli`.

    Returns:
        (T, B, *N), 0 or 1; with ``signed`` also -1.

    Source:
        Heeger 2000, Poisson model of spike generation.

    Example:
        >>> from spikelet.units import Hz, ms
        >>> float(rate(np.full((1, 1000), 40 * Hz), steps=100, dt=1 * ms).sum() / 100)
        40.8
    """
    data, dt = detached(checked(rates, "rate", None if signed else 0)), positive("dt", dt, "ms")
    p = _per_step(plain(data), dt, "rate")
    return _spikes(p, data, whole_steps(steps), seed, samples, first(first_step))


def periodic(rates: Signal, steps: int, dt: float, *, phase: float = 0.0, first_step: int = 0) -> Signal:
    """Return spikes at equal intervals of 1/rate: the rate code without chance.

    With c(k) = floor(k*rate*dt + phase), the spikes up to the start of step k, step k is a spike where c(k + 1) > c(k).

    Args:
        rates: (B, *N), rate [kHz]; ``rates * dt`` must not be above 1.
        steps: number of steps T.
        dt: length of a step [ms].
        phase: share of an interval that has passed before the first step, in [0, 1).
        first_step: number of the first step, to encode in pieces.

    Returns:
        (T, B, *N), 0 or 1.

    Example:
        >>> periodic(np.array([[0.25]]), steps=9, dt=1.0)[:, 0, 0].tolist()
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    """
    data, dt = detached(checked(rates, "periodic", 0)), positive("dt", dt, "ms")
    pace = _per_step(data, dt, "periodic")
    phase, floor = within("phase", phase, 0, np.nextafter(1, 0)) + _NEAR, module(data).floor
    step = steps_row(whole_steps(steps), data) + first(first_step)
    return cast(floor((step + 1) * pace + phase) > floor(step * pace + phase), dtype(data))


def poisson(
    rates: Signal,
    steps: int,
    dt: float,
    *,
    signed: bool = False,
    seed: int = 0,
    samples: Any = None,
    first_step: int = 0,
) -> Signal:
    """Return the number of spikes of a Poisson process in each step.

    The counts invert the distribution function on one 53-bit uniform number each, so they are exact at any rate.

    Args:
        rates: (B, *N), rate [kHz], as ``units.Hz`` gives it; mean count ``rates * dt`` at most 500.
        steps: number of steps T.
        dt: length of a step [ms].
        signed: as in `bernoulli`: counts of negative rates are negative.
        seed: integer.
        samples: as in `bernoulli`.
        first_step: as in `bernoulli`.

    Returns:
        (T, B, *N), counts 0, 1, 2, ... in the dtype of ``rates``.

    Source:
        Heeger 2000, Poisson model of spike generation.

    Example:
        >>> from spikelet.units import Hz, ms
        >>> round(float(poisson(np.full((1, 1000), 20_000 * Hz), steps=10, dt=0.1 * ms).mean()), 1)
        2.0
    """
    data, dt = detached(checked(rates, "poisson", None if signed else 0)), positive("dt", dt, "ms")
    steps = whole_steps(steps)
    mean, element = _means(plain(data), dt, "poisson").reshape(-1), elements(plain(data), samples)
    out = room(steps, len(element), data)
    counts_of(mean, out, seed, element, first(first_step))
    return _with_signs(out.reshape(steps, *data.shape), data)


def inhomogeneous_poisson(
    rates: Signal, dt: float, *, seed: int = 0, samples: Any = None, first_step: int = 0
) -> Signal:
    """Return the number of spikes in each step of a Poisson process whose rate changes with time.

    Where a rate stays the same, these are the spikes of `poisson`. No rate has to be known as the largest one, as in
    thinning: the count of each step is drawn from its own mean.

    Args:
        rates: (T, B, *N), rate in each step [kHz]; mean count ``rates * dt`` at most 500.
        dt: length of a step [ms].
        seed: integer.
        samples: as in `bernoulli`.
        first_step: number of the first step, to encode in pieces.

    Returns:
        (T, B, *N), counts 0, 1, 2, ... in the dtype of ``rates``.

    Source:
        Heeger 2000, Poisson model of spike generation, section 4.

    Example:
        >>> rates = np.linspace(0, 2, 5)[:, None, None] * np.ones((1, 1, 10_000))
        >>> inhomogeneous_poisson(rates, dt=1.0).mean((1, 2)).round(1).tolist()
        [0.0, 0.5, 1.0, 1.5, 2.0]
    """
    name = "inhomogeneous_poisson"
    data, dt, first_step = detached(checked(rates, name, 0, time=True)), positive("dt", dt, "ms"), first(first_step)
    if 0 in data.shape:
        return empty(tuple(data.shape), data)
    mean = _means(plain(data), dt, name).reshape(len(data), -1)
    element = elements(plain(data)[0], samples)
    out = room(len(data), len(element), data)
    rows = max(_CHUNK // len(element), 1)
    for k in range(0, len(data), rows):
        part = mean[k : k + rows]
        counts_of(part, out[k : k + rows], seed, element, first_step + k)
    return out.reshape(data.shape)


def _spikes(p: Any, data: Any, steps: int, seed: int, samples: Any, first_step: int) -> Any:
    """Return spikes of probability ``p``, an array or of the device of ``data``, in the kind of ``data``."""
    element = elements(p, samples)
    out = room(steps, len(element), data)
    spikes_of(abs(p).reshape(-1), out, seed, element, first_step)
    return _with_signs(out.reshape(steps, *data.shape), data)


def _with_signs(spikes: Any, data: Any) -> Any:
    """Turn the sign of the spikes of negative numbers; ``spikes`` is written to where there are any."""
    if 0 not in data.shape and float(plain(data).min()) < 0:
        spikes *= 1 - 2 * cast(data < 0, dtype(data))
        spikes += 0.0  # no spike is 0, not -0
    return spikes


def _means(data: Any, dt: float, name: str) -> Any:
    mean = abs(cast(data, "float64")) * dt
    if 0 not in data.shape and float(mean.max()) > _MOST:
        raise InputError(
            f"{name}: rates*dt reaches {float(mean.max()):.6g}; at most {_MOST:g} spikes a step can be drawn"
        )
    return mean


def _per_step(data: Any, dt: float, name: str) -> Any:
    """Return the spikes per step that a rate means, of which there must not be more than one."""
    p = abs(cast(data, "float64")) * dt
    if 0 not in data.shape and float(p.max()) > 1:
        raise InputError(
            f"{name}: rates*dt reaches {float(p.max()):.6g}, above one spike a step; use a shorter dt, or "
            "encode.poisson, which counts several spikes in a step"
        )
    return p
