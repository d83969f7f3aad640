"""What enters a network: a batch of sequences, and whatever can make one."""

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from spikelet import random
from spikelet.experiments.recipes import Recipe

if TYPE_CHECKING:
    from torch import Tensor

SHIFT = random.STREAMS["shuffle"] + 1
"""The stream of the shifts; that of the order is the one before."""


class Batch(NamedTuple):
    """What enters a network.

    Attributes:
        x: (T, B, *N) float32.
        samples: (B,) int64, the numbers of the sequences in the data set.
        lengths: (B,) int64 valid steps of each, or None where all have T.
    """

    x: "Tensor"
    samples: "Tensor"
    lengths: "Tensor | None" = None


class Data(Protocol):
    """One part of a data set, as the loop needs it."""

    @property
    def labels(self) -> "Tensor":
        """Classes, (n,) int64."""
        ...

    @property
    def inputs(self) -> int:
        """Pixels of an image, channels of a sound, polarities of events."""
        ...

    def __len__(self) -> int:
        """Return the number of examples."""
        ...

    def encode(self, recipe: Recipe, index: "Tensor", epoch: int, *, shift: bool) -> Batch:
        """Return what enters the network for some examples."""
        ...


def shifted(images: "Tensor", most: int, seed: int, epoch: int, samples: "Tensor") -> "Tensor":
    """Move each image by up to ``most`` pixels in x and y; what comes in is black.

    Args:
        images: (B, *frames, height, width); the frames of an image move alike.
        most: largest shift in pixels.
        seed: of the shifts.
        epoch: each epoch has its own.
        samples: (B,) indices of the images in the data set.
    """
    import torch
    from torch.nn.functional import pad

    height, across = images.shape[-2:]
    width = 2 * most + 1
    dy, dx = (
        torch.from_numpy((random.uniform(seed, epoch, samples.cpu().numpy(), SHIFT, axis) * width).astype(np.int64))
        for axis in (0, 1)
    )
    wide = pad(images.reshape(len(images), -1, height, across), [most] * 4)
    rows = (dy[:, None] + torch.arange(height)).to(images.device)
    columns = (dx[:, None] + torch.arange(across)).to(images.device)
    which = torch.arange(len(images), device=images.device)
    moved = wide.transpose(1, 2)[which[:, None], rows]  # (B, height, frames, wide)
    moved = moved.permute(0, 3, 2, 1)[which[:, None], columns]  # (B, width, frames, height)
    return moved.permute(0, 2, 3, 1).reshape(images.shape)
