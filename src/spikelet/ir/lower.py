"""From a model to one time step: ``Step``, the program that every back end runs.

The order is that of ``docs/semantics.md``: integrate, maps, deliver, spike, reset, refractoriness, record.
"""

import functools
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spikelet.errors import InputError, did_you_mean
from spikelet.ir import simplify as s
from spikelet.ir.integrate import DT, Flow, integrate
from spikelet.ir.nodes import Node, constant_in_time, constants_in_time, node, rewrite, topological
from spikelet.lang.definition import Definition
from spikelet.lang.syntax import Assignment, Expr
from spikelet.model import EVENTS, Neuron, Surrogate

TIME = node("time")
REFRACTORY, SPIKE, STEP = "refractory", "spike", "step"  # names of the states that the step adds
_OPERATORS = {"+": s.add, "-": s.sub, "*": s.mul, "/": s.div, "**": s.power, "neg": s.neg}


@dataclass(frozen=True, eq=False)
class Step:
    """One time step of a model.

    Attributes:
        name: Name of the model.
        method: Integrator of the flows (``map`` where there are none).
        reason: Why the rule would choose its method.
        inputs: Names that take a value in each step: inputs, and states that receive jumps.
        types: Type of every state that is carried from step to step: the model's, then ``refractory`` (steps left,
            or a flag), ``spike`` (output of the step before) and ``step`` (steps taken) where the model needs them.
        updates: New value of each of them (``step`` excepted, which the back end counts).
        spike: The output, 0 or 1; ``None`` without threshold.
        initial: Initial value of each state.
        coefficients: Definition of each coefficient over parameters and ``dt``.
        noise: Whether draws are made.
    """

    name: str
    method: str
    reason: str
    inputs: tuple[str, ...]
    types: Mapping[str, str]
    updates: Mapping[str, Node]
    spike: Node | None
    initial: Mapping[str, Node]
    coefficients: Mapping[str, Node]
    noise: bool

    @property
    def states(self) -> tuple[str, ...]:
        """Names of all states that are carried from step to step."""
        return tuple(self.types)

    @property
    def roots(self) -> tuple[Node, ...]:
        """The nodes that a step computes."""
        return (*self.updates.values(), *(() if self.spike is None else (self.spike,)))

    def program(self) -> list[Node]:
        """Return the nodes of the step, each once, arguments first."""
        return topological(self.roots)


def lower(model: Neuron, to: Iterable[str] = (), method: str | None = None) -> Step:
    """Return the time step of a model.

    Args:
        model: The neuron; values of parameters do not matter, so that changing them compiles nothing.
        to: States that receive jumps.
        method: Integrator in place of the model's.

    Raises:
        InputError: ``to`` names no state.
        ModelError: the method cannot integrate this model.
    """
    jumps = tuple(name for name in to if name not in model.inputs)
    for name in jumps:
        if name not in model.states:
            near = did_you_mean(name, (*model.inputs, *model.states))
            raise InputError(f"{model.name}: cannot deliver to '{name}': neither an input nor a state{near}")
    events = tuple(getattr(model, event) for event in EVENTS)
    return _lower(model.name, model.text, events, method or model.method, model.reset_gradient, jumps)


@functools.lru_cache(maxsize=1024)
def _lower(
    name: str, text: str, events: tuple[str, ...], method: str | None, attached: bool, jumps: tuple[str, ...]
) -> Step:
    model = Neuron(name, text, **dict(zip(EVENTS, events, strict=True)))
    return _Lowering(model, attached, jumps).step(method)


class _Lowering:
    """Builds the step of one model."""

    def __init__(self, model: Neuron, attached: bool, jumps: tuple[str, ...]):
        self.model, self.attached, self.jumps = model, attached, jumps
        self.definition: Definition = model.definition
        self.streams: dict[object, int] = {}
        self.parts: dict[object, Node] = {}  # sub-expressions that have been read
        variables = self.definition.variables
        self.types = {n: "int" if variables[n].integer else "real" for n in model.states}
        self.old = {n: node("state", value=n, type_=t) for n, t in self.types.items()}
        self.inputs = {n: node("input", value=n, type_=_type(variables[n].integer)) for n in model.inputs}
        self.fixed = {
            n: node("parameter", value=n, type_=_type(variables[n].integer))
            for n in self.definition.of_kind("parameter")
        }
        uses = {name for expr in self.definition.expressions for name in expr.names()}
        if SPIKE in uses:
            self.types[SPIKE] = "real"
        self.fixed |= {"dt": DT, SPIKE: node("state", value=SPIKE)}

    def step(self, method: str | None) -> Step:
        """Run the stages in order."""
        refractory = self._refractory_now()
        flow = self._flow(refractory)
        new, used, reason = integrate(flow, method)
        new = self._maps(new, refractory)
        new = self._delivered(new, refractory)
        spike, still = self._spike(new, refractory)
        new = self._reset(new, spike)
        new = self._recovered(new, refractory, still)
        return self._finished(new, spike, still, used, reason)

    # --- reading expressions ------------------------------------------------------------------------------------------

    def read(
        self, expr: Expr, env: Mapping[str, Node], time: Node = TIME, new: Mapping[str, Node] | None = None
    ) -> Node:
        """Turn an expression into a node; ``env`` holds states, ``new`` what ``v[k+1]`` reads."""
        if expr.op == "number":
            return s.const(expr.value)  # type: ignore[arg-type]  # numbers hold numbers
        if expr.op == "next":
            assert new is not None  # the definition allows v[k+1] in maps only
            return new[str(expr.value)]
        if expr.op == "name":
            return self._name(str(expr.value), expr, env, time)
        if expr.op == "call" and expr.value in ("uniform", "normal"):
            return node("noise", value=(expr.value, self._stream(expr)))
        args = [self.read(arg, env, time, new) for arg in expr.args]
        return operation(expr, args)

    def _name(self, name: str, expr: Expr, env: Mapping[str, Node], time: Node) -> Node:
        if name in env:
            return env[name]
        if name == "t":
            return time
        if name == "xi":
            return node("noise", value=("xi", self._stream(expr)))
        known = self.fixed.get(name) or self.inputs.get(name)
        if known is not None:
            return known
        key = (name, time, *env.items())  # read once for each set of values, or a tower of them would take for ever
        if key not in self.parts:
            self.parts[key] = self.read(_expr(self.definition.variables[name].expr), env, time)
        return self.parts[key]

    def _stream(self, use: object) -> int:
        """Return the stream of random numbers of one use in the text."""
        key = (use.source, use.start) if isinstance(use, Expr) else use
        return self.streams.setdefault(key, len(self.streams))

    # --- stages -------------------------------------------------------------------------------------------------------

    def _refractory_now(self) -> Node | None:
        if self.definition.refractory is None:
            return None
        if self.definition.refractory[0] == "condition":
            self.types[REFRACTORY] = "bool"
            return node("state", value=REFRACTORY, type_="bool")
        self.types[REFRACTORY] = "int"
        return s.compare(">", node("state", value=REFRACTORY, type_="int"), s.const(0))

    def _flow(self, refractory: Node | None) -> Flow:
        variables = self.definition.variables
        flows = self.definition.of_kind("flow")

        def right_sides(states: Mapping[str, Node]) -> dict[str, Node]:
            env = {**self.old, **states}
            return {name: s.real(self.read(_expr(variables[name].expr), env)) for name in flows}

        return Flow(
            self.model.name,
            {name: self.old[name] for name in flows},
            right_sides,
            frozenset(name for name in flows if variables[name].held),
            refractory,
            tuple(self.inputs.values()),
            lambda: node("noise", value=("normal", self._stream(len(self.streams)))),
            self._ceilings(),
        )

    def _ceilings(self) -> dict[str, Node]:
        """Return ``v_th`` of ``v > v_th`` where the reset sets v to something that does not depend on v."""
        top = self.definition.threshold
        if top is None or top.op not in (">", ">=") or top.args[0].op != "name":
            return {}
        name = str(top.args[0].value)
        sets = [part for part in self.definition.reset if part.name == name]
        flows = self.definition.of_kind("flow")
        if name not in flows or not sets or any(name in part.expr.names() for part in self.definition.reset):
            return {}
        level = s.real(self.read(top.args[1], self.old))
        return {name: level} if constant_in_time(level) else {}

    def _maps(self, flows: Mapping[str, Node], refractory: Node | None) -> dict[str, Node]:
        new = dict(flows)
        for name in self.definition.of_kind("map"):
            variable = self.definition.variables[name]
            value = self.read(_expr(variable.expr), self.old, new=new)
            value = s.integer(value) if variable.integer else s.real(value)
            if variable.held and refractory is not None:
                value = s.select(refractory, self.old[name], value)
            new[name] = value
        return new

    def _delivered(self, new: dict[str, Node], refractory: Node | None) -> dict[str, Node]:
        for name in self.jumps:
            variable = self.definition.variables[name]
            jump = node("input", value=name, type_=_type(variable.integer))
            value = s.add(new[name], jump)
            held = variable.held and refractory is not None
            new[name] = s.select(refractory, new[name], value) if held and refractory is not None else value
        return new

    def _spike(self, new: dict[str, Node], refractory: Node | None) -> tuple[Node | None, Node | None]:
        """Return the spike, and whether refractoriness (by a condition) goes on."""
        threshold = self.definition.threshold
        if threshold is None:
            return None, None
        end = s.add(TIME, DT)
        condition = self.read(threshold, new, end)
        scale = self.fixed.get("surrogate_scale") or node("parameter", value="surrogate_scale")
        distance = s.div(self._margin(threshold, new, end), scale)
        spike = node("spike", condition, distance)
        still = refractory
        if refractory is not None and self.types[REFRACTORY] == "bool":
            assert self.definition.refractory is not None
            still = s.logic("and", refractory, self.read(self.definition.refractory[1], new, end))
        return (spike if still is None else s.select(still, s.const(0.0), spike)), still

    def _margin(self, expr: Expr, env: Mapping[str, Node], time: Node) -> Node:
        """Return how far a condition is from changing: positive where it holds."""
        if expr.op in ("and", "or"):
            parts = [self._margin(arg, env, time) for arg in expr.args if _compares(arg)]
            return parts[0] if len(parts) == 1 else s.call("min" if expr.op == "and" else "max", *parts)
        if expr.op == "not":
            return s.neg(self._margin(expr.args[0], env, time))
        left, right = (s.real(self.read(arg, env, time)) for arg in expr.args)
        return s.sub(left, right) if expr.op in (">", ">=") else s.sub(right, left)

    def _run(self, event: tuple[Assignment, ...], new: Mapping[str, Node]) -> dict[str, Node]:
        """Run an event's statements, each reading what the earlier ones wrote."""
        env, end = dict(new), s.add(TIME, DT)
        for part in event:
            value = self.read(part.expr, env, end)
            env[part.name] = s.integer(value) if self.types[part.name] == "int" else s.real(value)
        return env

    def _reset(self, new: dict[str, Node], spike: Node | None) -> dict[str, Node]:
        if spike is None:
            return new
        after = self._run(self.definition.reset, new)
        return {name: s.choose(spike, after[name], new[name], self.attached) for name in new}

    def _recovered(self, new: dict[str, Node], refractory: Node | None, still: Node | None) -> dict[str, Node]:
        if not self.definition.on_recovery or refractory is None or still is None:
            return new
        if self.types[REFRACTORY] == "bool":
            over = s.logic("and", refractory, s.logic("not", still))
        else:
            over = s.compare("==", node("state", value=REFRACTORY, type_="int"), s.const(1))
        after = self._run(self.definition.on_recovery, new)
        return {name: s.select(over, after[name], new[name]) for name in new}

    def _refractory_next(self, spike: Node, still: Node | None) -> Node:
        assert self.definition.refractory is not None
        fired = s.compare(">", spike, s.const(0.0))
        kind, expr = self.definition.refractory
        if kind == "condition":
            assert still is not None
            return s.logic("or", still, fired)
        left = node("state", value=REFRACTORY, type_="int")
        steps = s.call("round", s.div(self.read(expr, {}), DT))
        steps = s.integer(s.call("min", steps, s.const(2.0**31)))  # an infinite duration is a very long one
        return s.select(fired, steps, s.call("max", s.sub(left, s.const(1)), s.const(0)))

    def _finished(self, new: dict[str, Node], spike: Node | None, still: Node | None, used: str, reason: str) -> Step:
        updates = {name: new[name] for name in self.model.states}
        if REFRACTORY in self.types and spike is not None:
            updates[REFRACTORY] = self._refractory_next(spike, still)
        if SPIKE in self.types:
            updates[SPIKE] = s.const(0.0) if spike is None else spike
        kinds = {found.kind for found in topological([*updates.values(), *([spike] if spike is not None else [])])}
        if kinds & {"time", "noise"}:
            self.types[STEP] = "int"
        zero = {"real": s.const(0.0), "int": s.const(0), "bool": s.const(False)}
        initial: dict[str, Node] = {name: zero[type_] for name, type_ in self.types.items()}
        initial |= self._run(self.definition.initial, {name: initial[name] for name in self.model.states})
        updates, spike, coefficients = hoisted(updates, spike)
        return Step(
            name=self.model.name,
            method=used,
            reason=reason,
            inputs=(*self.model.inputs, *self.jumps),
            types=dict(self.types),
            updates=updates,
            spike=spike,
            initial=initial,
            coefficients=coefficients,
            noise="noise" in kinds,
        )


def _expr(expr: Expr | None) -> Expr:
    assert expr is not None  # flows and maps have right sides
    return expr


def _type(integer: bool) -> str:
    return "int" if integer else "real"


def _compares(expr: Expr) -> bool:
    return expr.op in ("<", "<=", ">", ">=") or any(_compares(arg) for arg in expr.args)


def operation(expr: Expr, args: list[Node]) -> Node:
    """Return the node of an operator or call applied to nodes."""
    op = expr.op
    if op in _OPERATORS:
        return _OPERATORS[op](*args)
    if op == "call":
        return s.call(str(expr.value), *args)
    if op in ("and", "or", "not"):
        return s.logic(op, *args)
    if op in ("//", "%"):
        if all(arg.type == "int" for arg in args):
            return s.call("floordiv" if op == "//" else "mod", *args)
        whole = s.call("floor", s.div(*args))
        return whole if op == "//" else s.sub(args[0], s.mul(whole, args[1]))
    return s.compare(op, *args)


def surrogate_derivative(surrogate: Surrogate) -> Node:
    """Return a surrogate's derivative as a node over the input ``x`` and its parameters."""

    def read(expr: Expr) -> Node:
        if expr.op == "number":
            return s.const(expr.value)  # type: ignore[arg-type]  # numbers hold numbers
        if expr.op == "name":
            return node("input" if expr.value == "x" else "parameter", value=expr.value)
        return operation(expr, [read(arg) for arg in expr.args])

    return s.real(read(surrogate.expr))


def hoisted(updates: Mapping[str, Node], spike: Node | None) -> tuple[dict[str, Node], Node | None, dict[str, Node]]:
    """Replace what depends on parameters alone by coefficients; constants beside no tensor become some, too."""
    roots = [*updates.values(), *([] if spike is None else [spike])]
    fixed = {n for n in constants_in_time(roots) if n.type != "bool"}
    names: dict[Node, str] = {}
    taken = {n.value for n in topological(roots) if n.kind == "parameter"}
    free = (name for number in itertools.count() if (name := f"k{number}") not in taken)

    def coefficient(old: Node) -> Node:
        if old not in names:
            names[old] = old.value if old.kind == "parameter" else next(free)
        return node("coefficient", value=names[old], type_=old.type)

    def change(old: Node, args: tuple[Node, ...]) -> Node:
        if old in fixed:
            return old  # its users decide
        bare = old.kind in ("select", "choose", "call", "cast")
        new = [
            coefficient(arg) if arg in fixed and (bare or arg.kind != "const") else done
            for arg, done in zip(old.args, args, strict=True)
        ]
        return node(old.kind, *new, value=old.value, type_=old.type)

    done = rewrite(roots, change)

    def finished(old: Node) -> Node:
        return coefficient(old) if old in fixed else done[old]

    new_updates = {name: finished(update) for name, update in updates.items()}
    new_spike = None if spike is None else finished(spike)
    return new_updates, new_spike, {name: definition for definition, name in names.items()}
