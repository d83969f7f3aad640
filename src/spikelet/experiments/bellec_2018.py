"""Bellec et al. 2018: a network in which only one of 75 connections exists at a time learns digits (DEEP R).

Gradient descent trains the weights of the connections that there are; each has a sign for good. After every step a
connection whose weight has crossed 0 goes, and another one, drawn from all that are missing, comes. So the number of
connections never changes, and still they find the places where they are worth most. The same connections, drawn once
and held, stand for comparison.
"""

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet import datasets, plot, random
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress

if TYPE_CHECKING:
    from torch import Tensor, nn

SIZES = (784, 300, 100, 10)  # LeNet-300-100
CONNECTIVITY = (0.01, 0.03, 0.3)  # of the three layers, 1.3 % of all
RATE, L1, BATCH = 0.5, 1e-4, 100  # the rate of learning falls evenly to 0
EPOCHS = 24
Data = tuple["Tensor", "Tensor"]  # images (n, 784) and labels (n,)


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Train two networks, one that is rewired and one that is not: on MNIST, or, quickly, on a synthetic twin of it."""
    if quick:
        parts = [datasets.twin("mnist", part, each=100, seed=seed) for part in ("train", "test")]
    else:
        parts = [datasets.mnist("train"), datasets.mnist("test")]
    train, test = (_tensors(images) for images in parts)
    epochs = 16 if quick else EPOCHS
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    with progress(2 * epochs, unit="epoch") as bar:
        for name in ("rewired", "held"):
            found[name] = learn(train, test, epochs, seed, name == "rewired", bar)
    series = {name: 100 * accuracy for name, (accuracy, _) in found.items()}
    counts, all_ = found["rewired"][1], sum(a * b for a, b in itertools.pairwise(SIZES))
    details = {
        "images": len(train[0]),
        "images for the test": len(test[0]),
        "epochs": epochs,
        "connections": int(counts[0]),
        "share of all connections [%]": round(100 * float(counts[0]) / all_, 2),
        "test accuracy with the connections held [%]": round(float(series["held"][-1]), 2),
    }
    return figures(series, counts), details, series


def figures(series: Mapping[str, np.ndarray], counts: np.ndarray) -> list[Figure]:
    """Return the published figures, and ours; ``counts`` are the connections after each step."""
    accuracy = float(series["rewired"][-1])
    gain = accuracy - float(series["held"][-1])
    return [
        Figure("test accuracy, 1.3 % of the connections", accuracy, "96.3 to 97 %", "memory", (96.3, 100), "%"),
        Figure("what rewiring adds to connections that are held", gain, "", "memory", (0.3, 100), "%"),
        Figure("largest change of the number of connections", float(np.ptp(counts)), "0", "calc", (0, 0)),
    ]


def learn(train: Data, test: Data, epochs: int, seed: int, rewired: bool, bar: Any) -> tuple[np.ndarray, np.ndarray]:
    """Train a network; returns its accuracy after each epoch, and the number of connections after each step."""
    import torch
    from torch.nn.functional import cross_entropy

    from spikelet.nn import DeepRewiring

    network, layers = lenet(seed)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)
    deep = DeepRewiring(layers, connectivity=CONNECTIVITY, lr=RATE, l1=L1, seed=seed)
    strengthen(layers)
    accuracy, counts = [], []
    for epoch in range(epochs):
        deep.lr = optimizer.param_groups[0]["lr"] = RATE * (1 - epoch / epochs)
        for rows in torch.from_numpy(random.permutation(seed, len(train[0]), epoch)).split(BATCH):
            optimizer.zero_grad()
            cross_entropy(network(train[0][rows]), train[1][rows]).backward()
            optimizer.step()
            if rewired:
                deep.step()
            counts.append(sum(int((layer.weight != 0).sum()) for layer in layers))
        with torch.no_grad():
            accuracy.append(float((network(test[0]).argmax(1) == test[1]).float().mean()))
        bar.update(1)
    return np.array(accuracy), np.array(counts)


def lenet(seed: int) -> "tuple[nn.Sequential, list[nn.Linear]]":
    """Return a network of rectified units, and its three layers, drawn from their own random numbers."""
    import torch
    from torch import nn

    layers = [nn.Linear(a, b) for a, b in itertools.pairwise(SIZES)]
    with torch.no_grad():
        for number, layer in enumerate(layers):
            drawn = random.normal(seed, number, np.arange(layer.weight.numel()), random.STREAMS["init"])
            layer.weight.copy_(torch.from_numpy(drawn).view_as(layer.weight) / layer.in_features**0.5)
            layer.bias.zero_()
    return nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2]), layers


def strengthen(layers: "list[nn.Linear]") -> None:
    """Make up for the connections that are missing: a unit with k of n inputs gets weights of variance 1/k, not 1/n."""
    import torch

    with torch.no_grad():
        for layer, share in zip(layers, CONNECTIVITY, strict=True):
            layer.weight.div_(share**0.5)


def _tensors(images: datasets.Images) -> Data:
    import torch

    pixels = torch.from_numpy(images.pixels.reshape(len(images), -1) / np.float32(images.white))
    return pixels, torch.from_numpy(np.asarray(images.labels, np.int64))


def draw(outcome: Outcome) -> Any:
    """Draw the accuracy of both networks over the epochs."""
    drawn, axis = plot.figure(5.5, 3.6)
    labels = {"rewired": "connections that come and go", "held": "connections that are held"}
    for (name, accuracy), colour in zip(outcome.series.items(), plot.COLOURS, strict=False):
        axis.plot(np.arange(1, len(accuracy) + 1), accuracy, color=colour, label=labels[name])
    axis.set(xlabel="epoch", ylabel="test accuracy [%]")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="lower right")
    return drawn


PAPER = Paper(
    name="bellec_2018",
    title="Deep rewiring: with one of 75 connections at a time a network learns digits",
    ref="Bellec, Kappel, Maass & Legenstein 2018, Deep rewiring: training very sparse deep networks, ICLR",
    run=run,
    draw=draw,
)
