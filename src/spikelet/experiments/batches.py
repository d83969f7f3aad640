"""Images on their way into the network: which ones, moved how, as which spikes.

Each is a function of (seed, epoch, index of the image in its data set), so neither the batch nor the process that an
image falls into changes anything, and a resumed run sees what the interrupted one would have seen.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spikelet import datasets, encode, random
from spikelet.experiments.recipes import Recipe

if TYPE_CHECKING:
    from torch import Tensor

_SHIFT = random.STREAMS["shuffle"] + 1  # the stream of the shifts; that of the order is the one before


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

    def encode(self, recipe: Recipe, index: "Tensor", epoch: int, *, shift: bool) -> "tuple[Tensor, Tensor]":
        """Return the sequence that enters the network for some images.

        Args:
            recipe: says how.
            index: (B,) int64, which images.
            epoch: each epoch has spikes and shifts of its own.
            shift: move the images as in training.

        Returns:
            (T, B, pixels) float32, and (B,) int64 the indices of the images in the data set.
        """
        samples = index + self.offset
        pixels = self.pixels[index].float() / self.white
        if shift and recipe.shift:
            pixels = shifted(pixels, recipe.shift, recipe.seed, epoch, samples)
        flat = pixels.flatten(1)
        if recipe.encoder == "constant":
            return encode.constant(flat, recipe.steps), samples
        if recipe.encoder == "latency":
            return encode.latency(flat, recipe.steps), samples
        first = epoch * recipe.steps
        return encode.bernoulli(flat, recipe.steps, seed=recipe.seed, samples=samples, first_step=first), samples


def load(recipe: Recipe, device: str) -> tuple[Images, Images, tuple[str, ...]]:
    """Return training images, test images and the names of the classes of a recipe's data set.

    Raises:
        DataError: the files are not there; the text says where they were looked for and how to get them.
    """
    import torch

    read = datasets.LOADERS[recipe.dataset]
    parts, offset = [], 0
    for source in (read("train"), read("test")):
        pixels, labels = source.pixels[: recipe.limit], source.labels[: recipe.limit]
        pixels, labels = torch.from_numpy(pixels).to(device), torch.from_numpy(labels).to(device)
        parts.append(Images(pixels, labels, source.white, offset))
        offset += len(source)
    return parts[0], parts[1], source.classes


def shifted(images: "Tensor", most: int, seed: int, epoch: int, samples: "Tensor") -> "Tensor":
    """Move each image by up to ``most`` pixels in x and y; what comes in is black.

    Args:
        images: (B, height, width).
        most: largest shift in pixels.
        seed: of the shifts.
        epoch: each epoch has its own.
        samples: (B,) indices of the images in the data set.
    """
    import torch
    from torch.nn.functional import pad

    width = 2 * most + 1
    dy, dx = (
        torch.from_numpy((random.uniform(seed, epoch, samples.cpu().numpy(), _SHIFT, axis) * width).astype(np.int64))
        for axis in (0, 1)
    )
    wide = pad(images, [most] * 4)
    rows = (dy[:, None] + torch.arange(images.shape[1])).to(images.device)
    columns = (dx[:, None] + torch.arange(images.shape[2])).to(images.device)
    which = torch.arange(len(images), device=images.device)
    return wide[which[:, None, None], rows[:, :, None], columns[:, None, :]]
