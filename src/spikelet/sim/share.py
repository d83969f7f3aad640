"""Threads of a run: which part of a block each of them does.

Each thread owns neurons of every population and delivers to these alone. Their inputs, states and flags lie in arrays
of its own, as long as those of all: in one array the processor would fetch ahead into the part of another thread, and
take it from there again and again. Lists of spikes, which all read, are written in parts. So no two threads ever write
to one place, and what is added to a neuron comes in the same order for any number of threads.
"""

from dataclasses import dataclass

_UNIT = 64  # neurons that stay together: their numbers fill whole lines of the cache

OWN, LISTS, WHOLE = "own", "lists", "whole"
"""What a call writes: of the neurons of its thread; its part of lists that all read; or anything, in one thread."""


@dataclass(frozen=True)
class Share:
    """One of several threads.

    Attributes:
        number: Which one, from 0 on.
        count: How many there are.
    """

    number: int = 0
    count: int = 1

    def of(self, n: int) -> tuple[int, int]:
        """Return the first of ``n`` neurons that are this thread's, and the first that is not."""
        units = -(-n // _UNIT)
        first, last = (units * i // self.count * _UNIT for i in (self.number, self.number + 1))
        return min(first, n), min(last, n)

    @property
    def words(self) -> dict[str, int]:
        """The words by which kernels know it."""
        return {"thread": self.number, "threads": self.count}


ALONE = Share()
