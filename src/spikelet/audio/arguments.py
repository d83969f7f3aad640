"""Waveforms as they are given, checked, and turned into what the models of this package are stepped with."""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.written import as_whole

_FASTEST = 1000.0  # kHz: no recording has more samples; a rate in Hz without its unit has


@dataclass(frozen=True)
class Waves:
    """Waveforms that have been checked.

    Attributes:
        name: function that was called, for errors.
        rows: (B, L) float32, 0 after the end of each, divided by their root mean square where that was asked for.
        lengths: (B,) valid samples.
        rate: samples per time [kHz].
        dt: step of the result [ms].
        source: what was given, whose kind and type the result has.
    """

    name: str
    rows: np.ndarray
    lengths: np.ndarray
    rate: float
    dt: float
    source: Any

    @property
    def samples(self) -> int:
        """Samples of a row."""
        return self.rows.shape[1]

    @property
    def steps(self) -> int:
        """Steps that have begun when the last sample ends."""
        return int(self.step_of(np.array([self.samples - 1]))[0]) + 1

    def step_of(self, sample: np.ndarray) -> np.ndarray:
        """Return the step in which the middle of each sample lies."""
        return ((sample + 0.5) / (self.rate * self.dt)).astype(np.int64)

    def like(self, result: np.ndarray) -> Any:
        """Return a result as the kind and type of what was given."""
        if not _is_tensor(self.source):
            return result.astype(np.asarray(self.source).dtype, copy=False)
        torch = sys.modules["torch"]
        return torch.from_numpy(result).to(self.source.device, self.source.dtype)

    def error(self, text: str) -> InputError:
        """Return an error that names the function."""
        return InputError(f"{self.name}: {text}")


def waves(name: str, x: Any, rate: float, dt: float, lengths: Any, normalise: bool) -> Waves:
    """Check waveforms.

    Raises:
        InputError: no floating point, NaN, infinite; the rate is none; a step is shorter than a sample.
        ShapeError: not (B, L), or lengths that do not fit.
    """
    data = np.asarray(x.detach().cpu()) if _is_tensor(x) else np.asarray(x)
    if data.dtype not in (np.float32, np.float64):
        raise InputError(f"{name}: x must be float32 or float64, not {data.dtype}; read_wav gives such")
    if data.ndim != 2 or not data.shape[1]:
        raise ShapeError(f"{name}: x must be (B, L), not {data.shape}, and hold at least one sample")
    if not np.isfinite(data).all():
        place = tuple(int(i[0]) for i in np.nonzero(~np.isfinite(data)))
        raise InputError(f"{name}: x is {float(data[place])} at {place}")
    rate, dt = positive(name, "rate", rate, "kHz"), positive(name, "dt", dt, "ms")
    if rate > _FASTEST:
        raise InputError(f"{name}: rate is {rate:g} kHz; for samples a second write {rate:g}*Hz")
    if rate * dt < 1 - 1e-9:
        raise InputError(f"{name}: dt is {dt:g} ms, shorter than a sample of {1 / rate:g} ms")
    ends = _lengths(name, lengths, data.shape)
    rows = np.where(np.arange(data.shape[1]) < ends[:, None], data, 0.0)
    if normalise:
        power = (rows**2).sum(1) / np.maximum(ends, 1)
        rows = rows / np.sqrt(np.where(power > 0, power, 1.0))[:, None]  # silence stays silence
    return Waves(name, rows.astype(np.float32), ends, rate, dt, x)


def positive(name: str, what: str, value: Any, unit: str) -> float:
    """Return a number above 0, or say that it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not 0 < number < np.inf:
        raise InputError(f"{name}: {what} must be a number above 0 [{unit}], not {value!r}")
    return number


def whole(name: str, what: str, value: Any) -> int:
    """Return an integer of at least 1, or say that it is none."""
    number = as_whole(value)
    if number is None or number < 1:
        raise InputError(f"{name}: {what} must be an integer of at least 1, not {value!r}")
    return number


def _lengths(name: str, lengths: Any, shape: tuple[int, ...]) -> np.ndarray:
    batch, samples = shape
    if lengths is None:
        return np.full(batch, samples)
    ends = np.asarray(lengths.cpu()) if _is_tensor(lengths) else np.asarray(lengths)
    if ends.shape != (batch,) or ends.dtype.kind not in "iu":
        raise ShapeError(f"{name}: lengths must be ({batch},) integers, not {ends.shape} of {ends.dtype}")
    if batch and not 0 <= ends.min() <= ends.max() <= samples:
        raise InputError(f"{name}: lengths must lie in 0 ... {samples}, found {ends.min()} to {ends.max()}")
    return ends.astype(np.int64)


def _is_tensor(x: Any) -> bool:
    torch = sys.modules.get("torch")  # where torch was never imported there are no tensors
    return torch is not None and isinstance(x, torch.Tensor)
