"""Where the synapses of a linear or convolutional module are: the senders and receivers of each weight.

All arrays of synapses are seen as (B, M, L, K): M rows of weights, such as channels, L places at which a row is used,
and K weights of a row. A linear layer has one place; at each place of a convolution a row sees a patch of the input.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parameter import is_lazy

from spikelet.errors import BackendError, InputError, NumericsError, ShapeError

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)


@dataclass(frozen=True)
class Layout:
    """A module, seen as synapses.

    Attributes:
        label: Name of the layer, for messages.
        module: ``nn.Linear``, ``nn.Conv1d`` or ``nn.Conv2d``.
    """

    label: str
    module: Any

    @staticmethod
    def of(label: str, module: object) -> "Layout":
        """Look at a module.

        Raises:
            InputError: it is none.
            BackendError: its synapses are of a kind that cannot learn yet.
        """
        if not isinstance(module, nn.Module):
            raise InputError(f"{label}: module is a {type(module).__name__}, expected a torch module such as nn.Linear")
        kind = type(module).__name__
        if not isinstance(module, (nn.Linear, *_CONVOLUTIONS)):
            raise BackendError(
                f"{label}: the weights of {kind} cannot learn; expected nn.Linear, nn.Conv1d or nn.Conv2d"
            )
        if isinstance(module, _CONVOLUTIONS) and module.groups != 1:
            raise BackendError(f"{label}: {kind} has groups={module.groups}: a rule wants one row of weights, groups=1")
        if isinstance(module, _CONVOLUTIONS) and module.padding_mode != "zeros":
            raise BackendError(
                f"{label}: {kind} has padding_mode={module.padding_mode!r}: a synapse has one sender; expected 'zeros'"
            )
        if not isinstance(module.weight, nn.Parameter) or is_lazy(module.weight):
            made = "drawn at the first call" if is_lazy(module.weight) else "computed from other parameters"
            raise BackendError(f"{label}: the weights of {kind} are {made}; a rule changes those that a module has")
        found = Layout(label, module)
        found.require_real()
        if isinstance(module, nn.Linear):  # rows by sender in memory, as events go through them
            module.weight.data = module.weight.data.t().contiguous().t()
        return found

    @property
    def linear(self) -> bool:
        """Whether there is one place, so that each weight is one synapse."""
        return isinstance(self.module, nn.Linear)

    def weight(self) -> Tensor:
        """Return the weights as a view (M, 1, K)."""
        return self.module.weight.flatten(1).unsqueeze(1)

    def receivers(self, senders: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape (*M) of the receivers of senders of shape (*N).

        Raises:
            ShapeError: they do not fit the module.
        """
        module, given = self.module, f"x has senders of shape {senders}"
        if self.linear:
            if senders != (module.in_features,):
                raise ShapeError(f"{self.label}: {given}, expected ({module.in_features},)")
            return (module.out_features,)
        dims = module.weight.ndim - 2
        if len(senders) != dims + 1 or senders[0] != module.in_channels:
            raise ShapeError(f"{self.label}: {given}, expected ({module.in_channels}, {', '.join('HW'[-dims:])})")
        try:
            return tuple(module(module.weight.new_zeros(1, *senders)).shape[1:])
        except RuntimeError as error:
            raise ShapeError(f"{self.label}: {given}, which the module refuses: {error}") from error

    def apply(self, x: Tensor) -> Tensor:
        """Return what spikes (B, *N) deliver, (B, *M), without the bias."""
        module = self.module
        if self.linear:
            return functional.linear(x, module.weight)
        convolve = functional.conv1d if module.weight.ndim == 3 else functional.conv2d
        x = functional.pad(x, module._reversed_padding_repeated_twice)
        return convolve(x, module.weight, None, module.stride, 0, module.dilation)

    def bias(self) -> Tensor | None:
        """Return the bias, to be added to (B, *M)."""
        bias = self.module.bias
        return bias if bias is None or self.linear else bias.reshape(-1, *[1] * (self.module.weight.ndim - 2))

    def sender(self, value: Tensor) -> Tensor:
        """Return values (B, *N) of senders as (B, 1, L, K)."""
        if self.linear:
            return value[:, None, None, :]
        module = self.module
        padded = functional.pad(value.to(module.weight.dtype), module._reversed_padding_repeated_twice)
        kernel, stride, dilation = module.kernel_size, module.stride, module.dilation
        if module.weight.ndim == 3:
            padded, kernel, stride, dilation = padded.unsqueeze(2), (1, *kernel), (1, *stride), (1, *dilation)
        patches = functional.unfold(padded, kernel, dilation, 0, stride)
        return patches.mT.unsqueeze(1).to(value.dtype)

    def receiver(self, value: Tensor) -> Tensor:
        """Return values (B, *M) of receivers as (B, M, L, 1)."""
        return value[:, :, None, None] if self.linear else value.flatten(2).unsqueeze(-1)

    def exists(self, senders: tuple[int, ...]) -> Tensor | None:
        """Return which synapses there are, (1, 1, L, K); None where all. What pads an image is no sender."""
        if self.linear or not any(self.module._reversed_padding_repeated_twice):
            return None
        return self.sender(self.module.weight.new_ones(1, *senders)) > 0

    # --- weights ------------------------------------------------------------------------------------------------------

    def scale(self, total: float | Tensor) -> None:
        """Scale the weights of each row so that their magnitudes sum to ``total``, a number or (M,)."""
        weight = self.module.weight
        rows = weight.flatten(1)
        try:
            wanted = torch.as_tensor(total, dtype=rows.dtype, device=rows.device)
        except (TypeError, ValueError):
            raise InputError(f"{self.label}: total is {total!r}, expected one number or ({len(rows)},)"[:200]) from None
        if wanted.ndim and wanted.shape != (len(rows),):
            raise ShapeError(
                f"{self.label}: total has shape {tuple(wanted.shape)}, expected one number or ({len(rows)},)"
            )
        now = rows.abs().sum(1)
        factors = wanted / now
        good = (factors > 0) & torch.isfinite(factors)
        if not bool(good.all()):  # one look at all that can be wrong
            self._refuse(wanted.expand_as(now), now, ~good)
        weight.mul_(factors.reshape(-1, *[1] * (weight.ndim - 1)))

    def _refuse(self, wanted: Tensor, now: Tensor, wrong: Tensor) -> None:
        """Say which sums cannot be had; ``wrong`` tells of which receivers."""
        first = int(wrong.nonzero()[0])
        total, found = wanted[first].item(), now[first].item()
        if not 0 < total < math.inf:
            raise InputError(f"{self.label}: total is {total:g}, expected positive, finite numbers")
        raise InputError(
            f"{self.label}: the absolute weights into {int(wrong.sum())} of {len(now)} receivers sum to {found:g} "
            f"(first: receiver {first}), which no factor makes {total:g}"
        )

    def require_real(self) -> None:
        """Raise ``BackendError`` where the weights are in a precision in which rules do not run."""
        if self.module.weight.dtype not in (torch.float32, torch.float64):
            raise BackendError(f"{self.label}: the weights are {self.module.weight.dtype}, expected float32 or float64")

    def require_finite(self) -> None:
        """Raise ``NumericsError`` where a weight is NaN or infinite."""
        weight = self.module.weight.detach()
        if bool(torch.isfinite(weight.mT.sum())):  # one look; a sum may overflow where no weight has
            return
        wrong = (~torch.isfinite(weight)).nonzero()
        if len(wrong):
            raise NumericsError(
                f"{self.label}: {len(wrong)} of {weight.numel()} weights are NaN or infinite after a call (first: "
                f"{wrong[0].tolist()}); if they were not before it, a bound, such as w = clip(..., 0, w_max), or "
                "smaller steps may help"
            )
