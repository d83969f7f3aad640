"""What a plastic projection keeps for its two sides: the states of a rule, and copies of states of the neurons.

The states of senders are seen as of arrival: there is a copy for each source and delay, a segment of ``Edges``. Those
of receivers are seen as far back as the delay behind the synapse, so there is a copy for each such delay and target.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spikelet.errors import ModelError
from spikelet.ir.lower import lower
from spikelet.ir.rule_program import Units, sides, traces
from spikelet.ir.scan import Scan, scan
from spikelet.lang.places import side
from spikelet.rule import Rule
from spikelet.sim import driver
from spikelet.sim.delivery import REAL
from spikelet.sim.driver import Call
from spikelet.sim.edges import Edges
from spikelet.sim.group import Group, Stepping
from spikelet.sim.history import History
from spikelet.sim.plastic_index import Split
from spikelet.sim.plastic_moves import FILL, MOVE, moving

_TO, _OF = MOVE.names.index("to"), MOVE.names.index("of")


Factors = np.ndarray | None  # (slots, n) what each listed spike releases of a weight; None where that is all of it


@dataclass(frozen=True, eq=False)
class Target:
    """Neighbours that receive.

    Attributes:
        n: Number of neurons.
        first: Number of the first of them in its population.
        rows: (n,) arrays to which weights are added.
        history: Of the spikes of the population; None where it has none.
        population: Its name.
        released: The factors of each of the rows, as of ``Sending.factors``, the same for all targets; nothing where
            spikes release the weight.
    """

    n: int
    first: int
    rows: tuple[np.ndarray, ...]
    history: History | None
    population: str
    released: tuple[Factors, ...] = ()


class Traces(Group):
    """The states of a rule on one side, which send no spikes."""

    def scan(self, quiet: bool, record: Iterable[str]) -> Scan:
        """Return what the kernel runs."""
        return scan(self.step, tuple(record), quiet=quiet)


def groups(rule: Rule, edges: Edges, parts: Split, units: Units, *, dt: float, dtype: np.dtype) -> dict[str, Traces]:
    """Return place (``pre``, ``post``, ``network``) -> the states of a rule that are kept there."""
    found, own = {}, sides(rule)
    sizes = {"pre": len(edges.pointer) - 1, "post": edges.n_target * len(parts.kinds), "network": 1}
    for place, n in sizes.items():
        model = traces(rule, place, units)
        if model is not None:
            values = dict(model.values)
            for name in (name for name in values if own.get(name) == place):
                value = np.asarray(values[name])
                values[name] = (
                    np.repeat(value, len(edges.delays)) if place == "pre" else np.tile(value, len(parts.kinds))
                )
            model = model.changed(values=values)
            found[place] = Traces(model, lower(model), n, dt=dt, seed=0, first=0, dtype=dtype)
    return found


class Receivers:
    """Copies of states of the receiving neurons, as the last step has left them.

    Args:
        names: Such as ``v_post``.
        targets: What receives.
        dtype: Of the states.

    Attributes:
        values: Name -> (targets,) the copy.
        calls: Make it, after a step.
    """

    def __init__(self, names: Sequence[str], targets: Sequence[Target], dtype: np.dtype):
        self.targets, n = targets, sum(target.n for target in targets)
        self.values = {name: np.zeros(n, dtype) for name in names}
        self.calls: list[Call] = []
        self._moves: list[tuple[Call, Target, str, np.ndarray]] = []
        library = moving(REAL[dtype.name])
        for name, values in self.values.items():
            border = 0
            for target in targets:
                to = values[border : border + target.n]
                words = MOVE.array(dict.fromkeys(MOVE.names, 0) | {"to": to.ctypes.data, "n": target.n, "slots": 1})
                call = Call(driver.address_of(library, "keep"), words, words, kept=(library, values))
                self._moves.append((call, target, name.removesuffix("_post"), to))
                self.calls.append(call)
                border += target.n

    def load(self, neurons: Mapping[str, Stepping]) -> None:
        """Make ready for a run; ``neurons`` are the calls of the populations, whose blocks are single steps."""
        for call, target, name, to in self._moves:
            state = neurons[target.population].sets[0][name][target.first : target.first + target.n]
            call.even[_OF] = state.ctypes.data
            to[...] = state


class Senders:
    """Copies of states of the sending neurons, as of arrival.

    Args:
        names: Such as ``v_pre``.
        population: What sends.
        first: Number of its first neuron that does.
        edges: The synapses.
        parts: Of the delays.
        dtype: Of the states.

    Attributes:
        rings: Name -> (slots, sources) the states of the last steps.
        values: Name -> (segments,) the copy.
        keep: Calls that keep the states of a step, after it.
        fresh: (1,) whether no step has been taken.
    """

    def __init__(
        self, names: Sequence[str], population: str, first: int, edges: Edges, parts: Split, dtype: np.dtype
    ):  # fmt: skip
        self.population, self.first, self.edges, self.parts = population, first, edges, parts
        self.slots = int(parts.before.max(initial=0)) + 1
        self.rings = {name: np.zeros((self.slots, edges.n_source), dtype) for name in names}
        self.values = {name: np.zeros(len(edges.pointer) - 1, dtype) for name in names}
        self.fresh = np.ones(1, np.bool_)
        self.library = moving(REAL[dtype.name])
        self.keep: list[Call] = []
        for ring in self.rings.values():
            given = {"to": ring.ctypes.data, "n": edges.n_source, "slots": self.slots, "stride": edges.n_source}
            words = MOVE.array(dict.fromkeys(MOVE.names, 0) | given)
            self.keep.append(Call(driver.address_of(self.library, "keep"), words, words, kept=(self.library, ring)))

    def see(self, begin: int, end: int) -> list[Call]:
        """Return the calls that bring delays number ``begin`` to ``end - 1`` up to date."""
        edges, calls = self.edges, []
        for name, ring in self.rings.items() if begin < end else ():
            words = FILL.array(
                {
                    "step": 0, "T": 0, "to": self.values[name].ctypes.data, "of": ring.ctypes.data,
                    "sources": edges.n_source, "delays": len(edges.delays), "delay": self.parts.before.ctypes.data,
                    "begin": begin, "end": end, "slots": self.slots, "stride": edges.n_source,
                }
            )  # fmt: skip
            calls.append(Call(driver.address_of(self.library, "see"), words, words, kept=(self, ring)))
        return calls

    def load(self, neurons: Mapping[str, Stepping]) -> None:
        """Make ready for a run; before the first step the states have always been what they are."""
        for call, (name, ring) in zip(self.keep, self.rings.items(), strict=True):
            states = neurons[self.population].sets[0][name.removesuffix("_pre")]
            state = states[self.first : self.first + ring.shape[1]]
            call.even[_OF] = state.ctypes.data
            if self.fresh[0]:
                ring[...] = state
                self.values[name][...] = np.repeat(state, len(self.edges.delays))
        self.fresh[0] = False


def partners(rule: Rule, edges: Edges, parts: Split) -> tuple[list[str], list[str]]:
    """Return the states of senders, and those of receivers, that a rule reads.

    Raises:
        ModelError: they are read over delays for which they are not kept.
    """
    names = rule.definition.partners
    senders = [name for name in names if side(name) == "pre"]
    receivers = [name for name in names if side(name) == "post"]
    yet = f"{rule.name}: the simulator cannot run this yet"
    if receivers and parts.kinds.any():
        raise ModelError(f"{yet}: it reads '{receivers[0]}', and a part of the delay lies behind the synapse")
    if senders and (edges.delays == 0).any():
        raise ModelError(f"{yet}: it reads '{senders[0]}', and there is no delay")
    return senders, receivers
