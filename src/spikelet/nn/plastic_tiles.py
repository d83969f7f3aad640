"""Lists of the synapses of a convolution for its kernel, see ``backends.llvm_plastic_tiles``."""

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from spikelet.nn.plastic_layout import Layout


@dataclass(frozen=True)
class Tiles:
    """Which position of an image is seen where.

    Attributes:
        numbers: Sizes, by the names that they have in the kernel.
        lists: Likewise.
    """

    numbers: dict[str, int]
    lists: dict[str, Tensor]

    @staticmethod
    def of(name: str, layout: Layout, senders: tuple[int, ...], receivers: tuple[int, ...]) -> "Tiles":
        """Look at a convolution of senders (C, *positions); what is found has names that begin with ``name``."""
        channels, inputs = receivers[0], senders[0]
        places, positions = prod(receivers[1:]), prod(senders[1:])
        number = torch.arange(1, positions + 1, dtype=layout.module.weight.dtype).reshape(1, 1, *senders[1:])
        patch = layout.sender(number)[0, 0].numpy().astype(np.int32) - 1  # (places, offsets); -1: padding
        where = np.argsort(patch, axis=None, kind="stable")[(patch < 0).sum() :]
        offsets = patch.shape[1]
        rank = np.arange(channels * places).reshape(channels, places).T
        lists = {
            "patch": patch, "uses.start": np.searchsorted(patch.ravel()[where], np.arange(positions + 1)),
            "uses.place": where // offsets, "uses.offset": where % offsets, "rank": rank,
        }  # fmt: skip
        numbers = {
            "inputs": inputs, "channels": channels, "places": places, "width": inputs * offsets, "offsets": offsets,
            "positions": positions,
        }  # fmt: skip
        tensors = {name + key: torch.from_numpy(np.array(value, np.int32, order="C")) for key, value in lists.items()}
        return Tiles({name + key: size for key, size in numbers.items()}, tensors)
