"""Cut a recording into windows, and tell how many events that kept and how many it dropped.

No event is lost in silence: each function returns `Windows`, whose ``kept`` and ``dropped`` add up to all events, and
the last window, which may be incomplete, is there unless ``last=False`` says otherwise.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spikelet.errors import InputError
from spikelet.events.data import Events, checked_order, positive

_MOST = 10_000_000  # windows; more come from a time that is damaged, or a duration in the wrong unit


@dataclass(frozen=True, eq=False, repr=False)
class Windows:
    """Windows of a recording, in the order of time; they may overlap.

    Attributes:
        events: the recording.
        rows: (n, 2) int64, first event of each window and the one after its last.
        times: (n, 2) int64, begin of each window and its end, which does not belong to it [us].
    """

    events: Events
    rows: np.ndarray
    times: np.ndarray

    @property
    def kept(self) -> int:
        """How many events are in a window, each counted once."""
        before = np.maximum.accumulate(np.concatenate([[0], self.rows[:-1, 1]])) if len(self) else 0
        return int(np.maximum(self.rows[:, 1] - np.maximum(self.rows[:, 0], before), 0).sum())

    @property
    def dropped(self) -> int:
        """How many events are in no window."""
        return len(self.events) - self.kept

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.rows)

    def __getitem__(self, index: int) -> Events:
        """Return the events of a window; they share the memory of the recording."""
        start, stop = self.rows[index]
        return self.events[start:stop]

    def __iter__(self) -> Iterator[Events]:
        """Yield the events of each window."""
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        """Show numbers."""
        return f"Windows({len(self):,}; {self.kept:,} events kept, {self.dropped:,} dropped)"


def by_time(
    events: Events,
    duration: int,
    step: int | None = None,
    *,
    last: bool = True,
    start: int | None = None,
    stop: int | None = None,
) -> Windows:
    """Cut into windows of one duration: window k is from ``start + k * step`` on.

    Args:
        events: in the order of time.
        duration: of a window [us].
        step: from one begin to the next [us]; None takes the duration. Less makes windows overlap, more leaves gaps.
        last: whether a window that reaches beyond the end is there.
        start: begin of the first window [us]; None takes the time of the first event.
        stop: end of the recording [us]; None takes the first microsecond after the last event.

    Raises:
        InputError: the events are not in order, or a number is not above 0.
    """
    checked_order(events, "by_time")
    duration = positive(duration, "duration")
    step = duration if step is None else positive(step, "step")
    begin = start if start is not None else int(events.t[0]) if len(events) else 0
    end = stop if stop is not None else int(events.t[-1]) + 1 if len(events) else begin
    if last:
        count = -(-max(end - begin, 0) // step)
        if step < duration and count:
            count = max(1, -(-(end - begin - duration) // step) + 1)
    else:
        count = (end - begin - duration) // step + 1 if end - begin >= duration else 0
    if count > _MOST:
        raise InputError(f"duration {duration} us and step {step} us make {count:,} windows of {end - begin:,} us")
    begins = begin + step * np.arange(count, dtype=np.int64)
    return _between(events, begins, np.minimum(begins + duration, end) if stop is not None else begins + duration)


def by_count(events: Events, count: int, step: int | None = None, *, last: bool = True) -> Windows:
    """Cut into windows of so many events.

    Args:
        events: in the order of time.
        count: events in a window.
        step: events from one begin to the next; None takes the count.
        last: whether a window of fewer events is there, where some are left.

    Raises:
        InputError: the events are not in order, or a number is not above 0.
    """
    checked_order(events, "by_count")
    count = positive(count, "count")
    step = count if step is None else positive(step, "step")
    starts = np.arange(0, len(events), step)
    if last:
        starts = starts[: np.searchsorted(starts + count, len(events)) + 1]
    else:
        starts = starts[starts + count <= len(events)]
    return _of_rows(events, starts, np.minimum(starts + count, len(events)))


def time_bins(events: Events, bins: int) -> Windows:
    """Cut the time from the first to the last event into so many equal parts; no event is dropped.

    Raises:
        InputError: the events are not in order, or the number is not above 0.
    """
    checked_order(events, "time_bins")
    bins = positive(bins, "bins")
    first, span = (int(events.t[0]), int(events.t[-1] - events.t[0]) + 1) if len(events) else (0, 0)
    edges = np.array([first + k * span // bins for k in range(bins + 1)], np.int64)
    return _between(events, edges[:-1], edges[1:])


def count_bins(events: Events, bins: int) -> Windows:
    """Cut into so many windows whose numbers of events differ by one at most; no event is dropped.

    Raises:
        InputError: the events are not in order, or the number is not above 0.
    """
    checked_order(events, "count_bins")
    bins = positive(bins, "bins")
    edges = np.array([k * len(events) // bins for k in range(bins + 1)], np.int64)
    return _of_rows(events, edges[:-1], edges[1:])


def _between(events: Events, begins: np.ndarray, ends: np.ndarray) -> Windows:
    t = np.ascontiguousarray(events.t)
    rows = np.stack([np.searchsorted(t, begins), np.searchsorted(t, ends)], axis=1)
    return Windows(events, rows, np.stack([begins, ends], axis=1))


def _of_rows(events: Events, starts: np.ndarray, stops: np.ndarray) -> Windows:
    t = np.append(np.ascontiguousarray(events.t), events.t[-1] if len(events) else 0)
    ends = np.where(stops > starts, t[np.maximum(stops - 1, 0)] + 1, t[starts])
    return Windows(events, np.stack([starts, stops], axis=1), np.stack([t[starts], ends], axis=1))
