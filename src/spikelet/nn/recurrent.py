"""Recurrence: the spikes of one step, through any torch module, enter a later step."""

import torch
from torch import Tensor, nn

from spikelet.backends.torch_ops import Loop
from spikelet.errors import BackendError, InputError, ShapeError, StateError, did_you_mean
from spikelet.ir.lower import STEP
from spikelet.nn.arguments import SPIKES
from spikelet.nn.backend import EAGER, FUSED, GPU, Choice, choose
from spikelet.nn.call import Call
from spikelet.nn.checks import checking, require_finite
from spikelet.nn.layer import Layer, Like, Sequences, State, require_like
from spikelet.nn.linear import Linear
from spikelet.nn.neurons import Neurons


class Recurrent(Layer):
    """Feed the spikes of step k through ``module`` into step k+d.

    The state is that of the neurons with one more entry, ``"spikes"``: what is on its way. For a delay of one step that
    is (B, *N), the spikes of the last step; else it is (d, B, *N), the oldest first.

    Args:
        neurons: the layer of neurons; what it returns is returned.
        module: maps spikes (B, *N) to what is delivered (B, *N), such as ``nn.Linear(n, n)``. It has no state.
        to: the input or state to which the feedback is delivered; the default is where ``x`` goes.
        delay: from a spike to its arrival [ms], d = round(delay/dt) steps; the default is one step, the shortest.

    Raises:
        InputError: the neurons do not spike, ``to`` is none of their inputs, ``delay`` is shorter than a step.

    Example:
        >>> import spikelet as sl, torch
        >>> layer = sl.nn.Recurrent(sl.nn.Neurons(sl.neurons.LIF), torch.nn.Linear(3, 3))
        >>> spikes, state = layer(torch.ones(10, 2, 3))
        >>> spikes.shape, state["spikes"].shape
        (torch.Size([10, 2, 3]), torch.Size([2, 3]))
    """

    holds = True

    def __init__(self, neurons: Neurons, module: nn.Module, to: str | None = None, delay: float | None = None):
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
        self.delay = _steps_of(self.label, delay, neurons.dt)

    @property
    def time_step(self) -> float:
        """The dt of the neurons [ms]."""
        return self.neurons.dt

    @property
    def spikes(self) -> bool:
        """Whether spikes are what a call returns."""
        return self.neurons.spikes

    @property
    def bits(self) -> bool:
        """Whether spikes are what a call returns, and little memory is asked for."""
        return self.neurons.bits

    def forward(
        self,
        x: Sequences,
        state: State | None = None,
        *,
        steps: int | None = None,
        lengths: Tensor | None = None,
        seed: int = 0,
        samples: Tensor | None = None,
    ) -> tuple[Sequences, State]:
        """Run the neurons over a sequence; arguments and result as those of ``Neurons``."""
        own, way = self._split(state)
        call = self.neurons.start(x, own, steps=steps, lengths=lengths, seed=seed, samples=samples)
        wanted = self.neurons.output
        names = (wanted,) if isinstance(wanted, str) else wanted
        before = self._first_spikes(way, call)
        run = self._fused if self._choice(call).backend == FUSED else self._stepped
        outputs, current = run(call, before, names)
        return (outputs[wanted] if isinstance(wanted, str) else {n: outputs[n] for n in names}), current

    def explain(self, x: Sequences | None = None) -> str:
        """Tell which back end a call would use, and why; as ``Neurons.explain``."""
        given = list(x.values()) if isinstance(x, dict) else [] if x is None else [x]
        device = next((v.device for v in (*given, *self.parameters(), *self.buffers())), torch.device("cpu"))
        choice = self._chosen(device, tuple(given[0].shape[1:]) if given else None, None)
        return f"{choice.backend}: {choice.why}"

    def _choice(self, call: Call) -> Choice:
        return self._chosen(call.device, call.shape, call.lengths)

    def _chosen(self, device: torch.device, shape: tuple[int, ...] | None, lengths: Tensor | None) -> Choice:
        neurons = self.neurons
        choice = choose(neurons.label, neurons.model, neurons.backend, device)
        if choice.backend == EAGER:
            return choice
        obstacle = self._obstacle(shape, lengths)
        if choice.backend == GPU:
            obstacle = f"{GPU!r} knows no recurrence inside the kernel"
        if obstacle and neurons.backend != "auto":
            raise BackendError(f"{self.label}: backend={neurons.backend!r} cannot run this: {obstacle}")
        return Choice(EAGER, obstacle) if obstacle else choice

    def _obstacle(self, shape: tuple[int, ...] | None, lengths: Tensor | None) -> str:
        """Say why the recurrence cannot be part of the kernel; nothing if it can."""
        module = self.module
        hooks = module._forward_hooks or module._forward_pre_hooks or module._backward_hooks
        if type(module) not in (nn.Linear, Linear) or hooks:
            return f"the feedback is a {type(module).__name__}, and the kernel does a plain Linear without hooks"
        if shape is not None and (len(shape) != 2 or module.weight.shape != (shape[1], shape[1])):
            return f"the kernel wants x of (T, B, N) and a Linear(N, N), given (T, {', '.join(map(str, shape))})"
        if self.neurons.model.definition.variables[self.target].integer:
            return f"{self.target!r} is an integer input"
        if lengths is not None:
            return "the kernel knows no lengths of a recurrent layer"
        return "a transform of torch.func is at work" if torch._C._are_functorch_transforms_active() else ""

    def _fused(self, call: Call, before: list[Tensor], names: tuple[str, ...]) -> tuple[dict[str, Tensor], State]:
        """Run all steps in one kernel."""
        checked = self.neurons.model.states if checking() else ()
        record = tuple(dict.fromkeys((*names, SPIKES, *checked)))
        way = torch.stack(before)
        linear = self.module
        assert isinstance(linear, nn.Linear)  # _obstacle has looked
        loop = Loop(self.target, linear.weight, linear.bias, way, self.delay)
        outputs, final = self.neurons.recurrent(call, record, loop)
        for name in checked:
            require_finite(self.label, f"state {name!r}", outputs[name])
        sent = outputs[SPIKES][-self.delay :]  # what has not arrived yet
        way = sent if len(sent) == self.delay else torch.cat([way[len(sent) :], sent])
        return outputs, {**final, SPIKES: way[0].clone() if self.delay == 1 else way.clone()}

    def _stepped(self, call: Call, before: list[Tensor], names: tuple[str, ...]) -> tuple[dict[str, Tensor], State]:
        """Run step after step."""
        outputs, current, way = self._run(call, before, names)
        stacked = {name: torch.stack(values) for name, values in outputs.items()}
        stacked = {n: v.to(call.outer) if v.is_floating_point() else v for n, v in stacked.items()}
        return stacked, {**current, SPIKES: way[0] if self.delay == 1 else torch.stack(way)}

    def _run(
        self, call: Call, way: list[Tensor], names: tuple[str, ...]
    ) -> tuple[dict[str, list[Tensor]], State, list[Tensor]]:
        # unbind, since x[k] would make a gradient of the size of x at every step
        slices = {name: value.unbind(0) * (call.steps // len(value)) for name, value in call.inputs.items()}
        outputs: dict[str, list[Tensor]] = {name: [] for name in names}
        stepper, current = self.neurons.stepper(call)
        for k in range(call.steps):
            inputs = {name: values[k] for name, values in slices.items()}
            feedback = self._feedback(way[0]).to(call.real)  # sums are never of low precision
            inputs[self.target] = inputs[self.target] + feedback if self.target in inputs else feedback
            spikes, after = stepper(inputs, current)
            shown = {**after, SPIKES: spikes}
            moved = [*way[1:], spikes.to(call.outer)]
            if call.lengths is not None:
                alive = (call.lengths > k).reshape(-1, *[1] * (spikes.ndim - 1))
                shown = {name: torch.where(alive, shown[name], torch.zeros_like(shown[name])) for name in shown}
                after = {n: v if n == STEP else torch.where(alive, v, current[n]) for n, v in after.items()}
                moved = [torch.where(alive, new, old) for new, old in zip(moved, way, strict=True)]
            if checking():
                for name in self.neurons.model.states:
                    require_finite(self.label, f"state {name!r}", after[name].unsqueeze(0), first_step=k)
            for name in names:
                outputs[name].append(shown[name])
            current, way = after, moved
        return outputs, current, way

    def _feedback(self, spikes: Tensor) -> Tensor:
        feedback = self.module(spikes)
        if feedback.shape != spikes.shape:
            raise ShapeError(
                f"{self.label}: module {type(self.module).__name__} made {tuple(feedback.shape)} of spikes "
                f"{tuple(spikes.shape)}, expected the same shape"
            )
        return feedback

    def _split(self, state: State | None) -> tuple[State | None, Tensor | None]:
        if state is None:
            return None, None
        if not isinstance(state, dict) or SPIKES not in state:
            given = sorted(state) if isinstance(state, dict) else type(state).__name__
            raise StateError(f"{self.label}: state {SPIKES!r} is missing, given {given}")
        return {name: value for name, value in state.items() if name != SPIKES}, state[SPIKES]

    def _first_spikes(self, given: Tensor | None, call: Call) -> list[Tensor]:
        """Return the spikes on their way before the first step, the oldest first."""
        shape = call.shape if self.delay == 1 else (self.delay, *call.shape)
        if given is None:
            given = torch.zeros(shape, dtype=call.outer, device=call.device)
        require_like(self.label, SPIKES, given, Like(shape, call.outer, call.device))
        return [given] if self.delay == 1 else list(given.unbind(0))


def _steps_of(label: str, delay: float | None, dt: float) -> int:
    if delay is None:
        return 1
    if not isinstance(delay, int | float) or round(delay / dt) < 1:
        raise InputError(f"{label}: delay is {delay!r}, expected at least one step, {dt:g} ms")
    return round(delay / dt)
