"""What a neuron sends all the time, as a model: its states are inputs, and ``sent0``, ``sent1`` ... its new states.

    GapJunction, the neuron that sends -> sent -> v_pre : mV (input); sent0[k+1] = v_pre : mV

The (pre) states of a synapse are states of that model, and flow by what the neuron is at the end of the step.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from spikelet.errors import InputError, ModelError, UnitError, did_you_mean
from spikelet.lang.coupling import Coupling, spelled
from spikelet.lang.definition import reads
from spikelet.lang.dimensions import number_of
from spikelet.lang.places import dimensions_of, side
from spikelet.lang.synapse import check_units
from spikelet.lang.syntax import Expr
from spikelet.model import Neuron
from spikelet.sim.receptor import assigned, written
from spikelet.synapse import Synapse
from spikelet.units import ONE, Dimension, dimension_text


@dataclass(frozen=True)
class Sent:
    """What the neurons of a population send.

    Attributes:
        model: A model whose inputs are states of the neuron, and whose states ``names`` what is sent.
        start: The same, but that a step of it from the initial state sends what that state is.
        inputs: Input of the model -> state of the neuron.
        names: The states that are sent, in the order of ``Coupling.sent``.
    """

    model: Neuron
    start: Neuron
    inputs: Mapping[str, str]
    names: tuple[str, ...]


def sent(name: str, synapse: Synapse, pre: Neuron, post: Mapping[str, Neuron]) -> Sent:
    """Return what the neurons of a population send to the synapses of a projection.

    Args:
        name: Of the projection, for messages.
        synapse: One with a ``coupling``.
        pre: The model of the neurons that send.
        post: Population that receives -> its model.

    Raises:
        ModelError: the neuron does not have what the synapse reads.
        ParameterError: a parameter has no value.
        UnitError: units of synapse and neurons do not fit.
    """
    assert synapse.coupling is not None
    sender = _Sender(name, synapse, synapse.coupling, pre)
    for receiver in post.values():
        sender.check(receiver)
    return sender.sent()


class _Sender:
    """Writes the text of the model."""

    def __init__(self, name: str, synapse: Synapse, coupling: Coupling, pre: Neuron):
        self.name, self.synapse, self.coupling, self.pre = name, synapse, coupling, pre
        self.definition = synapse.definition
        self.states = {p: self._state(p) for p in self.definition.partners if side(p) == "pre"}
        self.known: dict[str, Dimension] = {}

    def _state(self, partner: str) -> str:
        """Return the state of the neuron that ``v_pre`` stands for."""
        name, variables = partner.removesuffix("_pre"), self.pre.definition.variables
        if name in self.pre.states and not variables[name].integer:
            return name
        what = f"which is {variables[name].noun}" if name in variables else "which it does not have"
        what = "an integer" if name in self.pre.states else what
        near = did_you_mean(name, self.pre.states)
        message = f"{self.name}: '{partner}' stands for the state '{name}' of {self.pre.name}, {what}{near}"
        next(_places(partner, self.definition.variables.values())).fail(message, ModelError)

    def check(self, post: Neuron) -> None:
        """Check the units of sender, synapse and receiver together, and keep those of the sender.

        A state that is a plain number counts in the unit that makes it fit: a state of 20 is 20 mV.
        """
        known = {partner: self.pre.definition.variables[state].dimension for partner, state in self.states.items()}
        for partner in self.definition.partners:
            if side(partner) == "post" and (own := partner.removesuffix("_post")) in post.definition.variables:
                known[partner] = post.definition.variables[own].dimension
        plain = [partner for partner, dimension in known.items() if dimension == ONE]
        tried = [*known.values(), *(variable.dimension for variable in self.definition.variables.values())]
        for dimension in dict.fromkeys([ONE, *tried]) if plain else ():
            fitting = {**known, **dict.fromkeys(plain, dimension)}
            try:
                check_units(self.definition, fitting)
            except UnitError:
                continue
            known = fitting
            break
        check_units(self.definition, known)
        self.known = {partner: known[partner] for partner in self.states}

    def sent(self) -> Sent:
        """Return the models, and what goes in and out."""
        names = tuple(f"sent{number}" for number in range(len(self.coupling.sent)))
        taken = [name for name in names if name in self.definition.variables]
        if taken:
            raise ModelError(
                f"{self.synapse.name}: '{taken[0]}' is what the simulator calls a value that is sent; rename it"
            )
        return Sent(self._model(names, new=True), self._model(names, new=False), self.states, names)

    def _model(self, names: tuple[str, ...], new: bool) -> Neuron:
        """Return the model that sends what (pre) states are after a step, or (not ``new``) before it."""
        definition = self.definition
        own = [name for name, place in definition.places.items() if place == "pre"]
        lines = [f"{partner} : {dimension_text(self.known[partner])} (input)" for partner in self.states]
        starts = [part for part in definition.initial if part.name in own]
        exprs = [*self.coupling.sent, *(expr for n in own if (expr := definition.variables[n].expr) is not None)]
        needed = set(own).union(*(reads(e, definition.variables) for e in [*exprs, *(part.expr for part in starts)]))
        lines += [written(line) for name, line in definition.lines.items() if name in needed]
        dimensions = {**dimensions_of(definition.variables), **self.known}
        for name, expr in zip(names, self.coupling.sent, strict=True):
            text = spelled(expr, lambda name: f"{name}[k+1]" if new and name in own else name)
            lines.append(f"{name}[k+1] = {text} : {dimension_text(number_of(expr, dimensions) or ONE)}")
        values = {name: value for name, value in self.synapse.values.items() if name in needed}
        self._check_values(needed)
        initial = "; ".join(assigned(part, {}) for part in starts)
        return Neuron(f"{self.synapse.name[:90]}, sent", "\n".join(lines), initial=initial, values=values)

    def _check_values(self, needed: set[str]) -> None:
        for name, value in self.synapse.parameters.items():
            if name in needed and (value is None or np.ndim(value)):
                given = "no value" if value is None else "an array"
                raise InputError(
                    f"{self.name}: '{name}' of {self.synapse.name} is sent: it must be one number, got {given}"
                )


def _places(name: str, variables: object) -> Iterator[Expr]:
    exprs = (v.expr for v in variables if v.expr is not None)  # type: ignore[attr-defined]
    return (node for node in itertools.chain.from_iterable(e.nodes() for e in exprs) if node.value == name)
