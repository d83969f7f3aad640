"""The places of states in the text of a synapse or a rule, and what may be read where.

A state is kept once for each sending neuron, each receiving neuron, each synapse, or once for the network. The states
of the two neurons themselves need no line: ``v_pre`` and ``v_post`` are theirs, as is any ``NAME_pre``, ``NAME_post``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spikelet.lang.increments import WEIGHT
from spikelet.lang.syntax import Assignment, Expr, Statement
from spikelet.lang.variables import Names, Variable
from spikelet.units import TIME, Dimension

PLACES = ("pre", "post", "synapse", "network")
FLAGS: Names = dict.fromkeys(("flow", "map"), PLACES)
_READS: dict[str, set[str]] = {  # place of a state -> places of what it may read
    "pre": {"pre", "network"},
    "post": {"post", "network"},
    "synapse": set(PLACES),
    "network": {"network"},
}
_KEPT = {
    "pre": "for each sending neuron",
    "post": "for each receiving neuron",
    "synapse": "for each synapse",
    "network": "once for the network",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """What the checked text of a synapse and of a rule have in common.

    Attributes:
        variables: Every variable by name, in the order of the text; sub-expressions stand after what they read.
        lines: The line of each variable.
        places: Place of each state: ``pre``, ``post``, ``synapse`` or ``network``.
        kept: For every name, the places of all that its value depends on.
        on_pre: Statements run when a spike arrives.
        initial: Statements that set the initial state.
        partners: Names of states of the two neurons, such as ``v_post``.
    """

    variables: Mapping[str, Variable]
    lines: Mapping[str, Statement]
    places: Mapping[str, str]
    kept: Mapping[str, frozenset[str]]
    on_pre: tuple[Assignment, ...]
    initial: tuple[Assignment, ...]
    partners: tuple[str, ...]

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        """Return the names of the variables of these kinds, in the order of the text."""
        return tuple(name for name, variable in self.variables.items() if variable.kind in kinds)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states; the weight of a rule is among them where it has a line."""
        return self.of_kind("flow", "map")


def side(name: str) -> str:
    """Return ``pre`` or ``post`` for the name of a state of one of the neurons, else an empty text."""
    stem, _, found = name.rpartition("_")
    return found if stem and found in ("pre", "post") else ""


def partners_in(exprs: Iterable[Expr], parts: Iterable[Assignment], declared: Iterable[str]) -> tuple[str, ...]:
    """Return the names of states of the two neurons, in alphabetical order."""
    names = {name for expr in exprs for name in expr.names()}
    names |= {name for part in parts for name in (part.name, *part.expr.names())}
    return tuple(sorted(name for name in names - set(declared) if side(name)))


def readable(partners: tuple[str, ...]) -> Names:
    """Return the names that need no line, by kind of line."""
    names = ("t", "dt", WEIGHT, "v_pre", "v_post", *partners)
    return {"flow": (*names, "xi"), "map": names, "sub": names}


def places_read(
    variables: Mapping[str, Variable], places: Mapping[str, str], partners: Iterable[str]
) -> dict[str, frozenset[str]]:
    """Return for every name the places of all that its value depends on."""
    kept = {WEIGHT: frozenset({"synapse"})}
    kept |= {name: frozenset({side(name)}) for name in partners}
    kept |= {name: frozenset({place}) for name, place in places.items()}
    for name, variable in variables.items():
        if variable.kind == "sub" and variable.expr is not None:
            kept[name] = frozenset(place for other in variable.expr.names() for place in kept.get(other, ()))
    return kept


def check_reads(expr: Expr, name: str, place: str, kept: Mapping[str, frozenset[str]]) -> None:
    """Check that a state reads nothing that has another value elsewhere: one of the receiver reads none of the sender.

    Raises:
        EquationError: it does; the caret stands under what it reads.
    """
    for node in expr.nodes():
        read = str(node.value) if node.op in ("name", "next") else ""
        other = sorted(kept.get(read, frozenset()) - _READS[place])
        if other:
            node.fail(f"'{name}' is kept {_KEPT[place]}, so it cannot read '{read}', which differs {_KEPT[other[0]]}")


def dimensions_of(variables: Mapping[str, Variable]) -> dict[str, Dimension]:
    """Return the dimension of every name that has one whatever the neurons are."""
    return {name: variable.dimension for name, variable in variables.items()} | {"t": TIME, "dt": TIME}
