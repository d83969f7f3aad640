"""Rules by voltage, on receivers whose voltage is given, against plain Python."""

import numpy as np
import pytest

from spikelet import rules
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain

CLAMPED = Neuron("Clamped", "dv/dt = 0 mV/ms : mV; u : mV (input)")
RAMP = Neuron("Ramp", "dv/dt = slope : mV; u : mV (input); slope : mV/ms")
TIMES = [3.0, 5.5, 12.0, 20.0, 31.0, 31.5, 40.0]


def learned(rule: Rule, cell: Neuron, v: np.ndarray, w: float = 0.5, t: float = 50.0, times=TIMES) -> np.ndarray:
    """Return the weights of one sender onto cells that begin at ``v`` [mV]."""
    net = Network(dtype="float64")
    train = net.add(SpikeTrain(times, [0] * len(times)), 1)
    cells = net.add(cell, len(v), "cells", initial={"v": v})
    syn = net.connect(train, cells, all_to_all(), to="u", weight=w, delay=0.1, rule=rule)
    net.run(t, dt=0.1)
    return syn.weights()


def clopath(p, v: np.ndarray, times, w: float) -> float:
    """Return the weight after a voltage (steps + 1,) of a receiver; a low-pass filter of each step's first value."""
    dt, x, minus, plus, square = 0.1, 0.0, p["v_rest"], p["v_rest"], p["u_ref_square"]
    arrivals = {round((t + dt) / dt) - 1 for t in times}
    for k, u in enumerate(v[:-1]):
        ltp = p["a_ltp"] * x * max(u - p["theta_plus"], 0) * max(plus - p["theta_minus"], 0)
        w = min(w + dt * ltp, p["w_max"])
        minus = u + (minus - u) * np.exp(-dt / p["tau_minus"])
        plus = u + (plus - u) * np.exp(-dt / p["tau_plus"])
        square = (u - p["v_rest"]) ** 2 + (square - (u - p["v_rest"]) ** 2) * np.exp(-dt / p["tau_square"])
        x *= np.exp(-dt / p["tau_x"])
        if k in arrivals:
            w -= p["a_ltd"] * square / p["u_ref_square"] * max(minus - p["theta_minus"], 0)
            w, x = max(w, 0.0), x + 1 / p["tau_x"]
    return w


@pytest.mark.parametrize("more", [{}, {"tau_square": 20.0}, {"tau_square": 1e15, "u_ref_square": 80.0}])
def test_clopaths_rule_is_that_of_plain_python(more: dict[str, float]):
    starts, slopes = np.array([-75.0, -65.0, -50.0, -30.0]), np.array([0.1, 0.3, 0.5, -0.3])
    rule = rules.Clopath(w_max=50.0, **more)
    found = learned(rule, RAMP(slope=slopes), starts)
    steps = 0.1 * np.arange(501)
    expected = [
        clopath(rule.parameters, start + slope * steps, TIMES, 0.5) for start, slope in zip(starts, slopes, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    assert found.min() < 0.495 and np.ptp(found) > 0.05


def test_clopaths_rule_by_a_clamped_voltage_depresses_and_then_potentiates():
    """Fig. 1h: 0 below theta_minus, depression below theta_plus, potentiation far above it."""
    v = np.array([-80.0, -71.0, -60.0, -50.0, -20.0, 0.0])
    change = learned(rules.Clopath(tau_square=1e15, w_max=99.0), CLAMPED, v) - 0.5
    assert change[0] == change[1] == 0 and change[3] < change[2] < 0 < change[4] < change[5]


def test_clopaths_weights_stay_within_their_bounds():
    v = np.array([-48.0, 0.0])
    found = learned(rules.Clopath(tau_square=1e15, a_ltd=0.1, a_ltp=0.01), CLAMPED, v)
    assert found.tolist() == [0, 1]


def abs_change(p, v: float) -> float:
    """Return what one spike does in the long run, where the filtered voltage is ``v`` from the start."""
    if v < p["theta_minus"]:
        return 0.0
    if v < p["theta_plus"]:
        return -p["a_minus"] * (v - p["theta_minus"]) * (p["theta_plus"] - v)
    return p["a_plus"] * (v - p["theta_plus"])


def test_the_sign_of_the_abs_rule_goes_from_none_to_minus_to_plus_as_the_voltage_rises():
    v = np.linspace(-70, -40, 31)
    rule = rules.ABS(tau_u=1e-3)  # the voltage itself
    found = learned(rule, CLAMPED, v, times=[1.0], t=301.0) - 0.5
    sums = 0.1 / 20 / np.expm1(0.1 / 20) * np.exp(0.1 / 20)  # of a trace of unit area, taken in steps
    expected = np.array([abs_change(rule.parameters, value) for value in v]) * sums
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)
    signs = np.sign(np.where(np.abs(found) < 1e-12, 0, found)).astype(int).tolist()
    assert signs == [0] * 11 + [-1] * 9 + [0] + [1] * 10


def test_the_abs_rule_leaves_silent_inputs_and_stays_within_its_bounds():
    v = np.array([-55.0, -40.0])
    assert learned(rules.ABS, CLAMPED, v, times=[]).tolist() == [0.5, 0.5]
    found = learned(rules.ABS(a_plus=0.1, a_minus=0.1), CLAMPED, v)
    assert found.tolist() == [0, 1]
