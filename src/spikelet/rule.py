"""Learning rules as data: ``Rule``, frozen, specialised by calling, printable and serialisable, as ``Synapse`` is."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from spikelet.errors import ParameterError
from spikelet.lang.increments import WEIGHT
from spikelet.lang.join import join
from spikelet.lang.rule import RuleDefinition, define
from spikelet.written import Between, Value, short

EVENTS = ("on_pre", "on_post", "initial")


@functools.lru_cache(maxsize=1024)
def _define(name: str, text: str, events: tuple[str, ...]) -> RuleDefinition:
    return define(name, text, *events)


@dataclass(frozen=True, eq=False, repr=False)
class Rule(Between):
    """A learning rule, written as equations.

    Each state has a place after its unit: ``(pre)``, one value for each sending neuron, as the synapse sees it when
    the spike arrives; ``(post)``, one for each receiving neuron; ``(synapse)``, the default; or ``(network)``, such as
    a reward. ``w``, the weight, is a plain number for each synapse. ``v_pre`` and ``v_post`` are states of the two
    neurons, as is any other ``NAME_pre`` and ``NAME_post`` that has no line.

    At an arriving spike the synapse first transmits its present ``w``; then ``on_pre`` runs, which may set ``w``,
    (synapse) and (pre) states. When the receiving neuron fires, ``on_post`` runs after its reset, and may set ``w``,
    (synapse) and (post) states. Where both happen in one step, ``on_pre`` comes first.

    Lines of (synapse) states, ``dw/dt = ...`` among them, are integrated in every step, states of other places and of
    the neurons held at the values with which the step begins; so are lines of (post) states that read ``v_post``, such
    as ``du/dt = (v_post - u)/tau : mV (post)``, and of (pre) states that read ``v_pre``. Events read ``v_pre`` as of
    arrival; ``v_post`` is read by ``on_pre`` as the step before has left it, and by ``on_post`` as the reset has.

    A parameter may be an array: one value for each sending neuron where a (pre) state needs it, else one for each that
    receives.

    Args:
        name: Name used in messages.
        text: Equations, one statement a line (or joined by ``;``), as those of a neuron.
        on_pre: Statements run when a spike arrives, such as ``"x_pre += 1; w -= a_minus*x_post"``.
        on_post: Statements run when the receiving neuron fires.
        initial: Statements that set the initial state; states start at 0 otherwise.
        doc: What it is for.
        ref: Source: author, year, equation.
        values: Values of parameters that differ from the text's; set by calling the rule.

    Raises:
        EquationError: the text cannot be read; the message shows the line, a caret and the nearest valid name.
        UnitError: units do not fit.
        ParameterError: a value is of an unknown parameter, NaN, or of the wrong sign.

    Example:
        >>> Hebb = Rule("Hebb", "dx/dt = -x/tau : 1 (pre); tau = 20 ms; a = 0.1", on_pre="x += 1", on_post="w += a*x")
        >>> Hebb(a=0.5).parameters["a"], Hebb.places["x"]
        (0.5, 'pre')
    """

    EVENTS = EVENTS

    name: str
    text: str
    on_pre: str = field(default="", kw_only=True)
    on_post: str = field(default="", kw_only=True)
    initial: str = field(default="", kw_only=True)
    doc: str = field(default="", kw_only=True)
    ref: str = field(default="", kw_only=True)
    values: Mapping[str, Value] = field(default_factory=dict[str, Value], kw_only=True)
    definition: RuleDefinition = field(init=False)

    def __post_init__(self) -> None:
        """Read the text and check the values."""
        self._check_texts()
        definition = _define(self.name, self.text, tuple(getattr(self, event) for event in EVENTS))
        object.__setattr__(self, "definition", definition)
        self._check_values(definition.variables)

    def __add__(self, other: "Rule") -> "Rule":
        """Return both rules as one, for the same synapses: ``rules.STDP + rules.SynapticScaling``.

        Lines and parameters that both have count once; of two lines ``dw/dt`` the sum. The events of the first rule run
        before those of the second.

        Raises:
            EquationError: a name means one thing here and another there; the message shows both lines.
        """
        if not isinstance(other, Rule):  # pyright: ignore[reportUnnecessaryIsInstance]  # users are not type-checked
            return NotImplemented
        joined = join((self.name, other.name), self.definition, other.definition)
        for name in self.parameters.keys() & other.parameters.keys():
            ours, theirs = self.parameters[name], other.parameters[name]
            if not np.array_equal(np.asarray(ours, float), np.asarray(theirs, float), equal_nan=True):
                raise ParameterError(
                    f"{self.name} + {other.name}: both have the parameter '{name}', {short(ours)} here and "
                    f"{short(theirs)} there; give both one value, or one of them another name"
                )
        texts = {what: " ".join(filter(None, (getattr(self, what), getattr(other, what)))) for what in ("doc", "ref")}
        name, known = f"{self.name} + {other.name}"[:100].rstrip(), {**self.values, **other.values}
        return Rule(name, joined.text, **joined.events, **texts, values=known)

    def unit(self, name: str) -> str:
        """Return the coherent unit of a variable, or of the weight ``w``."""
        variables = self.definition.variables
        if name == WEIGHT:
            return "1"
        return self._unit_of(name, variables)
