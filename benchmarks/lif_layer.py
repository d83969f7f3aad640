"""One layer of leaky integrate-and-fire neurons, forward and backward with autograd.

Claim: >= 5x snnTorch, >= 4x SpikingJelly's multi-step torch back end, >= 3x a hand-written torch loop, and at most 2.3x
the memory floor of 24 bytes per element. All contestants keep 0.95 of the membrane in a step and take the input as it
is. snnTorch, SpikingJelly, Sinabs and the hand-written loop do the same job as we do: the same spikes, and the same
gradients to rounding. Norse has another surrogate; Rockpool and Spyx other neurons, see benchmarks/peers.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch

import spikelet as sl
from benchmarks import floors, harness, peers
from benchmarks.harness import FLOOR, OURS, Bound
from benchmarks.networks import rate, training
from benchmarks.peers.torch_loop import BETA
from benchmarks.race import Job, race

SHAPES = ((100, 64, 1000), (25, 128, 1000), (500, 16, 512))
QUICK = ((20, 4, 100),)
BOUNDS = (
    Bound("snntorch", at_least=5),
    Bound("spikingjelly", at_least=4),
    Bound("torch_loop", at_least=3),
    Bound(FLOOR, at_most=2.3),
)
# a membrane that keeps BETA of itself, and takes its input as it is
LIF = sl.neurons.LIF(tau_mem=-1 / math.log(BETA), R=1 / (1 - BETA))


def jobs(shape: tuple[int, int, int], names: tuple[str, ...]) -> tuple[dict[str, Job], dict[str, str]]:
    """Return the contestants, and why others are missing."""
    torch.manual_seed(0)
    x = (0.06 + 0.3 * torch.randn(shape)).requires_grad_()
    upstream = torch.randn(shape)
    found, missing = peers.load(names)
    contestants = {OURS: training(sl.nn.Neurons(LIF), x, upstream, clear=[x])}
    for name, peer in found.items():
        if name in peers.TORCH:
            contestants[name] = training(peer.lif(shape[2:]), x, upstream, clear=[x])
        else:
            contestants[name] = peer.layer(x.detach().numpy(), upstream.numpy())
    return contestants | {FLOOR: floors.memory(x)}, missing


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Race on each shape."""
    for shape in QUICK if options.quick else SHAPES:
        contestants, missing = jobs(shape, options.peers)
        times = race(contestants, rounds=options.rounds)
        rates = {name: rate(job) for name, job in contestants.items() if name != FLOOR}
        yield harness.line(
            "lif_layer", shape, times, BOUNDS, missing=missing, packages=peers.PACKAGES, spikes_per_step=rates
        )


if __name__ == "__main__":
    chosen = harness.options(__doc__, peers=peers.ALL)
    harness.finish(lines(chosen), record=chosen.record)
