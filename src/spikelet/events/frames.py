"""From events to arrays: frames, voxel grids, time surfaces, clouds."""

import numpy as np

from spikelet import random
from spikelet.backends.sparse_calls import address
from spikelet.errors import InputError
from spikelet.events.data import Events, checked_order, positive
from spikelet.events.filters import PAST, kernels
from spikelet.events.windows import Windows

_CLOUD = 6  # the draw of `cloud`


def frames(windows: Windows, *, polarity: bool = True) -> np.ndarray:
    """Count the events of each pixel in each window.

    Args:
        windows: from `by_time`, `by_count`, `time_bins` or `count_bins`; its ``kept`` and ``dropped`` tell what is
            counted.
        polarity: whether OFF and ON have a channel each.

    Returns:
        (T, 2, height, width) int32, OFF first; (T, 1, height, width) without polarity.

    Example:
        >>> from spikelet import events
        >>> few = events.from_columns(t=[0, 5, 9], x=[0, 1, 1], y=[0, 0, 0], p=[1, 0, 0])
        >>> frames(events.by_time(few, 6)).tolist()
        [[[[0, 1]], [[1, 0]]], [[[0, 1]], [[0, 0]]]]
    """
    events = windows.events
    area = events.height * events.width
    counts = np.zeros((len(windows), 2 if polarity else 1, events.height, events.width), np.int32)
    data = np.ascontiguousarray(events.data)
    frame, plane = kernels()["frame"], area if polarity else 0
    for i, (start, stop) in enumerate(windows.rows.tolist()):
        frame(address(data, start), stop - start, events.width, plane, address(counts[i]))
    return counts


def voxel_grid(events: Events, bins: int) -> np.ndarray:
    """Sum the polarities, 1 and -1, each shared by the two bins nearest in time (Zhu et al. 2019).

    Time runs from 0, the first event, to ``bins - 1``, the last; bin b gets ``max(0, 1 - |b - s|)`` of an event at s.

    Args:
        events: in the order of time.
        bins: B.

    Returns:
        (B, height, width) float64; its sum is that of the polarities.
    """
    checked_order(events, "voxel_grid")
    bins = positive(bins, "bins")
    area = events.height * events.width
    grid = np.zeros(bins * area)
    if len(events):
        scaled = (events.t - events.t[0]) * ((bins - 1) / max(1, events.duration))
        lower = np.minimum(np.floor(scaled).astype(np.int64), bins - 1)
        part = scaled - lower
        sign, pixels = 2.0 * events.p - 1, events.pixels
        grid += np.bincount(lower * area + pixels, sign * (1 - part), bins * area)
        upper = np.minimum(lower + 1, bins - 1)  # the last event lies on the last bin: its upper part is 0
        grid += np.bincount(upper * area + pixels, sign * part, bins * area)
    return grid.reshape(bins, events.height, events.width)


def time_surface(events: Events, tau: float, at: np.ndarray | None = None) -> np.ndarray:
    """Tell how recent the last event of each pixel is: ``exp(-(t - t_last) / tau)``, 0 where there was none.

    Args:
        events: in the order of time.
        tau: [us].
        at: (n,) times t, ascending [us]; an event at t counts. None takes the last event's time.

    Returns:
        (n, 2, height, width) float64, OFF first.

    Raises:
        InputError: events or times are not in order, or tau is not above 0.
    """
    checked_order(events, "time_surface")
    _check_tau(tau)
    when = np.atleast_1d(np.asarray(events.t[-1:] if at is None else at, np.float64))
    if (np.diff(when) < 0).any():
        raise InputError("at must ascend")
    last = np.full(2 * events.height * events.width, -np.inf)
    cells = events.p.astype(np.int64) * (events.height * events.width) + events.pixels
    surfaces = np.empty((len(when), last.size))
    done = 0
    for i, stop in enumerate(np.searchsorted(events.t, when, side="right")):
        last[cells[done:stop]] = events.t[done:stop]  # of several events of a cell, the last one stays
        done = max(done, stop)
        surfaces[i] = np.exp((last - when[i]) / tau)
    return surfaces.reshape(len(when), 2, events.height, events.width)


def hots_surfaces(events: Events, radius: int, tau: float) -> np.ndarray:
    """Return the time surface around each event, of its polarity, as of its time (Lagorce et al. 2017).

    Args:
        events: in the order of time.
        radius: R; a surface has 2R + 1 pixels a side. Beyond the sensor, and where there was no event, it is 0.
        tau: [us].

    Returns:
        (N, 2R + 1, 2R + 1) float64, ``exp(-(t - t_last) / tau)``; 1 in the middle.

    Raises:
        InputError: the events are not in order, or a number is not above 0.
    """
    checked_order(events, "hots_surfaces")
    _check_tau(tau)
    radius = positive(radius, "radius")
    width, size = events.width + 2 * radius, 2 * radius + 1
    plane = width * (events.height + 2 * radius)
    last = np.full(2 * plane, PAST, np.int64)
    times = np.empty((len(events), size, size), np.int64)
    data = np.ascontiguousarray(events.data)
    kernels()["patches"](address(data), len(data), width, plane, size, address(last), address(times))
    age = np.where(times == PAST, np.inf, events.t[:, None, None] - times)
    return np.exp(-age / tau)


def cloud(events: Events, points: int | None = None, seed: int = 0) -> np.ndarray:
    """Return the events as points in space and time, for networks on point clouds and for pictures.

    Args:
        events: any.
        points: how many are drawn at random, without one twice, in the order of the recording; None takes all. Where
            there are fewer events, all are there.
        seed: of the draw.

    Returns:
        (n, 4) float64: x and y from 0 to 1 over the sensor, t from 0 to 1 over the recording, polarity -1 or 1.
    """
    rows = slice(None)
    if points is not None and positive(points, "points") < len(events):
        key = random.uniform(seed, 0, np.arange(len(events)), random.STREAMS["events"], _CLOUD)
        rows = np.sort(np.argsort(key, kind="stable")[:points])
    first = events.t.min() if len(events) else 0
    chosen = events.data[rows]
    t = (chosen["t"] - first) / max(1, events.duration)
    x, y = chosen["x"] / max(1, events.width - 1), chosen["y"] / max(1, events.height - 1)
    return np.stack([x, y, t, 2.0 * chosen["p"] - 1], axis=1)


def _check_tau(tau: float) -> None:
    if not tau > 0:
        raise InputError(f"tau must be a time above 0 us, not {tau!r}")
