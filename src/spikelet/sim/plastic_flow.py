"""The kernel ``flow`` of a plastic projection in LLVM: it takes the states of all synapses a step further."""

from spikelet.backends.llvm_printer import number
from spikelet.ir.nodes import Node, topological
from spikelet.sim.plastic_events import Event

_TOGETHER = 128  # synapses for which random numbers are drawn at once


class Flow(Event):
    """Takes the states of synapses a step further."""

    name = "flow"
    own = ("step", "T", "dt", "delays", "segments", "offset", "pointer", "targets", "weights", "seed")

    def body(self) -> None:
        """Go through all synapses, where there is noise some at a time."""
        self.noise = [n for n in topological(self.program.updates.values()) if n.kind == "noise"]
        self.buffers = {n: self.value(f"alloca [{_TOGETHER} x double], align 64") for n in self.noise}
        numbers = self.value(f"alloca [{_TOGETHER} x i64], align 64") if self.noise else ""
        with self.loop("s", self.w["segments"]) as s:
            begin, end = self.ends(s)
            offset = self.offset_of(s)
            if self.noise:
                with self.pieces(begin, end, _TOGETHER) as (first, count):
                    self._draw(numbers, first, count)
                    self._synapses(s, offset, first, self.sum(first, count))
            else:
                self._synapses(s, offset, begin, end)

    def _synapses(self, s: str, offset: str, begin: str, end: str) -> None:
        """Go through some synapses of a segment."""
        roots = self.program.updates.values()
        pre, tables = self.sender(s, roots)
        with self.loop("e", end, begin) as e:
            place = self.value(f"sub i64 {e}, {begin}")
            self.draws = {n: self._drawn(n, buffer, place) for n, buffer in self.buffers.items()}
            target = self.whole(self.shape.index, self.w["targets"], e)
            weight = self.load(self.shape.real, self.w["weights"], e)
            post, more = self.receiver(target, self.sum(target, offset), roots)
            self.learn(weight, e, {**pre, **post}, {**tables, **more})

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
