"""A switch: refuse NaN and infinity, naming layer, variable and step.

Off by default, since looking at values costs time and, on a GPU, a synchronisation.
"""

import os

import torch
from torch import Tensor

from spikelet.errors import NumericsError

_checking = os.environ.get("SPIKELET_CHECK", "0") not in ("", "0")


def check(on: bool = True) -> bool:
    """Turn the checks of all layers on or off; ``SPIKELET_CHECK=1`` in the environment starts with them on.

    While they are on, an input or a state that is NaN or infinite raises a ``NumericsError`` that names the layer, the
    variable and the first such step, and a learnt time constant that is no longer positive raises a ``ParameterError``.

    Args:
        on: whether to check from now on.

    Returns:
        Whether checks were on before.

    Example:
        >>> import spikelet as sl
        >>> before = sl.nn.check(True)
        >>> sl.nn.check(before)
        True
    """
    global _checking
    before, _checking = _checking, bool(on)
    return before


def checking() -> bool:
    """Tell whether checks are on."""
    return _checking


def is_true(condition: Tensor) -> bool:
    """Tell whether a one-element condition holds; inside ``vmap``, where values cannot be read, it counts as false."""
    try:
        return bool(condition)
    except RuntimeError:
        return False


def require_finite(layer: str, name: str, values: Tensor, *, first_step: int = 0) -> None:
    """Raise ``NumericsError`` for the first step in which ``values`` (T, B, *N) are NaN or infinite."""
    bad = ~torch.isfinite(values.detach())
    if not is_true(bad.any()):
        return
    step, *place = bad.nonzero()[0].tolist()
    value = values[(step, *place)].item()
    batch, neuron = (place[0], tuple(place[1:])) if place else (0, ())
    where = f"batch row {batch}" + (f", neuron {neuron[0] if len(neuron) == 1 else neuron}" if neuron else "")
    raise NumericsError(f"{layer}: {name} is {value} in step {first_step + step} ({where}), expected finite numbers")
