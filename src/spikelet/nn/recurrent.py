"""Recurrence: the spikes of one step, through any torch module, enter the next step."""

import torch
from torch import Tensor, nn

from spikelet.errors import InputError, ShapeError, StateError, did_you_mean
from spikelet.ir.lower import STEP
from spikelet.nn.arguments import SPIKES
from spikelet.nn.checks import checking, require_finite
from spikelet.nn.layer import Layer, Sequences, State, require_like
from spikelet.nn.neurons import Call, Neurons


class Recurrent(Layer):
    """Feed the spikes of step k through ``module`` into step k+1: a delay of one step.

    The state is that of the neurons with one more entry, ``"spikes"``: the spikes of the last step (B, *N).

    Args:
        neurons: the layer of neurons; what it returns is returned.
        module: maps spikes (B, *N) to what is delivered (B, *N), such as ``nn.Linear(n, n)``. It has no state.
        to: the input or state to which the feedback is delivered; the default is where ``x`` goes.

    Example:
        >>> import spikelet as sl, torch
        >>> layer = sl.nn.Recurrent(sl.nn.Neurons(sl.neurons.LIF), torch.nn.Linear(3, 3))
        >>> spikes, state = layer(torch.ones(10, 2, 3))
        >>> spikes.shape, state["spikes"].shape
        (torch.Size([10, 2, 3]), torch.Size([2, 3]))
    """

    def __init__(self, neurons: Neurons, module: nn.Module, to: str | None = None):
        super().__init__()
        if not isinstance(neurons, Neurons):
            raise InputError(f"Recurrent: neurons is a {type(neurons).__name__}, expected spikelet.nn.Neurons")
        self.label = f"Recurrent({neurons.model.name})"
        if not neurons.model.spiking:
            raise InputError(f"{self.label}: the model has no threshold, so there are no spikes to feed back")
        if any(isinstance(part, Layer) for part in module.modules()):
            raise InputError(f"{self.label}: module {type(module).__name__} holds a layer with a state")
        if to is None and len(neurons.targets) != 1:
            raise InputError(f"{self.label}: the neurons have several inputs {neurons.targets}: name one in to=")
        if to is not None and to not in neurons.targets:
            hint = did_you_mean(to, neurons.targets)
            raise InputError(f"{self.label}: to={to!r} is none of the inputs {neurons.targets} of the neurons{hint}")
        self.neurons = neurons
        self.module = module
        self.target = neurons.targets[0] if to is None else to

    @property
    def time_step(self) -> float:
        """The dt of the neurons [ms]."""
        return self.neurons.dt

    def forward(
        self,
        x: Sequences,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        seed: int = 0,
        samples: Tensor | None = None,
    ) -> tuple[Sequences, State]:
        """Run the neurons over a sequence; arguments and result as those of ``Neurons``."""
        own, last = self._split(state)
        call = self.neurons.start(x, own, lengths=lengths, seed=seed, samples=samples)
        last = self._first_spikes(last, call)
        wanted = self.neurons.output
        names = (wanted,) if isinstance(wanted, str) else wanted
        outputs, current, last = self._run(call, last, names)
        stacked = {name: torch.stack(values) for name, values in outputs.items()}
        return (stacked[wanted] if isinstance(wanted, str) else stacked), {**current, SPIKES: last}

    def _run(self, call: Call, last: Tensor, names: tuple[str, ...]) -> tuple[dict[str, list[Tensor]], State, Tensor]:
        # unbind, since x[k] would make a gradient of the size of x at every step
        slices = {name: value.unbind(0) for name, value in call.inputs.items()}
        outputs: dict[str, list[Tensor]] = {name: [] for name in names}
        current = call.state
        for k in range(call.steps):
            inputs = {name: values[k] for name, values in slices.items()}
            feedback = self._feedback(last)
            inputs[self.target] = inputs[self.target] + feedback if self.target in inputs else feedback
            spikes, after = call.stepper(inputs, current)
            shown = {**after, SPIKES: spikes}
            if call.lengths is not None:
                alive = (call.lengths > k).reshape(-1, *[1] * (spikes.ndim - 1))
                shown = {name: torch.where(alive, shown[name], torch.zeros_like(shown[name])) for name in shown}
                after = {n: v if n == STEP else torch.where(alive, v, current[n]) for n, v in after.items()}
                spikes = torch.where(alive, spikes, last)
            if checking():
                for name in self.neurons.model.states:
                    require_finite(self.label, f"state {name!r}", after[name].unsqueeze(0), first_step=k)
            for name in names:
                outputs[name].append(shown[name])
            current, last = after, spikes
        return outputs, current, last

    def _feedback(self, spikes: Tensor) -> Tensor:
        feedback = self.module(spikes)
        if feedback.shape != spikes.shape:
            raise ShapeError(
                f"{self.label}: module {type(self.module).__name__} made {tuple(feedback.shape)} of spikes "
                f"{tuple(spikes.shape)}, expected the same shape"
            )
        return feedback.to(spikes.dtype)  # autocast may have lowered it

    def _split(self, state: State | None) -> tuple[State | None, Tensor | None]:
        if state is None:
            return None, None
        if not isinstance(state, dict) or SPIKES not in state:
            given = sorted(state) if isinstance(state, dict) else type(state).__name__
            raise StateError(f"{self.label}: state {SPIKES!r} is missing, given {given}")
        return {name: value for name, value in state.items() if name != SPIKES}, state[SPIKES]

    def _first_spikes(self, last: Tensor | None, call: Call) -> Tensor:
        like = next(iter(call.inputs.values()))
        dtype = like.dtype if like.dtype.is_floating_point else torch.get_default_dtype()
        silent = torch.zeros(like.shape[1:], dtype=dtype, device=like.device)
        if last is None:
            return silent
        require_like(self.label, SPIKES, last, silent)
        return last
