"""A layer of neurons on a fused kernel: from tensors by name to the operator ``spikelet::scan`` and back."""

import functools
from collections.abc import Mapping

import torch
from torch import Tensor

from spikelet.backends import torch_ops
from spikelet.backends.program import write
from spikelet.ir.lower import STEP, Step
from spikelet.ir.nodes import topological
from spikelet.model import Neuron, Surrogate
from spikelet.nn.arguments import require_fitting
from spikelet.nn.call import Call
from spikelet.nn.coefficients import Coefficients
from spikelet.nn.layer import State


class Fused:
    """Runs calls of a layer.

    Args:
        model: the neuron.
        step: its step.
        dt: step [ms].
        surrogate: stands in for the derivative of a spike.
        targets: inputs, and states that receive jumps, that a call may drive.
        learn: names of the parameters that learn.
    """

    def __init__(
        self,
        model: Neuron,
        step: Step,
        dt: float,
        surrogate: Surrogate,
        targets: tuple[str, ...],
        learn: tuple[str, ...],
    ):
        self.model, self.step, self.dt, self.surrogate, self.targets = model, step, dt, surrogate, targets
        self.states = tuple(name for name in step.types if name != STEP)
        self.evaluate = Coefficients(step, dt, functools.partial(require_fitting, f"Neurons({model.name})", learn))
        self.learn = _learnt(step, learn)
        self.texts: dict[tuple[object, ...], str] = {}

    def __call__(
        self, parameters: Mapping[str, Tensor], call: Call, record: tuple[str, ...], memory: str
    ) -> tuple[dict[str, Tensor], State]:
        """Run a call; returns what is recorded, (T, B, *N) each, and the final state."""
        given, state = self._arguments(parameters, call, record, memory, None)
        return self._named(record, *torch_ops.scan(given, len(record)), state, call.steps)

    def recurrent(
        self, parameters: Mapping[str, Tensor], call: Call, record: tuple[str, ...], memory: str, loop: torch_ops.Loop
    ) -> tuple[dict[str, Tensor], State]:
        """Run a call whose spikes come back through a matrix; the spikes must be recorded."""
        given, state = self._arguments(parameters, call, record, memory, loop.target)
        return self._named(record, *torch_ops.recurrent_scan(given, loop, len(record)), state, call.steps)

    def _arguments(
        self, parameters: Mapping[str, Tensor], call: Call, record: tuple[str, ...], memory: str, target: str | None
    ) -> tuple[torch_ops.Arguments, State]:
        prepared = self.evaluate(parameters, call.shape, call.real, call.device)
        state = prepared.initial if call.state is None else call.state
        driven = tuple(name for name in self.targets if name in call.inputs)
        learning = self._learning(prepared.coefficients)
        given = torch_ops.Arguments(
            program=self.text(driven, record, learning, str(call.real).split(".")[1], target),
            inputs=[call.inputs[name] for name in driven],
            state=[state[name] for name in self.states],
            coefficients=prepared.coefficients,
            start=state.get(STEP),
            element=call.element,
            lengths=call.lengths,
            steps=call.steps,
            dt=self.dt,
            seed=call.seed,
            save=memory,
        )
        return given, state

    def _named(
        self, record: tuple[str, ...], outputs: list[Tensor], values: list[Tensor], before: State, steps: int
    ) -> tuple[dict[str, Tensor], State]:
        final = dict(zip(self.states, values, strict=True))
        if STEP in before:
            final[STEP] = before[STEP] + steps
        return dict(zip(record, outputs, strict=True)), final

    def _learning(self, coefficients: list[Tensor]) -> tuple[str, ...]:
        """Return the coefficients that may have a gradient, among them those of tensors that stand in for a buffer."""
        pairs = zip(self.step.coefficients, coefficients, strict=True)
        return tuple(name for name, value in pairs if name in self.learn or value.requires_grad)

    @torch.compiler.assume_constant_result
    def text(
        self,
        driven: tuple[str, ...],
        record: tuple[str, ...],
        learning: tuple[str, ...],
        dtype: str,
        target: str | None,
    ) -> str:
        """Return the program as text."""
        key = (driven, record, learning, dtype, target)
        if key not in self.texts:
            self.texts[key] = write(
                self.model,
                self.surrogate,
                to=self.targets,
                inputs=driven,
                outputs=record,
                learn=learning,
                dtype=dtype,
                target=target,
            )
        return self.texts[key]


def _learnt(step: Step, learn: tuple[str, ...]) -> frozenset[str]:
    """Return the names of the real coefficients that depend on a parameter that learns."""
    return frozenset(
        name
        for name, definition in step.coefficients.items()
        if definition.type == "real"
        and any(n.kind == "parameter" and n.value in learn for n in topological([definition]))
    )
