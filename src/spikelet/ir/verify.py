"""Check that a ``Step`` is well formed. Tests call this after every pass over the whole zoo."""

from collections.abc import Iterable

from spikelet.ir.lower import STEP, Step
from spikelet.ir.nodes import KINDS, TYPES, Node, node, topological
from spikelet.lang.functions import FUNCTIONS

_ARITY = {"floordiv": 2, "mod": 2} | {name: function.arity for name, function in FUNCTIONS.items()}
_AT_RUN = {"parameter", "propagator"}  # kinds that only coefficients may contain
_ONCE = {"state", "input", "time", "noise", "spike", "choose", "coefficient"}  # kinds that they may not


class MalformedStep(AssertionError):
    """A pass of the compiler broke a rule; a bug of Spikelet, never of a model."""


def verify_nodes(owner: str, roots: Iterable[Node]) -> None:
    """Raise ``MalformedStep`` unless every node under ``roots`` is well formed, as it must be after any stage."""
    for current in topological(roots):
        _check(owner, current)


def verify(step: Step) -> None:
    """Raise ``MalformedStep`` unless every rule of ``ir.nodes`` holds for the step and its coefficients."""
    missing = set(step.types) - set(step.updates) - {STEP}
    _require(not missing, f"{step.name}: states without a new value: {sorted(missing)}")
    _require(set(step.initial) == set(step.types), f"{step.name}: initial values do not match the states")
    verify_nodes(step.name, [*step.roots, *step.coefficients.values(), *step.initial.values()])
    for current in step.program():
        fixed = bool(current.args) and all(arg.kind in ("const", "coefficient") for arg in current.args)
        late = fixed and current.type != "bool" and current.kind != "spike"
        _require(current.kind not in _AT_RUN and not late, f"{step.name}: {current} was not hoisted")
        if current.kind == "noise":
            _require(current.value[0] in ("uniform", "normal"), f"{step.name}: {current} is of no law")
        if current.kind == "coefficient":
            _require(current.value in step.coefficients, f"{step.name}: {current} has no definition")
        if current.kind == "state":
            _require(current.value in step.types, f"{step.name}: unknown state {current.value}")
        if current.kind == "input":
            _require(current.value in step.inputs, f"{step.name}: unknown input {current.value}")
    for current in topological([*step.coefficients.values(), *step.initial.values()]):
        _require(current.kind not in _ONCE, f"{step.name}: {current} in a coefficient")
    for name, update in step.updates.items():
        _require(update.type == step.types[name], f"{step.name}: {name} is {step.types[name]}, not {update.type}")
    spikes = [n for n in step.program() if n.kind == "spike"]
    _require(len(spikes) == (step.spike is not None), f"{step.name}: {len(spikes)} spike nodes")


def _check(owner: str, current: Node) -> None:
    where = f"{owner}: {current!r}"
    _require(current.kind in KINDS, f"{where}: unknown kind {current.kind}")
    _require(current.type in TYPES, f"{where}: unknown type {current.type}")
    count = KINDS[current.kind]
    _require(count is None or count == len(current.args), f"{where}: {len(current.args)} arguments")
    same = node(current.kind, *current.args, value=current.value, type_=current.type)
    _require(same is current, f"{where}: not interned")
    types = [arg.type for arg in current.args]
    if current.kind in ("add", "sub", "mul", "div", "pow", "neg"):
        _require(all(t == current.type for t in types), f"{where}: types {types}")
    if current.kind == "compare":
        _require(types[0] == types[1] and current.type == "bool", f"{where}: types {types}")
    if current.kind in ("logic", "select", "spike"):
        _require(types[0] == "bool", f"{where}: its condition is {types[0]}")
    if current.kind in ("select", "choose"):
        _require(types[1] == types[2] == current.type, f"{where}: types {types}")
    if current.kind == "call":
        _require(current.value in _ARITY, f"{where}: no such function")
        _require(_ARITY[current.value] == len(current.args), f"{where}: not {_ARITY[current.value]} arguments")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise MalformedStep(message)
