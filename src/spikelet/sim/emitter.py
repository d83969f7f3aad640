"""A source at work: a kernel, and what it reads and keeps."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikelet.backends.llvm_values import bit_pattern
from spikelet.sim import source_kernels as kernels

_SAME = 2  # words that a call keeps when its source becomes another: its step, and its number of steps


@dataclass(eq=False)
class Emitter:
    """A source made ready for a size and a step: a kernel of `source_kernels` and the words that it takes.

    Attributes:
        kernel: Name of the kernel.
        n: Number of elements.
        fixed: Words that are numbers.
        arrays: Words that are addresses of these arrays, which the emitter keeps in memory.
        state: Those of the arrays that a run changes. An emitter with a state must meet each step once, in order.
        made: The words that it has written and that are still somewhere, and what they were asked with.
    """

    kernel: str
    n: int
    fixed: Mapping[str, int]
    arrays: Mapping[str, np.ndarray]
    state: Mapping[str, np.ndarray] = field(default_factory=dict)
    made: list[tuple["weakref.ref[np.ndarray]", dict[str, Any]]] = field(default_factory=list, repr=False)

    def become(self, other: "Emitter") -> bool:
        """Become another emitter, in the words of all calls that there are, so that none has to be made again.

        Returns:
            Whether that could be done: it needs the same kernel, and leaves all as it is where it is another.
        """
        if self.kernel != other.kernel:
            return False
        self.fixed, self.arrays, self.state = other.fixed, other.arrays, other.state
        self.made = [(kept, given) for kept, given in self.made if kept() is not None]
        for kept, given in self.made:
            words = kept()
            if words is not None:
                words[_SAME:] = self._written(given)[_SAME:]
        return True

    def words(
        self, out: int, stride: int, *, step: int = 0, steps: int = 1, slots: int = 0, delay: int = 0,
        scale: float | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Return the words of a call.

        Args:
            out: Address of row 0.
            stride: Numbers from row to row.
            step: First step.
            steps: Number of steps.
            slots: Rows of a ring; 0 where the first step goes to row 0.
            delay: Steps between a count and the row that gets it.
            scale: None sets rows to counts; a number times the counts is added.

        Returns:
            int64, to be kept in memory, with the emitter, as long as the kernel is called with it.
        """
        given = {
            "step": step, "T": steps, "out": out, "stride": stride, "slots": slots, "delay": delay,
            "add": int(scale is not None), "scale": _signed(bit_pattern(scale or 0.0, "double")),
        }  # fmt: skip
        words = self._written(given)
        self.made = [(kept, own) for kept, own in self.made if kept() is not None]
        self.made.append((weakref.ref(words), given))
        return words

    def _written(self, given: Mapping[str, int]) -> np.ndarray:
        words = kernels.WORDS[self.kernel]
        addresses = {name: array.ctypes.data for name, array in self.arrays.items()}
        return words.array(dict.fromkeys(words.names, 0) | dict(given) | dict(self.fixed) | addresses)

    def counts(self, step: int, steps: int, dtype: str = "float32") -> np.ndarray:
        """Return the counts of steps ``step`` to ``step + steps - 1``, (steps, n)."""
        out = np.empty((steps, self.n), dtype)
        words = self.words(out.ctypes.data, self.n, step=step, steps=steps)
        kernels.function(self.kernel, out.dtype.name)(words.ctypes.data, 0, self.n, None)
        return out

    def spikes(self, step: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Return step (S,) int64 and element (S,) int32 of each spike, in order; several at once are several rows."""
        counts = self.counts(step, steps)
        k, ids = np.nonzero(counts)
        times = counts[k, ids].astype(np.int64)
        return np.repeat(k + step, times), np.repeat(ids.astype(np.int32), times)


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word
