"""A fused program as text: canonical JSON of a model and its options, so that a graph that holds it is self-contained.

Values of parameters are no part of it: changing them changes no text, so it compiles nothing.
"""

import functools
import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass

from spikelet.backends.fused import Program
from spikelet.ir.lower import STEP, lower
from spikelet.ir.scan import can_be_quiet
from spikelet.model import Neuron, Surrogate


@dataclass(frozen=True)
class Plan:
    """What a text says, read.

    Attributes:
        program: for the kernels.
        inputs: name -> type (``real`` or ``int``) of the inputs that are given, in the order in which they are.
        states: name -> type (``real``, ``int``, ``bool``) of what is carried, the count of steps excepted.
        coefficients: name -> type.
        outputs: name -> type of what is returned for every step.
    """

    program: Program
    inputs: dict[str, str]
    states: dict[str, str]
    coefficients: dict[str, str]
    outputs: dict[str, str]


def write(
    model: Neuron,
    surrogate: Surrogate,
    *,
    to: Iterable[str],
    inputs: Iterable[str],
    outputs: Iterable[str],
    learn: Iterable[str],
    dtype: str,
    target: str | None = None,
) -> str:
    """Return the text of a program.

    Args:
        model: the neuron.
        surrogate: stands in for the derivative of a spike.
        to: states that receive jumps.
        inputs: names of the inputs, and of such states, that are given.
        outputs: ``"spikes"`` and names of states.
        learn: names of the coefficients whose gradients may be asked for.
        dtype: ``"float32"`` or ``"float64"``.
        target: input to which a recurrence delivers.
    """
    data = {
        "model": {**json.loads(model.to_json()), "values": {}, "doc": "", "ref": ""},
        "surrogate": {**json.loads(surrogate.to_json()), "doc": "", "ref": ""},
        "to": [name for name in to if name not in model.inputs],
        "inputs": list(inputs),
        "outputs": list(outputs),
        "learn": list(learn),
        "dtype": dtype,
        "target": target,
    }
    return json.dumps(data, sort_keys=True, allow_nan=False)


@functools.lru_cache(maxsize=1024)
def read(text: str) -> Plan:
    """Read what ``write`` wrote; nothing in it is executed."""
    data = json.loads(text)
    model = Neuron.from_json(json.dumps(data["model"]))
    surrogate = Surrogate.from_json(json.dumps(data["surrogate"]))
    step = lower(model, data["to"])
    whole = {name for name in data["inputs"] if model.definition.variables[name].integer}
    return Plan(
        program=Program(step, surrogate, tuple(data["outputs"]), data["dtype"], tuple(data["learn"]), data["target"]),
        inputs={name: "int" if name in whole else "real" for name in data["inputs"]},
        states={name: type_ for name, type_ in step.types.items() if name != STEP},
        coefficients={name: definition.type for name, definition in step.coefficients.items()},
        outputs={name: step.types.get(name, "real") for name in data["outputs"]},
    )


@functools.lru_cache(maxsize=1024)
def reads(text: str, save: str) -> tuple[str, ...]:
    """Return the names of the inputs that the backward pass reads again."""
    plan = read(text)
    if save != "fast":
        return tuple(plan.inputs)
    variants = itertools.product((False, True), (False, True) if can_be_quiet(plan.program.step) else (False,))
    nodes = itertools.chain.from_iterable(plan.program.adjoint(*variant).program() for variant in variants)
    names = {n.value for n in nodes if n.kind == "input"}
    return tuple(name for name in plan.inputs if name in names)
