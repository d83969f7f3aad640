"""Masquelier, Guyonneau & Thorpe 2008: STDP finds the start of a pattern that repeats in continuous spike trains.

Two thousand afferents fire at rates that wander between 0 and 90 Hz. Half of them repeat one stretch of 50 ms again and
again, a quarter of the time, with a jitter of 1 ms; nothing else tells when. All of them fire at 10 Hz besides. One
neuron hears them all, with equal weights at first, and learns by STDP. It begins to fire to the pattern alone, and then
earlier and earlier in it.

The input lasts 150 s and is heard three times, as in the paper. The neuron is `neurons.MasquelierThorpe` with the
kernels of the paper's methods.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikelet import plot
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress, complete
from spikelet.model import Neuron
from spikelet.neurons import MasquelierThorpe
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain
from spikelet.units import Hz, ms, second

N, HALF = 2000, 1000  # afferents, and those that take part in the pattern
PATTERN = 50 * ms
SHARE = 0.25  # of the time that the pattern takes
JITTER = 1 * ms
SPONTANEOUS = 10 * Hz
DT = 0.1 * ms
SEEDS = 10
SHOWN = 3000  # of the first spikes, as many are drawn
HIT = 98.0  # per cent of patterns, without a false alarm, in the last third of a run: the pattern is found

# -- input ------------------------------------------------------------------------------------------------------------

AFFERENT = Neuron(
    "Afferent",
    """
    r[k+1] = clip(r + dt*s, 0, r_max) : kHz                      # the rate wanders,
    s[k+1] = clip(s + kick*(2*uniform() - 1), -steep, steep) : kHz/ms   # its slope, too
    silent[k+1] = (silent + dt)*(1 - spike) : ms                 # since the last spike up to the step before
    r_max = 90 Hz;  steep = 1800 Hz/second;  kick = 360 Hz/second
    longest = 50 ms                                              # so that none is silent in all of the pattern
    """,
    threshold="uniform() < r*dt or silent >= longest",
    doc="Poisson process of wandering rate, in steps of 1 ms.",
)


def afferents(n: int, t: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return times [ms] and ids of the spikes of n afferents, in order of time; within a step they are anywhere."""
    rng = np.random.default_rng(seed)
    net = Network(seed=seed)
    one = net.add(
        AFFERENT, n, "afferents", initial={"r": rng.uniform(0, 0.09, n), "s": rng.uniform(-1.8e-3, 1.8e-3, n)}
    )
    spikes = complete(net.run(t, dt=1 * ms, record=one))[one].spikes
    return spikes.times - rng.random(len(spikes.times)), spikes.ids


def starts(t: float, rng: np.random.Generator) -> np.ndarray:
    """Return when the pattern begins [ms]: in sections of 50 ms, never in two that follow each other."""
    chosen, last = [], False
    alone = SHARE / (1 - SHARE)  # the probability after a section without it, so that the share is right
    for section in range(round(t / PATTERN)):
        last = not last and rng.random() < alone
        if last:
            chosen.append(section * PATTERN)
    return np.array(chosen)


def stimulus(t: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times and ids of all spikes of the afferents, and when the pattern begins; all in (0, t] ms."""
    rng = np.random.default_rng((seed, 1))
    times, ids = afferents(N, t, seed)
    begin = starts(t, rng)
    first = begin[len(begin) // 2]  # the section whose spikes are the pattern
    inside = (times > first) & (times <= first + PATTERN) & (ids < HALF)
    pattern, who = times[inside] - first, ids[inside]
    section = np.minimum(np.ceil(times / PATTERN).astype(int) - 1, round(t / PATTERN) - 1)
    shown = np.zeros(round(t / PATTERN), bool)
    shown[np.round(begin / PATTERN).astype(int)] = True
    kept = ~(shown[section] & (ids < HALF))
    copies = (begin[:, None] + pattern + rng.normal(0, JITTER, (len(begin), len(pattern)))).ravel()
    count = rng.poisson(SPONTANEOUS * t * N)
    times = np.concatenate([times[kept], copies, rng.uniform(0, t, count)])
    ids = np.concatenate([ids[kept], np.tile(who, len(begin)), rng.integers(0, N, count)])
    return np.clip(times, DT / 2, t), ids, begin


# -- the neuron that learns -------------------------------------------------------------------------------------------

RULE = Rule(
    "MasquelierSTDP",
    """
    dx/dt = -x/tau_plus : 1 (pre)            # the last spike of the afferent
    dy/dt = -y/tau_minus : 1 (post)          # the last spike of the neuron
    turn[k+1] = turn : 1                     # which of both came last: 1 the afferent's, 0 the neuron's
    tau_plus = 16.8 ms;  tau_minus = 33.7 ms
    a_plus = 0.03125;  a_minus = 0.85*a_plus : 1
    """,
    on_pre="w = clip(w - a_minus*y*(1 - turn), 0, 1); turn = 1; x = 1",
    on_post="w = clip(w + a_plus*x*turn, 0, 1); turn = 0; y = 1",
    initial="turn = 1",
    doc="A spike of the neuron makes pairs with the last spike of an afferent before it and the first one after it, if "
    "no other spike of the neuron lies between: it clears all earlier input. So ReducedSymmetricSTDP, with a flag in "
    "place of traces that each synapse would integrate by itself.",
)
W_0 = 0.475


def listen(t: float, rounds: int, seed: int) -> dict[str, np.ndarray]:
    """Let the neuron hear an input of t ms several times; return its spikes, its weights, and the pattern's times."""
    times, ids, begin = stimulus(t, seed)
    net = Network(seed=seed)
    drive = net.add(SpikeTrain(times, ids, period=t), N, "afferents")
    neuron = net.add(MasquelierThorpe, 1, "neuron")
    synapses = net.connect(drive, neuron, all_to_all(), to="x", weight=W_0, delay=0, rule=RULE)
    spikes = complete(net.run(rounds * t, dt=DT, record=neuron))[neuron].spikes.times
    every = (np.arange(rounds)[:, None] * t + begin).ravel()
    return {"spikes": spikes, "starts": every, "weights": synapses.weights().astype(float)}


def judged(found: Mapping[str, np.ndarray], since: float) -> tuple[float, int, float]:
    """Return the patterns hit [%], the number of false alarms, and the mean latency [ms], all after some time."""
    spikes, begin = found["spikes"][found["spikes"] > since], found["starts"][found["starts"] >= since]
    late, which = latencies(spikes, begin)
    _, first = np.unique(which[late <= PATTERN], return_index=True)
    firsts = late[late <= PATTERN][first]
    return 100 * len(firsts) / len(begin), int((late > PATTERN).sum()), float(firsts.mean()) if len(firsts) else np.nan


def latencies(spikes: np.ndarray, begin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how long after the last beginning of the pattern each spike comes [ms], and the number of that pattern."""
    which = np.searchsorted(begin, spikes) - 1
    return np.where(which < 0, np.inf, spikes - begin[which]), which


# -- the experiment ---------------------------------------------------------------------------------------------------


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Let the neuron learn with ten inputs, one after the other; a quick run has one that is short."""
    t, rounds, count = (20 * second, 3, 1) if quick else (150 * second, 3, SEEDS)
    rows, series = [], {}
    with progress(count, unit="input") as bar:
        for each in range(count):
            found = listen(t, rounds, seed * SEEDS + each)
            rows.append(judged(found, (rounds - 1) * t))
            series = series or found
            bar.update(1)
    hits, alarms, late = np.array(rows).T
    won = (hits > HIT) & (alarms == 0)
    late = late[won] if won.any() else np.array([np.nan])
    figures = [
        Figure(f"inputs of {count} in which the pattern is found", int(won.sum()), "96 of 100", "memory", (9, np.inf)),
        Figure("latency where it is found, mean", float(late.mean()), "about 4 ms", "memory", (0, 10), "ms"),
        Figure("latency where it is found, longest", float(late.max()), "a few ms", "memory", (0, 15), "ms"),
    ]
    details = {
        "seconds of input": rounds * t / second,
        "patterns hit [%]": [round(float(value), 2) for value in hits],
        "false alarms in the last third": [int(value) for value in alarms],
    }
    return figures, details, series


def draw(outcome: Outcome) -> Any:
    """Draw latencies over the spikes of the first input, as the paper's Fig. 4, and the weights at the end."""
    spikes, begin, weights = (outcome.series[name] for name in ("spikes", "starts", "weights"))
    late, _ = latencies(spikes, begin)
    figure, axes = plot.figure(10, 3.8, columns=2)
    number = np.arange(len(spikes))
    inside = late <= PATTERN
    axes[0].plot(
        number[~inside], np.zeros((~inside).sum()), ".", markersize=2, color=plot.GREY, label="outside of the pattern"
    )
    axes[0].plot(number[inside], late[inside], ".", markersize=2, color=plot.COLOURS[0], label="within it")
    axes[0].set_xlabel("spike of the neuron")
    axes[0].set_ylabel("time since the pattern began [ms]")
    axes[0].set_xlim(0, SHOWN)
    axes[0].set_ylim(-2, PATTERN + 12)  # room for the legend
    bins = np.linspace(0, 1, 41)
    parts = (weights[:HALF], weights[HALF:])
    axes[1].hist(parts, bins, label=("in the pattern", "not in it"), color=plot.COLOURS[:2], stacked=True)
    axes[1].set_xlabel("weight at the end")
    axes[1].set_ylabel("afferents")
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8)
    return figure


PAPER = Paper(
    name="masquelier_2008",
    title="STDP finds the start of a spike pattern that repeats at unknown times",
    ref="Masquelier, Guyonneau & Thorpe 2008, PLoS ONE 3:e1377",
    run=run,
    draw=draw,
)
