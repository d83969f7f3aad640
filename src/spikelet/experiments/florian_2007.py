"""Exclusive or, learnt from reward by modulated STDP: with a rate code by both rules, and with a temporal code.

Two bits go into a network of three layers for 500 ms. Where its output should fire, each of its spikes is rewarded with
1, else with -1; nothing else tells the synapses what to do. The reward acts in the step of the spike, since r(t + dt)
of the paper belongs to the spikes of step t. Many networks run side by side as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet import plot, random
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress, complete
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import expression
from spikelet.sim.currents import steps
from spikelet.sim.distributions import uniform
from spikelet.sim.network import Network
from spikelet.sim.population import Population
from spikelet.sim.sources import Poisson, SpikeTrain
from spikelet.units import Hz, ms, mV

PATTERNS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])  # the two bits
REWARDS = np.array([-1, 1, 1, -1])  # of a spike of the output
SHOWN = 500 * ms  # how long each pattern is shown
LATE = 20  # epochs at the end that tell whether XOR has been learnt
NAMES = ("0, 0", "1, 0", "0, 1", "1, 1")

_LIF = """
    dv/dt = (v_rest - v)/tau_mem : mV
    target : 1 (input)                       # what a spike of the output is worth now
    tau_mem = 20 ms;  v_rest = -70 mV;  v_th = -54 mV
"""
HIDDEN = Neuron(
    "Hidden",
    _LIF + "\n reward[k+1] = target*praised : 1;  praised : 1 (input)  # spikes of the output in this step",
    threshold="v > v_th",
    reset="v = v_rest",
    initial="v = v_rest",
    ref="Florian 2007, section 4.1",
)
OUTPUT = Neuron(
    "Output",
    _LIF + "\n reward[k+1] = 0 : 1",
    threshold="v > v_th",
    reset="v = v_rest; reward = target",
    initial="v = v_rest",
    ref=HIDDEN.ref,
)

# `rules.MSTDP` and `rules.MSTDPET`, but for the reward, which is that of the receiving neuron in each step.
_PAIRS = """
    dx_pre/dt = -x_pre/tau_plus : 1 (pre)    # P+ of the paper
    dx_post/dt = -x_post/tau_minus : 1 (post)  # P-
    tau_plus = 20 ms;  tau_minus = 20 ms;  a_plus = 1;  a_minus = 1
    gamma = 0.1;  w_min = 0;  w_max = 5      # weights are jumps of the membrane [mV]
"""
MSTDP = Rule(
    "MSTDP",
    _PAIRS,
    on_pre="x_pre += 1; w = clip(w - gamma*reward_post*a_minus*x_post, w_min, w_max)",
    on_post="x_post += 1; w = clip(w + gamma*reward_post*a_plus*x_pre, w_min, w_max)",
    doc="A pair changes the weight if there is a reward in the step of its second spike.",
    ref="Florian 2007, Neural Comput. 19:1468, Eq. 20-23",
)
MSTDPET = Rule(
    "MSTDPET",
    _PAIRS
    + """
    dz/dt = -z/tau_z : 1/ms
    w[k+1] = clip(w + gamma*dt*reward_post*z, w_min, w_max) : 1
    tau_z = 25 ms
    """,
    on_pre="x_pre += 1; z -= a_minus*x_post/tau_z",
    on_post="x_post += 1; z += a_plus*x_pre/tau_z",
    doc="A pair leaves a trace z behind, which a reward turns into a change of the weight.",
    ref="Florian 2007, Eq. 24-26",
)


@dataclass(frozen=True)
class Task:
    """A variant of the experiment.

    Attributes:
        name: For messages and the plot.
        rule: That all synapses learn by.
        temporal: Whether bits are given spike trains of 50 Hz, else rates.
        hidden: Neurons in the hidden layer.
        w_max: Bound of all weights [mV]; those of inhibitory inputs lie between its negative and 0.
        published: Share of networks that learnt.
    """

    name: str
    rule: Rule
    temporal: bool
    hidden: int
    w_max: float
    published: str


TASKS = (
    Task("rate code, MSTDP", MSTDP(gamma=0.1 * mV), False, 60, 5 * mV, "99.1 %"),
    Task("rate code, MSTDPET", MSTDPET(gamma=0.3 * mV), False, 60, 5 * mV, "98.2 %"),  # with the paper's 0.625: 8 of 10
    Task("temporal code, MSTDPET", MSTDPET(gamma=0.25 * mV), True, 20, 20 * mV, ""),
)


def patterns(networks: int, epochs: int, seed: int) -> np.ndarray:
    """Return which pattern is shown when, (4*epochs, networks): each epoch shows all four, in random order."""
    drawn = random.uniform(seed, np.arange(epochs)[:, None], np.arange(4 * networks), random.STREAMS["shuffle"])
    return drawn.reshape(epochs, networks, 4).argsort(-1).transpose(0, 2, 1).reshape(4 * epochs, networks)


def network(task: Task, shown: np.ndarray, seed: int) -> tuple[Network, Population]:
    """Return networks side by side, and their outputs.

    Half of the inputs is excitatory, half inhibitory: with a rate code 15 of each kind for each bit, with a temporal
    code one for the first bit, and one for the second.

    Args:
        task: The variant.
        shown: (patterns, networks) which pattern is shown when.
        seed: Of weights and inputs.
    """
    networks, times, h = shown.shape[1], SHOWN * np.arange(len(shown)), task.hidden
    net = Network(seed)
    hidden, output = net.add(HIDDEN, networks * h, "hidden"), net.add(OUTPUT, networks, "output")
    each, top = 1 if task.temporal else 30, task.w_max
    for bit, (name, bounds) in enumerate({"excitatory": (0 * mV, top), "inhibitory": (-top, 0 * mV)}.items()):
        source = net.add(_trains(shown, bit, seed) if task.temporal else _rates(shown, each), networks * each, name)
        _plastic(net, source, hidden, f"i//{each} == j//{h}", task.rule, bounds)
    _plastic(net, hidden, output, f"i//{h} == j", task.rule, (0 * mV, top))
    net.connect(output, hidden, expression(f"i == j//{h}"), to="praised", weight=1.0, delay=0)
    target = REWARDS[shown].astype(float)
    net.drive(hidden, steps(list(zip(times, np.repeat(target, h, axis=1), strict=True))), to="target")
    net.drive(output, steps(list(zip(times, target, strict=True))), to="target")
    return net, output


def _plastic(
    net: Network, pre: Population, post: Population, pairs: str, rule: Rule, bounds: tuple[float, float]
) -> None:
    """Connect those that belong to one network, by weights anywhere between the bounds."""
    bounded = rule(w_min=bounds[0], w_max=bounds[1])
    net.connect(pre, post, expression(pairs), to="v", weight=uniform(*bounds), delay=1 * ms, rule=bounded)


def _rates(shown: np.ndarray, each: int) -> Poisson:
    """Return the source of a rate code: half of ``each`` elements of a network have 40 Hz where their bit is 1."""
    bits = np.repeat(PATTERNS[shown], each // 2, axis=2)
    return Poisson((SHOWN * np.arange(len(shown)), 40 * Hz * bits.reshape(len(shown), -1)))


def _trains(shown: np.ndarray, bit: int, seed: int) -> SpikeTrain:
    """Return the source of a temporal code of one bit: 0 and 1 are trains of 50 Hz, the same for both bits."""
    length, networks = round(SHOWN), shown.shape[1]
    drawn = random.uniform(seed, np.arange(length)[:, None], np.arange(2 * networks), random.STREAMS["encode"])
    trains = (drawn < 50 * Hz).reshape(length, networks, 2)
    number, network = np.indices(shown.shape).reshape(2, -1)
    at, which = np.nonzero(trains[:, network, PATTERNS[shown.ravel(), bit]])
    return SpikeTrain(SHOWN * number[which] + at + 1, network[which])


def learn(task: Task, networks: int, epochs: int, seed: int) -> np.ndarray:
    """Let networks learn; return the spikes of their outputs, (epochs, networks, patterns)."""
    shown = patterns(networks, epochs, seed)
    net, output = network(task, shown, seed)
    spikes = complete(net.run(SHOWN * len(shown), dt=1 * ms, record=output))[output].spikes
    counts = np.zeros((epochs, networks, 4))
    number = np.ceil(spikes.times / SHOWN).astype(int) - 1  # a spike of the last step stands at the end
    np.add.at(counts, (number // 4, spikes.ids, shown[number, spikes.ids]), 1)
    return counts


def learnt(counts: np.ndarray) -> np.ndarray:
    """Return which networks have learnt, (networks,): in the last epochs both patterns of "1" are above both of "0"."""
    late = counts[-LATE:].mean(0)
    return late[:, REWARDS > 0].min(1) > late[:, REWARDS < 0].max(1)


def run(quick: bool, seed: int, progress: Progress) -> tuple[Sequence[Figure], Mapping[str, Any], Mapping[str, Any]]:
    """Let 20 networks learn each task for 200 epochs; a quick run has few, and few epochs."""
    networks, epochs = (4, 2 * LATE) if quick else (20, 200)
    found: list[np.ndarray] = []
    with progress(len(TASKS), unit="task") as bar:
        for task in TASKS:
            found.append(learn(task, networks, epochs, seed))
            bar.update(1)
    figures = [
        Figure(
            f"networks that learnt, {task.name}",
            100 * float(learnt(c).mean()),
            task.published,
            "memory",
            (90, 100),
            "%",
        )
        for task, c in zip(TASKS, found, strict=True)
    ]
    details = {
        "networks": networks,
        "epochs": epochs,
        "rates": {task.name: task.rule.parameters["gamma"] for task in TASKS},
        "learnt at the start": {t.name: int(learnt(c[:LATE]).sum()) for t, c in zip(TASKS, found, strict=True)},
        "spikes at the end": {
            t.name: dict(zip(NAMES, c[-LATE:].mean((0, 1)).round(1).tolist(), strict=True))
            for t, c in zip(TASKS, found, strict=True)
        },
    }
    return figures, details, {task.name: c for task, c in zip(TASKS, found, strict=True)}


def draw(outcome: Outcome) -> Any:
    """Draw how the answers to the four patterns part: mean over networks, and the range of nine in ten."""
    drawn, axes = plot.figure(11, 4.0, columns=len(outcome.series))
    for ax, (name, counts) in zip(axes, outcome.series.items(), strict=True):
        width = max(1, len(counts) // 40)
        blocks = counts[: len(counts) // width * width].reshape(-1, width, *counts.shape[1:]).mean(1)
        epochs = width * (np.arange(len(blocks)) + 0.5)
        for pattern, label in enumerate(NAMES):
            colour, style = plot.COLOURS[pattern], "-" if REWARDS[pattern] > 0 else "--"
            low, high = np.quantile(blocks[..., pattern], [0.05, 0.95], axis=1)
            ax.fill_between(epochs, low, high, color=colour, alpha=0.15, linewidth=0)
            ax.plot(epochs, blocks[..., pattern].mean(1), style, color=colour, label=label)
        ax.set_title(f"{name}\n{learnt(counts).sum()} of {counts.shape[1]} learnt it")
        ax.set_xlabel("epoch")
    axes[0].set_ylabel("spikes of the output in 500 ms")
    axes[1].legend(title="bits", frameon=False, loc="upper right", ncols=2)
    return drawn


PAPER = Paper(
    "florian_2007",
    "Exclusive or is learnt from a reward for each spike of the output",
    "Florian 2007, Neural Comput. 19:1468, doi:10.1162/neco.2007.19.6.1468, section 4",
    run,
    draw,
)
