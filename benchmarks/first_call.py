"""Time the first forward and backward pass of some models in this process, beyond the second: ``NAME ...`` or ``all``.

`benchmarks.compile_time` runs this in fresh processes. The imports, and the first use of torch's autograd and of LLVM,
come before the clock.
"""

import gc
import json
import sys
import time

import llvmlite.binding
import torch

import spikelet as sl


def once(layer: sl.nn.Neurons) -> float:
    """Return the time of a forward and backward pass on a small input [s]."""
    given = {}
    for name in layer.targets:
        integer = layer.model.definition.variables[name].integer
        given[name] = torch.zeros(8, 2, 16, dtype=torch.int64 if integer else torch.float32, requires_grad=not integer)
    start = time.perf_counter()
    output, _ = layer(given)
    if output.requires_grad:
        output.sum().backward()
    return time.perf_counter() - start


def make(model: sl.Neuron) -> sl.nn.Neurons:
    """Return a layer of a model; one without inputs is driven through its first state."""
    output = "spikes" if model.spiking else model.states[0]
    return sl.nn.Neurons(model, 0.05, to=None if model.inputs else model.states[0], output=output)


def main(names: list[str]) -> None:
    """Print a JSON object: name -> the time of the first call beyond that of the second [s]."""
    entries = sl.neurons.entries()
    torch.set_num_threads(1)
    torch.ones(2, requires_grad=True).sum().backward()
    llvmlite.binding.parse_assembly("")
    seconds = {}
    for name in entries if names == ["all"] else names:
        layer = make(entries[name])
        gc.collect()  # or one model waits for the garbage of all before it
        first = once(layer)
        seconds[name] = round(max(0.0, first - once(layer)), 4)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(sys.argv[1:])
