"""Sound: from a waveform to the spikes of an ear.

wav       files of the form RIFF/WAVE as numbers, and back
bank      where the channels of a cochlea lie, and how wide each is
cochlea   gammatone filters, hair cells and ganglion cells: `cochleagram` and `cochlea`
onset     fibres that lock to the phase, depressing synapses, onset cells: `sound_onset`

Example:
    >>> import numpy as np
    >>> from spikelet.units import Hz, kHz
    >>> tone = np.sin(2 * np.pi * 1 * kHz * np.arange(4000) / (8 * kHz))  # half a second of 1,000 Hz
    >>> spikes = cochlea(tone[None], rate=8 * kHz, dt=5.0, bank=16)
    >>> spikes.shape, int(spikes[:, 0].sum(0).argmax())
    ((100, 1, 16), 8)
"""

from spikelet.audio.bank import Bank, bandwidth, centres
from spikelet.audio.cochlea import Cochlea, cochlea, cochleagram
from spikelet.audio.onset import sound_onset
from spikelet.audio.wav import Sound, read_wav, wav_bytes

__all__ = [
    "Bank",
    "Cochlea",
    "Sound",
    "bandwidth",
    "centres",
    "cochlea",
    "cochleagram",
    "read_wav",
    "sound_onset",
    "wav_bytes",
]
