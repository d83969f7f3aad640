"""A layer that learns by a local rule: ``y, state = Plastic(module, model, rule)(x, state=None)``."""

import functools
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from spikelet import surrogates
from spikelet.backends.rule_bounds import warn_of_weights
from spikelet.errors import BackendError, InputError
from spikelet.model import Neuron, Surrogate
from spikelet.nn.arguments import SPIKES, as_tuple, count
from spikelet.nn.backend import EAGER, FUSED, Choice
from spikelet.nn.fold import fold
from spikelet.nn.layer import Layer, State, stream_seed
from spikelet.nn.neurons import Neurons
from spikelet.nn.plastic_cells import Cells
from spikelet.nn.plastic_fused import Fused
from spikelet.nn.plastic_inhibition import matrix, require_inhibition, sent
from spikelet.nn.plastic_layout import Layout
from spikelet.nn.plastic_loop import Tracing
from spikelet.nn.plastic_rule import Learning
from spikelet.nn.plastic_run import Run
from spikelet.nn.plastic_state import Given, Signals, States, Whole, given
from spikelet.rule import Rule
from spikelet.units import ms

REDUCTIONS = ("sum", "mean")
_ENDS = "the gradient of x ends here; detach x, or set learning = False to train what stands before"


class Plastic(Layer):
    """Weights that learn by a local rule, and the neurons that receive: ``(T, B, *N)`` in, ``(T, B, *M)`` out.

    Step k is that of the simulator at delay 0: the rule's lines of synapses are integrated, with what the step finds;
    so are its traces; each spike of ``x[k]`` delivers its weight and then runs ``on_pre``; the neurons are stepped,
    fire and are reset; ``on_post`` runs. So of a pair in one step the sender's spike comes first. The same rule and
    spikes lead to the same weights as in the simulator.

    The weights are ``module.weight`` itself, changed in place while ``layer.training`` and ``layer.learning``; no
    gradient reaches them, nor anything before the layer in such a call. In ``eval()``, or with ``layer.learning =
    False``, the layer is the module followed by the neurons, gradients pass through to its input, and the states of
    the rule rest.

    **Batch.** All samples share the weights; each has traces and states of synapses of its own. In each step the
    samples see the same weights: those of its beginning for the rule's lines; what these have left for ``on_pre``;
    what that has left for ``on_post``. In each of the three, a weight changes by the sum (or mean) of what each sample
    would have changed it by. Of a convolution each place at which a weight is used counts as a sample does, and is
    always summed. Bounds, ``clip``, ``min`` and ``max`` of parameters around all of the right side of ``w = ...``, are
    applied once, to that sum. So for one sample all is as the text says. A sender with several spikes in a step (``x``
    counts) goes through delivery and ``on_pre`` so many times, one after the other, all samples together. Statements
    that set states of synapses read the weight as their own sample would have made it.

    The state is a dict: ``"neurons"`` (as of ``Neurons``), ``"pre"``, ``"post"``, ``"network"`` (states (B, *N),
    (B, *M), (B,)), ``"synapse"`` ((B, M, N); of a convolution (B, channels, places, weights of a channel)),
    ``"shared"`` (states (*M) that all samples share), ``"spikes"`` (those of the last step, where they inhibit) and
    ``"step"``.

    Args:
        module: ``nn.Linear``, ``nn.Conv1d`` or ``nn.Conv2d`` (one group, padded by zeros).
        model: The neurons that receive.
        rule: How the weights learn, such as ``rules.STDP``.
        dt: Step [ms].
        to: Input, or state (a jump), to which spikes are delivered; the default is the model's only input.
        reduction: ``"sum"`` or ``"mean"`` over the batch.
        shared: Names of states of the neurons that all samples share, such as a slow threshold: they have no axis of
            the batch, flow once in a step, and take the sum of the jumps of all samples.
        inhibition: What the spikes of a step send to the neurons in the next: a matrix (M, M), by receiver and sender
            as that of ``nn.Linear``; or a module from (B, *M) to (B, *M).
        winners: How many neurons of a sample may fire in a step: of those that reach threshold the ones highest above
            it, ties by lowest index; the others are as if they had not reached it.
        output: ``"spikes"``, or the name of a state (as it is after reset).
        surrogate: Stands in for the derivative of a spike where gradients pass through.
        backend: ``"auto"``, or by name ``"llvm_cpu"`` or ``"torch_eager"``; ``explain()`` tells which, and why.

    Attributes:
        learning: Whether the rule runs in training; True.

    Raises:
        InputError: an argument names nothing of the model, or is none.
        ParameterError: a parameter has no value, or an array of the wrong length.
        BackendError: the module's synapses cannot learn.
        ModelError: the rule draws random numbers where a layer cannot.

    Example:
        >>> import spikelet as sl, torch
        >>> layer = Plastic(torch.nn.Linear(4, 2, bias=False), sl.neurons.LIF, sl.rules.STDP)
        >>> spikes, state = layer(torch.ones(10, 3, 4))
        >>> spikes.shape, state["pre"]["x_pre"].shape
        (torch.Size([10, 3, 2]), torch.Size([3, 4]))
    """

    def __init__(  # noqa: PLR0913  # all of them say what the layer is
        self,
        module: nn.Module,
        model: Neuron,
        rule: Rule,
        dt: float = 1.0 * ms,
        *,
        to: str | None = None,
        reduction: str = "sum",
        shared: str | Iterable[str] = (),
        inhibition: Tensor | nn.Module | None = None,
        winners: int | None = None,
        output: str = SPIKES,
        surrogate: Surrogate = surrogates.arctan,
        backend: str = "auto",
    ):
        super().__init__()
        if not isinstance(model, Neuron):
            raise InputError(f"Plastic: model is a {type(model).__name__}, expected a spikelet.Neuron")
        self.label = f"Plastic({model.name}, {getattr(rule, 'name', rule)})"[:200]
        if reduction not in REDUCTIONS:
            raise InputError(f"{self.label}: reduction is {reduction!r}, expected one of {REDUCTIONS}")
        winners = None if winners is None else count(f"{self.label}: winners", winners)
        if not isinstance(shared, str | Iterable):
            raise InputError(f"{self.label}: shared is {shared!r}, expected names of states")
        if not isinstance(output, str):
            raise InputError(f"{self.label}: output is {output!r}, expected one name")
        self.layout = Layout.of(self.label, module)
        self.module = module
        self.module.weight.requires_grad_(False)
        self.neurons = Neurons(model, dt, to=to, output=output, surrogate=surrogate, backend=backend)
        if len(self.neurons.targets) != 1:
            raise InputError(f"{self.label}: the model has several inputs {self.neurons.targets}: name one in to=")
        self.rule, self.reduction, self.winners, self.learning = rule, reduction, winners, True
        self._looked = False
        self.shared = as_tuple(shared)
        require_inhibition(self.layout, inhibition)
        if isinstance(inhibition, Tensor) and not isinstance(inhibition, nn.Parameter):
            self.register_buffer("inhibition", inhibition.detach().to(self.weight.device, self.weight.dtype))
        else:
            self.inhibition: Any = inhibition
        self.register_state_dict_post_hook(_contiguous)
        self._prepare()

    def _prepare(self) -> None:
        """Make what is made again from the arguments after loading."""
        self.rules = Learning(self.label, self.rule, self.neurons.model, self.layout, self.reduction)
        self.cells = Cells(self.neurons, self.winners, self.shared)
        self.fused = Fused(self.layout, self.cells, self.rules)

    @property
    def dt(self) -> float:
        """Step [ms]."""
        return self.neurons.dt

    @property
    def time_step(self) -> float:
        """The dt of this layer [ms]."""
        return self.neurons.dt

    @property
    def spikes(self) -> bool:
        """Whether spikes are what a call returns."""
        return self.neurons.spikes

    @property
    def weight(self) -> nn.Parameter:
        """The weights of the module."""
        return self.module.weight  # type: ignore[return-value]  # Layout has looked

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        seed: int = 0,
        samples: Tensor | None = None,
        signals: Mapping[str, Tensor] | None = None,
    ) -> tuple[Tensor, State]:
        """Run a sequence, and learn from it.

        Args:
            x: (T, B, *N) spikes, or counts of them.
            state: What an earlier call returned; ``None`` starts fresh. ``{"shared": ...}`` alone, as ``fresh`` gives
                it, starts all else fresh.
            lengths: (B,) valid steps of each sequence; past them its states are frozen, its outputs are 0, and it
                changes no weight.
            seed: Of random models and rules.
            samples: (B,) index of each sequence in its data set, for random numbers.
            signals: Name -> values for each step: of a (network) state, (T,) or (T, B), to which it is set as the step
                begins; of a state of the neurons that the rule reads and the layer does not have, such as
                ``error_post``, (T, B, *M) or ``v_pre``, (T, B, *N); axes that are missing at the end, or 1, are spread.

        Returns:
            The output (T, B, *M), without a gradient where the layer learns, and the state after the last step.
        """
        call = given(self.layout, x, lengths, seed, samples, self.learns)
        signals = {} if signals is None else signals
        if not isinstance(signals, Mapping):
            raise InputError(f"{self.label}: signals is a {type(signals).__name__}, expected a dict name -> values")
        tracing = None
        if self.learns:
            if call.x.requires_grad and torch.is_grad_enabled() and not torch.compiler.is_compiling():
                warnings.warn(f"{self.label}: {_ENDS}", stacklevel=4)  # the line that calls the layer
            self.rules.require(signals)
            self._look_at_weights()
            tracing = self._tracing(call)
        states = States(self.label, call, self.shared, self.inhibition is not None, tracing)
        if tracing is None and not (self.shared or self.winners or states.inhibits):
            return self._passed(call, states, state)
        with torch.set_grad_enabled(torch.is_grad_enabled() and tracing is None):
            y, whole = self._stepped(call, states, state, signals)
        if tracing is not None:
            self.layout.require_finite()
        return y, states.joined(whole, state)

    def _look_at_weights(self) -> None:
        """Warn, in the first call that learns, of weights that the rule will cut."""
        if not self._looked and not torch.compiler.is_compiling():
            least, most = torch.aminmax(self.weight)
            warn_of_weights(self.label, self.rules.bounds, float(least), float(most), stacklevel=5)
            self._looked = True

    def _passed(self, call: Given, states: States, state: State | None) -> tuple[Tensor, State]:
        """Run the module, and then the neurons."""
        own = states.own(state)
        more = {"lengths": call.lengths, "seed": call.seed, "samples": call.samples}
        y, neurons = self.neurons(fold(self.module, call.x, spikes=True), own, **more)
        return y, states.joined(Whole(neurons, None, None), state)

    def _stepped(
        self, call: Given, states: States, state: State | None, signals: Mapping[str, Tensor]
    ) -> tuple[Tensor, Whole]:
        """Run step after step."""
        network = {name for name, place in self.rule.places.items() if place == "network"}
        rows = Signals(self.label, call, signals, network)
        silent = call.x.new_zeros(()).expand(call.steps, call.batch, *call.receivers)
        more = {"lengths": call.lengths, "seed": call.seed, "samples": call.samples}
        start = self.neurons.prepared(self.neurons.start(silent, **more))
        whole = states.whole(state, states.neurons(state, start.initial))
        neurons = self.neurons.start(silent, whole.neurons, **more)
        plain = states.tracing is not None or not self._has_gradient(call)
        if plain and self._choice(call.x.device, call).backend == FUSED:
            return self.fused(call, start, whole, rows, None if self.inhibition is None else matrix(self.inhibition))
        inhibit = functools.partial(sent, self.label, self.inhibition) if states.inhibits else None
        run = Run(self.layout, self.cells, inhibit, states.tracing, rows)
        return run(call, neurons, whole)

    def _has_gradient(self, call: Given) -> bool:
        """Tell whether a gradient is wanted of a call that does not learn."""
        wanted = call.x.requires_grad or any(parameter.requires_grad for parameter in self.parameters())
        return torch.is_grad_enabled() and wanted

    def _choice(self, device: torch.device, call: Given | None = None) -> Choice:
        """Return what runs a call step by step, and why."""
        asked = self.neurons.backend
        if asked == EAGER:
            return Choice(EAGER, f"asked for by backend={EAGER!r}")
        obstacle = self.fused.obstacle(device, self.inhibition)
        obstacle = obstacle or ("" if call is None else self.fused.too_much(call))
        if obstacle and asked != "auto":
            raise BackendError(f"{self.label}: backend={asked!r} cannot run this: {obstacle}")
        return Choice(EAGER, obstacle) if obstacle else Choice(FUSED, "the fused kernel for CPUs does all steps")

    @property
    def learns(self) -> bool:
        """Whether a call changes the weights."""
        return self.training and self.learning

    def _tracing(self, call: Given) -> Tracing:
        return Tracing(
            self.rules, call.batch, call.senders, call.receivers, dt=self.dt, dtype=call.x.dtype, device=call.x.device,
            seed=stream_seed(call.seed, 0), samples=call.samples,
        )  # fmt: skip

    # --- between calls ------------------------------------------------------------------------------------------------

    def fresh(self, state: State) -> State | None:
        """Return what a state keeps for other samples: the states that all samples share; ``None`` where none are."""
        return {"shared": state["shared"]} if self.shared else None

    @torch.no_grad()
    def normalise(self, total: float | Tensor) -> None:
        """Scale the weights into each receiver so that their magnitudes have a sum, as ``Projection.normalise`` does.

        Args:
            total: The sum, a positive number or one for each receiver (of a convolution, channel), (M,).

        Raises:
            ShapeError: There are not as many.
            InputError: One is not positive and finite, or all weights into a receiver are 0.
        """
        self.layout.scale(total)

    def explain(self, x: Tensor | None = None) -> str:
        """Tell what runs a call that learns, and why.

        Args:
            x: What the call would be given; the default is single spikes on the device of the weights.

        Raises:
            BackendError: The back end that was asked for by name cannot do it.
        """
        device = self.weight.device if x is None else x.device
        choice = self._choice(device, None if x is None else given(self.layout, x, None, 0, None, True))
        return f"{choice.backend}: {choice.why}"

    def extra_repr(self) -> str:
        """Name the rule and what differs from the defaults."""
        parts = [self.rule.name]
        parts += [f"reduction={self.reduction!r}"] if self.reduction != "sum" else []
        parts += [f"shared={self.shared}"] if self.shared else []
        parts += [f"winners={self.winners}"] if self.winners else []
        return ", ".join(parts)

    def __getstate__(self) -> dict[str, Any]:
        kept = self.__dict__.copy()
        del kept["rules"], kept["cells"], kept["fused"]  # made again from the arguments
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._prepare()


def _contiguous(_: nn.Module, state: dict[str, Any], prefix: str, __: object) -> None:
    """Give weights that lie by sender in memory in torch's own order: safetensors takes no other."""
    name = f"{prefix}module.weight"
    if name in state and not isinstance(state[name], nn.Parameter):  # with keep_vars=True it is the parameter itself
        state[name] = state[name].contiguous()
