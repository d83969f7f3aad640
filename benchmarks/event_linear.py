"""A linear layer on spikes, at densities from 1 to 100 %: ours, which chooses its way, against torch's.

Claim: at 3 % at least 3x, at 5 % at least 2x in the forward pass, and at no density slower than torch beyond noise,
which 0.95 allows for. A training step makes all gradients, of which that of the inputs is torch's product in both.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import harness, networks
from benchmarks.harness import OURS, Bound
from benchmarks.race import Job, race
from spikelet.nn.linear import Linear

TORCH = "torch"
SHAPES, QUICK = ((3200, 1024, 1024), (8000, 512, 512), (512, 784, 1000)), ((256, 1024, 800),)  # rows, inputs, outputs
DENSITIES = (1, 3, 5, 8, 10, 20, 50, 100)  # percent
GAINS = {3: 3.0, 5: 2.0}  # at the first shape, in the forward pass


def layers(shape: tuple[int, int, int]) -> dict[str, nn.Linear]:
    """Return both layers, with equal weights."""
    torch.manual_seed(0)
    ours, torchs = Linear(*shape[1:]), nn.Linear(*shape[1:])
    torchs.load_state_dict(ours.state_dict())
    return {OURS: ours, TORCH: torchs}


def forward_job(layer: nn.Linear, x: Tensor) -> Job:
    """Return the job of inference."""

    def forward() -> Tensor:
        with torch.no_grad():
            return layer(x)

    return Job(forward)


def training_job(layer: nn.Linear, x: Tensor, upstream: Tensor) -> Job:
    """Return the job of a forward and a backward pass with all gradients."""
    x = x.clone().requires_grad_()
    return networks.training(layer, x, upstream, clear=(x, *layer.parameters()))


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Race in each pass, on each shape, at each density."""
    for shape in QUICK if options.quick else SHAPES:
        contestants, upstream = layers(shape), torch.randn(shape[0], shape[2])
        for percent in DENSITIES:
            x = (torch.rand(shape[:2]) < percent / 100).float()
            jobs = {
                "forward": {name: forward_job(layer, x) for name, layer in contestants.items()},
                "training step": {name: training_job(layer, x, upstream) for name, layer in contestants.items()},
            }
            for name, pair in jobs.items():
                gain = GAINS.get(percent, 0.95) if name == "forward" and shape == SHAPES[0] else 0.95
                yield harness.line(
                    "event_linear",
                    [f"{name} at {percent} %", *shape],
                    race(pair, rounds=options.rounds),
                    [Bound(TORCH, at_least=gain)],
                    packages=("torch",),
                    series=[name, *shape],
                    at=f"{percent} %",
                    way=contestants[OURS].explain(x),
                )


if __name__ == "__main__":
    chosen = harness.options(__doc__, rounds=21)
    harness.finish(lines(chosen), record=chosen.record)
