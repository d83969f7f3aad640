"""The threshold unit of 1943 against truth tables and the circuits of its paper."""

import itertools

import numpy as np
import pytest
from tests.zoo.stimuli import EXACT, raster

from spikelet.neurons import (
    McCullochPitts,
)
from spikelet.simulate import run


def unit(theta, excitatory, inhibitory=None):
    """Output of a threshold unit for inputs (T,) one step earlier: the delay of its synapses."""
    e = np.sum(excitatory, axis=0)
    i = np.zeros_like(e) if inhibitory is None else np.sum(inhibitory, axis=0)
    out = run(McCullochPitts(theta=theta), {"E": e[:, None], "I": i[:, None]}, t=len(e), dt=1, **EXACT)
    return np.concatenate([[0], raster(out, len(e))[:-1, 0].astype(int)])


PAIRS = np.array(list(itertools.product((0, 1), repeat=2))).T  # all inputs (a, b), one after the other
NONE = np.zeros(4, dtype=int)


@pytest.mark.parametrize(
    ("theta", "excitatory", "inhibitory", "table"),
    [
        (2, PAIRS, None, [0, 0, 0, 1]),  # AND
        (1, PAIRS, None, [0, 1, 1, 1]),  # OR
        (0, [NONE], PAIRS[:1], [1, 1, 0, 0]),  # NOT a
        (1, PAIRS[:1], PAIRS[1:], [0, 0, 1, 0]),  # a AND NOT b
        (1, [PAIRS[0], PAIRS[0]], PAIRS[1:], [0, 0, 1, 0]),  # inhibition is absolute: two inputs do not outvote one
    ],
)
def test_mcculloch_pitts_truth_tables(theta, excitatory, inhibitory, table):
    out = run(
        McCullochPitts(theta=theta),
        {
            "E": np.sum(excitatory, axis=0)[:, None],
            "I": np.sum(inhibitory, axis=0)[:, None] if inhibitory is not None else 0,
        },
        t=4,
        dt=1,
        **EXACT,
    )
    assert raster(out, 4)[:, 0].astype(int).tolist() == table


def test_mcculloch_pitts_two_layers_make_nand_and_xor():
    a, b = np.repeat(PAIRS, 3, axis=1)  # each pair for three ticks: the answer stands at the last
    nand = unit(1, [unit(0, [0 * a], [a]), unit(0, [0 * a], [b])])
    xor = unit(1, [unit(1, [a], [b]), unit(1, [b], [a])])
    assert nand[2::3].tolist() == [1, 1, 1, 0]
    assert xor[2::3].tolist() == [0, 1, 1, 0]


def test_mcculloch_pitts_ring_of_two_remembers_with_period_two():
    state, spikes, seen = None, np.array([1.0, 0.0]), []
    for _ in range(6):
        out = run(McCullochPitts(theta=1), {"E": spikes[::-1], "I": 0}, t=1, dt=1, n=2, state=state, **EXACT)
        state, spikes = out.state, np.asarray(out.counts(), dtype=float)
        seen.append(spikes.astype(int).tolist())
    assert seen == [[0, 1], [1, 0]] * 3


def test_mcculloch_pitts_heat_illusion():
    """Fig. 1e of the paper: N3(t) = N1(t-1) or N2(t-3) and not N2(t-2); N4(t) = N2(t-2) and N2(t-1)."""
    for cold in itertools.product((0, 1), repeat=6):
        receptor = np.array([0, 0, 0, *cold, 0, 0, 0, 0])
        a = unit(1, [receptor])
        b = unit(1, [a], [receptor])
        heat, coldness = unit(1, [0 * receptor, b]), unit(2, [receptor, a])
        t = np.arange(3, len(receptor))
        assert heat[t].tolist() == (receptor[t - 3] & (1 - receptor[t - 2])).tolist()
        assert coldness[t].tolist() == (receptor[t - 2] & receptor[t - 1]).tolist()
        if sum(cold) == 1:  # a touch of cold is felt as heat, and not as cold
            assert heat.sum() == 1 and coldness.sum() == 0
        if cold[:2] == (1, 1):  # cold that stays is felt as cold, with no heat before
            assert np.flatnonzero(coldness)[0] < np.flatnonzero(heat)[0]
