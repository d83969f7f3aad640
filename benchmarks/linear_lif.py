"""Linear(N, N) and leaky integrate-and-fire neurons, 500 steps, batch 16: the workload of Open Neuromorphic's chart.

Claim: forward and backward at most 1.5x the matrix products alone, and faster than every peer. The input needs no
gradient, as in a first layer. Every peer on torch gets its Linear over all steps at once. What the jobs of the peers'
neurons have in common with ours is told in benchmarks/lif_layer.py.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

import spikelet as sl
from benchmarks import floors, harness, networks, peers
from benchmarks.harness import FASTEST, FLOOR, OURS, Bound
from benchmarks.lif_layer import LIF
from benchmarks.race import Job, race

SHAPES, QUICK = ((500, 16, 512), (500, 16, 2048)), ((20, 4, 64),)
BOUNDS = (Bound(FLOOR, at_most=1.5), Bound(FASTEST, at_least=1.0))


def jobs(shape: tuple[int, int, int], names: tuple[str, ...]) -> tuple[dict[str, Job], dict[str, str]]:
    """Return the contestants, and why others are missing."""
    torch.manual_seed(0)
    size = shape[2]
    x, upstream = (torch.rand(shape) < 0.1).float(), torch.randn(shape)
    found, missing = peers.load(names)
    ours = sl.nn.Sequential(nn.Linear(size, size, bias=False), sl.nn.Neurons(LIF))
    nets = {OURS: ours} | {n: networks.linear_lif(peer, size) for n, peer in found.items() if n in peers.TORCH}
    networks.share_weights(ours, nets.values())
    contestants = {n: networks.training(net, x, upstream, clear=net.parameters()) for n, net in nets.items()}
    if "spyx" in found:
        contestants["spyx"] = found["spyx"].linear_lif(x.numpy(), upstream.numpy())
    return contestants | {FLOOR: floors.linear(x, size)}, missing


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Race on each size."""
    for shape in QUICK if options.quick else SHAPES:
        contestants, missing = jobs(shape, options.peers)
        times = race(contestants, rounds=options.rounds)
        rates = {name: networks.rate(job) for name, job in contestants.items() if name != FLOOR}
        yield harness.line(
            "linear_lif", shape, times, BOUNDS, missing=missing, packages=peers.PACKAGES, spikes_per_step=rates
        )


if __name__ == "__main__":
    chosen = harness.options(__doc__, peers=peers.ALL)
    harness.finish(lines(chosen), record=chosen.record)
