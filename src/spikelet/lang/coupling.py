"""A synapse that acts all the time: ``out`` as a sum over synapses, parted into what is sent and what it meets.

``out = w*sigmoid((v_pre - theta)/k)*(E_rev - v_post)`` reads the sender, the weight and the receiver. Where it is a
sum of products of such, it is enough to add ``w*sigmoid(...)`` over the synapses of a neuron, which its own equations
multiply with ``E_rev - v_post``: they see the sum as an input and ``v_post`` as it flows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from spikelet.errors import ModelError
from spikelet.lang.functions import DRAWS
from spikelet.lang.increments import WEIGHT, inlined
from spikelet.lang.synapse import OUT, SynapseDefinition
from spikelet.lang.syntax import Expr
from spikelet.units import ONE, dimension_text

_SYNAPSE = "synapse"  # the place of the weight
_YET = "the simulator cannot run this yet"
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_BINARY = ("+", "-", "*", "/", "//", "%", "**", *_COMPARISONS, "and", "or")


@dataclass(frozen=True)
class Part:
    """One sum over the synapses of a neuron, and what its neuron makes of it.

    Attributes:
        sent: Number of the value that each sender sends, ``None`` where it is 1.
        weighted: Whether each synapse multiplies it with its weight.
        read: Expression over the receiver that multiplies the sum, ``None`` where it is 1.
    """

    sent: int | None
    weighted: bool
    read: Expr | None


@dataclass(frozen=True)
class Coupling:
    """What a synapse does that acts all the time.

    Attributes:
        out: The whole of ``out``, sub-expressions written out.
        sent: What each sender sends, over its states; each expression once.
        parts: The sums that make ``out``; empty where each synapse has to compute it for itself.
        values: For each expression in ``out`` that is sent whole, by its meaning, its number in ``sent``.
    """

    out: Expr
    sent: tuple[Expr, ...]
    parts: tuple[Part, ...]
    values: Mapping[object, int]


def coupling(definition: SynapseDefinition) -> Coupling | None:
    """Return what ``out`` does where it differs from synapse to synapse, ``None`` where it does not.

    Raises:
        ModelError: the simulator cannot run it; the message says so, and shows where.
    """
    sends = any(name.endswith("_pre") for name in definition.partners)
    if not sends or "pre" not in definition.kept.get(OUT, ()):
        return None
    expr = definition.variables[OUT].expr
    assert expr is not None  # a sub-expression has a right side
    if definition.on_pre:
        definition.on_pre[0].fail(f"{_YET}: 'out' reads the sender all the time, and spikes act beside", ModelError)
    out = inlined(expr, definition.variables)
    _check(out, definition)
    found = _Split(out, definition).coupling()
    for sent in found.sent:
        for node in sent.nodes():
            if node.op == "name" and node.value == "t":
                node.fail(f"{_YET}: what is sent reads 't'", ModelError)
    return found


def _check(out: Expr, definition: SynapseDefinition) -> None:
    for node in out.nodes():
        name = str(node.value)
        if node.op == "name" and definition.places.get(name) in ("synapse", "network"):
            node.fail(f"{_YET}: 'out' reads '{name}', a ({definition.places[name]}) state", ModelError)
        if node.op == "call" and name in DRAWS:
            node.fail(f"{_YET}: 'out' draws random numbers", ModelError)
    for name, place in definition.places.items():
        expr = definition.variables[name].expr
        for node in inlined(expr, definition.variables).nodes() if expr is not None and place == "pre" else ():
            if node.op == "name" and node.value in ("t", "xi"):
                node.fail(f"{_YET}: '{name}' is sent, and reads '{node.value}'", ModelError)


class _Split:
    """Parts an expression into sums of products, as few as there can be."""

    def __init__(self, out: Expr, definition: SynapseDefinition):
        self.out, self.definition = out, definition
        self.sent: dict[object, Expr] = {}

    def coupling(self) -> Coupling:
        terms = self._terms(self.out)
        parts = None if terms is None else self._parts(terms)
        if parts is None:
            self.sent.clear()
            self._gather(self.out)
            parts = ()
        numbers = {key: number for number, key in enumerate(self.sent)}
        return Coupling(self.out, tuple(self.sent.values()), tuple(parts), numbers)

    def places(self, expr: Expr) -> frozenset[str]:
        """Return the places of all that an expression reads: ``pre``, ``post``, and ``synapse`` for the weight."""
        kept = self.definition.kept
        names = [str(node.value) for node in expr.nodes() if node.op in ("name", "next")]
        return frozenset(place for name in names for place in kept.get(name, ()))

    def _terms(self, expr: Expr) -> list[list[Expr]] | None:
        """Return products of factors of one place each, whose sum is the expression; ``None`` where there are none."""
        if len(self.places(expr)) <= 1:
            return [[expr]]
        if expr.op in ("+", "-"):
            first, second = map(self._terms, expr.args)
            if first is None or second is None:
                return None
            return first + (second if expr.op == "+" else [[*term, _number(expr, -1)] for term in second])
        if expr.op == "neg":
            inner = self._terms(expr.args[0])
            return None if inner is None else [[*term, _number(expr, -1)] for term in inner]
        if expr.op == "*":
            first, second = map(self._terms, expr.args)
            return None if first is None or second is None else [[*a, *b] for a in first for b in second]
        if expr.op == "/" and len(self.places(expr.args[1])) <= 1:
            over = replace(expr, args=(_number(expr, 1), expr.args[1]))
            inner = self._terms(expr.args[0])
            return None if inner is None else [[*term, over] for term in inner]
        return None

    def _parts(self, terms: list[list[Expr]]) -> list[Part] | None:
        found: dict[tuple[object, bool], tuple[int | None, Expr]] = {}
        for factors in terms:
            own = {place: [f for f in factors if self.places(f) == frozenset({place})] for place in ("pre", _SYNAPSE)}
            read = [f for f in factors if not self.places(f) & {"pre", _SYNAPSE}]
            weights = own[_SYNAPSE]
            if len(weights) > 1 or any((f.op, f.value) != ("name", WEIGHT) for f in weights):
                return None  # not linear in the weight
            sent = _product(own["pre"])
            number = None if sent is None else self._number(sent)
            key = number, bool(weights)
            more = _product(read) or _number(self.out, 1)
            before = found.get(key)
            found[key] = number, more if before is None else replace(self.out, op="+", args=(before[1], more))
        return [
            Part(number, weighted, None if read.unspanned() == _number(self.out, 1).unspanned() else read)
            for (_, weighted), (number, read) in found.items()
        ]

    def _number(self, sent: Expr) -> int:
        self.sent.setdefault(sent.unspanned(), sent)
        return list(self.sent).index(sent.unspanned())

    def _gather(self, expr: Expr) -> None:
        """Find the largest expressions that read the sender alone."""
        if self.places(expr) == frozenset({"pre"}) and expr.op not in (*_COMPARISONS, "and", "or", "not"):
            self._number(expr)
            return
        for arg in expr.args:
            self._gather(arg)


def _number(place: Expr, value: int) -> Expr:
    return replace(place, op="number", args=(), value=value, dimension=ONE)


def _product(factors: list[Expr]) -> Expr | None:
    """Return the product of factors, ``None`` of none; numbers 1 are left out."""
    result: Expr | None = None
    for factor in factors:
        if factor.op == "number" and factor.value == 1 and factor.dimension == ONE:
            continue
        if result is not None and factor.op == "/" and factor.args[0].unspanned() == _number(factor, 1).unspanned():
            result = replace(factor, args=(result, factor.args[1]))
        elif result is not None and factor.op == "number" and factor.value == -1:
            result = replace(factor, op="neg", args=(result,), value=None)
        else:
            result = factor if result is None else replace(factor, op="*", args=(result, factor), value=None)
    return result


def spelled(expr: Expr, name: Callable[[str], str] = str) -> str:
    """Return an expression as text, whatever text it came from.

    Args:
        expr: Resolved, so that all units are numbers.
        name: New name of a name.
    """
    args = [spelled(arg, name) for arg in expr.args]
    match expr.op:
        case "number":
            unit = "" if expr.dimension in (None, ONE) else f"*(1 {dimension_text(expr.dimension)})"
            text = repr(expr.value)
            return f"({text}{unit})" if unit or text.startswith("-") else text
        case "name":
            return name(str(expr.value))
        case "next":
            return f"{name(str(expr.value))}[k+1]"
        case "neg":
            return f"(-{args[0]})"
        case "not":
            return f"(not {args[0]})"
        case "call":
            return f"{expr.value}({', '.join(args)})"
        case op:
            assert op in _BINARY
            return f"({args[0]} {op} {args[1]})"
