"""Reading and setting states and parameters of populations, also between runs; nothing is compiled anew.

A state is that of the neuron or of one of its receptors (``"ampa_g"``), a parameter one of the neuron, and of a source
any of its fields. The exception to the last sentence: a parameter that was one number and becomes one for each neuron
is read from a table by another kernel, and so is a refractory time that was none; each is compiled once.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from spikelet.errors import InputError, did_you_mean
from spikelet.model import Neuron
from spikelet.sim.description import Drive
from spikelet.sim.drive import Driven
from spikelet.sim.parts import Parts
from spikelet.sim.population import Population
from spikelet.sim.receivers import stream
from spikelet.written import as_numbers


def read(parts: Parts, population: Population, name: str) -> np.ndarray:
    """Return a copy of a state or a parameter, (n,).

    Raises:
        InputError: there is none of this name.
    """
    receiver = parts.receivers.get(population.name)
    model = population.model
    if receiver is None or not isinstance(model, Neuron):
        raise InputError(f"{population.name} is a source; what it has is in {population.name}.model")
    if name in receiver.composite.neuron.states:
        return receiver.group.state[name].copy()
    _require(population, name, receiver.composite.neuron.states)
    return np.broadcast_to(np.asarray(model.parameters[name], float), (population.n,)).copy()


def write(parts: Parts, population: Population, ids: np.ndarray | None, values: Mapping[str, Any]) -> bool:
    """Set states and parameters.

    Args:
        parts: Of the built network.
        population: Which.
        ids: Of the neurons; None is all.
        values: Name -> a number, or one for each of them.

    Returns:
        Whether calls have to be made again.

    Raises:
        InputError: there is none of this name, or a value is wrong; nothing has been set then.
    """
    receiver, model = parts.receivers.get(population.name), population.model
    if receiver is None or not isinstance(model, Neuron):
        return _write_source(parts, population, ids, values)
    group, states = receiver.group, receiver.composite.neuron.states
    given: dict[str, np.ndarray] = {}
    for name, value in values.items():
        if name not in states:
            _require(population, name, states)
        whole = name in states and group.state[name].dtype.kind in "iu"
        given[name] = _numbers(population, name, value, population.n if ids is None else len(ids), whole=whole)
    own: dict[str, Any] = {
        name: _placed(model, population, name, ids, new) for name, new in given.items() if name not in states
    }
    if own:
        population.model = model(**own)
        group.parametrise(receiver.composite.neuron(**own))
    for name, new in given.items():
        if name in states:
            group.state[name][slice(None) if ids is None else ids] = new
    return True


def write_drive(parts: Parts, drive: Drive, current: Any) -> None:
    """Put another current in the place of one, which begins anew if it is noise.

    Raises:
        InputError: it does not fit the neurons.
    """
    for (name, channel), driven in parts.driven.items():
        if drive in driven.drives:
            before = drive.current
            object.__setattr__(drive, "current", current)
            try:
                made = Driven(
                    driven.drives, driven.n, parts.chunk, dt=parts.dt, seed=driven.seed, dtype=driven.rows.dtype
                )
            except Exception:
                object.__setattr__(drive, "current", before)
                raise
            kept = {d: rows for d, rows in driven.noises.items() if d is not drive}
            made.noises.update(kept)
            parts.driven[name, channel] = made


def changed_source(name: str, source: Any, values: Mapping[str, Any]) -> Any:
    """Return a source with other values of its fields.

    Raises:
        InputError: it has no such field, or a value is wrong.
    """
    valid = [field.name for field in fields(source)]
    for value in values:
        if value not in valid:
            kind, near = type(source).__name__, did_you_mean(value, valid)
            raise InputError(f"{name}: a {kind} has no {value!r}{near}; it has {', '.join(valid)}")
    return replace(source, **values)


def _write_source(parts: Parts, population: Population, ids: np.ndarray | None, values: Mapping[str, Any]) -> bool:
    name = population.name
    if ids is not None:
        raise InputError(f"{name}: a source is set as a whole; a rate may be one number for each element")
    model = changed_source(name, population.model, values)
    number = list(parts.network.populations).index(name)
    emitter = model.prepare(population.n, parts.dt, parts.network.seed, stream("sources", number))
    for one, state in parts.emitters[name].state.items():
        emitter.state[one][...] = state
    population.model = model
    if parts.emitters[name].become(emitter):
        return False
    parts.emitters[name] = emitter
    return True


def _require(population: Population, name: str, states: tuple[str, ...]) -> None:
    """Raise ``InputError`` unless the model has a parameter of this name."""
    assert isinstance(population.model, Neuron)
    valid = (*states, *population.model.parameters)
    if name not in population.model.parameters:
        has = f"it has {', '.join(valid)}"
        raise InputError(f"{population.name} has no state or parameter {name!r}{did_you_mean(name, valid)}; {has}")


def _numbers(population: Population, name: str, value: Any, count: int, *, whole: bool) -> np.ndarray:
    array = as_numbers(value)
    if array is None or array.shape not in ((), (count,)) or not np.isfinite(array).all():
        expected = f"a number or {count} numbers"
        raise InputError(f"{population.name}: {name} must be {expected}, got {value!r}"[:200])
    if whole and (array != np.rint(array)).any():
        raise InputError(f"{population.name}: {name} counts, so it must be whole, got {value!r}"[:200])
    return array


def _placed(model: Neuron, population: Population, name: str, ids: np.ndarray | None, new: np.ndarray) -> np.ndarray:
    """Return a parameter with new values in some places."""
    if ids is None:
        return new
    old = model.parameters[name]
    found = np.broadcast_to(np.asarray(old, float), (population.n,)).copy()
    found[ids] = new
    return found
