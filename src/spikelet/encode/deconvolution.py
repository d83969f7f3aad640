"""Codes that a filter turns back into the signal: HSA, modified HSA, BSA.

All take (T, B, *N) and a filter h of F taps, and give 0 or 1 in the steps 0 to T - F. In each step the filter is held
against the F samples from there on; where it fits it is taken away from the signal, and that is a spike. So the signal
is the convolution of spikes and filter, `decode.hsa`. Signals must not be negative: they are shifted by ``offset``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from spikelet.encode.arguments import checked, choice, levels, weights, within
from spikelet.encode.tensors import Signal, cast, detached, dtype, highest, like, total_of_rows, zeros

_FORMS = ("additive", "multiplicative")


def hsa(x: Signal, fir: Any, *, offset: Any = None) -> Signal:
    """Return a spike where the filter fits under the signal (Hough spiker algorithm).

    A spike in step t where x[t+j] >= h[j] for all j; then h is taken away. The decoded signal is never above the
    signal.

    Args:
        x: (T, B, *N).
        fir: (F,), the filter h, in the unit of x.
        offset: what is taken away from the signal first, a number or (B, *N); default: its minimum over time.

    Returns:
        (T, B, *N), 0 or 1.

    Source:
        Hough, de Garis, Korkin, Gers & Nawa 1999, SPIKER.

    Example:
        >>> hsa(np.array([[1.0], [3.0], [2.0], [1.0], [0.0]]), [1.0, 1.0])[:, 0].tolist()
        [1.0, 1.0, 1.0, 0.0, 0.0]
    """
    return _fitted("hsa", x, fir, offset, lambda window, h: _deficit(window, h) <= 0)


def modified_hsa(x: Signal, fir: Any, threshold: float = 0.85, *, offset: Any = None) -> Signal:
    """Return a spike where the filter fits under the signal but for ``threshold`` (modified Hough spiker algorithm).

    A spike in step t where the sum over j of max(0, h[j] - x[t+j]) is at most the threshold; 0 makes it `hsa`.

    Args:
        x: (T, B, *N).
        fir: (F,), the filter h, in the unit of x.
        threshold: sum of what may stick out, in the unit of x.
        offset: as in `hsa`.

    Returns:
        (T, B, *N), 0 or 1.

    Source:
        Schrauwen & Van Campenhout 2003, BSA, a fast and accurate spike train encoding scheme.
    """
    level = within("threshold", threshold, 0, np.inf)
    return _fitted("modified_hsa", x, fir, offset, lambda window, h: _deficit(window, h) <= level)


def bsa(x: Signal, fir: Any, threshold: float = 0.955, *, form: str = "additive", offset: Any = None) -> Signal:
    """Return a spike where taking the filter away leaves less of the signal (Ben's spiker algorithm).

    With e1 = sum of abs(x[t+j] - h[j]) and e2 = sum of abs(x[t+j]) over j, a spike in step t where
    e1 <= e2 - threshold (``"additive"``, that of the paper) or e1 <= threshold*e2 (``"multiplicative"``, that of later
    tools).

    Args:
        x: (T, B, *N).
        fir: (F,), the filter h, in the unit of x; a low-pass whose sum is the largest signal, since that is what spikes
            in all steps decode to.
        threshold: additive: in the unit of x, best a little below the sum of the filter; multiplicative: a number.
        form: ``"additive"`` or ``"multiplicative"``.
        offset: as in `hsa`.

    Returns:
        (T, B, *N), 0 or 1.

    Source:
        Schrauwen & Van Campenhout 2003, BSA, a fast and accurate spike train encoding scheme.
    """
    level, additive = within("threshold", threshold, 0, np.inf), choice("bsa", "form", form, _FORMS) == "additive"

    def fits(window: Any, h: Any) -> Any:
        left, here = total_of_rows(abs(window - h)), total_of_rows(abs(window))
        return left <= (here - level if additive else level * here)

    return _fitted("bsa", x, fir, offset, fits)


def _fitted(name: str, x: Any, fir: Any, offset: Any, fits: Callable[[Any, Any], Any]) -> Any:
    """Hold the filter against the signal in every step, and take it away where it fits."""
    data, taps = detached(checked(x, name, time=True)), weights(name, "fir", fir)
    spikes = zeros(data.shape, data)
    if 0 in data.shape:
        return spikes
    rest = cast(data, "float64") - _offset(name, data, offset)  # new memory: it is written to below
    h = like(taps, data).reshape(-1, *(1 for _ in data.shape[1:]))
    for t in range(len(data) - len(taps) + 1):
        window = rest[t : t + len(taps)]
        spike = cast(fits(window, h), "float64")
        window -= spike * h
        spikes[t] = cast(spike, dtype(data))
    return spikes


def _offset(name: str, data: Any, offset: Any) -> Any:
    """Return what is taken away from the signal, in float64."""
    if offset is None:
        return cast(-highest(-data, 0), "float64")
    return levels(name, "offset", offset, data, tuple(data.shape[1:]))


def _deficit(window: Any, h: Any) -> Any:
    """Return by how much the filter sticks out of the signal, summed over its taps."""
    return total_of_rows((h - window).clip(0))
