"""WAV files, uncompressed: numbers in [-1, 1) and back.

The chunks are read here and not by the standard library's ``wave``, which knows no floating point, and trusts the sizes
that a file declares.
"""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikelet.errors import DataError, InputError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_KINDS = {
    (_PCM, 8): "u1",
    (_PCM, 16): "<i2",
    (_PCM, 24): "u1",
    (_PCM, 32): "<i4",
    (_FLOAT, 32): "<f4",
    (_FLOAT, 64): "<f8",
}


class Sound(NamedTuple):
    """A recording.

    Attributes:
        samples: (channels, L) float32; whole numbers of a file are divided by its full scale, so -1 <= x < 1.
        rate: samples per time [1/ms = kHz]; 8 for 8,000 Hz.
    """

    samples: np.ndarray
    rate: float


def read_wav(source: Path | str | bytes) -> Sound:
    """Read an uncompressed WAV file: 8, 16, 24 or 32 bit whole numbers, 32 or 64 bit floating point.

    Args:
        source: path of the file, or its content.

    Raises:
        DataError: it cannot be read, is no WAV file, is truncated or compressed.

    Example:
        >>> sound = read_wav(wav_bytes(np.array([[0.0, 0.5, -1.0]]), 8.0))
        >>> sound.samples.tolist(), sound.rate
        ([[0.0, 0.5, -1.0]], 8.0)
    """
    label = "WAV" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _content(Path(source))
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise DataError(f"{label}: not a WAV file; it begins with {content[:12]!r}")
    chunks = _chunks(content, label)
    if "fmt " not in chunks or "data" not in chunks:
        raise DataError(f"{label}: truncated: a WAV file has the chunks 'fmt ' and 'data', found {sorted(chunks)}")
    kind, channels, hertz, bits = _format(chunks["fmt "], label)
    data, width = chunks["data"], channels * bits // 8
    if len(data) % width:
        raise DataError(f"{label}: truncated: {len(data) % width} bytes are left of the last sample of {width} bytes")
    samples = _numbers(data, kind, bits).reshape(-1, channels).T
    if not np.isfinite(samples).all():
        raise DataError(f"{label}: a sample is NaN or infinite")
    return Sound(np.ascontiguousarray(samples), hertz / 1000)


def wav_bytes(samples: np.ndarray, rate: float) -> bytes:
    """Return a WAV file of 16 bit whole numbers.

    Args:
        samples: (channels, L) or (L,), in [-1, 1]; 1 becomes the largest number, 32,767.
        rate: samples per time [kHz]; a whole number of Hz.

    Raises:
        InputError: a sample lies outside, or the rate is not a whole number of Hz.
    """
    samples = np.atleast_2d(np.asarray(samples, np.float64))
    hertz = round(rate * 1000)
    if abs(hertz - rate * 1000) > 1e-6 or hertz < 1:
        raise InputError(f"wav_bytes: rate must be a whole number of Hz above 0, not {rate * 1000:g} Hz")
    if not (np.abs(samples) <= 1).all():
        raise InputError(f"wav_bytes: samples must be in [-1, 1], found {np.abs(samples).max():g}")
    data = np.rint(samples * 32768).clip(-32768, 32767).astype("<i2").T.tobytes()
    head = struct.pack("<HHIIHH", _PCM, len(samples), hertz, 2 * hertz * len(samples), 2 * len(samples), 16)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def _chunks(content: bytes, label: str) -> dict[str, bytes]:
    """Return the chunks by name, the first of each name; each must lie within the file."""
    found: dict[str, bytes] = {}
    place = 12
    while place + 8 <= len(content):
        name, size = (
            content[place : place + 4].decode("latin-1"),
            int.from_bytes(content[place + 4 : place + 8], "little"),
        )
        if place + 8 + size > len(content):
            raise DataError(
                f"{label}: truncated: chunk '{name}' declares {size:,} bytes, {len(content) - place - 8:,} are there"
            )
        found.setdefault(name, content[place + 8 : place + 8 + size])
        place += 8 + size + size % 2  # chunks begin at even places
    return found


def _format(chunk: bytes, label: str) -> tuple[int, int, int, int]:
    """Return kind of numbers, channels, samples a second and bits of a sample."""
    if len(chunk) < 16:
        raise DataError(f"{label}: truncated: its chunk 'fmt ' has {len(chunk)} bytes, expected at least 16")
    kind, channels, hertz, _, block, bits = struct.unpack("<HHIIHH", chunk[:16])
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        kind = int.from_bytes(chunk[24:26], "little")  # the first two bytes of the identifier that follows
    if (kind, bits) not in _KINDS:
        raise DataError(
            f"{label}: holds samples of kind {kind} with {bits} bits; read are uncompressed ones (kind 1 with 8, 16, "
            "24 or 32 bits, kind 3 with 32 or 64)"
        )
    if channels < 1 or hertz < 1 or block != channels * bits // 8:
        raise DataError(f"{label}: {channels} channels, {hertz} Hz, {block} bytes a sample do not go together")
    return kind, channels, hertz, bits


def _numbers(data: bytes, kind: int, bits: int) -> np.ndarray:
    raw = np.frombuffer(data, _KINDS[kind, bits])
    if kind == _FLOAT:
        return raw.astype(np.float32)
    if bits == 24:  # the upper three bytes of a number of 32 bits
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        raw, bits = wide.view("<i4")[:, 0], 32
    centre = 128 if bits == 8 else 0
    return ((raw.astype(np.float64) - centre) / 2.0 ** (bits - 1)).astype(np.float32)
