"""How fast are images encoded by Poisson spikes: at most one a step (`rate`), and counts (`poisson`)?

Claim: at least 0.25 G element-steps a second with each thread, so 0.5 G on two cores, for a batch of images of 784
pixels at up to 100 Hz in steps of 1 ms. Torch draws from the same laws, with numbers of a hidden state: the spikes of
an image change there with the batch and the device.
"""

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch

from benchmarks import harness
from benchmarks.harness import OURS, Bound
from benchmarks.race import Job, race
from spikelet import encode
from spikelet.units import Hz, ms

TORCH = "torch"
SHAPE, QUICK = (100, 128, 784), (10, 8, 784)  # steps, images, pixels
LEAST = 0.25  # G element-steps a second with each thread


def jobs(shape: tuple[int, int, int]) -> dict[str, dict[str, Callable[[], torch.Tensor]]]:
    """Return for each kind of spikes who makes them."""
    steps, batch, pixels = shape
    rates = torch.rand(batch, pixels, generator=torch.Generator().manual_seed(0)) * 100 * Hz
    mean = rates.expand(steps, batch, pixels)
    return {
        "rate": {
            OURS: lambda: encode.rate(rates, steps, 1 * ms),
            TORCH: lambda: (torch.rand(shape) < mean).float(),
        },
        "poisson": {OURS: lambda: encode.poisson(rates, steps, 1 * ms), TORCH: lambda: torch.poisson(mean)},
    }


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Race on each kind of spikes; tell G element-steps a second of wall time, and of CPU time."""
    shape = QUICK if options.quick else SHAPE
    for name, pair in jobs(shape).items():
        times = race({who: Job(make) for who, make in pair.items()}, rounds=options.rounds)
        number = 1e-9 * torch.Size(shape).numel()
        speeds = {who: number / median(t.total) for who, t in times.items()}
        speeds |= {f"{who}, of CPU time": number / median(t.cpu) for who, t in times.items()}
        yield harness.plain(
            "encode_poisson",
            [name, *shape],
            speeds,
            [Bound(OURS, at_least=LEAST * options.threads)],
            unit="G element-steps/s",
            packages=("torch",),
            rounds=options.rounds,
        )


if __name__ == "__main__":
    chosen = harness.options(__doc__, rounds=21)
    harness.finish(lines(chosen), record=chosen.record)
