"""Where a network stands: everything that a later step depends on, as arrays by name and a few numbers."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from spikelet.errors import DataError
from spikelet.sim.codec import Arrays
from spikelet.sim.parts import Parts


class Engine(Protocol):
    """What is read and set of a built network; see ``engine.Engine``."""

    step: int
    block: int
    parts: Parts

    def renew(self) -> None:
        """Let the calls be made again."""
        ...


def position(engine: Engine, arrays: Arrays) -> dict[str, Any]:
    """Put the position of a network into ``arrays``; returns the rest of it."""
    arrays |= dict(_arrays(engine))
    first = _first(engine)
    for name, history in engine.parts.histories.items():
        lists = history.lists(first, engine.step)
        arrays |= {f"history.{name}.{part}": array for part, array in lists.items()}
    for name, sending in engine.parts.sendings.items():
        history = sending.history
        for jump, factors in sending.factors.items():
            arrays[f"factors.{name}.{jump}"] = history.listed(factors, first, engine.step)
    for name, one in engine.parts.coupled.items():
        arrays |= {f"sent.{name}.{value}": sent for value, sent in one.sent_before(engine.step).items()}
    noises = [rows.step for driven in engine.parts.driven.values() for rows in driven.noises.values()]
    ways = {name: learning.reason for name, learning in engine.parts.learning.items()}
    return {"step": engine.step, "noises": noises, "first": first, "pair by pair": ways}


def restore(engine: Engine, data: dict[str, Any], arrays: Arrays) -> None:
    """Set the position of a network.

    Raises:
        DataError: an array is missing or of another size.
    """
    engine.step = data["step"]
    engine.block = 0
    for name, reason in data.get("pair by pair", {}).items():
        engine.parts.learning[name].become(reason)
    engine.renew()
    for name, array in _arrays(engine):
        _set(array, name, arrays)
    for name, one in engine.parts.coupled.items():
        for value, sent in one.sent_before(engine.step).items():
            _set(sent, f"sent.{name}.{value}", arrays)
            one.set_sent_before(engine.step, value, sent)
        one.remember()
    first = data["first"] if "first" in data else _first(engine)
    for name, history in engine.parts.histories.items():
        parts = ("counts", "ids") if history.times is None else ("counts", "ids", "times")
        history.set_lists(first, engine.step, {part: _get(f"history.{name}.{part}", arrays) for part in parts})
    for name, sending in engine.parts.sendings.items():
        for jump, factors in sending.factors.items():
            sending.history.set_listed(factors, first, engine.step, _get(f"factors.{name}.{jump}", arrays))
    rows = [rows for driven in engine.parts.driven.values() for rows in driven.noises.values()]
    for noise, step in zip(rows, data["noises"], strict=True):
        noise.step = step


def _first(engine: Engine) -> int:
    """Return the first step whose spikes may still arrive somewhere."""
    return max(0, engine.step - max(engine.parts.wiring.delays, default=0))


def _arrays(engine: Engine) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays that are set as they are."""
    for name, receiver in engine.parts.receivers.items():
        yield from ((f"state.{name}.{state}", value) for state, value in receiver.group.state.items())
    for name, sending in engine.parts.sendings.items():
        yield from ((f"sending.{name}.{state}", value) for state, value in sending.group.state.items())
    for name, learning in engine.parts.learning.items():
        yield from ((f"rule.{name}.{part}", value) for part, value in learning.arrays())
    for name, one in engine.parts.coupled.items():
        yield from ((f"coupled.{name}.{part}", value) for part, value in one.arrays())
    for name, own in engine.parts.releases.items():
        for i, one in enumerate(own):
            yield from ((f"release.{name}.{i}.{part}", value) for part, value in one.arrays())
    for name, emitter in engine.parts.emitters.items():
        yield from ((f"emitter.{name}.{part}", value) for part, value in emitter.state.items())
    rows = [rows for driven in engine.parts.driven.values() for rows in driven.noises.values()]
    yield from ((f"noise.{i}", one.last) for i, one in enumerate(rows))


def _get(name: str, arrays: Arrays) -> np.ndarray:
    if name not in arrays:
        raise DataError(f"the file has no array {name!r}")
    return arrays[name]


def _set(array: np.ndarray, name: str, arrays: Arrays) -> None:
    found = _get(name, arrays)
    if found.shape != array.shape:
        raise DataError(f"array {name!r} of the file has shape {found.shape}; expected {array.shape}")
    array[...] = found
