"""Layers that learn without a teacher: dense, 784 -> 400, and a convolution.

Dense: 250 steps, Poisson input of some 1,600 spikes a sample.

The network is Diehl & Cook's without its second layer: all neurons inhibit each other, thresholds rise with each spike
and are shared by the samples of a batch, weights change at the spikes of both sides and are scaled to a sum after each
batch, which counts. One core; samples a second, by CPU time.

Convolution: 2 -> 30 maps of 28x28, patches of 5x5, 20 steps, each input fires in 5 % of them; same neurons and rule,
maps inhibit each other where they are. The same steps by the kernel and by torch operations.

Claim: dense at least 300 samples a second one by one, and 310 in batches of 32; of the convolution a step of the kernel
at least 40 times as fast as in torch operations.
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


def convolution(maps: int, backend: str) -> sl.nn.Plastic:
    """Return a convolution, with weights that sum to 25 for each map."""
    torch.manual_seed(0)
    module, others = nn.Conv2d(2, maps, 5, padding=2, bias=False), nn.Conv2d(maps, maps, 1, bias=False)
    with torch.no_grad():
        others.weight.copy_(-20 * (1 - torch.eye(maps)).reshape(maps, maps, 1, 1))
    others.requires_grad_(False)
    made = sl.nn.Plastic(module, CELL, RULE, to="v", shared="theta", inhibition=others, backend=backend)
    nn.init.uniform_(made.weight, 0.2, 0.8)
    made.normalise(25.0)
    return made


def seconds(made: sl.nn.Plastic, x: Tensor, total: float) -> float:
    """Return the CPU time of learning from a batch, after which the weights of each receiver are scaled to a sum."""
    started = process_time()
    made(x)
    made.normalise(total)
    return process_time() - started


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Learn: a dense layer, and a convolution."""
    yield dense(options)
    yield convolved(options)


def dense(options: harness.Options) -> dict[str, Any]:
    """Learn, one by one and in batches."""
    steps, inputs, neurons = (20, 49, 20) if options.quick else (STEPS, 784, 400)
    numbers, fired = {}, {}
    for batch in BATCHES:
        made, x = layer(inputs, neurons), samples(steps, batch, inputs)
        fired[f"spikes_{batch}"] = float(made(x)[0].sum()) / batch
        rounds = options.rounds * max(BATCHES[-1] // batch // 4, 1)
        numbers[f"batch_{batch}"] = batch / median(seconds(made, x, inputs / 10) for _ in range(rounds))
    bounds = (Bound("batch_1", at_least=300.0), Bound("batch_32", at_least=310.0))
    shape = [steps, inputs, neurons]
    return harness.plain(
        "plastic_layer", shape, numbers, bounds, unit="samples a second", rounds=options.rounds, seen=fired
    )


def convolved(options: harness.Options) -> dict[str, Any]:
    """Learn the same steps by the kernel and by torch operations, in turn."""
    steps, size, maps = (4, 8, 4) if options.quick else (20, 28, 30)
    numbers, fired, rounds = {}, {}, min(options.rounds, 3)
    for batch in (1, 8):
        x = (torch.rand(steps, batch, 2, size, size, generator=torch.Generator().manual_seed(1)) < 0.05).float()
        made = [convolution(maps, backend) for backend in ("llvm_cpu", "torch_eager")]
        fired[f"spikes_{batch}"] = [float(one(x)[0].sum()) / batch for one in made]
        pairs = [[seconds(one, x, 25.0) for one in made] for _ in range(rounds)]
        numbers[f"kernel_{batch}"] = 1e3 * median(kernel for kernel, _ in pairs) / steps
        numbers[f"torch_{batch}"] = 1e3 * median(operations for _, operations in pairs) / steps
        numbers[f"ratio_{batch}"] = median(operations / kernel for kernel, operations in pairs)
    bounds = [Bound(f"ratio_{batch}", at_least=40.0) for batch in (1, 8)]
    shape = [steps, 2, size, size, maps]
    return harness.plain("plastic_layer", shape, numbers, bounds, unit="ms a step", rounds=rounds, seen=fired)


if __name__ == "__main__":
    chosen = harness.options(__doc__)
    harness.finish(lines(chosen), record=chosen.record)
