"""Kinds of storage of the same synapses: cost of a synaptic event and memory of a synapse, beside sparse storage.

Sources fire at random; targets never do. What the sources and the targets cost by themselves is measured without
synapses and taken off. One line tells of all kinds; low-rank storage has r = 8, and its events are those of the full
matrix that it stands for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np

import spikelet as sl
from benchmarks import harness
from spikelet import neurons
from spikelet.sim.connect_patterns import Pattern

DT, RATE = 0.1, 0.1  # ms, kHz: one source of a hundred fires in a step
CELL = neurons.LIF(tau_mem=20.0, v_th=1e9)


@dataclass(frozen=True)
class Case:
    """A kind of storage, and a pattern that it holds.

    Attributes:
        kind: Of storage.
        pattern: For n sources; who is connected.
        targets: Number of targets for n sources.
        weight: Of synapses.
        rate: Of each source; of one-to-one higher, since its events are few.
    """

    kind: str
    pattern: Callable[[int], Pattern]
    targets: Callable[[int], int] = lambda n: n
    weight: Any = None
    rate: float = RATE


def _image(n: int) -> tuple[int, int, int]:
    return 4, int((n // 4) ** 0.5), int((n // 4) ** 0.5)


def _kernel(n: int) -> Pattern:
    kernel = np.random.default_rng(0).normal(size=(16, 4, 3, 3))
    return sl.convolution(kernel, _image(n), padding=1)


def _thin(n: int) -> Pattern:
    rng = np.random.default_rng(0)
    return sl.low_rank(rng.normal(size=(n, 8)), rng.normal(size=(8, n)))


CASES = (
    Case("dense", lambda n: sl.all_to_all(), weight=sl.normal(1, 0.1)),
    Case("one-to-one", lambda n: sl.one_to_one(), weight=sl.normal(1, 0.1), rate=100 * RATE),
    Case("convolution", _kernel, targets=lambda n: 16 * _image(n)[1] ** 2),
    Case("low-rank", _thin),
    Case("procedural", lambda n: sl.fixed_probability(0.1), weight=1.0),
)


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Run all kinds, each beside sparse storage."""
    n, time = (400, 50.0) if options.quick else (4096, 1000.0)
    for case in CASES:
        found = measured(case, n, time, options.rounds)
        numbers = {
            f"{name}{'_sparse' * (kind == 'sparse')}": value for kind in found for name, value in found[kind].items()
        }
        yield harness.plain(
            "sim_storage", [case.kind, n], numbers, (), unit="ns per synaptic event; bytes per synapse",
            rounds=options.rounds,
        )  # fmt: skip


def measured(case: Case, n: int, time: float, rounds: int) -> dict[str, dict[str, float]]:
    """Return cost and memory of a kind and of sparse storage, measured in turn."""
    kinds = (case.kind, "sparse")
    nets = {kind: described(case, n, kind) for kind in (*kinds, "")}
    costs: dict[str, list[float]] = {kind: [] for kind in nets}
    spikes = 0
    for _ in range(rounds + 1):
        for kind, net in nets.items():
            begin = process_time()
            result = net.run(time, dt=DT, record="noise")
            costs[kind].append(process_time() - begin)
            spikes = len(result["noise"].spikes)
    storages = {kind: made(nets[kind]) for kind in kinds}
    found = {}
    for kind, stored in storages.items():
        events = spikes * len(stored) / stored.n_source
        differences = np.subtract(costs[kind][1:], costs[""][1:])  # the first round compiles and warms
        found[kind] = {
            "ns_per_event": round(float(np.median(differences)) / events * 1e9, 3),
            "bytes_per_synapse": round(stored.nbytes / len(stored), 4),
        }
    return found


def described(case: Case, n: int, kind: str) -> sl.Network:
    """Return a network with synapses of a kind, or (an empty text) with a silent source instead."""
    net = sl.Network(seed=1)
    sources = n if case.kind != "convolution" else int(np.prod(_image(n)))
    noise, cells = net.add(sl.Poisson(case.rate), sources, "noise"), net.add(CELL, case.targets(n), "cells")
    if kind:
        weight = {} if case.weight is None else {"weight": case.weight}
        net.connect(noise, cells, case.pattern(n), to="v", delay=1.0, storage=kind, **weight)
    else:
        net.connect(net.add(sl.SpikeTrain([], []), 1), cells, sl.all_to_all(), to="v", delay=1.0)
    net.build(DT)
    return net


def made(net: sl.Network) -> Any:
    """Return the synapses of the one projection."""
    (projection,) = net.projections.values()
    return net.build(DT).parts.wiring.storage(projection)


if __name__ == "__main__":
    chosen = harness.options(__doc__, rounds=5)
    harness.finish(lines(chosen), record=chosen.record)
