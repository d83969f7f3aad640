"""Which back end a layer uses, and why."""

from typing import NamedTuple

import torch

from spikelet.backends.llvm_cpu import UNSUPPORTED
from spikelet.errors import BackendError, did_you_mean
from spikelet.model import Neuron

FUSED, EAGER = "llvm_cpu", "torch_eager"
BACKENDS = ("auto", FUSED, EAGER)


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
    obstacle = _obstacle(model, device)
    if backend == "auto":
        return Choice(EAGER, obstacle) if obstacle else Choice(FUSED, "the fused kernel for CPUs, and x is on the CPU")
    if obstacle:
        raise BackendError(f"{label}: backend={backend!r} cannot run this: {obstacle}")
    return Choice(FUSED, f"asked for by backend={backend!r}")


def _obstacle(model: Neuron, device: torch.device) -> str:
    """Say why the fused kernel for CPUs cannot do a call; nothing if it can."""
    if device.type != "cpu":
        return f"x is on {device}, and the fused kernel {FUSED!r} is for CPUs"
    reason = UNSUPPORTED.get(model.name)
    return f"the fused kernel {FUSED!r} does not do {model.name}: {reason}" if reason else ""
