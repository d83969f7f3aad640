"""The neurons of a plastic layer, step by step: which of them win a spike, and what all samples share of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from spikelet.backends.torch_eager import Stepper
from spikelet.errors import InputError
from spikelet.ir.competing import PASS, competing, excess, resting
from spikelet.ir.lower import STEP, Step
from spikelet.nn.call import Call
from spikelet.nn.competition import winners
from spikelet.nn.layer import State
from spikelet.nn.neurons import Neurons


class Cells:
    """The step of the neurons of a layer.

    Args:
        neurons: The layer of neurons.
        winners: How many of a sample may fire in a step; None: all.
        shared: States that all samples share.

    Raises:
        InputError: a state cannot be shared, or there are no spikes to win.
    """

    def __init__(self, neurons: Neurons, winners: int | None, shared: Sequence[str]):
        self.neurons, self.winners, self.shared = neurons, winners, tuple(shared)
        step = neurons.step
        self.rest = resting(step, self.shared)
        for name in self.shared:
            if step.types[name] != "real":
                raise InputError(f"{step.name}: '{name}' cannot be shared: it is no real number, and jumps are summed")
        self.step = step if winners is None else competing(step)
        self.probe: Step | None = None
        if winners is not None:
            self.probe = replace(step, updates={"above": excess(step)})
        if self.shared:
            rest = {f"{name}?": value for name, value in self.rest.items()}
            self.step = replace(self.step, updates={**self.step.updates, **rest})

    def start(self, call: Call) -> "Stepping":
        """Return what runs a call step by step."""
        like, _ = self.neurons.stepper(call)
        return Stepping(self, *(self._stepper(step, like) for step in (self.step, self.probe)))

    def initial(self, call: Call) -> State:
        """Return the state of the neurons before the first step of a call without a state."""
        return dict(self.neurons.stepper(call)[1])

    def _stepper(self, step: Step | None, like: Stepper) -> Stepper | None:
        if step is None:
            return None
        if step is self.neurons.step:
            return like
        values = {name: getattr(self.neurons, name) for name in self.neurons.model.parameters}
        return Stepper(
            step, values, dt=like.dt, surrogate=self.neurons.surrogate, dtype=like.dtype, device=like.device,
            seed=like.seed, element=like.element,
        )  # fmt: skip


@dataclass(frozen=True)
class Stepping:
    """Runs a step."""

    cells: Cells
    stepper: Stepper | None
    probe: Stepper | None

    def __call__(self, inputs: dict[str, Tensor], state: State, alive: Tensor | None) -> tuple[Tensor, State]:
        """Return spikes (B, *M) and the new state; what is shared is the same for all samples before and after."""
        assert self.stepper is not None  # the step of the neurons is always there
        if self.probe is not None and self.cells.winners is not None:
            fired, above = self.probe(inputs, state)
            inputs = {**inputs, PASS: winners(above["above"], self.cells.winners, fired > 0)}
        spikes, new = self.stepper(inputs, state)
        if alive is not None:
            live = alive.reshape(-1, *[1] * (spikes.ndim - 1))
            spikes = torch.where(live, spikes, torch.zeros_like(spikes))
        rests = {name: new.pop(f"{name}?")[:1] for name in self.cells.shared}
        for name, rest in rests.items():
            jumps = new[name] - rest
            jumps = jumps if alive is None else torch.where(live, jumps, torch.zeros_like(jumps))  # pyright: ignore[reportPossiblyUnboundVariable]
            new[name] = (rest + jumps.sum(0, keepdim=True)).expand_as(new[name])
        if alive is not None:
            new = {
                n: v if n == STEP or n in rests else torch.where(live, v, state[n])  # pyright: ignore[reportPossiblyUnboundVariable]
                for n, v in new.items()
            }
        return spikes, new
