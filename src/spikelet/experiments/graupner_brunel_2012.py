"""Calcium decides how strong synapses become after 60 pairs of spikes, by their lag (Graupner & Brunel 2012).

Every pair of spikes raises the calcium of a synapse, which moves its efficacy w up or down while it is above two
thresholds, with noise; without calcium w falls back to 0 (DOWN) or to 1 (UP). Many synapses, half of them DOWN and half
UP, undergo the protocol; what is measured is the mean strength after it, relative to before, where an UP synapse is as
strong as ``B`` DOWN ones. Six sets of parameters give six shapes of the curve over the lag. In the time of the protocol
the curve follows in closed form from the shares of time that calcium spends above the thresholds.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikelet import rules
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress, complete
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import from_arrays, one_to_one
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain
from spikelet.units import ms, second

SETS: Mapping[str, Rule] = {  # Table S1; D is the delay of the calcium of a presynaptic spike
    "DP": rules.GraupnerBrunel,
    "DPD": rules.GraupnerBrunelDPD,
    "DPD'": rules.GraupnerBrunelDPDPrime,
    "P": rules.GraupnerBrunelP,
    "D": rules.GraupnerBrunelD,
    "D'": rules.GraupnerBrunelDPrime,
}
LAGS = (-50, -20, -10, 0, 10, 20, 50)  # from the pre- to the postsynaptic spike [ms]
PAIRS, PERIOD = 60, 1 * second
AWAKE = 200 * ms  # of every period; in the rest calcium is below all thresholds
BETA, B = 0.5, 5.0  # share of synapses that start DOWN; strength of UP in that of DOWN

# Fires when it is told to; what the synapses deliver has no effect.
_RELAY = Neuron("Relay", "dv/dt = -v/(1 ms) : 1; ddeaf/dt = -deaf/(1 ms) : 1", threshold="v > 0.5", reset="v = 0")


# -- closed form ------------------------------------------------------------------------------------------------------


def above(events: Sequence[tuple[float, float]], theta: float, tau_ca: float) -> float:
    """Return the share of time that calcium is above a threshold, when events come again every second.

    Args:
        events: (time [ms], jump) of each.
        theta: threshold, in units of the jumps.
        tau_ca: time constant of calcium [ms].
    """
    order = sorted((time % PERIOD, jump) for time, jump in events)
    c, last, total = 0.0, order[-1][0] - PERIOD, 0.0
    for _ in range(2):  # of the first period only the end matters: what calcium it leaves
        total = 0.0
        for (time, jump), after in zip(order, [*order[1:], (order[0][0] + PERIOD, 0.0)], strict=True):
            c, last = c * math.exp((last - time) / tau_ca) + jump, time
            total += min(after[0] - time, tau_ca * math.log(c / theta)) if c > theta else 0.0
        last -= PERIOD
    return total / PERIOD


def flips(lag: float, rule: Rule) -> tuple[float, float]:
    """Return the probabilities that the protocol takes a synapse from DOWN to UP, and from UP to DOWN.

    Within the protocol the pull to the two stable states is neglected: w is an Ornstein-Uhlenbeck process, and UP is
    what ends above 0.5 (Graupner & Brunel 2012, supporting text).
    """
    p: dict = dict(rule.parameters)
    events = [(p["D"], p["c_pre"]), (lag, p["c_post"])]
    share_p, share_d = (above(events, p[theta], p["tau_ca"]) for theta in ("theta_p", "theta_d"))
    up, down = p["gamma_p"] * share_p, p["gamma_d"] * share_d
    if up + down == 0:
        return 0.0, 0.0
    mean, decay = up / (up + down), math.exp(-PAIRS * PERIOD * (up + down) / p["tau"])
    sd = p["sigma"] * math.sqrt((share_p + share_d) / (up + down) * (1 - decay**2))
    return _above_half(mean - mean * decay, sd), 1 - _above_half(mean + (1 - mean) * decay, sd)


def _above_half(mean: float, sd: float) -> float:
    return 0.5 * (1 + math.erf((mean - 0.5) / sd))


def change(to_up: float, to_down: float) -> float:
    """Return the mean strength after the protocol, relative to before, of the two probabilities of `flips`."""
    up = BETA * to_up + (1 - BETA) * (1 - to_down)
    return (1 - up + B * up) / (BETA + (1 - BETA) * B)


def scatter(to_up: float, to_down: float, synapses: int) -> float:
    """Return the standard deviation of `change` for so many synapses that start DOWN, and as many UP."""
    variance = (BETA**2 * to_up * (1 - to_up) + (1 - BETA) ** 2 * to_down * (1 - to_down)) / synapses
    return (B - 1) * math.sqrt(variance) / (BETA + (1 - BETA) * B)


# -- simulation -------------------------------------------------------------------------------------------------------


def network(lags: Sequence[float], synapses: int, times: np.ndarray, seed: int) -> Network:
    """Return a network in which every set and lag has so many synapses that start DOWN, and as many that start UP.

    One neuron sends, at given times [ms], to one neuron for each lag, which a teacher makes fire.
    """
    net, n = Network(seed, dtype="float64"), len(lags)
    pre = net.add(SpikeTrain(times, np.zeros(len(times), int)), 1, "pre")
    later = np.concatenate([times + lag for lag in lags])
    teacher = net.add(SpikeTrain(later, np.repeat(np.arange(n), len(times))), n)
    post = net.add(_RELAY, n, "post")
    net.connect(teacher, post, one_to_one(), to="v", weight=1.0, delay=0)
    targets = np.repeat(np.arange(n), 2 * synapses)
    for name, rule in SETS.items():
        pattern, delay = from_arrays(np.zeros_like(targets), targets), rule.parameters["D"] if len(times) else 0
        net.connect(pre, post, pattern, to="deaf", weight=0.0, delay=delay, rule=rule, name=name)
    return net


def simulate(
    lags: Sequence[float], synapses: int, dt: float, seed: int, progress: Progress
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return for each set the shares (lags,) of synapses that went up, and that went down.

    Of each second, the first ``AWAKE`` goes in fine steps. In the rest calcium is below all thresholds, and weights
    creep towards 0 or 1: a second network takes them through it in steps of 10 ms.
    """
    awake = network(lags, synapses, 60 * ms + AWAKE * np.arange(PAIRS), seed)
    asleep = network(lags, synapses, np.zeros(0), seed)
    for net, step in ((awake, dt), (asleep, 10 * ms)):
        net.build(dt=step)
    weights = {name: np.tile(np.repeat([0.0, 1.0], synapses), len(lags)) for name in SETS}
    with progress(PAIRS, unit="pair") as bar:
        for _ in range(PAIRS):
            for net, time in ((awake, AWAKE), (asleep, PERIOD - AWAKE)):
                for name in SETS:
                    net.projections[name].set(weights=weights[name])
                complete(net.run(time))
                weights = {name: net.projections[name].weights() for name in SETS}
            bar.update()
    ends = {name: w.reshape(len(lags), 2, synapses) > 0.5 for name, w in weights.items()}
    return {name: (up[:, 0].mean(1), 1 - up[:, 1].mean(1)) for name, up in ends.items()}


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Undergo the protocol; see `Paper.run`."""
    lags, synapses, dt = ((-20, 10), 100, 0.2 * ms) if quick else (LAGS, 4000, 0.1 * ms)
    found = simulate(lags, synapses, dt, seed, progress)
    fine, figures, distances = np.arange(-100.0, 100.5), [], []
    series = {"lags": np.array(lags), "fine": fine}
    for name, rule in SETS.items():
        ours = np.array([change(*both) for both in zip(*found[name], strict=True)])
        theirs = np.array([change(*flips(lag, rule)) for lag in lags])
        series[f"{name} simulated"] = ours
        series[f"{name} closed form"] = np.array([change(*flips(lag, rule)) for lag in fine])
        distances.append(np.abs(ours - theirs))
        for lag in (-20, 10):
            i = lags.index(lag)
            exact = float(theirs[i])
            what = f"{name}: strength after pairs at {lag:+d} ms"
            figures.append(Figure(what, float(ours[i]), f"{exact:.4f}", "calc", (exact - 0.03, exact + 0.03)))
    share, mean = float((np.array(distances) < 0.03).mean()), float(np.mean(distances))
    figures.append(Figure("mean distance from the closed form, all sets and lags", mean, "0", "calc", (0, 0.015)))
    figures.append(Figure("share of strengths within 0.03 of the closed form", share, "1", "calc", (0.9, 1)))
    worst = max(scatter(*flips(lag, rule), synapses) for rule in SETS.values() for lag in lags)
    details = {
        "synapses of each set and lag": f"{synapses} that start DOWN, {synapses} that start UP",
        "pairs": f"{PAIRS} at 1 Hz",
        "lags [ms]": list(lags),
        "step [ms]": dt,
        "standard deviation of a strength by chance, at most": worst,  # so 1 of 20 is beyond 0.03
        "largest distance": float(np.max(distances)),
    }
    return figures, details, series


def draw(outcome: Outcome) -> Any:
    """Draw the six curves: closed form as a line, simulation as dots."""
    from spikelet.plot import figure
    from spikelet.plot.style import COLOURS, finish

    fig, axes = figure(7.5, 4.6, rows=2, columns=3)
    for ax, name in zip(axes.ravel(), SETS, strict=True):
        ax.axhline(1, color="0.8", lw=0.8)
        ax.plot(
            outcome.series["fine"], outcome.series[f"{name} closed form"], color=COLOURS[0], lw=1.2, label="closed form"
        )
        ax.plot(
            outcome.series["lags"], outcome.series[f"{name} simulated"], "o", color=COLOURS[1], ms=4, label="simulated"
        )
        ax.set(title=name, ylim=(0.55, 1.35), xlabel="lag, post after pre [ms]", ylabel="strength, after/before")
        finish(ax)
    axes[0, 0].legend(frameon=False, fontsize=7)
    return fig


PAPER = Paper(
    name="graupner_brunel_2012",
    title="Calcium-based plasticity: six shapes of the curve of spike timing, against their closed form",
    ref="Graupner & Brunel 2012, PNAS 109:3991, Fig. 2, Table 1",
    run=run,
    draw=draw,
)
