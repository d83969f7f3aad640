"""What a network consists of, as a user describes it: populations, projections between them, currents."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from spikelet import random
from spikelet.errors import InputError, did_you_mean
from spikelet.model import METHODS, Neuron
from spikelet.rule import Rule
from spikelet.sim import connect_expression, description_check as checks, plastic_check, storage as storages
from spikelet.sim.chosen import Chosen
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.population import Neurons, Place, Population, View
from spikelet.sim.projection import Projection, Projections, Synapses
from spikelet.sim.sources import Source
from spikelet.synapse import Synapse

DTYPES = ("float32", "float64")


class Built(Neurons, Synapses, Protocol):
    """A network as arrays; see ``engine.Engine``."""

    step: int

    def set_drive(self, drive: "Drive", current: Any) -> None:
        """Replace a current."""
        ...


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
        current = checks.current(current)
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
        name = checks.named(name, label, self.populations, "population")
        if initial is not None and not isinstance(initial, Mapping):
            raise InputError(f"{name}: initial= names states, such as {{'v': -60}}, got {initial!r}"[:200])
        if isinstance(model, Neuron):
            checks.check_model(model, int(n), name, initial or {})
        elif initial:
            raise InputError(f"{name}: a source has no state, so no initial values")
        else:
            checks.warn_of_rate(name, model)
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
            delay: The same [ms]; None is one step, and no delay for a synapse that acts all the time and does not
                learn. With 0 spikes
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
        name = checks.named(name, label, self.projections, "projection")
        if not isinstance(pattern, Pattern):
            raise InputError(f"{name}: expected a pattern such as fixed_probability(0.1), got {pattern!r}"[:200])
        if synapse is not None and not isinstance(synapse, Synapse):
            raise InputError(f"{name}: expected a Synapse, got {synapse!r}"[:200])
        checks.check_sends(name, source, synapse, rule)
        if receptor is not None and synapse is None:
            raise InputError(f"{name}: receptor={receptor!r} names states of a synapse, but none is given")
        storages.check(name, storage, pattern, rule is not None or (storage is not None and checks.one_by_one(synapse)))
        connect_expression.check(name, pattern, {"weight": weight, "delay": delay})
        post_models = [view.population.model for view in targets if isinstance(view.population.model, Neuron)]
        if rule is not None:
            plastic_check.check(name, rule, source.population.model, post_models, (len(source), sum(map(len, targets))))
        plastic_check.check_fraction(name, rule, dendritic_fraction, synapse)
        places = {checks.target(name, view.population, to) for view in targets}
        if len(places) > 1:
            raise InputError(f"{name}: the populations have different inputs, {sorted(places)}; name one with to=")
        checks.warn_of_delay(name, delay)
        if rule is not None:
            plastic_check.warn_of_weights(name, rule, weight, source.population.model, post_models)
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
        current, first = checks.current(current), len(self.drives)
        for view in self._views(post):
            target = checks.target(f"drive of {view}", view.population, to)
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
