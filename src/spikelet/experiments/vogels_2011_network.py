"""The network of `vogels_2011`, and what its two experiments share: the cell, and the balance that the rule seeks."""

from typing import Any

import numpy as np

from spikelet import analysis, rules
from spikelet.experiments.paper import Progress, complete
from spikelet.model import Neuron
from spikelet.sim.connect import fixed_probability
from spikelet.sim.network import Network
from spikelet.sim.result import NetworkResult, join
from spikelet.units import Hz, ms, nS, pA, second

RHO_0, TAU = 5 * Hz, 20 * ms  # rate that is aimed at, and window of the rule

CELL = Neuron(
    "Cell",
    """
    dv/dt = (g_L*(E_L - v) + g_e*(E_e - v) + g_i*(E_i - v) + I)/C : mV (unless refractory)
    dg_e/dt = -g_e/tau_e : nS
    dg_i/dt = -g_i/tau_i : nS
    I : pA (input)
    C = 200 pF;  g_L = 10 nS;  E_L = -60 mV;  E_e = 0 mV;  E_i = -80 mV
    tau_e = 5 ms;  tau_i = 10 ms;  t_ref = 5 ms
    v_th = -50 mV;  v_reset = -60 mV
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = E_L",
    ref="Vogels et al. 2011, Science 334:1569, supporting online material",
)
ETA = 0.02  # learning rate of the network [nS]
DELAY = 0.8 * ms


def balance(times: np.ndarray, fired: np.ndarray) -> float:
    """Return rho + C/(2 tau rho_in) of a cell, which is rho_0 where its mean weight has settled [kHz].

    It is what pairs of spikes within the window add to the weights for each inhibitory spike, over 2 tau.

    Args:
        times: of the spikes of all its inhibitory afferents, ascending [ms].
        fired: of its own spikes [ms].
    """
    total = 0.0
    for t in fired:
        near = times[np.searchsorted(times, t - 10 * TAU) : np.searchsorted(times, t + 10 * TAU)]
        total += np.exp(-np.abs(near - t) / TAU).sum()
    return total / len(times) / (2 * TAU)


def network(scale: float, seed: int) -> Network:
    """Return excitatory and inhibitory neurons, 4 to 1, connected with 2 %; inhibition of excitatory ones learns.

    Scaled down, a neuron keeps its number of synapses.
    """
    net, pattern = Network(seed), fixed_probability(0.02 / scale)
    E, I = net.add(CELL, round(8000 * scale), "E"), net.add(CELL, round(2000 * scale), "I")
    rule = rules.InhibitorySTDP(eta=ETA, rho_0=RHO_0, tau=TAU, w_max=100)
    net.connect(E, E, pattern, to="g_e", weight=0.3 * nS, delay=DELAY, name="E to E")
    net.connect(E, I, pattern, to="g_e", weight=0.3 * nS, delay=DELAY)
    net.connect(I, I, pattern, to="g_i", weight=3 * nS, delay=DELAY)
    net.connect(I, E, pattern, to="g_i", weight=0.0, delay=DELAY, rule=rule, name="I to E")
    for population in (E, I):
        net.drive(population, 200 * pA)
    return net


def counted(result: NetworkResult) -> np.ndarray:
    """Return the rates of the excitatory neurons [Hz]."""
    return result["E"].spikes.counts() / (result.t_stop - result.t_start) / Hz


def remembered(
    scale: float, settle: int, relearn: int, seed: int, progress: Progress
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Let the network settle, put two assemblies into it, let it settle again, and stimulate a quarter of the first.

    Returns:
        What is seen [Hz]; and ``raster`` (2, spikes), times [ms] and neurons, of which each fourth is shown, before,
        during and after the stimulus.
    """
    net, size = network(scale, seed), round(600 * scale)
    cue = net.drive(net["E"][: size // 4], 0.0)
    net.build(dt=0.2 * ms)
    syn, recurrent = net.projections["I to E"], net.projections["E to E"]
    with progress(settle + relearn + 1, unit="s") as bar:
        _wait(net, settle - 10, bar)
        before = syn.weights()
        late = complete(net.run(10 * second, record=["E", "I"]))
        seen = _activity(net, late, syn.weights() - before)
        one, other = recurrent.sources() // size, recurrent.targets() // size
        recurrent.set(weights=lambda w: 5 * w, where=(one == other) & (one < 2))
        rates = counted(complete(net.run(1 * second, record="E")))
        seen["new"] = float(rates[: 2 * size].mean())
        _wait(net, relearn - 10, bar)
        rates = counted(complete(net.run(10 * second, record="E")))
        seen |= {"hidden": float(rates[: 2 * size].mean()), "others": float(rates[2 * size :].mean())}
        parts = []
        for current, time in ((0.0, 200 * ms), (200 * pA, 200 * ms), (0.0, 200 * ms)):
            cue.set(current)
            parts.append(complete(net.run(time, record="E")))
    rates = counted(parts[1])
    seen["recalled"], seen["not recalled"] = float(rates[size // 4 : size].mean()), float(rates[size : 2 * size].mean())
    spikes = join(parts)["E"].spikes
    few = (spikes.ids % 4 == 0) & (spikes.ids < 4 * size)
    return seen, {"raster": np.array([spikes.times[few] - parts[1].t_start, spikes.ids[few] / size])}


def _wait(net: Network, seconds: int, bar: Any) -> None:
    for _ in range(seconds):
        complete(net.run(1 * second))
        bar.update()


def _activity(net: Network, late: NetworkResult, change: np.ndarray) -> dict[str, float]:
    """Return rate, irregularity and synchrony, and of 200 cells what `balance` says, and how far their weights drift.

    Both are of all their synapses together: ``sum`` is what pairs of spikes add, ``drift`` what the weights have done.
    """
    syn, (E, I) = net.projections["I to E"], (late[name].spikes for name in ("E", "I"))
    sources, targets, cells = syn.sources(), syn.targets(), range(min(200, len(net["E"]) // 4))
    order = np.argsort(I.ids, kind="stable")
    border = np.searchsorted(I.ids[order], np.arange(len(net["I"]) + 1))
    heard = [I.times[order[border[i] : border[i + 1]]] + DELAY for i in range(len(net["I"]))]
    sums, counts = [], []
    for cell in cells:
        times = np.sort(np.concatenate([heard[i] for i in sources[targets == cell]]))
        sums.append(balance(times, E.times[E.ids == cell]) / Hz)
        counts.append(len(times))
    drift = change[targets < len(cells)].sum() / (ETA * sum(counts) * 2 * TAU) / Hz
    span = {"start": late.t_start, "stop": late.t_stop}
    return {
        "rate": float(late["E"].rate() / Hz),
        "rate of the cells": float(E.counts()[: len(cells)].mean()) / (late.t_stop - late.t_start) / Hz,
        "sum": float(np.average(sums, weights=counts)),
        "drift": float(drift),
        "cv": analysis.cv_isi(E.times, E.ids),
        "synchrony": analysis.synchrony(E.times, E.ids, len(net["E"]), width=1 * ms, **span),
    }
