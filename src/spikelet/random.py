"""Random numbers that are functions of where they are used: Philox 4x32-10 with a stated counter.

A generator with a hidden state gives other numbers when a run is cut in two, when a batch is split over two processes
or when a second thread joins. Here nothing is hidden: a number is a function of (seed, step, element, stream, draw)
and of nothing else. Philox is the counter-based generator of Salmon, Moraes, Dror & Shaw 2011 (SC '11,
doi:10.1145/2063384.2063405); one block of four 32-bit words belongs to each counter::

    key      k0 = seed, low 32 bits           k1 = seed, high 32 bits
    counter  c0 = step                        c1 = element, low 32 bits
             c2 = element, high 32 bits       c3 = stream << 16 | draw

``step`` counts time steps, ``element`` numbers the neuron (or synapse, or sample * neurons + neuron), ``stream`` tells
apart the uses within a step (`STREAMS`), ``draw`` tells apart several blocks of one use. numpy and torch run the same
lines of integer arithmetic, so their words are equal bit for bit, on every device.
"""

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.errors import InputError

if TYPE_CHECKING:
    import torch

STREAMS = {"neuron": 0, "encode": 1000, "init": 2000, "shuffle": 3000, "events": 5000}
"""First stream of each use. The noise terms of a neuron model are numbered 0 to 999 in the order of its text."""

_LOW = 0xFFFFFFFF
_WEYL = (0x9E3779B9, 0xBB67AE85)
# The multipliers of the paper less 2**32: with them the 64-bit product of a 32-bit word stays inside a signed
# integer, so that torch, which has no unsigned 64-bit arithmetic, never overflows.
_MULTIPLIER = (0xD2511F53 - 2**32, 0xCD9E8D57 - 2**32)


def _multiply(word: Any, multiplier: int) -> tuple[Any, Any]:
    """Return the high and low 32 bits of ``word * (multiplier + 2**32)``."""
    product = word * multiplier
    return (product >> 32) + word, product & _LOW


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> tuple[Any, Any, Any, Any]:
    """Return the four words of Philox 4x32-10 for a counter and a key.

    Args:
        counter: four integers, int64 arrays or int64 tensors with values in [0, 2**32), of shapes that broadcast.
        key: two integers in [0, 2**32).

    Returns:
        Four of the kind that was given, with values in [0, 2**32).

    Example:
        >>> [f"{word:08x}" for word in philox((0, 0, 0, 0), (0, 0))]
        ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = _multiply(c0, _MULTIPLIER[0])
        high1, low1 = _multiply(c2, _MULTIPLIER[1])
        c0, c1, c2, c3 = high1 ^ (c1 ^ k0), low1, high0 ^ (c3 ^ k1), low0
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return c0, c1, c2, c3


def whole(seed: int) -> int:
    """Return a seed as an integer of up to 64 bits.

    Raises:
        InputError: it is none.
    """
    try:
        seed = operator.index(seed)
    except TypeError:
        raise InputError(f"seed must be an integer, not {seed!r}") from None
    if not -(2**63) <= seed < 2**64:
        raise InputError(f"seed must fit into 64 bits, not {seed}")
    return seed


def signed(seed: int) -> int:
    """Return a whole seed as the signed integer of 64 bits that kernels and operators take.

    It does not ask for the seed's value, as ``whole`` does: torch.compile would compile anew for every seed.
    """
    return seed - 2**64 if seed >= 2**63 else seed


def _key(seed: int) -> tuple[int, int]:
    """Split a seed into the two words of the key."""
    seed = whole(seed)
    return seed & _LOW, (seed >> 32) & _LOW


def _use(stream: int, draw: int) -> int:
    """Return the counter word of a stream and a draw."""
    for name, value in (("stream", stream), ("draw", draw)):
        if not 0 <= value < 2**16:
            raise InputError(f"{name} must be in [0, 65536), not {value}")
    return (stream << 16) | draw


def _block(seed: int, step: Any, element: Any, stream: int, draw: int) -> tuple[Any, Any, Any, Any]:
    """Return the words for int64 arrays or tensors ``step`` and ``element``."""
    return philox((step & _LOW, element & _LOW, (element >> 32) & _LOW, _use(stream, draw)), _key(seed))


def bits(
    seed: int, step: Any, element: Any, stream: int = 0, draw: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the block of four words of each (step, element).

    Args:
        seed: integer of up to 64 bits.
        step: integer or int64 array; counts modulo 2**32.
        element: integer or int64 array; broadcast with ``step``.
        stream: which use of random numbers, in [0, 65536); see `STREAMS`.
        draw: which block of that use, in [0, 65536).

    Returns:
        Four uint32 arrays of the shape to which ``step`` and ``element`` broadcast.

    Example:
        >>> bits(0, 0, [0, 1])[0].tolist()
        [1713891541, 1792067052]
    """
    words = _block(seed, np.asarray(step, dtype=np.int64), np.asarray(element, dtype=np.int64), stream, draw)
    shape = np.broadcast_shapes(*(np.shape(word) for word in words))
    w0, w1, w2, w3 = (np.broadcast_to(np.asarray(word), shape).astype(np.uint32) for word in words)
    return w0, w1, w2, w3


def _unit(word: Any) -> Any:
    """Map a word to the middle of its 1/2**32 of (0, 1); exact in float64."""
    return (word + 0.5) * 2.0**-32


def uniform(seed: int, step: Any, element: Any, stream: int = 0, draw: int = 0) -> np.ndarray:
    """Return float64 numbers uniform in the open interval (0, 1), one for each (step, element).

    Example:
        >>> float(uniform(0, 0, 0))
        0.3990464707603678
    """
    return _unit(bits(seed, step, element, stream, draw)[0].astype(np.float64))


def normal(seed: int, step: Any, element: Any, stream: int = 0, draw: int = 0) -> np.ndarray:
    """Return float64 numbers of the standard normal distribution (Box-Muller), one for each (step, element)."""
    w0, w1, _, _ = bits(seed, step, element, stream, draw)
    u0, u1 = _unit(w0.astype(np.float64)), _unit(w1.astype(np.float64))
    return np.sqrt(-2 * np.log(u0)) * np.cos(2 * np.pi * u1)


def bits_torch(
    seed: int, step: "int | torch.Tensor", element: "torch.Tensor", stream: int = 0, draw: int = 0
) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]":
    """Return the words of `bits` as int64 tensors on the device of ``element`` (an int64 tensor)."""
    import torch

    step = torch.as_tensor(step, dtype=torch.int64, device=element.device)
    words = torch.broadcast_tensors(*_block(seed, step, element.to(torch.int64), stream, draw))
    return words[0], words[1], words[2], words[3]


def uniform_torch(
    seed: int, step: "int | torch.Tensor", element: "torch.Tensor", stream: int = 0, draw: int = 0
) -> "torch.Tensor":
    """Return the numbers of `uniform`, bit for bit, as a float64 tensor on the device of ``element``."""
    return _unit(bits_torch(seed, step, element, stream, draw)[0].double())


def normal_torch(
    seed: int, step: "int | torch.Tensor", element: "torch.Tensor", stream: int = 0, draw: int = 0
) -> "torch.Tensor":
    """Return the numbers of `normal` as a float64 tensor; equal up to the rounding of log and cos."""
    w0, w1, _, _ = bits_torch(seed, step, element, stream, draw)
    return (-2 * _unit(w0.double()).log()).sqrt() * (2 * np.pi * _unit(w1.double())).cos()


def permutation(seed: int, n: int, epoch: int = 0) -> np.ndarray:
    """Return a random order of 0 ... n-1, another one for each epoch.

    Args:
        seed: integer of up to 64 bits.
        n: how many.
        epoch: which pass over the data; stands at the place of the step.

    Returns:
        (n,) int64.

    Example:
        >>> sorted(permutation(seed=1, n=4, epoch=2).tolist())
        [0, 1, 2, 3]
    """
    if n < 0:
        raise InputError(f"n must not be negative, not {n}")
    high, low, _, _ = bits(seed, epoch, np.arange(n), STREAMS["shuffle"])
    keys = (high.astype(np.uint64) << np.uint64(32)) | low
    return np.argsort(keys, kind="stable").astype(np.int64)
