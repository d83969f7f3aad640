"""The kernel ``flow`` of a plastic projection in LLVM: it takes the states of all synapses a step further.

What its lines compute of a receiver alone, such as ``exp`` of a voltage, is computed once for each receiver and looked
up by its synapses, which are many more. A random number takes longer than all the rest: where it is multiplied by what
is 0, such as noise that calcium opens, it is not drawn. Numbers depend on the synapse and the step alone, so the others
stay as they are.
"""

from collections.abc import Iterable

from spikelet.backends.llvm_printer import needed, number
from spikelet.ir.nodes import Node, topological
from spikelet.ir.rule_program import Program
from spikelet.lang.increments import WEIGHT
from spikelet.sim.plastic_events import Event, Shape

_TOGETHER = 128  # synapses for which random numbers are drawn at once
_Sent = tuple[dict[str, str], dict[Node, str], str]  # what is known of a sender, and where what it meets begins


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
        self.once, self.remain = _once(program.updates.values(), shape)
        super().__init__(program, shape)

    def more(self) -> Iterable[str]:
        """Return the words of what is computed once."""
        return [f"once.{i}" for i in range(len(self.once))]

    def each(self, program: Program) -> Iterable[Node]:
        """Return the nodes that are computed for each synapse."""
        return self.remain

    def body(self) -> None:
        """Go through the receivers, then through all synapses, where there is noise some at a time."""
        self.roots = tuple(self.program.updates.values())
        noise = [n for n in topological(self.roots) if n.kind == "noise"]
        self.buffers = {n: self._room("double") for n in noise}
        self.factors = {n: factor for n in noise if (factor := drawn_where(n, self.roots)) is not None}
        self.numbers = self._room("i64") if noise else ""
        if self.factors:
            self.some, self.opened, self.used = self._room("double"), self._room("i8"), self.value("alloca i64")
        if self.once:
            self._receivers()
        with self.loop("s", self.w["segments"]) as s:
            begin, end = self.ends(s)
            sent = (*self.sender(s, self.roots), self.offset_of(s))
            if noise:
                with self.pieces(begin, end, _TOGETHER) as (first, count):
                    for n in noise:
                        self._draw(n, first, count, sent)
                    self._synapses(first, self.sum(first, count), sent)
            else:
                self._synapses(begin, end, sent)

    def _room(self, type_: str) -> str:
        return self.value(f"alloca [{_TOGETHER} x {type_}], align 64")

    def _receivers(self) -> None:
        """Compute what is a receiver's, for each of its delays."""
        with self.loop("kind", self.w["kinds"]) as kind:
            offset = self.product(kind, self.w["reached"])
            with self.parallel("target", self.w["reached"]) as target:
                place = self.sum(target, offset)
                lane = self.lane(*self.receiver(target, place, self.once))
                for i, n in enumerate(self.once):
                    self.store(self.shape.real, lane(n), self.w[f"once.{i}"], place)

    def _synapses(self, begin: str, end: str, sent: _Sent) -> None:
        """Go through some synapses of a segment."""
        with self.parallel("e", end, begin) as e:
            place = self.value(f"sub i64 {e}, {begin}")
            self.draws = {n: self._drawn(n, buffer, place) for n, buffer in self.buffers.items()}
            self.learn(*self._known(e, sent))

    def _known(self, e: str, sent: _Sent) -> tuple[str, str, dict[str, str], dict[Node, str]]:
        """Return weight and place of a synapse, and what is known of its sender and its receiver."""
        pre, tables, offset = sent
        target = self.whole(self.shape.index, self.w["targets"], e)
        stands = self.sum(target, offset)
        post, more = self.receiver(target, stands, self.roots)
        once = {n: self.load(self.shape.real, self.w[f"once.{i}"], stands) for i, n in enumerate(self.once)}
        return self.load(self.shape.real, self.w["weights"], e), e, {**pre, **post}, {**tables, **more, **once}

    def _draw(self, n: Node, first: str, count: str, sent: _Sent) -> None:
        """Draw for some synapses, each by its number, those for which the draw counts."""
        law, stream = n.value
        use = f"i64 {self.w['seed']}, i64 {self.w['step']}, i64 {stream}"
        if n not in self.factors:
            with self.parallel("number", count) as k:
                self.store("i64", self.sum(first, k), self.numbers, k)
            self.do(f"call void @sk_{law}(ptr {self.buffers[n]}, ptr {self.numbers}, i64 {count}, {use})")
            return
        self._choose(self.factors[n], first, count, sent)
        used = self.load("i64", self.used)
        self.do(f"call void @sk_{law}(ptr {self.some}, ptr {self.numbers}, i64 {used}, {use})")
        with self.parallel("none", count) as k:
            self.store("double", "0.0", self.buffers[n], k)
        with self.loop("drawn", used) as k:
            place = self.value(f"sub i64 {self.load('i64', self.numbers, k)}, {first}")
            self.store("double", self.load("double", self.some, k), self.buffers[n], place)

    def _choose(self, factor: Node, first: str, count: str, sent: _Sent) -> None:
        """List the numbers of the synapses of some for which a factor is not 0."""
        with self.parallel("open", count) as k:
            weight, e, values, tables = self._known(self.sum(first, k), sent)
            own = self.states("synapse", e, [factor])
            value = self.lane({**values, WEIGHT: weight, **own}, tables)(factor)
            counts = self.value(f"fcmp une {self.shape.real} {value}, 0.0")
            self.store("i8", self.value(f"zext i1 {counts} to i8"), self.opened, k)
        self.store("i64", "0", self.used)
        with self.loop("listed", count) as k:  # each number is written, and the next one over it if it does not count
            used = self.load("i64", self.used)
            self.store("i64", self.sum(first, k), self.numbers, used)
            self.store("i64", self.sum(used, self.whole("i8", self.opened, k)), self.used)

    def _drawn(self, n: Node, buffer: str, place: str) -> str:
        """Return a draw in the precision of the weights; rounding must not make a uniform one 1."""
        value = self.narrow(self.load("double", buffer, place))
        if n.value[0] == "normal" or self.shape.real == "double":
            return value
        below = self.value(f"fcmp olt float {value}, 1.0")
        return self.value(f"select i1 {below}, float {value}, float {number(1 - 2.0**-24, 'float')}")


def _once(roots: Iterable[Node], shape: Shape) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """Return the largest values that depend on a receiver, and on nothing that differs between its synapses.

    They are those that a lane asks for, so each has the bits that it would have beside the rest.

    Returns:
        These values, and all others that a lane asks for.
    """
    places = _places(roots, shape)
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
            stack += needed(n, shape.real)
    return tuple(found), tuple(seen - found.keys())


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


def drawn_where(noise: Node, roots: Iterable[Node]) -> Node | None:
    """Return what a draw is multiplied by wherever it is used: where that is 0, nothing needs to be drawn.

    Returns:
        None where that is not one value, or the same for all synapses at all times.
    """
    uses = [n for n in topological(roots) if noise in n.args]
    factors = {arg for n in uses for arg in n.args if arg is not noise}
    if len(factors) != 1 or noise in roots or any(n.kind != "mul" or n.args[0] is n.args[1] for n in uses):
        return None
    (factor,), kinds = factors, {n.kind for n in topological(factors)}
    return factor if "noise" not in kinds and kinds & {"state", "input"} else None
