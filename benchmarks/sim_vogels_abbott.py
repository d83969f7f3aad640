"""The networks of Vogels and Abbott with 4,000 neurons: synaptic currents, conductances, Hodgkin-Huxley; one thread.

Claim: at most 0.07, 0.15 and 1.5 core-seconds for a second of the network. Seen here of others: NEST 2.2, 14 and 33,
Brian2 0.17, 0.7 and 8.0, GeNN 0.15, 0.24 and 4.6.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks import harness, simulator
from benchmarks.harness import Bound
from benchmarks.peers import SIMULATORS
from benchmarks.simulator import Case

CASES = (
    Case("vogels-abbott-cuba", bounds=(Bound("core_s_per_bio_s", at_most=0.07),)),
    Case("vogels-abbott-coba", bounds=(Bound("core_s_per_bio_s", at_most=0.15),)),
    Case("cobahh", stretch=500.0, bounds=(Bound("core_s_per_bio_s", at_most=1.5),)),
)


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Run the three."""
    yield from simulator.lines("sim_vogels_abbott", CASES, options)


if __name__ == "__main__":
    chosen = harness.options(__doc__, peers=SIMULATORS, rounds=7)
    harness.finish(lines(chosen), record=chosen.record)
