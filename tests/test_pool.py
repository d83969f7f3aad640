"""The thread pool: every index once, errors, nesting, forks, several callers, and the end of the process."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from spikelet import pool
from spikelet.errors import InputError

SOURCE = Path(__file__).parents[1] / "src"


def recorder() -> tuple[list[tuple[int, int]], Callable[[int, int], None]]:
    """Return a list, and a job that appends its share to it."""
    shares: list[tuple[int, int]] = []
    return shares, lambda lo, hi: shares.append((lo, hi))


def run_script(code: str, **environment: str) -> str:
    """Run code in a fresh interpreter, which must end by itself and without an error; return what it prints."""
    path = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],  # a fork beside threads is the point here
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- how many threads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("named", "count"), [("1", 1), ("3", 3), (" 2 ", 2), ("4096", 4096)])
def test_the_environment_names_the_number_of_threads(monkeypatch: pytest.MonkeyPatch, named: str, count: int) -> None:
    monkeypatch.setenv("SPIKELET_THREADS", named)
    assert pool.threads() == count


@pytest.mark.parametrize("named", ["0", "-1", "two", "1.5", "1e3", "²", "99999", "1 2"])
def test_a_senseless_number_of_threads_is_an_error(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("SPIKELET_THREADS", named)
    with pytest.raises(InputError, match="SPIKELET_THREADS must be a whole number from 1 to 4096, not "):
        pool.run(lambda lo, hi: None, 10)


def test_else_it_is_the_number_of_cpus_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKELET_THREADS", "")
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5}, raising=False)
        assert pool.threads() == 3
        monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert pool.threads() == 1


# -- shares -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 2, 6, 7, 8, 1000])
def test_the_shares_are_the_range(count: int, threads: int) -> None:
    shares, job = recorder()
    pool.run(job, count, threads=threads)
    shares.sort()
    assert [i for lo, hi in shares for i in range(lo, hi)] == list(range(count))
    sizes = [hi - lo for lo, hi in shares]
    assert len(sizes) == min(threads, count)
    assert not sizes or max(sizes) - min(sizes) <= 1


def test_the_default_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKELET_THREADS", "5")
    shares, job = recorder()
    pool.run(job, 10)
    assert sorted(shares) == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]


@pytest.mark.parametrize("threads", [0, -2, 5000])
def test_a_senseless_argument_is_an_error(threads: int) -> None:
    with pytest.raises(InputError, match="threads must be a whole number from 1 to 4096, not "):
        pool.run(lambda lo, hi: None, 10, threads=threads)


def test_shares_run_at_once_and_the_caller_takes_part() -> None:
    meeting = threading.Barrier(3, timeout=60)  # passes only when three threads are inside at once
    seen: list[threading.Thread] = []

    def job(lo: int, hi: int) -> None:
        meeting.wait()
        seen.append(threading.current_thread())

    pool.run(job, 3, threads=3)
    assert len(set(seen)) == 3
    assert threading.current_thread() in seen
    assert all(thread.daemon for thread in seen if thread is not threading.current_thread())


def test_the_threads_are_kept() -> None:
    pool.run(lambda lo, hi: None, 4, threads=4)
    before = threading.active_count()
    for _ in range(50):
        pool.run(lambda lo, hi: None, 4, threads=4)
    assert threading.active_count() == before


def test_a_call_from_inside_a_share_is_serial() -> None:
    calls: list[tuple[int, int, bool]] = []

    def outer(lo: int, hi: int) -> None:
        me = threading.current_thread()
        pool.run(lambda a, b: calls.append((a, b, threading.current_thread() is me)), 10, threads=4)

    pool.run(outer, 4, threads=4)
    assert calls == [(0, 10, True)] * 4
    shares, job = recorder()
    pool.run(job, 4, threads=4)
    assert len(shares) == 4  # and after that, not any more


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("guilty", [0, 1, 2])
def test_an_error_in_any_share_reaches_the_caller(guilty: int) -> None:
    meeting = threading.Barrier(3, timeout=60)

    def job(lo: int, hi: int) -> None:
        meeting.wait()
        if lo == guilty:
            raise ZeroDivisionError(f"share {lo}")

    for _ in range(2):  # and the pool lives on
        with pytest.raises(ZeroDivisionError, match=f"share {guilty}"):
            pool.run(job, 3, threads=3)
    shares, work = recorder()
    pool.run(work, 3, threads=3)
    assert len(shares) == 3


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_caller_waits_for_the_others_before_it_raises(error: type[BaseException]) -> None:
    caller = threading.current_thread()
    meeting = threading.Barrier(2, timeout=60)
    raising, done = threading.Event(), threading.Event()

    def job(lo: int, hi: int) -> None:
        meeting.wait()
        if threading.current_thread() is caller:
            raising.set()
            raise error
        assert raising.wait(60)
        threading.Event().wait(0.05)  # were the caller not to wait, it would be gone by now
        done.set()

    with pytest.raises(error):
        pool.run(job, 2, threads=2)
    assert done.is_set()


def test_without_new_threads_the_caller_does_everything() -> None:
    code = """
import threading
from spikelet import pool
def refuse(self): raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
shares = []
pool.run(lambda lo, hi: shares.append((lo, hi)), 8, threads=4)
print(shares)
"""
    assert run_script(code) == "[(0, 2), (2, 4), (4, 6), (6, 8)]\n"


def test_nothing_of_a_job_lives_on() -> None:
    import gc
    import weakref

    class Array:
        pass

    array = Array()
    watch = weakref.ref(array)
    pool.run(lambda lo, hi, array=array: None, 4, threads=4)
    del array
    for _ in range(200):  # a worker that comes late may still be looking whether there is work left
        gc.collect()
        if watch() is None:
            break
        threading.Event().wait(0.01)
    assert watch() is None


# -- other threads and processes --------------------------------------------------------------------------------------


def test_several_python_threads_may_call_at_once() -> None:
    totals: dict[int, int] = {}

    def call(number: int) -> None:
        total = 0
        for _ in range(100):
            shares, job = recorder()
            pool.run(job, 30, threads=3)
            total += sum(hi - lo for lo, hi in shares)
        totals[number] = total

    callers = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(120)
    assert totals == dict.fromkeys(range(4), 3000)


FORK = """
import os, threading
from spikelet import pool

def meet():
    meeting = threading.Barrier(3, timeout=60)
    pool.run(lambda lo, hi: meeting.wait(), 3, threads=3)

meet()
for depth in range(2):  # a child, and a child of the child
    child = os.fork()
    if child == 0:
        meet()
        continue
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 0, status
    meet()
    os._exit(0)
meet()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_a_process_with_a_pool_has_its_own() -> None:
    run_script(FORK)


LOADER = """
import torch
from spikelet import pool

class Rows(torch.utils.data.Dataset):
    def __len__(self): return 8
    def __getitem__(self, row):
        out = torch.zeros(6)
        def job(lo, hi): out[lo:hi] = row
        pool.run(job, 6, threads=3)
        return out

if __name__ == "__main__":
    Rows()[0]
    loader = torch.utils.data.DataLoader(Rows(), batch_size=2, num_workers=2, multiprocessing_context="fork")
    print(torch.cat(list(loader)).sum(1).tolist())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_the_workers_of_a_data_loader_may_use_it() -> None:
    pytest.importorskip("torch")
    assert run_script(LOADER) == "[0.0, 6.0, 12.0, 18.0, 24.0, 30.0, 36.0, 42.0]\n"


def test_a_process_ends_while_a_share_is_running() -> None:
    code = """
import threading
from spikelet import pool
inside = threading.Event()
def job(lo, hi):
    inside.set()
    threading.Event().wait()
threading.Thread(target=pool.run, args=(job, 2), kwargs={"threads": 2}, daemon=True).start()
inside.wait()
print("end")
"""
    assert run_script(code) == "end\n"


def test_it_may_be_used_while_the_process_ends() -> None:
    code = """
import atexit
from spikelet import pool
atexit.register(lambda: pool.run(lambda lo, hi: print(lo, hi), 1, threads=2))
atexit.register(lambda: pool.run(lambda lo, hi: done.append(hi - lo), 4, threads=2))
done = []
atexit.register(pool.run, lambda lo, hi: None, 4, threads=2)
"""
    assert run_script(code) == "0 1\n"


def test_importing_it_loads_neither_numpy_nor_torch() -> None:
    code = "import sys, spikelet.pool, spikelet.cache; print({'numpy', 'torch', 'llvmlite'} & set(sys.modules))"
    assert run_script(code) == "set()\n"
