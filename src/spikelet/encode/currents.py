"""The code of a neuron itself: values are currents, and what fires is the library's own leaky integrate-and-fire."""

import numpy as np

from spikelet.encode.arguments import checked, positive, whole_steps, within
from spikelet.encode.tensors import Signal, cast, detached, dtype, like, on_host
from spikelet.model import Neuron
from spikelet.neurons import LIF


def lif(
    x: Signal,
    steps: int | None = None,
    *,
    tau: float = 20.0,
    threshold: float = 1.0,
    t_ref: float = 0.0,
    dt: float = 1.0,
) -> Signal:
    """Return the spikes of leaky integrate-and-fire neurons driven by ``x``: the larger, the sooner and the more.

    The membrane, ``neurons.LIF``, starts at 0 and is reset to 0. Under a constant drive above the threshold the
    interval is t_ref + tau*ln(x/(x - threshold)), rounded up to steps; `decode.lif` inverts it.

    Args:
        x: R*I in the unit of the threshold: (B, *N) with ``steps``, constant; else (T, B, *N), a signal in time.
        steps: number of steps T.
        tau: membrane time constant [ms].
        threshold: in the unit of x.
        t_ref: refractory time [ms].
        dt: length of a step [ms].

    Returns:
        (T, B, *N), 0 or 1.

    Source:
        Doutsi, Fillatre, Antonini & Tsakalides 2021, Dynamic image quantization using leaky integrate-and-fire neurons.

    Example:
        >>> lif(np.array([[0.9, 1.5, 4.0]]), steps=100).sum(0).tolist()
        [[0.0, 4.0, 16.0]]
    """
    data = detached(checked(x, "lif", time=steps is None))
    tau, dt = positive("tau", tau, "ms"), positive("dt", dt, "ms")
    threshold, t_ref = positive("threshold", threshold, "the unit of x"), within("t_ref", t_ref, 0, np.inf)
    model = LIF(tau_mem=tau, v_th=threshold, t_ref=t_ref)
    if steps is None:
        return like(_fired(model, on_host(cast(data, "float64")), len(data), dt, dtype(data)), data)
    return like(_fired(model, on_host(cast(data, "float64"))[None], whole_steps(steps), dt, dtype(data)), data)


def _fired(model: Neuron, drive: np.ndarray, steps: int, dt: float, dtype: str) -> np.ndarray:
    """Return 1 in the steps (T, B, *N) in which neurons fire; drive is (T or 1, B, *N)."""
    from spikelet.simulate import run  # the compiler is loaded by who runs neurons, not by who encodes otherwise

    rows = drive.reshape(len(drive), -1) if drive.size else drive.reshape(len(drive), 0)
    spikes = np.zeros((steps, rows.shape[1]), dtype)
    if spikes.size:
        fired = run(model, rows[0] if len(rows) == 1 else rows, t=steps * dt, dt=dt, dtype="float64").spikes
        spikes[np.round(fired.times / dt).astype(np.int64) - 1, fired.ids] = 1
    return spikes.reshape(steps, *drive.shape[1:])
