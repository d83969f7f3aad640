"""Weights under which spiking neurons start in the fluctuation-driven regime.

Rossbroich, Gygax, Zenke 2022 (doi:10.1088/2634-4386/ac97bb): n inputs that spike independently at rate nu, through
weights of mean mu_w and variance sigma_w**2, move a linear membrane of impulse response eps(t) by

    mu_U = n nu eps_bar mu_w                          eps_bar = integral of eps
    sigma_U**2 = n nu eps_hat (mu_w**2 + sigma_w**2)  eps_hat = integral of eps**2

so that mean and spread of the membrane, wanted relative to the threshold, give the weights. The two integrals are
taken from the model itself, by simulating its response to one small input.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spikelet.backends.torch_eager import Stepper, initial_state, scan
from spikelet.errors import InputError, ParameterError, ShapeError, did_you_mean
from spikelet.nn.arguments import SPIKES
from spikelet.nn.neurons import Neurons
from spikelet.units import Hz

_PROBE = 1e-6  # small, so that the response is far below threshold and linear; float64 leaves 10 digits of it
_CHUNK, _LONGEST = 250, 50_000  # steps


@dataclass(frozen=True)
class Response:
    """How a membrane answers one input of size 1 in one step.

    Attributes:
        rest: membrane without input [its unit], () or per neuron.
        mean: sum of the response over all steps: eps_bar/dt.
        power: sum of its square: eps_hat/dt.
    """

    rest: Tensor
    mean: Tensor
    power: Tensor


def fluctuation_driven_(
    module: nn.Module,
    neurons: Neurons,
    rate: float = 10 * Hz,
    *,
    xi: float = 2.0,
    mean: float = 0.0,
    threshold: float | None = None,
    membrane: str = "v",
    share: float = 1.0,
    steps: int | None = None,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Draw the weights of ``module`` so that the membranes behind it fluctuate below their threshold.

    Without spikes the membrane would have the mean ``rest + mean`` and the standard deviation ``sigma = (v_th - rest -
    mean)/xi``; smaller ``xi`` means more spikes. Biases become 0.

    Args:
        module: a linear or convolution layer; every input counts, its fan-in being n.
        neurons: the layer behind it; its membrane has to be linear below threshold.
        rate: mean rate of one input [1/ms].
        xi: distance of the mean from the threshold in standard deviations; 1 to 3 trains well.
        mean: wanted mean of the membrane above rest, in its unit; 0 gives weights of both signs, centred.
        threshold: of the membrane; the default is the model's parameter ``v_th``.
        membrane: name of the state that is compared with the threshold.
        share: the part of mean and variance that comes through this module. Where a recurrent module adds to a
            feed-forward one, give 0.9 to this and 0.1 to that.
        steps: length over which the response is taken; needed only for membranes that never forget, such as IF.
        generator: of the random numbers; the default is torch's.

    Returns:
        ``module``.

    Raises:
        InputError: the membrane does not answer or never forgets; the wanted mean alone fluctuates too much for ``xi``.

    Example:
        >>> import spikelet as sl
        >>> layer = sl.nn.Neurons(sl.neurons.LIF)
        >>> linear = fluctuation_driven_(nn.Linear(1000, 3), layer, 5 * Hz)
        >>> 0 < linear.weight.std().item() < 2
        True
    """
    weight = _weight_of(module)
    if not (rate > 0 and 0 < share <= 1 and xi > 0):
        raise InputError(
            f"fluctuation_driven_: rate {rate:g}, share {share:g}, xi {xi:g}, expected all > 0, share <= 1"
        )
    response = respond(neurons, membrane, steps)
    expected = rate * neurons.dt * weight[0].numel()  # spikes of all inputs in one step
    height = _threshold_of(neurons, threshold) - response.rest
    if not bool((height > mean).all()):
        raise InputError(f"fluctuation_driven_: mean {mean:g} above rest, expected below {height.min().item():g}")
    sigma = (height - mean) / xi
    center = share * mean / (expected * response.mean) if mean else torch.zeros((), dtype=torch.float64)
    variance = share * sigma**2 / (expected * response.power) - center**2
    if not bool((variance >= 0).all()):
        raise InputError(
            f"fluctuation_driven_: a mean of {mean:g} from {weight[0].numel()} inputs fluctuates by more than "
            f"{sigma.min().item():g}; lower mean or xi, or raise rate or the number of inputs"
        )
    with torch.no_grad():
        noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        drawn = _by_output(center, weight) + _by_output(variance.sqrt(), weight) * noise
        weight.copy_(drawn)
        if isinstance(getattr(module, "bias", None), Tensor):
            module.bias.zero_()  # type: ignore[union-attr, operator]  # a tensor, as checked
    return module


def respond(neurons: Neurons, membrane: str = "v", steps: int | None = None) -> Response:
    """Measure how the membrane of ``neurons`` answers one input of size 1 in one step.

    Args:
        neurons: a layer; its input is the one that ``to`` names.
        membrane: name of the state that answers.
        steps: length of the response; the default waits until it has died away.

    Returns:
        Rest, sum and sum of squares of the response, in double precision.
    """
    if membrane not in neurons.model.states:
        hint = did_you_mean(membrane, neurons.model.states)
        raise InputError(f"{neurons.label}: membrane={membrane!r} is none of the states {neurons.model.states}{hint}")
    if len(neurons.targets) != 1:
        raise InputError(f"{neurons.label}: several inputs {neurons.targets}; name in to= the one that this drives")
    quiet, probed = _simulate(neurons, membrane, steps)
    answer = (probed - quiet) / _PROBE
    total, power = answer.sum(0), answer.square().sum(0)
    if not bool((power > 0).all()):
        raise InputError(f"{neurons.label}: {membrane!r} does not answer to {neurons.targets[0]!r}")
    return Response(quiet.mean(0), total, power)


def _simulate(neurons: Neurons, membrane: str, steps: int | None) -> tuple[Tensor, Tensor]:
    """Return the membrane (T, *N) from rest, without and with one small input."""
    probe = _Probe(neurons, membrane)
    if steps is not None:
        probe.run(steps, kick=_PROBE)
        return probe.traces()
    while probe.run(_CHUNK) > 1e-9 and not neurons.step.noise and probe.steps < _LONGEST:
        pass  # the initial state need not be at rest
    probe.forget()
    probe.run(_CHUNK, kick=_PROBE)
    before = 0.0
    while (left := probe.remaining()) > 1e-4:  # what is left out is this part of the integrals
        if probe.steps >= _LONGEST or abs(left - before) < 1e-6:
            raise InputError(
                f"{neurons.label}: the response of {membrane!r} never dies away; give steps=, T of a sequence"
            )
        before = left
        probe.run(_CHUNK)
    return probe.traces()


class _Probe:
    """Two copies of a layer's neurons in double precision, one of which may get a small input."""

    def __init__(self, neurons: Neurons, membrane: str):
        model = neurons.model
        self.neurons, self.membrane = neurons, membrane
        parameters = {name: getattr(neurons, name).detach().cpu() for name in model.parameters}
        self.shape = (2, *torch.broadcast_shapes(*(value.shape for value in parameters.values())))
        arguments = {"dt": neurons.dt, "dtype": torch.float64, "device": torch.device("cpu")}
        element = torch.zeros(self.shape, dtype=torch.int64) if neurons.step.noise else None  # equal noise cancels
        self.stepper = Stepper(neurons.step, parameters, surrogate=neurons.surrogate, element=element, **arguments)
        self.state = initial_state(neurons.step, parameters, self.shape, **arguments)
        self.record = (membrane, SPIKES) if model.spiking else (membrane,)
        self.pieces: list[Tensor] = []
        self.steps = 0

    @torch.no_grad()
    def run(self, steps: int, kick: float = 0.0) -> float:
        """Run on, with an input of ``kick`` in the first step; return how far the membrane moved from its start."""
        drive = torch.zeros((steps, *self.shape), dtype=torch.float64)
        drive[0, 1] = kick
        inputs = {self.neurons.targets[0]: drive}
        out, self.state = scan(self.stepper, inputs, self.state, steps=steps, record=self.record)
        if SPIKES in out and bool((out[SPIKES] != 0).any()):
            raise InputError(f"{self.neurons.label}: spikes without input, so it has no membrane at rest")
        self.pieces.append(out[self.membrane])
        self.steps += steps
        return (out[self.membrane][-1] - out[self.membrane][0]).abs().max().item()

    def forget(self) -> None:
        """Drop what was recorded."""
        self.pieces, self.steps = [], 0

    def traces(self) -> tuple[Tensor, Tensor]:
        """Return the membrane (T, *N) without and with the input."""
        whole = torch.cat(self.pieces)
        return whole[:, 0], whole[:, 1]

    def remaining(self) -> float:
        """Return what is left of the response at the end, of its largest."""
        quiet, probed = self.traces()
        answer = (probed - quiet).abs().reshape(len(quiet), -1).amax(1)
        return (answer[-1] / answer.max()).item() if answer.max() > 0 else 0.0


def _threshold_of(neurons: Neurons, threshold: float | None) -> Tensor:
    if threshold is not None:
        return torch.as_tensor(threshold, dtype=torch.float64)
    if "v_th" not in neurons.model.parameters:
        raise ParameterError(f"{neurons.label}: the model has no parameter 'v_th'; give threshold=")
    return neurons.v_th.detach().cpu().double()  # type: ignore[union-attr, operator]  # a tensor, as checked


def _weight_of(module: nn.Module) -> Tensor:
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim < 2:
        raise InputError(
            f"fluctuation_driven_: {type(module).__name__} has no weight matrix, expected a linear or convolution layer"
        )
    if isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        raise InputError("fluctuation_driven_: a transposed convolution has no single fan-in")
    return weight


def _by_output(value: Tensor, weight: Tensor) -> Tensor:
    """Shape a number, or one per output, to scale ``weight`` (outputs, *inputs)."""
    if value.numel() == 1:
        return value.reshape(())
    if value.shape != weight.shape[:1]:
        raise ShapeError(
            f"fluctuation_driven_: neurons have parameters of shape {tuple(value.shape)} behind "
            f"{weight.shape[0]} outputs"
        )
    return value.reshape(-1, *[1] * (weight.ndim - 1))
