"""What to record, as users say it: of which neurons or synapses, which values, at which interval.

record=E                                            the spikes of a population
record=[E, I[:50]]                                  of several, or of parts
record={E: "spikes", E[:10]: ["v", "I"]}            states, every step or every ``every`` steps
record={E: every(1*ms, "v"), syn: every(1*second, "weights")}
record={E: ["spikes", every(5*ms, "rate")]}         the rate of a population in bins, without its spikes
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spikelet.errors import InputError, did_you_mean
from spikelet.model import Neuron
from spikelet.sim.chosen import Chosen
from spikelet.sim.description import Description
from spikelet.sim.population import Population, View
from spikelet.sim.projection import Projection

SPIKES, RATE, WEIGHTS = "spikes", "rate", "weights"


@dataclass(frozen=True)
class Every:
    """Names of values, and the interval at which they are recorded; made by `every`.

    Attributes:
        interval: [ms]; of a rate it is the width of a bin.
        names: Names of states, ``"rate"`` or ``"weights"``.
    """

    interval: float
    names: tuple[str, ...]


def every(interval: float, *names: str) -> Every:
    """Say at which interval values are recorded: ``record={E: [every(1*ms, "v"), "spikes"]}``.

    Args:
        interval: [ms], a multiple of the step.
        names: Names of states, ``"rate"`` or ``"weights"``.

    Raises:
        InputError: an argument is wrong.
    """
    if isinstance(interval, bool) or not isinstance(interval, int | float | np.number) or not 0 < interval < np.inf:
        raise InputError(f"every: the interval must be a positive number of ms, got {interval!r}"[:200])
    if not names or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"every({interval:g}, ...): name what is recorded, as in every(1*ms, 'v'); got {names!r}"[:200]
        )
    if SPIKES in names:
        raise InputError(f"every({interval:g}, 'spikes'): spikes are recorded when they happen, or counted as 'rate'")
    return Every(float(interval), names)


@dataclass(frozen=True, eq=False)
class Item:
    """One thing to record.

    Attributes:
        name: Of the population or projection, with the part that was chosen: its name in the result.
        owner: The population or projection.
        ids: Neurons or synapses that were chosen; None is all.
        what: ``"spikes"``, ``"rate"``, ``"weights"``, or a state.
        every: Steps from one value to the next; of spikes 1.
        unit: Of the values, in the coherent set.
    """

    name: str
    owner: Population | Projection
    ids: np.ndarray | None
    what: str
    every: int
    unit: str = "1"


def items(network: Description, record: Any, every: int, dt: float) -> list[Item]:
    """Return what is to be recorded, populations before projections.

    Args:
        network: Whose.
        record: As ``Network.run`` takes it.
        every: Steps from one value to the next where nothing else is said.
        dt: Step [ms].

    Raises:
        InputError: something is not there, or cannot be recorded.
    """
    if record is None:
        record = [p for p in network.populations.values() if isinstance(p.model, Neuron) and p.spiking]
    if not isinstance(record, Mapping):
        record = dict.fromkeys(record if isinstance(record, list | tuple) else [record], SPIKES)
    found: dict[tuple[str, str], Item] = {}
    for place, what in record.items():
        name, owner, ids = _place(network, place)
        for value, interval in _values(name, what):
            steps = every if interval is None else _steps(name, value, interval, dt)
            item = Item(name, owner, ids, value, 1 if value == SPIKES else steps)
            _check(item)
            _add(found, replace(item, unit=_unit(item)))
    return sorted(found.values(), key=lambda item: isinstance(item.owner, Projection))


def _place(network: Description, place: Any) -> tuple[str, Population | Projection, np.ndarray | None]:
    """Return the name of a place in the result, what it is, and the neurons or synapses that are meant."""
    if isinstance(place, str):
        if place in network.projections and place in network.populations:
            raise InputError(
                f"record: {place!r} is a population and a projection; give the object in place of its name"
            )
        place = network.projections.get(place) or network[place]
    ids = None
    if isinstance(place, View):
        ids = None if len(place) == place.population.n else np.arange(place.start, place.stop)
        owner = place.population
    elif isinstance(place, Chosen):
        owner, ids = place.owner, place.ids
    else:
        owner = place
    if not isinstance(owner, Population | Projection):
        raise InputError(f"record: expected a population, a projection, a part of one or its name, got {place!r}"[:200])
    if owner.network is not network:
        raise InputError(f"record: {place} belongs to another network")
    return place.name, owner, ids


def _values(name: str, what: Any) -> Iterator[tuple[str, float | None]]:
    """Yield what is recorded of a place, and the interval where one is given."""
    for value in what if isinstance(what, list | tuple | set) else [what]:
        if isinstance(value, Every):
            yield from ((one, value.interval) for one in value.names)
        elif isinstance(value, str):
            yield value, None
        else:
            expected = "names such as 'spikes' or 'v', or every(1*ms, 'v')"
            raise InputError(f"record: of {name} expected {expected}, got {value!r}"[:200])


def _steps(name: str, value: str, interval: float, dt: float) -> int:
    steps = round(interval / dt)
    if steps < 1 or abs(steps * dt - interval) > 1e-6 * dt:
        raise InputError(f"record: {value!r} of {name} every {interval:g} ms, which is no multiple of dt = {dt:g} ms")
    return steps


def _add(found: dict[tuple[str, str], Item], item: Item) -> None:
    """Add an item; what is asked for twice in the same way is one."""
    known = found.setdefault((item.name, item.what), item)
    same = known.owner is item.owner and known.every == item.every
    ids = [np.zeros(0) if one.ids is None else one.ids for one in (known, item)]
    if not same or not np.array_equal(ids[0], ids[1]):
        raise InputError(f"record: {item.what!r} of {item.name} is asked for twice, in different ways")


def _unit(item: Item) -> str:
    if item.what in (SPIKES, RATE, WEIGHTS):
        return {SPIKES: "ms", RATE: "1/ms", WEIGHTS: "1"}[item.what]
    assert isinstance(item.owner, Population)
    return item.owner.network.engine.unit(item.owner, item.what)


def _check(item: Item) -> None:
    """Raise ``InputError`` unless it can be recorded."""
    owner, name = item.owner, item.name
    if isinstance(owner, Projection):
        valid: Iterable[str] = (WEIGHTS,)
    elif isinstance(owner.model, Neuron):
        valid = (SPIKES, RATE, *owner.network.engine.states(owner))
    else:
        valid = (SPIKES, RATE)
    if item.what not in valid:
        raise InputError(
            f"{name}: cannot record {item.what!r}{did_you_mean(item.what, valid)}; it has {', '.join(valid)}"
        )
    if item.what in (SPIKES, RATE) and isinstance(owner, Population) and not owner.spiking:
        raise InputError(f"{name} sends no spikes: its model has no threshold")
