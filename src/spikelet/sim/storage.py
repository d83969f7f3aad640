"""In which form the synapses of a projection are kept: the kinds, how one is chosen, and what each needs.

| kind | keeps | a spike adds |
|---|---|---|
| ``sparse`` | target (and weight) of each synapse, by source, then by delay | its segment |
| ``dense`` | a matrix of weights, or one weight for all | a row |
| ``one-to-one`` | a weight for each source, or one for all | one weight |
| ``convolution`` | the kernel | its patch |
| ``low-rank`` | decoders and encoders | r numbers, which a step adds to all targets |
| ``procedural`` | how many synapses each source has | what is drawn again |

All kinds hold the synapses that sparse storage of the same pattern holds, and add them in the same order, (delay,
source), to the same bits; low-rank storage adds in another order, and is equal up to rounding. All but sparse storage
hold one delay.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from spikelet.errors import DataError, InputError, did_you_mean
from spikelet.sim import connect, connect_finish
from spikelet.sim.connect_calls import Draws
from spikelet.sim.connect_convolution import Convolution
from spikelet.sim.connect_drawn import made
from spikelet.sim.connect_low_rank import LowRank
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.connect_rows import Pair
from spikelet.sim.delivery import Delivery
from spikelet.sim.distributions import Distribution
from spikelet.sim.edges import Edges
from spikelet.sim.storage_convolution import ConvolutionStorage
from spikelet.sim.storage_low_rank import LowRankStorage
from spikelet.sim.storage_matrix import Dense, OneToOne, one_delay
from spikelet.sim.storage_procedural import Procedural


class Storage(Protocol):
    """Synapses in some form.

    Attributes:
        kind: One of ``KINDS``.
    """

    kind: str

    @property
    def n_source(self) -> int:
        """Number of sources."""
        ...

    @property
    def n_target(self) -> int:
        """Number of targets."""
        ...

    @property
    def delays(self) -> np.ndarray:
        """The delays that occur [steps], ascending, int64."""
        ...

    @property
    def nbytes(self) -> int:
        """Memory [bytes]."""
        ...

    def __len__(self) -> int:
        """Return the number of synapses."""
        ...

    def listed(self) -> Edges:
        """Return the synapses one by one."""
        ...

    def with_weights(self, weights: np.ndarray) -> "Storage":
        """Return the same synapses with other weights, one for all or (E,) in the order of ``listed``."""
        ...

    def with_delays(self, steps: np.ndarray) -> "Storage":
        """Return the same synapses with other delays [steps], one for all or (E,) in the order of ``listed``."""
        ...

    def delivery(self, dtype: np.dtype, multiple: bool, window: tuple[int, int]) -> Delivery:
        """Return how the synapses onto the targets of a window (first, behind the last) are delivered."""
        ...

    def saved(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays by name, and the rest as JSON, from which ``restored`` makes the same."""
        ...


Shared = ConvolutionStorage | LowRankStorage
"""Kinds whose weights follow from a few arrays, see ``with_parts``."""
KINDS: Mapping[str, Any] = {
    kind.kind: kind for kind in (Edges, Dense, OneToOne, ConvolutionStorage, LowRankStorage, Procedural)
}


def check(name: str, asked: Any, pattern: Pattern, learns: bool) -> None:
    """Check what a user asks for.

    Raises:
        InputError: there is no such kind, or it cannot hold the pattern, or synapses that learn.
    """
    if asked is None:
        return
    if asked not in KINDS:
        near = did_you_mean(str(asked), KINDS)
        raise InputError(f"{name}: storage={asked!r} is none of {', '.join(map(repr, KINDS))}{near}")
    if asked not in pattern.kinds:
        kinds = ", ".join(map(repr, sorted(pattern.kinds)))
        raise InputError(f"{name}: storage={asked!r} cannot hold {pattern}, which takes {kinds}")
    if learns and asked != "sparse":
        which = "synapses that learn, act all the time, or differ"
        raise InputError(f"{name}: {which} are kept in sparse storage, not storage={asked!r}")


def choose(asked: str | None, pattern: Pattern, delay: Any, learns: bool) -> str:
    """Return the kind for a pattern: what is asked for, or the pattern's own where there is one delay, or sparse."""
    if asked is not None:
        return asked
    several = isinstance(delay, str) or np.ndim(delay) > 0 or (isinstance(delay, Distribution) and delay.sd > 0)
    return "sparse" if several or learns else pattern.kinds[0]


def make(
    kind: str,
    pattern: Pattern,
    pair: Pair,
    *,
    weight: Any,
    delay: Any,
    dt: float,
    seed: int,
    stream: int,
    dtype: np.dtype,
    name: str,
) -> Storage:
    """Make the synapses of a pattern.

    Args:
        kind: One of ``KINDS`` that the pattern names.
        pattern: Who is connected with whom.
        pair: The two ends.
        weight: As of ``connect.build``.
        delay: The same.
        dt: Step [ms].
        seed: Of random numbers.
        stream: Of this projection alone.
        dtype: Of weights.
        name: Of the projection, for errors.

    Raises:
        InputError: an argument is wrong, or the pattern does not fit the populations.
    """
    try:
        if kind in ("sparse", "dense", "one-to-one"):
            own = {"weight": weight, "delay": delay, "dt": dt, "seed": seed, "stream": stream}
            same, shift = pair.shift is not None, pair.shift or 0
            drawn = connect.draw(pattern, pair.sources, pair.targets, same=same, shift=shift, **own)
            return made(drawn, dtype, None) if kind == "sparse" else KINDS[kind].drawn(drawn, dtype)
        if isinstance(delay, str):
            raise InputError(f"{kind} storage holds one delay; use storage='sparse'")
        steps = one_delay(kind, connect_finish.delays(delay, dt, None).steps)
        if isinstance(pattern, Convolution):
            pattern.require(pair)
            kernel = connect_finish.weights(weight, pattern.kernel, None)
            return ConvolutionStorage.of(pattern.scaled(kernel), steps, dtype)
        if isinstance(pattern, LowRank):
            pattern.require(pair)
            encoders = connect_finish.weights(weight, pattern.encoders, None)
            return LowRankStorage(pattern.decoders.astype(dtype), np.asarray(encoders).astype(dtype), steps)
        if isinstance(weight, str):
            raise InputError("procedural storage takes one weight, or a distribution; use storage='sparse'")
        weights = connect_finish.weights(weight, pattern.weights, pattern.count)
        return Procedural.of(pattern, pair, Draws.of(seed, stream), weights, steps, dtype)
    except InputError as error:
        raise type(error)(f"{name}: {error}") from None


def planned(kind: str, pattern: Pattern, pair: Pair, graded: bool, size: int) -> float | None:
    """Return the memory that synapses will need [bytes]; None where it is not known.

    Args:
        kind: One of ``KINDS``.
        pattern: Who is connected with whom.
        pair: The two ends.
        graded: Whether each synapse has a weight of its own.
        size: Of a weight [bytes].
    """
    pairs = float(pair.sources) * pair.targets
    if kind == "dense":
        count = pattern.expected(pair)
        whole = count == pairs
        return pairs * size * (graded or not whole) + (0.0 if whole else pairs / 8)
    if isinstance(pattern, Convolution) and kind == "convolution":
        return pattern.kernel.nbytes + 48.0 * sum(pattern.shape[1:])
    if isinstance(pattern, LowRank) and kind == "low-rank":
        return float(pattern.decoders.size + pattern.encoders.size) * size
    if kind == "one-to-one":
        return float(pair.sources) * size * graded
    if kind == "procedural":
        return 8.0 * (pair.sources + 1)
    count = pattern.expected(pair)
    return None if count is None else count * (pair.target_type.itemsize + size * graded) + 8.0 * pair.sources


def restored(kind: str, arrays: Mapping[str, np.ndarray], rest: Mapping[str, Any]) -> Storage:
    """Return what was saved.

    Raises:
        DataError: there is no such kind.
    """
    if kind not in KINDS:
        raise DataError(f"the file holds storage {kind!r}, which this version does not know")
    return KINDS[kind].restored(arrays, rest)
