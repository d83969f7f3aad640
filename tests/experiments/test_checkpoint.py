"""Checkpoints: what goes in comes out, and one complete checkpoint is there at any moment."""

from pathlib import Path

import pytest
import torch
from torch import nn

from spikelet.errors import DataError
from spikelet.experiments import checkpoint, folder as files

TENSORS = {"a": torch.tensor([0.1, -2.0]), "b": torch.arange(3)}


def tensor_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("checkpoint-*"))


def trained() -> tuple[nn.Linear, torch.optim.Adam]:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    return network, optimiser


def test_nothing_yet(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path) is None


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 7, TENSORS, {"accuracy": [0.1, 1 / 3]})
    found = checkpoint.load(tmp_path)
    assert found is not None
    step, tensors, record = found
    assert step == 7 and record == {"accuracy": [0.1, 1 / 3]}
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_the_one_before_is_removed(tmp_path: Path) -> None:
    for step in (1, 2):
        checkpoint.save(tmp_path, step, TENSORS, {})
    assert tensor_files(tmp_path) == ["checkpoint-00000002.safetensors"]


def test_a_crash_between_the_two_files_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.save(tmp_path, 1, TENSORS, {})

    def crash(*_: object) -> None:
        raise DataError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_json", crash)
        with pytest.raises(DataError):
            checkpoint.save(tmp_path, 2, TENSORS, {})
    found = checkpoint.load(tmp_path)
    assert found is not None and found[0] == 1
    checkpoint.save(tmp_path, 3, TENSORS, {})
    assert tensor_files(tmp_path) == ["checkpoint-00000003.safetensors"]  # that of step 2 is gone, too


@pytest.mark.parametrize("how", ["truncated", "changed"])
def test_damage_is_noticed(tmp_path: Path, how: str) -> None:
    checkpoint.save(tmp_path, 1, TENSORS, {})
    path = tmp_path / "checkpoint-00000001.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content[:-1] if how == "truncated" else content)
    with pytest.raises(DataError, match=r"checkpoint-00000001\.safetensors is damaged"):
        checkpoint.load(tmp_path)


def test_missing_tensors_are_named(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 1, TENSORS, {})
    (tmp_path / "checkpoint-00000001.safetensors").unlink()
    with pytest.raises(DataError, match=r"cannot read .*checkpoint-00000001\.safetensors: No such file"):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("head", ['{"schema": 99}', "[]", "{}"])
def test_another_schema_is_refused(tmp_path: Path, head: str) -> None:
    (tmp_path / files.CHECKPOINT).write_text(head)
    with pytest.raises(DataError, match="is no checkpoint of schema 1"):
        checkpoint.load(tmp_path)


def test_network_and_optimiser_are_restored_to_the_bit() -> None:
    network, optimiser = trained()
    tensors = checkpoint.pack(network, optimiser)
    other, other_optimiser = nn.Linear(3, 2), None
    other_optimiser = torch.optim.Adam(other.parameters())
    checkpoint.unpack(tensors, other, other_optimiser)
    again = checkpoint.pack(other, other_optimiser)
    assert again.keys() == tensors.keys()
    assert {"optimiser/0/exp_avg", "optimiser/1/step"} <= again.keys()
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)


def test_tensors_of_another_network_are_refused() -> None:
    tensors = checkpoint.pack(*trained())
    other = nn.Linear(4, 2)
    with pytest.raises(DataError, match="does not fit the network"):
        checkpoint.unpack(tensors, other, torch.optim.Adam(other.parameters()))
