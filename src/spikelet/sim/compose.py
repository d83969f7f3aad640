"""One model of a neuron and the synapses that deliver to it, which the compiler then treats like any other.

    neuron + receptors -> compose -> Composite.neuron      what lives at the receiver: (post) states and ``out``
    synapse            -> sender  -> Sender.neuron         what lives at the sender: (pre) and (synapse) states

The texts are joined as texts: names of the receptor ``ampa`` get the prefix ``ampa_``, at the places where the tree
has them. An input ``I`` that receptors deliver to becomes the sum ``I = I_drive + ampa_out + ...``. So currents are
integrated exactly with a linear neuron, and conductances by exponential Euler, by the rule that holds for all models.

The neurons of the LIF family have no units, so that ``LIF(v_th=20*mV)`` can be in mV and ``LIF()`` in thresholds. What
a synapse reads of such a neuron, or adds to it, is taken in the synapse's own units: a state of 20 is 20 mV.
"""

import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spikelet.errors import InputError, ModelError, did_you_mean
from spikelet.lang import parser
from spikelet.lang.dimensions import number_of
from spikelet.lang.increments import WEIGHT
from spikelet.lang.rename import assigned, renamed, written
from spikelet.lang.syntax import Assignment, Expr
from spikelet.model import Neuron
from spikelet.sim.receptor import Receptor, needed_by, placed
from spikelet.synapse import Synapse
from spikelet.units import ONE, TIME, dimension_text, times

_SENDING = ("pre", "synapse")


@dataclass(frozen=True)
class Composite:
    """A neuron and its receptors as one model.

    Attributes:
        neuron: The model; its parameters are the neuron's and, with prefix, the receptors'.
        jumps: (receptor, state in its text) -> state of ``neuron`` that a spike adds to; of a receptor that acts all
            the time (receptor, ``sum0``) and so on -> input of ``neuron`` that the sum over its synapses goes to.
        inputs: Input of the given neuron -> input of ``neuron`` that takes its place.
        factors: (receptor, state in its text) -> what the weight is multiplied with, ``None`` where nothing.
    """

    neuron: Neuron
    jumps: Mapping[tuple[str, str], str]
    inputs: Mapping[str, str]
    factors: Mapping[tuple[str, str], Expr | None]


def compose(neuron: Neuron, receptors: Mapping[str, Synapse], to: Mapping[str, str] | None = None) -> Composite:
    """Join a neuron and the receiving halves of synapses.

    Args:
        neuron: What receives.
        receptors: Name -> synapse; its names get the prefix ``name_``.
        to: Receptor -> input that its ``out`` is added to; the default is the neuron's only input.

    Raises:
        InputError: a receptor's name cannot be used, or ``to`` names no receptor or input.
        ModelError: a synapse reads a state that the neuron does not have, or cannot be run by the simulator.
        UnitError: units of neuron and synapse do not fit.
    """
    to = {} if to is None else to
    _check_receptors(neuron, receptors, to)
    parts = [Receptor(neuron, name, synapse, to.get(name)) for name, synapse in receptors.items()]
    inputs = {name: name for name in neuron.inputs}
    inputs |= {part.input: _free(f"{part.input}_drive", neuron.definition.variables) for part in parts if part.input}
    composite = _joined(neuron, parts, inputs) if parts else neuron
    for part in parts:
        part.check(composite)
    jumps = {(part.name, jump): part.names[jump] for part in parts for jump in part.synapse.arrival.factors}
    return Composite(
        neuron=composite,
        jumps=jumps | {(part.name, own): new for part in parts for own, new in part.sums.items()},
        inputs=inputs,
        factors={(part.name, jump): f for part in parts for jump, f in part.synapse.arrival.factors.items()},
    )


def _check_receptors(neuron: Neuron, receptors: Mapping[str, Synapse], to: Mapping[str, str]) -> None:
    for name, synapse in receptors.items():
        if not isinstance(synapse, Synapse):
            raise InputError(f"{neuron.name}: receptor {name!r} must be a Synapse, got {type(synapse).__name__}")
        usable = isinstance(name, str) and name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
        if not usable or name.startswith(("_", "tau", "t_ref")):  # what begins with tau has to be positive
            raise InputError(f"{neuron.name}: {name!r} is no name for a receptor; expected one such as 'ampa'")
    for name in to:
        if name not in receptors:
            raise InputError(f"{neuron.name}: to= names '{name}', which is no receptor{did_you_mean(name, receptors)}")


def _joined(neuron: Neuron, parts: Iterable[Receptor], inputs: Mapping[str, str]) -> Neuron:
    """Return the neuron of all lines."""
    lines: list[str] = []
    for line in parser.statements(neuron.name, neuron.text):
        if inputs.get(line.name, line.name) == line.name:
            lines.append(written(line))
            continue
        outs = [part.out for part in parts if part.input == line.name]
        lines.append(f"{inputs[line.name]} : {line.unit} (input)")
        lines.append(f"{line.name} = {' + '.join([inputs[line.name], *outs])} : {line.unit}")
    taken = dict.fromkeys([*neuron.definition.variables, *inputs.values()], neuron.name)
    for part in parts:
        for new in (*part.own.values(), *part.plain):
            if new in taken:
                has = f"which {taken[new]} has already"
                raise ModelError(f"{neuron.name}: receptor '{part.name}' would bring a second '{new}', {has}")
            taken[new] = f"receptor '{part.name}'"
        lines += part.lines()
    initial = [neuron.initial, *(text for part in parts for text in part.initial())]
    values = {**neuron.values, **{new: value for part in parts for new, value in part.values().items()}}
    name = f"{neuron.name} + {', '.join(part.name for part in parts)}"[:100].rstrip()
    text, start = "\n".join(lines), "\n".join(part for part in initial if part.strip())
    return neuron.changed(name=name, text=text, initial=start, values=values)


def _free(name: str, taken: Iterable[str]) -> str:
    while name in set(taken):
        name += "_"
    return name


# --- the sending half -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sender:
    """The sending half of a synapse: one element for each sending neuron.

    Attributes:
        neuron: A model that takes a spike, 0 or 1, in its one input, and then runs ``on_pre``; between spikes it does
            what the ``(pre)`` and ``(synapse)`` states do.
        input: Name of that input.
        factors: State that the spike adds to -> state of ``neuron`` that holds the factor of the weight after the step
            in which the spike was taken, and 0 after all other steps.
    """

    neuron: Neuron
    input: str
    factors: Mapping[str, str]


def sender(synapse: Synapse) -> Sender | None:
    """Return the sending half of a synapse that each sender has once for all its synapses.

    Returns:
        ``None`` where a spike changes nothing there and adds the weight alone, and where synapses differ.

    Raises:
        ModelError: the simulator cannot run the synapse.
    """
    arrival, definition = synapse.arrival, synapse.definition
    factors = {jump.state: jump.factor for jump in arrival.jumps if jump.factor is not None}
    if arrival.each or (not factors and not arrival.assignments):
        return None
    names = {state: _free(f"{state}_factor", definition.variables) for state in factors}
    arrived = _free("arrived", definition.variables)
    parts = [part for part in definition.on_pre if arrival.factors.get(part.name, part) is not None]
    read = {name for part in parts for name in _read_by(part, names)}
    needed = needed_by(definition, {*placed(definition, *_SENDING), *read})
    lines = [written(line) for name, line in definition.lines.items() if name in needed]
    lines += [f"{names[state]}[k+1] = 0 : {_unit(synapse, factor)}" for state, factor in factors.items()]
    lines += [f"{arrived} : 1 (input)", f"{WEIGHT} : {_unit(synapse)}"]
    neuron = Neuron(
        f"{synapse.name[:90]}, sender",
        "\n".join(lines),
        threshold=f"{arrived} > 0",
        reset="; ".join(_sent(part, names) for part in parts),
        initial="; ".join(assigned(part, {}) for part in definition.initial if part.name in needed),
        values={**{name: value for name, value in synapse.values.items() if name in needed}, WEIGHT: 1.0},
    )
    return Sender(neuron, arrived, names)


def _read_by(part: Assignment, factors: Mapping[str, str]) -> set[str]:
    """Return what a statement of ``on_pre`` reads, but not the state that a factor is for."""
    return part.expr.names() - ({part.name} if part.name in factors else set())


def _sent(part: Assignment, factors: Mapping[str, str]) -> str:
    """Return a statement of ``on_pre`` at the sender: what is added to ``g`` with weight 1 is kept as its factor."""
    if part.name not in factors:
        return assigned(part, {})
    body = renamed(part.expr, part.body, {part.name: "0"})
    return f"{factors[part.name]} = {f'-({body})' if part.operator == '-' else body}"


def _unit(synapse: Synapse, factor: Expr | None = None) -> str:
    """Return the unit of the weight times a factor; a weight whose unit the neurons decide counts as a plain number."""
    weight = ONE if synapse.definition.weight is None else synapse.definition.weight
    names = {name: variable.dimension for name, variable in synapse.definition.variables.items()}
    multiple = ONE if factor is None else number_of(factor, {**names, "dt": TIME})
    return dimension_text(weight if multiple is None else times(weight, multiple))
