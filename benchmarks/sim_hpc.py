"""NEST's benchmark for large computers: 11,250 neurons, 127 M synapses, of which 81 M learn, one thread.

Claim: at least 25 million synaptic events per core-second, within 8 GiB. Seen here of NEST: 5.1 million, 4.3 GB.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks import harness, simulator
from benchmarks.harness import Bound
from benchmarks.simulator import Case

CASE = Case(
    "hpc",
    stretch=50.0,
    before=20.0,
    bounds=(Bound("events", at_least=25.0), Bound("peak_rss_mb", at_most=8192.0)),
    alone="too large to run beside ours",
)


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Run the network; where all is to be quick, a hundredth of its neurons."""
    yield simulator.line("sim_hpc", CASE, options, quick_scale=0.01)


if __name__ == "__main__":
    chosen = harness.options(__doc__, rounds=5)
    harness.finish(lines(chosen), record=chosen.record)
