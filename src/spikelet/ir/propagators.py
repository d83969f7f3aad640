"""The matrices of the exact integrator, evaluated numerically: see ``ir.integrate``."""

from collections.abc import Callable

import numpy as np


def propagators(matrix: np.ndarray, noise: np.ndarray, dt: np.ndarray) -> dict[str, np.ndarray]:
    """Return P, Q and L of ``dx/dt = A x + b`` with white noise.

    Args:
        matrix: (..., n, n) A [1/ms].
        noise: (..., n) squared amplitude of the noise in each state; zeros without noise.
        dt: () step [ms].

    Returns:
        ``P`` and ``Q``, each (..., n, n); with noise also ``L``, the lower Cholesky factor of the covariance of a step.
    """
    from scipy import linalg  # pyright: ignore[reportMissingTypeStubs]  # slow to import; only coupled systems need it

    expm: Callable[[np.ndarray], np.ndarray] = linalg.expm  # pyright: ignore

    n = matrix.shape[-1]
    both = np.zeros((*matrix.shape[:-2], 2 * n, 2 * n))
    both[..., :n, :n] = matrix * dt
    both[..., :n, n:] = np.eye(n) * dt
    exponential: np.ndarray = expm(both)
    result: dict[str, np.ndarray] = {"P": exponential[..., :n, :n], "Q": exponential[..., :n, n:]}
    if noise.any():
        both[..., :n, :n] = -matrix * dt
        both[..., :n, n:] = noise[..., None] * np.eye(n) * dt
        both[..., n:, n:] = np.swapaxes(matrix, -1, -2) * dt
        exponential = expm(both)
        transposed = np.swapaxes(exponential[..., n:, n:], -1, -2)
        result["L"] = _cholesky(transposed @ exponential[..., :n, n:])
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
