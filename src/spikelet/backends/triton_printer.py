"""Print nodes as Triton: a writer of indented lines, and the spelling of every node kind.

Every value is a block of ``BLOCK`` lanes of one exact type, so that what a loop carries never changes its type. A
product that is added is fused (``tl.fma``) in single precision, by a rule that looks at the two nodes alone, as in
``llvm_printer``; double precision is never fused, and nothing else may be (kernels are compiled without fusion).
"""

import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from spikelet.backends.printer import bare
from spikelet.ir.nodes import Node

_WIDTH = 100  # an expression of more characters gets a line of its own
ZERO_AND_ONE = {"zero": 0.0, "one": 1.0}
_INFIX = {"add": "+", "sub": "-", "mul": "*"}
_LOGIC = {"and": "&", "or": "|"}
_CALLS = {
    "exp": "sk.exp({})", "log": "tl.log({})", "expm1": "sk.expm1({})", "exprel": "sk.exprel({})", "sqrt": "sk.sqrt({})",
    "sin": "tl.sin({})", "cos": "tl.cos({})", "tanh": "sk.tanh({})", "cosh": "sk.cosh({})", "erf": "tl.erf({})",
    "sigmoid": "sk.sigmoid({})", "abs": "tl.abs({})", "sign": "sk.sign({})", "floor": "tl.floor({})",
    "round": "sk.nearest({})", "min": "sk.smaller({}, {})", "max": "sk.larger({}, {})",
    "clip": "sk.smaller(sk.larger({}, {}), {})", "detach": "{}",
}  # fmt: skip
_INTEGER_CALLS = {
    "abs": "tl.abs({})", "min": "tl.minimum({}, {})", "max": "tl.maximum({}, {})", "floor": "{}", "round": "{}",
    "clip": "tl.minimum(tl.maximum({}, {}), {})", "floordiv": "sk.quotient({}, {})", "mod": "sk.modulo({}, {})",
    "detach": "{}",
}  # fmt: skip


class Lines:
    """Writes the body of a function, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 1
        self.counter = 0

    def add(self, text: str) -> None:
        """Write a line."""
        self.lines.append("    " * self.depth + text)

    def fresh(self) -> str:
        """Return a name that is not in use."""
        self.counter += 1
        return f"n{self.counter}"

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write a line that ends in a colon, and what follows one step further in."""
        self.add(head)
        self.depth += 1
        yield
        self.depth -= 1

    def text(self) -> str:
        """Return the whole body."""
        return "\n".join(self.lines)


class Dialect:
    """The types of a program in Triton.

    Args:
        real: ``float32`` or ``float64``.
        integer: ``int32`` or ``int64``.
    """

    def __init__(self, real: str, integer: str):
        self.single = real == "float32"
        self.names = {"real": f"tl.{real}", "int": f"tl.{integer}", "bool": "tl.int1"}

    def __getitem__(self, type_: str) -> str:
        """Return the type of a value."""
        return self.names[type_]

    def constant(self, value: float | int | bool, type_: str) -> str:
        """Return a block with one number in all lanes; 0.0 and 1.0 have names."""
        shown = self._rounded(float(value)) if type_ == "real" else int(value)
        for name, known in ZERO_AND_ONE.items():
            if repr(shown) == repr(known):
                return name
        return self.block(repr(shown) if abs(shown) < float("inf") else f'float("{shown!r}")', type_)

    def block(self, text: str, type_: str) -> str:
        """Return a block with a number, or the value of an expression, in all lanes."""
        return f"tl.full((BLOCK,), {text}, {self[type_]})"

    def _rounded(self, value: float) -> float:
        if not self.single:
            return value
        try:
            return struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")

    def loaded(self, address: str, type_: str, mask: str = "") -> str:
        """Return what loads a block; conditions are bytes in memory, real numbers there may be of another width."""
        text = f"tl.load({address}{f', mask={mask}, other=0' if mask else ''})"
        return f"({text} != 0)" if type_ == "bool" else f"{text}.to({self[type_]})"


class Lane:
    """Prints expressions.

    Args:
        lines: Where lines go that are needed for them.
        dialect: Types.
        leaf: Text of a node that is no operation, or that is there already; empty for all others.
        roots: What will be printed.
        exact: Whether to round quotients to nearest. The quick division of a GPU is wrong by 2 units in the last place
            at most, which a gradient does not mind; and it has no branch, so that its loop may be unrolled.
    """

    def __init__(
        self, lines: Lines, dialect: Dialect, leaf: Callable[[Node], str], roots: Iterable[Node], exact: bool = True
    ):
        self.lines, self.d, self.nearest = lines, dialect, exact and dialect.single
        self.known: dict[Node, str] = {}
        self.order: dict[Node, None] = {}
        self.uses: Counter[Node] = Counter(roots)
        stack = [(root, False) for root in self.uses]
        while stack:
            n, ready = stack.pop()
            if n in self.order or n in self.known:
                continue
            if ready:
                self.order[n] = None
            elif text := leaf(n):
                self.known[n] = text
            elif n.kind == "const":
                self.known[n] = dialect.constant(n.value, n.type)
            else:
                self.uses.update(self._needed(n))
                stack.append((n, True))
                stack += [(arg, False) for arg in reversed(self._needed(n))]

    def write(self) -> dict[Node, str]:
        """Write all lines; returns the text of every node."""
        for n in self.order:
            text = self._operation(n)
            if self.uses[n] > 1 or len(text) > _WIDTH:
                name = self.lines.fresh()
                self.lines.add(f"{name} = {bare(text)}")
                text = name
            self.known[n] = text
        return self.known

    def _needed(self, n: Node) -> tuple[Node, ...]:
        """Return the arguments that are computed: not the distance of a spike, and of a fused product its factors."""
        if n.kind == "spike":
            return n.args[:1]
        if n.kind == "choose" and n.args[0].kind == "spike":
            return (n.args[0].args[0], *n.args[1:])
        return self._fused(n) or n.args

    def _fused(self, n: Node) -> tuple[Node, Node, Node] | None:
        """Return a, b, c of a sum a*b + c that is one rounding."""
        if n.kind not in ("add", "sub") or n.type != "real" or not self.d.single:
            return None
        first, second = n.args
        if first.kind == "mul":
            return first.args[0], first.args[1], second
        return (second.args[0], second.args[1], first) if second.kind == "mul" else None

    def _operation(self, n: Node) -> str:
        args = [self.known[arg] for arg in self._needed(n)]
        if self._fused(n):
            return self._multiply_add(n, args)
        match n.kind:
            case "add" | "sub" | "mul":
                a, b = self._operands(n)
                return f"({a} {_INFIX[n.kind]} {b})"
            case "compare":
                a, b = self._operands(n)
                return f"({a} {n.value} {b})"
            case "div":
                return f"tl.div_rn({args[0]}, {args[1]})" if self.nearest else f"({args[0]} / {args[1]})"
            case "pow":
                return f"sk.power({args[0]}, {args[1]})"
            case "neg":
                return f"(-{args[0]})"
            case "logic":
                return f"(~{args[0]})" if n.value == "not" else f"({args[0]} {_LOGIC[n.value]} {args[1]})"
            case "select":
                return f"tl.where({args[0]}, {args[1]}, {args[2]})"
            case "spike":
                return f"{args[0]}.to({self.d['real']})"
            case "choose":
                fired = args[0] if n.args[0].kind == "spike" else f"{args[0]} > 0.0"
                return f"tl.where({fired}, {args[1]}, {args[2]})"
            case "cast":
                return f"({args[0]} != 0)" if n.type == "bool" else f"{args[0]}.to({self.d[n.type]})"
            case _:
                return self._call(n, args)

    def _operands(self, n: Node) -> list[str]:
        """Return two operands; one of them may be a bare literal, if it is exact in the type of the other."""
        texts = [self._literal(arg) or self.known[arg] for arg in n.args]
        both = all(arg.kind == "const" for arg in n.args)
        return [self.known[n.args[0]], texts[1]] if both else texts

    def _literal(self, n: Node) -> str:
        if n.kind != "const" or n.type == "bool" or not abs(n.value) < 3e38:
            return ""
        exact = n.type == "int" or self.d.single or struct.unpack("<f", struct.pack("<f", n.value))[0] == n.value
        return ("" if not exact else repr(n.value) if n.value >= 0 else f"({n.value!r})") or ""

    def _multiply_add(self, n: Node, args: list[str]) -> str:
        a, b, c = args
        if n.kind == "sub":
            if n.args[0].kind == "mul":
                c = f"-{c}"
            else:
                a = f"-{a}"
        return f"tl.fma({a}, {b}, {c})"

    def _call(self, n: Node, args: list[str]) -> str:
        if n.type == "real":
            return _CALLS[n.value].format(*args) if n.value != "heaviside" else self._positive(args[0], "real")
        if n.value in ("heaviside", "sign"):
            plus = self._positive(args[0], "int")
            return plus if n.value == "heaviside" else f"({plus} - ({args[0]} < 0).to({self.d['int']}))"
        return _INTEGER_CALLS[n.value].format(*args)

    def _positive(self, x: str, type_: str) -> str:
        return f"({x} > 0).to({self.d[type_]})"
