"""Learning rules in Brian2, as C++ on one thread: ns an event; see `benchmarks.rule_events`.

python benchmarks/simulators/brian2_rules.py NEURONS INDEGREE
"""

# ruff: noqa: F403, F405 - Brian2 is meant to be imported whole
import json
import sys
import tempfile

import numpy as np
from brian2 import *

DURATION = 1 * second
PAIR = """
w : 1
dx/dt = -x/(20*ms) : 1 (event-driven)
dy/dt = -y/(20*ms) : 1 (event-driven)
"""
TRIPLET = """
w : 1
dr1/dt = -r1/(16.8*ms) : 1 (event-driven)
dr2/dt = -r2/(101*ms) : 1 (event-driven)
do1/dt = -o1/(33.7*ms) : 1 (event-driven)
do2/dt = -o2/(125*ms) : 1 (event-driven)
"""
REWARD = """
dw/dt = c*d/second : 1 (clock-driven)
dc/dt = -c/(1*second) : 1 (clock-driven)
dx/dt = -x/(20*ms) : 1 (event-driven)
dy/dt = -y/(20*ms) : 1 (event-driven)
dd/dt = -d/(200*ms) : 1 (clock-driven)
"""
RULES = {  # equations, on_pre, on_post
    "STDP": (PAIR, "x += 1; w = clip(w - 0.00525*y, 0, 1)", "y += 1; w = clip(w + 0.005*x, 0, 1)"),
    "NearestSTDP": (PAIR, "x = 1; w = clip(w - 0.00525*y, 0, 1)", "y = 1; w = clip(w + 0.005*x, 0, 1)"),
    "MultiplicativeSTDP": (
        PAIR, "x += 1; w = clip(w - 0.01*w*y, 0, 1)", "y += 1; w = clip(w + 0.01*(1 - w)*x, 0, 1)",
    ),
    "TripletSTDP": (
        TRIPLET, "w = clip(w - o1*(7e-3 + 2.3e-4*r2), 0, 1); r1 += 1; r2 += 1",
        "w = clip(w + r1*(5e-10 + 6.2e-3*o2), 0, 1); o1 += 1; o2 += 1",
    ),
    "InhibitorySTDP": (PAIR, "x += 1; w = clip(w + 0.005*(y - 0.2), 0, 1)", "y += 1; w = clip(w + 0.005*x, 0, 1)"),
    "RewardSTDP": (REWARD, "x += 1; c -= 1.5*y", "y += 1; c += x"),
}  # fmt: skip


def cost(name, n, indegree):
    """Return seconds of a run, and how many spikes the senders sent."""
    with tempfile.TemporaryDirectory() as folder:
        set_device("cpp_standalone", directory=folder, build_on_run=True)
        defaultclock.dt = 0.1 * ms
        pre, post = PoissonGroup(n, 10 * Hz), PoissonGroup(n, 10 * Hz)
        counts = SpikeMonitor(pre, record=False)
        net = Network(pre, post, counts)
        if name is not None:
            text, on_pre, on_post = RULES[name]
            synapses = Synapses(pre, post, text, on_pre=on_pre, on_post=on_post, method="euler", delay=1.5 * ms)
            rng = np.random.default_rng(0)
            synapses.connect(i=rng.integers(0, n, n * indegree), j=np.repeat(np.arange(n), indegree))
            synapses.w = 0.5
            net.add(synapses)
        net.run(DURATION)
        found = device._last_run_time, int(counts.num_spikes)
        device.reinit()
    return found


def main(n, indegree):
    prefs.devices.cpp_standalone.extra_make_args_unix = ["-j1"]  # one thread, also to compile
    alone, found = cost(None, n, indegree)[0], {}
    for name in RULES:
        seconds, spikes = cost(name, n, indegree)
        found[name] = (seconds - alone) / (spikes * indegree) * 1e9
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
