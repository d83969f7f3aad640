"""The statements of an event as nodes: what a spike does at a synapse, and what a rule does with it.

statements of an event, in their order -> run -> the new value of each name that they set, over old ones
"""

from collections.abc import Iterable, Mapping

from spikelet.ir import simplify as s
from spikelet.ir.integrate import DT
from spikelet.ir.lower import TIME, operation
from spikelet.ir.nodes import Node, node
from spikelet.lang.functions import DRAWS
from spikelet.lang.syntax import Assignment, Expr
from spikelet.lang.variables import Variable


class Reader:
    """Turns expressions into nodes.

    What is no parameter and no sub-expression is a state: also the weight, and states of the two neurons.

    Args:
        variables: Those of the text.

    Attributes:
        streams: Place in the text of each random number -> its stream.
    """

    def __init__(self, variables: Mapping[str, Variable]):
        self.variables = variables
        self.streams: dict[object, int] = {}
        self.parts: dict[object, Node] = {}  # sub-expressions that have been read

    def type_of(self, name: str) -> str:
        """Return the type of a variable; the weight and states of neurons are real."""
        variable = self.variables.get(name)
        return "int" if variable is not None and variable.integer else "real"

    def run(self, parts: Iterable[Assignment], known: Mapping[str, Node]) -> dict[str, Node]:
        """Return what statements set, each reading what the earlier ones wrote; ``known`` are values at the start."""
        values: dict[str, Node] = {}
        for part in parts:
            value = self.read(part.expr, {**known, **values})
            values[part.name] = s.integer(value) if self.type_of(part.name) == "int" else s.real(value)
        return values

    def read(self, expr: Expr, known: Mapping[str, Node]) -> Node:
        """Turn an expression into a node; ``known`` are the values of names that have others than at the start."""
        if expr.op == "number":
            return s.const(expr.value)  # type: ignore[arg-type]  # numbers hold numbers
        if expr.op == "name":
            return self._name(str(expr.value), known)
        args = [self.read(arg, known) for arg in expr.args]
        if expr.op == "call" and expr.value in DRAWS:
            return self._drawn(str(expr.value), expr, args)
        return operation(expr, args)

    def _drawn(self, law: str, expr: Expr, args: list[Node]) -> Node:
        """Return a random number; what stands once in the text is one number, however often it is read."""
        number = self.streams.setdefault((expr.source, expr.start), len(self.streams))
        if law != "binomial":
            return node("noise", value=(law, number))
        return node("call", *map(s.real, args), node("noise", value=("uniform", number)), value="binomial")

    def _name(self, name: str, known: Mapping[str, Node]) -> Node:
        if name in known:
            return known[name]
        if name in ("t", "dt"):  # events are at the end of the step
            return s.add(TIME, DT) if name == "t" else DT
        variable = self.variables.get(name)
        if variable is not None and variable.kind == "parameter":
            return node("parameter", value=name, type_=self.type_of(name))
        if variable is None or variable.kind != "sub" or variable.expr is None:
            return node("state", value=name, type_=self.type_of(name))
        key = (name, *known.values())  # read once for each set of values, or a tower of them would take for ever
        if key not in self.parts:
            self.parts[key] = self.read(variable.expr, known)
        return self.parts[key]
