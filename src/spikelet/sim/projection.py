"""Projections of a network: what they are made from, and their synapses once it has been built."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from spikelet.errors import InputError, did_you_mean
from spikelet.rule import Rule
from spikelet.sim import growth
from spikelet.sim.chosen import Chosen
from spikelet.sim.connect_finish import steps_of
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.edges import Edges
from spikelet.sim.population import View
from spikelet.synapse import Synapse
from spikelet.written import as_numbers


class Synapses(Protocol):
    """The synapses of a built network; see ``engine.Engine``."""

    dt: float

    def edges(self, projection: "Projection") -> Edges:
        """Return the synapses of a projection."""
        ...

    def places(self, projection: "Projection") -> Edges:
        """Return the synapses of a projection, with any weights."""
        ...

    def count(self, projection: "Projection") -> int:
        """Return how many synapses a projection has."""
        ...

    def set_weights(self, projection: "Projection", values: np.ndarray) -> None:
        """Replace the weights of a projection, in the order in which they are stored."""
        ...

    def normalise(self, projection: "Projection", total: Any) -> None:
        """Scale the weights into each receiver so that their absolute values sum to ``total``."""
        ...

    def set_parts(self, projection: "Projection", parts: Mapping[str, np.ndarray]) -> None:
        """Replace what the weights of a projection follow from."""
        ...

    def set_delays(self, projection: "Projection", steps: np.ndarray) -> None:
        """Replace the delays of a projection [steps], in the order in which they are stored."""
        ...

    def rewire(self, projection: "Projection", edges: Edges, origin: np.ndarray) -> None:
        """Replace the synapses of a projection that learns; ``origin`` is the number that each has had, or -1."""
        ...


class Home(Protocol):
    """The network of a projection; see ``description.Description``."""

    seed: int

    @property
    def engine(self) -> Synapses:
        """The network as arrays; an error where it has not been built."""
        ...


class Projection:
    """Synapses from one population to one or several; made by ``Network.connect``.

    Attributes:
        network: Where it belongs.
        name: Its name in the network.
        pre: What sends.
        post: What receives, in the order of the targets' numbers.
        pattern: Who is connected with whom.
        to: Input or state of the neuron that receives.
        synapse: What a spike does there; None where it is added at once.
        receptor: Name of the states that projections share.
        rule: How the weights learn; None where they do not.
        dendritic_fraction: Share of the delay that lies behind a learning synapse.
        weight: Number, array or distribution.
        delay: Number, array or distribution [ms]; None is one step.
        storage: In which form the synapses are kept, see ``storage``; None is what suits the pattern.
        number: Place among the projections of the network; random numbers go by it.
    """

    def __init__(self, network: Home, number: int, name: str, pre: View, post: tuple[View, ...], **what: Any):
        self.network, self.number, self.name, self.pre, self.post = network, number, name, pre, post
        self.pattern: Pattern = what["pattern"]
        self.to: str = what["to"]
        self.synapse: Synapse | None = what["synapse"]
        self.receptor: str = what["receptor"]
        self.rule: Rule | None = what["rule"]
        self.dendritic_fraction: float = what["dendritic_fraction"]
        self.weight, self.delay = what["weight"], what["delay"]
        self.storage: str | None = what["storage"]

    def __repr__(self) -> str:
        return f"Projection({self.name!r}, {self.pre} -> {', '.join(map(repr, self.post))})"

    @property
    def targets_count(self) -> int:
        """Number of neurons that may receive."""
        return sum(map(len, self.post))

    @property
    def edges(self) -> Edges:
        """The synapses.

        Raises:
            InputError: the network has not been built.
        """
        return self.network.engine.edges(self)

    def __len__(self) -> int:
        return self.network.engine.count(self)

    def __getitem__(self, part: Any) -> Any:
        """Return some of the synapses, numbered in the order (source, target), to record, read or set their weights.

        Raises:
            InputError: there are no such synapses, or the network has not been built.
        """
        if isinstance(part, str):
            if part != "weights":
                raise InputError(f"{self.name}: a projection has 'weights', not {part!r}")
            return self.weights()
        return Chosen(self, part)

    def set_some(self, ids: np.ndarray | None, values: Mapping[str, Any]) -> None:
        """Set the weights of some synapses, numbered in the order (source, target)."""
        for name, value in values.items():
            weights = self[name]
            count = len(weights) if ids is None else len(ids)
            weights[slice(None) if ids is None else ids] = self._numbers("weight", value, count)
            self.set(weights=weights)

    def sources(self) -> np.ndarray:
        """Return the source of each synapse, in the order (source, target)."""
        edges = self.edges
        return edges.sources()[edges.order()]

    def targets(self) -> np.ndarray:
        """Return the target of each synapse, numbered through all that receive, in the order (source, target)."""
        edges = self.edges
        return edges.targets[edges.order()].astype(np.int64)

    def delays(self) -> np.ndarray:
        """Return the delay of each synapse [ms], in the order (source, target)."""
        edges = self.edges
        return edges.delay_steps()[edges.order()] * self.network.engine.dt

    def weights(self) -> np.ndarray:
        """Return the weight of each synapse, in the order (source, target)."""
        edges = self.edges
        if np.ndim(edges.weights) == 0:
            return np.full(len(edges), edges.weights)
        weights = np.asarray(edges.weights)
        return weights.copy() if edges.ordered else weights[edges.order()]

    def set(self, *, weights: Any = None, delays: Any = None, where: Any = None, **parts: Any) -> None:
        """Set weights and delays between runs.

        Args:
            weights: A number, or one for each synapse in the order (source, target), or a function that returns them
                for the present ones, such as ``lambda w: w.clip(0, 1)``.
            delays: The same [ms]. Spikes that have been sent arrive after the delay that they were sent with.
            where: (E,) booleans, which synapses are set; the others keep what they have.
            **parts: ``kernel=`` of convolution storage, ``decoders=`` and ``encoders=`` of low-rank storage.

        Raises:
            InputError: their number differs from that of the synapses, a number is not finite, a delay is below one
                step, or the storage cannot hold them.
        """
        if weights is not None:
            self.network.engine.set_weights(self, self._asked("weight", weights, self.weights, where))
        if delays is not None:
            values = self._asked("delay", delays, self.delays, where)
            self.network.engine.set_delays(self, steps_of(self.name, values, self.network.engine.dt))
        if parts:
            given = {name: np.array(value, float) for name, value in parts.items()}
            for name, array in given.items():
                if not np.isfinite(array).all():
                    raise InputError(f"{self.name}: a number of {name} is not finite")
            self.network.engine.set_parts(self, given)

    def _asked(self, what: str, given: Any, present: Callable[[], np.ndarray], where: Any) -> np.ndarray:
        """Return one number, or one for each synapse in the order in which they are stored."""
        values = self._real(what, given(present()) if callable(given) else given)
        if where is None and values.ndim == 0:
            return self._checked(what, values, 0)
        edges = self.network.engine.places(self)
        values = self._checked(what, values, len(edges))
        if where is not None:
            mask = np.asarray(where)
            if mask.dtype != bool or mask.shape != (len(edges),):
                raise InputError(f"{self.name}: where must be {len(edges)} booleans, got {mask.dtype} {mask.shape}")
            values = np.where(mask, values, present())
        return _as_stored(edges, values)

    def _real(self, what: str, given: Any) -> np.ndarray:
        values = np.zeros(0) if np.size(given) == 0 else as_numbers(given)  # a projection may be without synapses
        if values is None:
            raise InputError(f"{self.name}: a {what} is a number, or one for each synapse, got {given!r}"[:200])
        return values

    def _numbers(self, what: str, given: Any, count: int) -> np.ndarray:
        """Return a finite number, (), or one for each of ``count`` synapses."""
        return self._checked(what, self._real(what, given), count)

    def _checked(self, what: str, values: np.ndarray, count: int) -> np.ndarray:
        if values.ndim and values.shape != (count,):
            raise InputError(f"{self.name}: {values.shape} {what}s for {count} synapses")
        if not np.isfinite(values).all():
            raise InputError(f"{self.name}: a {what} is not finite")
        return values

    def normalise(self, total: Any) -> None:
        """Scale the weights into each receiver so that their absolute values sum to ``total``, between runs.

        Args:
            total: A positive number, or one for each receiver, in the order of ``targets()``.

        Raises:
            InputError: ``total`` is wrong, or all weights into a receiver are 0.
        """
        self.network.engine.normalise(self, total)

    def add(self, sources: Any, targets: Any, *, weights: Any, delays: Any = None) -> None:
        """Add synapses between runs, to a projection with a rule; all others keep what they have.

        Args:
            sources: (n,) their sources, as in ``sources()``; a pair may have several synapses.
            targets: (n,) their targets, as in ``targets()``.
            weights: A number, or one for each.
            delays: The same [ms], each one that other synapses of the projection have, or have had; None is the only
                one that there is. What is on its way to the others arrives at the new ones, too.

        Raises:
            InputError: an argument is wrong, or the projection has no rule.
            ShapeError: there are not as many of one as of the other.
        """
        engine, edges = self._growing()
        found = growth.added(self.name, edges, (sources, targets), weights, delays, engine.dt)
        engine.rewire(self, *found)

    def remove(self, sources: Any = None, targets: Any = None, *, where: Any = None) -> int:
        """Remove synapses between runs, from a projection with a rule; all others keep what they have.

        Args:
            sources: (n,) sources of the pairs whose synapses go.
            targets: (n,) their targets.
            where: In place of both, which synapses go, (E,) bool, in the order of ``weights()``.

        Returns:
            How many there were.

        Raises:
            InputError: an argument is wrong, a pair has no synapse, or the projection has no rule.
            ShapeError: there are not as many sources as targets.
        """
        engine, edges = self._growing()
        if where is None:
            chosen = growth.between(self.name, edges, (sources, targets))
        else:
            mask = np.asarray(where)
            if sources is not None or targets is not None or mask.dtype != bool or mask.shape != (len(edges),):
                raise InputError(
                    f"{self.name}: remove needs sources and targets, or where= with one bool for each of the "
                    f"{len(edges)} synapses"
                )
            chosen = _as_stored(edges, mask)
        engine.rewire(self, *growth.removed(edges, chosen))
        return int(chosen.sum())

    def _growing(self) -> tuple[Synapses, Edges]:
        if self.rule is None:
            raise InputError(f"{self.name}: only synapses that learn can be added or removed, and it has no rule=")
        engine = self.network.engine
        return engine, engine.edges(self)


def _as_stored(edges: Edges, values: np.ndarray) -> np.ndarray:
    """Return values that are in the order (source, target), or one for all, in the order in which they are stored."""
    if edges.ordered:
        return values
    placed = np.empty(len(edges), values.dtype)
    placed[edges.order()] = values
    return placed


class Projections(dict[str, Projection]):
    """Projections by name."""

    def __missing__(self, name: Any) -> Projection:
        has = f"it has {', '.join(self)}" if self else "it has none"
        raise InputError(f"no projection {name!r} in the network{did_you_mean(str(name), self)}; {has}")
