"""A pattern both ways: what an electrical synapse needs, which has no direction."""

from dataclasses import dataclass

import numpy as np

from spikelet.errors import InputError
from spikelet.sim.connect_calls import Draws
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.connect_rows import Pair, Rows, listed


@dataclass(frozen=True, repr=False, eq=False)
class Symmetric(Pattern):
    """Both ways; made by `symmetric`."""

    pattern: Pattern
    name = "symmetric"

    def __repr__(self) -> str:
        return f"symmetric({self.pattern!r})"

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source, ascending."""
        if pair.shift != 0 or pair.sources != pair.targets:
            raise InputError(f"{self!r} connects neurons with one another: pre and post must be the same neurons")
        rows = self.pattern.rows(pair, draws, threads)
        targets = np.empty(int(rows.start[-1]), np.uint32) if rows.targets is None else rows.targets
        if rows.fill is not None:
            rows.fill(0, pair.sources, targets)
        ends = np.repeat(np.arange(pair.sources), np.diff(rows.start)), targets.astype(np.int64)
        both = np.unique(np.concatenate([ends[0] * pair.targets + ends[1], ends[1] * pair.targets + ends[0]]))
        first, second = np.divmod(both, pair.targets)
        apart = first != second
        return listed(first[apart], second[apart], pair)

    def expected(self, pair: Pair) -> float | None:
        """Return how many synapses there will be, at most."""
        found = self.pattern.expected(pair)
        return None if found is None else 2 * found


def symmetric(pattern: Pattern) -> Pattern:
    """Connect both ways each pair that a pattern connects in one: ``symmetric(from_arrays([0, 1], [1, 2]))``.

    A pair is connected once, however often the pattern has it, and no neuron with itself. So of a pattern that draws
    both ways, `fixed_probability(p)`, every pair is connected with probability ``2*p - p**2``. Weights from a
    distribution are drawn for each direction; where both are to be alike, give a number, or a symmetric matrix to
    `from_matrix`.

    Raises:
        InputError: the pattern holds weights, one for each synapse.
    """
    if not isinstance(pattern, Pattern):
        raise InputError(f"symmetric: expected a pattern such as fixed_probability(0.1), got {pattern!r}"[:200])
    if pattern.weights is not None:
        raise InputError(f"symmetric: {pattern!r} holds weights, of which each is for one direction")
    return Symmetric(pattern)
