"""Sounds and events on their way into the network, and what is counted where sequences end at different times."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from spikelet import audio, datasets, events
from spikelet.cli import main
from spikelet.errors import InputError
from spikelet.experiments import architecture, evaluate as module, recipes
from spikelet.experiments.batches import load
from spikelet.experiments.checkpoint import load_network
from spikelet.experiments.distributed import World
from spikelet.experiments.evaluate import evaluate
from spikelet.experiments.loop import Loop
from spikelet.experiments.sequences import Sequences, spread

FSDD = dataclasses.replace(
    recipes.find("fsdd", "quick"), hidden=(24,), encoder_parameters={"bank": 16, "gain": 10.0}, epochs=8, batch_size=20
)
NMNIST = dataclasses.replace(recipes.find("nmnist", "quick"), hidden=(4, 8), limit=None, batch_size=10)


@pytest.fixture
def twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put synthetic data sets in the place of the real ones."""

    def spoken(split: str, speaker: str | None) -> datasets.Sounds:
        return datasets.twin("fsdd", split, each=6)

    monkeypatch.setattr(datasets, "free_spoken_digits", spoken)
    monkeypatch.setattr(datasets, "n_mnist", lambda split: datasets.twin("nmnist", split, each=3))


@pytest.fixture
def sounds(twins: None) -> Sequences:
    return load(FSDD, "cpu")[1]  # type: ignore[return-value]  # of this recipe they are sequences


SOME = torch.tensor([3, 41, 17, 2])


def test_a_recording_is_heard_as_alone(sounds: Sequences) -> None:
    twin = datasets.twin("fsdd", "test", each=6)
    x, samples, lengths = sounds.encode(FSDD, SOME, 0, shift=False)
    assert lengths is not None and x.shape == (int(lengths.max()), 4, 16)
    assert samples.tolist() == [60 + row for row in SOME.tolist()]  # numbers in the whole data set
    for column, row in enumerate(SOME.tolist()):
        alone = audio.cochlea(twin[row][0][None], 8.0, FSDD.dt, bank=16, gain=10.0)[:, 0]
        assert len(alone) == lengths[column]
        assert np.array_equal(x[: len(alone), column].numpy(), alone) and not x[len(alone) :, column].any()
        assert sounds.labels[row] == twin.labels[row]


def test_long_recordings_are_cut_off(sounds: Sequences) -> None:
    whole, _, _ = sounds.encode(FSDD, SOME, 0, shift=False)
    cut, _, lengths = sounds.encode(FSDD.changed(steps=9), SOME, 0, shift=False)
    assert lengths is None and torch.equal(cut, whole[:9])  # all of one length


def test_shifts_move_channels_and_depend_on_epoch_and_recording_alone(sounds: Sequences) -> None:
    recipe = FSDD.changed(shift=2)
    plain, _, _ = sounds.encode(recipe, SOME, 0, shift=False)
    moved, _, _ = sounds.encode(recipe, SOME, 0, shift=True)
    again, _, _ = sounds.encode(recipe, SOME[1:2], 0, shift=True)
    assert torch.equal(moved[: len(again), 1:2], again)
    found = set()
    for epoch in range(12):
        moved, _, _ = sounds.encode(recipe, SOME, epoch, shift=True)
        for column in range(4):
            wide = torch.nn.functional.pad(plain[:, column], (2, 2))  # silent channels come in
            (by,) = (by for by in range(-2, 3) if torch.equal(moved[:, column], wide[:, 2 + by : 18 + by]))
            found.add(by)
    assert found == {-2, -1, 0, 1, 2}


@pytest.mark.usefixtures("twins")
def test_events_become_frames() -> None:
    training, test, classes = load(NMNIST, "cpu")
    twin = datasets.twin("nmnist", "train", each=3)
    x, _, lengths = training.encode(NMNIST, torch.tensor([5, 1]), 0, shift=False)
    assert x.shape == (15, 2, 2, 34, 34) and lengths is None and len(classes) == 10 and len(test) == 30
    for column, row in enumerate((5, 1)):
        recording = twin[row][0]
        expected = np.zeros((15, 2, 34, 34))
        for t, x0, y0, p in recording.data.tolist():
            if t < 300_000:
                expected[t // 20_000, p, y0, x0] = 1
        assert np.array_equal(x[:, column].numpy(), expected) and expected.sum() > 300
    moved, _, _ = training.encode(NMNIST.changed(shift=3), torch.tensor([5, 1]), 4, shift=True)
    by = [
        (dy, dx) for dy in range(-3, 4) for dx in range(-3, 4)
        if torch.equal(moved[:, 0, :, 4:30, 4:30], x[:, 0, :, 4 + dy : 30 + dy, 4 + dx : 30 + dx])
    ]  # fmt: skip
    assert len(by) == 1  # all steps and polarities alike


def test_without_recordings_mnist_is_moved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], data_folder: Path
) -> None:
    if not (data_folder / "mnist").exists():
        pytest.skip(f"data: {data_folder / 'mnist'} is missing")
    (tmp_path / "mnist").symlink_to(data_folder / "mnist")
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path))
    training, test, _ = load(NMNIST.changed(limit=4), "cpu")
    said = capsys.readouterr().err
    assert "nmnist: Train.zip was not found" in said and "MNIST is moved in three saccades" in said
    images = datasets.mnist("test")
    assert test.labels.tolist() == images.labels[[0, 2500, 5000, 7500]].tolist()
    film = events.saccades(images.pixels[2500:2501], samples=np.array([62_500]))[0]
    x, samples, _ = test.encode(NMNIST, torch.tensor([1]), 0, shift=False)
    assert samples.tolist() == [62_500]
    frames = np.minimum(events.frames(events.by_time(film, 20_000, start=0, stop=300_000)), 1)
    assert np.array_equal(x[:, 0].numpy(), frames) and len(training) == 4


def test_a_limit_takes_examples_of_all_classes() -> None:
    assert spread(10, 4).tolist() == [0, 2, 5, 7] and spread(3, 5).tolist() == [0, 1, 2] == spread(3, None).tolist()


# -- what is counted --------------------------------------------------------------------------------------------------


def test_counts_are_those_of_recordings_one_by_one(sounds: Sequences, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 7)
    network = architecture.build(FSDD, 16, 10)
    result = evaluate(FSDD, network, sounds, 10, World())
    correct = spikes = steps = 0
    with torch.no_grad():
        for row in range(len(sounds)):
            x, _, lengths = sounds.encode(FSDD, torch.tensor([row]), 0, shift=False)
            assert lengths is None  # alone, nothing is padded
            hidden, _ = network[1](network[0](x))
            membrane, _ = network[3](network[2](hidden))
            correct += int(membrane[:, 0].sum(0).argmax() == sounds.labels[row])
            spikes, steps = spikes + int(hidden.sum()), steps + len(x)
    assert result.accuracy == correct / 60 and result.spikes == spikes > 0
    assert result.duration == steps * FSDD.dt / 60 and result.neurons == 24


def test_losses_and_scores_end_with_the_sequence() -> None:
    membrane = torch.randn(6, 3, 10)
    labels, lengths = torch.tensor([1, 2, 3]), torch.tensor([6, 2, 4])
    for loss in recipes.LOSSES:
        recipe = FSDD.changed(loss=loss)
        singles = [membrane[: int(n), k : k + 1] for k, n in enumerate(lengths)]
        expected = torch.stack([recipe.loss_of(one, labels[k : k + 1]) for k, one in enumerate(singles)]).mean()
        assert torch.allclose(recipe.loss_of(membrane, labels, lengths), expected)
        scores = torch.cat([recipe.scores(one) for one in singles])
        assert torch.allclose(recipe.scores(membrane, lengths), scores)


def test_long_gradients_are_shortened(sounds: Sequences, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    def keep(_: torch.optim.Adam) -> None:
        used.append([weight.grad.clone() for weight in loop.network.parameters()])

    monkeypatch.setattr(torch.optim.Adam, "step", keep)
    for clip in (None, 1e-3):
        loop = Loop(dataclasses.replace(FSDD, clip=clip), architecture.build(FSDD, 16, 10), sounds, World())
        loop.advance()
    plain, short = (torch.cat([gradient.flatten() for gradient in gradients]) for gradients in used)
    assert plain.norm() > 1e-3 and torch.allclose(short.norm(), torch.tensor(1e-3), rtol=1e-3)
    assert torch.allclose(short / short.norm(), plain / plain.norm(), atol=1e-5)


# -- networks ---------------------------------------------------------------------------------------------------------


def test_a_convolution_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="4 convolutions are too many for 34 x 34 pixels"):
        architecture.build(NMNIST.changed(hidden=(2, 2, 2, 2)), 2, 10)


@pytest.mark.usefixtures("twins")
@pytest.mark.parametrize("name, epochs, bound", [("fsdd", 12, 0.9), ("nmnist", 24, 0.4)])
def test_a_twin_is_learnt_and_the_run_can_be_taken_up(
    name: str,
    epochs: int,
    bound: float,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole way of the command: report, raster, checkpoint. Of the gratings there are three for each class."""
    recipe = FSDD if name == "fsdd" else NMNIST
    recipe = dataclasses.replace(recipe, name="default", epochs=epochs, batch_size=10, lr=1e-2, shift=0)
    monkeypatch.setitem(recipes.RECIPES, (name, "default"), recipe)
    assert main(["train", name, "--out", str(tmp_path), "--device", "cpu", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["test_accuracy"] >= bound, numbers
    assert numbers["spikes_per_inference"] > 10 and 0 < numbers["mean_rate_hz"] < 1000 / recipe.dt
    assert (tmp_path / "raster.png").read_bytes().startswith(b"\x89PNG")
    stored, network = load_network(tmp_path)
    _, test, classes = load(stored, "cpu")
    assert evaluate(stored, network, test, len(classes), World()).accuracy == numbers["test_accuracy"]
