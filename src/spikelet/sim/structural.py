"""Synapses that come and go during a run: pruned where they are weak, grown where there is none, or rewired (DEEP R).

An object of this module is the call-back of a run, ``net.run(10*second, call=Rewiring(syn, ...), each=100*ms)``. What
it draws depends on its seed and on the time of the network alone, so a run may be cut, saved and continued.
"""

from typing import Any

import numpy as np

from spikelet import random
from spikelet.errors import InputError
from spikelet.sim.given import number, whole
from spikelet.sim.projection import Projection
from spikelet.written import as_numbers

_GROWN, _NOISE, _SIGN = 0x3FF0, 0x3FF1, 0x3FF2  # streams of random numbers
_TINY = 1e-12  # of a connection that has just been made


class Rewiring:
    """Prunes weak synapses of a projection that learns, and grows new ones between pairs that have none.

    Args:
        projection: Which; it has a rule.
        prune_below: Synapses whose weight is below this in absolute value go; None keeps all.
        grow: How many are grown at each call, or ``"pruned"``, as many as go then; fewer where all pairs are taken.
        weight: Of the new ones.
        delay: Of the new ones [ms], one that the projection has; None is the only one.
        seed: Of the random choice of pairs, all of which are alike.
        itself: Whether a neuron may be connected with itself, where the same population sends and receives.

    Attributes:
        pruned: How many synapses have gone.
        grown: How many have been made.

    Raises:
        InputError: an argument is wrong.

    Example:
        >>> import spikelet as sl
        >>> from spikelet.sim.connect import from_arrays
        >>> net = sl.Network()
        >>> drive, cell = net.add(sl.Poisson(0.02), 20), net.add(sl.neurons.LIF, 10)
        >>> syn = net.connect(drive, cell, from_arrays([], []), to="v", weight=0.1, delay=1.0, rule=sl.rules.STDP)
        >>> result = net.run(10.0, dt=1.0, call=Rewiring(syn, grow=3, weight=0.1), each=1.0)
        >>> len(syn)
        30
    """

    def __init__(
        self, projection: Projection, *, prune_below: float | None = None, grow: int | str = "pruned",
        weight: float = 0.0, delay: float | None = None, seed: int = 0, itself: bool = False,
    ):  # fmt: skip
        name = _learning(projection, "Rewiring")
        self.projection, self.seed, self.itself = projection, random.whole(seed), itself
        self.weight = number(name, "weight", weight)
        self.delay = None if delay is None else number(name, "delay", delay, 0)
        self.prune_below = None if prune_below is None else number(name, "prune_below", prune_below, 0)
        if isinstance(grow, str) and grow != "pruned":
            raise InputError(f"{name}: grow must be a whole number, or 'pruned', got {grow!r}")
        self.grow = grow if isinstance(grow, str) else whole(name, "grow", grow, 0)
        if self.prune_below is not None and abs(self.weight) < self.prune_below:
            raise InputError(
                f"{name}: new synapses of weight={weight:g} are below prune_below={prune_below:g}, and would go at once"
            )
        self.pruned = self.grown = 0

    def __call__(self, net: Any) -> None:
        """Prune and grow once; ``net`` is the network, at a time of a run or between two."""
        syn, gone = self.projection, 0
        if self.prune_below is not None:
            gone = syn.remove(where=np.abs(syn.weights()) < self.prune_below)
        wanted = gone if self.grow == "pruned" else int(self.grow)
        pairs = _free(syn, wanted, self.seed, _step(net), self.itself)
        if len(pairs[0]):
            syn.add(*pairs, weights=self.weight, delays=self.delay)
        self.pruned += gone
        self.grown += len(pairs[0])


class DeepRewiring:
    """Rewires a projection that learns so that the number of its connections stays (DEEP R).

    A weight is ``sign*theta``. At each call every ``theta`` loses ``eta*l1`` and gets noise; what its rule has done to
    it since the last call stands for the step along the gradient. A connection whose ``theta`` is then below 0 goes
    dormant, and another one, drawn from all dormant pairs, wakes with a ``theta`` of almost 0. So does one whose weight
    has not the sign of its pair, see `signs`.

    Args:
        projection: Which; it has a rule and one delay, and no pair has two synapses.
        eta: Learning rate.
        l1: How fast ``theta`` decays.
        temperature: Of the noise, whose standard deviation is ``sqrt(2*eta*temperature)``.
        sign: 1 or -1; or one for each source (Dale's law); or ``"random"``, one for each pair, for good.
        seed: Of noise, choice and signs.
        itself: Whether a neuron may be connected with itself, where the same population sends and receives.

    Attributes:
        rewired: How many connections have gone dormant so far.

    Raises:
        InputError: an argument is wrong.
    """

    def __init__(
        self, projection: Projection, *, eta: float, l1: float = 0.0, temperature: float = 0.0, sign: Any = 1,
        seed: int = 0, itself: bool = False,
    ):  # fmt: skip
        name = _learning(projection, "DeepRewiring")
        self.eta, self.l1 = number(name, "eta", eta, 0), number(name, "l1", l1, 0)
        self.temperature = number(name, "temperature", temperature, 0)
        given = None if isinstance(sign, str) else as_numbers(sign)
        sources = len(projection.pre)
        if sign != "random" if isinstance(sign, str) else given is None or given.shape not in ((), (sources,)):
            raise InputError(
                f"{name}: sign must be 1, -1, one for each of {sources} sources, or 'random', got {sign!r}"
            )
        if given is not None and not np.isin(given, (-1, 1)).all():
            raise InputError(f"{name}: a sign is 1 or -1, got {sign!r}"[:200])
        self.projection, self.seed, self.itself, self.rewired = projection, random.whole(seed), itself, 0
        self._sign = given

    def signs(self, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the sign of each pair, (n,) of 1 and -1; weights of a projection start with them."""
        if self._sign is not None:
            return np.broadcast_to(self._sign, (len(self.projection.pre),))[sources]
        pair = sources * self.projection.targets_count + targets
        return np.where(random.bits(self.seed, 0, pair, _SIGN)[0] & 1, 1.0, -1.0)

    def __call__(self, net: Any) -> None:
        """Rewire once; ``net`` is the network, at a time of a run or between two."""
        syn = self.projection
        sources, targets, step = syn.sources(), syn.targets(), _step(net)
        sign, pair = self.signs(sources, targets), sources * syn.targets_count + targets
        theta = sign * syn.weights().astype(np.float64) - self.eta * self.l1
        if self.temperature:
            noise = random.normal(self.seed, step, pair, _NOISE)
            theta += np.sqrt(2 * self.eta * self.temperature) * noise
        syn.set(weights=sign * np.maximum(theta, 0.0))
        gone = int((theta < 0).sum())
        if not gone:
            return
        pairs = _free(syn, gone, self.seed, step, self.itself)
        syn.remove(where=theta < 0)
        missing = gone - len(pairs[0])
        if missing:  # almost all pairs are connected: some of those that go wake at once
            back = np.flatnonzero(theta < 0)[:missing]
            pairs = np.concatenate([pairs[0], sources[back]]), np.concatenate([pairs[1], targets[back]])
        syn.add(*pairs, weights=_TINY * self.signs(*pairs))
        self.rewired += gone


def _learning(projection: Any, what: str) -> str:
    if not isinstance(projection, Projection):
        raise InputError(f"{what} needs a projection, such as net.connect returns, got {projection!r}"[:200])
    if projection.rule is None:
        raise InputError(f"{projection.name}: only synapses that learn can come and go, and it has no rule=")
    return projection.name


def _step(net: Any) -> int:
    return round(net.t / net.engine.dt)


def _free(syn: Projection, wanted: int, seed: int, step: int, itself: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return up to ``wanted`` different pairs without a synapse, sources and targets, each as likely as another."""
    n, m = len(syn.pre), syn.targets_count
    taken = syn.sources() * m + syn.targets()
    if not itself:
        taken = np.concatenate([taken, _themselves(syn)])
    taken = np.unique(taken)
    wanted = min(wanted, n * m - len(taken))
    if 2 * (len(taken) + wanted) > n * m:  # few are left: all of them in a random order
        free = np.setdiff1d(np.arange(n * m), taken, assume_unique=True)
        keys = random.uniform(seed, step, free, _GROWN)
        found = free[np.argsort(keys, kind="stable")[:wanted]]
    else:
        found, draw = np.zeros(0, np.int64), 0
        while len(found) < wanted:
            high, low, _, _ = random.bits(seed, step, np.arange(2 * wanted), _GROWN, draw % 2**16)
            drawn = (((high.astype(np.uint64) << np.uint64(32)) | low) % np.uint64(n * m)).astype(np.int64)
            found, draw = np.concatenate([found, drawn[~np.isin(drawn, taken)]]), draw + 1
            found = found[np.sort(np.unique(found, return_index=True)[1])]
        found = found[:wanted]
    return found // m, found % m


def _themselves(syn: Projection) -> np.ndarray:
    """Return the pairs of a neuron with itself."""
    found, border, m = [], 0, syn.targets_count
    for view in syn.post:
        if view.population is syn.pre.population:
            shared = np.arange(
                max(view.start, syn.pre.start), min(view.start + len(view), syn.pre.start + len(syn.pre))
            )
            found.append((shared - syn.pre.start) * m + shared - view.start + border)
        border += len(view)
    return np.concatenate([np.zeros(0, np.int64), *found])
