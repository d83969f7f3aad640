"""Clopath et al. 2010: plasticity by voltage in the simulator, and the scheme of the authors' program beside it."""

import functools
import math

import numpy as np
import pytest

from spikelet import progress
from spikelet.experiments import clopath_2010 as clopath
from spikelet.sim.connect import one_to_one
from spikelet.sim.network import Network
from spikelet.sim.sources import Poisson, SpikeTrain
from spikelet.units import Hz

silent = functools.partial(progress.bar, show=False)


class OfTheProgram:
    """The cell and the rule in steps of 1 ms by Euler's method, in the order of the authors' program."""

    def __init__(self) -> None:
        self.u, self.w_ad, self.z, self.v_t, self.clamped = -70.6, 0.0, 0.0, -50.4, 0
        self.past = [(-70.6, -70.6)] * 5  # filtered potentials, the newest last
        self.x, self.w = 0.0, 0.5

    def step(self, pre: bool, post: bool) -> None:
        if self.clamped == 2:
            self.u, self.z, self.v_t, self.clamped = -49.5016, 400.0, -30.4, 0
            self.w_ad += 0.0805
        spike_current = 60 * math.exp(min((self.u - self.v_t) / 2, 700))
        du = (-30 * (self.u + 70.6) + spike_current - self.w_ad + self.z + 1e6 * post) / 281
        dw = (4 * (self.u + 70.6) - self.w_ad) / 144
        self.u, self.z, self.v_t = self.u + du, self.z * (1 - 1 / 40), self.v_t + (-50.4 - self.v_t) / 50
        if self.clamped == 1:
            self.clamped, self.u = 2, 32.862
        else:
            self.w_ad += dw
            if self.u > 20:
                self.clamped, self.u = 1, 29.4
        minus, plus = self.past[-4]  # made of what was there four steps ago
        self.w -= 14e-5 * pre * max(minus + 70.6, 0)
        self.w += 8e-5 * max(self.u + 45.3, 0) * self.x * max(plus + 70.6, 0)
        minus, plus = self.past[-1]
        self.past.append((minus + (self.u - minus) / 10, plus + (self.u - plus) / 7))
        self.x += (pre - self.x) / 15


def of_the_program(rate: float, lag: int) -> float:
    """Return the weight after the pairs of Fig. 2b, relative to before; groups are 10 s apart, so one is simulated."""
    count, repeats = (1, 50) if rate < 1 else (5, 15)
    pre = 100 + np.rint(np.arange(count) * 1000 / rate).astype(int)
    cell = OfTheProgram()
    for t in range(pre[-1] + 100):
        cell.step(t in pre, t - lag in pre)
    return 1 + repeats * (cell.w - 0.5) / 0.5


@pytest.mark.parametrize("lag", [10, -10])
def test_the_figures_of_the_program_are_those_of_its_scheme(lag: int):
    found = [of_the_program(rate, lag) for rate in clopath.RATES]
    np.testing.assert_allclose(found, clopath.PROGRAM[lag], atol=2e-3)


def test_pairs_change_weights_as_in_the_program():
    """A fifth of the protocol; steps are ten times as fine, and the clamp of 2 ms is one value."""
    protocols = [clopath.pairs(rate * Hz, lag, 0.2) for lag in (10, -10) for rate in (0.1, 10, 50)]
    pre, post = zip(*protocols, strict=True)
    found = 1 + 5 * (clopath.paired(pre, post, silent) - 1)
    program = [clopath.PROGRAM[lag][i] for lag in (10, -10) for i in (0, 1, 4)]
    np.testing.assert_allclose(found, program, rtol=0.015)


def test_a_spike_lasts_2_ms_and_is_seen_3_ms_later():
    net = Network(dtype="float64")
    cell, pulse = clopath.cells(net, 1), net.add(SpikeTrain([20.0, 40.0], [0, 0]), 1)
    net.connect(pulse, cell, one_to_one(), to="v", weight=clopath.PULSE, delay=0)
    result = net.run(60.0, dt=clopath.DT, record={cell: ["v", "late", "V_T"]})["cells"]
    v, late = result["v"][:, 0], result["late"][:, 0]
    assert (v == 33).sum() == 40
    np.testing.assert_array_equal(late[30:], v[:-30])
    np.testing.assert_array_equal(late[:30], -70.6)
    assert result["V_T"].max() == -30.4


def test_a_rate_code_connects_both_ways_and_a_temporal_code_one_way():
    """What 4 s begin: inputs of neurons that fire often grow; inputs against the order shrink."""
    rates = Poisson(2 * Hz * np.arange(1, 11))
    rate = clopath.coded(rates, 4, 1, silent)
    order = clopath.coded(clopath.in_turn(4), 4, 1, silent)
    fast = rate[np.ix_(clopath.FAST, clopath.FAST)]
    slow = rate[np.ix_(clopath.SLOW, clopath.SLOW)]
    assert np.nanmean(fast) > 0.52 and np.nanmean(slow) < 0.5
    along, against = order[np.arange(9), np.arange(1, 10)], order[np.arange(1, 10), np.arange(9)]
    assert along.min() > 0.5 and against.max() < 0.46


def test_pairs_are_counted():
    w = np.array([[np.nan, 1.0, 0.9, 0.1], [0.8, np.nan, 0.6, 0.7], [0.2, 0.1, np.nan, 0.7], [0.0, 0.6, 0.7, np.nan]])
    assert clopath.strong_pairs(w, np.arange(4)) == 2
    assert clopath.strong_pairs(w, np.array([0, 1])) == 1
