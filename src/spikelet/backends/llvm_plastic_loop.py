"""The steps of the kernel of a layer that learns, see ``llvm_plastic``."""

from collections.abc import Mapping

from spikelet.backends.llvm_plastic import HIGH, LOW, WEIGHT, Kernel, Part, Plan
from spikelet.backends.llvm_plastic_events import Events
from spikelet.backends.llvm_printer import Lane, number
from spikelet.ir.competing import PASS
from spikelet.ir.nodes import Node

SPIKE, FIRED, ABOVE = "spike?", "fired", "above"


def plastic_kernel(plan: Plan) -> Kernel:
    """Print the kernel of a layer."""
    return _Loop(plan).kernel()


class _Loop(Events):
    """Writes the steps, in their order."""

    def __init__(self, plan: Plan):
        super().__init__(plan)
        with self.loop("k", self.arg("T")) as self.k:
            self.count()
            self._given()
            if plan.flow is not None:
                self._flow(plan.flow)
            for place, size in (("pre", "N"), ("post", "M"), ("network", "")):
                if place in plan.traces:
                    self._trace(plan.traces[place], place, size)
            self._driven()
            self.listed("N", self.arriving)
            self._rows(*plan.events["on_pre"])
            self._neurons()
            self.listed("M", self.firing)
            self._columns(*plan.events["on_post"])

    # --- the rule, between spikes -------------------------------------------------------------------------------------

    def _given(self) -> None:
        """Set (network) states to what is given for the step."""
        for name in self.plan.given:
            with self.samples() as b:
                value = self.get("real", f"signal.{name}", self.index(self.k, self.arg("B"), b))
                type_ = self.plan.types[name]
                value = self.value(f"fptosi {self.d.real} {value} to i64") if type_ == "int" else value
                self.put(type_, value, f"network.{name}", b)

    def _flow(self, part: Part) -> None:
        """Take all synapses a step further, row by row."""
        with self.loop("i", self.arg("N")) as i:
            self._begin(part, "M")
            with self.samples() as b, self.loop("j", self.arg("M")) as j:
                self._learn(part, b, i, j)
            self._end(part, "M", i)

    def _trace(self, part: Part, place: str, size: str) -> None:
        """Take the states of a place a step further."""
        with self.samples() as b:
            if size:
                with self.loop("n", self.arg(size)) as n:
                    self._set(part, part.updates, place, b, n, self.index(b, self.arg(size), n))
            else:
                self._set(part, part.updates, place, b, "0", b)

    def _set(self, part: Part, updates: Mapping[str, Node], place: str, b: str, n: str, at: str) -> None:
        """Set states of a place to their new values."""
        lane = self.lane(part, lambda node: self.learnt(str(node.value), b, n, n), n, n)
        new = {name: lane(value) for name, value in updates.items()}
        for name, value in new.items():
            self.put(self.plan.types[name], value, f"{place}.{name}", at)

    # --- spikes -------------------------------------------------------------------------------------------------------

    def _driven(self) -> None:
        """Begin what the neurons get: the bias, and what the spikes of the last step send."""
        with self.samples() as b:
            with self.loop("j", self.arg("M")) as j:
                start = self.get("real", "bias", j) if self.plan.biased else self.zero()
                self.put("real", start, "drive", self.index(b, self.arg("M"), j))
            if self.plan.inhibits:
                with self.firing(b) as s, self.loop("j", self.arg("M")) as j:
                    weight = self.get("real", "inhibition", self.index(s, self.arg("M"), j))
                    self.add("drive", self.index(b, self.arg("M"), j), weight)

    def _rows(self, synaptic: Part, sided: Part) -> None:
        """Deliver the spikes of the senders, and run ``on_pre``."""
        with self.touched() as i:
            self._begin(synaptic, "M")
            with self.fired(i, "N") as b:
                with self.loop("j", self.arg("M")) as j:
                    weight = self.get("real", "weights", self.index(i, self.arg("M"), j))
                    self.add("drive", self.index(b, self.arg("M"), j), weight)
                    if synaptic.updates:
                        self._learn(synaptic, b, i, j)
                if sided.updates:
                    self._set(sided, sided.updates, "pre", b, i, self.index(b, self.arg("N"), i))
            self._end(synaptic, "M", i)

    def _columns(self, synaptic: Part, sided: Part) -> None:
        """Run ``on_post`` for the receivers that have fired, whose weights are brought together."""
        with self.touched() as j:
            if synaptic.updates:
                with self.loop("i", self.arg("N")) as i:
                    weight = self.get("real", "weights", self.index(i, self.arg("M"), j))
                    self.put("real", weight, "column", i)
            self._begin(synaptic, "N")
            with self.fired(j, "M") as b:
                if synaptic.updates:
                    with self.loop("i", self.arg("N")) as i:
                        self._learn(synaptic, b, i, j, column=True)
                if sided.updates:
                    self._set(sided, sided.updates, "post", b, j, self.index(b, self.arg("M"), j))
            self._end(synaptic, "N", j)
            if WEIGHT in synaptic.updates:
                with self.loop("i", self.arg("N")) as i:
                    at = self.index(i, self.arg("M"), j)
                    self.put("real", self.get("real", "column", i), "weights", at)

    # --- weights ------------------------------------------------------------------------------------------------------

    def _begin(self, part: Part, size: str) -> None:
        """Begin the sum of the changes of a row, or column."""
        if WEIGHT in part.updates and not self.plan.single:
            with self.loop("z", self.arg(size)) as z:
                self.put("real", self.zero(), "change", z)

    def _learn(self, part: Part, b: str, i: str, j: str, column: bool = False) -> None:
        """Run statements for a synapse of a sample: set its states, and sum, or set, its weight."""
        name, at = ("column", i) if column else ("weights", self.index(i, self.arg("M"), j))

        def value(n: Node) -> str:
            return self.get("real", name, at) if n.value == WEIGHT else self.learnt(str(n.value), b, i, j)

        lane = self.lane(part, value, i, j)
        new = {key: lane(n) for key, n in part.updates.items() if key not in (LOW, HIGH)}
        weight = new.pop(WEIGHT, None)
        if weight is not None and self.plan.single:
            self.put("real", self.bounded(part, lane, weight), name, at)
        elif weight is not None:
            real = self.d.real
            change = self.value(f"fsub {real} {weight}, {self.get('real', name, at)}")
            self.add("change", i if column else j, change)
        for key, changed in new.items():
            self.put(self.plan.types[key], changed, f"synapse.{key}", self.synapse(b, i, j))

    def _end(self, part: Part, size: str, n: str) -> None:
        """Add the changes of a row, or column, and apply the bounds."""
        if WEIGHT not in part.updates or self.plan.single:
            return
        real, column = self.d.real, size == "N"
        share = self.load(real, self.arg("share"))
        with self.loop("change", self.arg(size)) as m:
            name, at = ("column", m) if column else ("weights", self.index(n, self.arg("M"), m))
            change = self.value(f"fmul {real} {self.get('real', 'change', m)}, {share}")
            value = self.value(f"fadd {real} {self.get('real', name, at)}, {change}")
            lane = self.lane(part, lambda node: "", *((m, n) if column else (n, m)))
            self.put("real", self.bounded(part, lane, value), name, at)

    # --- neurons ------------------------------------------------------------------------------------------------------

    def _neurons(self) -> None:
        """Step the neurons of each sample, and then what they share."""
        plan = self.plan
        with self.samples() as b:
            if plan.probe is not None:
                self._compete(plan.probe, b)
            with self.loop("j", self.arg("M")) as j:
                self._step(b, j)
        if plan.shared:
            with self.loop("j", self.arg("M")) as j:
                lane = self._cell(plan.neurons, "0", j)
                rests = {name: lane(plan.neurons.updates[f"{name}?"]) for name in plan.shared}
                for name, rest in rests.items():
                    jumps = self.get("real", f"jumps.{name}", j)
                    self.put("real", self.value(f"fadd {self.d.real} {rest}, {jumps}"), f"neurons.{name}", j)
                    self.put("real", self.zero(), f"jumps.{name}", j)

    def _cell(self, part: Part, b: str, j: str) -> Lane:
        """Return a printer of the step of a neuron."""

        def value(n: Node) -> str:
            if n.kind == "state":
                return self.state(str(n.value), b, j)
            if n.value == PASS:
                return self.get("bool", "pass", j)
            if n.value == self.plan.target:
                return self.get("real", "drive", self.index(b, self.arg("M"), j))
            return self.d.constant(0, n.type)

        return self.lane(part, value, j, j)

    def _step(self, b: str, j: str) -> None:
        """Step a neuron."""
        plan, updates = self.plan, self.plan.neurons.updates
        lane, at = self._cell(plan.neurons, b, j), self.index(b, self.arg("M"), j)
        new = {name: lane(n) for name, n in updates.items()}
        spike = new.pop(SPIKE, self.zero())
        for name, value in new.items():
            if name in plan.shared:
                jump = self.value(f"fsub {self.d.real} {value}, {new[f'{name}?']}")
                self.add(f"jumps.{name}", j, jump)
            elif not name.endswith("?"):
                self.put(plan.types[f"neurons.{name}"], value, f"neurons.{name}", at)
        self.put("real", spike, "spikes", at)
        shown = spike if plan.output == "spikes" else new[plan.output]
        type_ = "real" if plan.output == "spikes" else plan.types[f"neurons.{plan.output}"]
        out = self.index(self.k, self.arg("B"), b, self.arg("M"), j)
        self.put(type_, shown, "out", out)

    def _compete(self, probe: Part, b: str) -> None:
        """Let those win that are highest above their threshold, the first of equals."""
        real, least = self.d.real, number(float("-inf"), self.d.real)
        self.store("i64", "0", self.some)
        with self.loop("j", self.arg("M")) as j:
            lane = self._cell(probe, b, j)
            fired = self.value(f"fcmp ogt {real} {lane(probe.updates[FIRED])}, {self.zero()}")
            above = self.value(f"select i1 {fired}, {real} {lane(probe.updates[ABOVE])}, {real} {least}")
            self.put("real", above, "above", j)
            self.put("bool", "false", "pass", j)
            one = self.value(f"zext i1 {fired} to i64")
            self.store("i64", self.value(f"or i64 {self.load('i64', self.some)}, {one}"), self.some)
        any_ = self.value(f"icmp ne i64 {self.load('i64', self.some)}, 0")
        with self.when(any_), self.loop("winner", self.arg("winners")):
            self._win(least)

    def _win(self, least: str) -> None:
        """Let the one of those left win that is highest above its threshold."""
        real = self.d.real
        self.store(real, least, self.best)
        self.store("i64", "-1", self.which)
        with self.loop("j", self.arg("M")) as j:
            above = self.get("real", "above", j)
            with self.when(self.value(f"fcmp ogt {real} {above}, {self.load(real, self.best)}")):
                self.store(real, above, self.best)
                self.store("i64", j, self.which)
        which = self.load("i64", self.which)
        with self.when(self.value(f"icmp sge i64 {which}, 0")):
            self.put("bool", "true", "pass", which)
            self.put("real", least, "above", which)
