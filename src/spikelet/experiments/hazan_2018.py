"""Hazan et al. 2018: inhibition that grows with distance makes a map, on which neighbours stand for similar digits.

The neurons of `digits_layer` stand on a square lattice. First a spike inhibits others the more the farther away they
are, -min(c, c_lattice*sqrt(d)), so that neighbours fire for the same images and learn alike; after a share of the
training all others are inhibited alike, so that each becomes a specialist ("two-level inhibition").

Three ways to read the layer are compared: the class whose neurons answer most on average ("all"); answers weighted by
how surely a neuron stands for a class ("confidence"); and pairs of spikes in their order ("2-gram"): how often each
pair comes for each class is counted in the training set, and the logarithms of the shares are added up.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet import datasets, decode, plot
from spikelet.experiments import digits_layer as digits
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress

if TYPE_CHECKING:
    from torch import Tensor

NEURONS, QUICK_NEURONS = 225, 49
PASSES = 1
STRENGTH, MOST = 40.0, 120.0  # c_lattice and c [mV]
LOW = 0.3  # share of the training in which neighbours are spared
SPIKES = 64  # of a sample that are looked at, in their order
GRAMS = 50_000  # rows of pairs that are counted at a time


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Train a layer on MNIST, and read it in three ways; quickly, a small one on a synthetic twin."""
    if quick:
        train, test = (
            datasets.twin("mnist", part, each=each, seed=seed) for part, each in (("train", 80), ("test", 20))
        )
    else:
        train, test = datasets.mnist("train"), datasets.mnist("test")
    n = QUICK_NEURONS if quick else NEURONS
    trained = digits.train(
        train.pixels, train.labels, lambda done: inhibition(n, done), n=n, passes=PASSES, seed=seed, progress=progress
    )
    known = slice(0, digits.BLOCK)
    more = {"seed": seed + 1, "progress": progress, "look": ordered}
    learned = digits.answered(trained, inhibition(n, 1.0), train.pixels[known], **more)
    asked = digits.answered(trained, inhibition(n, 1.0), test.pixels, **more)
    told = readings(learned, train.labels[known], asked, n)
    accuracy = {name: 100 * float((classes == test.labels).mean()) for name, classes in told.items()}
    distance, similarity = alike(trained.weights)
    series = {
        "weights": trained.weights, "curve": trained.curve, "distance": distance, "similarity": similarity,
        "accuracy": np.array(list(accuracy.values())),
    }  # fmt: skip
    details = {
        "neurons": n, "images": len(train), "passes": PASSES, "images for the test": len(test), "batch": digits.BATCH,
        "labels from": min(digits.BLOCK, len(train)), "share of low inhibition": LOW,
    }  # fmt: skip
    return figures(n, accuracy, distance, similarity), details, series


def figures(n: int, accuracy: Mapping[str, float], distance: np.ndarray, similarity: np.ndarray) -> list[Figure]:
    """Return the published figures, and ours."""
    found = []
    for name, percent in accuracy.items():
        published = "about 94 % with 1600 neurons" if name == "2-gram" else ""
        found.append(Figure(f"test accuracy, {n} neurons, {name}", percent, published, "memory", (80, 100), "%"))
    near = distance <= np.sqrt(n) / 2  # farther pairs are few
    falls = float(np.corrcoef(distance[near], similarity[near])[0, 1])
    what = "correlation of the likeness of weights with distance"
    found.append(Figure(what, falls, "neighbours are alike", "memory", (-1, -0.5)))
    return found


def inhibition(n: int, done: float) -> "Tensor":
    """Return what spikes do to other neurons, (n, n), after a share of the training."""
    from spikelet.nn.competition import lateral_inhibition, lattice_inhibition

    low = done < LOW
    return (lattice_inhibition(n, STRENGTH, most=MOST) if low else lateral_inhibition(n, MOST)).weight.detach()


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
    answers, shares = counted(asked, n)[None], decode.assign_classes(counted(learned, n)[None], labels, digits.CLASSES)
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
    table = np.ones((n * n, digits.CLASSES))  # one of each, so that a new pair says nothing
    which, pair = pairs(learned, n)
    np.add.at(table, (pair, labels[which]), 1)
    share = np.log(table / table.sum(1, keepdims=True))
    which, pair = pairs(asked, n)
    evidence = np.zeros((len(asked), digits.CLASSES))
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
    plot.receptive_fields(series["weights"], (28, 28), most=len(series["weights"]), ax=axes[0])
    axes[0].set_title("weights, each neuron in its place", fontsize=9)
    axes[1].plot(series["distance"], series["similarity"], ".", color=plot.COLOURS[0])
    axes[1].set_xlabel("distance on the lattice")
    axes[1].set_ylabel("mean correlation of weights")
    curve = series["curve"]
    axes[2].plot(curve[:, 0] / 1000, curve[:, 1], "o-", color=plot.COLOURS[1], markersize=4)
    axes[2].set_xlabel("thousand images of training")
    axes[2].set_ylabel("accuracy in a block of training [%]")
    for axis in axes[1:]:
        axis.spines[["top", "right"]].set_visible(False)
    return figure


PAPER = Paper(
    name="hazan_2018",
    title="Inhibition that grows with distance: a map of digits, learned without labels",
    ref="Hazan, Saunders, Sanghavi, Siegelmann & Kozma 2018, arXiv:1807.09374",
    run=run,
    draw=draw,
)
