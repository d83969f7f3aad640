"""What encoders make of a signal or of an image, side by side."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.plot.style import COLOURS, finish, some_axes


def encoders(
    spikes: Mapping[str, Any], *, signal: Any = None, dt: float = 1.0, unit: str = "1", sample: int = 0, ax: Any = None
) -> Any:
    """Draw the spikes that encoders make of the same signal, one below the other, with the signal above.

    Args:
        spikes: name of the encoder -> (T,), (T, N) or (T, B, *N); several spikes in a step make a larger dot, and
            negative ones another colour (of a single neuron, below the line, marked by a minus).
        signal: (T,) or (T, N) that was encoded, for a curve above; without it there is none.
        dt: step [ms].
        unit: of the signal.
        sample: which of the B samples is drawn.
        ax: axes, one for each encoder and one for the signal.

    Returns:
        The axes.

    Raises:
        InputError: there is nothing to draw, or no such sample.
        ShapeError: the encoders differ in the number of steps.
    """
    tables = {name: _table(name, values, sample) for name, values in spikes.items()}
    if not tables:
        raise InputError("encoders: nothing to draw")
    lengths = {name: len(table) for name, table in tables.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeError(
            "encoders differ in steps: " + ", ".join(f"{name} {length}" for name, length in lengths.items())
        )
    rows = len(tables) + (signal is not None)
    every = some_axes(ax, rows, f"{rows} rows", width=6.4, height=0.6 + 0.9 * rows, rows=rows, sharex=True)
    if signal is not None:
        values = np.asarray(signal, float)
        every[0].plot((np.arange(len(values)) + 1) * dt, values, color=COLOURS[0], linewidth=1.2)
        every[0].set_ylabel("signal" if unit == "1" else f"signal [{unit}]")
    for axes, (name, table) in zip(every[rows - len(tables) :], tables.items(), strict=True):
        _dots(axes, table, dt)
        number = int(np.abs(table).sum())
        axes.set_ylabel("neuron" if table.shape[1] > 1 else "")
        axes.set_title(f"{name}: {number:,} spike{'' if number == 1 else 's'}", loc="left", fontsize=8, pad=4)
    for axes in every[:-1]:
        axes.tick_params(labelbottom=False)
    every[-1].set_xlabel("time [ms]")
    for axes in every:
        axes.set_xlim(0, next(iter(lengths.values())) * dt)
    finish(*every)
    return every


def _table(name: str, values: Any, sample: int) -> np.ndarray:
    """Return the spikes of one sample, (T, N)."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    table = np.asarray(values, float)
    if table.ndim == 0 or not table.size:
        raise ShapeError(f"encoders: {name} has shape {table.shape}; expected (T,), (T, N) or (T, B, *N)")
    if table.ndim > 2:
        if not 0 <= sample < table.shape[1]:
            raise InputError(f"encoders: {name} has no sample {sample}; there are {table.shape[1]}")
        table = table[:, sample]
    return table.reshape(len(table), -1)


def _dots(axes: Any, table: np.ndarray, dt: float) -> None:
    single = table.shape[1] == 1
    for sign, tint in ((1, "black"), (-1, COLOURS[1])):
        k, i = np.nonzero(sign * table > 0)
        if not len(k):
            continue
        if single:  # a train is seen best as ticks
            axes.vlines((k + 1) * dt, 0, sign * np.abs(table[k, 0]), color=tint, linewidth=0.8)
        else:
            size = np.clip(150 / table.shape[1], 0.6, 8.0) * np.abs(table[k, i])
            axes.scatter((k + 1) * dt, i, s=size, color=tint, linewidths=0, rasterized=len(k) > 5000)
    if single:
        both = bool((table < 0).any())  # a mark on each side tells what is above and below
        axes.set_yticks([-0.5, 0.5] if both else [], ["\N{MINUS SIGN}", "+"] if both else [])
        axes.tick_params(axis="y", length=0)
    else:
        axes.set_ylim(-0.5, table.shape[1] - 0.5)
