"""Kheradpisheh et al. 2018: a deep convolutional network that learns features by STDP, one spike a neuron.

An image becomes spikes of ON and OFF cells, the stronger the contrast the earlier. Two layers of neurons integrate
without leak and fire once. At each place only the map that fires first goes on; of each map only the earliest neuron
learns, and what it learns holds for all of its map. A weight grows if its sender has fired before, else it shrinks:

    dw = a_plus*w*(1 - w)   or   -a_minus*w*(1 - w),

so that weights end near 0 or 1. Layers learn one after the other, without labels, until C = mean of w*(1 - w) is below
0.01. What the last layer's potentials tell is read by a linear classifier.

The sizes and thresholds are those of the paper for MNIST. Winners and radii are those of Mozafari et al. 2019
(SpykeTorch). The paper reads one number of each map, its highest potential anywhere; with these weights that is not
enough for the published figure, which is reached, but for a third of a percent, by the highest potential in each of
4 x 4 squares. Both are told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet import datasets, encode, plot, random
from spikelet.encode.images import dog_kernel
from spikelet.experiments.linear_svm import fit_svm
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress
from spikelet.rules import KheradpishehSTDP
from spikelet.units import ms

if TYPE_CHECKING:
    from torch import Tensor

    from spikelet import nn

STEPS = 15
CONTRAST = 50 / 255 * dog_kernel(7, 1.0, 2.0).max()  # 50 of 255 for a filter whose peak is 1; ours has less
RULE = KheradpishehSTDP(window=STEPS * ms)
RATE, TOP, SHARE = 0.004, 0.15, 0.75  # first a_plus, last a_plus, a_minus over a_plus
CONVERGED = 0.01
COST = 2.4  # of the support vector machine


@dataclass(frozen=True)
class Size:
    """A layer of the network, and how it learns.

    Attributes:
        maps: number of maps.
        patch: rows and columns that a neuron sees.
        threshold: of the potential.
        winners: how many neurons learn from an image.
        radius: within which one of them learns alone.
    """

    maps: int
    patch: int
    threshold: float
    winners: int
    radius: int


@dataclass(frozen=True)
class Scale:
    """How large a run is.

    Attributes:
        sizes: of the two layers.
        most: images from which each layer learns at most.
        every: images after which the rate is doubled.
    """

    sizes: tuple[Size, Size]
    most: int
    every: int


FULL = Scale((Size(30, 5, 15.0, 5, 2), Size(100, 5, 10.0, 8, 1)), most=60_000, every=500)
QUICK = Scale((Size(16, 5, 15.0, 5, 2), Size(20, 5, 10.0, 8, 1)), most=1_500, every=100)


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Learn two layers and a read-out: MNIST, or, quickly, a synthetic twin of it."""
    if quick:
        train, test = (datasets.twin("mnist", part, each=20, seed=seed) for part in ("train", "test"))
    else:
        train, test = datasets.mnist("train"), datasets.mnist("test")
    scale, order = QUICK if quick else FULL, random.permutation(seed, len(train))
    series: dict[str, np.ndarray] = {}
    shown, known = seen(train, progress), seen(test, progress)
    inputs = (shown, known)
    for number, size in enumerate(scale.sizes, 1):
        layer = learned(scale, size, shown, order, seed + number, series, f"layer {number}", progress)
        if number < len(scale.sizes):
            shown, known = (answers(layer, images, progress) for images in (shown, known))
    labels = (train.labels, test.labels)
    told = [features(layer, images, progress) for images in (shown, known)]
    early = [1 - images.flatten(1).numpy() / np.float32(STEPS) for images in inputs]
    accuracy = {"last layer": read_out(told, labels), "input": read_out(early, labels)}
    accuracy["maps"] = read_out([each.reshape(len(each), scale.sizes[-1].maps, -1).max(2) for each in told], labels)
    details = {"images": len(train), "images for the test": len(test), "features": told[0].shape[1]}
    details["test accuracy, linear read-out of the input spikes [%]"] = round(100 * accuracy["input"], 2)
    details |= {f"images for layer {n}": int(len(series[f"layer {n}, undecided"]) * scale.every) for n in (1, 2)}
    return figures(accuracy, series), details, series


# -- the network ------------------------------------------------------------------------------------------------------


def seen(images: datasets.Images, progress: Progress) -> "Tensor":
    """Return the step in which each ON and OFF cell fires, (n, 2, 28, 28), `STEPS` where it is silent."""
    import torch

    from spikelet import nn

    found = []
    with progress(len(images), unit="image") as bar:
        for rows in blocks(len(images), 500):
            pixels = images.pixels[rows] / np.float32(images.white)
            spikes = encode.difference_of_gaussians(pixels, STEPS, sigmas=(1.0, 2.0), threshold=CONTRAST, normalise=8)
            found.append(nn.first_steps(torch.from_numpy(spikes)))
            bar.update(len(pixels))
    return torch.cat(found)


def learned(
    scale: Scale,
    size: Size,
    shown: "Tensor",
    order: np.ndarray,
    seed: int,
    series: dict[str, np.ndarray],
    name: str,
    progress: Progress,
) -> "nn.FirstSpikeConv2d":
    """Return a layer that has learned until its weights are decided, and add what became of them to ``series``."""
    from spikelet import nn

    layer = nn.FirstSpikeConv2d(shown.shape[1], size.maps, size.patch, size.threshold, STEPS, seed=seed)
    rate, undecided = RATE, []
    with progress(scale.most, unit="image") as bar:
        for first in range(0, scale.most, scale.every):
            rows = order[np.arange(first, first + scale.every) % len(order)]
            rule = nn.SingleSpikes(RULE(a_plus=rate, a_minus=SHARE * rate), STEPS)
            layer.learn(shown[rows], rule, winners=size.winners, radius=size.radius, done=bar.update)
            undecided.append(convergence(layer.weight.numpy()))
            rate = min(2 * rate, TOP)
            if undecided[-1] < CONVERGED:
                break
    series |= {f"{name}, weights": layer.weight.numpy().copy(), f"{name}, undecided": np.array(undecided)}
    return layer


def convergence(weight: np.ndarray) -> float:
    """Return C, the mean of w*(1 - w): 0.25 at most, 0 where every weight is 0 or 1."""
    return float((weight * (1 - weight)).mean())


def answers(layer: "nn.FirstSpikeConv2d", shown: "Tensor", progress: Progress) -> "Tensor":
    """Return the first spike of a layer in each square of 2 x 2 places."""
    import torch

    from spikelet import nn

    found = []
    with progress(len(shown), unit="image") as bar:
        for rows in blocks(len(shown), 100):
            found.append(nn.pool_first(layer(shown[rows]).step, 2))
            bar.update(len(found[-1]))
    return torch.cat(found)


def features(layer: "nn.FirstSpikeConv2d", shown: "Tensor", progress: Progress) -> np.ndarray:
    """Return the highest potential of each map in squares of 2 x 2 places, (n, F), with no threshold."""
    import torch

    found = []
    with progress(len(shown), unit="image") as bar:
        for rows in blocks(len(shown), 100):
            found.append(torch.nn.functional.max_pool2d(layer.potentials(shown[rows]), 2).flatten(1).numpy())
            bar.update(len(found[-1]))
    return np.concatenate(found)


def read_out(features: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> float:
    """Return the share of test images of which a linear classifier names the class; both are (train, test)."""
    highest = np.maximum(features[0].max(0), np.float32(1e-6))
    classifier = fit_svm(features[0] / highest, labels[0], cost=COST)
    return float((classifier.answers(features[1] / highest) == labels[1]).mean())


def blocks(count: int, size: int) -> list[slice]:
    """Return slices of at most ``size`` that cover ``count`` rows."""
    return [slice(first, first + size) for first in range(0, count, size)]


# -- what it tells ----------------------------------------------------------------------------------------------------


def figures(accuracy: Mapping[str, float], series: Mapping[str, np.ndarray]) -> list[Figure]:
    """Return the published figures, and ours."""
    percent = 100 * accuracy["last layer"]
    found = [Figure("test accuracy, linear read-out of layer 2", percent, "98.4 %", "memory", (97, 100), "%")]
    what = "test accuracy, read-out of one number of each map, as in the paper"
    found.append(Figure(what, 100 * accuracy["maps"], "98.4 %", "memory", (97, 100), "%"))
    what = "what the layers add to the same read-out of the input spikes"
    found.append(Figure(what, percent - 100 * accuracy["input"], "", "memory", (3, 100), "%"))
    for name in ("layer 1", "layer 2"):
        weight = series[f"{name}, weights"]
        what = f"{name}: C, mean of w*(1 - w), where learning stops"
        found.append(Figure(what, convergence(weight), "< 0.01", "src", (0, CONVERGED)))
        decided = 100 * float(((weight < 0.1) | (weight > 0.9)).mean())
        found.append(Figure(f"{name}: weights below 0.1 or above 0.9", decided, "nearly all", "memory", (90, 100), "%"))
    middle = float(np.median(selectivity(series["layer 1, weights"])))
    found.append(Figure("layer 1: selectivity for orientation, median of maps", middle, "edges", "memory", (0.3, 1)))
    return found


def selectivity(weight: np.ndarray) -> np.ndarray:
    """Return how much each map prefers one orientation, (M,) from 0 (none) to 1 (a grating).

    It is |sum of P*exp(2i*theta)| / sum of P over waves of orientation theta, P being the power of what the ON weights
    have more than the OFF weights. Random weights, each 0 or 1, have 0.16; one of twenty such maps has more than 0.33.
    """
    bins = 64
    power = np.abs(np.fft.fft2(weight[:, 0] - weight[:, 1], s=(bins, bins))) ** 2
    y, x = np.meshgrid(*(np.fft.fftfreq(bins),) * 2, indexing="ij")
    turned = np.exp(2j * np.arctan2(y, x))
    turned[0, 0] = 0  # what is even has no orientation
    return np.abs((power * turned).sum((1, 2))) / power.sum((1, 2))


def draw(outcome: Outcome) -> Any:
    """Draw the maps of the first layer, how the weights are decided, and what they end as."""
    series, names = outcome.series, ("layer 1", "layer 2")
    figure, (maps, course, ends) = plot.figure(10, 3.6, columns=3)
    maps.imshow(mosaic(series["layer 1, weights"]))
    maps.set_title("layer 1: ON red, OFF green", fontsize=10)
    maps.set_axis_off()
    every = outcome.details["images for layer 1"] / len(series["layer 1, undecided"])
    for name, colour in zip(names, plot.COLOURS, strict=False):
        undecided = series[f"{name}, undecided"]
        course.semilogy(every * np.arange(1, len(undecided) + 1), undecided, color=colour, label=name)
        ends.hist(
            series[f"{name}, weights"].ravel(), np.linspace(0, 1, 41), color=colour, density=True, histtype="step"
        )
    course.axhline(CONVERGED, color=plot.GREY, linestyle=":")
    course.set_xlabel("images shown")
    course.set_ylabel("C, mean of w(1 - w)")
    course.legend(frameon=False)
    ends.set_yscale("log")
    ends.set_xlabel("weight")
    ends.set_ylabel("density")
    for axis in (course, ends):
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def mosaic(weight: np.ndarray) -> np.ndarray:
    """Return the maps of a layer over ON and OFF cells as one image (H, W, 3), red and green, white between them."""
    columns = int(np.ceil(np.sqrt(len(weight))))
    high, wide = (size + 1 for size in weight.shape[2:])
    image = np.ones((-(-len(weight) // columns) * high - 1, columns * wide - 1, 3))
    for number, (on, off) in enumerate(weight):
        y, x = number // columns * high, number % columns * wide
        image[y : y + high - 1, x : x + wide - 1] = np.stack([on, off, 0 * on], -1)
    return image


PAPER = Paper(
    name="kheradpisheh_2018",
    title="Features of digits learned by STDP, layer by layer, one spike a neuron",
    ref="Kheradpisheh, Ganjtabesh, Thorpe & Masquelier 2018, Neural Netw. 99:56",
    run=run,
    draw=draw,
)
