"""Print a ``Step`` as Python source in the spelling of a back end.

Every user name is prefixed (``s_`` state, ``x_`` input, ``c_`` coefficient, ``p_`` parameter), so that no name of a
model can clash with a name of the program. A node that is used once is written in place, any other gets a line.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from spikelet.ir.lower import Step
from spikelet.ir.nodes import Node, topological
from spikelet.lang.functions import FUNCTIONS

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}
_LOGIC = {"and": "&", "or": "|"}
_LEAVES = {"state": "s_", "input": "x_", "coefficient": "c_", "parameter": "p_"}
_WIDTH = 100  # an expression of more characters gets a line of its own


class _Printer:
    def __init__(self, target: str, roots: Iterable[Node]):
        self.target = target
        self.lines: list[str] = []
        self.written: dict[Node, str] = {}
        self.matrices: dict[tuple[Node, ...], str] = {}
        order = topological(roots)
        self.uses = Counter(arg for current in order for arg in current.args)
        self.uses.update(roots)

    def text(self, current: Node) -> str:
        """Return the text of a node, writing lines for what is shared below it."""
        for below in topological([current]):
            if below in self.written:
                continue
            text = self._expression(below)
            if below.args and (self.uses[below] > 1 or len(text) > _WIDTH):
                name = f"n{len(self.lines)}"
                self.lines.append(f"{name} = {bare(text)}")
                text = name
            self.written[below] = text
        return self.written[current]

    def _expression(self, n: Node) -> str:
        args = [self.written[arg] for arg in n.args]
        if n.kind in _LEAVES:
            return _LEAVES[n.kind] + n.value
        if n.kind in _INFIX:
            return f"({args[0]} {_INFIX[n.kind]} {args[1]})"
        match n.kind:
            case "const":
                return f"({n.value!r})" if n.type != "bool" and n.value < 0 else repr(n.value)
            case "time":
                return "time"
            case "neg":
                return f"(-{args[0]})"
            case "noise":
                return f"draw({n.value[0]!r}, {n.value[1]})"
            case "compare":
                return f"({args[0]} {n.value} {args[1]})"
            case "logic":
                return f"(~{args[0]})" if n.value == "not" else f"({args[0]} {_LOGIC[n.value]} {args[1]})"
            case "select":
                if self.target == "torch" and n.args[1].kind == n.args[2].kind == "const":
                    args[1:] = [f"number({arg})" for arg in args[1:]]  # of bare ones torch makes single precision
                return getattr(FUNCTIONS["where"], self.target).format(*args)
            case "spike":
                return f"spike({args[0]}, {args[1]})"
            case "choose":
                return f"{'choose_attached' if n.value else 'choose'}({', '.join(args)})"
            case "cast":
                return f"as_{n.value}({args[0]})"
            case "propagator":
                return self._propagator(n)
            case _:
                return self._call(n, args)

    def _call(self, n: Node, args: list[str]) -> str:
        if n.value in ("floordiv", "mod"):
            return f"({args[0]} {'//' if n.value == 'floordiv' else '%'} {args[1]})"
        spelling = getattr(FUNCTIONS[n.value], self.target)
        return spelling.format(*args)

    def _propagator(self, n: Node) -> str:
        part, i, j, size = n.value
        if n.args not in self.matrices:
            entries = [self.written[arg] for arg in n.args]
            matrix, noise, dt = entries[: size * size], entries[size * size : -1], entries[-1]
            name = f"m{len(self.matrices)}"
            self.lines.append(f"{name} = propagators({size}, [{', '.join(matrix)}], [{', '.join(noise)}], {dt})")
            self.matrices[n.args] = name
        return f'{self.matrices[n.args]}["{part}"][..., {i}, {j}]'


def bare(text: str) -> str:
    """Drop the parentheses around a whole expression."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and position < len(text) - 1:
            return text
    return text[1:-1]


def step_source(step: Step, target: str) -> str:
    """Return the source of ``step(s, x, c, time, draw) -> (new states, spike)``."""
    roots = step.roots
    printer = _Printer(target, roots)
    results = {name: printer.text(root) for name, root in step.updates.items()}
    spike = "None" if step.spike is None else printer.text(step.spike)
    used = {n.kind: set() for n in step.program()}
    for n in step.program():
        if n.kind in _LEAVES:
            used[n.kind].add(n.value)
    loads = [
        f"{_LEAVES[kind]}{name} = {short}[{name!r}]"
        for kind, short in (("state", "s"), ("input", "x"), ("coefficient", "c"))
        for name in _in_order(used.get(kind, set()), (*step.types, *step.inputs, *step.coefficients))
    ]
    body = [*loads, *printer.lines, f"return {_table(results)}, {bare(spike)}"]
    return _function("step(s, x, c, time, draw)", f"One step of {step.name} ({step.method}).", body)


def coefficient_source(step: Step, target: str) -> str:
    """Return the source of ``coefficients(p) -> {name: value}``."""
    return table_source("coefficients", step.coefficients, f"Coefficients of {step.name}.", target)


def table_source(name: str, nodes: Mapping[str, Node], doc: str, target: str) -> str:
    """Return the source of ``name(p) -> {name: value}`` for nodes over parameters."""
    printer = _Printer(target, nodes.values())
    results = {key: printer.text(root) for key, root in nodes.items()}
    parameters = [n.value for n in topological(nodes.values()) if n.kind == "parameter"]
    loads = [f"p_{parameter} = p[{parameter!r}]" for parameter in parameters]
    return _function(f"{name}(p)", doc, [*loads, *printer.lines, f"return {_table(results)}"])


def expression_source(name: str, root: Node, doc: str, target: str) -> str:
    """Return the source of ``name(x, p) -> value`` for a node over the input ``x`` and parameters."""
    printer = _Printer(target, [root])
    text = printer.text(root)
    parameters = [n.value for n in topological([root]) if n.kind == "parameter"]
    loads = ["x_x = x", *(f"p_{parameter} = p[{parameter!r}]" for parameter in parameters)]
    return _function(f"{name}(x, p)", doc, [*loads, *printer.lines, f"return {bare(text)}"])


def _in_order(names: set[str], order: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(order) if name in names]


def _table(results: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name!r}: {bare(text)}" for name, text in results.items()) + "}"


def _function(head: str, doc: str, body: list[str]) -> str:
    lines = "\n".join(f"    {line}" for line in body)
    return f"def {head}:\n    {doc!r}\n{lines}\n"
