"""What the scripts of the network simulator share: how a network is measured, and the line that tells of it.

A network is built and runs on, stretch after stretch; each stretch gives a figure, and the median counts. What comes
before, the first activity and the compiling of a small network of the same kind, is not measured; `cold` measures that.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Any

from benchmarks import harness
from benchmarks.harness import Bound
from spikelet.experiments import network_run, networks
from spikelet.units import Hz, ms, second

UNIT = "core-s per s of the network; s; Hz; 1e6/core-s; MB"
_COLD = "import sys\nfrom time import perf_counter\nfrom spikelet.experiments import networks\nbegin = perf_counter()\n"


@dataclass(frozen=True)
class Case:
    """A network and how it is run.

    Attributes:
        network: key of `networks.NETWORKS`.
        scale: share of its neurons.
        stretch: what is measured at once [ms].
        before: runs first [ms].
        bounds: of the claim.
        more: further arguments of the network's function.
    """

    network: str
    scale: float = 1.0
    stretch: float = 1 * second
    before: float = 200 * ms
    bounds: tuple[Bound, ...] = ()
    more: tuple[tuple[str, Any], ...] = ()


def line(name: str, case: Case, options: harness.Options, *, quick_scale: float = 0.1) -> dict[str, Any]:
    """Return the line of a case; where all is to be quick, of a small network in short stretches."""
    entry, more = networks.find(case.network), dict(case.more)
    entry.make(min(case.scale, 0.02), 1, **more).run(5 * ms, dt=entry.dt)  # compiles
    scale, before, stretch = case.scale, case.before, case.stretch
    if options.quick:
        scale, before, stretch = min(case.scale, quick_scale), 10 * ms, 20 * ms
    net = entry.make(scale, 0, **more)
    wall, cpu = perf_counter(), process_time()
    net.build(entry.dt)
    built = {"build_s": perf_counter() - wall, "build_core_s": process_time() - cpu}
    net.run(before)
    costs, spikes, rates = [], [], []
    for _ in range(options.rounds):
        begin = process_time()
        result = net.run(stretch)
        costs.append((process_time() - begin) / (stretch / second))
        spikes.append(network_run.events(net, result) / (stretch / second) / costs[-1] / 1e6)
        _, ids, n = network_run.columns(result)
        rates.append(len(ids) / (n * stretch) / Hz)
    numbers = {"core_s_per_bio_s": median(costs), "rate_hz": median(rates), "events": median(spikes), **built}
    numbers |= {"peak_rss_mb": network_run.peak_rss()}
    sizes = network_run.cost(net, result, 0.0, 1.0)
    shape = [case.network, *(f"{key} {value}" for key, value in more.items()), sizes["neurons"], sizes["synapses"]]
    return harness.plain(name, shape, numbers, case.bounds, unit=UNIT, rounds=options.rounds)


def lines(name: str, cases: Iterable[Case], options: harness.Options) -> Iterable[dict[str, Any]]:
    """Return the lines of some cases."""
    return (line(name, case, options) for case in cases)


def cold(name: str, network: str, options: harness.Options, bounds: tuple[Bound, ...]) -> dict[str, Any]:
    """Return the line of building a network and running its first step in a fresh process, with an empty cache."""
    scale = 0.05 if options.quick else 1.0
    code = f"{_COLD}networks.find({network!r}).make({scale}, 0).run(1.0)\nprint(perf_counter() - begin)"
    times = []
    for _ in range(min(options.rounds, 3)):
        with tempfile.TemporaryDirectory() as cache:
            environment = {**os.environ, "SPIKELET_CACHE": cache}
            done = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True)
            times.append(float(done.stdout))
    more = {"unit": "s", "rounds": len(times)}
    return harness.plain(name, [network, "empty cache"], {"build_and_first_ms": median(times)}, bounds, **more)
