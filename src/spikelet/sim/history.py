"""The spikes of a population, listed by step, in slots that are used again."""

from collections.abc import Mapping

import numpy as np


class History:
    """A ring of lists.

    Args:
        slots: Steps that it holds at least; it has a power of two, so that a slot is found without a division.
        n: Number of neurons.
        multiple: Type of the factor of a spike, where it may stand for several at once, as those of sources may.

    Attributes:
        ids: (slots, n) neurons that fired, ascending.
        counts: (slots,) how many.
        times: (slots, n) how many spikes each of them is, where there may be several.
    """

    def __init__(self, slots: int, n: int, multiple: np.dtype | None = None):
        slots = 1 << (slots - 1).bit_length()
        self.ids = np.zeros((slots, n), np.int32)
        self.counts = np.zeros(slots, np.int32)
        self.times = None if multiple is None else np.zeros((slots, n), multiple)

    def words(self) -> dict[str, int]:
        """Return the words by which kernels know it."""
        times = 0 if self.times is None else self.times.ctypes.data
        place = {"ids": self.ids.ctypes.data, "counts": self.counts.ctypes.data, "times": times}
        return {**place, "slots": len(self.counts)}

    def lists(self, first: int, last: int) -> dict[str, np.ndarray]:
        """Return what is listed of steps ``first`` to ``last - 1``, as arrays without gaps."""
        found = {"counts": self.counts[self._slots(first, last)], "ids": self.listed(self.ids, first, last)}
        return found if self.times is None else found | {"times": self.listed(self.times, first, last)}

    def set_lists(self, first: int, last: int, given: Mapping[str, np.ndarray]) -> None:
        """List again what ``lists`` returned."""
        self.counts[self._slots(first, last)] = given["counts"]
        self.set_listed(self.ids, first, last, given["ids"])
        if self.times is not None:
            self.set_listed(self.times, first, last, given["times"])

    def listed(self, ring: np.ndarray, first: int, last: int) -> np.ndarray:
        """Return the entries of a ring like ``ids`` for the spikes of steps ``first`` to ``last - 1``."""
        return ring.reshape(-1)[self._places(first, last)]

    def set_listed(self, ring: np.ndarray, first: int, last: int, entries: np.ndarray) -> None:
        """Set what ``listed`` returned."""
        ring.reshape(-1)[self._places(first, last)] = entries

    def _slots(self, first: int, last: int) -> np.ndarray:
        return np.arange(first, last) % len(self.counts)

    def _places(self, first: int, last: int) -> np.ndarray:
        """Return where the spikes of steps stand in a ring without its axes."""
        slots = self._slots(first, last)
        counts = self.counts[slots].astype(np.int64)
        before = np.cumsum(counts) - counts
        return np.repeat(slots * self.ids.shape[1] - before, counts) + np.arange(counts.sum())

    def totals(self, first: int, last: int) -> np.ndarray:
        """Return the number of spikes of each of the steps ``first`` to ``last - 1``."""
        counts = self.counts[self._slots(first, last)]
        if self.times is None:
            return counts.astype(np.int64)
        steps = np.repeat(np.arange(last - first), counts)
        return np.bincount(steps, self.listed(self.times, first, last), minlength=last - first).astype(np.int64)

    def columns(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the step and the neuron of each spike of steps ``first`` to ``last - 1``, in order."""
        steps = np.repeat(np.arange(first, last), self.counts[self._slots(first, last)])
        ids = self.listed(self.ids, first, last)
        if self.times is None:
            return steps, ids
        times = self.listed(self.times, first, last).astype(np.int64)
        return np.repeat(steps, times), np.repeat(ids, times)
