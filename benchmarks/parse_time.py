"""How long does it take to read, check and specialise a model? Target: under 5 ms for a model of ten lines.

Each repetition has a text of its own (a comment differs), so that no cache of earlier texts answers.
"""

from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks import harness
from benchmarks.harness import Bound
from spikelet import Neuron

LIF = "dv/dt = (v_rest - v + R*I)/tau_mem : 1; I : 1 (input); tau_mem = 20 ms; R = 1; v_th = 1; v_rest = 0"
ADEX = """
    dv/dt = (v_rest - v + delta*exp((v - v_th)/delta) + r*(I - w)) / tau_mem : mV
    dw/dt = (a*(v - v_rest) - w) / tau_w                                     : pA
    I : pA (input)
    tau_mem = 20 ms;  tau_w = 100 ms;  r = 0.5 GOhm;  a = 2 nS;  b = 60 pA
    v_rest = -70 mV;  v_th = -50 mV;  delta = 2 mV;  v_cut = 0 mV;  v_reset = -58 mV
    """


def lif(number: int) -> Neuron:
    """Make a LIF from its text."""
    return Neuron("LIF", f"{LIF} # {number}", threshold="v > v_th", reset="v -= v_th")


def adex(number: int) -> Neuron:
    """Make an AdEx from its text."""
    text = f"{ADEX} # {number}"
    return Neuron("AdEx", text, threshold="v > v_cut", reset="v = v_reset; w += b", initial="v = v_rest")


def milliseconds(job: Callable[[int], object], rounds: int) -> list[float]:
    """Return the time of each of ``rounds`` calls, after one that warms up."""
    job(-1)
    times = []
    for number in range(rounds):
        start = perf_counter()
        job(number)
        times.append((perf_counter() - start) * 1e3)
    return times


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Tell the median of each job."""
    model = adex(-2)
    jobs = {
        "LIF from text": lif,
        "AdEx from text": adex,
        "AdEx(tau_mem=10)": lambda number: model(tau_mem=10.0 + number),
    }
    numbers = {name: median(milliseconds(job, options.rounds)) for name, job in jobs.items()}
    bounds = [Bound("AdEx from text", at_most=5)]
    yield harness.plain("parse_time", ["one model"], numbers, bounds, unit="ms", rounds=options.rounds)


if __name__ == "__main__":
    chosen = harness.options(__doc__, rounds=50)
    harness.finish(lines(chosen), record=chosen.record)
