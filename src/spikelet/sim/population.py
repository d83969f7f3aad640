"""Populations of a network, and views of neighbours in them."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from spikelet.errors import InputError
from spikelet.model import Neuron
from spikelet.sim.chosen import Chosen
from spikelet.sim.sources import Source


class Neurons(Protocol):
    """The neurons of a built network; see ``engine.Engine``."""

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


class Home(Protocol):
    """The network of a population; see ``description.Description``."""

    @property
    def engine(self) -> Neurons:
        """The network as arrays; an error where it has not been built."""
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

    def __init__(self, network: Home, model: Neuron | Source, n: int, name: str, initial: Mapping[str, Any]):
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


def _set_attribute(owner: View | Population, own: tuple[str, ...], name: str, value: Any) -> None:
    """Set an attribute of a population or a part of it; ``E.v = -60`` would be silently without effect.

    Raises:
        InputError: it is none of its own.
    """
    if name not in own:
        raise InputError(f"{owner.name} has no attribute {name!r}; states and parameters are set with .set({name}=...)")
    object.__setattr__(owner, name, value)
