"""Rate units and the integers of Loihi against their formulas."""

import numpy as np
import pytest
from scipy.special import expit
from tests.zoo.offsets import ours, times_of
from tests.zoo.stimuli import EXACT

from spikelet.neurons import LIF, IntrinsicSigmoid, LIFRate, LoihiCuBa, ReLU, Sigmoid, Tanh
from spikelet.simulate import run

POINTS = np.array([-700.0, -3.0, -0.5, 0.0, 0.4, 2.0, 700.0])


@pytest.mark.parametrize(("model", "function"), [(ReLU, lambda x: x * (x > 0)), (Sigmoid, expit), (Tanh, np.tanh)])
def test_rate_units_are_their_functions(model, function):
    out = run(model(gain=1.5, bias=-0.25), POINTS, t=2, dt=1, record="r", **EXACT)
    np.testing.assert_allclose(out["r"], np.tile(function(1.5 * POINTS - 0.25), (2, 1)), rtol=1e-12, atol=1e-300)
    assert out.spikes.times.size == 0


def test_intrinsic_plasticity_makes_the_output_exponential():
    """Of a Gaussian input: the distribution comes near an exponential one, and the map is the paper's."""
    random, mu = np.random.default_rng(1), 0.1
    x = random.normal(size=(4_000, 60))
    out = run(IntrinsicSigmoid(eta=0.02, mu=mu), x, t=4_000, dt=1, record=["r", "a", "b"], **EXACT)
    a, b = np.ones(60), np.zeros(60)
    for k in range(50):
        y = expit(a * x[k] + b)
        step = 1 - (2 + 1 / mu) * y + y**2 / mu
        np.testing.assert_allclose(out["r"][k], y, rtol=1e-12)
        a, b = a + 0.02 * (1 / a + x[k] * step), b + 0.02 * step
    np.testing.assert_allclose(out["a"][49], a, rtol=1e-10)
    late = out["r"][2_000:]
    assert late.mean() == pytest.approx(mu, rel=0.05)
    assert (late**2).mean() == pytest.approx(mu * ((2 + 1 / mu) * late.mean() - 1), rel=0.05)  # b rests
    for level in (0.05, 0.1, 0.2):  # a sigmoid of a Gaussian comes near an exponential law, not to it
        assert np.mean(late > level) == pytest.approx(np.exp(-level / mu), abs=0.04)
    assert out["r"][:50].mean() > 0.2  # at the start it was far from that


# tau_rc = 20 ms, tau_ref = 2 ms; rates in Hz
NENGO = {1.5: 41.7149, 2.0: 63.0400, 5.0: 154.7300, 10.0: 243.4743}


def test_lif_rate_is_nengos():
    out = run(LIFRate, np.array([-5.0, 0.0, 1.0, *NENGO]), t=1, dt=1, record="r", **EXACT)
    np.testing.assert_allclose(1000 * out["r"][0], [0, 0, 0, *NENGO.values()], atol=5.1e-5)


def test_lif_rate_gain_and_bias_from_max_rate_and_intercept():
    """x = 1/(1 - exp((tau_ref - 1/max)/tau_rc)); gain = (1 - x)/(intercept - 1); bias = 1 - gain*intercept."""
    x = 1 / (1 - np.exp((2 - 5) / 20))  # 200 Hz: 5 ms
    gain = (1 - x) / (0.5 - 1)
    assert gain == pytest.approx(12.358324, abs=1e-6) and 1 - gain * 0.5 == pytest.approx(-5.179162, abs=1e-6)
    model = LIFRate(gain=gain, bias=1 - gain * 0.5)
    out = run(model, np.array([0.0, 0.49, 0.51, 1.0]), t=1, dt=1, record="r", **EXACT)
    assert (out["r"][0, :2] == 0).all() and out["r"][0, 2] > 0
    assert 1000 * out["r"][0, 3] == pytest.approx(200.0)


def test_lif_rate_is_the_rate_of_spiking_lif():
    current = np.array([1.5, 2.0, 5.0])
    out = run(LIF(t_ref=2.0), current, t=100, dt=0.005, **EXACT)
    rates = [1000 / np.diff(times_of(out, i)).mean() for i in range(3)]
    np.testing.assert_allclose(rates, [NENGO[x] for x in current], rtol=1e-3)


# -- Loihi (its golden table: test_golden.py) --------------------------------------------------------------------------


def test_loihi_bias_alone_fires_every_seven_steps():
    out = run(LoihiCuBa(delta_u=0, delta_v=0, v_th=10, bias=100), 0, t=30, dt=1)
    assert times_of(out).tolist() == ours("loihi", [6, 13, 20, 27], 1.0).tolist()


def test_loihi_current_wraps_and_voltage_saturates():
    """u wraps modulo 2**24, two's complement; v stops at +-(2**23 - 1)."""
    weight = np.array([[131071, -131072]])  # times 64: the last values that fit into 24 bits, and
    model = LoihiCuBa(delta_u=0, delta_v=0, v_th=2**17)  # a threshold that v cannot pass
    out = run(model, np.repeat(weight, 2, axis=0), t=2, dt=1, record=("u", "v"))
    assert out["u"][0].tolist() == [131071 * 64, -(2**23)]
    # the second step adds the decayed register (by 1/4096, the offset of the current) to the same input, and wraps
    kept = np.array([131071 * 64 * 4095 // 4096, -(2**23 * 4095 // 4096)])
    assert out["u"][1].tolist() == [int(kept[0]) + 131071 * 64 - 2**24, int(kept[1]) - 2**23 + 2**24]
    assert out["v"][0].tolist() == [131071 * 64, -(2**23 - 1)]
    model = LoihiCuBa(delta_u=4095, delta_v=0, v_th=2**17)
    out = run(model, np.repeat([[100000, -100000]], 3, axis=0), t=3, dt=1, record="v")
    assert out["v"][1:].tolist() == [[2**23 - 1, -(2**23 - 1)]] * 2


def test_loihi_holds_v_in_refractoriness():
    """A register of 3 is two silent steps after that of the spike; u goes on."""
    out = run(LoihiCuBa(delta_u=0, delta_v=0, v_th=10, bias=400, t_ref=2.0), 0, t=16, dt=1, record="v")
    assert times_of(out).tolist() == [2, 6, 10, 14]
    assert out["v"][:8, 0].tolist() == [400, 0, 0, 0, 400, 0, 0, 0]
