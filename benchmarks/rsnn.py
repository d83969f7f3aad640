"""A recurrent network, 700 -> 256 recurrent -> 20, 250 steps, batch 64: the size of the spoken-digits tasks.

Claim: forward and backward at most 1.5x the matrix products alone, and faster than every peer. The input is spikes at
3 % and needs no gradient; the output is the membrane of leaky integrators. What the jobs of the peers' neurons have in
common with ours is told in benchmarks/lif_layer.py; their recurrent layers are told of in benchmarks/peers.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

import spikelet as sl
from benchmarks import floors, harness, networks, peers
from benchmarks.harness import FASTEST, FLOOR, OURS, Bound
from benchmarks.lif_layer import LIF
from benchmarks.peers.torch_loop import BETA
from benchmarks.race import Job, race

SHAPE, QUICK = (250, 64, 700, 256, 20), (20, 4, 50, 32, 20)  # steps, batch, inputs, hidden, classes
BOUNDS = (Bound(FLOOR, at_most=1.5), Bound(FASTEST, at_least=1.0))
LI = sl.neurons.LI(tau_mem=-1 / math.log(BETA), R=1 / (1 - BETA))


def ours(inputs: int, hidden: int, classes: int) -> nn.Module:
    """The network with our layers."""
    return sl.nn.Sequential(
        nn.Linear(inputs, hidden),
        sl.nn.Recurrent(sl.nn.Neurons(LIF), nn.Linear(hidden, hidden)),
        nn.Linear(hidden, classes),
        sl.nn.Neurons(LI, output="v"),
    )


def jobs(shape: tuple[int, ...], names: tuple[str, ...]) -> tuple[dict[str, Job], dict[str, str]]:
    """Return the contestants, and why others are missing."""
    torch.manual_seed(0)
    steps, batch, *sizes = shape
    x = (torch.rand(steps, batch, sizes[0]) < 0.03).float()
    upstream = torch.randn(steps, batch, sizes[-1])
    found, missing = peers.load(names)
    nets = {OURS: ours(*sizes)} | {n: networks.rsnn(peer, *sizes) for n, peer in found.items() if n in peers.TORCH}
    networks.share_weights(nets[OURS], nets.values())
    contestants = {n: networks.training(net, x, upstream, clear=net.parameters()) for n, net in nets.items()}
    if "spyx" in found:
        contestants["spyx"] = found["spyx"].rsnn(x.numpy(), upstream.numpy(), *sizes[1:])
    return contestants | {FLOOR: floors.rsnn(x, *sizes[1:])}, missing


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Race."""
    shape = QUICK if options.quick else SHAPE
    contestants, missing = jobs(shape, options.peers)
    times = race(contestants, rounds=options.rounds)
    yield harness.line("rsnn", shape, times, BOUNDS, missing=missing, packages=peers.PACKAGES)


if __name__ == "__main__":
    chosen = harness.options(__doc__, peers=peers.ALL)
    harness.finish(lines(chosen), record=chosen.record)
