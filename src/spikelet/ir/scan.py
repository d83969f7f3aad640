"""From one time step to a scan over T steps: what is recorded, what is frozen, and what can be left out.

A fused back end runs a ``Scan``: for every step the new states and what is recorded of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spikelet.errors import InputError, did_you_mean
from spikelet.ir import simplify as s
from spikelet.ir.lower import REFRACTORY, STEP, Step
from spikelet.ir.nodes import Node, node, rewrite, topological

SPIKES = "spikes"  # the output of every spiking model
ALIVE = node("input", value="alive?", type_="bool")  # whether a sequence goes on; no input of a model has a "?"
_ZERO = {"real": s.const(0.0), "int": s.const(0), "bool": s.const(False)}


@dataclass(frozen=True, eq=False)
class Scan:
    """T steps of a model.

    Attributes:
        step: The step from which it was made.
        types: Type of each state that is carried from step to step (without ``step``, the count).
        updates: New value of each of them.
        outputs: What is recorded of each step: ``spikes`` and states, as they are after the step.
        counts: Whether the program reads the number of the step (time or noise).
    """

    step: Step
    types: Mapping[str, str]
    updates: Mapping[str, Node]
    outputs: Mapping[str, Node]
    counts: bool

    @property
    def roots(self) -> tuple[Node, ...]:
        """Everything that a step computes."""
        return (*self.updates.values(), *self.outputs.values())

    def leaves(self, kind: str) -> list[Node]:
        """Return the leaves of a kind (``input``, ``coefficient`` ...) that the program reads, each once."""
        return [n for n in topological(self.roots) if n.kind == kind]


def scan(step: Step, outputs: Iterable[str], *, masked: bool = False, quiet: bool = False) -> Scan:
    """Return the scan of a step.

    Args:
        step: From ``lower``.
        outputs: ``"spikes"`` and names of states.
        masked: Sequences end at steps of their own: past its end the state is frozen and what is recorded is 0.
        quiet: No neuron is ever refractory (the duration rounds to no step, and none is refractory at the start): that
            state, and every choice that depends on it, is left out.

    Raises:
        InputError: ``outputs`` names no state.
    """
    updates = dict(step.updates)
    spike = s.const(0.0) if step.spike is None else step.spike
    if quiet:
        updates, spike = _without_refractoriness(updates, spike)
    shown: dict[str, Node] = {}
    for name in outputs:
        if name != SPIKES and name not in updates:
            if not (quiet and name == REFRACTORY):
                valid = (SPIKES, *step.types)
                raise InputError(f"{step.name}: cannot record '{name}'{did_you_mean(name, valid)}")
            shown[name] = s.const(0)
            continue
        shown[name] = spike if name == SPIKES else updates[name]
    types = {name: type_ for name, type_ in step.types.items() if name in updates}
    if masked:
        shown = {name: s.select(ALIVE, value, _ZERO[value.type]) for name, value in shown.items()}
        old = {name: node("state", value=name, type_=type_) for name, type_ in types.items()}
        updates = {name: s.select(ALIVE, value, old[name]) for name, value in updates.items()}
    counts = any(n.kind in ("time", "noise") for n in topological([*updates.values(), *shown.values()]))
    return Scan(step, types, updates, shown, counts)


def can_be_quiet(step: Step) -> bool:
    """Return whether refractoriness is a duration, which may be none, and not a condition."""
    return step.types.get(REFRACTORY) == "int"


def refractory_steps(step: Step) -> Node | None:
    """Return the node, a coefficient, that holds the steps of refractoriness."""
    if not can_be_quiet(step):
        return None
    update = step.updates[REFRACTORY]
    return update.args[1] if update.kind == "select" else None


def _without_refractoriness(updates: Mapping[str, Node], spike: Node) -> tuple[dict[str, Node], Node]:
    rest = {name: value for name, value in updates.items() if name != REFRACTORY}

    def change(old: Node, args: tuple[Node, ...]) -> Node:
        if old.kind == "state" and old.value == REFRACTORY:
            return s.const(0)
        return old if args == old.args else s.again(old, *args)

    done = rewrite([*rest.values(), spike], change)
    return {name: done[value] for name, value in rest.items()}, done[spike]


__all__ = ["ALIVE", "SPIKES", "STEP", "Scan", "can_be_quiet", "refractory_steps", "scan"]
