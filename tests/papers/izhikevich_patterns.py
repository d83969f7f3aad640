"""The inputs of the twenty firing patterns of Izhikevich 2004, Fig. 1, and one run of all of them."""

import functools

import numpy as np

from spikelet.neurons.izhikevich import IZHIKEVICH_2004
from spikelet.simulate import Result, run


def pulses(t, *intervals):
    """Return 1 where t lies in one of the open intervals (start, stop), else 0."""
    return sum(((t > start) & (t < stop)).astype(float) for start, stop in intervals)


INPUTS = {
    "A": lambda t: 14.0 * (t > 10),
    "B": lambda t: 0.5 * (t > 20),
    "C": lambda t: 15.0 * (t > 22),
    "D": lambda t: 0.6 * (t > 20),
    "E": lambda t: 10.0 * (t > 16),
    "F": lambda t: 30.0 * (t > 8.5),
    "G": lambda t: 0.075 * (t - 30) * (t > 30),
    "H": lambda t: -0.5 + 0.015 * (t - 30) * (t > 30),
    "I": lambda t: 7.04 * pulses(t, (10, 13)),
    "J": lambda t: 2.0 * pulses(t, (20, 25)),
    "K": lambda t: 0.65 * pulses(t, (40, 44), (60, 64), (280, 284), (320, 324)),
    "L": lambda t: 9.0 * pulses(t, (100 / 11, 100 / 11 + 2), (100 / 11 + 5, 100 / 11 + 7), (70, 72), (80, 82)),
    "M": lambda t: -15.0 * pulses(t, (20, 25)),
    "N": lambda t: -15.0 * pulses(t, (20, 25)),
    "O": lambda t: pulses(t, (10, 15), (80, 85)) - 6.0 * pulses(t, (70, 75)),
    "P": lambda t: 0.24 + pulses(t, (37.5, 42.5), (216, 221)),
    "Q": lambda t: 20.0 * (abs(t - 10) < 1),
    "R": lambda t: np.where(t < 200, t / 25, np.where((t >= 300) & (t < 312.5), 4 * (t - 300) / 12.5, 0)),
    "S": lambda t: 80.0 - 5.0 * ((t >= 50) & (t <= 250)),
    "T": lambda t: 80.0 - 5.0 * ((t >= 50) & (t <= 250)),
}
STEP = {letter: float(model.parameters["tau"]) for letter, model in IZHIKEVICH_2004.items()}


def together(models):
    """Return one model in which each of ``models``, all of one text, is a neuron."""
    values = [model.parameters for model in models]
    return models[0](**{name: np.array([v[name] for v in values]) for name in values[0]})


@functools.cache
def all_patterns() -> Result:
    """Run all twenty in one call, each with its own step: a unit of the run's time is one step of each."""
    steps = 1601  # 400 ms of the longest
    t = np.arange(steps)[:, None] * np.array(list(STEP.values()))  # (steps, 20)
    current = np.stack([INPUTS[letter](t[:, i]) for i, letter in enumerate(IZHIKEVICH_2004)], axis=1)
    model = together(list(IZHIKEVICH_2004.values()))
    return run(model, I=current, t=steps, dt=1.0, record="v", dtype="float64", backend="numpy_reference")
