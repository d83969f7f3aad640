"""A convolutional network, 12C5-MP2-64C5-MP2-10 on 28 x 28, 10 steps, batch 64; the frames differ from step to step.

Claim: forward and backward at most 1.25x the same network without neurons (both convolutions, both poolings, the
Linear), and not slower than any peer. All on torch get their convolutions over all steps at once; what the jobs of the
peers' neurons have in common with ours is told in benchmarks/lif_layer.py.
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

SHAPE, QUICK = (10, 64), (3, 2)  # steps, batch
BOUNDS = (Bound(FLOOR, at_most=1.25), Bound(FASTEST, at_least=1.0))


def ours() -> nn.Module:
    """The network with our layers."""
    return sl.nn.Sequential(
        nn.Conv2d(1, 12, 5), nn.MaxPool2d(2), sl.nn.Neurons(LIF),
        nn.Conv2d(12, 64, 5), nn.MaxPool2d(2), sl.nn.Neurons(LIF),
        nn.Flatten(), nn.Linear(1024, 10), sl.nn.Neurons(LIF),
    )  # fmt: skip


def jobs(shape: tuple[int, int], names: tuple[str, ...]) -> tuple[dict[str, Job], dict[str, str]]:
    """Return the contestants, and why others are missing."""
    torch.manual_seed(0)
    x, upstream = torch.rand(*shape, 1, 28, 28), torch.randn(*shape, 10)
    found, missing = peers.load(names)
    nets = {OURS: ours()} | {n: networks.conv(peer) for n, peer in found.items() if n in peers.TORCH}
    networks.share_weights(nets[OURS], nets.values())
    contestants = {n: networks.training(net, x, upstream, clear=net.parameters()) for n, net in nets.items()}
    if "spyx" in found:
        contestants["spyx"] = found["spyx"].conv(x.numpy(), upstream.numpy())
    return contestants | {FLOOR: floors.conv(x, upstream)}, missing


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Race."""
    shape = QUICK if options.quick else SHAPE
    contestants, missing = jobs(shape, options.peers)
    times = race(contestants, rounds=options.rounds)
    rates = {name: networks.rate(job) for name, job in contestants.items() if name != FLOOR}
    yield harness.line(
        "conv_net", shape, times, BOUNDS, missing=missing, packages=peers.PACKAGES, spikes_per_step=rates
    )


if __name__ == "__main__":
    chosen = harness.options(__doc__, peers=peers.ALL)
    harness.finish(lines(chosen), record=chosen.record)
