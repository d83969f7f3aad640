"""Torch modules without a state, applied to every step at once: (T, B, *N) is folded to (T*B, *N) and back."""

from torch import Tensor, nn

from spikelet.errors import InputError, ShapeError
from spikelet.nn.layer import Layer
from spikelet.nn.linear import call

# What these give depends on chance or, in training, on the other samples of the batch: equal inputs at two steps need
# not give equal outputs (or would update running averages another number of times).
_RANDOM = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
    nn.RReLU,
)
_BATCH = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
)

_SILENT = (
    nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.Identity, nn.Flatten, nn.Unflatten, nn.ReLU,
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
    nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d,
)  # fmt: skip
# fmt: off
STATELESS = (
    *_RANDOM, *_BATCH,
    nn.Identity, nn.Linear, nn.Embedding, nn.Flatten, nn.Unflatten,
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
    nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.LPPool1d, nn.LPPool2d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
    nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
    nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm,
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid,
    nn.LogSigmoid, nn.Tanh, nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Softplus, nn.Softsign, nn.Threshold,
    nn.Softmax, nn.LogSoftmax,
    nn.Upsample, nn.PixelShuffle, nn.PixelUnshuffle, nn.ChannelShuffle, nn.Unfold,
    nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d, nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d,
    nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReflectionPad3d,
    nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d,
)
# fmt: on


class Fold(nn.Module):
    """Apply any module without a state to all steps at once: (T, B, *N) goes in as (T*B, *N).

    ``Sequential`` folds the torch modules that it knows by itself; wrap one that it does not know, such as your own
    module of convolutions.

    Args:
        module: takes and returns a tensor whose first axis is the batch.
        repeatable: promises that equal inputs give equal outputs, in training too (no dropout, no batch norm), so that
            an input constant in time needs to pass only once.

    Example:
        >>> import torch
        >>> Fold(torch.nn.Linear(3, 2))(torch.zeros(5, 4, 3)).shape
        torch.Size([5, 4, 2])
    """

    def __init__(self, module: nn.Module, repeatable: bool = False):
        super().__init__()
        if any(isinstance(part, Layer) for part in module.modules()):
            raise InputError(f"Fold({type(module).__name__}): it holds a layer with a state, use nn.Sequential")
        self.module = module
        self.repeatable = repeatable

    def forward(self, x: Tensor) -> Tensor:
        """Return the module's output at every step, (T, B, *M)."""
        return fold(self.module, x)


def is_stateless(module: nn.Module) -> bool:
    """Tell whether ``module`` is known to treat the rows of its batch without memory of earlier calls."""
    if type(module) is nn.Sequential:
        return all(is_stateless(part) for part in module)
    return isinstance(module, (Fold, *STATELESS))


def keeps_silence(module: nn.Module) -> bool:
    """Tell whether most of the output is 0 where most of the input is."""
    if type(module) is nn.Sequential:
        return all(keeps_silence(part) for part in module)
    return isinstance(module, _SILENT)


def is_repeatable(module: nn.Module) -> bool:
    """Tell whether equal inputs give equal outputs, so that an input constant in time may pass once."""
    if isinstance(module, Fold):
        return module.repeatable or (is_stateless(module.module) and is_repeatable(module.module))
    if type(module) is nn.Sequential:
        return all(is_repeatable(part) for part in module)
    return not any(part.training and isinstance(part, (*_RANDOM, *_BATCH)) for part in module.modules())


def fold(module: nn.Module, x: Tensor, *, spikes: bool = False, bits: bool = False) -> Tensor:
    """Apply ``module`` to x (T, B, *N) with time and batch folded; returns (T, B, *M).

    ``spikes`` promises nothing: it tells that x comes from a spiking layer, so that to look for silence is worth while.
    ``bits`` promises that x is 0 or 1, and asks for little memory.
    """
    if isinstance(module, Fold):
        return module(x)
    if type(module) is nn.Sequential and any(isinstance(part, (Fold, nn.Sequential)) for part in module):
        for part in module:
            x, spikes = fold(part, x, spikes=spikes), spikes and keeps_silence(part)
        return x
    if x.ndim < 2:
        raise ShapeError(f"{type(module).__name__}: x has shape {tuple(x.shape)}, expected (T, B, *N), time first")
    steps, batch = x.shape[:2]
    rows = x.reshape(steps * batch, *x.shape[2:])
    y = call(module, rows, bits) if spikes else module(rows)
    if not isinstance(y, Tensor) or y.ndim < 1 or y.shape[0] != steps * batch:
        given = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
        raise ShapeError(f"{type(module).__name__}: gave {given} for T*B = {steps * batch} rows, expected (T*B, *M)")
    return y.reshape(steps, batch, *y.shape[1:])
