"""Receptors against closed forms: the course of the current or conductance, and of the membrane behind it."""

import numpy as np
import pytest
from tests.zoo.stimuli import EXACT, pulse

from spikelet.model import Neuron
from spikelet.sim.compose import compose
from spikelet.simulate import run
from spikelet.synapse import Synapse
from spikelet.synapses import (
    NMDA,
    AlphaConductance,
    AlphaCurrent,
    DoubleExponentialConductance,
    DoubleExponentialCurrent,
    ExponentialConductance,
    ExponentialCurrent,
)

C, TAU, E_L, W = 250.0, 10.0, -70.0, 40.0
CELL = Neuron(
    "Cell", "dv/dt = (E_L - v)/tau_m + I/C : mV; I : pA (input); C = 250 pF; tau_m = 10 ms; E_L = -70 mV",
    initial="v = E_L",
)  # fmt: skip
S = 0.1 * np.arange(600)  # ms since the spike


def after_one_spike(synapse: Synapse, state: str, w: float = W) -> tuple[np.ndarray, np.ndarray]:
    """The state of a receptor and the change of the membrane, both (600,)."""
    found = compose(CELL, {"syn": synapse})
    (jump,) = found.jumps.values()
    out = run(found.neuron, {jump: pulse(w, 600)}, t=60, dt=0.1, record=("v", f"syn_{state}"), **EXACT)
    return out[f"syn_{state}"][:, 0], out["v"][:, 0] - E_L


def low_passed(tau_syn: float) -> np.ndarray:
    """Membrane behind a current exp(-s/tau_syn) of 1 pA [mV]."""
    if tau_syn == TAU:
        return S / C * np.exp(-S / TAU)
    return TAU * tau_syn / (tau_syn - TAU) * (np.exp(-S / tau_syn) - np.exp(-S / TAU)) / C


@pytest.mark.parametrize("tau_syn", [0.5, 2.0, 9.999, 10.0, 25.0])
def test_exponential_current(tau_syn: float):
    i, v = after_one_spike(ExponentialCurrent(tau_syn=tau_syn), "i")
    np.testing.assert_allclose(i, W * np.exp(-S / tau_syn), rtol=1e-11)
    np.testing.assert_allclose(v, W * low_passed(tau_syn), atol=1e-9 if tau_syn == 9.999 else 1e-12)


@pytest.mark.parametrize("tau_syn", [0.5, 2.0, 10.0, 25.0])
def test_alpha_current(tau_syn: float):
    i, v = after_one_spike(AlphaCurrent(tau_syn=tau_syn), "i")
    np.testing.assert_allclose(i, W * np.e * S / tau_syn * np.exp(-S / tau_syn), atol=1e-12)
    assert i.max() <= W * (1 + 1e-12)
    a = 1 / tau_syn - 1 / TAU
    ramp = S**2 / 2 if a == 0 else (1 - np.exp(-a * S) * (1 + a * S)) / a**2
    np.testing.assert_allclose(v, W * np.e / tau_syn / C * np.exp(-S / TAU) * ramp, atol=1e-11)


def peak_norm(rise: float, decay: float) -> float:
    """Factor that gives the difference of two exponentials the maximum 1."""
    peak = decay * rise / (decay - rise) * np.log(decay / rise)
    return 1 / (np.exp(-peak / decay) - np.exp(-peak / rise))


@pytest.mark.parametrize(("rise", "decay"), [(0.5, 3.0), (2.0, 100.0), (1.0, 10.0), (10.0, 5.0), (3.0, 3.001)])
def test_double_exponential_current(rise: float, decay: float):
    i, v = after_one_spike(DoubleExponentialCurrent(tau_rise=rise, tau_decay=decay), "i")
    norm = peak_norm(rise, decay)
    loose = 1e-6 if decay == 3.001 else 1e-10  # the closed form loses digits where the two are nearly alike
    np.testing.assert_allclose(i, W * norm * (np.exp(-S / decay) - np.exp(-S / rise)), atol=loose)
    np.testing.assert_allclose(v, W * norm * (low_passed(decay) - low_passed(rise)), atol=loose)


def test_a_double_exponential_with_equal_time_constants_is_an_alpha_function():
    alike = after_one_spike(DoubleExponentialCurrent(tau_rise=2.0, tau_decay=2.0), "i")
    np.testing.assert_allclose(alike, after_one_spike(AlphaCurrent(tau_syn=2.0), "i"), atol=1e-12)


@pytest.mark.parametrize(
    ("conductance", "current", "values"),
    [
        (ExponentialConductance, ExponentialCurrent, {"tau_syn": 3.0}),
        (AlphaConductance, AlphaCurrent, {"tau_syn": 3.0}),
        (DoubleExponentialConductance, DoubleExponentialCurrent, {"tau_rise": 1.0, "tau_decay": 7.0}),
        (NMDA, DoubleExponentialCurrent, {"tau_rise": 1.0, "tau_decay": 7.0}),
    ],
)
def test_conductances_have_the_course_of_the_currents(conductance: Synapse, current: Synapse, values: dict[str, float]):
    """To the order of the integrator, where a conductance makes that of the whole model an approximation."""
    expected, _ = after_one_spike(current(**values), "i", 1.0)
    found = compose(CELL, {"syn": conductance(**values)})
    (jump,) = found.jumps.values()
    errors = []
    for parts in (1, 2):
        steps = pulse(1.0, 600 * parts)
        g = run(found.neuron, {jump: steps}, t=60, dt=0.1 / parts, record="syn_g", **EXACT)["syn_g"][::parts, 0]
        errors.append(np.abs(g - expected).max())
    exact = max(errors) < 1e-12
    assert exact if conductance is ExponentialConductance else exact or 1.8 * errors[1] < errors[0] < 0.06


@pytest.mark.parametrize(("g", "E"), [(5.0, 0.0), (50.0, -80.0)])
def test_a_lasting_conductance_pulls_the_membrane_between_the_potentials(g: float, E: float):
    """With g constant the cell is a faster RC circuit with another rest: exponential Euler is exact."""
    found = compose(CELL, {"syn": ExponentialConductance(tau_syn=1e15, E_rev=E)})
    out = run(found.neuron, {"syn_g": pulse(g, 600)}, t=60, dt=0.1, record="v", **EXACT)
    leak = C / TAU
    rest, tau = (leak * E_L + g * E) / (leak + g), C / (leak + g)
    np.testing.assert_allclose(out["v"][:, 0], rest + (E_L - rest) * np.exp(-S / tau), rtol=1e-11)


def test_a_decaying_conductance_converges_to_the_solution():
    def slope(s: float, v: float) -> float:
        return ((E_L - v) * C / TAU + 20 * np.exp(-s / 5) * (0 - v)) / C

    h, v = 0.001, E_L
    truth = [v]
    for k in range(20_000):
        s = k * h
        k1, k2 = slope(s, v), slope(s + h / 2, v + h / 2 * slope(s, v))
        k3 = slope(s + h / 2, v + h / 2 * k2)
        v += h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(s + h, v + h * k3))
        truth.append(v)
    found = compose(CELL, {"syn": ExponentialConductance})
    errors = []
    for dt in (0.1, 0.05, 0.025):
        out = run(found.neuron, {"syn_g": pulse(20.0, round(20 / dt))}, t=20, dt=dt, record="v", **EXACT)
        at = np.rint(np.arange(len(out.t)) * dt / h).astype(int)
        errors.append(np.abs(out["v"][:, 0] - np.array(truth)[at]).max())
    assert errors[0] < 0.2
    np.testing.assert_allclose([errors[1] / errors[0], errors[2] / errors[1]], 0.5, atol=0.05)


def test_magnesium_blocks_nmda_as_jahr_and_stevens_have_it():
    """The current of a clamped cell: g (0 - v)/(1 + [Mg]/3.57 exp(-0.062 v))."""
    v = np.array([-90.0, -70.0, -40.0, -20.0, 0.0, 20.0, 40.0])
    clamp = Neuron("Clamp", "v[k+1] = v : mV; q[k+1] = I : pA; I : pA (input); v_0 : mV", initial="v = v_0")
    for mg in (0.0, 1.0, 2.5):
        found = compose(clamp(v_0=v), {"n": NMDA(Mg=mg)})
        out = run(found.neuron, {"n_x": pulse(2.0, 400, v.size)}, t=40, dt=0.1, record=("q", "n_g"), **EXACT)
        expected = out["n_g"][:-1] * (0 - v) / (1 + mg / 3.57 * np.exp(-0.062 * v))  # a map reads what held before
        np.testing.assert_allclose(out["q"][1:], expected, rtol=1e-12, atol=1e-12)
        assert np.abs(out["q"]).max() > 10
