"""Networks: populations and projections, described first, built for a step, and run in stretches of any length.

net = Network(seed=1)
E, I = net.add(LIF, 10_000, "E"), net.add(LIF, 2_500, "I")
net.connect(E, [E, I], fixed_indegree(1000), to="v", weight=0.1*mV, delay=1.5*ms)
result = net.run(1*second, dt=0.1*ms, record=E)
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikelet.errors import InputError, did_you_mean
from spikelet.model import Neuron
from spikelet.sim import checkpoint, estimate
from spikelet.sim.description import Description, Population, Projection
from spikelet.sim.engine import Engine
from spikelet.sim.plastic_network import Variables
from spikelet.sim.result import NetworkResult


class Network(Description):
    """Populations and projections, and the run of them.

    Args:
        seed: Of all random numbers: connections, weights, initial values, noise, sources.
        dtype: ``"float32"`` or ``"float64"``, of states, inputs and weights.
        method: Integrator in place of the models'.

    Raises:
        InputError: an argument is none of what is expected.
    """

    built: Engine | None

    @property
    def t(self) -> float:
        """Time that has been simulated [ms]."""
        return 0.0 if self.built is None else self.built.step * self.built.dt

    def build(self, dt: float = 0.1) -> Engine:
        """Make connections and states for a step of ``dt`` [ms]; ``run`` does it where it has not been done.

        Raises:
            InputError: dt is not positive, or differs from that of an earlier build.
        """
        if not isinstance(dt, int | float | np.number) or not np.isfinite(dt) or dt <= 0:
            raise InputError(f"dt must be a positive number of ms, got {dt!r}")
        if not any(isinstance(p.model, Neuron) for p in self.populations.values()):
            raise InputError("the network has no neurons; add a population first")
        if self.built is None:
            estimate.require_room(self.projections.values(), self.dtype.itemsize)
            self.built = Engine(self, float(dt))
        elif self.built.dt != dt:
            raise InputError(f"the network has been built with dt = {self.built.dt:g} ms; it cannot run with {dt:g}")
        return self.built

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file, with its synapses and all that its future depends on.

        Args:
            path: The file; one that stands there is replaced when the new one is complete.

        Raises:
            InputError: the network has not been built.
            DataError: the file cannot be written.
        """
        if self.built is None:
            raise InputError("a network is saved with its synapses: build it first, with build(dt=...) or run(...)")
        checkpoint.save(self, self.built, Path(path))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Network":
        """Read a network from a file; it goes on as if it had not stopped.

        Raises:
            DataError: there is no such file, or it is no network of a version that this one reads.
        """
        data, arrays = checkpoint.read(Path(path))
        network = cls(data["seed"], dtype=data["dtype"], method=data["method"])
        network.built = checkpoint.rebuild(network, data, arrays)
        return network

    @property
    def variables(self) -> Variables:
        """The (network) states of the rules, such as a reward, to be read and set between runs by name.

        Raises:
            InputError: the network has not been built.
        """
        if self.built is None:
            raise InputError("the network has not been built: call build(dt=...) or run(...) first")
        return self.built.variables

    def run(
        self, t: float, *, dt: float | None = None, record: Any = None, every: int = 1, threads: int = 1
    ) -> NetworkResult:
        """Simulate.

        Args:
            t: Duration [ms].
            dt: Step [ms]; the default is that of the run before, or 0.1.
            record: What to record: None is the spikes of all, a population or name its spikes, a dict population ->
                ``"spikes"``, names of states, or a list of those.
            every: Steps from one recorded value of a state to the next.
            threads: How many may share the work. They change nothing in the result; small networks use one.

        Returns:
            What happened in this stretch.

        Raises:
            InputError: an argument is wrong; the message names it.
            NumericsError: a state became NaN.
        """
        engine = self.build((0.1 if self.built is None else self.built.dt) if dt is None else dt)
        steps = _steps(t, engine.dt)
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise InputError(f"run: every must be a positive number of steps, got {every!r}")
        if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
            raise InputError(f"run: threads must be a positive integer, got {threads!r}")
        return engine.run(steps, self._recorded(record, engine), every, threads)

    def _recorded(self, record: Any, engine: Engine) -> dict[str, tuple[str, ...]]:
        """Return population -> what is recorded of it."""
        if record is None:
            return {p.name: ("spikes",) for p in self.populations.values() if isinstance(p.model, Neuron) and p.spiking}
        if not isinstance(record, Mapping):
            places = record if isinstance(record, list | tuple) else [record]
            record = {place: "spikes" for place in places}
        found: dict[str, tuple[str, ...]] = {}
        for place, what in record.items():
            population = place if isinstance(place, Population) else self[place]
            names = (what,) if isinstance(what, str) else tuple(what)
            for name in names:
                _check_recordable(population, name, engine.states(population))
            found[population.name] = names
        return found

    def summary(self) -> str:
        """Return a table of what there is, with the memory of the synapses, also before they are made."""
        lines = [f"Network(seed={self.seed}, dtype={self.dtype.name})"]
        for p in self.populations.values():
            lines.append(f"  {p.name}: {p.n:,} x {getattr(p.model, 'name', type(p.model).__name__)}")
        for c in self.projections.values():
            via = f" by {c.synapse.name}" if c.synapse is not None else ""
            size = self._size(c) + self._learning(c)
            lines.append(f"  {c.name}: {c.pattern}{via} to {c.to}, weight {c.weight}, delay {c.delay}, {size}")
        return "\n".join(lines)

    def _learning(self, projection: Projection) -> str:
        """Say how synapses learn, and how that is computed once it has been chosen."""
        if projection.rule is None:
            return ""
        learning = None if self.built is None else self.built.parts.learning[projection.name]
        way = "" if learning is None else f" pair by pair ({learning.reason})" if learning.reason else " lazily"
        return f", learning by {projection.rule.name}{way}"

    def _size(self, projection: Projection) -> str:
        """Say how many synapses there are, or will be, and how much memory they need."""
        if self.built is not None:
            made = self.built.parts.wiring.storage(projection)
            return f"{len(made):,} synapses, {made.kind} ({estimate.gigabytes(made.nbytes)})"
        count, size = estimate.synapses(projection), estimate.memory(projection, self.dtype.itemsize)
        if count is None or size is None:
            return "number of synapses not known before they are made"
        return f"about {count:,.0f} synapses ({estimate.gigabytes(size)})"


def _check_recordable(population: Population, name: Any, states: tuple[str, ...]) -> None:
    if name != "spikes" and name not in states:
        near = did_you_mean(str(name), ("spikes", *states))
        raise InputError(f"{population.name}: cannot record {name!r}{near}; it has spikes, {', '.join(states)}")
    if name == "spikes" and not population.spiking:
        raise InputError(f"{population.name} sends no spikes: its model has no threshold")


def _steps(t: Any, dt: float) -> int:
    if not isinstance(t, int | float | np.number) or not np.isfinite(t) or t <= 0:
        raise InputError(f"run: t must be a positive number of ms, got {t!r}")
    steps = round(float(t) / dt)
    if steps < 1:
        raise InputError(f"run: t = {t:g} ms is shorter than one step of {dt:g} ms")
    return steps
