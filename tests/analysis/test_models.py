"""f-I curves, phase planes and the rate of Siegert against closed forms."""

import math

import mpmath
import numpy as np
import pytest

from spikelet import Neuron, analysis, neurons
from spikelet.analysis import f_i
from spikelet.errors import InputError, ModelError, ParameterError

# -- f-I curves -------------------------------------------------------------------------------------------------------

TEACHING = {1.05: 29.0316, 1.2: 45.6254, 1.5: 66.7284, 2.0: 91.4790, 3.0: 124.1519}
"""Current -> rate [Hz] of the LIF with tau = 10, t_ref = 4 ms: 1/(t_ref + tau ln(I/(I - 1)))."""


def test_rates_of_the_leaky_neuron_are_those_of_its_formula() -> None:
    model = neurons.LIF(tau_mem=10.0, t_ref=4.0)
    currents = [0.5, 1.0, *TEACHING]
    rates = 1000 * analysis.f_i_curve(model, currents, t=2000, skip=100, dt=0.01)
    assert rates[:2].tolist() == [0, 0]
    assert rates[2:] == pytest.approx(list(TEACHING.values()), rel=1e-3)  # spikes lie on a grid of 0.01 ms


def test_counts_and_first_intervals_of_an_adapting_neuron() -> None:
    currents = np.array([500.0, 800.0, 1000.0])
    curves = {m: analysis.f_i_curve(neurons.AdEx, currents, t=1000, dt=0.05, measure=m) for m in f_i.MEASURES}
    assert curves["count"] == pytest.approx(curves["interval"], abs=1 / 800 + 1e-9)
    assert (curves["onset"][1:] > 1.5 * curves["interval"][1:]).all()
    assert curves["onset"][0] == curves["count"][0] == 0  # below rheobase
    result = f_i.run(neurons.AdEx, currents[None], t=1000, dt=0.05)
    train = result.spikes.times[result.spikes.ids == 2]
    assert curves["onset"][2] == pytest.approx(1 / (train[1] - train[0]))
    late = train[train > 200]
    assert curves["interval"][2] == pytest.approx(1 / np.diff(late).mean())
    assert curves["count"][2] == len(late) / 800


def test_a_current_may_enter_by_name() -> None:
    by_name = analysis.f_i_curve(neurons.LIF, [2.0], input="I", t=300)
    assert by_name.tolist() == analysis.f_i_curve(neurons.LIF, [2.0], t=300).tolist()


def test_wrong_curves_are_refused() -> None:
    with pytest.raises(ModelError, match="LI has no threshold, and so no firing rate"):
        analysis.f_i_curve(neurons.LI, [1.0])
    with pytest.raises(InputError, match="measure 'counts' is none of .*; did you mean 'count'"):
        analysis.f_i_curve(neurons.LIF, [1.0], measure="counts")
    with pytest.raises(InputError, match="skip = 200 ms must be 0 or more and below t = 100 ms"):
        analysis.f_i_curve(neurons.LIF, [1.0], t=100)
    with pytest.raises(InputError, match=r"expected currents \(m,\), got shape \(\)"):
        analysis.f_i_curve(neurons.LIF, 1.0)


# -- phase planes -----------------------------------------------------------------------------------------------------


def test_nullclines_of_fitzhugh_nagumo_lie_on_their_curves() -> None:
    model = neurons.FitzHughNagumo
    plane = analysis.phase_plane(model, "v", "w", x_range=(-2.5, 2.5), y_range=(-1, 2), points=101, I=0.5)
    v, w = plane.nullclines["v"].T
    assert len(v) > 100 and w == pytest.approx(v - v**3 / 3 + 0.5, abs=1e-9)
    a, b = model.parameters["a"], model.parameters["b"]
    v, w = plane.nullclines["w"].T
    assert len(v) > 100 and v + a - b * w == pytest.approx(0, abs=1e-9)


def test_fixed_point_of_fitzhugh_nagumo_and_its_eigenvalues() -> None:
    model = neurons.FitzHughNagumo
    a, b, tau = (model.parameters[name] for name in ("a", "b", "tau_w"))
    plane = analysis.phase_plane(model, "v", "w", x_range=(-2.5, 2.5), y_range=(-1, 2), I=0.5)
    (point,) = plane.fixed_points
    roots = np.roots([-1 / 3, 0, 1 - 1 / b, 0.5 - a / b])
    v = float(roots[np.abs(roots.imag) < 1e-9].real[0])
    assert (point.x, point.y) == pytest.approx((v, (v + a) / b), abs=1e-9)
    jacobian = np.array([[1 - v * v, -1], [1 / tau, -b / tau]])
    assert np.sort_complex(point.eigenvalues) == pytest.approx(np.sort_complex(np.linalg.eigvals(jacobian)), abs=1e-6)
    assert point.kind == "unstable focus"  # at this current it spikes on and on


def test_fixed_points_meet_at_the_rheobase_of_izhikevichs_neuron() -> None:
    """With u = b v, 0.04 v**2 + 5 v + 140 - u + I has two zeros up to I = (5 - b)**2/0.16 - 140, then none."""
    span = {"x_range": (-90.0, -30.0), "y_range": (-25.0, 5.0)}
    rheobase = (5 - 0.2) ** 2 / 0.16 - 140
    below = analysis.phase_plane(neurons.Izhikevich, "v", "u", I=rheobase - 0.5, **span)
    assert [point.kind for point in below.fixed_points] == ["stable focus", "saddle"]
    expected = np.sort(np.roots([0.04, 4.8, 140 + rheobase - 0.5]))
    assert [point.x for point in below.fixed_points] == pytest.approx(expected)
    assert analysis.phase_plane(neurons.Izhikevich, "v", "u", I=rheobase + 0.5, **span).fixed_points == ()


def test_field_is_the_right_side_without_events() -> None:
    model = neurons.AdEx
    p = model.parameters
    plane = analysis.phase_plane(model, "v", "w", x_range=(-80, -30), y_range=(-100, 300), points=31, I=500.0)
    v, w = np.meshgrid(plane.x, plane.y)
    current = p["g_L"] * (p["v_rest"] - v) + p["g_L"] * p["delta"] * np.exp((v - p["v_th"]) / p["delta"])
    assert plane.dx == pytest.approx((current - w + 500) / p["C"], rel=1e-9, abs=1e-9)
    assert plane.dy == pytest.approx((p["a"] * (v - p["v_rest"]) - w) / p["tau_w"], rel=1e-9, abs=1e-9)


def test_further_states_are_held() -> None:
    model = Neuron(
        "M", "dx/dt = (z - x)/(1 ms) : 1; dy/dt = (x - y)/(2 ms) : 1; dz/dt = -z/(1 ms) : 1", initial="z = 3"
    )
    span = {"x_range": (0.0, 10.0), "y_range": (0.0, 10.0)}
    assert analysis.phase_plane(model, "x", "y", **span).fixed_points[0].x == pytest.approx(3.0)
    held = analysis.phase_plane(model, "x", "y", z=5.0, **span).fixed_points[0]
    assert (held.x, held.y, held.kind) == (pytest.approx(5.0), pytest.approx(5.0), "stable node")
    assert np.sort(held.eigenvalues) == pytest.approx([-1.0, -0.5])


def test_wrong_planes_are_refused() -> None:
    span = {"x_range": (-1.0, 1.0), "y_range": (-1.0, 1.0)}
    with pytest.raises(InputError, match="FitzHughNagumo has no state 'u'"):
        analysis.phase_plane(neurons.FitzHughNagumo, "v", "u", **span)
    with pytest.raises(InputError, match="'i' is no state or input to hold; did you mean 'I'"):
        analysis.phase_plane(neurons.FitzHughNagumo, "v", "w", i=1.0, **span)
    with pytest.raises(InputError, match="a phase plane needs two states, not 'v' twice"):
        analysis.phase_plane(neurons.FitzHughNagumo, "v", "v", **span)
    with pytest.raises(InputError, match="the range of v must be two numbers that ascend"):
        analysis.phase_plane(neurons.FitzHughNagumo, "v", "w", x_range=(1, 0), y_range=(0, 1))
    noisy = Neuron("N", "dx/dt = -x/(1 ms) + xi/(1 ms)**0.5 : 1; dy/dt = -y/(1 ms) : 1")
    with pytest.raises(ModelError, match="N has noise, and so no vector field"):
        analysis.phase_plane(noisy, "x", "y", **span)
    step = Neuron("S", "x[k+1] = 0.5*x : 1; dy/dt = -y/(1 ms) : 1")
    with pytest.raises(ModelError, match="S: 'x' does not flow"):
        analysis.phase_plane(step, "x", "y", **span)
    with pytest.raises(ParameterError, match="needs one value of 'tau_w', it has 2 values"):
        analysis.phase_plane(neurons.FitzHughNagumo(tau_w=np.array([10.0, 20.0])), "v", "w", **span)


# -- the rate of Siegert ----------------------------------------------------------------------------------------------

GOLDEN = {(15.0, 5.0): 9.4608, (20.0, 5.0): 27.3406, (25.0, 5.0): 47.2174}
BRUNEL = {"tau": 20.0, "threshold": 20.0, "reset": 10.0, "t_ref": 2.0}


def test_siegert_rates_are_the_published_ones() -> None:
    mu, sigma = np.array(list(GOLDEN)).T
    rates = 1000 * analysis.siegert_rate(mu, sigma, **BRUNEL)
    assert rates == pytest.approx(list(GOLDEN.values()), abs=5e-5)


@pytest.mark.parametrize(("mu", "sigma"), [(-5.0, 5.0), (19.0, 0.5), (60.0, 2.0), (20.0, 100.0)])
def test_siegert_rates_are_those_of_many_digits(mu: float, sigma: float) -> None:
    with mpmath.workdps(20):
        low, high = (mpmath.mpf(v - mu) / sigma for v in (10, 20))
        integral = mpmath.quad(lambda x: mpmath.exp(x * x) * mpmath.erfc(-x), mpmath.linspace(low, high, 9))
        expected = float(1 / (2 + 20 * mpmath.sqrt(mpmath.pi) * integral))
    assert float(analysis.siegert_rate(mu, sigma, **BRUNEL)) == pytest.approx(expected, rel=1e-8, abs=1e-300)


def test_siegert_rate_without_noise_is_that_of_the_leaky_neuron() -> None:
    rates = analysis.siegert_rate([15.0, 20.0, 30.0], 0.0, **BRUNEL)
    assert rates == pytest.approx([0, 0, 1 / (2 + 20 * math.log(20 / 10))])
    assert float(analysis.siegert_rate(30.0, 1e-3, **BRUNEL)) == pytest.approx(rates[2], rel=1e-6)
    assert float(analysis.siegert_rate(-1000.0, 1.0, **BRUNEL)) == 0.0
    with pytest.raises(InputError, match="the threshold 10 must be above the reset 10"):
        analysis.siegert_rate(1.0, 1.0, tau=20.0, threshold=10.0, reset=10.0)
    with pytest.raises(InputError, match="tau must be positive, t_ref and sigma not negative"):
        analysis.siegert_rate(1.0, -1.0, **BRUNEL)
