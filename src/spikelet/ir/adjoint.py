"""Reverse mode over the step: from a ``Scan`` to the program of one step backward.

Derivatives are a table (``lang.functions`` for calls, ``_RULES`` for the rest); the surrogate enters at exactly one
node, ``spike``. The backward program is made of the same nodes as the forward one, over these leaves:

- ``gradient`` ("state", name): the gradient of a state after the step, carried from the step behind it;
- ``gradient`` ("output", name): the gradient of what was recorded of the step;
- the inputs and coefficients of the step, and the *tape*: nodes whose values the forward program saved.

What goes onto the tape is chosen by cost: memory traffic is what a fused kernel spends its time on. An old state
need not be saved if it follows from the tape of the step before.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from spikelet.ir import simplify as s
from spikelet.ir.lower import hoisted, surrogate_derivative
from spikelet.ir.nodes import Node, node, rewrite, topological
from spikelet.ir.scan import ALIVE, Scan
from spikelet.lang.functions import FUNCTIONS
from spikelet.model import Surrogate

_BYTES = {"real": 4, "int": 4, "bool": 1}
_NOISE = 100  # what drawing a number again costs, in bytes of traffic


@dataclass(frozen=True, eq=False)
class Adjoint:
    """One step backward.

    Attributes:
        scan: The scan forward.
        states: Gradient of each real state before the step.
        inputs: Gradient of each wanted input.
        coefficients: What the step adds to the gradient of each wanted coefficient, lane by lane.
        tape: Nodes of the forward program whose values are saved in each step.
        previous: Value before the step of each state that is read, over tape nodes of the step before.
        reciprocals: Name of a coefficient "1/k" -> name of the coefficient k.
        constants: Definition of the coefficients of the surrogate's derivative, over its parameters.
    """

    scan: Scan
    states: Mapping[str, Node]
    inputs: Mapping[str, Node]
    coefficients: Mapping[str, Node]
    tape: tuple[Node, ...]
    previous: Mapping[str, Node]
    reciprocals: Mapping[str, str]
    constants: Mapping[str, Node]

    @property
    def roots(self) -> tuple[Node, ...]:
        """Everything that the step backward computes."""
        return (*self.states.values(), *self.inputs.values(), *self.coefficients.values())

    def program(self) -> list[Node]:
        """Return the nodes to compute, arguments first; those of the tape are leaves."""
        return _above(self.roots, set(self.tape))


def adjoint(
    scan: Scan,
    surrogate: Surrogate,
    *,
    inputs: Iterable[str] = (),
    coefficients: Iterable[str] = (),
    recurrent: str | None = None,
) -> Adjoint:
    """Return the backward program.

    Args:
        scan: What is run forward.
        surrogate: Its derivative stands for that of the spike; its parameters become coefficients.
        inputs: Names of the inputs whose gradients are wanted.
        coefficients: Names of the coefficients whose gradients are wanted.
        recurrent: Name of an input to which spikes of the same neurons are added: it cannot simply be read again.
    """
    reverse = _Reverse(scan, surrogate)
    found = reverse.run()
    states = {name: _leaf(found, "state", name, type_) for name, type_ in scan.types.items() if type_ == "real"}
    wanted_inputs = {name: _leaf(found, "input", name) for name in inputs}
    wanted = {name: _leaf(found, "coefficient", name) for name in coefficients}
    roots = (*states.values(), *wanted_inputs.values(), *wanted.values())
    tape = _Tape(scan, roots, recurrent).cheapest()
    saved = set(tape)
    read = [n for n in _above(roots, saved) if n.kind == "state"]
    previous = {n.value: scan.updates[n.value] for n in read}
    return Adjoint(scan, states, wanted_inputs, wanted, tape, previous, reverse.reciprocals, reverse.constants)


def _leaf(found: Mapping[Node, Node], kind: str, name: str, type_: str = "real") -> Node:
    return found.get(node(kind, value=name, type_=type_), s.const(0.0))


class _Reverse:
    """Walks the program from its roots to its leaves."""

    def __init__(self, scan: Scan, surrogate: Surrogate):
        self.scan = scan
        self.found: dict[Node, Node] = {}
        self.reciprocals: dict[str, str] = {}
        self.slope, self.constants = _hoisted_slope(surrogate)

    def run(self) -> dict[Node, Node]:
        """Return node -> gradient."""
        for name, root in self.scan.updates.items():
            self._add(root, node("gradient", value=("state", name)))
        for name, root in self.scan.outputs.items():
            self._add(root, node("gradient", value=("output", name)))
        for current in reversed(topological(self.scan.roots)):
            if current in self.found and current.args:
                for arg, gradient in self._parts(current, self.found[current]):
                    self._add(arg, gradient)
        return self.found

    def _add(self, n: Node, gradient: Node) -> None:
        if n.type == "real" and n.kind != "const":
            self.found[n] = s.add(self.found[n], gradient) if n in self.found else gradient

    def _parts(self, n: Node, g: Node) -> Iterator[tuple[Node, Node]]:
        rule = _RULES.get(n.kind)
        if rule is not None:
            yield from rule(n, g)
        elif n.kind == "div":
            yield from self._quotient(n, g)
        elif n.kind == "spike":
            yield n.args[1], s.mul(g, self._slope_at(n.args[1]))
        elif n.kind == "call" and n.type == "real":
            for arg, derivative in zip(n.args, _derivatives(n.value), strict=False):
                if derivative is not None:
                    values = dict(zip("xyz", n.args, strict=False))
                    yield arg, s.mul(g, _filled(derivative, n, values))

    def _quotient(self, n: Node, g: Node) -> Iterator[tuple[Node, Node]]:
        a, b = n.args
        # g/b; where a is a number n/a is 1/b, which is there already
        known = a.kind == "const" and a.value != 0
        over = s.mul(s.mul(g, n), s.const(1 / a.value)) if known else self._over(g, b)
        yield a, over
        yield b, s.neg(s.mul(over, n))

    def _over(self, a: Node, b: Node) -> Node:
        """A/b; times the reciprocal where b is a coefficient, since a gradient's last bit is no promise."""
        if b.kind != "coefficient":
            return s.div(a, b)
        name = f"1/{b.value}"
        self.reciprocals[name] = b.value
        return s.mul(a, node("coefficient", value=name))

    def _slope_at(self, distance: Node) -> Node:
        x = self._over(*distance.args) if distance.kind == "div" else distance
        return _filled(self.slope, None, {"x": x})


def _hoisted_slope(surrogate: Surrogate) -> tuple[Node, dict[str, Node]]:
    """Return the derivative over x, and its coefficients."""
    values, _, coefficients = hoisted({"slope": surrogate_derivative(surrogate)}, None)

    def change(old: Node, args: tuple[Node, ...]) -> Node:
        if old.kind == "coefficient":
            return node("coefficient", value=f"surrogate.{old.value}")
        return node(old.kind, *args, value=old.value, type_=old.type)

    slope = values["slope"]
    named = {f"surrogate.{name}": definition for name, definition in coefficients.items()}
    return rewrite([slope], change)[slope], named


def _filled(template: Node, call: Node | None, values: Mapping[str, Node]) -> Node:
    """Put values at the places x, y, z of a derivative; a call of its own function is the node at hand."""

    def change(old: Node, args: tuple[Node, ...]) -> Node:
        if old.kind in ("input", "parameter"):
            return values[old.value]
        same = node(old.kind, *args, value=old.value, type_=old.type) if args else old
        return call if call is not None and same is call else same

    return rewrite([template], change)[template]


@functools.cache
def _derivatives(name: str) -> tuple[Node | None, ...]:
    """Return the derivatives of a function as nodes over x, y, z: they are read as a surrogate's text is."""
    row = FUNCTIONS.get(name)
    texts = () if row is None else row.derivative
    return tuple(
        surrogate_derivative(Surrogate(name, f"ds/dx = {text}; y = 1; z = 1")) if text and text != "0" else None
        for text in texts
    )


_Parts = Iterator[tuple[Node, Node]]


def _sum(n: Node, g: Node) -> _Parts:
    yield n.args[0], g
    yield n.args[1], g


def _difference(n: Node, g: Node) -> _Parts:
    yield n.args[0], g
    yield n.args[1], s.neg(g)


def _product(n: Node, g: Node) -> _Parts:
    yield n.args[0], s.mul(g, n.args[1])
    yield n.args[1], s.mul(g, n.args[0])


def _power(n: Node, g: Node) -> _Parts:
    base, exponent = n.args
    yield base, s.mul(g, s.mul(exponent, s.power(base, s.sub(exponent, s.const(1.0)))))
    positive = s.compare(">", base, s.const(0.0))  # 0**y does not move with y > 0
    logarithm = s.call("log", s.select(positive, base, s.const(1.0)))
    yield exponent, s.mul(g, s.mul(n, logarithm))


def _negative(n: Node, g: Node) -> _Parts:
    yield n.args[0], s.neg(g)


def _selected(n: Node, g: Node) -> _Parts:
    zero = s.const(0.0)
    condition, a, b = n.args
    yield a, s.select(condition, g, zero)
    yield b, s.select(condition, zero, g)


def _chosen(n: Node, g: Node) -> _Parts:
    spike, a, b = n.args
    fired = s.compare(">", spike, s.const(0.0))
    yield from _selected(s.select(fired, a, b), g) if a is not b else ()
    if n.value:  # the reset is attached: the gradient reaches the spike, with the jump as its factor
        jump = s.sub(a, b)
        finite = s.compare("<", s.call("abs", jump), s.const(3e38))
        yield spike, s.mul(g, s.select(finite, jump, s.const(0.0)))


_RULES: dict[str, Callable[[Node, Node], _Parts]] = {
    "add": _sum, "sub": _difference, "mul": _product, "neg": _negative, "pow": _power, "select": _selected,
    "choose": _chosen,
}  # fmt: skip


# --- the tape ---------------------------------------------------------------------------------------------------------


def _above(roots: Iterable[Node], saved: set[Node]) -> list[Node]:
    """Return what must be computed or loaded for ``roots``, not looking below saved nodes."""
    order: dict[Node, None] = {}
    stack = [(root, False) for root in roots]
    while stack:
        current, ready = stack.pop()
        if current in order:
            continue
        if ready or current in saved or not current.args:
            order[current] = None
        else:
            stack.append((current, True))
            stack.extend((arg, False) for arg in current.args)
    return list(order)


class _Tape:
    """Looks for the cheapest set of nodes from which the roots and the old states can be computed.

    Hundreds of sets are tried. So nodes go by their number in the program here, arguments first, sets of nodes are the
    bits of integers, and what lies above a node, down to the next candidates, is looked up once. Costs are counted in
    hundredths of a byte that is moved.
    """

    def __init__(self, scan: Scan, roots: tuple[Node, ...], recurrent: str | None):
        self.scan, self.recurrent = scan, recurrent
        self.nodes = topological([*roots, *scan.updates.values()])
        self.number = {n: i for i, n in enumerate(self.nodes)}
        self.roots = [self.number[root] for root in roots]
        self.costs: dict[int, int | None] = {}
        self.inner = self._bits(n for n in self.nodes if n.args)
        self.leaves = [(1 << i, n) for i, n in enumerate(self.nodes) if n.kind in ("input", "noise", "state")]
        self.moving = self._bits(n for n in self.nodes if n.kind in ("state", "input", "noise", "time"))

    def _bits(self, nodes: Iterable[Node]) -> int:
        return sum({1 << self.number[n] for n in nodes})

    def cheapest(self) -> tuple[Node, ...]:
        """Start with all candidates and drop what is not needed, in several orders."""
        forward = topological(self.scan.roots)
        after = [n for n in self.scan.updates.values() if n.args]
        before = [n for n in map(_before_events, self.scan.updates.values()) if n.args]
        conditions = [n for n in forward if n.type == "bool" and n.kind in ("compare", "logic")]
        distances = [n.args[1] for n in forward if n.kind == "spike"]
        distances = [n.args[0] if n.kind == "div" else n for n in distances]
        leaves = [n for n in forward if n.kind == "noise" or (n.kind == "input" and n.value == self.recurrent)]
        # the rounding of a product that is fused into a sum is never seen, so the product cannot be saved
        fused = {arg for n in forward if n.kind in ("add", "sub") for arg in n.args if arg.kind == "mul"}
        listed = (*before, *after, *conditions, *distances)
        found = dict.fromkeys([*(n for n in listed if n.args and n not in fused), *leaves])
        candidates = [n for n in found if n in self.number]  # nothing reads the others
        orders = (
            candidates, candidates[::-1], [*after, *conditions, *before], [*conditions, *after], [*after, *before],
            [*distances, *conditions, *after, *before], [*before, *after, *distances],
        )  # fmt: skip
        self._look_up(candidates)
        kept = [self._pruned(candidates, [n for n in dict.fromkeys(order) if n in candidates]) for order in orders]
        return min(kept, key=lambda tape: self.cost(tape) or 0)

    def _look_up(self, candidates: list[Node]) -> None:
        """Note for each node what is computed for it, down to candidates and leaves."""
        self.candidates = [self.number[n] for n in candidates]
        self.region: list[int] = []
        stops = set(self.candidates)
        for i, n in enumerate(self.nodes):
            bits = 1 << i
            for arg in map(self.number.__getitem__, n.args):
                bits |= 1 << arg if arg in stops else self.region[arg]
            self.region.append(bits)

    def _pruned(self, full: list[Node], order: list[Node]) -> tuple[Node, ...]:
        kept = dict.fromkeys(full)
        cost = self.cost(kept)
        assert cost is not None  # all new states, draws and delivered inputs together suffice
        for candidate in order:
            without = self.cost(n for n in kept if n is not candidate)
            if without is not None and without <= cost:
                del kept[candidate]
                cost = without
        return tuple(kept)

    def cost(self, tape: Iterable[Node]) -> int | None:
        """Return the bytes moved in a step, plus a little for each node computed; None where something is missing."""
        saved = self._bits(tape)
        if saved not in self.costs:
            self.costs[saved] = self._cost(saved)
        return self.costs[saved]

    def _cost(self, saved: int) -> int | None:
        computed = self._above(self.roots, saved) & ~saved
        total = (computed & self.inner).bit_count()
        for bit, n in self.leaves:
            if bit & saved:
                total += 200 * _BYTES[n.type]
            elif bit & computed and n.kind == "input":
                if n.value == self.recurrent:
                    return None
                total += 0 if n is ALIVE else 100 * _BYTES[n.type]
            elif bit & computed and n.kind == "noise":
                total += 100 * _NOISE
            elif bit & computed:
                below = self._above([self.number[self.scan.updates[n.value]]], saved)
                if below & ~saved & self.moving:
                    return None
                total += 2 * below.bit_count()
        inner = (i for i in self.candidates if saved >> i & 1 and self.nodes[i].args)
        return total + sum(200 * _BYTES[self.nodes[i].type] for i in inner)

    def _above(self, roots: Iterable[int], saved: int) -> int:
        """Do what the function of that name does, with sets of bits."""
        found = 0
        for root in roots:
            found |= 1 << root if saved >> root & 1 else self.region[root]
        left = [i for i in self.candidates if not saved >> i & 1]
        reached = [i for i in left if found >> i & 1]
        while reached:
            for i in reached:
                found |= self.region[i]
            left = [i for i in left if i not in reached]
            reached = [i for i in left if found >> i & 1]
        return found


def _before_events(n: Node) -> Node:
    """Return a state's value before reset, recovery and freezing."""
    while True:
        if n.kind == "choose":
            n = n.args[2]
        elif n.kind == "select" and n.args[0] is ALIVE:
            n = n.args[1]
        else:
            return n
