"""What the kernels of a plastic projection share: their arguments, and a rule's statements for one synapse as LLVM.

All numbers of a rule are arguments: the text depends on its statements alone, and on which of its numbers are arrays.
"""

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from spikelet.backends.llvm_math import costly, definitions
from spikelet.backends.llvm_printer import Dialect, Function, Lane
from spikelet.backends.llvm_random import random_definitions
from spikelet.ir.nodes import Node, topological
from spikelet.ir.rule_program import Program
from spikelet.lang.increments import WEIGHT
from spikelet.sim.driver import SIGNATURE, Words

NUMBERS = {
    "step", "T", "dt", "begin", "end", "delays", "slots", "stride", "first", "sources", "count", "border", "segments",
    "kinds", "reached", "ring", "width", "length", "epochs", "low", "high", "seed",
}  # fmt: skip  # words that are no addresses; coefficients are numbers, too, where they are no arrays
AHEAD = 3  # spikes ahead whose synapses are fetched
_DECLARATIONS = "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)\ndeclare i64 @llvm.smin.i64(i64, i64)"


@dataclass(frozen=True)
class Shape:
    """What the kernels of a projection depend on, beside the rule.

    Attributes:
        real: ``float`` or ``double``.
        index: Type of targets, ``i16`` or ``i32``.
        segment: Type of the numbers of segments, ``i16`` or ``i32``.
        whole: Whether each segment leads to all targets in order, so that their numbers need not be looked up.
        multiple: Whether an entry of the history of the senders may stand for several spikes.
        scaled: Of each outlet, whether a spike releases more or less there than the weight.
        states: Place -> its states and their types, ``real`` or ``int``, without the weight; ``of`` are states of the
            receiving neurons, ``from`` those of the senders as of arrival.
        tables: Coefficient -> ``pre`` or ``post``, where there is a value for each sender (and delay), or receiver.
    """

    real: str
    index: str
    segment: str
    whole: bool
    multiple: bool
    scaled: tuple[bool, ...]
    states: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    tables: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Kernel:
    """A printed kernel and the order of its arguments: its own, then ``coef.K`` and states, such as ``pre.X``."""

    text: str
    words: Words


class Event(Function):
    """Writes a kernel: the base of all."""

    name = ""
    own: tuple[str, ...] = ()

    def __init__(self, program: Program, shape: Shape):
        wide = ' "prefer-vector-width"="512"' if costly(self.each(program)) else ""
        super().__init__(f"void @{self.name}({SIGNATURE}){wide}")
        self.program, self.shape, self.d = program, shape, Dialect(shape.real, "i64")
        self.side = {place: dict(states) for place, states in shape.states}
        self.table = dict(shape.tables)
        names = [f"coef.{name}" for name in program.coefficients]
        names += [f"{side}.{state}" for side, states in self.side.items() for state in states]
        self.words = Words((*self.own, *self.more(), *names))
        self.w = self.words.load(self, {name: "ptr" for name in self.words.names if self._is_address(name)})
        nodes = topological(program.updates.values())
        self.fixed = {n: self._number(n) for n in nodes if n.kind == "coefficient" and n.value not in self.table}
        self.time = self._time()
        self.draws: dict[Node, str] = {}
        self.shared = self.states("network", "0", program.updates.values())
        self.body()

    def _is_address(self, name: str) -> bool:
        if name.startswith("coef."):
            return name.removeprefix("coef.") in self.table
        return name.partition(".")[0] not in NUMBERS

    def more(self) -> Iterable[str]:
        """Return further words."""
        return ()

    def each(self, program: Program) -> Iterable[Node]:
        """Return the nodes that are computed for each synapse."""
        return topological(program.updates.values())

    @abstractmethod
    def body(self) -> None:
        """Write the body."""

    def kernel(self) -> Kernel:
        """Return the module."""
        body = self.text()
        called = re.findall(r"@sk_(\w+)\(", body)
        laws = [name for name in called if name in ("uniform", "normal")]
        functions = definitions([name for name in called if name not in laws], self.shape.real)
        parts = [functions, random_definitions(laws) if laws else "", body, _DECLARATIONS, self.metadata()]
        lines = "\n\n".join(parts).split("\n")
        declared = dict.fromkeys(line for line in lines if line.startswith("declare"))  # each only once
        return Kernel("\n".join([*declared, *(line for line in lines if line not in declared)]), self.words)

    # --- numbers ------------------------------------------------------------------------------------------------------

    def number(self, word: str) -> str:
        """Return a real number from the bits of a double."""
        return self.narrow(self.value(f"bitcast i64 {word} to double"))

    def narrow(self, value: str) -> str:
        """Return a double in the precision of the weights."""
        return value if self.shape.real == "double" else self.value(f"fptrunc double {value} to float")

    def _number(self, n: Node) -> str:
        word = self.w[f"coef.{n.value}"]
        return word if n.type == "int" else self.number(word)

    def _time(self) -> str:
        """Return the time at the start of the step."""
        step = self.value(f"sitofp i64 {self.w['step']} to double")
        length = self.value(f"bitcast i64 {self.w['dt']} to double")
        return self.narrow(self.value(f"fmul double {step}, {length}"))

    # --- values of a rule ---------------------------------------------------------------------------------------------

    def states(self, side: str, place: str, roots: Iterable[Node]) -> dict[str, str]:
        """Load the states of a side that some nodes read, at a place."""
        read = {n.value for n in topological(roots) if n.kind in ("state", "input")}
        return {
            name: self.load(self.d[type_], self.w[f"{side}.{name}"], place, name.replace("_", ""))
            for name, type_ in self.side[side].items()
            if name in read
        }

    def tabled(self, side: str, place: str, roots: Iterable[Node]) -> dict[Node, str]:
        """Load the coefficients that some nodes read and that have a value for each neuron of a side."""
        return {
            n: self.load(self.d[n.type], self.w[f"coef.{n.value}"], place)
            for n in topological(roots)
            if n.kind == "coefficient" and self.table.get(n.value) == side
        }

    def receiver(self, target: str, post: str, roots: Iterable[Node]) -> tuple[dict[str, str], dict[Node, str]]:
        """Load what some nodes read of a receiving neuron, whose (post) states stand at ``post``."""
        roots = tuple(roots)
        found = self.states("post", post, roots) | self.states("of", target, roots)
        return found, self.tabled("post", target, roots)

    def sender(self, copy: str, roots: Iterable[Node]) -> tuple[dict[str, str], dict[Node, str]]:
        """Load what some nodes read of a sending neuron as of arrival."""
        roots = tuple(roots)
        found = self.states("pre", copy, roots) | self.states("from", copy, roots)
        return found, self.tabled("pre", copy, roots)

    def lane(self, values: Mapping[str, str], tables: Mapping[Node, str]) -> Lane:
        """Return a printer of nodes over known values of states, and of tables and whatever else is known."""

        def leaf(n: Node) -> str:
            if n in tables:
                return tables[n]
            if n.kind in ("state", "input"):
                return values[n.value] if n.value in values else self.shared[n.value]
            if n.kind == "coefficient":
                return self.fixed[n]
            return self.draws[n] if n.kind == "noise" else self.time if n.kind == "time" else ""

        return Lane(self, self.d, leaf)

    def of_side(self, side: str) -> dict[str, Node]:
        """Return the new states of a side; they depend on those of the same side alone."""
        return {name: n for name, n in self.program.updates.items() if name in self.side[side]}

    def changed(self, side: str, place: str, values: Mapping[str, str], tables: Mapping[Node, str]) -> dict[str, str]:
        """Store the new states of a side; returns all that are known, as they are now."""
        lane = self.lane(values, tables)
        new = {name: lane(n) for name, n in self.of_side(side).items()}
        for name, value in new.items():
            self.store(self.d[self.side[side][name]], value, self.w[f"{side}.{name}"], place)
        return {**values, **new}

    @property
    def learned(self) -> dict[str, Node]:
        """The new weight and states of a synapse, as far as they change."""
        own = {WEIGHT, *self.side["synapse"]}
        return {name: n for name, n in self.program.updates.items() if name in own}

    def learn(self, weight: str, place: str, values: Mapping[str, str], tables: Mapping[Node, str]) -> None:
        """Store the new weight and states of a synapse, which stand at a place."""
        learned = self.learned
        own = self.states("synapse", place, learned.values())
        lane = self.lane({**values, WEIGHT: weight, **own}, tables)
        new = {name: lane(n) for name, n in learned.items()}
        for name, value in new.items():
            self.store(self.d[self.side["synapse"].get(name, "real")], value, self.w[self.array(name)], place)

    def array(self, name: str) -> str:
        """Return the argument that holds a state of synapses, or the weight."""
        return "weights" if name == WEIGHT else f"synapse.{name}"

    # --- memory -------------------------------------------------------------------------------------------------------

    def whole(self, type_: str, pointer: str, at: str) -> str:
        """Load an index."""
        return self.value(f"zext {type_} {self.load(type_, pointer, at)} to i64")

    def sum(self, a: str, b: str) -> str:
        """Return the sum of two whole numbers."""
        return self.value(f"add i64 {a}, {b}")

    def product(self, a: str, b: str) -> str:
        """Return the product of two whole numbers."""
        return self.value(f"mul i64 {a}, {b}")

    @contextmanager
    def pieces(self, begin: str, end: str, most: int) -> Iterator[tuple[str, str]]:
        """Write a loop over pieces of a range; yield where each begins, and its length."""
        whole = self.sum(self.value(f"sub i64 {end}, {begin}"), str(most - 1))
        with self.loop("some", self.value(f"sdiv i64 {whole}, {most}")) as some:
            first = self.sum(begin, self.product(some, str(most)))
            left = self.value(f"sub i64 {end}, {first}")
            yield first, self.value(f"call i64 @llvm.smin.i64(i64 {left}, i64 {most})")

    def prefetch(self, address: str, write: int) -> None:
        """Ask for a line of memory."""
        self.do(f"call void @llvm.prefetch.p0(ptr {address}, i32 {write}, i32 3, i32 1)")

    def spikes(self, sent: str) -> tuple[str, str, str]:
        """Return slot, list and length of the list of the spikes of a step."""
        slot = self.value(f"srem i64 {sent}, {self.w['slots']}")
        listed = self.at("i32", self.w["ids"], self.product(slot, self.w["stride"]))
        return slot, listed, self.whole("i32", self.w["counts"], slot)

    def member(self, listed: str, i: str) -> str:
        """Return the number of a neuron among those of the projection."""
        return self.value(f"sub i64 {self.whole('i32', listed, i)}, {self.w['first']}")

    def ends(self, segment: str) -> tuple[str, str]:
        """Return where the synapses of a segment begin and end."""
        return self.load("i64", self.w["pointer"], segment), self.load("i64", self.w["pointer"], self.sum(segment, "1"))

    @contextmanager
    def synapses(self, segment: str, *, parallel: bool = False) -> Iterator[tuple[str, str]]:
        """Write a loop over the synapses of a segment; yield the place and the target of each."""
        begin, end = self.ends(segment)
        with (self.parallel if parallel else self.loop)("e", end, begin) as e:
            whole = self.shape.whole
            yield e, self.value(f"sub i64 {e}, {begin}") if whole else self.index(e)

    def index(self, e: str) -> str:
        """Look up the target of a synapse."""
        return self.whole(self.shape.index, self.w["targets"], e)

    def offset_of(self, segment: str) -> str:
        """Return where the states of receivers begin that the synapses of a segment, all of one delay, see."""
        return self.load("i64", self.w["offset"], self.value(f"srem i64 {segment}, {self.w['delays']}"))
