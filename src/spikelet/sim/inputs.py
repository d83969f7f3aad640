"""The calls that bring inputs to neurons: currents, what sources send, and spikes on arrival."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from spikelet.sim import delivery, driver, source_kernels
from spikelet.sim.drive import Driven
from spikelet.sim.driver import Call
from spikelet.sim.edges import Edges
from spikelet.sim.parts import Parts
from spikelet.sim.share import LISTS, OWN, Share
from spikelet.sim.storage_matrix import OneToOne
from spikelet.sim.wiring import Cable


def cleared(parts: Parts, share: Share) -> Iterator[tuple[Call, Driven | None]]:
    """Yield the calls that begin what is delivered, with 0 or with currents; and the currents."""
    library = driver.library()
    for name, receiver in parts.receivers.items():
        for channel, rows in enumerate(parts.rows_of(share)[: len(receiver.channels)]):
            values = dict.fromkeys(driver.FILL.names, 0)
            lo, hi = share.of(receiver.group.n)
            values |= {"rows": rows[0, receiver.first + lo :].ctypes.data, "stride": parts.total, "n": hi - lo}
            driven = parts.driven.get((name, channel))
            if driven is not None:
                steps = 0 if driven.constant else receiver.group.n
                values |= {"source": driven.rows[0, lo:].ctypes.data, "source.stride": steps}
            words = driver.FILL.array(values)
            kernel = f"{'zero' if driven is None else 'fill'}_{parts.real}"
            kept = rows, driven, library
            yield Call(driver.address_of(library, kernel), words, words, kind=OWN, kept=kept), driven


def delivered(parts: Parts, at_once: bool, share: Share) -> Iterator[tuple[str, Call]]:
    """Yield what receives and the call that delivers, for cables whose spikes arrive at once, or for the others."""
    for cable in parts.wiring.every():
        if is_at_once(parts, cable) is at_once:
            released = parts.releases.get(cable.projections[0].name)
            if released is not None:
                yield from ((cable.to, one.call(parts.rows)) for one in released if one.cable is cable)
                continue
            for channel, jump in cable.channels:
                rows = parts.rows_of(share)[channel][:, cable.first :]
                if direct(parts, cable):
                    yield from ((cable.to, call) for call in _added(parts, cable, rows, share))
                else:
                    yield from ((cable.to, call) for call in _sent(parts, cable, rows, jump, share))


def is_at_once(parts: Parts, cable: Cable) -> bool:
    """Tell whether neurons must be stepped before those that a cable leads to; sources come first anyway."""
    return cable.at_once and cable.pre.population.name in parts.receivers


def direct(parts: Parts, cable: Cable) -> bool:
    """Tell whether what a source sends can be added to its targets without a list of spikes."""
    synapses, pre = cable.edges, cable.pre
    emitter = parts.emitters.get(pre.population.name)
    if emitter is None or emitter.state or cable.projections[0].name in {*parts.sendings, *parts.releases}:
        return False
    whole = cable.window == (0, len(pre)) and len(pre) == pre.population.n and cable.sent == (0, delivery.EVER)
    return whole and isinstance(synapses, OneToOne) and np.ndim(synapses.weights) == 0


def listed(parts: Parts, record: Iterable[str]) -> list[str]:
    """Return the sources whose spikes must be listed: for a delivery, or because they are recorded."""
    wanted = {cable.pre.population.name for cable in parts.wiring.every() if not direct(parts, cable)} | set(record)
    wanted |= {p.pre.population.name for p in parts.network.projections.values() if p.rule is not None}
    return [name for name in parts.emitters if name in wanted]


def emitted(parts: Parts, names: Iterable[str], share: Share) -> Iterator[Call]:
    """Yield the calls that list what sources send."""
    for name in names:
        emitter, history, counts = parts.emitters[name], parts.histories[name], parts.counts[name]
        words = emitter.words(counts.ctypes.data, emitter.n)
        library = source_kernels.library(emitter.kernel, parts.network.dtype.name)
        address = driver.address_of(library, emitter.kernel)
        first, last = share.of(emitter.n)
        yield Call(address, words, words, first=first, last=last, kind=OWN, kept=(library, emitter, counts))
        place = {"step": 0, "T": 0, "rows": counts.ctypes.data, "n": emitter.n}
        words = driver.LIST.array(place | history.words() | share.words)
        library = driver.library()
        address = driver.address_of(library, f"list_{parts.real}")
        yield Call(address, words, words, kind=LISTS, kept=(library, history, counts))


def _added(parts: Parts, cable: Cable, rows: np.ndarray, share: Share) -> Iterator[Call]:
    """Yield the calls that add what a source sends, one for each population that receives."""
    synapses, emitter = cable.edges, parts.emitters[cable.pre.population.name]
    assert isinstance(synapses, OneToOne)  # see direct
    scale = float(synapses.weights)
    words = emitter.words(rows.ctypes.data, parts.total, delay=int(synapses.delays[0]), scale=scale)
    library = source_kernels.library(emitter.kernel, parts.network.dtype.name)
    address, begin = driver.address_of(library, emitter.kernel), 0
    for view in cable.projections[0].post:
        lo, hi = (min(max(end - view.start, 0), len(view)) for end in share.of(view.population.n))
        kept = library, emitter, rows
        yield Call(address, words, words, first=begin + lo, last=begin + hi, kind=OWN, kept=kept)
        begin += len(view)


def _sent(parts: Parts, cable: Cable, rows: np.ndarray, jump: str, share: Share) -> Iterator[Call]:
    """Yield the calls that deliver from a history into rows."""
    history = parts.histories[cable.pre.population.name]
    sending = parts.sendings.get(cable.projections[0].name)
    factors = sending.factors.get(jump, history.times) if sending is not None else history.times
    delays = cable.edges.delays
    values = {
        "step": 0, "T": 0, "delays": len(delays), "delay": delays.ctypes.data, "stride": history.ids.shape[1],
        "first": cable.pre.start, "sources": len(cable.pre), "row.stride": parts.total, "since": cable.sent[0],
        "span": cable.sent[1], **history.words(), "times": 0 if factors is None else factors.ctypes.data, **share.words,
    }  # fmt: skip
    for window in _windows(cable, share):
        own = rows[:, window[0] - cable.window[0] :]
        if isinstance(cable.edges, Edges):
            pointer = cable.pointer(share.count, parts.owner(share.count))
            found = replace(cable.edges, pointer=pointer).delivery(parts.network.dtype, factors is not None, window)
        else:
            found = cable.edges.delivery(parts.network.dtype, factors is not None, window)
        words = found.words.array({**values, "rows": own.ctypes.data, **found.values})
        kept = (found, delays, history, factors, rows)
        yield Call(driver.address_of(found.library, "deliver"), words, words, kind=OWN, kept=kept)


def _windows(cable: Cable, share: Share) -> Iterator[tuple[int, int]]:
    """Yield the targets of a cable that are a thread's: sparse storage finds them by itself."""
    if isinstance(cable.edges, Edges) or share.count == 1:
        yield cable.window
        return
    begin = 0
    for view in cable.projections[0].post:
        lo, hi = (begin + min(max(end - view.start, 0), len(view)) for end in share.of(view.population.n))
        lo, hi = max(lo, cable.window[0]), min(hi, cable.window[1])
        if lo < hi:
            yield lo, hi
        begin += len(view)
