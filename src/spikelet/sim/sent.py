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
from spikelet.lang.functions import DRAWS
from spikelet.lang.places import dimensions_of, side
from spikelet.lang.rename import assigned, written
from spikelet.lang.synapse import check_units
from spikelet.lang.syntax import Expr
from spikelet.model import Neuron
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
        partners = [p.removesuffix("_pre") for p in self.definition.partners if side(p) == "pre"]
        for partner in partners:
            self._check_partner(partner)
        variables = pre.definition.variables
        read = {name for partner in partners for name in self._made_of(partner)}
        self.partners = {f"{p}_pre": variables[p].dimension for p in partners}
        self.states = {f"{state}_pre": state for state in pre.states if state in read}
        self.made = [n for n, v in variables.items() if n in read and v.kind == "sub"]
        self.given = [n for n, v in variables.items() if n in read and v.kind == "parameter"]
        self.known: dict[str, Dimension] = {}

    def _made_of(self, name: str) -> set[str]:
        """Return all names and functions that a variable of the neuron is made of, down to states, itself included."""
        variables, found, waiting = self.pre.definition.variables, {name}, [name]
        while waiting:
            variable = variables.get(waiting.pop())
            if variable is not None and variable.kind == "sub" and variable.expr is not None:
                new = (variable.expr.names() | variable.expr.calls()) - found
                found |= new
                waiting += new
        return found

    def _check_partner(self, name: str) -> None:
        """Check that ``v_pre`` stands for a state of the neuron, or for what it makes of its states."""
        variables = self.pre.definition.variables
        valid = self.pre.definition.of_kind("flow", "map", "sub")
        what = "" if name in valid else f"is {variables[name].noun}" if name in variables else "it does not have"
        if name in valid and name not in self.pre.states:
            read = sorted(self._made_of(name))
            other = [n for n in read if n in ("t", *DRAWS) or (n in variables and variables[n].kind == "input")]
            what = f"reads '{other[0]}', which is no state" if other else ""
        elif name in valid and variables[name].integer:
            what = "is an integer"
        if what:
            near = did_you_mean(name, valid) if name not in valid else ""
            message = f"{self.name}: '{name}_pre' stands for '{name}' of {self.pre.name}, which {what}{near}"
            next(_places(f"{name}_pre", self.definition.variables.values())).fail(message, ModelError)

    def check(self, post: Neuron) -> None:
        """Check the units of sender, synapse and receiver together, and keep those of the sender.

        A state that is a plain number counts in the unit that makes it fit: a state of 20 is 20 mV.
        """
        known = dict(self.partners)
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
        self.known = {partner: known[partner] for partner in self.partners}

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
        lines = self._neuron()
        starts = [part for part in definition.initial if part.name in own]
        exprs = [*self.coupling.sent, *(expr for n in own if (expr := definition.variables[n].expr) is not None)]
        needed = set(own).union(*(reads(e, definition.variables) for e in [*exprs, *(part.expr for part in starts)]))
        lines += [written(line) for name, line in definition.lines.items() if name in needed]
        dimensions = {**dimensions_of(definition.variables), **self.known}
        for name, expr in zip(names, self.coupling.sent, strict=True):
            text = spelled(expr, lambda name: f"{name}[k+1]" if new and name in own else name)
            lines.append(f"{name}[k+1] = {text} : {dimension_text(number_of(expr, dimensions) or ONE)}")
        values = {name: value for name, value in self.synapse.values.items() if name in needed}
        values |= {f"{name}_pre": self.pre.parameters[name] for name in self.given}
        self._check_values(needed)
        initial = "; ".join(assigned(part, {}) for part in starts)
        return Neuron(f"{self.synapse.name[:90]}, sent", "\n".join(lines), initial=initial, values=values)

    def _neuron(self) -> list[str]:
        """Return the lines that tell of the neuron: its states as inputs, and what it makes of them."""
        variables = self.pre.definition.variables
        lines = []
        for partner, state in self.states.items():
            dimension = self.known.get(partner, variables[state].dimension)
            lines.append(f"{partner} : {dimension_text(dimension)} (input)")
        for name in self.given:
            if isinstance(self.pre.parameters[name], np.ndarray):
                raise InputError(
                    f"{self.name}: '{name}' of {self.pre.name} is sent: it must be one number, got an array"
                )
            lines.append(f"{name}_pre : {dimension_text(variables[name].dimension)}")
        for name in self.made:
            expr, own = variables[name].expr, variables[name].dimension
            assert expr is not None  # a sub-expression has a right side
            dimension = self.known.get(f"{name}_pre", own)
            unit = "" if dimension == own else f"*(1 {dimension_text(dimension)})"
            text = spelled(expr, lambda name: f"{name}_pre" if name in variables else name)
            lines.append(f"{name}_pre = {text}{unit} : {dimension_text(dimension)}")
        return lines

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
