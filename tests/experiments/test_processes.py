"""Runs in processes of their own: two that share the work, and some that are killed or fail."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.experiments.test_train import SMALL, tensors, train
from tests.experiments.worker import BATCHES, gradients

from spikelet.experiments import folder as files

WORKER = Path(__file__).parent / "worker.py"
PATIENCE = 300  # seconds after which a hang is a failure; nothing here is measured by it


def environment(**more: str) -> dict[str, str]:
    source = str(Path(__file__).parents[2] / "src")
    return {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1", **more}


def alone(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(WORKER), *arguments]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=PATIENCE)


def two(*arguments: str) -> list[tuple[int, str, str]]:
    """Start two processes as torchrun does; return exit code, stdout and stderr of each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, str(WORKER), *arguments],
            env=environment(**place, RANK=str(rank), LOCAL_RANK=str(rank)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        texts = [process.communicate(timeout=PATIENCE) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, *text) for process, text in zip(processes, texts, strict=True)]


def of_small(folder: Path, *more: str) -> tuple[str, ...]:
    return (*SMALL, "--out", str(folder), *more)


def test_kill_9_resumes_to_the_bit(tmp_path: Path) -> None:
    killed = alone("kill", "7", *of_small(tmp_path / "killed"))
    assert killed.returncode == -signal.SIGKILL
    assert files.read_json(tmp_path / "killed" / files.CHECKPOINT)["step"] == 6
    assert train(tmp_path / "killed", "--resume") == 0
    assert train(tmp_path / "whole") == 0
    assert tensors(tmp_path / "killed") == tensors(tmp_path / "whole")


def test_two_processes_compute_the_gradients_of_one_and_share_an_error(tmp_path: Path) -> None:
    outcomes = two("gradients", str(tmp_path / "two"))
    assert [code for code, _, _ in outcomes] == [2, 2], outcomes
    assert all("told to fail" in err for _, _, err in outcomes)  # by the first process alone
    stored = load_file(tmp_path / "two")
    for batch, expected in enumerate(gradients(None)):
        for index, value in enumerate(expected):
            difference = (stored[f"{batch}/{index}"] - value).abs().max().item()
            assert difference <= 1e-6, f"batch of {BATCHES[batch]}, tensor {index}: {difference}"
        assert max(value.abs().max().item() for value in expected[:-1]) > 1e-3  # there is something to compare


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return a run of two processes that nothing interrupted, under torchrun itself, and its end."""
    folder = tmp_path_factory.mktemp("torchrun") / "whole"
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "spikelet"]
    command += of_small(folder, "--json")
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=PATIENCE)
    return folder, done


def test_torchrun(tmp_path: Path, whole: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = whole
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1 and done.stdout.startswith('{"test_accuracy"')
    assert train(tmp_path) == 0
    two_of_them, one = (load_file(next(path.glob("checkpoint-*.safetensors")))["losses"] for path in (folder, tmp_path))
    assert abs(two_of_them[0] - one[0]) <= 1e-6  # the same images, spikes and weights
    assert torch.allclose(two_of_them, one, atol=1e-2)


def test_two_killed_processes_resume_to_the_bit(
    tmp_path: Path, whole: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    killed = two("kill", "7", *of_small(tmp_path))
    assert [code for code, _, _ in killed] == [-signal.SIGKILL] * 2, killed
    assert files.read_json(tmp_path / files.CHECKPOINT)["step"] == 6
    (first, out, err), (second, silent, _) = two("run", "-", *of_small(tmp_path, "--resume", "--json"))
    assert (first, second) == (0, 0), err
    assert out.count("\n") == 1 and silent == ""  # the first process alone prints
    assert tensors(tmp_path) == tensors(whole[0])


def test_a_failing_process_ends_the_other(tmp_path: Path) -> None:
    (first, _, err), (second, _, other) = two("fail", "5", *of_small(tmp_path))
    assert second == 1 and "this process was told to fail" in other
    assert first == 2, err
    assert "another process of this run has ended or does not answer" in err
    assert files.read_json(tmp_path / files.CHECKPOINT)["step"] == 4
