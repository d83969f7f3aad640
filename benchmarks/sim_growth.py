"""Time and memory over the number of synapses, from a million to 300 million: the microcircuit at several scales.

Claim: both grow in proportion to the synapses. Building a synapse and keeping it cost at most 1.7 times as much at one
size as at any other from 10 million on (below, what does not depend on the size weighs), and a spike's way over a
synapse at the largest size costs no more than at the smallest. With ``--record`` the figure is drawn, too.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks import harness
from benchmarks.harness import RESULTS, Bound

SCALES = (0.058, 0.1, 0.18, 0.32, 0.58, 1.0)  # 1, 3, 10, 31, 100 and 299 million synapses
QUICK = (0.01, 0.02)
BOUNDS = (
    Bound("build_spread", at_most=1.7),
    Bound("bytes_spread", at_most=1.7),
    Bound("event_growth", at_most=1.0),
)
_ONE = """
import json, sys, time
from spikelet.experiments import network_run, networks
networks.microcircuit(0.01, 1).run(1.0, dt=0.1)
net = networks.microcircuit(float(sys.argv[1]), 1)
base, begin = network_run.peak_rss(), time.process_time()
net.build(0.1)
built = time.process_time() - begin
net.run(50.0)
begin = time.process_time()
result = net.run(float(sys.argv[2]))
took = time.process_time() - begin
synapses = sum(len(p) for p in net.projections.values() if p.pre.population.name in result.names)
print(json.dumps({"synapses": synapses, "build_s": built, "run_s_per_bio_s": took / float(sys.argv[2]) * 1e3,
                  "mb": network_run.peak_rss() - base, "ns_per_event": took / network_run.events(net, result) * 1e9}))
"""


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Run each size in a process of its own, since the peak of memory is a process's."""
    found = []
    for scale in QUICK if options.quick else SCALES:
        time = "10" if options.quick else "200"
        command = [sys.executable, "-c", _ONE, str(scale), time]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout.strip().splitlines()[-1]))
    large = [one for one in found if one["synapses"] > 9e6] or found
    per = {name: [one[name] / one["synapses"] for one in large] for name in ("build_s", "mb")}
    numbers = {
        "build_spread": max(per["build_s"]) / min(per["build_s"]),
        "bytes_spread": max(per["mb"]) / min(per["mb"]),
        "event_growth": found[-1]["ns_per_event"] / found[0]["ns_per_event"],
    }
    if options.record:
        draw(found)
    shape = ["microcircuit", found[0]["synapses"], found[-1]["synapses"]]
    yield harness.plain("sim_growth", shape, numbers, BOUNDS, unit="ratios of costs per synapse", sizes=found)


def draw(found: list[dict[str, float]]) -> None:
    """Draw time and memory over the number of synapses."""
    from matplotlib import pyplot

    what = {"build_s": "building [core-s]", "run_s_per_bio_s": "running [core-s per s]", "mb": "memory [MB]"}
    figure, axes = pyplot.subplots(1, 3, figsize=(9, 3), layout="constrained")
    synapses = [one["synapses"] for one in found]
    for ax, (name, label) in zip(axes, what.items(), strict=True):
        values = [one[name] for one in found]
        ax.loglog(synapses, values, "o-")
        line = [values[-1] * n / synapses[-1] for n in synapses]
        ax.loglog(synapses, line, "k:", linewidth=1, label="in proportion")
        ax.set(xlabel="synapses", title=label)
        ax.grid(alpha=0.3)
    axes[0].legend(frameon=False)
    figure.savefig(RESULTS / "sim_growth.png", dpi=120)


if __name__ == "__main__":
    chosen = harness.options(__doc__, peers=(), rounds=1)
    harness.finish(lines(chosen), record=chosen.record)
