"""Inhibition that learns to balance excitation (Vogels, Sprekeler, Zenke, Clopath & Gerstner 2011).

Every pre- and postsynaptic spike near each other strengthens an inhibitory synapse, every presynaptic spike weakens it
by alpha = 2 rho_0 tau. On average dw/dt = eta (2 tau rho_in (rho - rho_0) + C), rho_in and rho being the rates of the
two neurons and C the covariance of their spikes under the window exp(-|s|/tau): the receiver settles at

    rho = rho_0 - C/(2 tau rho_in).

1. One layer: cells with 800 excitatory and 200 inhibitory afferents in eight channels, each of which has a rate that
   changes in time. Excitation is tuned to a channel, inhibition starts weak and flat. As rho is the same whatever the
   synapse, C/rho_in becomes the same for all channels: inhibition mirrors excitation channel by channel.
2. A network of 10,000 neurons, whose connections from inhibitory to excitatory neurons learn: it comes to fire
   asynchronously and irregularly at rho_0. When the synapses within two assemblies of neurons become five times as
   strong, these fire more, until inhibition has learned to hide them; yet a quarter of an assembly that is stimulated
   brings back the rest of it.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet import rules
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress, complete
from spikelet.experiments.vogels_2011_network import CELL, ETA, RHO_0, TAU, balance, remembered
from spikelet.neurons import PoissonNeuron
from spikelet.sim.connect import all_to_all
from spikelet.sim.network import Network
from spikelet.sim.result import join
from spikelet.units import Hz, ms, nS, second

# -- 1: one layer -----------------------------------------------------------------------------------------------------

CHANNELS, PER_CHANNEL = 8, {"excitation": 100, "inhibition": 25}


@dataclass(frozen=True, eq=False)
class Signals:
    """Rates of the channels, as a current into afferents, neighbours of which share a channel.

    Attributes:
        rates: (T, CHANNELS) of every ms [kHz].
    """

    rates: np.ndarray

    def rows(self, k0: int, T: int, n: int, dt: float, seed: int = 0, stream: int = 0) -> np.ndarray:
        """Return the rates of steps k0 to k0 + T - 1, (T, n)."""
        now = self.rates[((k0 + np.arange(T)) * dt / ms).astype(int)]
        return np.repeat(now, n // CHANNELS, axis=1)


def signals(seconds: int, seed: int) -> Signals:
    """Return channels of 5 Hz, and on top the positive half of noise with a time constant of 50 ms."""
    steps, decay = round(seconds * second / ms), math.exp(-1 / 50)
    drawn = np.random.Generator(np.random.Philox(key=seed)).normal(size=(steps + 1, CHANNELS))
    s, found = drawn[0], np.empty((steps, CHANNELS))
    for k in range(steps):
        s = decay * s + math.sqrt(1 - decay**2) * drawn[k + 1]
        found[k] = s
    return Signals(5 * Hz + 20 * Hz * np.maximum(found, 0))


def tuning() -> np.ndarray:
    """Return the excitatory weights [channel, cell]; each cell prefers another channel on a ring [nS]."""
    distance = np.abs(np.arange(CHANNELS) - np.arange(CHANNELS)[:, None])
    return 0.14 * nS * (0.3 + 1.1 / (1 + np.minimum(distance, CHANNELS - distance) ** 4.0))


def layer(seconds: int, seed: int) -> Network:
    """Return eight cells, each tuned to a channel, whose inhibition learns."""
    net, rates = Network(seed), signals(seconds, seed)
    post = net.add(CELL, CHANNELS, "cells")
    rule = rules.InhibitorySTDP(eta=0.005, rho_0=RHO_0, tau=TAU, w_max=10)
    for name, receptor, learns in (("excitation", "g_e", None), ("inhibition", "g_i", rule)):
        pre = net.add(PoissonNeuron, CHANNELS * PER_CHANNEL[name], name)
        net.drive(pre, rates)
        named = f"{name} to cells"
        net.connect(pre, post, all_to_all(), to=receptor, weight=0.05 * nS, delay=0.5 * ms, rule=learns, name=named)
    return net


def learned(seconds: int, seed: int, progress: Progress) -> dict[str, np.ndarray]:
    """Let the layer learn; the last third of the time is looked at.

    Returns:
        ``rates`` (cells,) and ``sums`` (cells,), rates and what `balance` says [Hz]; ``weights`` [channel, cell], mean
        inhibition [nS]; ``course`` (30, 2), mean rate, and correlation of the weights of both kinds, over time.
    """
    net = layer(seconds, seed)
    net.build(dt=0.2 * ms)
    excitation, syn = (net.projections[f"{name} to cells"] for name in PER_CHANNEL)
    excitation.set(weights=np.repeat(tuning(), PER_CHANNEL["excitation"], axis=0).ravel())
    course, parts = [], []
    with progress(30, unit="part") as bar:
        for part in range(30):
            result = complete(net.run(seconds * second / 30, record=["cells", "inhibition"]))
            w = syn.weights().reshape(CHANNELS, PER_CHANNEL["inhibition"], CHANNELS).mean(1)
            course.append((result["cells"].rate() / Hz, np.corrcoef(w.ravel(), tuning().ravel())[0, 1]))
            parts += [result] if part >= 20 else []
            bar.update()
    late = join(parts)
    out, given = late["cells"].spikes, late["inhibition"].spikes
    sums = [balance(given.times, out.times[out.ids == cell]) / Hz for cell in range(CHANNELS)]
    rates = out.counts() / (late.t_stop - late.t_start) / Hz
    return {"rates": rates, "sums": np.array(sums), "weights": w, "course": np.array(course)}


# -- the experiment ---------------------------------------------------------------------------------------------------


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Do both experiments; see `Paper.run`."""
    seconds, scale, settle, relearn = (30, 0.1, 11, 11) if quick else (150, 1.0, 80, 50)
    found = learned(seconds, seed, progress)
    seen, recall = remembered(scale, settle, relearn, seed, progress)
    offset = float((found["sums"] - found["rates"]).mean())
    details = {
        "layer: time [s], eta [nS]": [seconds, 0.005],
        "layer: C/(2 tau rho_in) [Hz]": offset,
        "network: neurons": round(10_000 * scale),
        "network: time before and after the assemblies [s], eta [nS]": [settle, relearn, ETA],
        "network: C/(2 tau rho_in) [Hz]": seen["sum"] - seen["rate of the cells"],
        "network: drift that is left [Hz]": seen["drift"],
        "rates of new and of old assemblies, others, recalled, not recalled [Hz]": [
            seen[name] for name in ("new", "hidden", "others", "recalled", "not recalled")
        ],
    }
    figures = [*_of_the_layer(found, offset, seconds), *_of_the_network(seen)]
    return figures, details, found | recall | {"excitation": tuning()}


def _of_the_layer(found: dict[str, np.ndarray], offset: float, seconds: int) -> list[Figure]:
    rate, expected = float(found["rates"].mean()), RHO_0 / Hz - offset
    error = 3 * math.sqrt(rate / (CHANNELS * seconds / 3))  # of the mean of Poisson counts
    what, gate = f"{expected:.2f} Hz = 5 Hz - C/(2 tau rho_in)", (expected - error, expected + error)
    mirror = float(found["course"][-1, 1])
    return [
        Figure("layer: output rate", rate, what, "calc", gate, "Hz"),
        Figure("layer: correlation of inhibitory and excitatory weights", mirror, "near 1", "calc", (0.95, 1)),
    ]


def _of_the_network(seen: dict[str, float]) -> list[Figure]:
    target, inf, sums = RHO_0 / Hz, math.inf, "network: rate + C/(2 tau rho_in) - drift"
    new, later = (seen[name] / seen["others"] for name in ("new", "hidden"))
    answer = seen["recalled"] / seen["not recalled"]
    return [
        Figure(sums, seen["sum"] - seen["drift"], "5 Hz", "calc", (target - 0.2, target + 0.2), "Hz"),
        Figure("network: rate", seen["rate"], "near 5 Hz", "memory", (4, 6), "Hz"),
        Figure("network: coefficient of variation of intervals", seen["cv"], "near 1", "memory", (0.7, 1.3)),
        Figure("network: synchrony", seen["synchrony"], "small", "memory", (0, 0.1)),
        Figure("new assemblies: rate over that of others", new, "raised", "memory", (2, inf)),
        Figure("old assemblies: rate over that of others", later, "1", "memory", (0.8, 1.2)),
        Figure("recall: rate of the rest of the assembly over that of the other", answer, "high", "memory", (3, inf)),
    ]


def draw(outcome: Outcome) -> Any:
    """Draw how the layer learns, its weights, and the recall of an assembly."""
    from spikelet.plot import COLOURS, GREY, figure
    from spikelet.plot.style import finish

    s = outcome.series
    fig, axes = figure(9, 6.4, rows=2, columns=2)
    time = np.arange(1, 31) / 30 * 100
    weights, recall = "inhibitory and excitatory weights", "a quarter of the first assembly is stimulated"
    axes[0, 0].plot(time, s["course"][:, 0], color=COLOURS[0], lw=1.2)
    axes[0, 0].axhline(RHO_0 / Hz, color=GREY, lw=0.8, ls=":")
    axes[0, 0].set(xlabel="time [% of the run]", ylabel="output rate [Hz]", title="layer")
    axes[0, 1].plot(time, s["course"][:, 1], color=COLOURS[1], lw=1.2)
    axes[0, 1].set(xlabel="time [% of the run]", ylabel="correlation", title=weights, ylim=(-0.1, 1.05))
    axes[1, 0].plot(s["excitation"].ravel(), s["weights"].ravel(), "o", color=COLOURS[2], ms=4)
    axes[1, 0].set(
        xlabel="excitatory weight [nS]", ylabel="inhibitory weight [nS]", title="eight cells, eight channels"
    )
    axes[1, 1].plot(*s["raster"], ",", color="black")
    axes[1, 1].axvspan(0, 200, color=COLOURS[4], alpha=0.25, lw=0)
    axes[1, 1].set(xlabel="time [ms]", ylabel="neuron / size of an assembly", title=recall)
    finish(*axes.ravel())
    return fig


PAPER = Paper(
    name="vogels_2011",
    title="Inhibition that learns: a target rate, detailed balance, and hidden assemblies that can be recalled",
    ref="Vogels, Sprekeler, Zenke, Clopath & Gerstner 2011, Science 334:1569, Fig. 1, 2, 4",
    run=run,
    draw=draw,
)
