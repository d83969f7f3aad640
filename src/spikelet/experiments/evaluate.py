"""What a network makes of test images, and how many spikes it spends on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spikelet.experiments.batch import Data
from spikelet.experiments.distributed import World
from spikelet.experiments.recipes import Recipe

if TYPE_CHECKING:
    from torch import Tensor

    from spikelet import nn

BATCH = 256


@dataclass(frozen=True)
class Evaluation:
    """Counts over the test images.

    Attributes:
        confusion: (classes, classes) images by true class (row) and answer (column).
        spikes: spikes of all hidden neurons over all images.
        neurons: number of hidden neurons.
        duration: simulated time of one image [ms]; the mean, where they differ.
    """

    confusion: np.ndarray
    spikes: int
    neurons: int
    duration: float

    @property
    def images(self) -> int:
        """Number of images."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of correct answers, 0 ... 1."""
        return float(np.trace(self.confusion) / self.images)

    @property
    def spikes_per_inference(self) -> float:
        """Spikes of the hidden neurons for one image."""
        return self.spikes / self.images

    @property
    def mean_rate_hz(self) -> float:
        """Mean firing rate of a hidden neuron [Hz]."""
        return 1000 * self.spikes_per_inference / (self.neurons * self.duration)


def evaluate(recipe: Recipe, network: "nn.Sequential", images: Data, classes: int, world: World) -> Evaluation:
    """Show all images to the network; each process takes its share of them.

    Args:
        recipe: says how an image enters, and how an answer is read.
        network: is left as it was.
        images: test images.
        classes: number of classes.
        world: the processes that take part.
    """
    import torch

    mine = world.share(torch.arange(len(images), device=images.labels.device))
    counts = torch.zeros(classes * classes, dtype=torch.int64, device=mine.device)
    sums = torch.zeros(2, dtype=torch.int64, device=mine.device)  # spikes, and steps of all sequences
    neurons = 0
    with hidden_spikes(network) as hidden, torch.no_grad():
        for index in mine.split(BATCH):
            x, samples, lengths = images.encode(recipe, index, 0, shift=False)
            membrane, _ = network(x, seed=recipe.seed, samples=samples)
            answer = recipe.scores(membrane, lengths).argmax(1)
            counts += torch.bincount(images.labels[index] * classes + answer, minlength=classes * classes)
            ends = torch.full_like(index, len(x)) if lengths is None else lengths
            sums += torch.stack([torch.stack([_until(layer, ends) for layer in hidden]).sum(), ends.sum()])
            neurons = sum(layer[0, 0].numel() for layer in hidden)
            hidden.clear()
    counts, sums = world.sum([counts, sums])
    table = counts.view(classes, classes).cpu().numpy()
    spikes, steps = sums.tolist()
    return Evaluation(table, spikes, neurons, steps * recipe.dt / max(1, len(images)))


def _until(layer: "Tensor", ends: "Tensor") -> "Tensor":
    """Return the number of spikes (T, B, *N) before the end of each sequence."""
    import torch

    counts = layer.flatten(2).sum(2, dtype=torch.float64)
    return counts.masked_fill(torch.arange(len(layer), device=ends.device)[:, None] >= ends, 0.0).sum().long()


@contextmanager
def hidden_spikes(network: "nn.Sequential") -> "Iterator[list[Tensor]]":
    """Collect the spikes (T, B, N) of each layer of spiking neurons, one after the other, as the network is called."""
    from spikelet import nn

    found: list[Tensor] = []
    layers = [layer for layer in network.children() if isinstance(layer, nn.Neurons | nn.Recurrent) and layer.spikes]
    hooks = [layer.register_forward_hook(lambda _layer, _x, result: found.append(result[0])) for layer in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
