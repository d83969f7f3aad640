"""A step whose neurons compete for spikes, and states of neurons that several samples share.

step -> competing -> the same step, in which a neuron fires only where the input ``pass`` lets it
-> excess    -> how far each neuron is above its threshold, by which the winners are chosen
-> resting   -> what a state becomes in a step without a spike
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from spikelet.errors import InputError, did_you_mean
from spikelet.ir import simplify as s
from spikelet.ir.lower import STEP, Step
from spikelet.ir.nodes import Node, node, rewrite, topological

PASS = "pass"  # no name of a text is a word of Python
_LET = node("input", value=PASS, type_="bool")


def competing(step: Step) -> Step:
    """Return a step in which neurons fire only where its input ``pass`` holds.

    Raises:
        InputError: the model does not spike.
    """
    _spike_of(step)

    def change(old: Node, args: tuple[Node, ...]) -> Node:
        if old.kind == "spike":
            return node("spike", s.logic("and", _LET, args[0]), args[1])
        return old if args == old.args else s.again(old, *args)

    done = rewrite(step.roots, change)
    assert step.spike is not None  # as _spike_of saw
    updates = {name: done[value] for name, value in step.updates.items()}
    return replace(step, updates=updates, spike=done[step.spike], inputs=(*step.inputs, PASS))


def excess(step: Step) -> Node:
    """Return by how much neurons are above their threshold, in units of ``surrogate_scale``."""
    return _spike_of(step).args[1]


def _spike_of(step: Step) -> Node:
    for found in step.program():
        if found.kind == "spike":
            return found
    raise InputError(f"{step.name}: the model has no threshold, so there are no winners")


def resting(step: Step, names: Iterable[str]) -> Mapping[str, Node]:
    """Return what states that are shared become in a step without a spike.

    Raises:
        InputError: there is no such state, or it flows by what differs from sample to sample.
    """
    names = tuple(names)
    own = [name for name in step.types if name != STEP and name in step.updates]
    for name in names:
        if name not in own:
            raise InputError(f"{step.name}: shared= names '{name}', which is no state{did_you_mean(name, own)}")
    done = rewrite([step.updates[name] for name in names], _silent)
    found = {name: done[step.updates[name]] for name in names}
    for name, value in found.items():
        for n in topological([value]):
            if n.kind in ("input", "noise") or (n.kind == "state" and n.value not in names):
                what = f"'{n.value}'" if n.kind != "noise" else "random numbers"
                raise InputError(
                    f"{step.name}: '{name}' cannot be shared by the samples of a batch: between spikes it flows by "
                    f"{what}, and each sample has its own"
                )
    return found


def _silent(old: Node, args: tuple[Node, ...]) -> Node:
    """Return a node as it is where there is no spike."""
    if old.kind == "spike" or (old.kind == "select" and any(arg.kind == "spike" for arg in old.args)):
        return s.const(0.0)  # the other value of such a choice is that of a refractory neuron, 0
    if old.kind == "choose" and args[0].kind == "const":
        return args[2] if args[0].value == 0 else args[1]
    return old if args == old.args else s.again(old, *args)
