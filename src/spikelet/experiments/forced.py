"""Synapses between neurons whose spikes are given: what a learning rule does, without the neuron's own say."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from spikelet.experiments.paper import complete
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all, one_to_one
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
    end = max(float(times.max()) for times in [*pre, *post])
    net, synapses = _forced(rule, (_train(pre), len(pre)), (_train(post), len(post)), one_to_one(), weight, 0)
    complete(net.run(end + dt, dt=dt))
    return synapses.weights().astype(float) - weight


def _train(trains: Sequence[np.ndarray]) -> SpikeTrain:
    return SpikeTrain(np.concatenate(trains), np.repeat(np.arange(len(trains)), [len(times) for times in trains]))


def drift(
    rule: Rule, x: float, y: np.ndarray, *, n: int, t: float, weight: float, seed: int, dt: float = 0.05
) -> tuple[np.ndarray, np.ndarray]:
    """Return how fast weights change between independent Poisson trains, each sender connected to each receiver.

    Args:
        rule: of the synapses.
        x: rate of the senders [kHz].
        y: (Y,) rates of the receivers [kHz].
        n: senders, and receivers of each rate.
        t: how long [ms].
        weight: at the beginning, so far from the bounds that none is met.
        seed: of the trains.
        dt: step [ms]. Pairs in one step count as sender first: a window of tau counts as tau + dt/2 where the sender
            comes first, and as tau - dt/2 where it comes second.

    Returns:
        (Y,) mean change in a second, and (Y,) its standard error.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    receivers = Poisson(np.repeat(y, n)), n * len(y)
    net, synapses = _forced(rule, (Poisson(x), n), receivers, all_to_all(), weight, seed)
    complete(net.run(t, dt=dt))
    changes = (synapses.weights().astype(float) - weight).reshape(n, len(y), n).mean(0) * (second / t)
    return changes.mean(1), changes.std(1, ddof=1) / np.sqrt(n)


def _forced(
    rule: Rule, pre: tuple[Source, int], post: tuple[Source, int], pattern: Any, weight: float, seed: int
) -> tuple[Network, Projection]:
    """Return a network of synapses between given trains of spikes, which arrive in the step in which they are found."""
    net = Network(seed=seed)
    senders, clamp, receivers = net.add(*pre, "pre"), net.add(*post, "clamp"), net.add(FORCED, post[1], "post")
    net.connect(clamp, receivers, one_to_one(), to="u", weight=1.0, delay=0)
    return net, net.connect(senders, receivers, pattern, to="z", weight=weight, delay=0, rule=rule)
