"""A run made ready: what steps neurons and synapses in each thread, and the table of calls of a block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spikelet.sim.drive import Driven
from spikelet.sim.driver import Call, Driver
from spikelet.sim.group import Stepping
from spikelet.sim.listing import Listing
from spikelet.sim.parts import Parts
from spikelet.sim.receivers import Receiver
from spikelet.sim.record import SPIKES
from spikelet.sim.recorder import Recorder
from spikelet.sim.schedule import Running, Schedule
from spikelet.sim.share import Share

_LONG = 2_000_000  # steps of neurons in a run and for each thread, below which beginning them takes longer
_SHARED = 2500  # steps of neurons in a block and for each thread, below which waiting takes longer than it saves


@dataclass(frozen=True, eq=False)
class Session:
    """A run, made ready.

    Attributes:
        parts: The network.
        running: What works in it.
        table: The calls of a block.
        driven: Calls that bring currents, and the currents.
        everything: All that has states.
    """

    parts: Parts
    running: Running
    table: Driver
    driven: Sequence[tuple[Call, Driven]]
    everything: Sequence[Stepping]

    def load(self, block: int, step: int) -> None:
        """Bring states to where they lie in a run.

        Args:
            block: Number of the block that comes next.
            step: Its first step.
        """
        for stepping in self.everything:
            stepping.load(block)
        for learning in self.parts.learning.values():
            learning.load(block, self.running.steppings[0])
        for coupled in self.parts.coupled.values():
            coupled.begin(step)

    def save(self, block: int) -> None:
        """Bring states back to where they lie between runs."""
        for stepping in self.everything:
            stepping.save(block)
        for learning in self.parts.learning.values():
            learning.save(block)
        for coupled in self.parts.coupled.values():
            coupled.remember()


def ready(schedule: Schedule, recorder: Recorder, shares: Sequence[Share]) -> Session:
    """Make a run ready: what is recorded, and the part of each thread."""
    parts, record = schedule.parts, recorder.wanted
    states = {name: tuple(n for n in record.get(name, ()) if n != SPIKES) for name in parts.receivers}
    steppings: list[dict[str, Stepping]] = []
    for share in shares:  # what is recorded of all threads goes to one place
        rows = {name: stepping.rows for name, stepping in steppings[0].items()} if steppings else {}
        own = {name: _stepping(parts, r, states[name], share, rows.get(name)) for name, r in parts.receivers.items()}
        steppings.append(own)
    halves = {name: sending.stepping(parts.length) for name, sending in parts.sendings.items()}
    sent = {
        name: one.stepping(parts.length, steppings[0][one.projection.pre.population.name])
        for name, one in parts.coupled.items()
    }
    listings = {
        name: Listing(history, [own[name] for own in steppings], parts.length)
        for name, history in parts.histories.items()
        if name in parts.receivers
    }
    running = Running(steppings, halves, sent, listings, recorder)
    table = Driver(*(schedule.calls(share, running) for share in shares))
    driven = [pair for share in shares for pair in schedule.arriving(share).driven]
    everything = [*(one for own in steppings for one in own.values()), *halves.values(), *sent.values()]
    return Session(parts, running, table, driven, everything)


def shares(parts: Parts, threads: int, steps: int) -> list[Share]:
    """Return the threads of a run: one where several would not help."""
    neurons = parts.total
    few = neurons * parts.length < _SHARED * threads or neurons * steps < _LONG * threads
    few = few or any((parts.learning, parts.sendings, parts.coupled, parts.releases))  # those have no shares
    count = 1 if few else threads
    return [Share(number, count) for number in range(count)]


def _stepping(
    parts: Parts, receiver: Receiver, record: tuple[str, ...], share: Share, rows: Mapping[str, np.ndarray] | None
) -> Stepping:
    pairs = zip(receiver.channels, parts.rows_of(share), strict=False)
    given = {name: (inputs[0, receiver.first :].ctypes.data, parts.total) for name, inputs in pairs}
    own = [one for one in parts.coupled.values() if parts.receivers[one.projection.pre.population.name] is receiver]
    sent = sorted({state for one in own for state in one.wanted()} - {*record})
    return receiver.group.call(given, parts.length, (*record, *sent), share, rows)
