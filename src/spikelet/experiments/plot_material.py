"""What the figures of ``docs/plots.md`` show: small computations of the library, from fixed seeds."""

from functools import cache
from typing import Any

import numpy as np

from spikelet import encode, neurons
from spikelet.experiments import networks
from spikelet.sim.connect import fixed_probability, one_to_one
from spikelet.sim.distributions import normal, uniform
from spikelet.sim.network import Network
from spikelet.sim.sources import Poisson
from spikelet.simulate import run
from spikelet.units import Hz


@cache
def cortex() -> Any:
    """Return a second of the 1,000 cells of Izhikevich 2003."""
    return networks.izhikevich(1.0, seed=2).run(1000, dt=1.0)


def balanced() -> Network:
    """Return a network of 400 excitatory and 100 inhibitory neurons under Poisson drive."""
    net = Network(1)
    model = neurons.LIF(tau_mem=20.0, v_th=20.0, v_reset=10.0, t_ref=2.0)
    start = {"v": uniform(0, 18)}
    E, I = (net.add(model, n, name, initial=start) for n, name in ((400, "E"), (100, "I")))
    noise = net.add(Poisson(9000 * Hz), 500, "noise")
    net.connect(noise, [E, I], one_to_one(), to="v", weight=0.12, delay=0.1)
    net.connect(E, [E, I], fixed_probability(0.1), to="v", weight=normal(0.3, 0.1, low=0.0), delay=1.5)
    net.connect(I, [E, I], fixed_probability(0.1), to="v", weight=normal(-1.5, 0.3, high=0.0), delay=1.5)
    return net


def hat() -> np.ndarray:
    """Return weights on a ring of 80 neurons that excite neighbours and inhibit those further away, (80, 80)."""
    apart = np.abs(np.subtract.outer(np.arange(80), np.arange(80)))
    near = np.minimum(apart, 80 - apart)
    noise = np.random.default_rng(8).normal(size=(80, 80))
    return (np.exp(-((near / 6) ** 2)) - 0.5 * np.exp(-((near / 15) ** 2))) * (1 + 0.25 * noise)


@cache
def quiet_and_busy() -> tuple[np.ndarray, np.ndarray]:
    """Return (T, 2) steps with a spike of a regular and of a noisy neuron, 20 s in steps of 0.1 ms."""
    regular = run(neurons.LIF(t_ref=2.0), 1.6, t=20_000)
    noisy = run(neurons.NoisyLIF(sigma=0.4), 0.9, t=20_000, seed=3)
    return regular.spikes.times, noisy.spikes.times


@cache
def trials() -> tuple[np.ndarray, np.ndarray]:
    """Return times and trials of a noisy neuron that a stimulus drives from 0 to 200 ms, 60 trials."""
    steps = np.arange(5000)
    drive = np.where((steps >= 1000) & (steps < 3000), 1.6, 0.55)[:, None]
    result = run(neurons.NoisyLIF(sigma=0.35), drive, t=500, n=60, seed=4)
    return result.spikes.times - 100.0, result.spikes.ids


@cache
def fields() -> np.ndarray:
    """Return what 16 neurons with Gabor filters respond to, (16, 144): averages of white noise before their spikes."""
    y, x = np.mgrid[-1:1:12j, -1:1:12j]
    angle = np.arange(16) * np.pi / 16
    along = x * np.cos(angle)[:, None, None] + y * np.sin(angle)[:, None, None]
    gabors = (np.cos(5 * along) * np.exp(-3 * (x**2 + y**2))).reshape(16, -1)
    noise = np.random.default_rng(5).normal(size=(20_000, 144))
    drive = noise @ (gabors / np.linalg.norm(gabors, axis=1, keepdims=True)).T
    spikes = run(neurons.IF(v_th=4.0), np.maximum(drive, 0), t=20_000, dt=1).spikes
    steps = np.rint(spikes.times).astype(int) - 1
    sums = np.zeros((16, 144))
    np.add.at(sums, spikes.ids, noise[steps])
    return sums / np.bincount(spikes.ids, minlength=16)[:, None]


@cache
def training() -> tuple[list[float], dict[str, list[float]], np.ndarray]:
    """Return losses, accuracies and the confusion of a softmax on the spike counts of ten noisy patterns."""
    rng = np.random.default_rng(6)
    rates = 0.03 + 0.04 * rng.random((10, 64))
    labels = np.arange(2000) % 10
    counts = encode.bernoulli(rates[labels], steps=80, seed=7).sum(0) - 80 * rates.mean(0)
    train, test = np.arange(1500), np.arange(1500, 2000)
    w, losses = 0.1 * rng.normal(size=(64, 10)), []
    accuracy: dict[str, list[float]] = {"training": [], "test": []}
    for _ in range(8):
        for batch in np.array_split(rng.permutation(train), 30):
            z = counts[batch] @ w
            p = np.exp(z - z.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            losses.append(float(-np.log(p[np.arange(len(batch)), labels[batch]]).mean()))
            p[np.arange(len(batch)), labels[batch]] -= 1
            w -= 0.02 * counts[batch].T @ p / len(batch)
        for name, part in (("training", train), ("test", test)):
            accuracy[name].append(float(((counts[part] @ w).argmax(1) == labels[part]).mean()))
    table = np.zeros((10, 10), int)
    np.add.at(table, (labels[test], (counts[test] @ w).argmax(1)), 1)
    return losses, accuracy, table


@cache
def rotating_bar() -> np.ndarray:
    """Return the events of a bar that turns before a camera of 48 x 48 pixels, in 400 ms."""
    y, x = np.mgrid[-1:1:48j, -1:1:48j]
    fields = [("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "i1")]
    level, found = None, []
    for k in range(400):
        angle = np.pi * k / 400
        across, along = -x * np.sin(angle) + y * np.cos(angle), x * np.cos(angle) + y * np.sin(angle)
        light = np.log(0.15 + np.exp(-((across / 0.1) ** 2) - (along / 0.8) ** 8))
        level = light if level is None else level
        change = light - level
        rows, columns = np.nonzero(np.abs(change) > 0.3)
        signs = np.sign(change[rows, columns])
        level = level + 0.3 * np.sign(change) * (np.abs(change) > 0.3)
        part = np.zeros(len(rows), fields)
        part["t"], part["x"], part["y"], part["p"] = 1000 * k, columns, rows, signs > 0
        found.append(part)
    return np.concatenate(found)
