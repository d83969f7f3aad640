"""``spikelet train`` in this process: what it writes, says and refuses, and that an interruption changes nothing."""

import errno
import json
import math
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from spikelet.cli import main
from spikelet.errors import DataError
from spikelet.experiments import folder as files
from spikelet.experiments.batches import load
from spikelet.experiments.checkpoint import load_network
from spikelet.experiments.distributed import World
from spikelet.experiments.evaluate import evaluate
from spikelet.experiments.loop import Loop
from spikelet.experiments.recipes import Recipe

# A run of 3 epochs of 3 steps, the last of each with 8 images; every image as random spikes and shifted.
SMALL = ("train", "digits", "--limit", "40", "--batch-size", "16", "--epochs", "3", "--steps", "4", "--device", "cpu")
SMALL = (*SMALL, "--encoder", "bernoulli", "--no-plots", "--checkpoint-every", "2")


def train(folder: Path, *more: str) -> int:
    return main([*SMALL, "--out", str(folder), *more])


def tensors(folder: Path) -> dict[str, bytes]:
    """Return the content of the only checkpoint in a folder, to the bit."""
    (path,) = folder.glob("checkpoint-*.safetensors")
    return {name: value.tobytes() for name, value in load_file(path).items()}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert train(folder) == 0
    return folder


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, act: object) -> None:
    """Call ``act`` just before a training step."""
    advance = Loop.advance

    def acting(self: Loop, *, stop: bool = False) -> bool:
        if self.step == step:
            act()  # type: ignore[operator]
        return advance(self, stop=stop)

    monkeypatch.setattr(Loop, "advance", acting)


def test_json_is_one_line_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(tmp_path, "--json", "--seed", "5") == 0
    out, err = capsys.readouterr()
    assert err == ""  # no bar where nobody is looking
    assert out.count("\n") == 1
    numbers = json.loads(out)
    assert list(numbers) == ["test_accuracy", "mean_rate_hz", "spikes_per_inference", "seconds", "seed"]
    assert 0 <= numbers["test_accuracy"] <= 1 and numbers["seed"] == 5
    assert numbers["mean_rate_hz"] > 0 and numbers["seconds"] > 0
    assert abs(numbers["spikes_per_inference"] - numbers["mean_rate_hz"] * 256 * 0.004) < 1e-9
    assert json.loads((tmp_path / files.METRICS).read_text()) == numbers


def test_text_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*(word for word in SMALL if word != "--no-plots"), "--out", str(tmp_path)]) == 0
    out, _ = capsys.readouterr()
    lines = out.splitlines()
    assert [line.split("  ")[0] for line in lines[:2]] == ["test accuracy", "mean firing rate"]
    assert lines[2].startswith("spikes per inference")
    assert lines[-1] == f"see {tmp_path}/"
    for name in files.FIGURES:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_a_trained_network_can_be_taken_up_elsewhere(uninterrupted: Path) -> None:
    recipe, network = load_network(uninterrupted)
    assert recipe.to_json() == files.read_json(uninterrupted / files.SETTINGS)
    _, test, classes = load(recipe, "cpu")
    result = evaluate(recipe, network, test, len(classes), World())
    numbers = files.read_json(uninterrupted / files.METRICS)
    assert result.accuracy == numbers["test_accuracy"]
    assert result.spikes_per_inference == numbers["spikes_per_inference"]


def test_there_is_no_network_where_there_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no checkpoint in"):
        load_network(tmp_path)


def test_two_runs_of_one_recipe_are_equal_to_the_bit(tmp_path: Path, uninterrupted: Path) -> None:
    assert train(tmp_path) == 0
    assert tensors(tmp_path) == tensors(uninterrupted)


@pytest.mark.parametrize("step", [1, 3, 4, 8])  # before any checkpoint was due, at an epoch's end, within one, last
def test_ctrl_c_stops_with_a_checkpoint_and_resumes_to_the_bit(
    tmp_path: Path,
    uninterrupted: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    step: int,
) -> None:
    with monkeypatch.context() as patch:
        at_step(patch, step - 1, lambda: signal.raise_signal(signal.SIGINT))
        assert train(tmp_path) == 130
    stored = files.read_json(tmp_path / files.CHECKPOINT)["step"]
    assert stored == step
    assert not (tmp_path / files.METRICS).exists()
    assert capsys.readouterr().err == f"stopped after step {step}; --resume continues the run in {tmp_path}\n"
    assert train(tmp_path, "--resume") == 0
    assert tensors(tmp_path) == tensors(uninterrupted)


def test_sigterm_stops_in_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_step(monkeypatch, 1, lambda: signal.raise_signal(signal.SIGTERM))
    assert train(tmp_path) == 143
    assert files.read_json(tmp_path / files.CHECKPOINT)["step"] == 2


def test_a_signal_in_the_last_step_finds_a_finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_step(monkeypatch, 8, lambda: signal.raise_signal(signal.SIGINT))
    assert train(tmp_path) == 0
    assert (tmp_path / files.METRICS).exists()


def test_a_finished_run_resumes_to_the_same_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(tmp_path, "--json") == 0
    first = capsys.readouterr().out
    assert train(tmp_path, "--json", "--resume") == 0
    assert capsys.readouterr().out == first


def test_a_full_disk_keeps_the_checkpoint_before(
    tmp_path: Path, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        at_step(patch, 5, lambda: patch.setattr(os, "fsync", full))
        assert train(tmp_path) == 2
    err = capsys.readouterr().err
    assert err.startswith("spikelet: error: cannot write ") and "No space left on device" in err
    assert err.count("\n") == 1
    assert files.read_json(tmp_path / files.CHECKPOINT)["step"] == 4
    assert train(tmp_path, "--resume") == 0
    assert tensors(tmp_path) == tensors(uninterrupted)


def test_a_run_is_not_overwritten_by_accident(uninterrupted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tensors(uninterrupted)
    assert train(uninterrupted) == 2
    assert "--resume continues it, --overwrite replaces it" in capsys.readouterr().err
    assert train(uninterrupted, "--resume", "--seed", "3") == 2
    assert "has seed = 0, not 3; --resume continues a run unchanged" in capsys.readouterr().err
    assert tensors(uninterrupted) == before


def test_threads_are_set_for_the_run_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = torch.get_num_threads(), []
    at_step(monkeypatch, 0, lambda: seen.append(torch.get_num_threads()))
    assert train(tmp_path, "--threads", "3") == 0
    assert train(tmp_path, "--overwrite") == 0  # a network too small for a second one
    assert seen == [3, 1]
    assert torch.get_num_threads() == before


def test_overwrite_starts_anew(tmp_path: Path) -> None:
    assert train(tmp_path, "--seed", "1") == 0
    first = tensors(tmp_path)
    assert train(tmp_path, "--seed", "2", "--overwrite") == 0
    assert tensors(tmp_path) != first


def test_resuming_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(tmp_path / "none", "--resume") == 2
    assert "there is no run in" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_missing_images_make_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path / "nothing"))
    assert main(["train", "fashion-mnist", "--out", str(tmp_path / "run")]) == 2
    err = capsys.readouterr().err
    assert f"Looked in {tmp_path / 'nothing' / 'fashion-mnist'}" in err and "Download" in err
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_a_number_keeps_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loss_of = Recipe.loss_of
    at_step(monkeypatch, 5, lambda: monkeypatch.setattr(Recipe, "loss_of", lambda *x: loss_of(*x) * math.nan))
    assert train(tmp_path) == 2
    assert "the loss is nan in step 6 (epoch 2); try a smaller --lr" in capsys.readouterr().err
    assert files.read_json(tmp_path / files.CHECKPOINT)["step"] == 4


def test_the_default_recipe_of_digits_reaches_its_accuracy(tmp_path: Path) -> None:
    assert main(["train", "digits", "--out", str(tmp_path), "--no-plots", "--device", "cpu"]) == 0
    assert json.loads((tmp_path / files.METRICS).read_text())["test_accuracy"] >= 0.97
