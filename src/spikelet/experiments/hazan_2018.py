"""Hazan et al. 2018: inhibition that grows with distance makes a map, on which neighbours stand for similar digits.

The neurons of `digits_layer` stand on a square lattice. First a spike inhibits others the more the farther away they
are, by c*sqrt(d), so that neighbours fire for the same images and learn alike; c is small, for a map of the whole
lattice, and then grows ("increasing inhibition"). For the rest of the training all others are inhibited alike, so that
each becomes a specialist ("two-level inhibition"). A second layer, in which all are inhibited alike from the first
image on, is trained with the same images, to compare: it is that of `diehl_cook_2015`.

The rule of `digits_layer` lets a neuron learn that fires more than once for an image, which neighbours of a winner
seldom do. So as long as the map forms each spike counts as a second one, which is the pair rule of the paper. The map
is given few images: neighbours that have become the same go on to fire once each, and learn no more.

What the paper has and this has not: that the lattice learns faster, and ends a point or two above the layer without
it. Here that layer learns from few images as well, and neurons that were alike first must become specialists.

Three ways to read the layers are compared: the class whose neurons answer most on average ("all"); answers weighted by
how surely a neuron stands for a class ("confidence"); and pairs of spikes in their order ("2-gram"): how often each
pair comes for each class is counted in the training set, and the logarithms of the shares are added up.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet import datasets, decode, plot
from spikelet.experiments import digits_layer as digits
from spikelet.experiments.digits_curve import BLOCK as ANSWERED, CLASSES, Trained
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress
from spikelet.rule import Rule

if TYPE_CHECKING:
    from torch import Tensor

NEURONS, QUICK_NEURONS = 400, 49
PASSES = 1
NEAR = 5.0, 30.0  # c, as the map begins and as it ends [mV]
LATER, ALONE = 160.0, 120.0  # what a spike takes from all others: after the map, and without one [mV]
MAP, QUICK_MAP = (0.01, 0.02), (0.2, 0.3)  # shares of the training at the first c, and of its growth
BLOCK = 5_000  # images between points of the curve
SPIKES = 64  # of a sample that are looked at, in their order
GRAMS = 50_000  # rows of pairs that are counted at a time
LATTICE, SAME = "lattice", "all alike"  # the layers

MapSTDP = Rule(
    "MapSTDP",
    """
    early[k+1] = early : 1 (network)         # 1 while the map forms, then 0
    dx_pre/dt = -x_pre/tau_pre : 1 (pre)
    dx_post1/dt = -x_post1/tau_post1 : 1 (post)
    dx_post2/dt = -x_post2/tau_post2 : 1 (post)
    tau_pre = 20 ms;  tau_post1 = 20 ms;  tau_post2 = 40 ms
    a_pre = 0.0001;  a_post = 0.01;  a_pair = 0.005
    w_max = 1
    """,
    on_pre="x_pre = 1; w = clip(w - a_pre*x_post1, 0, w_max)",
    on_post="w = clip(w + x_pre*(early*a_pair + (1 - early)*a_post*x_post2), 0, w_max); x_post1 = 1; x_post2 = 1",
    doc="First the pair rule of Hazan et al., by which each spike potentiates, then `DiehlCookSTDP`, by which only one "
    "after another does.",
    ref="Hazan et al. 2018; Diehl & Cook 2015",
)


@dataclass(frozen=True)
class Layer:
    """A layer after training, and what it says of the images for the test.

    Attributes:
        trained: it.
        accuracy: by the way to read it [%].
    """

    trained: Trained
    accuracy: Mapping[str, float]


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Train both layers on MNIST, and read each in three ways; quickly, small ones on a synthetic twin."""
    if quick:
        train, test = (
            datasets.twin("mnist", part, each=each, seed=seed) for part, each in (("train", 50), ("test", 10))
        )
    else:
        train, test = datasets.mnist("train"), datasets.mnist("test")
    n, shares = (QUICK_NEURONS, QUICK_MAP) if quick else (NEURONS, MAP)
    layers = {name: one(train, test, n, own, seed, progress) for name, own in ((LATTICE, shares), (SAME, None))}
    distance, similarity = alike(layers[LATTICE].trained.weights)
    series = {"distance": distance}
    for name, layer in layers.items():
        series |= {
            f"{name}, weights": layer.trained.weights, f"{name}, curve": layer.trained.curve,
            f"{name}, similarity": alike(layer.trained.weights)[1],
        }  # fmt: skip
    details = {
        "neurons": n, "images": len(train), "passes": PASSES, "images for the test": len(test), "batch": digits.BATCH,
        "labels from": min(ANSWERED, len(train)), "share of the map": sum(shares),
    }  # fmt: skip
    return [*accuracies(n, layers), *neighbours(n, distance, similarity)], details, series


def one(
    train: datasets.Images, test: datasets.Images, n: int, shares: tuple[float, float] | None, seed: int,
    progress: Progress,
) -> Layer:  # fmt: skip
    """Train a layer, with ``shares`` as `MAP` or, with None, without a map, and read it."""
    inhibition = functools.partial(inhibited, n, shares)
    trained = digits.train(
        train.pixels, train.labels, inhibition, n=n, passes=PASSES, seed=seed, progress=progress, learning=rule(n),
        signals=lambda done: {"early": phase(early=shares is not None and done < sum(shares))}, block=BLOCK,
    )  # fmt: skip
    known = slice(0, ANSWERED)
    more = {"seed": seed + 1, "progress": progress, "look": ordered}
    learned = digits.answered(trained, inhibition(1.0), train.pixels[known], **more)
    asked = digits.answered(trained, inhibition(1.0), test.pixels, **more)
    told = readings(learned, train.labels[known], asked, n)
    return Layer(trained, {name: 100 * float((classes == test.labels).mean()) for name, classes in told.items()})


def rule(n: int) -> Rule:
    """Return the rule of a layer of n, with the steps of that of `digits_layer`."""
    return MapSTDP(a_post=digits.potentiation(n), a_pair=digits.potentiation(n) / 2)


def inhibited(n: int, shares: tuple[float, float] | None, done: float) -> "Tensor":
    """Return what spikes do to other neurons after a share of the training, (n, n)."""
    from spikelet.nn.competition import inhibition_level

    if shares is None or done >= sum(shares):
        return digits.all_alike(n, LATER if shares else ALONE)
    return _lattice(n, round(inhibition_level(done, *NEAR, p_low=shares[0], p_grow=shares[1])))


@functools.cache
def _lattice(n: int, strength: int) -> "Tensor":
    from spikelet.nn.competition import lattice_inhibition

    return lattice_inhibition(n, strength).weight.detach()


@functools.cache
def phase(*, early: bool) -> "Tensor":
    """Return the signal of a phase, for each step of an image."""
    import torch

    return torch.full((digits.STEPS,), float(early))


# -- figures -----------------------------------------------------------------------------------------------------------


def accuracies(n: int, layers: Mapping[str, Layer]) -> list[Figure]:
    """Return the published accuracies, and ours."""
    found = []
    for name, percent in layers[LATTICE].accuracy.items():
        published = "about 94 % with 1600 neurons" if name == "2-gram" else ""
        found.append(Figure(f"test accuracy, {n} neurons, {name}", percent, published, "memory", (80, 100), "%"))
    for name, percent in layers[SAME].accuracy.items():
        what = f"test accuracy, {n} neurons, {name}, all inhibited alike"
        found.append(Figure(what, percent, "", "memory", (80, 100), "%"))
    more = layers[LATTICE].accuracy["2-gram"] - layers[SAME].accuracy["2-gram"]
    found.append(Figure("gain by the lattice, 2-gram", more, "1 to 2 %", "memory", (1, 100), "%"))
    for name, layer in layers.items():
        what, published = f"accuracy over images 5,000 to 10,000 of training, {name}", "90 %" * (name == LATTICE)
        points = layer.trained.curve[layer.trained.curve[:, 0] == 2 * BLOCK, 1]  # of a quick run none
        found += [Figure(what, float(percent), published, "memory", (80, 100), "%") for percent in points]
    return found


def neighbours(n: int, distance: np.ndarray, similarity: np.ndarray) -> list[Figure]:
    """Return how much the neurons' likeness falls with their distance on the lattice."""
    near = distance <= np.sqrt(n) / 2  # farther pairs are few
    falls = float(np.corrcoef(distance[near], similarity[near])[0, 1])
    ahead = float(similarity[0] - similarity[~near].mean())
    return [
        Figure("correlation of the likeness of weights with distance", falls, "it falls", "memory", (-1, -0.5)),
        Figure("likeness of next neighbours above that of far ones", ahead, "more alike", "memory", (0.05, 1)),
    ]


# -- reading the layer -------------------------------------------------------------------------------------------------


def ordered(spikes: np.ndarray) -> np.ndarray:
    """Return who fired, in order, (B, `SPIKES`), -1 where nobody did any more; spikes are (T, B, n), one a step."""
    found = np.full((spikes.shape[1], SPIKES), -1, np.int32)
    for row, sample in zip(found, spikes.transpose(1, 0, 2), strict=True):
        ids = np.nonzero(sample)[1][:SPIKES]
        row[: len(ids)] = ids
    return found


def readings(learned: np.ndarray, labels: np.ndarray, asked: np.ndarray, n: int) -> dict[str, np.ndarray]:
    """Return what each way to read the layer says of the images asked for.

    Args:
        learned: (K, `SPIKES`) from `ordered`, of images whose classes are known.
        labels: (K,) their classes.
        asked: (L, `SPIKES`) of the others.
        n: Number of neurons.
    """
    answers, shares = counted(asked, n)[None], decode.assign_classes(counted(learned, n)[None], labels, CLASSES)
    return {
        "all": decode.classify_vote(answers, shares),
        "confidence": decode.classify_vote(answers, shares, proportional=True),
        "2-gram": by_pairs(learned, labels, asked, n),
    }


def counted(sequences: np.ndarray, n: int) -> np.ndarray:
    """Return the spikes of each neuron, (K, n)."""
    found = np.zeros((len(sequences), n + 1), np.float32)
    np.add.at(found, (np.arange(len(sequences))[:, None], sequences), 1)  # -1 is the last column
    return found[:, :n]


def by_pairs(learned: np.ndarray, labels: np.ndarray, asked: np.ndarray, n: int) -> np.ndarray:
    """Return the class for which the pairs of spikes of a sample, one after the other, speak most, (L,)."""
    table = np.ones((n * n, CLASSES))  # one of each, so that a new pair says nothing
    which, pair = pairs(learned, n)
    np.add.at(table, (pair, labels[which]), 1)
    share = np.log(table / table.sum(1, keepdims=True))
    which, pair = pairs(asked, n)
    evidence = np.zeros((len(asked), CLASSES))
    for begin in range(0, len(which), GRAMS):
        part = slice(begin, begin + GRAMS)
        np.add.at(evidence, which[part], share[pair[part]])
    return np.argmax(evidence, axis=1)


def pairs(sequences: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sample of each pair of spikes, and its number, first*n + second."""
    first, second = sequences[:, :-1], sequences[:, 1:]
    which, place = np.nonzero(second >= 0)
    return which, first[which, place].astype(np.int64) * n + second[which, place]


def alike(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distances on the lattice, ascending, and the mean correlation of the weights of neurons so far apart."""
    side = round(len(weights) ** 0.5)
    place = np.stack(np.divmod(np.arange(len(weights)), side), 1)
    squares = ((place[:, None] - place[None]) ** 2).sum(-1)
    likeness = np.corrcoef(weights)
    found = np.unique(squares[squares > 0])
    return np.sqrt(found), np.array([likeness[squares == square].mean() for square in found])


# -- what it shows -----------------------------------------------------------------------------------------------------


def draw(outcome: Outcome) -> Any:
    """Draw the map, the likeness of neurons over their distance, and accuracy over training."""
    series = outcome.series
    figure, axes = plot.figure(13, 4.6, columns=3)
    weights = series[f"{LATTICE}, weights"]
    plot.receptive_fields(weights, (28, 28), most=len(weights), ax=axes[0])
    axes[0].set_title("weights, each neuron in its place", fontsize=9)
    for name, colour in zip((LATTICE, SAME), plot.COLOURS, strict=False):
        axes[1].plot(series["distance"], series[f"{name}, similarity"], ".", color=colour, label=name)
        curve = series[f"{name}, curve"]
        axes[2].plot(curve[:, 0] / 1000, curve[:, 1], "o-", color=colour, markersize=4, label=name)
    axes[1].set_xlabel("distance on the lattice")
    axes[1].set_ylabel("mean correlation of weights")
    axes[2].set_xlabel("thousand images of training")
    axes[2].set_ylabel("accuracy in a block of training [%]")
    for axis in axes[1:]:
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8)
    return figure


PAPER = Paper(
    name="hazan_2018",
    title="Inhibition that grows with distance: a map of digits, learned without labels",
    ref="Hazan, Saunders, Sanghavi, Siegelmann & Kozma 2018, arXiv:1807.09374",
    run=run,
    draw=draw,
)
