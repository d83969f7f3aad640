"""The kernels of a plastic projection in LLVM, printed from the statements of its rule: pair by pair.

``arrive`` goes through the spikes that reach the synapses in a step, as ``delivery`` does, and for each synapse first
adds the weight to the row of the receiver, then runs ``on_pre``. ``posts`` goes through the spikes of the receivers
that reach the synapses in the step, and runs ``on_post`` for each synapse that they have, which the index finds.
Both do one step.

The weights that a neuron receives lie far apart, one in each row of a matrix by source, so they are fetched into the
cache some way ahead.
"""

from spikelet.ir.nodes import Node
from spikelet.lang.increments import WEIGHT
from spikelet.sim.plastic_events import AHEAD, Event

FAR = 24  # synapses of a neuron ahead whose weights are fetched into the cache; the index is that much longer
_TOGETHER = 128  # synapses of a neuron that are worked on at once


class Arrivals(Event):
    """Goes through the spikes that reach the synapses in a step; what is done with each is left to a subclass."""

    own = (
        "step", "T", "dt", "begin", "end", "delays", "delay", "behind", "offset", "pointer", "targets", "weights",
        "ids", "counts", "slots", "stride", "first", "sources", "ring", "reached", "times",
    )  # fmt: skip

    def more(self) -> list[str]:
        """Return the words of the outlets."""
        scaled = [f"factors.{i}" for i, scaled in enumerate(self.shape.scaled) if scaled]
        return [*(f"rows.{i}" for i in range(len(self.shape.scaled))), *scaled]

    def body(self) -> None:
        """Go through the delays, and the spikes that were sent so long ago."""
        with self.loop("d", self.w["end"], self.w["begin"]) as d:
            sent = self.value(f"sub i64 {self.w['step']}, {self.load('i64', self.w['delay'], d)}")
            with self.when(self.value(f"icmp sge i64 {sent}, 0")):
                enters = self.sum(self.w["step"], self.load("i64", self.w["behind"], d))
                begin = self.product(self.value(f"srem i64 {enters}, {self.w['ring']}"), self.w["reached"])
                rows = [self.w[f"rows.{i}"] for i in range(len(self.shape.scaled))]
                self.rows = [self.at(self.shape.real, row, begin) for row in rows]
                self.offset = self.load("i64", self.w["offset"], d)
                self._spikes(sent, d)

    def spike(self, copy: str) -> None:
        """Write what a spike does to the synapses of a segment."""
        raise NotImplementedError

    def _spikes(self, sent: str, d: str) -> None:
        slot, listed, count = self.spikes(sent)
        last = self.value(f"sub i64 {count}, 1")
        with self.loop("spike", count) as i:
            ahead = self.sum(i, str(AHEAD))
            ahead = self.member(listed, self.value(f"call i64 @llvm.smin.i64(i64 {ahead}, i64 {last})"))
            with self.when(self._inside(ahead)):
                self._prefetch(self._copy(ahead, d))
            source = self.member(listed, i)
            with self.when(self._inside(source)):
                copy, place = self._copy(source, d), self.sum(self.product(slot, self.w["stride"]), i)
                times = self.load(self.shape.real, self.w["times"], place) if self.shape.multiple else ""
                self.factors = [self._factor(outlet, place, times) for outlet in range(len(self.shape.scaled))]
                if not times:
                    self.spike(copy)
                else:
                    with self.loop("again", self.value(f"fptosi {self.shape.real} {times} to i64")):
                        self.spike(copy)

    def _factor(self, outlet: int, place: str, times: str) -> str:
        """Return what one spike releases; of several in one step, which are one factor, each does the same."""
        if not self.shape.scaled[outlet]:
            return ""
        factor = self.load(self.shape.real, self.w[f"factors.{outlet}"], place)
        return self.value(f"fdiv {self.shape.real} {factor}, {times}") if times else factor

    def _inside(self, source: str) -> str:
        return self.value(f"icmp ult i64 {source}, {self.w['sources']}")

    def _copy(self, source: str, d: str) -> str:
        """Return the number of a segment, which is that of the copy of the sender's states."""
        return self.sum(self.product(source, self.w["delays"]), d)

    def _prefetch(self, copy: str) -> None:
        """Ask for the beginning of a segment; the machine follows by itself."""
        begin = self.load("i64", self.w["pointer"], copy)
        for type_, name in ((self.shape.index, "targets"), (self.shape.real, "weights")):
            place = self.at(type_, self.w[name], begin)
            for line in range(0, 256, 64):
                self.prefetch(self.value(f"getelementptr i8, ptr {place}, i64 {line}"), int(name == "weights"))

    def deliver(self, target: str, weight: str) -> None:
        """Add a weight, or what the spike releases of it, to what the receiver gets."""
        real = self.shape.real
        for row, factor in zip(self.rows, self.factors, strict=True):
            place, amount = self.at(real, row, target), weight
            if factor:
                amount = self.value(f"fmul {real} {weight}, {factor}")
            self.store(real, self.value(f"fadd {real} {self.load(real, place)}, {amount}"), place)


class Arrive(Arrivals):
    """Delivers, and runs ``on_pre``."""

    name = "arrive"

    def spike(self, copy: str) -> None:
        """Deliver one spike, and run the rule.

        A receiver may be reached by several synapses, so they are delivered one by one; each learns by itself.
        """
        pre, tables = self.sender(copy, self.program.updates.values())
        if self.shape.whole:
            with self.synapses(copy, parallel=True) as (e, target):
                weight = self._weight(e)
                self.deliver(target, weight)
                self._learn(e, target, weight, pre, tables)
        else:
            with self.synapses(copy) as (e, target):
                self.deliver(target, self._weight(e))
            if self.learned:
                with self.synapses(copy, parallel=True) as (e, target):
                    self._learn(e, target, self._weight(e), pre, tables)
        self.changed("pre", copy, pre, tables)

    def _weight(self, e: str) -> str:
        return self.load(self.shape.real, self.w["weights"], e)

    def _learn(self, e: str, target: str, weight: str, pre: dict[str, str], tables: dict[Node, str]) -> None:
        post, more = self.receiver(target, self.sum(target, self.offset), self.learned.values())
        self.learn(weight, e, {**pre, **post}, {**tables, **more})


class Receptions(Event):
    """Goes through the spikes of receivers that reach the synapses in a step; a subclass says what each does."""

    own = (
        "step", "T", "dt", "kinds", "kind", "reached", "start", "position", "segment", "weights", "ids", "counts",
        "slots", "stride", "first", "count", "border",
    )  # fmt: skip

    def body(self) -> None:
        """Go through the delays behind the synapse, and the spikes of so long ago."""
        self.prepare()
        with self.loop("kind", self.w["kinds"]) as kind:
            sent = self.value(f"sub i64 {self.w['step']}, {self.load('i64', self.w['kind'], kind)}")
            offset = self.product(kind, self.w["reached"])
            with self.when(self.value(f"icmp sge i64 {sent}, 0")):
                _, listed, count = self.spikes(sent)
                with self.loop("spike", count) as i:
                    neuron = self.member(listed, i)
                    with self.when(self.value(f"icmp ult i64 {neuron}, {self.w['count']}")):
                        target = self.sum(neuron, self.w["border"])
                        self.spike(target, self.sum(target, offset))

    def prepare(self) -> None:
        """Write what comes first."""

    def spike(self, target: str, place: str) -> None:
        """Write what a spike of a receiver does; its states and its synapses stand at ``place``."""
        raise NotImplementedError


class Posts(Receptions):
    """Runs ``on_post``."""

    name = "posts"

    def prepare(self) -> None:
        """Make room for what is fetched."""
        self.buffers = {
            array: self.value(f"alloca [{_TOGETHER} x {self.d[type_]}], align 64")
            for array, type_ in (self._arrays() | self._traces()).items()
        }

    def _arrays(self) -> dict[str, str]:
        """Return the arrays of what is learned, or read of a synapse, and their types."""
        own = {
            name: type_ for name, type_ in self.side["synapse"].items() if name in self.program.reads | {*self.learned}
        }
        return {"weights": "real"} | {f"synapse.{name}": type_ for name, type_ in own.items()}

    def _traces(self) -> dict[str, str]:
        """Return the arrays of the states of senders that are read, and their types."""
        return {
            f"{side}.{name}": type_
            for side in ("pre", "from")
            for name, type_ in self.side[side].items()
            if name in self.program.reads
        }

    def spike(self, target: str, place: str) -> None:
        """Run the rule for a neuron that fired."""
        post, tables = self.receiver(target, place, self.program.updates.values())
        if self.learned:
            begin = self.load("i64", self.w["start"], place)
            end = self.load("i64", self.w["start"], self.sum(place, "1"))
            with self.pieces(begin, end, _TOGETHER) as (first, count):
                self._together(first, count, post, tables)
        self.changed("post", place, post, tables)

    def _together(self, first: str, count: str, post: dict[str, str], tables: dict[Node, str]) -> None:
        """Run the rule for some synapses: fetch what they have, compute in vectors, and put back."""
        arrays = self._arrays()
        self._fetch(first, count)
        with self.loop("learn", count) as k:
            found = {
                array.partition(".")[2] or WEIGHT: self.load(self.d[type_], self.buffers[array], k)
                for array, type_ in (arrays | self._traces()).items()
            }
            lane = self.lane({**post, **found}, tables)
            new = {name: lane(n) for name, n in self.learned.items()}
            for name, value in new.items():
                array = self.array(name)
                self.store(self.d[arrays[array]], value, self.buffers[array], k)
        with self.loop("put", count) as k:
            position = self.whole("i32", self.w["position"], self.sum(first, k))
            for array in map(self.array, self.learned):
                type_ = self.d[arrays[array]]
                self.store(type_, self.load(type_, self.buffers[array], k), self.w[array], position)

    def _fetch(self, first: str, count: str) -> None:
        """Bring what some synapses have into the buffers."""
        arrays, traces = self._arrays(), self._traces()
        with self.loop("fetch", count) as k:
            i = self.sum(first, k)
            ahead = self.whole("i32", self.w["position"], self.sum(i, str(FAR)))
            for array, type_ in arrays.items():
                self.prefetch(self.at(self.d[type_], self.w[array], ahead), 1)
            position = self.whole("i32", self.w["position"], i)
            copy = self.whole(self.shape.segment, self.w["segment"], i) if traces else ""
            for array, type_ in (arrays | traces).items():
                value = self.load(self.d[type_], self.w[array], position if array in arrays else copy)
                self.store(self.d[type_], value, self.buffers[array], k)
