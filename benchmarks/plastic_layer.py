"""A layer that learns without a teacher: 784 -> 400, 250 steps, Poisson input of some 1,600 spikes a sample.

The network is Diehl & Cook's without its second layer: all neurons inhibit each other, thresholds rise with each spike
and are shared by the samples of a batch, weights change at the spikes of both sides and are scaled to a sum after each
batch, which counts. One core; samples a second, by CPU time.

Claim: at least 300 samples a second one by one, and 310 in batches of 32.
"""

from collections.abc import Iterator
from statistics import median
from time import process_time
from typing import Any

import torch
from torch import Tensor, nn

import spikelet as sl
from benchmarks import harness
from benchmarks.harness import Bound

STEPS, SPIKES, BATCHES = 250, 1_600, (1, 32)
CELL = sl.Neuron(
    "Cell",
    """
    dv/dt = (v_rest - v)/tau_mem : mV (unless refractory)
    dtheta/dt = -theta/tau_theta : mV
    tau_mem = 100 ms;  tau_theta = 1e7 ms;  t_ref = 5 ms
    v_rest = -65 mV;  v_reset = -60 mV;  v_th = -52 mV;  rise = 0.05 mV
    """,
    threshold="v > v_th + theta",
    reset="v = v_reset; theta += rise",
    refractory="t_ref",
    initial="v = v_rest",
)
RULE = sl.Rule(
    "PairsOnce",
    """
    dx_pre/dt = -x_pre/tau : 1 (pre)
    dx_post/dt = -x_post/tau : 1 (post)
    tau = 20 ms;  a_minus = 1e-4;  a_plus = 1e-2;  w_max = 1
    """,
    on_pre="x_pre = 1; w = clip(w - a_minus*x_post, 0, w_max)",
    on_post="x_post = 1; w = clip(w + a_plus*x_pre, 0, w_max)",
)


def layer(inputs: int, neurons: int) -> sl.nn.Plastic:
    """Return the layer, with weights that sum to a tenth of the inputs."""
    torch.manual_seed(0)
    module = nn.Linear(inputs, neurons, bias=False)
    made = sl.nn.Plastic(module, CELL, RULE, to="v", shared="theta", inhibition=-120 * (1 - torch.eye(neurons)))
    nn.init.uniform_(made.weight, 0, 0.3)
    made.normalise(inputs / 10)
    return made


def samples(steps: int, batch: int, inputs: int) -> Tensor:
    """Return spikes (T, B, N): each sample has a fifth of the inputs, at the same rate."""
    generator = torch.Generator().manual_seed(1)
    active = torch.rand(batch, inputs, generator=generator) < 0.2
    rate = SPIKES / (STEPS * 0.2 * inputs)
    return (torch.rand(steps, batch, inputs, generator=generator) < active * rate).float()


def seconds(made: sl.nn.Plastic, x: Tensor) -> float:
    """Return the CPU time of learning from a batch."""
    started = process_time()
    made(x)
    made.normalise(x.shape[2] / 10)
    return process_time() - started


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Learn, one by one and in batches."""
    steps, inputs, neurons = (20, 49, 20) if options.quick else (STEPS, 784, 400)
    numbers, fired = {}, {}
    for batch in BATCHES:
        made, x = layer(inputs, neurons), samples(steps, batch, inputs)
        fired[f"spikes_{batch}"] = float(made(x)[0].sum()) / batch
        rounds = options.rounds * max(BATCHES[-1] // batch // 4, 1)
        numbers[f"batch_{batch}"] = batch / median(seconds(made, x) for _ in range(rounds))
    bounds = (Bound("batch_1", at_least=300.0), Bound("batch_32", at_least=310.0))
    shape = [steps, inputs, neurons]
    yield harness.plain(
        "plastic_layer", shape, numbers, bounds, unit="samples a second", rounds=options.rounds, seen=fired
    )


if __name__ == "__main__":
    chosen = harness.options(__doc__)
    harness.finish(lines(chosen), record=chosen.record)
