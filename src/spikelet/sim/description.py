"""What a network consists of: populations, views of them, projections, and the checks of what a user describes."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from spikelet import random
from spikelet.errors import InputError, MagnitudeWarning, ModelError, did_you_mean
from spikelet.model import METHODS, Neuron
from spikelet.rule import Rule
from spikelet.sim import connect_expression, growth, storage as storages
from spikelet.sim.chosen import Chosen
from spikelet.sim.connect_finish import steps_of
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.currents import Current
from spikelet.sim.edges import Edges
from spikelet.sim.plastic_check import check, check_fraction
from spikelet.sim.sources import Poisson, Source
from spikelet.synapse import Synapse
from spikelet.written import as_numbers

_SLOW = 1000.0  # ms: longer delays are unusual
_FAST = 100.0  # kHz: so many spikes no neuron receives
DTYPES = ("float32", "float64")


class Built(Protocol):
    """A network as arrays; see ``engine.Engine``."""

    dt: float
    step: int

    def edges(self, projection: "Projection") -> Edges:
        """Return the synapses of a projection."""
        ...

    def set_weights(self, projection: "Projection", values: np.ndarray) -> None:
        """Replace the weights of a projection, in the order in which they are stored."""
        ...

    def set_parts(self, projection: "Projection", parts: Mapping[str, np.ndarray]) -> None:
        """Replace what the weights of a projection follow from."""
        ...

    def set_delays(self, projection: "Projection", steps: np.ndarray) -> None:
        """Replace the delays of a projection [steps], in the order in which they are stored."""
        ...

    def states(self, population: "Population") -> tuple[str, ...]:
        """Return the states of a population, with those of its receptors."""
        ...

    def unit(self, population: "Population", name: str) -> str:
        """Return the unit of a state."""
        ...

    def read(self, population: "Population", name: str) -> np.ndarray:
        """Return a state or a parameter of a population, (n,)."""
        ...

    def write(self, population: "Population", ids: np.ndarray | None, values: Mapping[str, Any]) -> None:
        """Set states and parameters of a population, or of some of its neurons."""
        ...

    def set_drive(self, drive: "Drive", current: Any) -> None:
        """Replace a current."""
        ...

    def rewire(self, projection: "Projection", edges: Edges, origin: np.ndarray) -> None:
        """Replace the synapses of a projection that learns; ``origin`` is the number that each has had, or -1."""
        ...


class View:
    """Neighbours in a population: ``E[:50]``."""

    def __init__(self, population: "Population", start: int, stop: int):
        self.population, self.start, self.stop = population, start, stop

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, part: Any) -> Any:
        """Return some of these neurons, numbered from 0; or a state or parameter of them, see ``Population``."""
        if isinstance(part, str):
            return self.population[part][self.start : self.stop]
        ids = Chosen(self, part).ids + self.start
        neighbours = np.array_equal(ids, np.arange(ids[0], ids[0] + len(ids)))
        return View(self.population, int(ids[0]), int(ids[-1]) + 1) if neighbours else Chosen(self.population, ids)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __setattr__(self, name: str, value: Any) -> None:
        _set_attribute(self, ("population", "start", "stop"), name, value)

    def set(self, **values: Any) -> None:
        """Set states and parameters of these neurons, see ``Population.set``."""
        self.population.set_some(np.arange(self.start, self.stop), values)

    @property
    def name(self) -> str:
        """Its name in a result."""
        return repr(self)

    def __repr__(self) -> str:
        whole = len(self) == self.population.n
        return self.population.name if whole else f"{self.population.name}[{self.start}:{self.stop}]"


class Population:
    """Neurons of one model, or sources of one kind, in a network; made by ``Network.add``.

    Attributes:
        network: Where it belongs.
        model: A ``Neuron`` or a source.
        n: Number of neurons.
        name: Its name in the network.
        initial: State -> initial values, over those of the model.
    """

    def __init__(self, network: "Description", model: Neuron | Source, n: int, name: str, initial: Mapping[str, Any]):
        self.network, self.model, self.n, self.name, self.initial = network, model, n, name, dict(initial)

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(self.n))

    def __setattr__(self, name: str, value: Any) -> None:
        _set_attribute(self, ("network", "model", "n", "name", "initial"), name, value)

    def __getitem__(self, part: Any) -> Any:
        """Return some of the neurons: a view of neighbours, or others to record; or a state or parameter by its name.

        Raises:
            InputError: there are no such neurons, or no such state.
        """
        if isinstance(part, str):
            return self.network.engine.read(self, part)
        if isinstance(part, int | np.integer):
            index = int(part) + (self.n if part < 0 else 0)
            if not 0 <= index < self.n:
                raise InputError(f"{self.name}: no neuron {part}; it has {self.n}")
            return View(self, index, index + 1)
        if not isinstance(part, slice) or part.step not in (None, 1):
            chosen = Chosen(self, part)
            assert len(chosen)  # a wrong part is told here
            return chosen
        start, stop, _ = part.indices(self.n)
        if stop <= start:
            raise InputError(f"{self.name}[{part.start}:{part.stop}] is empty; it has {self.n} neurons")
        return View(self, start, stop)

    def set(self, **values: Any) -> None:
        """Set states and parameters between runs: ``E.set(v=-60, tau_mem=15*ms)``; of a source, its rate.

        Args:
            **values: Numbers, or (n,) each.

        Raises:
            InputError: there is no such state or parameter, a value is wrong, or the network has not been built.
            ParameterError: the value of a parameter is wrong.
        """
        self.set_some(None, values)

    def set_some(self, ids: np.ndarray | None, values: Mapping[str, Any]) -> None:
        """Set states and parameters of some neurons, or of all."""
        self.network.engine.write(self, ids, values)

    def __repr__(self) -> str:
        return f"Population({self.name!r}, {getattr(self.model, 'name', type(self.model).__name__)}, {self.n})"

    @property
    def spiking(self) -> bool:
        """Whether it sends spikes."""
        return self.model.spiking if isinstance(self.model, Neuron) else True


Place = Population | View


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

    def __init__(self, network: "Description", number: int, name: str, pre: View, post: tuple[View, ...], **what: Any):
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
        return len(self.edges.targets)

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
            weights[slice(None) if ids is None else ids] = self._numbers(value, count)
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
        return _weights(self.edges)

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
        new = given(present()) if callable(given) else given
        values = self._real(what, new)
        if where is None and values.ndim == 0 and np.isfinite(values):
            return values
        edges = self.edges
        if values.ndim and values.shape != (len(edges),):
            raise InputError(f"{self.name}: {values.shape} {what}s for {len(edges)} synapses")
        if not np.isfinite(values).all():
            raise InputError(f"{self.name}: a {what} is not finite")
        if where is not None:
            mask = np.asarray(where)
            if mask.dtype != bool or mask.shape != (len(edges),):
                raise InputError(f"{self.name}: where must be {len(edges)} booleans, got {mask.dtype} {mask.shape}")
            values = np.where(mask, values, present())
        placed = np.empty(len(edges))
        placed[edges.order()] = values
        return placed

    def _real(self, what: str, given: Any) -> np.ndarray:
        values = np.zeros(0) if np.size(given) == 0 else as_numbers(given)  # a projection may be without synapses
        if values is None:
            raise InputError(f"{self.name}: a {what} is a number, or one for each synapse, got {given!r}"[:200])
        return values

    def _numbers(self, weights: Any, count: int) -> np.ndarray:
        values = self._real("weight", weights)
        if values.ndim and values.shape != (count,):
            raise InputError(f"{self.name}: {values.shape} weights for {count} synapses")
        if not np.isfinite(values).all():
            raise InputError(f"{self.name}: a weight is not finite")
        return values

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
            chosen = np.empty(len(edges), bool)
            chosen[edges.order()] = mask
        engine.rewire(self, *growth.removed(edges, chosen))
        return int(chosen.sum())

    def _growing(self) -> tuple[Built, Edges]:
        if self.rule is None:
            raise InputError(f"{self.name}: only synapses that learn can be added or removed, and it has no rule=")
        engine = self.network.engine
        return engine, engine.edges(self)


def _weights(edges: Edges) -> np.ndarray:
    """Return the weight of each synapse, in the order (source, target)."""
    if np.ndim(edges.weights) == 0:
        return np.full(len(edges), edges.weights)
    return np.asarray(edges.weights)[edges.order()]


class Projections(dict[str, Projection]):
    """Projections by name."""

    def __missing__(self, name: Any) -> Projection:
        has = f"it has {', '.join(self)}" if self else "it has none"
        raise InputError(f"no projection {name!r} in the network{did_you_mean(str(name), self)}; {has}")


@dataclass(frozen=True, eq=False)
class Drive:
    """A current into neurons; made by ``Network.drive``.

    Attributes:
        network: Where it belongs.
        current: Its values over time.
        view: The neurons.
        to: Input, or state that is added to in every step.
        stream: Of its random numbers.
    """

    network: "Description"
    current: Any
    view: View
    to: str
    stream: int

    def set(self, current: Any) -> None:
        """Put another current in its place, between runs; noise begins anew.

        Raises:
            InputError: it is none, or the network has not been built.
        """
        current = _current(current)
        self.network.engine.set_drive(self, current)


class Description:
    """Populations and projections.

    Args:
        seed: Of all random numbers: connections, weights, initial values, noise, sources.
        dtype: ``"float32"`` or ``"float64"``, of states, inputs and weights.
        method: Integrator in place of the models'.

    Raises:
        InputError: an argument is none of what is expected.
    """

    def __init__(self, seed: int = 0, *, dtype: str = "float32", method: str | None = None):
        if dtype not in DTYPES:
            raise InputError(f"Network: dtype={dtype!r} is none of {DTYPES}{did_you_mean(str(dtype), DTYPES)}")
        if method is not None and method not in METHODS:
            raise InputError(f"Network: method={method!r} is none of {METHODS}{did_you_mean(str(method), METHODS)}")
        self.seed, self.dtype, self.method = random.whole(seed), np.dtype(dtype), method
        self.populations: dict[str, Population] = {}
        self.projections: dict[str, Projection] = Projections()
        self.drives: list[Drive] = []
        self.built: Built | None = None

    def __getitem__(self, name: str) -> Population:
        """Return a population by name.

        Raises:
            InputError: there is none of this name.
        """
        if name not in self.populations:
            near = did_you_mean(str(name), self.populations)
            raise InputError(f"no population {name!r} in the network{near}; it has {', '.join(self.populations)}")
        return self.populations[name]

    def __contains__(self, name: Any) -> bool:
        return name in self.populations or any(name is population for population in self)

    def __iter__(self) -> Iterator[Population]:
        return iter(self.populations.values())

    # --- description --------------------------------------------------------------------------------------------------

    def add(
        self, model: Neuron | Source, n: int, name: str | None = None, *, initial: Mapping[str, Any] | None = None
    ) -> Population:
        """Add a population.

        Args:
            model: A ``Neuron``, also with arrays of one value per neuron as parameters, or a source.
            n: Number of neurons.
            name: Its name; the default is the model's, with a number where that is taken.
            initial: State -> number, array (n,) or distribution, in place of the model's initial value; also of a state
                of a receptor, such as ``"ampa_g"``.

        Raises:
            InputError: an argument is wrong; the message names it.
        """
        self._require_open("add a population")
        label = getattr(model, "name", type(model).__name__)
        if not isinstance(model, Neuron | Source):
            raise InputError(f"add: expected a Neuron or a source such as Poisson(rate), got {model!r}"[:200])
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise InputError(f"add: the size of {name or label} must be a positive integer, got {n!r}")
        name = _free(label, self.populations) if name is None else name
        _require_new(name, self.populations, "population")
        if initial is not None and not isinstance(initial, Mapping):
            raise InputError(f"{name}: initial= names states, such as {{'v': -60}}, got {initial!r}"[:200])
        if isinstance(model, Neuron):
            _check_model(model, int(n), name, initial or {})
        elif initial:
            raise InputError(f"{name}: a source has no state, so no initial values")
        if (
            isinstance(model, Poisson)
            and not isinstance(model.rate, tuple)
            and np.ndim(model.rate) == 0
            and model.rate > _FAST
        ):
            _warn(f"{name}: a rate of {model.rate:g} kHz; for {model.rate:g} Hz write rate={model.rate:g}*Hz")
        population = Population(self, model, int(n), name, initial or {})
        self.populations[name] = population
        return population

    def connect(  # noqa: PLR0913  # what a projection consists of, each by name
        self,
        pre: Place,
        post: Place | Sequence[Place],
        pattern: Pattern,
        *,
        to: str | None = None,
        synapse: Synapse | None = None,
        receptor: str | None = None,
        rule: Rule | None = None,
        dendritic_fraction: float = 0.0,
        weight: Any = 1.0,
        delay: Any = None,
        storage: str | None = None,
        name: str | None = None,
    ) -> Projection:
        """Connect a population, or a part of it, with others.

        Args:
            pre: What sends spikes.
            post: What receives; of a list the neurons are numbered through, and all have the same inputs.
            pattern: Who is connected with whom, such as ``fixed_indegree(100)``.
            to: Input of the neuron, or state that jumps; the default is the model's only input.
            synapse: What a spike does; None adds the weight to ``to`` at once.
            receptor: Name under which projections share the states of a synapse; the default is for this one alone.
            rule: How the weights learn, such as ``rules.STDP``; None where they do not.
            dendritic_fraction: Share of the delay that lies behind a learning synapse, in whole steps: 0 is all
                before it, on the axon; 1 all behind it, as in NEST. Spikes of the receiver take as long to the synapse.
            weight: Number, distribution, an array where the pattern lists synapses, or a text over the numbers ``i``
                and ``j`` of source and target and, of ``distance``, ``d``, such as ``"0.3*exp(-d/0.1)"``.
            delay: The same [ms]; None is one step, and no delay for a synapse that acts all the time. With 0 spikes
                arrive in the step in which they are found, as in a stack of layers; no circle of projections may be so.
            storage: In which form the synapses are kept: ``"sparse"``, ``"dense"``, ``"one-to-one"``,
                ``"convolution"``, ``"low-rank"``, or ``"procedural"`` (never kept, but drawn again at each spike). The
                default suits the pattern; results are the same.
            name: Its name; the default is ``"PRE to POST"``, with a number where that is taken.

        Raises:
            InputError: an argument is wrong; the message names the projection.
        """
        self._require_open("connect")
        source, targets = self._view(pre, "pre"), self._views(post)
        label = f"{source} to {'+'.join(map(repr, targets))}"
        name = _free(label, self.projections) if name is None else name
        _require_new(name, self.projections, "projection")
        if not isinstance(pattern, Pattern):
            raise InputError(f"{name}: expected a pattern such as fixed_probability(0.1), got {pattern!r}"[:200])
        if synapse is not None and not isinstance(synapse, Synapse):
            raise InputError(f"{name}: expected a Synapse, got {synapse!r}"[:200])
        _check_sends(name, source, synapse, rule)
        if receptor is not None and synapse is None:
            raise InputError(f"{name}: receptor={receptor!r} names states of a synapse, but none is given")
        storages.check(name, storage, pattern, rule is not None or (storage is not None and _one_by_one(synapse)))
        connect_expression.check(name, pattern, {"weight": weight, "delay": delay})
        if rule is not None:
            post_models = [view.population.model for view in targets if isinstance(view.population.model, Neuron)]
            check(name, rule, source.population.model, post_models, (len(source), sum(map(len, targets))))
        check_fraction(name, rule, dendritic_fraction)
        places = {_target(name, view.population, to) for view in targets}
        if len(places) > 1:
            raise InputError(f"{name}: the populations have different inputs, {sorted(places)}; name one with to=")
        _warn_of_magnitudes(name, delay)
        projection = Projection(
            self, len(self.projections), name, source, targets, pattern=pattern, to=places.pop(), synapse=synapse,
            receptor=f"synapse{len(self.projections)}" if receptor is None else receptor, rule=rule,
            dendritic_fraction=float(dendritic_fraction), weight=weight, delay=delay, storage=storage,
        )  # fmt: skip
        self.projections[name] = projection
        return projection

    def drive(self, post: Place | Sequence[Place], current: Any, *, to: str | None = None) -> Any:
        """Put a current into neurons; several into one input add.

        Args:
            post: What receives it; of a list each has the whole current.
            current: A number, or a current of ``sim.currents``: ``Current(values)``, ``sinusoid(...)``, ``noise(sd)``.
            to: Input of the neuron, or state that is added to in every step; the default is the model's only input.

        Returns:
            The current, whose ``set`` puts another one in its place; of a list of places a list.

        Raises:
            InputError: an argument is wrong; the message names it.
        """
        self._require_open("drive neurons")
        current, first = _current(current), len(self.drives)
        for view in self._views(post):
            target = _target(f"drive of {view}", view.population, to)
            self.drives.append(Drive(self, current, view, target, 0x2000 + len(self.drives)))
        made = self.drives[first:]
        return made if isinstance(post, list | tuple) else made[0]

    def _view(self, place: Any, what: str) -> View:
        view = place if isinstance(place, View) else None
        if isinstance(place, Population):
            view = View(place, 0, place.n)
        if isinstance(place, Chosen):
            raise InputError(f"connect: {what} {place} leaves neurons out; use from_arrays for such connections")
        if view is None:
            raise InputError(f"connect: {what} must be a population or a slice of one, got {place!r}"[:200])
        if view.population.network is not self:
            raise InputError(f"connect: {view} belongs to another network")
        return view

    def _views(self, post: Any) -> tuple[View, ...]:
        places = post if isinstance(post, list | tuple) else [post]
        if not places:
            raise InputError("connect: post is empty")
        views = tuple(self._view(place, "post") for place in places)
        for view in views:
            if not isinstance(view.population.model, Neuron):
                raise InputError(f"connect: {view} is a source, which receives nothing")
        return views

    def _require_open(self, what: str) -> None:
        if self.built is not None:
            raise InputError(f"cannot {what}: the network has been built; describe all of it before the first run")

    @property
    def engine(self) -> Built:
        """The network as arrays.

        Raises:
            InputError: it has not been built.
        """
        if self.built is None:
            raise InputError("the network has not been built: call build(dt=...) or run(...) first")
        return self.built


def _set_attribute(owner: "View | Population", own: tuple[str, ...], name: str, value: Any) -> None:
    """Set an attribute of a population or a part of it; ``E.v = -60`` would be silently without effect.

    Raises:
        InputError: it is none of its own.
    """
    if name not in own:
        raise InputError(f"{owner.name} has no attribute {name!r}; states and parameters are set with .set({name}=...)")
    object.__setattr__(owner, name, value)


def _one_by_one(synapse: Synapse | None) -> bool:
    """Return whether synapses act all the time, or differ in what a spike releases."""
    return synapse is not None and (synapse.coupling is not None or synapse.arrival.each)


def _check_sends(name: str, source: View, synapse: Synapse | None, rule: Rule | None) -> None:
    """Check that the source sends what the synapse takes: spikes, or a state all the time."""
    acts = synapse is not None and synapse.coupling is not None
    if acts and not isinstance(source.population.model, Neuron):
        raise InputError(f"{name}: {source} is a source of spikes, but {synapse.name} reads states of its sender")  # type: ignore[union-attr]
    if acts and rule is not None:
        raise InputError(f"{name}: a rule learns from spikes, but {synapse.name} acts all the time")  # type: ignore[union-attr]
    if rule is not None and synapse is not None and synapse.arrival.each:
        raise ModelError(
            f"{name}: the simulator cannot run this yet: a rule on {synapse.name}, which releases by chance or has "
            "states of single synapses"
        )
    if not acts and not source.population.spiking:
        raise InputError(f"{name}: {source} sends no spikes: its model has no threshold")


def _current(given: Any) -> Any:
    current = Current(given) if isinstance(given, int | float | np.ndarray | np.number | list | tuple) else given
    if not callable(getattr(current, "rows", None)):
        raise InputError(f"drive: expected a number or a current such as sinusoid(...), got {given!r}"[:200])
    return current


def _warn_of_magnitudes(name: str, delay: Any) -> None:
    if isinstance(delay, int | float) and delay > _SLOW:
        _warn(f"{name}: a delay of {delay:g} ms; delays are in ms")


def _warn(text: str) -> None:
    warnings.warn(text, MagnitudeWarning, stacklevel=4)


def _free(label: str, taken: Iterable[str]) -> str:
    names = set(taken)
    number = 2
    name = label
    while name in names:
        name, number = f"{label} {number}", number + 1
    return name


def _require_new(name: Any, taken: Iterable[str], what: str) -> None:
    if not isinstance(name, str) or not name:
        raise InputError(f"the name of a {what} is a text, got {name!r}")
    if name in set(taken):
        raise InputError(f"there is a {what} {name!r} already; names are unique in a network")


def _check_model(model: Neuron, n: int, name: str, initial: Mapping[str, Any]) -> None:
    for parameter, value in model.parameters.items():
        if value is None:
            raise InputError(f"{name}: {model.name} needs a value for '{parameter}': {model.name}({parameter}=...)")
        if isinstance(value, np.ndarray) and value.ndim and value.shape not in ((n,), (1,)):
            raise InputError(f"{name}: parameter '{parameter}' has shape {value.shape}; expected one or {n} values")
    for state in initial:
        if state not in model.states and "_" not in str(state):  # "ampa_g" may be a state of a receptor: see receivers
            near = did_you_mean(str(state), model.states)
            raise InputError(f"{name}: initial value of '{state}', which is no state of {model.name}{near}")


def _target(projection: str, population: Population, to: str | None) -> str:
    """Return what a projection delivers to."""
    model = population.model
    assert isinstance(model, Neuron)  # a source receives nothing, which has been checked
    if to is None:
        if len(model.inputs) != 1:
            has = f"the inputs {', '.join(model.inputs)}" if model.inputs else "no input"
            raise InputError(f"{projection}: {model.name} has {has}; say with to= which input or state receives")
        return model.inputs[0]
    if to not in (*model.inputs, *model.states):
        near = did_you_mean(str(to), (*model.inputs, *model.states))
        raise InputError(f"{projection}: to={to!r} is neither an input nor a state of {model.name}{near}")
    return to
