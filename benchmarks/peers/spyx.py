"""Spyx, on JAX: the step of a whole network inside ``jax.lax.scan``, compiled, as its documentation does.

Its neuron tests the membrane of the step before, resets by subtraction and passes a gradient through the reset. Inputs
are NumPy arrays, copied once. The forward pass is timed by itself, then both passes in one compiled function.
"""

import os
from collections.abc import Callable
from typing import Any

threads = os.environ.get("SPIKELET_THREADS", "1")  # before JAX starts: it makes its pools only once
os.environ["NPROC"] = threads
if threads == "1":
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
import spyx  # noqa: E402
from flax import nnx  # noqa: E402

from benchmarks.race import Job  # noqa: E402

BETA = 0.95
Loss = Callable[[jax.Array, jax.Array], jax.Array]
_RNGS = nnx.Rngs(0)
_ARCTAN = spyx.axn.custom(lambda x: 1 / (1 + (jnp.pi * x) ** 2))  # of width 2, as ours


def layer(x: np.ndarray, upstream: np.ndarray) -> Job:
    """The neurons alone; gradient with respect to ``x`` (T, B, N)."""
    neurons = _lif(x.shape[2:])
    return _job(lambda sequence, _: spyx.nn.run(neurons, sequence)[0], jnp.asarray(x), (None, upstream), _weighted)


def linear_lif(x: np.ndarray, upstream: np.ndarray) -> Job:
    """Linear, spikes; gradient with respect to the weights."""
    size = x.shape[2]
    net = spyx.nn.Sequential(nnx.Linear(size, size, use_bias=False, rngs=_RNGS), _lif((size,)))
    return _network(net, x, upstream, _weighted)


def rsnn(x: np.ndarray, upstream: np.ndarray, hidden: int, classes: int) -> Job:
    """Linear, recurrent spikes, Linear, membrane."""
    neurons = spyx.nn.RLIF((hidden,), beta=BETA, activation=_ARCTAN, rngs=_RNGS)
    neurons.recurrent_w[...] = neurons.recurrent_w[...] / hidden  # its initial weights have a deviation of 1
    first, second = nnx.Linear(x.shape[2], hidden, rngs=_RNGS), nnx.Linear(hidden, classes, rngs=_RNGS)
    return _network(spyx.nn.Sequential(first, neurons, second, _li(classes)), x, upstream, _weighted)


def article(images: np.ndarray, labels: np.ndarray, hidden: int, classes: int, steps: int, lr: float) -> Job:
    """One training step with Adam; the image (B, N) is given at every step."""
    x = np.broadcast_to(images, (steps, *images.shape))
    first, second = nnx.Linear(images.shape[1], hidden, rngs=_RNGS), nnx.Linear(hidden, classes, rngs=_RNGS)
    net = spyx.nn.Sequential(first, _lif((hidden,)), second, _li(classes))
    return _network(net, x, labels, _cross_entropy, optax.adam(lr))


def conv(x: np.ndarray, upstream: np.ndarray) -> Job:
    """12C5-MP2-64C5-MP2-10; JAX has the channels last, so the frames (T, B, 1, 28, 28) are turned once."""

    def pool(maps: jax.Array) -> jax.Array:
        return nnx.max_pool(maps, (2, 2), (2, 2))

    net = spyx.nn.Sequential(
        nnx.Conv(1, 12, (5, 5), padding="VALID", rngs=_RNGS), pool, _lif((12, 12, 12)),
        nnx.Conv(12, 64, (5, 5), padding="VALID", rngs=_RNGS), pool, _lif((4, 4, 64)),
        spyx.nn.Flatten(), nnx.Linear(1024, 10, rngs=_RNGS), _lif((10,)),
    )  # fmt: skip
    return _network(net, np.moveaxis(x, 2, -1), upstream, _weighted)


def _lif(shape: tuple[int, ...]) -> nnx.Module:
    return spyx.nn.LIF(tuple(shape), beta=BETA, activation=_ARCTAN, rngs=_RNGS)


def _li(size: int) -> nnx.Module:
    return spyx.nn.LI((size,), beta=BETA, rngs=_RNGS)


def _weighted(output: jax.Array, upstream: jax.Array) -> jax.Array:
    """The loss whose gradient with respect to the output is ``upstream``."""
    return jnp.sum(output * upstream)


def _cross_entropy(membrane: jax.Array, labels: jax.Array) -> jax.Array:
    spread = optax.softmax_cross_entropy_with_integer_labels
    return jax.vmap(spread, (0, None))(membrane, labels).mean(1).sum()


def _network(net: nnx.Module, x: np.ndarray, target: np.ndarray, loss: Loss, optimizer: Any = None) -> Job:
    """The job of a network whose weights learn, and beta does not; with an optimiser, its step too."""
    graph, weights, rest = nnx.split(net, nnx.All(nnx.Param, nnx.Not(nnx.PathContains("beta"))), ...)

    def run(values: Any, sequence: jax.Array) -> jax.Array:
        return spyx.nn.run(nnx.merge(graph, values, rest), sequence)[0]

    return _job(run, weights, (x, target), loss, optimizer)


def _job(run: Callable[..., Any], argument: Any, data: tuple[Any, Any], loss: Loss, optimizer: Any = None) -> Job:
    """The job of ``loss(run(argument, x), target)``; the data are arguments, lest the compiler computes with them."""
    x, target = jax.tree.map(jnp.asarray, data)
    forward = jax.jit(run)
    gradient = jax.value_and_grad(lambda values, x, target: loss(run(values, x), target))
    held = [argument, None if optimizer is None else optimizer.init(argument)]

    def step(values: Any, state: Any, x: Any, target: Any) -> Any:
        value, slope = gradient(values, x, target)
        if optimizer is None:
            return value, slope
        change, state = optimizer.update(slope, state)
        return optax.apply_updates(values, change), state

    step = jax.jit(step)

    def whole() -> None:
        result = jax.block_until_ready(step(*held, x, target))
        if optimizer is not None:
            held[:] = result

    return Job(lambda: forward(held[0], x).block_until_ready(), whole=whole)
