"""Diehl & Cook 2015: a layer of competing neurons learns what digits look like, without labels.

One pass over the 60,000 images of MNIST, with 100 and with 400 neurons. Then weights and thresholds rest; each neuron
is given the class of the images to which it answers most, over 10,000 images of the training set; a test image belongs
to the class whose neurons answer most on average. `digits_layer` is the layer, and tells what differs from the paper,
which makes three passes; `diehl_cook` is the network with inhibitory neurons and conductances, in the simulator.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikelet import datasets, decode, plot
from spikelet.experiments import digits_layer as digits
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress

SIZES = {100: ("82.9 %", 78.0), 400: ("87.0 %", 82.0)}  # neurons -> published accuracy, and gate [%]
INHIBITION = 120.0  # mV
PASSES = 1


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Train and test layers of both sizes on MNIST; quickly, a small one on a synthetic twin of it."""
    if quick:
        train, test = (
            datasets.twin("mnist", part, each=each, seed=seed) for part, each in (("train", 80), ("test", 20))
        )
    else:
        train, test = datasets.mnist("train"), datasets.mnist("test")
    found, series = [], {}
    for n, (published, gate) in ({50: ("", 0.0)} if quick else SIZES).items():
        accuracy = one(train, test, n, seed, series, progress)
        found.append(Figure(f"test accuracy, {n} neurons", accuracy, published, "memory", (gate, 100), "%"))
    details = {
        "images": len(train), "passes": PASSES, "images for the test": len(test), "batch": digits.BATCH,
        "labels from": min(digits.BLOCK, len(train)),
    }  # fmt: skip
    return found, details, series


def one(
    train: datasets.Images, test: datasets.Images, n: int, seed: int, series: dict[str, np.ndarray], progress: Progress
) -> float:
    """Train and test one layer, add what it shows to ``series``, and return the accuracy [%]."""
    import torch

    inhibition = -INHIBITION * (1 - torch.eye(n))
    trained = digits.train(
        train.pixels, train.labels, lambda _: inhibition, n=n, passes=PASSES, seed=seed, progress=progress
    )
    known = slice(0, digits.BLOCK)
    rests = {"seed": seed + 1, "progress": progress}
    known_answers = digits.answered(trained, inhibition, train.pixels[known], **rests)
    shares = decode.assign_classes(known_answers[None], train.labels[known], digits.CLASSES)
    told = decode.classify_vote(digits.answered(trained, inhibition, test.pixels, **rests)[None], shares)
    table = np.zeros((digits.CLASSES, digits.CLASSES), np.int64)
    some = told >= 0  # the others are images to which nobody answers
    np.add.at(table, (test.labels[some], told[some]), 1)
    series |= {
        f"{n}, weights": trained.weights, f"{n}, theta": trained.theta, f"{n}, curve": trained.curve,
        f"{n}, confusion": table,
    }  # fmt: skip
    return 100 * float((told == test.labels).mean())


def draw(outcome: Outcome) -> Any:
    """Draw what the neurons of the largest layer have learned, accuracy over training, and the confusion."""
    series: Mapping[str, np.ndarray] = outcome.series
    sizes = sorted({int(name.partition(",")[0]) for name in series})
    figure, axes = plot.figure(13, 4.6, columns=3)
    plot.receptive_fields(series[f"{sizes[-1]}, weights"], (28, 28), most=sizes[-1], ax=axes[0])
    for n, colour in zip(sizes, plot.COLOURS, strict=False):
        curve = series[f"{n}, curve"]
        axes[1].plot(curve[:, 0] / 1000, curve[:, 1], "o-", color=colour, markersize=4, label=f"{n} neurons")
    axes[1].set_xlabel("thousand images of training")
    axes[1].set_ylabel("accuracy in a block of training [%]")
    axes[1].set_ylim(None, 100)
    axes[1].spines[["top", "right"]].set_visible(False)
    axes[1].legend(frameon=False, fontsize=8)
    plot.confusion(series[f"{sizes[-1]}, confusion"], ax=axes[2])
    return figure


PAPER = Paper(
    name="diehl_cook_2015",
    title="Competing neurons learn handwritten digits without labels",
    ref="Diehl & Cook 2015, Front. Comput. Neurosci. 9:99",
    run=run,
    draw=draw,
)
