"""What a run ends with: three figures, a line of numbers, a few lines to read."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from spikelet import plot
from spikelet.errors import DataError
from spikelet.experiments.batch import Data
from spikelet.experiments.evaluate import Evaluation, hidden_spikes
from spikelet.experiments.folder import FIGURES
from spikelet.experiments.recipes import Recipe
from spikelet.files import write_atomic

if TYPE_CHECKING:
    from spikelet import nn


@dataclass(frozen=True)
class Metrics:
    """What a run is judged by; the line that ``--json`` prints.

    Attributes:
        test_accuracy: share of test images answered correctly, 0 ... 1.
        mean_rate_hz: mean firing rate of the hidden neurons [Hz].
        spikes_per_inference: spikes of the hidden neurons for one image.
        seconds: spent on training and testing, interruptions not counted.
        seed: of the run.
    """

    test_accuracy: float
    mean_rate_hz: float
    spikes_per_inference: float
    seconds: float
    seed: int


class Columns(NamedTuple):
    """Spikes as columns: times [ms] and neuron indices."""

    times: np.ndarray
    ids: np.ndarray


def metrics(recipe: Recipe, result: Evaluation, seconds: float) -> Metrics:
    """Return the numbers of a run from its last evaluation."""
    return Metrics(
        test_accuracy=result.accuracy,
        mean_rate_hz=result.mean_rate_hz,
        spikes_per_inference=result.spikes_per_inference,
        seconds=round(seconds, 3),
        seed=recipe.seed,
    )


def text(numbers: Metrics) -> str:
    """Return the numbers as lines to read.

    Example:
        >>> print(text(Metrics(0.975, 52.0, 133.1, 8.2, 0)).splitlines()[0])
        test accuracy           97.50 %
    """
    return "\n".join(
        (
            f"test accuracy        {100 * numbers.test_accuracy:8.2f} %",
            f"mean firing rate     {numbers.mean_rate_hz:8.2f} Hz (hidden neurons)",
            f"spikes per inference {numbers.spikes_per_inference:8.1f}",
            f"time                 {numbers.seconds:8.1f} s (seed {numbers.seed})",
        )
    )


def write_figures(
    folder: Path,
    recipe: Recipe,
    network: "nn.Sequential",
    test: Data,
    classes: Sequence[str],
    result: Evaluation,
    history: dict[str, Any],
) -> None:
    """Draw learning curve, raster and confusion matrix into the folder.

    Args:
        folder: of the run.
        recipe: of the run.
        network: trained.
        test: images, some of which the raster shows.
        classes: names of the classes.
        result: of the last evaluation.
        history: "losses" of every step, and per epoch "training" and "test" accuracies.
    """
    curve, axes = plot.figure(9, 3.6, columns=2)
    accuracy = {name: history[name] for name in ("training", "test")}
    plot.learning_curve(history["losses"], accuracy, epochs=max(1, len(history["test"])), ax=axes)
    spikes, axes = plot.figure(9, 4.4)
    _draw_raster(axes, recipe, network, test, classes)
    table, axes = plot.figure(5.4, 5.4)
    plot.confusion(result.confusion, classes, ax=axes)
    for name, drawn in zip(FIGURES, (curve, spikes, table), strict=True):
        write_figure(folder / name, drawn)


def write_figure(path: Path, drawn: Any) -> None:
    """Write a figure of matplotlib, complete or not at all; the kind of file follows the suffix.

    Raises:
        DataError: it cannot be written.
    """
    kind = _kind(path, drawn)
    content = io.BytesIO()
    drawn.savefig(content, format=kind, dpi=150)
    write_atomic(path, content.getvalue())


def check_figure(path: Path) -> None:
    """Check that a figure can be written, before what it will show is computed.

    Raises:
        DataError: the suffix is of no kind of figure, or there is no such folder.
    """
    _kind(path, plot.figure()[0])
    if not path.parent.is_dir():
        raise DataError(f"cannot write {path}: No such file or directory")


def _kind(path: Path, drawn: Any) -> str:
    kind, known = path.suffix[1:].lower(), drawn.canvas.get_supported_filetypes()
    if kind not in known:
        raise DataError(f"cannot draw into {path}: it ends in none of {', '.join(sorted(known))}")
    return kind


def _draw_raster(axes: Any, recipe: Recipe, network: "nn.Sequential", test: Data, classes: Sequence[str]) -> None:
    """Draw the first hidden layer's spikes for one image of each class, side by side.

    Neurons are sorted by the class for which they spike most, so that what the layer has learnt can be seen as blocks.
    """
    import torch

    labels = test.labels.cpu().numpy()
    shown, first = np.unique(labels, return_index=True)
    index = torch.from_numpy(first).to(test.labels.device)
    x, samples, lengths = test.encode(recipe, index, 0, shift=False)
    with hidden_spikes(network) as hidden, torch.no_grad():
        network(x, seed=recipe.seed, samples=samples)
    if lengths is not None:  # what follows the end of a recording is no answer to it
        hidden[0] = hidden[0] * (torch.arange(len(x), device=lengths.device)[:, None] < lengths)[:, :, None]
    layer = hidden[0].flatten(2).cpu().numpy()  # (T, classes, neurons)
    counts = layer.sum(0)
    order = np.lexsort((-counts.max(0), counts.argmax(0)))
    step, image, neuron = np.nonzero(layer[:, :, order])
    duration = len(layer) * recipe.dt
    times = image * duration + (step + 1) * recipe.dt
    plot.raster(Columns(times, neuron), neurons=layer.shape[2], duration=len(shown) * duration, ax=axes)
    for border in range(1, len(shown)):
        axes.axvline(border * duration + 0.5 * recipe.dt, color=plot.GREY, linewidth=0.6)
    size = 10 if max(map(len, classes)) < 4 else 7
    for place, label in enumerate(shown):
        middle = (place + 0.5) * duration
        axes.text(middle, 1.01, classes[label], transform=axes.get_xaxis_transform(), ha="center", fontsize=size)
    axes.set_title(f"first hidden layer, one test image of each class, {duration:g} ms each", pad=22)
    axes.set_ylabel("neuron, sorted by preferred class")
