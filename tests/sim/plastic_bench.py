"""A plastic projection without a network: spikes of both sides are given, weights and what is delivered come out."""

from collections.abc import Sequence

import numpy as np

from spikelet.rule import Rule
from spikelet.sim import connect, driver
from spikelet.sim.connect import from_arrays
from spikelet.sim.edges import Edges
from spikelet.sim.history import History
from spikelet.sim.plastic import Plastic
from spikelet.sim.plastic_index import graded
from spikelet.sim.plastic_sides import Target

_REAL = {"float32": "float", "float64": "double"}


def edges(sources, targets, weights, steps, n: tuple[int, int], dtype=np.float64) -> Edges:
    """Return synapses with delays in steps; weights and delays are numbers or arrays."""
    steps = np.broadcast_to(steps, np.shape(sources)).astype(float)
    weights = np.broadcast_to(np.asarray(weights, float), np.shape(sources)).copy()
    found = connect.build(
        from_arrays(np.asarray(sources), np.asarray(targets)), *n, same=False, shift=0, weight=weights, delay=steps,
        dt=1.0, seed=0, stream=0, dtype=np.dtype(dtype), name="test",
    )  # fmt: skip
    return graded(found, np.dtype(dtype))


def listed(counts: np.ndarray, multiple: bool = False, dtype=np.float64) -> History:
    """Return a history of all steps from the numbers of spikes (steps, n)."""
    history = History(len(counts), counts.shape[1], np.dtype(dtype) if multiple else None)
    for k in np.flatnonzero(counts.any(1)):
        row = counts[k]
        ids = np.flatnonzero(row)
        history.ids[k, : len(ids)] = ids
        history.counts[k] = len(ids)
        if history.times is not None:
            history.times[k, : len(ids)] = row[ids]
    return history


class Bench:
    """Runs a rule on given spikes.

    Args:
        rule: The rule.
        made: Synapses with a weight each.
        pre: (steps, sources) spikes that are sent; their delay follows.
        post: (steps, targets) spikes of the receivers.
        dt: Step [ms].
        cuts: Numbers of targets at which another population begins.
        multiple: Whether a source may send several spikes in a step.
        channels: How often each weight is added to the row.
        fraction: Share of each delay that lies behind the synapse.
        general: Whether the rule is done pair by pair whatever it is.

    Attributes:
        delivered: (steps, targets) what was added to the row of the receivers in each step.
    """

    def __init__(
        self, rule: Rule, made: Edges, pre: np.ndarray, post: np.ndarray, *, dt: float, cuts: Sequence[int] = (),
        multiple: bool = False, channels: int = 1, fraction: float = 0.0, general: bool = False,
    ):  # fmt: skip
        dtype = made.weights.dtype
        self.edges, self.steps, self.step = made, len(pre), 0
        self.row = np.zeros((1, made.n_target), dtype)
        self.delivered = np.zeros((self.steps, made.n_target), dtype)
        history, targets = listed(post), []
        for begin, end in zip([0, *cuts], [*cuts, made.n_target], strict=True):
            targets.append(Target(end - begin, begin, (self.row[0, begin:end],) * channels, history, "cells"))
        self.plastic = Plastic(rule, made, listed(pre, multiple, dtype), 0, targets, dt=dt, fraction=fraction)
        if general:
            self.plastic.become_general("to compare")
        library, real = driver.library(), _REAL[dtype.name]
        n = made.n_target
        zero = driver.FILL.array(
            dict.fromkeys(driver.FILL.names, 0) | {"rows": self.row.ctypes.data, "stride": n, "n": n}
        )
        ids = np.arange(n)
        gather = driver.GATHER.array(
            {"step": 0, "T": 0, "rows": self.row.ctypes.data, "n": n, "ids": ids.ctypes.data, "count": n, "every": 1,
             "out": self.delivered.ctypes.data, "base": 1}
        )  # fmt: skip
        self.calls = [
            driver.Call(driver.address_of(library, f"zero_{real}"), zero, zero, kept=(library,)),
            *self.plastic.before,
            driver.Call(driver.address_of(library, f"gather_{real}"), gather, gather, kept=(library, ids)),
            *self.plastic.after,
        ]

    def run(self, steps: int | None = None) -> np.ndarray:
        """Take steps, all that are left by default; returns the weights by source and target."""
        steps = self.steps - self.step if steps is None else steps
        self.plastic.load(self.step, {})
        driver.Driver(self.calls).run(self.step, steps, self.step, 1)
        self.step += steps
        self.plastic.save(self.step)
        return self.weights

    @property
    def weights(self) -> np.ndarray:
        """The weights by source and target."""
        return np.asarray(self.plastic.current().weights)[self.edges.order()]
