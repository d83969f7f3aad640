"""Networks: populations and projections, described first, built for a step, and run in stretches of any length.

net = Network(seed=1)
E, I = net.add(LIF, 10_000, "E"), net.add(LIF, 2_500, "I")
net.connect(E, [E, I], fixed_indegree(1000), to="v", weight=0.1*mV, delay=1.5*ms)
result = net.run(1*second, dt=0.1*ms, record=E)
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spikelet.errors import InputError
from spikelet.model import Neuron
from spikelet.sim import checkpoint, estimate, running, store
from spikelet.sim.description import Description
from spikelet.sim.engine import Engine
from spikelet.sim.plastic_network import Variables
from spikelet.sim.projection import Projection
from spikelet.sim.record import items as record_items
from spikelet.sim.result import NetworkResult
from spikelet.sim.running import Plan
from spikelet.sim.sink import Memory
from spikelet.sim.stop import stop_after_spikes


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

    def __repr__(self) -> str:
        sizes = f"{len(self.populations)} populations, {len(self.projections)} projections"
        return f"Network(seed={self.seed}, {sizes}, {'not built' if self.built is None else f't = {self.t:g} ms'})"

    def __copy__(self) -> Any:
        raise InputError("a network is not copied: its populations belong to it; save(path), and load(path) another")

    def __getstate__(self) -> dict[str, Any]:
        if self.built is not None:  # compiled code, and what it points to
            raise InputError("a built network is not copied or pickled: save(path), and load(path) another")
        return self.__dict__

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
        self.built.flush()  # so that a recording reaches as far as the checkpoint
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
        self, t: float, *, dt: float | None = None, record: Any = None, every: int = 1,
        to: str | os.PathLike[str] | None = None, overwrite: bool = False, call: Callable[[Any], Any] | None = None,
        until: Any = None, each: float | None = None, progress: bool | None = None, threads: int = 1,
    ) -> NetworkResult:  # fmt: skip
        """Simulate.

        Args:
            t: Duration [ms].
            dt: Step [ms]; the default is that of the run before, or 0.1.
            record: What to record: None is the spikes of all; a population, a part of one, a name or a list of those is
                their spikes; a dict place -> ``"spikes"``, ``"rate"``, names of states, of a projection ``"weights"``,
                ``every(interval, ...)`` of some of these, or a list of all that. See `record.every`.
            every: Steps from one recorded value to the next where no interval is given.
            to: Folder into which it is recorded, in bounded memory; one that ends where this run begins is continued.
            overwrite: Replace what the folder holds from this time on, or all of it where it is another network's.
            call: Function of the network, called every so often; it may read and set what may be set between runs.
            until: Function of the network that ends the run once it is true, or ``stop_after_spikes(E, 1000)``.
            each: Time from one look at `call` and `until` to the next [ms]; looks lie at its multiples, wherever a run
                begins. Where none is given: 10 ms, or a step if that is longer.
            progress: Whether to show a bar; None shows it on a terminal if the run takes long.
            threads: How many may share the work. They change nothing in the result; small networks use one.

        Returns:
            What happened in this stretch. Where an error ends it, a call-back's or one of numerics, the error has it as
            its attribute ``result``.

        Raises:
            InputError: an argument is wrong; the message names it.
            DataError: what is recorded cannot be written.
            NumericsError: a state became NaN.
        """
        engine = self.build((0.1 if self.built is None else self.built.dt) if dt is None else dt)
        steps = _steps("t", t, engine.dt)
        if isinstance(every, bool) or not isinstance(every, int | np.integer) or every < 1:
            raise InputError(f"run: every must be a positive number of steps, got {every!r}")
        if isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1:
            raise InputError(f"run: threads must be a positive integer, got {threads!r}")
        for name, given in (("call", call), ("until", until)):
            if given is not None and not callable(given) and not isinstance(given, stop_after_spikes):
                raise InputError(f"run: {name} must be a function of the network, got {given!r}"[:200])
        if isinstance(until, stop_after_spikes):
            until.check(self)
        items = record_items(self, record, int(every), engine.dt)
        between = _steps("each", max(10.0, engine.dt) if each is None else each, engine.dt)
        plan = Plan(steps, call, until, between, progress, int(threads))
        sink = Memory(items) if to is None else store.opened(self, engine, items, Path(to), overwrite=overwrite)
        return running.run(engine, items, sink, plan)

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


def _steps(name: str, t: Any, dt: float) -> int:
    if isinstance(t, bool) or not isinstance(t, int | float | np.number) or not np.isfinite(t) or t <= 0:
        raise InputError(f"run: {name} must be a positive number of ms, got {t!r}"[:200])
    steps = round(float(t) / dt)
    if steps < 1:
        raise InputError(f"run: {name} = {t:g} ms is shorter than one step of {dt:g} ms")
    return steps
