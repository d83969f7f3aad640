"""A neuron becomes selective by a sliding threshold (Bienenstock, Cooper & Munro 1982).

A linear unit y = w x sees K linearly independent patterns x, each as often as every other. Its weights grow where y is
above a threshold theta and shrink where it is below, and theta follows the mean of y squared (the form of Intrator &
Cooper 1992):

    dw/dt = eta y (y - theta) x,    dtheta/dt = (y^2 - theta)/tau_theta

Where nothing changes any more, y is 0 or theta for each pattern. Stable are only the states in which y is theta for one
pattern: theta = E[y^2] = y^2/K, so y = theta = K. About such a state of a single pattern, with a = eta |x|^2, the
deviations of (y, theta) follow the matrix ((a, -a), (2/tau_theta, -1/tau_theta)): they oscillate, and grow where
a tau_theta > 1, for its trace is a - 1/tau_theta.

In the simulator a pattern is a set of inputs that fire in one step, so x is 0 or 1 for each; a unit of the second layer
adds up the weights that arrive within a step.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet import rules
from spikelet.experiments.paper import Figure, Outcome, Paper, Progress, complete
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all
from spikelet.sim.distributions import uniform
from spikelet.sim.network import Network
from spikelet.units import kHz, ms

STEP = 1 * ms  # a pattern is there for one step
_INPUT = Neuron("Input", "r[k+1] = I : 1; I : 1 (input)", threshold="r > 0.5")
_LINEAR = Neuron("Linear", "r[k+1] = I : 1; I : 1 (input)")


def patterns(k: int) -> np.ndarray:
    """Return K patterns of K inputs, (K, K), each of three neighbours on a ring; two of single inputs for K = 2.

    Neighbouring patterns overlap. Three neighbours are linearly independent unless K is a multiple of 3.
    """
    ring = (np.arange(k) - np.arange(k)[:, None]) % k
    return (ring < (3 if k > 3 else 1)).astype(float)


def shuffled(k: int, rounds: int, seed: int) -> np.ndarray:
    """Return the numbers of the patterns of every step: in each round all K, in an order of its own."""
    draws = np.random.Generator(np.random.Philox(key=seed)).random((rounds, k))
    return draws.argsort(1).ravel()


@dataclass(frozen=True, eq=False)
class Shown:
    """Patterns shown one after the other, as a current.

    Attributes:
        patterns: (K, inputs).
        order: (T,) the number of the pattern of each step.
    """

    patterns: np.ndarray
    order: np.ndarray

    def rows(self, k0: int, T: int, n: int, dt: float, seed: int = 0, stream: int = 0) -> np.ndarray:
        """Return the patterns of steps k0 to k0 + T - 1, (T, n)."""
        return self.patterns[self.order[k0 : k0 + T]]


def network(shown: Shown, units: int, rule: Rule, seed: int, weight: Any) -> Network:
    """Return inputs that show patterns to linear units that learn, "syn"."""
    net = Network(seed, dtype="float64")
    pre, post = net.add(_INPUT, shown.patterns.shape[1], "inputs"), net.add(_LINEAR, units, "units")
    net.drive(pre, shown)
    net.connect(pre, post, all_to_all(), to="I", weight=weight, delay=STEP, rule=rule, name="syn")
    return net


def selected(k: int, units: int, rounds: int, slow: float, seed: int, progress: Progress) -> dict[str, np.ndarray]:
    """Let units learn K patterns.

    Args:
        k: number of patterns, and of inputs.
        units: that learn, from weights of their own.
        rounds: in which each pattern is shown once.
        slow: tau_theta, in steps; weights are ten times as slow.
        seed: of weights and orders.
        progress: opens a bar.

    Returns:
        ``y`` (K, units), the responses at the end; ``theta`` (units,), the mean square of the responses of the last
        tenth; ``course`` (100, K), the responses of the first unit over time.
    """
    rule = rules.BCMRate(eta=0.1 / slow * kHz, tau_theta=slow * STEP)
    net = network(Shown(patterns(k), shuffled(k, rounds, seed)), units, rule, seed, uniform(0, 0.6 if k > 2 else 1.5))
    net.build(dt=STEP)
    course, square = [], []
    with progress(100, unit="%") as bar:
        for part in range(100):
            result = complete(net.run(rounds // 100 * k * STEP, record={"units": "r"} if part >= 90 else None))
            w = net.projections["syn"].weights().reshape(k, units)
            course.append(patterns(k) @ w[:, 0])
            square += [(result["units"]["r"] ** 2).mean(0)] if part >= 90 else []
            bar.update()
    return {"y": patterns(k) @ w, "theta": np.mean(square, 0), "course": np.array(course)}


def selective(y: np.ndarray) -> float:
    """Return the share of units, the columns, that respond to one pattern with K, and to all others with 0."""
    k = len(y)
    ordered = np.sort(y, 0)
    right = (np.abs(ordered[-1] - k) < 0.02 * k) & (np.abs(ordered[:-1]) < 0.02 * k).all(0)
    return float(right.mean())


def oscillations(products: np.ndarray, slow: int) -> tuple[np.ndarray, np.ndarray]:
    """Let units see one pattern all the time, each with another product a tau_theta, from y = theta = 1.

    The pattern needs two steps to get there, in which theta falls a little: the deviation that decays or grows.

    Args:
        products: (units,).
        slow: tau_theta, in steps.

    Returns:
        ``growth`` (units,), rate at which the deviation grows [1/tau_theta]; ``y`` (24*slow, units).
    """
    rule = rules.BCMRate(eta=products / slow * kHz, tau_theta=slow * STEP).changed(initial="theta = 1")
    net = network(Shown(np.ones((1, 1)), np.zeros(24 * slow, int)), len(products), rule, 0, 1.0)
    y = complete(net.run(24 * slow * STEP, dt=STEP, record={"units": "r"}))["units"]["r"]
    first, last = (np.abs(part - 1).max(0) for part in (y[2 : 8 * slow], y[16 * slow :]))
    return np.log(last / first) / 16, y


def run(quick: bool, seed: int, progress: Progress) -> tuple[list[Figure], dict[str, Any], dict[str, np.ndarray]]:
    """Learn two patterns and ten, and look for the border of oscillation; see `Paper.run`."""
    units, slow, rounds = (20, 100.0, (20_000, 20_000)) if quick else (50, 1_000.0, (500_000, 300_000))
    two, ten = (selected(k, units, n, slow, seed, progress) for k, n in zip((2, 10), rounds, strict=True))
    products = np.linspace(0.5, 1.5, 11)
    growth, y = oscillations(products, 200 if quick else 1000)
    border = float(np.interp(0, growth, products))
    best, rest = np.sort(ten["y"], 0)[-1], np.abs(np.sort(ten["y"], 0)[:-1]).max()
    one = (1.0, 1.0)
    figures = [
        Figure("two patterns: share of units at (2, 0) or (0, 2)", selective(two["y"]), "1", "calc", one),
        Figure("ten patterns: share of units selective for one", selective(ten["y"]), "1", "calc", one),
        Figure("ten patterns: response to the selected one", float(best.mean()), "10", "calc", (9.9, 10.1)),
        Figure("ten patterns: largest response to another", float(rest), "0", "calc", (0, 0.1)),
        Figure("ten patterns: threshold", float(ten["theta"].mean()), "10", "calc", (9.9, 10.1)),
        Figure("eta |x|^2 tau_theta at which oscillations grow", border, "1", "calc", (0.98, 1.02)),
    ]
    details = {
        "units": units,
        "patterns shown": [2 * rounds[0], 10 * rounds[1]],
        "units that chose each of the ten": np.bincount(ten["y"].argmax(0), minlength=10).tolist(),
        "tau_theta [patterns]": slow,
        "eta": "0.1/tau_theta; at finite tau_theta the threshold is above K by about K^2/tau_theta",
    }
    series = {"two": two["course"], "ten": ten["course"], "products": products, "growth": growth, "y": y[::20]}
    return figures, details, series


def draw(outcome: Outcome) -> Any:
    """Draw the responses of one unit while it learns, and the oscillations."""
    from spikelet.plot import COLOURS, GREY, figure
    from spikelet.plot.style import finish

    fig, axes = figure(9, 5.6, rows=2, columns=2)
    for ax, name, k in zip(axes[0], ("two", "ten"), (2, 10), strict=True):
        ax.plot(np.arange(1, 101), outcome.series[name], lw=1.2)
        ax.axhline(k, color=GREY, lw=0.8, ls=":")
        ax.set(title=f"{name} patterns", xlabel="time [% of the run]", ylabel="response y")
    products, y = outcome.series["products"], outcome.series["y"]
    times = np.linspace(0, 24, len(y))
    for i, product in enumerate((0.8, 1.0, 1.2)):
        column = int(np.argmin(np.abs(products - product)))
        axes[1, 0].plot(times[1:], y[1:, column], color=COLOURS[i], lw=1, label=rf"$\eta|x|^2\tau = {product}$")
    axes[1, 0].set(xlabel=r"time [$\tau_\theta$]", ylabel="response y", title="after a small deviation")
    axes[1, 0].legend(frameon=False, fontsize=7, loc="upper left")
    axes[1, 1].plot(products, (products - 1) / 2, color=GREY, lw=1, label="eigenvalue")
    axes[1, 1].plot(products, outcome.series["growth"], "o", color=COLOURS[1], ms=4, label="simulated")
    axes[1, 1].set(xlabel=r"$\eta|x|^2\tau_\theta$", ylabel=r"growth [$1/\tau_\theta$]", title="border of oscillation")
    axes[1, 1].legend(frameon=False, fontsize=7)
    finish(*axes.ravel())
    return fig


PAPER = Paper(
    name="bcm_1982",
    title="A sliding threshold makes a neuron selective for one of K patterns, with response and threshold K",
    ref="Bienenstock, Cooper & Munro 1982, J. Neurosci. 2:32; Intrator & Cooper 1992, Neural Netw. 5:3",
    run=run,
    draw=draw,
)
