"""A stack of torch layers as a network of the simulator: the same neurons, the same weights, the same spikes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.model import Neuron
from spikelet.sim.connect import from_matrix, one_to_one
from spikelet.sim.currents import Current
from spikelet.sim.description import Population
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain

if TYPE_CHECKING:
    from torch import Tensor, nn

    from spikelet.nn import Neurons


def from_layers(layers: "nn.Module", x: "Tensor | np.ndarray", *, seed: int = 0) -> Network:
    """Return a network of the simulator that does what a stack of layers does to one sequence.

    Spikes go from layer to layer without a delay, and recurrent ones come back after that of the layer, as in torch.
    The spikes are the same, up to the order in which the weights of one step are added: in double precision they are
    identical but for ties.

    Args:
        layers: ``nn.Sequential`` of Linear, Neurons and Recurrent around a Linear; Flatten and Dropout are passed over.
        x: (T, N) input. Whole numbers are sent as spikes; other values go through the first Linear in torch and reach
            the first neurons as a current.
        seed: Of random models.

    Returns:
        A network with a population for each layer of neurons, called as the layer is in the stack; run it with the
        ``dt`` of the layers for T steps.

    Raises:
        InputError: a layer is none of these, or there is nothing to simulate.
        ShapeError: x has no (T, N).
    """
    import torch

    given = torch.as_tensor(x)
    if given.ndim != 2:
        raise ShapeError(f"from_layers: x has shape {tuple(given.shape)}; expected (T, N), one sequence")
    parts: list[tuple[str, Any]] = list(_parts(layers))
    double = any(p.dtype == torch.float64 for p in layers.parameters()) or given.dtype == torch.float64
    network = Network(seed, dtype="float64" if double else "float32")
    before: Population | None = None
    linear: tuple[str, Any] | None = None
    for name, part in parts:
        if isinstance(part, torch.nn.Linear):
            if linear is not None:
                raise InputError(f"from_layers: layers {linear[0]} and {name} are both linear; join them to one")
            linear = name, part
            continue
        population = _population(network, name, part, _size(linear, before, given))
        target = _neurons(part).targets[0]
        if before is None:
            _feed(network, population, given, None if linear is None else linear[1], target, _neurons(part).dt)
        else:
            _join(network, before, population, None if linear is None else linear[1], target, 0.0)
        if part is not _neurons(part):
            _join(network, population, population, part.module, part.target, part.delay * part.neurons.dt)
        before, linear = population, None
    if before is None or linear is not None:
        raise InputError("from_layers: the stack has to end with neurons, which are what is simulated")
    return network


def _parts(layers: Any) -> "Iterator[tuple[str, nn.Module]]":
    """Yield the layers that do something, by name."""
    from torch import nn

    from spikelet.nn import Neurons, Recurrent

    named = list(layers.named_children()) if isinstance(layers, nn.Module) and list(layers.children()) else []
    if isinstance(layers, Neurons | Recurrent):
        named = [("0", layers)]
    for name, part in named:
        if isinstance(part, nn.Flatten | nn.Dropout | nn.Identity):
            continue
        known = isinstance(part, nn.Linear | Neurons)
        if not known and not (isinstance(part, Recurrent) and isinstance(part.module, nn.Linear)):
            what = "Linear, Neurons, Recurrent around a Linear"
            raise InputError(f"from_layers: layer {name} is a {type(part).__name__}; expected {what}")
        yield name, part


def _neurons(part: Any) -> "Neurons":
    """Return the neurons of a layer, recurrent or not."""
    return getattr(part, "neurons", part)


def _size(linear: tuple[str, Any] | None, before: Population | None, given: "Tensor") -> int:
    if linear is not None:
        return linear[1].out_features
    return given.shape[1] if before is None else before.n


def _population(network: Network, name: str, part: Any, n: int) -> Population:
    """Add the neurons of a layer with the values that its parameters have."""
    neurons = _neurons(part)
    if len(neurons.targets) != 1:
        raise InputError(f"from_layers: layer {name} has the inputs {neurons.targets}; expected one")
    values = {}
    for parameter in neurons.model.parameters:
        value = getattr(neurons, parameter).detach().cpu().double().numpy()
        values[parameter] = value.item() if value.size == 1 else value.reshape(-1)
    model: Neuron = neurons.model(**_whole(neurons.model, values))
    return network.add(model, n, name)


def _whole(model: Neuron, values: dict[str, Any]) -> dict[str, Any]:
    """Give integer parameters integers."""
    integers = [name for name in values if model.unit(name) == "int"]
    return values | {name: np.asarray(values[name]).astype(np.int64).tolist() for name in integers}


def _feed(network: Network, population: Population, x: "Tensor", linear: Any, to: str, dt: float) -> None:
    """Give the first neurons their input: as spikes where it is whole, else as a current."""
    spikes = bool((x == x.round()).all() and (x >= 0).all())
    if not spikes:
        held = x.to(linear.weight.dtype) if linear is not None else x
        current = (held if linear is None else linear(held)).detach().cpu().double().numpy()
        network.drive(population, Current(current), to=to)
        return
    counts = x.cpu().numpy().astype(np.int64)
    k, ids = np.nonzero(counts)
    times = counts[k, ids]
    source = SpikeTrain((np.repeat(k, times) + 1) * dt, np.repeat(ids, times))
    _join(network, network.add(source, x.shape[1], "input"), population, linear, to, 0.0)


def _join(network: Network, pre: Population, post: Population, linear: Any, to: str, delay: float) -> None:
    """Connect two populations through the weights of a linear layer, or one to one."""
    if linear is None:
        network.connect(pre, post, one_to_one(), to=to, delay=delay)
        return
    network.connect(pre, post, from_matrix(linear.weight.detach().cpu().double().numpy().T), to=to, delay=delay)
    if linear.bias is not None:
        network.drive(post, linear.bias.detach().cpu().double().numpy(), to=to)
