"""What a built network consists of: synapses, neurons, the rows of their inputs, histories of spikes, sources."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from spikelet.model import Neuron
from spikelet.sim.cable import Changes
from spikelet.sim.compose import sender
from spikelet.sim.coupled import Coupled, coupled, shortest
from spikelet.sim.description import Description
from spikelet.sim.drive import Driven
from spikelet.sim.group import placed
from spikelet.sim.history import History
from spikelet.sim.plastic import Plastic
from spikelet.sim.plastic_network import plastic
from spikelet.sim.receivers import Receiver, receivers, stream
from spikelet.sim.release import Release, releases
from spikelet.sim.sending import Sending
from spikelet.sim.share import Share
from spikelet.sim.sources import Emitter
from spikelet.sim.storage import Storage
from spikelet.sim.wiring import Wiring

_LONGEST = 64  # steps of a block at most: its rows are to stay in the cache
_CHUNK = 1000  # steps after which Python looks in, at most
_LISTED = 2**22  # places in a history, about


@dataclass(eq=False)
class Parts:
    """The parts of a built network.

    Attributes:
        network: Its description.
        dt: Step [ms].
        receivers: Population of neurons -> its model and its states.
        wiring: The synapses.
        total: Number of neurons.
        length: Steps of a block: the shortest delay.
        chunk: Steps after which Python looks in.
        rows: For each channel (length, total), what arrives at the neurons.
        histories: Population that spikes -> its spikes.
        emitters: Source -> what draws its spikes.
        counts: Source -> (length, n) spikes of a block.
        sendings: Projection -> the sending half of its synapses, where there is one.
        driven: (population, channel) -> the currents into it.
        learning: Projection -> the rule of its synapses, at work.
        coupled: Projection -> its synapses that act all the time, at work.
        releases: Projection -> its synapses that differ in what a spike releases, at work.
        others: The rows of each thread, the first being those above.
    """

    network: Description
    dt: float
    receivers: dict[str, Receiver]
    wiring: Wiring
    total: int
    length: int
    chunk: int
    rows: list[np.ndarray]
    histories: dict[str, History]
    emitters: dict[str, Emitter]
    counts: dict[str, np.ndarray]
    sendings: dict[str, Sending]
    driven: dict[tuple[str, int], Driven]
    learning: dict[str, Plastic]
    coupled: dict[str, Coupled]
    releases: dict[str, list[Release]]
    others: list[list[np.ndarray]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Let the first thread have the rows."""
        self.others.append(self.rows)

    def rows_of(self, share: Share) -> list[np.ndarray]:
        """Return the rows of a thread; see ``rows``."""
        while share.number >= len(self.others):
            self.others.append([placed(rows.shape, rows.dtype) for rows in self.rows])
        return self.others[share.number]

    def owner(self, threads: int) -> np.ndarray:
        """Return the thread that owns each neuron, (total,) uint8."""
        found = np.zeros(self.total, np.uint8)
        for receiver in self.receivers.values():
            for number in range(threads):
                lo, hi = Share(number, threads).of(receiver.group.n)
                found[receiver.first + lo : receiver.first + hi] = number
        return found

    @property
    def real(self) -> str:
        """The type of inputs and weights in LLVM."""
        return {"float32": "float", "float64": "double"}[self.network.dtype.name]


def make(
    network: Description,
    dt: float,
    made: Mapping[str, Storage] | None = None,
    changes: Changes | None = None,
    *,
    wiring: Wiring | None = None,
) -> Parts:
    """Make the parts of a network.

    Args:
        network: Its description.
        dt: Step [ms].
        made: Projection -> synapses that have been made.
        changes: Of their delays.
        wiring: All synapses, where they have been made.
    """
    dtype, found = network.dtype, receivers(network, dt)
    if wiring is None:
        wiring = Wiring(network, dt, found, {} if made is None else made, changes)
    wiring.receivers = found
    total = sum(receiver.group.n for receiver in found.values())
    longest = 1 if wiring.learning else _LONGEST  # a rule acts between the steps of its neurons
    length = min([longest, shortest(wiring.coupled), *(delay for delay in wiring.delays if delay > 0)])
    chunk = max(length, min(_CHUNK, _LISTED // total)) // length * length
    slots = max([0, *wiring.delays]) + chunk + length
    channels = max(len(receiver.channels) for receiver in found.values())
    histories = {
        p.name: History(slots, p.n, multiple=None if p.name in found else dtype)
        for p in network.populations.values()
        if p.spiking
    }
    emitters = {
        p.name: p.model.prepare(p.n, dt, network.seed, stream("sources", number))
        for number, p in enumerate(network.populations.values())
        if not isinstance(p.model, Neuron)
    }
    rows = [placed((length, total), dtype) for _ in range(channels)]
    sendings = _sendings(network, histories, dt)
    return Parts(
        network=network,
        dt=dt,
        receivers=found,
        wiring=wiring,
        total=total,
        length=length,
        chunk=chunk,
        rows=rows,
        histories=histories,
        emitters=emitters,
        counts={name: np.zeros((length, emitter.n), dtype) for name, emitter in emitters.items()},
        sendings=sendings,
        driven={
            (name, channel): Driven(drives, receiver.group.n, chunk, dt=dt, seed=network.seed, dtype=dtype)
            for name, receiver in found.items()
            for channel, drives in receiver.driven.items()
        },
        learning={
            p.name: plastic(p, wiring.learning[p.name], found, rows, histories, sendings.get(p.name), dt=dt)
            for p in network.projections.values()
            if p.rule is not None
        },
        coupled=coupled(network, wiring.coupled, found, rows, dt),
        releases=releases(wiring.cables, histories, dt=dt, seed=network.seed, dtype=dtype),
    )


def _sendings(network: Description, histories: Mapping[str, History], dt: float) -> dict[str, Sending]:
    """Make the sending halves of synapses that have one."""
    found: dict[str, Sending] = {}
    for p in network.projections.values():
        half = None if p.synapse is None else sender(p.synapse)
        if half is not None:
            found[p.name] = Sending(p, half, histories[p.pre.population.name], dt=dt, dtype=network.dtype)
    return found
