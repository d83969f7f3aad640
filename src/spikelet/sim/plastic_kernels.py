"""The kernels of a plastic projection in LLVM, printed from the statements of its rule.

``arrive`` goes through the spikes that arrive in a step, as ``delivery`` does, and for each synapse first adds the
weight to the row of the receiver, then runs ``on_pre``. ``posts`` goes through the neurons that fired in the step, and
runs ``on_post`` for each synapse that they have, which the transpose index finds. Both do one step. All numbers of a
rule are arguments: the text depends on its statements alone.

The weights that a neuron receives lie far apart, one in each row of a matrix by source, so they are fetched into the
cache some way ahead.
"""

import re
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_math import definitions
from spikelet.backends.llvm_printer import Dialect, Function, Lane
from spikelet.ir.nodes import Node, topological
from spikelet.lang.increments import WEIGHT
from spikelet.sim.driver import SIGNATURE, Words
from spikelet.sim.plastic_program import Program

_ARRIVE = (
    "step", "T", "dt", "delays", "delay", "pointer", "targets", "weights", "ids", "counts", "slots", "stride",
    "first", "sources", "rows", "times",
)  # fmt: skip
_POSTS = (
    "step", "T", "dt", "start", "position", "segment", "weights", "ids", "counts", "slots", "stride", "first",
    "count", "border",
)  # fmt: skip
_FLOW = ("step", "T", "dt", "segments", "pointer", "targets", "weights")
ADD = Words(("step", "T", "to", "of", "n"))
_NUMBERS = ("step", "T", "delays", "slots", "stride", "first", "sources", "count", "border", "n", "segments")
AHEAD = 24  # synapses of a neuron ahead whose weights are fetched into the cache; the index is that much longer
_TOGETHER = 128  # synapses of a neuron that are worked on at once
_AHEAD = 3  # spikes ahead whose synapses are fetched
_DECLARATIONS = "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)\ndeclare i64 @llvm.smin.i64(i64, i64)"


@dataclass(frozen=True)
class Shape:
    """What the kernels of a projection depend on, beside the rule.

    Attributes:
        real: ``float`` or ``double``.
        index: Type of targets, ``i16`` or ``i32``.
        segment: Type of the numbers of segments, ``i16`` or ``i32``.
        multiple: Whether an entry of the history of the senders may stand for several spikes.
        pre: (pre) states and their types, ``real`` or ``int``.
        post: (post) states and their types.
        synapse: States of synapses, without the weight, and their types.
        network: States of the network and their types.
        partners: States of the receiving neurons that are read.
    """

    real: str
    index: str
    segment: str
    multiple: bool
    pre: tuple[tuple[str, str], ...]
    post: tuple[tuple[str, str], ...]
    synapse: tuple[tuple[str, str], ...]
    network: tuple[tuple[str, str], ...]
    partners: tuple[str, ...]


@dataclass(frozen=True)
class Kernel:
    """A printed kernel and the order of its arguments: its own, then ``coef.K`` and states, such as ``pre.X``."""

    text: str
    words: Words


def arrive(program: Program, shape: Shape) -> Kernel:
    """Print the kernel that delivers, and runs ``on_pre``."""
    return _Arrive(program, shape).kernel()


def flow(program: Program, shape: Shape) -> Kernel:
    """Print the kernel that takes the states of synapses a step further."""
    return _Flow(program, shape).kernel()


def posts(program: Program, shape: Shape) -> Kernel:
    """Print the kernel that runs ``on_post``."""
    return _Posts(program, shape).kernel()


class _Event(Function):
    """What the kernels share: arguments, and the statements of a rule for one synapse."""

    own: tuple[str, ...] = ()

    def __init__(self, name: str, program: Program, shape: Shape):
        super().__init__(f"void @{name}({SIGNATURE})")
        self.program, self.shape, self.d = program, shape, Dialect(shape.real, "i64")
        self.side = {place: dict(getattr(shape, place)) for place in ("pre", "post", "synapse", "network")}
        self.side["of"] = dict.fromkeys(shape.partners, "real")
        names = [f"coef.{name}" for name in program.coefficients]
        names += [f"{side}.{state}" for side, states in self.side.items() for state in states]
        self.words = Words((*self.own, *names))
        types = {name: "ptr" for name in self.words.names if name not in _NUMBERS and not name.startswith("coef.")}
        self.w = self.words.load(self, {**types, "dt": "i64"})
        self.fixed = {n: self._fixed(n) for n in topological(program.updates.values()) if n.kind == "coefficient"}
        self.time = self._time()
        self.shared = self.states("network", "0", program.updates.values())
        self._body()

    @abstractmethod
    def _body(self) -> None:
        """Write the body."""

    def kernel(self) -> Kernel:
        """Return the module."""
        body = self.text()
        functions = definitions(re.findall(r"@sk_(\w+)\(", body), self.shape.real)
        return Kernel("\n\n".join([functions, body, _DECLARATIONS]), self.words)

    def number(self, word: str) -> str:
        """Return a real number from the bits of a double."""
        value = self.value(f"bitcast i64 {word} to double")
        return value if self.shape.real == "double" else self.value(f"fptrunc double {value} to float")

    def _fixed(self, n: Node) -> str:
        word = self.w[f"coef.{n.value}"]
        return word if n.type == "int" else self.number(word)

    def _time(self) -> str:
        """Return the time at the start of the step."""
        step = self.value(f"sitofp i64 {self.w['step']} to double")
        length = self.value(f"bitcast i64 {self.w['dt']} to double")
        time = self.value(f"fmul double {step}, {length}")
        return time if self.shape.real == "double" else self.value(f"fptrunc double {time} to float")

    def states(self, side: str, place: str, roots: Iterable[Node]) -> dict[str, str]:
        """Load the states of a side that some nodes read, at a place."""
        read = {n.value for n in topological(roots) if n.kind in ("state", "input")}
        return {
            name: self.load(self.d[type_], self.w[f"{side}.{name}"], place, name.replace("_", ""))
            for name, type_ in self.side[side].items()
            if name in read
        }

    def lane(self, values: dict[str, str]) -> Lane:
        """Return a printer of nodes over known values of states."""

        def leaf(n: Node) -> str:
            if n.kind in ("state", "input"):
                return values[n.value] if n.value in values else self.shared[n.value]
            return self.fixed.get(n, self.time if n.kind == "time" else "")

        return Lane(self, self.d, leaf)

    def change_side(self, side: str, place: str, values: dict[str, str]) -> None:
        """Store the new states of a side; they depend on those of the same side alone."""
        updates = {name: n for name, n in self.program.updates.items() if name in self.side[side]}
        lane = self.lane(values)
        new = {name: lane(n) for name, n in updates.items()}
        for name, value in new.items():
            self.store(self.d[self.side[side][name]], value, self.w[f"{side}.{name}"], place)

    @property
    def learned(self) -> dict[str, Node]:
        """The new weight and states of a synapse, as far as they change."""
        own = {WEIGHT, *self.side["synapse"]}
        return {name: n for name, n in self.program.updates.items() if name in own}

    def learn(self, weight: str, place: str, values: dict[str, str]) -> None:
        """Store the new weight and states of a synapse, which stand at a place."""
        learned = self.learned
        lane = self.lane({**values, WEIGHT: weight, **self.states("synapse", place, learned.values())})
        new = {name: lane(n) for name, n in learned.items()}
        for name, value in new.items():
            self.store(self.d[self.side["synapse"].get(name, "real")], value, self.w[self.array(name)], place)

    def array(self, name: str) -> str:
        """Return the argument that holds a state of synapses, or the weight."""
        return "weights" if name == WEIGHT else f"synapse.{name}"

    def whole(self, type_: str, pointer: str, at: str) -> str:
        """Load an index."""
        return self.value(f"zext {type_} {self.load(type_, pointer, at)} to i64")

    def prefetch(self, address: str, write: int) -> None:
        """Ask for a line of memory."""
        self.do(f"call void @llvm.prefetch.p0(ptr {address}, i32 {write}, i32 3, i32 1)")

    def spikes(self, sent: str) -> tuple[str, str, str]:
        """Return slot, list and length of the list of the spikes of a step."""
        slot = self.value(f"srem i64 {sent}, {self.w['slots']}")
        listed = self.at("i32", self.w["ids"], self.value(f"mul i64 {slot}, {self.w['stride']}"))
        return slot, listed, self.whole("i32", self.w["counts"], slot)

    def member(self, listed: str, i: str) -> str:
        """Return the number of a neuron among those of the projection."""
        return self.value(f"sub i64 {self.whole('i32', listed, i)}, {self.w['first']}")


class _Arrive(_Event):
    own = _ARRIVE

    def __init__(self, program: Program, shape: Shape):
        super().__init__("arrive", program, shape)

    def _body(self) -> None:
        with self.loop("d", self.w["delays"]) as d:
            sent = self.value(f"sub i64 {self.w['step']}, {self.load('i64', self.w['delay'], d)}")
            with self.when(self.value(f"icmp sge i64 {sent}, 0")):
                self._spikes(sent, d)

    def _spikes(self, sent: str, d: str) -> None:
        slot, listed, count = self.spikes(sent)
        last = self.value(f"sub i64 {count}, 1")
        with self.loop("spike", count) as i:
            ahead = self.value(f"add i64 {i}, {_AHEAD}")
            ahead = self.member(listed, self.value(f"call i64 @llvm.smin.i64(i64 {ahead}, i64 {last})"))
            with self.when(self._inside(ahead)):
                self._prefetch(ahead, d)
            source = self.member(listed, i)
            with self.when(self._inside(source)):
                copy = self._copy(source, d)
                if not self.shape.multiple:
                    self._spike(copy)
                else:
                    line = self.value(f"mul i64 {slot}, {self.w['stride']}")
                    times = self.load(self.shape.real, self.w["times"], self.value(f"add i64 {line}, {i}"))
                    times = self.value(f"fptosi {self.shape.real} {times} to i64")
                    with self.loop("again", times):
                        self._spike(copy)

    def _inside(self, source: str) -> str:
        return self.value(f"icmp ult i64 {source}, {self.w['sources']}")

    def _copy(self, source: str, d: str) -> str:
        """Return the number of a segment, which is that of the copy of the sender's states."""
        line = self.value(f"mul i64 {source}, {self.w['delays']}")
        return self.value(f"add i64 {line}, {d}")

    def _prefetch(self, source: str, d: str) -> None:
        """Ask for the beginning of a segment; the machine follows by itself."""
        begin = self.load("i64", self.w["pointer"], self._copy(source, d))
        for type_, name in ((self.shape.index, "targets"), (self.shape.real, "weights")):
            place = self.at(type_, self.w[name], begin)
            for line in range(0, 256, 64):
                self.prefetch(self.value(f"getelementptr i8, ptr {place}, i64 {line}"), int(name == "weights"))

    def _spike(self, copy: str) -> None:
        """Deliver one spike, and run the rule."""
        real = self.shape.real
        begin = self.load("i64", self.w["pointer"], copy)
        end = self.load("i64", self.w["pointer"], self.value(f"add i64 {copy}, 1"))
        pre = self.states("pre", copy, self.program.updates.values())
        with self.loop("e", end, begin) as e:
            target = self.whole(self.shape.index, self.w["targets"], e)
            weight = self.load(real, self.w["weights"], e)
            place = self.at(real, self.w["rows"], target)
            self.store(real, self.value(f"fadd {real} {self.load(real, place)}, {weight}"), place)
            roots = self.learned.values()
            self.learn(weight, e, {**pre, **self.states("post", target, roots), **self.states("of", target, roots)})
        self.change_side("pre", copy, pre)


class _Posts(_Event):
    own = _POSTS

    def __init__(self, program: Program, shape: Shape):
        super().__init__("posts", program, shape)

    def _body(self) -> None:
        self.buffers = {
            array: self.value(f"alloca [{_TOGETHER} x {self.d[type_]}], align 64")
            for array, type_ in (self._arrays() | self._traces()).items()
        }
        _, listed, count = self.spikes(self.w["step"])
        with self.loop("spike", count) as i:
            neuron = self.member(listed, i)
            with self.when(self.value(f"icmp ult i64 {neuron}, {self.w['count']}")):
                self._spike(self.value(f"add i64 {neuron}, {self.w['border']}"), neuron)

    def _arrays(self) -> dict[str, str]:
        """Return the arrays of what is learned, or read of a synapse, and their types."""
        own = {
            name: type_ for name, type_ in self.side["synapse"].items() if name in self.program.reads | {*self.learned}
        }
        return {"weights": "real"} | {f"synapse.{name}": type_ for name, type_ in own.items()}

    def _traces(self) -> dict[str, str]:
        """Return the arrays of the states of senders that are read, and their types."""
        return {f"pre.{name}": type_ for name, type_ in self.side["pre"].items() if name in self.program.reads}

    def _spike(self, target: str, neuron: str) -> None:
        """Run the rule for a neuron that fired: number ``target`` of the projection, ``neuron`` of its population."""
        begin = self.load("i64", self.w["start"], target)
        end = self.load("i64", self.w["start"], self.value(f"add i64 {target}, 1"))
        roots = self.program.updates.values()
        post = self.states("post", target, roots) | self.states("of", neuron, roots)
        if self.learned:
            whole = self.value(f"add i64 {self.value(f'sub i64 {end}, {begin}')}, {_TOGETHER - 1}")
            with self.loop("some", self.value(f"sdiv i64 {whole}, {_TOGETHER}")) as some:
                first = self.value(f"add i64 {begin}, {self.value(f'mul i64 {some}, {_TOGETHER}')}")
                left = self.value(f"sub i64 {end}, {first}")
                self._together(first, self.value(f"call i64 @llvm.smin.i64(i64 {left}, i64 {_TOGETHER})"), post)
        self.change_side("post", target, post)

    def _together(self, first: str, count: str, post: dict[str, str]) -> None:
        """Run the rule for some synapses: fetch what they have, compute in vectors, and put back."""
        arrays, traces = self._arrays(), self._traces()
        with self.loop("fetch", count) as k:
            i = self.value(f"add i64 {first}, {k}")
            ahead = self.whole("i32", self.w["position"], self.value(f"add i64 {i}, {AHEAD}"))
            for array, type_ in arrays.items():
                self.prefetch(self.at(self.d[type_], self.w[array], ahead), 1)
            position = self.whole("i32", self.w["position"], i)
            copy = self.whole(self.shape.segment, self.w["segment"], i) if traces else ""
            for array, type_ in (arrays | traces).items():
                value = self.load(self.d[type_], self.w[array], position if array in arrays else copy)
                self.store(self.d[type_], value, self.buffers[array], k)
        with self.loop("learn", count) as k:
            found = {
                array.partition(".")[2] or WEIGHT: self.load(self.d[type_], self.buffers[array], k)
                for array, type_ in (arrays | traces).items()
            }
            lane = self.lane({**post, **found})
            new = {name: lane(n) for name, n in self.learned.items()}
            for name, value in new.items():
                array = self.array(name)
                self.store(self.d[arrays[array]], value, self.buffers[array], k)
        with self.loop("put", count) as k:
            position = self.whole("i32", self.w["position"], self.value(f"add i64 {first}, {k}"))
            for array in map(self.array, self.learned):
                type_ = self.d[arrays[array]]
                self.store(type_, self.load(type_, self.buffers[array], k), self.w[array], position)


class _Flow(_Event):
    own = _FLOW

    def __init__(self, program: Program, shape: Shape):
        super().__init__("flow", program, shape)

    def _body(self) -> None:
        roots = self.program.updates.values()
        with self.loop("s", self.w["segments"]) as s:
            begin = self.load("i64", self.w["pointer"], s)
            end = self.load("i64", self.w["pointer"], self.value(f"add i64 {s}, 1"))
            pre = self.states("pre", s, roots)
            with self.loop("e", end, begin) as e:
                target = self.whole(self.shape.index, self.w["targets"], e)
                weight = self.load(self.shape.real, self.w["weights"], e)
                self.learn(weight, e, {**pre, **self.states("post", target, roots)})


# --- the transpose index, and rows of their own -----------------------------------------------------------------------


@cache
def transposing(index: str, segment: str) -> llvm_jit.Library:
    """Return ``count`` and ``transpose`` for types of targets and of segments."""
    f = Function("void @count(ptr %targets, i64 %n, ptr %counts)")
    with f.loop("e", "%n") as e:
        target = f.value(f"zext {index} {f.load(index, '%targets', e)} to i64")
        f.store("i64", f.value(f"add i64 {f.load('i64', '%counts', target)}, 1"), "%counts", target)
    given = "ptr %pointer, i64 %segments, ptr %targets, ptr %next, ptr %position, ptr %segment"
    g = Function(f"void @transpose({given})")
    with g.loop("s", "%segments") as s:
        number = g.value(f"trunc i64 {s} to {segment}")
        begin, after = g.load("i64", "%pointer", s), g.value(f"add i64 {s}, 1")
        with g.loop("e", g.load("i64", "%pointer", after), begin) as e:
            target = g.value(f"zext {index} {g.load(index, '%targets', e)} to i64")
            place = g.load("i64", "%next", target)
            g.store("i64", g.value(f"add i64 {place}, 1"), "%next", target)
            g.store("i32", g.value(f"trunc i64 {e} to i32"), "%position", place)
            g.store(segment, number, "%segment", place)
    return llvm_jit.compile("\n\n".join([f.text(), g.text()]))


@cache
def adding(real: str) -> llvm_jit.Library:
    """Return ``add``: to[i] += of[i]."""
    f = Function(f"void @add({SIGNATURE})")
    w = ADD.load(f, {"to": "ptr", "of": "ptr"})
    with f.loop("i", w["n"]) as i:
        place = f.at(real, w["to"], i)
        f.store(real, f.value(f"fadd {real} {f.load(real, place)}, {f.load(real, w['of'], i)}"), place)
    return llvm_jit.compile(f.text())
