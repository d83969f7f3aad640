"""Diehl & Cook 2015: competing neurons learn what digits look like, without labels.

One pass over the 60,000 images of MNIST, with 100 and with 400 neurons. Then weights and thresholds rest; each neuron
is given the class of the images to which it answers most, over 10,000 images of the training set; a test image belongs
to the class whose neurons answer most on average.

Two forms of it learn: the network of the paper, with inhibitory neurons and conductances, in the simulator (see
`diehl_cook`); and one layer in torch, with direct inhibition, in batches (see `digits_layer`). Both tell what differs
from the paper, which makes three passes.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from spikelet import datasets, decode, plot
from spikelet.experiments import diehl_cook, digits_layer as digits
from spikelet.experiments.digits_curve import BLOCK, CLASSES, Trained
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress

SIZES = {100: ("82.9 %", 78.0), 400: ("87.0 %", 82.0)}  # neurons -> published accuracy, and gate [%]
INHIBITION = 120.0  # mV
PASSES = 1


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Train and test both forms, in both sizes, on MNIST; quickly, small ones on a synthetic twin of it."""
    if quick:
        train, test = (
            datasets.twin("mnist", part, each=each, seed=seed) for part, each in (("train", 80), ("test", 20))
        )
    else:
        train, test = datasets.mnist("train"), datasets.mnist("test")
    found, series = [], dict[str, np.ndarray]()
    for n, (published, gate) in ({50: ("", 0.0)} if quick else SIZES).items():
        for form, (learn, answer) in forms(n).items():
            accuracy, own = one(train, test, n, learn, answer, seed, progress)
            series |= {f"{form}, {n}, {name}": values for name, values in own.items()}
            what = f"test accuracy, {n} neurons, {form}"
            found.append(Figure(what, accuracy, published, "memory", (gate, 100), "%"))
    details = {
        "images": len(train), "passes": PASSES, "images for the test": len(test), "batch of the layer": digits.BATCH,
        "labels from": min(BLOCK, len(train)),
    }  # fmt: skip
    return found, details, series


def forms(n: int) -> dict[str, tuple[Callable[..., Trained], Callable[..., np.ndarray]]]:
    """Return what learns, by its name: how it is trained, and how it is asked."""
    return {
        "network": (functools.partial(diehl_cook.train, n=n, passes=PASSES), diehl_cook.answered),
        "layer": (
            lambda pixels, labels, **more: digits.train(
                pixels, labels, lambda _: digits.all_alike(n, INHIBITION), n=n, passes=PASSES, **more
            ),
            lambda trained, pixels, **more: digits.answered(trained, digits.all_alike(n, INHIBITION), pixels, **more),
        ),
    }


def one(
    train: datasets.Images, test: datasets.Images, n: int, learn: Callable[..., Trained],
    answer: Callable[..., np.ndarray], seed: int, progress: Progress,
) -> tuple[float, dict[str, np.ndarray]]:  # fmt: skip
    """Train and test one form; returns the accuracy [%], and what it shows."""
    trained = learn(train.pixels, train.labels, seed=seed, progress=progress)
    known, rests = slice(0, BLOCK), {"seed": seed + 1, "progress": progress}
    known_answers = answer(trained, train.pixels[known], **rests)
    shares = decode.assign_classes(known_answers[None], train.labels[known], CLASSES)
    told = decode.classify_vote(answer(trained, test.pixels, **rests)[None], shares)
    table = np.zeros((CLASSES, CLASSES), np.int64)
    some = told >= 0  # the others are images to which nobody answers
    np.add.at(table, (test.labels[some], told[some]), 1)
    series = {"weights": trained.weights, "theta": trained.theta, "curve": trained.curve, "confusion": table}
    return 100 * float((told == test.labels).mean()), series


def draw(outcome: Outcome) -> Any:
    """Draw what the neurons of the largest network have learned, accuracy over training, and the confusion."""
    series = outcome.series
    made = dict.fromkeys(name.rpartition(", ")[0] for name in series)
    largest = max((name for name in made if name.startswith("network")), key=lambda name: int(name.split(", ")[1]))
    figure, axes = plot.figure(13, 4.6, columns=3)
    fields = series[f"{largest}, weights"]
    plot.receptive_fields(fields, (28, 28), most=len(fields), ax=axes[0])
    for name, colour in zip(made, plot.COLOURS, strict=False):
        curve = series[f"{name}, curve"]
        axes[1].plot(curve[:, 0] / 1000, curve[:, 1], "o-", color=colour, markersize=4, label=f"{name} neurons")
    axes[1].set_xlabel("thousand images of training")
    axes[1].set_ylabel("accuracy in a block of training [%]")
    axes[1].spines[["top", "right"]].set_visible(False)
    axes[1].legend(frameon=False, fontsize=8)
    plot.confusion(series[f"{largest}, confusion"], ax=axes[2])
    return figure


PAPER = Paper(
    name="diehl_cook_2015",
    title="Competing neurons learn handwritten digits without labels",
    ref="Diehl & Cook 2015, Front. Comput. Neurosci. 9:99",
    run=run,
    draw=draw,
)
