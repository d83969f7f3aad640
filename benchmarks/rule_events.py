"""What a synaptic event costs under every learning rule of the zoo, without neurons: 10 Hz on both sides, one thread.

An event is a spike that arrives at a synapse; with it goes the work of one spike of the receiver, and, of rules that
act all the time, what they do in the 1,000 steps of 0.1 ms between two spikes, which is told for one step, too. NEST
and Brian2 run rules that they have, between as many sources that send spikes that are given, less the time of the
sources alone, and show that the weights change.

Claim: at most 25 ns an event for every rule that acts at spikes alone.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks import harness, simulator
from benchmarks.harness import Bound
from benchmarks.sim_stdp import DT, RATE, drawn, run
from spikelet import rules
from spikelet.errors import UnitError
from spikelet.ir.rule_program import flow
from spikelet.rule import Rule
from spikelet.sim import connect
from spikelet.sim.edges import Edges
from spikelet.sim.history import History
from spikelet.sim.plastic import Plastic
from spikelet.sim.plastic_index import graded
from spikelet.sim.plastic_sides import Target

AT_MOST = 25.0  # ns
PART = 5  # rules that act all the time run for this part of the steps
START = {"v": -60.0}  # of the states of neurons that a rule may read, 0.5 of all others


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Run every rule, then those of others."""
    n, indegree, steps = (200, 20, 50) if options.quick else (2_000, 500, 1_000)
    edges = connect.build(
        connect.fixed_indegree(indegree), n, n, same=False, weight=0.5, delay=1.5, dt=DT, seed=1, stream=0
    )
    spikes = [drawn(n, steps, seed) for seed in (0, 1)]
    numbers, each, ways, bounds = {}, {}, {}, []
    for name, rule in rules.entries().items():  # one by one: each has a million weights
        one = learner(rule, edges, spikes)
        ways[name] = one.reason or "lazily"
        if continuous(rule):
            seconds = median(run(one, steps // PART) for _ in range(options.rounds)) / (steps // PART)
            numbers[name] = seconds / (n * indegree * RATE * DT) * 1e9
            each[name] = round(seconds / (n * indegree) * 1e9, 2)
        else:
            events = max(1, int(spikes[0].counts.sum())) * indegree
            numbers[name] = median(run(one, steps) for _ in range(options.rounds)) / events * 1e9
            bounds.append(Bound(name, at_most=AT_MOST))
    found, missing = others(options, n, indegree)
    ratio = {f"{who}, {name}": round(its / numbers[name], 2) for who, own in found.items() for name, its in own.items()}
    more = {"peer": found or None, "missing": missing, "ratio": ratio, "ns_a_step": each, "ways": ways}
    shape = ["rules", n, indegree]
    yield harness.plain("rule_events", shape, numbers, bounds, unit="ns an event", rounds=options.rounds, **more)


def continuous(rule: Rule) -> bool:
    """Return whether a rule does something to each synapse in every step."""
    try:
        return flow(rule, units(rule, "mV")) is not None
    except UnitError:  # a rule of plain numbers
        return flow(rule, units(rule, "1")) is not None


def units(rule: Rule, unit: str) -> dict[str, str]:
    """Return the units of the states of neurons that a rule reads; voltages have the one that is given."""
    return {name: unit if name.startswith("v_p") else "1" for name in rule.definition.partners}


def learner(rule: Rule, edges: Edges, spikes: list[History]) -> Plastic:
    """Return synapses that learn from the spikes of both sides; states of neurons that they read stay as they are."""
    target = Target(edges.n_target, 0, (np.zeros(edges.n_target, np.float32),), spikes[1], "cells")

    def made(unit: str) -> Plastic:
        given, own = graded(edges, np.dtype(np.float32)), units(rule, unit)
        return Plastic(rule, given, spikes[0], 0, [target], dt=DT, units=own, sender="cells")

    try:
        found = made("mV")
    except UnitError:
        found = made("1")
    stems = {name.rpartition("_")[0] for name in rule.definition.partners}
    states = {stem: np.full(edges.n_target, START.get(stem, 0.5), np.float32) for stem in stems}
    found.load(0, {"cells": SimpleNamespace(sets=[states])})  # type: ignore[dict-item]  # all that is read of neurons
    return found


def others(options: harness.Options, n: int, indegree: int) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Run the rules that other simulators have.

    Returns:
        Name -> rule -> ns an event, and name -> why it did not run.
    """
    found, missing = {}, {}
    python = Path(os.environ.get("SIMULATORS", simulator.PYTHON))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    for who in options.peers:
        if not python.exists():
            missing[who] = f"there is no {python}; benchmarks/simulators tells how to make it"
            continue
        command = [str(python), str(simulator.FOLDER / f"{who}_rules.py"), str(n), str(indegree)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            missing[who] = (done.stderr.strip().splitlines() or ["no reason given"])[-1][:200]
        else:
            own: Mapping[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
            found[who] = {name: round(its, 1) for name, its in own.items()}
    return found, missing


if __name__ == "__main__":
    chosen = harness.options(__doc__, rounds=7, peers=("brian2", "nest"))
    harness.finish(lines(chosen), record=chosen.record)
