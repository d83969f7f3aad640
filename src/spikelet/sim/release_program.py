"""What a spike releases at each synapse, as programs: for synapses with states of their own, or that act by chance.

    Synapse -> flowing -> the (pre) and (synapse) states between spikes, as a model that the ordinary compiler lowers
            -> at_spike -> the statements of ``on_pre`` as new values over old ones, in their order

What happens between two spikes is made up for when the second one arrives. Where the states flow linearly that is exact
for any number of steps, by coefficients from a table; else it is done step by step.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spikelet.backends import numpy_reference
from spikelet.errors import InputError
from spikelet.ir import simplify as s
from spikelet.ir.lower import Step, hoisted, lower
from spikelet.ir.nodes import Node, node
from spikelet.ir.statements import Reader
from spikelet.lang.definition import reads
from spikelet.lang.increments import WEIGHT
from spikelet.lang.rename import assigned, written
from spikelet.model import Neuron
from spikelet.sim.receptor import placed
from spikelet.synapse import Synapse

TIME = "t"  # read as a state: the end of the step
_SENDING = ("pre", "synapse")


@dataclass(frozen=True)
class Released:
    """What a spike does at a synapse.

    Attributes:
        states: (pre) and (synapse) states -> new value; over states, ``w``, ``t``, draws and coefficients.
        jumps: State of the receiver -> what is added to it.
        coefficients: Name -> definition over parameters and ``dt``.
        draws: How many random numbers it takes.
    """

    states: Mapping[str, Node]
    jumps: Mapping[str, Node]
    coefficients: Mapping[str, Node]
    draws: int


def at_spike(synapse: Synapse) -> Released:
    """Return what a spike does; ``synapse.arrival.each`` holds."""
    reader, arrival = Reader(synapse.definition.variables), synapse.arrival
    end = {TIME: node("state", value=TIME)}
    values: dict[str, Node] = {}
    jumps: dict[str, Node] = {}
    for number in range(len(arrival.assignments) + 1):
        for jump in arrival.jumps:
            if jump.after == number:
                weight = node("state", value=WEIGHT)
                factor = None if jump.factor is None else s.real(reader.read(jump.factor, {**end, **values}))
                jumps[f"+{jump.state}"] = weight if factor is None else s.mul(weight, factor)
        values |= reader.run(arrival.assignments[number : number + 1], {**end, **values})
    new, _, coefficients = hoisted({**values, **jumps}, None)
    states = {name: new[name] for name in values}
    return Released(states, {name[1:]: new[name] for name in jumps}, coefficients, len(reader.streams))


def numbers(
    synapse: Synapse, definitions: Mapping[str, Node], dt: float | np.ndarray, owner: str
) -> dict[str, np.ndarray]:
    """Return coefficients as numbers, for a step or for steps of several lengths.

    Raises:
        InputError: a parameter is not one number.
    """
    for name, value in synapse.parameters.items():
        if value is None or np.ndim(value):
            given = "no value" if value is None else "an array"
            raise InputError(f"{owner}: '{name}' of {synapse.name} must be one number, got {given}")
    found = numpy_reference.numbers(definitions, synapse.parameters, dt)
    return {name: np.asarray(value) for name, value in found.items()}


@dataclass(frozen=True)
class Flowing:
    """The (pre) and (synapse) states between spikes.

    Attributes:
        model: A model of them.
        step: A step of it.
        changes: State -> its value after a step, for those that change.
        exact: Whether a step of any length is right, so that several are one.
    """

    model: Neuron
    step: Step
    changes: Mapping[str, Node]
    exact: bool


def flowing(synapse: Synapse) -> Flowing | None:
    """Return what the states of a synapse do between spikes, ``None`` where it has none."""
    definition = synapse.definition
    states = placed(definition, *_SENDING)
    if not states:
        return None
    starts = [part for part in definition.initial if part.name in states]
    exprs = [expr for name in states if (expr := definition.variables[name].expr) is not None]
    needed = {*states}.union(*(reads(expr, definition.variables) for expr in [*exprs, *(p.expr for p in starts)]))
    model = Neuron(
        f"{synapse.name[:90].rstrip()}, sends",
        "\n".join(written(line) for name, line in definition.lines.items() if name in needed),
        initial="; ".join(assigned(part, {}) for part in starts),
        values={name: value for name, value in synapse.values.items() if name in needed},
    )
    step = lower(model)
    changes = {n: new for n, new in step.updates.items() if n in states and (new.kind, new.value) != ("state", n)}
    maps = [name for name in changes if definition.variables[name].kind == "map"]
    return Flowing(model, step, changes, exact=step.method == "exact" and not maps)
