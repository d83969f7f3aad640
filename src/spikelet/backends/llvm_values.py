"""Values of LLVM IR with the operators of Python: ``x*y + 1`` writes two instructions and returns the last.

Functions are written as ordinary Python over `Value`, and are branch-free: a choice is a `select` between two values
that are both computed, so that LLVM can turn a loop over them into vector instructions.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Any

from spikelet.backends.llvm_printer import Function, number

Operand = Any  # a Value, or a number
_SUFFIX = {"float": "f32", "double": "f64", "i32": "i32", "i64": "i64"}
_WORD = {"float": "i32", "double": "i64"}  # the integer of the same size


class Value:
    """A value inside a function that is being written.

    Attributes:
        f: The function.
        type: ``float``, ``double``, ``i32``, ``i64`` or ``i1``.
        name: Its register or its literal.
    """

    __slots__ = ("f", "name", "type")

    def __init__(self, f: Function, type_: str, name: str):
        self.f, self.type, self.name = f, type_, name

    def like(self, other: Operand) -> "Value":
        """Return a value, or a number as a literal of this value's type."""
        if isinstance(other, Value):
            return other
        real = self.type in _WORD
        return Value(self.f, self.type, number(float(other), self.type) if real else str(int(other)))

    def write(self, verb: str, *others: Operand, type_: str = "") -> "Value":
        """Write an instruction over this value and others of its type."""
        names = ", ".join([self.name, *(self.like(other).name for other in others)])
        return Value(self.f, type_ or self.type, self.f.value(f"{verb} {self.type} {names}"))

    def call(self, name: str, *others: Operand) -> "Value":
        """Write a call of a function of LLVM over this value and others of its type."""
        given = ", ".join(f"{self.type} {self.like(other).name}" for other in (self, *others))
        return Value(self.f, self.type, self.f.value(f"call {self.type} @llvm.{name}.{_SUFFIX[self.type]}({given})"))

    def foreign(self, name: str) -> "Value":
        """Write a call of a function of the C library."""
        return Value(self.f, self.type, self.f.value(f"call {self.type} @{name}({self.type} {self.name})"))

    def _arithmetic(self, verb: str, other: Operand, swapped: bool = False) -> "Value":
        verb = f"f{verb}" if self.type in _WORD else verb
        return self.like(other).write(verb, self) if swapped else self.write(verb, other)

    def __add__(self, other: Operand) -> "Value":
        return self._arithmetic("add", other)

    def __sub__(self, other: Operand) -> "Value":
        return self._arithmetic("sub", other)

    def __rsub__(self, other: Operand) -> "Value":
        return self._arithmetic("sub", other, swapped=True)

    def __mul__(self, other: Operand) -> "Value":
        return self._arithmetic("mul", other)

    def __truediv__(self, other: Operand) -> "Value":
        return self._arithmetic("div", other)

    def __rtruediv__(self, other: Operand) -> "Value":
        return self._arithmetic("div", other, swapped=True)

    def __neg__(self) -> "Value":
        return self.write("fneg")

    def __and__(self, other: Operand) -> "Value":
        return self.write("and", other)

    def __or__(self, other: Operand) -> "Value":
        return self.write("or", other)

    def __xor__(self, other: Operand) -> "Value":
        return self.write("xor", other)

    def __lshift__(self, other: int) -> "Value":
        return self.write("shl", other)

    def __rshift__(self, other: int) -> "Value":
        return self.write("lshr", other)  # without the sign: what is shifted here is a pattern of bits

    def _compare(self, relation: str, other: Operand) -> "Value":
        return self.write(f"fcmp o{relation}" if self.type in _WORD else f"icmp s{relation}", other, type_="i1")

    def __lt__(self, other: Operand) -> "Value":
        return self._compare("lt", other)

    def __gt__(self, other: Operand) -> "Value":
        return self._compare("gt", other)

    def equals(self, other: Operand) -> "Value":
        """Return whether two values are equal; NaN equals nothing."""
        return self.write("fcmp oeq" if self.type in _WORD else "icmp eq", other, type_="i1")

    def differs(self, other: Operand) -> "Value":
        """Return the opposite of `equals`; ``x.differs(x)`` finds NaN."""
        return self.write("fcmp une" if self.type in _WORD else "icmp ne", other, type_="i1")

    def to(self, type_: str, verb: str = "bitcast") -> "Value":
        """Convert: ``bitcast``, ``fpext``, ``fptrunc``, ``trunc``, ``zext``, ``fptosi`` or ``sitofp``."""
        return Value(self.f, type_, self.f.value(f"{verb} {self.type} {self.name} to {type_}"))

    def frozen(self) -> "Value":
        """Return a value that is some number also where this one is undefined, as an integer made of NaN is."""
        return self.write("freeze")

    def ldexp(self, n: "Value") -> "Value":
        """Write this value times 2**n, for an integer n of 32 bits."""
        given = f"{self.type} {self.name}, i32 {n.name}"
        return Value(self.f, self.type, self.f.value(f"call {self.type} @llvm.ldexp.{_SUFFIX[self.type]}.i32({given})"))

    def bits(self) -> "Value":
        """Return the bits of a real number as an integer."""
        return self.to(_WORD[self.type])


def select(condition: Value, then: Operand, otherwise: Operand) -> Value:
    """Return one of two values; one of them may be a number."""
    known = then if isinstance(then, Value) else otherwise
    if not isinstance(known, Value):
        raise TypeError("select needs one value to know the type of the other")
    a, b = known.like(then), known.like(otherwise)
    text = f"select i1 {condition.name}, {a.type} {a.name}, {b.type} {b.name}"
    return Value(known.f, known.type, known.f.value(text))


def fma(x: Value, y: Operand, z: Operand) -> Value:
    """Return x*y + z, in one instruction where the CPU has one."""
    return x.call("fmuladd", y, z)


def horner(x: Value, coefficients: Iterable[float]) -> Value:
    """Return a polynomial; the constant term comes first."""
    *lower, top = coefficients
    value = x.like(top)
    for coefficient in reversed(lower):
        value = fma(x, value, coefficient)
    return value


def clamp(x: Value, low: float | None = None, high: float | None = None) -> Value:
    """Return x within bounds; NaN stays NaN."""
    x = x if low is None else select(x < low, low, x)
    return x if high is None else select(x > high, high, x)


def bit_pattern(value: float, real: str) -> int:
    """Return the bits of a number as an integer."""
    sizes = {"float": ("<f", "<I"), "double": ("<d", "<Q")}[real]
    return struct.unpack(sizes[1], struct.pack(sizes[0], value))[0]


def definition(name: str, real: str, arity: int, body: Callable[..., Value]) -> str:
    """Return the text of ``REAL @name(REAL ...)``, whose body is written by a function over values."""
    arguments = [f"%x{i}" for i in range(arity)]
    given = ", ".join(f"{real} {argument}" for argument in arguments)
    f = Function(f"internal {real} @{name}({given}) alwaysinline")
    result = body(*(Value(f, real, argument) for argument in arguments))
    return "\n".join([*f.lines, f"  ret {real} {result.name}", "}"])
