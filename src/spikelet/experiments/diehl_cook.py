"""The network of Diehl & Cook (2015), and how images are shown to it: one after the other.

784 Poisson sources, one for each pixel, drive N excitatory neurons over synapses that learn; each of these drives one
inhibitory neuron, which inhibits all other excitatory ones, so that few fire for an image. A threshold that grows with
each spike of a neuron lets all of them take part. Weights onto a neuron are brought to one sum before every image.

What differs from the authors' program: steps of 1 ms in place of 0.5 ms; no delays of 0 to 10 ms of the inputs; what
comes in opens a conductance for one step in place of one that decays within 1 ms; and inhibitory neurons fire in the
step in which they are driven, so that inhibition comes no later than there.

As there, a neuron that has fired is held at its reset as long as it is refractory. What the winners of a moment send to
each other passes in that time, so they stay ahead of all others, fire again, and learn; where they are not held, single
spikes of many answer an image, and most neurons learn nothing.

The authors' program has 400 neurons. Of 100 each fires four times as often, so a spike raises its threshold a quarter
as much: with theirs thresholds rise until most images have to be shown three times (68 % after 40,000 images).
"""

from collections.abc import Callable

import numpy as np

from spikelet.experiments.digits_curve import Curve, Trained
from spikelet.experiments.paper import Progress
from spikelet.model import Neuron
from spikelet.rules import DiehlCookSTDP
from spikelet.sim.connect import all_to_all, expression, one_to_one
from spikelet.sim.distributions import uniform
from spikelet.sim.network import Network
from spikelet.sim.sources import Poisson
from spikelet.units import mV

PIXELS = 784
SHOWN, REST, STEP = 350.0, 150.0, 1.0  # ms
TOTAL = 78.0  # sum of the weights onto a neuron
ENOUGH = 5  # spikes; with fewer, an image is shown again, brighter
BRIGHTNESS = 2.0
RISE = 0.05 * mV  # of the threshold with each spike, of 400 neurons
_LONGEST = 1e12  # ms

Excitatory = Neuron(
    "Excitatory",
    """
    dv/dt = (v_rest - v + ge*(E_exc - v) + gi*(E_inh - v))/tau : mV (unless refractory)
    ge : 1 (input)                           # conductances, as multiples of the leak
    dgi/dt = -gi/tau_gi : 1
    dtheta/dt = -theta/tau_theta : mV
    count[k+1] = count : 1                              # spikes so far
    v_rest = -65 mV;  E_exc = 0 mV;  E_inh = -100 mV;  tau = 100 ms;  tau_gi = 1.4427 ms
    v_th = -72 mV;  v_reset = -65 mV;  t_ref = 5 ms
    theta_plus = 0.05 mV;  tau_theta = 1e7 ms;  theta_0 = 20 mV
    """,
    threshold="v > v_th + theta",
    reset="v = v_reset; theta += theta_plus; count += 1",
    refractory="t_ref",
    initial="v = v_rest; theta = theta_0",
    ref="Diehl & Cook 2015, Front. Comput. Neurosci. 9:99",
)

Inhibitory = Neuron(
    "Inhibitory",
    """
    dv/dt = (v_rest - v + ge*(E_exc - v))/tau : mV (unless refractory)
    ge : 1 (input)
    v_rest = -60 mV;  E_exc = 0 mV;  tau = 10 ms
    v_th = -40 mV;  v_reset = -45 mV;  t_ref = 2 ms
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
    ref="Diehl & Cook 2015, Front. Comput. Neurosci. 9:99",
)


def network(n: int, seed: int, weights: np.ndarray | None = None, theta: np.ndarray | None = None) -> Network:
    """Return a network that learns; or, with weights and thresholds, one that does not.

    Args:
        n: Number of excitatory neurons, and of inhibitory ones.
        seed: Of weights and spikes.
        weights: (784, n), fixed.
        theta: (n,) mV, fixed.
    """
    net = Network(seed=seed)
    fixed = weights is not None
    x = net.add(Poisson(0.0), PIXELS, "x")
    model = Excitatory(theta_plus=0, tau_theta=1e30) if fixed else Excitatory(theta_plus=RISE * n / 400)
    exc, inh = net.add(model, n, "E"), net.add(Inhibitory, n, "I")
    net.connect(
        x, exc, all_to_all(), to="ge", weight=0.3 if fixed else uniform(0.003, 0.303), delay=STEP,
        rule=None if fixed else DiehlCookSTDP, name="image",
    )  # fmt: skip
    net.connect(exc, inh, one_to_one(), to="ge", weight=10.4, delay=0)
    net.connect(inh, exc, expression("i != j"), to="gi", weight=17.0, delay=STEP)
    net.build(dt=STEP)
    if weights is not None:
        net.projections["image"].set(weights=weights.ravel())
        exc.set(theta=theta)
    return net


class Show:
    """Shows images to a network, in one run.

    Args:
        net: From `network`.
        learns: Whether the weights are brought to their sum before each image.
        done: Called after each image with its number and the spikes of each neuron, (n,).
        time: How long an image is shown, and how long nothing is [ms].
        enough: An image with fewer spikes is shown again, brighter.
    """

    def __init__(
        self, net: Network, *, learns: bool, done: Callable[[int, np.ndarray], None],
        time: tuple[float, float] = (SHOWN, REST), enough: int = ENOUGH,
    ):  # fmt: skip
        self.net, self.learns, self.done, self.time, self.enough = net, learns, done, time, enough
        self.before = net["E"]["count"]
        self.shown = 0  # images, those that were shown again included
        self.images, self.now, self.more = np.zeros((0, PIXELS)), 0, 0

    def run(self, images: np.ndarray) -> None:
        """Show images, (K, 784) from 0 to 255."""
        self.images, self.now, self.more = images, 0, 0
        if len(images):
            self._begin()
            self.net.run(
                _LONGEST, record=[], call=self._end, until=lambda _: self.now == len(images), each=sum(self.time),
                progress=False,
            )  # fmt: skip

    def _begin(self) -> None:
        """Make ready for the image that comes."""
        if self.learns:
            self.net.projections["image"].normalise(TOTAL)
        rates = self.images[self.now] * ((BRIGHTNESS + self.more) / 8 / 1000)  # kHz
        now = self.net.t
        self.net["x"].set(rate=([now, now + self.time[0]], np.stack([rates, np.zeros(PIXELS)])))

    def _end(self, net: Network) -> None:
        """Take what the neurons answered to an image; with too few spikes it is shown again, brighter."""
        count = net["E"]["count"]
        answer, self.before = count - self.before, count
        self.shown += 1
        if answer.sum() < self.enough:
            self.more += 1
        else:
            self.done(self.now, answer)
            self.now, self.more = self.now + 1, 0
        if self.now < len(self.images):
            self._begin()


def train(pixels: np.ndarray, labels: np.ndarray, *, n: int, passes: int, seed: int, progress: Progress) -> Trained:
    """Train a network.

    Args:
        pixels: (K, 28, 28) uint8.
        labels: (K,), for the curve alone.
        n: Number of excitatory neurons.
        passes: Over all images.
        seed: Of weights and spikes.
        progress: Opens the bar.
    """
    net, curve, images = network(n, seed), Curve(labels, n), pixels.reshape(len(pixels), -1)
    with progress(passes * len(pixels), unit="image") as bar:
        for turn in range(passes):

            def done(number: int, answer: np.ndarray, first: int = turn * len(pixels)) -> None:
                curve.add(np.array([first + number]), answer[None])
                bar.update(1)

            Show(net, learns=True, done=done).run(images)
    weights = np.asarray(net.projections["image"].weights()).reshape(PIXELS, n)
    return Trained(weights.T.copy(), np.array(net["E"]["theta"]), curve.rows)


def answered(trained: Trained, pixels: np.ndarray, *, seed: int, progress: Progress) -> np.ndarray:
    """Return what a network answers to images without learning: spikes of each neuron, (K, n).

    Args:
        trained: The network.
        pixels: (K, 28, 28) uint8.
        seed: Of the spikes.
        progress: Opens the bar.
    """
    net = network(len(trained.theta), seed, trained.weights.T, trained.theta)
    found = np.zeros((len(pixels), len(trained.theta)), np.float32)
    with progress(len(pixels), unit="image") as bar:

        def done(number: int, answer: np.ndarray) -> None:
            found[number] = answer
            bar.update(1)

        Show(net, learns=False, done=done).run(pixels.reshape(len(pixels), -1))
    return found
