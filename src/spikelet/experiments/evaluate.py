"""What a network makes of test images, and how many spikes it spends on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spikelet.experiments.batches import Images
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
        duration: simulated time of one image [ms].
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


def evaluate(recipe: Recipe, network: "nn.Sequential", images: Images, classes: int, world: World) -> Evaluation:
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
    spikes = torch.zeros(1, dtype=torch.int64, device=mine.device)
    neurons = 0
    with hidden_spikes(network) as hidden, torch.no_grad():
        for index in mine.split(BATCH):
            x, samples = images.encode(recipe, index, 0, shift=False)
            membrane, _ = network(x, seed=recipe.seed, samples=samples)
            answer = recipe.scores(membrane).argmax(1)
            counts += torch.bincount(images.labels[index] * classes + answer, minlength=classes * classes)
            spikes += sum(int(layer.sum(dtype=torch.float64)) for layer in hidden)
            neurons = sum(layer[0, 0].numel() for layer in hidden)
            hidden.clear()
    counts, spikes = world.sum([counts, spikes])
    table = counts.view(classes, classes).cpu().numpy()
    return Evaluation(table, int(spikes), neurons, recipe.steps * recipe.dt)


@contextmanager
def hidden_spikes(network: "nn.Sequential") -> "Iterator[list[Tensor]]":
    """Collect the spikes (T, B, N) of each layer of spiking neurons, one after the other, as the network is called."""
    from spikelet import nn

    found: list[Tensor] = []
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Neurons) and layer.output == "spikes"]
    hooks = [layer.register_forward_hook(lambda _layer, _x, result: found.append(result[0])) for layer in layers]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
