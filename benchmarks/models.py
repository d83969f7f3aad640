"""Other neurons beside our LIF, forward and backward, each at the step and with the input that it is used with.

Claim: CuBa LIF, ALIF and Izhikevich (Euler) cost at most 1.4x our LIF, AdEx 2x, Hodgkin-Huxley 8x; and a model that a
user writes costs what one of the zoo of the same size does (here ALIF, under other names; at most 1.1x, the noise).
There are no peers here: each ratio is how many times slower than the LIF (or ALIF) of the same rounds the model is.
"""

from collections.abc import Iterator
from typing import Any

import torch

import spikelet as sl
from benchmarks import floors, harness
from benchmarks.harness import FLOOR, OURS, Bound
from benchmarks.lif_layer import LIF
from benchmarks.networks import rate, training
from benchmarks.race import Job, race

SHAPE, QUICK = (100, 64, 1000), (20, 4, 100)
USER = sl.Neuron(
    "User",
    """
    du/dt = (gain*drive - u)/tau : 1
    dy/dt = -y/tau_y          : 1
    drive : 1 (input)
    tau = 20 ms;  tau_y = 200 ms;  gain = 1;  jump = 0.2;  limit = 1
    """,
    threshold="u > limit + y",
    reset="u -= limit; y += jump",
)
# name -> model, dt [ms], mean and deviation of the input, what it is compared with, and how many times slower it may be
MODELS = {
    "CuBaLIF": (sl.neurons.CuBaLIF, 1.0, (1.2, 6.0), "LIF", 1.4),
    "ALIF": (sl.neurons.ALIF, 1.0, (1.2, 6.0), "LIF", 1.4),
    "Izhikevich": (sl.neurons.Izhikevich(method="euler"), 0.5, (10.0, 5.0), "LIF", 1.4),
    "AdEx": (sl.neurons.AdEx(method="euler"), 0.1, (1000.0, 300.0), "LIF", 2.0),
    "HodgkinHuxley": (sl.neurons.HodgkinHuxley, 0.05, (10.0, 5.0), "LIF", 8.0),
    "User": (USER, 1.0, (1.2, 6.0), "ALIF", 1.1),
}


def job(model: sl.Neuron, dt: float, drive: tuple[float, float], shape: tuple[int, int, int]) -> Job:
    """Return the job of one model."""
    torch.manual_seed(0)
    x = (drive[0] + drive[1] * torch.randn(shape)).requires_grad_()
    return training(sl.nn.Neurons(model, dt), x, torch.randn(shape), clear=[x])


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Race all models at once, and tell of each."""
    shape = QUICK if options.quick else SHAPE
    contestants = {"LIF": job(LIF, 1.0, (0.06, 0.3), shape)}
    contestants |= {name: job(*given[:3], shape) for name, given in MODELS.items()}
    times = race(contestants | {FLOOR: floors.memory(torch.empty(shape))}, rounds=options.rounds)
    rates = {name: rate(entry) for name, entry in contestants.items()}
    for name, (model, dt, _, other, factor) in MODELS.items():
        part = {OURS: times[name], other: times[other], FLOOR: times[FLOOR]}
        yield harness.line(
            "models",
            [name, *shape],
            part,
            [Bound(other, at_most=factor)],
            costs=(other, FLOOR),
            packages=["torch"],
            dt=dt,
            method=model.method,
            spikes_per_step={OURS: rates[name], other: rates[other]},
        )


if __name__ == "__main__":
    chosen = harness.options(__doc__)
    harness.finish(lines(chosen), record=chosen.record)
