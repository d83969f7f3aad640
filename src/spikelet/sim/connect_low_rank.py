"""The pattern of weights that are a product of decoders and encoders (Eliasmith & Anderson 2003)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.sim.connect_calls import Draws, starts
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.connect_rows import Pair, Rows


@dataclass(frozen=True, eq=False, repr=False)
class LowRank(Pattern):
    """Every source to every target, with the weights ``decoders @ encoders``.

    Attributes:
        decoders: (sources, r), of each source.
        encoders: (r, targets), of each target.
    """

    name = "low_rank"
    kinds = ("low-rank", "sparse", "dense")
    decoders: np.ndarray
    encoders: np.ndarray

    def __post_init__(self) -> None:
        """Check the matrices."""
        for what in ("decoders", "encoders"):
            object.__setattr__(self, what, matrix(what, getattr(self, what)))
        if self.decoders.shape[1] != self.encoders.shape[0]:
            given = f"{self.decoders.shape} and {self.encoders.shape}"
            raise ShapeError(f"low_rank: decoders (sources, r) and encoders (r, targets) have the shapes {given}")

    def __repr__(self) -> str:
        return f"low_rank(rank {self.decoders.shape[1]})"

    @property
    def holds_weights(self) -> bool:
        """Whether it holds weights."""
        return True

    @property
    def count(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """How many synapses there are."""
        return self.decoders.shape[0] * self.encoders.shape[1]

    @property
    def weights(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The weight of each synapse."""
        return (self.decoders @ self.encoders).reshape(-1)

    def require(self, pair: Pair) -> None:
        """Raise ``InputError`` unless there is a row for each source and a column for each target."""
        found = (self.decoders.shape[0], self.encoders.shape[1])
        if found != (pair.sources, pair.targets):
            given = f"{pair.sources} sources and {pair.targets} targets"
            raise InputError(f"low_rank: decoders of {found[0]} and encoders of {found[1]} neurons, but {given}")

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        self.require(pair)
        targets = np.tile(np.arange(pair.targets, dtype=pair.target_type), pair.sources)
        return Rows(starts(np.full(pair.sources, pair.targets)), targets=targets)

    def expected(self, pair: Pair) -> int:
        """Return how many synapses there will be."""
        return self.count


def matrix(what: str, given: Any) -> np.ndarray:
    """Return a matrix of finite numbers, float64; it is copied.

    Raises:
        ShapeError: it has not two axes.
        InputError: a number is not finite.
    """
    found = np.array(given, np.float64)
    if found.ndim != 2:
        raise ShapeError(f"low_rank: {what} must have two axes, not the shape {found.shape}")
    if not np.isfinite(found).all():
        i, j = np.argwhere(~np.isfinite(found))[0]
        raise InputError(f"low_rank: {what}[{i}, {j}] is {found[i, j]}")
    return found
