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

    from spikelet import nn

SCHEDULES = ("constant", "cosine")
LOSSES = {"mean": "cross_entropy_rate", "sum": "cross_entropy_membrane_sum", "max": "cross_entropy_max_membrane"}
ENCODERS = ("constant", "bernoulli", "latency")


@dataclass(frozen=True)
class Recipe:
    """A data set, a network, a loss and an optimiser.

    Attributes:
        dataset: name of a function of `spikelet.datasets`.
        name: what ``--recipe`` calls it.
        doc: one line.
        hidden: sizes of the hidden layers.
        neuron: hidden neurons, an entry of `spikelet.neurons`.
        readout: output neurons, whose membrane is the score of a class.
        steps: time steps for each image.
        dt: length of a step [ms].
        encoder: function of `spikelet.encode` that turns an image into a sequence.
        loss: cross-entropy of the "mean" membrane, of its "max", or of the membrane at every step, as a "sum".
        surrogate: entry of `spikelet.surrogates`.
        epochs: passes over the training images.
        batch_size: images of a training step, over all processes together.
        lr: step size of Adam; `betas` are its two averages.
        schedule: "constant", or "cosine" (falls to 0 at the last step).
        shift: training images are moved by up to this many pixels in x and y.
        seed: of the weights, shuffles, shifts and spikes.
        limit: use this many training images, and as many test images, only.
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
    encoder: str = "constant"
    loss: str = "mean"
    surrogate: str = "arctan"
    surrogate_parameters: dict[str, float] = field(default_factory=dict)
    batch_size: int = 128
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: str = "cosine"
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
        for name, valid in (("schedule", SCHEDULES), ("loss", tuple(LOSSES)), ("encoder", ENCODERS)):
            value = getattr(self, name)
            if value not in valid:
                raise InputError(f"unknown {name} '{value}'{did_you_mean(value, valid)} (known: {', '.join(valid)})")

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

    def loss_of(self, membrane: "Tensor", labels: "Tensor") -> "Tensor":
        """Return the loss of a batch, a scalar, from the readout's membrane (T, B, classes) and labels (B,)."""
        from spikelet import nn

        return getattr(nn.losses, LOSSES[self.loss])(membrane, labels)

    def scores(self, membrane: "Tensor") -> "Tensor":
        """Return the score of each class (B, classes) from the readout's membrane (T, B, classes)."""
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
RECIPES = {
    (recipe.dataset, recipe.name): recipe
    for recipe in (
        _DIGITS,
        _MNIST,
        _ARTICLE,
        dataclasses.replace(_MNIST, dataset="fashion-mnist"),
        dataclasses.replace(_ARTICLE, dataset="fashion-mnist"),
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


def build(recipe: Recipe, inputs: int, classes: int) -> "nn.Sequential":
    """Return the network of a recipe, its weights drawn from the recipe's seed.

    Args:
        recipe: what to build.
        inputs: pixels of an image.
        classes: number of classes.
    """
    import torch

    from spikelet import neurons, nn, surrogates

    hidden = getattr(neurons, recipe.neuron)(**recipe.neuron_parameters)
    readout = getattr(neurons, recipe.readout)(**recipe.readout_parameters)
    surrogate = getattr(surrogates, recipe.surrogate)(**recipe.surrogate_parameters)
    layers: list[torch.nn.Module] = []
    with torch.random.fork_rng(devices=[]):  # leave the caller's generator alone
        torch.manual_seed(recipe.seed)
        for size in recipe.hidden:
            layers += [torch.nn.Linear(inputs, size), nn.Neurons(hidden, dt=recipe.dt, surrogate=surrogate)]
            inputs = size
        layers += [torch.nn.Linear(inputs, classes)]
    layers += [nn.Neurons(readout, dt=recipe.dt, surrogate=surrogate, output="v")]
    return nn.Sequential(*layers)
