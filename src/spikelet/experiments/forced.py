"""Synapses between neurons whose spikes are given: what a learning rule does, without the neuron's own say."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from spikelet.experiments.paper import complete
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import one_to_one
from spikelet.sim.network import Network
from spikelet.sim.projection import Projection
from spikelet.sim.sources import Poisson, Source, SpikeTrain
from spikelet.units import second

FORCED = Neuron(
    "Forced",
    """
    du/dt = -u/tau : 1                       # what makes it fire: one spike of a source in each step at most
    dz/dt = -z/tau : 1                       # what the learning synapses deliver, which goes nowhere
    tau = 1 ms
    """,
    threshold="u > 0.5",
    reset="u = 0",
    doc="A neuron that fires when it is told to.",
)


def forced(
    rule: Rule, pre: Source, post: Source, n: int, *, weight: float, seed: int = 0
) -> tuple[Network, Projection]:
    """Return a network of n synapses, each between a sender and a receiver of its own, and the synapses.

    Args:
        rule: of the synapses.
        pre: spikes of the n senders, which arrive in the step in which they are found.
        post: spikes of the n receivers; of several in one step one is fired.
        n: how many.
        weight: at the beginning.
        seed: of random sources.
    """
    net = Network(seed=seed)
    senders, clamp, receivers = net.add(pre, n, "pre"), net.add(post, n, "clamp"), net.add(FORCED, n, "post")
    net.connect(clamp, receivers, one_to_one(), to="u", weight=1.0, delay=0)
    how: dict[str, Any] = {"to": "z", "weight": weight, "delay": 0, "rule": rule}
    return net, net.connect(senders, receivers, one_to_one(), **how)


def trained(
    rule: Rule, pre: Sequence[np.ndarray], post: Sequence[np.ndarray], *, weight: float = 1.0, dt: float = 1.0
) -> np.ndarray:
    """Return by how much given spikes change the weight of each of n synapses, (n,).

    Args:
        rule: of the synapses.
        pre: n times (E,) of spikes that arrive [ms], at multiples of dt.
        post: n times (E,) of spikes of the receivers [ms]; of a pair in one step the sender's comes first.
        weight: at the beginning, within the bounds of the rule.
        dt: step [ms].

    Raises:
        KeyboardInterrupt: Ctrl-C.

    Example:
        >>> from spikelet.rules import STDP
        >>> trained(STDP, [np.array([10.0])], [np.array([30.0])], weight=0.5).round(6).tolist()
        [0.001839]
    """
    n, end = len(pre), max(float(times.max()) for times in [*pre, *post])
    net, synapses = forced(rule, _train(pre), _train(post), n, weight=weight)
    complete(net.run(end + dt, dt=dt))
    return synapses.weights().astype(float) - weight


def drift(
    rule: Rule, x: float, y: np.ndarray, *, n: int, t: float, weight: float, seed: int, dt: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """Return how fast weights change between independent Poisson trains.

    Args:
        rule: of the synapses.
        x: rate of the senders [kHz].
        y: (Y,) rates of the receivers [kHz].
        n: synapses for each of these rates.
        t: how long [ms].
        weight: at the beginning, so far from the bounds that none is met.
        seed: of the trains.
        dt: step [ms]; a share of dt/2 of a time constant more pairs count as sender first than do in continuous time.

    Returns:
        (Y,) mean change in a second, and (Y,) its standard error.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    net, synapses = forced(rule, Poisson(x), Poisson(np.repeat(y, n)), n * len(y), weight=weight, seed=seed)
    complete(net.run(t, dt=dt))
    changes = (synapses.weights().astype(float) - weight).reshape(len(y), n) * (second / t)
    return changes.mean(1), changes.std(1, ddof=1) / np.sqrt(n)


def _train(trains: Sequence[np.ndarray]) -> SpikeTrain:
    return SpikeTrain(np.concatenate(trains), np.repeat(np.arange(len(trains)), [len(times) for times in trains]))
