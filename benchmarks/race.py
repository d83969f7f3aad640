"""Run contestants in turn: what a contestant is, and its times.

They take turns, round by round, and the first place goes round too, so that a busy minute of the machine hits all of
them alike.
"""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks import machine


@dataclass(frozen=True)
class Job:
    """A contestant: its forward pass, and its backward pass or, where the two cannot be parted, both together.

    Attributes:
        forward: returns what ``backward`` takes.
        backward: the backward pass.
        whole: forward and backward pass in one, in place of ``backward``.
        prepare: runs before the clock starts.
        wait: returns when the device has finished what was asked for.
    """

    forward: Callable[[], Any]
    backward: Callable[[Any], Any] | None = None
    whole: Callable[[], Any] | None = None
    prepare: Callable[[], Any] = lambda: None
    wait: Callable[[], Any] = lambda: None


@dataclass
class Times:
    """The times of a contestant, one entry for each round [s], and its peak of memory [MiB]."""

    forward: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak_rss: float | None = None

    def summary(self) -> dict[str, float]:
        """Return the medians of forward, backward and sum, and the smallest sum [ms]."""
        backward = [total - forward for total, forward in zip(self.total, self.forward, strict=True)]
        parts = {"forward": median(self.forward), "backward": median(backward), "sum": median(self.total)}
        return {name: milliseconds(value) for name, value in (*parts.items(), ("min", min(self.total)))}


def once(job: Job) -> tuple[float, float, float]:
    """Run a job; return the wall time of the forward pass and of both passes, and the CPU time of both [s]."""
    job.prepare()
    gc.disable()  # as timeit does
    try:
        job.wait()
        cpu, start = time.process_time(), time.perf_counter()
        result = job.forward()
        job.wait()
        forward = time.perf_counter() - start
        if job.whole is not None:
            cpu, start = time.process_time(), time.perf_counter()
            result = job.whole()
        elif job.backward is not None:
            job.backward(result)
        job.wait()
        return forward, time.perf_counter() - start, time.process_time() - cpu
    finally:
        gc.enable()


def race(jobs: Mapping[str, Job], *, rounds: int, warmup: int = 2, patience: float = 60.0) -> dict[str, Times]:
    """Run each job once a round, in an order that rotates.

    Args:
        jobs: name -> contestant.
        rounds: how often each runs.
        warmup: rounds before the clock; compilers compile in them, and the peak of memory is the higher of theirs, so
            that what a library keeps for later counts.
        patience: a contestant that has used this many seconds sits out the rounds after its third.

    Returns:
        Name -> times; all lists start with the first round.
    """
    names, times = list(jobs), {name: Times() for name in jobs}
    for turn in range(warmup + rounds):
        gc.collect()
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            entry = times[name]
            if len(entry.total) >= 3 and sum(entry.total) > patience:
                continue
            if turn < warmup:
                peaks = (entry.peak_rss, _peak(jobs[name]))
                entry.peak_rss = max((peak for peak in peaks if peak is not None), default=None)
                continue
            for values, value in zip((entry.forward, entry.total, entry.cpu), once(jobs[name]), strict=True):
                values.append(value)
    return times


def _peak(job: Job) -> float | None:
    """Run a job and return how far it raised the memory of the process [MiB], where the system tells it."""
    machine.release_memory()
    before = machine.rss() if machine.reset_peak_rss() else None
    once(job)
    peak = machine.peak_rss()
    return None if before is None or peak is None else max(0.0, peak - before)


def milliseconds(seconds: float) -> float:
    """Return a time as a line tells it."""
    return round(seconds * 1e3, 3)
