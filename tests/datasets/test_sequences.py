"""Twins, and what torch gets: sequences time first, of different lengths, whatever the order and the workers."""

import numpy as np
import pytest

from spikelet import datasets, encode, events
from spikelet.errors import InputError
from spikelet.units import ms

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", datasets.TABLE)
def test_a_twin_is_of_the_kind_of_its_original(name: str) -> None:
    source = datasets.TABLE[name]
    data, other = datasets.twin(name, "train", each=2), datasets.twin(name, "test", each=2)
    assert len(data) == 2 * len(source.classes) and data.classes == source.classes
    assert np.bincount(data.labels).tolist() == [2] * len(source.classes)
    again = datasets.twin(name, "train", each=2)
    first, second, third = (one.pixels[3] if name in datasets.IMAGES else one[3][0] for one in (data, again, other))
    if isinstance(first, events.Events):
        first, second, third = first.data, second.data, third.data
    assert np.array_equal(first, second) and not np.array_equal(first, third)
    if name in datasets.IMAGES:
        size = {"digits": 8}.get(name, 28)
        assert data.pixels.shape[1:] == (size, size) and data.pixels.max() <= data.white
    elif name == "fsdd":
        assert data.rate == 8.0 and data.samples.dtype == np.int16
    else:
        width, height = {"nmnist": (34, 34), "shd": (700, 1), "ssc": (700, 1)}.get(name, (128, 128))
        assert data.size == (width, height) == (data[0][0].width, data[0][0].height) and len(data[0][0]) > 50


def test_mistakes_about_twins() -> None:
    with pytest.raises(InputError, match="unknown data set 'mnits'; did you mean 'mnist'"):
        datasets.twin("mnits")
    with pytest.raises(InputError, match="each must be at least 1, not 0"):
        datasets.twin("mnist", each=0)
    with pytest.raises(InputError, match="split must be 'train', 'test' or None, not 'valid'"):
        datasets.twin("shd", "valid")
    assert len(datasets.twin("ssc", "valid", each=1)) == 35


def loader(data: datasets.Sequences, **options: object) -> "torch.utils.data.DataLoader":
    return torch.utils.data.DataLoader(data, collate_fn=datasets.collate, **options)  # pyright: ignore[reportArgumentType]


def test_recordings_of_different_lengths_are_batched_time_first() -> None:
    twin = datasets.twin("shd", each=1)
    data = datasets.Sequences(twin, datasets.event_frames(10 * ms, most=1))
    batches = list(loader(data, batch_size=8))
    assert [batch.x.shape[1:] for batch in batches] == [(8, 700), (8, 700), (4, 700)]
    for start, batch in zip((0, 8, 16), batches, strict=True):
        assert batch.x.shape[0] == batch.lengths.max() and batch.x.max() == 1
        for column, length in enumerate(batch.lengths.tolist()):
            recording, label = twin[start + column]
            assert batch.labels[column] == label and batch.samples[column] == start + column
            assert length == int(recording.t[-1] - recording.t[0]) // 10_000 + 1
            assert not batch.x[length:, column].any()
            step, unit = (recording.t - recording.t[0]) // 10_000, recording.x.astype(int)
            expected = torch.zeros(length, 700)
            expected[step, unit] = 1
            assert torch.equal(batch.x[:length, column], expected)


def test_frames_keep_every_event() -> None:
    twin = datasets.twin("nmnist", each=1)
    batch = datasets.collate([datasets.Sequences(twin, datasets.event_frames(20 * ms))[row] for row in range(3)])
    assert batch.x.shape[1:] == (3, 2, 34, 34)
    for column in range(3):
        recording = twin[column][0]
        assert batch.x[:, column].sum() == len(recording) > 100
        assert batch.x[:, column, 1].sum() == recording.p.sum()  # OFF first, then ON


def test_sounds_are_heard() -> None:
    twin = datasets.twin("fsdd", each=1)
    batch = next(iter(loader(datasets.Sequences(twin, datasets.heard(twin.rate, 5 * ms, bank=16)), batch_size=10)))
    assert batch.x.shape[1:] == (10, 16)
    assert batch.lengths.tolist() == [-(-length // 40) for length in twin.lengths]
    best = batch.x.sum(0).argmax(1)
    assert (best.diff() >= 0).all() and len(
        set(best.tolist())
    ) > 7  # the tones ascend with the class, and so do the channels


def test_neither_order_nor_workers_change_a_random_spike() -> None:
    data = datasets.Sequences(datasets.twin("mnist", each=1), datasets.encoded(encode.bernoulli, 5, seed=3))
    straight = datasets.collate([data[row] for row in range(10)])
    turned = datasets.collate([data[row] for row in reversed(range(10))])
    assert straight.x.shape == (5, 10, 1, 28, 28)
    assert torch.equal(straight.x, turned.x.flip(1))
    (worker,) = loader(data, batch_size=10, num_workers=1)
    assert torch.equal(worker.x, straight.x)
    images = torch.from_numpy(datasets.twin("mnist", each=1).images)
    assert torch.equal(straight.x, encode.bernoulli(images, 5, seed=3))


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(InputError, match=r"have the shapes \[\(2,\), \(3,\)\], expected one of them"):
        datasets.collate([datasets.Example(torch.ones(3, size), 0, 0) for size in (2, 3)])
    with pytest.raises(InputError, match=r"the shapes \[\], expected one"):
        datasets.collate([])
    with pytest.raises(InputError, match="dt must be a whole number of microseconds above 0"):
        datasets.event_frames(0.0001)
    with pytest.raises(IndexError, match="20 examples, none is number 20"):
        datasets.Sequences(datasets.twin("shd", each=1), datasets.event_frames(1.0))[20]
