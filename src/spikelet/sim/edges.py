"""The synapses of a projection as arrays: by source, then by delay, without sorting and without a delay per synapse."""

from dataclasses import dataclass

import numpy as np

from spikelet.sim.connect_calls import grouped


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

    def order(self) -> np.ndarray:
        """Return where the synapses stand, in the order of their source and target, (E,) int64.

        Synapses of one source and target keep their order, which is that of their delays.
        """
        by_target = grouped(self.targets.astype(np.uint32), self.n_target)[1]
        sources = self.sources().astype(np.uint32)
        return by_target[grouped(sources[by_target], self.n_source)[1]]

    @property
    def nbytes(self) -> int:
        """Memory of the arrays [bytes]."""
        weights = self.weights.nbytes if isinstance(self.weights, np.ndarray) else 0
        return self.delays.nbytes + self.pointer.nbytes + self.targets.nbytes + weights
