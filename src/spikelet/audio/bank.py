"""Where the channels of a cochlea lie, how wide each is, and its filter as two coefficients and a gain.

A gammatone filter of order 4 has the impulse response t**3 exp(-2 pi b t) cos(2 pi f t). In steps of the samples it is
four equal complex one-pole filters in a row (Hohmann 2002, Acta Acustica 88:433, Eq. 2-4), which is a model of eight
linear states; the imaginary part is the same with a sine, so that the two together are amplitude and phase.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet.errors import InputError
from spikelet.units import Hz
from spikelet.written import as_whole

SCALES = ("erb", "mel")
_WIDER = (
    1.0186  # of b to the equivalent rectangular bandwidth, for order 4: 2**6 (3!)**2 / (pi 6!) (Hohmann 2002, Eq. 14)
)


@dataclass(frozen=True)
class Bank:
    """The channels of a cochlea.

    Attributes:
        channels: number of filters.
        low: centre of the first [kHz].
        high: centre of the last [kHz]; None takes 0.45 of the rate of the samples, at most 8,000 Hz.
        scale: on which the centres have equal distances, ``"erb"`` or ``"mel"``.

    Raises:
        InputError: a value is wrong.
    """

    channels: int = 64
    low: float = 100 * Hz
    high: float | None = None
    scale: str = "erb"

    def __post_init__(self) -> None:
        """Refuse what makes no sense, whatever the rate of the samples."""
        number = as_whole(self.channels)
        if number is None or number < 1:
            raise InputError(f"channels must be an integer of at least 1, not {self.channels!r}")
        centres(1, self.low, 1e9 if self.high is None else self.high, self.scale)

    def frequencies(self, rate: float) -> np.ndarray:
        """Return the centres, (channels,) [kHz], for samples at a rate [kHz].

        Raises:
            InputError: they would not lie below half the rate.
        """
        top = min(0.45 * rate, 8000 * Hz) if self.high is None else float(self.high)
        if not top < rate / 2:
            raise InputError(f"high must be below half the rate, {rate / 2:g} kHz, not {top:g}")
        return centres(self.channels, self.low, top, self.scale)


def bank_of(given: Any) -> Bank:
    """Return a bank, made of a number of channels where that was given."""
    return given if isinstance(given, Bank) else Bank(given)


def bandwidth(frequency: np.ndarray | float) -> np.ndarray:
    """Return the equivalent rectangular bandwidth of the ear at a frequency.

    Args:
        frequency: any shape [kHz].

    Returns:
        [kHz], 24.7 Hz (4.37 f/kHz + 1) (Glasberg & Moore 1990, Hear. Res. 47:103, Eq. 3).

    Example:
        >>> float(bandwidth(1.0).round(4))
        0.1326
    """
    return 24.7 * Hz * (4.37 * np.asarray(frequency, np.float64) + 1)


def centres(channels: int, low: float, high: float, scale: str = "erb") -> np.ndarray:
    """Return centre frequencies at equal distances on the scale of an ear, from ``low`` to ``high``, both included.

    Args:
        channels: their number.
        low: of the first channel [kHz].
        high: of the last channel [kHz].
        scale: ``"erb"``: 21.4 log10(4.37 f/kHz + 1), the number of bandwidths below f (Glasberg & Moore 1990, Eq. 4);
            ``"mel"``: 2595 log10(1 + f/(700 Hz)) (O'Shaughnessy 1987).

    Returns:
        (channels,) [kHz], ascending.

    Raises:
        InputError: no such scale, or not 0 < low < high.

    Example:
        >>> (1000 * centres(4, 0.1, 3.2)).round().tolist()
        [100.0, 490.0, 1341.0, 3200.0]
    """
    if scale not in SCALES:
        raise InputError(f"scale must be 'erb' or 'mel', not {scale!r}")
    if not 0 < low < high:
        raise InputError(f"low and high must be 0 < low < high [kHz], not {low:g} and {high:g}")
    corner = 1 / 4.37 if scale == "erb" else 0.7  # both scales are log(1 + f/corner), up to a factor
    return corner * np.expm1(np.linspace(np.log1p(low / corner), np.log1p(high / corner), channels))


def coefficients(frequency: np.ndarray, rate: float) -> dict[str, Any]:
    """Return what makes the channels' filters: one pole each, and the gain that makes 1 of a tone at its centre.

    Args:
        frequency: (channels,) centres [kHz].
        rate: samples per time [kHz].

    Returns:
        ``pole_re`` and ``pole_im``, the real and the imaginary part of the pole, and ``gain``; (channels,) each.
    """
    radius = np.exp(-2 * np.pi * _WIDER * bandwidth(frequency) / rate)
    angle = 2 * np.pi * frequency / rate
    # each pole passes its own frequency with 1/(1 - radius); a real tone has half of its amplitude there
    return {"pole_re": radius * np.cos(angle), "pole_im": radius * np.sin(angle), "gain": 2 * (1 - radius) ** 4}
