"""Sounds and events on their way into the network: encoded once, as bytes, then gathered by the batch."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet import audio, datasets, events, random
from spikelet.errors import DataError
from spikelet.experiments.architecture import SENSOR
from spikelet.experiments.batch import SHIFT, Batch, shifted
from spikelet.experiments.recipes import Recipe

if TYPE_CHECKING:
    from torch import Tensor

_AT_ONCE = 50  # recordings that are heard at a time: they are sorted by length, so that little is padded


@dataclass(frozen=True)
class Sequences:
    """Spikes of different numbers of steps, on their device.

    Attributes:
        spikes: (all steps, *N) uint8, one sequence after the other.
        starts: (n + 1,) int64, where each begins, and the end of the last.
        labels: (n,) int64.
        index: (n,) int64, numbers of the sequences in the data set.
    """

    spikes: "Tensor"
    starts: "Tensor"
    labels: "Tensor"
    index: "Tensor"

    @property
    def inputs(self) -> int:
        """Channels of a sound, polarities of events."""
        return self.spikes.shape[1]

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.labels)

    def encode(self, recipe: Recipe, index: "Tensor", epoch: int, *, shift: bool) -> Batch:
        """Return some sequences side by side, silent after the end of each.

        Args:
            recipe: says by how much they are moved, and what is their longest.
            index: (B,) int64, which.
            epoch: each has shifts of its own.
            shift: move them as in training: sounds in frequency, events in x and y.
        """
        import torch

        samples, first = self.index[index], self.starts[index]
        lengths = (self.starts[index + 1] - first).clamp(max=recipe.steps)
        step = torch.arange(int(lengths.max()), device=index.device)[:, None]
        inside = step < lengths
        x = self.spikes[torch.where(inside, first + step, 0)].float()
        x = x * inside.reshape(*inside.shape, *[1] * (x.ndim - 2))
        if shift and recipe.shift:
            x = _moved(x, recipe, epoch, samples)
        return Batch(x, samples, None if bool(inside.all()) else lengths)


def load(recipe: Recipe, device: str) -> tuple[Sequences, Sequences, tuple[str, ...]]:
    """Return what to train on, what to test on, and the names of the classes of a data set of sounds or events.

    Raises:
        DataError: the files are not there; the text says where they were looked for and how to get them.
    """
    if recipe.kind == "events":
        films = [_films(split) for split in ("train", "test")]
        return _seen(films[0], recipe, device), _seen(films[1], recipe, device), films[0].classes
    parts = [datasets.free_spoken_digits(split, speaker=recipe.speaker) for split in ("train", "test")]
    return _heard(parts[0], recipe, device), _heard(parts[1], recipe, device), parts[0].classes


def spread(size: int, limit: int | None) -> np.ndarray:
    """Return the numbers of so many of ``size`` examples at equal distances; all where there is no limit."""
    return np.arange(size) if limit is None or limit >= size else np.arange(limit) * size // limit


def _heard(sounds: datasets.Sounds, recipe: Recipe, device: str) -> Sequences:
    """Return the spikes of a cochlea that hears recordings."""
    rows = spread(len(sounds), recipe.limit)
    parts: list[np.ndarray] = [np.empty(0)] * len(rows)
    by_length = np.argsort(sounds.lengths[rows], kind="stable")
    for first in range(0, len(rows), _AT_ONCE):
        places = by_length[first : first + _AT_ONCE]
        waves, lengths, _ = sounds.batch(rows[places])
        options: dict[str, Any] = {**recipe.encoder_parameters, "lengths": lengths}
        spikes = audio.cochlea(waves, sounds.rate, recipe.dt, **options).astype(np.uint8)
        for column, (place, length) in enumerate(zip(places, lengths, strict=True)):
            parts[place] = spikes[: int(np.ceil(length / sounds.rate / recipe.dt - 1e-9)), column]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    return _on(device, np.concatenate(parts), starts, sounds.labels[rows], sounds.index[rows])


def _films(split: Any) -> datasets.Recordings:
    """Return the recordings of N-MNIST; where they are not, MNIST before a model of a camera that moves as theirs."""
    try:
        return datasets.n_mnist(split)
    except DataError as error:
        if split == "train":
            print(f"{error}\nInstead, MNIST is moved in three saccades before a model of the camera.", file=sys.stderr)
    return datasets.moved_mnist(split)


def _seen(films: datasets.Recordings, recipe: Recipe, device: str) -> Sequences:
    """Return where and when there were events, in steps of ``recipe.dt``; what comes after the last is cut off."""
    rows = spread(len(films), recipe.limit)
    step = round(1000 * recipe.dt)
    seen = np.empty((len(rows) * recipe.steps, 2, *SENSOR), np.uint8)
    for place, row in enumerate(rows):
        windows = events.by_time(films[row][0], step, start=0, stop=step * recipe.steps)
        seen[place * recipe.steps : (place + 1) * recipe.steps] = np.minimum(events.frames(windows), 1)
    return _on(device, seen, np.arange(len(rows) + 1) * recipe.steps, films.labels[rows], films.index[rows])


def _on(device: str, *columns: np.ndarray) -> Sequences:
    import torch

    return Sequences(*(torch.from_numpy(column).to(device) for column in columns))


def _moved(x: "Tensor", recipe: Recipe, epoch: int, samples: "Tensor") -> "Tensor":
    """Move sounds (T, B, channels) by some channels, events (T, B, 2, height, width) by some pixels."""
    import torch

    if x.ndim > 3:
        flat = x.transpose(0, 1).flatten(1, -3)  # (B, T*polarities, height, width): all of a recording moves alike
        moved = shifted(flat, recipe.shift, recipe.seed, epoch, samples)
        return moved.reshape(x.transpose(0, 1).shape).transpose(0, 1)
    width = 2 * recipe.shift + 1
    drawn = random.uniform(recipe.seed, epoch, samples.cpu().numpy(), SHIFT) * width
    by = torch.from_numpy(drawn.astype(np.int64)).to(x.device) - recipe.shift
    channel = torch.arange(x.shape[2], device=x.device) + by[:, None]
    inside = (channel >= 0) & (channel < x.shape[2])
    return torch.gather(x, 2, channel.clamp(0, x.shape[2] - 1).expand_as(x)) * inside
