"""The lazy way of a plastic projection, for rules that add at a spike of the receiver: nothing is done there.

Between two spikes of a sender, at steps a < b, its trace x decays by a factor g in every step, so that the spikes of a
receiver at steps k add ``gain * x(a) * g**(k - a)`` each, in all ``x(a) * g**-(a - e) * (S(b) - S(a))``, where S is the
sum over the receiver's spikes of ``gain * g**(k - e)`` since a step e, the start of an epoch. S is the same for all
senders. What is stored of a synapse is ``u = w(a) - f*S(a)``, with the ``f = x(a) * g**-(a - e)`` that its source and
delay have in common, so that ``w(b) = u + f*S(b)``: a weight is brought up to date where it is needed, at the next
spike of the sender or when it is read, and that costs no memory.

Epochs are short (g**length is about e**-2), so that S(b) - S(a) loses no digits. A sum is kept for each of the last
epochs; when the oldest ends, the trace of its senders has decayed below rounding, and their weights are settled.

Bounds: where all that is added between two spikes of the sender has one sign, and the weight lies within the bounds
before, to bound the sum is to bound each step on the way. Whether that is so is proved from the text and the values of
the parameters; what cannot be proved is done pair by pair.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet.backends.numpy_reference import numbers
from spikelet.ir.rule_program import Program, program
from spikelet.lang.increments import WEIGHT
from spikelet.sim.driver import Call, Driver
from spikelet.sim.plastic_additive import Additive, NotAdditive, Term, additive
from spikelet.sim.plastic_general import arriving, receiving
from spikelet.sim.plastic_lazy_kernels import Arrive, LazyEvent, Posts, Read, Turn, Write
from spikelet.sim.plastic_learner import Learner
from spikelet.sim.plastic_signs import Signs

_SHARE = 2.0  # an epoch is as long as a trace takes to decay by exp(-2)
_EPOCHS = {"float32": 10, "float64": 20}  # after which less than a rounding error is left of a trace
_LONGEST = 2**20  # steps that a table of powers has at most


@dataclass(frozen=True, eq=False)
class Plan:
    """How a rule is done lazily.

    Attributes:
        additive: What ``on_post`` does.
        decays: Of each term, what is left of its traces after a step.
        low: Least weight, a number or (targets,); None where there are no bounds.
        high: Greatest weight.
        least: Weights must not be below this at the start, beside the bounds.
    """

    additive: Additive
    decays: tuple[float, ...]
    low: Any
    high: Any
    least: float

    def holds(self, weights: np.ndarray, targets: np.ndarray) -> bool:
        """Tell whether weights lie within the bounds, as they will from then on."""
        if not weights.size:
            return True
        smallest, greatest = weights.min(), weights.max()  # NaN where there is one, which lies within no bounds
        if np.isfinite(self.least) and not smallest >= self.least:
            return False
        if self.low is None:
            return True
        if np.ndim(self.low) == np.ndim(self.high) == 0:
            kind = weights.dtype.type
            return bool(smallest >= kind(self.low) and greatest <= kind(self.high))
        bounds = (np.asarray(bound).astype(weights.dtype) for bound in (self.low, self.high))
        low, high = (bound[targets] if bound.ndim else bound for bound in bounds)
        return bool(((weights >= low) & (weights <= high)).all())


def plan(learner: Learner) -> Plan:
    """Return how the rule of a projection is done lazily.

    Raises:
        NotAdditive: it cannot be; the message says why.
    """
    found = additive(learner.rule)
    decays = tuple(_decay(learner, term) for term in found.terms)
    if found.low is None and found.high is None:
        return Plan(found, decays, None, None, -math.inf)
    values = numbers(found.program.coefficients, learner.rule.parameters, learner.dt)
    low = -math.inf if found.low is None else Signs(values, set()).number(found.low)
    high = math.inf if found.high is None else Signs(values, set()).number(found.high)
    for least, given in ((-math.inf, set[str]()), (0.0, {WEIGHT})):
        positive = _positive(learner, given)
        if given <= positive and _one_sign(found, values, positive) and _stays(learner, positive, low, high):
            return Plan(found, decays, low, high, least)
    raise NotAdditive("w may meet a bound between two spikes of the sender and leave it again")


def _decay(learner: Learner, term: Term) -> float:
    """Return what is left of a product of traces after a step, as the kernels compute it."""
    group = learner.traces["pre"]
    left = 1.0
    for name in term.traces:
        new = group.step.updates[name]
        factors = {arg.kind: arg.value for arg in new.args}
        if new.kind != "mul" or factors.keys() != {"coefficient", "state"} or factors["state"] != name:
            raise NotAdditive(f"{name} does not decay exponentially")
        value = np.asarray(group.coefficients[factors["coefficient"]])
        if value.ndim and value.size > 1:
            raise NotAdditive(f"{name} decays in each sender in its own time")
        left *= float(value.astype(learner.weights.dtype).reshape(-1)[0])
    if not 0 <= left < 1:
        raise NotAdditive(f"{' and '.join(term.traces)} do not decay")
    if _length(left) * _EPOCHS[learner.weights.dtype.name] > _LONGEST:
        raise NotAdditive(f"{' and '.join(term.traces)} decay too slowly")
    return left


def _length(decay: float) -> int:
    """Return the number of steps of an epoch."""
    return max(1, round(-_SHARE / math.log(decay))) if decay > 0 else 1


def _positive(learner: Learner, given: set[str]) -> set[str]:
    """Return the states that are never below 0, with ``w`` among them where it begins so and stays so."""
    rule = learner.rule
    events = [program(rule, event) for event in ("on_pre", "on_post")]
    found = {name for place in ("pre", "post") if place in learner.traces for name in learner.traces[place].state}
    found |= given
    while True:
        kept = set()
        for name in found:
            changed = [event for event in events if name in event.updates]
            signs = [
                Signs(numbers(event.coefficients, rule.parameters, learner.dt), found).of(event.updates[name])
                for event in changed
            ]
            for place, group in learner.traces.items():
                if name in group.step.updates and place in ("pre", "post"):
                    own = Signs(group.coefficients, found)
                    signs += [own.of(group.step.updates[name]), own.of(group.step.initial[name])]
            if all(sign in (0, 1) for sign in signs):
                kept.add(name)
        if kept == found:
            return found
        found = kept


def _one_sign(found: Additive, values: Mapping[str, Any], positive: set[str]) -> bool:
    """Tell whether all that ``on_post`` adds has one sign."""
    signs = Signs(values, positive)
    known = {signs.of(term.gain) for term in found.terms if set(term.traces) <= positive}
    return all(set(term.traces) <= positive for term in found.terms) and None not in known and len(known - {0}) <= 1


def _stays(learner: Learner, positive: set[str], low: Any, high: Any) -> bool:
    """Tell whether ``on_pre`` leaves the weight within the bounds."""
    found = program(learner.rule, "on_pre")
    if WEIGHT not in found.updates:
        return True
    signs, new = (
        Signs(numbers(found.coefficients, learner.rule.parameters, learner.dt), positive),
        found.updates[WEIGHT],
    )
    below = np.all(np.isposinf(high)) or signs.bounded(new, high, -1)
    return bool((np.all(np.isneginf(low)) or signs.bounded(new, low, 1)) and below)


class Lazy:
    """The calls of the lazy way.

    Args:
        learner: The projection.
        how: From ``plan``.

    Attributes:
        factors: Of each term, (segments,) what multiplies the sums.
        slots: Of each term, (segments,) int32, the epoch whose sums those are.
        sums: Of each term, (epochs, kinds*targets) the sums.
    """

    def __init__(self, learner: Learner, how: Plan):
        self.learner, self.how = learner, how
        dtype = learner.weights.dtype
        segments, self.width = len(learner.edges.pointer) - 1, learner.edges.n_target * len(learner.parts.kinds)
        epochs = _EPOCHS[dtype.name]
        self.factors = [np.zeros(segments, dtype) for _ in how.decays]
        self.slots = [np.zeros(segments, np.int32) for _ in how.decays]
        self.sums = [np.zeros((epochs, self.width), dtype) for _ in how.decays]
        self.lengths = [_length(decay) for decay in how.decays]
        powers = list(zip(how.decays, self.lengths, strict=True))
        self.growth = [(decay ** -np.arange(n, dtype=float)).astype(dtype) for decay, n in powers]
        self.decay = [(decay ** np.arange(n * epochs, dtype=float)).astype(dtype) for decay, n in powers]
        self.bounded = "" if how.low is None else "table" if np.ndim(how.low) or np.ndim(how.high) else "number"
        size = learner.edges.n_target if self.bounded == "table" else 1
        self.bounds = [np.full(size, 0.0 if bound is None else bound, dtype) for bound in (how.low, how.high)]
        self.drivers: dict[type[LazyEvent], tuple[Call, Driver]] = {}  # of what goes through all weights

    def begin(self) -> list[Call]:
        """Begin epochs."""
        return [self._call(Turn, Program({}, {}), self._all())]

    def arrivals(self, begin: int, end: int) -> list[Call]:
        """Deliver over some of the delays, and run ``on_pre``."""
        if begin == end:
            return []
        return [self._call(Arrive, program(self.learner.rule, "on_pre"), arriving(self.learner, begin, end))]

    def posts(self) -> list[Call]:
        """Add up the spikes of each population that receives."""
        found = self.how.additive
        updates = {name: n for name, n in found.program.updates.items() if name != WEIGHT}
        updates |= {f"gain.{i}": term.gain for i, term in enumerate(found.terms)}
        own = Program(updates, found.program.coefficients)
        return [self._call(Posts, own, words) for words in receiving(self.learner)]

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield what a later step depends on, by name."""
        yield "lazy.weights", self.learner.weights
        for i, arrays in enumerate(zip(self.factors, self.slots, self.sums, strict=True)):
            yield from zip((f"lazy.{name}.{i}" for name in ("factor", "slot", "sums")), arrays, strict=True)

    def read(self) -> np.ndarray:
        """Return the weights as they are now, (E,)."""
        return self.read_into(np.empty_like(self.learner.weights))

    def read_into(self, out: np.ndarray) -> np.ndarray:
        """Write the weights as they are now, and return them."""
        self._run(Read, out)
        return out

    def write(self, values: np.ndarray) -> None:
        """Set the weights."""
        dtype = self.learner.weights.dtype
        self._run(Write, np.ascontiguousarray(np.broadcast_to(values, self.learner.weights.shape), dtype))

    def _run(self, kind: type[LazyEvent], values: np.ndarray) -> None:
        if kind not in self.drivers:
            call = self._call(kind, Program({}, {}), {**self._all(), "values": 0})
            self.drivers[kind] = call, Driver([call])
        call, driver = self.drivers[kind]
        call.even[kind.own.index("values")] = values.ctypes.data
        driver.run(0, 1, 0, 1)

    def _all(self) -> dict[str, int]:
        """Return the words of kernels that go through all synapses."""
        edges, parts = self.learner.edges, self.learner.parts
        return {
            "delays": len(edges.delays), "segments": len(edges.pointer) - 1, "offset": parts.offset.ctypes.data,
            "pointer": edges.pointer.ctypes.data, "targets": edges.targets.ctypes.data,
        }  # fmt: skip

    def _call(self, kind: type[LazyEvent], found: Program, own: Mapping[str, int]) -> Call:
        learner, words = self.learner, {"width": self.width, **own}
        for i, length in enumerate(self.lengths):
            arrays = (self.factors[i], self.slots[i], self.sums[i], self.growth[i], self.decay[i])
            names = ("factor", "slot", "sums", "growth", "decay")
            words |= {f"{name}.{i}": array.ctypes.data for name, array in zip(names, arrays, strict=True)}
            words |= {f"length.{i}": length, f"epochs.{i}": len(self.sums[i])}
        for name, bound in zip(("low", "high"), self.bounds, strict=True):
            words |= {name: int(np.float64(bound[0]).view(np.int64)), f"{name}s": bound.ctypes.data}
        writer = kind(found, learner.shape(found), self.how.additive.terms, self.bounded)
        return learner.call(writer.kernel(), writer.name, found, words, self)
