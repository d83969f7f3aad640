"""Learning digits without labels: 400 neurons, 250 steps of 1 ms an image, encoding included; against BindsNET.

One by one: the layer of `experiments.digits_layer`, an image at a time, and the network of Diehl & Cook in the
simulator, with 150 ms of rest in place of a reset, against BindsNET's network. In batches: the layer, 16 images at
once, against BindsNET's network at its best size of a batch. Times are of as many images for all in a line; samples a
second stand beside them.

Claim: the layer learns at least 50 times as many samples a second one by one, and at least 10 times as many as BindsNET
at its best.
"""

from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any

import numpy as np

from benchmarks import harness, peers
from benchmarks.harness import FASTEST, OURS, Bound
from benchmarks.race import Job, race
from spikelet.experiments import diehl_cook, digits_layer as digits

NEURONS, STEPS, REST = 400, 250, 150.0
BATCHES = (32, 64, 128, 256)  # of BindsNET
PEER = "bindsnet"
LIT = 0.19  # share of the pixels of a digit that are lit, and their mean: those of MNIST
INHIBITION = 120.0
DIMMED = 3  # the layer takes three times the rates of the others; here all have 63.75 Hz for a white pixel


def pixels(count: int) -> np.ndarray:
    """Return images with as much light as digits have, (count, 28, 28) uint8."""
    draw = np.random.default_rng(0)
    lit = draw.random((count, 28, 28)) < LIT
    return (lit * draw.integers(90, 256, (count, 28, 28))).astype(np.uint8)


def simulated(neurons: int) -> Callable[[np.ndarray], Any]:
    """Return a function that lets the network of the simulator learn images."""
    net = diehl_cook.network(neurons, seed=1)
    show = diehl_cook.Show(net, learns=True, done=lambda *_: None, time=(STEPS, REST), enough=0)
    return lambda images: show.run(images.reshape(len(images), -1))


def layered(neurons: int, batch: int) -> Callable[[np.ndarray], Any]:
    """Return a function that lets the layer learn images, batch by batch."""
    import torch

    inhibition = digits.all_alike(neurons, INHIBITION)
    net = digits.layer(0.3 * torch.rand(neurons, digits.PIXELS), inhibition, learns=True)
    kept: dict[str, Any] = {"state": None}

    def learn(images: np.ndarray) -> None:
        for begin in range(0, len(images), batch):
            part = images[begin : begin + batch]
            net.normalise(digits.TOTAL)
            spikes = digits.shown(part // DIMMED, np.arange(begin, begin + len(part)), 0)
            kept["state"] = net(spikes, None if kept["state"] is None else net.fresh(kept["state"]))[1]

    return learn


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Race one by one, then in batches."""
    import torch

    found, missing = peers.load(options.peers)
    peer: Any = found.get(PEER)
    neurons = 50 if options.quick else NEURONS
    few = 1 if options.quick else 4
    cases = {
        "one by one": (layered(neurons, 1), (1,), few, [Bound(PEER, at_least=50.0)]),
        "one by one, simulator": (simulated(neurons), (1,), few, []),
        "batches": (layered(neurons, digits.BATCH), BATCHES, max(BATCHES), [Bound(FASTEST, at_least=10.0)]),
    }
    for name, (ours, sizes, count, bounds) in cases.items():
        images = pixels(count)
        jobs = {OURS: Job(lambda ours=ours, images=images: ours(images))}
        for size in sizes if peer is not None else ():
            other = peer.Digits(neurons, STEPS, size)
            label = PEER if len(sizes) == 1 else f"{PEER}_{size}"
            jobs[label] = Job(lambda other=other, images=images: other.train(torch.from_numpy(images)))
        times = race(jobs, rounds=options.rounds, warmup=1, patience=120.0)
        rates: Mapping[str, float] = {label: round(count / median(t.total), 1) for label, t in times.items()}
        yield harness.line(
            "diehl_cook", [name, neurons, STEPS], times, bounds, missing=missing, packages=(PEER,), samples=count,
            samples_per_s=rates,
        )  # fmt: skip


if __name__ == "__main__":
    chosen = harness.options(__doc__, peers=(PEER,), rounds=5)
    harness.finish(lines(chosen), record=chosen.record)
