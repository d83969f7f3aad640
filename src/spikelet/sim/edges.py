"""The synapses of a projection as arrays: by source, then by delay, without sorting and without a delay per synapse."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from spikelet.sim import delivery
from spikelet.sim.connect_calls import grouped
from spikelet.sim.delivery import Delivery

_ARRAYS = ("delays", "pointer", "targets")


@dataclass(frozen=True, eq=False)
class Edges:
    """Synapses by source and delay.

    Attributes:
        n_source: Number of sources.
        n_target: Number of targets.
        delays: (K,) int64, the delays that occur [steps], ascending.
        pointer: (n_source*K + 1,) int64; the synapses of source s with delay ``delays[k]`` are those from
            ``pointer[s*K + k]`` to ``pointer[s*K + k + 1] - 1``.
        targets: (E,) uint16 for up to 65,536 targets, else uint32.
        weights: (E,) float32 or float64, or a float where all are equal.
    """

    n_source: int
    n_target: int
    delays: np.ndarray
    pointer: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | float

    def __len__(self) -> int:
        return len(self.targets)

    def sources(self) -> np.ndarray:
        """Return the source of each synapse, (E,) int64."""
        return np.repeat(np.arange(self.n_source), np.diff(self.pointer[:: len(self.delays)]))

    def delay_steps(self) -> np.ndarray:
        """Return the delay of each synapse [steps], (E,) int64."""
        return np.repeat(np.tile(self.delays, self.n_source), np.diff(self.pointer))

    @cached_property
    def whole(self) -> bool:
        """Whether there is one delay, and each source has all targets, in order."""
        if len(self.delays) != 1 or len(self) != self.n_source * self.n_target:
            return False
        return bool((self.targets.reshape(self.n_source, self.n_target) == np.arange(self.n_target)).all())

    @cached_property
    def ordered(self) -> bool:
        """Whether they stand in the order of their source and target."""
        if self.whole or len(self) < 2:
            return True
        falls = self.targets[1:] < self.targets[:-1]
        falls[self.pointer[1:-1][(self.pointer[1:-1] > 0) & (self.pointer[1:-1] < len(self))] - 1] = False
        return len(self.delays) == 1 and not falls.any()

    def order(self) -> np.ndarray:
        """Return where the synapses stand, in the order of their source and target, (E,) int64.

        Synapses of one source and target keep their order, which is that of their delays.
        """
        by_target = grouped(self.targets.astype(np.uint32), self.n_target)[1]
        sources = self.sources().astype(np.uint32)
        return by_target[grouped(sources[by_target], self.n_source)[1]]

    # --- as a kind of storage, see `storage.Storage` ------------------------------------------------------------------

    kind = "sparse"

    def listed(self) -> "Edges":
        """Return the synapses one by one: these."""
        return self

    def with_weights(self, weights: np.ndarray) -> "Edges":
        """Return the same synapses with other weights, one for all or (E,)."""
        found = copy.copy(self)  # with what is known of the places
        object.__setattr__(found, "weights", float(weights) if np.ndim(weights) == 0 else weights)
        return found

    def with_delays(self, steps: np.ndarray) -> "Edges":
        """Return the same synapses with other delays [steps], one for all or (E,)."""
        return self.redelayed(steps)[0]

    def redelayed(self, steps: np.ndarray) -> tuple["Edges", np.ndarray]:
        """Return synapses with other delays, and where each of them stood before, (E,) int64."""
        delays = np.unique(steps) if np.size(steps) else np.ones(1, np.int64)
        number = np.searchsorted(delays, np.broadcast_to(steps, (len(self),)))
        keys = (self.sources() * len(delays) + number).astype(np.uint32)
        pointer, order = grouped(keys, self.n_source * len(delays))
        weights = self.weights[order] if isinstance(self.weights, np.ndarray) else self.weights
        found = replace(self, delays=delays, pointer=pointer, targets=self.targets[order], weights=weights)
        return found, order

    def delivery(self, dtype: np.dtype, multiple: bool, window: tuple[int, int]) -> Delivery:
        """Return how the synapses are delivered; their targets are those of the window."""
        return delivery.sparse(self.pointer, self.targets, self.weights, dtype, multiple)

    def saved(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays by name, and the rest, from which ``restored`` makes the same."""
        constant = np.ndim(self.weights) == 0
        arrays = {name: getattr(self, name) for name in (_ARRAYS if constant else (*_ARRAYS, "weights"))}
        weight = float(self.weights) if constant else None
        return arrays, {"n_source": self.n_source, "n_target": self.n_target, "weight": weight}

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray], rest: Mapping[str, Any]) -> "Edges":
        """Return what was saved."""
        weights = arrays["weights"] if "weights" in arrays else float(rest["weight"])
        own = {name: arrays[name] for name in _ARRAYS}
        return cls(rest["n_source"], rest["n_target"], weights=weights, **own)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays [bytes]."""
        weights = self.weights.nbytes if isinstance(self.weights, np.ndarray) else 0
        return self.delays.nbytes + self.pointer.nbytes + self.targets.nbytes + weights
