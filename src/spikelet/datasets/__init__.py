"""Data sets: images, sounds and events with labels, read from files that are never fetched behind your back.

| name | holds | from |
|---|---|---|
| `digits` | 1,797 handwritten digits of 8 x 8 | inside scikit-learn |
| `mnist` | 70,000 handwritten digits of 28 x 28 | ``mnist/`` of `data_folder`, or torchvision's ``MNIST/raw/`` |
| `fashion_mnist` | 70,000 articles of clothing of 28 x 28 | ``fashion-mnist/``, or ``FashionMNIST/raw/`` |
| `free_spoken_digits` | 3,000 recordings of spoken digits, 8 kHz | ``fsdd/`` |
| `n_mnist` | 70,000 recordings of MNIST by an event camera, 34 x 34 | ``nmnist/`` |
| `moved_mnist` | the same by a model of the camera | ``mnist/`` |
| `dvs_gesture` | 1,464 gestures before an event camera, 128 x 128 | ``dvs-gesture/`` |
| `cifar10_dvs` | 10,000 pictures before an event camera, 128 x 128 | ``cifar10-dvs/`` |
| `shd`, `ssc` | 10,420 digits, 105,829 words through a cochlea of 700 channels | ``shd/``, ``ssc/`` |

`TABLE` has all of it with sources, checksums, licences and papers; `download` fetches what is missing, `twin` makes a
small synthetic one of the same kind, and `Sequences` with `collate` give any of them to torch, time first.

The data folder is what the environment variable ``SPIKELET_DATA`` names, else ``spikelet`` in the user's cache folder.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spikelet.datasets import images, recordings, sounds
from spikelet.datasets.download import download
from spikelet.datasets.folder import Split, data_folder
from spikelet.datasets.images import Images, digits, fashion_mnist, mnist
from spikelet.datasets.recordings import Recordings, cifar10_dvs, dvs_gesture, moved_mnist, n_mnist, shd, ssc
from spikelet.datasets.sequences import Batch, Example, Sequences, collate, encoded, event_frames, heard
from spikelet.datasets.sounds import SPEAKERS, Sounds, free_spoken_digits
from spikelet.datasets.table import TABLE, File, Source
from spikelet.datasets.twins import twin
from spikelet.errors import DataError

IMAGES: dict[str, Callable[[Split], Images]] = {"digits": digits, "mnist": mnist, "fashion-mnist": fashion_mnist}
"""Those of images, by the name that the command line uses."""

LOADERS: dict[str, Callable[..., Any]] = {
    **IMAGES,
    "fsdd": free_spoken_digits,
    "nmnist": n_mnist,
    "dvs-gesture": dvs_gesture,
    "cifar10-dvs": cifar10_dvs,
    "shd": shd,
    "ssc": ssc,
}
"""Function of each data set, by the name that the command line uses."""

_PLACES: dict[str, Callable[[], Path | str]] = {
    "digits": images.digits_place,
    "mnist": lambda: images.idx_place(images.MNIST),
    "fashion-mnist": lambda: images.idx_place(images.FASHION),
    "fsdd": sounds.place,
}


def available() -> dict[str, Path | str]:
    """Return where each data set was found (a path) or why it was not (a text); no file is read.

    Example:
        >>> list(available())[:4]
        ['digits', 'mnist', 'fashion-mnist', 'fsdd']
    """
    return {name: _found(name) for name in LOADERS}


def _found(name: str) -> Path | str:
    try:
        return _PLACES[name]() if name in _PLACES else recordings.place(name)
    except DataError as error:
        return str(error).removeprefix(f"{name}: ")


__all__ = [
    "IMAGES",
    "LOADERS",
    "SPEAKERS",
    "TABLE",
    "Batch",
    "Example",
    "File",
    "Images",
    "Recordings",
    "Sequences",
    "Sounds",
    "Source",
    "Split",
    "available",
    "cifar10_dvs",
    "collate",
    "data_folder",
    "digits",
    "download",
    "dvs_gesture",
    "encoded",
    "event_frames",
    "fashion_mnist",
    "free_spoken_digits",
    "heard",
    "mnist",
    "moved_mnist",
    "n_mnist",
    "shd",
    "ssc",
    "twin",
]
