"""The cortical microcircuit of Potjans and Diesmann 2014, at 10 % and, with ``--full``, whole; one thread.

Claim: at 10 % at most 0.45 core-seconds for a second of the network; whole, 77,169 neurons and 299 M synapses, at most
6, built in at most 6 core-seconds, within 2.2 GB. Seen here of others, with Poisson input: at 10 % NEST 13.4, Brian2
and GeNN 2.0; whole, with constant input, NEST 446 and 9.9 GB.
"""

import sys
from collections.abc import Iterator
from typing import Any

from benchmarks import harness, simulator
from benchmarks.harness import Bound
from benchmarks.peers import SIMULATORS
from benchmarks.simulator import Case

TENTH = (
    Case("microcircuit", scale=0.1, bounds=(Bound("core_s_per_bio_s", at_most=0.45),)),
    Case("microcircuit", scale=0.1, more=(("drive", "current"),)),
)
WHOLE = Case(
    "microcircuit",
    bounds=(
        Bound("core_s_per_bio_s", at_most=6.0),
        Bound("build_core_s", at_most=6.0),
        Bound("peak_rss_mb", at_most=2200.0),
    ),
    alone="too large to run beside ours",
)


def lines(options: harness.Options, *, full: bool = False) -> Iterator[dict[str, Any]]:
    """Run at 10 % with both inputs; with ``full`` also the whole, first, since the peak of memory is the process's."""
    if full:
        yield simulator.line("sim_microcircuit", WHOLE, options)
    yield from simulator.lines("sim_microcircuit", TENTH, options)


if __name__ == "__main__":
    words = sys.argv[1:]
    chosen = harness.options(
        __doc__, peers=SIMULATORS, rounds=5, arguments=[word for word in words if word != "--full"]
    )
    harness.finish(lines(chosen, full="--full" in words), record=chosen.record)
