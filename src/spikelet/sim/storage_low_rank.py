"""Weights as a product of two thin matrices: spikes add into a few sums, and these add to the targets."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import number
from spikelet.errors import InputError
from spikelet.sim.connect_calls import starts
from spikelet.sim.delivery import COMMON, REAL, Arrivals, Delivery
from spikelet.sim.driver import Words
from spikelet.sim.edges import Edges
from spikelet.sim.storage_matrix import one_delay

_OWN: tuple[str, ...] = ("decoders", "encoders", "sums", "rank", "begin", "count", "targets")


@dataclass(frozen=True, eq=False)
class LowRankStorage:
    """Decoders and encoders.

    Attributes:
        decoders: (n_source, r) of the type of weights; so are the encoders.
        encoders: (r, n_target).
        delays: (1,) int64, the delay [steps].
    """

    decoders: np.ndarray
    encoders: np.ndarray
    delays: np.ndarray

    kind = "low-rank"

    @property
    def n_source(self) -> int:
        """Number of sources."""
        return self.decoders.shape[0]

    @property
    def n_target(self) -> int:
        """Number of targets."""
        return self.encoders.shape[1]

    def __len__(self) -> int:
        return self.n_source * self.n_target

    def listed(self) -> Edges:
        """Return the synapses one by one."""
        kind = np.uint16 if self.n_target <= 2**16 else np.uint32
        targets = np.tile(np.arange(self.n_target, dtype=kind), self.n_source)
        weights = (self.decoders.astype(np.float64) @ self.encoders.astype(np.float64)).reshape(-1)
        pointer = starts(np.full(self.n_source, self.n_target))
        return Edges(self.n_source, self.n_target, self.delays, pointer, targets, weights.astype(self.decoders.dtype))

    def with_weights(self, weights: np.ndarray) -> "LowRankStorage":
        """Refuse: weights follow from the two matrices."""
        raise InputError(
            "low-rank storage has no weight of its own for each synapse; set decoders= or encoders=, or use "
            "storage='sparse'"
        )

    def with_parts(self, parts: Mapping[str, np.ndarray]) -> "LowRankStorage":
        """Return the same with other ``decoders`` or ``encoders``.

        Raises:
            InputError: an array is none of these, or of another shape than before.
        """
        for name, array in parts.items():
            known = getattr(self, name, None) if name in ("decoders", "encoders") else None
            if known is None or known.shape != array.shape:
                has = f"decoders {self.decoders.shape} and encoders {self.encoders.shape}"
                raise InputError(f"low-rank storage has {has}; got {name} {array.shape}")
        return replace(self, **{name: array.astype(self.decoders.dtype) for name, array in parts.items()})

    def with_delays(self, steps: np.ndarray) -> "LowRankStorage":
        """Return the same synapses with another delay [steps]."""
        return replace(self, delays=one_delay("low-rank", steps))

    def delivery(self, dtype: np.dtype, multiple: bool, window: tuple[int, int]) -> Delivery:
        """Return how the synapses onto the targets of a window are delivered."""
        begin, end = window
        decoders, encoders = (np.ascontiguousarray(part, dtype) for part in (self.decoders, self.encoders))
        sums = np.zeros(max(1, decoders.shape[1]), dtype)
        values = {
            "decoders": decoders.ctypes.data, "encoders": encoders.ctypes.data, "sums": sums.ctypes.data,
            "rank": decoders.shape[1], "begin": begin, "count": end - begin, "targets": self.n_target,
        }  # fmt: skip
        return Delivery(
            _library(REAL[dtype.name], multiple), Words((*COMMON, *_OWN)), values, (decoders, encoders, sums)
        )

    def saved(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays by name, and the rest, from which ``restored`` makes the same."""
        return {"decoders": self.decoders, "encoders": self.encoders, "delays": self.delays}, {}

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray], rest: Mapping[str, Any]) -> "LowRankStorage":
        """Return what was saved."""
        return cls(arrays["decoders"], arrays["encoders"], arrays["delays"])

    @property
    def nbytes(self) -> int:
        """Memory of the arrays [bytes]."""
        return self.decoders.nbytes + self.encoders.nbytes + self.delays.nbytes


@cache
def _library(real: str, multiple: bool) -> llvm_jit.Library:
    return llvm_jit.compile(_LowRank(real, multiple).written())


class _LowRank(Arrivals):
    """Adds the decoders of all spikes of a step, then the encoders, each times its sum."""

    def __init__(self, real: str, multiple: bool):
        super().__init__(real, multiple, dict.fromkeys(_OWN, "i64") | dict.fromkeys(_OWN[:3], "ptr"))

    def spikes(self, sent: str, d: str, row: str) -> None:
        """Deliver the spikes of a step."""
        slot = self.value(f"and i64 {sent}, {self.mask}")
        some = self.value(f"icmp ne i32 {self.load('i32', self.w['counts'], slot)}, 0")
        with self.when(some):
            with self.loop("k", self.w["rank"]) as k:
                self.store(self.real, number(0.0, self.real), self.w["sums"], k)
            super().spikes(sent, d, row)
            with self.loop("k", self.w["rank"]) as k:
                total = self.load(self.real, self.w["sums"], k)
                place = self.value(f"mul i64 {k}, {self.w['targets']}")
                place = self.value(f"add i64 {place}, {self.w['begin']}")
                encoder = self.at(self.real, self.w["encoders"], place)
                with self.loop("j", self.w["count"]) as j:
                    self.add(self.scaled(self.load(self.real, encoder, j), total), row, j)

    def spike(self, source: str, d: str, row: str, times: str) -> None:
        """Add a row of the decoders."""
        decoder = self.at(self.real, self.w["decoders"], self.value(f"mul i64 {source}, {self.w['rank']}"))
        with self.loop("k", self.w["rank"]) as k:
            self.add(self.scaled(self.load(self.real, decoder, k), times), self.w["sums"], k)
