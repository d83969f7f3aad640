"""What the scripts of the network simulator share: how a network is measured, and the line that tells of it.

A network is built and runs on, stretch after stretch; each stretch gives a figure, and the median counts. What comes
before, the first activity and the compiling of a small network of the same kind, is not measured; `cold` measures that.
Other simulators run each in a process of its own, right after ours; see `benchmarks.simulators`.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from benchmarks import harness
from benchmarks.harness import Bound
from spikelet.experiments import network_run, networks
from spikelet.units import Hz, ms, second

FOLDER = Path(__file__).parent / "simulators"
PYTHON = FOLDER.parents[1] / ".venv-simulators" / "bin" / "python"
MEASURED = {"brian2": 1 * second, "nest": 300 * ms}  # what they measure, after the first 200 ms
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
        alone: why others do not run it, where they do not.
    """

    network: str
    scale: float = 1.0
    stretch: float = 1 * second
    before: float = 200 * ms
    bounds: tuple[Bound, ...] = ()
    more: tuple[tuple[str, Any], ...] = ()
    alone: str = ""


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
    found, missing = others(case, scale, options)
    ratio = {other: round(its["core_s_per_bio_s"] / numbers["core_s_per_bio_s"], 3) for other, its in found.items()}
    theirs = {"peer": {**found, **dict.fromkeys(missing)} or None, "missing": missing, "ratio": ratio}
    return harness.plain(name, shape, numbers, case.bounds, unit=UNIT, rounds=options.rounds, **theirs)


def others(case: Case, scale: float, options: harness.Options) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Run a network in other simulators.

    Returns:
        Name -> what it printed, and name -> why it did not.
    """
    found, missing = {}, {}
    python = Path(os.environ.get("SIMULATORS", PYTHON))
    for name in options.peers:
        if case.alone or not python.exists():
            missing[name] = case.alone or f"there is no {python}; benchmarks/simulators tells how to make it"
            continue
        duration = 10 * ms if options.quick else MEASURED[name]
        command = [str(python), str(FOLDER / f"{name}_networks.py"), case.network, str(scale), str(duration)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(command, input=layers(case, scale), env=environment, capture_output=True, text=True)
        if done.returncode:
            missing[name] = (done.stderr.strip().splitlines() or ["no reason given"])[-1][:200]
        else:
            found[name] = json.loads(done.stdout.strip().splitlines()[-1])
    return found, missing


def layers(case: Case, scale: float) -> str:
    """Return the microcircuit as lists in JSON; of other networks, which are told in a few lines, nothing.

    ``sizes``, ``v`` (mean and standard deviation at the start), ``current`` [pA] and ``drives`` (number of inputs of
    8 Hz, weight) of the populations, and ``synapses``: source, target, number, mean weight [pA].
    """
    if case.network != "microcircuit":
        return "{}"
    net = networks.microcircuit(scale, 0, **dict(case.more))
    names = list(networks.LAYERS)
    projections = list(net.projections.values())
    drives = {p.post[0].population.name: p for p in projections if p.pre.population.name not in names}
    inner = [p for p in projections if p.pre.population.name in names]
    rates = {name: drives[name].pre.population.model.rate / (8 * Hz) if name in drives else 0.0 for name in names}
    told = {
        "sizes": [net[name].n for name in names],
        "v": [(net[name].initial["v"].mean, net[name].initial["v"].sd) for name in names],
        "current": [net[name].model.parameters["i_ext"] for name in names],
        "drives": [(float(rates[name]), drives[name].weight if name in drives else 0.0) for name in names],
        "synapses": [
            (names.index(p.pre.population.name), names.index(p.post[0].population.name), p.pattern.n, p.weight.mean)
            for p in inner
        ],
    }
    return json.dumps(told)


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
