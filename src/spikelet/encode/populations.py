"""Codes in which a population of tuned neurons shares a value: Gaussian receptive fields."""

from typing import Any

import numpy as np

from spikelet.encode.arguments import checked, choice, integer, positive, whole_steps, within
from spikelet.encode.tensors import Signal, cast, detached, dtype, in_step, like, module, on_host, ranks
from spikelet.errors import InputError

_KINDS = ("latency", "rank", "winner")


def population(
    x: Signal,
    steps: int | None = None,
    fields: int = 8,
    *,
    low: float = 0.0,
    high: float = 1.0,
    beta: float = 1.5,
    threshold: float = 0.1,
    kind: str = "latency",
) -> Signal:
    """Return the spikes of neurons with Gaussian receptive fields: the nearer the centre to ``x``, the earlier.

    Field i = 1 ... m has the centre low + (2i - 3)/2*(high - low)/(m - 2) and the width (high - low)/(beta*(m - 2)).
    Its response a = exp(-((x - centre)/width)**2/2) sets the time.

    ``"latency"``: in step round((T - 1)*(1 - a)); silent where a is below the threshold.
    ``"rank"``: the order of the responses alone, one neuron in a step.
    ``"winner"``: the neuron with the largest response alone, at its latency.

    Args:
        x: (B, *N), in [low, high].
        steps: number of steps T; default: 11 (0 to 10 ms in steps of 1 ms), for ``"rank"`` the number of fields.
        fields: number of receptive fields m, at least 3.
        low: begin of the range, in the unit of x.
        high: end of the range.
        beta: how narrow the fields are; 1.5 in the paper.
        threshold: smallest response that fires, in (0, 1); not for ``"rank"``.
        kind: ``"latency"``, ``"rank"`` or ``"winner"``.

    Returns:
        (T, B, *N, m), 0 or 1, at most one spike of each neuron.

    Source:
        Bohte, La Poutré & Kok 2002, Unsupervised clustering; Bohte, Kok & La Poutré 2002, SpikeProp, section 4.1. With
        ``"rank"``: Kasabov 2007, evolving connectionist systems.

    Example:
        >>> spikes = population(np.array([[0.35]]))
        >>> spikes.shape, spikes[:, 0, 0].argmax(0)[2:5].tolist()  # those of the fields 3, 4 and 5
        ((11, 1, 1, 8), [3, 2, 9])
    """
    choice("population", "kind", kind, _KINDS)
    fields, beta = integer("fields", fields, 3), positive("beta", beta, "1")
    centres, width = receptive_fields(fields, low, high, beta)
    data = detached(checked(x, "population", low, high, "the range of the fields; say low= and high="))
    steps = (fields if kind == "rank" else 11) if steps is None else whole_steps(steps)
    distance = abs(cast(data, "float64")[..., None] - like(centres, data))
    if kind == "rank":
        return in_step(ranks(distance), steps, data)
    when = _when(distance, steps, width, threshold)
    if kind == "winner":
        when = module(data).where(ranks(distance) == 0, when, steps)
    return in_step(when, steps, data)


def field_responses(x: Signal, fields: int = 8, *, low: float = 0.0, high: float = 1.0, beta: float = 1.5) -> Signal:
    """Return the responses of the fields of `population`, as numbers for another code: `bernoulli`, `lif`, ...

    Args:
        x: (B, *N), in [low, high].
        fields: number of receptive fields m, at least 3.
        low: begin of the range, in the unit of x.
        high: end of the range.
        beta: how narrow the fields are.

    Returns:
        (B, *N, m), in [0, 1], rounded alike in numpy and torch.

    Example:
        >>> field_responses(np.array([[0.35]])).round(4).tolist()
        [[[0.0005, 0.0561, 0.667, 0.8353, 0.1103, 0.0015, 0.0, 0.0]]]
    """
    centres, width = receptive_fields(integer("fields", fields, 3), low, high, positive("beta", beta, "1"))
    data = detached(checked(x, "field_responses", low, high, "the range of the fields; say low= and high="))
    away = (on_host(cast(data, "float64"))[..., None] - centres) / width
    return cast(like(np.exp(-away * away / 2), data), dtype(data))


def receptive_fields(fields: int, low: float, high: float, beta: float) -> tuple[np.ndarray, float]:
    """Return the centres (fields,) and the width of the Gaussian fields over [low, high]."""
    if not -np.inf < low < high < np.inf:
        raise InputError(f"population: low must be below high, not {low!r} and {high!r}")
    spacing = (high - low) / (fields - 2)
    return low + (2 * np.arange(1, fields + 1) - 3) / 2 * spacing, spacing / beta


def _when(distance: Any, steps: int, width: float, threshold: float) -> Any:
    """Return the step of each neuron, ``steps`` where it is silent.

    A response is above a level where x is nearer than a distance to the centre. So the steps have borders in distance,
    and finding x among them needs comparisons only.
    """
    threshold = within("threshold", threshold, np.nextafter(0, 1), np.nextafter(1, 0))
    late = np.arange(steps - 1) + 0.5  # a response below 1 - late/(T - 1) comes after that
    borders = width * np.sqrt(-2 * np.log1p(-late / max(steps - 1, 1)))
    find = module(distance).searchsorted
    when = find(like(borders, distance), distance.reshape(-1), side="right").reshape(distance.shape)
    silent = distance > width * float(np.sqrt(-2 * np.log(threshold)))
    return module(distance).where(silent, steps, when)
