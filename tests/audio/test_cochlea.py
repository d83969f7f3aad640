"""The cochlea: its scales and filters against published formulas and scipy, its spikes against a plain loop."""

import sys

import numpy as np
import pytest

from spikelet import audio, simulate
from spikelet.audio.bank import coefficients
from spikelet.errors import InputError, ShapeError
from spikelet.units import Hz, kHz

RATE = 8 * kHz


def tone(frequency: float, samples: int = 4000, rate: float = RATE) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(samples) / rate)


def filtered(x: np.ndarray, frequency: np.ndarray, rate: float) -> np.ndarray:
    """Return the gammatone filters' output, (L, channels)."""
    model = audio.Cochlea(**coefficients(frequency, rate))
    wide = np.repeat(x[:, None], len(frequency), 1)
    return simulate.run(model, wide, t=len(x) / rate, dt=1 / rate, record="x4", dtype="float64")["x4"]


# -- where the channels lie -------------------------------------------------------------------------------------------


def test_centres_are_equally_far_apart_on_the_scale_of_erbs() -> None:
    number = 21.4 * np.log10(4.37 * audio.centres(30, 0.1, 8.0) + 1)  # Glasberg & Moore 1990, Eq. 4, f in kHz
    assert np.allclose(np.diff(number), (number[-1] - number[0]) / 29)
    assert np.isclose(number[0], 21.4 * np.log10(1.437)) and np.isclose(number[-1], 21.4 * np.log10(35.96))


def test_centres_agree_with_the_formula_of_slaney() -> None:
    """Apple TR 35, ERBSpace: the same logarithm, its top left out, downwards."""
    quality, least, n, low, high = 9.26449, 24.7, 20, 100.0, 4000.0
    i = np.arange(1, n + 1)
    theirs = -quality * least + np.exp(i * (-np.log(high + quality * least) + np.log(low + quality * least)) / n) * (
        high + quality * least
    )
    ours = 1000 * audio.centres(n + 1, low * Hz, high * Hz)[:-1]
    assert np.allclose(ours, theirs[::-1], rtol=2e-5)


def test_the_mel_scale() -> None:
    mel = 2595 * np.log10(1 + 1000 * audio.centres(9, 0.1, 3.5, "mel") / 700)
    assert np.allclose(np.diff(mel), np.diff(mel)[0])


def test_bandwidths_are_those_of_the_paper() -> None:
    assert np.allclose(1000 * audio.bandwidth(np.array([0.1, 1.0, 4.0])), [35.49, 132.64, 456.46], atol=0.01)


# -- the filters ------------------------------------------------------------------------------------------------------


def test_a_filter_is_a_gammatone() -> None:
    """Its impulse response is t**3 exp(-2 pi b t) cos(2 pi f t), b = 1.019 bandwidths."""
    frequency, rate = 1.0, 32.0
    pulse = np.zeros(1000)
    pulse[0] = 1
    ours = filtered(pulse, np.array([frequency]), rate)[:, 0]
    t = np.arange(1000) / rate
    theirs = t**3 * np.exp(-2 * np.pi * 1.019 * 0.13264 * t) * np.cos(2 * np.pi * frequency * t)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99  # four poles in a row begin with (n+1)(n+2)(n+3)/6, not n**3


@pytest.mark.parametrize("frequency", [0.2, 0.5, 1.0, 2.0])
def test_the_gain_is_that_of_scipy(frequency: float) -> None:
    """scipy.signal.gammatone is Slaney's filter; within a bandwidth of the centre the two differ by less than 1 dB."""
    signal = pytest.importorskip("scipy.signal")
    pulse = np.zeros(8192)
    pulse[0] = 1
    spectrum = np.abs(np.fft.rfft(filtered(pulse, np.array([frequency]), RATE)[:, 0]))
    hertz = np.fft.rfftfreq(8192, 1 / 8000)
    theirs = np.abs(signal.freqz(*signal.gammatone(1000 * frequency, "iir", fs=8000), hertz, fs=8000)[1])
    near = np.abs(hertz - 1000 * frequency) < 1000 * audio.bandwidth(frequency)
    assert near.sum() > 30
    assert np.abs(20 * np.log10(spectrum[near] / theirs[near])).max() < 1
    assert abs(spectrum.max() - 1) < 0.01


def test_every_channel_answers_most_to_its_own_tone() -> None:
    frequency = audio.centres(12, 0.2, 3.0)
    for channel, f in enumerate(frequency):
        spikes = audio.cochlea(tone(f)[None], RATE, 5.0, bank=audio.Bank(12, 0.2, 3.0), refractory=1.0)
        assert spikes[:, 0].sum(0).argmax() == channel


# -- spikes -----------------------------------------------------------------------------------------------------------


def by_loop(x: np.ndarray, rate: float, frequency: float, gain: float, t_ref: float, share: float) -> list[int]:
    """Return the samples at which one channel fires, step by step in plain Python."""
    x = x / np.sqrt((x**2).mean())
    radius = np.exp(-2 * np.pi * 1.0186 * 0.0247 * (4.37 * frequency + 1) / rate)
    pole = radius * np.exp(2j * np.pi * frequency / rate)
    z, hair, slow, v, wait, found = [0j] * 4, 0.0, 0.0, 0.0, 0, []
    for sample, value in enumerate(x):
        given = 2 * (1 - radius) ** 4 * value
        for stage in range(4):
            z[stage] = pole * z[stage] + given
            given = z[stage]
        hair += (1 - np.exp(-1 / rate / 3.0)) * (max(given.real, 0) ** 0.3 - hair)
        slow += (1 - np.exp(-1 / rate / 150.0)) * (hair - slow)
        if wait:
            wait -= 1
            continue
        v += (1 - np.exp(-1 / rate / 10.0)) * (gain * (hair - share * slow) - v)
        if v > 1:
            found, v, wait = [*found, sample], 0.0, round(t_ref * rate)
    return found


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_spikes_are_those_of_a_plain_loop(share: float) -> None:
    x = np.random.default_rng(1).normal(size=3000)
    frequency = audio.centres(5, 0.1, 3.6)
    how = {"gain": 8.0, "refractory": 2.0, "adaptation": share}
    spikes = audio.cochlea(x[None], RATE, 1 / RATE, bank=5, **how)  # a step for each sample
    for channel, f in enumerate(frequency):
        expected = by_loop(x, RATE, f, 8.0, 2.0, share)
        found = np.flatnonzero(spikes[:, 0, channel])
        assert len(expected) > 15
        assert abs(len(found) - len(expected)) <= 1 and np.abs(found[:15] - expected[:15]).max() <= 1  # float32


def test_steps_hold_the_spikes_of_their_samples() -> None:
    """Also where a step is no whole number of samples."""
    x = np.random.default_rng(2).normal(size=(1, 2205))
    fine = audio.cochlea(x, 22.05, 1 / 22.05, bank=8, refractory=2.0)[:, 0]
    coarse = audio.cochlea(x, 22.05, 1.5, bank=8, refractory=2.0)[:, 0]
    assert len(coarse) == 67  # 100 ms begin 66.7 steps
    borders = np.searchsorted((np.arange(2205) + 0.5) / 22.05, np.arange(67) * 1.5)
    assert (np.add.reduceat(fine, borders) == coarse).all() and coarse.sum() > 50


def test_neither_batch_nor_padding_changes_a_recording() -> None:
    rng = np.random.default_rng(3)
    long, short = rng.normal(size=1500), rng.normal(size=900)
    padded = np.stack([long, np.pad(short, (0, 600), constant_values=9.0)])
    spikes = audio.cochlea(padded, RATE, 4.0, bank=6, lengths=[1500, 900])
    alone = [audio.cochlea(row[None], RATE, 4.0, bank=6)[:, 0] for row in (long, short)]
    assert spikes.shape == (47, 2, 6)
    assert (spikes[:, 0] == alone[0]).all()
    assert (spikes[: len(alone[1]), 1] == alone[1]).all() and not spikes[len(alone[1]) :, 1].any()


def test_what_follows_the_end_of_a_recording_is_no_part_of_its_means() -> None:
    x = np.random.default_rng(3).normal(size=(1, 900))
    padded = np.pad(x, ((0, 0), (0, 600)), constant_values=9.0)
    excited = audio.cochleagram(padded, RATE, 4.0, bank=3, lengths=[900])
    assert np.allclose(excited[:29], audio.cochleagram(x, RATE, 4.0, bank=3)) and not excited[29:].any()


def test_parts_of_a_batch_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(4).normal(size=(7, 400))
    whole = audio.cochlea(x, RATE, 2.0, bank=4)
    monkeypatch.setattr(sys.modules["spikelet.audio.cochlea"], "_CHUNK", 2 * 4 * 400)
    assert (audio.cochlea(x, RATE, 2.0, bank=4) == whole).all()


def test_loudness_is_compressed_or_divided_out() -> None:
    x = tone(1.0)[None]
    quiet, loud = (audio.cochleagram(a * x, RATE, 5.0, bank=9, normalise=False)[60:].max() for a in (0.01, 0.1))
    assert abs(loud / quiet - 10**0.3) < 0.01  # the cube-root law, on the envelope of a steady tone
    assert (audio.cochlea(0.01 * x, RATE, 5.0) == audio.cochlea(0.1 * x, RATE, 5.0)).mean() > 0.999
    assert not audio.cochlea(0 * x, RATE, 5.0).any()


def test_the_cochleagram_is_the_mean_of_each_step() -> None:
    x = np.random.default_rng(5).normal(size=(2, 330))
    fine = audio.cochleagram(x, RATE, 1 / RATE, bank=3)
    coarse = audio.cochleagram(x, RATE, 2.0, bank=3)
    assert fine.shape == (330, 2, 3) and coarse.shape == (21, 2, 3)
    assert np.allclose(coarse[:20], fine[:320].reshape(20, 16, 2, 3).mean(1), atol=1e-6)
    assert np.allclose(coarse[20], fine[320:].mean(0), atol=1e-6)


def test_torch_gets_torch() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(6).normal(size=(2, 500)).astype(np.float32)
    spikes = audio.cochlea(torch.from_numpy(x), RATE, 4.0, bank=5, lengths=torch.tensor([500, 300]))
    assert spikes.dtype == torch.float32
    assert (spikes.numpy() == audio.cochlea(x, RATE, 4.0, bank=5, lengths=[500, 300])).all()
    assert audio.cochlea(x.astype(np.float64), RATE, 4.0).dtype == np.float64


X = np.ones((2, 100))
WRONG = {
    "rate in hertz": ({"rate": 8000}, "cochlea: rate is 8000 kHz; for samples a second write 8000*Hz"),
    "no rate": ({"rate": 0}, "cochlea: rate must be a number above 0 [kHz], not 0"),
    "short step": ({"dt": 0.01}, "cochlea: dt is 0.01 ms, shorter than a sample of 0.125 ms"),
    "channels": ({"bank": 0}, "channels must be an integer of at least 1, not 0"),
    "above half the rate": ({"bank": audio.Bank(5, high=4.0)}, "high must be below half the rate, 4 kHz, not 4"),
    "low above high": ({"bank": audio.Bank(5, low=3.9)}, "low and high must be 0 < low < high [kHz], not 3.9 and 3.6"),
    "adaptation": ({"adaptation": 1.5}, "cochlea: adaptation must be a share from 0 to 1, not 1.5"),
    "tau": ({"tau": -1}, "cochlea: tau must be a number above 0 [ms], not -1"),
    "long": ({"lengths": [100, 101]}, "cochlea: lengths must lie in 0 ... 100, found 100 to 101"),
}


@pytest.mark.parametrize("options, text", WRONG.values(), ids=WRONG)
def test_what_makes_no_sense_is_refused(options: dict, text: str) -> None:
    with pytest.raises(InputError) as error:
        audio.cochlea(X, **{"rate": RATE, **options})
    assert str(error.value) == text


def test_banks_that_are_none() -> None:
    with pytest.raises(InputError, match="scale must be 'erb' or 'mel', not 'bark'"):
        audio.Bank(scale="bark")
    with pytest.raises(InputError, match=r"must be 0 < low < high \[kHz\], not 0 and 3"):
        audio.Bank(low=0, high=3)


def test_waveforms_that_are_none() -> None:
    for x, text in ((np.ones(5), r"must be \(B, L\).*not \(5,\)"), (np.ones((2, 0)), "at least one sample")):
        with pytest.raises(ShapeError, match=text):
            audio.cochlea(x, RATE)
    with pytest.raises(InputError, match="must be float32 or float64, not int16; read_wav gives such"):
        audio.cochlea(np.ones((1, 9), np.int16), RATE)
    with pytest.raises(InputError, match=r"x is nan at \(1, 3\)"):
        audio.cochlea(np.where(np.arange(200).reshape(2, 100) == 103, np.nan, 1.0), RATE)
    with pytest.raises(ShapeError, match=r"lengths must be \(2,\) integers, not \(1,\) of int64"):
        audio.cochlea(X, RATE, lengths=np.array([3]))
