"""The matrices of the exact integrator, evaluated numerically: see ``ir.integrate``."""

from collections.abc import Callable
from typing import cast

import numpy as np

HALVINGS = 10  # Van Loan's matrix holds exp(+dt/tau): it is taken of dt/1024, and the covariance doubled up to dt


def propagators(matrix: np.ndarray, noise: np.ndarray | None, dt: np.ndarray) -> dict[str, np.ndarray]:
    """Return P, Q and L of ``dx/dt = A x + b`` with white noise.

    Args:
        matrix: (..., n, n) A [1/ms].
        noise: (..., n) squared amplitude of the noise in each state, or ``None``: no noise.
        dt: () step [ms].

    Returns:
        ``P`` and ``Q``, each (..., n, n); with noise also ``L``, the lower Cholesky factor of the covariance of a step.
    """
    from scipy import linalg  # pyright: ignore[reportMissingTypeStubs]  # slow to import; only coupled systems need it

    expm = cast("Callable[[np.ndarray], np.ndarray]", linalg.expm)  # pyright: ignore[reportUnknownMemberType]

    n = matrix.shape[-1]
    both = np.zeros((*matrix.shape[:-2], 2 * n, 2 * n))
    both[..., :n, :n] = matrix * dt
    both[..., :n, n:] = np.eye(n) * dt
    exponential: np.ndarray = expm(both)
    result: dict[str, np.ndarray] = {"P": exponential[..., :n, :n], "Q": exponential[..., :n, n:]}
    if noise is not None:
        h = dt / 2**HALVINGS
        both[..., :n, :n] = -matrix * h
        both[..., :n, n:] = noise[..., None] * np.eye(n) * h
        both[..., n:, n:] = np.swapaxes(matrix, -1, -2) * h
        exponential = expm(both)
        decay = np.swapaxes(exponential[..., n:, n:], -1, -2)
        covariance = decay @ exponential[..., :n, n:]
        for _ in range(HALVINGS):
            covariance = covariance + decay @ covariance @ np.swapaxes(decay, -1, -2)
            decay = decay @ decay
        result["L"] = _cholesky(covariance)
    return result


def _cholesky(covariance: np.ndarray) -> np.ndarray:
    """Return the Cholesky factor of a positive semidefinite matrix: zero rows are allowed."""
    n = covariance.shape[-1]
    factor = np.zeros_like(covariance)
    for j in range(n):
        rest = covariance[..., j, j] - (factor[..., j, :j] ** 2).sum(-1)
        pivot = np.sqrt(np.maximum(rest, 0.0))
        factor[..., j, j] = pivot
        for i in range(j + 1, n):
            value = covariance[..., i, j] - (factor[..., i, :j] * factor[..., j, :j]).sum(-1)
            factor[..., i, j] = np.where(pivot > 0, value / np.where(pivot > 0, pivot, 1.0), 0.0)
    return factor
