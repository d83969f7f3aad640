"""The kernel ``flow`` of a plastic projection in LLVM: it takes the states of all synapses a step further.

What its lines compute of a receiver alone, such as ``exp`` of a voltage, is computed once for each receiver and looked
up by its synapses, which are many more.
"""

from collections.abc import Iterable

from spikelet.backends.llvm_printer import Dialect, Function, Lane, number
from spikelet.ir.nodes import Node, topological
from spikelet.ir.rule_program import Program
from spikelet.sim.plastic_events import Event, Shape

_TOGETHER = 128  # synapses for which random numbers are drawn at once


class Flow(Event):
    """Takes the states of synapses a step further.

    Attributes:
        once: What is computed once for each receiver, into the words ``once.0``, ``once.1`` ...
    """

    name = "flow"
    own = (
        "step", "T", "dt", "delays", "segments", "offset", "pointer", "targets", "weights", "seed", "kinds", "reached",
    )  # fmt: skip

    def __init__(self, program: Program, shape: Shape):
        self.once = _once(program.updates.values(), shape)
        super().__init__(program, shape)

    def more(self) -> Iterable[str]:
        """Return the words of what is computed once."""
        return [f"once.{i}" for i in range(len(self.once))]

    def body(self) -> None:
        """Go through the receivers, then through all synapses, where there is noise some at a time."""
        self.noise = [n for n in topological(self.program.updates.values()) if n.kind == "noise"]
        self.buffers = {n: self.value(f"alloca [{_TOGETHER} x double], align 64") for n in self.noise}
        numbers = self.value(f"alloca [{_TOGETHER} x i64], align 64") if self.noise else ""
        if self.once:
            self._receivers()
        with self.loop("s", self.w["segments"]) as s:
            begin, end = self.ends(s)
            offset = self.offset_of(s)
            if self.noise:
                with self.pieces(begin, end, _TOGETHER) as (first, count):
                    self._draw(numbers, first, count)
                    self._synapses(s, offset, first, self.sum(first, count))
            else:
                self._synapses(s, offset, begin, end)

    def _receivers(self) -> None:
        """Compute what is a receiver's, for each of its delays."""
        with self.loop("kind", self.w["kinds"]) as kind:
            offset = self.product(kind, self.w["reached"])
            with self.parallel("target", self.w["reached"]) as target:
                place = self.sum(target, offset)
                lane = self.lane(*self.receiver(target, place, self.once))
                for i, n in enumerate(self.once):
                    self.store(self.shape.real, lane(n), self.w[f"once.{i}"], place)

    def _synapses(self, s: str, offset: str, begin: str, end: str) -> None:
        """Go through some synapses of a segment."""
        roots = self.program.updates.values()
        pre, tables = self.sender(s, roots)
        with self.parallel("e", end, begin) as e:
            place = self.value(f"sub i64 {e}, {begin}")
            self.draws = {n: self._drawn(n, buffer, place) for n, buffer in self.buffers.items()}
            target = self.whole(self.shape.index, self.w["targets"], e)
            weight = self.load(self.shape.real, self.w["weights"], e)
            stands = self.sum(target, offset)
            post, more = self.receiver(target, stands, roots)
            known = {n: self.load(self.shape.real, self.w[f"once.{i}"], stands) for i, n in enumerate(self.once)}
            self.learn(weight, e, {**pre, **post}, {**tables, **more, **known})

    def _draw(self, numbers: str, first: str, count: str) -> None:
        """Draw for some synapses, each by its number."""
        with self.loop("number", count) as k:
            self.store("i64", self.sum(first, k), numbers, k)
        for n, buffer in self.buffers.items():
            law, stream = n.value
            use = f"i64 {self.w['seed']}, i64 {self.w['step']}, i64 {stream}"
            self.do(f"call void @sk_{law}(ptr {buffer}, ptr {numbers}, i64 {count}, {use})")

    def _drawn(self, n: Node, buffer: str, place: str) -> str:
        """Return a draw in the precision of the weights; rounding must not make a uniform one 1."""
        value = self.narrow(self.load("double", buffer, place))
        if n.value[0] == "normal" or self.shape.real == "double":
            return value
        below = self.value(f"fcmp olt float {value}, 1.0")
        return self.value(f"select i1 {below}, float {value}, float {number(1 - 2.0**-24, 'float')}")


def _once(roots: Iterable[Node], shape: Shape) -> tuple[Node, ...]:
    """Return the largest values that depend on a receiver, and on nothing that differs between its synapses.

    They are those that a lane asks for, so each has the bits that it would have beside the rest.
    """
    places = _places(roots, shape)
    needed = Lane(Function("void @none()"), Dialect(shape.real, "i64"), lambda n: "").needed
    found: dict[Node, None] = {}
    stack, seen = list(roots), set[Node]()
    while stack:
        n = stack.pop()
        if n in seen:
            continue
        seen.add(n)
        if places[n] == {"post"} and n.args and n.type == "real":
            found[n] = None
        else:
            stack += needed(n)
    return tuple(found)


def _places(roots: Iterable[Node], shape: Shape) -> dict[Node, frozenset[str]]:
    """Return of each value where what it depends on stands; what all synapses have in common is nowhere."""
    own = {name: {"of": "post", "from": "pre"}.get(place, place) for place, names in shape.states for name, _ in names}
    tables, found = dict(shape.tables), dict[Node, frozenset[str]]()
    for n in topological(roots):
        place = None
        if n.kind in ("state", "input"):
            place = own.get(n.value, "synapse")  # the weight is not among the states
        elif n.kind == "noise":
            place = "synapse"
        elif n.kind == "coefficient":
            place = tables.get(n.value)
        at = frozenset([place] if place not in (None, "network") else [])
        found[n] = at.union(*(found[arg] for arg in n.args))
    return found
