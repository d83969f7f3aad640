"""How many synapses a projection will have and how much memory they need, before any is made."""

import os
from collections.abc import Iterable

import numpy as np

from spikelet.errors import InputError
from spikelet.sim import storage
from spikelet.sim.connect_rows import Pair
from spikelet.sim.distributions import Distribution
from spikelet.sim.plastic_additive import NotAdditive, additive
from spikelet.sim.projection import Projection

_SHORT = 2**16  # targets that two bytes can tell apart


def pair_of(projection: Projection) -> Pair:
    """Return the sizes of a projection's ends, and how their numbers are shifted where they have neurons in common."""
    pre, post = projection.pre, projection.post
    borders = np.cumsum([0, *map(len, post)])
    own = [(int(b), v) for b, v in zip(borders, post, strict=False) if v.population is pre.population]
    shifts = [border + pre.start - view.start for border, view in own]
    return Pair(len(pre), projection.targets_count, shifts[0] if shifts else None)


def synapses(projection: Projection) -> float | None:
    """Return how many synapses there will be, on average; None where that is known only once they are made."""
    return projection.pattern.expected(pair_of(projection))


def memory(projection: Projection, size: int) -> float | None:
    """Return the memory of the synapses [bytes], with weights of ``size`` bytes; None where it is not known."""
    pattern, learns = projection.pattern, projection.rule is not None
    graded = isinstance(projection.weight, Distribution | str) or np.ndim(projection.weight) > 0
    kind = storage.choose(projection.storage, pattern, projection.delay, learns)
    found = storage.planned(kind, pattern, pair_of(projection), graded or learns or pattern.holds_weights, size)
    count = synapses(projection)
    if found is None or count is None or not learns or not _indexed(projection):
        return found
    return found + count * (4 + (2 if len(projection.pre) <= _SHORT else 4))  # an index by target


def _indexed(projection: Projection) -> bool:
    """Tell whether synapses are found by target, which those of additive rules need not be."""
    try:
        return projection.rule is not None and not additive(projection.rule)
    except NotAdditive:
        return True


def require_room(projections: Iterable[Projection], size: int) -> None:
    """Raise ``InputError`` where the synapses need more memory than the machine has left."""
    needed = {p: found for p in projections if (found := memory(p, size)) is not None}
    total, free = sum(needed.values()), available()
    if free is not None and total > free:
        worst = max(needed, key=lambda p: needed[p])
        raise InputError(
            f"the synapses need about {gigabytes(total)}, but {gigabytes(free)} of memory are free; "
            f"{worst.name} alone needs {gigabytes(needed[worst])} for {synapses(worst):,.0f} synapses"
        )


def available() -> int | None:
    """Return the memory that is free [bytes]; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * _free_pages()
    except (AttributeError, OSError, ValueError):
        return None


def _free_pages() -> int:
    """Return the pages that a program can have: with those that the system would give back, where it tells of them."""
    try:
        with open("/proc/meminfo") as file:
            lines = dict(line.split(":") for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024 // os.sysconf("SC_PAGE_SIZE")
    except (OSError, KeyError):
        return os.sysconf("SC_AVPHYS_PAGES")


def gigabytes(size: float) -> str:
    """Return a size of memory in words."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
