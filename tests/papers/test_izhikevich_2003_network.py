"""Izhikevich 2003, Fig. 3: the script of 1,000 coupled cells, step by step, and the rhythm of what it shows."""

import numpy as np

from spikelet import analysis, random
from spikelet.experiments import network_run, networks


def test_each_step_is_that_of_the_script() -> None:
    """Reset, add noise and the weights of those that fired, two half steps of v, one of u: from the recorded values."""
    steps, seed = 40, 5
    net = networks.izhikevich(0.1, seed)
    result = net.run(float(steps), dt=1.0, record={name: ("spikes", "v", "u") for name in "EI"})
    v, u = (np.concatenate([result["E"][name], result["I"][name]], 1).astype(float) for name in "vu")
    fired = np.zeros(v.shape, bool)
    for name, first in (("E", 0), ("I", 80)):
        fired[result[name].spikes.steps, result[name].spikes.ids + first] = True
    weights = np.zeros((100, 100))
    for projection, first in zip(net.projections.values(), (0, 80), strict=True):
        weights[projection.sources() + first, projection.targets()] = projection.weights()
    kinds = [net[name].model.parameters for name in "EI"]
    a, b, noise = (
        np.concatenate([np.full(n, k[name]) for k, n in zip(kinds, (80, 20), strict=True)])
        for name in ("a", "b", "noise")
    )
    assert fired[:-1].sum() > 20
    for k in range(1, steps):
        I = noise * random.normal(seed, k, np.arange(100)) + fired[k - 1] @ weights
        half = v[k - 1] + 0.5 * (0.04 * v[k - 1] ** 2 + 5 * v[k - 1] + 140 - u[k - 1] + I)
        new = half + 0.5 * (0.04 * half**2 + 5 * half + 140 - u[k - 1] + I)
        still = ~fired[k]
        assert (new[fired[k]] >= 30 - 1e-3).all() and (new[still] < 30 + 1e-3).all()
        np.testing.assert_allclose(v[k][still], new[still], rtol=1e-4, atol=1e-3)
        recovery = u[k - 1] + a * (b * new - u[k - 1])
        np.testing.assert_allclose(u[k][still], recovery[still], rtol=1e-4, atol=1e-3)


def test_rate_and_rhythm() -> None:
    outcome = network_run.run("izhikevich", time=6000.0, discard=1000.0, seed=1)
    times, _, n = network_run.columns(outcome.result)
    assert 6.5 < len(times) / n / 5.0 < 8.0
    activity = analysis.population_rate(times, n, start=1000.0, stop=6000.0, width=1.0)
    power = np.abs(np.fft.rfft(activity - activity.mean())) ** 2
    frequency = np.fft.rfftfreq(len(activity), 1e-3)
    smooth = np.convolve(power, np.ones(10) / 10, mode="same")  # over 2 Hz
    low = (frequency > 3) & (frequency < 30)
    assert 7 < frequency[low][smooth[low].argmax()] < 12
