"""The 1,000 randomly coupled cells of Izhikevich 2003, all with all, in steps of 1 ms, one thread.

Claim: at most 0.02 core-seconds for a second of the network. Seen here of others: NEST 0.23, Brian2 0.05, GeNN 0.045,
the paper's loop in NumPy 0.057.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks import harness, simulator
from benchmarks.harness import Bound
from benchmarks.peers import SIMULATORS
from benchmarks.simulator import Case

CASE = Case("izhikevich", stretch=5000.0, bounds=(Bound("core_s_per_bio_s", at_most=0.02),))


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Run the network."""
    yield simulator.line("sim_izhikevich", CASE, options)


if __name__ == "__main__":
    chosen = harness.options(__doc__, peers=SIMULATORS, rounds=5)
    harness.finish(lines(chosen), record=chosen.record)
