"""Synapses as data: ``Synapse``, frozen, specialised by calling, printable and serialisable, as ``Neuron`` is."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from spikelet.errors import ParameterError
from spikelet.lang.arrival import Arrival, arrival
from spikelet.lang.coupling import Coupling, coupling
from spikelet.lang.increments import WEIGHT
from spikelet.lang.synapse import SynapseDefinition, define
from spikelet.units import dimension_text
from spikelet.written import Between, Value

EVENTS = ("on_pre", "initial")


@functools.lru_cache(maxsize=1024)
def _define(name: str, text: str, on_pre: str, initial: str) -> SynapseDefinition:
    return define(name, text, on_pre, initial)


@dataclass(frozen=True, eq=False, repr=False)
class Synapse(Between):
    """A synapse, written as equations.

    Each state has a place after its unit: ``(pre)``, one value for each sending neuron; ``(post)``, one for each
    receiving neuron, to which all synapses of a receptor add; ``(synapse)``, one for each synapse, the default; or
    ``(network)``. ``w`` is the weight, ``v_pre`` and ``v_post`` are states of the two neurons, as is any other
    ``NAME_pre`` and ``NAME_post``. The line ``out = ...`` is what the receiving neuron gets in every step.

    Args:
        name: Name used in messages.
        text: Equations, one statement a line (or joined by ``;``), as those of a neuron.
        on_pre: Statements run when a spike arrives, such as ``"g += w"``.
        initial: Statements that set the initial state; states start at 0 otherwise.
        doc: What it is for.
        ref: Source: author, year, equation.
        values: Values of parameters that differ from the text's; set by calling the synapse.

    Raises:
        EquationError: the text cannot be read; the message shows the line, a caret and the nearest valid name.
        UnitError: units do not fit.
        ParameterError: a value is of an unknown parameter, NaN, or of the wrong sign.

    Example:
        >>> Fast = Synapse("Fast", "di/dt = -i/tau : pA (post); out = i : pA; tau = 2 ms", on_pre="i += w")
        >>> Fast(tau=5.0).parameters["tau"], Fast.unit("w")
        (5.0, 'pA')
    """

    EVENTS = EVENTS

    name: str
    text: str
    on_pre: str = field(default="", kw_only=True)
    initial: str = field(default="", kw_only=True)
    doc: str = field(default="", kw_only=True)
    ref: str = field(default="", kw_only=True)
    values: Mapping[str, Value] = field(default_factory=dict[str, Value], kw_only=True)
    definition: SynapseDefinition = field(init=False)

    def __post_init__(self) -> None:
        """Read the text and check the values."""
        self._check_texts()
        definition = _define(self.name, self.text, self.on_pre, self.initial)
        object.__setattr__(self, "definition", definition)
        self._check_values(definition.variables)

    @functools.cached_property
    def coupling(self) -> Coupling | None:
        """What a synapse sends that acts all the time, such as a gap junction; ``None`` for one that spikes drive.

        Raises:
            ModelError: the synapse has a meaning, but the simulator cannot run it.
        """
        return coupling(self.definition)

    @functools.cached_property
    def arrival(self) -> Arrival:
        """What the simulator does when a spike arrives.

        Raises:
            ModelError: the synapse has a meaning, but the simulator cannot run it.
        """
        return Arrival((), ()) if self.coupling is not None else arrival(self.definition)

    def unit(self, name: str) -> str:
        """Return the coherent unit of a variable, or of the weight ``w`` (an error where the neurons decide it)."""
        variables = self.definition.variables
        if name == WEIGHT:
            if self.definition.weight is None:
                raise ParameterError(f"{self.name}: the unit of 'w' depends on the neurons that it joins")
            return dimension_text(self.definition.weight)
        return self._unit_of(name, variables)
