"""Two rules on one synapse: their lines side by side, what both have once, and their events one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from spikelet.errors import EquationError
from spikelet.lang.definition import reads
from spikelet.lang.increments import WEIGHT
from spikelet.lang.rule import RuleDefinition
from spikelet.lang.syntax import Assignment, Statement

EVENTS = ("on_pre", "on_post", "initial")


@dataclass(frozen=True)
class Joined:
    """The texts of a rule that is two.

    Attributes:
        text: Its lines.
        events: Name of each event -> its statements.
    """

    text: str
    events: Mapping[str, str]


def join(names: tuple[str, str], first: RuleDefinition, second: RuleDefinition) -> Joined:
    """Join the texts of two rules; where both write ``dw/dt``, the weight gets the sum.

    Args:
        names: Of the rules, for messages.
        first: Its events run before those of the other.
        second: The other.

    Raises:
        EquationError: a name means one thing in one and another in the other; the message shows both lines.
    """
    for one, other, (a, b) in ((first, second, names), (second, first, names[::-1])):
        for name in sorted(set(one.partners) & set(other.lines)):
            raise EquationError(
                f"{a} + {b}: '{name}' is a state of a neuron in {a}, but {b} has a line of its own for it:\n"
                f"{b}: {_text(other.lines[name])}"
            )
    lines = [_text(line) for line in first.lines.values()]
    for line in second.lines.values():
        twin = first.lines.get(line.name)
        if twin is None:
            lines.append(_text(line))
        elif line.name == WEIGHT and line.kind == twin.kind == "flow":
            lines[lines.index(_text(twin))] = f"dw/dt = {_body(twin)} + {_body(line)} : 1"
        elif line.name == WEIGHT or not _same(twin, line) or _measure(first, line) != _measure(second, line):
            _conflict(names, f"'{line.name}'", _text(twin), _text(line))
    events = {event: "; ".join(_joined(names, event, first, second)) for event in EVENTS}
    return Joined("\n".join(lines), events)


def _same(a: Statement, b: Statement) -> bool:
    """Return whether two lines mean the same; the values of parameters are compared elsewhere."""
    place = tuple((*line.flags, "synapse")[0] for line in (a, b))
    if a.kind != b.kind or (a.kind in ("flow", "map") and place[0] != place[1]):
        return False
    if a.kind in ("parameter", "required"):
        return True
    assert a.expr is not None and b.expr is not None  # states and sub-expressions have right sides
    return a.unit == b.unit and a.expr.unspanned() == b.expr.unspanned()


def _measure(definition: RuleDefinition, line: Statement) -> tuple[object, ...]:
    variable = definition.variables[line.name]
    return variable.dimension, variable.integer


def _joined(names: tuple[str, str], event: str, first: RuleDefinition, second: RuleDefinition) -> list[str]:
    """Return the statements of an event, what both do to a state that they share once."""
    parts, more = _parts(first, event), _parts(second, event)
    done = {name: [part for part in parts if part.name == name] for name in {part.name for part in parts}}
    found = [_statement(part) for part in parts]
    shared = set(first.places) & set(second.places) - {WEIGHT}
    for name in sorted(shared):
        own = [part for part in more if part.name == name]
        before, after = ([_statement(part) for part in some] for some in (done.get(name, []), own))
        if before != after:
            _conflict(names, f"{event} and '{name}'", "; ".join(before) or "nothing", "; ".join(after) or "nothing")
        at = more.index(own[0]) if own else len(more)
        early = [part for part in more[:at] if own and name in reads(part.expr, second.variables)]
        if early:
            _conflict(names, f"{event}, which reads '{name}' before it is set,", "; ".join(found), _statement(early[0]))
    return found + [_statement(part) for part in more if part.name not in shared]


def _parts(definition: RuleDefinition, event: str) -> list[Assignment]:
    return list(getattr(definition, event))


def _conflict(names: tuple[str, str], what: str, a: str, b: str) -> NoReturn:
    raise EquationError(
        f"{names[0]} + {names[1]}: {what} cannot be joined, since they differ; give one of them another name\n"
        f"    {names[0]}: {a}\n    {names[1]}: {b}"
    )


def _body(line: Statement | Assignment) -> str:
    return f"({line.source.line[slice(*line.body)].strip()})"


def _text(line: Statement) -> str:
    """Return a line as it was written, without its comment."""
    body, flags = line.source.line[slice(*line.body)].strip(), "".join(f" ({flag})" for flag in line.flags)
    heads = {"flow": f"d{line.name}/dt = {body}", "map": f"{line.name}[k+1] = {body}", "required": line.name}
    return heads.get(line.kind, f"{line.name} = {body}") + (f" : {line.unit}{flags}" if line.unit else "")


def _statement(part: Assignment) -> str:
    """Return a statement of an event as it was written."""
    return f"{part.name} {part.operator}= {part.source.line[slice(*part.body)].strip()}"
