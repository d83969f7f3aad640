"""A stack of torch layers as a network of the simulator: the same neurons, the same weights, the same spikes.

A linear layer keeps its weights as a matrix, a convolution its kernel alone (see ``sim.storage``).
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.model import Neuron
from spikelet.sim.connect import convolution, from_matrix, one_to_one
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.currents import Current
from spikelet.sim.network import Network
from spikelet.sim.population import Population
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
        layers: ``nn.Sequential`` of Linear, Conv1d, Conv2d, Neurons and Recurrent around a Linear; Flatten changes the
            shape, Dropout is passed over.
        x: (T, *N) input. Whole numbers are sent as spikes; other values go through the first Linear or convolution in
            torch and reach the first neurons as a current.
        seed: Of random models.

    Returns:
        A network with a population for each layer of neurons, numbered as their flattened array and called as the
        layer is in the stack; run it with the ``dt`` of the layers for T steps.

    Raises:
        InputError: a layer is none of these, or there is nothing to simulate.
        ShapeError: x has no (T, *N), or a layer does not take its input.
    """
    import torch

    given = torch.as_tensor(x)
    if given.ndim < 2:
        raise ShapeError(f"from_layers: x has shape {tuple(given.shape)}; expected (T, *N), one sequence")
    double = any(p.dtype == torch.float64 for p in layers.parameters()) or given.dtype == torch.float64
    network = Network(seed, dtype="float64" if double else "float32")
    before: Population | None = None
    linear: _Linear | None = None
    shape = tuple(given.shape[1:])
    parts: list[tuple[str, Any]] = list(_parts(layers))
    for name, part in parts:
        if isinstance(part, torch.nn.Flatten):
            shape = (math.prod(shape),)
        elif isinstance(part, torch.nn.Linear | torch.nn.Conv1d | torch.nn.Conv2d):
            if linear is not None:
                raise InputError(f"from_layers: layers {linear.name} and {name} are both linear; join them to one")
            linear = _Linear(name, part, shape)
            shape = linear.output_shape
        else:
            population = _population(network, name, part, shape)
            target = _neurons(part).targets[0]
            if before is None:
                _feed(network, population, given, linear, target, _neurons(part).dt)
            else:
                _join(network, before, population, linear, target, 0.0)
            if part is not _neurons(part):
                back = _Linear(name, part.module, shape)
                _join(network, population, population, back, part.target, part.delay * part.neurons.dt)
            before, linear = population, None
    if before is None or linear is not None:
        raise InputError("from_layers: the stack has to end with neurons, which are what is simulated")
    return network


class _Linear:
    """A linear layer and the shape of its input.

    Args:
        name: Of the layer in the stack.
        part: Linear, Conv1d or Conv2d.
        shape: Of the input, without time.

    Raises:
        InputError: there is no pattern for the layer.
        ShapeError: the layer does not take the input.
    """

    def __init__(self, name: str, part: Any, shape: tuple[int, ...]):
        self.name, self.part, self.shape = name, part, shape
        weights = part.weight.detach().cpu().double().numpy()
        axes = max(1, weights.ndim - 1)
        channels = part.in_features if axes == 1 else part.in_channels
        if len(shape) != axes or shape[0] != channels:
            kind, expected = type(part).__name__, f"({channels}{', L' * (axes == 2)}{', H, W' * (axes == 3)})"
            hint = "; a Flatten is missing" if axes == 1 and len(shape) > 1 else ""
            raise ShapeError(f"from_layers: layer {name}, a {kind}, takes {expected}, but gets {shape}{hint}")
        self.output_shape: tuple[int, ...] = weights.shape[:1]
        if axes == 1:
            self.pattern: Pattern = from_matrix(weights.T)
        else:
            if part.padding_mode != "zeros":
                raise InputError(f"from_layers: layer {name} has padding_mode={part.padding_mode!r}; expected 'zeros'")
            padding = _padding(name, part)
            self.pattern = found = convolution(weights, shape, part.stride, padding, part.dilation, part.groups)
            self.output_shape = found.output_shape

    def bias(self) -> np.ndarray | None:
        """Return what the layer adds to each of its outputs; None where it adds nothing."""
        if self.part.bias is None:
            return None
        bias = self.part.bias.detach().cpu().double().numpy()
        return np.repeat(bias, math.prod(self.output_shape[1:]))

    def of(self, x: "Tensor") -> np.ndarray:
        """Return (T, outputs) for an input (T, *N)."""
        held = x.reshape(len(x), *self.shape).to(self.part.weight.dtype)
        return self.part(held).detach().cpu().double().numpy().reshape(len(x), -1)


def _padding(name: str, part: Any) -> tuple[int, ...]:
    """Return the zeros on each side along each axis."""
    if not isinstance(part.padding, str):
        return part.padding
    reach = [d * (k - 1) for d, k in zip(part.dilation, part.kernel_size, strict=True)]
    if part.padding == "same" and any(n % 2 for n in reach):
        raise InputError(f"from_layers: layer {name} pads one side more than the other; use a kernel of odd size")
    return tuple(n // 2 if part.padding == "same" else 0 for n in reach)


def _parts(layers: Any) -> "Iterator[tuple[str, nn.Module]]":
    """Yield the layers that do something, by name."""
    from torch import nn

    from spikelet.nn import Neurons, Recurrent

    named = list(layers.named_children()) if isinstance(layers, nn.Module) and list(layers.children()) else []
    if isinstance(layers, Neurons | Recurrent):
        named = [("0", layers)]
    for name, part in named:
        if isinstance(part, nn.Dropout | nn.Identity):
            continue
        known = isinstance(part, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Flatten | Neurons)
        if not known and not (isinstance(part, Recurrent) and isinstance(part.module, nn.Linear)):
            what = "Linear, Conv1d, Conv2d, Flatten, Neurons, Recurrent around a Linear"
            raise InputError(f"from_layers: layer {name} is a {type(part).__name__}; expected {what}")
        yield name, part


def _neurons(part: Any) -> "Neurons":
    """Return the neurons of a layer, recurrent or not."""
    return getattr(part, "neurons", part)


def _population(network: Network, name: str, part: Any, shape: tuple[int, ...]) -> Population:
    """Add the neurons of a layer with the values that its parameters have."""
    neurons = _neurons(part)
    if len(neurons.targets) != 1:
        raise InputError(f"from_layers: layer {name} has the inputs {neurons.targets}; expected one")
    values = {}
    for parameter in neurons.model.parameters:
        value = getattr(neurons, parameter).detach().cpu().double().numpy()
        values[parameter] = value.item() if value.size == 1 else np.broadcast_to(value, shape).reshape(-1)
    model: Neuron = neurons.model(**_whole(neurons.model, values))
    return network.add(model, math.prod(shape), name)


def _whole(model: Neuron, values: dict[str, Any]) -> dict[str, Any]:
    """Give integer parameters integers."""
    integers = [name for name in values if model.unit(name) == "int"]
    return values | {name: np.asarray(values[name]).astype(np.int64).tolist() for name in integers}


def _feed(network: Network, population: Population, x: "Tensor", linear: _Linear | None, to: str, dt: float) -> None:
    """Give the first neurons their input: as spikes where it is whole, else as a current."""
    spikes = bool((x == x.round()).all() and (x >= 0).all())
    if not spikes:
        current = x.detach().cpu().double().numpy().reshape(len(x), -1) if linear is None else linear.of(x)
        network.drive(population, Current(current), to=to)
        return
    counts = x.cpu().numpy().astype(np.int64).reshape(len(x), -1)
    k, ids = np.nonzero(counts)
    times = counts[k, ids]
    source = SpikeTrain((np.repeat(k, times) + 1) * dt, np.repeat(ids, times))
    _join(network, network.add(source, counts.shape[1], "input"), population, linear, to, 0.0)


def _join(network: Network, pre: Population, post: Population, linear: _Linear | None, to: str, delay: float) -> None:
    """Connect two populations through the weights of a linear layer, or one to one."""
    if linear is None:
        network.connect(pre, post, one_to_one(), to=to, delay=delay)
        return
    network.connect(pre, post, linear.pattern, to=to, delay=delay)
    bias = linear.bias()
    if bias is not None:
        network.drive(post, bias, to=to)
