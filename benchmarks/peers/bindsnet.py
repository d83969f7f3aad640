"""BindsNET: its network of Diehl & Cook, trained on images one after the other or in batches, as its examples do it.

It imports torchvision and ale_py for data sets, pictures and games that are not used here, and builds of the first need
the very torch that they were made for: where one of them is not installed, empty modules stand in for it.
"""

import importlib.util
import sys
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

NAMES = {
    "ale_py": (),
    "torchvision": (),
    "torchvision.datasets": (
        "CIFAR10", "CIFAR100", "Cityscapes", "CocoCaptions", "CocoDetection", "DatasetFolder", "EMNIST", "FakeData",
        "FashionMNIST", "Flickr30k", "Flickr8k", "ImageFolder", "KMNIST", "LSUN", "LSUNClass", "MNIST", "Omniglot",
        "PhotoTour", "SBU", "SEMEION", "STL10", "SVHN", "VOCDetection", "VOCSegmentation",
    ),
    "torchvision.transforms": (),
    "torchvision.utils": ("make_grid",),
}  # fmt: skip


def _stand_in() -> None:
    """Put empty modules in the place of what is not there."""
    there = {name for name in NAMES if "." not in name and importlib.util.find_spec(name) is not None}
    for name, classes in NAMES.items():
        if name.partition(".")[0] in there:
            continue
        module = sys.modules[name] = ModuleType(name)
        for own in classes:
            setattr(module, own, type(own, (), {}))
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)


def _bindsnet() -> tuple[Any, Any]:
    """Return its encoder and its network, after what it imports stands in."""
    _stand_in()
    from bindsnet.encoding import poisson
    from bindsnet.models import DiehlAndCook2015

    return poisson, DiehlAndCook2015


poisson, DiehlAndCook2015 = _bindsnet()


class Digits:
    """Its network of Diehl & Cook, which learns.

    Args:
        neurons: excitatory ones.
        time: steps of 1 ms for each image.
        batch: images at once.
    """

    def __init__(self, neurons: int, time: int, batch: int):
        self.time, self.batch = time, batch
        self.network = DiehlAndCook2015(
            n_inpt=784, n_neurons=neurons, batch_size=batch, norm=78.4, theta_plus=0.05, inpt_shape=(1, 28, 28)
        )  # fmt: skip

    def train(self, pixels: Tensor) -> None:
        """Learn images (K, 28, 28) from 0 to 255: encode them, run, forget all but weights and thresholds."""
        for part in (pixels.float() / 4).split(self.batch):  # 63.75 Hz at most
            spikes = torch.stack([poisson(image[None], self.time, dt=1.0) for image in part], dim=1)
            self.network.run(inputs={"X": spikes}, time=self.time)
            self.network.reset_state_variables()
