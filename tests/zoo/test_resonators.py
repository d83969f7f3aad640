"""Planar models and the burster against closed forms, and against their equations, typed again, in scipy's solver."""

import functools

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from tests.papers.equations import basu_hasler, fitzhugh, hindmarsh_rose, morris_lecar, slopes
from tests.zoo.offsets import crossing_times, times_of

from spikelet.ir.lower import lower
from spikelet.neurons.resonators import (
    BasuHasler,
    FitzHughNagumo,
    HindmarshRose,
    MorrisLecar,
    MorrisLecarHopf,
    MorrisLecarSNIC,
    ResonateAndFire,
)
from spikelet.simulate import run
from spikelet.units import uA

run = functools.partial(run, dtype="float64", backend="numpy_reference")


# --- resonate-and-fire: a complex exponential -------------------------------------------------------------------------


def test_between_spikes_it_turns_and_decays():
    kicks = np.zeros((200, 3))
    kicks[0] = [0.1, -0.7, 1.1]
    for dt in (0.001, 0.05, 0.7):  # exact at any step
        out = run(ResonateAndFire, I={"x": kicks}, t=200 * dt, dt=dt, record=("x", "y"))
        z = kicks[0] * np.exp((-1 + 10j) * (out.t - out.t[0])[:, None])
        assert np.abs(out["x"] + 1j * out["y"] - z).max() < 1e-12
    assert lower(ResonateAndFire).method == "exact"


def test_a_constant_input_moves_its_rest():
    out = run(ResonateAndFire, I=0.8, t=20, dt=0.01, record=("x", "y"))
    rest = 0.8 / (1 - 10j)
    assert (out["x"][-1, 0], out["y"][-1, 0]) == pytest.approx((rest.real, rest.imag), abs=1e-7)


def test_a_spike_puts_it_on_i():
    kick = np.zeros((400, 1))
    kick[0] = 1.3
    out = run(ResonateAndFire, I={"x": kick}, t=0.4, dt=0.001, record=("x", "y"))
    (spike,) = times_of(out)
    after = out.t >= spike - 1e-9
    z = 1j * np.exp((-1 + 10j) * (out.t[after] - spike))
    assert np.abs(out["x"][after, 0] + 1j * out["y"][after, 0] - z).max() < 1e-12


def test_its_parameters_turn_and_damp():
    """With b = 0 the modulus stays, and omega sets the period."""
    kick = np.zeros((100, 1))
    kick[0] = 0.5
    out = run(ResonateAndFire(b=0, omega=2 * np.pi / 10), I={"x": kick}, t=100, dt=1, record=("x", "y"))
    assert np.abs(np.hypot(out["x"], out["y"]) - 0.5).max() < 1e-12
    assert out["x"][10::10, 0] == pytest.approx(0.5, abs=1e-12)


# --- the others: the same trace as scipy's ----------------------------------------------------------------------------

HOPF = {"g_ca": 4.4, "e": (-60, 120, -84), "knees": (-1.2, 18, 2, 30), "phi": 0.04}
SNIC = {"g_ca": 4.0, "e": (-60, 120, -84), "knees": (-1.2, 18, 12, 17.4), "phi": 0.0667}
RANGES = {"FitzHughNagumo": (-2, 2), "HindmarshRose": (-2, 2), "BasuHasler": (60, 220)}  # of states to compare at
# model, its equations, states in the order of the equations, current, its unit, duration, step, level of a spike
CASES = [
    pytest.param(FitzHughNagumo, fitzhugh, "vw", 0.5, 1.0, 80.0, 0.05, 0.0, id="FitzHughNagumo"),
    pytest.param(MorrisLecar, morris_lecar, "vn", 300.0, uA, 60.0, 0.05, 0.0, id="MorrisLecar"),
    pytest.param(
        MorrisLecarHopf, functools.partial(morris_lecar, **HOPF), "vn", 120.0, uA, 110.0, 0.1, 0.0, id="MorrisLecarHopf"
    ),
    pytest.param(
        MorrisLecarSNIC, functools.partial(morris_lecar, **SNIC), "vn", 60.0, uA, 110.0, 0.1, 0.0, id="MorrisLecarSNIC"
    ),
    pytest.param(HindmarshRose, hindmarsh_rose, "xyz", 2.0, 1.0, 50.0, 0.02, 1.0, id="HindmarshRose"),
    pytest.param(
        HindmarshRose(r=0.006),
        functools.partial(hindmarsh_rose, r=0.006),
        "xyz",
        3.0,
        1.0,
        50.0,
        0.02,
        1.0,
        id="HindmarshRose-0.006",
    ),
    pytest.param(BasuHasler, basu_hasler, "vn", 2.0, 1.0, 250.0, 0.2, 200.0, id="BasuHasler"),
    pytest.param(
        BasuHasler(tau_n=30),
        functools.partial(basu_hasler, tau_n=30),
        "vn",
        1.5,
        1.0,
        400.0,
        0.2,
        200.0,
        id="BasuHasler-30",
    ),
]


@pytest.mark.parametrize(("model", "equations", "states", "current", "unit", "t", "dt", "level"), CASES)
def test_the_trace_is_that_of_the_paper(model, equations, states, current, unit, t, dt, level):
    assert lower(model).method == "rk4"
    first = run(model, I=current * unit, t=dt, dt=dt, record=tuple(states))
    out = run(model, I=current * unit, t=t, dt=dt, record=tuple(states), state=first.state)
    elapsed = out.t - out.t[0] + dt
    start = [float(first[name][0, 0]) for name in states]
    solution = solve_ivp(
        lambda t, y: equations(t, y, current),
        (0, elapsed[-1]),
        start,
        method="LSODA",
        t_eval=elapsed,
        rtol=1e-10,
        atol=1e-10,
    )
    for name, expected in zip(states, solution.y, strict=True):
        assert np.abs(out[name][:, 0] - expected).max() < 2e-3 * np.ptp(expected), name
    crossings = crossing_times(solution.y[0], elapsed, level)
    assert len(crossings) >= 2  # the case has spikes to compare
    assert times_of(out) - out.t[0] + dt == pytest.approx(crossings, abs=1.1 * dt)  # one spike a crossing


@pytest.mark.parametrize(("model", "equations", "states", "current", "unit", "t", "dt", "level"), CASES)
def test_the_slopes_are_those_of_the_paper(model, equations, states, current, unit, t, dt, level):
    rng = np.random.default_rng(3)
    at = rng.uniform(*RANGES.get(model.name, (-60, 60)), (len(states), 200))
    expected = np.array(equations(0.0, at, current))
    assert slopes(model, states, at, current * unit) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("model", [FitzHughNagumo, MorrisLecar, MorrisLecarHopf, MorrisLecarSNIC])
def test_without_input_it_comes_to_rest(model):
    state = model.states[0]
    out = run(model, t=500, dt=0.2, record=state)
    assert len(out.spikes.times) == 0
    assert np.ptp(out[state][-500:]) < 1e-3 * max(1, abs(out[state][-1, 0]))
