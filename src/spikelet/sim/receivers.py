"""What receives in a network: each population with the states of its synapses, as one model that the compiler knows."""

import itertools
from dataclasses import dataclass, field

import numpy as np

from spikelet.errors import InputError, did_you_mean
from spikelet.ir.lower import lower
from spikelet.model import Neuron
from spikelet.sim.compose import Composite, compose
from spikelet.sim.description import Description, Drive
from spikelet.sim.distributions import Distribution
from spikelet.sim.group import Group
from spikelet.sim.population import Population
from spikelet.sim.projection import Projection
from spikelet.synapse import Synapse
from spikelet.written import as_numbers

_STREAMS = {
    "release": 0x1000,
    "connections": 0x4000,
    "initial": 0x8000,
    "sources": 0xC000,
}  # below them are those that models draw from


def stream(kind: str, number: int) -> int:
    """Return the stream of random numbers of a projection, an initial value or a source."""
    most = 0x3000 if kind == "release" else 0x4000
    if number >= most:
        raise InputError(f"a network has at most {most:,} {kind} with random numbers of their own")
    return _STREAMS[kind] + number


@dataclass
class Receiver:
    """A population that receives.

    Attributes:
        composite: Its model with those of its synapses.
        group: Its neurons.
        first: Number of its first neuron among those of the network.
        channels: Inputs and jumping states of the composite that something is delivered to.
        reached: Projection -> channels to which its weights go, and the jump of its receptor that each one is.
        driven: Channel -> currents into it.
    """

    composite: Composite
    group: Group
    first: int
    channels: tuple[str, ...]
    reached: dict[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    driven: dict[int, list[Drive]] = field(default_factory=dict)


def receivers(network: Description, dt: float) -> dict[str, Receiver]:
    """Return the receiver of each population of neurons."""
    found: dict[str, Receiver] = {}
    first, uses = 0, itertools.count()
    for population in network.populations.values():
        if isinstance(population.model, Neuron):
            receiver = found[population.name] = _receiver(network, population, first, dt)
            states = receiver.composite.neuron.states
            for name, value in population.initial.items():
                if name not in states:
                    near = did_you_mean(str(name), states)
                    raise InputError(f"{population.name}: initial value of '{name}', which is no state of it{near}")
                receiver.group.state[name][:] = _initial(population, name, value, network.seed, next(uses))
            first += population.n
    return found


def _receiver(network: Description, population: Population, first: int, dt: float) -> Receiver:
    arriving = [p for p in network.projections.values() if any(v.population is population for v in p.post)]
    composite = _composite(population, arriving)
    reached: dict[str, dict[str, str]] = {}  # projection -> jump -> channel
    for p in arriving:
        if p.synapse is None:
            reached[p.name] = {"": composite.inputs.get(p.to, p.to)}
        else:
            reached[p.name] = {jump: name for (owner, jump), name in composite.jumps.items() if owner == p.receptor}
    own = [drive for drive in network.drives if drive.view.population is population]
    driven: dict[str, list[Drive]] = {}
    for drive in own:
        driven.setdefault(composite.inputs.get(drive.to, drive.to), []).append(drive)
    channels = tuple(dict.fromkeys([*(name for names in reached.values() for name in names.values()), *driven]))
    step = lower(composite.neuron, channels, network.method)
    group = Group(composite.neuron, step, population.n, dt=dt, seed=network.seed, first=first, dtype=network.dtype)
    place = {name: i for i, name in enumerate(channels)}
    numbers = {p: tuple((place[name], jump) for jump, name in names.items()) for p, names in reached.items()}
    return Receiver(composite, group, first, channels, numbers, {place[name]: d for name, d in driven.items()})


def _composite(population: Population, arriving: list[Projection]) -> Composite:
    """Join a neuron and the synapses that deliver to it."""
    assert isinstance(population.model, Neuron)
    synapses: dict[str, Synapse] = {}
    to: dict[str, str] = {}
    for p in arriving:
        if p.synapse is None:
            continue
        known = synapses.setdefault(p.receptor, p.synapse)
        if known.to_json() != p.synapse.to_json() or to.get(p.receptor, p.to) != p.to:
            raise InputError(f"{p.name}: receptor {p.receptor!r} of {population.name} is another synapse already")
        to[p.receptor] = p.to
    return compose(population.model, synapses, to)


def _initial(population: Population, name: str, value: object, seed: int, use: int) -> np.ndarray:
    """Return the initial values of a state."""
    if isinstance(value, Distribution):
        return value.sample(population.n, seed, stream("initial", use))
    array = as_numbers(value)
    if array is None or array.shape not in ((), (population.n,)) or not np.isfinite(array).all():
        expected = f"a number, {population.n} numbers or a distribution"
        raise InputError(f"{population.name}: initial {name} must be {expected}, got {value!r}"[:200])
    return array
