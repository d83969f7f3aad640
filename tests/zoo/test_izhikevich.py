"""The Izhikevich model against closed forms, and against its equations integrated by scipy with events."""

import functools

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from tests.papers.equations import slopes
from tests.papers.izhikevich_patterns import together
from tests.zoo.offsets import times_of

from spikelet.neurons import izhikevich
from spikelet.neurons.izhikevich import IZHIKEVICH_2004, Izhikevich, IzhikevichRS, IzhikevichScript
from spikelet.simulate import run

run = functools.partial(run, dtype="float64", backend="numpy_reference")
CLASSES = {name: getattr(izhikevich, f"Izhikevich{name}") for name in ("RS", "IB", "CH", "FS", "LTS", "TC", "RZ")}


def test_with_frozen_recovery_the_period_is_an_arctangent():
    """With a = d = 0, v' = 0.04*(v + 62.5)**2 + K is a tangent in time."""
    current, dt = np.array([5.0, 10.0, 30.0]), 0.01
    out = run(Izhikevich(a=0, d=0), I=current, t=60, dt=dt)
    k = current + 140 + 13 - 156.25  # u = b*v_0 = -13
    omega, scale = np.sqrt(0.04 * k), np.sqrt(0.04 / k)
    period = (np.arctan(92.5 * scale) - np.arctan(-2.5 * scale)) / omega
    for i, expected in enumerate(period):
        intervals = np.diff(times_of(out, i))
        assert len(intervals) > 2
        assert intervals == pytest.approx(np.ceil(expected / dt) * dt, abs=1e-9)  # a period ends with a step


def test_rest_and_threshold_are_the_roots_of_a_parabola():
    """At I = 0 and b = 0.2, 0.04*v**2 + 4.8*v + 140 = 0: rest at -70, saddle at -50 mV."""
    out = run(Izhikevich(v_0=np.array([-70.0, -50.0, -60.0, -45.0])), I=0.0, t=300, dt=0.1, record=("v", "u"))
    assert np.abs(out["v"][:, 0] + 70).max() < 1e-9
    assert np.abs(out["v"][:100, 1] + 50).max() < 1e-9
    assert out["v"][-1, 2] == pytest.approx(-70, abs=0.01) and out["u"][-1, 2] == pytest.approx(-14, abs=0.1)
    assert out.counts()[2] == 0 and out.counts()[3] >= 1


@pytest.mark.parametrize("name", CLASSES)
def test_the_slopes_are_those_of_the_paper(name):
    rng = np.random.default_rng(3)
    v, u = at = np.vstack([rng.uniform(-90, 29, 100), rng.uniform(-20, 20, 100)])
    a, b = {"FS": (0.1, 0.2), "LTS": (0.02, 0.25), "TC": (0.02, 0.25), "RZ": (0.1, 0.26)}.get(name, (0.02, 0.2))
    expected = [0.04 * v**2 + 5 * v + 140 - u + 7, a * (b * v - u)]
    assert slopes(CLASSES[name], "vu", at, 7.0) == pytest.approx(np.array(expected), rel=1e-6, abs=1e-6)


def integrated(a, b, c, d, current, t):
    """Return spike times of the paper's equations, each crossing of 30 mV found by the solver."""
    times, start, y = [], 0.0, [-65.0, b * -65.0]

    def peak(t, y):
        return y[0] - 30

    peak.terminal = True
    while start < t:
        solution = solve_ivp(
            lambda t, y: [0.04 * y[0] ** 2 + 5 * y[0] + 140 - y[1] + current, a * (b * y[0] - y[1])],
            (start, t), y, events=peak, rtol=1e-10, atol=1e-10,
        )  # fmt: skip
        if not solution.t_events[0].size:
            break
        start = solution.t_events[0][0]
        times.append(start)
        y = [c, solution.y[1, -1] + d]
    return np.array(times)


def test_the_classes_follow_the_equations():
    dt = 0.01
    out = run(together(list(CLASSES.values())), I=10.0, t=30, dt=dt)
    for i, (name, model) in enumerate(CLASSES.items()):
        values = [model.parameters[key] for key in "abcd"]
        expected = integrated(*values, current=10.0, t=30.0)
        found = times_of(out, i)[: len(expected)]
        assert len(found) >= len(expected) - 1 and len(expected) >= 2, name
        late = found - expected[: len(found)]  # each reset waits for the end of its step
        assert -dt < late[0] < dt, name
        assert np.all(np.abs(late) < 2 * dt * np.arange(1, len(late) + 1)), name


def test_a_coarse_step_stays_close():
    """At dt = 0.5 ms, RK4's stages pass the peak; clamped there, they spoil neither v nor u."""
    coarse, fine = (run(IzhikevichRS, I=np.array([5.0, 10.0, 20.0]), t=300, dt=dt) for dt in (0.5, 0.05))
    assert fine.counts() == pytest.approx(coarse.counts(), abs=1)
    assert run(IzhikevichRS, I=200.0, t=100, dt=1.0, record="v")["v"].max() <= 30


def test_its_integrator_and_that_of_the_script():
    from spikelet.ir.lower import lower

    assert lower(Izhikevich).method == "rk4"
    assert lower(IzhikevichScript).method == "map"


def test_u_reads_the_new_v():
    model = IzhikevichScript(a=0.1, b=0.3, v_0=-60, u_0=-12)
    out = run(model, I=7.0, t=0.25, dt=0.25, record=("v", "u"))
    v = -60 + 0.25 * (0.04 * 3600 - 5 * 60 + 140 + 12 + 7)
    assert out["v"][0, 0] == pytest.approx(v, abs=1e-12)
    assert out["u"][0, 0] == pytest.approx(-12 + 0.25 * 0.1 * (0.3 * v + 12), abs=1e-12)


def test_the_twenty_patterns_are_named_and_start_on_the_line_u_bv():
    assert "".join(IZHIKEVICH_2004) == "ABCDEFGHIJKLMNOPQRST"
    for letter, model in IZHIKEVICH_2004.items():
        values = model.parameters
        expected = -16 if letter == "R" else values["b"] * values["v_0"]
        assert values["u_0"] == pytest.approx(expected), letter
        assert f"Fig. 1{letter}" in model.doc and model.name == f"Izhikevich2004{letter}"
