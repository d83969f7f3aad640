"""Pfister & Gerstner 2006: triplets of spikes explain why the frequency of pairs counts.

Sixty pairs of spikes, 10 ms apart, are repeated at frequencies rho. A pair rule predicts that they cancel more and more
as rho grows; in visual cortex (Sjöström, Turrigiano & Nelson 2001) they potentiate, whatever their order. The triplet
rule says so, in four fits: all spikes or the nearest ones alone, all of its terms ("full") or the fewest ("minimal").
In hippocampal culture (Wang et al. 2005), pre-post-pre and post-pre-post triplets at 1 Hz do not do the same.

Between Poisson trains of rates x and y the minimal rule is that of Bienenstock, Cooper & Munro:

    dw/dt = -a2_minus*tau_minus*x*y + a3_plus*tau_plus*tau_y*x*y**2,

so that the sign changes at the rate theta = a2_minus*tau_minus/(a3_plus*tau_plus*tau_y) of the receiver.

The numbers beside which ours stand are sums over all pairs and triplets, computed by hand from Eq. 3 and 4.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikelet import plot
from spikelet.experiments.forced import drift, trained
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress
from spikelet.rule import Rule
from spikelet.rules import (
    STDP,
    MinimalHippocampalTripletSTDP,
    MinimalNearestTripletSTDP,
    MinimalTripletSTDP,
    NearestTripletSTDP,
    TripletSTDP,
)
from spikelet.units import Hz, second

# -- visual cortex ----------------------------------------------------------------------------------------------------

FITS = {  # Table 3
    "all-to-all, full": TripletSTDP(w_max=10),
    "all-to-all, minimal": MinimalTripletSTDP(w_max=10),
    "nearest, full": NearestTripletSTDP(w_max=10),
    "nearest, minimal": MinimalNearestTripletSTDP(w_max=10),
}
RHO = np.array([0.1, 10, 20, 40, 50])  # Hz
LAG = {"+10 ms": 10.0, "-10 ms": -10.0}  # from the sender's spike to the receiver's
PREDICTED = {  # dw at the frequencies RHO, for both lags
    "all-to-all, full": [(0, 0.1321, 0.2470, 0.5337, 0.7409), (-0.3122, -0.3336, -0.3516, 0.1548, 0.7272)],
    "all-to-all, minimal": [(0, 0.1186, 0.2278, 0.5321, 0.7627), (-0.3166, -0.3322, -0.3417, 0.1737, 0.7492)],
    "nearest, full": [(0, 0.1036, 0.3232, 0.5603, 0.6243), (-0.2943, -0.4113, -0.3382, 0.2598, 0.6193)],
    "nearest, minimal": [(0, 0.1009, 0.3220, 0.5683, 0.6358), (-0.3568, -0.3556, -0.2786, 0.2898, 0.6299)],
}
MEASURED = {"+10 ms": (-0.04, 0.14, 0.29, 0.53, 0.56), "-10 ms": (-0.29, -0.41, -0.34, 0.56, 0.75)}  # in cortex
PAIRS = STDP(a_plus=6e-3, a_minus=5e-3, tau_plus=16.8, tau_minus=33.7, w_max=10)  # a rule of pairs, to see it fail
_FIRST = 20.0  # ms


def frequencies(rule: Rule, rho: np.ndarray) -> np.ndarray:
    """Return the change of the weight after 60 pairs, for each lag and frequency [Hz], (2, R)."""
    starts = [_FIRST + np.arange(60) * 1000 / one for one in rho]
    pre = [times for _ in LAG for times in starts]
    post = [times + lag for lag in LAG.values() for times in starts]
    return trained(rule, pre, post).reshape(len(LAG), len(rho))


# -- hippocampal culture ----------------------------------------------------------------------------------------------

CULTURE = MinimalHippocampalTripletSTDP(w_max=10)  # Table 4, all-to-all
TRIPLETS = {  # times between the spikes [ms] -> change after 60 triplets at 1 Hz
    "pre-post-pre": {(5, 5): 0.0551, (10, 10): 0.0193, (15, 5): -0.0508, (5, 15): 0.1016},
    "post-pre-post": {(5, 5): 0.3327, (10, 10): 0.1798, (15, 5): 0.3178, (5, 15): 0.0684},
}


def triplets(order: str, between: list[tuple[int, int]]) -> np.ndarray:
    """Return the change after 60 triplets at 1 Hz, for each pair of times between their spikes."""
    middle = _FIRST + np.arange(60) * 1000.0
    outer = [np.sort(np.concatenate([middle - before, middle + after])) for before, after in between]
    inner = [middle for _ in between]
    return trained(CULTURE, outer, inner) if order == "pre-post-pre" else trained(CULTURE, inner, outer)


# -- between Poisson trains -------------------------------------------------------------------------------------------

X = 20 * Hz
Y = np.array([5, 10, 15, 20, 25, 30, 40]) * Hz
MINIMAL: Any = FITS["all-to-all, minimal"].parameters
BELOW = -MINIMAL["a2_minus"] * MINIMAL["tau_minus"]  # dw/dt = BELOW*x*y + ABOVE*x*y**2 [ms], [ms**2]
ABOVE = MINIMAL["a3_plus"] * MINIMAL["tau_plus"] * MINIMAL["tau_y"]
THETA = -BELOW / ABOVE  # kHz


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Run all protocols; a quick run leaves out the lowest frequency, which takes ten minutes of the network's time."""
    rho, series = RHO[1 if quick else 0 :], {}
    with progress(len(FITS) + 4, unit="protocol") as bar:
        for name, rule in {**FITS, "pairs": PAIRS}.items():
            series[name] = frequencies(rule, rho)
            bar.update(1)
        for order, table in TRIPLETS.items():
            series[order] = triplets(order, list(table))
            bar.update(1)
        how = {"n": 30 if quick else 100, "t": (10 if quick else 100) * second, "weight": 50.0, "seed": seed}
        series["drift"], series["error"] = drift(FITS["all-to-all, minimal"](w_max=100), X, Y, **how)
        bar.update(1)
    series["rho"] = rho
    return figures(series), {"pairs": 60, "synapses for each rate": how["n"] ** 2, "seconds": how["t"] / second}, series


def figures(series: Mapping[str, np.ndarray]) -> list[Figure]:
    """Return what the protocols say."""
    rho, found = series["rho"], []
    kept = np.isin(RHO, rho)
    measured = np.array(list(MEASURED.values()))[:, kept]
    for name in FITS:
        exact = np.array(PREDICTED[name])[:, kept]
        far = float(np.abs(series[name] - exact).max())
        found.append(Figure(f"{name}: largest distance from the sums of Eq. 3 and 4", far, "0", "calc", (0, 1e-4)))
    for order, table in TRIPLETS.items():
        far = float(np.abs(series[order] - list(table.values())).max())
        found.append(Figure(f"{order} in culture: largest distance from the sums", far, "0", "calc", (0, 1e-4)))
    for name in FITS:
        far = float(np.sqrt(((series[name] - measured) ** 2).mean()))
        found.append(Figure(f"{name}: distance from the data in cortex (r.m.s.)", far, "small", "memory", (0, 0.2)))
    pairs = float(series["pairs"][1, -1])
    what = "pairs alone, -10 ms at 50 Hz"
    found.append(Figure(what, pairs, f"depression; the data: {MEASURED['-10 ms'][-1]:+g}", "calc", (-1, 0)))
    what = "rate of the receiver at which the sign changes"
    found.append(Figure(what, threshold(series) / Hz, f"{THETA / Hz:.4g} Hz", "calc", (18.2, 20.2), "Hz"))
    return found


def threshold(series: Mapping[str, np.ndarray]) -> float:
    """Return the rate [kHz] at which drift/(x*y), fitted by a line in y, is 0."""
    each = series["drift"] / (X * Y)
    slope, at_zero = np.polyfit(Y, each, 1, w=X * Y / series["error"])
    return float(-at_zero / slope)


def draw(outcome: Outcome) -> Any:
    """Draw the change over frequency, the triplets in culture, and the drift between Poisson trains."""
    series = outcome.series
    figure, axes = plot.figure(10, 6.4, rows=2, columns=2)
    for axis, names in ((axes[0, 0], list(FITS)[:2]), (axes[0, 1], list(FITS)[2:])):
        _frequencies(axis, series, names)
    _triplets(axes[1, 0], series)
    _drift(axes[1, 1], series)
    for axis in axes.flat:
        axis.axhline(0, color=plot.GREY, linewidth=0.8, zorder=0)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8, ncols=2 if axis in axes[0] else 1)
    return figure


def _frequencies(axis: Any, series: Mapping[str, np.ndarray], names: list[str]) -> None:
    rho, styles = series["rho"], ("-", "--")
    for row, (lag, colour) in enumerate(zip(LAG, plot.COLOURS, strict=False)):
        for name, style in zip(names, styles, strict=True):
            label = f"{name.split(', ')[1]}, {lag}"
            axis.plot(rho, series[name][row], style, color=colour, label=label)
        axis.plot(RHO, MEASURED[lag], "o", color=colour, markersize=4, label=f"data, {lag}")
        axis.plot(rho, series["pairs"][row], ":", color=colour, linewidth=1, label=f"pairs alone, {lag}")
    axis.set_title(f"{names[0].split(', ')[0]}: 60 pairs in visual cortex", fontsize=10)
    axis.set_ylim(-0.5, 1.35)  # room for the legend
    axis.set_xlabel("frequency of pairs [Hz]")
    axis.set_ylabel("change of the weight")


def _triplets(axis: Any, series: Mapping[str, np.ndarray]) -> None:
    names = [f"{order}\n{a}, {b} ms" for order, t in TRIPLETS.items() for a, b in t]
    exact = [value for table in TRIPLETS.values() for value in table.values()]
    axis.bar(
        range(len(names)),
        np.concatenate([series[order] for order in TRIPLETS]),
        color=plot.COLOURS[0],
        label="simulated",
    )
    axis.plot(range(len(names)), exact, "_", color="black", markersize=18, label="sum of Eq. 3 and 4")
    axis.set_xticks(range(len(names)), names, rotation=60, fontsize=7)
    axis.set_ylabel("change of the weight")
    axis.set_title("60 triplets in hippocampal culture, 1 Hz", fontsize=10)


def _drift(axis: Any, series: Mapping[str, np.ndarray]) -> None:
    y = np.linspace(0, Y.max(), 200)
    axis.plot(y / Hz, (BELOW * X * y + ABOVE * X * y**2) * second, color=plot.COLOURS[0], label="BCM")
    axis.errorbar(
        Y / Hz, series["drift"], series["error"], fmt="o", color=plot.COLOURS[1], markersize=4, label="simulated"
    )
    axis.axvline(THETA / Hz, color=plot.GREY, linestyle=":", label=f"threshold, {THETA / Hz:.1f} Hz")
    axis.set_xlabel("rate of the receiver [Hz]")
    axis.set_ylabel("change in a second")
    axis.set_title(f"minimal rule between Poisson trains, x = {X / Hz:g} Hz", fontsize=10)


PAPER = Paper(
    name="pfister_gerstner_2006",
    title="Triplets of spikes: why the frequency of pairs counts, and the threshold of BCM",
    ref="Pfister & Gerstner 2006, J. Neurosci. 26:9673, Table 3 and 4; data: Sjöström et al. 2001, Neuron 32:1149",
    run=run,
    draw=draw,
)
