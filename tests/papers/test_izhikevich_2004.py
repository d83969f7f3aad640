"""Izhikevich 2004, Which model to use for cortical spiking neurons? The twenty patterns of Fig. 1, by what they show.

Their spike times are in tests/zoo/test_golden.py.
"""

import numpy as np
import pytest
from tests.papers.izhikevich_patterns import INPUTS, STEP, all_patterns
from tests.zoo.offsets import GOLDEN, OFFSETS, times_of

from spikelet.neurons.izhikevich import IZHIKEVICH_2004, Izhikevich
from spikelet.simulate import run

DURATION = {row["name"][0]: row["T"] for row in GOLDEN["izhikevich2004"]}


def spikes(letter):
    """Spike times of a pattern in ms, as the paper counts them, and the intervals between them."""
    times = (times_of(all_patterns(), list(INPUTS).index(letter)) - OFFSETS["izhikevich2004"]) * STEP[letter]
    times = times[times <= DURATION[letter]]
    return times, np.diff(times)


def trace(letter, start, stop):
    """Return v from ``start`` to ``stop`` ms."""
    v = all_patterns()["v"][:, list(INPUTS).index(letter)]
    return v[round(start / STEP[letter]) : round(stop / STEP[letter])]


def test_a_tonic_spiking():
    _, intervals = spikes("A")
    assert intervals[-1] == pytest.approx(intervals[-2], rel=0.03)


def test_b_phasic_spiking():
    times, _ = spikes("B")
    assert len(times) == 1 and 20 < times[0] < 60  # then silent for 140 ms of input


def test_c_tonic_bursting():
    _, intervals = spikes("C")
    assert (intervals > 30).sum() == 3
    assert [len(burst) + 1 for burst in np.split(intervals[intervals < 30], [9, 14, 19])] == [10, 6, 6, 6]


def test_d_phasic_bursting():
    times, intervals = spikes("D")
    assert len(times) == 6 and intervals.max() < 10


def test_e_mixed_mode():
    _, intervals = spikes("E")
    assert intervals[:2].max() < 5 and intervals[2:].min() > 30


def test_f_spike_frequency_adaptation():
    _, intervals = spikes("F")
    assert np.all(np.diff(intervals) > 0)


def test_g_class_1_starts_slowly_and_h_class_2_does_not():
    slow, fast = spikes("G")[1], spikes("H")[1]
    assert np.all(np.diff(slow) < 0) and slow[0] > 2.5 * slow[-1]
    assert fast[0] < 2 * fast[-1] and fast[0] < 0.6 * slow[0]


def test_i_spike_latency():
    times, _ = spikes("I")
    assert times[0] > 13 + 10  # the pulse ended at 13


def test_j_subthreshold_oscillations():
    v = trace("J", 35, 200)
    peaks = v[1:-1][(v[1:-1] > v[:-2]) & (v[1:-1] > v[2:])]
    assert len(spikes("J")[0]) == 1 and len(peaks) >= 3
    assert np.all(np.diff(peaks) < 0)  # damped


def test_k_resonator_and_l_integrator_choose_their_doublet():
    (resonant,), (coincident,) = spikes("K")[0], spikes("L")[0]
    assert resonant > 320  # 40 ms apart, not 20
    assert coincident < 30  # 5 ms apart, not 10


def test_m_n_rebound():
    (spike,), (burst, intervals) = spikes("M")[0], spikes("N")
    assert spike > 25  # inhibition ended at 25
    assert burst[0] > 25 and len(burst) == 7 and intervals.max() < 10


def test_o_threshold_variability():
    (spike,) = spikes("O")[0]
    assert spike > 80  # the second of two equal pulses, after inhibition


def test_p_bistability():
    times, intervals = spikes("P")
    assert times[0] > 37.5 and times[-1] < 216  # a pulse starts it, a pulse ends it
    assert np.ptp(intervals) < 1


def test_q_depolarising_after_potential():
    (spike,) = spikes("Q")[0]
    assert trace("Q", spike + 0.2, spike + 5).min() > -60.5  # rest: -70
    assert abs(trace("Q", 45, 50) + 70).max() < 1


def test_r_accommodation():
    (spike,) = spikes("R")[0]
    assert spike > 300  # the slow ramp went to the same current without a spike
    assert INPUTS["R"](np.array(199.5)) > INPUTS["R"](np.array(spike))


@pytest.mark.parametrize(("letter", "bursts"), [("S", 3), ("T", 2)])
def test_s_t_inhibition_induced(letter, bursts):
    times, intervals = spikes(letter)
    assert np.all((times > 50) & (times < 250))
    assert 1 + (intervals > 30).sum() == bursts
    assert (len(times) > bursts) == (letter == "T")


# Patterns without changed equations (G, L, R): those whose feature is the model's, and those that the long Euler step
# of the script makes, with the number of spikes that accurate integration gives.
FAITHFUL = {"A": 5, "B": 1, "C": 29, "D": 8, "E": 7, "F": 6, "H": 17, "I": 1, "J": 1, "K": 1, "M": 1, "O": 1}
OF_THE_STEP = {"P": 7, "Q": 4}


def test_which_patterns_are_the_model_s():
    letters = [*FAITHFUL, *OF_THE_STEP]
    names = ("a", "b", "c", "d", "v_0")
    values = {name: np.array([IZHIKEVICH_2004[letter].parameters[name] for letter in letters]) for name in names}
    t = np.arange(8000) * 0.05
    current = np.stack([INPUTS[letter](t) for letter in letters], axis=1)
    out = run(Izhikevich(**values), I=current, t=400, dt=0.05, dtype="float64")
    for i, letter in enumerate(letters):
        times = times_of(out, i)
        times = times[times <= DURATION[letter]]
        assert len(times) == (FAITHFUL | OF_THE_STEP)[letter], letter
        if letter in FAITHFUL:
            expected = spikes(letter)[0]
            assert len(times) == pytest.approx(len(expected), abs=3), letter
            assert times[0] == pytest.approx(expected[0], rel=0.4 if letter == "I" else 0.15), letter
    still_firing = times_of(out, letters.index("P"))
    assert still_firing[still_firing <= 300][-1] > 250  # P: the second pulse, at 216, does not end it
