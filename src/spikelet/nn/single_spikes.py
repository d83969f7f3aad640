"""What a learning rule does to synapses whose two neurons fire at most once each.

All that a rule knows at a spike are states of the two sides, and these depend on nothing but when their neuron has
fired; so they are looked up in a table of T + 1 by T numbers, which the rule's own text has filled.
"""

from collections.abc import Mapping

import numpy as np

from spikelet.backends.numpy_reference import Interpreter, evaluate, numbers
from spikelet.errors import InputError, ParameterError
from spikelet.ir.lower import lower
from spikelet.ir.nodes import topological
from spikelet.ir.rule_program import Program, program, traces
from spikelet.lang.increments import WEIGHT
from spikelet.rule import Rule
from spikelet.units import ms

_EVENTS = {"pre": "on_pre", "post": "on_post"}


class SingleSpikes:
    """A rule, for synapses of which each side fires at most once in T steps.

    The order is that of the simulator: of a pair in one step the sender's spike comes first.

    Args:
        rule: its states are (pre) and (post); it reads no states of the neurons.
        steps: number of steps T, before which all states are at their start.
        dt: length of a step [ms].

    Raises:
        InputError: the rule does something between spikes, or reads what is not known.
        ParameterError: a parameter has no value, or is an array.

    Example:
        >>> import spikelet as sl
        >>> learn = SingleSpikes(sl.rules.KheradpishehSTDP(a_plus=0.1, a_minus=0.1), steps=15)
        >>> learn(np.array([0.5, 0.5, 0.5]), np.array([3, 7, 15]), np.array([5, 5, 5])).tolist()
        [0.525, 0.475, 0.475]
    """

    def __init__(self, rule: Rule, steps: int, dt: float = 1.0 * ms):
        if not isinstance(rule, Rule):
            raise InputError(f"SingleSpikes: rule is {rule!r}, expected a Rule such as rules.KheradpishehSTDP"[:200])
        self.rule, self.steps, self.dt = rule, steps, float(dt)
        self._check_parameters()
        self.events = {event: program(rule, event) for event in _EVENTS.values()}
        self._check_places()
        self.numbers = {e: numbers(p.coefficients, rule.parameters, dt) for e, p in self.events.items()}
        self.tables = {place: self._table(place) for place in _EVENTS}

    def __call__(self, w: np.ndarray, sent: np.ndarray, fired: np.ndarray) -> np.ndarray:
        """Return the weights after T steps.

        Args:
            w: (*S) weights.
            sent: (*S) step in which the sender's spike arrives; T where none does.
            fired: (*S), or what broadcasts to it, step in which the receiver fires; T where it does not.

        Returns:
            (*S) in the type of w.
        """
        sent, fired = np.broadcast_arrays(np.asarray(sent, np.int64), np.asarray(fired, np.int64))
        nobody, arrives, causal = np.full_like(sent, self.steps), sent < self.steps, sent <= fired
        new = np.asarray(w, np.float64)
        new = np.where(arrives & causal, self._after("on_pre", new, sent, nobody, nobody), new)
        seen = np.where(causal, sent, self.steps)
        new = np.where(fired < self.steps, self._after("on_post", new, fired, seen, nobody), new)
        new = np.where(arrives & ~causal, self._after("on_pre", new, sent, nobody, fired), new)
        return new.astype(w.dtype)

    def _after(self, event: str, w: np.ndarray, now: np.ndarray, sent: np.ndarray, fired: np.ndarray) -> np.ndarray:
        """Return the weights after an event in step ``now``, at which the two sides have fired when they have."""
        found = self.events[event]
        if WEIGHT not in found.updates:
            return w
        now = now.clip(max=self.steps - 1)  # what happens to a neuron that never fires is not looked at
        values: dict[str, np.ndarray | float] = {WEIGHT: w, **self.numbers[event]}
        for place, when in (("pre", sent), ("post", fired)):
            values |= {name: table[when, now] for name, table in self.tables[place].items()}
        return evaluate({WEIGHT: found.updates[WEIGHT]}, values)[WEIGHT]

    def _table(self, place: str) -> Mapping[str, np.ndarray]:
        """Return state -> (T + 1, T): its value in step k for a neuron that fires in step j; row T is without."""
        model = traces(self.rule, place)
        if model is None:
            return {}
        step, spikes = lower(model), np.arange(self.steps + 1)
        interpreter = Interpreter(step, model.parameters, dt=self.dt)
        found, known = self.events[_EVENTS[place]], self.numbers[_EVENTS[place]]
        own = {name: value for name, value in found.updates.items() if name in model.states}
        state, rows = interpreter.initial(spikes.shape), []
        for k in range(self.steps):
            _, state = interpreter({}, state, spikes, k)
            after = evaluate(own, {**state, **known})
            state |= {name: np.where(spikes == k, value, state[name]) for name, value in after.items()}
            rows.append({name: np.broadcast_to(state[name], spikes.shape) for name in model.states})
        return {name: np.stack([row[name] for row in rows], axis=1) for name in model.states}

    # --- what it cannot do --------------------------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        for name, value in self.rule.parameters.items():
            if value is None or isinstance(value, np.ndarray):
                what = "no value" if value is None else "an array"
                raise ParameterError(f"SingleSpikes({self.rule.name}): '{name}' is {what}, expected one number")

    def _check_places(self) -> None:
        rule, label = self.rule, f"SingleSpikes({self.rule.name})"
        for name, place in rule.places.items():
            if place not in _EVENTS:
                raise InputError(f"{label}: '{name}' is kept for the {place}, expected (pre) and (post) states alone")
        if WEIGHT in rule.states:
            raise InputError(f"{label}: the weight flows between spikes, expected a rule that changes it at spikes")
        if rule.definition.partners:
            raise InputError(f"{label}: it reads {', '.join(rule.definition.partners)}, which is not known here")
        for event, found in self.events.items():
            _check_drawn(label, event, found)


def _check_drawn(label: str, event: str, found: Program) -> None:
    if any(n.kind in ("noise", "time") for n in topological(found.updates.values())):
        raise InputError(f"{label}: {event} reads the time or draws random numbers, expected states and the weight")
