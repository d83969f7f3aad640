"""How the random encoders draw: the law of each, once as array operations, and on a CPU as a compiled kernel.

Both give the same numbers, so that neither the device nor the number of threads shows.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from spikelet import pool, random
from spikelet.encode.tensors import bits, cast, dtype, empty, is_tensor, like, module, on_cpu, on_host

BERNOULLI = random.STREAMS["encode"]
POISSON = random.STREAMS["encode"] + 1
_ALONE = 1 << 16  # element-steps that are not worth a second thread


def spikes_of(p: Any, out: Any, seed: int, element: Any, first_step: int) -> None:
    """Fill ``out`` (T, B*N) with spikes: 1 with probability ``p`` in each step.

    Step k takes word k % 4 of block k // 4, so that no word is thrown away; it is a spike where
    (word + 0.5)/2**32 < p, rewritten for integers: exact for both float32 and float64.

    Args:
        p: (B*N,) probabilities.
        out: is filled.
        seed: integer.
        element: (B*N,) int64, number of each element.
        first_step: number of the first step.
    """
    limit = cast(module(p).ceil(cast(p, "float64") * 2.0**32 - 0.5), "int64")
    if on_cpu(p):
        _compiled("bernoulli", out, (limit, element, first_step, len(out), _signed(seed), BERNOULLI))
    else:
        compare_words(out, limit, seed, element, first_step)


def compare_words(out: Any, limit: Any, seed: int, element: Any, first_step: int) -> None:
    """Fill ``out`` (T, B*N) with 1 where a random word is below ``limit`` (B*N,), by array operations."""
    steps = len(out)
    blocks = like(np.arange(first_step // 4, (first_step + steps - 1) // 4 + 1), limit)
    skip = first_step % 4
    for part in _parts(len(element), steps, limit):
        words = bits(limit)(seed, blocks[:, None], element[part], BERNOULLI)
        below = module(limit).stack([word < limit[part] for word in words], 1)  # (blocks, 4, elements)
        out[:, part] = below.reshape(4 * len(blocks), -1)[skip : skip + steps]


def counts_of(mean: Any, out: Any, seed: int, element: Any, first_step: int) -> None:
    """Fill ``out`` (T, B*N) with counts of spikes.

    The counts invert the distribution function on one 53-bit uniform number each, so they are exact at any mean. The
    upper word of step k is word k % 4 of block k // 4, the lower that of the second such block (draw 1), which is drawn
    where the upper does not decide.

    Args:
        mean: (B*N,) float64, or (T, B*N) where it changes with time.
        out: is filled.
        seed: integer.
        element: (B*N,) int64, number of each element.
        first_step: number of the first step.
    """
    if 0 in mean.shape:
        return
    # numpy's exp on every device: its rounding decides no spike then, so numpy and torch give the same counts
    none = like(np.exp(-on_host(mean)), mean)
    rounds = _rounds(float(mean.max()))
    if on_cpu(mean):
        by = len(element) if mean.ndim == 2 else 0
        given = (mean, none, by, element, first_step, len(out), _signed(seed), POISSON, rounds)
        _compiled("poisson", out, given, rounds)
    else:
        invert_words(out, mean, none, seed, element, first_step)


def invert_words(out: Any, mean: Any, none: Any, seed: int, element: Any, first_step: int) -> None:
    """Fill ``out`` (T, B*N) with counts, by array operations; ``none`` is exp(-mean)."""
    blocks = like(np.arange(first_step // 4, (first_step + len(out) - 1) // 4 + 1), mean)
    skip, rounds = first_step % 4, _rounds(float(mean.max()))
    for part in _parts(len(element), len(out), mean):
        high, low = (bits(mean)(seed, blocks[:, None], element[part], POISSON, draw) for draw in (0, 1))
        numbers = [
            (cast(a, "float64") * 2.0**21 + cast(b >> 11, "float64") + 0.5) * 2.0**-53
            for a, b in zip(high, low, strict=True)
        ]
        uniform = module(mean).stack(numbers, 1).reshape(4 * len(blocks), -1)[skip : skip + len(out)]
        out[:, part] = _inverse_poisson(uniform, mean[..., part], none[..., part], rounds)


def _inverse_poisson(uniform: Any, mean: Any, cdf: Any, rounds: int) -> Any:
    """Count the values of the distribution function that lie below ``uniform``; ``cdf`` is its first, exp(-mean)."""
    term, count = cdf, 0
    for k in range(1, rounds + 1):
        above = uniform > cdf
        if not bool(above.any()):
            break
        count = count + cast(above, "float64")
        term = term * mean / k
        cdf = cdf + term
    return count


def _rounds(most: float) -> int:
    """Return the largest count that is looked for: the sum may round to less than the largest uniform number."""
    return int(most + 12 * most**0.5) + 49


def _parts(elements: int, steps: int, data: Any) -> Iterator[slice]:
    """Yield slices of the elements; on a CPU the integers of each stay in the cache."""
    numbers = 2**18 if on_cpu(data) else 2**26
    size = max(256, numbers // steps)
    for start in range(0, elements, size):
        yield slice(start, start + size)


# -- the kernels ------------------------------------------------------------------------------------------------------


def room(steps: int, count: int, like: Any) -> Any:
    """Return memory for spikes (T, B*N), of the kind and type of ``like``; on a CPU that of earlier ones where free."""
    if not on_cpu(like):
        return empty((steps, count), like)
    from spikelet.backends.memory import MEMORY

    array = MEMORY.empty((steps, count), dtype(like))
    return module(like).from_numpy(array) if is_tensor(like) else array


def _signed(seed: int) -> int:
    return random.signed(random.whole(seed))


def _compiled(name: str, out: Any, given: tuple[Any, ...], rounds: int | None = None) -> None:
    """Run a kernel over the elements, which several threads share; arrays are handed over as addresses."""
    from spikelet.encode import kernels  # the compiler is loaded by who draws, not by who encodes otherwise

    steps, count = out.shape
    function = kernels.function(name, dtype(out))
    held = [on_host(value) if hasattr(value, "shape") else value for value in given]
    held = [np.ascontiguousarray(value) if isinstance(value, np.ndarray) else value for value in held]
    words = [value.ctypes.data if isinstance(value, np.ndarray) else value for value in held]
    rows = on_host(out)

    def job(lo: int, hi: int) -> None:
        scratch = None if rounds is None else np.empty(kernels.rows(rounds) * kernels.STRIP[name])
        more = () if scratch is None else (scratch.ctypes.data,)
        function(rows.ctypes.data, count, *words, *more, lo, hi)

    pool.run(job, count, threads=1 if steps * count < _ALONE else None)
