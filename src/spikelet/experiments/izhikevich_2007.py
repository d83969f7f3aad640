"""The distal reward problem: one synapse of 80,000 is found although its reward comes seconds later.

A thousand cells of the cortex fire by random input. Whenever a spike of one chosen cell is followed within 20 ms by one
of a cell that it is connected to, dopamine is released 1 to 3 s later. Pairs of spikes leave a slow trace at their
synapse, and dopamine turns traces into changes of the weight; only one synapse has a trace each time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikelet import plot, random
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress, complete
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import fixed_outdegree
from spikelet.sim.network import Network
from spikelet.sim.projection import Projection
from spikelet.units import Hz, kHz, ms, mV, second

CELL = Neuron(
    "Cell",
    """
    # as the script steps it: two half steps of v, then u from the new v
    drive = I + noise*(uniform() - 0.5) : mV/ms
    half = v + dt/2*(0.04 kHz/mV*v*v + 5 kHz*v + 140 mV/ms - u + drive) : mV
    v[k+1] = half + dt/2*(0.04 kHz/mV*half*half + 5 kHz*half + 140 mV/ms - u + drive) : mV
    u[k+1] = u + dt*a*(b*v[k+1] - u) : mV/ms
    I : mV/ms (input)
    noise = 13 mV/ms
    a = 0.02 kHz;  b = 0.2 kHz;  c = -65 mV;  d = 8 mV/ms
    """,
    threshold="v >= 30 mV",
    reset="v = c; u += d",
    initial="v = -65 mV; u = -65 mV*b",
    ref="Izhikevich 2007, Cereb. Cortex 17:2443, script daspnet.m",
)
A, D = (0.02 * kHz, 0.1 * kHz), (8 * mV / ms, 2 * mV / ms)  # of regular and of fast spiking cells

# `rules.RewardSTDP` with the numbers of the script: each spike makes a pair with the last one of the other cell, and a
# little dopamine is always there.
LEARNING = Rule(
    "DistalReward",
    """
    dx_pre/dt = -x_pre/tau : 1 (pre)
    dx_post/dt = -x_post/tau : 1 (post)
    dc/dt = -c/tau_c : 1                                     # trace of the pairs of the last second
    ddopamine/dt = -dopamine/tau_d : 1 (network)
    w[k+1] = clip(w + dt*eta*c*(dopamine + b), 0, w_max) : 1
    tau = 20 ms;  tau_c = 1 second;  tau_d = 200 ms
    a_plus = 0.1;  a_minus = 0.1577          # 0.15, of which a millisecond is lost on the way to the receiver
    b = 0.002;  eta = 100/second;  w_max = 4 # the script updates weights every 10 ms
    """,
    on_pre="x_pre = 1; c -= a_minus*x_post",
    on_post="x_post = 1; c += a_plus*x_pre",
    ref=CELL.ref,
)
DURATION, LOOK, STORED = 3600 * second, 1 * second, 10 * second
COINCIDENCE, REWARD = 20 * ms, 0.5
STRONG = 3.8 * mV  # 95 % of the most that a synapse can be


@dataclass
class Experiment:
    """A network, its chosen pair of cells, and what has happened.

    Attributes:
        net: The network.
        learning: Its synapses that learn.
        pair: The two cells.
        chosen: Number of their synapse.
        seed: Of the waiting times.
        spike: When the first cell has fired last.
        due: When dopamine will be released.
        rewards: When it has been released.
    """

    net: Network
    learning: Projection
    pair: Any
    chosen: int
    seed: int
    spike: float = -np.inf
    due: list[float] = field(default_factory=list[float])
    rewards: list[float] = field(default_factory=list[float])

    @property
    def weight(self) -> float:
        """Weight of the chosen synapse [mV]."""
        return float(self.learning.weights()[self.chosen])

    def others(self) -> np.ndarray:
        """Return the weights of all others [mV]."""
        return np.delete(self.learning.weights(), self.chosen)

    def go(self, until: float) -> None:
        """Run to a time; no look may be longer than the shortest wait for a reward."""
        while self.net.t < until:
            stop = min([until, self.net.t + LOOK, *self.due])
            self._notice(complete(self.net.run(stop - self.net.t, record=self.pair))[self.pair].spikes)
            if stop in self.due:
                self.due.remove(stop)
                self.rewards.append(stop)
                self.net.variables["dopamine"] += REWARD

    def _notice(self, spikes: Any) -> None:
        """Promise dopamine for each spike of the second cell soon after one of the first."""
        for t, cell in zip(spikes.times, spikes.ids, strict=True):
            if cell == self.pair.ids[0]:
                self.spike = t
            elif 0 < t - self.spike < COINCIDENCE:
                wait = 1 * second + 2 * second * random.uniform(self.seed, round(t), 0)
                self.due.append(float(round(t + wait)))


def experiment(seed: int, cells: int = 1000) -> Experiment:
    """Return a network in which one synapse between two excitatory cells, the chosen one, has the weight 0."""
    e, k = cells * 4 // 5, 100  # excitatory cells, synapses of each
    net = Network(seed)
    kinds = np.repeat([0, 1], [e, cells - e])
    every = net.add(CELL(a=np.take(A, kinds), d=np.take(D, kinds)), cells, "cells")
    learning = net.connect(
        every[:e], every, fixed_outdegree(k), to="I", weight=1 * mV, delay=1 * ms, rule=LEARNING, name="learning"
    )
    net.connect(every[e:], every[:e], fixed_outdegree(k), to="I", weight=-1 * mV, delay=1 * ms)
    net.build(dt=1 * ms)
    sources, targets = learning.sources(), learning.targets()
    chosen = int(np.flatnonzero((targets < e) & (targets != sources))[0])
    learning.set(weights=0, where=np.arange(len(targets)) == chosen)
    return Experiment(net, learning, every[[int(sources[chosen]), int(targets[chosen])]], chosen, seed)


def run(quick: bool, seed: int, progress: Progress) -> tuple[Sequence[Figure], Mapping[str, Any], Mapping[str, Any]]:
    """Reward the chosen pair for an hour; a quick run takes 20 seconds."""
    found, duration = experiment(seed), 20 * second if quick else DURATION
    times = np.arange(0, duration + STORED / 2, STORED)
    weights = np.zeros(len(times))
    with progress(duration / second, unit="s") as bar:
        for i, t in enumerate(times[1:]):
            found.go(float(t))
            weights[i + 1] = found.weight
            bar.update(STORED / second)
    others, strong = found.others(), weights > STRONG
    reached = times[strong.argmax()] / second if strong.any() else np.inf
    hour = f"after {duration / second:g} s"
    figures = [
        Figure("time until the rewarded synapse is above 3.8 mV", float(reached), "within 1 h", "src", (0, 3600), "s"),
        Figure(f"its weight {hour}", float(weights[-1]), "4 mV, the most", "memory", (STRONG, 4.0), "mV"),
        Figure(f"mean of all others {hour}", float(others.mean()), "low; 1 mV at the start", "memory", (0, 1), "mV"),
        Figure(f"others above 3.8 mV {hour}", 100 * float((others > STRONG).mean()), "few", "memory", (0, 5), "%"),
    ]
    rate = complete(found.net.run(1 * second, record="cells"))["cells"].rate()
    details = {
        "synapses": len(others) + 1,
        "rewards": len(found.rewards),
        "rate at the end [Hz]": round(float(rate / Hz), 2),
    }
    series = {"t": times / second, "weight": weights, "rewards": np.array(found.rewards) / second, "others": others}
    return figures, details, series


def draw(outcome: Outcome) -> Any:
    """Draw the weight of the chosen synapse with the rewards, and the weights of all at the end."""
    s = outcome.series
    drawn, (left, right) = plot.figure(9, 3.8, columns=2)
    left.plot(s["t"] / 60, s["weight"], color=plot.COLOURS[0], label="the rewarded synapse")
    rewards = s["rewards"] / 60
    left.plot(rewards, np.full(len(rewards), -0.12), "|", color=plot.COLOURS[1], label="dopamine")
    left.set(xlabel="time [min]", ylabel="weight [mV]", ylim=(-0.25, 4.25))
    left.legend(frameon=False, loc="center right")
    right.hist(s["others"], bins=np.linspace(0, 4, 81), color=plot.GREY, label="all others")
    right.axvline(s["weight"][-1], color=plot.COLOURS[0], label="the rewarded synapse")
    right.set(yscale="log", xlabel="weight [mV]", ylabel="synapses", title="at the end")
    right.legend(frameon=False)
    return drawn


PAPER = Paper(
    "izhikevich_2007",
    "A synapse is rewarded seconds after the spikes that earn it, and is found among 80,000",
    "Izhikevich 2007, Cereb. Cortex 17:2443, doi:10.1093/cercor/bhl152, Fig. 1 and its script",
    run,
    draw,
)
