"""What the simulator does when a spike arrives: what it adds to the receiver, and what changes at the sender."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from spikelet.errors import ModelError
from spikelet.lang.functions import DRAWS
from spikelet.lang.increments import factor, inlined
from spikelet.lang.synapse import OUT, SynapseDefinition
from spikelet.lang.syntax import Assignment, Expr

_SENDING = ("pre", "synapse")
_YET = "the simulator cannot run this yet"


@dataclass(frozen=True, slots=True)
class Jump:
    """``state += w*factor``.

    Attributes:
        state: A ``(post)`` state, or a state of the receiving neuron, such as ``v_post``.
        factor: Expression over ``(pre)`` and ``(synapse)`` states, parameters and ``dt``; ``None`` is 1.
        after: Number of assignments that run before it; the factor reads what they have written.
    """

    state: str
    factor: Expr | None
    after: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """The statements of ``on_pre``, sub-expressions written out.

    Attributes:
        jumps: What the receiver gets, one for each state, in the order of the text.
        assignments: New values of ``(pre)`` and ``(synapse)`` states, in the order of the text; each reads what the
            earlier ones have written, and, as factors do, nothing of the receiver.
        each: Whether a spike does something else at each synapse, by its states or by chance.
    """

    jumps: tuple[Jump, ...]
    assignments: tuple[Assignment, ...]
    each: bool = False

    @property
    def factors(self) -> Mapping[str, Expr | None]:
        """Factor of each jump by its state."""
        return {jump.state: jump.factor for jump in self.jumps}


def arrival(definition: SynapseDefinition) -> Arrival:
    """Sort the statements of ``on_pre``, and check that the simulator can run the synapse.

    Raises:
        ModelError: it cannot; the message says so, and shows where.
    """
    _check_lines(definition)
    each = _is_each(definition)
    jumps: list[Jump] = []
    assignments: list[Assignment] = []
    for part in definition.on_pre:
        place = definition.places.get(part.name, "post")
        if place in _SENDING:
            expr = inlined(part.expr, definition.variables)
            _check_sender(expr.nodes(), definition, each and place == "synapse", each)
            assignments.append(replace(part, expr=expr))
        elif place == "post":
            if any(jump.state == part.name for jump in jumps):
                part.fail(f"{_YET}: '{part.name}' is raised twice; write one statement", ModelError)
            multiple = factor(part, definition.variables)
            _check_sender([] if multiple is None else multiple.nodes(), definition, each, each)
            jumps.append(Jump(part.name, multiple, len(assignments)))
        else:
            part.fail(f"{_YET}: a spike changes the (network) state '{part.name}'", ModelError)
    return Arrival(tuple(jumps), tuple(assignments), each)


def _is_each(definition: SynapseDefinition) -> bool:
    """Return whether what a spike does differs from synapse to synapse."""
    exprs = [inlined(part.expr, definition.variables) for part in definition.on_pre]
    return "synapse" in definition.places.values() or any(expr.calls() & {*DRAWS} for expr in exprs)


def _check_lines(definition: SynapseDefinition) -> None:
    """Check that ``out`` and ``(post)`` states read the receiver alone, and that the others do not read it."""
    for name, variable in definition.variables.items():
        place = "post" if name == OUT else definition.places.get(name)
        if place is None or variable.expr is None:
            continue
        if place == "network":
            definition.lines[name].fail(f"{_YET}: '{name}' is a (network) state", ModelError)
        if place == "post":
            _check_receiver(variable.expr, name, definition)
        else:
            _check_sender(inlined(variable.expr, definition.variables).nodes(), definition)


def _check_receiver(expr: Expr, name: str, definition: SynapseDefinition) -> None:
    for node in expr.nodes():
        if node.op in ("name", "next") and definition.kept.get(str(node.value), frozenset()) - {"post"}:
            node.fail(
                f"{_YET}: '{name}' reads '{node.value}', so it would have a value of its own for each synapse; "
                "it may read (post) states and the receiving neuron's, such as 'v_post'",
                ModelError,
            )


def _check_sender(
    nodes: Iterable[Expr], definition: SynapseDefinition, draws: bool = False, time: bool = False
) -> None:
    """Check what is read at the sender; ``draws`` lets it be random, ``time`` lets it depend on the time."""
    allowed = {"dt", *(["t"] if time else []), *definition.of_kind("parameter")}
    allowed |= {name for name, place in definition.places.items() if place in _SENDING}
    for node in nodes:
        drawn = node.op == "call" and node.value in DRAWS
        if (drawn and not draws) or (node.op in ("name", "next") and node.value not in allowed):
            what = f"'{node.value}{'()' if drawn else ''}'"
            node.fail(
                f"{_YET}: {what} is read where only parameters and (pre) or (synapse) states may be, "
                "which change between spikes by themselves and at spikes by on_pre",
                ModelError,
            )
