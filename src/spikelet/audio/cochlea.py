"""From a waveform to the spikes of a cochlea: filters, hair cells and ganglion cells, written as one model.

    waveform -> gammatone filter -> half-wave rectification -> compression -> low-pass -> leaky integrate-and-fire

`Cochlea` is that text; a channel is a neuron whose parameters say where it lies. It is stepped at the rate of the
samples by the same kernels as any other model, and `spikelet.show(audio.Cochlea, "latex")` prints it.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.audio.arguments import Waves, positive, waves
from spikelet.audio.bank import Bank, bank_of, coefficients
from spikelet.model import Neuron
from spikelet.units import ms

if TYPE_CHECKING:
    from spikelet import simulate

FILTER = """

    x1[k+1] = pole_re*x1 - pole_im*y1 + gain*I : 1      # four complex one-pole filters in a row, x + iy
    y1[k+1] = pole_im*x1 + pole_re*y1 : 1
    x2[k+1] = pole_re*x2 - pole_im*y2 + x1[k+1] : 1
    y2[k+1] = pole_im*x2 + pole_re*y2 + y1[k+1] : 1
    x3[k+1] = pole_re*x3 - pole_im*y3 + x2[k+1] : 1
    y3[k+1] = pole_im*x3 + pole_re*y3 + y2[k+1] : 1
    x4[k+1] = pole_re*x4 - pole_im*y4 + x3[k+1] : 1     # the gammatone filter: its real part is what one hears
    y4[k+1] = pole_im*x4 + pole_re*y4 + y3[k+1] : 1
    I : 1 (input)
    pole_re : 1;  pole_im : 1;  gain : 1
    """

Cochlea = Neuron(
    "Cochlea",
    FILTER
    + """
    hair[k+1] = hair + (1 - exp(-dt/tau_hair))*(max(x4[k+1], 0)**power - hair) : 1
    slow[k+1] = slow + (1 - exp(-dt/tau_adapt))*(hair[k+1] - slow) : 1
    v[k+1] = v + (1 - exp(-dt/tau_mem))*(R*(hair[k+1] - adaptation*slow[k+1]) - v) : 1 (unless refractory)
    power = 0.3                                         # cube-root law of loudness (Stevens 1957)
    tau_hair = 3 ms                                     # hair cells follow the envelope, not the phase, of high tones
    tau_adapt = 150 ms;  adaptation = 0                 # share of what has lasted that is no longer heard
    tau_mem = 10 ms;  R = 10;  v_th = 1;  t_ref = 1 ms
    """,
    threshold="v > v_th",
    reset="v = 0",
    refractory="t_ref",
    doc="One channel of a cochlea: gammatone filter, hair cell, ganglion cell. Its poles come from audio.bank.",
    ref="Hohmann 2002, Acta Acustica 88:433 (filter); Slaney 1993, Apple TR 35 (order 4, bandwidths)",
)

_CHUNK = 2**22  # samples times channels that are in memory at a time


def cochlea(
    x: Any,
    rate: float,
    dt: float = 1.0,
    *,
    bank: Bank | int = 64,
    gain: float = 10.0,
    tau: float = 3.0 * ms,
    adaptation: float = 0.0,
    refractory: float | None = None,
    lengths: Any = None,
    normalise: bool = True,
) -> Any:
    """Return the spikes of a cochlea that hears ``x``.

    Args:
        x: (B, L) waveforms, numpy or torch, float32 or float64; a full scale of 1.
        rate: samples per time [kHz], as ``8000*Hz``.
        dt: step of the spikes [ms], at least one sample.
        bank: the filters, or their number.
        gain: of the current into the ganglion cells: a hair cell below 1/gain is never heard.
        tau: of the hair cells' low-pass [ms].
        adaptation: share, 0 to 1, of what a channel has heard within about 150 ms that it no longer answers to: changes
            stand out, and what a voice or a microphone adds to all of a recording does not.
        refractory: of the ganglion cells [ms]; the default is ``dt``, so that there is at most one spike a step.
        lengths: (B,) valid samples of each row, where rows are padded; what follows is neither heard nor counted.
        normalise: divide each row by its root mean square, so that quiet and loud recordings give as many spikes.

    Returns:
        (T, B, channels) spikes (counts where ``refractory`` is below ``dt``) of the kind and type of ``x``, T being the
        steps that have begun when the longest row ends.

    Raises:
        InputError, ShapeError: an argument is wrong; the message names it.
    """
    heard = waves("cochlea", x, rate, dt, lengths, normalise)
    wait = heard.dt if refractory is None else positive("cochlea", "refractory", refractory, "ms")
    model = _channels("cochlea", heard, bank, tau)
    if not 0 <= adaptation <= 1:
        raise heard.error(f"adaptation must be a share from 0 to 1, not {adaptation!r}")
    model = model(R=positive("cochlea", "gain", gain, "1"), t_ref=wait, adaptation=float(adaptation))

    def spikes(result: "simulate.Result", lengths: np.ndarray) -> np.ndarray:
        sample, lane = np.rint(result.spikes.times * heard.rate).astype(np.int64) - 1, result.spikes.ids
        heard_of = sample < lengths[lane]
        cell = heard.step_of(sample[heard_of]) * result.n + lane[heard_of]
        return np.bincount(cell, minlength=heard.steps * result.n).reshape(heard.steps, result.n)

    return heard.like(_heard(heard, model, (), spikes))


def cochleagram(
    x: Any,
    rate: float,
    dt: float = 1.0,
    *,
    bank: Bank | int = 64,
    tau: float = 3.0 * ms,
    lengths: Any = None,
    normalise: bool = True,
) -> Any:
    """Return how strongly each hair cell is excited: what `cochlea` makes spikes of, and other encoders may.

    ``encode.delta(cochleagram(x, rate), 0.05, off_spikes=True)`` gives the ON and OFF events of a silicon cochlea.

    Args:
        x: as in `cochlea`, as are all the others.
        rate: [kHz].
        dt: step [ms].
        bank: the filters, or their number.
        tau: of the low-pass [ms].
        lengths: (B,) valid samples of each row.
        normalise: divide each row by its root mean square.

    Returns:
        (T, B, channels), the mean over each step of the rectified, compressed and smoothed waveform of each filter.
    """
    heard = waves("cochleagram", x, rate, dt, lengths, normalise)
    model = _channels("cochleagram", heard, bank, tau)
    sample = np.arange(heard.samples)
    first = np.searchsorted(heard.step_of(sample), np.arange(heard.steps))

    def means(result: "simulate.Result", lengths: np.ndarray) -> np.ndarray:
        valid = sample[:, None] < lengths
        number = np.add.reduceat(valid.astype(np.float32), first)
        return np.add.reduceat(np.where(valid, result["hair"], 0), first) / np.maximum(number, 1)

    return heard.like(_heard(heard, model, ("hair",), means))


def _channels(name: str, heard: Waves, bank: Bank | int, tau: float) -> Neuron:
    """Return the model of all channels."""
    poles = coefficients(bank_of(bank).frequencies(heard.rate), heard.rate)
    return Cochlea(**poles, tau_hair=positive(name, "tau", tau, "ms"))


def _heard(
    heard: Waves,
    model: Neuron,
    record: tuple[str, ...],
    read: "Callable[[simulate.Result, np.ndarray], np.ndarray]",
) -> np.ndarray:
    """Run the model over all rows, some at a time.

    Args:
        heard: the waveforms.
        model: all channels.
        record: names of states that ``read`` needs.
        read: makes (T, lanes) of a result and the valid samples of each lane.

    Returns:
        (T, B, channels) float32.
    """
    from spikelet import simulate  # the compiler is loaded by who hears, not by who encodes otherwise

    parameters: dict[str, Any] = dict(model.parameters)
    channels = len(parameters["gain"])
    how: dict[str, Any] = {"t": heard.samples / heard.rate, "dt": 1 / heard.rate, "record": record}
    out = np.empty((heard.steps, len(heard.rows), channels), np.float32)
    for rows in _parts(len(heard.rows), channels * heard.samples):
        part = heard.rows[rows]
        tiled: dict[str, Any] = {name: np.tile(parameters[name], len(part)) for name in ("pole_re", "pole_im", "gain")}
        result = simulate.run(model(**tiled), np.repeat(part.T, channels, axis=1), **how)
        out[:, rows] = read(result, np.repeat(heard.lengths[rows], channels)).reshape(heard.steps, -1, channels)
    return out


def _parts(rows: int, size: int) -> Iterator[slice]:
    several = max(1, _CHUNK // max(size, 1))
    for first in range(0, rows, several):
        yield slice(first, min(first + several, rows))
