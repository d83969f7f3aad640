"""Codes in which the time of a spike stands for the value: latency, rank order, phase."""

from typing import Any

import numpy as np

from spikelet.encode.arguments import checked, choice, integer, positive, whole_steps, within
from spikelet.encode.tensors import Signal, cast, detached, dtype, in_step, like, module, ranks

_KINDS = ("linear", "log", "rc")


def latency(
    x: Signal,
    steps: int,
    kind: str = "linear",
    *,
    tau: float = 20.0,
    threshold: float | None = None,
    dt: float = 1.0,
    silent: bool = True,
) -> Signal:
    """Return one spike for each element, the earlier the larger ``x`` (time to first spike).

    ``"linear"``: in step round((T - 1)*(1 - x)), so x = 1 fires in the first step and x = 0 in the last.

    ``"log"``: in step round(T - 1 - ln(1 + a*x)) with a = exp(T - 1) - 1, between the same ends: one step later where
    x is e times smaller.

    ``"rc"``: in step round(t/dt) with t = tau*ln(x/(x - threshold)), the time at which a membrane of time constant
    ``tau`` charged by the constant drive x = R*I reaches ``threshold``. The defaults are those of the tutorials of
    surrogate-gradient learning (Neftci, Mostafa & Zenke 2019).

    Args:
        x: (B, *N); in [0, 1] where linear or log, any finite numbers where rc.
        steps: number of steps T.
        kind: ``"linear"``, ``"log"`` or ``"rc"``.
        tau: membrane time constant [ms], rc only.
        threshold: linear and log: x below it never fires (default 0: all fire); rc: x must be above it (default 0.2).
        dt: length of a step [ms], rc only.
        silent: whether elements that never fire, or not within ``steps``, stay silent; else they fire in the last step.

    Returns:
        (T, B, *N), 0 or 1, at most one spike for each element.

    Example:
        >>> latency(np.array([[1.0, 0.75, 0.0]]), steps=5)[:, 0].tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    steps = whole_steps(steps)
    if choice("latency", "kind", kind, _KINDS) == "rc":
        data = detached(checked(x, "latency"))
        level = 0.2 if threshold is None else positive("threshold", threshold, "the unit of x")
        when = _rc_latency(cast(data, "float64"), steps, positive("tau", tau, "ms") / positive("dt", dt, "ms"), level)
    else:
        data = detached(checked(x, "latency", 0, 1, f"for kind={kind!r}"))
        level, numbers = 0.0 if threshold is None else float(threshold), cast(data, "float64")
        when = _linear_latency(numbers, steps) if kind == "linear" else _log_latency(numbers, steps)
        when = module(data).where(numbers < level, steps, when)
    return in_step(when if silent else when.clip(0, steps - 1), steps, data)


def rank_order(x: Signal, steps: int | None = None, *, threshold: float | None = None) -> Signal:
    """Return one spike for each element of a sample, in the order of their values: the largest in the first step.

    Only the order counts, so the spikes are the same for every strictly increasing transform of ``x``. Of equal values
    the first in memory fires first.

    Args:
        x: (B, *N), any unit.
        steps: number of steps T, so that the T largest elements fire; default: all.
        threshold: elements not above it stay silent; default: none does.

    Returns:
        (T, B, *N), 0 or 1, one spike of each sample in a step.

    Source:
        Thorpe & Gautrais 1998, Rank order coding.

    Example:
        >>> rank_order(np.array([[0.2, 0.9, 0.4]]))[:, 0].tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    data = detached(checked(x, "rank_order"))
    neurons = int(np.prod(data.shape[1:]))
    steps = max(neurons, 1) if steps is None else whole_steps(steps)
    rank = _ranks(data)
    if threshold is not None:
        rank = module(data).where(data > _float_of(data, threshold), rank, steps)
    return in_step(rank, steps, data)


def intensity_to_latency(x: Signal, steps: int) -> Signal:
    """Return one spike for each element above 0, dealt to the steps in equal shares: the largest in the first.

    Of m elements above 0 in a sample, that of rank r fires in step floor(r*T/m).

    Args:
        x: (B, *N), at least 0, such as the contrasts of `difference_of_gaussians`; 0 stays silent.
        steps: number of steps T.

    Returns:
        (T, B, *N), 0 or 1.

    Source:
        Kheradpisheh, Ganjtabesh, Thorpe & Masquelier 2018, section 2.1.

    Example:
        >>> intensity_to_latency(np.array([[0.1, 0.9, 0.0, 0.5, 0.4]]), steps=2)[:, 0].tolist()
        [[0.0, 1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0, 1.0]]
    """
    data, steps = detached(checked(x, "intensity_to_latency", 0)), whole_steps(steps)
    fires = data > 0
    many = _flat(fires).sum(1).reshape(-1, *(1 for _ in data.shape[1:]))
    when = _ranks(data) * steps // many.clip(1)
    return in_step(module(data).where(fires, when, steps), steps, data)


def phase(x: Signal, steps: int, period: int, *, start: float = 0.0, cycles: bool = True) -> Signal:
    """Return one spike in each cycle of a background oscillation, the earlier the larger ``x``.

    The spike lies at the phase start + (1 - x)*2*pi of the cycle; of its P steps it takes number
    round((1 - x)*(P - 1)), counted from the start phase, so that the values 0 and 1 are the last and the first.

    Args:
        x: (B, *N), in [0, 1].
        steps: number of steps T.
        period: steps of a cycle P, at least 2 (theta, 125 ms, with steps of 1 ms: 125).
        start: phase of the value 1, in [0, 2*pi).
        cycles: whether each cycle has its spike; else the first one alone.

    Returns:
        (T, B, *N), 0 or 1.

    Source:
        O'Keefe & Recce 1993; Huxter, Burgess & O'Keefe 2003 (phase and rate are independent in the hippocampus).

    Example:
        >>> phase(np.array([[1.0, 0.5]]), steps=6, period=3)[:, 0].tolist()
        [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    data, steps = detached(checked(x, "phase", 0, 1)), whole_steps(steps)
    period = integer("period", period, 2)
    shift = phase_shift(start, period)
    slot = (cast(module(data).round((period - 1) * (1 - cast(data, "float64"))), "int64") + shift) % period
    step = like(np.arange(steps), data).reshape(steps, *(1 for _ in data.shape))
    spikes = step % period == slot
    return cast(spikes if cycles else spikes & (step < period), dtype(data))


def phase_shift(start: float, period: int) -> int:
    """Return the number of the step in a cycle at which the phase ``start`` lies."""
    return round(within("start", start, 0, 2 * np.pi) / (2 * np.pi) * period) % period


# -- when --------------------------------------------------------------------------------------------------------------


def _linear_latency(x: Any, steps: int) -> Any:
    """Return the step of each spike."""
    return cast(module(x).round((steps - 1) * (1 - x)), "int64")


def _log_latency(x: Any, steps: int) -> Any:
    """Return the step of each spike: x is at least (exp(T - 1 - t) - 1)/(exp(T - 1) - 1) where it comes before t."""
    borders = np.arange(steps - 1, 0, -1) - 0.5  # falling times, rising values
    values = (np.exp(-borders) - np.exp(1.0 - steps)) / -np.expm1(1.0 - steps) if steps > 1 else borders
    return module(x).where(x > 0, steps - 1 - _place(x, values), steps - 1)  # the smallest borders may be 0


def _rc_latency(x: Any, steps: int, tau: float, threshold: float) -> Any:
    """Return round(tau*ln(x/(x - threshold))), ``steps`` where that is later or x not above ``threshold``."""
    late = np.arange(steps, 0, -1) - 0.5
    when = steps - _place(x, threshold / -np.expm1(-late / tau))
    return module(x).where(x > threshold, when, steps)


def _place(x: Any, borders: np.ndarray) -> Any:
    """Return how many of the ascending ``borders`` are not above x.

    The borders between the steps are values of x, rising as time falls; finding x among them needs comparisons only, so
    numpy and torch agree exactly.
    """
    flat = x.reshape(-1)  # contiguous, which torch's search wants
    return module(x).searchsorted(like(borders, x), flat, side="right").reshape(x.shape)


def _ranks(data: Any) -> Any:
    """Return the rank of each element in its sample, 0 for the largest."""
    return ranks(-_flat(data)).reshape(data.shape)


def _flat(data: Any) -> Any:
    """Return (B, neurons)."""
    return data.reshape(len(data), int(np.prod(data.shape[1:])))


def _float_of(data: Any, value: float) -> float:
    """Return a number as rounded to the type of the data, so that equal ones compare as equal."""
    return float(np.dtype(dtype(data)).type(within("threshold", value, -np.inf, np.inf)))
