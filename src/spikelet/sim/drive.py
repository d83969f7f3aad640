"""Currents into a population: their rows for a chunk of steps, which the driver copies to the neurons' inputs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from spikelet.errors import SpikeletError
from spikelet.sim.currents import noise
from spikelet.sim.description import Drive
from spikelet.sim.noise import NoiseRows
from spikelet.sim.receivers import stream


class Driven:
    """What currents put into one input of a population.

    Args:
        drives: The currents into it, with the part of the population that gets each.
        n: Number of neurons.
        chunk: Most steps of a chunk.
        dt: Step [ms].
        seed: Of random currents.
        dtype: Of the input.

    Attributes:
        rows: (chunk, n) of the present chunk; where nothing changes in time, row 0 is that of all steps.
        constant: Whether nothing changes in time.
    """

    def __init__(self, drives: Sequence[Drive], n: int, chunk: int, *, dt: float, seed: int, dtype: np.dtype):
        self.drives, self.n, self.dt, self.seed = drives, n, dt, seed
        self.noises = {drive: self._noise(drive) for drive in drives if isinstance(drive.current, noise)}
        self.constant = all(len(self._rows(drive, 0, 2)) == 1 for drive in drives if drive not in self.noises)
        self.constant = self.constant and not self.noises
        self.rows = np.zeros((1 if self.constant else chunk, n), dtype)
        self.step = -1

    def _noise(self, drive: Drive) -> NoiseRows:
        number = stream("sources", drive.stream)
        with _naming(drive):
            return NoiseRows(drive.current, len(drive.view), self.dt, self.seed, number)

    def _rows(self, drive: Drive, first: int, steps: int) -> np.ndarray:
        """Return the rows of a current, (T, n'), (T, 1), (1, n') or (1, 1)."""
        number = stream("sources", drive.stream)
        with _naming(drive):
            return drive.current.rows(first, steps, len(drive.view), self.dt, self.seed, number)

    def begin(self, first: int, steps: int) -> None:
        """Fill the rows for the steps from ``first`` on."""
        if self.constant and self.step >= 0:
            return
        self.step = first
        steps = 1 if self.constant else steps
        self.rows[:steps] = 0
        for drive in self.drives:
            own = self.rows[:steps, drive.view.start : drive.view.stop]
            if drive in self.noises:
                self.noises[drive].add(own, first)
            else:
                own += self._rows(drive, first, steps)


@contextmanager
def _naming(drive: Drive) -> Iterator[None]:
    """Let errors name the neurons that a current goes into."""
    try:
        yield
    except SpikeletError as error:
        raise type(error)(f"current into {drive.view}: {error}") from None
