"""How many events a second are read and framed, from the bytes of a file in memory? Target: 20 million, in each format.

The recording is made up: 2 million events of a 240 x 180 sensor in 2 s, in bursts of neighbouring pixels as moving
edges make them, written by our writers (EVT 3.0 without vectors, its slowest case). Reading ends with checked `Events`;
framing makes one frame of two polarities for each 20 ms. One thread.
"""

from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.harness import Bound
from spikelet import events

WIDTH, HEIGHT, DURATION, WINDOW = 240, 180, 2_000_000, 20_000
FORMATS = ("aedat2", "aedat3", "aedat4", "dat", "evt2", "evt3", "bs2")
SENSOR = {"aedat2": {"chip": "DAVIS240"}, "aedat3": {"source": "DAVIS240C"}}  # else frames are of another size


def recording(count: int) -> events.Events:
    """Return events of edges that wander over the sensor."""
    r = np.random.default_rng(0)
    t = np.sort(r.integers(0, DURATION, count))
    x = (t / DURATION * 3 * WIDTH + r.normal(0, 4, count)).astype(np.int64) % WIDTH
    y = np.repeat(r.integers(0, HEIGHT - 8, -(-count // 8)), 8)[:count] + np.arange(count) % 8
    return events.from_columns(t, x, y, r.integers(0, 2, count), (WIDTH, HEIGHT))


def framed(content: bytes, format: str) -> int:
    """Read and frame; return the number of events in the frames."""
    return int(events.frames(events.by_time(events.decode(content, format), WINDOW)).sum())


def rate(content: bytes, format: str, count: int, rounds: int) -> float:
    """Return the median of millions of events a second, after one round that compiles."""
    if framed(content, format) != count:
        raise AssertionError(f"{format}: events were lost")
    times = []
    for _ in range(rounds):
        start = perf_counter()
        framed(content, format)
        times.append(perf_counter() - start)
    return count / median(times) / 1e6


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Tell the rate of each format."""
    count = 20_000 if options.quick else 2_000_000
    made = recording(count)
    numbers = {}
    for name in FORMATS:
        content = events.encode(made, name, **SENSOR.get(name, {}))
        numbers[name] = rate(content, name, count, options.rounds)
    bounds = [] if options.quick else [Bound(name, at_least=20) for name in FORMATS]
    shape = [f"{count:,} events", f"{WIDTH} x {HEIGHT}", f"{DURATION // WINDOW} frames"]
    yield harness.plain("events_read", shape, numbers, bounds, unit="M events/s", rounds=options.rounds)


if __name__ == "__main__":
    chosen = harness.options(__doc__, rounds=11)
    harness.finish(lines(chosen), record=chosen.record)
