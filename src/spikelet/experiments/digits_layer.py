"""A layer of competing neurons that learns digits without labels: the network of Diehl & Cook (2015) as one layer.

Images come in as Poisson spikes of their pixels; the weights learn by the rule of the authors' program, and are
brought to one sum for each neuron before every batch. Of a sample at most one neuron fires in a step, and inhibits the
others in the next; each spike raises a neuron's threshold, which all samples share, so that all find something.

What differs from the paper, where an inhibitory neuron stands between and synapses are conductances: currents and
direct inhibition, as in BindsNET; steps of 1 ms; 250 ms an image, after which all but weights and thresholds begin
anew; three times the rates; thresholds that rise and decay faster, and a smaller rate of learning; 16 images at once,
each of which changes the weights.
"""

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.experiments.digits_curve import BLOCK, Curve, Trained
from spikelet.experiments.paper import Progress
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.rules import DiehlCookSTDP
from spikelet.units import Hz, ms, mV, second

if TYPE_CHECKING:
    from torch import Tensor

    from spikelet import nn

PIXELS = 784
STEPS, STEP = 250, 1.0 * ms
BRIGHTEST = 191.25 * Hz  # rate of a white pixel
TOTAL = 78.4  # sum of the weights into a neuron
BATCH = 16
ENOUGH = 5  # spikes of all neurons; an image with fewer is shown again, brighter, when the layer is asked
BRIGHTER = (1.5, 2.0, 2.5)

Cells = Neuron(
    "DigitCells",
    """
    dv/dt = (v_rest - v)/tau_mem : mV (unless refractory)
    dtheta/dt = -theta/tau_theta : mV
    tau_mem = 100 ms;  v_rest = -65 mV;  v_th = -52 mV;  v_reset = -60 mV;  t_ref = 5 ms
    theta_plus = 0.3 mV;  tau_theta = 90 second  # of 100 neurons, see `cells`; a batch counts once
    """,
    threshold="v > v_th + theta",
    reset="v = v_reset; theta += theta_plus",
    refractory="t_ref",
    initial="v = v_rest",
    ref="Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, excitatory neurons, as Hazan et al. 2018 have them",
)


def cells(n: int) -> Neuron:
    """Return the neurons of a layer of n: of many each fires less often, so a spike raises it by more, for longer."""
    scale = (n / 100) ** 0.5
    return Cells(theta_plus=0.3 * mV * scale, tau_theta=90 * second * scale)


def potentiation(n: int) -> float:
    """Return a_post of a layer of n: of many neurons each learns from fewer images, so it takes larger steps."""
    return 0.004 * n / 100


def rule(n: int) -> Rule:
    """Return the rule of a layer of n."""
    return DiehlCookSTDP(a_post=potentiation(n))


def layer(weights: "Tensor", inhibition: "Tensor", *, learns: bool, learning: Rule | None = None) -> "nn.Plastic":
    """Return the layer.

    Args:
        weights: (n, 784).
        inhibition: (n, n) by receiver and sender, not positive.
        learns: Whether weights and thresholds change.
        learning: By which rule; default: `rule`.
    """
    from torch import nn as torch_nn

    from spikelet import nn

    linear = torch_nn.Linear(PIXELS, len(weights), bias=False)
    linear.weight.requires_grad_(False).copy_(weights)
    model = cells(len(weights)) if learns else Cells(theta_plus=0, tau_theta=1e30)
    learning = rule(len(weights)) if learning is None else learning
    net = nn.Plastic(linear, model, learning, STEP, to="v", shared="theta", inhibition=inhibition, winners=1)
    return net.train(learns)


@functools.cache
def all_alike(n: int, strength: float) -> "Tensor":
    """Return inhibition of each neuron by all others, (n, n) [mV]."""
    from spikelet.nn.competition import lateral_inhibition

    return lateral_inhibition(n, strength).weight.detach()


def shown(pixels: np.ndarray, numbers: np.ndarray, seed: int, brightness: float = 1.0) -> "Tensor":
    """Return the spikes of images, (T, B, 784); ``numbers`` are those of the samples, for random numbers."""
    import torch

    from spikelet import encode

    rates = torch.from_numpy(pixels.reshape(len(pixels), -1)).float() * (brightness * BRIGHTEST / 255)
    return encode.rate(rates, STEPS, STEP, seed=seed, samples=numbers)


def train(
    pixels: np.ndarray, labels: np.ndarray, inhibition: "Callable[[float], Tensor]", *, n: int, passes: int, seed: int,
    progress: Progress, learning: Rule | None = None, signals: "Callable[[float], Mapping[str, Tensor]]" = lambda _: {},
    block: int = BLOCK,
) -> Trained:  # fmt: skip
    """Train a layer.

    Args:
        pixels: (K, 28, 28) uint8.
        labels: (K,), for the curve alone.
        inhibition: Share of the training that is over -> (n, n).
        n: Number of neurons.
        passes: Over all images.
        seed: Of weights and spikes.
        progress: Opens the bar.
        learning: The rule of `layer`.
        signals: Share of the training that is over -> (network) states of the rule, in each step of an image.
        block: Images between points of the curve.
    """
    import torch

    from spikelet import random

    first = random.uniform(seed, 0, np.arange(n * PIXELS), random.STREAMS["init"]).reshape(n, PIXELS)
    sent = inhibition(0.0)
    net = layer(torch.from_numpy(0.3 * first), sent, learns=True, learning=learning)
    last, curve, state = passes * len(pixels), Curve(labels, n, block), None
    with progress(last, unit="image") as bar:
        for done in range(0, last, BATCH):
            numbers = np.arange(done, min(done + BATCH, last))
            if (now := inhibition(done / last)) is not sent:  # its transpose is kept as long as it stays
                sent = now
                net.inhibition.copy_(sent)
            net.normalise(TOTAL)
            spikes, state = net(
                shown(pixels[numbers % len(pixels)], numbers, seed),
                None if state is None else net.fresh(state),
                signals=signals(done / last),
            )
            curve.add(numbers, spikes.sum(0).numpy())
            bar.update(len(numbers))
    assert state is not None
    return Trained(net.weight.numpy().copy(), state["shared"]["theta"].numpy().copy(), curve.rows)


def answered(
    trained: Trained, inhibition: "Tensor", pixels: np.ndarray, *, seed: int, progress: Progress,
    look: "Callable[[np.ndarray], Any]" = lambda spikes: spikes.sum(0),
) -> np.ndarray:  # fmt: skip
    """Return what a layer answers to images without learning: spikes of each neuron, (K, n).

    As in the paper, an image that is answered with too few spikes is shown again, brighter.

    Args:
        trained: The layer.
        inhibition: (n, n).
        pixels: (K, 28, 28) uint8.
        seed: Of the spikes.
        progress: Opens the bar.
        look: From spikes (T, B, n) to what is wanted of each sample, (B, ...).
    """
    import torch

    net = layer(torch.from_numpy(trained.weights), inhibition, learns=False)
    state = {"shared": {"theta": torch.from_numpy(trained.theta)}}
    found: list[Any] = [None] * len(pixels)
    asked = np.arange(len(pixels))
    for again, brightness in enumerate((1.0, *BRIGHTER)):
        weak = []
        with progress(len(asked), unit="image") as bar:
            for begin in range(0, len(asked), BATCH):
                rows = asked[begin : begin + BATCH]
                numbers = rows + again * len(pixels)
                spikes = net(shown(pixels[rows], numbers, seed, brightness), state)[0].numpy()
                for row, seen in zip(rows, look(spikes), strict=True):
                    found[row] = seen
                weak.append(rows[spikes.sum((0, 2)) < ENOUGH])
                bar.update(len(rows))
        asked = np.concatenate(weak)
        if not len(asked):
            break
    return np.stack(found)
