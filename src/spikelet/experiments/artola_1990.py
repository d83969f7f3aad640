"""The same input depresses or potentiates by how far the cell is depolarised (Artola, Broecher & Singer 1990).

An active synapse does not change while the cell is below a first threshold of the membrane potential, is depressed
between the first and a second one, and is potentiated above the second. Two experiments show it:

1. A current holds the cell at a potential while one afferent fires, too weak to be felt. N spikes change its weight
   by N phi(v), phi being the rule's curve over the potential v = E_L + I/g_L.
2. A tetanus: all afferents fire at 50 Hz for 2 s, five times, which also drives inhibition. A blocker of inhibition
   (bicuculline) is given in small steps. The more of it, the further the same tetanus depolarises the cell: nothing
   changes, then depression, then potentiation. Afferents that are silent do not change.
"""

import math
from typing import Any

import numpy as np

from spikelet import rules
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress, complete
from spikelet.model import Neuron
from spikelet.sim.connect import all_to_all
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain
from spikelet.synapse import Synapse
from spikelet.units import ms, second

DT = 0.5 * ms
START = 0.5  # weight of each afferent
RULE = rules.ABS(a_plus=5e-5, a_minus=1e-5)  # slow, so that no weight reaches its bounds

# Passive: the rule follows the mean potential, to which spikes add little.
_CELL = Neuron(
    "Cell",
    "dv/dt = (g_L*(E_L - v) + I)/C : mV; I : pA (input); C = 200 pF; g_L = 10 nS; E_L = -70 mV",
    initial="v = E_L",
)
_EXCITES = Synapse(
    "Excites", "di/dt = -i/tau : 1 (post); out = i*peak : pA; tau = 5 ms; peak = 110 pA", on_pre="i += w"
)
_INHIBITS = Synapse(
    "Inhibits",
    """
    dg/dt = -g/tau : nS (post)
    out = g*(1 - block)*(E_i - v_post) : pA
    tau = 10 ms;  E_i = -75 mV
    block = 0                                # share of the inhibition that is blocked
    """,
    on_pre="g += w",
)


def phi(v: np.ndarray) -> np.ndarray:
    """Return the change of a weight for each spike of its afferent while the cell is at a potential [mV]."""
    p: dict = dict(RULE.parameters)
    over = np.maximum(v - p["theta_plus"], 0)
    between = np.maximum(v - p["theta_minus"], 0) * np.maximum(p["theta_plus"] - v, 0)
    return p["a_plus"] * over - p["a_minus"] * between


# -- 1: a current -----------------------------------------------------------------------------------------------------


def held(currents: np.ndarray, spikes: int) -> np.ndarray:
    """Return the change (n,) of the weight of an afferent that fires so often, of one cell for each current [pA]."""
    net, begin, pause = Network(dtype="float64"), 200 * ms, 20 * ms
    train = net.add(SpikeTrain(begin + pause * np.arange(spikes), np.zeros(spikes, int)), 1)
    cells = net.add(_CELL, len(currents), "cells")
    net.drive(cells, currents)
    unfelt = _EXCITES(peak=0.0)
    syn = net.connect(train, cells, all_to_all(), synapse=unfelt, weight=START, rule=RULE, name="syn")
    complete(net.run(2 * begin + pause * spikes, dt=0.1 * ms))  # the trace is held over each step
    return syn.weights() - START


# -- 2: a tetanus -----------------------------------------------------------------------------------------------------


def tetanus(blocks: np.ndarray, trains: int) -> dict[str, np.ndarray]:
    """Stimulate 20 of 40 afferents at 50 Hz for 2 s, again and again; the blocker differs from cell to cell.

    Returns:
        ``active`` and ``silent`` (cells,), mean weights of the two halves of the afferents, relative to before;
        ``v`` (cells,), the mean potential in the first train [mV].
    """
    net, period, pulses, pause = Network(dtype="float64"), 20 * ms, 100, 3 * second
    spikes = period * np.arange(pulses) + pause * np.arange(trains)[:, None]  # of the first afferent
    times = DT + spikes.ravel() + period / 20 * np.arange(20)[:, None]  # paths of other lengths
    source = net.add(SpikeTrain(times.ravel(), np.repeat(np.arange(20), trains * pulses)), 40, "afferents")
    cells = net.add(_CELL, len(blocks), "cells")
    net.connect(source, cells, all_to_all(), synapse=_EXCITES, weight=START, rule=RULE, name="syn")
    inhibition = _INHIBITS(block=blocks)
    net.connect(source, cells, all_to_all(), synapse=inhibition, weight=1.75, delay=2 * ms)
    first = complete(net.run(pulses * period, dt=DT, record={cells: "v"}))
    complete(net.run(pause * trains - pulses * period))
    ratio = net.projections["syn"].weights().reshape(40, -1) / START
    return {"active": ratio[:20].mean(0), "silent": ratio[20:].mean(0), "v": first["cells"]["v"][1000:].mean(0)}


def signs(changes: np.ndarray) -> str:
    """Return the sequence of signs without repetitions, such as "0-+"."""
    found = ["0" if abs(c) < 1e-3 else "-" if c < 0 else "+" for c in changes]
    return "".join(sign for i, sign in enumerate(found) if i == 0 or sign != found[i - 1])


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Do both experiments; see `Paper.run`. Nothing is drawn at random, so the seed has no effect."""
    currents, blocks = np.arange(2.5, 300.0, 5.0), np.linspace(0, 1, 6 if quick else 21)
    spikes, trains = (50, 1) if quick else (500, 5)
    with progress(2, unit="experiment") as bar:
        change = held(currents, spikes)
        bar.update()
        found = tetanus(blocks, trains)
        bar.update()
    series = {"currents": currents, "change": change, "exact": spikes * phi(-70.0 + currents / 10.0), "blocks": blocks}
    series |= {"active": found["active"] - 1, "silent": found["silent"] - 1, "v": found["v"]}
    details = {
        "signs along the current": signs(change),
        "signs along the blocker": signs(series["active"]),
        "potential in the tetanus at the largest depression [mV]": float(found["v"][np.argmin(found["active"])]),
        "spikes of the afferent at a current": spikes,
        "tetani": f"{trains} of 2 s at 50 Hz",
    }
    return _figures(series), details, series


def _figures(s: dict[str, np.ndarray]) -> list[Figure]:
    change, inf = s["change"], math.inf
    far = float(np.abs(change - s["exact"]).max())
    depressed, potentiated = (float(s["currents"][found].min()) for found in (change < -1e-6, change > 1e-6))
    none, least, most = (100 * float(active) for active in (s["active"][0], s["active"].min(), s["active"][-1]))
    silent = 100 * float(np.abs(s["silent"]).max())
    return [
        Figure("current: largest distance from spikes * phi(v)", far, "0", "calc", (0, 1e-3)),
        Figure("current: first depression", depressed, "100 pA", "calc", (100, 105), "pA"),
        Figure("current: first potentiation", potentiated, "200 pA", "calc", (200, 205), "pA"),
        Figure("tetanus: change without blocker", none, "none", "memory", (-1, 1), "%"),
        Figure("tetanus: largest depression", least, "depression", "memory", (-inf, -5), "%"),
        Figure("tetanus: change with inhibition blocked", most, "potentiation", "memory", (5, inf), "%"),
        Figure("tetanus: largest change of a silent afferent", silent, "0", "calc", (0, 0), "%"),
    ]


def draw(outcome: Outcome) -> Any:
    """Draw the change over the current, and over the blocker."""
    from spikelet.plot import COLOURS, GREY, figure
    from spikelet.plot.style import finish

    s = outcome.series
    fig, (left, right) = figure(9, 3.6, columns=2)
    left.plot(s["currents"] / 10 - 70, 100 * s["exact"] / START, color=GREY, lw=1.2, label="spikes x phi(v)")
    left.plot(s["currents"] / 10 - 70, 100 * s["change"] / START, "o", color=COLOURS[0], ms=3, label="simulated")
    left.set(xlabel="potential [mV]", ylabel="change of the weight [%]", title="held by a current")
    right.plot(100 * s["blocks"], 100 * s["active"], "o-", color=COLOURS[1], ms=3, lw=1, label="in the tetanus")
    right.plot(100 * s["blocks"], 100 * s["silent"], "-", color=COLOURS[2], lw=1, label="silent")
    right.set(xlabel="inhibition that is blocked [%]", ylabel="change of the weight [%]", title="tetanus")
    for ax in (left, right):
        ax.axhline(0, color="0.8", lw=0.8, zorder=0)
        ax.legend(frameon=False, fontsize=8, loc="upper left")
    finish(left, right)
    return fig


PAPER = Paper(
    name="artola_1990",
    title="Two thresholds of the membrane potential: the same tetanus does nothing, depresses or potentiates",
    ref="Artola, Broecher & Singer 1990, Nature 347:69; Artola & Singer 1993, Trends Neurosci. 16:480",
    run=run,
    draw=draw,
)
