"""The rate of a leaky integrate-and-fire neuron under white noise, in closed form (Siegert 1951)."""

from typing import Any

import numpy as np

from spikelet.errors import InputError


def siegert_rate(mu: Any, sigma: Any, *, tau: float, threshold: float, reset: float, t_ref: float = 0.0) -> np.ndarray:
    """Return 1/(t_ref + tau sqrt(pi) int exp(x**2)(1 + erf x) dx), from (reset - mu)/sigma to (threshold - mu)/sigma.

    Args:
        mu: mean of the free membrane [mV].
        sigma: of its noise, sigma sqrt(tau) xi [mV]: sqrt(2) times its standard deviation. Broadcasts with ``mu``.
        tau: time constant of the membrane [ms].
        threshold: [mV].
        reset: [mV].
        t_ref: refractory time [ms].

    Returns:
        Rates [1/ms] in the shape of ``mu`` and ``sigma``; divide by ``units.Hz`` for Hz. For sigma = 0 the rate without
        noise.

    Raises:
        InputError: the threshold is not above the reset, sigma is negative, or tau is not positive.

    Example:
        >>> round(1000 * float(siegert_rate(20.0, 5.0, tau=20.0, threshold=20.0, reset=10.0, t_ref=2.0)), 4)
        27.3406
    """
    if not threshold > reset:
        raise InputError(f"siegert_rate: the threshold {threshold:g} must be above the reset {reset:g}")
    if not tau > 0 or t_ref < 0 or np.any(np.asarray(sigma) < 0):
        raise InputError("siegert_rate: tau must be positive, t_ref and sigma not negative")
    one = np.vectorize(lambda m, s: _rate(m, s, tau, threshold, reset, t_ref), otypes=[float])
    return one(np.asarray(mu, float), np.asarray(sigma, float))


def _rate(mu: float, sigma: float, tau: float, threshold: float, reset: float, t_ref: float) -> float:
    from scipy.integrate import quad
    from scipy.special import erfcx

    if sigma == 0:
        return 1 / (t_ref + tau * np.log((mu - reset) / (mu - threshold))) if mu > threshold else 0.0
    low, high = (reset - mu) / sigma, (threshold - mu) / sigma
    if high > 26:  # exp(26**2) is beyond the largest double
        return 0.0
    area = quad(lambda x: erfcx(-x), low, high, limit=200)[0]  # exp(x**2)(1 + erf x) without overflow
    return 1 / (t_ref + tau * np.sqrt(np.pi) * area)
