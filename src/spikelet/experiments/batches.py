"""Images on their way into the network: which ones, moved how, as which spikes.

Each is a function of (seed, epoch, index of the image in its data set), so neither the batch nor the process that an
image falls into changes anything, and a resumed run sees what the interrupted one would have seen.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spikelet import datasets, encode
from spikelet.experiments import sequences
from spikelet.experiments.batch import Batch, Data, shifted
from spikelet.experiments.recipes import Recipe

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Images:
    """The images of one part of a data set, on their device.

    Attributes:
        pixels: (n, height, width) uint8.
        labels: (n,) int64.
        white: the pixel value that becomes 1.
        offset: index of the first image in the data set, which numbers its random spikes.
    """

    pixels: "Tensor"
    labels: "Tensor"
    white: int
    offset: int

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    @property
    def inputs(self) -> int:
        """Pixels of an image."""
        return self.pixels[0].numel()

    def encode(self, recipe: Recipe, index: "Tensor", epoch: int, *, shift: bool) -> Batch:
        """Return the sequence that enters the network for some images.

        Args:
            recipe: says how.
            index: (B,) int64, which images.
            epoch: each epoch has spikes and shifts of its own.
            shift: move the images as in training.

        Returns:
            x is (T, B, pixels), and of one length.
        """
        samples = index + self.offset
        pixels = self.pixels[index].float() / self.white
        if shift and recipe.shift:
            pixels = shifted(pixels, recipe.shift, recipe.seed, epoch, samples)
        flat = pixels.flatten(1)
        if recipe.encoder == "constant":
            return Batch(encode.constant(flat, recipe.steps), samples)
        if recipe.encoder == "latency":
            return Batch(encode.latency(flat, recipe.steps), samples)
        first = epoch * recipe.steps
        return Batch(encode.bernoulli(flat, recipe.steps, seed=recipe.seed, samples=samples, first_step=first), samples)


def load(recipe: Recipe, device: str) -> tuple[Data, Data, tuple[str, ...]]:
    """Return what to train on, what to test on, and the names of the classes of a recipe's data set.

    Raises:
        DataError: the files are not there; the text says where they were looked for and how to get them.
    """
    if recipe.kind != "images":
        return sequences.load(recipe, device)
    return load_images(recipe, device)


def load_images(recipe: Recipe, device: str) -> tuple[Images, Images, tuple[str, ...]]:
    """Return training and test images and the names of their classes."""
    import torch

    read = datasets.IMAGES[recipe.dataset]
    parts, offset = [], 0
    for source in (read("train"), read("test")):
        pixels, labels = source.pixels[: recipe.limit], source.labels[: recipe.limit]
        pixels, labels = torch.from_numpy(pixels).to(device), torch.from_numpy(labels).to(device)
        parts.append(Images(pixels, labels, source.white, offset))
        offset += len(source)
    return parts[0], parts[1], source.classes
