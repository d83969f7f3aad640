"""Power spectra and coherence, of signals and of spikes, by Welch's method."""

from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.errors import InputError, ShapeError

_SECOND = 1000.0  # ms
_NEURONS = 8  # whose spectra are taken at a time: their counts should fit into a cache


def power_spectrum(signal: Any, *, dt: float, segment: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the power spectral density of a signal, one-sided (Welch 1967: Hann windows that overlap by half).

    Its integral over frequency is the variance of the signal.

    Args:
        signal: (T,) or (T, N) values, time first.
        dt: between values [ms].
        segment: length of a segment [ms], 1/segment being the resolution; an eighth of the signal if not given.

    Returns:
        (F,) frequencies [Hz] and (F,) or (F, N) power [unit**2/Hz].

    Raises:
        ShapeError: the signal is neither (T,) nor (T, N).
        InputError: the segment does not fit.
    """
    from scipy.signal import welch

    signal, dt = _signal(signal), c.positive("dt", dt)
    rows = _rows(len(signal), dt, segment)
    return welch(signal, _SECOND / dt, nperseg=rows, axis=0)


def coherence(x: Any, y: Any, *, dt: float, segment: float | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the magnitude-squared coherence of two signals, abs(P_xy)**2/(P_xx P_yy), and the phase of P_xy.

    Args:
        x: (T,) values.
        y: (T,) values.
        dt: between values [ms].
        segment: see `power_spectrum`; coherence needs several segments.

    Returns:
        (F,) frequencies [Hz], (F,) coherence 0 ... 1, and (F,) by how much y is behind x, negative [rad].

    Raises:
        ShapeError: the signals differ in length.
        InputError: there is only one segment, for which coherence is 1 whatever the signals are.
    """
    from scipy.signal import csd, welch

    x, y, dt = _signal(x), _signal(y), c.positive("dt", dt)
    if x.shape != y.shape or x.ndim != 1:
        raise ShapeError(f"coherence: signals have shapes {x.shape} and {y.shape}; expected (T,) twice")
    rows = _rows(len(x), dt, segment)
    if rows >= len(x):
        raise InputError("coherence: one segment has coherence 1 whatever the signals; give a shorter segment")
    frequencies, cross = csd(x, y, _SECOND / dt, nperseg=rows)
    power = welch(x, _SECOND / dt, nperseg=rows)[1] * welch(y, _SECOND / dt, nperseg=rows)[1]
    value = np.divide(np.abs(cross) ** 2, power, out=np.full(len(power), np.nan), where=power > 0)
    return frequencies, value, np.angle(cross)


def spike_spectrum(
    spikes: Any,
    ids: Any = None,
    *,
    n: int | None = None,
    start: float,
    stop: float,
    width: float = 1.0,
    segment: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the spectrum of spike trains S(f), two-sided, as a mean over neurons: at high f it is the rate.

    A Poisson process has S(f) = rate at every frequency; refractoriness lowers it at low ones.

    Args:
        spikes: columns ``times`` [ms] and ``ids`` as one object, or (S,) times.
        ids: (S,) neuron of each spike.
        n: number of neurons.
        start: begin [ms].
        stop: end [ms].
        width: of the bins in which spikes are counted [ms]; frequencies go up to 1/(2 width).
        segment: see `power_spectrum`.

    Returns:
        (F,) frequencies [Hz] without 0, and (F,) [Hz].
    """
    times, of = c.columns(spikes, ids)
    count, bins = max(1, c.neurons(spikes, of, n)), c.bins(start, stop, width)
    rows = _rows(bins.count, width, segment)
    held, index = bins.inside(times)
    order = np.argsort(of[held], kind="stable")
    of, index = of[held][order], index[order]
    power = np.zeros(rows // 2 + 1)
    for first in range(0, count, _NEURONS):
        last = min(first + _NEURONS, count)
        part = slice(*np.searchsorted(of, (first, last)))
        flat = np.bincount((of[part] - first) * bins.count + index[part], minlength=(last - first) * bins.count)
        power += _power_of_counts(flat.reshape(-1, bins.count).astype(np.float32), rows)
    frequencies = np.arange(rows // 2 + 1) * _SECOND / (rows * width)
    return frequencies[1:], power[1:] * _SECOND / (width * count)


def _power_of_counts(counts: np.ndarray, rows: int) -> np.ndarray:
    """Return the periodograms of counts (n, T), mean over segments, sum over neurons: (F,) counts**2 a bin, two-sided.

    They are Welch's. The transform is in single precision; the mean is subtracted after it, from the only frequencies
    in which a Hann window has any, so that it takes no pass over the counts.
    """
    from scipy.fft import rfft

    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(rows) / rows)
    segments = np.lib.stride_tricks.sliding_window_view(counts, rows, axis=1)[:, :: rows - rows // 2]
    found: Any = rfft(segments * window.astype(np.float32), axis=-1)
    found[..., :2] -= segments.mean(-1, dtype=np.float64)[..., None] * np.fft.rfft(window)[:2]
    total = np.einsum("nsf,nsf->f", found.real, found.real) + np.einsum("nsf,nsf->f", found.imag, found.imag)
    return total.astype(np.float64) / (segments.shape[1] * (window**2).sum())


def _signal(values: Any) -> np.ndarray:
    signal = np.asarray(values, float)
    if signal.ndim not in (1, 2) or len(signal) < 2:
        raise ShapeError(f"expected a signal (T,) or (T, N) of two values or more, got shape {signal.shape}")
    if not np.isfinite(signal).all():
        raise InputError("the signal holds values that are not finite")
    return signal


def _rows(length: int, dt: float, segment: float | None) -> int:
    rows = max(2, length // 8) if segment is None else round(c.positive("segment", segment) / dt)
    if not 2 <= rows <= length:
        raise InputError(f"a segment of {rows} values does not fit a signal of {length} values")
    return rows
