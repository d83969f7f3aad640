"""A population of neurons as a torch layer: ``y, state = Neurons(model)(x, state=None)``."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikelet import surrogates
from spikelet.backends.torch_eager import Stepper, initial_state, scan
from spikelet.errors import BackendError, InputError, ParameterError, did_you_mean
from spikelet.ir.lower import lower
from spikelet.model import Neuron, Surrogate
from spikelet.nn import arguments
from spikelet.nn.arguments import SPIKES
from spikelet.nn.checks import checking, require_finite
from spikelet.nn.layer import Layer, Sequences, State, as_lengths, require_like, require_names
from spikelet.units import ms

_BACKENDS = ("auto", "torch_eager")


@dataclass(slots=True)
class Call:
    """One call of a layer, checked and ready to run.

    Attributes:
        stepper: runs one step.
        inputs: name -> (T, B, *N).
        state: name -> (B, *N), before the first step.
        steps: T.
        lengths: (B,) valid steps of each sequence, or None.
    """

    stepper: Stepper
    inputs: dict[str, Tensor]
    state: State
    steps: int
    lengths: Tensor | None


class Neurons(Layer):
    """Neurons of one model, in torch: time first, ``(T, B, *N)``, with an explicit state.

    Every parameter of the model is an attribute of the layer under its own name: an ``nn.Parameter`` if ``learn`` names
    it (one number, or one per neuron where the model's value is an array), else a persistent buffer, so that a saved
    ``state_dict`` is complete. Buffers stay in double precision whatever the dtype of the layer, since coefficients
    such as ``exp(-dt/tau_mem)`` are computed in double; states and outputs have the dtype of the input.

    Args:
        model: a ``Neuron``, such as ``spikelet.neurons.LIF(tau_mem=10*ms)``.
        dt: time step [ms].
        to: the input, or the state (a jump), to which ``x`` is delivered; the default is the model's only input. A
            tuple where a call delivers to several by a dict.
        learn: names of the parameters to learn, one name, or ``"all"`` (without ``surrogate_scale``).
        surrogate: stands in for the derivative of a spike.
        output: ``"spikes"``, the name of a state (as it is after reset), or a tuple of these: then a dict is returned.
        backend: ``"auto"`` or ``"torch_eager"``.
        device: of the parameters.
        dtype: of the learnt parameters; ``None`` is torch's default.

    Raises:
        InputError: ``to``, ``learn`` or ``output`` name nothing of the model.
        ParameterError: a parameter has no value.

    Example:
        >>> import spikelet as sl, torch
        >>> layer = sl.nn.Neurons(sl.neurons.LIF, learn="tau_mem")
        >>> spikes, state = layer(torch.full((100, 1, 3), 2.0))
        >>> spikes.shape, state["v"].shape
        (torch.Size([100, 1, 3]), torch.Size([1, 3]))
    """

    def __init__(
        self,
        model: Neuron,
        dt: float = 1.0 * ms,
        *,
        to: str | Iterable[str] | None = None,
        learn: str | Iterable[str] = (),
        surrogate: Surrogate = surrogates.arctan,
        output: str | Iterable[str] = SPIKES,
        backend: str = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        if not isinstance(model, Neuron):
            raise InputError(f"Neurons: model is a {type(model).__name__}, expected a spikelet.Neuron")
        if backend not in _BACKENDS:
            hint = did_you_mean(backend, _BACKENDS)
            raise BackendError(f"Neurons({model.name}): no back end {backend!r}, expected one of {_BACKENDS}{hint}")
        if not dt > 0:
            raise InputError(f"Neurons({model.name}): dt is {dt}, expected a positive number of ms")
        self.model = model
        self.label = f"Neurons({model.name})"
        self.dt = float(dt)
        self.surrogate = surrogate
        self.backend = backend
        self.targets = arguments.targets(self.label, model, to)
        self.output = arguments.outputs(self.label, model, output)
        self.step = lower(model, to=self.targets)
        self.learn = arguments.learnable(self.label, model, self.step, learn)
        for name, value in model.parameters.items():
            self._hold(name, value, device, dtype)

    def forward(
        self,
        x: Sequences,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        seed: int = 0,
        samples: Tensor | None = None,
    ) -> tuple[Sequences, State]:
        """Run the neurons over a sequence.

        Args:
            x: (T, B, *N), delivered to ``to``; a dict name -> (T, B, *N) where several inputs are driven.
            state: what an earlier call returned; ``None`` starts from the model's initial values.
            lengths: (B,) valid steps of each sequence; past them the state is frozen and the outputs are 0.
            seed: of a random model. The numbers depend on seed, sample, neuron and step alone: give another seed in
                each epoch.
            samples: (B,) index of each sequence in its data set, so that batches do not change the random numbers;
                the default counts the rows of the batch.

        Returns:
            The output (T, B, *N), or a dict of them, and the state after the last step.
        """
        call = self.start(x, state, lengths=lengths, seed=seed, samples=samples)
        wanted = (self.output,) if isinstance(self.output, str) else self.output
        record = dict.fromkeys((*wanted, *(self.model.states if checking() else ())))
        outputs, final = scan(
            call.stepper, call.inputs, call.state, steps=call.steps, record=tuple(record), lengths=call.lengths
        )
        if checking():
            for name in self.model.states:
                require_finite(self.label, f"state {name!r}", outputs[name])
        return (outputs[self.output] if isinstance(self.output, str) else {n: outputs[n] for n in wanted}), final

    def start(
        self,
        x: Sequences,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        seed: int = 0,
        samples: Tensor | None = None,
    ) -> Call:
        """Check the arguments of a call and evaluate the coefficients; ``Recurrent`` then runs the steps itself."""
        inputs = arguments.inputs(self.label, self.model, self.targets, x)
        first = next(iter(inputs.values()))
        steps, shape, device = len(first), tuple(first.shape[1:]), first.device
        dtype = arguments.real_dtype(inputs)
        parameters = {name: getattr(self, name) for name in self.model.parameters}
        arguments.require_fitting(self.label, parameters, self.learn, shape[1:])
        element = arguments.elements(self.label, samples, shape, device) if self.step.noise else None
        stepper = Stepper(
            self.step,
            parameters,
            dt=self.dt,
            surrogate=self.surrogate,
            dtype=dtype,
            device=device,
            seed=seed,
            element=element,
        )
        fresh = initial_state(self.step, parameters, shape, dt=self.dt, dtype=dtype, device=device)
        if state is not None:
            require_names(self.label, state, set(fresh))
            for name, expected in fresh.items():
                require_like(self.label, name, state[name], expected)
        limits = as_lengths(self.label, lengths, steps, shape[0], device)
        return Call(stepper, inputs, fresh if state is None else state, steps, limits)

    @property
    def time_step(self) -> float:
        """The dt of this layer [ms]."""
        return self.dt

    def extra_repr(self) -> str:
        """Name the model, dt and what is learnt."""
        parts = [self.model.name, f"dt={self.dt:g} ms"]
        parts += [f"to={', '.join(self.targets)}"] if set(self.targets) != set(self.model.inputs) else []
        parts += [f"learn={', '.join(self.learn)}"] if self.learn else []
        parts += [f"output={self.output!r}"] if self.output != SPIKES else []
        return ", ".join(parts)

    def _hold(self, name: str, value: Any, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
        """Make a parameter of the model an attribute of the layer."""
        if value is None:
            raise ParameterError(
                f"{self.label}: parameter {name!r} has no value; give it: {self.model.name}({name}=...)"
            )
        variable = self.model.definition.variables.get(name)
        number = np.array(value, dtype=np.int64 if variable is not None and variable.integer else np.float64)
        tensor = torch.from_numpy(number).to(device)
        try:
            if name in self.learn:
                self.register_parameter(name, nn.Parameter(tensor.to(dtype or torch.get_default_dtype())))
            else:
                self.register_buffer(name, tensor)
        except KeyError:
            raise ParameterError(
                f"{self.label}: parameter {name!r} has the name of an attribute of torch modules; rename it in the text"
            ) from None

    def _apply(self, fn: Any, recurse: bool = True) -> "Neurons":
        """Move with ``.to(...)``: learnt parameters take the dtype, constants keep their full precision."""
        exact = dict(self._buffers)
        super()._apply(fn, recurse)
        for name, before in exact.items():
            moved = self._buffers[name]
            if before is not None and moved is not None and moved.dtype != before.dtype:
                self._buffers[name] = moved.to(before.dtype) if before.is_meta else before.to(moved.device)
        return self

    def __getstate__(self) -> dict[str, Any]:
        kept = self.__dict__.copy()
        del kept["step"]  # made again from the model
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.step = lower(self.model, to=self.targets)
