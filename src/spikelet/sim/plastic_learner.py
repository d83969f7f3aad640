"""The arrays of a plastic projection, and how kernels of its rule are given them."""

from collections.abc import Mapping, Sequence

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.numpy_reference import Interpreter, numbers
from spikelet.ir.lower import lower
from spikelet.ir.rule_program import Program, Units, traces
from spikelet.lang.increments import WEIGHT
from spikelet.rule import Rule
from spikelet.sim import driver
from spikelet.sim.delivery import REAL
from spikelet.sim.driver import Call
from spikelet.sim.edges import Edges
from spikelet.sim.group import Stepping
from spikelet.sim.history import History
from spikelet.sim.plastic_events import Kernel, Shape
from spikelet.sim.plastic_index import INDEX, split
from spikelet.sim.plastic_rows import Outlets
from spikelet.sim.plastic_sides import Receivers, Senders, Target, Traces, groups, partners


class Learner:
    """What a plastic projection consists of.

    Args:
        rule: How it learns.
        edges: Its synapses; their weights change.
        history: Of the spikes of the senders.
        first: Number of its first source in the population that sends.
        targets: What receives, in the order of the targets' numbers.
        dt: Step [ms].
        fraction: Share of each delay that lies behind the synapse.
        units: Of the states of the neurons that the rule reads, such as ``v_post``.
        sender: Name of the population that sends.
        seed: Of the random numbers of this projection alone.
        kept: The traces, where there are some from other synapses of the same neurons.

    Attributes:
        weights: (E,) as the way of doing the rule keeps them.
        some: Whether there are synapses.
        parts: The delays before and behind the synapse.
        senders: Copies of states of the sending neurons.
        receivers: Copies of states of the receiving neurons.
        traces: Place (``pre`` with one element for each source and delay, ``post``, ``network``) -> states.
        steppings: Place -> what advances them.
        synapses: State of synapses -> (E,) its values; the weight is not among them.
        outlets: Where spikes are delivered.
    """

    def __init__(
        self, rule: Rule, edges: Edges, history: History, first: int, targets: Sequence[Target], *, dt: float,
        fraction: float = 0.0, units: Units | None = None, sender: str = "", seed: int = 0,
        kept: dict[str, Traces] | None = None,
    ):  # fmt: skip
        assert isinstance(edges.weights, np.ndarray)  # see graded
        self.rule, self.edges, self.weights, self.dt = rule, edges, edges.weights, dt
        self.history, self.first, self.targets, self.units = history, first, tuple(targets), units or {}
        self.parts, self.seed = split(edges, fraction), seed
        own, dtype = partners(rule, edges, self.parts), self.weights.dtype
        self.senders = Senders(own[0], sender, first, edges, self.parts, dtype)
        self.receivers = Receivers(own[1], self.targets, dtype)
        self.fraction, self.some = fraction, len(edges.pointer) > 1
        self.traces: dict[str, Traces] = kept or {}
        if kept is None and self.some:
            self.traces = groups(rule, edges, self.parts, self.units, dt=dt, dtype=dtype)
        self.steppings: dict[str, Stepping] = {place: self._stepping(place) for place in self.traces}
        self.synapses = self._synapses()
        self.outlets = Outlets(self.targets, int(self.parts.behind.max(initial=0)) + 1, dtype)

    def _stepping(self, place: str) -> Stepping:
        copies = {"pre": self.senders.values, "post": self.receivers.values}.get(place, {})
        return self.traces[place].call({name: (copy.ctypes.data, 0) for name, copy in copies.items()}, 1)

    def _synapses(self) -> dict[str, np.ndarray]:
        """Return the states of synapses, beside the weight, as they begin."""
        model = traces(self.rule, "synapse", self.units)
        if model is None:
            return {}
        step = lower(model)
        arrays = {name: np.ravel(value)[:1] for name, value in model.values.items() if isinstance(value, np.ndarray)}
        with np.errstate(all="ignore"):  # a coefficient may be infinite on purpose
            interpreter = Interpreter(step, {**model.parameters, **arrays}, dt=self.dt, dtype=self.weights.dtype)
        own = [name for name in self.rule.states if name in step.updates and name != WEIGHT]
        return {name: interpreter.initial(self.weights.shape)[name] for name in own}

    # --- calls --------------------------------------------------------------------------------------------------------

    def shape(self, found: Program) -> Shape:
        """Return what a kernel depends on."""
        variables = self.rule.definition.variables
        states: dict[str, list[tuple[str, str]]] = {p: [] for p in ("pre", "post", "synapse", "network", "of", "from")}
        for name, place in self.rule.places.items():
            if name != WEIGHT:
                states[place].append((name, "int" if variables[name].integer else "real"))
        for place, copies in (("of", self.receivers.values), ("from", self.senders.values)):
            states[place] += [(name, "real") for name in copies if name in found.reads]
        return Shape(
            real=REAL[self.weights.dtype.name],
            index=INDEX[self.edges.targets.dtype.itemsize],
            segment="i16" if len(self.edges.pointer) - 1 <= 2**16 else "i32",
            whole=self.edges.whole,
            multiple=self.history.times is not None,
            scaled=tuple(factors is not None for factors in self.outlets.factors),
            states=tuple((place, tuple(found)) for place, found in states.items()),
            tables=tuple(found.tables(self.rule).items()),
        )

    def call(self, kernel: Kernel, name: str, found: Program, own: Mapping[str, int], *kept: object) -> Call:
        """Return a call of a rule's kernel; states are read and set where they are, since a block is one step."""
        known = {"step": 0, "T": 0, "dt": _bits(self.dt), "weights": self.weights.ctypes.data, **own}
        tables, more = found.tables(self.rule), []
        for coefficient, value in numbers(found.coefficients, self.rule.parameters, self.dt).items():
            if coefficient in tables:
                table = np.ascontiguousarray(value, self.weights.dtype)
                table = np.repeat(table, len(self.edges.delays)) if tables[coefficient] == "pre" else table
                more.append(table)
                known[f"coef.{coefficient}"] = table.ctypes.data
            else:
                known[f"coef.{coefficient}"] = _bits(value)
        known |= {f"{p}.{n}": a.ctypes.data for p, one in self.steppings.items() for n, a in one.sets[0].items()}
        for place, copies in (("of", self.receivers), ("from", self.senders)):
            known |= {f"{place}.{n}": a.ctypes.data for n, a in copies.values.items()}
        known |= {f"synapse.{n}": a.ctypes.data for n, a in self.synapses.items()}
        words = kernel.words.array({**dict.fromkeys(kernel.words.names, 0), **known})
        library = llvm_jit.compile(kernel.text)
        return Call(driver.address_of(library, name), words, words, kept=(library, self, more, *kept))


def _bits(value: float | int | np.ndarray) -> int:
    """Return a coefficient as a word."""
    return value if isinstance(value, int) else int(np.float64(value).view(np.int64))
