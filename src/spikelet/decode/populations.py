"""Decoders of population codes: centre of mass over receptive fields, population vector."""

from typing import Any

import numpy as np

from spikelet.decode.spikes import first_steps, spike_trains
from spikelet.encode.arguments import check_finite, positive
from spikelet.encode.populations import receptive_fields
from spikelet.encode.tensors import cast, dtype, like, module, on_host
from spikelet.errors import ShapeError


def population(spikes: Any, *, low: float = 0.0, high: float = 1.0, beta: float = 1.5) -> Any:
    """Return the values that `encode.population` turned into these spikes: the centre of mass of the fields.

    With t the step of the first spike, the sum of centre*(T - 1 - t) over the sum of T - 1 - t.

    Args:
        spikes: (T, B, *N, m), T and m as encoded, ``kind="latency"`` or ``"winner"``.
        low: begin of the range.
        high: end of the range.
        beta: as in the encoder.

    Returns:
        (B, *N), NaN where no neuron fired before the last step.

    Source:
        Bohte, La Poutré & Kok 2002.

    Example:
        >>> import numpy as np
        >>> from spikelet import encode
        >>> population(encode.population(np.array([[0.35]]), 101)).round(3).tolist()
        [[0.359]]
    """
    data = spike_trains(spikes, "population", ("T", "B", "*N", "m"))
    centres, _ = receptive_fields(data.shape[-1], low, high, positive("beta", beta, "1"))
    step = first_steps(data, "population")
    early = cast((len(data) - 1 - step).clip(0), "float64")
    mass = early.sum(-1)
    where = module(data).where
    value = (early * like(centres, data)).sum(-1) / where(mass > 0, mass, 1.0)
    return cast(where(mass > 0, value, np.nan), dtype(data))


def population_vector(spikes: Any, directions: Any, *, baseline: Any = 0.0) -> Any:
    """Return the population vector: the sum of preferred directions, weighted with the counts of spikes.

    Args:
        spikes: (T, B, N).
        directions: (N,) angles [rad], or (N, D) vectors, of which the direction alone counts.
        baseline: count without a stimulus, a number or (N,), which is taken away first.

    Returns:
        (B, D), as a mean over the neurons; D = 2 for angles, whose estimate is arctan2 of the two columns, y and x.

    Source:
        Georgopoulos, Schwartz & Kettner 1986, Neuronal population coding of movement direction.

    Example:
        >>> import numpy as np
        >>> spikes = np.array([[[2.0, 1.0, 0.0, 1.0]]])
        >>> population_vector(spikes, np.arange(4) * np.pi / 2).round(6).tolist()
        [[0.5, 0.0]]
    """
    data = spike_trains(spikes, "population_vector", ("T", "B", "N"))
    given = np.asarray(on_host(directions), dtype=np.float64)
    if given.ndim not in (1, 2) or len(given) != data.shape[-1]:
        neurons = data.shape[-1]
        raise ShapeError(f"population_vector: directions must be ({neurons},) or ({neurons}, D), not {given.shape}")
    check_finite(given, "population_vector", "directions")
    vectors = np.stack([np.cos(given), np.sin(given)], 1) if given.ndim == 1 else given
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = cast(like(vectors / np.where(length > 0, length, 1), data), dtype(data))
    rest = cast(like(np.asarray(on_host(baseline), dtype=np.float64), data), dtype(data))
    if rest.shape not in ((), (data.shape[-1],)):
        raise ShapeError(
            f"population_vector: baseline must be a number or ({data.shape[-1]},), not {tuple(rest.shape)}"
        )
    return (data.sum(0) - rest) @ vectors / data.shape[-1]
