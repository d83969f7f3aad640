"""Sizes of populations of a network at a scale."""

import math

from spikelet.errors import InputError


def size(n: int, scale: float) -> int:
    """Return the size of a population of ``n`` neurons at a scale.

    Raises:
        InputError: the scale is not positive, or leaves no neuron.
    """
    if not 0 < scale < math.inf:
        raise InputError(f"scale must be positive, not {scale:g}")
    if round(n * scale) < 1:
        raise InputError(f"scale {scale:g} leaves none of {n:,} neurons")
    return round(n * scale)
