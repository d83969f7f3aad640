"""The networks of the literature with two threads beside one: the same spikes, and never slower.

Claim: one thread takes at least 0.95 times as long as two, by the wall clock, in runs that alternate; each network is
the same object with the same spikes before. A network that is too small to be shared runs in one thread either way.
"""

from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks import harness
from benchmarks.harness import Bound
from benchmarks.race import Job, race
from spikelet.experiments import networks
from spikelet.units import ms, second

NETWORKS = {  # name and scale -> stretch that is measured at once
    ("brunel", 1.0): 100 * ms,
    ("vogels-abbott-cuba", 1.0): 500 * ms,
    ("vogels-abbott-coba", 1.0): 500 * ms,
    ("cobahh", 1.0): 50 * ms,
    ("microcircuit", 0.1): 200 * ms,
    ("microcircuit", 0.5): 50 * ms,
    ("izhikevich", 1.0): 1000 * ms,
}
BOUNDS = (Bound("one", at_least=0.95),)


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Run each network with one thread and with two, in turn."""
    for (name, scale), stretch in NETWORKS.items():
        entry = networks.find(name)
        scale, stretch = (scale / 10, stretch / 10) if options.quick else (scale, stretch)
        hashes = [entry.make(scale, 1).run(20 * ms, dt=entry.dt, threads=n).spike_hash() for n in (1, 2)]
        net = entry.make(scale, 1)
        net.build(entry.dt)
        jobs = {
            harness.OURS: Job(lambda net=net, stretch=stretch: net.run(stretch, threads=2)),
            "one": Job(lambda net=net, stretch=stretch: net.run(stretch, threads=1)),
        }
        times = race(jobs, rounds=options.rounds)
        walls = {f"{n}_s_per_bio_s": round(median(t.total) / stretch * second, 4) for n, t in times.items()}
        sizes = [name, sum(p.n for p in net.populations.values()), sum(map(len, net.projections.values()))]
        same = hashes[0] == hashes[1]
        yield harness.line("sim_threads", sizes, times, BOUNDS, costs=(), same_spikes=same, wall=walls)


if __name__ == "__main__":
    chosen = harness.options(__doc__, peers=(), rounds=9)
    harness.finish(lines(chosen), record=chosen.record)
