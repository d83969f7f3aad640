"""A network as arrays and a table of calls: built once for a step dt, run in stretches of any length.

A block is as many steps as the shortest delay. What reaches a neuron lies in rows, one for each step of a block: input
number c of all populations side by side in one array, so that a projection onto neighbours is one delivery. Spikes are
listed by step in a history that reaches back over the longest delay and one chunk, the stretch after which Python
looks in: it takes recorded spikes out, and hears of Ctrl-C.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

import numpy as np

from spikelet.errors import InputError, NumericsError
from spikelet.model import Neuron
from spikelet.sim import connect, delivery, driver, source_kernels
from spikelet.sim.compose import sender
from spikelet.sim.description import Description, Population, Projection, View
from spikelet.sim.drive import Driven
from spikelet.sim.driver import Call, Driver
from spikelet.sim.edges import Edges
from spikelet.sim.estimate import pair_of
from spikelet.sim.group import Stepping, placed
from spikelet.sim.history import History
from spikelet.sim.interrupt import listening
from spikelet.sim.receivers import Receiver, receivers, stream
from spikelet.sim.recorder import Recorder
from spikelet.sim.result import NetworkResult
from spikelet.sim.sending import Sending

_LONGEST = 64  # steps of a block at most: its rows are to stay in the cache
_CHUNK = 1000  # steps after which Python looks in, at most
_LISTED = 2**22  # places in a history, about
_REAL = {"float32": "float", "float64": "double"}


class Engine:
    """A built network.

    Args:
        network: What to build.
        dt: Step [ms].
        connections: Projection -> synapses that have been made.

    Attributes:
        step: Steps that have been taken.
        dt: Step [ms].
    """

    def __init__(self, network: Description, dt: float, connections: Mapping[str, Edges] | None = None):
        self.network, self.dt, self.step, self.block = network, dt, 0, 0
        self.real = _REAL[network.dtype.name]
        made = {} if connections is None else connections
        self.connections = {p.name: made.get(p.name) or self._connected(p) for p in network.projections.values()}
        delays = [int(d) for edges in self.connections.values() for d in edges.delays if d > 0]
        self.length = min([_LONGEST, *delays])
        self.receivers = receivers(network, dt)
        self.total = sum(r.group.n for r in self.receivers.values())
        channels = max((len(r.channels) for r in self.receivers.values()), default=0)
        self.rows = [placed((self.length, self.total), network.dtype) for _ in range(channels)]
        most = max(self.length, min(_CHUNK, _LISTED // self.total))
        self.chunk = most // self.length * self.length
        slots = max([0, *delays]) + self.chunk + self.length
        self.histories = {
            p.name: History(slots, p.n, multiple=None if p.name in self.receivers else network.dtype)
            for p in network.populations.values()
            if p.spiking
        }
        self.emitters = {
            p.name: p.model.prepare(p.n, dt, network.seed, stream("sources", number))
            for number, p in enumerate(network.populations.values())
            if not isinstance(p.model, Neuron)
        }
        self.counts = {name: np.zeros((self.length, e.n), network.dtype) for name, e in self.emitters.items()}
        self.sendings = dict(self._sendings())
        self.driven = {
            (name, channel): Driven(drives, r.group.n, self.chunk, dt=dt, seed=network.seed, dtype=network.dtype)
            for name, r in self.receivers.items()
            for channel, drives in r.driven.items()
        }
        self.order = self._order()
        self._connect()

    def edges(self, projection: Projection) -> Edges:
        """Return the synapses of a projection."""
        return self.connections[projection.name]

    def states(self, population: Population) -> tuple[str, ...]:
        """Return the states of a population, with those of its receptors."""
        receiver = self.receivers.get(population.name)
        return () if receiver is None else receiver.composite.neuron.states

    # --- building -----------------------------------------------------------------------------------------------------

    def _connected(self, projection: Projection) -> Edges:
        pair = pair_of(projection)
        return connect.build(
            projection.pattern, pair.sources, pair.targets, same=pair.shift is not None, shift=pair.shift or 0,
            weight=projection.weight, delay=projection.delay, dt=self.dt, seed=self.network.seed,
            stream=stream("connections", projection.number), dtype=self.network.dtype, name=projection.name,
        )  # fmt: skip

    def _sendings(self) -> Iterator[tuple[str, Sending]]:
        """Make the sending halves of synapses that have one."""
        for p in self.network.projections.values():
            half = None if p.synapse is None else sender(p.synapse)
            if half is not None:
                history = self.histories[p.pre.population.name]
                yield p.name, Sending(p, half, history, dt=self.dt, dtype=self.network.dtype)

    def _cleared(self) -> Iterator[Call]:
        """Begin what is delivered: with 0, or with currents."""
        self.filled: list[tuple[Driven, Call]] = []
        library = driver.library()
        for name, receiver in self.receivers.items():
            for channel, rows in enumerate(self.rows[: len(receiver.channels)]):
                values = dict.fromkeys(driver.FILL.names, 0)
                place = rows[0, receiver.first :].ctypes.data
                values |= {"rows": place, "stride": self.total, "n": receiver.group.n}
                driven = self.driven.get((name, channel))
                if driven is not None:
                    steps = 0 if driven.constant else receiver.group.n
                    values |= {"source": driven.rows.ctypes.data, "source.stride": steps}
                words = driver.FILL.array(values)
                kernel = f"{'zero' if driven is None else 'fill'}_{self.real}"
                call = Call(driver.address_of(library, kernel), words, words, kept=(rows, driven, library))
                if driven is not None:
                    self.filled.append((driven, call))
                yield call

    def _connect(self) -> None:
        """Make the calls that bring inputs: what is there at the start of a block, and what arrives at once."""
        self.inputs = [*self._cleared(), *(call for _, _, call in self._delivered(at_once=False))]
        self.at_once = list(self._delivered(at_once=True))

    def _order(self) -> list[str]:
        """Return the populations in an order in which each is stepped after those whose spikes reach it at once."""
        before: dict[str, set[str]] = {name: set() for name in self.receivers}
        for projection in self.network.projections.values():
            if self._is_at_once(projection):
                for view in projection.post:
                    before[view.population.name].add(projection.pre.population.name)
        try:
            return [name for name in TopologicalSorter(before).static_order() if name in self.receivers]
        except CycleError as error:
            circle = " to ".join(error.args[1])
            raise InputError(
                f"spikes cannot go in a circle without a delay: {circle}; give one at least a step"
            ) from None

    def _is_at_once(self, projection: Projection) -> bool:
        delays = self.connections[projection.name].delays
        return bool(delays.size) and int(delays[0]) == 0 and projection.pre.population.name in self.receivers

    def _delivered(self, at_once: bool) -> Iterator[tuple[str, str, Call]]:
        """Deliver, projection by projection; yields what receives, the projection and the call."""
        for projection in self.network.projections.values():
            if self._is_at_once(projection) is not at_once:
                continue
            direct = self._direct(projection)
            for view, edges in self._pieces(projection):
                receiver = self.receivers[view.population.name]
                for channel, jump in receiver.reached[projection.name]:
                    rows = self.rows[channel][:, receiver.first + view.start :]
                    call = self._added(projection, rows) if direct else self._delivery(projection, edges, rows, jump)
                    yield view.population.name, projection.name, call

    def _direct(self, projection: Projection) -> bool:
        """Tell whether what a source sends can be added to its targets without a list of spikes."""
        edges, pre = self.connections[projection.name], projection.pre
        emitter = self.emitters.get(pre.population.name)
        if emitter is None or emitter.state or projection.name in self.sendings or len(self._pieces(projection)) > 1:
            return False
        plain = np.ndim(edges.weights) == 0 and len(edges.delays) == 1 and len(pre) == pre.population.n
        one_to_one = len(edges) == len(pre) == projection.targets_count
        return plain and one_to_one and bool((edges.targets == np.arange(len(edges))).all())

    def _added(self, projection: Projection, rows: np.ndarray) -> Call:
        """Return the call that adds what a source sends."""
        edges, name = self.connections[projection.name], projection.pre.population.name
        emitter = self.emitters[name]
        words = emitter.words(rows.ctypes.data, self.total, delay=int(edges.delays[0]), scale=float(edges.weights))
        library = source_kernels.library(emitter.kernel, self.network.dtype.name)
        address = driver.address_of(library, emitter.kernel)
        return Call(address, words, words, last=emitter.n, kept=(library, emitter, rows))

    def _emitted(self, names: Iterable[str]) -> Iterator[Call]:
        """List what sources send."""
        for name in names:
            emitter, history, counts = self.emitters[name], self.histories[name], self.counts[name]
            words = emitter.words(counts.ctypes.data, emitter.n)
            library = source_kernels.library(emitter.kernel, self.network.dtype.name)
            address = driver.address_of(library, emitter.kernel)
            yield Call(address, words, words, last=emitter.n, kept=(library, emitter, counts))
            listed = {"step": 0, "T": 0, "rows": counts.ctypes.data, "n": emitter.n, **history.words()}
            words = driver.LIST.array(listed)
            library = driver.library()
            address = driver.address_of(library, f"list_{self.real}")
            yield Call(address, words, words, kept=(library, history, counts))

    def _listed(self, record: Iterable[str]) -> list[str]:
        """Return the sources whose spikes must be listed: for a delivery, or because they are recorded."""
        projections = self.network.projections.values()
        wanted = {p.pre.population.name for p in projections if not self._direct(p)} | set(record)
        return [name for name in self.emitters if name in wanted]

    def _pieces(self, projection: Projection) -> list[tuple[View, Edges]]:
        """Cut the synapses into pieces, each onto neighbours whose inputs lie side by side."""
        edges, post = self.connections[projection.name], projection.post
        places = [self.receivers[view.population.name] for view in post]
        begins = [receiver.first + view.start for receiver, view in zip(places, post, strict=True)]
        ends = [begin + len(view) for begin, view in zip(begins, post, strict=True)]
        reached = {receiver.reached[projection.name] for receiver in places}
        if begins[1:] == ends[:-1] and len(reached) == 1:
            return [(post[0], edges)]
        borders = np.cumsum([0, *map(len, post)])
        return [(view, part(edges, int(borders[i]), int(borders[i + 1]))) for i, view in enumerate(post)]

    def _delivery(self, projection: Projection, edges: Edges, rows: np.ndarray, jump: str) -> Call:
        """Return the call that delivers from a history into rows."""
        graded = np.ndim(edges.weights) > 0
        index = {2: "i16", 4: "i32"}[edges.targets.dtype.itemsize]
        history = self.histories[projection.pre.population.name]
        sending = self.sendings.get(projection.name)
        factors = sending.factors.get(jump, history.times) if sending is not None else history.times
        library = delivery.library(index, self.real, graded, factors is not None)
        weight = np.atleast_1d(np.ascontiguousarray(edges.weights, self.network.dtype if graded else np.float64))
        words = delivery.DELIVER.array(
            {
                "step": 0, "T": 0, "delays": len(edges.delays), "delay": edges.delays.ctypes.data,
                "pointer": edges.pointer.ctypes.data, "targets": edges.targets.ctypes.data,
                "weights": weight.ctypes.data if graded else int(weight.view(np.int64)[0]),
                "stride": history.ids.shape[1], "first": projection.pre.start, "sources": len(projection.pre),
                "rows": rows.ctypes.data, "row.stride": self.total,
                **history.words(), "times": 0 if factors is None else factors.ctypes.data,
            }
        )  # fmt: skip
        return Call(
            driver.address_of(library, "deliver"), words, words, kept=(library, edges, weight, history, factors, rows)
        )

    def _stepping(self, receiver: Receiver, record: tuple[str, ...]) -> Stepping:
        inputs = {
            name: (self.rows[c][0, receiver.first :].ctypes.data, self.total)
            for c, name in enumerate(receiver.channels)
        }
        return receiver.group.call(inputs, self.length, record)

    def _collected(self, name: str, stepping: Stepping) -> Call:
        history, library = self.histories[name], driver.library()
        fired = {"step": 0, "T": 0, "fired": stepping.fired.ctypes.data, "n": stepping.group.n}
        words = driver.COLLECT.array(fired | history.words())
        return Call(driver.address_of(library, "collect"), words, words, kept=(history, library))

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self, steps: int, record: Mapping[str, tuple[str, ...]], every: int) -> NetworkResult:
        """Take steps; returns what was recorded of them."""
        states = {name: tuple(n for n in record.get(name, ()) if n != "spikes") for name in self.receivers}
        steppings = {name: self._stepping(r, states[name]) for name, r in self.receivers.items()}
        halves = {name: sending.stepping(self.length) for name, sending in self.sendings.items()}
        recorder = Recorder(record, every, steppings, self.histories, start=self.step, chunk=self.chunk, dt=self.dt)
        table = Driver(self._table(record, steppings, halves, recorder))
        everything = [*steppings.values(), *halves.values()]
        for stepping in everything:
            stepping.load(self.block)
        stop = self.step + steps
        with listening() as pressed:
            while self.step < stop and not pressed():
                self._advance(table, recorder, min(self.chunk, stop - self.step))
        for stepping in everything:
            stepping.save(self.block)
        self._check_finite()
        return recorder.result(interrupted=self.step < stop)

    def _table(
        self,
        record: Mapping[str, tuple[str, ...]],
        steppings: Mapping[str, Stepping],
        halves: Mapping[str, Stepping],
        recorder: Recorder,
    ) -> Iterator[Call]:
        """Return the calls of a block, in order."""
        yield from self._emitted(self._listed(name for name, what in record.items() if "spikes" in what))
        for name, counts in self.counts.items():
            yield from self._released(name, counts, halves)
        yield from self.inputs
        for name in self.order:
            yield from (call for receiver, _, call in self.at_once if receiver == name)
            yield steppings[name].call
            if name in self.histories:
                yield self._collected(name, steppings[name])
                yield from self._released(name, steppings[name].fired, halves)
        yield from recorder.calls

    def _released(self, name: str, sent: np.ndarray, halves: Mapping[str, Stepping]) -> Iterator[Call]:
        """Step the sending halves of the synapses of a population's projections."""
        for projection, stepping in halves.items():
            if self.sendings[projection].projection.pre.population.name == name:
                yield from self.sendings[projection].calls(sent, stepping)

    def _advance(self, table: Driver, recorder: Recorder, steps: int) -> None:
        """Take the steps of a chunk: whole blocks, and what is left."""
        recorder.begin()
        for driven, call in self.filled:
            driven.begin(self.step, steps)
            call.even[driver.FILL.names.index("source.step")] = self.step
        whole, rest = divmod(steps, self.length)
        for blocks, length in ((whole, self.length), (min(rest, 1), rest)):
            if blocks:
                table.run(self.block, blocks, self.step, length)
                self.block += blocks
                self.step += blocks * length
        recorder.take(self.step)

    def _check_finite(self) -> None:
        for name, receiver in self.receivers.items():
            for state, value in receiver.group.state.items():
                if np.isnan(value).any():
                    ids = np.flatnonzero(np.isnan(value))
                    raise NumericsError(
                        f"{name}: '{state}' became NaN in {ids.size} of {value.size} neurons (first: {ids[0]}); "
                        "a smaller dt or another method may help"
                    )

    def set_weights(self, projection: Projection, values: np.ndarray) -> None:
        """Replace the weights of a projection, in the order in which they are stored."""
        edges = self.connections[projection.name]
        dtype = self.network.dtype
        weights = values.astype(dtype) if values.ndim else np.full(len(edges.targets), values, dtype)
        self.connections[projection.name] = replace(edges, weights=weights)
        self._connect()


def part(edges: Edges, first: int, last: int) -> Edges:
    """Return the synapses onto targets ``first`` to ``last - 1``, which are numbered from 0."""
    chosen = (edges.targets >= first) & (edges.targets < last)
    before = np.concatenate([[0], np.cumsum(chosen)])
    weights = edges.weights if np.ndim(edges.weights) == 0 else np.asarray(edges.weights)[chosen]
    targets = (edges.targets[chosen] - first).astype(edges.targets.dtype)
    return replace(edges, n_target=last - first, pointer=before[edges.pointer], targets=targets, weights=weights)
