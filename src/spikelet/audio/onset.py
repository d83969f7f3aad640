"""Where sounds begin: fibres that lock to the phase, depressing synapses and onset cells (Smith & Fraser 2004).

    waveform -> gammatone filter -> fibres of several sensitivities -> depressing synapses -> onset cells

A fibre fires at a rising zero crossing of its filter where the sound just before was louder than the fibre's level. The
synapse has three stores of transmitter, at hand (m), in the cleft (c) and to be recovered (r); a spike releases most of
what is at hand, which takes long to come back, so that only the first spikes of a sound count. An onset cell sums the
synapses of its own and of the neighbouring channels, of one level, and forgets in a few ms.

Smith & Fraser 2004, IEEE Trans. Neural Netw. 15:1125. What is set differently here: releases are jumps at a spike, and
the values of the constants are ours, chosen so that a tone of any level fires its cells once.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.audio.arguments import Waves, positive, waves, whole
from spikelet.audio.bank import Bank, bank_of, coefficients
from spikelet.audio.cochlea import FILTER
from spikelet.errors import InputError
from spikelet.model import Neuron

if TYPE_CHECKING:
    from spikelet import simulate

Fibre = Neuron(
    "Fibre",
    """
    before[k+1] = x4 : 1                                # the filter's output one sample earlier
    """
    + FILTER
    + """
    loud[k+1] = 2/3.141592653589793*sqrt(x4[k+1]**2 + y4[k+1]**2) : 1   # mean over a quarter of a cycle
    level = 0.001
    """,
    threshold="before <= 0 and x4 > 0 and loud > level",
    doc="Fibre of the auditory nerve that fires once a cycle, where its channel is louder than its level.",
    ref="Smith & Fraser 2004, IEEE Trans. Neural Netw. 15:1125, section II",
)

DepressingSynapse = Neuron(
    "DepressingSynapse",
    """
    m[k+1] = m - u*s*m + r*(1 - exp(-dt/tau_rec)) : 1   # at hand
    r[k+1] = r*exp(-dt/tau_rec) + c*(1 - exp(-dt/tau_cleft)) : 1
    c[k+1] = c*exp(-dt/tau_cleft) + u*s*m : 1           # in the cleft, what the onset cell sees; m + c + r stays 1
    s : 1 (input)                                       # 1 where the fibre fires
    u = 0.7;  tau_cleft = 5 ms;  tau_rec = 100 ms
    """,
    initial="m = 1",
    doc="Three stores of transmitter, two of which have to pass before what was released is at hand again.",
    ref="Smith & Fraser 2004, IEEE Trans. Neural Netw. 15:1125, Eq. 1; after Hewitt & Meddis 1991",
)

OnsetCell = Neuron(
    "OnsetCell",
    """
    dv/dt = (-v + R*I)/tau_mem : 1 (unless refractory)
    I : 1 (input)
    tau_mem = 4 ms;  R = 1;  v_th = 1;  t_ref = 20 ms
    """,
    threshold="v > v_th",
    reset="v = 0",
    refractory="t_ref",
    doc="Leaky integrate-and-fire cell that sums the synapses of neighbouring channels.",
    ref="Smith & Fraser 2004, IEEE Trans. Neural Netw. 15:1125, section II",
)


def sound_onset(
    x: Any,
    rate: float,
    dt: float = 1.0,
    *,
    bank: Bank | int = 32,
    levels: int = 8,
    quietest: float = 1e-3,
    ratio: float = 2.0,
    neighbours: int = 2,
    threshold: float = 0.6,
    lengths: Any = None,
) -> Any:
    """Return the spikes of cells that fire where a sound begins, or grows by much, and not while it lasts.

    Args:
        x: (B, L) waveforms, numpy or torch, float32 or float64; a full scale of 1.
        rate: samples per time [kHz], as ``16*kHz``.
        dt: step of the spikes [ms], at least one sample.
        bank: the filters, or their number.
        levels: number of sensitivities of the fibres.
        quietest: level of the most sensitive fibres, as the mean of a rectified filter output.
        ratio: from each level to the next, above 1; sqrt(2) or 2 in the paper.
        neighbours: channels on either side whose synapses a cell sums, with its own.
        threshold: of the cells. One synapse that empties raises a cell to 0.4, so the default asks for two channels; a
            sound that lasts holds it below (2*neighbours + 1)*tau_cleft/(tau_rec + tau_cleft), which is 0.24.
        lengths: (B,) valid samples of each row, where rows are padded.

    Returns:
        (T, B, levels, channels), counts of spikes (0 or 1 unless ``dt`` is above 20 ms), of the kind and type of ``x``.

    Raises:
        InputError, ShapeError: an argument is wrong; the message names it.
    """
    heard = waves("sound_onset", x, rate, dt, lengths, normalise=False)
    levels = whole("sound_onset", "levels", levels)
    if not ratio > 1:
        raise heard.error(f"ratio must be above 1, not {ratio!r}")
    sensitivity = positive("sound_onset", "quietest", quietest, "1") * float(ratio) ** np.arange(levels)
    frequencies = bank_of(bank).frequencies(heard.rate)
    poles, channels = coefficients(frequencies, heard.rate), len(frequencies)
    lanes: dict[str, Any] = {name: np.tile(value, levels) for name, value in poles.items()}
    fibres = Fibre(level=np.repeat(sensitivity, channels), **lanes)
    cell = OnsetCell(v_th=positive("sound_onset", "threshold", threshold, "1"))
    out = np.zeros((heard.steps, len(heard.rows), levels, channels), np.float32)
    for row in range(len(heard.rows)):
        out[:, row] = _cells(heard, row, fibres, cell, (levels, channels), _width(neighbours, channels))
    return heard.like(out)


def _cells(heard: Waves, row: int, fibres: Neuron, cell: Neuron, shape: tuple[int, int], width: int) -> np.ndarray:
    """Return the spikes of the onset cells for one waveform, (T, levels, channels)."""
    from spikelet import simulate  # the compiler is loaded by who hears, not by who encodes otherwise

    lanes = shape[0] * shape[1]
    how: dict[str, Any] = {"t": heard.samples / heard.rate, "dt": 1 / heard.rate}
    fired = simulate.run(fibres, np.repeat(heard.rows[row][:, None], lanes, axis=1), **how).spikes
    spikes = np.zeros((heard.samples, lanes), np.float32)
    spikes[_sample(heard, fired), fired.ids] = 1
    cleft = simulate.run(DepressingSynapse, spikes, record="c", **how)["c"].reshape(-1, *shape)
    padded = np.pad(np.cumsum(np.pad(cleft, ((0, 0), (0, 0), (width, width))), axis=2), ((0, 0), (0, 0), (1, 0)))
    summed = padded[:, :, 2 * width + 1 :] - padded[:, :, : -2 * width - 1]
    found = simulate.run(cell, summed.reshape(-1, lanes), **how).spikes
    sample = _sample(heard, found)
    valid = sample < heard.lengths[row]
    lane = heard.step_of(sample[valid]) * lanes + found.ids[valid]
    return np.bincount(lane, minlength=heard.steps * lanes).reshape(-1, *shape)


def _sample(heard: Waves, spikes: "simulate.Spikes") -> np.ndarray:
    return np.rint(spikes.times * heard.rate).astype(np.int64) - 1


def _width(neighbours: int, channels: int) -> int:
    if isinstance(neighbours, bool) or not isinstance(neighbours, int | np.integer) or not 0 <= neighbours < channels:
        raise InputError(f"sound_onset: neighbours must be an integer in 0 ... {channels - 1}, not {neighbours!r}")
    return int(neighbours)
