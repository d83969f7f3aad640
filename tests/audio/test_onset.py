"""Sound onsets: a burst where a tone begins, nothing while it lasts, nothing in silence."""

import numpy as np
import pytest

from spikelet import audio, simulate
from spikelet.audio.bank import coefficients
from spikelet.audio.onset import DepressingSynapse, Fibre
from spikelet.errors import InputError

RATE, DT = 16.0, 5.0
T = np.arange(round(900 * RATE)) / RATE  # [ms]


def tone(start: float, stop: float, frequency: float = 1.0) -> np.ndarray:
    """Return a tone that rises and falls within 5 ms."""
    return np.clip((T - start) / 5, 0, 1) * np.clip((stop - T) / 5, 0, 1) * np.sin(2 * np.pi * frequency * T)


TWO = tone(100, 450) + tone(700, 850)
AMPLITUDES = np.array([0.0, 0.01, 0.1, 1.0])


@pytest.fixture(scope="module")
def spikes() -> np.ndarray:
    return audio.sound_onset(AMPLITUDES[:, None] * TWO, RATE, DT, bank=24)


def test_cells_fire_at_onsets_and_nowhere_else(spikes: np.ndarray) -> None:
    assert spikes.shape == (180, 4, 8, 24)
    for amplitude, count in zip(AMPLITUDES[1:], spikes.sum((2, 3)).T[1:], strict=True):
        when = np.flatnonzero(count) * DT
        first, second = when[when < 500], when[when >= 500]
        assert len(first) and len(second), amplitude
        assert first.min() >= 100 and first.max() <= 125, amplitude  # within 25 ms, and not while the tone lasts
        assert second.min() >= 700 and second.max() <= 725, amplitude


def test_silence_is_silent(spikes: np.ndarray) -> None:
    assert not spikes[:, 0].any()


def test_a_cell_fires_once_at_an_onset(spikes: np.ndarray) -> None:
    assert spikes[:100].sum(0).max() == 1 and spikes[100:].sum(0).max() == 1


def test_a_louder_sound_reaches_less_sensitive_cells(spikes: np.ndarray) -> None:
    reached = (spikes.sum((0, 3)) > 0).sum(1)  # levels with a spike
    assert reached[0] == 0 and (np.diff(reached) > 0).all()
    for row in spikes.sum((0, 3)):
        assert (np.diff(row) <= 0).all()  # whoever hears little is never alone


def test_the_channel_tells_the_frequency(spikes: np.ndarray) -> None:
    channel = spikes[:, 3].sum((0, 1)) @ np.arange(24) / spikes[:, 3].sum()
    nearest = np.abs(audio.centres(24, 0.1, 7.2) - 1.0).argmin()
    assert abs(channel - nearest) <= 2


def test_a_sudden_growth_is_an_onset() -> None:
    x = 0.02 * tone(100, 850) + 0.9 * tone(500, 850)
    count = audio.sound_onset(x[None], RATE, DT, bank=24).sum((1, 2, 3))
    assert count[20:25].sum() > 0 and count[100:105].sum() > 0
    assert count[25:100].sum() == 0 and count[105:].sum() == 0


@pytest.mark.parametrize("frequency", [0.4, 1.3])
def test_a_fibre_fires_once_a_cycle_at_the_rising_zero(frequency: float) -> None:
    x = np.sin(2 * np.pi * frequency * T[:8000])
    poles = coefficients(np.array([frequency, frequency]), RATE)
    model = Fibre(level=np.array([0.5, 0.7]), **poles)  # 2/pi = 0.637 lies between the two
    result = simulate.run(model, np.repeat(x[:, None], 2, 1), t=500, dt=1 / RATE, record="x4")
    late = result.spikes.times > 300
    assert set(result.spikes.ids[late]) == {0}
    assert abs(np.diff(result.spikes.times[late]).mean() - 1 / frequency) < 0.01
    sample = np.rint(result.spikes.times[late] * RATE).astype(int) - 1
    assert (result["x4"][sample, 0] > 0).all() and (result["x4"][sample - 1, 0] <= 0).all()


def test_transmitter_is_never_lost() -> None:
    s = (np.random.default_rng(0).random((3000, 4)) < 0.05).astype(np.float32)
    result = simulate.run(DepressingSynapse, s, t=300, dt=0.1, record=("m", "c", "r"), dtype="float64")
    assert np.abs(result["m"] + result["c"] + result["r"] - 1).max() < 1e-12
    assert min(result[name].min() for name in "mcr") >= 0


def test_a_regular_train_depresses_to_its_stationary_value() -> None:
    """At each spike u*m is released; over a period r gains exactly that, which fixes m (closed form)."""
    dt, period, u, tau_c, tau_r = 0.1, 20.0, 0.7, 5.0, 100.0
    s = np.zeros((20000, 1), np.float32)
    s[::200] = 1
    m = simulate.run(DepressingSynapse, s, t=2000, dt=dt, record="m", dtype="float64")["m"][:, 0]
    k = round(period / dt)
    c, r = np.exp(-dt / tau_c), np.exp(-dt / tau_r)
    step = np.array([[1, 1 - r, 0], [0, r, 1 - c], [0, 0, c]])  # m, r, c without a spike
    spike = step + np.array([[-u, 0, 0], [0, 0, 0], [u, 0, 0]])
    value, vector = np.linalg.eig(np.linalg.matrix_power(step, k - 1) @ spike)
    fixed = np.real(vector[:, np.abs(value - 1).argmin()])
    assert np.isclose(m[-1], fixed[0] / fixed.sum(), rtol=1e-6)


def test_what_makes_no_sense_is_refused() -> None:
    x = np.zeros((1, 100))
    for options, text in (
        ({"ratio": 1.0}, "sound_onset: ratio must be above 1, not 1.0"),
        ({"levels": 0}, "sound_onset: levels must be an integer of at least 1, not 0"),
        ({"neighbours": 32}, "sound_onset: neighbours must be an integer in 0 ... 31, not 32"),
        ({"bank": audio.Bank(high=8.0)}, "high must be below half the rate, 8 kHz, not 8"),
    ):
        with pytest.raises(InputError) as error:
            audio.sound_onset(x, RATE, **options)
        assert str(error.value) == text
    assert audio.sound_onset(np.zeros((0, 160)), RATE).shape == (10, 0, 8, 32)
