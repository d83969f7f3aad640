"""Losses and regularisers of spike trains and membranes, time first: ``(T, B, C)``, reduced to a mean over the batch.

``lengths`` (B,) masks what lies past the end of each sequence.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelet.errors import InputError, ShapeError
from spikelet.nn.layer import as_lengths
from spikelet.shapes import Labels, Lengths, Loss, Membrane, Scores, Sequence, Spikes
from spikelet.units import ms


def cross_entropy_rate(
    spikes: Scores, target: Labels, *, lengths: Lengths | None = None, weight: Tensor | None = None
) -> Loss:
    """Cross-entropy of the mean output per step: the logits are spikes/step, or the mean membrane.

    Args:
        spikes: (T, B, C) spikes or membrane of one neuron per class.
        target: (B,) classes.
        lengths: (B,) valid steps.
        weight: (C,) weight of each class.

    Returns:
        A scalar.

    Example:
        >>> round(cross_entropy_rate(torch.zeros(5, 2, 10), torch.tensor([3, 4])).item(), 4)  # log(10)
        2.3026
    """
    valid = _valid("cross_entropy_rate", spikes, lengths)
    rate = _masked(spikes, valid).sum(0) / _steps(spikes, valid)
    return F.cross_entropy(rate, _classes("cross_entropy_rate", spikes, target), weight)


def cross_entropy_count(
    spikes: Scores, target: Labels, *, lengths: Lengths | None = None, weight: Tensor | None = None
) -> Loss:
    """Cross-entropy of the number of spikes: the logits are counts.

    Args:
        spikes: (T, B, C) spikes of one neuron per class.
        target: (B,) classes.
        lengths: (B,) valid steps.
        weight: (C,) weight of each class.

    Returns:
        A scalar.
    """
    valid = _valid("cross_entropy_count", spikes, lengths)
    count = _masked(spikes, valid).sum(0)
    return F.cross_entropy(count, _classes("cross_entropy_count", spikes, target), weight)


def cross_entropy_membrane_sum(
    membrane: Scores, target: Labels, *, lengths: Lengths | None = None, weight: Tensor | None = None
) -> Loss:
    """Cross-entropy of the membrane at every step, summed over the steps.

    Args:
        membrane: (T, B, C) membrane of one neuron per class.
        target: (B,) classes.
        lengths: (B,) valid steps.
        weight: (C,) weight of each class.

    Returns:
        A scalar, which grows with T.
    """
    name = "cross_entropy_membrane_sum"
    valid = _valid(name, membrane, lengths)
    steps, batch, classes = membrane.shape
    labels = _classes(name, membrane, target)
    every = F.cross_entropy(
        membrane.reshape(steps * batch, classes), labels.repeat(steps), weight, reduction="none"
    ).reshape(steps, batch)
    share = batch if weight is None else weight[labels].sum()
    return _masked(every, valid).sum() / share


def cross_entropy_max_membrane(
    membrane: Scores, target: Labels, *, lengths: Lengths | None = None, weight: Tensor | None = None
) -> Loss:
    """Cross-entropy of each neuron's highest membrane: the gradient reaches one step per neuron.

    Args:
        membrane: (T, B, C) membrane of one neuron per class.
        target: (B,) classes.
        lengths: (B,) valid steps, at least 1.
        weight: (C,) weight of each class.

    Returns:
        A scalar.
    """
    name = "cross_entropy_max_membrane"
    valid = _valid(name, membrane, lengths)
    if valid is not None:
        membrane = torch.where(valid.unsqueeze(-1), membrane, torch.finfo(membrane.dtype).min)
    return F.cross_entropy(membrane.amax(0), _classes(name, membrane, target), weight)


def first_spike_steps(spikes: Spikes, *, lengths: Lengths | None = None) -> Tensor:
    """Return the step of each neuron's first spike, with a gradient.

    The step is counted as the number of steps before it, ``sum_k prod_{j<=k} (1 - s[j])``, which is exact for spikes
    of 0 and 1 and hands the gradient of their surrogate on.

    Args:
        spikes: (T, B, *N) spikes of 0 and 1.
        lengths: (B,) valid steps.

    Returns:
        (B, *N) steps; T, or the length of the sequence, where there is no spike.

    Example:
        >>> first_spike_steps(torch.tensor([0.0, 0.0, 1.0, 0.0, 1.0]).reshape(5, 1, 1)).item()
        2.0
    """
    silent = torch.cumprod(1 - spikes, 0)
    return _masked(silent, _valid("first_spike_steps", spikes, lengths)).sum(0)


def first_spike_time(
    spikes: Spikes,
    target: Labels,
    *,
    tau: float = 10 * ms,
    dt: float = 1 * ms,
    lengths: Lengths | None = None,
    weight: Tensor | None = None,
) -> Loss:
    """Cross-entropy of who spikes first: the logits are ``-t_first / tau`` (Goeltz et al. 2021, without their bias).

    Args:
        spikes: (T, B, C) spikes of one neuron per class.
        target: (B,) classes.
        tau: time by which the right neuron should lead [ms].
        dt: time step [ms].
        lengths: (B,) valid steps; a silent neuron counts as spiking at the end.
        weight: (C,) weight of each class.

    Returns:
        A scalar.
    """
    labels = _classes("first_spike_time", spikes, target)
    return F.cross_entropy(-first_spike_steps(spikes, lengths=lengths) * (dt / tau), labels, weight)


def mean_squared_count(
    spikes: Spikes,
    target: Tensor,
    *,
    correct: float = 1.0,
    wrong: float = 0.0,
    lengths: Lengths | None = None,
) -> Loss:
    """Mean squared distance between spike counts and wanted counts.

    Args:
        spikes: (T, B, *N) spikes.
        target: (B, *N) wanted counts; or (B,) classes as integers, of which the neuron of the class shall spike in a
            fraction ``correct`` of its steps and the others in a fraction ``wrong``.
        correct: wanted spikes per step of the right neuron.
        wrong: wanted spikes per step of the other neurons.
        lengths: (B,) valid steps.

    Returns:
        A scalar: the mean over batch and neurons.
    """
    name = "mean_squared_count"
    valid = _valid(name, spikes, lengths)
    count = _masked(spikes, valid).sum(0)
    if not target.dtype.is_floating_point and target.ndim == 1 and spikes.ndim == 3:
        right = F.one_hot(_classes(name, spikes, target), spikes.shape[-1]).to(count.dtype)
        target = (wrong + (correct - wrong) * right) * _steps(spikes, valid)
    if target.shape != count.shape:
        raise ShapeError(f"{name}: target has shape {tuple(target.shape)}, expected {tuple(count.shape)} or (B,)")
    return F.mse_loss(count, target.to(count.dtype))


def van_rossum(
    spikes: Spikes, target: Spikes, *, tau: float = 10 * ms, dt: float = 1 * ms, lengths: Lengths | None = None
) -> Loss:
    """Squared van Rossum distance of two spike trains: ``(1/tau) * integral of (f - g)**2``, one extra spike is 1/2.

    ``f`` and ``g`` are the trains filtered by ``exp(-t/tau)``; the integral is exact and reaches beyond the last step
    (van Rossum 2001).

    Args:
        spikes: (T, B, *N).
        target: (T, B, *N).
        tau: time constant of the filter [ms]: small counts coincidences, large counts spikes.
        dt: time step [ms].
        lengths: (B,) valid steps.

    Returns:
        A scalar: the mean over batch and neurons.
    """
    if spikes.shape != target.shape:
        raise ShapeError(
            f"van_rossum: target has shape {tuple(target.shape)}, expected {tuple(spikes.shape)} as spikes"
        )
    decay = math.exp(-dt / tau)
    difference = _masked(spikes - target, _valid("van_rossum", spikes, lengths))
    trace = torch.zeros_like(difference[0])
    squares = []
    for step in difference.unbind(0):
        trace = decay * trace + step
        squares.append(trace.square())
    # between two steps the trace x decays, which adds tau/2 * (1 - decay**2) * x**2; after the last one, its whole tail
    within = torch.stack(squares).sum(0) * (1 - decay**2)
    return (0.5 * (within + decay**2 * squares[-1])).mean()


def rate_band(spikes: Spikes, low: float, high: float, *, dt: float = 1 * ms, lengths: Lengths | None = None) -> Loss:
    """Regulariser: squared distance of each neuron's mean rate from the band ``low`` to ``high``.

    Args:
        spikes: (T, B, *N).
        low: lowest rate that costs nothing [1/ms]; ``low == high`` is a target rate.
        high: highest rate that costs nothing [1/ms].
        dt: time step [ms].
        lengths: (B,) valid steps.

    Returns:
        A scalar: the mean over neurons, in (1/ms)**2.
    """
    if low > high:
        raise InputError(f"rate_band: low is {low:g}, expected at most high = {high:g}")
    valid = _valid("rate_band", spikes, lengths)
    total = spikes.shape[0] * spikes.shape[1] if valid is None else valid.sum().clamp(min=1)
    rate = _masked(spikes, valid).sum((0, 1)) / (total * dt)
    return ((low - rate).clamp(min=0).square() + (rate - high).clamp(min=0).square()).mean()


def sparsity(spikes: Sequence, *, lengths: Lengths | None = None) -> Loss:
    """Regulariser: mean spikes per neuron and step.

    Args:
        spikes: (T, B, *N).
        lengths: (B,) valid steps.

    Returns:
        A scalar: 0 for silence, 1 where every neuron spikes in every step.
    """
    valid = _valid("sparsity", spikes, lengths)
    total = spikes.shape[0] * spikes.shape[1] if valid is None else valid.sum().clamp(min=1)
    return _masked(spikes, valid).abs().sum() / (total * spikes.shape[2:].numel())


def _valid(name: str, values: Membrane, lengths: Lengths | None) -> Tensor | None:
    """Return which of the (T, B) steps are within their sequence, or None where all are."""
    if values.ndim < 2:
        raise ShapeError(f"{name}: the first argument has shape {tuple(values.shape)}, expected (T, B, *N), time first")
    limits = as_lengths(name, lengths, values.shape[0], values.shape[1], values.device)
    if limits is None:
        return None
    return torch.arange(values.shape[0], device=values.device).unsqueeze(1) < limits


def _masked(values: Tensor, valid: Tensor | None) -> Tensor:
    if valid is None:
        return values
    within = valid.reshape(*valid.shape, *[1] * (values.ndim - 2))
    return torch.where(within, values, torch.zeros((), dtype=values.dtype, device=values.device))


def _steps(values: Tensor, valid: Tensor | None) -> Tensor | int:
    """Return the valid steps of each sequence, shaped to divide (B, *N)."""
    if valid is None:
        return values.shape[0]
    return valid.sum(0).clamp(min=1).reshape(-1, *[1] * (values.ndim - 2))


def _classes(name: str, values: Tensor, target: Tensor) -> Tensor:
    if values.ndim != 3:
        raise ShapeError(f"{name}: the first argument has shape {tuple(values.shape)}, expected (T, B, classes)")
    if target.dtype.is_floating_point:
        raise InputError(f"{name}: target is {target.dtype}, expected classes as integers")
    if target.shape != values.shape[1:2]:
        raise ShapeError(f"{name}: target has shape {tuple(target.shape)}, expected ({values.shape[1]},)")
    return target.long()
