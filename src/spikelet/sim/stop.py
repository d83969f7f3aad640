"""Conditions that end a run before its time."""

from typing import Any

import numpy as np

from spikelet.errors import InputError
from spikelet.sim.chosen import Chosen
from spikelet.sim.description import Description
from spikelet.sim.population import Population, View


class stop_after_spikes:
    """End a run when neurons have fired so many times since it began: ``net.run(t, until=stop_after_spikes(E, 1000))``.

    It is looked at every ``each`` ms, as any other condition.

    Args:
        place: A population or a part of one.
        count: Number of spikes.

    Raises:
        InputError: an argument is wrong.
    """

    def __init__(self, place: Any, count: int):
        if not isinstance(place, Population | View | Chosen):
            raise InputError(f"stop_after_spikes: expected a population or a part of one, got {place!r}"[:200])
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise InputError(f"stop_after_spikes: the count must be a positive integer, got {count!r}"[:200])
        self.place, self.count = place, int(count)

    @property
    def neurons(self) -> tuple[Population, np.ndarray | None]:
        """The population, and the neurons of it that count; None is all."""
        place = self.place
        if isinstance(place, View):
            return place.population, np.arange(place.start, place.stop)
        return (place, None) if isinstance(place, Population) else (place.owner, place.ids)

    def check(self, network: Description) -> None:
        """Raise ``InputError`` unless these are neurons of the network that spike."""
        population = self.neurons[0]
        if not isinstance(population, Population) or population.network is not network:
            raise InputError(f"stop_after_spikes: {self.place.name} belongs to another network, or is no population")
        if not population.spiking:
            raise InputError(f"stop_after_spikes: {population.name} sends no spikes: its model has no threshold")
