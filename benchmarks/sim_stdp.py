"""Additive STDP of 10 million synapses without a network: both sides fire at random, 10 Hz, one thread.

An event is a spike that arrives at a synapse: it is delivered, takes from the weight, and with it goes the work of one
spike of the receiver, which adds to it. Both ways of doing the rule take turns.

Claim: at most 10 ns an event lazily, at most 25 ns pair by pair.
"""

from collections.abc import Iterator
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.harness import Bound
from spikelet import rules
from spikelet.sim import connect
from spikelet.sim.driver import Driver
from spikelet.sim.edges import Edges
from spikelet.sim.history import History
from spikelet.sim.plastic import Plastic
from spikelet.sim.plastic_index import graded
from spikelet.sim.plastic_sides import Target

DT, RATE = 0.1, 0.01  # ms, kHz
BOUNDS = (Bound("lazy_ns", at_most=10.0), Bound("general_ns", at_most=25.0))


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Run both ways."""
    n, indegree, steps = (500, 50, 100) if options.quick else (10_000, 1_000, 1_000)
    edges = connect.build(
        connect.fixed_indegree(indegree), n, n, same=False, weight=0.5, delay=1.5, dt=DT, seed=1, stream=0
    )
    spikes = [drawn(n, steps, seed) for seed in (0, 1)]
    learning = {"lazy_ns": learner(edges, spikes), "general_ns": learner(edges, spikes, general=True)}
    events = int(spikes[0].counts.sum()) * indegree
    times: dict[str, list[float]] = {name: [] for name in learning}
    for _ in range(options.rounds):
        for name, one in learning.items():
            times[name].append(run(one, steps) / events * 1e9)
    numbers = {name: median(found) for name, found in times.items()}
    yield harness.plain("sim_stdp", ["STDP", n, indegree], numbers, BOUNDS, unit="ns an event", rounds=options.rounds)


def drawn(n: int, steps: int, seed: int) -> History:
    """Return spikes of all steps; what is sent arrives where the list of steps begins again."""
    history, random = History(steps, n), np.random.default_rng(seed)
    for step in range(steps):
        ids = np.flatnonzero(random.random(n) < RATE * DT)
        history.ids[step, : len(ids)] = ids
        history.counts[step] = len(ids)
    return history


def learner(edges: Edges, spikes: list[History], *, general: bool = False) -> Plastic:
    """Return synapses that learn from the spikes of both sides."""
    target = Target(edges.n_target, 0, (np.zeros(edges.n_target, np.float32),), spikes[1], "cells")
    found = Plastic(rules.STDP, graded(edges, np.dtype(np.float32)), spikes[0], 0, [target], dt=DT)
    found.load(0, {})
    if general:
        found.become_general("to compare")
    return found


def run(plastic: Plastic, steps: int) -> float:
    """Return the CPU time of some steps [s]."""
    table = Driver([*plastic.before, *plastic.after])
    begin = process_time()
    table.run(0, steps, 0, 1)
    return process_time() - begin


if __name__ == "__main__":
    chosen = harness.options(__doc__, rounds=7)
    harness.finish(lines(chosen), record=chosen.record)
