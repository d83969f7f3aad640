"""Izhikevich & Desai 2003: STDP is a BCM rule, if only the nearest spikes make pairs.

Sender and receiver fire independently, as Poisson processes of rates x and y. If each spike of the sender makes a pair
with the last spike of the receiver before it and with the first one after it, and with no other, the weight drifts as

    dw/dt = x*y*(a_plus/(1/tau_plus + y) - a_minus/(1/tau_minus + y)),

which is negative at low rates of the receiver and positive at high ones, as Bienenstock, Cooper & Munro (1982) ask.
The sign changes at theta = (a_minus/tau_plus - a_plus/tau_minus)/(a_plus - a_minus). If all pairs count, the drift is

    dw/dt = x*y*(a_plus*tau_plus - a_minus*tau_minus),

in proportion to the rate of the receiver, and there is no threshold.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from spikelet import plot
from spikelet.experiments.forced import drift
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress
from spikelet.rules import STDP, PreCentredSTDP
from spikelet.units import Hz, ms, second

A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS = 1.03, 0.51, 14 * ms, 34 * ms  # as Froemke & Dan 2002 measured in cortex
KNOWN = {"a_plus": A_PLUS, "a_minus": A_MINUS, "tau_plus": TAU_PLUS, "tau_minus": TAU_MINUS, "w_max": 2000}

NEAREST = PreCentredSTDP(**KNOWN)
ALL = STDP(**KNOWN)

X = 10 * Hz
Y = np.array([2, 5, 8, 10, 11, 12, 13, 14, 16, 20, 30, 40]) * Hz
NEAR = (Y > 7 * Hz) & (Y < 17 * Hz)  # where the sign is expected to change
THETA = (A_MINUS / TAU_PLUS - A_PLUS / TAU_MINUS) / (A_PLUS - A_MINUS)  # kHz
EXPECTED = {5: (-0.067, 0.015), 20: (0.19, 0.02), 40: (0.76, 0.04)}  # Hz -> change in a second, and how near is near


def nearest(y: np.ndarray) -> np.ndarray:
    """Return the drift [1/s] if the nearest pairs count, at rates [kHz] of the receiver."""
    return X * y * (A_PLUS / (1 / TAU_PLUS + y) - A_MINUS / (1 / TAU_MINUS + y)) * second


def every(y: np.ndarray) -> np.ndarray:
    """Return the drift [1/s] if all pairs count."""
    return X * y * (A_PLUS * TAU_PLUS - A_MINUS * TAU_MINUS) * second


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Measure the drift for both ways of making pairs."""
    n, t = (30, 10 * second) if quick else (100, 100 * second)
    series = {}
    with progress(2, unit="rule") as bar:
        for name, rule in (("nearest", NEAREST), ("all", ALL)):
            found = drift(rule, X, Y, n=n, t=t, weight=1000.0, seed=seed)
            series[name], series[f"{name}, error"] = found
            bar.update(1)
    details = {"senders, and receivers of each rate": n, "seconds": t / second, "rate of the senders [Hz]": X / Hz}
    return figures(series), details, series


def figures(series: Mapping[str, np.ndarray]) -> list[Figure]:
    """Return what the drifts say."""
    found = [
        Figure("threshold, nearest pairs", threshold(series) / Hz, f"{THETA / Hz:.3f} Hz", "calc", (11.2, 12.4), "Hz")
    ]
    for rate, (value, near) in EXPECTED.items():
        (ours,) = series["nearest"][np.isclose(Y, rate * Hz)]
        what = f"change in a second at {rate} Hz, nearest pairs"
        found.append(Figure(what, float(ours), f"{value:+g}", "calc", (value - near, value + near)))
    slope = float((series["all"] @ Y) / (Y @ Y) / X / second)  # ms: a_plus*tau_plus - a_minus*tau_minus
    exact = A_PLUS * TAU_PLUS - A_MINUS * TAU_MINUS
    what = "change divided by both rates, all pairs"
    found.append(Figure(what, slope, f"{exact:.2f} ms", "calc", (1.1 * exact, 0.9 * exact), "ms"))
    most = float((series["all"] / every(Y))[Y > 3 * Hz].min())
    found.append(
        Figure("all pairs: least share of the expected depression", most, "1, no threshold", "calc", (0.7, 1.3))
    )
    return found


def threshold(series: Mapping[str, np.ndarray]) -> float:
    """Return the rate [kHz] at which drift/y is 0, by a parabola through the rates near it."""
    y = Y[NEAR]
    curve = np.polyfit(y, series["nearest"][NEAR] / y, 2, w=y / series["nearest, error"][NEAR])
    roots = np.roots(curve)
    real = roots[np.isreal(roots)].real
    inside = real[(real > y.min()) & (real < y.max())]
    return float(inside[0]) if len(inside) == 1 else float("nan")


def draw(outcome: Outcome) -> Any:
    """Draw both drifts over the rate of the receiver, with what is expected."""
    figure, axes = plot.figure(9, 3.8, columns=2)
    series, y = outcome.series, np.linspace(0, Y.max(), 300)
    axes[0].plot(y / Hz, nearest(y), color=plot.COLOURS[0], label="nearest pairs, expected")
    axes[0].plot(y / Hz, every(y), color=plot.COLOURS[1], label="all pairs, expected")
    axes[1].plot(y / Hz, nearest(y), color=plot.COLOURS[0])
    axes[1].axvline(THETA / Hz, color=plot.GREY, linestyle=":", label=f"threshold, {THETA / Hz:.1f} Hz")
    for axis in axes:
        for name, colour in (("nearest", plot.COLOURS[0]), ("all", plot.COLOURS[1])):
            if axis is axes[0] or name == "nearest":
                label = f"{name} pairs, simulated"
                axis.errorbar(
                    Y / Hz, series[name], series[f"{name}, error"], fmt="o", color=colour, markersize=4, label=label
                )
        axis.axhline(0, color=plot.GREY, linewidth=0.8, zorder=0)
        axis.set_xlabel("rate of the receiver [Hz]")
        axis.set_ylabel("change of the weight in a second")
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8)
    axes[1].set_xlim(0, 18)
    axes[1].set_ylim(-0.12, 0.16)
    return figure


PAPER = Paper(
    name="izhikevich_desai_2003",
    title="Nearest-neighbour STDP between Poisson trains is a BCM rule with a threshold; all pairs give none",
    ref="Izhikevich & Desai 2003, Neural Comput. 15:1511; parameters: Froemke & Dan 2002, Nature 416:433",
    run=run,
    draw=draw,
)
