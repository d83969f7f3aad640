"""The kernel of synapses that differ in what a spike releases, as LLVM IR: ``release``.

It goes through the spikes that arrive, as ``delivery`` does. For each synapse it brings the states up to date, runs
``on_pre``, adds to the rows of the receiver, and keeps the states. Random numbers are those of `spikelet.random` for
(seed, step, synapse, stream), the draw being the place in the text, counted on for several spikes at once.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_math import declarations, definitions
from spikelet.backends.llvm_printer import Dialect, Function, Lane
from spikelet.backends.llvm_random import LOW, WEYL, normal_pair, philox, unit
from spikelet.backends.llvm_values import Value, clamp, select
from spikelet.backends.sparse_kernels import Kernel
from spikelet.ir.nodes import Node, topological
from spikelet.lang.increments import WEIGHT
from spikelet.sim.driver import SIGNATURE, Words
from spikelet.sim.release_program import TIME, Flowing, Released

LOW_BITS, HIGH_BITS = 10, 10  # of a number of steps: it is made of two parts, and the rest of whole rounds of both
MOST = 1000  # trials of binomial(): the probability of no success is a number then
_OWN = (
    "step", "T", "dt", "delays", "delay", "pointer", "targets", "weights", "ids", "counts", "slots", "stride", "first",
    "sources", "times", "last", "seed", "stream", "row.stride", "base",
)  # fmt: skip
_POINTERS = ("delay", "pointer", "targets", "ids", "counts", "times", "last")


@dataclass(frozen=True)
class Shape:
    """What the kernel of a projection depends on, beside its text.

    Attributes:
        real: ``float`` or ``double``.
        index: Type of the targets, ``i16`` or ``i32``.
        graded: Each synapse has its own weight.
        multiple: Each entry of the history may stand for several spikes.
        pre: (pre) states and their types, ``real`` or ``int``.
        synapse: (synapse) states and their types.
    """

    real: str
    index: str
    graded: bool
    multiple: bool
    pre: tuple[tuple[str, str], ...]
    synapse: tuple[tuple[str, str], ...]


def words(released: Released, flow: Flowing | None, shape: Shape) -> Words:
    """Return the arguments: its own, rows, states, coefficients of the event, and those or tables of the flow."""
    names = [f"rows.{jump}" for jump in released.jumps]
    names += [f"state.{name}" for name, _ in (*shape.pre, *shape.synapse)]
    names += [f"coef.{name}" for name in released.coefficients]
    parts = ("low", "high") if flow is not None and flow.exact else ("one",)
    names += [f"{part}.{name}" for name in (flow.step.coefficients if flow is not None else ()) for part in parts]
    return Words((*_OWN, *names))


def library(released: Released, flow: Flowing | None, shape: Shape) -> llvm_jit.Library:
    """Return the compiled kernel ``release``."""
    body = _Release(released, flow, shape).text()
    called = dict.fromkeys(re.findall(r"@sk_(\w+)\(", body))
    known = definitions([name for name in called if name != "binomial"], shape.real).split("\n")
    own = [_binomial(shape.real)] if "binomial" in called else []
    text = "\n\n".join([*own, body])
    declared = [line for line in known if line.startswith("declare")]
    more = [line for line in declarations(text) if line not in declared]
    return llvm_jit.compile("\n".join([*known, *more, "", text]))


class _Release(Kernel):
    """Writes the kernel."""

    def __init__(self, released: Released, flow: Flowing | None, shape: Shape):
        super().__init__(f"void @release({SIGNATURE})", shape.real)
        self.released, self.flow, self.shape, self.d = released, flow, shape, Dialect(shape.real, "i64")
        self.types = dict((*shape.pre, *shape.synapse))
        names = words(released, flow, shape)
        pointers = [n for n in names.names if n in _POINTERS or n.startswith(("rows.", "state.", "low.", "high."))]
        self.w = names.load(self, dict.fromkeys([*pointers, *(["weights"] if shape.graded else [])], "ptr"))
        self.slots = {name: self.value(f"alloca {self.d[type_]}") for name, type_ in self.types.items()}
        self.fixed = {name: self._number(self.w[f"coef.{name}"]) for name in released.coefficients}
        self.weight = "" if shape.graded else self._number(self.w["weights"])
        self.mask = self.calculate("sub", self.w["slots"], 1)
        self.keys = self._keys()
        with self.loop("t", self.w["T"]) as t:
            now = self.calculate("add", t, self.w["step"])
            with self.loop("d", self.w["delays"]) as d:
                sent = self.calculate("sub", now, self.load("i64", self.w["delay"], d))
                with self.when(self.value(f"icmp sge i64 {sent}, 0")):
                    self._spikes(sent, d, now, t)

    def _number(self, word: str) -> str:
        """Return a real number from the bits of a double."""
        value = self.value(f"bitcast i64 {word} to double")
        return value if self.real == "double" else self.value(f"fptrunc double {value} to float")

    def _keys(self) -> list[tuple[Value, ...]]:
        seed = Value(self, "i64", self.w["seed"])
        key = (seed & LOW, seed >> 32)
        return [tuple((word + (weyl * i & LOW)) & LOW for word, weyl in zip(key, WEYL, strict=True)) for i in range(10)]

    def _spikes(self, sent: str, d: str, now: str, t: str) -> None:
        """Do the spikes of a step over one delay."""
        slot = self.calculate("and", sent, self.mask)
        line = self.calculate("mul", slot, self.w["stride"])
        listed = self.at("i32", self.w["ids"], line)
        count = self.value(f"zext i32 {self.load('i32', self.w['counts'], slot)} to i64")
        with self.loop("spike", count) as i:
            neuron = self.value(f"zext i32 {self.load('i32', listed, i)} to i64")
            source = self.calculate("sub", neuron, self.w["first"])
            with self.when(self.value(f"icmp ult i64 {source}, {self.w['sources']}")):
                copy = self.calculate("add", self.calculate("mul", source, self.w["delays"]), d)
                if not self.shape.multiple:
                    self._spike(copy, now, t, "0")
                else:
                    times = self.load(self.real, self.w["times"], self.calculate("add", line, i))
                    with self.loop("again", self.value(f"fptosi {self.real} {times} to i64")) as again:
                        self._spike(copy, now, t, self.calculate("mul", again, max(self.released.draws, 1)))

    def _spike(self, copy: str, now: str, t: str, draw: str) -> None:
        """Do the synapses of one segment; ``draw`` is the number of the first random number."""
        begin, end = self.load("i64", self.w["pointer"], copy), self.calculate("add", copy, 1)
        end = self.load("i64", self.w["pointer"], end)
        after = self.calculate("add", now, 1)
        steps = self.calculate("sub", after, self.load("i64", self.w["last"], copy))
        self.store("i64", after, self.w["last"], copy)
        tables = self._tables(steps)
        pre = {name: self._state(name, copy) for name, _ in self.shape.pre}
        with self.loop("e", end, begin) as e:
            self._synapse(e, pre, tables, steps, (now, after, t, draw))
        if pre:
            with self.when(self.value(f"icmp slt i64 {begin}, {end}")):  # all synapses have found the same
                for name, type_ in self.shape.pre:
                    self.store(self.d[type_], self.load(self.d[type_], self.slots[name]), self.w[f"state.{name}"], copy)

    def _state(self, name: str, place: str) -> str:
        return self.load(self.d[self.types[name]], self.w[f"state.{name}"], place)

    def _synapse(
        self, e: str, pre: Mapping[str, str], tables: Sequence[Mapping[str, str]], steps: str, when: tuple[str, ...]
    ) -> None:
        now, after, t, draw = when
        own = {name: self._state(name, e) for name, _ in self.shape.synapse}
        for name, value in {**pre, **own}.items():
            self.store(self.d[self.types[name]], value, self.slots[name])
        self._advance(tables, steps)
        target = self.value(f"zext {self.shape.index} {self.load(self.shape.index, self.w['targets'], e)} to i64")
        weight = self.load(self.real, self.w["weights"], e) if self.shape.graded else self.weight
        lane = self._lane(
            {WEIGHT: weight, TIME: self._time(after), **self._values()},
            (now, self.calculate("add", e, self.w["base"]), draw),
        )
        new = {name: lane(n) for name, n in self.released.states.items()}
        added = {jump: lane(n) for jump, n in self.released.jumps.items()}
        for name, value in new.items():
            self.store(self.d[self.types[name]], value, self.slots[name])
        for name, type_ in self.shape.synapse:
            self.store(self.d[type_], self.load(self.d[type_], self.slots[name]), self.w[f"state.{name}"], e)
        for jump, amount in added.items():
            row = self.at(self.real, self.w[f"rows.{jump}"], self.calculate("mul", t, self.w["row.stride"]))
            self.plus(row, target, amount)

    def plus(self, row: str, e: str, amount: str) -> None:
        """Add to an element of a row."""
        self.store(self.real, self.calculate("fadd", self.load(self.real, row, e), amount, self.real), row, e)

    def _values(self) -> dict[str, str]:
        return {name: self.load(self.d[type_], self.slots[name]) for name, type_ in self.types.items()}

    def _time(self, after: str) -> str:
        """Return the time at the end of the step."""
        length = self.value(f"bitcast i64 {self.w['dt']} to double")
        time = self.calculate("fmul", self.value(f"sitofp i64 {after} to double"), length, "double")
        return time if self.real == "double" else self.value(f"fptrunc double {time} to float")

    # --- between spikes -----------------------------------------------------------------------------------------------

    def _tables(self, steps: str) -> list[dict[str, str]]:
        """Return the coefficients of the parts of a number of steps: low, high, and a whole round of both."""
        flow = self.flow
        if flow is None or not flow.changes:
            return []
        if not flow.exact:
            return [{name: self._number(self.w[f"one.{name}"]) for name in flow.step.coefficients}]
        low = self.calculate("and", steps, 2**LOW_BITS - 1)
        high = self.calculate("and", self.calculate("lshr", steps, LOW_BITS), 2**HIGH_BITS - 1)
        places = (("low", low), ("high", high), ("high", str(2**HIGH_BITS)))
        return [
            {name: self.load(self.real, self.w[f"{part}.{name}"], at) for name in flow.step.coefficients}
            for part, at in places
        ]

    def _advance(self, tables: Sequence[Mapping[str, str]], steps: str) -> None:
        """Bring the states in their slots up to date."""
        if self.flow is None or not tables:
            return
        if not self.flow.exact:
            with self.loop("step", steps):
                self._step(tables[0])
            return
        self._step(tables[0])
        self._step(tables[1])
        with self.loop("round", self.calculate("lshr", steps, LOW_BITS + HIGH_BITS)):
            self._step(tables[2])

    def _step(self, coefficients: Mapping[str, str]) -> None:
        assert self.flow is not None
        values = self._values()

        def leaf(n: Node) -> str:
            return values[n.value] if n.kind == "state" else coefficients[n.value] if n.kind == "coefficient" else ""

        lane = Lane(self, self.d, leaf)
        new = {name: lane(n) for name, n in self.flow.changes.items()}
        for name, value in new.items():
            self.store(self.d[self.types[name]], value, self.slots[name])

    # --- at a spike ---------------------------------------------------------------------------------------------------

    def _lane(self, values: Mapping[str, str], place: tuple[str, str, str]) -> Lane:
        nodes = topological([*self.released.states.values(), *self.released.jumps.values()])
        drawn = {n: self._drawn(n, place) for n in nodes if n.kind == "noise"}

        def leaf(n: Node) -> str:
            if n.kind == "state":
                return values[n.value]
            if n.kind == "coefficient":
                return self._coefficient(n)
            return drawn.get(n, "")

        return Lane(self, self.d, leaf)

    def _coefficient(self, n: Node) -> str:
        return self.w[f"coef.{n.value}"] if n.type == "int" else self.fixed[n.value]

    def _drawn(self, n: Node, place: tuple[str, str, str]) -> str:
        """Write a random number."""
        law, number = n.value
        step, element, draw = (Value(self, "i64", name) for name in place)
        use = (Value(self, "i64", self.w["stream"]) << 16) | (draw + number)
        words = philox((step & LOW, element & LOW, element >> 32, use), self.keys)
        if law == "uniform":
            value, top = unit(words[0]), 1 - 2.0 ** -(24 if self.real == "float" else 53)  # rounding must not make it 1
            value = clamp(value, high=top)
        else:
            value = normal_pair(*map(unit, words))[0]
        return value.name if self.real == "double" else value.to("float", "fptrunc").name


@cache
def _binomial(real: str) -> str:
    """``sk_binomial``: how many of n trials succeed with probability p, by a uniform number; NaN for too many trials.

    It counts the sums of probabilities that the number reaches; above 1/2 the failures are counted instead.
    """
    f = Function(f"internal {real} @sk_binomial({real} %n, {real} %p, {real} %u)")
    wide = [Value(f, real, name) for name in ("%n", "%p", "%u")]
    n, p, u = wide if real == "double" else [value.to("double", "fpext") for value in wide]
    trials = clamp(n + 0.5, 0.0, MOST + 1.0).call("floor")
    few = p < 0.5
    success = clamp(select(few, p, n.like(1.0) - p), 0.0, 0.5)
    odds = success / (n.like(1.0) - success)
    slots = {name: f.value("alloca double") for name in ("sum", "mass", "count")}
    f.store("double", n.like(1.0).name, slots["mass"])
    whole = trials.to("i64", "fptosi").frozen().name
    with f.loop("trial", whole):
        mass = Value(f, "double", f.load("double", slots["mass"])) * (n.like(1.0) - success)
        f.store("double", mass.name, slots["mass"])
    f.store("double", n.like(0.0).name, slots["sum"])
    f.store("double", n.like(0.0).name, slots["count"])
    with f.loop("success", whole) as i:
        done = Value(f, "i64", i).to("double", "sitofp")
        mass, total, count = (Value(f, "double", f.load("double", slots[name])) for name in ("mass", "sum", "count"))
        total = total + mass
        f.store("double", total.name, slots["sum"])
        f.store("double", select(u < total, count, count + 1.0).name, slots["count"])
        f.store("double", (mass * ((trials - done) / (done + 1.0)) * odds).name, slots["mass"])
    count = Value(f, "double", f.load("double", slots["count"]))
    count = select(few, count, trials - count)
    count = select(trials > float(MOST), float("nan"), count)
    result = count if real == "double" else count.to("float", "fptrunc")
    return "\n".join([*f.lines, f"  ret {real} {result.name}", "}"])
