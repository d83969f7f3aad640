"""What training keeps: bytes per element that one layer saves, and all that lives after the forward pass of a stack.

Claim: with ``memory="low"`` a layer saves at most 4.2 bytes per element (its input, and a bit for the spike); and a
stack of four Linear and LIF over 500 steps keeps at most half of what snnTorch's keeps. Counted with the hooks of
autograd for saved tensors, each storage once, parameters left out; for the stack with its output. The contestants of
the stack do the same job, told of in benchmarks/lif_layer.py.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

import spikelet as sl
from benchmarks import harness, peers
from benchmarks.harness import Bound
from benchmarks.lif_layer import LIF
from benchmarks.saved import kept_bytes

SHAPE, QUICK, LAYERS = (500, 16, 512), (50, 4, 32), 4


def of_layer(layer: Callable[[Tensor], Any], shape: tuple[int, int, int]) -> float:
    """Return the bytes per element that a layer saves for the backward pass."""
    torch.manual_seed(0)
    x = (0.06 + 0.3 * torch.randn(shape)).requires_grad_()
    return round(kept_bytes(lambda: layer(x), output=False) / x.numel(), 4)


def of_stack(make: Callable[[], nn.Module], shape: tuple[int, int, int], container: type = nn.Sequential) -> float:
    """Return the bytes per element and layer that live after the forward pass of a stack."""
    torch.manual_seed(0)
    size = shape[2]
    stack = container(*(module for _ in range(LAYERS) for module in (nn.Linear(size, size), make())))
    x = (torch.rand(shape) < 0.1).float()
    return round(kept_bytes(lambda: stack(x), without=stack.parameters()) / x.numel() / LAYERS, 4)


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Count in a layer, then in the stack."""
    shape = QUICK if options.quick else SHAPE
    found, missing = peers.load(options.peers)
    ours = {mode: lambda mode=mode: sl.nn.Neurons(LIF, memory=mode) for mode in ("low", "fast")}
    layer = {mode: of_layer(make(), shape) for mode, make in ours.items()}
    others = {name: of_layer(peer.lif(shape[2:]), shape) for name, peer in found.items()}
    more = {"missing": missing, "packages": peers.PACKAGES, "unit": "bytes per element and layer"}
    yield harness.plain(
        "memory", ["saved by one layer", *shape], layer, [Bound("low", at_most=4.2)], peer=others or None, **more
    )
    stack = {mode: of_stack(make, shape, sl.nn.Sequential) for mode, make in ours.items()}
    others = {name: of_stack(lambda peer=peer: peer.lif(shape[2:]), shape) for name, peer in found.items()}
    ratio = {name: round(value / stack["low"], 3) for name, value in others.items()}
    numbers, bounds = {**stack, **ratio}, [Bound("snntorch", at_least=2)]
    line = harness.plain(
        "memory", [f"alive after {LAYERS} layers", *shape], numbers, bounds, peer=others or None, **more
    )
    yield line | {"ours": stack, "ratio": ratio}


if __name__ == "__main__":
    chosen = harness.options(__doc__, peers=peers.TORCH)
    harness.finish(lines(chosen), record=chosen.record)
