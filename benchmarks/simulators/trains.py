"""Spikes at random for programs that time learning rules: the same for all of them, and cheap to send."""

import numpy as np

RATE, DT = 0.01, 0.1  # kHz, ms


def trains(n: int, steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return neurons and steps of all spikes, in order of time; at most one spike of a neuron in a step."""
    random = np.random.default_rng(seed)
    places = np.flatnonzero(random.random(n * steps) < RATE * DT)
    return places % n, places // n


def changed(name: str, weights: np.ndarray) -> float:
    """Return the share of some weights that are no longer 0.5.

    Raises:
        SystemExit: most of them are, so that it was not learning that took the time.
    """
    share = float(np.mean(np.asarray(weights) != 0.5))
    if share < 0.5:
        raise SystemExit(f"{name}: only {share:.0%} of the weights have changed")
    return share
