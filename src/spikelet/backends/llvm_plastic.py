"""A layer that learns as one kernel in LLVM: the loop over all steps, with sparse events, neurons and weights.

``kernel(args)`` runs T steps of B samples. The weights lie in rows by sender, (N, M), which is what delivery and
``on_pre`` go through; ``on_post`` fetches a column, works on it, and puts it back. In each step the spikes of all
samples are put into lists by neuron, so that a row is read once, whatever the samples, and its changes are summed
before they are written. What a kernel depends on is the texts of rule and neurons, and a few choices in ``Plan``;
sizes, values and weights are arguments, one 64-bit word each, in the order of ``Kernel.signature``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from spikelet.backends.llvm_math import declarations as called_of_llvm, definitions
from spikelet.backends.llvm_modes import declarations, small_numbers_are_zero
from spikelet.backends.llvm_printer import Dialect, Function, Lane
from spikelet.ir.nodes import Node, topological

LOW, HIGH, WEIGHT = "low?", "high?", "w"
_WORDS = ("T", "B", "N", "M", "winners")


@dataclass(frozen=True)
class Part:
    """A program of the layer.

    Attributes:
        name: ``flow``, ``on_pre``, ``on_post``, ``neurons``, or a place of traces.
        updates: New values; of a weight without its bounds, which are there as ``low?`` and ``high?``.
        tables: Coefficient -> ``pre`` or ``post``, where it has a value for each neuron of a side.
    """

    name: str
    updates: Mapping[str, Node]
    tables: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def nodes(self) -> list[Node]:
        """All nodes."""
        return topological(self.updates.values())


@dataclass(frozen=True)
class Plan:
    """What a kernel depends on.

    Attributes:
        real: ``float`` or ``double``.
        neurons: The step of the neurons, its spike as ``spike?``; of shared states also what they become without a
            spike, ``NAME?``.
        probe: Where neurons compete: ``fired`` and ``above``.
        target: Input, or state, of the neurons to which spikes are delivered.
        shared: States of the neurons that all samples share.
        traces: Place -> the step of the states that are kept there.
        flow: What a step does to synapses.
        events: ``on_pre`` and ``on_post``: what they do to synapses, and to the side that has fired.
        where: Name that a rule reads -> ``synapse``, ``pre``, ``post``, ``network``; ``of`` a state of the receivers;
            ``signal.pre`` and ``signal.post`` what is given for each step.
        types: Name of a state of the rule, or ``neurons.NAME`` -> type.
        given: (network) states that are set in each step.
        single: There is one sample, whose statements set the weights as they are.
        inhibits: Spikes send to the neurons by a matrix.
        biased: Each step adds a bias.
        output: ``spikes``, or a state of the neurons.
    """

    real: str
    neurons: Part
    probe: Part | None
    target: str
    shared: tuple[str, ...]
    traces: Mapping[str, Part]
    flow: Part | None
    events: Mapping[str, tuple[Part, Part]]
    where: Mapping[str, str]
    types: Mapping[str, str]
    given: tuple[str, ...]
    single: bool
    inhibits: bool
    biased: bool
    output: str

    @property
    def parts(self) -> list[Part]:
        """All programs."""
        events = [part for pair in self.events.values() for part in pair]
        optional = [part for part in (self.flow, self.probe) if part is not None]
        return [self.neurons, *self.traces.values(), *events, *optional]


@dataclass(frozen=True)
class Kernel:
    """A printed kernel, and the names of its arguments."""

    text: str
    signature: tuple[str, ...]


class Writer(Function):
    """Arguments, values and lanes: what the pieces of a kernel share."""

    def __init__(self, plan: Plan):
        super().__init__("")
        self.plan, self.d = plan, Dialect(plan.real, "i64")
        self.arguments: dict[str, str] = {}
        self.k, self.j = "", ""
        self.times: dict[str, str] = {}
        self.best, self.which, self.some = (self.value(f"alloca {type_}") for type_ in (plan.real, "i64", "i64"))
        self.fixed = {
            (part.name, n.value): self.load(self.d[n.type], self.arg(f"{part.name}.coef.{n.value}"))
            for part in plan.parts
            for n in part.nodes
            if n.kind == "coefficient" and n.value not in part.tables
        }

    def arg(self, name: str) -> str:
        """Return the name of an argument in the text."""
        number = name in _WORDS or name.startswith("start.")
        self.arguments.setdefault(name, "i64" if number else "double" if name == "dt" else "ptr")
        return f'%"{name}"'

    def index(self, *terms: str) -> str:
        """Return ``((a*B + b)*C + c)...`` of a, B, b, C, c."""
        found = terms[0]
        for size, more in zip(terms[1::2], terms[2::2], strict=True):
            found = self.value(f"add i64 {self.value(f'mul i64 {found}, {size}')}, {more}")
        return found

    def get(self, type_: str, name: str, at: str) -> str:
        """Load a value of an array; conditions are bytes in memory."""
        value = self.load(self.d.memory(type_), self.arg(name), at)
        return self.value(f"icmp ne i8 {value}, 0") if type_ == "bool" else value

    def put(self, type_: str, value: str, name: str, at: str) -> None:
        """Store a value of an array."""
        value = self.value(f"zext i1 {value} to i8") if type_ == "bool" else value
        self.store(self.d.memory(type_), value, self.arg(name), at)

    def add(self, name: str, at: str, value: str) -> None:
        """Add a number to an element."""
        real = self.d.real
        self.store(real, self.value(f"fadd {real} {self.get('real', name, at)}, {value}"), self.arg(name), at)

    def zero(self) -> str:
        """Return the number 0."""
        return self.d.constant(0.0, "real")

    @contextmanager
    def samples(self, backwards: bool = False) -> Iterator[str]:
        """Write a loop over the samples whose sequence goes on."""
        last = self.value(f"sub i64 {self.arg('B')}, 1")
        with self.loop("b", self.arg("B")) as b:
            if backwards:
                b = self.value(f"sub i64 {last}, {b}")
            with self.when(self.value(f"icmp slt i64 {self.k}, {self.load('i64', self.arg('limits'), b)}")):
                yield b

    def lane(self, part: Part, value: Callable[[Node], str], pre: str, post: str) -> Lane:
        """Return a printer of nodes of a program; ``value`` loads states and inputs, the others number two neurons."""

        def leaf(n: Node) -> str:
            if n.kind in ("state", "input"):
                return value(n)
            if n.kind == "coefficient":
                if n.value in part.tables:
                    at = pre if part.tables[n.value] == "pre" else post
                    return self.get(n.type, f"{part.name}.coef.{n.value}", at)
                return self.fixed[part.name, n.value]
            return self.times[part.name] if n.kind == "time" else ""

        return Lane(self, self.d, leaf)

    def learnt(self, name: str, b: str, i: str, j: str) -> str:
        """Load what a rule reads of sample b, sender i and receiver j."""
        where, type_ = self.plan.where[name], self.plan.types.get(name, "real")
        if where == "of":
            return self.state(name.removesuffix("_post"), b, j)
        if where == "synapse":
            return self.get(type_, f"synapse.{name}", self.synapse(b, i, j))
        if where == "network":
            return self.get(type_, f"network.{name}", b)
        neuron, size = (i, "N") if where.endswith("pre") else (j, "M")
        if where.startswith("signal"):
            return self.get("real", f"signal.{name}", self.index(self.k, self.arg("B"), b, self.arg(size), neuron))
        return self.get(type_, f"{where}.{name}", self.index(b, self.arg(size), neuron))

    def synapse(self, b: str, i: str, j: str) -> str:
        """Return the place of a state of a synapse."""
        return self.index(b, self.arg("N"), i, self.arg("M"), j)

    def state(self, name: str, b: str, j: str) -> str:
        """Load a state of a neuron."""
        at = j if name in self.plan.shared else self.index(b, self.arg("M"), j)
        return self.get(self.plan.types[f"neurons.{name}"], f"neurons.{name}", at)

    def bounded(self, part: Part, lane: Lane, value: str) -> str:
        """Apply the bounds of a weight."""
        for name, function in ((LOW, "max"), (HIGH, "min")):
            if name in part.updates:
                given = f"{self.d.real} {value}, {self.d.real} {lane(part.updates[name])}"
                value = self.value(f"call {self.d.real} @sk_{function}({given})")
        return value

    def count(self) -> None:
        """Compute the time at the start of the step, which each program counts by itself."""
        for part in self.plan.parts:
            if any(n.kind == "time" for n in part.nodes):
                step = self.value(f"add i64 {self.k}, {self.arg(f'start.{part.name}')}")
                time = self.value(f"fmul double {self.value(f'sitofp i64 {step} to double')}, {self.arg('dt')}")
                narrow = self.d.real == "float"
                self.times[part.name] = self.value(f"fptrunc double {time} to float") if narrow else time

    def kernel(self) -> Kernel:
        """Close the function, whose arrays do not overlap, and write one that takes its arguments as words."""
        given = [f'{type_}{" noalias" if type_ == "ptr" else ""} %"{n}"' for n, type_ in self.arguments.items()]
        self.lines[0] = f"define internal void @run({', '.join(given)}) noinline {{"
        f = Function("void @kernel(ptr %args)")
        words = [f"{type_} {f.word(type_, number)}" for number, type_ in enumerate(self.arguments.values())]
        with small_numbers_are_zero(f):
            f.do(f"call void @run({', '.join(words)})")
        body = self.text()
        called = dict.fromkeys(re.findall(r"@sk_(\w+)\(", body))
        parts = [declarations(), *called_of_llvm(body), definitions(list(called), self.d.real), body, f.text()]
        lines = "\n\n".join(parts).split("\n")
        declared = dict.fromkeys(line for line in lines if line.startswith("declare"))  # each only once
        text = "\n".join([*declared, *(line for line in lines if not line.startswith("declare"))])
        return Kernel(text, tuple(self.arguments))
