"""Data sets for ``torch.utils.data.DataLoader``: each example as a sequence, batches time first, with lengths.

    data = datasets.Sequences(datasets.n_mnist("train"), datasets.event_frames(10 * ms))
    for x, labels, lengths, samples in DataLoader(data, batch_size=64, collate_fn=datasets.collate): ...

What is random in an encoder is keyed by ``samples``, so neither the order nor the number of workers changes a spike.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from spikelet import audio, events
from spikelet.datasets.images import Images
from spikelet.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


class Examples(Protocol):
    """What a data set is here: examples by number, each with a label."""

    labels: np.ndarray

    def __len__(self) -> int:
        """Return the number of examples."""
        ...


class Example(NamedTuple):
    """One sequence.

    Attributes:
        x: (T, *N) float32.
        label: index of its class.
        sample: its number in the data set.
    """

    x: "Tensor"
    label: int
    sample: int


class Batch(NamedTuple):
    """Sequences side by side.

    Attributes:
        x: (T, B, *N) float32, T being the longest of them, 0 after the end of each.
        labels: (B,) int64.
        lengths: (B,) int64 valid steps.
        samples: (B,) int64 numbers in the data set, as random encoders and layers take them.
    """

    x: "Tensor"
    labels: "Tensor"
    lengths: "Tensor"
    samples: "Tensor"


class Sequences:
    """A data set as sequences: what torch calls a map-style data set.

    Args:
        data: `Images`, `Sounds`, `Recordings`, or whatever has a length, labels and examples.
        encode: makes (T, *N) of one example and its number in the data set.
    """

    def __init__(self, data: Examples, encode: Callable[[Any, int], Any]):
        self.data, self.encode = data, encode

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.data)

    def __getitem__(self, row: int) -> Example:
        """Return an example."""
        import torch

        if not 0 <= row < len(self):
            raise IndexError(f"{len(self):,} examples, none is number {row}")
        data: Any = self.data
        sample = int(data.index[row]) if hasattr(data, "index") else int(row)
        item = data.images[row] if isinstance(data, Images) else data[row][0]
        x = torch.as_tensor(self.encode(item, sample), dtype=torch.float32)
        return Example(x, int(data.labels[row]), sample)


def collate(examples: Sequence[Example]) -> Batch:
    """Put sequences of one kind and different lengths side by side: the ``collate_fn`` of a DataLoader.

    Args:
        examples: at least one.

    Raises:
        InputError: their steps differ in shape, or there is none.

    Example:
        >>> import torch
        >>> batch = collate([Example(torch.ones(3, 2), 7, 0), Example(torch.ones(5, 2), 4, 1)])
        >>> batch.x.shape, batch.lengths.tolist(), batch.labels.tolist()
        (torch.Size([5, 2, 2]), [3, 5], [7, 4])
    """
    import torch

    shapes = {tuple(example.x.shape[1:]) for example in examples}
    if len(shapes) != 1:
        raise InputError(f"collate: the steps of the sequences have the shapes {sorted(shapes)}, expected one of them")
    lengths = torch.tensor([len(example.x) for example in examples])
    x = torch.zeros(int(lengths.max()), len(examples), *shapes.pop())
    for column, example in enumerate(examples):
        x[: len(example.x), column] = example.x
    labels = torch.tensor([example.label for example in examples])
    return Batch(x, labels, lengths, torch.tensor([example.sample for example in examples]))


def event_frames(dt: float, *, most: int | None = None) -> Callable[[events.Events, int], np.ndarray]:
    """Return an encoder of `Recordings`: counts of events of each pixel and polarity in steps of ``dt``.

    Args:
        dt: step [ms], a whole number of microseconds; the last, which may be shorter, is included.
        most: largest count, such as 1 for spikes; None keeps counts.

    Returns:
        A function that makes (T, 2, height, width) of events, OFF first; (T, width) of those of a cochlea, one row.
    """
    step = round(1000 * dt)
    if not 0 < step == 1000 * dt:
        raise InputError(f"event_frames: dt must be a whole number of microseconds above 0 [ms], not {dt!r}")

    def encode(recording: events.Events, _sample: int) -> np.ndarray:
        counted = events.frames(events.by_time(recording, step), polarity=recording.height > 1)
        counted = counted if most is None else np.minimum(counted, most)
        return counted if recording.height > 1 else counted[:, 0, 0]

    return encode


def heard(rate: float, dt: float, **options: Any) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return an encoder of `Sounds`: the spikes of a cochlea, (T, channels).

    Args:
        rate: samples per time [kHz].
        dt: step [ms].
        **options: of `spikelet.audio.cochlea`.
    """
    return lambda waveform, _sample: audio.cochlea(waveform[None], rate, dt, **options)[:, 0]


def encoded(encoder: Callable[..., Any], steps: int, **options: Any) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return an encoder of `Images` from a function of `spikelet.encode` that takes ``samples``, (T, 1, h, w).

    Args:
        encoder: such as ``encode.bernoulli``.
        steps: number of steps.
        **options: of the encoder.
    """
    return lambda image, sample: encoder(image[None], steps, samples=[sample], **options)[:, 0]
