"""What an experiment of a paper is, as data: how it is run, what it found, and the published figures beside it.

A file ``author_year.py`` in this folder holds one, as ``PAPER``; `reproduce` finds it by its name.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from spikelet.errors import InputError
from spikelet.sim.result import NetworkResult

SOURCES = {
    "src": "stands in the paper, or in its authors' code",
    "calc": "follows from the equations of the paper",
    "memory": "from memory of the paper, not looked up: an aim, no gate",
}


class Progress(Protocol):
    """Opens a bar: ``with progress(10, unit="seed") as bar: bar.update(1)``, as `spikelet.progress.bar` does."""

    def __call__(self, total: float, *, unit: str) -> AbstractContextManager[Any]:
        """Return the bar of so many units."""
        ...


@dataclass(frozen=True)
class Figure:
    """One published figure, and ours.

    Attributes:
        what: it tells, such as "test accuracy, 400 neurons".
        ours: what the experiment gave; NaN where it gave none.
        published: as the paper gives it, such as "87.0 %"; empty where it gives none.
        source: how the published figure is known: "src", "calc" or "memory", see `SOURCES`.
        gate: lowest and highest value of ours that is held to agree; may be infinite.
        unit: of ours.

    Raises:
        InputError: the source is none of the three, or the gate lets nothing through.

    Example:
        >>> Figure("output rate", 21.0, "about 20 Hz", "memory", (10, 30), "Hz").holds
        True
    """

    what: str
    ours: float
    published: str
    source: str
    gate: tuple[float, float]
    unit: str = ""

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise InputError(f"{self.what}: source must be one of {', '.join(SOURCES)}, not '{self.source}'")
        low, high = self.gate
        if not low <= high:
            raise InputError(f"{self.what}: the gate must go from low to high, got {low:g} to {high:g}")

    @property
    def holds(self) -> bool:
        """Return whether ours lies within the gate."""
        low, high = self.gate
        return bool(low <= self.ours <= high)  # a number of numpy's compares to one of numpy's, which JSON refuses


@dataclass(frozen=True)
class Outcome:
    """What a run of an experiment found.

    Attributes:
        figures: published ones and ours.
        seed: of all random numbers.
        quick: whether it was a short run, whose figures are no evidence for or against the published ones.
        seconds: CPU time of the process [s].
        details: what else a reader must know, such as sizes and numbers of passes; numbers, texts, lists of them.
        series: arrays that the plot shows.
    """

    figures: tuple[Figure, ...]
    seed: int
    quick: bool
    seconds: float
    details: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    series: Mapping[str, np.ndarray] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Paper:
    """An experiment of a paper.

    Attributes:
        name: of its file, ``author_year``.
        title: what is shown, in one line.
        ref: the paper: authors, year, journal.
        run: called with (quick, seed, progress), returns figures, details and series, as `Outcome` has them. Every
            ``net.run(...)`` in it goes through `complete`, so that Ctrl-C ends it.
        draw: returns a figure of matplotlib, made with `spikelet.plot.figure`.
    """

    name: str
    title: str
    ref: str
    run: Callable[[bool, int, Progress], tuple[Sequence[Figure], Mapping[str, Any], Mapping[str, np.ndarray]]]
    draw: Callable[[Outcome], Any]


def complete(result: NetworkResult) -> NetworkResult:
    """Return the result of a run that was not cut short by Ctrl-C.

    Raises:
        KeyboardInterrupt: it was; half of an experiment is none.
    """
    if result.interrupted:
        raise KeyboardInterrupt
    return result


def shown(gate: tuple[float, float]) -> str:
    """Return a gate to read.

    Example:
        >>> shown((0.8, 1.2)), shown((9, math.inf)), shown((-math.inf, 0))
        ('0.8 to 1.2', 'at least 9', 'at most 0')
    """
    low, high = gate
    if math.isinf(low):
        return "any" if math.isinf(high) else f"at most {high:.6g}"
    return f"at least {low:.6g}" if math.isinf(high) else f"{low:.6g} to {high:.6g}"
