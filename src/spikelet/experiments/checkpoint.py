"""Checkpoints: the tensors in a safetensors file, the position in a JSON file that names it.

``checkpoint.json`` is the commit: it is replaced, atomically, only after the tensors that it names are on the disk, and
older tensors are removed only after that. A crash at any moment leaves one complete checkpoint. Nothing is pickled, so
a checkpoint can be read from anybody without running their code. No state of a random generator is stored: shuffles,
encoded spikes and shifts are functions of (seed, epoch, image), and the position tells the epoch.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikelet.errors import DataError
from spikelet.experiments.architecture import build
from spikelet.experiments.folder import CHECKPOINT, SETTINGS, read_json, write_json
from spikelet.experiments.recipes import Recipe
from spikelet.files import write_atomic

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer

    from spikelet import nn

SCHEMA = 1


def save(folder: Path, step: int, tensors: "dict[str, Tensor]", record: dict[str, Any]) -> None:
    """Store a checkpoint in place of the one before.

    Args:
        folder: the folder of the run.
        step: training steps done.
        tensors: name -> tensor.
        record: all else, as JSON.

    Raises:
        DataError: it cannot be written; the checkpoint before it is kept.
    """
    from safetensors.torch import save as to_bytes

    content = to_bytes({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    path = folder / f"checkpoint-{step:08d}.safetensors"
    write_atomic(path, content)
    digest = hashlib.sha256(content).hexdigest()
    write_json(
        folder / CHECKPOINT,
        {"schema": SCHEMA, "step": step, "tensors": path.name, "sha256": digest, "record": record},
    )
    for old in folder.glob("checkpoint-*.safetensors*"):
        if old != path:
            old.unlink(missing_ok=True)


def load(folder: Path) -> "tuple[int, dict[str, Tensor], dict[str, Any]] | None":
    """Read the checkpoint of a run.

    Args:
        folder: the folder of the run.

    Returns:
        Steps done, tensors by name and the record, or ``None`` where none has been written yet.

    Raises:
        DataError: it is damaged or of a newer version.
    """
    from safetensors.torch import load as from_bytes

    if not (folder / CHECKPOINT).exists():
        return None
    head = read_json(folder / CHECKPOINT)
    if not isinstance(head, dict) or head.get("schema") != SCHEMA:
        raise DataError(f"{folder / CHECKPOINT} is no checkpoint of schema {SCHEMA}, which this version reads")
    path = folder / str(head["tensors"])
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if hashlib.sha256(content).hexdigest() != head["sha256"]:
        raise DataError(f"{path} is damaged: its content is not what was written")
    return int(head["step"]), from_bytes(content), head["record"]


def load_network(folder: Path) -> "tuple[Recipe, nn.Sequential]":
    """Return the network of a run as its last checkpoint has it, with its recipe.

    Args:
        folder: of a run of ``spikelet train``.

    Raises:
        DataError: there is no checkpoint in it, or it is damaged.
    """
    found = load(folder)
    if found is None:
        raise DataError(f"there is no checkpoint in {folder}")
    recipe = Recipe.from_json(read_json(folder / SETTINGS))
    weights = _named(found[1], "network/")
    last = max((name for name in weights if name.endswith(".weight")), key=lambda name: int(name.split(".")[0]))
    network = build(recipe, weights["0.weight"].shape[1], weights[last].shape[0])
    network.load_state_dict(weights)
    return recipe, network


def pack(network: "Module", optimiser: "Optimizer") -> "dict[str, Tensor]":
    """Return the tensors of a network and its optimiser under flat names."""
    import torch

    tensors = {f"network/{name}": value for name, value in network.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": torch.as_tensor(value) for name, value in state.items()}
    return tensors


def unpack(tensors: "dict[str, Tensor]", network: "Module", optimiser: "Optimizer") -> None:
    """Put tensors of ``pack`` back into a network and an optimiser that were built in the same way.

    Raises:
        DataError: names or shapes do not fit the network.
    """
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in _named(tensors, "optimiser/").items():
        index, key = name.split("/")
        states.setdefault(int(index), {})[key] = value
    try:
        network.load_state_dict(_named(tensors, "network/"))
    except RuntimeError as error:
        raise DataError(f"the checkpoint does not fit the network: {error}") from error
    optimiser.load_state_dict({"state": states, "param_groups": optimiser.state_dict()["param_groups"]})


def _named(tensors: "dict[str, Tensor]", prefix: str) -> "dict[str, Tensor]":
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
