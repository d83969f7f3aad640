"""Events of a pixel array as one structured array, with the size of the sensor that they came from.

An event says that pixel (x, y) became brighter (p = 1, ON) or darker (p = 0, OFF) at time t, in microseconds. The array
is in the order of the recording, which is the order of time unless a sensor or a transform has mixed it up.
"""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.events.records import EVENT as EVENT, survey

MOST_PIXELS = 2**16
"""No sensor has more columns or rows: the addresses have 16 bits."""


@dataclass(frozen=True, eq=False, repr=False)
class Events:
    """Events of a sensor.

    Attributes:
        data: (N,) of `EVENT`.
        width: columns of the sensor; every x is below it.
        height: rows of the sensor; every y is below it.
        meta: what else the file said, such as ``"format"``.

    Raises:
        ShapeError: ``data`` is no column of `EVENT`.
        InputError: an event lies outside of the sensor, or its polarity is neither 0 nor 1.
    """

    data: np.ndarray
    width: int
    height: int
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse events that are none of this sensor's."""
        if self.data.dtype != EVENT or self.data.ndim != 1:
            raise ShapeError(f"events must be a column of {EVENT}, not {self.data.dtype} of shape {self.data.shape}")
        for name in ("width", "height"):
            object.__setattr__(self, name, _size(getattr(self, name), name))
        x, y, p, _ = survey(self.data)
        for name, axis, size, top in (("width", "x", self.width, x), ("height", "y", self.height, y)):
            if len(self) and top >= size:
                first = int(np.argmax(self.data[axis] >= size))
                raise InputError(f"event {first}: {axis} is {self.data[axis][first]}, up to {top}; {name} is {size}")
        if p > 1:
            first = int(np.argmax((self.p < 0) | (self.p > 1)))
            raise InputError(f"event {first}: polarity is {self.p[first]}, expected 0 (OFF) or 1 (ON)")

    @property
    def t(self) -> np.ndarray:
        """Times, (N,) int64 [us], a view."""
        return self.data["t"]

    @property
    def x(self) -> np.ndarray:
        """Columns, (N,) uint16, a view."""
        return self.data["x"]

    @property
    def y(self) -> np.ndarray:
        """Rows, (N,) uint16, a view."""
        return self.data["y"]

    @property
    def p(self) -> np.ndarray:
        """Polarities, (N,) int8: 1 is ON, 0 is OFF; a view."""
        return self.data["p"]

    @property
    def pixels(self) -> np.ndarray:
        """Number of each event's pixel, ``y * width + x``, (N,) int64."""
        return self.y.astype(np.int64) * self.width + self.x

    @property
    def duration(self) -> int:
        """Time from the earliest to the latest event [us], 0 where there are none."""
        return int(self.t.max() - self.t.min()) if len(self) else 0

    @property
    def in_order(self) -> bool:
        """Whether no event is earlier than the one before it."""
        return survey(self.data)[3] == 0

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.data)

    def __getitem__(self, rows: Any) -> "Events":
        """Return some of the events, by a slice, a mask or indices."""
        if isinstance(rows, int | np.integer):
            raise InputError(f"events[{rows}] would be one row: events.data[{rows}] is, events[{rows}:{rows} + 1] too")
        return replace(self, data=self.data[rows])

    def __repr__(self) -> str:
        """Show number, sensor and duration."""
        return f"Events({len(self):,} of {self.width} x {self.height}, {self.duration / 1e6:g} s)"


def from_columns(t: Any, x: Any, y: Any, p: Any, size: tuple[int, int] | None = None, **meta: Any) -> Events:
    """Return events from four columns.

    Args:
        t: (N,) whole numbers [us]; what has a fraction is an error, never cut.
        x: (N,) columns.
        y: (N,) rows.
        p: (N,) 0 or 1, booleans, or one of them for all; -1 is not 0.
        size: width and height; None takes the smallest sensor that holds the events.
        **meta: goes with the events.

    Raises:
        ShapeError: the columns have different lengths.
        InputError: a number has a fraction, or does not fit into its column.

    Example:
        >>> from_columns(t=[5, 9], x=[0, 3], y=[1, 1], p=[1, 0])
        Events(2 of 4 x 2, 4e-06 s)
    """
    given = {name: np.asarray(value) for name, value in zip("txyp", (t, x, y, p), strict=True)}
    length = given["t"].shape
    data = np.zeros(length, EVENT)
    for name, column in given.items():
        if (column.shape != length and not (name == "p" and column.ndim == 0)) or len(length) != 1:
            raise ShapeError(f"{name} has shape {column.shape}, t {length}; expected columns of one length")
        data[name] = _fitting(column, EVENT[name], name)
    return Events(data, *(fitting_size(data) if size is None else size), meta)


def fitting_size(data: np.ndarray) -> tuple[int, int]:
    """Return width and height of the smallest sensor that holds the events of a column of `EVENT`."""
    x, y, _, _ = survey(data)
    return x + 1, y + 1


def sort(events: Events) -> Events:
    """Return the events in the order of time; those of one time keep their order."""
    return events if events.in_order else events[np.argsort(events.t, kind="stable")]


def checked_order(events: Events, what: str) -> None:
    """Refuse events that are not in the order of time.

    Raises:
        InputError: which event is earlier than the one before.
    """
    if not events.in_order:
        first = int(np.argmax(events.t[1:] < events.t[:-1])) + 1
        raise InputError(
            f"{what} needs events in the order of time, but event {first} is at {events.t[first]} us, the one before "
            f"at {events.t[first - 1]} us; events.sort puts them in order"
        )


def positive(value: Any, name: str) -> int:
    """Return a whole number above 0.

    Raises:
        InputError: it is none.
    """
    try:
        whole = operator.index(value)
    except TypeError:
        raise InputError(f"{name} must be a whole number above 0, not {value!r}") from None
    if whole < 1:
        raise InputError(f"{name} must be a whole number above 0, not {value!r}")
    return whole


def share(value: float, name: str = "share") -> float:
    """Return a number from 0 to 1.

    Raises:
        InputError: it is none.
    """
    if not 0 <= value <= 1:
        raise InputError(f"{name} must be a number from 0 to 1, not {value!r}")
    return float(value)


def _size(value: Any, name: str) -> int:
    whole = positive(value, name)
    if whole > MOST_PIXELS:
        raise InputError(f"{name} must be at most {MOST_PIXELS}, not {whole}")
    return whole


def _fitting(column: np.ndarray, kind: np.dtype, name: str) -> np.ndarray:
    """Return a column in the type of its field, where no number changes by that."""
    if not (np.issubdtype(column.dtype, np.number) or column.dtype == bool):
        raise InputError(f"{name} must hold whole numbers, not {column.dtype}")
    whole = column.astype(np.int64) if np.isfinite(column).all() else column
    limits = np.iinfo(kind)
    if not ((whole == column) & (whole >= limits.min) & (whole <= limits.max)).all():
        raise InputError(f"{name} must hold whole numbers from {limits.min} to {limits.max}")
    return whole.astype(kind)
