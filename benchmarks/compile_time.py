"""How long does the first training step of a model wait for its kernels? Forward and backward, in fresh processes.

Claim: with an empty cache LIF waits at most 2.5 s and Hodgkin-Huxley 9 s; once they are in the cache, a new process
waits at most 0.1 s for each model. Beyond the imports and the start of torch and LLVM, and beyond the same call made
again. ``tests`` hold that a change of parameters, batch, size, steps or seed compiles nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from statistics import median
from typing import Any

import torch  # noqa: F401 - the line tells its version and threads

from benchmarks import harness
from benchmarks.harness import Bound

COLD = (Bound("LIF, cold", at_most=2.5), Bound("HodgkinHuxley, cold", at_most=9.0))
WARM = (Bound("slowest, warm", at_most=0.1),)


def seconds(names: list[str], cache: str) -> dict[str, float]:
    """Return the first call's extra time of these models, in a fresh process with this cache folder [s]."""
    command = [sys.executable, "-m", "benchmarks.first_call", *names]
    done = subprocess.run(command, env={**os.environ, "SPIKELET_CACHE": cache}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def cold_and_warm(names: list[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the times with an empty cache, and then in a second process."""
    with tempfile.TemporaryDirectory() as cache:
        return seconds(names, cache), seconds(names, cache)


def one_by_one(names: tuple[str, ...], rounds: int) -> dict[str, float]:
    """Return the median of each of these models, each time alone in its processes."""
    runs = {name: [cold_and_warm([name]) for _ in range(rounds)] for name in names}
    cold = {f"{name}, cold": median(first[name] for first, _ in pairs) for name, pairs in runs.items()}
    return cold | {f"{name}, warm": median(second[name] for _, second in pairs) for name, pairs in runs.items()}


def whole_zoo(names: list[str]) -> tuple[dict[str, float], dict[str, str]]:
    """Return the slowest and the median entry, and the names of the slowest; all in one process after another."""
    numbers, slowest = {}, {}
    for state, times in zip(("cold", "warm"), cold_and_warm(names), strict=True):
        slowest[f"slowest, {state}"] = max(times, key=lambda name: times[name])
        numbers |= {f"slowest, {state}": max(times.values()), f"median, {state}": median(times.values())}
    return numbers, slowest


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Tell of LIF and Hodgkin-Huxley, then of the whole zoo."""
    two = one_by_one(("LIF", "HodgkinHuxley"), options.rounds)
    more = {"unit": "s", "packages": ["torch"]}
    yield harness.plain("compile_time", ["alone"], two, COLD, rounds=options.rounds, **more)
    numbers, slowest = whole_zoo(["LIF", "ALIF"] if options.quick else ["all"])
    yield harness.plain("compile_time", ["zoo"], numbers, WARM, rounds=1, slowest=slowest, **more)


if __name__ == "__main__":
    chosen = harness.options(__doc__, rounds=3)
    harness.finish(lines(chosen), record=chosen.record)
