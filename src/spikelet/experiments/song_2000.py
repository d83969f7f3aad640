"""Song, Miller & Abbott 2000: competition among synapses by the timing of spikes.

A neuron hears a thousand Poisson trains, and learns by additive STDP in which depression is stronger by a twentieth.
The synapses compete for the time of its spikes, until some are as strong as they can be and the others silent. So many
stay strong that the neuron is driven by fluctuations: it fires irregularly, and at much the same rate, however often
its inputs fire. If inputs come in volleys, to which each adds a burst with a latency of its own, the early ones grow,
the late ones vanish, and the neuron responds earlier and earlier.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikelet import analysis, plot
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress, complete
from spikelet.model import Neuron
from spikelet.rules import STDP
from spikelet.sim.connect import all_to_all
from spikelet.sim.network import Network
from spikelet.sim.projection import Projection
from spikelet.sim.sources import Poisson, SpikeTrain
from spikelet.units import Hz, ms, second

NEURON = Neuron(
    "SongNeuron",
    """
    dv/dt = (v_rest - v + g_ex*(E_ex - v) + g_in*(E_in - v))/tau_mem : mV
    dg_ex/dt = -g_ex/tau_ex : 1              # conductances in parts of that of the leak
    dg_in/dt = -g_in/tau_in : 1
    tau_mem = 20 ms;  tau_ex = 5 ms;  tau_in = 5 ms
    v_rest = -70 mV;  E_ex = 0 mV;  E_in = -70 mV
    v_th = -54 mV;  v_reset = -60 mV
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    initial="v = v_rest",
    doc="LIF with two conductances.",
)
N, INHIBITORY = 1000, 200
G_MAX, G_IN = 0.015, 0.05
RULE = STDP(a_plus=0.005 * G_MAX, a_minus=1.05 * 0.005 * G_MAX, tau_plus=20 * ms, tau_minus=20 * ms, w_max=G_MAX)
DT = 0.2 * ms
RATES = np.array([10, 20, 30, 40]) * Hz  # of the inputs
INHIBITION = 10 * Hz

# -- competition ------------------------------------------------------------------------------------------------------


def competition(rates: np.ndarray, seed: int) -> tuple[Network, list[Projection]]:
    """Return a network with a neuron for each rate of the inputs [kHz], and their synapses."""
    net, synapses = Network(seed=seed), []
    for rate in rates:
        name = f"{rate / Hz:g} Hz"
        inputs, cell = net.add(Poisson(rate), N, f"inputs, {name}"), net.add(NEURON, 1, name)
        inhibition = net.add(Poisson(INHIBITION), INHIBITORY, f"inhibition, {name}")
        net.connect(inhibition, cell, all_to_all(), to="g_in", weight=G_IN)
        how = {"to": "g_ex", "weight": G_MAX, "rule": RULE}  # all are strong at first
        synapses.append(net.connect(inputs, cell, all_to_all(), **how))
    return net, synapses


def compete(rates: np.ndarray, learn: float, watch: float, seed: int) -> dict[str, np.ndarray]:
    """Let neurons learn for some time [ms]; return weights, and rates and irregularity in the time after that."""
    net, synapses = competition(rates, seed)
    cells = [synapse.post[0].population for synapse in synapses]
    start = complete(net.run(5 * second, dt=DT, record=cells))
    complete(net.run(learn - 5 * second, dt=DT, record=[]))
    end = complete(net.run(watch, dt=DT, record=cells))
    trains = [end[cell].spikes.times for cell in cells]
    return {
        "weights": np.array([synapse.weights() for synapse in synapses]) / G_MAX,
        "before": np.array([start[cell].rate() for cell in cells]) / Hz,
        "rates": np.array([end[cell].rate() for cell in cells]) / Hz,
        "cv": np.array([analysis.cv_isi(times, np.zeros(len(times), int)) for times in trains]),
    }


# -- latency ----------------------------------------------------------------------------------------------------------

EVERY = 250 * ms  # from volley to volley, on average
SPREAD = 15 * ms  # standard deviation of the latencies
BURST, BURST_RATE = 20 * ms, 100 * Hz
MIDDLE = 60 * ms  # from the beginning of a volley to the mean latency


def volleys(t: float, seed: int) -> tuple[SpikeTrain, np.ndarray, np.ndarray]:
    """Return the spikes of the inputs, the latency of each of them (N,), and when volleys begin; all in ms."""
    rng = np.random.default_rng((seed, 1))
    begin = np.cumsum(100 * ms + rng.exponential(EVERY - 100 * ms, round(1.2 * t / EVERY)))
    begin = begin[begin < t - 150 * ms]
    latency = rng.normal(MIDDLE, SPREAD, N)
    count = rng.poisson(BURST * BURST_RATE, (len(begin), N))
    volley, ids = (np.repeat(index.ravel(), count.ravel()) for index in np.indices(count.shape))
    times = begin[volley] + latency[ids] + rng.uniform(0, BURST, len(ids))
    return SpikeTrain(np.maximum(times, DT), ids), latency, begin


def respond(t: float, seed: int) -> dict[str, np.ndarray]:
    """Let a neuron learn from volleys for some time [ms]; return when it responds, and the weights over latency."""
    train, latency, begin = volleys(t, seed)
    net = Network(seed=seed)
    inputs, cell = net.add(train, N, "inputs"), net.add(NEURON, 1, "cell")
    synapses = net.connect(inputs, cell, all_to_all(), to="g_ex", weight=0.5 * G_MAX, rule=RULE)
    spikes = complete(net.run(t, dt=DT, record=cell))[cell].spikes.times
    first = np.searchsorted(spikes, begin)
    ends = np.append(begin[1:], t)
    answered = (first < len(spikes)) & (spikes[np.minimum(first, len(spikes) - 1)] < ends)
    return {
        "latency": latency - MIDDLE,
        "grown": synapses.weights() / G_MAX,
        "volley": np.flatnonzero(answered),
        "response": spikes[first[answered]] - begin[answered] - MIDDLE,
    }


# -- the experiment ---------------------------------------------------------------------------------------------------


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Let neurons compete at four rates of the inputs, and one learn from volleys."""
    learn, watch, volley = (20, 5, 10) if quick else (2000, 100, 100)
    rates = RATES[::3] if quick else RATES
    with progress(2, unit="protocol") as bar:
        series = {"inputs": rates / Hz, **compete(rates, learn * second, watch * second, seed)}
        bar.update(1)
        series |= respond(volley * second, seed)
        bar.update(1)
    details = {
        "seconds of learning": learn,
        "rates of the inputs [Hz]": [float(rate) for rate in series["inputs"]],
        "rates in the first 5 s [Hz]": [round(float(value), 1) for value in series["before"]],
        "rates at the end [Hz]": [round(float(value), 1) for value in series["rates"]],
        "CV of intervals at the end": [round(float(value), 2) for value in series["cv"]],
        "strong synapses of 1000": [int((weights > 0.5).sum()) for weights in series["weights"]],
        "seconds with volleys": volley,
    }
    return figures(series), details, series


def figures(series: Mapping[str, np.ndarray]) -> list[Figure]:
    """Return what the weights, the rates and the responses say."""
    weights, cv = series["weights"], series["cv"]
    rates, before = series["rates"], series["before"]
    middle = float(((weights > 0.2) & (weights < 0.8)).mean())
    early, late = series["response"][:5].mean(), series["response"][-100:].mean()
    strong = series["latency"][series["grown"] > 0.8]
    weak = series["latency"][series["grown"] < 0.2]
    return [
        Figure("synapses of middle strength (0.2 to 0.8)", middle, "few: two groups", "memory", (0, 0.3)),
        Figure("CV of intervals, mean", float(cv.mean()), "near 1", "memory", (0.7, 1.3)),
        Figure("rate at 40 Hz of the inputs / at 10 Hz", float(rates[-1] / rates[0]), "near 1", "memory", (0.5, 2)),
        Figure("the same in the first 5 s", float(before[-1] / before[0]), "", "memory", (2, np.inf)),
        Figure(
            "response to volleys at the end, earlier than in the first five by",
            float(early - late),
            "earlier",
            "memory",
            (0, np.inf),
            "ms",
        ),
        Figure(
            "latency of strong less that of silent inputs",
            float(strong.mean() - weak.mean()),
            "below 0",
            "memory",
            (-np.inf, -10),
            "ms",
        ),
    ]


def draw(outcome: Outcome) -> Any:
    """Draw weights, rates and irregularity over the rate of the inputs; weights and responses for volleys."""
    series = outcome.series
    figure, axes = plot.figure(10, 6.2, rows=2, columns=2)
    bins = np.linspace(0, 1, 26)
    for place, (rate, weights) in enumerate(zip(series["inputs"], series["weights"], strict=True)):
        axes[0, 0].hist(weights, bins, histtype="step", color=plot.COLOURS[place], label=f"inputs of {rate:g} Hz")
    axes[0, 0].set_xlabel("weight / largest weight")
    axes[0, 0].set_ylabel("synapses")
    axes[0, 1].plot(series["inputs"], series["before"], "o:", color=plot.GREY, label="rate in the first 5 s [Hz]")
    axes[0, 1].plot(series["inputs"], series["rates"], "o-", color=plot.COLOURS[0], label="rate at the end [Hz]")
    axes[0, 1].set_yscale("log")
    ticks = [10, 20, 50, 100, 200, 500]
    axes[0, 1].set_yticks(ticks, map(str, ticks))
    axes[0, 1].minorticks_off()
    axes[0, 1].set_xlabel("rate of the inputs [Hz]")
    axes[0, 1].set_ylabel("rate of the neuron [Hz]")
    twin = axes[0, 1].twinx()
    twin.plot(series["inputs"], series["cv"], "s-", color=plot.COLOURS[1], label="CV of intervals")
    twin.set_ylim(0, 2)
    twin.set_ylabel("CV of intervals")
    axes[1, 0].plot(series["latency"], series["grown"], ".", markersize=3, color=plot.COLOURS[0], label="inputs")
    axes[1, 0].set_xlabel("latency of the input in a volley [ms]")
    axes[1, 0].set_ylabel("weight / largest weight")
    axes[1, 1].semilogx(
        series["volley"] + 1, series["response"], ".", markersize=2, color=plot.COLOURS[0], label="first spike"
    )
    axes[1, 1].set_xlabel("volley")
    axes[1, 1].set_ylabel("time from the mean latency [ms]")
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8, loc="center right" if axis is axes[0, 1] else "best")
    twin.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


PAPER = Paper(
    name="song_2000",
    title="Additive STDP: competition makes synapses strong or silent, firing irregular and its rate steady",
    ref="Song, Miller & Abbott 2000, Nat. Neurosci. 3:919",
    run=run,
    draw=draw,
)
