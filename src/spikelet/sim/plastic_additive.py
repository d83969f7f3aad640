"""Which rules add to the weight at a spike of the receiver: what they add may wait until the sender's next spike.

    text of on_post   ->  additive  ->  w = clip(w + gain * trace + ..., low, high), or why it is not of that form

The gains are functions of the receiver, the traces are products of (pre) states that decay exponentially between the
spikes of the sender. So all that the spikes of a receiver add between two spikes of a sender is the trace that the
first of them has left, times a sum over the spikes of the receiver, which is the same for all senders.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from spikelet.errors import SpikeletError
from spikelet.ir import simplify as s
from spikelet.ir.nodes import Node, topological
from spikelet.ir.rule_program import BOUNDS, Program, bounded, program
from spikelet.lang.increments import WEIGHT
from spikelet.lang.places import side
from spikelet.rule import Rule

_Sum = dict[tuple[str, ...], Node]  # states of the sender that are multiplied -> what multiplies them


class NotAdditive(SpikeletError):
    """A rule must be done pair by pair; the message says why."""


@dataclass(frozen=True)
class Term:
    """A part of what a spike of the receiver adds.

    Attributes:
        traces: (pre) states whose product it is proportional to.
        gain: The factor, a function of the receiver.
    """

    traces: tuple[str, ...]
    gain: Node


@dataclass(frozen=True)
class Additive:
    """What a spike of the receiver does: ``w = clip(w + sum of terms, low, high)``.

    Attributes:
        terms: What it adds.
        low: Coefficient, or literal, below which no weight falls; None where there is no such bound.
        high: The same above.
        program: Where the coefficients are defined; its updates are those of ``on_post``.
    """

    terms: tuple[Term, ...]
    low: Node | None
    high: Node | None
    program: Program


def additive(rule: Rule) -> Additive:
    """Return what ``on_post`` adds to the weight.

    Raises:
        NotAdditive: it does something else.
    """
    found = program(rule, "on_post")
    if "synapse" in rule.places.values():
        raise NotAdditive("synapses have states of their own")
    if WEIGHT not in found.updates:
        raise NotAdditive("on_post does not change w")
    inner, low, high = bounded(found.updates[WEIGHT])
    if inner.kind == "call" and inner.value in BOUNDS:
        raise NotAdditive("w has bounds that change, or several")
    places = {name: place for name, place in rule.places.items() if place == "pre"}
    places |= {name: "from" for name in rule.definition.partners if side(name) == "pre"}
    terms = _Expansion(places)(inner)
    own = terms.pop((WEIGHT,), None)
    if own is None or own.kind != "const" or own.value != 1 or any(WEIGHT in names for names in terms):
        raise NotAdditive("what on_post adds depends on w")
    if () in terms:
        raise NotAdditive("on_post adds something that no trace of the sender multiplies")
    for name in {name for names in terms for name in names}:
        if places[name] == "from":
            raise NotAdditive(f"on_post reads {name}")
    return Additive(tuple(Term(names, gain) for names, gain in terms.items()), low, high, found)


class _Expansion:
    """Writes an expression as a sum of products of the weight and of states of the sender."""

    def __init__(self, names: Mapping[str, str]):
        self.names = {WEIGHT, *names}

    def __call__(self, value: Node) -> _Sum:
        """Return the sum.

        Raises:
            NotAdditive: it is none.
        """
        if not any(n.kind in ("state", "input") and n.value in self.names for n in topological([value])):
            return {(): value}
        if value.kind in ("state", "input"):
            return {(value.value,): s.const(1.0)}
        if value.kind == "neg":
            return {names: s.neg(gain) for names, gain in self(value.args[0]).items()}
        if value.kind in ("add", "sub"):
            first, second = map(self, value.args)
            for names, gain in second.items():
                gain = s.neg(gain) if value.kind == "sub" else gain
                first[names] = s.add(first[names], gain) if names in first else gain
            return first
        if value.kind == "mul":
            return self._product(*map(self, value.args))
        if value.kind == "div":
            below = self(value.args[1])
            if below.keys() == {()}:
                return {names: s.div(gain, below[()]) for names, gain in self(value.args[0]).items()}
        raise NotAdditive("what on_post adds is no sum of products of traces")

    def _product(self, first: _Sum, second: _Sum) -> _Sum:
        found: _Sum = {}
        for names, gain in first.items():
            for others, other in second.items():
                joined, product = tuple(sorted(names + others)), s.mul(gain, other)
                found[joined] = s.add(found[joined], product) if joined in found else product
        return found
