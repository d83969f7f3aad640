"""Print nodes as LLVM IR: a writer of functions, loops and instructions, and the spelling of every node kind.

Real numbers are ``float`` or ``double``. A product that is added is fused (``llvm.fmuladd``) in single precision, by a
rule that looks at the two nodes alone, and a quotient by a constant or a coefficient is a product with its reciprocal;
so the same node has the same bits in every kernel it is printed into. Double precision rounds as the interpreter does.
There are no fast-math flags.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spikelet.ir.nodes import Node

_COMPARE = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge", "==": "oeq", "!=": "une"}
_COMPARE_INT = {"<": "slt", "<=": "sle", ">": "sgt", ">=": "sge", "==": "eq", "!=": "ne"}
_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_ARITHMETIC_INT = {"add": "add", "sub": "sub", "mul": "mul"}
_DIRECT = ("neg", "compare", "logic", "select", "spike", "choose", "cast", "call")


_ACCESS = 20  # number of the metadata that mark what is read and written in parallel loops; the loops' own follow


class Function:
    """Writes one LLVM function, line by line."""

    def __init__(self, head: str):
        self.lines = [f"define {head} {{", "entry:"]
        self.block = "entry"
        self.counter = 0
        self.parallels = 0  # loops that are parallel
        self.access = ""  # what is written behind each load and store

    def fresh(self, hint: str) -> str:
        """Return a name that is not in use."""
        self.counter += 1
        return f"{hint}.{self.counter}"

    def value(self, text: str, hint: str = "n") -> str:
        """Write an instruction with a result; returns the result's name."""
        name = "%" + self.fresh(hint)
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Write an instruction without a result."""
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")
        self.block = name

    @contextmanager
    def loop(self, hint: str, stop: str, start: str = "0", mark: str = "") -> Iterator[str]:
        """Write a loop over ``start <= i < stop`` and yield i; ``mark`` is metadata, such as ``!llvm.loop !0``."""
        name = self.fresh(hint)
        before = self.block
        self.do(f"br label %{name}.test")
        self.label(f"{name}.test")
        self.lines.append(f"  %{name} = phi i64 [{start}, %{before}], [%{name}.next, %{name}.latch]")
        self.do(f"%{name}.go = icmp slt i64 %{name}, {stop}")
        self.do(f"br i1 %{name}.go, label %{name}.body, label %{name}.end")
        self.label(f"{name}.body")
        yield f"%{name}"
        self.do(f"br label %{name}.latch")
        self.label(f"{name}.latch")
        self.do(f"%{name}.next = add nuw nsw i64 %{name}, 1")
        self.do(f"br label %{name}.test" + (mark and f", {mark}"))
        self.label(f"{name}.end")

    @contextmanager
    def parallel(self, hint: str, stop: str, start: str = "0") -> Iterator[str]:
        """Write a loop of which no pass reads or writes what another one writes.

        So it may become vectors whatever arrays there are and wherever it looks in them; `metadata` says so to LLVM.
        """
        self.parallels += 1
        with self.loop(hint, stop, start, mark=f"!llvm.loop !{_ACCESS + 1 + self.parallels}") as i:
            self.access = f", !llvm.access.group !{_ACCESS}"
            yield i
            self.access = ""

    def metadata(self) -> str:
        """Return the lines of the module that the parallel loops of the function need."""
        if not self.parallels:
            return ""
        loops = range(_ACCESS + 2, _ACCESS + 2 + self.parallels)
        lines = [f"!{_ACCESS} = distinct !{{}}", f'!{_ACCESS + 1} = !{{!"llvm.loop.parallel_accesses", !{_ACCESS}}}']
        return "\n".join([*lines, *(f"!{loop} = distinct !{{!{loop}, !{_ACCESS + 1}}}" for loop in loops)])

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """Write a block that runs only where the i1 ``condition`` holds."""
        name = self.fresh("when")
        self.do(f"br i1 {condition}, label %{name}.then, label %{name}.end")
        self.label(f"{name}.then")
        yield
        self.do(f"br label %{name}.end")
        self.label(f"{name}.end")

    def at(self, type_: str, pointer: str, index: str) -> str:
        """Return the address of an element."""
        return self.value(f"getelementptr inbounds {type_}, ptr {pointer}, i64 {index}", "p")

    def load(self, type_: str, pointer: str, index: str | None = None, hint: str = "l") -> str:
        """Load an element."""
        address = pointer if index is None else self.at(type_, pointer, index)
        return self.value(f"load {type_}, ptr {address}{self.access}", hint)

    def word(self, type_: str, number: int) -> str:
        """Load a pointer or a number from word ``number`` of ``%args``."""
        return self.load(type_, self.at("i64", "%args", str(number)))

    def store(self, type_: str, value: str, pointer: str, index: str | None = None) -> None:
        """Store an element."""
        address = pointer if index is None else self.at(type_, pointer, index)
        self.do(f"store {type_} {value}, ptr {address}{self.access}")

    def text(self) -> str:
        """Return the whole function."""
        return "\n".join([*self.lines, "  ret void", "}"])


class Dialect:
    """The LLVM types of a program: real numbers of one width, integers of one width, conditions."""

    def __init__(self, real: str, integer: str):
        self.real, self.integer = real, integer
        self.names = {"real": real, "int": integer, "bool": "i1"}
        self.suffix = {"float": "f32", "double": "f64"}[real]

    def __getitem__(self, type_: str) -> str:
        """Return the type of a value."""
        return self.names[type_]

    def memory(self, type_: str) -> str:
        """Return the type of a value in memory: a condition is a byte."""
        return "i8" if type_ == "bool" else self.names[type_]

    def constant(self, value: float | int | bool, type_: str) -> str:
        """Return a literal."""
        if type_ == "bool":
            return "true" if value else "false"
        return str(int(value)) if type_ == "int" else number(float(value), self.real)


def number(value: float, real: str) -> str:
    """Return a real literal, exact to the last bit."""
    if real == "float":
        try:
            value = struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            value = float("inf") if value > 0 else float("-inf")
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def needed(n: Node, real: str) -> tuple[Node, ...]:
    """Return what a lane computes first: not the distance of a spike, and of a fused product its factors."""
    if n.kind == "spike":
        return n.args[:1]
    if n.kind == "choose" and n.args[0].kind == "spike":
        return (n.args[0].args[0], *n.args[1:])
    fused = _fused(n, real)
    return n.args if fused is None else fused


def _fused(n: Node, real: str) -> tuple[Node, Node, Node] | None:
    """Return a, b, c of a sum a*b + c that is one rounding."""
    if n.kind not in ("add", "sub") or n.type != "real" or real != "float":
        return None
    first, second = n.args
    if first.kind == "mul":
        return (*first.args, second)  # type: ignore[return-value]  # a product has two factors
    return (*second.args, first) if second.kind == "mul" else None  # type: ignore[return-value]  # as above


class Lane:
    """Prints nodes for one lane of a loop; ``leaf`` loads what is no operation."""

    def __init__(
        self,
        function: Function,
        dialect: Dialect,
        leaf: Callable[[Node], str],
        reciprocal: Callable[[Node], str | None] = lambda n: None,
    ):
        self.f, self.d, self.leaf, self.reciprocal = function, dialect, leaf, reciprocal
        self.known: dict[Node, str] = {}

    def __call__(self, root: Node) -> str:
        """Return the name of a node's value, writing what it needs and is not there yet."""
        stack = [(root, False)]
        while stack:
            current, ready = stack.pop()
            if current in self.known:
                continue
            if ready:
                self.known[current] = self._operation(current)
            elif (found := self._at_once(current)) is not None:
                self.known[current] = found
            else:
                stack.append((current, True))
                stack += [(arg, False) for arg in reversed(needed(current, self.d.real))]
        return self.known[root]

    def _at_once(self, n: Node) -> str | None:
        if n.kind == "const":
            return self.d.constant(n.value, n.type)
        found = self.leaf(n)
        return found or None

    def _operation(self, n: Node) -> str:
        fused = _fused(n, self.d.real)
        if fused is not None:
            return self._multiply_add(n, *fused)
        args = [self.known.get(arg, "") for arg in n.args]
        type_ = self.d[n.type]
        if n.kind == "div" and self.d.real == "float" and (over := self._over(n.args[1])) is not None:
            return self.f.value(f"fmul float {args[0]}, {over}")
        if n.kind in _DIRECT:
            return getattr(self, f"_{n.kind}")(n, args)
        if n.kind == "pow":
            return self._function("pow", args)
        table = _ARITHMETIC_INT if n.type == "int" else _ARITHMETIC
        return self.f.value(f"{table[n.kind]} {type_} {args[0]}, {args[1]}")

    def _over(self, n: Node) -> str | None:
        """Return 1/n where that does not change from lane to lane: to multiply takes a tenth of the time to divide."""
        if n.kind == "const":
            return number(1.0 / n.value, "float") if n.value else None
        return self.reciprocal(n)

    def _multiply_add(self, n: Node, a: Node, b: Node, c: Node) -> str:
        x, y, z = (self.known[part] for part in (a, b, c))
        if n.kind == "sub":
            if n.args[0].kind == "mul":
                z = self.f.value(f"fneg float {z}")
            else:
                x = self.f.value(f"fneg float {x}")
        return self.f.value(f"call float @llvm.fmuladd.f32(float {x}, float {y}, float {z})")

    def _neg(self, n: Node, args: list[str]) -> str:
        if n.type == "int":
            return self.f.value(f"sub {self.d.integer} 0, {args[0]}")
        return self.f.value(f"fneg {self.d.real} {args[0]}")

    def _compare(self, n: Node, args: list[str]) -> str:
        if n.args[0].type == "real":
            return self.f.value(f"fcmp {_COMPARE[n.value]} {self.d.real} {args[0]}, {args[1]}")
        return self.f.value(f"icmp {_COMPARE_INT[n.value]} {self.d[n.args[0].type]} {args[0]}, {args[1]}")

    def _logic(self, n: Node, args: list[str]) -> str:
        if n.value == "not":
            return self.f.value(f"xor i1 {args[0]}, true")
        return self.f.value(f"{n.value} i1 {args[0]}, {args[1]}")

    def _select(self, n: Node, args: list[str]) -> str:
        type_ = self.d[n.type]
        return self.f.value(f"select i1 {args[0]}, {type_} {args[1]}, {type_} {args[2]}")

    def _spike(self, n: Node, args: list[str]) -> str:
        one, zero = (self.d.constant(value, "real") for value in (1.0, 0.0))
        return self.f.value(f"select i1 {args[0]}, {self.d.real} {one}, {self.d.real} {zero}", "spike")

    def _choose(self, n: Node, args: list[str]) -> str:
        spike, type_ = n.args[0], self.d[n.type]
        if spike.kind == "spike":
            fired = self.known[spike.args[0]]
        else:
            fired = self.f.value(f"fcmp ogt {self.d.real} {args[0]}, {self.d.constant(0.0, 'real')}")
        return self.f.value(f"select i1 {fired}, {type_} {args[1]}, {type_} {args[2]}")

    def _cast(self, n: Node, args: list[str]) -> str:
        before, after = self.d[n.args[0].type], self.d[n.type]
        verbs = {
            ("int", "real"): "sitofp", ("bool", "real"): "uitofp", ("real", "int"): "fptosi", ("bool", "int"): "zext",
        }  # fmt: skip
        if n.type == "bool":
            zero = self.d.constant(0, n.args[0].type)
            return self.f.value(f"{'fcmp une' if n.args[0].type == 'real' else 'icmp ne'} {before} {args[0]}, {zero}")
        return self.f.value(f"{verbs[n.args[0].type, n.type]} {before} {args[0]} to {after}")

    def _call(self, n: Node, args: list[str]) -> str:
        if n.value == "detach":
            return args[0]
        if n.type == "int":
            return self._integer_call(n.value, args)
        if n.value == "clip":
            return self._function("min", [self._function("max", args[:2]), args[2]])
        return self._function(n.value, args)

    def _function(self, name: str, args: list[str]) -> str:
        given = ", ".join(f"{self.d.real} {arg}" for arg in args)
        return self.f.value(f"call {self.d.real} @sk_{name}({given})", name)

    def _integer_call(self, name: str, args: list[str]) -> str:
        t = self.d.integer
        if name in ("min", "max"):
            return self.f.value(f"call {t} @llvm.s{name}.{t}({t} {args[0]}, {t} {args[1]})")
        if name == "clip":
            return self._integer_call("min", [self._integer_call("max", args[:2]), args[2]])
        if name == "abs":
            return self.f.value(f"call {t} @llvm.abs.{t}({t} {args[0]}, i1 false)")
        if name in ("floor", "round"):
            return args[0]
        if name in ("floordiv", "mod"):
            return self._floored(name, args)
        positive = self.f.value(f"icmp sgt {t} {args[0]}, 0")
        plus = self.f.value(f"zext i1 {positive} to {t}")
        if name == "heaviside":
            return plus
        negative = self.f.value(f"icmp slt {t} {args[0]}, 0")
        minus = self.f.value(f"zext i1 {negative} to {t}")
        return self.f.value(f"sub {t} {plus}, {minus}")  # sign

    def _floored(self, name: str, args: list[str]) -> str:
        """Whole division as Python's and NumPy's: it rounds down, and by 0 gives 0."""
        t, (a, b) = self.d.integer, args
        none = self.f.value(f"icmp eq {t} {b}, 0")
        over = self.f.value(f"select i1 {none}, {t} 1, {t} {b}")
        rest = self.f.value(f"srem {t} {a}, {over}")
        signs = self.f.value(f"xor {t} {rest}, {over}")
        apart = self.f.value(f"icmp slt {t} {signs}, 0")
        whole = self.f.value(f"icmp ne {t} {rest}, 0")
        low = self.f.value(f"and i1 {apart}, {whole}")
        if name == "mod":
            up = self.f.value(f"select i1 {low}, {t} {over}, {t} 0")
            result = self.f.value(f"add {t} {rest}, {up}")
        else:
            down = self.f.value(f"zext i1 {low} to {t}")
            quotient = self.f.value(f"sdiv {t} {a}, {over}")
            result = self.f.value(f"sub {t} {quotient}, {down}")
        return self.f.value(f"select i1 {none}, {t} 0, {t} {result}")
