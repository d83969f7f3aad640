"""The tables by which a kernel counts the events of a step: the law of Poisson, and the binomial one, exactly.

See `source_kernels` for how they are read.
"""

import math
from dataclasses import dataclass

import numpy as np

from spikelet.sim.source_rows import NEVER

MOST = 1e5  # mean count of a step
_CUT = 2.0**-13  # probability of each tail that gets no limits
_BATCH = 2**20  # probabilities that are computed at a time
_KNOWN = 4096  # laws that are remembered, of means below 1: rates that are set again and again are often among them


@dataclass(frozen=True, eq=False)
class Laws:
    """Tables of L laws.

    Attributes:
        low: (L,) int32, the lowest count that has a limit.
        size: (L,) int64, number of limits.
        limits: (L, M) uint32, the limits; behind the last one it is repeated.
        place: (L, 3) int64, of each law: where its rest begins, its levels, and the count of its first entry.
        rest: int64, the rests of all laws.
    """

    low: np.ndarray
    size: np.ndarray
    limits: np.ndarray
    place: np.ndarray
    rest: np.ndarray


def poisson_laws(means: np.ndarray) -> Laws:
    """Return the tables of Poisson laws.

    Args:
        means: (L,) mean counts, ascending, at most `MOST`.
    """
    if len(means) and means[-1] < 1:
        return _small(means)
    parts, first = [], 0
    while first < len(means):  # laws of similar width together
        last = int(np.searchsorted(means, max(2 * means[first], 1.0), side="right"))
        last = min(last, first + max(_BATCH // (2 * _reach(means[last - 1])), 1))
        parts.append(_laws(*probabilities(means[first:last])))
        first = last
    return _joined(parts)


_small_laws: list[tuple[np.ndarray, Laws]] = []  # at most one entry: means, ascending, and their tables


def _small(means: np.ndarray) -> Laws:
    """Return the tables for means below 1, which do not depend on what else is among them, or has been."""
    known = _small_laws[0][0] if _small_laws else np.zeros(0)
    new = np.setdiff1d(means, known, assume_unique=True)
    if new.size:
        kept = np.sort(np.concatenate([known, new])) if len(known) + len(new) <= _KNOWN else means
        _small_laws[:] = [(kept, _laws(*probabilities(kept, _reach(1.0))))]
    known, laws = _small_laws[0]
    rows = np.searchsorted(known, means)
    size = laws.size[rows]
    return Laws(laws.low[rows], size, laws.limits[rows, : size.max()], laws.place[rows], laws.rest)


def binomial_laws(n: int, ps: np.ndarray) -> Laws:
    """Return the tables of binomial laws.

    Args:
        n: Number of trials.
        ps: (L,) probabilities; n times each is at most `MOST`.
    """
    return _joined([_laws(*binomial_probabilities(n, float(p))) for p in ps])


def _joined(parts: list[Laws]) -> Laws:
    widest = max(part.limits.shape[1] for part in parts)
    limits = [np.pad(part.limits, ((0, 0), (0, widest - part.limits.shape[1])), "edge") for part in parts]
    begins = np.cumsum([0, *(len(part.rest) for part in parts)])
    for part, begin in zip(parts, begins, strict=False):
        part.place[:, 0] += begin
    low, size, place, rest = (np.concatenate([getattr(p, n) for p in parts]) for n in ("low", "size", "place", "rest"))
    return Laws(low, size, np.concatenate(limits), place, rest)


def _reach(mean: float) -> int:
    """Return how far from the mode probabilities may matter: beyond, they are below 2**-110 of the largest."""
    return math.ceil(13 * math.sqrt(mean)) + 45


def probabilities(means: np.ndarray, up: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of counts (L, K), at least ``up`` above the mode, and the first column's count (L,).

    They grow from the mode by quotients, with one rounding a step, in an order that no machine changes.
    """
    mode = np.floor(means)
    up = max(up, _reach(means.max()))
    down = int(min(up, mode.max()))
    quotients = means[:, None] / (mode[:, None] + np.arange(1, up + 1))
    lower = np.maximum(mode[:, None] - np.arange(down), 0) / np.where(means > 0, means, 1)[:, None]
    found = np.concatenate([np.cumprod(lower, 1)[:, ::-1], np.ones((len(means), 1)), np.cumprod(quotients, 1)], axis=1)
    return found / np.cumsum(found, 1)[:, -1:], (mode - down).astype(np.int64)


def binomial_probabilities(n: int, p: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of counts (1, K), and the count of the first column (1,); see `probabilities`."""
    mode = min(math.floor((n + 1) * p), n)
    reach = _reach(n * min(p, 1 - p))
    up = np.arange(mode, min(mode + reach, n))  # from k to k + 1
    down = np.arange(mode, max(mode - reach, 0), -1)  # from k to k - 1
    odds = p / (1 - p) if p < 1 else math.inf
    higher = np.cumprod((n - up) / (up + 1) * odds)
    lower = np.cumprod(down / (n - down + 1) / odds) if len(down) else np.zeros(0)
    found = np.concatenate([lower[::-1], [1.0], higher])[None]
    return found / np.cumsum(found, 1)[:, -1:], np.array([mode - len(down)])


def _laws(p: np.ndarray, base: np.ndarray) -> Laws:
    """Return the tables of laws: probabilities (L, K), and the count of the first column (L,)."""
    inside = (np.cumsum(p, 1) > _CUT) & (np.cumsum(p[:, ::-1], 1)[:, ::-1] > _CUT)
    whole = np.where(inside, np.floor(p * 2.0**32), 0)
    rows = np.arange(len(p))
    whole[rows, p.argmax(1)] -= whole.sum(1) >= 2.0**32  # at least one word is left, also for a sure count
    first, size = inside.argmax(1), inside.sum(1)
    places = first[:, None] + np.minimum(np.arange(size.max()), size[:, None] - 1)
    limits = np.take_along_axis(np.cumsum(whole, 1), places, 1).astype(np.uint32)
    rest = np.cumsum(np.maximum(p * 2.0**32 - whole, 0), 1)
    levels = max((p.shape[1] - 1).bit_length(), 1)
    table = np.full((len(p), 2**levels), NEVER)
    table[:, : p.shape[1]] = np.floor(rest / rest[:, -1:] * float(NEVER))
    place = np.stack([rows * 2**levels, np.full(len(p), levels), base], 1)
    return Laws((base + first).astype(np.int32), size, limits, place, table.ravel())
