"""Which back end a layer uses, and why."""

import functools
import importlib.util
from typing import NamedTuple

import torch

from spikelet.backends import llvm_cpu
from spikelet.errors import BackendError, did_you_mean
from spikelet.model import Neuron

FUSED, GPU, EAGER = "llvm_cpu", "triton_gpu", "torch_eager"
BACKENDS = ("auto", FUSED, GPU, EAGER)
_PLACES = {FUSED: ("cpu", "for CPUs"), GPU: ("cuda", "for GPUs")}


class Choice(NamedTuple):
    """A back end, and the reason for it."""

    backend: str
    why: str


def require_known(label: str, backend: str) -> None:
    """Raise ``BackendError`` unless there is such a back end."""
    if backend not in BACKENDS:
        hint = did_you_mean(backend, BACKENDS)
        raise BackendError(f"{label}: no back end {backend!r}, expected one of {BACKENDS}{hint}")


def choose(label: str, model: Neuron, backend: str, device: torch.device) -> Choice:
    """Return the back end for a call on ``device``.

    Raises:
        BackendError: the one that was asked for by name cannot do it.
    """
    if backend == EAGER:
        return Choice(EAGER, f"asked for by backend={EAGER!r}")
    if backend != "auto":
        obstacle = _obstacle(backend, model, device)
        if obstacle:
            raise BackendError(f"{label}: backend={backend!r} cannot run this: {obstacle}")
        return Choice(backend, f"asked for by backend={backend!r}")
    fused = GPU if device.type == "cuda" else FUSED
    obstacle = _obstacle(fused, model, device)
    if obstacle:
        return Choice(EAGER, obstacle)
    return Choice(fused, f"the fused kernel {_PLACES[fused][1]}, and x is on {_where(device)}")


def _where(device: torch.device) -> str:
    return "the CPU" if device.type == "cpu" else str(device)


def _obstacle(backend: str, model: Neuron, device: torch.device) -> str:
    """Say why a fused back end cannot do a call; nothing if it can."""
    kind, purpose = _PLACES[backend]
    if device.type != kind:
        return f"x is on {_where(device)}, and the fused kernel {backend!r} is {purpose}"
    if backend == GPU and not _triton():
        return f"{GPU!r} needs triton: pip install 'spikelet[gpu]'"
    reason = _unsupported(backend).get(model.name)
    return f"the fused kernel {backend!r} does not do {model.name}: {reason}" if reason else ""


@functools.cache
def _triton() -> bool:
    return importlib.util.find_spec("triton") is not None


def _unsupported(backend: str) -> dict[str, str]:
    if backend == FUSED:
        return llvm_cpu.UNSUPPORTED
    from spikelet.backends import triton_gpu

    return triton_gpu.UNSUPPORTED
