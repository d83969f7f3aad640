"""One small pool of threads for the whole package, which runs a serial function over the shares of an index range.

The functions that it runs drop the interpreter's lock (compiled kernels, large array operations), so plain Python
threads are enough, and they get along with what OpenMP does not: a fork (the children start their own threads), several
Python threads that call at once, and a call from inside a share, which simply runs serially. How a range is cut depends
on its length and on the number of threads alone, never on which thread happens to be free.
"""

import itertools
import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

from spikelet.errors import InputError

Job = Callable[[int, int], None]
"""``job(lo, hi)`` does the indices lo to hi - 1."""

_MOST = 4096  # more threads than any machine has cores: surely a mistake


def threads() -> int:
    """Return how many threads `run` uses: ``SPIKELET_THREADS``, else the number of CPUs that this process may use."""
    named = os.environ.get("SPIKELET_THREADS", "").strip()
    if not named:
        return _available()
    if not (named.isascii() and named.isdigit()):
        raise InputError(f"SPIKELET_THREADS must be a whole number from 1 to {_MOST}, not {named!r}")
    return _checked(int(named), "SPIKELET_THREADS")


def _available() -> int:
    """Return the number of CPUs of this process, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(count: int, name: str) -> int:
    if not 1 <= count <= _MOST:
        raise InputError(f"{name} must be a whole number from 1 to {_MOST}, not {count}")
    return count


def run(job: Job, count: int, *, threads: int | None = None) -> None:
    """Call ``job(lo, hi)`` for contiguous shares that together are ``range(count)``, and return when all are done.

    Args:
        job: does the indices lo to hi - 1; called at once from several threads, so shares must not write to one place.
        count: the length of the range; nothing is called where it is 0.
        threads: the number of shares, `threads()` where it is None. One share, and a call from inside a share, run
            in the calling thread.

    Raises:
        Exception: what a share raised (of several, one), after those that had begun have ended; the rest is not begun.

    Example:
        >>> squares = [0] * 5
        >>> def square(lo: int, hi: int) -> None:
        ...     for i in range(lo, hi):
        ...         squares[i] = i * i
        >>> run(square, 5, threads=2)
        >>> squares
        [0, 1, 4, 9, 16]
    """
    wanted = _default() if threads is None else _checked(threads, "threads")
    shares = min(wanted, count)
    if shares <= 1 or _inside.share:
        if count > 0:
            job(0, count)
        return
    bounds = [count * i // shares for i in range(shares + 1)]
    work = _Work(job, deque(itertools.pairwise(bounds)))
    for _ in range(_ensure_workers(shares - 1)):
        _queue.put(work)
    work.finish()


_default = threads  # `run` has an argument of the same name


class _Work:
    """One call of `run`: its shares, taken by whoever is free. The caller takes shares like a worker.

    So a call never depends on a worker: where all are busy, or none could be started, the caller does everything.
    """

    def __init__(self, job: Job, shares: deque[tuple[int, int]]) -> None:
        self.job = job
        self.shares = shares
        self.errors: list[BaseException] = []
        self.lock = threading.Lock()
        self.active = 0  # workers that are inside a share
        self.left: SimpleQueue[None] = SimpleQueue()  # one entry for each worker that has come out again

    def help(self) -> None:
        """Do shares, as a worker, until there is none; an error is kept for the caller."""
        with self.lock:
            if not self.shares:
                return
            self.active += 1
        try:
            self.take()
        except BaseException as error:  # whatever it is, it belongs to the caller
            self.errors.append(error)
            self.shares.clear()
        finally:
            with self.lock:
                self.active -= 1
            self.left.put(None)

    def take(self) -> None:
        """Do shares until there is none."""
        while True:
            try:
                lo, hi = self.shares.popleft()
            except IndexError:
                return
            self.job(lo, hi)

    def finish(self) -> None:
        """Do shares, as the caller; wait for the workers, come what may, since they write to the caller's arrays."""
        _inside.share = True
        try:
            self.take()
        except BaseException:
            self.shares.clear()
            raise
        finally:
            _inside.share = False
            self.wait()
        if self.errors:
            raise self.errors[0]

    def wait(self) -> None:
        """Wait until no worker is inside a share; an interruption (Ctrl-C) is passed on after that."""
        interruption = None
        while True:
            with self.lock:
                if not self.active:
                    break
            try:
                self.left.get()
            except BaseException as error:
                interruption = error
        if interruption is not None:
            raise interruption


# -- the threads ------------------------------------------------------------------------------------------------------


class _Inside(threading.local):
    """Whether this thread is inside a share."""

    share = False


def _reset() -> None:
    """Begin without threads, as a child process does: a fork copies the thread that forks and no other."""
    global _inside, _lock, _queue, _workers
    _inside, _lock, _queue, _workers = _Inside(), threading.Lock(), SimpleQueue(), 0


def _ensure_workers(count: int) -> int:
    """Start threads until there are ``count``; return how many of them can help."""
    global _workers
    if _workers >= count:
        return count
    with _lock:
        while _workers < count:
            try:
                threading.Thread(target=_serve, args=(_queue,), name=f"spikelet-{_workers}", daemon=True).start()
            except RuntimeError:  # no more threads: the interpreter shuts down, or a limit of the system is met
                break
            _workers += 1
        return min(count, _workers)


def _serve(queue: "SimpleQueue[_Work]") -> None:
    """Help with one call of `run` after another; a daemon thread, which ends with the process."""
    _inside.share = True
    while True:
        work = queue.get()
        work.help()
        del work  # what the job holds (arrays) must not live on until the next call


_inside: _Inside
_lock: threading.Lock
_queue: "SimpleQueue[_Work]"
_workers: int
_reset()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset)
