"""The kernels of the lazy way in LLVM; ``plastic_lazy`` tells what they do.

Words that end in ``.0``, ``.1`` ... belong to the terms of ``on_post``.
"""

from collections.abc import Iterable, Sequence

from spikelet.ir.nodes import Node, node
from spikelet.ir.rule_program import Program
from spikelet.lang.increments import WEIGHT
from spikelet.sim.plastic_additive import Term
from spikelet.sim.plastic_events import Event, Shape
from spikelet.sim.plastic_kernels import Arrivals, Receptions

TERM = ("factor", "slot", "sums", "growth", "decay", "length", "epochs")  # words of each term
_Part = tuple[str, str]  # factor of a synapse's segment, and the sums that it multiplies
_Sender = tuple[dict[str, str], dict[Node, str]]  # states and tables


class LazyEvent(Event):
    """What the kernels share: terms, and the weight as it is now."""

    def __init__(self, program: Program, shape: Shape, terms: Sequence[Term], bounded: str):
        self.terms, self.bounded = tuple(terms), bounded
        super().__init__(program, shape)

    def more(self) -> Iterable[str]:
        """Return the words of the terms, and of the bounds."""
        words = [*super().more(), "width", *(f"{name}.{i}" for i in range(len(self.terms)) for name in TERM)]
        return [*words, *{"": (), "number": ("low", "high"), "table": ("lows", "highs")}[self.bounded]]

    def epoch(self, i: int) -> tuple[str, str, str]:
        """Return number and slot of the epoch of a term, and how many steps ago it began."""
        length = self.w[f"length.{i}"]
        number = self.value(f"sdiv i64 {self.w['step']}, {length}")
        slot = self.value(f"srem i64 {number}, {self.w[f'epochs.{i}']}")
        return number, slot, self.value(f"srem i64 {self.w['step']}, {length}")

    def cells(self, i: int, slot: str, offset: str = "0") -> str:
        """Return the sums of an epoch."""
        place = self.sum(self.product(slot, self.w["width"]), offset)
        return self.at(self.shape.real, self.w[f"sums.{i}"], place)

    def parts(self, copy: str, offset: str) -> list[_Part]:
        """Return what the synapses of a segment wait for."""
        found = []
        for i in range(len(self.terms)):
            factor = self.load(self.shape.real, self.w[f"factor.{i}"], copy)
            slot = self.whole("i32", self.w[f"slot.{i}"], copy)
            found.append((factor, self.cells(i, slot, offset)))
        return found

    def limits(self) -> tuple[str, str] | None:
        """Return the bounds, where they are two numbers."""
        return (self.number(self.w["low"]), self.number(self.w["high"])) if self.bounded == "number" else None

    def waited(self, weight: str, target: str, parts: Sequence[_Part], operation: str = "fadd") -> str:
        """Return a weight with what it waits for, or without it (``fsub``)."""
        real = self.shape.real
        for factor, row in parts:
            change = self.value(f"fmul {real} {factor}, {self.load(real, row, target)}")
            weight = self.value(f"{operation} {real} {weight}, {change}")
        return weight

    def inside(self, weight: str, target: str, limits: tuple[str, str] | None) -> str:
        """Return a weight within its bounds."""
        real = self.shape.real
        if self.bounded == "table":
            limits = self.load(real, self.w["lows"], target), self.load(real, self.w["highs"], target)
        for sign, limit in zip(("olt", "ogt"), limits or (), strict=False):
            beyond = self.value(f"fcmp {sign} {real} {weight}, {limit}")
            weight = self.value(f"select i1 {beyond}, {real} {limit}, {real} {weight}")
        return weight


class Arrive(LazyEvent, Arrivals):
    """Brings the weights up to date, delivers, and runs ``on_pre``."""

    name = "arrive"

    def body(self) -> None:
        """Find the epochs, then go through the spikes."""
        self.bounds = self.limits()
        self.epochs = [self.epoch(i) for i in range(len(self.terms))]
        self.growth = [
            self.load(self.shape.real, self.w[f"growth.{i}"], since) for i, (_, _, since) in enumerate(self.epochs)
        ]
        super().body()

    def spike(self, copy: str) -> None:
        """Deliver one spike, and run the rule; what comes from now on waits on the traces as they are then."""
        real = self.shape.real
        pre, tables = self.sender(copy, self.program.updates.values())
        before = self.parts(copy, self.offset)
        pre |= self.states("pre", copy, self._traces())
        now = self.changed("pre", copy, pre, tables)
        after = []
        for i, term in enumerate(self.terms):
            factor, (_, slot, _) = self.growth[i], self.epochs[i]
            for name in term.traces:
                factor = self.value(f"fmul {real} {factor}, {now[name]}")
            after.append((factor, self.cells(i, slot, self.offset)))
            self.store(real, factor, self.w[f"factor.{i}"], copy)
            self.store("i32", self.value(f"trunc i64 {slot} to i32"), self.w[f"slot.{i}"], copy)
        known = pre, tables
        if self.shape.whole:
            with self.synapses(copy, parallel=True) as (e, target):
                weight = self._settled(e, target, before)
                self.deliver(target, weight)
                self._learn(e, target, weight, known, after)
            return
        with self.synapses(copy, parallel=True) as (e, target):
            self.store(real, self._settled(e, target, before), self.w["weights"], e)
        with self.synapses(copy) as (e, target):  # several may reach one receiver
            self.deliver(target, self.load(real, self.w["weights"], e))
        with self.synapses(copy, parallel=True) as (e, target):
            self._learn(e, target, self.load(real, self.w["weights"], e), known, after)

    def _settled(self, e: str, target: str, before: list[_Part]) -> str:
        """Return a weight as it is now."""
        weight = self.waited(self.load(self.shape.real, self.w["weights"], e), target, before)
        return self.inside(weight, target, self.bounds)

    def _learn(self, e: str, target: str, weight: str, known: _Sender, after: list[_Part]) -> None:
        """Run the rule, and store a weight without what it waits for from now on."""
        (pre, tables), real = known, self.shape.real
        post, more = self.receiver(target, self.sum(target, self.offset), self.learned.values())
        lane = self.lane({**pre, **post, WEIGHT: weight}, {**tables, **more})
        new = [lane(n) for n in self.learned.values()] or [weight]
        self.store(real, self.waited(new[0], target, after, "fsub"), self.w["weights"], e)

    def _traces(self) -> list[Node]:
        """Return nodes that read the traces of the terms."""
        return [node("state", value=name) for term in self.terms for name in term.traces]


class Posts(LazyEvent, Receptions):
    """Adds the spikes of receivers to the sums."""

    name = "posts"

    def prepare(self) -> None:
        """Find the epochs that are still waited for."""
        self.epochs = []
        for i in range(len(self.terms)):
            number, _, since = self.epoch(i)
            most = self.value(f"call i64 @llvm.smin.i64(i64 {self.sum(number, '1')}, i64 {self.w[f'epochs.{i}']})")
            self.epochs.append((number, since, most))

    def spike(self, target: str, place: str) -> None:
        """Add to the sums of all epochs what a spike is worth for a trace that began there."""
        real = self.shape.real
        post, tables = self.receiver(target, place, self.program.updates.values())
        lane = self.lane(post, tables)
        for i, (number, since, most) in enumerate(self.epochs):
            gain = lane(self.program.updates[f"gain.{i}"])
            with self.loop("back", most) as back:
                slot = self.value(f"srem i64 {self.value(f'sub i64 {number}, {back}')}, {self.w[f'epochs.{i}']}")
                passed = self.sum(since, self.product(back, self.w[f"length.{i}"]))
                part = self.value(f"fmul {real} {gain}, {self.load(real, self.w[f'decay.{i}'], passed)}")
                cell = self.at(real, self.cells(i, slot), place)
                self.store(real, self.value(f"fadd {real} {self.load(real, cell)}, {part}"), cell)
        self.changed("post", place, post, tables)


class Turn(LazyEvent):
    """Begins an epoch: settles what waits for the oldest one, whose sums are then used again."""

    name = "turn"
    own = ("step", "T", "dt", "delays", "segments", "offset", "pointer", "targets", "weights")

    def body(self) -> None:
        """Look whether an epoch begins, for each term."""
        for i in range(len(self.terms)):
            _, slot, since = self.epoch(i)
            with self.when(self.value(f"icmp eq i64 {since}, 0")):
                self._begin(i, slot)

    def _begin(self, i: int, slot: str) -> None:
        real = self.shape.real
        with self.loop("s", self.w["segments"]) as s:
            factor = self.load(real, self.w[f"factor.{i}"], s)
            waits = self.value(f"fcmp une {real} {factor}, 0.0")
            own = self.value(f"icmp eq i64 {self.whole('i32', self.w[f'slot.{i}'], s)}, {slot}")
            with self.when(self.value(f"and i1 {waits}, {own}")):
                part = (factor, self.cells(i, slot, self.offset_of(s)))
                with self.synapses(s) as (e, target):
                    weight = self.waited(self.load(real, self.w["weights"], e), target, [part])
                    self.store(real, weight, self.w["weights"], e)
                self.store(real, "0.0", self.w[f"factor.{i}"], s)
        row = self.cells(i, slot)
        with self.loop("j", self.w["width"]) as j:
            self.store(real, "0.0", row, j)


class Read(LazyEvent):
    """Reads the weights as they are now into ``values``, and changes nothing."""

    name = "read"
    own = ("step", "T", "dt", "delays", "segments", "offset", "pointer", "targets", "weights", "values")

    def body(self) -> None:
        """Go through all synapses."""
        real, limits = self.shape.real, self.limits()
        with self.loop("s", self.w["segments"]) as s:
            parts = self.parts(s, self.offset_of(s))
            with self.synapses(s) as (e, target):
                self.one(e, target, parts, limits, real)

    def one(self, e: str, target: str, parts: list[_Part], limits: tuple[str, str] | None, real: str) -> None:
        """Read one weight."""
        weight = self.waited(self.load(real, self.w["weights"], e), target, parts)
        self.store(real, self.inside(weight, target, limits), self.w["values"], e)


class Write(Read):
    """Sets the weights to ``values``."""

    name = "write"

    def one(self, e: str, target: str, parts: list[_Part], limits: tuple[str, str] | None, real: str) -> None:
        """Set one weight."""
        weight = self.waited(self.load(real, self.w["values"], e), target, parts, "fsub")
        self.store(real, weight, self.w["weights"], e)
