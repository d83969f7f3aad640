"""Decoders that smooth: spikes through a kernel, as a synapse or an experimenter would."""

import math
from typing import Any

import numpy as np

from spikelet.decode.spikes import spike_trains
from spikelet.encode.arguments import choice, positive
from spikelet.encode.tensors import module, total, zeros
from spikelet.errors import InputError

KERNELS = ("exponential", "alpha", "gaussian", "boxcar")
_REACH = 4.0  # standard deviations of the Gaussian that count


def filtered(spikes: Any, dt: float, width: float, kernel: str = "exponential") -> Any:
    """Return spikes filtered with a kernel of unit area: an estimate of the firing rate over time.

    ``"exponential"``: exp(-t/w)/w, the trace of a synapse; causal.
    ``"alpha"``: t*exp(-t/w)/w**2; causal.
    ``"gaussian"``: exp(-t**2/(2*w**2)), around the spike, cut off at 4*w.
    ``"boxcar"``: 1/w over the last w; causal.

    The kernels are sampled at the steps and scaled so that their sum, times dt, is 1. There are no spikes before the
    first step and after the last.

    Args:
        spikes: (T, B, *N).
        dt: length of a step [ms].
        width: w [ms]; of the boxcar a whole number of steps.
        kernel: one of ``KERNELS``.

    Returns:
        (T, B, *N) [kHz], differentiable for tensors.

    Source:
        Dayan & Abbott 2001, section 1.2.

    Example:
        >>> import numpy as np
        >>> filtered(np.array([[[1.0]], [[0.0]], [[0.0]]]), dt=1.0, width=2.0, kernel="boxcar")[:, 0, 0].tolist()
        [0.5, 0.5, 0.0]
    """
    data, dt = spike_trains(spikes, "filtered"), positive("dt", dt, "ms")
    width = positive("width", width, "ms") / dt
    kind = choice("filtered", "kernel", kernel, KERNELS)
    if not len(data):
        return data
    if kind in ("exponential", "alpha"):
        return _trace(data, math.exp(-1 / width), kind == "alpha") / dt
    return convolved(data, *_taps(kind, width)) / dt


def _trace(data: Any, keep: float, alpha: bool) -> Any:
    """Return the sum over past spikes of keep**n, or of n*keep**n, scaled to sum 1."""
    first, second = data[0] * 0, data[0] * 0
    rows = []
    for row in data:
        second = keep * (second + first)
        first = keep * first + row
        rows.append(second * ((1 - keep) ** 2 / keep) if alpha else first * (1 - keep))
    return module(data).stack(rows, 0)


def _taps(kind: str, width: float) -> tuple[np.ndarray, int]:
    """Return the kernel, and how many of its taps reach ahead of the step."""
    if kind == "boxcar":
        steps = round(width)
        if steps < 1 or abs(steps - width) > 1e-6 * width:
            raise InputError(f"filtered: width of a boxcar must be a whole number of steps, not {width:g} of them")
        return np.full(steps, 1 / steps), 0
    reach = math.ceil(_REACH * width)
    bell = np.exp(-((np.arange(-reach, reach + 1) / width) ** 2) / 2)
    return bell / bell.sum(), reach


def convolved(data: Any, taps: np.ndarray, before: int) -> Any:
    """Return the sum of taps[j]*data[t + before - j] over j, with zeros around.

    Args:
        data: (T, B, *N).
        taps: (F,).
        before: how many of the taps reach ahead of the step.
    """
    steps, after = len(data), len(taps) - 1 - before
    blank = [zeros((size, *data.shape[1:]), data) for size in (after, before)]
    concatenate = getattr(module(data), "concatenate")  # noqa: B009  # a name that both have
    wide = concatenate([blank[0], data, blank[1]], 0)
    last = len(taps) - 1
    return total(float(tap) * wide[last - j : last - j + steps] for j, tap in enumerate(taps))
