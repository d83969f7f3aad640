"""Moves of events in space, time and polarity; all return new events, and the old ones stay as they were."""

from dataclasses import replace
from typing import Any

import numpy as np

from spikelet.errors import InputError, did_you_mean
from spikelet.events.data import Events, positive, sort

AXES = ("x", "y", "t", "p")


def crop(events: Events, x: tuple[int, int] | None = None, y: tuple[int, int] | None = None) -> Events:
    """Keep a rectangle; the sensor becomes as large, its corner is the new (0, 0).

    Args:
        events: any.
        x: first column and the one after the last; None keeps all.
        y: first row and the one after the last; None keeps all.

    Raises:
        InputError: the rectangle is empty or not inside of the sensor.
    """
    (left, right), (top, bottom) = _range(x, events.width, "x"), _range(y, events.height, "y")
    inside = (events.x >= left) & (events.x < right) & (events.y >= top) & (events.y < bottom)
    data = events.data[inside]
    data["x"] -= left
    data["y"] -= top
    return replace(events, data=data, width=right - left, height=bottom - top)


def crop_time(events: Events, start: int, stop: int) -> Events:
    """Keep events from ``start`` on that come before ``stop`` [us]."""
    if stop < start:
        raise InputError(f"stop must not be before start, but {stop} us is before {start} us")
    return events[(events.t >= start) & (events.t < stop)]


def shift(events: Events, t: int | None = None) -> Events:
    """Add to all times; None takes what brings the earliest event to 0.

    Args:
        events: any.
        t: what to add [us].
    """
    data = events.data.copy()
    if len(data):
        data["t"] += -int(data["t"].min()) if t is None else t
    return replace(events, data=data)


def flip(events: Events, axis: str) -> Events:
    """Mirror an axis.

    Args:
        events: any.
        axis: ``"x"`` and ``"y"`` mirror the sensor, ``"p"`` makes ON of OFF; ``"t"`` runs the recording backwards,
            from its last event to its first, with the polarities flipped too, since what brightened then darkens.

    Raises:
        InputError: there is no such axis.
    """
    if axis not in AXES:
        raise InputError(f"axis must be one of {', '.join(AXES)}, not {axis!r}{did_you_mean(axis, AXES)}")
    data = events.data.copy()
    if axis == "x":
        data["x"] = events.width - 1 - data["x"]
    elif axis == "y":
        data["y"] = events.height - 1 - data["y"]
    else:
        data["p"] = 1 - data["p"]
    if axis == "t" and len(data):
        data["t"] = data["t"].max() + data["t"].min() - data["t"]
        data = data[::-1]
    return replace(events, data=data)


def rotate(events: Events, degrees: float) -> Events:
    """Turn the sensor about its middle, from the x axis towards the y axis; what leaves the sensor is dropped.

    Quarter turns are exact, keep all events and swap width and height; other angles take the nearest pixel.

    Raises:
        InputError: the angle is not finite.
    """
    if not np.isfinite(degrees):
        raise InputError(f"rotate: degrees must be a finite angle, not {degrees!r}")
    quarters, rest = divmod(degrees, 90)
    if rest == 0:
        return _turned(events, int(quarters) % 4)
    angle = np.deg2rad(degrees)
    middle = (events.width - 1) / 2, (events.height - 1) / 2
    x, y = events.x - middle[0], events.y - middle[1]
    new_x = np.rint(middle[0] + x * np.cos(angle) - y * np.sin(angle)).astype(np.int64)
    new_y = np.rint(middle[1] + x * np.sin(angle) + y * np.cos(angle)).astype(np.int64)
    return moved(events, new_x, new_y)


def moved(events: Events, x: np.ndarray, y: np.ndarray) -> Events:
    """Return the events at new places, (N,) whole numbers each; what lies outside of the sensor is dropped."""
    inside = (x >= 0) & (x < events.width) & (y >= 0) & (y < events.height)
    data = events.data[inside]
    data["x"], data["y"] = x[inside], y[inside]
    return replace(events, data=data)


def _turned(events: Events, quarters: int) -> Events:
    width, height, data = events.width, events.height, events.data.copy()
    for _ in range(quarters):
        data["x"], data["y"] = height - 1 - data["y"], data["x"].copy()
        width, height = height, width
    return replace(events, data=data, width=width, height=height)


def merge_polarity(events: Events) -> Events:
    """Make all events ON, where only their places count."""
    data = events.data.copy()
    data["p"] = 1
    return replace(events, data=data)


def downsample_time(events: Events, step: int) -> Events:
    """Round all times down to multiples of ``step`` [us]."""
    step = positive(step, "step")
    data = events.data.copy()
    data["t"] -= data["t"] % step
    return replace(events, data=data)


def unique(events: Events) -> Events:
    """Keep one of the events that agree in time, place and polarity; in the order of time."""
    ordered = sort(events)
    _, first = np.unique(ordered.data[["t", "y", "x", "p"]], return_index=True)
    return ordered[np.sort(first)]


def _range(given: Any, size: int, axis: str) -> tuple[int, int]:
    if given is None:
        return 0, size
    low, high = given
    if not 0 <= low < high <= size:
        raise InputError(f"{axis} must be two columns or rows with 0 <= first < stop <= {size}, not {given}")
    return int(low), int(high)
