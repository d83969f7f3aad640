"""Checks of what a user describes, with the errors and warnings that follow; see ``description``."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from spikelet.errors import InputError, MagnitudeWarning, ModelError, did_you_mean
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.currents import Current
from spikelet.sim.population import Population, View
from spikelet.sim.sources import Poisson, Source
from spikelet.synapse import Synapse

_SLOW = 1000.0  # ms: longer delays are unusual
_FAST = 100.0  # kHz: so many spikes no neuron receives


def one_by_one(synapse: Synapse | None) -> bool:
    """Return whether synapses act all the time, or differ in what a spike releases."""
    return synapse is not None and (synapse.coupling is not None or synapse.arrival.each)


def check_sends(name: str, source: View, synapse: Synapse | None, rule: Rule | None) -> None:
    """Check that the source sends what the synapse takes: spikes, or a state all the time."""
    coupling = None if synapse is None else synapse.coupling
    if synapse is not None and coupling is not None:
        if not isinstance(source.population.model, Neuron):
            raise InputError(f"{name}: {source} is a source of spikes, but {synapse.name} reads states of its sender")
        if rule is not None and any(part.weighted and part.sent is None for part in coupling.parts):
            raise ModelError(
                f"{name}: the simulator cannot run this yet: a rule on {synapse.name}, whose weights are summed once, "
                "since the receiver meets them without the sender"
            )
    if rule is not None and synapse is not None and synapse.arrival.each:
        raise ModelError(
            f"{name}: the simulator cannot run this yet: a rule on {synapse.name}, which releases by chance or has "
            "states of single synapses"
        )
    if coupling is None and not source.population.spiking:
        raise InputError(f"{name}: {source} sends no spikes: its model has no threshold")


def current(given: Any) -> Any:
    """Return a current; a number or an array is one."""
    found = Current(given) if isinstance(given, int | float | np.ndarray | np.number | list | tuple) else given
    if not callable(getattr(found, "rows", None)):
        raise InputError(f"drive: expected a number or a current such as sinusoid(...), got {given!r}"[:200])
    return found


def warn_of_delay(name: str, delay: Any) -> None:
    """Warn of a delay that has been given in another unit than ms, as it seems."""
    if isinstance(delay, int | float) and delay > _SLOW:
        _warn(f"{name}: a delay of {delay:g} ms; delays are in ms")


def warn_of_rate(name: str, source: Source) -> None:
    """Warn of a rate that has been given in another unit than kHz, as it seems."""
    if not isinstance(source, Poisson) or isinstance(source.rate, tuple):
        return
    if np.ndim(source.rate) == 0 and source.rate > _FAST:
        _warn(f"{name}: a rate of {source.rate:g} kHz; for {source.rate:g} Hz write rate={source.rate:g}*Hz")


def _warn(text: str) -> None:
    warnings.warn(text, MagnitudeWarning, stacklevel=4)  # the line that calls add or connect


def named(name: str | None, label: str, taken: Iterable[str], what: str) -> str:
    """Return a name that nothing else in the network has: the one that is given, or the label, with a number if taken.

    Raises:
        InputError: the name is empty, is no text, or is taken.
    """
    taken, number, free = set(taken), 2, label
    while free in taken:
        free, number = f"{label} {number}", number + 1
    name = free if name is None else name
    if not isinstance(name, str) or not name:
        raise InputError(f"the name of a {what} is a text, got {name!r}")
    if name in taken:
        raise InputError(f"there is a {what} {name!r} already; names are unique in a network")
    return name


def check_model(model: Neuron, n: int, name: str, initial: Mapping[str, Any]) -> None:
    """Check that all parameters of a model have values, one or ``n``, and that initial values are of states."""
    for parameter, value in model.parameters.items():
        if value is None:
            raise InputError(f"{name}: {model.name} needs a value for '{parameter}': {model.name}({parameter}=...)")
        if isinstance(value, np.ndarray) and value.ndim and value.shape not in ((n,), (1,)):
            raise InputError(f"{name}: parameter '{parameter}' has shape {value.shape}; expected one or {n} values")
    for state in initial:
        if state not in model.states and "_" not in str(state):  # "ampa_g" may be a state of a receptor: see receivers
            near = did_you_mean(str(state), model.states)
            raise InputError(f"{name}: initial value of '{state}', which is no state of {model.name}{near}")


def target(projection: str, population: Population, to: str | None) -> str:
    """Return what a projection delivers to, the model's only input where ``to`` is None."""
    model = population.model
    assert isinstance(model, Neuron)  # a source receives nothing, which has been checked
    if to is None:
        if len(model.inputs) != 1:
            has = f"the inputs {', '.join(model.inputs)}" if model.inputs else "no input"
            raise InputError(f"{projection}: {model.name} has {has}; say with to= which input or state receives")
        return model.inputs[0]
    if to not in (*model.inputs, *model.states):
        near = did_you_mean(str(to), (*model.inputs, *model.states))
        raise InputError(f"{projection}: to={to!r} is neither an input nor a state of {model.name}{near}")
    return to
