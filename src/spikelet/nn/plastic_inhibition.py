"""What the spikes of a layer send to its own neurons in the next step: a matrix, or a module."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from spikelet.errors import InputError, ShapeError
from spikelet.nn.layer import Layer
from spikelet.nn.plastic_layout import Layout


def require_inhibition(layout: Layout, inhibition: object) -> None:
    """Check what inhibits.

    Raises:
        InputError: it is neither matrix nor module, or has a state.
        ShapeError: the matrix does not fit the receivers.
    """
    label, size = layout.label, layout.module.weight.shape[0]
    if isinstance(inhibition, Tensor):
        if not layout.linear or inhibition.shape != (size, size):
            raise ShapeError(
                f"{label}: inhibition has shape {tuple(inhibition.shape)}, expected ({size}, {size}), by receiver and "
                "sender, for nn.Linear; for a convolution give a module"
            )
        if not bool(torch.isfinite(inhibition).all()):
            raise InputError(f"{label}: inhibition holds NaN or infinity, expected finite numbers")
    elif not isinstance(inhibition, nn.Module | None):
        raise InputError(f"{label}: inhibition is a {type(inhibition).__name__}, expected a tensor or a module")
    elif inhibition is not None and any(isinstance(part, Layer) for part in inhibition.modules()):
        raise InputError(f"{label}: inhibition holds a layer with a state")


def weights(layout: Layout, inhibition: object) -> Tensor | None:
    """Return what inhibits as weights by receiver: a matrix, or those of a module of the layer's kind without a bias.

    None where it is something else.
    """
    if isinstance(inhibition, Tensor):
        return inhibition
    kind = nn.Linear if layout.linear else nn.Conv1d if layout.module.weight.ndim == 3 else nn.Conv2d
    if not isinstance(inhibition, kind) or inhibition.bias is not None:
        return None
    if not isinstance(inhibition, nn.Linear) and (inhibition.groups != 1 or inhibition.padding_mode != "zeros"):
        return None
    hooks = inhibition._forward_hooks or inhibition._forward_pre_hooks
    return None if hooks else inhibition.weight


def sent(label: str, inhibition: Tensor | nn.Module, spikes: Tensor) -> Tensor:
    """Return what spikes (B, *M) send to the neurons, (B, *M).

    Raises:
        ShapeError: a module makes something else of them.
    """
    found = functional.linear(spikes, inhibition) if isinstance(inhibition, Tensor) else inhibition(spikes)
    require_shape(label, tuple(found.shape[1:]), tuple(spikes.shape[1:]))
    return found


def require_shape(label: str, found: tuple[int, ...], receivers: tuple[int, ...]) -> None:
    """Raise ``ShapeError`` where inhibition is not of the shape of the receivers."""
    if found != receivers:
        raise ShapeError(f"{label}: inhibition made {found} of a sample's spikes {receivers}")
