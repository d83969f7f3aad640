"""Convolutions in which each neuron fires at most once: what counts of a spike is when it comes.

Spikes are kept as the step of each neuron's only one, a byte, T where it is silent: `first_steps` and `spikes_of` go
from spikes (T, B, *N) to steps (B, *N) and back.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from spikelet import decode, random
from spikelet.backends.first_spike import MOST, first_spikes, prepared
from spikelet.errors import BackendError, InputError, ShapeError
from spikelet.nn.arguments import count
from spikelet.nn.competition import learning_neurons, silence_later_maps
from spikelet.nn.single_spikes import SingleSpikes


class FirstSpikes(NamedTuple):
    """When neurons fire for the first time.

    Attributes:
        step: (B, M, H, W) uint8, T where a neuron is silent.
        potential: (B, M, H, W) as a neuron reached the threshold, or, where it never did, as the last step left it.
    """

    step: Tensor
    potential: Tensor


def first_steps(spikes: Tensor) -> Tensor:
    """Return the step of the first spike of each neuron.

    Args:
        spikes: (T, B, *N), T at most 254.

    Returns:
        (B, *N) uint8, T where a neuron is silent.

    Example:
        >>> first_steps(torch.tensor([[[0.0, 0.0]], [[1.0, 0.0]]])).tolist()
        [[1, 2]]
    """
    steps = count("first_steps: steps of the spikes", len(spikes), most=MOST)
    return decode.first_spike(spikes).clamp(max=steps).to(torch.uint8)


def spikes_of(step: Tensor, steps: int) -> Tensor:
    """Return the spikes (T, B, *N), 0 or 1, of neurons that fire once, in ``step`` (B, *N), or never, where it is T.

    Example:
        >>> spikes_of(torch.tensor([[1, 2]]), steps=2).tolist()
        [[[0.0, 0.0]], [[1.0, 0.0]]]
    """
    counted = torch.arange(steps, device=step.device).reshape(-1, *(1,) * step.ndim)
    return (step[None] == counted).to(torch.get_default_dtype())


def pool_first(step: Tensor, size: int) -> Tensor:
    """Return the first spike in each square of neurons, (B, M, H, W) -> (B, M, H // size, W // size).

    Example:
        >>> pool_first(torch.tensor([[[[3, 9], [9, 1]]]], dtype=torch.uint8), 2).tolist()
        [[[[1]]]]
    """
    if step.ndim != 4:
        raise ShapeError(f"pool_first: step has shape {tuple(step.shape)}, expected (B, M, H, W)")
    return (255 - functional.max_pool2d(255.0 - step.float(), count("pool_first: size", size))).to(step.dtype)


class FirstSpikeConv2d(nn.Module):
    """A convolution, and neurons without leak that fire when above ``threshold``, and are silent from then on.

    It learns without a gradient, by a rule, in `learn`. Weights start as normal numbers.

    Args:
        in_channels: channels of the input.
        out_channels: number of maps.
        kernel_size: of the patch that a neuron sees.
        threshold: at least 0; infinite: nobody fires, and the potentials are the result.
        steps: number of steps T, at most 254.
        padding: silent inputs on each side.
        compete: whether at each place only the map that fires first does.
        mean: of the weights at the start.
        sd: their standard deviation; they are kept within [0, 1].
        seed: of the weights.

    Attributes:
        weight: (out_channels, in_channels, kernel_size, kernel_size).

    Raises:
        InputError: a size is no positive integer, or the threshold is negative.

    Source:
        Kheradpisheh, Ganjtabesh, Thorpe & Masquelier 2018, STDP-based spiking deep convolutional neural networks for
        object recognition, Neural Netw. 99:56, section 2.

    Example:
        >>> layer = FirstSpikeConv2d(1, 2, 3, threshold=2.0, steps=10, padding=1)
        >>> image = torch.full((1, 1, 4, 4), 10, dtype=torch.uint8); image[0, 0, 1:3, 1:3] = 4
        >>> step, potential = layer(image)
        >>> step.shape, step.min().item()
        (torch.Size([1, 2, 4, 4]), 4)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        threshold: float,
        steps: int,
        *,
        padding: int = 0,
        compete: bool = True,
        mean: float = 0.8,
        sd: float = 0.05,
        seed: int = 0,
    ):
        super().__init__()
        if not threshold >= 0:
            raise InputError(f"FirstSpikeConv2d: threshold is {threshold!r}, expected at least 0")
        sizes = (("out_channels", out_channels), ("in_channels", in_channels), *(("kernel_size", kernel_size),) * 2)
        shape = tuple(count(f"FirstSpikeConv2d: {name}", size) for name, size in sizes)
        self.threshold, self.steps = float(threshold), count("FirstSpikeConv2d: steps", steps, most=MOST)
        self.padding, self.compete = count("FirstSpikeConv2d: padding", padding, least=0), compete
        drawn = random.normal(seed, 0, np.arange(np.prod(shape)), random.STREAMS["init"]).reshape(shape)
        weight = torch.from_numpy((mean + sd * drawn).clip(0, 1)).to(torch.get_default_dtype())
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, step: Tensor) -> FirstSpikes:
        """Return when the neurons fire.

        Args:
            step: (B, in_channels, H, W) uint8, from `first_steps`.
        """
        self._require(step)
        if step.is_cpu:
            return self._run(step.numpy(), prepared(self.weight.numpy()), self.threshold, self.compete)
        return self._by_convolution(step)

    def potentials(self, step: Tensor) -> Tensor:
        """Return the potentials (B, M, H, W) that all spikes together lead to where no neuron has a threshold."""
        self._require(step)
        if step.is_cpu:
            return self._run(step.numpy(), prepared(self.weight.numpy()), np.inf, False).potential
        arrived = (step < self.steps).to(self.weight.dtype)
        return functional.conv2d(arrived, self.weight, padding=self.padding)

    def learn(
        self, step: Tensor, rule: SingleSpikes, *, winners: int, radius: int, done: Callable[[], object] = lambda: None
    ) -> int:
        """Learn from samples, one after the other.

        At each, the neurons compete, whatever ``compete`` says, and those that `competition.learning_neurons` chooses
        change the weights of their map by what they saw.

        Args:
            step: (B, in_channels, H, W) uint8, in the order of learning.
            rule: what happens to a synapse.
            winners: how many neurons learn from a sample.
            radius: of the neighbourhood in which one of them learns alone.
            done: called after each sample.

        Returns:
            How many neurons have learnt, all samples together.

        Raises:
            BackendError: the layer is not on the CPU.
            InputError: the rule is for another number of steps.
        """
        self._require(step)
        if rule.steps != self.steps:
            raise InputError(f"FirstSpikeConv2d: the rule is for {rule.steps} steps, the layer for {self.steps}")
        if not step.is_cpu:
            raise BackendError("FirstSpikeConv2d: learning is for the CPU; move the layer and the samples there")
        weight, wide = self.weight.numpy(), functional.pad(step, (self.padding,) * 4, value=self.steps).numpy()
        ready, taught = prepared(weight), 0
        for sample, seen in zip(step.numpy(), wide, strict=True):
            found = self._run(sample[None], ready, self.threshold, True)
            chosen = learning_neurons(found.step[0], found.potential[0], self.steps, winners, radius)
            if chosen:
                self._teach(rule, weight, ready, seen, found.step[0].numpy(), np.array(chosen))
            taught += len(chosen)
            done()
        return taught

    def _teach(
        self,
        rule: SingleSpikes,
        weight: np.ndarray,
        ready: np.ndarray,
        seen: np.ndarray,
        when: np.ndarray,
        chosen: np.ndarray,
    ) -> None:
        """Change the weights of the maps of the chosen neurons (n, 3), by what each saw of the padded input."""
        maps, deep, wide = chosen[:, 0], *weight.shape[2:]
        patches = np.stack([seen[:, y : y + deep, x : x + wide] for _, y, x in chosen])
        fired = when[tuple(chosen.T)].reshape(-1, 1, 1, 1)
        weight[maps] = rule(weight[maps], patches, fired)
        ready[..., maps] = weight[maps].transpose(1, 2, 3, 0)

    def _run(self, step: np.ndarray, ready: np.ndarray, threshold: float, compete: bool) -> FirstSpikes:
        maps = len(self.weight)
        more = {"padding": self.padding, "compete": compete}
        return FirstSpikes(*map(torch.from_numpy, first_spikes(step, ready, maps, threshold, self.steps, **more)))

    def _by_convolution(self, step: Tensor) -> FirstSpikes:
        """Return the same on any device: the potential in step k is the convolution of all that fired until then."""
        arrived = spikes_of(step, self.steps).to(self.weight.dtype).cumsum(0)
        sums = functional.conv2d(arrived.flatten(0, 1), self.weight, padding=self.padding)
        sums = sums.unflatten(0, arrived.shape[:2])
        above = sums > self.threshold
        when = torch.where(above.any(0), above.to(torch.uint8).argmax(0), self.steps)
        potential = sums.gather(0, when.clamp(max=self.steps - 1)[None])[0]
        if self.compete:
            when = silence_later_maps(when, potential, self.steps)
        return FirstSpikes(when.to(torch.uint8), potential)

    def _require(self, step: Tensor) -> None:
        """Raise an error unless ``step`` fits the layer."""
        channels, deep, wide = self.weight.shape[1:]
        if self.weight.dtype not in (torch.float32, torch.float64) or self.weight.device != step.device:
            raise InputError(
                f"FirstSpikeConv2d: weights are {self.weight.dtype} on {self.weight.device}, step is on {step.device}; "
                "expected float32 or float64, on the same device"
            )
        if step.dtype != torch.uint8:
            raise InputError(f"FirstSpikeConv2d: step is {step.dtype}, expected uint8 as of nn.first_steps")
        if step.ndim != 4 or step.shape[1] != channels:
            raise ShapeError(f"FirstSpikeConv2d: step has shape {tuple(step.shape)}, expected (B, {channels}, H, W)")
        if min(step.shape[2] - deep, step.shape[3] - wide) + 2 * self.padding < 0:
            raise ShapeError(f"FirstSpikeConv2d: an input of {tuple(step.shape[2:])} is smaller than a patch")
        if step.numel() and int(step.max()) > self.steps:
            raise InputError(f"FirstSpikeConv2d: step goes to {int(step.max())}, expected at most {self.steps}: silent")

    def extra_repr(self) -> str:
        """Name the sizes, the threshold and the steps."""
        maps, channels, size, _ = self.weight.shape
        return f"{channels}, {maps}, kernel_size={size}, threshold={self.threshold:g}, steps={self.steps}"
