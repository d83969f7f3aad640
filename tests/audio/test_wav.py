"""WAV files: against the standard library, scipy and bytes written by hand; and every way in which one can be wrong."""

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from spikelet.audio import read_wav, wav_bytes
from spikelet.errors import DataError, InputError

NOISE = np.random.default_rng(0).uniform(-1, 1, (2, 57))


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def by_hand(data: bytes, kind: int = 1, channels: int = 1, bits: int = 16, more: bytes = b"") -> bytes:
    width = channels * bits // 8
    head = chunk(b"fmt ", struct.pack("<HHIIHH", kind, channels, 8000, 8000 * width, width, bits) + more)
    return b"RIFF" + struct.pack("<I", 0) + b"WAVE" + chunk(b"LIST", b"odd") + head + chunk(b"data", data)


def test_the_standard_library_reads_what_is_written() -> None:
    with wave.open(io.BytesIO(wav_bytes(NOISE, 44.1))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()) == (2, 2, 44100, 57)
        numbers = np.frombuffer(file.readframes(57), "<i2").reshape(57, 2).T
    assert np.abs(numbers / 32768 - NOISE).max() <= 0.5 / 32768 + 1e-12


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "float32", "float64"])
def test_what_scipy_writes_is_read(kind: str) -> None:
    from scipy.io import wavfile

    whole = {"uint8": np.rint(NOISE * 127 + 128), "int16": NOISE * 2**15, "int32": NOISE * 2**31}
    data = np.asarray(whole.get(kind, NOISE)).astype(kind).T
    file = io.BytesIO()
    wavfile.write(file, 16000, data)
    sound = read_wav(file.getvalue())
    assert sound.rate == 16.0 and sound.samples.shape == (2, 57) and sound.samples.dtype == np.float32
    assert np.abs(sound.samples - NOISE).max() < (2.01 / 128 if kind == "uint8" else 1.01 / 2**15)


def test_24_bits_are_sign_extended() -> None:
    sound = read_wav(by_hand(b"\0\0\x40" + b"\0\0\xc0" + b"\xff\xff\x7f" + b"\0\0\x80", bits=24))
    assert sound.samples[0].tolist() == [0.5, -0.5, np.float32(1 - 2**-23), -1.0]


def test_the_extensible_form_says_further_on_what_it_holds() -> None:
    more = struct.pack("<HHI", 22, 16, 0) + struct.pack("<H", 1) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    assert read_wav(by_hand(b"\0\x40", 0xFFFE, more=more)).samples.tolist() == [[0.5]]


def test_a_round_trip_of_16_bits_is_exact(tmp_path: Path) -> None:
    numbers = np.array([-32768, -1, 0, 1, 32767]) / 32768
    path = tmp_path / "x.wav"
    path.write_bytes(wav_bytes(numbers, 8.0))
    assert read_wav(path).samples.tolist() == [numbers.tolist()]
    assert read_wav(str(path)).rate == 8.0


WRONG = {
    "empty": (b"", "WAV: not a WAV file; it begins with b''"),
    "a web page": (b"<!DOCTYPE html><html>", "not a WAV file; it begins with b'<!DOCTYPE ht'"),
    "no data": (by_hand(b"")[:-8], "truncated: a WAV file has the chunks 'fmt ' and 'data', found ['LIST', 'fmt ']"),
    "cut short": (by_hand(b"\0" * 8)[:-3], "truncated: chunk 'data' declares 8 bytes, 5 are there"),
    "half a sample": (by_hand(b"\0" * 3), "truncated: 1 bytes are left of the last sample of 2 bytes"),
    "a-law": (by_hand(b"\0", 6, bits=8), "holds samples of kind 6 with 8 bits"),
    "no channels": (by_hand(b"", channels=0), "0 channels, 8000 Hz, 0 bytes a sample do not go together"),
    "short format": (b"RIFF0000WAVE" + chunk(b"fmt ", b"\1\0") + chunk(b"data", b""), "'fmt ' has 2 bytes"),
    "declares gigabytes": (by_hand(b"")[:-4] + b"\xff" * 4, "chunk 'data' declares 4,294,967,295 bytes, 0 are there"),
    "not a number": (by_hand(struct.pack("<f", np.nan), 3, bits=32), "a sample is NaN or infinite"),
}


@pytest.mark.parametrize("content, text", WRONG.values(), ids=WRONG)
def test_a_wrong_file(content: bytes, text: str) -> None:
    with pytest.raises(DataError) as error:
        read_wav(content)
    assert text in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.wav: cannot be read \(No such file"):
        read_wav(tmp_path / "none.wav")


@settings(max_examples=500)
@given(st.data())
def test_damaged_files_end_in_an_error_or_in_samples(data: st.DataObject) -> None:
    content = bytearray(by_hand(bytes(range(40)), channels=2))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    try:
        sound = read_wav(bytes(content))
    except DataError:
        return
    assert sound.samples.size <= len(content) and np.isfinite(sound.samples).all()


def test_what_cannot_be_written() -> None:
    with pytest.raises(InputError, match=r"samples must be in \[-1, 1\], found 1.5"):
        wav_bytes(np.array([1.5]), 8.0)
    with pytest.raises(InputError, match="rate must be a whole number of Hz above 0, not 0.5 Hz"):
        wav_bytes(np.array([0.5]), 0.0005)
