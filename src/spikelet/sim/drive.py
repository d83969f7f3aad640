"""Currents into a population: their rows for a chunk of steps, which the driver copies to the neurons' inputs."""

from collections.abc import Sequence

import numpy as np

from spikelet.errors import SpikeletError
from spikelet.sim.currents import NoiseRows, noise
from spikelet.sim.description import Drive
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
        self.noises = {
            drive: NoiseRows(drive.current, len(drive.view), dt, seed, stream("sources", drive.stream))
            for drive in drives
            if isinstance(drive.current, noise)
        }
        self.constant = all(len(self._rows(drive, 0, 2)) == 1 for drive in drives if drive not in self.noises)
        self.constant = self.constant and not self.noises
        self.rows = np.zeros((1 if self.constant else chunk, n), dtype)
        self.step = -1

    def _rows(self, drive: Drive, first: int, steps: int) -> np.ndarray:
        """Return the rows of a current, (T, n'), (T, 1), (1, n') or (1, 1)."""
        if drive in self.noises:
            return self.noises[drive].rows(first, steps)
        number = stream("sources", drive.stream)
        try:
            return drive.current.rows(first, steps, len(drive.view), self.dt, self.seed, number)
        except SpikeletError as error:
            raise type(error)(f"current into {drive.view}: {error}") from None

    def begin(self, first: int, steps: int) -> None:
        """Fill the rows for the steps from ``first`` on."""
        if self.constant and self.step >= 0:
            return
        self.step = first
        steps = 1 if self.constant else steps
        self.rows[:steps] = 0
        for drive in self.drives:
            self.rows[:steps, drive.view.start : drive.view.stop] += self._rows(drive, first, steps)
