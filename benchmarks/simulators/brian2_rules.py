"""Learning rules in Brian2, as C++ on one thread: ns an event; see `benchmarks.rule_events`.

    python benchmarks/simulators/brian2_rules.py NEURONS INDEGREE

One program runs the sources alone and with each rule, and tells how much CPU time each of these runs took. Rules that
act in every step do so for a fifth of the time.
"""

# ruff: noqa: F403, F405 - Brian2 is meant to be imported whole
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from brian2 import *
from trains import DT, RATE, changed, trains

STEPS = 10_000
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
d : 1 (shared)
dw/dt = c*d/second : 1 (clock-driven)
dc/dt = -c/second : 1 (clock-driven)
dx/dt = -x/(20*ms) : 1 (event-driven)
dy/dt = -y/(20*ms) : 1 (event-driven)
"""
CALCIUM = """
w : 1
da/dt = -a/(20*ms) : 1 (clock-driven)
db/dt = -b/(20*ms) : 1 (clock-driven)
"""
DIFFUSES = """
p = int(a + b > 1.3)
q = int(a + b > 1.0)
w += dt*(-w*(1 - w)*(0.5 - w) + 321.808*(1 - w)*p - 200*w*q)/(150*second) + 2.8284*sqrt((p + q)*dt/(150*second))*randn()
"""  # by hand, since Brian2's lines do not take noise that depends on states by Euler's method
RULES = {  # equations, on_pre, on_post
    "STDP": (PAIR, "x += 1; w = clip(w - 0.00525*y, 0, 1)", "y += 1; w = clip(w + 0.005*x, 0, 1)"),
    "NearestSTDP": (PAIR, "x = 1; w = clip(w - 0.00525*y, 0, 1)", "y = 1; w = clip(w + 0.005*x, 0, 1)"),
    "MultiplicativeSTDP": (
        PAIR, "x += 1; w = clip(w - 0.01*w*y, 0, 1)", "y += 1; w = clip(w + 0.01*(1 - w)*x, 0, 1)",
    ),
    "GuetigSTDP": (
        PAIR, "x += 1; w = clip(w - 0.00525*w**0.02*y, 0, 1)", "y += 1; w = clip(w + 0.005*(1 - w)**0.02*x, 0, 1)",
    ),
    "TripletSTDP": (
        TRIPLET, "w = clip(w - o1*(7e-3 + 2.3e-4*r2), 0, 1); r1 += 1; r2 += 1",
        "w = clip(w + r1*(5e-10 + 6.2e-3*o2), 0, 1); o1 += 1; o2 += 1",
    ),
    "InhibitorySTDP": (PAIR, "x += 1; w = clip(w + 0.005*(y - 0.2), 0, 1)", "y += 1; w = clip(w + 0.005*x, 0, 1)"),
    "RewardSTDP": (REWARD, "x += 1; c -= 1.5*y", "y += 1; c += x"),
    "GraupnerBrunel": (CALCIUM, "a += 1", "b += 2"),
}  # fmt: skip
TELL = 'if (FILE *f = fopen("times.txt", "a")) { fprintf(f, "%.9f\\n", double(clock())/CLOCKS_PER_SEC); fclose(f); }'


def sources(n, seed):
    ids, steps = trains(n, STEPS, seed)
    return SpikeGeneratorGroup(n, ids, steps * DT * ms), len(ids)


def timed(name, n, indegree):
    """Add a run with a rule, or with the sources alone, to the program.

    Returns:
        The synapses, and the number of events.
    """
    (pre, spikes), (post, _) = sources(n, 0), sources(n, 1)
    net, share, synapses = Network(pre, post), 1, None
    if name is not None:
        text, on_pre, on_post = RULES[name]
        share = 5 if "clock-driven" in text else 1
        synapses = Synapses(pre, post, text, on_pre=on_pre, on_post=on_post, method="euler", delay=1.5 * ms)
        rng = np.random.default_rng(0)
        synapses.connect(i=rng.integers(0, n, n * indegree), j=np.repeat(np.arange(n), indegree))
        synapses.w = 0.5
        if name == "RewardSTDP":
            synapses.d = 0.1
        if name == "GraupnerBrunel":
            synapses.run_regularly(DIFFUSES)
        net.add(synapses)
    net.run(0 * ms)  # what is made at the beginning of a run
    device.insert_code("main", TELL)
    net.run(STEPS // share * DT * ms)
    device.insert_code("main", TELL)
    return synapses, spikes / share * indegree


def main(n, indegree):
    prefs.devices.cpp_standalone.extra_make_args_unix = ["-j1"]  # one thread, also to compile
    prefs.devices.cpp_standalone.openmp_threads = 0
    with tempfile.TemporaryDirectory() as folder:
        set_device("cpp_standalone", directory=folder, build_on_run=False)
        defaultclock.dt = DT * ms
        runs = {name: timed(name, n, indegree) for name in (None, *RULES)}
        device.build(directory=folder, compile=True, run=True, with_output=False)
        clock = np.array(next(Path(folder).rglob("times.txt")).read_text().split(), float)
        seconds, found = dict(zip(runs, clock[1::2] - clock[::2], strict=True)), {}
        for name, (synapses, events) in runs.items():
            if name is not None:
                changed(name, synapses.w[:])
                steady = seconds[None] * events / (RATE * DT * STEPS * n * indegree)  # sources of as much time
                found[name] = (seconds[name] - steady) / events * 1e9
                told = f"{seconds[name]:.2f} s, sources alone {steady:.2f} s"
                print(name, round(found[name], 1), told, file=sys.stderr)
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
