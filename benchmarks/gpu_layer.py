"""One layer of neurons on a GPU, forward and backward with autograd: LIF, AdEx, ALIF and a user's own model.

Claim: at least as fast as SpikingJelly's fastest back end on that device, and at most 1.5x the memory floor of 24 bytes
per element. LIF runs against its ``LIFNode``, the others against its ``FlexSN`` with the same step; it picks its back
end itself, and ``SJ_LIF_CUDA_IMPLEMENTATION`` can name another one. Without a GPU there is nothing to measure, and
``--quick`` runs small shapes on the CPU, to see that everything works.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch

import spikelet as sl
from benchmarks import floors, harness, peers
from benchmarks.harness import FLOOR, OURS, Bound
from benchmarks.lif_layer import LIF
from benchmarks.models import MODELS
from benchmarks.networks import rate, training
from benchmarks.race import race

SHAPES, QUICK = ((500, 16, 4096), (100, 256, 4096)), ((20, 4, 100),)
BOUNDS = (Bound("spikingjelly", at_least=1), Bound(FLOOR, at_most=1.5))
# model, dt [ms], mean and deviation of the input; the peer's step, of which the user's model is ALIF under other names
CASES = {
    "LIF": ((LIF, 1.0, (0.06, 0.3)), None),
    "AdEx": (MODELS["AdEx"][:3], "adex"),
    "ALIF": (MODELS["ALIF"][:3], "alif"),
    "User": (MODELS["User"][:3], "alif"),
}


def peer(core: str | None, shape: tuple[int, int, int]) -> torch.nn.Module:
    """Return SpikingJelly's layer for a case."""
    if core is None:
        return import_module("benchmarks.peers.spikingjelly").lif(shape[2:])
    flexible = import_module("benchmarks.peers.flexsn")
    return flexible.Flexible(getattr(flexible, core), states=2)


def lines(options: harness.Options, device: str) -> Iterator[dict[str, Any]]:
    """Race each model on each shape."""
    found, missing = peers.load(options.peers)
    for shape in QUICK if options.quick else SHAPES:
        for name, ((model, dt, (mean, deviation)), core) in CASES.items():
            torch.manual_seed(0)
            x = (mean + deviation * torch.randn(shape, device=device)).requires_grad_()
            upstream = torch.randn(shape, device=device)
            layer = sl.nn.Neurons(model, dt).to(device)
            jobs = {OURS: training(layer, x, upstream, clear=[x])}
            for other in found:
                jobs[other] = training(peer(core, shape).to(device), x, upstream, clear=[x])
            times = race(jobs | {FLOOR: floors.memory(x)}, rounds=options.rounds)
            rates = {key: rate(job) for key, job in jobs.items()}
            more = {"device": device, "backend": layer.explain(x), "spikes_per_step": rates, "missing": missing}
            yield harness.line("gpu_layer", [name, *shape], times, BOUNDS, packages=(*peers.PACKAGES, "triton"), **more)


def main() -> None:
    """Run where there is a GPU."""
    chosen = harness.options(__doc__, rounds=21, peers=("spikingjelly",))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not chosen.quick:
        print("gpu_layer: torch sees no GPU here; nothing to measure", file=sys.stderr)
        return
    harness.finish(lines(chosen, device), record=chosen.record)


if __name__ == "__main__":
    main()
