"""The sparse random network of Brunel 2000: 12,500 neurons, 15.6 M synapses, 37 Hz, one thread.

Claim: at most 0.9 core-seconds for a second of the network, built in at most 0.5 s; and the first millisecond of the
network, with nothing in the cache of compiled code, is there within 5 s. Seen here of others, in core-seconds: NEST 46,
Brian2 and GeNN 7.0.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks import harness, simulator
from benchmarks.harness import Bound
from benchmarks.peers import SIMULATORS
from benchmarks.simulator import Case

CASE = Case("brunel", bounds=(Bound("core_s_per_bio_s", at_most=0.9), Bound("build_s", at_most=0.5)))
COLD = (Bound("build_and_first_ms", at_most=5.0),)


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Run the network, then start it with an empty cache."""
    yield simulator.line("sim_brunel", CASE, options)
    yield simulator.cold("sim_brunel", "brunel", options, COLD)


if __name__ == "__main__":
    chosen = harness.options(__doc__, peers=SIMULATORS, rounds=5)
    harness.finish(lines(chosen), record=chosen.record)
