"""Encoders: from numbers to spikes, time first.

Each takes a numpy array or a torch tensor of float32 or float64 and returns the same kind, dtype and device, of shape
``(T, B, *N)``: ``steps`` rows of time, then the axes of what was given.

| encoder | gives |
|---|---|
| `constant` | the value itself at every step, as a view that takes no memory |
| `bernoulli` | 0 or 1, a spike with probability x in each step |
| `rate` | the same for a rate x: a spike with probability x*dt |
| `poisson` | counts 0, 1, 2, ... with mean x*dt: a source may emit several spikes in a step |
| `latency` | one spike, the earlier the larger x |
| `delta` | a spike where a signal in time has risen by a threshold |

The random ones draw from `spikelet.random`, keyed by the seed, the step and the number of the element, which is
``sample * neurons + neuron``. With ``samples`` given, the index of each row in the data set, the spikes of an image do
not depend on the batch, the process or the device that encodes it; with ``first_step`` given, a sequence may be encoded
in pieces.
"""

import operator
import sys
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np

from spikelet import random
from spikelet.errors import InputError, ShapeError, did_you_mean

Signal = TypeVar("Signal")  # np.ndarray or torch.Tensor

_BERNOULLI = random.STREAMS["encode"]
_POISSON = random.STREAMS["encode"] + 1
_MOST = 500.0  # largest mean count: exp(-mean), where the inversion starts, must not underflow


def constant(x: Signal, steps: int) -> Signal:
    """Return ``x`` at every step, as an expanded view (stride 0 in time, no memory, differentiable).

    Args:
        x: (B, *N), any unit.
        steps: number of steps T.

    Returns:
        (T, B, *N), read-only in numpy.

    Example:
        >>> constant(np.array([[0.5, 2.0]]), steps=3)[:, 0].tolist()
        [[0.5, 2.0], [0.5, 2.0], [0.5, 2.0]]
    """
    data, steps = _checked(x, "constant"), _steps(steps)
    if _is_tensor(data):
        return data.expand(steps, *data.shape)
    return np.broadcast_to(data, (steps, *data.shape))  # type: ignore[return-value]  # an array for an array


def bernoulli(x: Signal, steps: int, *, seed: int = 0, samples: Any = None, first_step: int = 0) -> Signal:
    """Return a spike in each step with probability ``x``, independently.

    Args:
        x: (B, *N), probability per step, in [0, 1].
        steps: number of steps T.
        seed: integer.
        samples: (B,) integers, the index in the data set of each row of the batch; 0 ... B-1 if not given.
        first_step: number of the first step, to encode in pieces.

    Returns:
        (T, B, *N), 0 or 1.

    Example:
        >>> spikes = bernoulli(np.full((1, 8), 32 / 256), steps=1000)
        >>> spikes.shape, 100 < spikes[:, 0, 0].sum() < 150
        ((1000, 1, 8), np.True_)
    """
    p = _detached(_checked(x, "bernoulli", 0, 1, "a probability per step; divide 8-bit images by 255"))
    return _bernoulli(p, _steps(steps), seed, _elements(p, samples), _first(first_step))


def rate(rates: Signal, steps: int, dt: float, *, seed: int = 0, samples: Any = None, first_step: int = 0) -> Signal:
    """Return at most one spike a step for a firing rate: probability ``rates * dt``.

    Args:
        rates: (B, *N), rate [kHz], as ``units.Hz`` gives it; ``rates * dt`` must not be above 1.
        steps: number of steps T.
        dt: length of a step [ms].
        seed: as in `bernoulli`, whose spikes these are.
        samples: as in `bernoulli`.
        first_step: as in `bernoulli`.

    Returns:
        (T, B, *N), 0 or 1.

    Example:
        >>> from spikelet.units import Hz, ms
        >>> float(rate(np.full((1, 1000), 40 * Hz), steps=100, dt=1 * ms).sum() / 100)
        40.8
    """
    data, dt = _detached(_checked(rates, "rate", 0)), _positive("dt", dt, "ms")
    p = _cast(data, "float64") * dt
    if 0 not in data.shape and float(p.max()) > 1:
        raise InputError(
            f"rate: rates*dt reaches {float(p.max()):.6g}, above one spike a step; use a shorter dt, or "
            "encode.poisson, which counts several spikes in a step"
        )
    return _cast(_bernoulli(p, _steps(steps), seed, _elements(data, samples), _first(first_step)), _dtype(data))


def poisson(rates: Signal, steps: int, dt: float, *, seed: int = 0, samples: Any = None, first_step: int = 0) -> Signal:
    """Return the number of spikes of a Poisson process in each step.

    The counts invert the distribution function on one 53-bit uniform number each, so they are exact at any rate.

    Args:
        rates: (B, *N), rate [kHz], as ``units.Hz`` gives it; mean count ``rates * dt`` at most 500.
        steps: number of steps T.
        dt: length of a step [ms].
        seed: integer.
        samples: as in `bernoulli`.
        first_step: as in `bernoulli`.

    Returns:
        (T, B, *N), counts 0, 1, 2, ... in the dtype of ``rates``.

    Example:
        >>> from spikelet.units import Hz, ms
        >>> float(poisson(np.full((1, 1000), 20_000 * Hz), steps=10, dt=0.1 * ms).mean())
        2.0217
    """
    data, dt, steps = _detached(_checked(rates, "poisson", 0)), _positive("dt", dt, "ms"), _steps(steps)
    mean = (_cast(data, "float64") * dt).reshape(-1)
    if 0 not in data.shape and float(mean.max()) > _MOST:
        raise InputError(
            f"poisson: rates*dt reaches {float(mean.max()):.6g}; at most {_MOST:g} spikes a step can be drawn"
        )
    # numpy's exp on every device: its rounding decides no spike then, so numpy and torch give the same counts
    none = _like(np.exp(-np.asarray(mean.cpu() if _is_tensor(mean) else mean)), data)
    step, element = _like(np.arange(steps) + _first(first_step), data), _elements(data, samples)
    count = _empty((steps, len(element)), data)
    for part in _parts(len(element), steps, data):
        w0, w1, _, _ = _bits(data)(seed, step[:, None], element[part], _POISSON)
        uniform = (_cast(w0, "float64") * 2.0**21 + _cast(w1 >> 11, "float64") + 0.5) * 2.0**-53
        count[:, part] = _inverse_poisson(uniform, mean[part], none[part])
    return count.reshape(steps, *data.shape)


def latency(
    x: Signal,
    steps: int,
    kind: str = "linear",
    *,
    tau: float = 20.0,
    threshold: float | None = None,
    dt: float = 1.0,
    silent: bool = True,
) -> Signal:
    """Return one spike for each element, the earlier the larger ``x`` (time to first spike).

    ``"linear"``: in step round((T - 1)*(1 - x)), so x = 1 fires in the first step and x = 0 in the last.

    ``"rc"``: in step round(t/dt) with t = tau*ln(x/(x - threshold)), the time at which a membrane of time constant
    ``tau`` charged by the constant drive x = R*I reaches ``threshold``. The defaults are those of the tutorials of
    surrogate-gradient learning (Neftci, Mostafa & Zenke 2019).

    Args:
        x: (B, *N); in [0, 1] where linear, any finite numbers where rc.
        steps: number of steps T.
        kind: ``"linear"`` or ``"rc"``.
        tau: membrane time constant [ms], rc only.
        threshold: linear: x below it never fires (default 0: all fire); rc: x must be above it (default 0.2).
        dt: length of a step [ms], rc only.
        silent: whether elements that never fire, or not within ``steps``, stay silent; else they fire in the last step.

    Returns:
        (T, B, *N), 0 or 1, at most one spike for each element.

    Example:
        >>> latency(np.array([[1.0, 0.75, 0.0]]), steps=5)[:, 0].tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    steps = _steps(steps)
    if kind == "linear":
        data = _detached(_checked(x, "latency", 0, 1, "for kind='linear'"))
        when = _linear_latency(_cast(data, "float64"), steps, 0.0 if threshold is None else float(threshold))
    elif kind == "rc":
        data = _detached(_checked(x, "latency"))
        level = 0.2 if threshold is None else _positive("threshold", threshold, "the unit of x")
        tau, dt = _positive("tau", tau, "ms"), _positive("dt", dt, "ms")
        when = _rc_latency(_cast(data, "float64"), steps, tau / dt, level)
    else:
        raise InputError(f"latency: kind must be 'linear' or 'rc', not {kind!r}{did_you_mean(str(kind), _KINDS)}")
    if not silent:
        when = when.clip(0, steps - 1)
    rows = _like(np.arange(steps), data).reshape(steps, *(1 for _ in data.shape))
    return _cast(rows == when, _dtype(data))


_KINDS = ("linear", "rc")


def delta(x: Signal, threshold: float = 0.1, *, padding: float | str = 0.0, off_spikes: bool = False) -> Signal:
    """Return a spike in each step in which a signal has risen by ``threshold`` since the step before.

    Args:
        x: (T, B, *N), the signal, time first.
        threshold: smallest change that counts, above 0, in the unit of ``x``.
        padding: what the first step is compared with: a number, or ``"first"`` for the first step itself (no spike).
        off_spikes: whether a fall by ``threshold`` or more gives -1.

    Returns:
        (T, B, *N), 0 or 1, with ``off_spikes`` also -1.

    Example:
        >>> delta(np.array([[0.0], [0.5], [0.6], [0.1]]), 0.3, off_spikes=True)[:, 0].tolist()
        [0.0, 1.0, 0.0, -1.0]
    """
    data = _detached(_checked(x, "delta", time=True))
    level = float(np.dtype(_dtype(data)).type(_positive("threshold", threshold, "the unit of x")))
    if isinstance(padding, str) and padding != "first":
        raise InputError(f"delta: padding must be a number or 'first', not {padding!r}")
    change = _empty(data.shape, data)
    if len(data):
        change[1:] = data[1:] - data[:-1]
        change[0] = 0 if isinstance(padding, str) else data[0] - float(padding)
    spikes = _cast(change >= level, _dtype(data))
    return spikes - _cast(change <= -level, _dtype(data)) if off_spikes else spikes


# -- how the encoders draw and time -----------------------------------------------------------------------------------


def _bernoulli(p: Any, steps: int, seed: int, element: Any, first_step: int) -> Any:
    """Compare random words with ``p``: step k takes word k % 4 of block k // 4, so that no word is thrown away."""
    # (word + 0.5)/2**32 < p, rewritten for integers: exact for both float32 and float64
    limit = _cast(_module(p).ceil(_cast(p, "float64").reshape(-1) * 2.0**32 - 0.5), "int64")
    block = _like(np.arange(first_step // 4, (first_step + steps - 1) // 4 + 1), p)
    skip = first_step % 4
    out = _empty((steps, len(element)), p)
    for part in _parts(len(element), steps, p):
        words = _bits(p)(seed, block[:, None], element[part], _BERNOULLI)
        below = _module(p).stack([word < limit[part] for word in words], 1)  # (blocks, 4, elements)
        out[:, part] = below.reshape(4 * len(block), -1)[skip : skip + steps]
    return out.reshape(steps, *p.shape)


def _inverse_poisson(uniform: Any, mean: Any, cdf: Any) -> Any:
    """Count the values of the distribution function that lie below ``uniform``; ``cdf`` is its first, exp(-mean)."""
    term, count = cdf, 0
    most = float(mean.max())
    for k in range(1, int(most + 12 * most**0.5) + 50):  # the sum may round to less than the largest uniform number
        above = uniform > cdf
        if not bool(above.any()):
            break
        count = count + _cast(above, "float64")
        term = term * mean / k
        cdf = cdf + term
    return count


def _linear_latency(x: Any, steps: int, threshold: float) -> Any:
    """Return the step of each spike, ``steps`` where there is none."""
    when = _cast(_module(x).round((steps - 1) * (1 - x)), "int64")
    return _module(x).where(x < threshold, steps, when)


def _rc_latency(x: Any, steps: int, tau: float, threshold: float) -> Any:
    """Return round(tau*ln(x/(x - threshold))), ``steps`` where that is later or x not above ``threshold``.

    The borders between the steps are values of x, falling with time; finding x among them needs comparisons only, so
    numpy and torch agree exactly.
    """
    late = np.arange(steps, 0, -1) - 0.5
    borders = _like(threshold / -np.expm1(-late / tau), x)
    flat = x.reshape(-1)  # contiguous, which torch's search wants
    when = steps - _module(x).searchsorted(borders, flat, side="right").reshape(x.shape)
    return _module(x).where(x > threshold, when, steps)


def _elements(data: Any, samples: Any) -> Any:
    """Return the number sample * neurons + neuron of each element, (B*N,) int64."""
    batch, neurons = data.shape[0], int(np.prod(data.shape[1:]))
    index = np.arange(batch) if samples is None else np.asarray(samples.cpu() if _is_tensor(samples) else samples)
    if index.dtype.kind not in "iu":
        raise InputError(f"samples must be integers, not {index.dtype}")
    if index.shape != (batch,):
        raise ShapeError(f"samples must be ({batch},), one for each row of the batch, not {index.shape}")
    if batch and index.min() < 0:
        raise InputError(f"samples must not be negative, not {index.min()}")
    return (_like(index.astype(np.int64), data)[:, None] * neurons + _like(np.arange(neurons), data)).reshape(-1)


def _parts(elements: int, steps: int, data: Any) -> Iterator[slice]:
    """Yield slices of the elements; on a CPU the integers of each stay in the cache."""
    numbers = 2**18 if not _is_tensor(data) or data.device.type == "cpu" else 2**26
    size = max(256, numbers // steps)
    for start in range(0, elements, size):
        yield slice(start, start + size)


# -- what numpy and torch spell differently ---------------------------------------------------------------------------


def _is_tensor(x: Any) -> bool:
    torch = sys.modules.get("torch")  # where torch was never imported there are no tensors
    return torch is not None and isinstance(x, torch.Tensor)


def _module(x: Any) -> Any:
    return sys.modules["torch"] if _is_tensor(x) else np


def _dtype(x: Any) -> str:
    return str(x.dtype).removeprefix("torch.")


def _cast(x: Any, dtype: str) -> Any:
    return x.to(getattr(_module(x), dtype)) if _is_tensor(x) else x.astype(dtype, copy=False)


def _detached(x: Any) -> Any:
    return x.detach() if _is_tensor(x) else x


def _like(array: np.ndarray, x: Any) -> Any:
    """Bring a numpy array to the kind and device of ``x``."""
    return _module(x).from_numpy(array).to(x.device) if _is_tensor(x) else array


def _empty(shape: tuple[int, ...], like: Any) -> Any:
    return like.new_empty(shape) if _is_tensor(like) else np.empty(shape, like.dtype)


def _bits(x: Any) -> Any:
    return random.bits_torch if _is_tensor(x) else random.bits


# -- checks -----------------------------------------------------------------------------------------------------------


def _checked(
    x: Any, name: str, low: float | None = None, high: float | None = None, hint: str = "", time: bool = False
) -> Any:
    """Return ``x`` as an array or tensor, or say what is wrong with it."""
    data = x if _is_tensor(x) else np.asarray(x)
    if _dtype(data) not in ("float32", "float64"):
        hint = "; divide 8-bit images by 255" if _dtype(data) == "uint8" else ""
        raise InputError(f"{name}: x must be float32 or float64, not {_dtype(data)}{hint}")
    axes = ("T", "B", "*N") if time else ("B", "*N")
    if data.ndim < len(axes) - 1:
        raise ShapeError(f"{name}: x must be ({', '.join(axes)}), not {tuple(data.shape)}")
    _check_values(_detached(data), name, low, high, hint)
    return data


def _check_values(data: Any, name: str, low: float | None, high: float | None, hint: str) -> None:
    finite = _module(data).isfinite(data)
    if not bool(finite.all()):
        place = tuple(int(i[0]) for i in np.nonzero(np.asarray((~finite).cpu() if _is_tensor(data) else ~finite)))
        raise InputError(f"{name}: x is {float(data[place])} at {place}")
    if 0 in data.shape:
        return
    hint = f" ({hint})" if hint else ""
    if low is not None and (least := float(data.min())) < low:
        raise InputError(f"{name}: x reaches {least:.6g}, below {low}{hint}")
    if high is not None and (most := float(data.max())) > high:
        raise InputError(f"{name}: x reaches {most:.6g}, above {high}{hint}")


def _steps(steps: int) -> int:
    return _integer("steps", steps, 1)


def _first(first_step: int) -> int:
    return _integer("first_step", first_step, 0)


def _integer(name: str, value: Any, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise InputError(f"{name} must be an integer of at least {least}, not {value!r}")
    return number


def _positive(name: str, value: Any, unit: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not 0 < number < np.inf:
        raise InputError(f"{name} must be a number above 0 [{unit}], not {value!r}")
    return number
