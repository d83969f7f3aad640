"""Where a plastic projection delivers: the rows of its receivers, or a ring of rows that is added to them.

A spike adds its weight to each row of a receiver, or the weight times what the spike releases, which need not be the
same for all rows. Rows that get the same are one outlet.
"""

from collections.abc import Sequence

import numpy as np

from spikelet.sim import driver
from spikelet.sim.delivery import REAL
from spikelet.sim.driver import Call
from spikelet.sim.plastic_moves import MOVE, moving
from spikelet.sim.plastic_sides import Target


class Outlets:
    """The outlets of a plastic projection.

    Args:
        targets: What receives, each with the same number of rows.
        slots: Steps for which something may be on its way behind the synapse, and the present one.
        dtype: Of weights.

    Attributes:
        factors: Those of each outlet.
        rows: Of each outlet, where the spikes of slot 0 are delivered.
        ring: (outlets*slots, targets) what is on its way; nothing where the rows of the receivers are delivered to.
        drained: Calls that add the present slot of the ring to the rows of the receivers, and clear it.
    """

    def __init__(self, targets: Sequence[Target], slots: int, dtype: np.dtype):
        self.targets, self.slots, self.n = targets, slots, sum(target.n for target in targets)
        released = targets[0].released or (None,) * len(targets[0].rows)
        found: dict[int, list[int]] = {}  # the factors -> the numbers of the rows that they are for
        for channel, factors in enumerate(released):
            found.setdefault(id(factors), []).append(channel)
        channels = list(found.values())
        self.factors = [released[first] for first, *_ in channels]
        self.drained: list[Call] = []
        if slots == 1 and all(map(self._is_one_row, channels)):
            self.ring = np.zeros((0, self.n), dtype)
            self.rows = [self._reached(own)[0][0] for own in channels]
            return
        self.ring = np.zeros((len(channels) * slots, self.n), dtype)
        self.rows = list(self.ring[::slots])
        for row, own in zip(self.rows, channels, strict=True):
            self._drain(row, own)

    def _reached(self, channels: Sequence[int]) -> list[tuple[np.ndarray, int]]:
        """Return the rows that some channels are, and the number of the first target of each."""
        borders = np.cumsum([0, *(target.n for target in self.targets)]).tolist()
        pairs = zip(self.targets, borders, strict=False)
        return [(target.rows[c], border) for target, border in pairs for c in channels]

    def _is_one_row(self, channels: Sequence[int]) -> bool:
        """Tell whether the rows of all targets are neighbours in memory."""
        rows = [row for row, _ in self._reached(channels)]
        ends = [row.ctypes.data + row.nbytes for row in rows]
        neighbours = all(row.ctypes.data == end for row, end in zip(rows[1:], ends, strict=False))
        return neighbours and len(rows) == len(self.targets)

    def _drain(self, ring: np.ndarray, channels: Sequence[int]) -> None:
        """Let the slots of an outlet be added to the rows of its channels."""
        library = moving(REAL[self.ring.dtype.name])
        known = {"step": 0, "T": 0, "slots": self.slots, "stride": self.n}
        for row, border in self._reached(channels):
            words = MOVE.array(known | {"to": row.ctypes.data, "of": ring[border:].ctypes.data, "n": len(row)})
            kept = (library, self.ring, row)
            self.drained.append(Call(driver.address_of(library, "add"), words, words, kept=kept))
        words = MOVE.array(known | {"to": ring.ctypes.data, "of": 0, "n": self.n})
        self.drained.append(Call(driver.address_of(library, "clear"), words, words, kept=(library, self.ring)))

    def words(self) -> dict[str, int]:
        """Return the words by which kernels know the outlets."""
        found = {f"rows.{i}": row.ctypes.data for i, row in enumerate(self.rows)}
        own = {f"factors.{i}": one.ctypes.data for i, one in enumerate(self.factors) if one is not None}
        return {**found, **own, "ring": self.slots, "reached": self.n}
