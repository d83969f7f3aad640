"""The receiving half of a synapse, with the names that it has beside a neuron and other synapses."""

from collections.abc import Iterable, Mapping

from spikelet.errors import InputError, ModelError, UnitError, did_you_mean
from spikelet.lang.coupling import Part, spelled
from spikelet.lang.definition import reads
from spikelet.lang.dimensions import described, number_of
from spikelet.lang.places import dimensions_of
from spikelet.lang.rename import assigned, same_meaning, written
from spikelet.lang.synapse import OUT, SynapseDefinition, check_units
from spikelet.lang.syntax import Assignment, Expr, Statement
from spikelet.lang.variables import Variable
from spikelet.model import Neuron
from spikelet.synapse import Synapse
from spikelet.units import ONE, Dimension, dimension_text, parse_unit, times


class Receptor:
    """The receiving half of a synapse, with the names that it has in the composite."""

    def __init__(self, neuron: Neuron, name: str, synapse: Synapse, to: str | None):
        self.neuron, self.name, self.synapse = neuron, name, synapse
        self.definition: SynapseDefinition = synapse.definition
        _ = synapse.arrival  # what the simulator cannot run is refused before anything else
        parts = () if synapse.coupling is None else synapse.coupling.parts or (Part(0, True, None),)
        read = [part.read for part in parts if part.read is not None]
        roots = [OUT] if synapse.coupling is None else sorted({other for expr in read for other in expr.names()})
        needed = needed_by(self.definition, [*placed(self.definition, "post"), *roots]) | {OUT}
        self.own = {own: f"{name}_{own}" for own in self.definition.variables if own in needed}
        self.parts = {f"sum{number}": part for number, part in enumerate(parts)}
        self.sums = {own: f"{name}_{own}" for own in self.parts}
        partners = [partner for partner in self.definition.partners if partner in needed]
        partners += [jump for jump in synapse.arrival.factors if jump in self.definition.partners]
        states = {partner: self._partner(partner) for partner in partners}
        self.known = {partner: self.variables[state].dimension for partner, state in states.items()}
        units = self._units(self.known)
        self.known |= {partner: parse_unit(unit)[1] for partner, unit in units.items()}
        self.plain = {f"{name}_{partner}": (states[partner], unit) for partner, unit in units.items()}
        self.names = {**self.own, **states, **{partner: f"{name}_{partner}" for partner in units}}
        self.out = self.names.get(OUT, "")
        self.input = self._input(to)

    @property
    def variables(self) -> Mapping[str, Variable]:
        """Variables of the neuron."""
        return self.neuron.definition.variables

    def _units(self, known: Mapping[str, Dimension]) -> dict[str, str]:
        """Return the unit in which the synapse reads each state that is a plain number and should be none."""
        plain = [p for p, dimension in known.items() if dimension == ONE and p not in self.synapse.arrival.factors]
        units = dict.fromkeys(variable.dimension for variable in self.definition.variables.values())
        for dimension in (ONE, *units) if plain else ():
            try:
                check_units(self.definition, {**known, **dict.fromkeys(plain, dimension)})
            except UnitError:
                continue
            return {} if dimension == ONE else dict.fromkeys(plain, dimension_text(dimension))
        check_units(self.definition, known)
        return {}

    def _partner(self, partner: str) -> str:
        """Return the state of the neuron that ``v_post`` stands for."""
        name = partner.removesuffix("_post")
        jumps = partner in self.synapse.arrival.factors
        kinds = ("flow", "map") if jumps else ("flow", "map", "sub")
        valid = self.neuron.definition.of_kind(*kinds)
        if name not in valid:
            near = did_you_mean(name, valid)
            what = f"is {self.variables[name].noun}" if name in self.variables else "it does not have"
            message = f"'{partner}' stands for '{name}' of {self.neuron.name}, which {what}{near}"
            _place_of(partner, self.definition).fail(message, ModelError)
        return name

    def _input(self, to: str | None) -> str:
        """Return the input that ``out`` is added to, an empty text where there is no ``out``."""
        if OUT not in self.definition.variables:
            return ""
        inputs = self.neuron.inputs
        if to is None:
            if len(inputs) != 1:
                has = f"the inputs {', '.join(inputs)}" if inputs else "no input"
                raise InputError(f"{self.neuron.name} has {has}; say with to= which one receptor '{self.name}' adds to")
            to = inputs[0]
        if to not in inputs:
            what = f"is {self.variables[to].noun}, not an input" if to in self.variables else "is not an input"
            near = did_you_mean(str(to), inputs)
            raise InputError(f"receptor '{self.name}' adds to '{to}', which {what} of {self.neuron.name}{near}")
        out, target = self.definition.variables[OUT], self.variables[to]
        if target.dimension == ONE != out.dimension:
            self.out += f"/(1 {dimension_text(out.dimension)})"
        elif out.dimension != target.dimension:
            self.definition.lines[OUT].fail(
                f"'out' is {described(out.dimension)}, but '{to}' of {self.neuron.name} is "
                f"{described(target.dimension)}",
                UnitError,
            )
        if target.integer and not out.integer:
            self.definition.lines[OUT].fail(f"'{to}' of {self.neuron.name} takes integers: write 'out = ... : int'")
        return to

    def lines(self) -> list[str]:
        """Return the lines of the receptor, renamed."""
        plain = [f"{new} = {state}*(1 {unit}) : {unit}" for new, (state, unit) in self.plain.items()]
        return plain + [
            text
            for line in self.definition.lines.values()
            if line.name in self.own
            for text in (self._summed() if line.name == OUT and self.parts else [self._written(line)])
        ]

    def _written(self, line: Statement) -> str:
        return written(line, self.names, self.definition.variables[line.name].expr)

    def _summed(self) -> list[str]:
        """Return the lines of ``out`` of a receptor that acts all the time: inputs, and what is made of them."""
        names = {**dimensions_of(self.definition.variables), **self.known}
        out = self.definition.variables[OUT].dimension
        lines, terms = [], []
        for own, part in self.parts.items():
            read = ONE if part.read is None else number_of(part.read, names) or ONE
            lines.append(f"{self.sums[own]} : {dimension_text(times(out, read, -1.0))} (input)")
            factor = "" if part.read is None else f"*{spelled(part.read, lambda name: self.names.get(name, name))}"
            terms.append(f"{self.sums[own]}{factor}")
        return [*lines, f"{self.names[OUT]} = {' + '.join(terms)} : {dimension_text(out)}"]

    def initial(self) -> list[str]:
        """Return the statements that set the initial values of its states."""
        return [assigned(part, self.names) for part in self.definition.initial if part.name in self.own]

    def values(self) -> dict[str, object]:
        """Return the values of its parameters that have been set."""
        return {self.own[name]: value for name, value in self.synapse.values.items() if name in self.own}

    def check(self, composite: Neuron) -> None:
        """Check that each line means in the composite what it means in the synapse."""
        for name, new in self.own.items():
            before, after = self.definition.variables[name], composite.definition.variables[new]
            alike = (
                before.expr is None
                or (name == OUT and self.parts)
                or (after.expr is not None and same_meaning(before.expr, after.expr, self.names))
            )
            if not alike or before.value != after.value:
                self.definition.lines[name].fail(
                    f"a variable of {self.neuron.name} has the name of a unit in this line, and hides it; rename it",
                    ModelError,
                )


def needed_by(definition: SynapseDefinition, roots: Iterable[str]) -> set[str]:
    """Return all names that some variables need, in every step and at the start, themselves included."""
    found = set(roots)
    found |= {name for part in definition.initial if part.name in found for name in part.expr.names()}
    for name in tuple(found):
        variable = definition.variables.get(name)
        if variable is not None and variable.expr is not None:
            found |= reads(variable.expr, definition.variables)
    return found


def _place_of(name: str, definition: SynapseDefinition) -> Expr | Assignment:
    """Return where a name stands in a synapse's text."""
    for variable in definition.variables.values():
        for node in variable.expr.nodes() if variable.expr is not None else ():
            if node.value == name:
                return node
    return next(part for part in definition.on_pre if part.name == name)


def placed(definition: SynapseDefinition, *places: str) -> list[str]:
    """Return the states that are kept at some places."""
    return [name for name, place in definition.places.items() if place in places]
