"""What ``spikelet train`` trains, as data: one row of `RECIPES` for each data set and name.

A recipe is all that decides the result of a run. It is stored beside the checkpoints, and two runs of one recipe on one
machine give the same weights, bit for bit.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from spikelet.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor


SCHEDULES = ("constant", "cosine")
LOSSES = {"mean": "cross_entropy_rate", "sum": "cross_entropy_membrane_sum", "max": "cross_entropy_max_membrane"}
ENCODERS = {  # by the kind of data that each takes
    "images": ("constant", "bernoulli", "latency"),
    "sounds": ("cochlea",),
    "events": ("frames",),
}
KINDS = {"fsdd": "sounds", "nmnist": "events"}  # all others are images
NETWORKS = ("dense", "recurrent", "convolution")


@dataclass(frozen=True)
class Recipe:
    """A data set, a network, a loss and an optimiser.

    Attributes:
        dataset: name of a function of `spikelet.datasets`.
        name: what ``--recipe`` calls it.
        doc: one line.
        hidden: sizes of the hidden layers; feature maps, where the network is a convolution.
        network: "dense", "recurrent" (each hidden layer hears itself) or "convolution" (5 x 5, in steps of 2).
        feedback: factor on torch's initial weights of recurrent connections.
        neuron: hidden neurons, an entry of `spikelet.neurons`.
        readout: output neurons, whose membrane is the score of a class.
        steps: time steps for each image; of recordings, which differ in length, what comes later is cut off.
        dt: length of a step [ms].
        encoder: what turns an image, a sound or events into a sequence; `encoder_parameters` are its own.
        speaker: of spoken digits, test with this speaker alone, and train with all the others.
        loss: cross-entropy of the "mean" membrane, of its "max", or of the membrane at every step, as a "sum".
        surrogate: entry of `spikelet.surrogates`.
        epochs: passes over the training images.
        batch_size: images of a training step, over all processes together.
        lr: step size of Adam; `betas` are its two averages.
        schedule: "constant", or "cosine" (falls to 0 at the last step).
        clip: gradients longer than this are shortened to it.
        shift: training images are moved by up to this many pixels in x and y, sounds by so many channels.
        seed: of the weights, shuffles, shifts and spikes.
        limit: use this many training images, and as many test images, only: the first; of sounds and events, which are
            sorted by class, as many at equal distances.
    """

    dataset: str
    name: str
    doc: str
    hidden: tuple[int, ...]
    steps: int
    epochs: int
    lr: float
    neuron: str = "LIF"
    neuron_parameters: dict[str, float] = field(default_factory=dict)
    readout: str = "LI"
    readout_parameters: dict[str, float] = field(default_factory=dict)
    dt: float = 1.0
    network: str = "dense"
    feedback: float = 1.0
    encoder: str = "constant"
    encoder_parameters: dict[str, float] = field(default_factory=dict)
    speaker: str | None = None
    loss: str = "mean"
    surrogate: str = "arctan"
    surrogate_parameters: dict[str, float] = field(default_factory=dict)
    batch_size: int = 128
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: str = "cosine"
    clip: float | None = None
    shift: int = 0
    seed: int = 0
    limit: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "epochs", "batch_size", "lr", "dt"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} must be positive, not {getattr(self, name)}")
        if self.lr > 1000:
            raise InputError(f"lr must be at most 1000, not {self.lr}")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit must be at least 1, not {self.limit}")
        if self.shift < 0:
            raise InputError(f"shift must not be negative, not {self.shift}")
        if self.clip is not None and not self.clip > 0:
            raise InputError(f"clip must be positive, not {self.clip}")
        if self.speaker is not None and self.kind != "sounds":
            raise InputError(f"{self.dataset} has no speakers")
        words = {"schedule": SCHEDULES, "loss": LOSSES, "encoder": ENCODERS[self.kind], "network": NETWORKS}
        for name, valid in words.items():
            value = getattr(self, name)
            if value not in valid:
                raise InputError(f"unknown {name} '{value}'{did_you_mean(value, valid)} (known: {', '.join(valid)})")

    @property
    def kind(self) -> str:
        """What the data set holds: "images", "sounds" or "events"."""
        return KINDS.get(self.dataset, "images")

    def to_json(self) -> dict[str, Any]:
        """Return all that decides a run (so not the description), as values that JSON keeps unchanged."""
        values = dataclasses.asdict(self)
        del values["doc"]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @staticmethod
    def from_json(values: dict[str, Any]) -> "Recipe":
        """Return the recipe of which ``to_json`` gave these values."""
        restored: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
        try:
            return Recipe(doc="", **restored)
        except TypeError as error:
            raise InputError(f"these are not the settings of a run: {error}") from error

    def loss_of(self, membrane: "Tensor", labels: "Tensor", lengths: "Tensor | None" = None) -> "Tensor":
        """Return the loss of a batch, a scalar, from the readout's membrane (T, B, classes) and labels (B,).

        Of sequences with ``lengths`` (B,), steps after the end do not count.
        """
        from spikelet import nn

        return getattr(nn.losses, LOSSES[self.loss])(membrane, labels, lengths=lengths)

    def scores(self, membrane: "Tensor", lengths: "Tensor | None" = None) -> "Tensor":
        """Return the score of each class (B, classes) from the readout's membrane (T, B, classes)."""
        import torch

        if lengths is not None:
            over = torch.arange(len(membrane), device=membrane.device)[:, None] >= lengths
            membrane = membrane.masked_fill(over[:, :, None], -math.inf if self.loss == "max" else 0.0)
        return membrane.amax(0) if self.loss == "max" else membrane.sum(0)

    def changed(self, **changes: Any) -> "Recipe":
        """Return the recipe with the changes that are not ``None``."""
        return dataclasses.replace(self, **{name: value for name, value in changes.items() if value is not None})


_TAU = 10.0  # ms
# With R = tau_mem/dt an input of 1 raises the membrane by about 1 in a step: what torch's initial weights are made for.
_LIF = {"tau_mem": _TAU, "R": _TAU}
_MNIST = Recipe(
    dataset="mnist",
    name="default",
    doc="784-256-10, leaky map that keeps what exceeds the threshold, the image as a constant current",
    hidden=(256,),
    neuron="Leaky",
    neuron_parameters={"beta": 0.9},
    readout_parameters=_LIF,
    steps=6,
    epochs=8,
    lr=2e-3,
    shift=1,
)
_ARTICLE = Recipe(
    dataset="mnist",
    name="article",
    doc="784-1000-10, the discrete leaky map of the introductory articles, 25 steps, one epoch",
    hidden=(1000,),
    neuron="LeakyDelayed",
    neuron_parameters={"beta": 0.95, "v_th": 1.0},
    readout="LeakyDelayed",
    readout_parameters={"beta": 0.95, "v_th": 1.0},
    steps=25,
    loss="sum",
    epochs=1,
    lr=5e-4,
    schedule="constant",
)
_DIGITS = Recipe(
    dataset="digits",
    name="default",
    doc="64-256-10, leaky integrate-and-fire, the image as a constant current",
    hidden=(256,),
    neuron_parameters=_LIF,
    readout_parameters=_LIF,
    steps=10,
    epochs=20,
    batch_size=64,
    lr=2e-3,
)
_FSDD = Recipe(
    dataset="fsdd",
    name="default",
    doc="64 channels of a cochlea, two recurrent layers of 128 LIF, recordings of any length",
    hidden=(128, 128),
    network="recurrent",
    feedback=0.3,
    neuron_parameters={"tau_mem": 50.0, "R": 12.5},
    readout_parameters={"tau_mem": 40.0, "R": 4.0},
    surrogate="fast_sigmoid",
    surrogate_parameters={"alpha": 10.0},
    encoder="cochlea",
    encoder_parameters={"bank": 64, "gain": 10.0},
    steps=250,
    dt=4.0,
    epochs=16,
    batch_size=32,
    lr=4e-3,
    clip=1.0,
    shift=1,
)
_FSDD_QUICK = dataclasses.replace(
    _FSDD,
    name="quick",
    doc="the same with one layer, 32 channels and steps of 8 ms: a minute or less",
    hidden=(96,),
    encoder_parameters={"bank": 32, "gain": 10.0},
    neuron_parameters={"tau_mem": 50.0, "R": 6.25},
    steps=125,
    dt=8.0,
    epochs=10,
)
_NMNIST = Recipe(
    dataset="nmnist",
    name="default",
    doc="34 x 34 pixels, two convolutions of 12 and 32 maps of LIF, events in 15 steps of 20 ms",
    hidden=(12, 32),
    network="convolution",
    neuron_parameters={"tau_mem": 30.0, "R": 3.0},
    readout_parameters={"tau_mem": 60.0, "R": 6.0},
    surrogate="fast_sigmoid",
    surrogate_parameters={"alpha": 5.0},
    encoder="frames",
    steps=15,
    dt=20.0,
    epochs=4,
    batch_size=32,
    lr=3e-3,
    clip=1.0,
    shift=1,
    limit=12_000,
)
_NMNIST_QUICK = dataclasses.replace(_NMNIST, name="quick", doc="the same with 1,000 recordings", epochs=4, limit=1000)
RECIPES = {
    (recipe.dataset, recipe.name): recipe
    for recipe in (
        _DIGITS,
        _MNIST,
        _ARTICLE,
        dataclasses.replace(_MNIST, dataset="fashion-mnist"),
        dataclasses.replace(_ARTICLE, dataset="fashion-mnist"),
        _FSDD,
        _FSDD_QUICK,
        _NMNIST,
        _NMNIST_QUICK,
    )
}
DATASETS = tuple(dict.fromkeys(dataset for dataset, _ in RECIPES))


def find(dataset: str, name: str = "default") -> Recipe:
    """Return a recipe by data set and name.

    Raises:
        InputError: there is none; the message names the nearest.

    Example:
        >>> find("mnist", "article").hidden
        (1000,)
    """
    if dataset not in DATASETS:
        raise InputError(
            f"unknown data set '{dataset}'{did_you_mean(dataset, DATASETS)} (known: {', '.join(DATASETS)})"
        )
    names = [known for of, known in RECIPES if of == dataset]
    if name not in names:
        raise InputError(f"{dataset} has no recipe '{name}'{did_you_mean(name, names)} (known: {', '.join(names)})")
    return RECIPES[dataset, name]
