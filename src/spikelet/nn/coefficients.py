"""What a fused call needs beside its input: coefficients and initial states, evaluated when something has changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikelet.backends.torch_eager import coefficient_function, in_64_bits, initial_function, number
from spikelet.ir.lower import STEP, Step

_DTYPES = {"int": torch.int64, "bool": torch.bool}


@dataclass(frozen=True)
class Prepared:
    """The values of one set of parameters.

    Attributes:
        coefficients: () or the last axes of the neurons.
        initial: (B, *N) each; ``step`` has shape ().
    """

    coefficients: list[Tensor]
    initial: dict[str, Tensor]


@dataclass(frozen=True)
class _Value:
    """A parameter as it was."""

    tensor: Tensor
    address: int
    view: np.ndarray
    copy: np.ndarray

    @staticmethod
    def of(tensor: Tensor) -> "_Value":
        view = tensor.detach().numpy()
        return _Value(tensor, tensor.data_ptr(), view, view.copy())

    def still(self, tensor: Tensor) -> bool:
        """Tell whether nothing has changed, not even through ``.data``, of which torch does not tell."""
        if tensor is not self.tensor or tensor.data_ptr() != self.address:
            return False
        return bool(self.view == self.copy) if self.view.ndim == 0 else np.array_equal(self.view, self.copy)


class Coefficients:
    """Evaluates the coefficients and the initial state of a step, in double, under autograd.

    What was evaluated is kept until a value of a parameter differs; not where a gradient is wanted, and not on other
    devices, where to look at a value is to wait.

    Args:
        step: of the model.
        dt: step [ms].
        check: called with the parameters and the shape of the neurons before they are evaluated.
    """

    def __init__(self, step: Step, dt: float, check: Callable[[Mapping[str, Tensor], tuple[int, ...]], None]):
        self.step, self.dt, self.check = step, dt, check
        self.of_step, self.of_start = coefficient_function(step), initial_function(step)
        self.kept: tuple[Any, list[_Value], Prepared] | None = None

    def __call__(
        self, parameters: Mapping[str, Tensor], shape: tuple[int, ...], dtype: torch.dtype, device: torch.device
    ) -> Prepared:
        """Return what the parameters make for neurons of ``shape`` (B, *N)."""
        if torch.compiler.is_compiling() or not _can_be_kept(parameters, device):
            return self._evaluate(parameters, shape, dtype, device)
        kept = self.kept
        if kept is None or kept[0] != (shape, dtype) or not all(map(_Value.still, kept[1], parameters.values())):
            with torch.inference_mode(False), torch.no_grad():  # what is made in inference cannot be used in training
                prepared = self._evaluate(parameters, shape, dtype, device)
                kept = (shape, dtype), [_Value.of(value) for value in parameters.values()], prepared
            self.kept = kept
        return kept[2]

    def _evaluate(
        self, parameters: Mapping[str, Tensor], shape: tuple[int, ...], dtype: torch.dtype, device: torch.device
    ) -> Prepared:
        self.check(parameters, shape[1:])
        values, step = in_64_bits(parameters, self.dt, device), self.step
        coefficients = [
            _fitted(number(value).to(device, _DTYPES.get(step.coefficients[name].type, dtype)), shape[1:])
            for name, value in self.of_step(values).items()
        ]
        initial = {
            name: number(value)
            .to(device, _DTYPES.get(step.types[name], dtype))
            .expand(() if name == STEP else shape)
            .contiguous()
            for name, value in self.of_start(values).items()
        }
        return Prepared(coefficients, initial)


def _can_be_kept(parameters: Mapping[str, Tensor], device: torch.device) -> bool:
    """Tell whether nothing learns, every value can be read, and no transform of ``torch.func`` looks on."""
    if device.type != "cpu" or torch._C._are_functorch_transforms_active() or torch._C._len_torch_dispatch_stack():
        return False
    learns = torch.is_grad_enabled()
    return not any(value.device.type != "cpu" or (learns and value.requires_grad) for value in parameters.values())


def _fitted(value: Tensor, neurons: tuple[int, ...]) -> Tensor:
    """Return a coefficient as one number, or as a table over the last axes of the neurons."""
    if value.ndim == 0 or value.numel() == 1:
        return value.reshape(())
    first = next(axis for axis, size in enumerate(value.shape) if size != 1)
    value = value.reshape(value.shape[first:])
    return value.expand(neurons[len(neurons) - value.ndim :])
