"""Random changes for training: drop, jitter, noise. The numbers depend on the seed and on the place of an event alone.

They come from `spikelet.random`: step 0, element is the number of the event, stream `STREAMS["events"]`.
"""

from dataclasses import replace

import numpy as np

from spikelet import random
from spikelet.errors import InputError
from spikelet.events.data import EVENT, Events, share as _share, sort
from spikelet.events.geometry import moved

_STREAM = random.STREAMS["events"]
_DROP, _SPAN, _AREA, _TIME, _SPACE, _NOISE = range(6)
"""Draws of the uses."""


def drop_events(events: Events, share: float, seed: int) -> Events:
    """Drop each event with a probability.

    Args:
        events: any.
        share: probability, from 0 to 1.
        seed: of the random numbers.
    """
    return events[_uniform(events, seed, _DROP) >= _share(share)]


def drop_time(events: Events, share: float, seed: int) -> Events:
    """Drop the events of an interval at a random place, which takes this share of the recording's time."""
    length = events.duration * _share(share)
    if not len(events):
        return events
    start = events.t.min() + _few(seed, _SPAN)[0] * (events.duration - length)
    return events[(events.t < start) | (events.t > start + length)]


def drop_area(events: Events, share: float, seed: int) -> Events:
    """Drop the events of a rectangle at a random place, with the sensor's proportions and this share of its area."""
    side = np.sqrt(_share(share))
    width, height = round(events.width * side), round(events.height * side)
    u = _few(seed, _AREA)
    left, top = int(u[0] * (events.width - width + 1)), int(u[1] * (events.height - height + 1))
    x, y = events.x.astype(np.int64), events.y.astype(np.int64)
    inside = (x >= left) & (x < left + width) & (y >= top) & (y < top + height)
    return events[~inside]


def jitter_time(events: Events, deviation: float, seed: int) -> Events:
    """Add normal noise to the times and put the events in order again; none is dropped.

    Args:
        events: any.
        deviation: standard deviation [us].
        seed: of the random numbers.
    """
    data = events.data.copy()
    data["t"] += np.rint(_normal(events, seed, _TIME, deviation)).astype(np.int64)
    return sort(replace(events, data=data))


def jitter_space(events: Events, deviation: float, seed: int) -> Events:
    """Add normal noise to the places; what leaves the sensor is dropped.

    Args:
        events: any.
        deviation: standard deviation, along each axis [pixels].
        seed: of the random numbers.
    """
    x = events.x + np.rint(_normal(events, seed, _SPACE, deviation)).astype(np.int64)
    y = events.y + np.rint(_normal(events, seed, _SPACE + 256, deviation)).astype(np.int64)
    return moved(events, x, y)


def add_noise(events: Events, count: int, seed: int) -> Events:
    """Add events at random times, places and of random polarity, uniform over the recording; in the order of time."""
    if count < 0:
        raise InputError(f"count must not be negative, not {count}")
    u = [random.uniform(seed, 0, np.arange(count), _STREAM, _NOISE + 256 * i) for i in range(4)]
    noise = np.zeros(count, EVENT)
    first = int(events.t.min()) if len(events) else 0
    noise["t"] = first + (u[0] * (events.duration + 1)).astype(np.int64)
    noise["x"], noise["y"] = u[1] * events.width, u[2] * events.height
    noise["p"] = u[3] < 0.5
    return sort(replace(events, data=np.concatenate([events.data, noise])))


def _uniform(events: Events, seed: int, draw: int) -> np.ndarray:
    return random.uniform(seed, 0, np.arange(len(events)), _STREAM, draw)


def _normal(events: Events, seed: int, draw: int, deviation: float) -> np.ndarray:
    if not 0 <= deviation < 1e9:
        raise InputError(f"deviation must not be negative, not {deviation!r}")
    return deviation * random.normal(seed, 0, np.arange(len(events)), _STREAM, draw)


def _few(seed: int, draw: int) -> np.ndarray:
    return random.uniform(seed, 0, np.arange(2), _STREAM, draw)
