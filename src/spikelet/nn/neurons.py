"""A population of neurons as a torch layer: ``y, state = Neurons(model)(x, state=None)``."""

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikelet import random, surrogates
from spikelet.backends.torch_eager import Printed, Stepper, initial_state, scan
from spikelet.backends.torch_ops import Loop
from spikelet.errors import InputError, ParameterError
from spikelet.ir.lower import lower
from spikelet.model import Neuron, Surrogate
from spikelet.nn import arguments
from spikelet.nn.arguments import SPIKES
from spikelet.nn.backend import EAGER, Choice, choose, require_known
from spikelet.nn.call import Call, state_dtype
from spikelet.nn.checks import checking, require_finite
from spikelet.nn.coefficients import Prepared
from spikelet.nn.fused import Fused
from spikelet.nn.layer import Layer, Sequences, State, as_lengths
from spikelet.units import ms

MEMORY = ("fast", "low")


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
        memory: what training keeps for the backward pass: ``"fast"`` what it needs, ``"low"`` little more than the
            input, at the price of computing the states again. Gradients are the same to the last bit.
        backend: ``"auto"``, or by name ``"llvm_cpu"`` (fused kernels, on the CPU) or ``"torch_eager"`` (operation by
            operation, everywhere); ``explain()`` tells which one is used, and why.
        device: of the parameters.
        dtype: of the learnt parameters; ``None`` is torch's default.

    Raises:
        InputError: ``to``, ``learn`` or ``output`` name nothing of the model.
        ParameterError: a parameter has no value.
        BackendError: there is no such back end, or (in a call) it cannot do what it was asked to.

    Example:
        >>> import spikelet as sl, torch
        >>> layer = sl.nn.Neurons(sl.neurons.LIF, learn="tau_mem")
        >>> spikes, state = layer(torch.full((100, 1, 3), 2.0))
        >>> spikes.shape, state["v"].shape
        (torch.Size([100, 1, 3]), torch.Size([1, 3]))
    """

    holds = True

    def __init__(
        self,
        model: Neuron,
        dt: float = 1.0 * ms,
        *,
        to: str | Iterable[str] | None = None,
        learn: str | Iterable[str] = (),
        surrogate: Surrogate = surrogates.arctan,
        output: str | Iterable[str] = SPIKES,
        memory: str = "fast",
        backend: str = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        if not isinstance(model, Neuron):
            raise InputError(f"Neurons: model is a {type(model).__name__}, expected a spikelet.Neuron")
        self.label = f"Neurons({model.name})"
        require_known(self.label, backend)
        if memory not in MEMORY:
            raise InputError(f"{self.label}: memory is {memory!r}, expected one of {MEMORY}")
        if not isinstance(dt, Real) or not 0 < dt < math.inf:
            raise InputError(f"{self.label}: dt is {dt!r}, expected a positive number of ms")
        if not isinstance(surrogate, Surrogate):
            raise InputError(f"{self.label}: surrogate is {surrogate!r}, expected one such as surrogates.arctan"[:200])
        self.model = model
        self.dt = float(dt)
        self.surrogate = surrogate
        self.memory = memory
        self.backend = backend
        self.targets = arguments.targets(self.label, model, to)
        self.output = arguments.outputs(self.label, model, output)
        self.step = lower(model, to=self.targets)
        self.learn = arguments.learnable(self.label, model, self.step, learn)
        self._fused, self._printed = self._compiler(), Printed(self.step, surrogate)
        self._names = tuple(model.parameters)
        for name, value in model.parameters.items():
            self._hold(name, value, device, dtype)

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
        """Run the neurons over a sequence.

        Args:
            x: (T, B, *N), delivered to ``to``; a dict name -> (T, B, *N) where several inputs are driven.
            state: what an earlier call returned; ``None`` starts from the model's initial values.
            steps: T, where ``x`` is one step (1, B, *N) that is held for T steps.
            lengths: (B,) valid steps of each sequence; past them the state is frozen and the outputs are 0.
            seed: of a random model. The numbers depend on seed, sample, neuron and step alone: give another seed in
                each epoch.
            samples: (B,) index of each sequence in its data set, so that batches do not change the random numbers;
                the default counts the rows of the batch.

        Returns:
            The output (T, B, *N), or a dict of them, and the state after the last step.
        """
        call = self.start(x, state, steps=steps, lengths=lengths, seed=seed, samples=samples)
        names = (self.output,) if isinstance(self.output, str) else self.output
        record = tuple(dict.fromkeys((*names, *(self.model.states if checking() else ()))))
        if choose(self.label, self.model, self.backend, call.device).backend == EAGER:
            outputs, final = self._eagerly(call, record)
        else:
            outputs, final = self._fused(self._values(), call, record, self.memory)
        if checking():
            for name in self.model.states:
                require_finite(self.label, f"state {name!r}", outputs[name])
        return (outputs[self.output] if isinstance(self.output, str) else {n: outputs[n] for n in names}), final

    def explain(self, x: Sequences | None = None) -> str:
        """Tell which back end a call would use, and why.

        Args:
            x: what the call would be given; the default is something on the device of the layer.

        Raises:
            BackendError: the back end that was asked for by name cannot do it.

        Example:
            >>> import spikelet as sl
            >>> Neurons(sl.neurons.LIF).explain()
            'llvm_cpu: the fused kernel for CPUs, and x is on the CPU'
        """
        choice = self._choice(x)
        return f"{choice.backend}: {choice.why}"

    def start(
        self,
        x: Sequences,
        state: State | None = None,
        *,
        steps: int | None = None,
        lengths: Tensor | None = None,
        seed: int = 0,
        samples: Tensor | None = None,
    ) -> Call:
        """Check the arguments of a call; ``Recurrent`` then runs the steps itself."""
        inputs = arguments.inputs(self.label, self.model, self.targets, x, steps)
        first = next(iter(inputs.values()))
        steps, shape, device = first.shape[0] if steps is None else steps, tuple(first.shape[1:]), first.device
        outer = arguments.real_dtype(inputs)
        element = arguments.elements(self.label, samples, shape, device) if self.step.noise else None
        if state is not None:
            arguments.require_state(self.label, self.step, state, shape, state_dtype(outer), device)
        limits = as_lengths(self.label, lengths, steps, shape[0], device)
        if not torch.compiler.is_compiling():  # to ask for its value would compile anew for every seed
            seed = random.whole(seed)
        return Call(inputs, state, steps, limits, element, seed, outer)

    def recurrent(self, call: Call, record: tuple[str, ...], loop: Loop) -> tuple[dict[str, Tensor], State]:
        """Run a call whose spikes come back through a matrix, in one kernel; for ``Recurrent``."""
        return self._fused.recurrent(self._values(), call, record, self.memory, loop)

    def prepared(self, call: Call) -> Prepared:
        """Return coefficients and initial values for a call; for layers with kernels of their own."""
        return self._fused.evaluate(self._values(), call.shape, call.real, call.device)

    def stepper(self, call: Call) -> tuple[Stepper, State]:
        """Return what runs a call step by step, and the state before the first."""
        values = self._values()
        arguments.require_fitting(self.label, self.learn, values, call.shape[1:])
        common = {"dt": self.dt, "dtype": call.real, "device": call.device}
        common |= {"printed": self._printed}
        stepper = Stepper(self.step, values, surrogate=self.surrogate, seed=call.seed, element=call.element, **common)
        return stepper, initial_state(self.step, values, call.shape, **common) if call.state is None else call.state

    def _eagerly(self, call: Call, record: tuple[str, ...]) -> tuple[dict[str, Tensor], State]:
        stepper, state = self.stepper(call)
        rows = {name: value.expand(call.steps, *value.shape[1:]) for name, value in call.inputs.items()}
        outputs, final = scan(stepper, rows, state, steps=call.steps, record=record, lengths=call.lengths)
        return {n: v.to(call.outer) if v.is_floating_point() else v for n, v in outputs.items()}, final

    def _values(self) -> dict[str, Tensor]:
        return {name: getattr(self, name) for name in self._names}

    def _choice(self, x: Sequences | None) -> Choice:
        given = list(x.values()) if isinstance(x, dict) else [] if x is None else [x]
        devices = [value.device for value in (*given, *self.parameters(), *self.buffers())]
        return choose(self.label, self.model, self.backend, devices[0] if devices else torch.device("cpu"))

    def _compiler(self) -> Fused:
        return Fused(self.model, self.step, self.dt, self.surrogate, self.targets, self.learn)

    @property
    def time_step(self) -> float:
        """The dt of this layer [ms]."""
        return self.dt

    @property
    def spikes(self) -> bool:
        """Whether spikes are what a call returns."""
        return self.output == SPIKES

    @property
    def bits(self) -> bool:
        """Whether spikes are what a call returns, and little memory is asked for."""
        return self.spikes and self.memory == "low"

    def extra_repr(self) -> str:
        """Name the model, dt and what is learnt."""
        parts = [self.model.name, f"dt={self.dt:g} ms"]
        parts += [f"to={', '.join(self.targets)}"] if set(self.targets) != set(self.model.inputs) else []
        parts += [f"learn={', '.join(self.learn)}"] if self.learn else []
        parts += [f"output={self.output!r}"] if self.output != SPIKES else []
        parts += [f"memory={self.memory!r}"] if self.memory != "fast" else []
        parts += [f"backend={self.backend!r}"] if self.backend != "auto" else []
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
        del kept["step"], kept["_fused"], kept["_printed"]  # made again from the model
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.step = lower(self.model, to=self.targets)
        self._fused, self._printed = self._compiler(), Printed(self.step, self.surrogate)
