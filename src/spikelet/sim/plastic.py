"""A plastic projection in the steps of a network: its calls, and what is kept of it between runs.

In each step, before the neurons: advance the traces, deliver each spike that arrives, run ``on_pre``; after the spikes
of the step have been listed: run ``on_post``. So a block is one step. Of a delay that lies in part behind the synapse,
the spike passes the synapse earlier, and what it adds waits in a ring of rows; where all of it lies there, that is
after the spikes have been listed, and before ``on_post``. States that are not the synapse's are advanced by the
compiler's kernel, exactly where they are linear.

What happens to one synapse depends on the spikes of its two neurons alone, in the order of time; so nothing depends
on how a run is cut. There are two ways to the same weights, ``plastic_general`` and ``plastic_lazy``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from spikelet.errors import NumericsError
from spikelet.rule import Rule
from spikelet.sim.driver import Call
from spikelet.sim.edges import Edges
from spikelet.sim.group import Stepping
from spikelet.sim.history import History
from spikelet.sim.normalise import normalised
from spikelet.sim.plastic_additive import NotAdditive
from spikelet.sim.plastic_general import General
from spikelet.sim.plastic_lazy import Lazy, plan
from spikelet.sim.plastic_learner import Learner
from spikelet.sim.plastic_sides import Target

OUTSIDE = "weights were given outside of the bounds of the rule"


class Plastic(Learner):
    """The calls of a plastic projection; see ``Learner`` for the arguments.

    Attributes:
        before: Calls before those of the neurons.
        after: Calls after the spikes of the step have been listed.
        reason: Why the rule is not done lazily; an empty text where it is.
    """

    def __init__(self, rule: Rule, edges: Edges, history: History, first: int, targets: Sequence[Target], **more: Any):
        super().__init__(rule, edges, history, first, targets, **more)
        self.before: list[Call] = []
        self.after: list[Call] = []
        self.reason = "there are no synapses"
        self.scratch: np.ndarray | None = None
        self.way: General | Lazy = self._chosen() if self.some else General(self)
        self._build()

    def _chosen(self) -> General | Lazy:
        """Choose the lazy way where it leads to the same weights, else the general one."""
        try:
            how = plan(self)
        except NotAdditive as error:
            self.reason = str(error)
            return General(self)
        if not how.holds(self.weights, self.edges.targets):
            self.reason = OUTSIDE
            return General(self)
        self.reason = ""
        return Lazy(self, how)

    def become(self, reason: str) -> None:
        """Do the rule as another one does it, whose ``reason`` is given, and whose arrays will be set."""
        if reason:
            self.become_general(reason)
        elif self.reason:
            self.reason, self.way = "", Lazy(self, plan(self))
            self._build()

    def become_general(self, reason: str) -> None:
        """Do the rule pair by pair from now on; a run that goes on needs the new calls."""
        self.reason = reason
        if isinstance(self.way, Lazy):
            self.weights[...] = self.way.read()
            self.way = General(self)
            self._build()

    def _build(self) -> None:
        if not self.some:
            return
        late, delays = self.parts.late, len(self.edges.delays)
        self.before = [
            *self.way.begin(), *(stepping.call for stepping in self.steppings.values()),
            *self.senders.see(late, delays), *self.way.arrivals(late, delays), *self.outlets.drained,
        ]  # fmt: skip
        self.after = [
            *self.receivers.calls, *self.senders.keep, *self.senders.see(0, late), *self.way.arrivals(0, late),
            *self.way.posts(),
        ]  # fmt: skip

    # --- running ------------------------------------------------------------------------------------------------------

    def load(self, block: int, neurons: Mapping[str, Stepping]) -> None:
        """Make ready for a run whose first block has this number; ``neurons`` are the calls of the populations."""
        for stepping in self.steppings.values():
            stepping.load(block)
        self.receivers.load(neurons)
        self.senders.load(neurons)

    def save(self, block: int) -> None:
        """Take the states that the block before this one has left."""
        for stepping in self.steppings.values():
            stepping.save(block)

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield what a later step depends on beside weights and spikes, by name; to be set between runs, in place."""
        for place, group in self.traces.items():
            yield from ((f"{place}.{name}", state) for name, state in group.state.items())
        yield from self.way.arrays()
        yield from ((f"synapse.{name}", state) for name, state in self.synapses.items())
        if self.outlets.slots > 1:
            yield "ring", self.outlets.ring
        if self.senders.rings:
            yield "fresh", self.senders.fresh
        for name, ring in self.senders.rings.items():
            yield f"ring.{name}", ring
            yield f"from.{name}", self.senders.values[name]

    def current(self) -> Edges:
        """Return the synapses with their present weights, and what is known of their places, found once."""
        assert self.edges.ordered in (True, False)
        return self.edges.with_weights(self.way.read())

    def check(self, name: str) -> None:
        """Check that all weights are finite; ``name`` is the projection's, for the message.

        Raises:
            NumericsError: one is not.
        """
        with np.errstate(all="ignore"):
            if np.isfinite(self.weights.sum()):  # without a copy; a sum may overflow where no weight has
                return
        wrong = np.flatnonzero(~np.isfinite(self.weights))
        if wrong.size:
            e = int(wrong[0])
            source, target = int(self.edges.sources()[e]), int(self.edges.targets[e])
            raise NumericsError(
                f"{name}: {self.rule.name} made the weight of {wrong.size} of {len(self.weights)} synapses "
                f"{self.weights[e]} (first: source {source}, target {target}); a bound, such as "
                "w = clip(..., 0, w_max), or smaller steps may help"
            )

    def set_weights(self, values: np.ndarray) -> bool:
        """Set the weights, a number or an array, in the order in which they are stored.

        Weights outside of the bounds of the rule make it general.

        Returns:
            Whether there are new calls, which a run that goes on needs.
        """
        given = np.broadcast_to(np.asarray(values, self.weights.dtype), self.weights.shape)
        leaves = isinstance(self.way, Lazy) and not self.way.how.holds(given, self.edges.targets)
        if leaves:
            self.become_general(OUTSIDE)
        self.way.write(given)
        return leaves

    def normalise(self, name: str, total: Any) -> bool:
        """Scale the weights into each receiver so that their absolute values sum to ``total``.

        Returns:
            Whether there are new calls, as of ``set_weights``.

        Raises:
            InputError: ``total`` is wrong, or all weights into a receiver are 0; ``name`` is the projection's.
        """
        if self.scratch is None:  # large arrays that come and go take longer than what is done with them
            self.scratch = np.empty_like(self.weights)
        return self.set_weights(normalised(name, self.edges, total, self.way.read_into(self.scratch)))


def rewired(old: Plastic, edges: Edges, origin: np.ndarray) -> Plastic:
    """Return a plastic projection with other synapses, which goes on where another one stands.

    Args:
        old: What there was.
        edges: The synapses, of the same delays, with their weights.
        origin: (E,) the number that each has had, -1 where it is new.
    """
    new = Plastic(
        old.rule, edges, old.history, old.first, old.targets, dt=old.dt, fraction=old.fraction, units=old.units,
        sender=old.senders.population, seed=old.seed, kept=old.traces,
    )  # fmt: skip
    stays = origin >= 0
    for name, state in new.synapses.items():
        state[stays] = old.synapses[name][origin[stays]]
    was, now = dict(old.arrays()), dict(new.arrays())
    for name in now.keys() & was.keys():
        if not name.startswith("synapse.") and name != "lazy.weights":
            now[name][...] = was[name]
    if isinstance(new.way, Lazy):
        if isinstance(old.way, Lazy):
            new.way.write(np.asarray(edges.weights).copy())
        else:
            new.become_general(old.reason)
    return new
