"""The general way of a plastic projection: every pair of spikes at its time, which serves every rule.

At a spike of a receiver ``on_post`` runs for each of its synapses, which an index by target finds.
"""

from collections.abc import Iterator

import numpy as np

from spikelet import random
from spikelet.ir.rule_program import flow, program
from spikelet.sim.driver import Call
from spikelet.sim.plastic_flow import Flow
from spikelet.sim.plastic_index import transpose
from spikelet.sim.plastic_kernels import Arrive, Posts
from spikelet.sim.plastic_learner import Learner


def arriving(learner: Learner, begin: int, end: int) -> dict[str, int]:
    """Return the words of a kernel that goes through the spikes that arrive over delays ``begin`` to ``end - 1``."""
    edges, history, parts = learner.edges, learner.history, learner.parts
    return {
        "begin": begin, "end": end, "delays": len(edges.delays), "delay": parts.before.ctypes.data,
        "behind": parts.behind.ctypes.data, "offset": parts.offset.ctypes.data, "pointer": edges.pointer.ctypes.data,
        "targets": edges.targets.ctypes.data, "stride": history.ids.shape[1], "first": learner.first,
        "sources": edges.n_source, **learner.outlets.words(), **history.words(),
    }  # fmt: skip


def receiving(learner: Learner) -> list[dict[str, int]]:
    """Return, for each population that receives and spikes, the words of a kernel that goes through its spikes."""
    parts, found, border = learner.parts, [], 0
    for target in learner.targets:
        if target.history is not None:
            words = target.history.words()
            found.append(
                {
                    "kinds": len(parts.kinds), "kind": parts.kinds.ctypes.data, "reached": learner.edges.n_target,
                    "ids": words["ids"], "counts": words["counts"], "slots": words["slots"],
                    "stride": target.history.ids.shape[1], "first": target.first, "count": target.n, "border": border,
                }
            )  # fmt: skip
        border += target.n
    return found


class General:
    """The calls of the general way."""

    def __init__(self, learner: Learner):
        self.learner = learner
        changed, places = program(learner.rule, "on_post").updates, learner.rule.places
        learned = any(places.get(name) != "post" for name in changed)  # not traces of the receiver alone
        self.index = transpose(learner.edges, learner.parts) if learned else None

    def begin(self) -> list[Call]:
        """Take the states of synapses a step further, by what the step finds."""
        learner = self.learner
        found = flow(learner.rule, learner.units)
        if found is None:
            return []
        edges, kinds = learner.edges, len(learner.parts.kinds)
        writer = Flow(found, learner.shape(found))
        once = [np.empty(kinds * edges.n_target, learner.weights.dtype) for _ in writer.once]
        own = {
            "kinds": kinds, "reached": edges.n_target, "delays": len(edges.delays), "segments": len(edges.pointer) - 1,
            "offset": learner.parts.offset.ctypes.data, "pointer": edges.pointer.ctypes.data,
            "targets": edges.targets.ctypes.data, "seed": random.signed(learner.seed),
            **{f"once.{i}": values.ctypes.data for i, values in enumerate(once)},
        }  # fmt: skip
        return [learner.call(writer.kernel(), writer.name, found, own, once)]

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield nothing: the weights are what they are."""
        return iter(())

    def read(self) -> np.ndarray:
        """Return the weights, (E,)."""
        return self.learner.weights

    def read_into(self, out: np.ndarray) -> np.ndarray:
        """Write the weights, and return them."""
        out[...] = self.learner.weights
        return out

    def write(self, values: np.ndarray) -> None:
        """Set the weights."""
        self.learner.weights[...] = values

    def arrivals(self, begin: int, end: int) -> list[Call]:
        """Deliver over some of the delays, and run ``on_pre``."""
        if begin == end:
            return []
        learner, found = self.learner, program(self.learner.rule, "on_pre")
        kernel = Arrive(found, learner.shape(found)).kernel()
        return [learner.call(kernel, "arrive", found, arriving(learner, begin, end))]

    def posts(self) -> list[Call]:
        """Run ``on_post``, for each population that receives."""
        learner, index = self.learner, self.index
        found = program(learner.rule, "on_post")
        if not found.updates:
            return []
        kernel = Posts(found, learner.shape(found)).kernel()
        own: dict[str, int] = {}
        if index is not None:
            own = {
                "start": index.start.ctypes.data, "position": index.position.ctypes.data,
                "segment": index.segment.ctypes.data,
            }  # fmt: skip
        return [learner.call(kernel, "posts", found, own | words, index) for words in receiving(learner)]
